"""Groups of terms with the same meaning, and their search in a text.

The groups come from a text file, one per line, in the format of terms.txt beside
this module; the user's `orglab-terms.txt` beside the log adds to them.  An invalid
line is reported as a problem, and the other lines still count.
"""

import marshal
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from orglab.search.similar.stems import WEAK_WORDS, stems, tokens

# The most words between the first and the last part of a term in a text.
WINDOW = 18
# Limits for a file of terms, far beyond any list that a person maintains.
_LONGEST_LINE = 10_000
_MOST_LINES = 20_000
_MOST_PARTS = 6
_MOST_PLACES = 8
SECTIONS = ("words", "measures", "settings", "topics", "ideas")


class Problem(NamedTuple):
    """A problem in a terms file.

    Attributes:
        line: The 1-based number of the line.
        message: What is wrong, and what to do.
    """

    line: int
    message: str


class Group(NamedTuple):
    """One line of a terms file."""

    section: str
    name: str
    terms: tuple[str, ...]


# The stems of a part of a term.
Part = tuple[str, ...]


class Lexicon:
    """Groups of terms, compiled for the search.

    Attributes:
        words: Synonym groups by the stem of a word.
        word_phrases: Synonym groups of phrases, by the first stem: the other stems and the group.
        parts: The number of each part that is a single stem.
        phrases: The parts of several stems, by the first and the second stem: the other stems and the number.
        patterns: For each term its group, its certainty, and the numbers of its parts.
        anchors: The terms by their rarest part: the other parts are searched only where that part occurs.
        names: The name of each group.
        settings: The groups that are experimental settings.
        setting_words: The stems of the terms of settings and measures.
        topics: The groups that are topics.
    """

    __slots__ = (
        "anchors",
        "names",
        "parts",
        "patterns",
        "phrases",
        "setting_words",
        "settings",
        "topics",
        "word_phrases",
        "words",
    )  # fmt: skip

    def __init__(self) -> None:
        """Create an empty lexicon."""
        self.words: dict[str, str] = {}
        self.word_phrases: dict[str, list[tuple[Part, str]]] = {}
        self.parts: dict[str, int] = {}
        self.phrases: dict[str, dict[str, list[tuple[Part, int]]]] = {}
        self.patterns: list[tuple[int, float, tuple[int, ...]]] = []
        self.anchors: dict[int, list[int]] = {}
        self.names: list[str] = []
        self.settings: set[int] = set()
        self.setting_words: set[str] = set()
        self.topics: set[int] = set()

    def __bytes__(self) -> bytes:
        """Return the compiled lexicon as bytes, which load faster than the groups."""
        return marshal.dumps(tuple(getattr(self, name) for name in self.__slots__))

    def replace_synonyms(self, plain: list[str]) -> list[tuple[int, str]]:
        """Return the stems of a text with their positions, replaced by their synonym group if they have one."""
        replaced: list[tuple[int, str]] = []
        at = 0
        while at < len(plain):
            word = plain[at]
            for rest, group in self.word_phrases.get(word, ()):
                if tuple(plain[at + 1 : at + 1 + len(rest)]) == rest:
                    replaced.append((at, group))
                    at += 1 + len(rest)
                    break
            else:
                replaced.append((at, self.words.get(word, word)))
                at += 1
        return replaced

    def find(
        self, plain: list[tuple[int, str]], replaced: list[tuple[int, str]]
    ) -> Iterator[tuple[int, float, list[int]]]:
        """Yield each term in a text: its group, its certainty from 0 to 1, and the positions of its parts.

        Args:
            plain: The stems of the text with their positions.
            replaced: The same with synonyms replaced, as returned by `replace_synonyms`.
        """
        places: dict[int, list[int]] = {}
        self._find_parts(plain, places)
        self._find_parts(replaced, places)
        for part in sorted(places):
            for pattern in self.anchors.get(part, ()):
                group, certainty, parts = self.patterns[pattern]
                if len(parts) == 1:
                    yield group, certainty, places[part][:1]
                    continue
                # Most terms fail here, at their first missing part.
                for other in parts:
                    if other not in places:
                        break
                else:
                    if near := _find_near([places[number] for number in parts]):
                        yield group, certainty, near

    def _find_parts(self, words: list[tuple[int, str]], places: dict[int, list[int]]) -> None:
        parts, phrases = self.parts, self.phrases
        following = [word for _, word in words] + [""]
        for number, (at, word) in enumerate(words):
            if word in parts:
                _add_place(places, parts[word], at)
            if word in phrases:
                for rest, part in phrases[word].get(following[number + 1], ()):
                    if not rest or tuple(following[number + 2 : number + 2 + len(rest)]) == rest:
                        _add_place(places, part, at)


def load_lexicon(content: bytes) -> Lexicon:
    """Return a lexicon from its compiled form."""
    lexicon = Lexicon()
    values = marshal.loads(content)  # noqa: S302 - we wrote it, and the index detects changes by others
    for name, value in zip(Lexicon.__slots__, values, strict=True):
        setattr(lexicon, name, value)
    return lexicon


def _add_place(places: dict[int, list[int]], part: int, at: int) -> None:
    """Add a position of a part, up to a limit: otherwise a text that repeats one word would take forever."""
    known = places.get(part)
    if known is None:
        places[part] = [at]
    elif len(known) < _MOST_PLACES and at not in known:
        known.append(at)


def _find_near(places: list[list[int]]) -> list[int]:
    """Return a position of each part such that all are within the window; empty if there are none."""
    for at in places[0]:
        # Most parts occur once.
        chosen = [
            others[0] if len(others) == 1 else min(others, key=lambda other: abs(other - at)) for others in places
        ]
        if max(chosen) - min(chosen) <= WINDOW:
            return chosen
    return []


def parse_terms(text: str) -> tuple[list[Group], list[Problem]]:
    """Return the groups of a terms file, and its problems."""
    groups: list[Group] = []
    problems: list[Problem] = []
    section = "ideas"
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().removeprefix("\ufeff")
        if not words or words.startswith("#"):
            continue
        if number > _MOST_LINES:
            problems.append(Problem(number, f"Only the first {_MOST_LINES} lines are read."))
            break
        if words.startswith("[") and words.endswith("]"):
            section = words[1:-1].strip().lower()
            if section not in SECTIONS:
                names = ", ".join(f"[{name}]" for name in SECTIONS)
                problems.append(Problem(number, f"Unknown section {words}, ignored; the sections are {names}."))
            continue
        if section in SECTIONS:
            group, messages = _read_group(section, words)
            problems += [Problem(number, message) for message in messages]
            groups += [group] if group.terms else []
    return groups, problems


def _read_group(section: str, line: str) -> tuple[Group, list[str]]:
    """Return the group of a line with its valid terms, and messages about the invalid ones."""
    name, colon, rest = line.partition(":")
    name = " ".join(name.split())
    if not colon or not name or len(line) > _LONGEST_LINE:
        return Group(section, name, ()), [
            f"Write a line as `name: term, term`, with at most {_LONGEST_LINE} characters."
        ]
    terms: list[str] = []
    messages: list[str] = []
    for term in filter(None, (" ".join(term.split()) for term in (name, *rest.split(",")))):
        words = stems(term)
        if term.count(" + ") >= _MOST_PARTS:
            messages.append(f"The term {term!r} has more than {_MOST_PARTS} parts.")
        elif len(words) == 1 < len(tokens(term)) and section != "words":
            messages.append(f"The other words of {term!r} are ignored; if you mean {words[0]!r}, write only that.")
        elif not words or (section != "words" and WEAK_WORDS.issuperset(words)):
            messages.append(f"The term {term!r} has only words that are ignored.")
        else:
            terms.append(term)
    return Group(section, name, tuple(terms)), messages


def make_lexicon(groups: Iterable[Group]) -> Lexicon:
    """Return a lexicon of groups; groups with the same name and section are merged."""
    lexicon = Lexicon()
    by_section: dict[str, list[Group]] = {name: [] for name in SECTIONS}
    for group in groups:
        by_section[group.section].append(group)
    for group in by_section["words"]:
        _add_words(lexicon, group)
    compiler = _Compiler(lexicon)
    numbers: dict[tuple[str, str], int] = {}
    for group in by_section["measures"]:
        lexicon.setting_words.update(word for term in group.terms for word in stems(term))
    for section in SECTIONS[2:]:
        for group in by_section[section]:
            number = numbers.setdefault((section, group.name.casefold()), len(lexicon.names))
            if number == len(lexicon.names):
                lexicon.names.append(group.name)
            if section == "settings":
                lexicon.settings.add(number)
                lexicon.setting_words.update(word for term in group.terms for word in stems(term))
            elif section == "topics":
                lexicon.topics.add(number)
            for term in group.terms:
                compiler.add(number, term)
    compiler.anchor()
    return lexicon


def _add_words(lexicon: Lexicon, group: Group) -> None:
    name = "=" + group.name.casefold()
    for term in group.terms:
        first, *rest = stems(term)
        if rest:
            lexicon.word_phrases.setdefault(first, []).append((tuple(rest), name))
        else:
            lexicon.words.setdefault(first, name)


class _Compiler:
    """Adds terms to a lexicon and numbers their parts."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.numbers: dict[Part, int] = {}
        self.uses: list[int] = []

    def add(self, group: int, term: str) -> None:
        """Add a term of a group."""
        parts = [words for words in map(stems, term.split(" + ")) if words]
        if len(parts) > 1:
            # Each part matches with synonyms of its words.
            forms = [tuple(tuple(word for _, word in self.lexicon.replace_synonyms(words)) for words in parts)]
        else:
            # A term of one part is a name: it matches only as written, or as one word.
            forms = [(tuple(parts[0]),), *((joined,) for joined in _join_words(term))]
        certainty = self._certainty(group, term, parts)
        for form in forms:
            self.lexicon.patterns.append((group, certainty, tuple(map(self._number, form))))

    def _number(self, part: Part) -> int:
        number = self.numbers.setdefault(part, len(self.uses))
        if number == len(self.uses):
            self.uses.append(0)
            if len(part) == 1:
                self.lexicon.parts[part[0]] = number
            else:
                self.lexicon.phrases.setdefault(part[0], {}).setdefault(part[1], []).append((part[2:], number))
        self.uses[number] += 1
        return number

    def _certainty(self, group: int, term: str, parts: list[list[str]]) -> float:
        """Return how certain it is that a text with these parts is about the group."""
        if len(parts) == 1:
            is_name = len(parts[0]) > 1 or term.casefold() == self.lexicon.names[group].casefold()
            return 0.9 if is_name else 0.7
        known = self.lexicon.words.keys() | WEAK_WORDS
        telling = sum(not known.issuperset(part) for part in parts)
        if len(parts) == 2 and not telling:  # noqa: PLR2004 - two common words, such as `teach + compact`
            return 0.25
        return min(0.8, 0.3 + 0.1 * len(parts) + 0.1 * telling)

    def anchor(self) -> None:
        """Register each term under its rarest part."""
        for pattern, (_, _, parts) in enumerate(self.lexicon.patterns):
            rarest = min(parts, key=lambda part: (self.uses[part], part))
            self.lexicon.anchors.setdefault(rarest, []).append(pattern)


def _join_words(term: str) -> list[Part]:
    """Return a term of two words as one word, such as `warmup` for `warm up`; empty for other terms."""
    words = tokens(term)
    can_join = len(words) == 2 and min(map(len, words)) > 1 and all(map(str.isalpha, words))  # noqa: PLR2004
    return [(word,) for word in stems("".join(words))] if can_join else []


@lru_cache(maxsize=4)
def read_lexicon(own: str = "") -> Lexicon:
    """Return the lexicon of the built-in groups and the user's.

    Args:
        own: The text of the user's terms file; invalid lines are ignored.
    """
    # Without pathlib, which takes as long to import as this file to read.
    with open(os.path.dirname(__file__) + "/terms.txt", encoding="utf-8") as file:
        text = file.read()
    return make_lexicon([*parse_terms(text)[0], *parse_terms(own)[0]])
