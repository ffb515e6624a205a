"""The versions of a sweep: every combination of the values of its parameters, named after them.

The parameters are given as `lr=0.1,0.01`, as seeds, or as tables of a TOML file, each of which is a version with a name
of its own.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotReadableError, UsageError
from orglab.runs.parameters.arguments import Value, parse_value

OUT = "out"
"""The placeholder for the folder of a version."""
VERSION = "version"
"""The placeholder for its name."""
SEED = "seed"
PARAMETERS, NAME = "ORGLAB_PARAMS", "ORGLAB_VERSION"

_MOST = 10_000  # versions of a sweep
_LONGEST = 100  # characters of a name, which is that of a folder
_LONGEST_FILE = 1 << 20
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
# A placeholder, or one whose braces are doubled so that it stands for itself; `${HOME}` is a variable of a shell.
_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][\w.-]*)\}\}|(?<!\$)\{([A-Za-z_][\w.-]*)\}", re.ASCII)
_UNSAFE = re.compile(r"[^\w.+=,-]+", re.ASCII)
_OPENING, _CLOSING = "([{", ")]}"


class Version(NamedTuple):
    """A version of the command of a sweep.

    Attributes:
        name: Its name: `lr=0.1,seed=2`, or that of its table in a file and then the other values.
        parameters: The parameters, by name.
        texts: The same as they are written in the command.
    """

    name: str
    parameters: dict[str, Value]
    texts: dict[str, str]


class VersionRequest(NamedTuple):
    """Which versions a sweep is to have.

    Attributes:
        values: The values of parameters, each as `NAME=VALUE,VALUE`.
        seeds: How many seeds, from 0 on, or which ones, separated by commas; None for no parameter `seed`.
        file: A TOML file with a table for each named version; None for none.
        only: Patterns, one of which the name of each version matches; any name if there are none.
        excluded: Patterns that the name of no version matches.
    """

    values: tuple[str, ...] = ()
    seeds: str | None = None
    file: Path | None = None
    only: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def make_versions(request: VersionRequest) -> list[Version]:
    """Return the versions that are asked for, in the order of the values, with the seeds varying fastest.

    Raises:
        UsageError: A parameter is not valid or given twice, or no version is left.
        NotReadableError: The file cannot be read.
    """
    choices = _read_choices(request)
    tables = _read_file(request.file) if request.file is not None else {"": {}}
    count = len(tables) * math.prod(len(texts) for texts in choices.values())
    if count > _MOST:
        raise UsageError(f"These are {count} versions; a sweep can have {_MOST}.")
    versions = [_make_version(name, table, given) for name, table in tables.items() for given in _combine(choices)]
    chosen = [version for version in versions if _is_chosen(version, request)]
    if not chosen:
        raise UsageError("No version is left by --only and --except." if versions else "The file has no version.")
    return _with_own_names(chosen)


def _read_choices(request: VersionRequest) -> dict[str, list[str]]:
    """Return the values of each parameter, as they were typed."""
    choices: dict[str, list[str]] = {}
    for text in request.values:
        name, sign, values = text.partition("=")
        _check_name(name, text)
        if not sign:
            raise UsageError(f"{text!r} has no values; give them as in --set lr=0.1,0.01.")
        if name in choices:
            raise UsageError(f"The parameter {name} is given twice; give its values at once, as in --set {name}=1,2.")
        choices[name] = _without_repetitions(split_values(values))
    if request.seeds is not None:
        if SEED in choices:
            raise UsageError("Give the seeds by --set seed=... or by --seeds, not by both.")
        choices[SEED] = _read_seeds(request.seeds)
    return choices


def _check_name(name: str, text: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{text[:80]!r} does not begin with the name of a parameter, as in lr=0.1,0.01.")
    if name in (OUT, VERSION):
        raise UsageError(f"A parameter cannot be named {name}: {{{name}}} stands for something else in the command.")


def split_values(text: str) -> list[str]:
    """Return the values in a text, which commas separate that are neither in brackets nor in quotes."""
    values, depth, quote, begin = [], 0, "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in _OPENING or char in _CLOSING:
            depth += 1 if char in _OPENING else -1
        elif char == "," and depth <= 0:
            values.append(text[begin:place])
            begin = place + 1
    return [_unquoted(value.strip()) for value in (*values, text[begin:])]


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]
    return text[1:-1] if is_quoted else text


def _without_repetitions(values: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(values)]


def _read_seeds(text: str) -> list[str]:
    """Return the seeds: `3` stands for 0, 1 and 2, and `4,5` for these two."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):  # noqa: PLR2004 - 32 bits
        raise UsageError(f"{text!r} is neither a number of seeds nor a list of them, as in --seeds 3 or --seeds 7,8,9.")
    if "," in text:
        return _without_repetitions(words)
    if not 0 < int(text) <= _MOST:
        raise UsageError(f"The number of seeds must be from 1 to {_MOST}.")
    return [str(seed) for seed in range(int(text))]


def _read_file(path: Path) -> dict[str, dict[str, Value]]:
    """Return the tables of a file of versions, by name.

    Raises:
        NotReadableError: It cannot be read, or is no TOML.
        UsageError: It has something else than tables of values.
    """
    import tomllib  # noqa: PLC0415 - few sweeps have such a file

    try:
        with path.open("rb") as file:
            tables = tomllib.loads(file.read(_LONGEST_FILE).decode())
    except OSError as error:
        raise NotReadableError(f"Cannot read the versions in {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise NotReadableError(f"{path} is not valid TOML: {error}.") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {name} is no table; each version is one, such as [small].")
        for parameter, value in table.items():
            _check_name(parameter, parameter)
            if not isinstance(value, Value) or (isinstance(value, float) and not math.isfinite(value)):
                raise UsageError(f"{path}: {parameter} of {name} must be a number, a text, true or false.")
    return tables


def _combine(choices: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def _make_version(table_name: str, table: Mapping[str, Value], given: Mapping[str, str]) -> Version:
    """Return the version of a table and some values; a value that is given replaces that of the table."""
    texts = {name: _spell(value) for name, value in table.items()} | dict(given)
    parameters = {**table, **{name: parse_value(text) for name, text in given.items()}}
    parts = [table_name] if table_name else []
    parts += [f"{name}={text}" for name, text in given.items()]
    return Version(_make_name(parts), parameters, texts)


def _spell(value: Value) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _make_name(parts: Sequence[str]) -> str:
    """Return a name that can be that of a folder: other characters become `_`, and a long one is cut."""
    whole = ",".join(parts) or "only"
    name = _UNSAFE.sub("_", whole).lstrip(".-") or "_"
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 9]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    return name


def _with_own_names(versions: Sequence[Version]) -> list[Version]:
    """Return versions with the names of those changed that have the name of an earlier one."""
    named: dict[str, Version] = {}
    for version in versions:
        name = version.name
        # On a file system that ignores case, the folders of `A` and `a` are the same.
        if name.lower() in named:
            text = json.dumps(version.texts, sort_keys=True)
            name = f"{name[: _LONGEST - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        named[name.lower()] = version._replace(name=name)
    return [*named.values()]


def _is_chosen(version: Version, request: VersionRequest) -> bool:
    is_wanted = not request.only or any(matches(version, pattern) for pattern in request.only)
    return is_wanted and not any(matches(version, pattern) for pattern in request.excluded)


def matches(version: Version, pattern: str) -> bool:
    """Return whether a pattern matches the name of a version, or each of its parts a part of that or a value.

    So `lr=0.1` and `lr=0.1,seed=*` match `lr=0.1,model=small,seed=2`, and also `small,seed=2` if the table `small` in
    the file has this `lr`.
    """
    parts = {*version.name.split(","), *(f"{name}={text}" for name, text in version.texts.items())}
    return fnmatchcase(version.name, pattern) or all(
        any(fnmatchcase(part, wanted.strip()) for part in parts) for wanted in pattern.split(",")
    )


def find_placeholders(argv: Iterable[str]) -> set[str]:
    """Return the names of the placeholders in a command: `lr` for `--lr={lr}`."""
    return {match[2] for word in argv for match in _PLACEHOLDER.finditer(word) if match[2]}


def check_placeholders(argv: Sequence[str], versions: Iterable[Version]) -> None:
    """Raise UsageError if the command has a placeholder for a parameter that a version does not have."""
    used = find_placeholders(argv) - {OUT, VERSION}
    for version in versions:
        for name in sorted(used - version.texts.keys()):
            raise UsageError(
                f"The command has {{{name}}}, but the version {version.name} has no parameter {name}; "
                f"write {{{{{name}}}}} for the braces themselves."
            )


def make_variables(parameters: Mapping[str, Value], name: str) -> dict[str, str]:
    """Return the environment variables that tell a command the parameters and the name of its version."""
    return {PARAMETERS: json.dumps(parameters), NAME: name}


def fill_command(argv: Iterable[str], version: Version, out: str) -> tuple[str, ...]:
    """Return a command with the values of a version in place of the placeholders.

    Args:
        argv: The command.
        version: The version, which has all parameters that the command names.
        out: Its folder, for `{out}`.
    """
    texts = {**version.texts, OUT: out, VERSION: version.name}

    def fill(match: re.Match[str]) -> str:
        return f"{{{match[1]}}}" if match[1] else texts[match[2]]

    return tuple(_PLACEHOLDER.sub(fill, word) for word in argv)
