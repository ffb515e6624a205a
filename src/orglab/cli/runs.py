"""Commands about what was run: runs, run-diff, rerun, sync."""

from collections.abc import Iterator, Sequence

import click

from orglab.api.serialize import render
from orglab.cli import output
from orglab.cli.options import REFERENCE, log_options, tell, this_log, write_options
from orglab.runs.compare import Difference, compare_runs, read_difference
from orglab.runs.description import command_text, describe_run, metrics_text, outcome_text, value_text
from orglab.runs.form import difference_form, run_form
from orglab.runs.record import Run, find_runs
from orglab.text import count, duration

# Where fewer columns than this would be left for a command, it stands on lines of its own.
_ROOM = 30
_SHORT = 7


@click.command(name="runs")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def runs_command(reference: str | None, *, as_json: bool) -> None:
    """List runs, oldest first: of an experiment, of a step, or all.

    \b
    Example:
      orglab runs 201.1
      orglab runs --json
    """
    log = this_log()
    found = find_runs(log, reference)
    if as_json:
        output.show([render({"runs": [run_form(run) for run in found]})])
    elif found:
        output.show(run_lines(found))
    else:
        click.echo("No runs." if reference is None else f"No runs of {log.spell(reference)}.", err=True)


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
        room = limit - output.width(click.unstyle(begin)) - 2
        if not limit:
            yield f"{begin}  {words}"
        elif room >= _ROOM:
            yield f"{begin}  {output.fit(words, room)}".rstrip()
        else:
            yield begin
            yield from output.wrap(words, "    ")


@click.command(name="run-diff")
@click.argument("run")
@click.argument("other", metavar="[RUN|REV]", required=False)
@click.option("-p", "--patch", is_flag=True, help="Show the difference of the code as a patch.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def run_diff_command(run: str, other: str | None, *, patch: bool, as_json: bool) -> None:
    """Say what differs between two runs: code, arguments, environment, packages, metrics.

    With a revision, or with nothing, the code of the run is compared with that revision's, or with what is here
    now. RUN is a run's id, or its begin or end.

    \b
    Example:
      orglab run-diff 3c0749 9a11fe
      orglab run-diff 3c0749 HEAD --patch
    """
    log = this_log()
    found = compare_runs(log, run, other)
    if as_json:
        output.show([render(difference_form(found))])
        return
    text = read_difference(log, found) if patch else ""
    output.show(
        [*difference_lines(found), *([""] + [output.clean(line) for line in text.splitlines()] if text else [])]
    )


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


@click.command(name="rerun")
@click.argument("run")
@click.option("--link", "links", multiple=True, metavar="PATH",
              help="What git ignores and the command needs, such as data: linked into the working tree.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep the working tree.")
@write_options
def rerun_command(run: str, links: tuple[str, ...], *, keep: bool, anyway: bool) -> int:
    """Run the command of a run again, on the code it ran on, in a working tree of its own.

    What could not be reproduced is said, and whether metrics and files came out the same. The exit code is the
    command's own.

    \b
    Example:
      orglab rerun 3c0749 --link data
    """
    from orglab.runs.rerun import rerun  # noqa: PLC0415 - a list of runs needs none of it

    return rerun(this_log(anyway=anyway), run, tell, links=links, keep=keep)


@click.command(name="sync")
@click.argument("remote", default="origin")
@click.option("--snapshots", is_flag=True, help="Push the snapshots too: all that was in the working tree.")
@write_options
def sync_command(remote: str, *, snapshots: bool, anyway: bool) -> None:
    """Exchange the records of runs with other clones, by git, and tell the log of theirs.

    \b
    Example:
      orglab sync
      orglab sync cluster --snapshots
    """
    from orglab.runs.sync import sync  # noqa: PLC0415 - a list of runs needs none of it

    done = sync(this_log(anyway=anyway), remote, tell, snapshots=snapshots)
    for run in done.received:
        if run in done.here:
            continue
        click.echo(f"{run.id}  {output.clean(run.ref or '-')}  {output.clean(describe_run(run))}")
    if done.elsewhere:
        many = count(len(done.elsewhere), "run")
        tell(f"The log on another branch tells of {many} of them; that comes by merging it.")
    tell(f"{count(len(done.received), 'run')} received, {len(done.told)} new in the log"
         + (", ours sent." if done.sent else "; there was nothing to send."))  # fmt: skip
