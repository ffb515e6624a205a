"""Consequences of editing an experiment: states and cookies to update, and a check that nothing else changes."""

import datetime
from typing import NamedTuple

from orglab.errors import UsageError
from orglab.experiment.escape import escape_lines
from orglab.experiment.model import Experiment, Step, strip_cookies
from orglab.experiment.section_text import find_unclosed, headings_below
from orglab.experiment.states import done_keyword, todo_keyword
from orglab.org.cookies import recount_cookies
from orglab.org.edit import Edit, compose
from orglab.org.heading import Heading
from orglab.org.todo import meta_indent, read_logging, set_state


class Added(NamedTuple):
    """What an edit may add to an experiment; anything else means that Org would misread the text.

    Attributes:
        steps: The exact number of steps.
        notes: The minimum number of notes.
        logged: The maximum number of additional notes, logged with a state change.
        headings: The maximum number of headings.
    """

    steps: int = 0
    notes: int = 0
    logged: int = 0
    headings: int = 0


NOTHING = Added()


def add_consequences(
    old: Experiment, edits: list[Edit], now: datetime.datetime, added: Added
) -> tuple[list[Edit], Experiment]:
    """Return the edits with their consequences for states and cookies, and the experiment after them.

    Args:
        old: The experiment.
        edits: The edits, in the document of the experiment.
        now: Local time.
        added: What the edits may add.

    Raises:
        UsageError: The edits would add something else, or change the meaning of the surrounding text.
    """
    new = experiment_after(old, old, edits)
    state_edits = update_steps_state(old, new, now)
    new = experiment_after(old, new, state_edits)
    cookie_edits = recount_affected_cookies(old, new)
    new = experiment_after(old, new, cookie_edits)
    is_expected = (
        new.id == old.id
        and len(new.steps) == len(old.steps) + added.steps
        and all(map(is_same_step, old.steps, new.steps))
        and added.notes <= len(new.all_notes) - len(old.all_notes) <= added.notes + added.logged
        and 0 <= len(new.document) - len(old.document) <= added.headings
    )
    if not is_expected:
        raise UsageError(f"{_explain_refusal(old, edits)}; nothing was written.")
    return compose(compose(edits, state_edits), cookie_edits), new


_CONTAINERS = {
    "footnote-definition": "the footnote definition", "drawer": "the drawer", "comment-block": "the comment",
    "src-block": "the block", "example-block": "the block", "export-block": "the block", "dynamic-block": "the block",
    "quote-block": "the block", "center-block": "the block", "special-block": "the block", "verse-block": "the block",
}  # fmt: skip


def _explain_refusal(old: Experiment, edits: list[Edit]) -> str:
    """Return why edits would mean something else than they are meant to."""
    before = old.heading.document
    for child in (old.heading, *headings_below(old.heading)):
        for position, opening in find_unclosed(child):
            where = f"{opening} in line {before.source.line_number(position)}"
            return f"The text would change the meaning of the lines after it, because {where} is not closed"
    after, shift = before.apply(edits), 0
    for edit in sorted(edits):
        start, shift = edit.start + shift, shift + len(edit.replacement) - (edit.end - edit.start)
        place = start + len(edit.replacement) - len(edit.replacement.lstrip())
        element = after.get_section(after.heading_at(place)).at(place)
        for around in (element, *element.ancestors()):
            if around.type in _CONTAINERS and around.begin < start:
                line = after.source.line_number(around.start)
                return f"The text would be in {_CONTAINERS[around.type]} that begins in line {line}"
    return "The text would change the meaning of the lines after it"


def experiment_after(old: Experiment, current: Experiment, edits: list[Edit]) -> Experiment:
    """Return the experiment after edits that do not change its position in the outline."""
    document = current.document.apply(edits)
    return Experiment(document.heading(old.heading.index), old.config, old.file)


def is_same_step(old: Step, new: Step) -> bool:
    """Return whether two steps have the same number and text, ignoring checkbox, commits and cookies."""
    return old.number == new.number and strip_cookies(old.text) == strip_cookies(new.text)


def change_state(
    heading: Heading, state: str, now: datetime.datetime, note: str | None = None, *, always_note: bool = False
) -> list[Edit]:
    """Return the edits that set a heading's TODO keyword, logged according to the file's settings.

    Args:
        heading: The heading.
        state: The keyword.
        now: Local time.
        note: The reason for the change.
        always_note: Whether to write the note even if the settings do not require one.
    """
    logging = read_logging(heading)
    word = logging.keywords.get(state)
    lines = "\n".join(escape_lines(note)) if note else None
    if lines and always_note and word is not None and word.on_enter != "note":
        logging = logging._replace(keywords={**logging.keywords, state: word._replace(on_enter="note")})
    return set_state(heading, state, now, note=lines, logging=logging, indent=meta_indent(heading))


def recount_affected_cookies(before: Experiment, after: Experiment) -> list[Edit]:
    """Return the edits that recount the cookies affected by a change, including those of the headings above.

    Args:
        before: The experiment before the change.
        after: The experiment after the change.
    """
    lowest: Heading | None
    if _read_checkboxes(before) != _read_checkboxes(after):
        lowest = after.steps_heading
    elif [child.state for child in before.heading.children()] != [child.state for child in after.heading.children()]:
        lowest = after.heading
    elif before.state != after.state:
        lowest = after.heading.parent
    else:
        return []
    return [] if lowest is None else recount_cookies(lowest.document, [lowest, *lowest.ancestors()])


def _read_checkboxes(experiment: Experiment) -> list[bytes | None]:
    """Return the checkboxes of all items in the list of steps."""
    steps = experiment.steps_list
    return [] if steps is None or steps.structure is None else [item.checkbox for item in steps.structure.items]


def update_steps_state(before: Experiment, after: Experiment, now: datetime.datetime) -> list[Edit]:
    """Return the edits that mark the steps heading done when all steps are done, and not done when one is reopened.

    This does what an `org-after-todo-statistics-hook` would do.  A heading without a TODO keyword is left alone,
    and so is the experiment, if the steps are in its own section.

    Args:
        before: The experiment before the change.
        after: The experiment after the change.
        now: Local time.
    """
    heading = after.steps_heading
    if (
        heading is None
        or heading.state is None
        or after.has_own_steps
        or not after.steps
        or _read_checkboxes(before) == _read_checkboxes(after)
    ):
        return []
    all_done = all(step.state == "done" for step in after.steps)
    if all_done == heading.is_done:
        return []
    keyword = (done_keyword if all_done else todo_keyword)(heading.document.settings, heading.state)
    return change_state(heading, keyword, now) if keyword is not None else []
