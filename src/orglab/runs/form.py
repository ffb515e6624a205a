"""Runs as JSON: `orglab runs --json` and `run-diff --json`, documented in docs/reference/json.md."""

from orglab.runs.compare import Difference
from orglab.runs.record import Run


def run_form(run: Run) -> dict[str, object]:
    """Return a run."""
    return {
        "id": run.id,
        "ref": run.ref,
        "status": run.status,
        "argv": list(run.argv),
        "cwd": run.cwd,
        "why": run.why,
        "began": run.began.isoformat(timespec="seconds") if run.began else None,
        "ended": run.ended.isoformat(timespec="seconds") if run.ended else None,
        "seconds": run.seconds,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "before": run.before,
        "snapshot": run.snapshot,
        "patch": run.patch,
        "commit": run.commit,
        "host": run.host,
        "python": run.python,
        "packages": run.packages,
        "environment": run.environment,
        "lock_files": run.lock_files,
        "seeds": list(run.seeds),
        "usage": run.usage,
        "metrics": run.metrics,
        "outputs": [{"path": one.path, "sha256": one.sha256, "size": one.size} for one in run.outputs],
        "untracked": list(run.untracked),
        "uncaptured": list(run.uncaptured),
        "folder": str(run.folder),
    }


def difference_form(found: Difference) -> dict[str, object]:
    """Return what differs between two runs, or a run and a revision."""
    return {
        "run": found.run.id,
        "other": found.other.id if found.other else None,
        "commits": list(found.commits),
        "code": None
        if found.files is None
        else [{"path": path, "added": added, "removed": removed} for path, added, removed in found.files],
        "arguments": [list(argv) for argv in found.arguments] if found.arguments else None,
        "surroundings": {name: list(pair) for name, pair in found.surroundings.items()},
        "packages": {name: list(pair) for name, pair in found.packages.items()},
        "metrics": {name: list(pair) for name, pair in found.metrics.items()},
    }
