"""What happens in a log now: what is in progress, what waits, what was concluded last, and what runs."""

import bisect
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from orglab.experiment.lookup import is_active, leave_out_hidden
from orglab.experiment.model import Experiment, Step
from orglab.experiment.section_text import Note
from orglab.experiment.state_reason import read_reason
from orglab.experiment.states import count_kinds
from orglab.history.sources import Sources
from orglab.log.active_step import Active
from orglab.org.document import Document
from orglab.org.source import decode
from orglab.org.syntax import compile_late
from orglab.report.brief.short_text import shorten
from orglab.report.content.first_sentence import split_first_sentence
from orglab.report.content.headline import find_headline
from orglab.runs.unfinished import Unfinished, read_unfinished

_CLOSED = compile_late(rb"CLOSED: \[(\d{4}-\d{2}-\d{2}[^\]\n]*)\]")
_ROOM = 400  # bytes of a sentence
_SPARE = 3
"""Of how many times as many experiments as are shown the conclusions are read: some were concluded anew later."""


class InProgress(NamedTuple):
    """An experiment in progress.

    Attributes:
        experiment: The experiment.
        next: Its first steps that are not done.
        open: How many are not done.
        last_note: Its newest note, or None.
    """

    experiment: Experiment
    next: tuple[Step, ...]
    open: int
    last_note: Note | None


class Blocked(NamedTuple):
    """An experiment that waits.

    Attributes:
        experiment: The experiment.
        since: Since when, in ISO 8601; empty if the log does not tell.
        reason: Why; empty if the log does not tell.
    """

    experiment: Experiment
    since: str
    reason: str


class Concluded(NamedTuple):
    """An experiment that was concluded.

    Attributes:
        experiment: The experiment.
        sentence: The first sentence of its conclusion.
        figures: The result that it is about, in words; empty without a number.
    """

    experiment: Experiment
    sentence: str
    figures: str


class Overview(NamedTuple):
    """What happens in a log now.

    Attributes:
        counts: The number of experiments by kind of state, as `count_kinds` names them.
        active: The active experiment or step, or None.
        in_progress: The experiments in progress, the active one first, then those that were added last.
        blocked: The experiments that wait, those that were added last first.
        concluded: The experiments that were concluded last, the newest first.
        unfinished: What runs, and what waits to be written to the log.
    """

    counts: Counter[str]
    active: Active | None
    in_progress: tuple[InProgress, ...]
    blocked: tuple[Blocked, ...]
    concluded: tuple[Concluded, ...]
    unfinished: Unfinished


def read_overview(sources: Sources, most: int) -> Overview:
    """Return what happens in a log now.

    Args:
        sources: What is known about the log.
        most: How many experiments each part has at most.
    """
    log = sources.log
    experiments = leave_out_hidden(sources.document, sources.all_experiments)
    active = log.read_active(sources.document)
    doing = [one for one in reversed(experiments) if one.kind == "doing"]
    doing.sort(key=lambda one: not is_active(one, active.ref if active is not None else None))
    waiting = [one for one in reversed(experiments) if one.kind == "waiting"]
    return Overview(
        count_kinds(one.kind for one in experiments),
        active,
        tuple(map(_describe_progress, doing[:most])),
        tuple(Blocked(one, *read_reason(one)) for one in waiting[:most]),
        _read_concluded(sources, most),
        read_unfinished(log, sources.log_runs),
    )


def _describe_progress(experiment: Experiment) -> InProgress:
    steps = [step for step in experiment.steps if step.state != "done"]
    dated = [note for note in experiment.all_notes if note.at is not None]
    last = max(dated, key=lambda note: (note.at.isoformat() if note.at else "", note.line), default=None)
    return InProgress(experiment, tuple(steps[:_SPARE]), len(steps), last)


def _read_concluded(sources: Sources, most: int) -> tuple[Concluded, ...]:
    """Return the experiments that were concluded last, without reading the conclusions of all."""
    done = [one for one in sources.all_experiments if one.is_done and one.kind != "dropped"]
    ended = find_closing_times(sources.document, done)
    candidates = sorted(range(len(done)), key=lambda at: (ended[at], at), reverse=True)[: most * _SPARE]
    latest = [done[at] for at in candidates if done[at].conclusion.text or done[at].verdict]
    latest.sort(key=lambda one: one.concluded.isoformat() if one.concluded else "", reverse=True)
    return tuple(_describe_conclusion(one, sources) for one in latest[:most])


def _describe_conclusion(experiment: Experiment, sources: Sources) -> Concluded:
    conclusion = experiment.conclusion
    # A text that begins with a table or a list has no sentence.
    sentence = split_first_sentence(conclusion.text)[0] or conclusion.text
    headline = None
    if runs := sources.find_runs(experiment):
        headline = find_headline(sources.read_results(experiment, runs, is_alone=True), sentence)
    figures = headline.describe(conclusion.verdict or "") if headline is not None else ""
    return Concluded(experiment, shorten(sentence, _ROOM), figures)


def find_closing_times(document: Document, experiments: Sequence[Experiment]) -> list[str]:
    """Return when each experiment was closed last, as in the log; else when it was created, or an empty text.

    Args:
        document: The log.
        experiments: Experiments of it, in its order.
    """
    begins = [one.begin for one in experiments]
    times = [one.created.isoformat() if one.created else "" for one in experiments]
    for match in _CLOSED.finditer(document.text):
        at = bisect.bisect_right(begins, match.start()) - 1
        if at >= 0 and match.start() < experiments[at].end:
            times[at] = max(times[at], decode(match.group(1)))
    return times
