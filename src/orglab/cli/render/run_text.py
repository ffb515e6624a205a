"""Runs, and the differences between two of them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from orglab.cli import output
from orglab.runs.comparison import Difference
from orglab.runs.description import command_text, metrics_text, outcome_text, value_text
from orglab.runs.record import Run, read_output_end
from orglab.text import count, duration, file_size, listed

if TYPE_CHECKING:
    from orglab.runs.pruning import PrunableRun

# If fewer columns than this are left for a command, it is printed below.
_ROOM = 30
_SHORT = 7
# How many lines of a run's output are shown, and how many bytes are read for that.
_LAST_LINES = 20
_TAIL = 1 << 14
_MOST_PRUNED = 20


def run_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for each run: id, step, status, duration, command, metrics."""
    refs = [output.clean(run.ref or "-") for run in runs]
    ends = ["discarded" if run.discarded is not None else output.clean(outcome_text(run)) for run in runs]
    times = [duration(run.seconds, is_compact=True) if run.seconds is not None else "-" for run in runs]
    widths = [max(map(output.width, texts)) for texts in (refs, ends, times)]
    limit = output.columns()
    for run, ref, end, time in zip(runs, refs, ends, times, strict=True):
        colour = {"done": "done", "running": "doing"}.get(run.status if run.discarded is None else "", "dropped")
        begin = "  ".join((
            output.paint(run.id, bold=True), output.fit(ref, widths[0]),
            output.paint(output.fit(end, widths[1]), state=colour), f"{time:>{widths[2]}}",
        ))  # fmt: skip
        metrics = metrics_text(run.metrics.items())
        words = output.clean(command_text(run.argv) + (f": {metrics}" if metrics else ""))
        room = limit - output.width(output.plain(begin)) - 2
        if not limit:
            yield f"{begin}  {words}"
        elif room >= _ROOM:
            yield f"{begin}  {output.fit(words, room)}".rstrip()
        else:
            yield begin
            yield from output.wrap(words, "    ")


def run_page(run: Run) -> Iterator[str]:
    """Yield everything recorded about a run, with the end of its output."""
    yield from output.wrap(command_text(run.argv), "  ", output.paint(run.id, bold=True) + "  ")
    times = (f"{name} {moment:%Y-%m-%d %H:%M:%S}" for name, moment in (("began", run.began), ("ended", run.ended))
             if moment is not None)  # fmt: skip
    took = [f"took {duration(run.seconds)}"] if run.seconds is not None else []
    discarded = [] if run.discarded is None else ["discarded" + (f" ({run.discarded})" if run.discarded else "")]
    facts = {
        "Status": ", ".join((outcome_text(run), *times, *took, *discarded)),
        "Experiment": run.ref or "none yet; see `orglab runs assign --help`",
        "Exception": run.exception or "",
        "Pruned": f"{run.pruned}; its output and its other files were removed" if run.pruned else "",
        "Why": run.why or "",
        "Code": run.code or "unknown",
        "Results": run.commit or "",
        "Metrics": metrics_text(run.metrics.items()),
        "Seeds": ", ".join(run.seeds),
        "Folder": run.cwd or "",
        "Host": run.host or "",
        "Python": f"{run.python}, {count(len(run.packages), 'package')}" if run.python else "",
        "Environment": ", ".join(f"{name}={value}" for name, value in run.environment.items()),
        "Wrote": listed(f"{file.path} ({file.size} bytes)" for file in run.outputs) if run.outputs else "",
        "Not captured": listed(run.missing),
        "Record": str(run.folder),
    }
    width = max(map(len, facts))
    for name, text in facts.items():
        if text:
            yield from output.wrap(
                output.clean(text), " " * (width + 2), output.paint(name.ljust(width), bold=True) + "  "
            )
    if printed := read_output_end(run.folder, _TAIL).decode("utf-8", "replace").splitlines():
        yield ""
        yield output.paint(f"Output (the end{'; only the last 64 KB are in this clone' if run.has_cut_output else ''})",
                           bold=True)  # fmt: skip
        yield from (f"  {output.clean(line)}" for line in printed[-_LAST_LINES:])


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
