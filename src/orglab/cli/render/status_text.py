"""The output of `orglab status`."""

from collections.abc import Iterator

from orglab.api.status import Status
from orglab.cli import output
from orglab.config import shorten_path
from orglab.experiment.states import describe_kinds
from orglab.runs.record import Run
from orglab.runs.unfinished import NO_STEP
from orglab.text import count, file_size, listed

_LABEL = 12
# The number of pending entries and runs that are named.
_MOST = 3


def status_lines(status: Status) -> Iterator[str]:
    """Yield a line for each part of the status."""
    total = sum(status.counts.values())
    kinds = describe_kinds(status.counts)
    unsent = f" ({count(status.unsent, 'commit')} not sent; run `orglab sync`)" if status.unsent else ""
    where = f"; its history is the branch {status.branch}{unsent}" if status.branch is not None else ""
    states = f" ({kinds})" if kinds else ""
    yield from _line("Log", f"{status.log}: {count(total, 'experiment')}{states}{where}")
    if status.conflict is not None:
        hint = "nothing is written to the log until the conflict is resolved"
        yield from _line("Conflict", f"a git conflict marker in line {status.conflict}; {hint}")
    yield from _line("Active", _describe_active(status))
    yield from _line("Uncommitted", _describe_changes(status))
    if status.missing:
        hint = "since git took them out (run `orglab check`)"
        yield from _line("Missing", f"{count(status.missing, 'part')} of the log, {hint}")
    yield from _line("Pending", _describe_pending(status))
    if status.pending_results:
        from orglab.runs.log_writer import NOT_OWN  # noqa: PLC0415 - few runs wait

        runs = listed((f"{name}: {why}" for name, why in status.pending_results.items()), _MOST)
        named = " RUN" if NOT_OWN in status.pending_results.values() else ""
        yield from _line("Results", f"{runs} (not committed yet; `orglab commit --results{named}` commits them here)")
    if status.homeless:
        runs = listed((f"{name} ({log})" for name, log in status.homeless.items()), _MOST)
        hint = "not in a log, because that is not here; if you moved it, tell git by `git add`, or commit the move"
        yield from _line("Not here", f"{runs}: {hint}")
    if status.running:
        yield from _line("Running", listed(map(_describe_running, status.running), _MOST))
    for sweep in status.sweeps[:_MOST]:
        how = "" if sweep.is_at_work else "; `orglab sweep resume` goes on with it"
        done = f"{sweep.ended} of {count(sweep.total, 'version')}"
        yield from _line("Sweep", f"{sweep.id} ({sweep.ref}): {done}{how}")
    if status.hooks is not None:
        hint = "" if status.hooks == "installed" else "; run `orglab setup git`"
        yield from _line("Git hooks", status.hooks + hint)
    size = file_size(status.records_size)
    records = f"{count(status.run_count, 'run')}, {size} in {shorten_path(str(status.records))}"
    yield from _line("Runs", records if status.run_count else "none recorded")
    if status.unassigned:
        hint = "; see `orglab runs assign --help`"
        yield from _line("Unassigned", listed(status.unassigned, _MOST) + hint)


def _line(label: str, text: str) -> list[str]:
    """Return a label and a text, wrapped beside it."""
    return output.wrap(text, " " * (_LABEL + 1), output.paint(f"{label:<{_LABEL}}", bold=True) + " ")


def _describe_active(status: Status) -> str:
    active = status.active
    if active is None:
        return "none; choose one with `orglab start`, or add one with `orglab new`"
    if active.duplicate is not None:
        return f"{active.ref}: {active.duplicate}"
    if active.experiment is None:
        return f"{active.ref}, which is not in this log"
    if active.step is not None:
        return f"{active.ref}  {active.step.text}  ({active.experiment.title})"
    return f"{active.ref}  {active.experiment.title}"


def _describe_changes(status: Status) -> str:
    if not status.is_in_git:
        return "unknown: the log is not in a git repository"
    own = f"{' and '.join(status.uncommitted)} (run `orglab commit`)" if status.uncommitted else ""
    others = count(status.changed, "other file" if own else "file") if status.changed else ""
    known = " and ".join(filter(None, (own, others))) or "nothing"
    if not status.unknown:
        return known
    why = "their filter is in the settings of this repository, and is not run"
    return f"{known}; unknown: {listed(status.unknown, _MOST)} ({why})"


def _describe_pending(status: Status) -> str:
    if not status.pending:
        return "nothing"
    if status.conflict is not None:
        return f"{listed(status.pending, _MOST)} (not in the log until the conflict is resolved)"
    if not status.reasons:
        return f"{listed(status.pending, _MOST)} (not in the log yet; the next command writes it)"
    names = (f"{name}: {status.reasons[name]}" if name in status.reasons else name for name in status.pending)
    hint = "; `orglab sync --here` writes it" if {*status.reasons.values()} - {NO_STEP} else ""
    return f"{listed(names, _MOST)} (not in the log yet{hint})"


def _describe_running(run: Run) -> str:
    unobserved = ", unobserved: its orglab was killed" if run.status == "unobserved" else ""
    return f"{run.id} ({run.ref or 'no experiment'}{unobserved})"
