"""What was tried before: experiments that are like a text or another experiment, and a map of all.

It only reads the log; how likeness is found is in `orglab.similar`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from orglab.errors import NotFoundError
from orglab.log import Log
from orglab.model import Experiment
from orglab.similar.collection import Features
from orglab.similar.explain import Why, explain, telling_line
from orglab.similar.features import Record, features, question
from orglab.similar.fusion import MOST_SHOWN, find_alike
from orglab.similar.lexicon import Lexicon, read_lexicon
from orglab.similar.topics import Topic, make_topics

# Of an experiment that runs for a year, the first notes say what it is about.
_MOST_NOTES = 10
_REFERENCE = re.compile(r"\[?[A-Za-z0-9_-]+(?:\.[0-9]+)?\]?")


class Precedent(NamedTuple):
    """An experiment that tried the same idea.

    Attributes:
        experiment: The experiment.
        score: How sure that is, in log-odds.
        why: What both have.
    """

    experiment: Experiment
    score: float
    why: Why

    @property
    def outcome(self) -> str:
        """What came of it, in a line."""
        return outcome(self.experiment)


class Map(NamedTuple):
    """What was tried, by topic.

    Attributes:
        experiments: The experiments.
        topics: Their numbers, by tag and idea.
    """

    experiments: list[Experiment]
    topics: list[Topic]


def record(experiment: Experiment) -> Record:
    """Return the texts of an experiment that are compared."""
    notes = tuple(note.text for note in experiment.notes[:_MOST_NOTES])
    steps = tuple(step.text for step in experiment.steps)
    return Record(experiment.title, experiment.description, steps + notes, experiment.conclusion.text)


def outcome(experiment: Experiment) -> str:
    """Return what came of an experiment in a line, or how far it is."""
    if line := telling_line(experiment.conclusion.text):
        return line
    done, total = experiment.progress
    return f"no conclusion yet ({done} of {total} steps done)" if total else "no conclusion yet"


def precedents(log: Log, text: str, *, most: int = MOST_SHOWN) -> list[Precedent]:
    """Return the experiments that tried the same idea, the surest first; none if none is sure enough.

    Args:
        log: The log.
        text: The idea in words, or the reference of an experiment, in any spelling: then the others are searched.
        most: How many at the most.

    Raises:
        NotFoundError: The text is a reference, and there is no such experiment.
    """
    experiment = _referred(log, text)
    if experiment is None:
        return precedents_like(log, question(text), most=most)
    # What came of it is no part of what was asked.
    steps = tuple(step.text for step in experiment.steps)
    asked = Record(experiment.title, experiment.description, steps)
    return precedents_like(log, asked, most=most, but=experiment.id)


def precedents_like(log: Log, asked: Record, *, most: int = MOST_SHOWN, but: str | None = None) -> list[Precedent]:
    """Return the experiments that tried the idea of a record, which may not be in the log yet.

    Args:
        log: The log.
        asked: The idea.
        most: How many at the most.
        but: The id of an experiment that is not to be found.
    """
    lexicon = read_lexicon(log.terms())
    experiments = log.experiments()
    excluded = next((number for number, one in enumerate(experiments) if one.id == but), None)
    collection = Features(_features(experiments, lexicon))
    matches = find_alike(features(asked, lexicon), collection, most=most, but=excluded)
    return [Precedent(experiments[one.number], one.score, explain(one, asked)) for one in matches]


def _referred(log: Log, text: str) -> Experiment | None:
    """Return the experiment that a text names; None for a text that is none of the references there are."""
    words = text.strip()
    if not _REFERENCE.fullmatch(words):
        return None
    try:
        return log.experiment(words)
    except NotFoundError:
        # `dropout` is a word, and could be an id: `e201` and `[e201]` can be nothing else.
        if any(map(str.isdigit, words)) or words.startswith("["):
            raise
        return None


def map_of(log: Log, match: str | None = None, tags: Sequence[str] = ()) -> Map:
    """Return what was tried, by topic.

    Args:
        log: The log.
        match: An Org match string; only what it selects is on the map.
        tags: Only what carries all of them is.
    """
    lexicon = read_lexicon(log.terms())
    found = [one for one in log.select(match) if all(tag in one.tags for tag in tags)]
    usual = {log.config.tag, *log.config.tags, *tags}
    topics = [next((tag for tag in one.tags if tag not in usual), "") for one in found]
    return Map(found, make_topics(topics, _features(found, lexicon)))


def _features(experiments: Sequence[Experiment], lexicon: Lexicon) -> list[dict[str, float]]:
    return [features(record(one), lexicon) for one in experiments]
