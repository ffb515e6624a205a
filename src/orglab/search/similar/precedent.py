"""An experiment found as similar, with its outcome and the reason."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orglab.search.similar.explanation import Why

SURE = "surely the same idea"
"""What is said of an experiment that surely tried the idea of a question."""


class Precedent(NamedTuple):
    """An experiment that is close to an idea.

    Attributes:
        score: The confidence that it tried the idea, in log-odds.
        is_sure: Whether it surely tried the idea, so that `orglab new` shows it and `orglab new --gate` stops.
        why: What the experiment and the question have in common.
        id: The id.
        ref: The reference.
        title: The title.
        state: The TODO keyword, or None.
        verdict: The verdict, or None.
        outcome: The outcome in one line.
        file: The log.
        line: The 1-based line of the heading.
    """

    score: float
    is_sure: bool
    why: "Why"
    id: str
    ref: str
    title: str
    state: str | None
    verdict: str | None
    outcome: str
    file: str
    line: int

    def __str__(self) -> str:
        """Return how close it is, and why, as one line; empty if neither can be said."""
        return "; ".join(filter(None, (SURE if self.is_sure else "", str(self.why))))
