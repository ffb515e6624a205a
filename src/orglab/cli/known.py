"""What is known of an experiment beside the log, below its page: the commits that name it, and its runs."""

from __future__ import annotations

import re

from orglab.api.serialize import commit_form, run_form
from orglab.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from orglab.experiment.model import Experiment
    from orglab.git.mentions import Mention
    from orglab.history.knowledge import Known
    from orglab.runs.record import Run

# As `orglab commit` begins the subject of a commit of the log.
_OF_THE_LOG = re.compile(r"(?:\[[^\]\s]+\][ ,]*)+log: ")
# Of each so many are shown on a page; the JSON has them all.
_MOST = 10


def known_lines(known: Known, experiment: Experiment) -> Iterator[str]:
    """Yield the commits that name an experiment or step, and its runs, the newest first.

    Not those that a step shows, nor those of the log alone: what these tell stands on the page.
    """
    shown = {commit.hash for commit in known.commits.values()}
    others = [one for one in known.mentions if one.hash not in shown and not _OF_THE_LOG.match(one.commit.subject)]
    if others:
        yield ""
        yield output.paint("Commits", bold=True)
        for mention in others[:_MOST]:
            yield from _mention_lines(mention)
        if (more := len(others) - _MOST) > 0:
            yield output.paint(f"  and {more} more: orglab refs {output.clean(experiment.id)}", dim=True)
    if known.runs:
        yield ""
        yield output.paint("Runs", bold=True)
        for run in known.runs[: -_MOST - 1 : -1]:
            yield from _run_lines(run)
        if (more := len(known.runs) - _MOST) > 0:
            yield output.paint(f"  and {more} more: orglab log {output.clean(experiment.id)}", dim=True)


def _mention_lines(mention: Mention) -> list[str]:
    """Return a commit in a line: hash, day, subject."""
    commit = mention.commit
    return output.wrap(
        commit.subject, "    ", output.paint(f"  {commit.short}  {commit.when:%Y-%m-%d}", dim=True) + "  "
    )


def _run_lines(run: Run) -> list[str]:
    """Return a run in a line: when, which step, how it ended, its command."""
    began = run.began.isoformat(" ", "minutes") if run.began is not None else output.clean(run.id)
    ended = f"exit {run.exit_code}" if run.exit_code else run.signal or run.status
    head = output.paint(f"  {began}", dim=True) + output.clean(f"  {run.ref}  {ended}  ")
    return output.wrap(" ".join(run.argv), "    ", head)


def known_form(known: Known, letter: str) -> dict[str, object]:
    """Return what is known of an experiment or step, as `show --json` has it."""
    return {
        "recorded": {name: commit_form(commit) for name, commit in known.commits.items()},
        "mentions": [
            {**commit_form(mention.commit), "refs": [one.spell(letter) for one in mention.references]}
            for mention in known.mentions
        ],
        "runs": [run_form(run) for run in known.runs],
    }
