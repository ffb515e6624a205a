"""Names whose values are secret."""

import pytest

from orglab.secret_names import is_secret_name


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "--api-key", "wandb.api_key", "wandb.apiKey", "key", "AWSSecret", "DB_PASSWORD", "my credentials",
     "ssh-passphrase", "PASSWD_", "apikey", "APIKEY", "PGPASSWORD", "authtoken", "clientsecret", "API_KEY_2", "token2",
     "Authorization"],
)  # fmt: skip
def test_the_last_word_says_that_a_name_is_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "MAX_TOKENS",
        "TOKENIZERS_PARALLELISM",
        "KEYBOARD",
        "key_size",
        "tokenizer",
        "monkey",
        "SECRET_SANTA",
        "",
        "_",
        "7",
    ],
)
def test_other_names_are_not(name):
    assert not is_secret_name(name)
