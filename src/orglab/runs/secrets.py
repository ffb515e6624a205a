"""Secrets in commands, settings and texts: they are `***` in what is kept, and told apart by a keyed digest.

A value is secret if its name says so (`secret_names`), unless it is a number or a word of two states, and if it has a
known form, such as `ghp_...` or a URL with a password, of which only the password is hidden (`secret_spans`).
"""

import functools
import os
import re
import string
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any

from orglab.errors import UsageError
from orglab.runs.metrics.values import TEXT
from orglab.runs.parameters.arguments import CodeWords, normalize_name
from orglab.runs.secret_spans import (
    MASK,
    MASKED,
    Language,
    Span,
    find_forms,
    find_known,
    find_masks,
    find_secrets,
    is_option,
    is_secret_value,
    is_suspect,
    join_spans,
    mask_spans,
    may_name,
)
from orglab.runs.state_key import read_key
from orglab.secret_names import is_secret_name
from orglab.text import cut

_LAST_NAME = re.compile(r"(?<![\w.-])[\w.-]++$")
_ANY_OPTION = re.compile(r"--?([\w.-]++)")
_HEADER = re.compile(r"\s*(?P<name>[A-Za-z][\w.-]*+)\s*:\s*(?P<value>\S.*)", re.S)
_NAME = f"{string.ascii_letters}{string.digits}_.-"
_NAMED = ("environment", "parameters", "script_parameters", "metrics", "extremes", "diverged")  # values by their names
_FREE = (
    "exception",
    "last_line",
    "why",
    "metrics",
    "extremes",
    "diverged",
)  # fields that may have any secret of the run in a text
_LONGEST_NAME = 300
_MOST_SIGNS = 50
_DIGITS = 16
_LONG = 8
_CACHED = 4096  # names of metrics


# ---- hide ----


def is_secret(name: str, value: object) -> bool:
    """Return whether a value is secret because of its name."""
    return isinstance(value, str) and is_secret_name(name) and is_secret_value(value)


def mask_value(name: str, value: Any, known: Iterable[str] = ()) -> Any:  # noqa: ANN401 - what it takes, or a text
    """Return the value of a parameter or a variable, or what may be shown of it."""
    if not isinstance(value, str):
        return value
    return MASK if may_name(name) and is_secret(name, value) else mask_text(value, known)


def mask_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters or variables with what may be shown of them."""
    # Most runs have none, and a table of runs asks for thousands.
    texts = [value for value in values.values() if isinstance(value, str)]
    if not texts or not is_suspect("\n".join((*values, *texts))):
        return dict(values)
    return {name: mask_value(name, value) for name, value in values.items()}


def mask_row(row: Mapping[str, Any], known: Iterable[str] = ()) -> dict[str, Any]:
    """Return metrics, mappings in them too, without secrets in their names and values."""
    return next(mask_rows([row], known))


def mask_rows(rows: Iterable[Mapping[str, Any]], known: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield rows of metrics as `mask_row` does; a text is cut only then, since part of a secret is not found."""
    known = tuple(known)
    # A short one may be a part of the name of a metric: `test` of `test_acc`.
    long = tuple(secret for secret in known if len(secret) >= _LONG)
    hide_name = functools.lru_cache(_CACHED)(lambda name: mask_text(name, long))

    def hide(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            hide_name(name): hide(value) if isinstance(value, Mapping)
            else cut(mask_value(name, value, known), TEXT) if isinstance(value, str)
            else value
            for name, value in row.items()
        }  # fmt: skip

    yield from map(hide, rows)


def mask_text(text: str, known: Iterable[str] = ()) -> str:
    """Return a text without values of known forms, without those that it names as secret, and without given ones.

    Args:
        text: The text.
        known: Values that are secret.
    """
    return mask_spans(text, find_secrets(text, known=known))


def mask_code(text: str, known: Iterable[str] = ()) -> str:
    """Return Python code as `mask_text` does."""
    return mask_spans(text, find_secrets(text, Language.CODE, known))


def mask_known(text: str, known: Iterable[str]) -> str:
    """Return a text without given values that are secret."""
    return mask_spans(text, join_spans(text, find_known(text, known)))


def mask_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command without secrets: `--api-key ***`, `API_KEY=***`, `https://ada:***@example.org`."""
    spans = _find_in_words(tuple(argv))
    return tuple(mask_spans(word, spans[place]) if place in spans else word for place, word in enumerate(argv))


def mask_fields(fields: Mapping[str, Any], known: Iterable[str] = ()) -> dict[str, Any]:
    """Return fields of a record without secrets; the digests of them stay.

    Args:
        fields: The fields.
        known: Values that are secret, which an exception or a metric may have.
    """
    known = tuple(known)
    return {name: _mask_field(name, value, known if name in _FREE else ()) for name, value in fields.items()}


def _mask_field(name: str, value: object, known: Sequence[str]) -> object:
    if isinstance(value, str):
        return mask_text(value, known)
    if isinstance(value, dict) and name in _NAMED:
        return mask_row(value, known) if name in _FREE else mask_values(value)
    if isinstance(value, list) and name == "argv" and all(isinstance(word, str) for word in value):
        return list(mask_argv(value))
    return value


@functools.lru_cache(maxsize=4)  # a command is masked, and its secrets are told apart
def _find_in_words(argv: tuple[str, ...]) -> Mapping[int, list[Span]]:
    """Return where the secrets in the words of a command are, by the place of the word."""
    found: dict[int, list[Span]] = {}
    if not is_suspect("\n".join(argv)):
        return found
    code = CodeWords(argv)
    for place, word in enumerate(argv):
        name = _find_option(argv, place) if place and may_name(argv[place - 1]) else None
        if name is not None and is_secret(name, word):
            spans = join_spans(word, [(0, len(word))])
        elif not is_suspect(word):
            continue
        elif (is_shell := code.is_shell(place)) is not None:
            spans = find_secrets(word, Language.SHELL if is_shell else Language.CODE)
        else:
            spans = _find_in_word(word)
        if spans:
            found[place] = spans
    return found


def _find_option(argv: Sequence[str], place: int) -> str | None:
    """Return the name of the option whose value the word at a place may be; None if there is none."""
    before, word = argv[place - 1] if place > 0 else "", argv[place]
    if not before.startswith("-") or re.fullmatch(r"--?[A-Za-z_][\w.-]*", before) is None:
        return None
    # An option may stand after one that takes none.
    return None if is_option(word) else before.lstrip("-")


def _find_in_word(word: str) -> list[Span]:
    """Return where a word of a command that is no code assigns or holds secrets."""
    if word.isidentifier() or _ANY_OPTION.fullmatch(word) is not None:
        return join_spans(word, find_forms(word))
    has_blank = any(map(str.isspace, word))
    header = _HEADER.fullmatch(word)
    if header is not None and is_secret(header["name"], header["value"]) and not header["value"].startswith("//"):
        return join_spans(word, [header.span("value")])
    for match in islice(re.finditer("=", word), _MOST_SIGNS):
        head, value = word[: match.start()], word[match.end() :]
        if has_blank and re.fullmatch(r"[-+]*[\w.@/-]+", head) is None:
            break
        if is_secret(head[len(head.rstrip(_NAME)) :], value) and not MASKED.match(value):
            return join_spans(word, [(match.end(), len(word))])
    return find_secrets(word, Language.CODE)


# ---- tell apart ----


class _FreeNames:
    """Gives names that are not in use: a second `token` is `token_2`."""

    def __init__(self, used: Iterable[str] = ()) -> None:
        self._used = {*used}
        self._numbers: dict[str, Iterator[int]] = {}

    def take(self, base: str) -> str:
        """Return a name, or with the first number that makes another one of it."""
        name, numbers = base, self._numbers.setdefault(base, count(2))
        while name in self._used:
            name = f"{base}_{next(numbers)}"
        self._used.add(name)
        return name


def find_values(argv: Sequence[str]) -> dict[str, str]:
    """Return the secrets in a command, by the names that `name_secrets` gives them."""
    spans = _find_in_words(tuple(argv))
    masked = [mask_spans(word, spans[place]) if place in spans else word for place, word in enumerate(argv)]
    values: dict[str, str] = {}
    for place, names in enumerate(_name_by_word(masked)):
        if names:
            values |= zip(names, _read_masked(argv[place], spans.get(place, [])), strict=False)
    return values


def _read_masked(word: str, spans: Sequence[Span]) -> list[str]:
    """Return what each `***` in a masked word stands for; one that was there before, for itself."""
    before = find_masks(word) if MASK in word else ()
    others = [span for span in before if not any(begin <= span[0] < end for begin, end in spans)]
    return [word[begin:end] for begin, end in sorted([*spans, *others])]


def find_hidden(values: Mapping[str, object]) -> dict[str, str]:
    """Return the secrets among parameters or variables, by their names; a second one of a value is `name_2`."""
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    found: dict[str, str] = {}
    if not is_suspect("\n".join((*texts, *texts.values()))):
        return found
    for name, value in texts.items():
        secrets = (
            [value]
            if may_name(name) and is_secret(name, value)
            else [value[begin:end] for begin, end in find_secrets(value)]
        )
        for number, secret in enumerate(secrets, 1):
            if secret.strip("*"):
                found[name if number == 1 else f"{name}_{number}"] = secret
    return found


def join_secrets(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Return all of some secrets by name; a name keeps its first one, and another one gets a number."""
    joined, names = dict(first), _FreeNames(first)
    for name, value in second.items():
        if joined.get(name) != value:
            joined[names.take(name)] = value
    return joined


def name_secrets(argv: Sequence[str]) -> list[str]:
    """Return a name for each `***` in a command, in their order: that of its option, or `argument_2` after its place.

    Args:
        argv: A command without secrets.
    """
    return [name for names in _name_by_word(argv) for name in names]


def _name_by_word(argv: Sequence[str]) -> list[list[str]]:
    free, code = _FreeNames(), CodeWords(argv)
    return [
        [
            free.take(normalize_name((_find_name(argv, place, begin, code) or "").lstrip("-") or f"argument_{place}"))
            for begin, _ in find_masks(word)
        ]
        if MASK in word
        else []
        for place, word in enumerate(argv)
    ]


def _find_name(argv: Sequence[str], place: int, begin: int, code: CodeWords) -> str | None:
    """Return the name of the value that begins in a word of a command; None if it has none."""
    before = argv[place][max(0, begin - _LONGEST_NAME) : begin]
    head, sign, tail = before.rpartition("=")
    if sign and not any(map(str.isspace, tail)) and (assigned := _LAST_NAME.search(head)) is not None:
        return assigned[0]
    bare = before[:-1] if before.endswith(("'", '"')) else before
    if bare[-1:].isspace() and (option := _ANY_OPTION.fullmatch(bare.split()[-1] if bare.strip() else "")) is not None:
        return option[1]
    return _find_option(argv, place) if code.is_shell(place) is None else None


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
    values = find_values(argv)
    names = dict.fromkeys((*values, *hidden))
    if not names:
        return {}
    recorded = {**find_hidden(parameters), **values}
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
        pieces = re.split(r"\*{3,}", word)
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
