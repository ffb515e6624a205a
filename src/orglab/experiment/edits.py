"""The edits that each command makes.

New text copies the style of the text around it: the indentation of drawers, bullets,
blank lines between siblings.  Nothing else is changed.
"""

import datetime
import re
from collections.abc import Iterable, Mapping

from orglab.config import Config
from orglab.errors import UsageError
from orglab.experiment.conclusion import Conclusion, format_conclusion_head
from orglab.experiment.consequences import change_state, experiment_after
from orglab.experiment.escape import (
    add_note_head,
    check_one_line,
    check_step_text,
    escape_item_start,
    escape_lines,
    format_body,
    format_item,
)
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment, Step, find_step_text, number_items
from orglab.experiment.new_place import find_new_place
from orglab.experiment.note_text import format_note_head
from orglab.experiment.placement import (
    blank_lines_between,
    body_column,
    find_branch,
    find_child_place,
    find_gap,
    find_item_end,
    find_last_text,
    find_text_end,
    indentation,
    insert_block,
    insert_lines,
    next_bullet,
)  # fmt: skip
from orglab.experiment.states import done_keyword, get_state_kind, in_progress_keyword, todo_keyword
from orglab.org.checkbox import DONE, OPEN, set_checkboxes
from orglab.org.document import Document, Part
from orglab.org.edit import Edit, compose
from orglab.org.heading import Heading
from orglab.org.list import Item, Structure
from orglab.org.properties import put_properties
from orglab.org.source import encode
from orglab.org.timestamp import Timestamp, date_tree, format_inactive
from orglab.org.todo import after_meta, blanks_at, meta_indent
from orglab.reference import Reference
from orglab.settings.setting_rules import is_tag


def _format_heading(stars: int, keyword: str | None, title: str) -> str:
    """Return the line of a heading."""
    return " ".join(filter(None, ("*" * stars, keyword, title)))


# Steps


def tick_step(experiment: Experiment, step: Step, commits: Iterable[str], *, all_checkboxes: bool) -> list[Edit]:
    """Return the edits that mark a step as done and add short hashes to it, in parentheses.

    Args:
        experiment: The experiment.
        step: The step.
        commits: Short hashes to add to those of the step.
        all_checkboxes: Whether to check open checkboxes below the step too.

    Raises:
        UsageError: There are open checkboxes below the step, and `all_checkboxes` is False.
    """
    document = experiment.heading.document
    structure = _structure(experiment)
    below = [item for item in structure.subtree(step.item) if item.checkbox is not None]
    still_open = [item for item in below if item.checkbox not in (b"[X]", b"[x]")]
    if still_open and not all_checkboxes:
        lines = ", ".join(str(document.source.line_number(item.begin)) for item in still_open[:5])
        raise UsageError(
            f"{step.ref} has open checkboxes below it (line {lines}); tick them first, or use --all to tick them too."
        )
    edits = _set_boxes(experiment, structure, [step.item, *below], DONE)
    known = (*step.commits, *step.originals)
    # The same commit may be abbreviated to different lengths.
    new = [commit for commit in commits if not any(old.startswith(commit) or commit.startswith(old) for old in known)]
    return [*edits, _add_commits(document, step, new)] if new else edits


def open_step(experiment: Experiment, step: Step) -> list[Edit]:
    """Return the edits that reopen a step and the checkboxes below it; its commits are kept."""
    structure = _structure(experiment)
    below = [item for item in structure.subtree(step.item) if item.checkbox is not None]
    return _set_boxes(experiment, structure, [step.item, *below], OPEN)


def _structure(experiment: Experiment) -> Structure:
    steps = experiment.steps_list
    if steps is None or steps.structure is None:
        raise AssertionError(experiment)
    return steps.structure


def _set_boxes(experiment: Experiment, structure: Structure, items: list[Item], box: bytes) -> list[Edit]:
    """Return the edits that set the checkboxes of steps; the first of `items` gets one if it has none."""
    heading = experiment.steps_heading
    ordered = heading is not None and (heading.property("ORDERED") or "nil") != "nil"
    edits = set_checkboxes(experiment.heading.document, structure, items, box, ordered=ordered, upper=True)
    if items[0].checkbox is None:
        at = find_step_text(experiment.heading.document.text, items[0])
        edits.append(Edit(at, at, box + b" "))
    return edits


def _add_commits(document: Document, step: Step, commits: list[str]) -> Edit:
    """Return the edit that adds hashes to the parentheses at the end of a step's first line."""
    text = document.text
    end = text.find(b"\n", step.item.begin)
    end = len(text) if end < 0 else end
    while text[end - 1 : end] in (b" ", b"\t"):
        end -= 1
    if step.commits:
        return Edit(end - 1, end - 1, encode("".join(f", {commit}" for commit in commits)))
    return Edit(end, end, encode(f" ({', '.join(commits)})"))


def add_step(experiment: Experiment, text: str) -> list[Edit]:
    """Return the edits that append a step to the list of steps, which is created with its heading if needed."""
    document = experiment.heading.document
    words = check_step_text(text)
    heading = experiment.steps_heading
    if heading is None:
        title = f"{experiment.config.steps} [0/1]"
        lines = (
            f"{_format_heading(experiment.heading.stars + 1, todo_keyword(document.settings), title)}\n1. [ ] {words}\n"
        )
        return [insert_block(document, find_child_place(experiment, "steps"), encode(lines), find_gap(experiment))]
    steps = experiment.steps_list
    if steps is None or steps.structure is None:
        at = find_text_end(heading)
        return [insert_lines(document, at, encode(f"1. [ ] {words}\n"))]
    items = [child.item for child in experiment.step_elements if child.item is not None]
    last = items[-1]
    bullet = next_bullet(last, number_items(items)[-1] + 1)
    blank = blank_lines_between(document, items)
    indent = indentation(document, last)
    at = find_item_end(document, last)
    return [
        *_upper_boxes(steps.structure),
        insert_lines(document, at, blank + indent + encode(f"{bullet}[ ] {words}\n")),
    ]


def _upper_boxes(structure: Structure) -> list[Edit]:
    """Return the edits that turn each `[x]` of a list into `[X]`, which Org counts."""
    boxes = [item.checkbox_at for item in structure.items if item.checkbox == b"[x]"]
    return [Edit(box, box + 3, b"[X]") for box in boxes]


# Notes


def add_note(experiment: Experiment, step: Step | None, head: str, text: str) -> list[Edit]:
    """Return the edits that add a note to a step, or to the `Notes` heading.

    Args:
        experiment: The experiment.
        step: The step, or None.
        head: What the note begins with: its time, commit and author.
        text: The note.
    """
    document = experiment.heading.document
    lines = add_note_head(head, escape_lines(text, blocks=True))
    if step is not None:
        indent = body_column(step.item)
        note = insert_lines(document, find_item_end(document, step.item), format_item("- ", lines, indent))
        return [*_upper_boxes(_structure(experiment)), note]
    heading = experiment.child(experiment.config.notes)
    if heading is None:
        stars = "*" * (experiment.heading.stars + 1)
        block = encode(f"{stars} {experiment.config.notes}\n") + format_item("- ", lines)
        return [insert_block(document, find_child_place(experiment, "notes"), block, find_gap(experiment))]
    last_element = find_last_text(heading)
    at = find_text_end(heading)
    if last_element is None or last_element.type != "plain-list":
        return [insert_lines(document, at, format_item("- ", lines))]
    items = [child.item for child in last_element.children if child.item is not None]
    last = items[-1]
    bullet = next_bullet(last, number_items(items)[-1] + 1)
    return [insert_lines(document, at, blank_lines_between(document, items) + format_item(bullet, lines, last.indent))]


def _format_note(head: str, text: str, indent: int = 0) -> bytes:
    """Return a note as the item of a list of its own."""
    return format_item("- ", add_note_head(head, escape_lines(text, blocks=True)), indent)


def start_experiment(experiment: Experiment, now: datetime.datetime) -> list[Edit]:
    """Return the edits that set an experiment in progress; none if it is, or if its log has no keyword for that."""
    settings = experiment.document.settings
    state = in_progress_keyword(settings, experiment.state)
    if state is None or get_state_kind(experiment.state, settings) == "doing":
        return []
    return change_state(experiment.heading, state, now)


def add_run_note(
    experiment: Experiment, reference: Reference, head: str, text: str, now: datetime.datetime, *, commit: str | None,
    done: bool,
) -> list[Edit]:  # fmt: skip
    """Return the edits that add a note about a run and, if `done`, mark its step as done with its commit.

    They set the experiment in progress too, unless it is done or dropped, or was created after the run.

    Args:
        experiment: The experiment.
        reference: The reference of the experiment or of a step of it.
        head: What the note begins with: its time, commit and author.
        text: The note.
        now: The local time of the note.
        commit: The short hash to add to the step.
        done: Whether to mark the step as done if it is not yet.

    Raises:
        NotFoundError: There is no such step.
        UsageError: There are open checkboxes below the step.
    """
    has_ended = get_state_kind(experiment.state, experiment.document.settings) in ("done", "dropped")
    # The times of the log are to the minute.
    is_newer = experiment.created is not None and experiment.created.when > now
    edits = [] if has_ended or is_newer else start_experiment(experiment, now)
    current = experiment_after(experiment, experiment, edits)
    step = None if reference.step is None else find_step(current, reference)
    if step is not None and done and step.state != "done":
        ticks, current = _tick_run_step(current, step, commit)
        edits, step = compose(edits, ticks), find_step(current, reference)
    return compose(edits, add_note(current, step, head, text))


def _tick_run_step(experiment: Experiment, step: Step, commit: str | None) -> tuple[list[Edit], Experiment]:
    """Return the edits that mark the step of a run as done, and the experiment as it is then."""
    ticks = tick_step(experiment, step, [commit] if commit else [], all_checkboxes=False)
    return ticks, experiment_after(experiment, experiment, ticks)


def replace_run_note(
    experiment: Experiment, reference: Reference, old: tuple[str, str], new: tuple[str, str], *, commit: str | None,
    done: bool,
) -> list[Edit]:  # fmt: skip
    """Return the edits that replace the note about a run and, if `done`, mark its step as done with its commit.

    There are none if the log does not have the note in these words.

    Args:
        experiment: The experiment.
        reference: The reference of the experiment or of the step that has the note.
        old: The head and the text that the note was written with.
        new: Those that it is to have.
        commit: The short hash to add to the step.
        done: Whether to mark the step as done if it is not yet.

    Raises:
        NotFoundError: There is no such step.
        UsageError: There are open checkboxes below the step.
    """
    step = None if reference.step is None else find_step(experiment, reference)
    edits = _replace_note(experiment, step, old, new)
    if not edits or step is None or not done or step.state == "done":
        return edits
    ticks, ticked = _tick_run_step(experiment, step, commit)
    return compose(ticks, _replace_note(ticked, find_step(ticked, reference), old, new))


def _replace_note(experiment: Experiment, step: Step | None, old: tuple[str, str], new: tuple[str, str]) -> list[Edit]:
    indent = body_column(step.item) if step is not None else 0
    before, after = (_format_note(*note, indent) for note in (old, new))
    at = experiment.heading.document.text.find(before)
    return [Edit(at, at + len(before), after)] if at >= 0 else []


def contains_line(document: Document, line: str) -> bool:
    """Return whether the whole log contains `line` as a line, ignoring blanks around it."""
    whole = document.whole if isinstance(document, Part) else document
    return re.search(rb"^[ \t]*" + re.escape(line.encode()) + rb"[ \t]*$", whole.text, re.M) is not None


# Conclusions


def conclude(
    experiment: Experiment, text: str, verdict: str | None, keyword: str | None, now: datetime.datetime,
    earlier: Timestamp | None = None, *, author: str | None = None,
) -> list[Edit]:  # fmt: skip
    """Return the edits that write the conclusion of an experiment and close it.

    The words begin with their time, verdict and author, unless the log dates the change of state.  If there is a
    conclusion already, the new one follows it with its time, and the earlier one gets its time, verdict and author if
    it has none.  A new verdict without words is written as a time and a verdict.  Nobody has confirmed it then.

    Args:
        experiment: The experiment.
        text: The conclusion. If it is empty, only the verdict is written.
        verdict: `supported`, `refuted`, `inconclusive` or another word; None to write none.
        keyword: The new state of the experiment; None for its done keyword.
        now: Local time.
        earlier: When the earlier conclusion was written, if the log does not tell.
        author: The name that marks it, or None.

    Raises:
        UsageError: The log has no done keyword, or there is no conclusion to give a verdict to.
    """
    conclusion = experiment.conclusion
    if not text and not conclusion.text:
        raise UsageError(f"{experiment.ref} has no conclusion yet; write one before its verdict.")
    document = experiment.heading.document
    is_closed = keyword is None and experiment.is_done
    state = experiment.state if is_closed else keyword or done_keyword(document.settings, experiment.state)
    if state is None:
        raise UsageError("The log has no done state; add one after a | in its #+TODO line.")
    edits = change_state(experiment.heading, state, now)
    words = format_body(escape_lines(text, at_margin=True, blocks=True, times=True)) if text else b""
    head = encode(format_conclusion_head(Timestamp(now, has_time=True), verdict, author)) + b"\n"
    heading = experiment.conclusions_heading
    properties = {"VERDICT": verdict} if verdict else {}
    signed: dict[str, str | None] = {**properties, "AUTHOR": author, "CONFIRMED": None}
    if heading is None:
        return [*edits, _add_conclusion(experiment, signed, (b"" if _is_dated(edits, now) else head) + words)]
    done = done_keyword(document.settings, heading.state)
    if heading.state is not None and not heading.is_done and done is not None:
        edits += change_state(heading, done, now)
    is_again = bool(conclusion.entries)
    is_new = not is_again or bool(words) or _is_new_verdict(conclusion, verdict, author)
    edits = _with_property(edits, put_properties(heading, signed if is_new else properties))
    if is_again:
        return [*edits, *(_conclude_again(heading, conclusion, head + words, earlier) if is_new else ())]
    if not _is_dated(edits, now):
        words = head + words
    at = find_text_end(heading)
    before = b"\n" if document.text[after_meta(heading) : at].strip() else b""
    # If Org logs after the blank lines of an empty section, the conclusion goes after the log entry.
    logged_at = max((edit.start for edit in edits if edit.start <= heading.end), default=at)
    if logged_at > at:
        return [*edits, insert_lines(document, logged_at, words + find_gap(experiment))]
    return [*edits, insert_lines(document, at, before + words)]


def _is_dated(edits: Iterable[Edit], now: datetime.datetime) -> bool:
    """Return whether edits write the current time, in CLOSED or in a log note."""
    return any(format_inactive(now) in edit.replacement for edit in edits)


def _is_new_verdict(conclusion: Conclusion, verdict: str | None, author: str | None) -> bool:
    """Return whether a verdict without words is to be written with its time, as it changes what was concluded."""
    newest = conclusion.entries[-1]
    old = conclusion.verdict or ""
    if not verdict or old.casefold() == verdict.casefold():
        return False
    # The first verdict of a conclusion without a time needs no time either, unless its author would be lost.
    return bool(old or newest.head_end or newest.author or author)


def _add_conclusion(experiment: Experiment, properties: Mapping[str, str | None], text: bytes) -> Edit:
    """Return the edit that adds the heading of the conclusions, with properties and text."""
    done = done_keyword(experiment.heading.document.settings)
    line = _format_heading(experiment.heading.stars + 1, done, experiment.config.conclusions)
    lines = [f"{f':{name}:':<10} {value}" for name, value in properties.items() if value]
    drawer = "".join(f"{one}\n" for one in ((":PROPERTIES:", *lines, ":END:") if lines else ()))
    block = encode(f"{line}\n{drawer}") + text
    return insert_block(
        experiment.heading.document, find_child_place(experiment, "conclusions"), block, find_gap(experiment)
    )


def also_note(experiment: Experiment, edits: list[Edit], head: str, text: str) -> list[Edit]:
    """Return edits of an experiment that keep its place in the outline, and those that add a note to it afterwards."""
    return compose(edits, add_note(experiment_after(experiment, experiment, edits), None, head, text))


def confirm(experiment: Experiment, now: datetime.datetime) -> list[Edit]:
    """Return the edits that record that a person confirmed the conclusion of an experiment.

    Raises:
        UsageError: It has no conclusion, or none that is marked as that of an author.
    """
    heading, conclusion = experiment.conclusions_heading, experiment.conclusion
    if heading is None or not (conclusion.text or conclusion.verdict):
        raise UsageError(f"{experiment.ref} has no conclusion yet.")
    if conclusion.author is None:
        raise UsageError(f"The conclusion of {experiment.ref} has no author, so a person wrote it; nothing to confirm.")
    return put_properties(heading, {"CONFIRMED": format_inactive(now).decode()})


def _conclude_again(heading: Heading, conclusion: Conclusion, written: bytes, earlier: Timestamp | None) -> list[Edit]:
    """Return the edits that write another conclusion, beginning with its time, after the earlier ones."""
    text = heading.document.text
    first, newest = conclusion.entries[0], conclusion.entries[-1]
    edits = []
    before = b"\n"
    first_head = encode(format_conclusion_head(first.at or earlier, first.verdict, first.author))
    is_below = first.line >= heading.line_number
    if first.head_end is None and first_head and not first.has_verdict and is_below:
        if first.begin is None:
            before = first_head + b"\n\n"
        else:
            edits.append(Edit(first.begin, first.begin, blanks_at(text, first.begin) + first_head + b"\n"))
    if newest.head_end is not None and newest.verdict and not newest.has_verdict:
        # An author stands after the verdict, before the same colon.
        verdict = f" {newest.verdict}" if newest.author else f" {newest.verdict}:"
        edits.append(Edit(newest.head_end, newest.head_end, encode(verdict)))
    return [*edits, insert_lines(heading.document, find_text_end(heading), before + written)]


def _with_property(edits: list[Edit], property_edits: list[Edit]) -> list[Edit]:
    """Return edits of a state and of a property, ordered so that insertions at one position follow Org's order.

    The order is CLOSED, properties, log entries.
    """
    places = {edit.start for edit in property_edits}
    logged = [edit for edit in edits if edit.start in places and not edit.replacement.lstrip().startswith(b"CLOSED:")]
    return [*(edit for edit in edits if edit not in logged), *property_edits, *logged]


# Experiments


def add_experiment(  # noqa: PLR0913 - the parts of an experiment
    document: Document, last: Experiment | None, config: Config, title: str, *, number: str, now: datetime.datetime,
    description: str | None, steps: Iterable[str], tags: Iterable[str], note: tuple[str, str] | None = None,
    properties: Mapping[str, str] | None = None, below: Heading | None = None,
) -> list[Edit]:  # fmt: skip
    """Return the edits that add a new experiment to the log.

    Args:
        document: The log.
        last: The last experiment of the log, whose style is copied; None if there is none.
        config: The settings.
        title: The title.
        number: The id.
        now: Local time.
        description: The description.
        steps: The texts of the steps.
        tags: Tags to add to those of the settings.
        note: The head and the text of a note, or None.
        properties: Properties besides its id; or None.
        below: The heading that it is to be below; None for the section of the last experiment.
    """
    title = check_one_line(title, "A title")
    indent = _find_drawer_indent(document, last)
    others = "".join(
        f"{indent}{f':{name}:':<10} {check_one_line(value, 'A property')}\n"
        for name, value in (properties or {}).items()
    )
    gap = "\n" if last is None else find_gap(last).decode()
    at, stars, dates = find_new_place(document, last, now.date(), below)
    days = "".join(f"{'*' * (stars - len(dates) + n)} {name}\n" for n, name in enumerate(dates))
    todo = todo_keyword(document.settings)
    steps_lines = [f"{n}. [ ] {check_step_text(step)}\n" for n, step in enumerate(steps, 1)]
    all_tags = ":".join(dict.fromkeys((*config.tags, *map(_check_tag, tags))))
    description_item = format_item("- ", escape_item_start(escape_lines(description))).decode() if description else ""
    notes = _format_note(*note).decode() if note is not None else ""
    block = (
        f"{days}{_format_heading(stars, todo, f'[{number}] {title} [0%]   :{all_tags}:')}\n"
        f"{indent}:PROPERTIES:\n{indent}{f':{config.id_property.upper()}:':<10} {number}\n{others}"
        f"{indent}:END:\n{indent}{format_inactive(now).decode()}\n{gap}"
        f"{description_item}{gap if description_item else ''}"
        f"{_format_heading(stars + 1, None, config.notes)}\n{notes}{gap}"
        f"{_format_heading(stars + 1, todo, f'{config.steps} [0/{len(steps_lines)}]')}\n{''.join(steps_lines)}{gap}"
        f"{_format_heading(stars + 1, todo, config.conclusions)}\n"
    )
    separate = b"\n" if gap and at > 0 and not document.text[:at].endswith(b"\n\n") else b""
    after = b"\n" if gap and at < len(document.text) and document.text[at : at + 1] != b"\n" else b""
    return [insert_lines(document, at, separate + encode(block) + after)]


def _find_drawer_indent(document: Document, last: Experiment | None) -> str:
    """Return the blanks before the property drawer of the last experiment, else before the first one of the log."""
    if last is not None and last.heading.drawer is not None:
        return meta_indent(last.heading).decode()
    first = next((heading for heading in document.headings() if heading.drawer is not None), None)
    return meta_indent(first).decode() if first is not None else "  "


def _check_tag(tag: str) -> str:
    """Return a tag without colons.

    Raises:
        UsageError: It is not a valid Org tag.
    """
    tag = tag.strip(":")
    if not is_tag(tag):
        raise UsageError(f"{tag!r} is not a valid tag; use letters, digits, _, @, # and %.")
    return tag


# The journal


def add_journal_entry(
    document: Document, now: datetime.datetime, link: str | None, tag: str | None, text: str, author: str | None = None
) -> list[Edit]:
    """Return the edits that add an entry under today's date in a date tree.

    Args:
        document: The journal.
        now: Local time.
        link: A link to the experiment, with which the title of the entry begins.
        tag: The tag of the entry: the id of the experiment.
        text: The entry; its first line is the title.
        author: The name that marks it, or None.
    """
    lines = escape_lines(text, at_margin=True)
    title = " ".join(filter(None, (link, lines[0].strip())))
    names = date_tree(now.date())
    # The tree may be below a heading, such as "Journal".
    top = next((one.stars for one in document.headings() if one.title == names[0]), 1)
    heading = f"{'*' * (top + len(names))} {title}" + (f" :{tag}:" if tag else "")
    body = format_body([format_note_head(now, None, author), *lines[1:]])
    block = encode(heading + "\n") + body
    begin, end = 0, len(document)
    at = len(document.text)
    for level, name in enumerate(names, top):
        exists, at, begin, end = find_branch(document, begin, end, level, name)
        if not exists:
            missing = names[level - top :]
            heads = "".join(f"{'*' * (level + n)} {part}\n" for n, part in enumerate(missing))
            return [insert_lines(document, at, encode(heads) + block)]
    return [insert_lines(document, at, block)]
