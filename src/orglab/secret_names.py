"""Names of variables, options and settings whose values are secret."""

import re

_SECRETS = frozenset(("key", "token", "secret", "credential", "credentials", "authorization"))
# Also at the end of a word that is written together: `apikey`, `PGPASSWORD`, `authtoken`; but `monkey` has no key.
_ENDINGS = ("password", "passwd", "passphrase", "token", "secret", "credential", "credentials")
# Words that may say so, anywhere in the name of a variable that not the user has chosen.
_LOOSE = frozenset((
    "pass", "pwd", "passwords", "pat", "auth", "cookie", "cookies", "keys", "apikeys", "tokens", "secrets", "creds",
    "dsn",
))  # fmt: skip
_KEYS = ("api", "access", "account", "auth", "client", "encryption", "master", "private", "secret", "shared", "signing")
_BREAK = re.compile(r"[_\-.\s]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_secret_name(name: str) -> bool:
    """Return whether the last word of a name says that the value is secret, as in `GITHUB_TOKEN` or `wandb.apiKey`.

    Words end at `_`, `-`, `.`, spaces, and where a capital letter follows a small one: `MAX_TOKENS`, `TOKENIZERS` and
    `KEYBOARD` are not secret.  A number at the end does not count: `API_KEY_2`.
    """
    last = _split_name(name)[-1]
    return last in _SECRETS or last.endswith(_ENDINGS) or (last.endswith("key") and last[:-3] in _KEYS)


def may_be_secret_name(name: str) -> bool:
    """Return whether any word of a name may say that the value is secret, as in `DB_PASS` or `PRIVATE_KEY_B64`."""
    words = _split_name(name)
    return is_secret_name(name) or any(word in _SECRETS or word in _LOOSE or word.endswith(_ENDINGS) for word in words)


def _split_name(name: str) -> list[str]:
    plain = name.rstrip("_-. \t\n0123456789").strip("_-. \t\n")
    return [word.lower() for word in _BREAK.split(plain)]
