"""The answer to a question: which experiments, what came of them, and why they are like it."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orglab.search.similar.explanation import Why


class Precedent(NamedTuple):
    """An experiment that tried the same idea.

    Attributes:
        score: How sure that is, in log-odds.
        why: What both have.
        id: Its id.
        ref: How others refer to it.
        title: Its title.
        state: Its TODO keyword, or None.
        verdict: Its verdict, or None.
        outcome: What came of it, in a line.
        file: The log.
        line: The 1-based line of its heading.
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
