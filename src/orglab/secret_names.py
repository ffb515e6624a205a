"""Names of variables, options and settings whose values are secret."""

import re

_SECRETS = frozenset(("key", "token", "secret", "credential", "credentials", "authorization"))
# Also at the end of a word that is written together: `apikey`, `PGPASSWORD`, `authtoken`; but `monkey` has no key.
_ENDINGS = ("password", "passwd", "passphrase", "token", "secret", "credential", "credentials")
_KEYS = ("api", "access", "account", "auth", "client", "encryption", "master", "private", "secret", "shared", "signing")
_BREAK = re.compile(r"[_\-.\s]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_secret_name(name: str) -> bool:
    """Return whether the last word of a name says that the value is secret, as in `GITHUB_TOKEN` or `wandb.apiKey`.

    Words end at `_`, `-`, `.`, spaces, and where a capital letter follows a small one: `MAX_TOKENS`, `TOKENIZERS` and
    `KEYBOARD` are not secret.  A number at the end does not count: `API_KEY_2`.
    """
    plain = name.rstrip("_-. \t\n0123456789").strip("_-. \t\n")
    last = _BREAK.split(plain)[-1].lower()
    return last in _SECRETS or last.endswith(_ENDINGS) or (last.endswith("key") and last[:-3] in _KEYS)
