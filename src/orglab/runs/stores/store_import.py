"""Record the runs that a tracker keeps as runs of the log, each once: under an id that is made of the tracker's."""

import datetime
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from orglab import clock
from orglab.errors import NotReadableError
from orglab.experiment.model import Experiment
from orglab.git import Repository
from orglab.log.log import LogFile
from orglab.runs.log_writer import write_run
from orglab.runs.metrics.candidates import keep_numbers
from orglab.runs.metrics.metrics_source import MetricsSource
from orglab.runs.metrics.reading import MetricsRows
from orglab.runs.metrics.values import Row, is_step_name
from orglab.runs.pending import remove_pending
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run, read_runs
from orglab.runs.record_writer import write_ended_record
from orglab.runs.secrets import mask_argv, mask_text, mask_values
from orglab.runs.sources.registry import TITLES
from orglab.runs.sources.tracked_run import TrackedRun
from orglab.runs.stores.stored_run import StoredExperiment, StoredRun
from orglab.text import Tell

TRACKERS = {**{name: TITLES[name] for name in ("mlflow", "wandb", "trackio")}, "dvc": "DVC"}
"""What each tracker is called whose runs can be imported."""

_DIGITS = 12
_LATEST = 7_258_118_399  # the last second of 2199
_SHORT = 7
_HISTORY = 100_000  # rows that are kept
_PARAMETERS = 2000
_TEXT = 2000  # characters of a parameter
_SILENT = 86_400.0  # seconds after which a run without an end is taken for one that was lost


class RunPlan(NamedTuple):
    """Which runs of an experiment are imported.

    Attributes:
        new: Those that are not recorded yet.
        known: How many are.
        going_on: How many go on, and are not imported yet.
    """

    new: tuple[StoredRun, ...]
    known: int
    going_on: int


def read_experiments(tracker: str, repository: Repository | None, path: Path) -> list[StoredExperiment]:
    """Return the experiments in the store of a tracker.

    Args:
        tracker: One of `TRACKERS`.
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The file or folder.

    Raises:
        NotFoundError: It does not exist.
        NotReadableError: It is not that tracker's, or cannot be read.
    """
    found: list[StoredExperiment] = import_module(f"orglab.runs.stores.{tracker}_store").read_store(repository, path)
    return found


class RunImport:
    """Records the runs of a store, and adds their notes to a log."""

    def __init__(self, log: LogFile) -> None:
        """Read which runs are recorded already, by orglab itself too."""
        self._log = log
        runs = read_runs(log.top)
        self._ids = {run.id for run in runs}
        self._tracked = {(one.tracker, one.id) for run in runs for one in run.trackers}

    def plan(self, experiment: StoredExperiment) -> RunPlan:
        """Return which runs of an experiment are to be imported."""
        unknown = [
            run for run in experiment.runs
            if (run.tracker, run.id) not in self._tracked and make_run_id(run) not in self._ids
        ]  # fmt: skip
        now = clock.now().timestamp()
        going_on = [run for run in unknown if run.status == "running" and run.seen > now - _SILENT]
        new = tuple(run for run in unknown if run not in going_on)
        return RunPlan(new, len(experiment.runs) - len(unknown), len(going_on))

    def write(self, stored: StoredRun, experiment: Experiment, commits: Mapping[str, str], tell: Tell) -> Run | None:
        """Record a run, and add its note to an experiment; None if it is recorded already.

        Args:
            stored: The run.
            experiment: The experiment.
            commits: The short hashes of the commits that the repository has, by their full ones.
            tell: Called with each message for the user.

        Raises:
            NotWritableError: The record or the log cannot be written.
        """
        sources = [_open_source(one) for one in _find_metrics(stored, tell)]
        rows = chain.from_iterable(source.read_rows(tell) for source in sources if source.is_history)
        describe = partial(self._describe, stored, experiment, sources, commits, tell)
        entry = write_ended_record(self._log, make_run_id(stored), rows, describe)
        if entry is None or entry.run is None:
            return None
        run = read_run(entry.run)
        if run is not None:
            write_run(self._log, run, tell)
            remove_pending(entry)
        return run

    def _describe(
        self, stored: StoredRun, experiment: Experiment, sources: Iterable[MetricsSource], commits: Mapping[str, str],
        tell: Tell,
    ) -> dict[str, object]:  # fmt: skip
        """Return the fields of a record, after the histories were read."""
        commit = stored.commit if stored.commit in commits else None
        parameters = mask_values(
            {
                name: value[:_TEXT] if isinstance(value, str) else value
                for name, value in list(stored.parameters.items())[:_PARAMETERS]
            }
        )
        why = stored.describe(TRACKERS[stored.tracker], parameters)
        if stored.commit and commit is None:
            why += f"\ncommit {stored.commit[:_SHORT]}, which is not in this repository"
        created = experiment.created
        fields: dict[str, object] = {
            "ref": experiment.ref, "log": self._log.name,
            "experiment": {"title": experiment.title, **({"created": created.isoformat()} if created else {})},
            "argv": list(mask_argv(stored.argv or (stored.name or stored.id,))), "why": mask_text(why),
            "began": _format_moment(stored.began), "before": commit, "hash": commits.get(commit or ""),
            "parameters": parameters,
            "trackers": [{"tracker": stored.tracker, "id": stored.id}],
            **_describe_end(stored), **_summarize(sources, self._log.config.metrics, tell),
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value is not None and value not in ([], {})}


def make_run_id(run: StoredRun) -> str:
    """Return the id of a run in the log: the same whenever, and in whichever clone, it is imported."""
    began = datetime.datetime.fromtimestamp(_bound(run.began), datetime.UTC)
    digest = hashlib.sha256(f"{run.tracker} {run.id}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{began:%Y%m%d-%H%M%S}-{digest[:_DIGITS]}"


def _bound(seconds: float) -> float:
    return min(max(seconds, 0.0), _LATEST)


def _format_moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(_bound(seconds), datetime.UTC).astimezone().isoformat(timespec="seconds")


def _describe_end(stored: StoredRun) -> dict[str, object]:
    """Return how and when a run ended."""
    found: dict[str, object] = {}
    if stored.ended is not None:
        found["ended"] = _format_moment(stored.ended)
        found["seconds"] = max(0.0, _bound(stored.ended) - _bound(stored.began))
    if stored.status == "running":
        return {**found, "lost": True}
    if stored.status == "killed":
        return {**found, "signal": "a signal"}
    code = stored.exit_code if stored.exit_code is not None else int(stored.status != "done")
    return {**found, "exit_code": code}


def _find_metrics(stored: StoredRun, tell: Tell) -> list[TrackedRun]:
    try:
        return stored.find_metrics()
    except NotReadableError as error:
        tell(str(error))
        return []


def _open_source(found: TrackedRun) -> MetricsSource:
    def read() -> Iterator[Row]:
        for row in map(keep_numbers, MetricsRows(found.read(), is_history=found.is_history)):
            if row.keys() - {"step"}:
                yield row

    return MetricsSource(None, read, is_history=found.is_history, limit=_HISTORY)


def _summarize(sources: Iterable[MetricsSource], settings: Mapping[str, str], tell: Tell) -> dict[str, object]:
    """Return the last, smallest and largest values of metrics; those of a history have been read."""
    metrics: Row = {}
    extremes: dict[str, dict[str, list[float]]] = {}
    diverged: dict[str, float | None] = {}
    for source in sources:
        if not source.is_history or not source.summary.final:
            deque(source.read_rows(tell), maxlen=0)
        metrics = {**source.summary.final, **metrics}
        extremes = {**source.summary.extremes, **extremes}
        diverged = {**source.summary.diverged, **diverged}
    order = {name: place for place, name in enumerate(settings)}
    names = sorted(filter(None, metrics), key=lambda name: (order.get(name, len(order)), is_step_name(name)))
    return {
        "metrics": {name: metrics[name] for name in names if name != "step"},
        "extremes": extremes,
        "diverged": diverged,
    }
