"""Where to insert new text in a log, and which bullets, indentation and blank lines to copy from around it."""

import re

from orglab.experiment.model import Experiment
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.element import Element
from orglab.org.heading import Heading
from orglab.org.list import Item
from orglab.org.syntax import compile_late
from orglab.org.todo import after_meta

# The name of a month or a day; those of some languages have two words or a hyphen, as `thứ hai` and `segunda-feira`.
_DATE_NAME = compile_late(r"\w+\.?(?:[ \t-]\w+)?\.?")
_LOCAL_VARIABLES = compile_late(rb"^[ \t]*#+[ \t]*Local Variables:", re.I | re.M)


def insert_lines(document: Document, at: int, lines: bytes) -> Edit:
    """Return the edit that inserts whole lines at `at`; a file that does not end in a newline stays that way."""
    if at > 0 and document.text[at - 1 : at] != b"\n":
        return Edit(at, at, b"\n" + lines.removesuffix(b"\n"))
    return Edit(at, at, lines)


def insert_block(document: Document, at: int, lines: bytes, gap: bytes) -> Edit:
    """Return the edit that inserts a heading and its text at `at`, separated from its neighbours by `gap`."""
    text = document.text
    before = gap if gap and at > 0 and not text[:at].endswith(b"\n\n") else b""
    after = gap if gap and at < len(text) and text[at : at + 1] != b"\n" else b""
    return insert_lines(document, at, before + lines + after)


def next_bullet(item: Item, number: int) -> str:
    """Return the bullet for an item with the given number after `item`, in the same style."""
    bullet = item.bullet.decode().rstrip("\n") or "- "
    if item.is_ordered:
        bullet = re.sub(r"^\w+", str(number), bullet)
    return bullet if bullet[-1] in " \t" else bullet + " "


def indentation(document: Document, item: Item) -> bytes:
    """Return the blanks before the bullet of an item."""
    text = document.text
    at = item.begin
    while text[at : at + 1] in (b" ", b"\t"):
        at += 1
    return text[item.begin : at]


def blank_lines_between(document: Document, items: list[Item]) -> bytes:
    """Return the blank line between the last two items, or an empty string if there is none."""
    if len(items) < 2:  # noqa: PLR2004 - the last two items
        return b""
    return b"\n" if document.text[: items[-1].begin].endswith(b"\n\n") else b""


def find_item_end(document: Document, item: Item) -> int:
    """Return where the last non-blank line of an item ends, after its newline."""
    return after_last_line(document, item.begin, item.end)


def after_last_line(document: Document, begin: int, end: int) -> int:
    """Return where the last non-blank line of `begin` to `end` ends, before any local variables of Emacs."""
    text = document.text
    end = max(begin, min(end, _find_local_variables(document)))
    while end > begin and text[end - 1] in b" \t\n":
        end -= 1
    if end == begin:
        return begin
    newline = text.find(b"\n", end)
    return len(text) if newline < 0 else newline + 1


def body_column(item: Item) -> int:
    """Return the column where text under the first line of an item begins."""
    return item.indent + len(item.bullet.rstrip()) + 1


def find_last_text(heading: Heading) -> Element | None:
    """Return the last element of a section before the footnote definitions at its end, or None if it has none."""
    return next((one for one in reversed(heading.section.children) if one.type != "footnote-definition"), None)


def find_text_end(heading: Heading) -> int:
    """Return where the last non-blank line of a section ends, after its newline, before the footnotes at its end."""
    last = find_last_text(heading)
    following = [one.begin for one in heading.section.children if last is None or one.begin >= last.end]
    return max(after_last_line(heading.document, heading.body, min([*following, heading.end])), after_meta(heading))


def find_child_place(experiment: Experiment, part: str) -> int:
    """Return where to insert a new subheading of an experiment; the order is notes, steps, conclusions."""
    heading = experiment.heading
    steps = None if experiment.has_own_steps else experiment.steps_heading
    following = {
        "notes": (steps, experiment.conclusions_heading),
        "steps": (experiment.conclusions_heading,),
        "conclusions": (),
    }[part]
    place = next((child.begin for child in following if child is not None), None)
    if place is not None:
        return place
    if part == "notes":
        return after_last_line(heading.document, heading.body, heading.end)
    return after_last_line(heading.document, heading.body, heading.subtree_end)


def find_gap(experiment: Experiment) -> bytes:
    """Return the blank line before the subheadings of an experiment, or an empty string if there is none."""
    text = experiment.heading.document.text
    begins = [child.begin for child in experiment.heading.children()]
    return b"\n" if not begins or any(text[:begin].endswith(b"\n\n") for begin in begins) else b""


def find_log_end(document: Document) -> int:
    """Return where to append to a log: before Emacs's local variables and a heading that contains only them."""
    at = _find_local_variables(document)
    heading = document.heading_at(at)
    if at == len(document.text) or heading is None or document.text[heading.body : at].strip():
        return at
    return heading.begin if heading.line.is_comment else at


def _find_local_variables(document: Document) -> int:
    """Return where Emacs's local variables begin, or the end of the text if there are none."""
    text = document.text
    match = _LOCAL_VARIABLES.search(text, max(0, len(text) - 3000))
    return match.start() if match else len(text)


def find_branch(document: Document, begin: int, end: int, level: int, name: str) -> tuple[bool, int, int, int]:
    """Find the date tree heading `name` among the headings with the indices `begin` to `end`.

    The name of the month or day may be in any language, as in org-datetree.el: only its number counts.

    Returns:
        Whether it exists; where to insert (at the end of its subtree, or before the first
        later heading of its level); and the range of the headings below it.
    """
    place = document.heading_begin(end)
    wanted = name.partition(" ")[0]
    for index in range(begin, end):
        if document.stars(index) != level:
            continue
        title = document.heading(index).title
        number, _, word = title.partition(" ")
        if number == wanted and (not word or _DATE_NAME.fullmatch(word.strip())):
            after = document.after_subtree(index)
            return True, document.heading_begin(after), index + 1, after
        if number > wanted and title[:4].isdigit():
            place = document.heading_begin(index)
            break
    return False, place, end, end
