"""A log whose text is that in the editor: its methods return the edits that they would make, and write nothing."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from orglab.api import Log
from orglab.errors import UsageError
from orglab.log.active_step import ActiveStep
from orglab.log.file import FileContent
from orglab.log.known_ids import KnownIds
from orglab.log.log import Edited, MakeEdits, Verify
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.text import Tell

Decided = TypeVar("Decided")


class BufferLog(Log):
    """A log whose text is that in the editor.

    A method that would write verifies its edits as it does for the file, and leaves them in `edits`: the editor may
    still discard them, so nothing else is written either, not even the active step.

    Attributes:
        edits: The edits of the text by the method that was called last.
        recorded: The commits that these record.
    """

    edits: list[Edit]
    recorded: Collection[str]

    @classmethod
    def of(cls, log: Log, text: bytes) -> "BufferLog":
        """Return a log with another text."""
        buffered = cls(log.path, log.config)
        vars(buffered)["repository"] = log.repository
        buffered._text = text
        buffered.edits, buffered.recorded = [], ()
        return buffered

    _text: bytes

    def read_file(self) -> FileContent:
        """Return the text in the editor."""
        return FileContent(self.path, self._text)

    def edit(
        self, make_edits: MakeEdits[Decided], verify: Verify[Decided] | None = None, path: Path | None = None
    ) -> Edited[Decided]:
        """Verify edits as for the file, and remember them; arguments and errors are those of `Log`."""
        if path is not None:
            raise UsageError(f"{path} is not open in the editor.")

        def collect(document: Document) -> tuple[list[Edit], Decided]:
            self.edits, decided = make_edits(document)
            return self.edits, decided

        return self._make_version(self.document(), collect, verify)

    # What a command writes besides the log

    @cached_property
    def active(self) -> ActiveStep:
        """The active step of this clone, which stays as it is."""
        return _FixedActiveStep(self.path, self.repository)

    def keep_text(self, *, at_once: bool = False) -> None:
        """Do nothing: what is in the editor may be discarded."""

    def notice_file(self, tell: Tell) -> None:
        """Do nothing, as for `keep_text`."""

    def _keep_commits(self, commits: Collection[str]) -> None:
        """Remember what is to be kept once the text is saved."""
        self.recorded = commits

    def _open_known_ids(self) -> KnownIds:
        return _UnreservedIds(self)


class _FixedActiveStep(ActiveStep):
    """The active step, which stays as it is."""

    def set(self, reference: str | None) -> None:
        """Do nothing."""


class _UnreservedIds(KnownIds):
    """The numbers that are or were ids; what is given is not remembered, as it may be discarded."""

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Do nothing."""
        yield

    def remember(self, text: bytes, name: str) -> None:
        """Do nothing."""
