"""What an editor offers at the cursor in a log: complete or reopen a step, add a note, start, and fix problems."""

import secrets
from collections.abc import Collection, Iterator
from typing import NamedTuple

from lsprotocol import types

from orglab.errors import UsageError
from orglab.experiment.states import get_state_kind, in_progress_keyword
from orglab.lsp.buffer_log import BufferLog
from orglab.lsp.open_files import LogOfFile, OpenFile, OpenFiles
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.source import BYTE_ORDER_MARK

DONE, REOPEN, NOTE, START, FIX = "done", "reopen", "note", "start", "fix"
FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.orglab"


class Offer(NamedTuple):
    """What can be done to the log.

    Attributes:
        title: What it does, for the user.
        what: Which operation it is, such as DONE.
        reference: The experiment or step.
    """

    title: str
    what: str
    reference: str


def list_offers(log: LogOfFile, line: int) -> Iterator[Offer]:
    """Yield what can be done to the experiment and the step at a 0-based line of the log."""
    found = log.view.find_enclosing(line)
    if found is None or log.view.is_ambiguous(found.experiment.id):
        return  # a command could not tell which of two is meant
    experiment, step = found.experiment, found.find_step_at(line)
    if step is not None:
        is_done = step.state == "done"
        yield Offer(f"{'Reopen' if is_done else 'Complete'} step {step.ref}", REOPEN if is_done else DONE, step.ref)
        yield Offer(f"Add a note to step {step.ref}", NOTE, step.ref)
    yield Offer(f"Add a note to {experiment.ref}", NOTE, experiment.ref)
    settings = experiment.document.settings
    is_startable = in_progress_keyword(settings, experiment.state) is not None
    if is_startable and get_state_kind(experiment.state, settings) != "doing":
        yield Offer(f"Start {experiment.ref}", START, experiment.ref)


class Changed(NamedTuple):
    """The edits that an offer makes.

    Attributes:
        edits: The edits, with the lines that they concern.
        cursor: Where text is to be written afterwards; None if nowhere.
        commits: The commits that the edits record.
    """

    edits: list[types.TextEdit]
    cursor: types.Position | None = None
    commits: Collection[str] = ()


def make_edits(files: OpenFiles, opened: OpenFile, log: BufferLog, what: str, reference: str) -> Changed:
    """Return the edits of the open log that do what was offered, or that fix all problems.

    Args:
        files: The open files.
        opened: The log, as it is open in the editor.
        log: The same log, with the text that is edited.
        what: The operation, such as DONE or FIX.
        reference: The experiment or step; empty for FIX.

    Raises:
        OrglabError: It cannot be done.
    """
    if what == DONE:
        log.complete_step(reference)
    elif what == REOPEN:
        log.reopen_step(reference)
    elif what == START:
        log.start(reference)
    elif what == FIX:
        log.fix()
    elif what == NOTE:
        placeholder = f"note-{secrets.token_hex(8)}"
        log.add_note(reference, placeholder)
        return _empty_note(files, opened, log, placeholder.encode())
    else:
        raise UsageError(f"There is no action {what!r}.")
    return Changed(convert_edits(files, opened, log.document(), log.edits), commits=log.recorded)


def _empty_note(files: OpenFiles, opened: OpenFile, log: BufferLog, mark: bytes) -> Changed:
    """Return the edits that add a note, without the mark that is its text, and where that is to be written."""
    document = log.document()
    edits = [one._replace(replacement=one.replacement.replace(mark, b"")) for one in log.edits]
    after = bytes(document.apply(log.edits))
    at = after.index(mark)
    begin = after.rfind(b"\n", 0, at) + 1
    line = after[:begin].count(b"\n")
    cursor = files.make_position(line, after[begin:at], at - begin)
    return Changed(convert_edits(files, opened, document, edits), cursor)


def convert_edits(files: OpenFiles, opened: OpenFile, document: Document, edits: list[Edit]) -> list[types.TextEdit]:
    """Return edits of the text of an open file as the protocol has them."""
    made = []
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        start, end = (_find_position(files, document, at) for at in (edit.start, edit.end))
        new = edit.replacement.decode("utf-8", "replace")
        made.append(types.TextEdit(types.Range(start, end), new.replace("\n", "\r\n") if opened.has_crlf else new))
    return made


def _find_position(files: OpenFiles, document: Document, at: int) -> types.Position:
    line = document.source.line_number(at) - 1
    begin = document.text.rfind(b"\n", 0, at) + 1
    before = document.text[begin:at]
    if line == 0 and document.source.raw.startswith(BYTE_ORDER_MARK):
        before = BYTE_ORDER_MARK + before  # the editor has it in the line
    return files.make_position(line, before, len(before))
