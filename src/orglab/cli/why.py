"""The command that leads from a result back to the reason: why."""

from collections.abc import Iterator
from pathlib import Path

import click

from orglab.api.serialize import commit_form, note_form, render, run_form
from orglab.cli import output
from orglab.cli.options import log_options, this_log
from orglab.cli.page import BOXES, head_line, note_lines
from orglab.experiment.states import kind_of
from orglab.history.provenance import Link
from orglab.history.why import Reason, Why, find_why
from orglab.runs.record import Run


@click.command(name="why")
@click.argument("what", metavar="REV|FILE|FILE:LINE")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def why_command(what: str, *, as_json: bool) -> None:
    """Say why a commit, a file or a line is there: from it back to the step, the experiment and the reason.

    Of a file that a run wrote it is the run, found by the file's content, whatever
    the file is called now; with its command and its code.

    \b
    Example:
      orglab why HEAD~3
      orglab why results/model.pt
      orglab why train.py:12
    """
    log = this_log()
    answer = find_why(log, what, Path())
    if as_json:
        output.show([render(_why_form(answer, log.config.letter))])
    else:
        output.show(_why_lines(answer))


def _why_lines(answer: Why) -> Iterator[str]:
    """Yield an answer: the chain, what it leads to, and what else is to be said."""
    yield output.paint(output.clean(answer.subject), bold=True)
    for link in answer.links:
        yield from _link_lines(link)
    for remark in answer.remarks:
        yield from output.wrap(remark, "    ", "  ! ")
    for reason in answer.reasons:
        yield ""
        yield from _reason_lines(reason)


def _link_lines(link: Link) -> Iterator[str]:
    """Yield a link: which commit or run, when, what it says, and what it has to do with the one before."""
    mark = "~" if link.is_near else "-"
    if link.run is not None:
        yield from _run_lines(link.run, link.how, mark)
    elif link.commit is not None:
        head = f"  {mark} {output.paint(link.commit.short, bold=True)}  {link.commit.when:%Y-%m-%d %H:%M}  "
        yield from output.wrap(link.commit.subject, "      ", head)
        yield from output.wrap(link.how, "      ")
    else:
        yield from output.wrap(link.how, "      ", f"  {mark} ")


def _run_lines(run: Run, how: str, mark: str) -> Iterator[str]:
    """Yield a run: when, how it ended, its command, and what was said of it."""
    began = f"  {run.began:%Y-%m-%d %H:%M}" if run.began else ""
    yield from output.flow(
        [f"  {mark} {output.paint(output.clean(run.id), bold=True)}{began}", output.clean(run.status)]
    )
    yield from output.wrap(" ".join(run.argv), "        ", "      $ ")
    if run.why:
        yield from output.wrap(run.why, "      ")
    yield from output.wrap(how, "      ")


def _reason_lines(reason: Reason) -> Iterator[str]:
    """Yield an experiment: what it is about, how it stands, the steps that are meant, and the nearest note."""
    experiment = reason.experiment
    yield from head_line(experiment)
    kind = kind_of(experiment.state, experiment.document.settings)
    verdict = f"  {output.clean(experiment.verdict)}" if experiment.verdict else ""
    place = output.paint(output.clean(f"{experiment.file}:{experiment.line}"), dim=True)
    yield output.paint(output.clean(experiment.state or "no state"), state=kind, bold=True) + f"{verdict}  {place}"
    if experiment.description:
        yield from output.wrap(experiment.description, "  ")
    for step in reason.steps:
        yield from output.wrap(step.text, " " * 10, f"  {step.number:>2}. {BOXES[step.state]} ")
    if reason.note is not None:
        yield output.paint("  The note nearest in time", dim=True)
        yield from note_lines(reason.note, "  ")


def _why_form(answer: Why, letter: str) -> dict[str, object]:
    """Return an answer as `why --json` has it."""
    return {
        "subject": answer.subject,
        "links": [_link_form(link, letter) for link in answer.links],
        "experiments": [_reason_form(reason) for reason in answer.reasons],
        "remarks": list(answer.remarks),
    }


def _link_form(link: Link, letter: str) -> dict[str, object]:
    commit, run = link.commit, link.run
    return {
        "how": link.how,
        "is_near": link.is_near,
        "refs": [one.spell(letter) for one in link.references],
        "commit": commit_form(commit) if commit is not None else None,
        "run": run_form(run) if run is not None else None,
    }


def _reason_form(reason: Reason) -> dict[str, object]:
    experiment = reason.experiment
    return {
        "ref": experiment.ref,
        "title": experiment.title,
        "state": experiment.state,
        "verdict": experiment.verdict,
        "description": experiment.description,
        "file": experiment.file,
        "line": experiment.line,
        "steps": [{"ref": step.ref, "text": step.text, "state": step.state} for step in reason.steps],
        "note": note_form(reason.note) if reason.note is not None else None,
    }
