"""Sweeps as JSON values; see `serialize`."""

from typing import TYPE_CHECKING

from orglab.api.serialize import format_moment, run_core

if TYPE_CHECKING:
    from orglab.runs.sweeps.note import SweepState
    from orglab.runs.sweeps.sweep_progress import Progress
    from orglab.runs.sweeps.tasks import Task


def sweep_form(progress: "Progress", *, is_full: bool = False) -> dict[str, object]:
    """Return a sweep and how far it is; with `is_full`, also its versions, each with its run."""
    state, sweep, best = progress.state, progress.state.sweep, progress.best
    form: dict[str, object] = {
        "id": sweep.id,
        "ref": sweep.record.ref,
        "argv": list(sweep.record.argv),
        "why": sweep.record.why,
        "began": format_moment(sweep.record.began),
        "is_over": progress.is_over,
        "stopped": sweep.tasks.is_stopped,
        "total": len(state.tasks),
        "done": len(state.done) - len(state.diverged),
        "failed": len(state.failed),
        "diverged": len(state.diverged),
        "running": len(state.running),
        "queued": len(state.queued),
        "lost": len(state.lost),
        "workers": progress.workers,
        "slots": sweep.limit,
        "where": sweep.where,
        "job": ",".join(sweep.submitted) or None,
        "seconds_left": progress.left,
        "commit": sweep.record.commit,
        "best": None,
    }
    if best is not None:
        summary = best.summary
        form["best"] = {
            "metric": summary.metric, "mean": summary.mean, "sd": summary.deviation, "n": len(summary.values),
            "parameters": best.setting.parameters, "runs": [run.id for run, _ in summary.values],
        }  # fmt: skip
    if is_full:
        form["versions"] = [_task_form(state, task) for task in state.tasks]
    return form


def _task_form(state: "SweepState", task: "Task") -> dict[str, object]:
    run = state.runs.get(task.name)
    return {
        "name": task.version.name,
        "parameters": task.version.parameters,
        "state": task.state,
        "status": task.status,
        "problem": state.explain(task) or None,
        "run": run_core(run) if run is not None else None,
    }
