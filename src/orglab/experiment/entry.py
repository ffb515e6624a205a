"""A note of something that happened without the log, such as a run: written once, whoever writes it."""

import re

from orglab.experiment import edits as writing
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment
from orglab.org.document import Document, Part
from orglab.org.edit import Edit, compose
from orglab.reference import Reference


def holds_mark(document: Document, mark: str) -> bool:
    """Return whether a line of the log is `mark`: then what it marks has been noted, perhaps edited since."""
    whole = document.whole if isinstance(document, Part) else document
    return re.search(rb"^[ \t]*" + re.escape(mark.encode()) + rb"[ \t]*$", whole.text, re.M) is not None


def add_entry(
    experiment: Experiment, reference: Reference, head: str, text: str, *, commit: str | None, done: bool
) -> list[Edit]:
    """Return the edits that note what happened and, if a step was done by it, tick that with its commit.

    Args:
        experiment: The experiment.
        reference: It, or a step of it.
        head: The time and the commit that the note begins with.
        text: The note.
        commit: The short hash for the step.
        done: Whether the step is ticked, if it is not yet.

    Raises:
        NotFoundError: There is no such step.
        UsageError: The step has open boxes of its own.
    """
    step = None if reference.step is None else find_step(experiment, reference)
    if step is None or not done or step.state == "done":
        return writing.add_note(experiment, step, head, text)
    ticks = writing.tick_step(experiment, step, [commit] if commit else [], all_boxes=False)
    after = experiment.document.apply(ticks)
    ticked = Experiment(after.heading(experiment.heading.index), experiment.config, experiment.file)
    return compose(ticks, writing.add_note(ticked, find_step(ticked, reference), head, text))
