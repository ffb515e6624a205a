"""Putting the parts of an experiment where the template has them, when the user asks for it; no text is lost.

A subheading that is named for steps or for a conclusion gets the title of the template.  A list of steps elsewhere, and
lines of a conclusion, are moved below a new heading.  The properties that named their places are removed.
"""

import re
from collections import Counter
from collections.abc import Iterable

from orglab.config import Config
from orglab.experiment.free_parts import says_conclusion, says_steps
from orglab.experiment.model import Experiment, read_experiments, strip_cookies
from orglab.experiment.named_parts import CONCLUSION_IN, STEPS_IN
from orglab.experiment.placement import find_child_place, find_gap, insert_block
from orglab.org.checkbox import OPEN
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.edit import Edit, compose
from orglab.org.heading import Heading
from orglab.org.properties import delete_property
from orglab.org.source import decode, encode


def follow_template(document: Document, config: Config, experiments: Iterable[Experiment]) -> list[Edit]:
    """Return the edits that put the parts of experiments where the template has them, with the cookies recounted.

    Args:
        document: The log.
        config: The settings.
        experiments: Experiments of the log, of which none is in another one.
    """
    edits: list[Edit] = []
    touched: set[str] = set()
    for experiment in experiments:
        moves = [*_move_steps(experiment), *_move_conclusion(experiment)]
        edits += moves
        touched |= {experiment.id} if moves else set()
    after = document.apply(edits)
    changed = [one for one in read_experiments(after, config, "") if one.id in touched]
    headings = [heading for one in changed for heading in (one.steps_heading, one.heading, *one.heading.ancestors())]
    different = {heading.begin: heading for heading in headings if heading is not None}
    return compose(edits, recount_cookies(after, [*different.values()]))


def _move_steps(experiment: Experiment) -> list[Edit]:
    """Return the edits that bring the steps of an experiment below the heading that the template has for them."""
    heading, steps, title = experiment.steps_heading, experiment.steps_list, experiment.config.steps
    has_template = experiment.child(title) is not None
    if experiment.heading.property(STEPS_IN) is None or heading is None or steps is None or has_template:
        return []
    removed = delete_property(experiment.heading, STEPS_IN)
    elements = experiment.step_elements
    if len(elements) != len([child for child in steps.children if child.item is not None]):
        # Some items of the list are notes: it stays where it is.
        return []
    boxes = [
        Edit(child.item.body, child.item.body, OPEN + b" ")
        for child in elements
        if child.item is not None and child.item.checkbox is None
    ]
    if not experiment.has_own_steps and says_steps(strip_cookies(heading.title)):
        renamed = _rename(heading, title)
        return [*removed, *boxes, *renamed] if renamed else []
    marked = experiment.marked_steps
    begin = marked[0] if marked is not None else steps.begin
    end = _trim(heading.document, begin, steps.end)
    text = _insert(heading.document.text, begin, end, boxes)
    done = experiment.progress
    return [*removed, *_move(experiment, "steps", f"{title} [{done.done}/{done.total}]", [(begin, end)], text)]


def _move_conclusion(experiment: Experiment) -> list[Edit]:
    """Return the edits that bring the conclusion of an experiment below the heading that the template has for it."""
    title = experiment.config.conclusions
    if experiment.heading.property(CONCLUSION_IN) is None or experiment.child(title) is not None:
        return []
    removed = delete_property(experiment.heading, CONCLUSION_IN)
    heading = experiment.conclusions_heading
    if heading is not None:
        is_word = says_conclusion(strip_cookies(heading.title)) and ":" not in heading.title
        renamed = _rename(heading, title) if is_word else []
        return [*removed, *renamed] if renamed else []
    document = experiment.document
    spans = [(one.begin, _trim(document, one.begin, one.end)) for one in experiment.marked_conclusion]
    text = b"\n".join(document.text[begin:end] for begin, end in spans)
    return [*removed, *_move(experiment, "conclusions", title, spans, text)] if spans else []


def _rename(heading: Heading, title: str) -> list[Edit]:
    """Return the edit that gives a heading another title; its cookies stay."""
    begin, end = heading.line.title
    old = encode(strip_cookies(heading.title))
    return [Edit(begin, begin + len(old), encode(title))] if heading.document.text[begin:end].startswith(old) else []


def _trim(document: Document, begin: int, end: int) -> int:
    """Return where the last line with text before `end` ends, after its newline."""
    last = len(document.text[begin:end].rstrip()) + begin
    newline = document.text.find(b"\n", last)
    return len(document.text) if newline < 0 else newline + 1


def _insert(text: bytes, begin: int, end: int, insertions: Iterable[Edit]) -> bytes:
    """Return a part of a text with insertions."""
    part = text[begin:end]
    for edit in sorted(insertions, reverse=True):
        part = part[: edit.start - begin] + edit.replacement + part[edit.start - begin :]
    return part


def _move(experiment: Experiment, part: str, title: str, spans: Iterable[tuple[int, int]], text: bytes) -> list[Edit]:
    """Return the edits that move lines below a new heading of an experiment."""
    stars = "*" * (experiment.heading.stars + 1)
    ended = text if text.endswith(b"\n") else text + b"\n"
    at = find_child_place(experiment, part)
    block = insert_block(experiment.document, at, encode(f"{stars} {title}\n") + ended, find_gap(experiment))
    return [*(Edit(begin, end, b"") for begin, end in spans), block]


def is_same(before: Experiment, after: Experiment) -> bool:
    """Return whether an experiment has the same steps and the words of the same conclusion as before."""
    steps = [[(step.text, step.state) for step in one.steps] for one in (before, after)]
    words = [Counter(one.conclusion.text.split()) for one in (before, after)]
    return steps[0] == steps[1] and words[0] <= words[1]


def find_lost_line(before: Document, after: Document) -> str:
    """Return a line of a document that is not in another one, where headings may have other titles; else nothing."""
    missing = Counter(map(_simplify, before.text.split(b"\n"))) - Counter(map(_simplify, after.text.split(b"\n")))
    return next((line for line in missing if line), "")


def _simplify(line: bytes) -> str:
    """Return a line without blanks around it and open checkboxes; nothing for headings and the properties of places."""
    text = decode(line).replace("[ ] ", "").strip()
    return "" if re.match(rf"\*+ |:(?:{STEPS_IN}|{CONCLUSION_IN}):", text) else text
