"""What each command changes: from a document and a wish to edits.

New text copies what is around it: the indentation of drawers, bullets, blank
lines between siblings.  Nothing else is touched.
"""

import datetime
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from orglab.config import Config, is_tag
from orglab.errors import UsageError
from orglab.experiment.escape import begins_item, body_lines, item_lines, one_line, paragraphs, step_text, with_head
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment, Note, Step, ordinals, without_cookies, words_at
from orglab.experiment.states import done_keyword, todo_keyword
from orglab.org.checkbox import DONE, OPEN, set_boxes
from orglab.org.cookies import recount
from orglab.org.document import Document, Part
from orglab.org.edit import Edit, compose
from orglab.org.heading import Heading
from orglab.org.list import Item, Structure
from orglab.org.properties import put_property
from orglab.org.source import encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import date_tree, format_inactive
from orglab.org.todo import after_meta, logging_of, meta_indent, set_state
from orglab.reference import Reference

_LOCAL_VARIABLES = compile_late(rb"^[ \t]*#+[ \t]*Local Variables:", re.I | re.M)


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


def with_consequences(
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
    new = _after(old, old, edits)
    settled = settle_steps(old, new, now)
    new = _after(old, new, settled)
    counted = true_cookies(old, new)
    new = _after(old, new, counted)
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


def _after(old: Experiment, current: Experiment, edits: list[Edit]) -> Experiment:
    """Return the experiment after edits; none of them moves it to another place of the outline."""
    document = current.document.apply(edits)
    return Experiment(document.heading(old.heading.index), old.config, old.file)


def is_same_step(old: Step, new: Step) -> bool:
    """Return whether a step is still the one it was, whatever its box, commits and counts are now."""
    return old.number == new.number and without_cookies(old.text) == without_cookies(new.text)


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
    logging = logging_of(heading)
    word = logging.keywords.get(state)
    lines = "\n".join(paragraphs(note)) if note else None
    if lines and always_note and word is not None and word.on_enter != "note":
        logging = replace(logging, keywords={**logging.keywords, state: replace(word, on_enter="note")})
    return set_state(heading, state, now, note=lines, logging=logging, indent=meta_indent(heading))


def _starred(stars: int, keyword: str | None, title: str) -> str:
    """Return a heading's line."""
    return " ".join(filter(None, ("*" * stars, keyword, title)))


def true_cookies(before: Experiment, after: Experiment) -> list[Edit]:
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
    return [] if lowest is None else recount(lowest.document, [lowest, *lowest.ancestors()])


def _boxes_of(experiment: Experiment) -> list[bytes | None]:
    """Return the boxes of all items in the list of the steps."""
    found = experiment.steps_list
    return [] if found is None or found.structure is None else [item.checkbox for item in found.structure.items]


# Steps


def tick_step(experiment: Experiment, step: Step, commits: Iterable[str], *, all_boxes: bool) -> list[Edit]:
    """Return the edits of a step's list and line: `[X]`, and its commits' short hashes in parentheses.

    Args:
        experiment: The experiment.
        step: The step.
        commits: Short hashes to add to those it has.
        all_boxes: Whether open boxes below it are ticked too.

    Raises:
        UsageError: There are, and they are not to be ticked.
    """
    document = experiment.heading.document
    structure = _structure(experiment)
    below = [item for item in structure.subtree(step.item) if item.checkbox is not None]
    still_open = [item for item in below if item.checkbox not in (b"[X]", b"[x]")]
    if still_open and not all_boxes:
        lines = ", ".join(str(document.source.line_number(item.begin)) for item in still_open[:5])
        raise UsageError(
            f"{step.ref} has open boxes of its own (line {lines}): tick them first, or give --all to tick them too."
        )
    edits = _boxes(experiment, structure, [step.item, *below], DONE)
    known = (*step.commits, *step.originals)
    # One commit may be written in more digits than another time.
    new = [commit for commit in commits if not any(one.startswith(commit) or commit.startswith(one) for one in known)]
    return [*edits, _commits_edit(document, step, new)] if new else edits


def open_step(experiment: Experiment, step: Step) -> list[Edit]:
    """Return the edits after which a step is open, and the boxes below it; its commits are kept."""
    structure = _structure(experiment)
    below = [item for item in structure.subtree(step.item) if item.checkbox is not None]
    return _boxes(experiment, structure, [step.item, *below], OPEN)


def _structure(experiment: Experiment) -> Structure:
    found = experiment.steps_list
    if found is None or found.structure is None:
        raise AssertionError(experiment)
    return found.structure


def _boxes(experiment: Experiment, structure: Structure, items: list[Item], box: bytes) -> list[Edit]:
    """Return the edits that set boxes in the list of the steps, and give the first of `items` one if it has none."""
    heading = experiment.steps_heading
    ordered = heading is not None and (heading.property("ORDERED") or "nil") != "nil"
    edits = set_boxes(experiment.heading.document, structure, items, box, ordered=ordered, upper=True)
    if items[0].checkbox is None:
        at = words_at(experiment.heading.document.text, items[0])
        edits.append(Edit(at, at, box + b" "))
    return edits


def _commits_edit(document: Document, step: Step, commits: list[str]) -> Edit:
    """Return the edit that adds hashes to the parentheses that end a step's first line."""
    text = document.text
    end = text.find(b"\n", step.item.begin)
    end = len(text) if end < 0 else end
    while text[end - 1 : end] in (b" ", b"\t"):
        end -= 1
    if step.commits:
        return Edit(end - 1, end - 1, encode("".join(f", {commit}" for commit in commits)))
    return Edit(end, end, encode(f" ({', '.join(commits)})"))


def settle_steps(before: Experiment, after: Experiment, now: datetime.datetime) -> list[Edit]:
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


def add_step(experiment: Experiment, text: str) -> list[Edit]:
    """Return the edits after which a step with `text` ends the list; the list, and its heading, are made if need be."""
    document = experiment.heading.document
    words = step_text(text)
    heading = experiment.steps_heading
    if heading is None:
        title = f"{experiment.config.steps} [0/1]"
        lines = f"{_starred(experiment.heading.stars + 1, todo_keyword(document.settings), title)}\n1. [ ] {words}\n"
        return [_insert_block(document, _place_of_child(experiment, "steps"), encode(lines), _gap(experiment))]
    found = experiment.steps_list
    if found is None or found.structure is None:
        at = _end_of_text(heading)
        return [_insert(document, at, encode(f"1. [ ] {words}\n"))]
    items = [child.item for child in found.children if child.item is not None]
    last = items[-1]
    bullet = _next_bullet(last, ordinals(items)[-1] + 1)
    blank = _blank_lines_between(document, items)
    indent = document.text[last.begin : last.begin + _width(document, last)]
    at = _end_of_item(document, last)
    return [*_upper_boxes(found.structure), _insert(document, at, blank + indent + encode(f"{bullet}[ ] {words}\n"))]


def _upper_boxes(structure: Structure) -> list[Edit]:
    """Return the edits that make each `[x]` of a list the `[X]` that Org counts, as every edit of the list does."""
    boxes = [item.checkbox_at for item in structure.items if item.checkbox == b"[x]"]
    return [Edit(box, box + 3, b"[X]") for box in boxes]


def _next_bullet(item: Item, number: int) -> str:
    """Return the bullet for the item after `item`, of the same style."""
    bullet = item.bullet.decode().rstrip("\n") or "- "
    if item.is_ordered:
        bullet = re.sub(r"^\w+", str(number), bullet)
    return bullet if bullet[-1] in " \t" else bullet + " "


def _width(document: Document, item: Item) -> int:
    """Return how many bytes of blanks stand before an item's bullet."""
    text = document.text
    at = item.begin
    while text[at : at + 1] in (b" ", b"\t"):
        at += 1
    return at - item.begin


def _blank_lines_between(document: Document, items: list[Item]) -> bytes:
    """Return the blank line that stands between the last two items, if one does."""
    if len(items) < 2:  # noqa: PLR2004 - two make a between
        return b""
    return b"\n" if document.text[: items[-1].begin].endswith(b"\n\n") else b""


def _end_of_item(document: Document, item: Item) -> int:
    """Return where the line after an item's last line that is not blank begins."""
    return _after_last_line(document, item.begin, item.end)


def _after_last_line(document: Document, begin: int, end: int) -> int:
    """Return where the line after the last one that is not blank begins; Emacs's local variables are left behind it."""
    text = document.text
    end = max(begin, min(end, _variables_at(document)))
    while end > begin and text[end - 1] in b" \t\n":
        end -= 1
    if end == begin:
        return begin
    newline = text.find(b"\n", end)
    return len(text) if newline < 0 else newline + 1


def _insert(document: Document, at: int, lines: bytes) -> Edit:
    """Return the edit that writes whole lines at `at`; a file without its last newline stays without."""
    if at > 0 and document.text[at - 1 : at] != b"\n":
        return Edit(at, at, b"\n" + lines.removesuffix(b"\n"))
    return Edit(at, at, lines)


def _insert_block(document: Document, at: int, lines: bytes, gap: bytes) -> Edit:
    """Return the edit that writes a heading and its text at `at`, set off by `gap` as its neighbours are."""
    text = document.text
    before = gap if gap and at > 0 and not text[:at].endswith(b"\n\n") else b""
    after = gap if gap and at < len(text) and text[at : at + 1] != b"\n" else b""
    return _insert(document, at, before + lines + after)


# Notes


def add_note(experiment: Experiment, step: Step | None, head: str, text: str) -> list[Edit]:
    """Return the edits that write a note under a step, or under `Notes`.

    Args:
        experiment: The experiment.
        step: The step, or None.
        head: The time and the commit that the note begins with.
        text: The note.
    """
    document = experiment.heading.document
    lines = with_head(head, paragraphs(text, blocks=True))
    if step is not None:
        indent = _body_column(step.item)
        note = _insert(document, _end_of_item(document, step.item), item_lines("- ", lines, indent))
        return [*_upper_boxes(_structure(experiment)), note]
    heading = experiment.child(experiment.config.notes)
    if heading is None:
        stars = "*" * (experiment.heading.stars + 1)
        block = encode(f"{stars} {experiment.config.notes}\n") + item_lines("- ", lines)
        return [_insert_block(document, _place_of_child(experiment, "notes"), block, _gap(experiment))]
    found = heading.section.children[-1] if heading.section.children else None
    at = _end_of_text(heading)
    if found is None or found.type != "plain-list":
        return [_insert(document, at, item_lines("- ", lines))]
    items = [child.item for child in found.children if child.item is not None]
    last = items[-1]
    bullet = _next_bullet(last, ordinals(items)[-1] + 1)
    return [_insert(document, at, _blank_lines_between(document, items) + item_lines(bullet, lines, last.indent))]


def add_run_note(
    experiment: Experiment, reference: Reference, head: str, text: str, *, commit: str | None, done: bool
) -> list[Edit]:
    """Return the edits that note a run and, if a step was done by it, tick that with its commit.

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
        return add_note(experiment, step, head, text)
    ticks = tick_step(experiment, step, [commit] if commit else [], all_boxes=False)
    ticked = _after(experiment, experiment, ticks)
    return compose(ticks, add_note(ticked, find_step(ticked, reference), head, text))


def holds_line(document: Document, line: str) -> bool:
    """Return whether a line of the whole log is `line`, blanks around it left out."""
    whole = document.whole if isinstance(document, Part) else document
    return re.search(rb"^[ \t]*" + re.escape(line.encode()) + rb"[ \t]*$", whole.text, re.M) is not None


def _body_column(item: Item) -> int:
    """Return the column that text under an item's first line begins in."""
    return item.indent + len(item.bullet.rstrip()) + 1


def _end_of_text(heading: Heading) -> int:
    """Return where the line after a section's last line that is not blank begins."""
    return max(_after_last_line(heading.document, heading.body, heading.end), after_meta(heading))


def _place_of_child(experiment: Experiment, part: str) -> int:
    """Return where a new sub-heading of an experiment goes: notes, then steps, then conclusions."""
    heading = experiment.heading
    following = {
        "notes": (experiment.steps_heading, experiment.child(experiment.config.conclusions)),
        "steps": (experiment.child(experiment.config.conclusions),),
        "conclusions": (),
    }[part]
    place = next((child.begin for child in following if child is not None), None)
    if place is not None:
        return place
    if part == "notes":
        return _after_last_line(heading.document, heading.body, heading.end)
    return _after_last_line(heading.document, heading.body, heading.subtree_end)


def _gap(experiment: Experiment) -> bytes:
    """Return the blank line that stands before the sub-headings of an experiment, if one does."""
    text = experiment.heading.document.text
    begins = [child.begin for child in experiment.heading.children()]
    return b"\n" if not begins or any(text[:begin].endswith(b"\n\n") for begin in begins) else b""


# Conclusions


def conclude(
    experiment: Experiment, text: str, verdict: str | None, keyword: str | None, now: datetime.datetime
) -> list[Edit]:
    """Return the edits that write what came of an experiment, and close it.

    Args:
        experiment: The experiment.
        text: The conclusion; what stands there already is kept before it.
        verdict: `supported`, `refuted`, `inconclusive` or another word; None writes none.
        keyword: The experiment's state afterwards; its done keyword if None.
        now: Local time.
    """
    document = experiment.heading.document
    is_closed = keyword is None and experiment.is_done
    state = experiment.state if is_closed else keyword or done_keyword(document.settings, experiment.state)
    if state is None:
        raise UsageError("The log has no keyword for work that is done; its #+TODO line could have one behind a bar.")
    edits = change_state(experiment.heading, state, now)
    words = body_lines(paragraphs(text, at_margin=True, blocks=True))
    heading = experiment.child(experiment.config.conclusions)
    if heading is None:
        drawer = f":PROPERTIES:\n:VERDICT:  {verdict}\n:END:\n" if verdict else ""
        line = _starred(experiment.heading.stars + 1, done_keyword(document.settings), experiment.config.conclusions)
        block = encode(f"{line}\n{drawer}") + words
        place = _place_of_child(experiment, "conclusions")
        return [*edits, _insert_block(document, place, block, _gap(experiment))]
    done = done_keyword(document.settings, heading.state)
    if heading.state is not None and not heading.is_done and done is not None:
        edits += change_state(heading, done, now)
    if verdict:
        edits = _with_property(edits, put_property(heading, "VERDICT", verdict))
    at = _end_of_text(heading)
    before = b"\n" if document.text[after_meta(heading) : at].strip() else b""
    # Where Org logs behind the blank lines of an empty section, the words follow there.
    logged_at = max((edit.start for edit in edits if edit.start <= heading.end), default=at)
    if logged_at > at:
        return [*edits, _insert(document, logged_at, words + _gap(experiment))]
    return [*edits, _insert(document, at, before + words)]


def _with_property(edits: list[Edit], property_edits: list[Edit]) -> list[Edit]:
    """Return edits of a state and of a property so that what both write at one place stands in Org's order.

    That is CLOSED, then the properties, then what is logged.
    """
    places = {edit.start for edit in property_edits}
    logged = [edit for edit in edits if edit.start in places and not edit.replacement.lstrip().startswith(b"CLOSED:")]
    return [*(edit for edit in edits if edit not in logged), *property_edits, *logged]


# Experiments


def new_experiment(
    document: Document, last: Experiment | None, config: Config, title: str, *, number: str, now: datetime.datetime,
    description: str | None, steps: Iterable[str], tags: Iterable[str],
) -> list[Edit]:  # fmt: skip
    """Return the edits after which a new experiment ends the log.

    Args:
        document: The log.
        last: Its last experiment, whose looks are copied; None if there is none.
        config: The settings.
        title: The title.
        number: The id.
        now: Local time.
        description: What it is about.
        steps: The texts of its steps.
        tags: Tags beside those of the settings.
    """
    title = one_line(title, "A title")
    indent = "  " if last is None or last.heading.drawer is None else meta_indent(last.heading).decode()
    gap = "\n" if last is None else _gap(last).decode()
    stars = last.heading.stars if last is not None and _is_at_end(last) else 1
    todo = todo_keyword(document.settings)
    steps_lines = [f"{n}. [ ] {step_text(step)}\n" for n, step in enumerate(steps, 1)]
    all_tags = ":".join(dict.fromkeys((*config.tags, *map(_tag, tags))))
    about = item_lines("- ", begins_item(paragraphs(description))).decode() if description else ""
    block = (
        f"{_starred(stars, todo, f'[{number}] {title} [0%]   :{all_tags}:')}\n"
        f"{indent}:PROPERTIES:\n{indent}{f':{config.id_property.upper()}:':<10} {number}\n"
        f"{indent}:END:\n{indent}{format_inactive(now).decode()}\n{gap}"
        f"{about}{gap if about else ''}"
        f"{_starred(stars + 1, None, config.notes)}\n{gap}"
        f"{_starred(stars + 1, todo, f'{config.steps} [0/{len(steps_lines)}]')}\n{''.join(steps_lines)}{gap}"
        f"{_starred(stars + 1, todo, config.conclusions)}\n"
    )
    at = _end_of_log(document)
    separate = b"\n" if gap and at > 0 and not document.text[:at].endswith(b"\n\n") else b""
    after = b"\n" if at < len(document.text) and gap else b""
    return [_insert(document, at, separate + encode(block) + after)]


def _is_at_end(experiment: Experiment) -> bool:
    """Return whether nothing follows the heading that an experiment is below, if it is below one."""
    document, parent = experiment.heading.document, experiment.heading.parent
    if parent is None:
        return True
    is_last = not isinstance(document, Part) or document.end == len(document.whole.text)
    return is_last and parent.subtree_end == len(document.text)


def _end_of_log(document: Document) -> int:
    """Return where a log ends: Emacs's local variables, if there are any, stay last, with a heading of their own."""
    at = _variables_at(document)
    heading = document.heading_at(at)
    if at == len(document.text) or heading is None or document.text[heading.body : at].strip():
        return at
    return heading.begin if heading.line.is_comment else at


def _variables_at(document: Document) -> int:
    """Return where Emacs's local variables begin; the end of the text if there are none."""
    text = document.text
    match = _LOCAL_VARIABLES.search(text, max(0, len(text) - 3000))
    return match.start() if match else len(text)


def _tag(tag: str) -> str:
    """Return a tag without colons.

    Raises:
        UsageError: Org would not read it as one.
    """
    tag = tag.strip(":")
    if not is_tag(tag):
        raise UsageError(f"{tag!r} is no tag: letters, digits, _, @, # and % make one.")
    return tag


# The journal


def journal_entry(
    document: Document, now: datetime.datetime, link: str | None, tag: str | None, text: str
) -> list[Edit]:
    """Return the edits that write an entry under today in a date tree.

    Args:
        document: The journal.
        now: Local time.
        link: What the entry's title begins with: a link to the experiment.
        tag: The tag of the entry: the experiment's id.
        text: The entry: its first line is the title.
    """
    lines = paragraphs(text, at_margin=True)
    title = " ".join(filter(None, (link, lines[0].strip())))
    heading = f"**** {title}" + (f" :{tag}:" if tag else "")
    body = body_lines([format_inactive(now).decode(), *lines[1:]])
    block = encode(heading + "\n") + body
    begin, end = 0, len(document)
    at = len(document.text)
    for level, name in enumerate(date_tree(now.date()), 1):
        found, at, begin, end = _find_branch(document, begin, end, level, name)
        if not found:
            missing = date_tree(now.date())[level - 1 :]
            heads = "".join(f"{'*' * (level + n)} {part}\n" for n, part in enumerate(missing))
            return [_insert(document, at, encode(heads) + block)]
    return [_insert(document, at, block)]


def _find_branch(document: Document, begin: int, end: int, level: int, name: str) -> tuple[bool, int, int, int]:
    """Find the heading `name` among the headings `begin` to `end`.

    Returns:
        Whether it is there, where to write (its subtree's end, or before the
        first later heading of its level), and the headings below it.
    """
    place = document.begin_of(end)
    for index in range(begin, end):
        if document.stars(index) != level:
            continue
        title = document.heading(index).title
        if title == name:
            after = document.after_subtree(index)
            return True, document.begin_of(after), index + 1, after
        if title > name and title[:4].isdigit():
            place = document.begin_of(index)
            break
    return False, place, end, end
