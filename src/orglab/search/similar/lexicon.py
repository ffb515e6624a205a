"""What means the same: groups of terms, and finding them in a text.

The groups are a text file, one a line, in the form of terms.txt beside this
module; a user's own, `orglab-terms.txt` beside the log, adds to them.  A line
that cannot be read is a problem with its number, and the others count.
"""

import marshal
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from orglab.search.similar.stems import WEAK_WORDS, stems, tokens

# How many words may lie between the first part of a term and the last.
WINDOW = 18
# Beyond these a file of terms is no list that a person keeps.
_LONGEST_LINE = 10_000
_MOST_LINES = 20_000
_MOST_PARTS = 6
_MOST_PLACES = 8
SECTIONS = ("words", "measures", "settings", "topics", "ideas")


class Problem(NamedTuple):
    """A line of a terms file that cannot be read.

    Attributes:
        line: Its number, from 1 on.
        message: What is wrong, and what to do.
    """

    line: int
    message: str


class Group(NamedTuple):
    """One line of a terms file."""

    section: str
    name: str
    terms: tuple[str, ...]


# A part as stems, and where it is looked up: by its first one.
Part = tuple[str, ...]


class Lexicon:
    """Groups of terms, ready to be found.

    Attributes:
        words: From the stem of an everyday word to that of its group.
        word_phrases: The same for everyday words of several stems: from the first to the others and the group.
        parts: The number of each part of one stem.
        phrases: The same for parts of several: from the first stem and the second to the others and the number.
        patterns: Of each term its group, how sure it is, and its parts.
        anchors: The terms of each part that is the rarest of its term: the others are looked for where it stands.
        names: The name of each group.
        settings: The groups of what ideas are tried on.
        setting_words: The stems of their terms, and of how it is measured.
        topics: The groups of what ideas belong to.
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
        """Make an empty one."""
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
        """Return it as bytes that are read faster than the groups."""
        return marshal.dumps(tuple(getattr(self, name) for name in self.__slots__))

    def kinds(self, plain: list[str]) -> list[tuple[int, str]]:
        """Return the stems of a text, each with its place, as its group of everyday words where it has one."""
        found: list[tuple[int, str]] = []
        at = 0
        while at < len(plain):
            word = plain[at]
            for rest, kind in self.word_phrases.get(word, ()):
                if tuple(plain[at + 1 : at + 1 + len(rest)]) == rest:
                    found.append((at, kind))
                    at += 1 + len(rest)
                    break
            else:
                found.append((at, self.words.get(word, word)))
                at += 1
        return found

    def find(
        self, plain: list[tuple[int, str]], kinds: list[tuple[int, str]]
    ) -> Iterator[tuple[int, float, list[int]]]:
        """Yield each term that stands in a text: its group, how sure that is, from 0 to 1, and where its parts stand.

        Args:
            plain: The stems of the text, each with its place.
            kinds: The same as groups of everyday words, as `kinds` has them.
        """
        places: dict[int, list[int]] = {}
        self._find_parts(plain, places)
        self._find_parts(kinds, places)
        for part in sorted(places):
            for pattern in self.anchors.get(part, ()):
                group, sure, parts = self.patterns[pattern]
                if len(parts) == 1:
                    yield group, sure, places[part][:1]
                    continue
                # Most terms end here, at the first of their parts that is not there.
                for other in parts:
                    if other not in places:
                        break
                else:
                    if near := _near([places[one] for one in parts]):
                        yield group, sure, near

    def _find_parts(self, words: list[tuple[int, str]], places: dict[int, list[int]]) -> None:
        parts, phrases = self.parts, self.phrases
        following = [word for _, word in words] + [""]
        for number, (at, word) in enumerate(words):
            if word in parts:
                _put(places, parts[word], at)
            if word in phrases:
                for rest, part in phrases[word].get(following[number + 1], ()):
                    if not rest or tuple(following[number + 2 : number + 2 + len(rest)]) == rest:
                        _put(places, part, at)


def load_lexicon(content: bytes) -> Lexicon:
    """Return a lexicon from its bytes."""
    lexicon = Lexicon()
    values = marshal.loads(content)  # noqa: S302 - we wrote it, and the index says when that is in doubt
    for name, value in zip(Lexicon.__slots__, values, strict=True):
        setattr(lexicon, name, value)
    return lexicon


def _put(places: dict[int, list[int]], part: int, at: int) -> None:
    """Note where a part stands; the first places are enough, or a text of one word would take forever."""
    known = places.get(part)
    if known is None:
        places[part] = [at]
    elif len(known) < _MOST_PLACES and at not in known:
        known.append(at)


def _near(places: list[list[int]]) -> list[int]:
    """Return a place of each part, all within the window; nothing if there are none."""
    for at in places[0]:
        # Most parts stand once.
        chosen = [
            others[0] if len(others) == 1 else min(others, key=lambda other: abs(other - at)) for others in places
        ]
        if max(chosen) - min(chosen) <= WINDOW:
            return chosen
    return []


def parse_terms(text: str) -> tuple[list[Group], list[Problem]]:
    """Return the groups of a terms file, and what could not be read in it."""
    groups: list[Group] = []
    problems: list[Problem] = []
    section = "ideas"
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().removeprefix("\ufeff")
        if not words or words.startswith("#"):
            continue
        if number > _MOST_LINES:
            problems.append(Problem(number, f"Only the first {_MOST_LINES} lines are read"))
            break
        if words.startswith("[") and words.endswith("]"):
            section = words[1:-1].strip().lower()
            if section not in SECTIONS:
                names = ", ".join(f"[{name}]" for name in SECTIONS)
                problems.append(Problem(number, f"There is no section {words}, only {names}; its lines are left out"))
            continue
        if section in SECTIONS:
            group, wrong = _read_group(section, words)
            problems += [Problem(number, message) for message in wrong]
            groups += [group] if group.terms else []
    return groups, problems


def _read_group(section: str, line: str) -> tuple[Group, list[str]]:
    """Return the group of a line with the terms that can be read, and what is wrong with the others."""
    name, colon, rest = line.partition(":")
    name = " ".join(name.split())
    if not colon or not name or len(line) > _LONGEST_LINE:
        return Group(section, name, ()), [f"A line is `name: term, term`, with at most {_LONGEST_LINE} characters"]
    terms: list[str] = []
    wrong: list[str] = []
    for term in filter(None, (" ".join(term.split()) for term in (name, *rest.split(",")))):
        words = stems(term)
        if term.count(" + ") >= _MOST_PARTS:
            wrong.append(f"A term has at most {_MOST_PARTS} parts: {term!r}")
        elif len(words) == 1 < len(tokens(term)) and section != "words":
            wrong.append(f"Of this term one word counts, {words[0]!r}: {term!r}; if it is meant, write it alone")
        elif not words or (section != "words" and WEAK_WORDS.issuperset(words)):
            wrong.append(f"This term has no word that counts: {term!r}")
        else:
            terms.append(term)
    return Group(section, name, tuple(terms)), wrong


def make_lexicon(groups: Iterable[Group]) -> Lexicon:
    """Return a lexicon of groups; of groups with the same name and section it makes one."""
    lexicon = Lexicon()
    by_section: dict[str, list[Group]] = {name: [] for name in SECTIONS}
    for group in groups:
        by_section[group.section].append(group)
    for group in by_section["words"]:
        _add_words(lexicon, group)
    maker = _Maker(lexicon)
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
                maker.add(number, term)
    maker.anchor()
    return lexicon


def _add_words(lexicon: Lexicon, group: Group) -> None:
    kind = "=" + group.name.casefold()
    for term in group.terms:
        first, *rest = stems(term)
        if rest:
            lexicon.word_phrases.setdefault(first, []).append((tuple(rest), kind))
        else:
            lexicon.words.setdefault(first, kind)


class _Maker:
    """Numbers parts and terms."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.numbers: dict[Part, int] = {}
        self.uses: list[int] = []

    def add(self, group: int, term: str) -> None:
        """Add a term of a group."""
        written = [words for words in map(stems, term.split(" + ")) if words]
        parts = [(tuple(words), tuple(kind for _, kind in self.lexicon.kinds(words))) for words in written]
        if len(parts) > 1:
            # Everyday words are exchanged for others of their group.
            forms = [tuple(kinds for _, kinds in parts)]
        else:
            # A term of one part is a name: its words stand as they are, or written together.
            forms = [(parts[0][0],), *((joined,) for joined in _joined(term))]
        strength = self._strength(group, term, written)
        for form in forms:
            self.lexicon.patterns.append((group, strength, tuple(map(self._number, form))))

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

    def _strength(self, group: int, term: str, parts: list[list[str]]) -> float:
        """Return how sure it is that a text with these parts is about the group."""
        if len(parts) == 1:
            is_name = len(parts[0]) > 1 or term.casefold() == self.lexicon.names[group].casefold()
            return 0.9 if is_name else 0.7
        known = self.lexicon.words.keys() | WEAK_WORDS
        telling = sum(not known.issuperset(part) for part in parts)
        if len(parts) == 2 and not telling:  # noqa: PLR2004 - two everyday words, such as `teach + compact`
            return 0.25
        return min(0.8, 0.3 + 0.1 * len(parts) + 0.1 * telling)

    def anchor(self) -> None:
        """Hang each term on the rarest of its parts."""
        for pattern, (_, _, parts) in enumerate(self.lexicon.patterns):
            rarest = min(parts, key=lambda part: (self.uses[part], part))
            self.lexicon.anchors.setdefault(rarest, []).append(pattern)


def _joined(term: str) -> list[Part]:
    """Return a term of two words written as one: `warm up` is written `warmup` as well."""
    words = tokens(term)
    is_joined = len(words) == 2 and min(map(len, words)) > 1 and all(map(str.isalpha, words))  # noqa: PLR2004
    return [(one,) for one in stems("".join(words))] if is_joined else []


@lru_cache(maxsize=4)
def read_lexicon(own: str = "") -> Lexicon:
    """Return the lexicon of our groups and a user's.

    Args:
        own: The text of the user's terms file; what cannot be read in it is left out.
    """
    # Without pathlib, which takes as long to import as these lines to read.
    with open(os.path.dirname(__file__) + "/terms.txt", encoding="utf-8") as file:
        text = file.read()
    return make_lexicon([*parse_terms(text)[0], *parse_terms(own)[0]])
