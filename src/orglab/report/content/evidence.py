"""Claims: what a statement of a report rests on, in a form that can be asked again later."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orglab.errors import NotFoundError

KINDS = ("experiment", "created", "step", "text", "verdict", "state", "conclusion", "change", "note", "journal",
         "commit", "run", "metric")  # fmt: skip
EVIDENCE = "orglab report"


class Claim(NamedTuple):
    """One fact that a statement rests on.

    Attributes:
        kind: One of KINDS.
        about: The reference of an experiment or step, a full hash, or the id of a run.
        name: What of it: a metric's name, `seconds`; else empty.
        says: What it was: `done`, a verdict, a number, a digest of a text; None: only that it is there.
    """

    kind: str
    about: str
    name: str = ""
    says: str | float | None = None


def digest_text(text: str) -> str:
    """Return the digest of a text that a report quotes; how its lines are filled does not matter."""
    words = " ".join(text.split()).encode("utf-8", "surrogateescape")
    return hashlib.sha256(words).hexdigest()[:16]


class StoredStatement(NamedTuple):
    """A statement of a report, read back, and what it rests on.

    Attributes:
        text: The statement.
        claims: Its claims.
    """

    text: str
    claims: tuple[Claim, ...]


def to_evidence(statements: Iterable[StoredStatement], head: Mapping[str, object]) -> dict[str, object]:
    """Return statements as JSON values, each claim written once.

    Args:
        statements: The statements.
        head: What else the document says of itself.
    """
    places: dict[Claim, int] = {}
    listed = [
        {"text": one.text, "claims": [places.setdefault(claim, len(places)) for claim in dict.fromkeys(one.claims)]}
        for one in statements
    ]
    return {"kind": EVIDENCE, "version": 1, **head, "claims": [list(claim) for claim in places], "statements": listed}


def from_evidence(evidence: Mapping[str, Any]) -> list[StoredStatement]:
    """Return the statements that JSON values hold.

    Raises:
        NotFoundError: They are not those of a report.
    """
    try:
        if evidence["kind"] != EVIDENCE or evidence["version"] != 1:
            raise NotFoundError("The evidence in the report is of another version of orglab; write the report anew.")
        claims = [_read_claim(one) for one in evidence["claims"]]
        return [
            StoredStatement(str(one["text"]), tuple(claims[place] for place in one["claims"] if place >= 0))
            for one in evidence["statements"]
        ]
    except (KeyError, TypeError, IndexError, ValueError):
        raise NotFoundError("The evidence in the report cannot be read; it may have been cut off.") from None


def _read_claim(values: Sequence[Any]) -> Claim:
    kind, about, name, says = values
    if not (isinstance(kind, str) and isinstance(about, str) and isinstance(name, str)):
        raise TypeError(values)
    if not (says is None or (isinstance(says, str | int | float) and not isinstance(says, bool))):
        raise TypeError(values)
    return Claim(kind, about, name, says)
