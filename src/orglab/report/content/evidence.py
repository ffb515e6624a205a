"""Claims: the facts behind the statements of a report, in a form that can be verified later."""

import datetime
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orglab.errors import NotFoundError

KINDS = ("experiment", "created", "closed", "step", "text", "verdict", "state", "conclusion", "change", "note",
         "journal", "commit", "run", "metric", "figures", "confirmed")  # fmt: skip
EVIDENCE = "orglab report"
_VERSION = 2


class Claim(NamedTuple):
    """One fact that supports a statement.

    Attributes:
        kind: One of KINDS.
        about: The reference of an experiment or step, with the label of a setting for figures; the full hash of a
            commit, or the id of a run.
        name: The property: a metric's name, `seconds`, `title`, the time of a note, ...; or empty.
        says: The claimed value: `done`, a verdict, a number, the digest of a text; None: only that it exists.
    """

    kind: str
    about: str
    name: str = ""
    says: str | float | None = None


def digest_text(text: str) -> str:
    """Return the digest of a quoted text; line wrapping does not affect it."""
    words = " ".join(text.split()).encode("utf-8", "surrogateescape")
    return hashlib.sha256(words).hexdigest()[:16]


class StoredStatement(NamedTuple):
    """A statement of a report as stored in its evidence.

    Attributes:
        text: The statement.
        claims: The claims that support it.
    """

    text: str
    claims: tuple[Claim, ...]


def to_evidence(statements: Iterable[StoredStatement], head: Mapping[str, object]) -> dict[str, object]:
    """Return statements as JSON values, with each claim stored once.

    Args:
        statements: The statements.
        head: Further fields about the report.
    """
    indices: dict[Claim, int] = {}
    stored = [
        {
            "text": statement.text,
            "claims": [indices.setdefault(claim, len(indices)) for claim in dict.fromkeys(statement.claims)],
        }
        for statement in statements
    ]
    return {
        "kind": EVIDENCE,
        "version": _VERSION,
        **head,
        "claims": [list(claim) for claim in indices],
        "statements": stored,
    }


def from_evidence(evidence: Mapping[str, Any]) -> list[StoredStatement]:
    """Return the statements stored in evidence.

    Raises:
        NotFoundError: The evidence is not that of a report, is of another version, or is incomplete.
    """
    if evidence.get("kind") != EVIDENCE:
        raise NotFoundError("The evidence in the file is not that of a report.")
    if evidence.get("version") != _VERSION:
        raise NotFoundError("The report was written by another version of orglab; write it again to check it.")
    try:
        claims = [_read_claim(values) for values in evidence["claims"]]
        return [
            StoredStatement(str(fields["text"]), tuple(claims[index] for index in fields["claims"] if index >= 0))
            for fields in evidence["statements"]
        ]
    except (KeyError, TypeError, IndexError, ValueError):
        raise NotFoundError("Cannot read the evidence in the report; it may be incomplete.") from None


def read_until(evidence: Mapping[str, Any]) -> datetime.datetime | None:
    """Return the end of the period that evidence is about, in local time; None if it does not say so."""
    try:
        until = datetime.datetime.fromisoformat(evidence["until"])
    except (KeyError, TypeError, ValueError):
        return None
    return until if until.tzinfo is None else None


def _read_claim(values: Sequence[Any]) -> Claim:
    kind, about, name, says = values
    if not (isinstance(kind, str) and isinstance(about, str) and isinstance(name, str)):
        raise TypeError(values)
    if not (says is None or (isinstance(says, str | int | float) and not isinstance(says, bool))):
        raise TypeError(values)
    return Claim(kind, about, name, says)
