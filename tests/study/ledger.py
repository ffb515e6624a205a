"""What happened in a study, as its plan decided it: all that the truth is computed from."""

import datetime
from dataclasses import dataclass, field

WEEK = datetime.timedelta(weeks=1)
MONDAY = datetime.datetime(2026, 1, 5)  # noqa: DTZ001 - the log holds local times
WEEKS = [MONDAY + number * WEEK for number in range(11)]

Code = frozenset


@dataclass
class Run:
    """A run; `metrics` are its last values, None for one that is not finite, and `rows` all that it reported."""

    id: str
    ref: str | None
    argv: list
    script: str
    parameters: dict
    seed: str | None
    code: Code
    began: datetime.datetime
    ended: datetime.datetime
    status: str
    metrics: dict
    rows: list
    exit_code: int | None = 0
    asked_by: str | None = None
    why: str | None = None
    before: str = ""
    results: str | None = None
    is_rerun: bool = False
    discarded: str | None = None

    @property
    def setting(self):
        """What the runs of a setting have in common."""
        return self.ref, self.script, frozenset(self.parameters.items())

    def best(self, metric, direction):
        """The best value that it reported; the runs without a history have one row."""
        values = [row[metric] for row in self.rows if row.get(metric) is not None]
        return (min if direction == "min" else max)(values, default=None)


@dataclass
class Event:
    """Something that happened to an experiment; `at` is to the minute where the log tells the time."""

    at: datetime.datetime
    precision: str
    kind: str
    ref: str
    text: str | None = None
    commit: str | None = None
    run: str | None = None
    facts: dict = field(default_factory=dict)

    @property
    def key(self):
        """The time with the precision that is known."""
        return self.at.replace(second=0) if self.precision == "minute" else self.at


@dataclass
class Step:
    """A step, and when it was done."""

    ref: str
    text: str
    commits: list = field(default_factory=list)
    done: Event | None = None


@dataclass
class Experiment:
    """An experiment; its events are in the order in which they happened."""

    id: str
    title: str
    steps: list
    created: datetime.datetime
    claim: str | None = None
    baseline: str | None = None
    events: list = field(default_factory=list)
    states: list = field(default_factory=list)  # (time, keyword)
    conclusions: list = field(default_factory=list)  # (time, verdict, text)

    @property
    def ref(self):
        """The reference."""
        return f"e{self.id}"

    def step(self, number):
        """The step with a number."""
        return self.steps[number - 1]


@dataclass
class Commit:
    """A commit, the experiments and steps that its message names, and whether it changes only the log."""

    hash: str
    at: datetime.datetime
    refs: list
    is_of_log: bool = False


@dataclass
class Ledger:
    """Everything that happened."""

    experiments: dict = field(default_factory=dict)
    runs: list = field(default_factory=list)
    commits: list = field(default_factory=list)

    def runs_of(self, experiment, until=datetime.datetime.max):  # noqa: DTZ901 - the same
        """The runs of an experiment that began before a time."""
        return [
            run for run in self.runs
            if run.ref is not None and run.ref.partition(".")[0] == experiment.ref and run.began < until
        ]  # fmt: skip
