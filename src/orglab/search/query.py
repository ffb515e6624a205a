"""The query syntax of `orglab search`; any text is a valid query.

    dropout encoder        both words, anywhere in an experiment, a commit or a journal entry
    "learning rate"        these words, in this order
    -warmup                without this word, phrase or field
    drop*                  words with this prefix
    lr=3e-4  ResNet-50     the whole term; its parts can also be searched by themselves
    tag:nlp state:DONE verdict:refuted since:2026-01-01 until:2w in:conclusion

Text with an unknown field name, such as `http://...`, is an ordinary word.
"""

import re
from typing import TYPE_CHECKING

from orglab.errors import UsageError
from orglab.search.folding import fold, is_plain, split_words

if TYPE_CHECKING:
    import datetime

FIELDS = ("tag", "state", "verdict", "since", "until", "in")
PLACES = {
    "title": ("title",), "description": ("description",), "step": ("step",), "note": ("note",),
    "conclusion": ("conclusion",), "commit": ("message",), "journal": ("entry",), "tag": ("tags",),
}  # fmt: skip
# More than anyone types; SQLite limits the depth of an expression.
MOST_TERMS = 64
_PIECE = re.compile(r'(-?)(?:([A-Za-z]+):)?(?:"([^"]*)(?:"|\Z)(\*?)|([^\s"]+))')


class Term:
    """A word or phrase to search for.

    Attributes:
        text: The folded text.
        is_prefix: Whether to match words that begin with the text.
        is_excluded: Whether to exclude documents with the term.
    """

    __slots__ = ("is_excluded", "is_prefix", "text")

    def __init__(self, text: str, *, is_prefix: bool, is_excluded: bool) -> None:
        """Create a term."""
        self.text = text
        self.is_prefix = is_prefix
        self.is_excluded = is_excluded

    def __repr__(self) -> str:
        """Return the term roughly as it was typed."""
        return f"{'-' * self.is_excluded}{self.text}{'*' * self.is_prefix}"

    @property
    def is_plain(self) -> bool:
        """Whether the full-text index can find the term; if not, the texts are searched directly."""
        return is_plain(self.text)

    @property
    def expression(self) -> str:
        """The term as an FTS5 string, in which no character is special."""
        quoted = self.text.replace('"', '""')
        return f'"{quoted}"' + " *" * self.is_prefix


class Query:
    """A parsed query.

    Attributes:
        terms: The words and phrases.
        filters: The fields: name, folded value, and whether documents with the value are excluded.
        since: The first day, or None.
        until: The last day, or None.
        columns: The columns to search; empty for all.
    """

    def __init__(self) -> None:
        """Create an empty query."""
        self.terms: list[Term] = []
        self.filters: list[tuple[str, str, bool]] = []
        self.since: str | None = None
        self.until: str | None = None
        self.columns: tuple[str, ...] = ()

    @property
    def included(self) -> list[Term]:
        """The terms that are not excluded."""
        return [term for term in self.terms if not term.is_excluded]

    @property
    def is_empty(self) -> bool:
        """Whether the query has no terms, fields or days."""
        return not (self.terms or self.filters or self.since or self.until)

    def expression(self, joint: str = " AND ") -> str | None:
        """Return the FTS5 expression of the terms that FTS5 can find, joined by `joint`; None if there are none."""
        return self._within(joint.join(term.expression for term in self.included if term.is_plain))

    def phrase(self) -> str | None:
        """Return the FTS5 expression of all words as one phrase, in the order typed; None for fewer than two words."""
        terms = self.included
        if len(terms) < 2 or not all(term.is_plain for term in terms):  # noqa: PLR2004 - one word is no phrase
            return None
        joined = Term(" ".join(term.text for term in terms), is_prefix=terms[-1].is_prefix, is_excluded=False)
        return self._within(joined.expression)

    def excluded(self) -> str | None:
        """Return the FTS5 expression of the excluded terms; None if there are none."""
        return " OR ".join(term.expression for term in self.terms if term.is_excluded and term.is_plain) or None

    def _within(self, expression: str) -> str | None:
        if not expression:
            return None
        return f"{{{' '.join(self.columns)}}} : ({expression})" if self.columns else expression


def read_query(text: str, today: "datetime.date") -> Query:
    """Return the query in a text.

    Args:
        text: Any text.
        today: The current day.

    Raises:
        UsageError: A field has an invalid value, such as an invalid date.
    """
    query = Query()
    seen = set()
    columns: list[str] = []
    for minus, field, phrase, star, word in _PIECE.findall(re.sub(r"[\x00-\x1f\x7f]", " ", text)):
        value = phrase or word
        name = field.lower()
        if name in FIELDS and value:
            columns += _read_field(query, name, value, today, is_excluded=bool(minus))
            continue
        value = f"{field}:{value}" if field else value
        is_prefix = bool(star) or (
            not phrase and len(value) > 1 and value.endswith("*") and bool(split_words(value[-2]))
        )
        folded = fold(value.removesuffix("*") if is_prefix and not star else value).strip()
        key = (folded, is_prefix, bool(minus))
        if folded and key not in seen and len(query.terms) < MOST_TERMS:
            seen.add(key)
            query.terms.append(Term(folded, is_prefix=is_prefix, is_excluded=bool(minus)))
    query.columns = tuple(dict.fromkeys(columns))
    return query


def _read_field(query: Query, name: str, value: str, today: "datetime.date", *, is_excluded: bool) -> tuple[str, ...]:
    """Add a field to a query; return the columns that it names."""
    if name == "in":
        place = value.lower().removesuffix("s")
        if place not in PLACES or is_excluded:
            raise UsageError(f"Invalid field {'-' * is_excluded}in:{value}; use in: with one of {', '.join(PLACES)}.")
        return PLACES[place]
    if name in ("since", "until"):
        from orglab.clock import parse_since, parse_until  # noqa: PLC0415 - few queries have dates

        parse = parse_since if name == "since" else parse_until
        setattr(query, name, parse(value, today).isoformat())
    else:
        query.filters.append((name, fold(value).strip(":"), is_excluded))
    return ()
