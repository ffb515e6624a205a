r"""Org's match strings: which headings `+exp-@work+loss<*0.5/!-WAIT` means.

`compile_match` follows `org-make-tags-matcher` of Org 9.8 rule by rule, its
surprises included, but for one: where Org cannot read on, it drops the rest and
so matches more than was asked; here that is a MatchSyntaxError.

A match is `TAGS/TODO`. Both sides are alternatives, joined by `|`, of terms,
joined by nothing, `&`, `+`, `:` or `-` (but not). A term is a tag, a `{regexp}`
of tags, or a property, an operator (with `*`: and the property exists) and a
number, a `"text"`, a `"<time>"` or a `{regexp}`. On the TODO side a term is a
keyword or a `{regexp}` of keywords, and `!` before them asks for an open state.
"""

import datetime
import operator
import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Protocol

from orglab.errors import MatchSyntaxError
from orglab.org.emacs_regexp import TAG_WORD, compile_emacs_regexp, quote_emacs_regexp
from orglab.org.syntax import compile_late


class MatchEntry(Protocol):
    """What a match asks of a heading.

    Timestamps are text as it stands in the file, such as `[2026-06-01 Mon 10:00]`.
    """

    @property
    def level(self) -> int:
        """How many stars it has."""

    @property
    def state(self) -> str | None:
        """Its TODO keyword."""

    @property
    def is_done(self) -> bool:
        """Whether that is one of the keywords for what is done."""

    @property
    def priority(self) -> str | None:
        """`A` of `[#A]`."""

    @property
    def title(self) -> str:
        """Its text without keyword, priority and tags."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Its own tags."""

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The file's tags, its ancestors' and its own, each once."""

    @property
    def closed(self) -> str | None:
        """The timestamp after `CLOSED:`."""

    @property
    def scheduled(self) -> str | None:
        """The timestamp after `SCHEDULED:`."""

    @property
    def deadline(self) -> str | None:
        """The timestamp after `DEADLINE:`."""

    @property
    def timestamp(self) -> str | None:
        """The first active timestamp that plans nothing."""

    @property
    def timestamp_ia(self) -> str | None:
        """The first inactive timestamp that plans nothing."""

    @property
    def category(self) -> str | None:
        """Its category, inherited or the file's."""

    def property(self, name: str) -> str | None:
        """Return a property of its drawer; `name` in any case."""


_Predicate = Callable[[MatchEntry], bool]
_Comparison = Callable[[str], bool]


@dataclass(frozen=True)
class Match:
    """A match string, read."""

    text: str
    _accepts: _Predicate = field(repr=False, compare=False)

    def matches(self, entry: MatchEntry) -> bool:
        """Return whether `entry` is one of those meant."""
        return self._accepts(entry)


_NO_GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def compile_match(
    text: str,
    *,
    now: datetime.datetime,
    tag_groups: Mapping[str, tuple[str, ...]] = _NO_GROUPS,
) -> Match:
    """Read a match string, once for all headings.

    Args:
        text: The match string.
        now: What `<now>`, `<today>`, `<+1w>` and their like are counted from; without a zone, local time.
        tag_groups: Group tags and their members (`#+TAGS: [ ml : nlp vision ]`). Who asks for
            `ml` means `nlp` and `vision` too, and what they stand for in turn.

    Raises:
        MatchSyntaxError: Org could not read it to its end.
    """
    if not text.strip(" \t\r\n"):
        raise MatchSyntaxError("There is nothing to match", text, 0)
    now = now.astimezone()
    tags, todo = _split_todo(_expand_tag_groups(text, tag_groups))
    predicates: list[_Predicate] = []
    if todo is not None and todo.text.startswith("!"):
        predicates.append(_is_open)
        todo = todo.cut(1)
    if tags.text.strip(" \t\r\n"):
        predicates.append(_read_tags(tags, now))
    if todo is not None and todo.text.strip():
        predicates.append(_read_todo(todo))
    return Match(text, _all_of(predicates))


def _is_open(entry: MatchEntry) -> bool:
    return entry.state is not None and not entry.is_done


def _all_of(predicates: Sequence[_Predicate]) -> _Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda entry: all(predicate(entry) for predicate in predicates)


def _any_of(predicates: Sequence[_Predicate]) -> _Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda entry: any(predicate(entry) for predicate in predicates)


def _not(predicate: _Predicate) -> _Predicate:
    return lambda entry: not predicate(entry)


# ---- parts of the text ----


@dataclass(frozen=True)
class _Part:
    """A stretch of the match string with its group tags expanded, and where the user wrote it.

    Attributes:
        text: The stretch.
        origins: For each of its characters, and its end, the index in `whole`.
        whole: The match string as the user wrote it.
    """

    text: str
    origins: Sequence[int]
    whole: str

    def cut(self, start: int, end: int | None = None) -> "_Part":
        """Return the part of this from `start` to `end`."""
        end = len(self.text) if end is None else end
        return _Part(self.text[start:end], self.origins[start : end + 1], self.whole)

    def error(self, problem: str, position: int = 0) -> MatchSyntaxError:
        """Return the error that points at the character at `position`."""
        return MatchSyntaxError(problem, self.whole, self.origins[position])


def _expand_tag_groups(text: str, groups: Mapping[str, tuple[str, ...]]) -> _Part:
    """Return `text` with a regexp of tags for each group tag.

    Like org-tags-expand, this asks only that the tag is a word outside of `{...}`: it
    ignores case, and does not spare keywords, names of properties and quoted text.
    """
    if not groups:
        return _Part(text, range(len(text) + 1), text)
    longest_first = sorted(groups, key=len, reverse=True)
    group_tag = compile_emacs_regexp(rf"\<{_any_of_tags(longest_first)}\>", also_word=TAG_WORD)
    regexps = _find_regexps(text)
    pieces: list[str] = []
    origins: list[int] = []
    done = 0
    for found in group_tag.finditer(text):
        start = found.start()
        if any(start in span for span in regexps):
            continue
        regexp = _group_regexp(found.group(), groups)
        pieces += (text[done:start], regexp)
        origins += (*range(done, start), *([start] * len(regexp)))
        done = found.end()
    return _Part("".join((*pieces, text[done:])), [*origins, *range(done, len(text) + 1)], text)


def _find_regexps(text: str) -> list[range]:
    """Return where `{...}` stand in `text`."""
    regexps: list[range] = []
    end = 0
    while (start := text.find("{", end)) >= 0 and (end := text.find("}", start + 2) + 1):
        regexps.append(range(start, end))
    return regexps


def _any_of_tags(tags: Iterable[str]) -> str:
    return r"\(?:" + r"\|".join(map(quote_emacs_regexp, tags)) + r"\)"


def _group_regexp(group_tag: str, groups: Mapping[str, tuple[str, ...]]) -> str:
    """Return the term that finds a group tag, its members and theirs (org--tags-expand-group)."""
    names: list[str] = []
    regexps: list[str] = []
    pending, seen = [group_tag], {group_tag}
    while pending:
        tag = pending.pop()
        if found := re.search(r"\{(.+?)\}", tag):
            regexps.append(found[1])  # a member in braces is a regexp itself
        else:
            names.append(tag)
        members = [member for member in groups.get(tag, ()) if member not in seen]
        pending += members
        seen.update(members)
    return "{" + r"\|".join((rf"\<{_any_of_tags(names)}\>", *regexps)) + "}"


def _split_todo(part: _Part) -> tuple[_Part, _Part | None]:
    """Return the sides of the last `/`, or of the last run of them.

    Org looks at no braces here, so the slash of `path={a/b}` splits it, and that of
    `path={a/b}/` does not. A quote after the slash shows that it stands in a text.
    """
    slashes = list(re.finditer("/+", part.text))
    if not slashes or '"' in part.text[slashes[-1].end() :]:
        return part, None
    return part.cut(0, slashes[-1].start()), part.cut(slashes[-1].end())


def _split_alternatives(part: _Part, bar: str) -> list[_Part]:
    """Return the parts between bars; one bar at either end is ignored (org-split-string)."""
    bars = [found.start() for found in re.finditer(bar, part.text)]
    alternatives = [part.cut(start + 1, end) for start, end in pairwise((-1, *bars, len(part.text)))]
    if bars and not alternatives[0].text:
        del alternatives[0]
    if bars and alternatives and not alternatives[-1].text:
        del alternatives[-1]
    return alternatives


# ---- terms ----

# The regexp of org-make-tags-matcher; `\w` is its `[[:alnum:]_]`, see `_shadow`.
_TERM = compile_late(
    r"""&?(?P<sign>[-+:])?
    (?P<term> (?P<regexp>\{[^}]+\})
    | (?P<name>(?:\w|\\\S)+)(?P<operator>[<=>]=?|[!/]=|<>)(?P<star>\*)?
      (?P<operand>\{[^}]+\}|"[^"]*"|-?[.0-9]+(?:[eE][-+]?[0-9]+)?)
    | [\w@\#%]+)""",
    re.VERBOSE,
)
_OPERATOR = compile_late("[<=>]|[!/]=")
_UNCLOSED = compile_late(r"""(?:[<>=!/]+\*?)?(?=\{[^}]*\Z|"[^"]*\Z)""")
_SIGN = compile_late("&?[-+:]?")


def _read_terms(part: _Part) -> Iterator[re.Match[str]]:
    """Yield the terms of one alternative; that they cover it is what Org does not check."""
    shadow = _shadow(part.text)
    position = 0
    while position < len(shadow):
        found = _TERM.match(shadow, position)
        if not found:
            raise _unreadable(part, position)
        yield found
        position = found.end()


def _shadow(text: str) -> str:
    r"""Return `text` with letters for combining marks, which are letters to Emacs, and not to `\w`."""
    if text.isascii():
        return text
    return "".join("a" if unicodedata.category(character)[0] == "M" else character for character in text)


def _unreadable(part: _Part, position: int) -> MatchSyntaxError:
    """Return the error for a part that cannot be read on from `position`."""
    if sign := _SIGN.match(part.text, position):
        position = sign.end()
    rest = part.text[position:]
    if not rest:
        problem = "A tag or a property is missing"
    elif rest.startswith("{}"):
        problem = "There is no regexp in these braces,"
    elif unclosed := _UNCLOSED.match(rest):
        position += unclosed.end()
        problem = f"This `{rest[unclosed.end()]}` is not closed before the next `|`, or before the last `/`,"
    elif _OPERATOR.match(rest):
        problem = 'A number, a "text" or a {regexp} must follow the name and this operator,'
    elif rest[0].isspace() or rest[0] in ",()":
        problem = "Terms are joined by `+`, `-`, `&` and `|` only,"
    else:
        problem = f"`{rest[0]}` cannot stand here,"
    return part.error(problem, position)


def _read_tags(part: _Part, now: datetime.datetime) -> _Predicate:
    alternatives: list[_Predicate] = []
    # A `\|` is of a regexp, whatever is around it.
    for alternative in _split_alternatives(part, r"(?<!\\)\|"):
        if not alternative.text:
            raise alternative.error("There is nothing between two `|`")
        terms = [_read_tag_term(alternative, found, now) for found in _read_terms(alternative)]
        alternatives.append(_all_of(terms))
    return _any_of(alternatives)


def _read_tag_term(part: _Part, found: re.Match[str], now: datetime.datetime) -> _Predicate:
    if found["regexp"]:
        predicate = _match_any_tag(_compile_regexp(part.cut(*found.span("regexp")), TAG_WORD))
    elif found["name"]:
        predicate = _read_property(part, found, now)
    else:
        predicate = _has_tag(part.text[slice(*found.span("term"))])
    return _not(predicate) if found["sign"] == "-" else predicate


def _has_tag(tag: str) -> _Predicate:
    return lambda entry: tag in entry.all_tags


def _match_any_tag(regexp: re.Pattern[str]) -> _Predicate:
    search = regexp.search
    return lambda entry: any(search(tag) for tag in entry.all_tags)


def _compile_regexp(part: _Part, also_word: str = "") -> re.Pattern[str]:
    """Return the pattern of a `{regexp}`."""
    try:
        return compile_emacs_regexp(part.text[1:-1], also_word=also_word)
    except MatchSyntaxError as error:
        raise part.error(error.problem, error.position + 1) from None


def _read_todo(part: _Part) -> _Predicate:
    alternatives: list[_Predicate] = []
    # Org repairs a split at `\|` on the side of the tags only, so that no regexp here can have one.
    for alternative in _split_alternatives(part, r"\|"):
        terms = [_read_keyword(alternative, found) for found in _read_terms(alternative)]
        if terms:
            alternatives.append(_all_of(terms))
    return _any_of(alternatives)


def _read_keyword(part: _Part, found: re.Match[str]) -> _Predicate:
    term = part.cut(*found.span("term"))
    predicate = _match_state(_compile_regexp(term)) if found["regexp"] else _has_state(term.text)
    return _not(predicate) if found["sign"] == "-" else predicate


def _has_state(keyword: str) -> _Predicate:
    return lambda entry: entry.state == keyword


def _match_state(regexp: re.Pattern[str]) -> _Predicate:
    # Without a keyword Org ends in a Lisp error here.
    search = regexp.search
    return lambda entry: entry.state is not None and search(entry.state) is not None


# ---- properties ----


def _tag_string(tags: tuple[str, ...]) -> str | None:
    return f":{':'.join(tags)}:" if tags else None


# What org-entry-properties does not look up in the drawer. FILE, BLOCKED and CLOCKSUM are not here.
_SPECIAL: Mapping[str, Callable[[MatchEntry], str | None]] = {
    "LEVEL": lambda entry: str(entry.level),
    "TODO": lambda entry: entry.state,
    "PRIORITY": lambda entry: entry.priority or "B",  # org-priority-default
    "ITEM": lambda entry: entry.title,
    "TAGS": lambda entry: _tag_string(entry.tags),
    "ALLTAGS": lambda entry: _tag_string(entry.all_tags),
    "SCHEDULED": lambda entry: entry.scheduled,
    "DEADLINE": lambda entry: entry.deadline,
    "CLOSED": lambda entry: entry.closed,
    "TIMESTAMP": lambda entry: entry.timestamp,
    "TIMESTAMP_IA": lambda entry: entry.timestamp_ia,
    "CATEGORY": lambda entry: entry.category,
}

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "/=": operator.ne,
}

# The `timep` of org-make-tags-matcher
_TIME = compile_late(r'"[\[<](?:[0-9]+|now|today|tomorrow|[+-][0-9]+[dmwy]).*[\]>]"', re.IGNORECASE)
_SHIFT = compile_late(r"<([-+][0-9]+)([dwmy])>")
_DAY = 86400.0
_DAYS = {"d": 1, "w": 7, "m": 31, "y": 365.25}
# org-ts-regexp0
_TIMESTAMP = compile_late(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?: +[^]+0-9>\r\n -]+)?(?: +([0-9]{1,2}):([0-9]{2}))?")
_NUMBER = compile_late(r"[ \t]*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)")

_LONGEST_INT = 1000  # Python refuses to read an int of thousands of digits


def _read_property(part: _Part, found: re.Match[str], now: datetime.datetime) -> _Predicate:
    # `\-` is how a name with a minus in it is written.
    name = re.sub(r"\\(.)", r"\1", part.text[slice(*found.span("name"))])
    value_of = _SPECIAL.get(name.upper()) or _drawer_property(name)
    compare = _read_comparison(part.cut(*found.span("operand")), _OPERATORS[found["operator"]], now)
    if not found["star"]:
        return lambda entry: compare(value_of(entry) or "")

    def compare_existing(entry: MatchEntry) -> bool:
        value = value_of(entry)
        return value is not None and compare(value)

    return compare_existing


def _drawer_property(name: str) -> Callable[[MatchEntry], str | None]:
    def value_of(entry: MatchEntry) -> str | None:
        value = entry.property(name)
        return None if value == "nil" else value  # org-not-nil

    return value_of


def _read_comparison(part: _Part, compare: Callable[[Any, Any], bool], now: datetime.datetime) -> _Comparison:
    """Return the comparison of a property's value with an operand, by the operand's kind."""
    operand = part.text
    if operand.startswith("{"):
        search = _compile_regexp(part).search
        wanted = compare is not operator.ne  # all other operators mean that it matches
        return lambda value: (search(value) is not None) is wanted
    if _TIME.fullmatch(operand):
        return _compare_time(_read_time(operand[1:-1], now), compare)
    if operand.startswith('"'):
        text = operand[1:-1]
        return lambda value: compare(value, text)
    number = _read_number(operand)
    return lambda value: compare(_read_number(value), number)


def _read_number(text: str) -> float:
    """Return the number that `text` begins with, else 0 (string-to-number)."""
    found = _NUMBER.match(text)
    if not found:
        return 0
    whole = found[1].lstrip("-+").isdigit() and len(found[1]) <= _LONGEST_INT
    return int(found[1]) if whole else float(found[1])


def _compare_time(moment: float, compare: Callable[[Any, Any], bool]) -> _Comparison:
    """Return the comparison of a timestamp with `moment`; a missing one is neither before nor after."""
    if compare is operator.ne:
        compare = operator.eq  # org-time<> is written `\=`, which Lisp reads as `=`

    def compare_timestamp(value: str) -> bool:
        seconds = _read_timestamp(value)
        return seconds > 0 and moment > 0 and compare(seconds, moment)

    return compare_timestamp


def _read_time(text: str, now: datetime.datetime) -> float:
    """Return the moment that a time operand means, else 0 (org-matcher-time)."""
    today = time.mktime((now.year, now.month, now.day, 0, 0, 0, 0, 0, -1))
    named = {"<now>": now.timestamp(), "<today>": today, "<tomorrow>": today + _DAY}
    if text in named:
        return named[text]
    shift = _SHIFT.fullmatch(text)
    return today + float(shift[1]) * _DAYS[shift[2]] * _DAY if shift else _read_timestamp(text)


def _read_timestamp(text: str) -> float:
    """Return the moment of the first date in `text`, else 0 (org-2ft)."""
    found = _TIMESTAMP.search(text)
    if not found:
        return 0.0
    year, month, day, hour, minute = (int(number or 0) for number in found.groups())
    try:
        # Like Emacs's encode-time this takes 30 February to be 2 March.
        return time.mktime((year, month, day, hour, minute, 0, 0, 0, -1))
    except (OverflowError, ValueError):
        return 0.0
