"""Which names say that their value is secret."""

import pytest

from orglab.secret_names import is_secret_name


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "--api-key", "wandb.api_key", "key", "apiKey", "myAPIKey", "db.password", "PASSWD", "user secret",
     "ssh-passphrase", "aws_credentials", "CREDENTIAL"],
)  # fmt: skip
def test_a_name_whose_last_word_is_a_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["MAX_TOKENS", "TOKENIZERS_PARALLELISM", "KEYBOARD", "key_size", "monkey", "tokens", "secret.path", "", "--", "_"],
)
def test_a_name_that_only_contains_such_a_word(name):
    assert not is_secret_name(name)
