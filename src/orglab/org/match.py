r"""Org's match strings, such as `+exp-@work+loss<*0.5/!-WAIT`.

`compile_match` follows `org-make-tags-matcher` of Org 9.8 rule by rule, including
its surprises, with one exception: where Org cannot parse the rest, it drops it and
so matches more than requested; here that is a MatchSyntaxError.

A match string is `TAGS/TODO`.  Both sides consist of alternatives joined by `|`; each
alternative consists of terms joined by nothing, `&`, `+`, `:` or `-` ("and not").  A
term is a tag, a `{regexp}` for tags, or a property comparison: name, operator (with
`*`, the property must exist) and a number, `"text"`, `"<time>"` or `{regexp}`.  On the
TODO side, a term is a keyword or a `{regexp}` for keywords, and a leading `!` requires
a state that is not done.
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
from orglab.org.emacs_regexp import TAG_WORD, compile_emacs_regexp, compile_search, quote_emacs_regexp
from orglab.org.syntax import compile_late


class MatchEntry(Protocol):
    """What a match string can ask about a heading.

    Timestamps are strings as written in the file, such as `[2026-06-01 Mon 10:00]`.
    """

    @property
    def level(self) -> int:
        """The level of the heading."""

    @property
    def state(self) -> str | None:
        """The TODO keyword, or None."""

    @property
    def is_done(self) -> bool:
        """Whether the TODO keyword is a done state."""

    @property
    def priority(self) -> str | None:
        """The priority: `A` for `[#A]`."""

    @property
    def title(self) -> str:
        """The text of the heading without keyword, priority and tags."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The heading's own tags."""

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags of the file, of the ancestors and of the heading, each once."""

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
        """The first active timestamp outside the planning line."""

    @property
    def timestamp_ia(self) -> str | None:
        """The first inactive timestamp outside the planning line."""

    @property
    def category(self) -> str | None:
        """The category: its own, inherited or the file's."""

    def property(self, name: str) -> str | None:
        """Return the value of a property in the drawer; `name` is case-insensitive."""


_Predicate = Callable[[MatchEntry], bool]
_Comparison = Callable[[str], bool]


@dataclass(frozen=True)
class Match:
    """A compiled match string."""

    text: str
    _accepts: _Predicate = field(repr=False, compare=False)

    def matches(self, entry: MatchEntry) -> bool:
        """Return whether the match string selects `entry`."""
        return self._accepts(entry)


_NO_GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def compile_match(
    text: str,
    *,
    now: datetime.datetime,
    tag_groups: Mapping[str, tuple[str, ...]] = _NO_GROUPS,
) -> Match:
    """Return the compiled match string, for use on any number of headings.

    Args:
        text: The match string.
        now: The time that `<now>`, `<today>`, `<+1w>` etc. refer to; local time if it has no time zone.
        tag_groups: Group tags and their members (`#+TAGS: [ ml : nlp vision ]`).  `ml` also matches
            `nlp` and `vision`, and their members in turn.

    Raises:
        MatchSyntaxError: Org could not parse the whole string.
    """
    if not text.strip(" \t\r\n"):
        raise MatchSyntaxError("Nothing to match", text, 0)
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


# ---- parts of the match string ----


@dataclass(frozen=True)
class _Part:
    """A part of the match string with group tags expanded, and where it is in the original.

    Attributes:
        text: The text of the part.
        origins: For each character of `text`, and for its end, the index in `whole`.
        whole: The match string as the user wrote it.
    """

    text: str
    origins: Sequence[int]
    whole: str

    def cut(self, start: int, end: int | None = None) -> "_Part":
        """Return the part from `start` to `end`."""
        end = len(self.text) if end is None else end
        return _Part(self.text[start:end], self.origins[start : end + 1], self.whole)

    def error(self, problem: str, position: int = 0) -> MatchSyntaxError:
        """Return the error that points at the character at `position`."""
        return MatchSyntaxError(problem, self.whole, self.origins[position])


def _expand_tag_groups(text: str, groups: Mapping[str, tuple[str, ...]]) -> _Part:
    """Return `text` with each group tag replaced by a regexp for its tags.

    Like org-tags-expand, this replaces any word outside `{...}` that equals a group tag, ignoring
    case, even if it is a keyword, a property name or quoted text.
    """
    if not groups:
        return _Part(text, range(len(text) + 1), text)
    longest_first = sorted(groups, key=len, reverse=True)
    group_tag = compile_emacs_regexp(rf"\<{_any_of_tags(longest_first)}\>", also_word=TAG_WORD)
    regexps = _find_regexps(text)
    pieces: list[str] = []
    origins: list[int] = []
    done = 0
    for match in group_tag.finditer(text):
        start = match.start()
        if any(start in span for span in regexps):
            continue
        regexp = _group_regexp(match.group(), groups)
        pieces += (text[done:start], regexp)
        origins += (*range(done, start), *([start] * len(regexp)))
        done = match.end()
    return _Part("".join((*pieces, text[done:])), [*origins, *range(done, len(text) + 1)], text)


def _find_regexps(text: str) -> list[range]:
    """Return the ranges of the `{...}` in `text`."""
    regexps: list[range] = []
    end = 0
    while (start := text.find("{", end)) >= 0 and (end := text.find("}", start + 2) + 1):
        regexps.append(range(start, end))
    return regexps


def _any_of_tags(tags: Iterable[str]) -> str:
    return r"\(?:" + r"\|".join(map(quote_emacs_regexp, tags)) + r"\)"


def _group_regexp(group_tag: str, groups: Mapping[str, tuple[str, ...]]) -> str:
    """Return the term for a group tag and its members, recursively (org--tags-expand-group)."""
    names: list[str] = []
    regexps: list[str] = []
    pending, seen = [group_tag], {group_tag}
    while pending:
        tag = pending.pop()
        if match := re.search(r"\{(.+?)\}", tag):
            regexps.append(match[1])  # a member in braces is itself a regexp
        else:
            names.append(tag)
        members = [member for member in groups.get(tag, ()) if member not in seen]
        pending += members
        seen.update(members)
    return "{" + r"\|".join((rf"\<{_any_of_tags(names)}\>", *regexps)) + "}"


def _split_todo(part: _Part) -> tuple[_Part, _Part | None]:
    """Return the two sides of the last `/` or run of slashes; the second is None if there is no slash.

    Org ignores braces here: `path={a/b}` is split at its slash, `path={a/b}/` at the last one.
    If a quote follows the last slash, the slash is taken to be inside quoted text.
    """
    slashes = list(re.finditer("/+", part.text))
    if not slashes or '"' in part.text[slashes[-1].end() :]:
        return part, None
    return part.cut(0, slashes[-1].start()), part.cut(slashes[-1].end())


def _split_alternatives(part: _Part, bar: str) -> list[_Part]:
    """Return the parts between bars, ignoring one bar at either end (org-split-string)."""
    bars = [match.start() for match in re.finditer(bar, part.text)]
    alternatives = [part.cut(start + 1, end) for start, end in pairwise((-1, *bars, len(part.text)))]
    if bars and not alternatives[0].text:
        del alternatives[0]
    if bars and alternatives and not alternatives[-1].text:
        del alternatives[-1]
    return alternatives


# ---- terms ----

# The regexp of org-make-tags-matcher, with `\w` for its `[[:alnum:]_]`; see `_shadow`.
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
    """Yield the terms of one alternative.

    Raises:
        MatchSyntaxError: The terms do not cover the alternative; Org does not check this.
    """
    shadow = _shadow(part.text)
    position = 0
    while position < len(shadow):
        term = _TERM.match(shadow, position)
        if not term:
            raise _unreadable(part, position)
        yield term
        position = term.end()


def _shadow(text: str) -> str:
    r"""Return `text` with combining marks replaced by letters: Emacs counts them as letters, `\w` does not."""
    if text.isascii():
        return text
    return "".join("a" if unicodedata.category(character)[0] == "M" else character for character in text)


def _unreadable(part: _Part, position: int) -> MatchSyntaxError:
    """Return the error for a part that cannot be parsed from `position` on."""
    if sign := _SIGN.match(part.text, position):
        position = sign.end()
    rest = part.text[position:]
    if not rest:
        problem = "Expected a tag or property"
    elif rest.startswith("{}"):
        problem = "Empty regexp"
    elif unclosed := _UNCLOSED.match(rest):
        position += unclosed.end()
        problem = f"Unclosed `{rest[unclosed.end()]}` (it must be closed before the next `|` and the last `/`)"
    elif _OPERATOR.match(rest):
        problem = 'Expected a property, an operator and a number, "text" or {regexp}'
    elif rest[0].isspace() or rest[0] in ",()":
        problem = "Invalid character (join terms with `+`, `-`, `&` or `|` only)"
    else:
        problem = f"Unexpected `{rest[0]}`"
    return part.error(problem, position)


def _read_tags(part: _Part, now: datetime.datetime) -> _Predicate:
    alternatives: list[_Predicate] = []
    # A `\|` always belongs to a regexp.
    for alternative in _split_alternatives(part, r"(?<!\\)\|"):
        if not alternative.text:
            raise alternative.error("Expected a term between two `|`")
        terms = [_read_tag_term(alternative, term, now) for term in _read_terms(alternative)]
        alternatives.append(_all_of(terms))
    return _any_of(alternatives)


def _read_tag_term(part: _Part, term: re.Match[str], now: datetime.datetime) -> _Predicate:
    if term["regexp"]:
        predicate = _match_any_tag(_compile_regexp(part.cut(*term.span("regexp")), TAG_WORD))
    elif term["name"]:
        predicate = _read_property(part, term, now)
    else:
        predicate = _has_tag(part.text[slice(*term.span("term"))])
    return _not(predicate) if term["sign"] == "-" else predicate


def _has_tag(tag: str) -> _Predicate:
    return lambda entry: tag in entry.all_tags


def _match_any_tag(search: _Comparison) -> _Predicate:
    return lambda entry: any(search(tag) for tag in entry.all_tags)


def _compile_regexp(part: _Part, also_word: str = "") -> _Comparison:
    """Return the search for a `{regexp}`, which raises a MatchSyntaxError if it takes too long."""
    try:
        return compile_search(part.text[1:-1], lambda: part.error("Regexp takes too long", 1), also_word=also_word)
    except MatchSyntaxError as error:
        raise part.error(error.problem, error.position + 1) from None


def _read_todo(part: _Part) -> _Predicate:
    alternatives: list[_Predicate] = []
    # Org handles `\|` on the tags side only, so a regexp on the TODO side cannot contain one.
    for alternative in _split_alternatives(part, r"\|"):
        terms = [_read_keyword(alternative, term) for term in _read_terms(alternative)]
        if terms:
            alternatives.append(_all_of(terms))
    return _any_of(alternatives)


def _read_keyword(part: _Part, term: re.Match[str]) -> _Predicate:
    keyword = part.cut(*term.span("term"))
    predicate = _match_state(_compile_regexp(keyword)) if term["regexp"] else _has_state(keyword.text)
    return _not(predicate) if term["sign"] == "-" else predicate


def _has_state(keyword: str) -> _Predicate:
    return lambda entry: entry.state == keyword


def _match_state(search: _Comparison) -> _Predicate:
    # Org raises a Lisp error here if there is no keyword.
    return lambda entry: entry.state is not None and search(entry.state)


# ---- properties ----


def _tag_string(tags: tuple[str, ...]) -> str | None:
    return f":{':'.join(tags)}:" if tags else None


# Special properties, which org-entry-properties does not read from the drawer.  FILE, BLOCKED and CLOCKSUM are missing.
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

_LONGEST_INT = 1000  # Python refuses to parse an int with thousands of digits


def _read_property(part: _Part, term: re.Match[str], now: datetime.datetime) -> _Predicate:
    # A minus in a name is written `\-`.
    name = re.sub(r"\\(.)", r"\1", part.text[slice(*term.span("name"))])
    get_value = _SPECIAL.get(name.upper()) or _drawer_property(name)
    compare = _read_comparison(part.cut(*term.span("operand")), _OPERATORS[term["operator"]], now)
    if not term["star"]:
        return lambda entry: compare(get_value(entry) or "")

    def compare_existing(entry: MatchEntry) -> bool:
        value = get_value(entry)
        return value is not None and compare(value)

    return compare_existing


def _drawer_property(name: str) -> Callable[[MatchEntry], str | None]:
    def get_value(entry: MatchEntry) -> str | None:
        value = entry.property(name)
        return None if value == "nil" else value  # org-not-nil

    return get_value


def _read_comparison(part: _Part, compare: Callable[[Any, Any], bool], now: datetime.datetime) -> _Comparison:
    """Return the comparison of a property value with an operand, depending on the type of the operand."""
    operand = part.text
    if operand.startswith("{"):
        search = _compile_regexp(part)
        must_match = compare is not operator.ne  # any other operator means that the regexp matches
        return lambda value: search(value) is must_match
    if _TIME.fullmatch(operand):
        return _compare_time(_read_time(operand[1:-1], now), compare)
    if operand.startswith('"'):
        text = operand[1:-1]
        return lambda value: compare(value, text)
    number = _read_number(operand)
    return lambda value: compare(_read_number(value), number)


def _read_number(text: str) -> float:
    """Return the number that `text` starts with, or 0 (string-to-number)."""
    match = _NUMBER.match(text)
    if not match:
        return 0
    is_int = match[1].lstrip("-+").isdigit() and len(match[1]) <= _LONGEST_INT
    return int(match[1]) if is_int else float(match[1])


def _compare_time(moment: float, compare: Callable[[Any, Any], bool]) -> _Comparison:
    """Return the comparison of a timestamp with `moment`; it is False for a missing timestamp."""
    if compare is operator.ne:
        compare = operator.eq  # org-time<> uses `\=`, which Lisp reads as `=`

    def compare_timestamp(value: str) -> bool:
        seconds = _read_timestamp(value)
        return seconds > 0 and moment > 0 and compare(seconds, moment)

    return compare_timestamp


def _read_time(text: str, now: datetime.datetime) -> float:
    """Return the time that an operand means, or 0 (org-matcher-time)."""
    today = time.mktime((now.year, now.month, now.day, 0, 0, 0, 0, 0, -1))
    named = {"<now>": now.timestamp(), "<today>": today, "<tomorrow>": today + _DAY}
    if text in named:
        return named[text]
    shift = _SHIFT.fullmatch(text)
    return today + float(shift[1]) * _DAYS[shift[2]] * _DAY if shift else _read_timestamp(text)


def _read_timestamp(text: str) -> float:
    """Return the time of the first date in `text`, or 0 (org-2ft)."""
    match = _TIMESTAMP.search(text)
    if not match:
        return 0.0
    year, month, day, hour, minute = (int(number or 0) for number in match.groups())
    try:
        # Like Emacs's encode-time, this turns 30 February into 2 March.
        return time.mktime((year, month, day, hour, minute, 0, 0, 0, -1))
    except (OverflowError, ValueError):
        return 0.0
