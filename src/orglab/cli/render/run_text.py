"""Runs, and what differs between two."""

from collections.abc import Iterator, Sequence

from orglab.cli import output
from orglab.runs.comparison import Difference
from orglab.runs.description import command_text, metrics_text, outcome_text, value_text
from orglab.runs.record import Run
from orglab.text import count, duration

# Where fewer columns than this would be left for a command, it stands on lines of its own.
_ROOM = 30
_SHORT = 7


def run_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for each run: id, step, how it ended, how long it took, the command, the metrics."""
    refs = [output.clean(run.ref or "-") for run in runs]
    ends = [output.clean(outcome_text(run)) for run in runs]
    times = [duration(run.seconds, is_compact=True) if run.seconds is not None else "-" for run in runs]
    widths = [max(map(output.width, texts)) for texts in (refs, ends, times)]
    limit = output.columns()
    for run, ref, end, time in zip(runs, refs, ends, times, strict=True):
        colour = {"done": "done", "running": "doing"}.get(run.status, "dropped")
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


def difference_lines(found: Difference) -> Iterator[str]:
    """Yield what differs as text."""
    against = found.other.id if found.other else (found.commits[1] or "")[:_SHORT] or "the working tree"
    yield f"{found.run.id} and {against}"
    yield from _code_lines(found)
    if found.arguments:
        yield from [
            "Arguments",
            *(f"  {sign} {output.clean(command_text(argv))}" for sign, argv in zip("-+", found.arguments, strict=True)),
        ]
    for title, pairs in (("Surroundings", found.surroundings), ("Packages", found.packages)):
        if pairs:
            yield title
            yield from (
                f"  {output.clean(name)}: {output.clean(old or 'none')} -> {output.clean(new or 'none')}"
                for name, (old, new) in pairs.items()
            )
    if found.other is None and found.metrics:
        yield f"Metrics: {output.clean(metrics_text(found.run.metrics.items()))}"
    elif found.metrics:
        yield "Metrics"
        for name, (old, new) in found.metrics.items():
            values = [output.clean(value_text(one)) if one is not None else "none" for one in (old, new)]
            yield f"  {output.clean(name)}: {values[0]}" + ("" if old == new else f" -> {values[1]}")


def _code_lines(found: Difference) -> Iterator[str]:
    old, new = ((one or "")[:_SHORT] for one in found.commits)
    if found.files is None:
        yield "Code: not compared, for a commit is not here or not known"
        return
    if not found.files:
        yield "Code: the same"
        return
    yield f"Code: {count(len(found.files), 'file')} ({old} -> {new or 'working tree'})"
    for path, added, removed in found.files:
        yield f"  {output.clean(path)}  " + ("binary" if added is None else f"+{added} -{removed}")
