"""Read the parameters of a run from its command: `--lr 0.1`, `--lr=0.1`, `lr=0.1`.

A parameter has the name of its option without the leading dashes, with `_` in place of `-`, so that `--learning-rate`
and `learning_rate` in a configuration file are the same.
"""

import math
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Value = int | float | str | bool

_SEED = re.compile(r"(?i)(?:[\w.]*[_.])?(?:seed|random_state)|PYTHONHASHSEED")
_ASSIGNMENT = re.compile(r"\+{0,2}(?P<name>[A-Za-z_][\w.@/-]*)=(?P<value>.*)", re.S)
_OPTION = re.compile(r"--?(?P<name>[A-Za-z_][\w.-]*)(?:=(?P<value>.*))?", re.S)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
# Options of Python itself: those that take the rest of the word or the next one, and those that take nothing.
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*t?")
_SHELL = re.compile(r"(?:ba|da|k|z|fi)?sh")
_SHELL_CODE = re.compile(r"-[a-zA-Z]*c")  # and other options that take nothing: `-euxc`
_PYTHON_WITH_VALUE = ("-W", "-X")
_EXACT = 2**53  # larger integers are not exact as a float


class Arguments(NamedTuple):
    """The arguments of a command.

    Attributes:
        parameters: The options and assignments, by name; an option without a value is True.
        words: The rest: the program, the script and other words, in their order.
    """

    parameters: dict[str, Value]
    words: tuple[str, ...]


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Return the parameters and the other words of a command."""
    parameters: dict[str, Value] = {}
    words = list(argv[:1])
    rest = deque(argv[1:])
    if words and words[0].rpartition("/")[2] == "env":
        while rest and (match := _ASSIGNMENT.fullmatch(rest[0])):
            parameters[normalize_name(match["name"])] = parse_value(match["value"])
            rest.popleft()
        words += _take(rest, 1)
    program = words[-1].rpartition("/")[2] if words else ""
    if _PYTHON.fullmatch(program):
        words += _take_python_options(rest)
    elif _SHELL.fullmatch(program) and rest and _SHELL_CODE.fullmatch(rest[0]):
        words += _take(rest, 2)
    while rest:
        word = rest.popleft()
        if match := _OPTION.fullmatch(word):
            value = match["value"]
            if value is None and rest and _is_value(rest[0]):
                value = rest.popleft()
            parameters[normalize_name(match["name"])] = True if value is None else parse_value(value)
        elif match := _ASSIGNMENT.fullmatch(word):
            parameters[normalize_name(match["name"])] = parse_value(match["value"])
        else:
            words.append(word)
    return Arguments(parameters, tuple(words))


class CodeWords:
    """Tells which words of a command are code, as that of `bash -c` or `python -c`."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Take the command."""
        self._code: dict[int, bool] = {}
        is_shell: bool | None = None
        for place, word in enumerate(argv[:-1]):
            if is_shell is not None and _SHELL_CODE.fullmatch(word):
                self._code[place + 1] = is_shell
            program = word.rpartition("/")[2]
            if _SHELL.fullmatch(program) or _PYTHON.fullmatch(program):
                is_shell = _SHELL.fullmatch(program) is not None

    def is_shell(self, place: int) -> bool | None:
        """Return whether the code at a place is that of a shell; None if there is no code."""
        return self._code.get(place)


def _is_value(word: str) -> bool:
    """Return whether a word after an option may be its value."""
    return word != "--" and not _OPTION.fullmatch(word) and not _ASSIGNMENT.fullmatch(word)


def _take(rest: deque[str], count: int) -> list[str]:
    """Remove as many words from the beginning of `rest`, and return them."""
    return [rest.popleft() for _ in range(min(count, len(rest)))]


def _take_python_options(rest: deque[str]) -> list[str]:
    """Remove Python's own options from the beginning of `rest`; return what they run: `-m module` or `-c code`."""
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option = rest.popleft()
        if option in ("-m", "-c"):
            return [option, *_take(rest, 1)]
        if option in _PYTHON_WITH_VALUE and rest:
            rest.popleft()
    return []


def find_environment_seeds(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with a number that are seeds: `SEED`, `RANDOM_SEED`, `PYTHONHASHSEED`.

    Other values are left out, because the seed of a key or a wallet is a secret.
    """
    return {
        name: value for name, value in environment.items() if is_seed(name) and not isinstance(parse_value(value), str)
    }


def normalize_name(name: str) -> str:
    """Return the name of a parameter as an option has it."""
    return name.replace("-", "_")


def parse_value(text: str) -> Value:
    """Return a text as a number or a truth value, if it is one, else unchanged."""
    if text in ("true", "True", "false", "False"):
        return text in ("true", "True")
    if not _NUMBER.fullmatch(text):
        return text
    value = float(text)
    if not math.isfinite(value) or not is_exact(value):
        return text
    return int(value) if re.fullmatch(r"[+-]?\d+", text) else value


def is_exact(value: float) -> bool:
    """Return whether a number is exact as a float, if it is whole."""
    return abs(value) < _EXACT


def is_seed(name: str) -> bool:
    """Return whether a parameter is a seed: `seed`, `model.random_state`, `SEED`."""
    return _SEED.fullmatch(name) is not None
