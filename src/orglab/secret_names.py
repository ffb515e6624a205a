"""Names whose values are secrets."""

import re

_SECRETS = frozenset(
    ("token", "key", "secret", "password", "passwd", "passphrase", "credential", "credentials")
)  # fmt: skip
_BOUNDARY = r"[_\-.\s]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"


def is_secret_name(name: str) -> bool:
    """Return whether the last word of a name says that its value is secret: `GITHUB_TOKEN`, `--api-key`, `apiKey`."""
    words = [word for word in re.split(_BOUNDARY, name) if word]
    return bool(words) and words[-1].lower() in _SECRETS
