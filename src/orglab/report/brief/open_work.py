"""What a brief says of work that is not finished: the active experiment, open steps, and what waits."""

from collections import Counter
from collections.abc import Iterator, Sequence

from orglab.experiment.lookup import is_active
from orglab.experiment.model import Experiment
from orglab.experiment.state_reason import read_reason
from orglab.log.active_step import Active
from orglab.report.brief.brief import ActiveWork, OpenStep, Wait
from orglab.report.brief.short_text import shorten
from orglab.runs.description import command_text
from orglab.runs.step_results import read_claim
from orglab.runs.unfinished import Unfinished
from orglab.text import count, listed

_MOST_NAMED = 3


def describe_active(active: Active | None, room: int) -> tuple[ActiveWork, ...]:
    """Return the active experiment, if there is one; texts take at most `room` bytes each."""
    if active is None:
        return ()
    experiment, step = active.experiment, active.step
    if active.duplicate is not None:
        return (ActiveWork(shorten(active.ref, room), problem="two experiments have this id"),)
    if experiment is None or (step is None and active.ref != experiment.ref):
        return (ActiveWork(shorten(active.ref, room), problem="not in this log"),)
    claim = read_claim(experiment)
    done, total = experiment.progress
    title, question = shorten(experiment.title, room), shorten(experiment.description, room)
    words = shorten(claim.text, room) if claim is not None else ""
    text = shorten(step.text, room) if step is not None else ""
    return (ActiveWork(active.ref, title, question, text, words, done, total),)


def read_open_steps(
    experiments: Sequence[Experiment], active: str | None, most: int, room: int
) -> tuple[tuple[OpenStep, ...], int]:
    """Return the open steps of the experiments in progress, and how many there are.

    Those of the active experiment come first, then those of the experiments that were added last.

    Args:
        experiments: The experiments of the log, in its order.
        active: The active experiment or step.
        most: How many steps are read.
        room: The bytes of each text.
    """
    doing = [one for one in reversed(experiments) if one.kind == "doing"]
    doing.sort(key=lambda one: not is_active(one, active))
    total = sum(one.progress.total - one.progress.done for one in doing)
    found: list[OpenStep] = []
    for experiment in doing:
        if len(found) >= most:
            break
        steps = [step for step in experiment.steps if step.state != "done" and step.ref != active]
        total -= sum(step.ref == active and step.state != "done" for step in experiment.steps)
        found += [OpenStep(one.ref, shorten(one.text, room), shorten(experiment.title, room)) for one in steps]
    return tuple(found[:most]), total


def read_waits(
    experiments: Sequence[Experiment], open_work: Unfinished, missing: int, most: int, room: int
) -> tuple[tuple[Wait, ...], int]:
    """Return what is not finished, the most urgent first, and how much there is.

    Args:
        experiments: The experiments of the log, in its order.
        open_work: The runs, sweeps, notes and results that are not finished.
        missing: How many parts git took out of the log.
        most: How many waiting experiments are read.
        room: The bytes of each text.
    """
    urgent = [*_list_damage(experiments, missing), *_list_unfinished(open_work, room)]
    waiting = [one for one in reversed(experiments) if one.kind == "waiting"]
    found = [_describe_waiting(one, room) for one in waiting[:most]]
    return (*urgent, *found), len(urgent) + len(waiting)


def _list_damage(experiments: Sequence[Experiment], missing: int) -> Iterator[Wait]:
    """Yield what makes commands fail until somebody fixes it."""
    twice = [ref for ref, times in Counter(one.ref for one in experiments).items() if times > 1]
    if twice:
        yield Wait("duplicate", "", f"two experiments have the id {listed(twice, _MOST_NAMED)}; see `orglab check`")
    if missing:
        yield Wait("missing", "", f"git took {count(missing, 'part')} out of the log; see `orglab check`")


def _list_unfinished(open_work: Unfinished, room: int) -> Iterator[Wait]:
    """Yield the runs and sweeps that are not over, and what is not written to the log or not committed."""
    for run in open_work.running:
        of = f" of {run.ref}" if run.ref else ""
        how = "is running" if run.status == "running" else "is running, but its orglab was killed"
        since = f" since {run.began:%Y-%m-%d %H:%M}" if run.began is not None else ""
        yield Wait("run", run.id, shorten(f"{how}{of}{since}: {command_text(run.argv)}", room))
    for sweep in open_work.sweeps:
        how = "" if sweep.is_at_work else "; it was stopped (`orglab sweep resume`)"
        yield Wait("sweep", sweep.id, f"{sweep.ended} of {count(sweep.total, 'version')} of {sweep.ref}{how}")
    for name in open_work.pending:
        why = open_work.reasons.get(name, "the next command writes it")
        yield Wait("note", name, shorten(f"not in the log yet: {why}", room))
    for name, why in open_work.pending_results.items():
        yield Wait("results", name, shorten(f"results not committed yet: {why}", room))
    for name, path in open_work.homeless.items():
        yield Wait("note", name, shorten(f"not in a log, because that is not here: {path}", room))
    if open_work.unassigned:
        amount = count(len(open_work.unassigned), "run")
        names = listed(open_work.unassigned, _MOST_NAMED)
        yield Wait("unassigned", "", f"{amount} of no experiment (`orglab runs assign`): {names}")


def _describe_waiting(experiment: Experiment, room: int) -> Wait:
    at, reason = read_reason(experiment)
    since = f"since {at.partition('T')[0]}" if at else "the log does not say since when"
    words = f"{since}: {reason}" if reason else f"{since}; no reason is noted"
    return Wait("experiment", experiment.ref, shorten(words, room), shorten(experiment.title, room // 2))
