"""A brief as a value: what there is to say, the most useful first in each section."""

import datetime
from collections.abc import Mapping
from typing import NamedTuple

from orglab.runs.metrics.directions import Direction
from orglab.runs.parameters.arguments import Value

FEWEST_TOKENS = 200
"""The fewest tokens of a brief: room for the question, the active step, the best and the newest dead end."""
TOKENS = 1500
"""The tokens of a brief by default."""
SHORT_HASH = 9
"""How many digits of a hash are told."""
BYTES_PER_TOKEN = 3
"""How many bytes count as a token; hashes and numbers, of which a brief has many, make short tokens."""


class Situation(NamedTuple):
    """Where the reader is.

    Attributes:
        log: The path of the log from the top of the repository.
        branch: The branch that is checked out, empty for a detached HEAD; None without git.
        commit: The short hash of HEAD; None before the first commit, and without git.
        changed: How many files other than the log and the journal have uncommitted changes; None without git.
        counts: How many experiments there are of each kind of state, by `todo`, `doing`, `waiting`, `done`, `dropped`,
            and `without_state` for those without a TODO keyword.
        runs: How many runs are recorded.
        conflict: The line of the first git conflict marker in the log, or None.
    """

    log: str
    branch: str | None
    commit: str | None
    changed: int | None
    counts: Mapping[str, int]
    runs: int
    conflict: int | None


class ActiveWork(NamedTuple):
    """The active experiment.

    Attributes:
        ref: The active experiment or step.
        title: The title of the experiment; empty if the log does not have it, or has two with that id.
        question: Its description.
        step: The text of the active step; empty if none is.
        claim: What it claims in numbers, as written; empty without a claim.
        done: How many of its steps are done.
        total: How many it has.
        problem: Why the log does not tell more; empty if it does.
    """

    ref: str
    title: str = ""
    question: str = ""
    step: str = ""
    claim: str = ""
    done: int = 0
    total: int = 0
    problem: str = ""


class OpenStep(NamedTuple):
    """An open step of an experiment in progress, with the title of that."""

    ref: str
    text: str
    title: str


class Best(NamedTuple):
    """The setting with the best mean of a metric, or metrics that cannot be ranked.

    Attributes:
        metric: The name of the metric; of several that cannot be ranked, their names.
        direction: Whether less or more is better; None if that is not known, and then there is nothing below.
        figures: The mean in words, with its deviation and the number of runs.
        mean: The mean.
        sd: Its standard deviation; None for a single run.
        interval: Its 95 % confidence interval; None for a single run.
        n: How many runs it rests on.
        of: How many runs the setting has.
        ref: The step or experiment.
        label: What tells the setting from others, in words.
        parameters: The parameters that do.
        run: The id of the newest run.
        commit: The short hash of the commit of its code; None if it is not known.
        is_snapshot: Whether that commit is a snapshot, on no branch.
        differing: How many files of the working tree differ from that code; None if that cannot be told.
        repeated: If that is a single run, the reference of the best setting with several; None if there is none.
        repeated_mean: The mean of that one.
    """

    metric: str
    direction: Direction | None = None
    figures: str = ""
    mean: float | None = None
    sd: float | None = None
    interval: tuple[float, float] | None = None
    n: int | None = None
    of: int | None = None
    ref: str = ""
    label: str = ""
    parameters: Mapping[str, Value] = {}
    run: str = ""
    commit: str | None = None
    is_snapshot: bool = False
    differing: int | None = None
    repeated: str | None = None
    repeated_mean: float | None = None


class Standstill(NamedTuple):
    """That the newest runs were not better.

    Attributes:
        metric: The name of the metric.
        value: The best value of a run.
        runs: How many runs came after the one with that value.
        ref: The step or experiment of that run.
        run: Its id.
        at: When it began; None if that is unknown.
    """

    metric: str
    value: float
    runs: int
    ref: str
    run: str
    at: datetime.datetime | None


class LastVerdict(NamedTuple):
    """A conclusion with its number.

    Attributes:
        ref: The experiment.
        title: Its title.
        verdict: The verdict, or None.
        at: The day or time of the conclusion, in ISO 8601; empty if unknown.
        text: What it says in a sentence.
        figures: The number in words; empty without runs.
        metric: The metric that it is about, or None.
        mean: Its mean.
        n: How many runs that rests on.
        difference: The difference to the baseline; None without one.
        interval: The 95 % confidence interval of the difference, or None.
    """

    ref: str
    title: str
    verdict: str | None
    at: str
    text: str
    figures: str = ""
    metric: str | None = None
    mean: float | None = None
    n: int | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None


class Contradiction(NamedTuple):
    """What contradicts the conclusion of an experiment, in words."""

    ref: str
    text: str


class DeadEnd(NamedTuple):
    """An experiment that was refuted or dropped.

    Attributes:
        ref: The experiment.
        topic: Its topic, as `orglab tried` has it; empty without one.
        title: Its title.
        word: `refuted`, or its state.
        at: When it was closed, or else created, in ISO 8601; empty if unknown.
        reason: Why, in a sentence; empty if no reason is noted.
    """

    ref: str
    topic: str
    title: str
    word: str
    at: str
    reason: str


class Failure(NamedTuple):
    """Settings of which no run counts: all failed, diverged or were discarded, for one reason.

    Attributes:
        ref: The step or experiment.
        label: What tells the newest of them from other settings of the step; empty if nothing does.
        word: How the runs ended: `failed`, `killed`, `stopped`, `lost`, `discarded` or `diverged`.
        runs: How many did.
        settings: How many settings they are of.
        reason: Why; empty if that is not known.
        run: The id of the newest.
    """

    ref: str
    label: str
    word: str
    runs: int
    settings: int
    reason: str
    run: str


class Wait(NamedTuple):
    """Something that is not finished.

    Attributes:
        what: `experiment`, `run`, `sweep`, `note`, `results`, `duplicate`, `missing` or `unassigned`.
        ref: The reference, or the id of the run or the sweep; empty if it is about several.
        text: What it waits for, or how far it is.
        title: The title of the experiment; empty for anything else.
    """

    what: str
    ref: str
    text: str
    title: str = ""


class Brief(NamedTuple):
    """What to know before work on a log begins.

    Attributes:
        tokens: How many tokens it may take when it is written; see `fitting`.
        situation: Where the reader is.
        active: The active experiment, if there is one: a section of one entry, or of none.
        best: The best settings, by metric.
        dead_ends: The experiments that were refuted or dropped, the newest first.
        waits: What is not finished, the most urgent first.
        open_steps: The open steps of experiments in progress, those of the active one first.
        verdicts: The last conclusions, the newest first.
        standstills: The metrics in which the newest runs were no better, the most important first.
        contradictions: What contradicts the last conclusions.
        failures: The settings without a run that counts, the newest first.
        totals: How many entries each section would have, by its name: of a large log, only the first are read.
    """

    tokens: int
    situation: Situation
    active: tuple[ActiveWork, ...]
    best: tuple[Best, ...]
    dead_ends: tuple[DeadEnd, ...]
    waits: tuple[Wait, ...]
    open_steps: tuple[OpenStep, ...]
    verdicts: tuple[LastVerdict, ...]
    standstills: tuple[Standstill, ...]
    contradictions: tuple[Contradiction, ...]
    failures: tuple[Failure, ...]
    totals: Mapping[str, int]


SECTIONS = (
    "active", "best", "dead_ends", "waits", "open_steps", "verdicts", "standstills", "contradictions", "failures",
)  # fmt: skip
"""The sections of a brief, the most useful first: when there is no room for all, that is the order of what stays."""
