"""What means the same: groups of terms, and finding them in a text.

The groups are a text file, one a line, in the form of terms.txt beside this
module; a user's own, `orglab-terms.txt` beside the log, adds to them.  A line
that cannot be read is a problem with its number, and the others count.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from orglab.similar.stems import LITTLE, stems, tokens, stem

# How many words may lie between the first part of a term and the last.
WINDOW = 18
# Beyond these a file of terms is no list that a person keeps.
_LONGEST_LINE = 10_000
_MOST_LINES = 20_000
_MOST_PARTS = 6
SECTIONS = ("words", "settings", "topics", "ideas")


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


@dataclass
class Lexicon:
    """Groups of terms, ready to be found.

    Attributes:
        words: From the stem of an everyday word to that of its group.
        phrases: From the first stem of a part to the rest of it, with what it is part of.
        patterns: The group of each term, and the number of its parts.
        names: The name of each group.
        settings: The groups of what ideas are tried on.
        setting_words: The stems of their terms.
        topics: The groups of what ideas belong to.
    """

    words: dict[str, str] = field(default_factory=dict)
    word_phrases: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict)
    phrases: dict[str, dict[tuple[str, ...], list[tuple[int, int]]]] = field(default_factory=dict)
    patterns: list[tuple[int, int, float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    settings: set[int] = field(default_factory=set)
    setting_words: set[str] = field(default_factory=set)
    topics: set[int] = field(default_factory=set)

    def kinds(self, plain: list[str]) -> list[str]:
        """Return stems, each as its group of everyday words where it has one."""
        if not self.words:
            return plain
        found: list[str] = []
        at = 0
        while at < len(plain):
            word = plain[at]
            for rest, kind in self.word_phrases.get(word, ()):
                if tuple(plain[at + 1 : at + 1 + len(rest)]) == rest:
                    found.append(kind)
                    at += 1 + len(rest)
                    break
            else:
                found.append(self.words.get(word, word))
                at += 1
        return found

    def groups(self, plain: list[str]) -> dict[int, float]:
        """Return the groups whose terms stand in a text, each with how sure that is, from 0 to 1.

        Args:
            plain: The stems of the text.
        """
        kinds = self.kinds(plain)
        # A term is looked for in the words as they are written, and in their groups.
        patterns = set(self._patterns_in(plain))
        if kinds != plain:
            patterns |= set(self._patterns_in(kinds))
        doubt: dict[int, float] = {}
        for pattern in sorted(patterns):
            group, _, strength = self.patterns[pattern]
            doubt[group] = doubt.get(group, 1.0) * (1.0 - strength)
        return {group: 1.0 - left for group, left in doubt.items()}

    def _patterns_in(self, words: list[str]) -> Iterator[int]:
        last: dict[int, dict[int, int]] = {}
        for at, word in enumerate(words):
            for rest, uses in self.phrases.get(word, {}).items():
                if rest and tuple(words[at + 1 : at + 1 + len(rest)]) != rest:
                    continue
                for pattern, part in uses:
                    size = self.patterns[pattern][1]
                    if size == 1:
                        yield pattern
                        continue
                    seen = last.setdefault(pattern, {})
                    seen[part] = at
                    if len(seen) == size and at - min(seen.values()) <= WINDOW:
                        yield pattern


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
            problems.append(Problem(number, f"only the first {_MOST_LINES} lines are read"))
            break
        if words.startswith("[") and words.endswith("]"):
            section = words[1:-1].strip().lower()
            if section not in SECTIONS:
                names = ", ".join(f"[{name}]" for name in SECTIONS)
                problems.append(Problem(number, f"there is no section {words}, only {names}; its lines are left out"))
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
        return Group(section, name, ()), [f"a line is `name: term, term`, with at most {_LONGEST_LINE} characters"]
    terms: list[str] = []
    wrong: list[str] = []
    for term in filter(None, (" ".join(term.split()) for term in (name, *rest.split(",")))):
        words = stems(term)
        if term.count(" + ") >= _MOST_PARTS:
            wrong.append(f"a term has at most {_MOST_PARTS} parts: {term!r}")
        elif not words or (section != "words" and LITTLE.issuperset(words)):
            wrong.append(f"this term has no word that counts: {term!r}")
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
    numbers: dict[tuple[str, str], int] = {}
    for section in SECTIONS[1:]:
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
                _add_term(lexicon, number, term)
    return lexicon


def _add_words(lexicon: Lexicon, group: Group) -> None:
    kind = "=" + group.name.casefold()
    for term in group.terms:
        first, *rest = stems(term)
        if rest:
            lexicon.word_phrases.setdefault(first, []).append((tuple(rest), kind))
        else:
            lexicon.words.setdefault(first, kind)


def _add_term(lexicon: Lexicon, group: int, term: str) -> None:
    pattern = len(lexicon.patterns)
    parts = [part for part in term.split(" + ") if stems(part)]
    lexicon.patterns.append((group, len(parts), _strength(lexicon, group, parts)))
    for number, part in enumerate(parts):
        written = stems(part)
        forms = {tuple(written), tuple(lexicon.kinds(written))}
        if len(parts) == 1:
            # A term of one part is a name: its everyday words are not exchanged for others of their group.
            forms = {tuple(written)}
            joined = tokens(part)
            if len(joined) == 2 and min(map(len, joined)) > 1 and all(map(str.isalpha, joined)):  # noqa: PLR2004
                # `warm up` is written `warmup` as well.
                forms.add((stem("".join(joined)),))
        for first, *rest in filter(None, forms):
            uses = lexicon.phrases.setdefault(first, {}).setdefault(tuple(rest), [])
            if (pattern, number) not in uses:
                uses.append((pattern, number))


def _strength(lexicon: Lexicon, group: int, parts: list[str]) -> float:
    """Return how sure it is that a text with these parts is about the group."""
    words = [stems(part) for part in parts]
    if len(parts) == 1:
        is_name = len(words[0]) > 1 or parts[0].casefold() == lexicon.names[group].casefold()
        return 0.9 if is_name else 0.7
    telling = sum(any(word not in lexicon.words and word not in LITTLE for word in part) for part in words)
    return min(0.8, 0.3 + 0.1 * len(parts) + 0.1 * telling)


@lru_cache(maxsize=4)
def read_lexicon(own: str = "") -> Lexicon:
    """Return the lexicon of our groups and a user's.

    Args:
        own: The text of the user's terms file; what cannot be read in it is left out.
    """
    text = (Path(__file__).parent / "terms.txt").read_text(encoding="utf-8")
    return make_lexicon([*parse_terms(text)[0], *parse_terms(own)[0]])
