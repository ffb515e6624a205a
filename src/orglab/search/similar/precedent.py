"""The answer to a question: which experiments, what came of them, and why they are like it."""

from __future__ import annotations

from typing import NamedTuple

from orglab.search.similar.explain import Why, explain
from orglab.search.similar.features import Record, features
from orglab.search.similar.fusion import MOST_SHOWN, find_alike

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from orglab.experiment.model import Experiment
    from orglab.search.similar.collection import Collection
    from orglab.search.similar.lexicon import Lexicon
    from orglab.search.similar.postings import Shown


class Precedent(NamedTuple):
    """An experiment that tried the same idea.

    Attributes:
        number: Its number among the experiments of the log.
        score: How sure that is, in log-odds.
        why: What both have.
        id: Its id.
        title: Its title.
        state: Its TODO keyword, or None.
        verdict: Its verdict, or None.
        outcome: What came of it, in a line.
        file: The log.
        ref: How others refer to it.
        line: The 1-based line of its heading.
    """

    number: int
    score: float
    why: Why
    id: str
    title: str
    state: str | None
    verdict: str | None
    outcome: str
    file: str = ""
    ref: str = ""
    line: int = 0

    def standing(self, file: str, ref: str, line: int) -> Precedent:
        """Return it with where it stands, and how others refer to it."""
        return self._replace(file=file, ref=ref, line=line)


def answer(
    asked: Record,
    lexicon: Lexicon,
    collection: Collection,
    shown: Callable[[int], Shown],
    *,
    most: int = MOST_SHOWN,
    but: int | None = None,
) -> list[Precedent]:
    """Return the experiments that tried the idea of a question, the surest first; none if none is sure enough.

    Args:
        asked: The question.
        lexicon: What means the same.
        collection: The experiments.
        shown: What is shown of one of them.
        most: How many at the most.
        but: The number of one that is not to be found.
    """
    found = find_alike(features(asked, lexicon), collection, most=most, but=but)
    return [Precedent(one.number, round(one.score, 2), explain(one, asked), *shown(one.number)) for one in found]


def asked_by(experiment: Experiment) -> Record:
    """Return what an experiment asks: what came of it is no part of that."""
    return Record(experiment.title, experiment.description, tuple(step.text for step in experiment.steps))
