"""An experiment found as similar, with its outcome and the reason."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orglab.search.similar.explanation import Why

SURE_FROM = -2.0
"""The log-odds from which `orglab new --gate` stops: for .91 of the ideas in `tests/similar` that were tried, and for
.13 of the new ones; something is shown for .97 and .22 of them."""


class Precedent(NamedTuple):
    """An experiment that tried the same idea.

    Attributes:
        score: The confidence, in log-odds.
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
    why: "Why"
    id: str
    ref: str
    title: str
    state: str | None
    verdict: str | None
    outcome: str
    file: str
    line: int

    @property
    def is_sure(self) -> bool:
        """Whether it surely tried the idea, so that `orglab new --gate` stops."""
        return self.score >= SURE_FROM
