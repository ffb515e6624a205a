"""Secrets in commands, settings and texts: they are `***` in what is kept, and told apart by a keyed digest.

A value is secret if its name says so (`secret_names`), unless it is a number or a word of two states, and if it has a
known form, such as `ghp_...` or a URL with a password, of which only the password is hidden.
"""

import contextlib
import os
import re
import string
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any

from orglab.errors import UsageError
from orglab.runs.parameters.arguments import is_code, normalize_name
from orglab.runs.state_key import read_key
from orglab.secret_names import is_secret_name

MASK = "***"
"""What stands for a secret."""
_TWO_STATES = frozenset(("true", "false", "yes", "no", "on", "off"))
_HINTS = ("key", "token", "secret", "passw", "passphrase", "credential")  # without one, a text names no secret
_OWN_NAME = r"(?:(?P<assigned>[\w.-]+)=[\"']?[^\s=]*|(?<!\S)--?(?P<given>[\w.-]+)\s+[\"']?)$"
_NAME = f"{string.ascii_letters}{string.digits}_.-"
_NAMED = ("environment", "parameters", "script_parameters", "metrics")  # fields that are values by their names
_LONGEST_NAME = 300
_MOST_SIGNS = 50
_DIGITS = 16
_SHORT = 4  # a shorter secret may be a part of other words by chance
# Names of packages, and what people name after a library, have the form of a token.
_PACKAGES = r"(?:learn|image|video|contrib|tree)(?![A-Za-z0-9])"
_THINGS = (
    r"(?:model|token|tokenizer|dataset|cache|hub|home|config|transformer|checkpoint|trainer|pipeline|finetuned"
    r"|pretrained)s?(?![A-Za-z0-9])"
)
_LABEL = r"[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
# Each with what a text must have for it, since searching for a text is a hundred times as fast as for an expression.
_FORMS = (
    (("sk-",), rf"(?<![\w-])(?P<secret>sk-(?!{_PACKAGES})[\w-]{{4,}})"),
    (
        ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_"),
        r"(?<![A-Za-z0-9])(?P<secret>(?:gh[pousr]|github_pat)_\w{4,})",
    ),
    (("hf_",), rf"(?<![A-Za-z0-9_])(?P<secret>hf_(?!{_THINGS})[A-Za-z0-9]{{5,}}+(?!_))"),
    (("xox",), r"(?<![A-Za-z0-9])(?P<secret>xox[abeoprs]-[\w-]{4,})"),
    (("AKIA",), r"(?<![A-Za-z0-9])(?P<secret>AKIA[0-9A-Z]{8,})"),
    (("glpat-",), r"(?<![A-Za-z0-9])(?P<secret>glpat-[\w-]{4,})"),
    (("://",), r"(?i)\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@\"'<>]*:(?P<secret>[^\s/\"'<>]+)(?=@)"),
    (("PRIVATE KEY",), rf"(?s)(?P<secret>-----BEGIN {_LABEL}.*?(?:-----END {_LABEL}|\Z))"),
)
# A secret by its name in a text: `"api_key": "..."`, `apiKey = '...'`, `API_KEY=...` of a shell, `--api-key ...`.
_QUOTED = (
    r"(?<![\w.-])(?P<name>[\w.-]+)(?P<sign>\\*[\"']?\s*[:=]\s*)"
    r"(?P<quote>\\*[\"'])(?P<secret>(?:(?!(?P=quote))[^\n])+)(?P=quote)"
)
_ASSIGNED = r"(?<![\w.$-])(?P<name>[A-Za-z_][\w.-]*)=(?P<secret>[^\s;&|()\"'$\[\]{}<>`,]++)(?![(\[\"'])"
_OPTION = (
    r"(?<![\w-])--?(?P<name>[A-Za-z][\w.-]*)(?:=|\s+)"
    r"(?P<quote>[\"']?)(?P<secret>[^\s;&|\"'$()<>`-][^\s;&|\"'()<>`]*)(?P=quote)"
)


# ---- hide ----


def is_secret(name: str, value: object) -> bool:
    """Return whether a value is secret because of its name."""
    if not isinstance(value, str) or not value.strip() or not is_secret_name(name):
        return False
    if value.strip().lower() in _TWO_STATES:
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def mask_value(name: str, value: Any) -> Any:  # noqa: ANN401 - what it takes, or a text
    """Return the value of a parameter or a variable, or what may be shown of it."""
    if not isinstance(value, str):
        return value
    return MASK if _may_name(name) and is_secret(name, value) else mask_text(value)


def mask_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters or variables with what may be shown of them."""
    # Most runs have none, and a table of runs asks for thousands.
    texts = [value for value in values.values() if isinstance(value, str)]
    if not texts or not is_suspect("\n".join((*values, *texts))):
        return dict(values)
    return {name: mask_value(name, value) for name, value in values.items()}


def mask_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without values of known forms, without those that it names as secret, and without given ones.

    Args:
        text: The text.
        secrets: Values that are secret.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if secret in text:
            text = re.sub(_find_whole(secret), MASK, text)
    text = _mask_forms(text)
    if _may_name(text):
        text = re.sub(_QUOTED, _hide_named, text)
        text = re.sub(_ASSIGNED, _hide_assigned, text)
    return text


def mask_forms(data: bytes) -> bytes:
    """Return bytes without values of known forms."""
    if not any(mark.encode() in data for marks, _ in _FORMS for mark in marks):
        return data
    return _mask_forms(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _mask_forms(text: str) -> str:
    for marks, form in _FORMS:
        if any(mark in text for mark in marks):
            text = re.sub(form, _hide, text)
    return text


def mask_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command without secrets: `--api-key ***`, `API_KEY=***`, `https://ada:***@example.org`."""
    if not is_suspect(" ".join(argv)):
        return tuple(argv)
    masked: list[str] = []
    for place, word in enumerate(argv):
        if not is_suspect(word) and not (masked and _may_name(argv[place - 1])):
            masked.append(word)
            continue
        name = _find_option(argv, place)
        if name is not None and is_secret(name, word):
            masked.append(MASK)
        elif is_code(argv, place):
            masked.append(re.sub(_OPTION, _hide_named, mask_text(word)))
        else:
            masked.append(_mask_word(word))
    return tuple(masked)


def mask_fields(fields: Mapping[str, Any], secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Return fields of a record without secrets; the digests of them stay.

    Args:
        fields: The fields.
        secrets: Values that are secret, which an exception may name.
    """
    return {name: _mask_field(name, value, secrets) for name, value in fields.items()}


def _mask_field(name: str, value: object, secrets: Iterable[str]) -> object:
    if isinstance(value, str):
        return mask_text(value, secrets if name == "exception" else ())
    if isinstance(value, dict) and name in _NAMED:
        return mask_values(value)
    if isinstance(value, list) and name == "argv" and all(isinstance(word, str) for word in value):
        return list(mask_argv(value))
    return value


def _find_option(argv: Sequence[str], place: int) -> str | None:
    """Return the name of the option whose value the word at a place may be; None if there is none."""
    before, word = argv[place - 1] if place > 0 else "", argv[place]
    is_option = re.fullmatch(r"--?[A-Za-z_][\w.-]*", before) is not None
    # A single dash is a value, as of a file; an option may stand after one that takes none.
    return before.lstrip("-") if is_option and re.match(r"--?[A-Za-z_]|--", word) is None else None


def _mask_word(word: str) -> str:
    """Return a word of a command without the secret that it assigns or holds."""
    has_blank = any(char.isspace() for char in word)
    for match in islice(re.finditer("=", word), _MOST_SIGNS):
        head, value = word[: match.start()], word[match.end() :]
        if has_blank and re.fullmatch(r"[-+]*[\w.@/-]+", head) is None:
            break
        if is_secret(head[len(head.rstrip(_NAME)) :], value):
            return f"{head}={MASK}"
    text = mask_text(word)
    return re.sub(_OPTION, _hide_named, text) if has_blank and _may_name(text) else text


def _hide(match: re.Match[str]) -> str:
    """Return what was found, with `***` for the secret in it."""
    begin, end = (place - match.start() for place in match.span("secret"))
    return match[0] if match["secret"].strip("*") == "" else match[0][:begin] + MASK + match[0][end:]


def _hide_named(match: re.Match[str]) -> str:
    """Return what was found, with `***` for a value whose name says that it is secret."""
    if match["secret"].startswith("$") or not is_secret(match["name"], match["secret"]):
        return match[0]
    sign = match.groupdict().get("sign") or "="
    # `bad key: 'loss'` is a sentence; `"key": "loss"` is not.
    is_sentence = ":" in sign and sign[0] not in "\\\"'" and not _has_words(match["name"])
    return match[0] if is_sentence else _hide(match)


def _hide_assigned(match: re.Match[str]) -> str:
    """Return what was found, with `***` for a secret; `key=len` is code, `API_KEY=x` and `api_key=x` are not."""
    return _hide_named(match) if match["name"].isupper() or _has_words(match["name"]) else match[0]


def _has_words(name: str) -> bool:
    """Return whether a name has several words."""
    return not name.isalpha() or re.search("[a-z][A-Z]", name) is not None


def _may_name(text: str) -> bool:
    lower = text.lower()
    return any(hint in lower for hint in _HINTS)


def is_suspect(text: str) -> bool:
    """Return whether it is worth to look for secrets in a text."""
    return _may_name(text) or any(mark in text for marks, _ in _FORMS for mark in marks)


def _find_whole(secret: str) -> str:
    """Return the expression that finds a secret; a short one may be a part of other words by chance."""
    whole = re.escape(secret)
    return whole if len(secret) >= _SHORT else rf"(?<!\w){whole}(?!\w)"


# ---- tell apart ----


def find_values(argv: Sequence[str]) -> dict[str, str]:
    """Return the secrets in a command, by the names that `name_secrets` gives them."""
    return dict(_pair_secrets(argv))


def find_hidden(values: Mapping[str, object]) -> dict[str, str]:
    """Return the secrets among parameters or variables, by their names; a second one of a value is `name_2`."""
    found = {}
    for name, value in values.items():
        if isinstance(value, str) and (masked := str(mask_value(name, value))) != value:
            for number, secret in enumerate(_align(masked, value), 1):
                found[name if number == 1 else f"{name}_{number}"] = secret
    return found


def join_secrets(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Return all of some secrets by name; a name keeps its first one, and another one gets a number."""
    joined = dict(first)
    for name, value in second.items():
        if joined.setdefault(name, value) != value:
            joined[_find_free(name, joined)] = value
    return joined


def _find_free(base: str, used: Mapping[str, object]) -> str:
    """Return a name, or with the first number that makes another one of it: `token`, `token_2`."""
    return base if base not in used else next(name for n in count(2) if (name := f"{base}_{n}") not in used)


def name_secrets(argv: Sequence[str]) -> list[str]:
    """Return a name for each `***` in a command, in their order: that of its option, or `argument_2` after its place.

    Args:
        argv: A command without secrets.
    """
    return [name for names in _name_by_word(argv) for name in names]


def _name_by_word(argv: Sequence[str]) -> list[list[str]]:
    names: dict[str, None] = {}
    found: list[list[str]] = []
    if not any(MASK in word for word in argv):
        return [[] for _ in argv]
    for place, word in enumerate(argv):
        found.append([])
        for end in re.finditer(re.escape(MASK), word):
            own = re.search(_OWN_NAME, word[max(0, end.start() - _LONGEST_NAME) : end.start()])
            option = (
                (own["assigned"] or own["given"])
                if own
                else None
                if is_code(argv, place)
                else _find_option(argv, place)
            )
            base = normalize_name((option or "").lstrip("-") or f"argument_{place}")
            name = _find_free(base, names)
            names[name] = None
            found[-1].append(name)
    return found


def _pair_secrets(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the secrets in a command, each with its name."""
    masked = mask_argv(argv)
    for word, raw, names in zip(masked, argv, _name_by_word(masked), strict=True):
        if names:
            yield from zip(names, _align(word, raw), strict=False)


def _align(masked: str, text: str) -> Sequence[str]:
    """Return what each `***` in a masked text stands for."""
    first, *pieces = masked.split(MASK)
    values, place = [], len(first)
    for number, piece in enumerate(pieces, 1):
        end = text.find(piece, place + 1) if number < len(pieces) else len(text) - len(piece)
        values.append(text[place:end])
        place = end + len(piece)
    return values


def tell_apart(
    argv: Sequence[str], parameters: Mapping[str, object], digests: Mapping[str, str], unknown: str
) -> dict[str, str]:
    """Return what tells the secrets of a command and its parameters apart, by name: the digest, if it is known.

    Args:
        argv: The command as it was recorded, in an earlier version with secrets.
        parameters: The parameters as they were recorded.
        digests: The digests that were recorded.
        unknown: What stands for a digest that is not known.
    """
    hidden = [name for name, value in mask_values(parameters).items() if isinstance(value, str) and MASK in value]
    names = dict.fromkeys((*name_secrets(mask_argv(argv)), *hidden))
    if not names:
        return {}
    recorded = {**find_hidden(parameters), **find_values(argv)}
    known = {**digest_secrets({name: value for name, value in recorded.items() if value != MASK}), **digests}
    return {name: known.get(name, unknown) for name in names}


def digest_secrets(values: Mapping[str, str]) -> dict[str, str]:
    """Return the keyed digests of some secrets by name, which only this user can make; none without a key."""
    key = read_key() if values else None
    if key is None:
        return {}
    import hmac  # noqa: PLC0415 - few runs have secrets

    return {
        name: hmac.new(key, value.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:_DIGITS]
        for name, value in values.items()
    }


# ---- give back ----


def recall_command(argv: Sequence[str], run_id: str) -> tuple[str, ...]:
    """Return a recorded command with its secrets, from environment variables of their names or asked on a terminal.

    Args:
        argv: The command.
        run_id: The run, for messages.

    Raises:
        UsageError: A value is not known.
    """
    names = _name_by_word(argv)
    given = _recall([name for some in names for name in some], run_id)
    words = []
    for word, own in zip(argv, names, strict=True):
        pieces = word.split(MASK)
        values = [*(given[name] for name in own), ""]
        words.append("".join(piece + value for piece, value in zip(pieces, values, strict=True)))
    return tuple(words)


def recall_variables(masked: Mapping[str, str], recorded: Mapping[str, str], run_id: str) -> dict[str, str]:
    """Return those of some environment variables that had a secret, with it; as `recall_command` does.

    Args:
        masked: The variables without secrets.
        recorded: The variables as they were recorded, in an earlier version with secrets.
        run_id: The run, for messages.

    Raises:
        UsageError: A value is not known.
    """
    # A record of another clone may have any name.
    names = [name for name, value in masked.items() if MASK in value and re.fullmatch(r"(?a:[A-Za-z_]\w*)", name)]
    known = {name: recorded[name] for name in names if MASK not in recorded[name]}
    return known | _recall([name for name in names if name not in known], run_id)


def find_other_secrets(digests: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Return the names of the given secrets that are not those of some digests."""
    return [name for name, digest in digest_secrets(given).items() if digests.get(name, digest) != digest]


def _recall(names: Sequence[str], run_id: str) -> dict[str, str]:
    given = {}
    for name in names:
        spelled = _spell_variable(name)
        value = os.environ.get(name) or os.environ.get(spelled) or _ask(spelled, run_id)
        if value is not None and value != MASK:
            given[name] = value
    missing = [_spell_variable(name) for name in names if name not in given]
    if missing:
        raise UsageError(
            f"The record of {run_id} does not have its secrets; set the environment variable"
            f"{'s' if len(missing) > 1 else ''} {', '.join(missing)}, or use a terminal, where you are asked."
        )
    return given


def _spell_variable(name: str) -> str:
    """Return the environment variable that gives the secret of a name: `API_KEY` for `api_key`."""
    return re.sub(r"\W", "_", name).upper() if not name.isupper() else name


def _ask(name: str, run_id: str) -> str | None:
    """Return what the user types, unseen; None if there is no terminal, or nothing is typed."""
    if sys.stdin is None or sys.stderr is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import getpass  # noqa: PLC0415 - only for a rerun of a command with secrets

    try:
        return getpass.getpass(f"{name} of {run_id}: ", sys.stderr) or None
    except EOFError:
        return None


class SecretFilter:
    """Passes a stream of bytes on without some secrets, as soon as no secret can begin in what it has."""

    def __init__(self, write: Callable[[bytes], None], secrets: Iterable[str]) -> None:
        """Take where to write, and the secrets."""
        self._write = write
        found = set()
        for secret in secrets:
            # A configuration file may have half a surrogate pair, which no program prints.
            with contextlib.suppress(UnicodeEncodeError):
                found.add(secret.encode("utf-8", "surrogateescape"))
        self._secrets = sorted((secret for secret in found if len(secret) >= _SHORT), key=len, reverse=True)
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        if not self._secrets:
            self._write(piece)
            return
        data = self._rest + piece
        for secret in self._secrets:
            data = data.replace(secret, MASK.encode())
        kept = max(_count_beginning(data, secret) for secret in self._secrets)
        self._rest = data[len(data) - kept :]
        if ready := data[: len(data) - kept]:
            self._write(ready)

    def close(self) -> None:
        """Pass on what was held back."""
        if self._rest:
            self._write(self._rest)
        self._rest = b""


def _count_beginning(data: bytes, secret: bytes) -> int:
    """Return the length of the longest end of some bytes that a secret begins with."""
    sizes = range(min(len(data), len(secret) - 1), 0, -1)
    return next((size for size in sizes if data.endswith(secret[:size])), 0)
