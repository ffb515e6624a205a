"""Runs, and the differences between two of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from orglab.cli import output
from orglab.git.trees import FileChange
from orglab.runs.comparison import Difference
from orglab.runs.description import (
    command_text,
    describe_keeping,
    describe_value,
    metrics_text,
    outcome_text,
    parameter_text,
    source_text,
    value_text,
)
from orglab.runs.record import Run
from orglab.runs.record_reader import describe_record, read_output_end
from orglab.runs.run_facts import (
    describe_change,
    describe_job,
    describe_parameters,
    describe_results,
    describe_standing,
    describe_trackers,
    find_best_value,
    find_first_standing,
)
from orglab.runs.run_wait import find_process
from orglab.runs.sweeps.sweep import read_swept
from orglab.text import count, duration, file_size, listed

if TYPE_CHECKING:
    from orglab.runs.pruning import PrunableRun
    from orglab.runs.standing import Standing

_SHORT = 7
# How many lines of a run's output are shown, and how many bytes are read for that.
_LAST_LINES = 20
_TAIL = 1 << 14
_PARAMETERS = 40
_MOST_PRUNED = 20


def run_page(run: Run, directions: Mapping[str, str], uncommitted: Sequence[FileChange]) -> Iterator[str]:
    """Yield everything recorded about a run, with the end of its output.

    Args:
        run: The run.
        directions: The setting `metrics`.
        uncommitted: The files of its code that only the snapshot holds.
    """
    yield from output.wrap(command_text(run.argv), "  ", output.paint(run.id, bold=True) + "  ")
    times = (f"{name} {moment:%Y-%m-%d %H:%M:%S}" for name, moment in (("began", run.began), ("ended", run.ended))
             if moment is not None)  # fmt: skip
    took = [f"took {duration(run.seconds)}"] if run.seconds is not None else []
    discarded = [] if run.discarded is None else ["discarded" + (f" ({run.discarded})" if run.discarded else "")]
    facts = {
        "Status": ", ".join((outcome_text(run), *times, *took, *discarded)),
        "Experiment": run.ref or "none yet; see `orglab runs assign --help`",
        "Sweep": f"{swept.sweep}, version {swept.version}" if (swept := read_swept(run)) else "",
        "Exception": run.exception or "",
        "Printed last": run.last_line or "",
        "Pruned": f"{run.pruned}; its output and its other files were removed" if run.pruned else "",
        "Why": run.why or "",
        "Kept": describe_keeping(run).removeprefix("kept "),
        "Author": run.author or "",
        "Code": (run.code or "unknown") + (", a snapshot" if run.snapshot else ""),
        "Uncommitted": listed(map(describe_change, uncommitted)),
        "Results": describe_results(run),
        "Parameters": listed(map(" ".join, describe_parameters(run)), _PARAMETERS),
        "Not read": listed(run.unread_files),
        "Job": describe_job(run.job) if run.job is not None else "",
        "Metrics": [_metric_line(run, name, directions) for name in run.metrics],
        "Unattributed": listed(run.unattributed),
        "Trackers": listed(describe_trackers(run)),
        "Folder": run.cwd or "",
        "Host": run.host or "",
        "Process": str(find_process(run) or ""),
        "Python": f"{run.python}, {count(len(run.packages), 'package')}" if run.python else "",
        "Sources": listed(f"{source.name} {source_text(source)}" for source in run.sources),
        "Environment": ", ".join(f"{name}={value}" for name, value in run.environment.items()),
        "Wrote": listed(f"{file.path} ({file.size} bytes)" for file in run.outputs) if run.outputs else "",
        "Not captured": listed(run.missing),
        "Record": describe_record(run.folder),
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        for place, text in enumerate(value if isinstance(value, list) else filter(None, [value])):
            label = output.paint((name if place == 0 else "").ljust(width), bold=True)
            yield from output.wrap(output.clean(text), " " * (width + 2), label + "  ")
    if printed := read_output_end(run.folder, _TAIL).decode("utf-8", "replace").splitlines():
        yield ""
        yield output.paint(f"Output (the end{'; only the last 64 KB are in this clone' if run.has_cut_output else ''})",
                           bold=True)  # fmt: skip
        yield from (f"  {output.clean(line)}" for line in printed[-_LAST_LINES:])


def _metric_line(run: Run, name: str, directions: Mapping[str, str]) -> str:
    """Return the last value of a metric, and the best one if another was better."""
    text = metrics_text([(name, describe_value(run, name))])
    best = find_best_value(run, name, directions)
    if best is None:
        return text
    begin = f"{text[:-1]}; " if text.endswith(")") else f"{text} ("
    return f"{begin}best {value_text(best.value)} at step {value_text(best.step)})"


def standing_line(standings: "Sequence[Standing]") -> str:
    """Return where a run stands by the first main metric that it has; empty if there is nothing to compare it with.

    For example `val_acc: better than the best so far: 0.91 (e1.1, n = 3); to the baseline: +0.020, n = 1`.
    """
    standing = find_first_standing(standings)
    if standing is None:
        return ""
    words = describe_standing(standing)
    is_better = standing.best is not None and standing.best.setting_is_better
    named = {
        "better than the best so far" if is_better else "best so far": words.best,
        "best in the log": words.best_of_log,
        "to the baseline": words.change,
    }
    parts = [f"{name}: {text}" for name, text in named.items() if text]
    return output.one_line(f"{standing.metric}: {'; '.join(parts)}") if parts else ""


def prunable_lines(prunable: "Sequence[PrunableRun]") -> Iterator[str]:
    """Yield what would be removed: the first runs, and the size of all."""
    for run, size in prunable[:_MOST_PRUNED]:
        yield f"{output.paint(run.id, bold=True)}  {output.clean(run.ref or '-')}  {file_size(size)}"
    if len(prunable) > _MOST_PRUNED:
        yield f"and {len(prunable) - _MOST_PRUNED} more"
    total = file_size(sum(size for _, size in prunable))
    yield f"Outputs, histories of metrics and other files of {count(len(prunable), 'run')}: {total}. The records stay."


def difference_lines(difference: Difference) -> Iterator[str]:
    """Yield what differs between two runs, or a run and a revision."""
    revision = (difference.commits[1] or "")[:_SHORT] or "the working tree"
    other = difference.other.id if difference.other else revision
    yield f"{difference.run.id} and {other}"
    yield from _code_lines(difference)
    if difference.parameters:
        yield "Parameters"
        for name, pair in difference.parameters.items():
            yield f"  {output.clean(name)} {' -> '.join(map(parameter_text, pair))}"
    if difference.arguments:
        yield "Arguments"
        for sign, argv in zip("-+", difference.arguments, strict=True):
            yield f"  {sign} {output.clean(command_text(argv))}"
    for title, pairs in (("Environment", difference.surroundings), ("Packages", difference.packages)):
        if pairs:
            yield title
            yield from (
                f"  {output.clean(name)}: {output.clean(old or 'none')} -> {output.clean(new or 'none')}"
                for name, (old, new) in pairs.items()
            )
    if difference.sources:
        yield "Sources"
        for name, sources in difference.sources.items():
            yield f"  {output.clean(name)}: {output.clean(' -> '.join(map(source_text, sources)))}"
    if difference.other is None and difference.metrics:
        yield f"Metrics: {output.clean(metrics_text(difference.run.metrics.items()))}"
    elif difference.metrics:
        yield "Metrics"
        for name, (old, new) in difference.metrics.items():
            first, second = (output.clean(value_text(one)) if one is not None else "none" for one in (old, new))
            yield f"  {output.clean(name)}: {first}" + ("" if old == new else f" -> {second}")


def _code_lines(difference: Difference) -> Iterator[str]:
    old, new = ((commit or "")[:_SHORT] for commit in difference.commits)
    if difference.files is None:
        yield "Code: not compared, because a commit is unknown or missing in this clone"
        return
    if not difference.files:
        yield "Code: the same"
        return
    yield f"Code: {count(len(difference.files), 'file')} ({old} -> {new or 'working tree'})"
    for path, added, removed in difference.files:
        yield f"  {output.clean(path)}  " + ("binary" if added is None else f"+{added} -{removed}")
