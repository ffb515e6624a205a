"""What is not finished in a log: runs that go on, sweeps that are not over, notes and results that are pending."""

from typing import NamedTuple

from orglab.log.log import LogFile
from orglab.runs.log_runs import LogRuns
from orglab.runs.pending import PendingEntry, find_homeless, find_pending
from orglab.runs.record import Run

NO_STEP = "the log does not have its step"
"""Why a run is pending until the log changes."""


class OpenSweep(NamedTuple):
    """A sweep that is not over.

    Attributes:
        id: Its id.
        ref: Its step or experiment.
        ended: How many of its versions have ended.
        total: How many it has.
        is_at_work: Whether it goes on; else it was stopped or interrupted.
    """

    id: str
    ref: str
    ended: int
    total: int
    is_at_work: bool


class Unfinished(NamedTuple):
    """What is not finished.

    Attributes:
        pending: The references of steps and ids of runs that are recorded but not written to the log yet.
        reasons: Why those of the pending runs are pending that belong to another HEAD, or to no step of the log, by id.
        pending_results: Why the results of a run are not committed yet, by the id of the run.
        homeless: The same for logs that no longer have their path, with that path relative to the top.
        running: The runs that have not ended; those whose orglab was killed are `unobserved`.
        unassigned: The ids of the runs that belong to no experiment.
        sweeps: The sweeps that are not over.
    """

    pending: tuple[str, ...]
    reasons: dict[str, str]
    pending_results: dict[str, str]
    homeless: dict[str, str]
    running: tuple[Run, ...]
    unassigned: tuple[str, ...]
    sweeps: tuple[OpenSweep, ...]


def read_unfinished(log: LogFile, log_runs: LogRuns) -> Unfinished:
    """Return what is not finished in a log, given its runs."""
    entries = find_pending(log.top, log.path, log_runs.owns, with_postponed=True)
    waiting = {entry.name: entry.waiting for entry in entries if entry.waiting is not None}
    sweeps = _find_open_sweeps(entries)
    entries = [entry for entry in entries if entry.name not in {sweep.id for sweep in sweeps}]
    going_on = {run.id: run for run in log_runs.all if run.is_going_on}
    return Unfinished(
        tuple(entry.ref or entry.name for entry in entries if not entry.is_noted and entry.name not in going_on),
        {name: why.note for name, why in waiting.items() if why.note is not None}
        | {entry.name: NO_STEP for entry in entries if entry.is_postponed},
        {name: why.results for name, why in waiting.items() if why.results is not None},
        {name: path for name, path in find_homeless(log.top).items() if not log_runs.owns(path)},
        tuple(going_on.values()),
        tuple(run.id for run in log_runs.all if run.ref is None and run.discarded is None),
        sweeps,
    )


def _find_open_sweeps(entries: list[PendingEntry]) -> tuple[OpenSweep, ...]:
    """Return the sweeps among some pending entries that are not over."""
    folders = [entry.run for entry in entries if entry.is_sweep and entry.run is not None]
    if not folders:
        return ()
    from orglab.runs.record_reader import read_run  # noqa: PLC0415 - most logs have no open sweep
    from orglab.runs.sweeps.settlement import is_over  # noqa: PLC0415 - the same
    from orglab.runs.sweeps.sweep import Sweep  # noqa: PLC0415 - the same
    from orglab.runs.sweeps.tasks import ENDED  # noqa: PLC0415 - the same

    found = []
    # The record of one may be damaged.
    for sweep in (Sweep(record) for folder in folders if (record := read_run(folder)) is not None):
        if not is_over(sweep) or sweep.tasks.is_stopped:
            names = sweep.tasks.list_names()
            is_at_work = bool(sweep.list_workers()) or (sweep.where is not None and not sweep.tasks.is_stopped)
            total = sum(map(len, names.values()))
            found.append(OpenSweep(sweep.id, sweep.record.ref or "", len(names[ENDED]), total, is_at_work))
    return tuple(found)
