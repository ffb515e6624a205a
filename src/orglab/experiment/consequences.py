"""What follows from edits of an experiment: states and cookies, and whether they change what they are meant to."""

import datetime
from typing import NamedTuple

from orglab.errors import UsageError
from orglab.experiment.escape import escape_lines
from orglab.experiment.model import Experiment, Note, Step, strip_cookies
from orglab.experiment.states import done_keyword, todo_keyword
from orglab.org.cookies import recount_cookies
from orglab.org.edit import Edit, compose
from orglab.org.heading import Heading
from orglab.org.todo import meta_indent, read_logging, set_state


class Added(NamedTuple):
    """What an edit of an experiment may add to it; more would mean that Org reads the text as something else.

    Attributes:
        steps: Steps, exactly so many.
        notes: Notes, at least so many.
        logged: Notes beside these, logged with a state: at most so many.
        headings: Headings, at most so many.
    """

    steps: int = 0
    notes: int = 0
    logged: int = 0
    headings: int = 0


NOTHING = Added()


def add_consequences(
    old: Experiment, edits: list[Edit], now: datetime.datetime, added: Added
) -> tuple[list[Edit], Experiment]:
    """Return edits of an experiment with what follows from them (states, cookies), and the experiment afterwards.

    Args:
        old: The experiment.
        edits: The edits, in its document.
        now: Local time.
        added: What they may add.

    Raises:
        UsageError: They would add something else, or change what stands around them.
    """
    new = experiment_after(old, old, edits)
    settled = update_steps_state(old, new, now)
    new = experiment_after(old, new, settled)
    counted = recount_affected_cookies(old, new)
    new = experiment_after(old, new, counted)
    is_meant = (
        new.id == old.id
        and len(new.steps) == len(old.steps) + added.steps
        and all(map(is_same_step, old.steps, new.steps))
        and added.notes <= len(all_notes(new)) - len(all_notes(old)) <= added.notes + added.logged
        and 0 <= len(new.document) - len(old.document) <= added.headings
    )
    if not is_meant:
        raise UsageError(
            "The text would change what the lines after it mean (an unclosed block or drawer?); nothing was written."
        )
    return compose(compose(edits, settled), counted), new


def experiment_after(old: Experiment, current: Experiment, edits: list[Edit]) -> Experiment:
    """Return the experiment after edits; none of them moves it to another place of the outline."""
    document = current.document.apply(edits)
    return Experiment(document.heading(old.heading.index), old.config, old.file)


def is_same_step(old: Step, new: Step) -> bool:
    """Return whether a step is still the one it was, whatever its box, commits and counts are now."""
    return old.number == new.number and strip_cookies(old.text) == strip_cookies(new.text)


def all_notes(experiment: Experiment) -> list[Note]:
    """Return the notes of an experiment and of its steps."""
    return [*experiment.notes, *(note for step in experiment.steps for note in step.notes)]


def change_state(
    heading: Heading, state: str, now: datetime.datetime, note: str | None = None, *, always_note: bool = False
) -> list[Edit]:
    """Return the edits that set a heading's keyword, logged as the file asks.

    Args:
        heading: The heading.
        state: The keyword.
        now: Local time.
        note: Why.
        always_note: Whether the note is written even where the file asks for none.
    """
    logging = read_logging(heading)
    word = logging.keywords.get(state)
    lines = "\n".join(escape_lines(note)) if note else None
    if lines and always_note and word is not None and word.on_enter != "note":
        logging = logging._replace(keywords={**logging.keywords, state: word._replace(on_enter="note")})
    return set_state(heading, state, now, note=lines, logging=logging, indent=meta_indent(heading))


def recount_affected_cookies(before: Experiment, after: Experiment) -> list[Edit]:
    """Return the edits that make those cookies true that a change concerns, and the ones of the headings above.

    Args:
        before: The experiment as it was.
        after: The same, changed.
    """
    lowest: Heading | None
    if _boxes_of(before) != _boxes_of(after):
        lowest = after.steps_heading
    elif [child.state for child in before.heading.children()] != [child.state for child in after.heading.children()]:
        lowest = after.heading
    elif before.state != after.state:
        lowest = after.heading.parent
    else:
        return []
    return [] if lowest is None else recount_cookies(lowest.document, [lowest, *lowest.ancestors()])


def _boxes_of(experiment: Experiment) -> list[bytes | None]:
    """Return the boxes of all items in the list of the steps."""
    found = experiment.steps_list
    return [] if found is None or found.structure is None else [item.checkbox for item in found.structure.items]


def update_steps_state(before: Experiment, after: Experiment, now: datetime.datetime) -> list[Edit]:
    """Return the edits of the steps' heading: done when the last step is, to do again when one is re-opened.

    As the author's `org-after-todo-statistics-hook`.  A heading without a keyword stays without.

    Args:
        before: The experiment as it was.
        after: The same, changed.
        now: Local time.
    """
    heading = after.steps_heading
    if heading is None or heading.state is None or not after.steps or _boxes_of(before) == _boxes_of(after):
        return []
    all_done = all(step.state == "done" for step in after.steps)
    if all_done == heading.is_done:
        return []
    keyword = (done_keyword if all_done else todo_keyword)(heading.document.settings, heading.state)
    return change_state(heading, keyword, now) if keyword is not None else []
