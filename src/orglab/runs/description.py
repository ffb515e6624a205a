"""Describe a run for the log and for commit messages: command, exit status, duration, metrics."""

import re
import shlex
from collections.abc import Iterable, Sequence

from orglab.experiment.escape import split_lines
from orglab.git.message import name_references
from orglab.runs.parameters.arguments import Value
from orglab.runs.record import Metric, Run
from orglab.runs.secrets import mask_text
from orglab.runs.source_folders import Source
from orglab.text import cut, duration, number

_COMMAND = 200  # characters of a command in the log; the record has the whole command
_SUBJECT = 100
_EXCEPTION = 300
_METRICS = 8
_VALUE = 40
_SHORT_HASH = 7
_SIGNAL = 40
_TEMPLATE = re.compile(r"[\w@%+=:./-]*(?:\{[A-Za-z_][\w-]*(?:\.\w[\w-]*)*\}[\w@%+=:./-]*)+", re.ASCII)
# Lines that would speak for a run: the mark of a note, and that of the commit of results
_MARK = re.compile(r"\s*(?:run|Run:|Kept:|Discarded:)\s+\d{8}-")


def command_text(argv: Sequence[str], room: int = _COMMAND) -> str:
    """Return a command as typed in a shell, on one line without control characters, cut to `room` characters."""
    # Cut before quoting, because a script after -c can have megabytes.
    words = " ".join(_quote(word[: room + 1]) for word in argv[: room + 1])
    text = "".join(char if char.isprintable() else _escape(char) for char in words)
    return cut(text, room)


def _quote(word: str) -> str:
    """Return a word as typed in a shell; the placeholders of a sweep, `--lr={lr}`, need no quotes."""
    return word if _TEMPLATE.fullmatch(word) else shlex.quote(word)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode() if char < "\ud800" or char > "\udfff" else "\ufffd"


def metrics_text(metrics: Iterable[tuple[str, Metric]]) -> str:
    """Return metrics as `val_acc 0.91, loss 0.12`; if there are many, only the first ones."""
    pairs = list(metrics)
    shown = [f"{_printable(name)} {value_text(value)}" for name, value in pairs[:_METRICS]]
    return ", ".join(shown) + (f", and {len(pairs) - _METRICS} more" if len(pairs) > _METRICS else "")


def parameter_text(value: Value | None) -> str:
    """Return the value of a parameter, exactly: `0.001`, `true`; `none` if there is none."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else cut(_printable(str(value)), _VALUE)


def run_metrics_text(run: Run) -> str:
    """Return the final metrics of a run as `metrics_text` does, and since which step one is not a number."""
    return metrics_text((name, describe_value(run, name)) for name in run.metrics)


def describe_value(run: Run, name: str) -> Metric:
    """Return the final value of a metric; if it is NaN or infinite, a text that says since which step."""
    value = run.metrics[name]
    return f"{value} (diverged{_describe_step(run, name)})" if _is_diverged(run, name) else value


def describe_not_number(run: Run, name: str) -> str | None:
    """Return why the final value of a metric is not a number: `NaN, diverged at step 40`, or the text that it is."""
    value = run.metrics[name]
    if not isinstance(value, str):
        return None
    return f"{value}, diverged{_describe_step(run, name)}" if _is_diverged(run, name) else value


def _is_diverged(run: Run, name: str) -> bool:
    return name in run.diverged and isinstance(run.metrics[name], str)


def _describe_step(run: Run, name: str) -> str:
    step = run.diverged[name]
    return "" if step is None else f" at step {value_text(step)}"


def source_text(source: Source | None) -> str:
    """Return the commit of a source, and whether it is all: `83d45cd with uncommitted changes`; `none` for None."""
    if source is None:
        return "none"
    commit = source.head[:_SHORT_HASH] if source.head else "no known commit"
    return commit + (" with uncommitted changes" if source.dirty else "")


def value_text(value: Metric) -> str:
    """Return the value of a metric: a number with six digits, or the beginning of a string."""
    return cut(_printable(value), _VALUE) if isinstance(value, str) else number(value, digits=6, style="plain")


def _printable(text: str) -> str:
    return re.sub(r"\s+", " ", "".join(char if char.isprintable() else " " for char in text)).strip()


def outcome_text(run: Run) -> str:
    """Return how a run ended: `exit 0`, `killed by SIGTERM`, `exit 1, out of memory`, `lost`."""
    signal, asked_by = (cut(_printable(text or ""), _SIGNAL) for text in (run.signal, run.asked_by))
    if run.timed_out:
        limit = f" of {_limit_text(run.time_limit)}" if run.time_limit is not None else ""
        return f"stopped after its time limit{limit}"
    if run.status == "stopped":
        if not run.has_end:
            return f"stopped by {asked_by}, end not recorded"
        end = f"exit {run.exit_code}" if run.signal is None else f"killed by {signal}"
        return f"stopped by {asked_by}" + (f", {end}" if signal != asked_by else "")
    ended = {"killed": f"killed by {signal}", "done": "exit 0", "failed": f"exit {run.exit_code}"}
    return ended.get(run.status, run.status) + (", out of memory" if run.out_of_memory else "")


def _limit_text(seconds: float) -> str:
    """Return a time limit as it may be given: `2h`, `1h30m`, `0.5s`."""
    return f"{seconds:g}s" if seconds < 60 else re.sub("(?<=[dhm])00[hms]$", "", duration(seconds, is_compact=True))  # noqa: PLR2004 - a minute


def describe_end(run: Run) -> str:
    """Return how a run ended, and why it failed, as far as it said: `exit 1: ValueError: bad shape`."""
    reason = _describe_reason(run)
    return outcome_text(run) + (f": {reason}" if reason else "")


def _describe_reason(run: Run) -> str:
    """Return the exception of a run, or else the last line that it printed, which may be the reason."""
    if run.exception is None and run.last_line is not None:
        return f"printed last: {cut(_printable(run.last_line), _EXCEPTION)}"
    return cut(_printable(run.exception or ""), _EXCEPTION)


def describe_run(run: Run) -> str:
    """Return a run on one line: `ran CMD, exit 0, 3m12s: val_acc 0.91`.

    Of a run in its own working tree, it names the snapshot, as long as no commit of a branch has that code.
    """
    is_apart = run.worktree is not None and run.kept_code is None
    code = f" on snapshot {run.snapshot[:_SHORT_HASH]}" if is_apart and run.snapshot else ""
    return f"ran {command_text(run.argv)}{code}, {describe_outcome(run)}"


def describe_outcome(run: Run) -> str:
    """Return how a run ended, how long it took, why it failed, and its metrics."""
    parts = [outcome_text(run)]
    if run.seconds is not None:
        parts.append(duration(run.seconds, is_compact=True))
    found = _describe_found(run)
    return ", ".join(parts) + (f": {found}" if found else "")


def _describe_found(run: Run) -> str:
    """Return why a run failed, as far as it said, and its metrics."""
    return "; ".join(filter(None, (_describe_reason(run), run_metrics_text(run))))


def describe_command(run: Run) -> str:
    """Return the command of a run, the parameters that a script or a sweep added, why it failed, and its metrics."""
    given = run.arguments.parameters
    added = [f"{name}={parameter_text(value)}" for name, value in run.parameters.items() if name not in given]
    has_more = run.fields.get("script") is True or isinstance(run.fields.get("sweep"), dict)
    command = " ".join((command_text(run.argv), *(added if has_more else ())))
    found = _describe_found(run)
    return f"{command}: {found}" if found else command


def format_note(run: Run) -> str:
    """Return the note of a run for the log: the same in every clone, ending in `format_mark(run)`."""
    return "\n".join(
        filter(None, (describe_run(run), _quote_marks(run.why), *describe_decisions(run), format_mark(run)))
    )


def describe_decisions(run: Run) -> tuple[str, ...]:
    """Return what was decided on a run, and why: that its code was kept, and that it is discarded."""
    return tuple(filter(None, (describe_keeping(run), _describe_discarding(run))))


def describe_keeping(run: Run) -> str:
    """Return that the code of a run was kept, in which commit, and why; empty if it was not."""
    if run.kept_code is None:
        return ""
    return _with_reason(f"kept as {run.kept_code[:_SHORT_HASH]}", read_keep_reason(run))


def _describe_discarding(run: Run) -> str:
    """Return that a run is discarded, and why; empty if it is not."""
    return "" if run.discarded is None else _with_reason("discarded", mask_text(run.discarded))


def _with_reason(decision: str, why: str | None) -> str:
    reason = _quote_marks(why)
    return f"{decision}: {reason}" if reason else decision


def read_keep_reason(run: Run) -> str | None:
    """Return why the code of a run was kept, without secrets; None if no reason was given."""
    why = run.fields.get("keep_reason")
    return mask_text(why) or None if isinstance(why, str) and run.kept_code is not None else None


def _quote_marks(why: str | None) -> str:
    """Return why a command was run, with `> ` before each line that would be taken for the mark of a run."""
    lines = split_lines((why or "").strip())
    return "\n".join(f"> {line.lstrip()}" if _MARK.match(line) else line for line in lines)


def format_mark(run: Run) -> str:
    """Return the line that identifies the note of a run, or of a sweep by its record, even if the rest was edited."""
    return name_run(run)


def name_run(run: Run) -> str:
    """Return what a run is called, `run ID`; a sweep, by its record, `sweep ID`."""
    return f"{'sweep' if 'versions' in run.fields else 'run'} {run.id}"


def before_message(ref: str | None, argv: Sequence[str], why: str | None, position: str) -> str:
    """Return the message of the commit that is made before a run; `position` is the setting `hooks.position`."""
    command = f"Command: {command_text(argv, 10 * _COMMAND)}"
    parts = (f"Before: {command_text(argv, _SUBJECT)}", command, _quote_marks(why))
    return _add_reference("\n\n".join(filter(None, parts)) + "\n", ref, position)


def snapshot_message(ref: str | None, argv: Sequence[str], position: str) -> str:
    """Return the message of a snapshot of the working tree; the arguments are those of `before_message`."""
    return _add_reference(f"Snapshot: {command_text(argv)}\n", ref, position)


def _add_reference(text: str, ref: str | None, position: str) -> str:
    return name_references(text, [ref] if ref is not None else [], position)


def keep_message(run: Run, why: str | None, position: str) -> str:
    """Return the message of the commit of the code of a run that is kept; `position` is `hooks.position`."""
    text = _quote_marks(why or run.why)
    subject = text.partition("\n")[0] if text else command_text(run.argv, _SUBJECT)
    lines = [f"Command: {command_text(run.argv, 10 * _COMMAND)}", *_metrics_lines(run), keep_mark(run)]
    parts = (f"Keep: {subject}", text.partition("\n")[2].strip(), "\n".join(lines))
    return _add_reference("\n\n".join(filter(None, parts)) + "\n", run.ref, position)


def take_back_message(run: Run, why: str, commits: Iterable[str], position: str) -> str:
    """Return the message of the commit that takes back what was pushed of a run; `position` is `hooks.position`."""
    text = _quote_marks(why)
    lines = "\n".join(f"This reverts commit {commit}." for commit in commits)
    parts = (f"Take back: {text.partition(chr(10))[0]}", lines, text.partition("\n")[2].strip(), discard_mark(run))
    return _add_reference("\n\n".join(filter(None, parts)) + "\n", run.ref, position)


def keep_mark(run: Run) -> str:
    """Return the line of a commit message that says whose code was kept."""
    return f"Kept: {run.id}"


def discard_mark(run: Run) -> str:
    """Return the line of a commit message that says whose commits it reverts."""
    return f"Discarded: {run.id}"


def _metrics_lines(run: Run) -> list[str]:
    return [f"{_printable(name)}: {value_text(describe_value(run, name))}" for name in run.metrics]


def results_message(run: Run, position: str) -> str:
    """Return the message of the commit of the results of a run; `position` is the setting `hooks.position`.

    For a failed run it does not contain `Results`, because that word may tick the step (`hooks.auto_done`).
    """
    what = {"done": "Results", "stopped": "Stopped"}.get(run.status, "Failed")
    swept = run.fields.get("swept")  # of a sweep
    ended = swept if isinstance(swept, str) else outcome_text(run)
    lines = [
        f"Command: {command_text(run.argv, 10 * _COMMAND)}",
        f"Ended: {ended}, {duration(run.seconds or 0, is_compact=True)}",
        *_metrics_lines(run),
        f"Code: {run.code or 'no commit'}",
        f"Run: {run.id}",
    ]
    why = f"{_quote_marks(run.why)}\n\n" if run.why else ""
    text = f"{what}: {command_text(run.argv, _SUBJECT)}\n\n" + why + "\n".join(lines) + "\n"
    return _add_reference(text, run.ref, position)
