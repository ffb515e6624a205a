"""In-buffer settings: `#+TODO`, `#+FILETAGS`, `#+TAGS`, `#+STARTUP`, `#+PROPERTY`, `#+CATEGORY`, `#+SETUPFILE`.

Follows `org-set-regexps-and-options`.  Setup files are not read, because they may be
anywhere, even on another machine; `orglab check` reports them instead.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from orglab.org.source import decode
from orglab.org.syntax import compile_late

# Org's own default; orglab's default for logs is the setting `keywords`.
ORG_KEYWORDS = "TODO | DONE"

LINE = compile_late(rb"#\+(TODO|SEQ_TODO|TYP_TODO|FILETAGS|TAGS|STARTUP|PROPERTY|CATEGORY|SETUPFILE):[ \t]*(.*)", re.I)
BAR = "|"
_KEYWORD = compile_late(r"([^(]+)(?:\(([^)]*)\))?$")


class Keyword(NamedTuple):
    """A TODO keyword.

    Attributes:
        name: The keyword.
        is_done: Whether it comes after the bar.
        sequence: The 0-based index of the `#+TODO` line that defines it.
        on_enter: What is logged on entering the state: `note` (`@`), `time` (`!`) or None.
        on_leave: What is logged on leaving it, if entering the next state logs nothing.
    """

    name: str
    is_done: bool
    sequence: int
    on_enter: str | None = None
    on_leave: str | None = None


class Settings(NamedTuple):
    """The settings of one file.

    Attributes:
        keywords: The TODO keywords by name, in order.
        filetags: Tags that every heading inherits.
        tag_groups: Group tags and their members.
        startup: The words of the `#+STARTUP` lines.
        properties: File-wide properties, names in upper case.
        category: The file's category, or None.
        setupfiles: The files in `#+SETUPFILE` lines, which are not read.
    """

    keywords: dict[str, Keyword]
    filetags: tuple[str, ...] = ()
    tag_groups: dict[str, tuple[str, ...]] | None = None
    startup: frozenset[str] = frozenset()
    properties: dict[str, str] | None = None
    category: str | None = None
    setupfiles: tuple[str, ...] = ()

    @property
    def todo_names(self) -> tuple[str, ...]:
        """The keywords before the bar."""
        return tuple(word.name for word in self.keywords.values() if not word.is_done)

    @property
    def done_names(self) -> tuple[str, ...]:
        """The keywords after the bar."""
        return tuple(word.name for word in self.keywords.values() if word.is_done)

    def is_done(self, name: str | None) -> bool:
        """Return whether `name` is a done keyword."""
        word = self.keywords.get(name) if name else None
        return word is not None and word.is_done

    @property
    def log_done(self) -> str | None:
        """What is logged when an entry is done: `note` (lognotedone), `time` (logdone) or None."""
        if "lognotedone" in self.startup:
            return "note"
        return "time" if "logdone" in self.startup else None


def read_settings(lines: Iterable[tuple[bytes, bytes]], default_keywords: str) -> Settings:
    """Return the settings defined by keyword lines.

    Args:
        lines: The name and value of each line, in file order.
        default_keywords: The value of the `#+TODO` line assumed if there is none.
    """
    values: dict[str, list[str]] = {}
    for key, text in lines:
        values.setdefault(key.decode().upper(), []).append(decode(text).strip())
    # Org reads TYP_TODO lines first.
    todo = values.get("TYP_TODO", []) + values.get("TODO", []) + values.get("SEQ_TODO", [])
    keywords = _read_keywords(todo) or _read_keywords([default_keywords])
    properties: dict[str, str] = {}
    for value in values.get("PROPERTY", []):
        name, _, rest = value.partition(" ")
        properties[name.upper()] = rest.strip()
    tags = [tag for value in values.get("FILETAGS", []) for tag in re.split(r"[:\s]+", value) if tag]
    return Settings(
        keywords=keywords,
        filetags=tuple(dict.fromkeys(tags)),
        tag_groups=_read_groups(values.get("TAGS", [])),
        startup=frozenset(word.lower() for value in values.get("STARTUP", []) for word in value.split()),
        properties=properties,
        category=values["CATEGORY"][-1] if "CATEGORY" in values else None,
        setupfiles=tuple(values.get("SETUPFILE", [])),
    )


def _read_keywords(lines: list[str]) -> dict[str, Keyword]:
    """Return the keywords in `#+TODO` lines; in a line without a bar, the last one is the done state."""
    keywords: dict[str, Keyword] = {}
    for sequence, line in enumerate(lines):
        words = line.split()
        bar = words.index(BAR) if BAR in words else len(words) - 1
        for place, word in enumerate(words):
            match = _KEYWORD.match(word)
            # Org takes only the first bar for one; a second one is a keyword, which no heading can have.
            if (word == BAR and place == bar) or match is None:
                continue
            on_enter, _, on_leave = (match.group(2) or "").partition("/")
            keywords.setdefault(
                match.group(1),
                Keyword(match.group(1), place >= bar, sequence, _parse_logging(on_enter), _parse_logging(on_leave)),
            )
    return keywords


def _parse_logging(text: str) -> str | None:
    """Return what to log for `@` or `!` in the parentheses of a keyword."""
    return "note" if "@" in text else "time" if "!" in text else None


_TAG = compile_late(r"([^\W_]|[_@#%])+|\{.+?\}")
_TAG_KEY = compile_late(r"\(.\)$")


def _read_groups(lines: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the tag groups in `#+TAGS` lines: `[ ml : nlp vision ]`, `{ ml : nlp vision }`."""
    groups: dict[str, tuple[str, ...]] = {}
    group: list[str] | None = None
    has_members = False
    for word in " ".join(lines).split():
        if word in ("[", "{"):
            group, has_members = [], False
        elif word in ("]", "}"):
            if group and has_members:
                groups.setdefault(group[0], tuple(group[1:]))
            group = None
        elif word == ":":
            has_members = True
        elif group is not None and _TAG.fullmatch(tag := _TAG_KEY.sub("", word)):
            # The last word before the colon is the group tag.
            group = [*group, tag] if has_members else [tag]
    return groups
