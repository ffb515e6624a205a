"""What a user types to `search`, read: any text is a query.

    dropout encoder        both words, anywhere in an experiment, a commit or a journal entry
    "learning rate"        these words, in this order
    -warmup                not this word, or phrase, or field
    drop*                  what begins so
    lr=3e-4  ResNet-50     whole; its parts are found by themselves too
    tag:nlp state:DONE verdict:refuted since:2026-01-01 until:2w in:conclusion

What looks like a field but names none, such as `http://...`, is text.
"""

import re
from typing import TYPE_CHECKING

from orglab.errors import UsageError
from orglab.search.folding import fold, is_plain, words_of

if TYPE_CHECKING:
    import datetime

FIELDS = ("tag", "state", "verdict", "since", "until", "in")
PLACES = {
    "title": ("title",), "description": ("description",), "step": ("step",), "note": ("note",),
    "conclusion": ("conclusion",), "commit": ("message",), "journal": ("entry",), "tag": ("tags",),
}  # fmt: skip
# Nobody types more; SQLite has a limit of its own for how deep an expression is.
MOST_TERMS = 64
_PIECE = re.compile(r'(-?)(?:([A-Za-z]+):)?(?:"([^"]*)(?:"|\Z)(\*?)|([^\s"]+))')


class Term:
    """A word or phrase to look for.

    Attributes:
        text: It, folded.
        is_prefix: Whether what begins so is meant.
        is_excluded: Whether what has it is not wanted.
    """

    __slots__ = ("is_excluded", "is_prefix", "text")

    def __init__(self, text: str, *, is_prefix: bool, is_excluded: bool) -> None:
        """Stand for a term."""
        self.text = text
        self.is_prefix = is_prefix
        self.is_excluded = is_excluded

    def __repr__(self) -> str:
        """Return it about as it was typed."""
        return f"{'-' * self.is_excluded}{self.text}{'*' * self.is_prefix}"

    @property
    def is_plain(self) -> bool:
        """Whether the full-text index can find it; else the text itself is looked through."""
        return is_plain(self.text)

    @property
    def expression(self) -> str:
        """It as FTS5 reads it: a string, in which nothing has a meaning."""
        quoted = self.text.replace('"', '""')
        return f'"{quoted}"' + " *" * self.is_prefix


class Query:
    """What is looked for.

    Attributes:
        terms: The words and phrases.
        filters: The fields, as pairs of name and folded value, and whether that is not wanted.
        since: The first day, or None.
        until: The last day, or None.
        columns: Where to look; empty for everywhere.
    """

    def __init__(self) -> None:
        """Look for nothing."""
        self.terms: list[Term] = []
        self.filters: list[tuple[str, str, bool]] = []
        self.since: str | None = None
        self.until: str | None = None
        self.columns: tuple[str, ...] = ()

    @property
    def wanted(self) -> list[Term]:
        """The terms that are not excluded."""
        return [term for term in self.terms if not term.is_excluded]

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is asked."""
        return not (self.terms or self.filters or self.since or self.until)

    def expression(self, joint: str = " AND ") -> str | None:
        """Return what FTS5 is asked for: the terms that it can find, joined; None if there is none."""
        return self._within(joint.join(term.expression for term in self.wanted if term.is_plain))

    def phrase(self) -> str | None:
        """Return the words in the order that they were typed, as FTS5 reads it; None if there are not several."""
        terms = self.wanted
        if len(terms) < 2 or not all(term.is_plain for term in terms):  # noqa: PLR2004 - one word is no phrase
            return None
        joined = Term(" ".join(term.text for term in terms), is_prefix=terms[-1].is_prefix, is_excluded=False)
        return self._within(joined.expression)

    def excluded(self) -> str | None:
        """Return what FTS5 is to leave out; None if nothing."""
        found = " OR ".join(term.expression for term in self.terms if term.is_excluded and term.is_plain)
        return found or None

    def _within(self, expression: str) -> str | None:
        if not expression:
            return None
        return f"{{{' '.join(self.columns)}}} : ({expression})" if self.columns else expression


def read_query(text: str, today: "datetime.date") -> Query:
    """Return what a text asks for.

    Args:
        text: Any text.
        today: The day it is.

    Raises:
        UsageError: A field has a value that it cannot have, such as a date that is none.
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
        is_prefix = bool(star) or (not phrase and len(value) > 1 and value.endswith("*") and bool(words_of(value[-2])))
        folded = fold(value.removesuffix("*") if is_prefix and not star else value).strip()
        key = (folded, is_prefix, bool(minus))
        if folded and key not in seen and len(query.terms) < MOST_TERMS:
            seen.add(key)
            query.terms.append(Term(folded, is_prefix=is_prefix, is_excluded=bool(minus)))
    query.columns = tuple(dict.fromkeys(columns))
    return query


def _read_field(query: Query, name: str, value: str, today: "datetime.date", *, is_excluded: bool) -> tuple[str, ...]:
    """Put a field into a query; return the columns that it names."""
    if name == "in":
        place = value.lower().removesuffix("s")
        if place not in PLACES or is_excluded:
            raise UsageError(f"'in:' cannot be {value!r}; it is one of {', '.join(PLACES)}.")
        return PLACES[place]
    if name in ("since", "until"):
        from orglab.clock import parse_since  # noqa: PLC0415 - few ask for days

        setattr(query, name, parse_since(value, today).isoformat())
    else:
        query.filters.append((name, fold(value).strip(":"), is_excluded))
    return ()
