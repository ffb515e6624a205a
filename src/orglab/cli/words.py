"""The words of a plain command, read without click."""

from __future__ import annotations

import re


class Declined(Exception):  # noqa: N818 - it is no error
    """The words are not plain."""


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# What has the form of an option; other words that begin with a dash are text.
OPTION = re.compile(r"-|--|-[A-Za-z]|--[A-Za-z][\w-]*(?:=.*)?", re.DOTALL)
KINDS = ("todo", "doing", "waiting", "done", "all")
# Of each command: its options without a value, those with one, and how many arguments it may have.
_FLAGS = {"show": ("json",), "list": ("json", *KINDS), "next": ("json",), "search": ("json",), "similar": ("json",)}
_VALUES = {
    "show": ("log",), "list": ("log", "since", "tag", "sort"), "next": ("log",), "search": ("log", "limit"),
    "similar": ("log",),
}  # fmt: skip
_ARGUMENTS = {"show": (1, 1), "list": (0, 0), "next": (0, 0), "search": (1, 1000), "similar": (1, 1000)}
# Of several words is their one argument.
_TEXTS = ("search", "similar")


class Words:
    """The words of a command.

    Attributes:
        command: Its name.
        arguments: What is no option.
        flags: The options without a value.
        values: The values of the others, in order.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """Read the words.

        Raises:
            Declined: They are not plain.
        """
        self.arguments: list[str] = []
        self.flags: list[str] = []
        self.values: dict[str, list[str]] = {}
        rest = list(words)
        if len(rest) > 2 and rest[0] == "--log":  # noqa: PLR2004 - the option, its value and the command
            rest += [rest.pop(0), rest.pop(0)]
        self.command = rest.pop(0) if rest else ""
        if self.command not in _FLAGS:
            raise Declined
        while rest:
            self._read(rest.pop(0), rest)
        least, most = _ARGUMENTS[self.command]
        if not least <= len(self.arguments) <= most:
            raise Declined

    def _read(self, word: str, rest: list[str]) -> None:
        """Read a word, and if it is an option with a value, that from the rest."""
        is_text = self.command in _TEXTS and not OPTION.fullmatch(word)
        if not word.startswith("-") or is_text:
            self.arguments.append(word)
            return
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            raise Declined
        if name in _FLAGS[self.command] and not equals:
            self.flags.append(name)
        elif name in _VALUES[self.command] and (equals or (rest and not rest[0].startswith("--"))):
            self.values.setdefault(name, []).append(value if equals else rest.pop(0))
        else:
            raise Declined

    def value(self, name: str) -> str | None:
        """Return the value of an option, the last one if it stands twice."""
        found = self.values.get(name)
        return found[-1] if found else None
