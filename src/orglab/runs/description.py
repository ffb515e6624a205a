"""Describe a run for the log and for commit messages: command, exit status, duration, metrics."""

import re
import shlex
from collections.abc import Iterable, Sequence

from orglab.runs.record import Metric, Run
from orglab.text import cut, duration, number

_COMMAND = 200  # characters of a command in the log; the record has the whole command
_SUBJECT = 100
_EXCEPTION = 300
_METRICS = 8
_VALUE = 40


def command_text(argv: Sequence[str], room: int = _COMMAND) -> str:
    """Return a command as typed in a shell, on one line without control characters, cut to `room` characters."""
    # Cut before quoting, because a script after -c can have megabytes.
    words = " ".join(shlex.quote(word[: room + 1]) for word in argv[: room + 1])
    text = "".join(char if char.isprintable() else _escape(char) for char in words)
    return cut(text, room)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode() if char < "\ud800" or char > "\udfff" else "\ufffd"


def metrics_text(metrics: Iterable[tuple[str, Metric]]) -> str:
    """Return metrics as `val_acc 0.91, loss 0.12`; if there are many, only the first ones."""
    pairs = list(metrics)
    shown = [f"{_printable(name)} {value_text(value)}" for name, value in pairs[:_METRICS]]
    return ", ".join(shown) + (f", and {len(pairs) - _METRICS} more" if len(pairs) > _METRICS else "")


def value_text(value: Metric) -> str:
    """Return the value of a metric: a number with six digits, or the beginning of a string."""
    return cut(_printable(value), _VALUE) if isinstance(value, str) else number(value, digits=6, style="plain")


def _printable(text: str) -> str:
    return re.sub(r"\s+", " ", "".join(char if char.isprintable() else " " for char in text)).strip()


def outcome_text(run: Run) -> str:
    """Return how a run ended: `exit 0`, `killed by SIGTERM`, `exit 1, out of memory`, `lost`."""
    if run.timed_out:
        limit = f" of {_limit_text(run.time_limit)}" if run.time_limit is not None else ""
        return f"stopped after its time limit{limit}"
    if run.status == "stopped":
        return f"stopped by {run.asked_by}, exit {run.exit_code}"
    ended = {"killed": f"killed by {run.signal}", "done": "exit 0", "failed": f"exit {run.exit_code}"}
    return ended.get(run.status, run.status) + (", out of memory" if run.out_of_memory else "")


def _limit_text(seconds: float) -> str:
    """Return a time limit as it may be given: `2h`, `1h30m`, `0.5s`."""
    return f"{seconds:g}s" if seconds < 60 else re.sub("(?<=[dhm])00[hms]$", "", duration(seconds, is_compact=True))  # noqa: PLR2004 - a minute


def describe_run(run: Run) -> str:
    """Return a run on one line: `ran CMD, exit 0, 3m12s: val_acc 0.91`."""
    return f"ran {command_text(run.argv)}, {describe_outcome(run)}"


def describe_outcome(run: Run) -> str:
    """Return how a run ended, how long it took, its exception and its metrics."""
    parts = [outcome_text(run)]
    if run.seconds is not None:
        parts.append(duration(run.seconds, is_compact=True))
    found = "; ".join(
        filter(None, (cut(_printable(run.exception or ""), _EXCEPTION), metrics_text(run.metrics.items())))
    )
    return ", ".join(parts) + (f": {found}" if found else "")


def format_note(run: Run) -> str:
    """Return the note of a run for the log: the same in every clone, ending in `format_mark(run)`."""
    return "\n".join(filter(None, (describe_run(run), (run.why or "").strip(), format_mark(run))))


def format_mark(run: Run) -> str:
    """Return the line that identifies the note of a run, even if the rest was edited."""
    return f"run {run.id}"


def reference_prefix(ref: str | None) -> str:
    """Return the beginning of a commit's subject: the reference in brackets, or nothing if there is none."""
    return f"[{ref}] " if ref is not None else ""


def before_message(ref: str | None, argv: Sequence[str], why: str | None) -> str:
    """Return the message of the commit that is made before a run."""
    body = [f"Command: {command_text(argv, 10 * _COMMAND)}", why or ""]
    return "\n\n".join(filter(None, (f"{reference_prefix(ref)}Before: {command_text(argv, _SUBJECT)}", *body))) + "\n"


def results_message(run: Run) -> str:
    """Return the message of the commit of the results of a run.

    For a failed run it does not contain `Results`, because that word may tick the step (`hooks.auto_done`).
    """
    what = {"done": "Results", "stopped": "Stopped"}.get(run.status, "Failed")
    lines = [
        f"Command: {command_text(run.argv, 10 * _COMMAND)}",
        f"Ended: {outcome_text(run)}, {duration(run.seconds or 0, is_compact=True)}",
        *(f"{_printable(name)}: {value_text(value)}" for name, value in run.metrics.items()),
        f"Code: {run.code or 'no commit'}",
        f"Run: {run.id}",
    ]
    return (
        f"{reference_prefix(run.ref)}{what}: {command_text(run.argv, _SUBJECT)}\n\n"
        + (f"{run.why}\n\n" if run.why else "")
        + ("\n".join(lines) + "\n")
    )


def is_same_code(run: Run, before: str | None, patch: str | None) -> bool:
    """Return whether a run used the code of a commit with these changes; its results do not count as code."""
    return before is not None and before in (run.before, run.commit) and run.patch == patch and not run.uncaptured


def find_same_run(
    runs: Iterable[Run], argv: Sequence[str], before: str | None = None, patch: str | None = None
) -> Run | None:
    """Return the best match among earlier runs, or None.

    That is the newest run of the same command on the same code, else of the same command, else of the same code
    changes (`patch`) with the same arguments to any program.

    Args:
        runs: The earlier runs, newest first; consumed only as far as needed.
        argv: The command.
        before: The full hash of HEAD.
        patch: The stable patch id of the uncommitted changes.
    """
    command = tuple(argv)
    same_command = same_patch = None
    for run in runs:
        if run.status not in ("done", "failed", "killed", "stopped"):
            continue
        if run.argv == command:
            if is_same_code(run, before, patch):
                return run
            same_command = same_command or run
        elif patch is not None and run.patch == patch and run.argv[1:] == command[1:]:
            same_patch = same_patch or run
    return same_command or same_patch
