"""Names of variables, options and settings whose values are secret."""

import re

_SECRETS = frozenset(("token", "key", "secret", "password", "passwd", "passphrase", "credential", "credentials"))
_BREAK = re.compile(r"[_\-.\s]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_secret_name(name: str) -> bool:
    """Return whether the last word of a name says that the value is secret, as in `GITHUB_TOKEN` or `wandb.apiKey`.

    Words end at `_`, `-`, `.`, spaces, and where a capital letter follows a small one: `MAX_TOKENS`, `TOKENIZERS` and
    `KEYBOARD` are not secret.
    """
    words = _BREAK.split(name.strip("_-. \t\n"))
    return words[-1].lower() in _SECRETS
