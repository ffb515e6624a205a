"""One hook that git runs: where, about which log, and how it speaks."""

import os
import re
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.config import Config, find_log, find_settings
from orglab.errors import NotFoundError, NotReadableError, UsageError
from orglab.experiment.lookup import find_step
from orglab.git import Repository
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.reference import Reference
from orglab.text import clean

if TYPE_CHECKING:
    from orglab.api import Log

REFUSED = 10
"""The exit code of a refusal; any other failure lets git go on."""


def say(text: str) -> None:
    """Say something; hooks speak on standard error, where git itself does."""
    sys.stderr.write(f"orglab: {clean(text)}\n")


class Hook:
    """One hook that git runs, in the top of the working tree.

    Attributes:
        repository: The repository that git is working on, whatever lies around it.
        folder: Where the log is looked for, relative to the top.
        arguments: What git gives the hook.
    """

    def __init__(self, repository: Repository, folder: Path, arguments: Sequence[str]) -> None:
        """Stand for a hook; nothing is read."""
        self.repository = repository
        self.folder = folder
        self.arguments = arguments

    @cached_property
    def _found(self) -> tuple[Path, Config]:
        start = self.folder if self.folder.is_dir() else Path()
        given = os.environ.get("ORGLAB_LOG")
        if given:
            # It was said where the user is, and git has gone to the top.
            given = os.fspath(Path(os.environ.get("GIT_PREFIX", "")) / given)
        path, config = find_log(start, given)
        return Path(os.path.relpath(path)), config

    @property
    def log(self) -> Path:
        """The log.

        Raises:
            NotFoundError: There is none.
        """
        return self._found[0]

    @cached_property
    def file(self) -> LogFile:
        """The file of the log, in the repository that git is working on."""
        file = LogFile(self.log, self.config)
        file.repository = self.repository
        return file

    @cached_property
    def opened(self) -> "Log":
        """The log, in the repository that git is working on, for what changes it."""
        from orglab.api import Log  # noqa: PLC0415 - most hooks only read, and a commit waits for the import

        log = Log(self.log, self.config)
        log.repository = self.repository
        return log

    @property
    def config(self) -> Config:
        """The settings."""
        return self._found[1]

    @property
    def letter(self) -> str:
        """The letter of references."""
        return self.config.letter

    @property
    def active(self) -> str | None:
        """The active step or experiment of this clone."""
        return self.file.active.get()

    @cached_property
    def environment(self) -> dict[str, str]:
        """What tells a git that we ask which repository and which index git has given us."""
        given = {"GIT_DIR": os.fspath(self.repository.git_dir.absolute()), "GIT_WORK_TREE": os.fspath(Path.cwd())}
        index = os.environ.get("GIT_INDEX_FILE")
        return given | ({"GIT_INDEX_FILE": str(Path(index).absolute())} if index else {})

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The log and the journal, relative to the top; what is not in the repository is left out."""
        from orglab.git.worktree import top_path  # noqa: PLC0415 - 3 ms that only some hooks need to pay

        both = (self.log, self.log.parent / self.config.journal)
        return tuple(name for name in (top_path(self.repository, path) for path in both) if name is not None)

    def parse(self, text: bytes) -> Document:
        """Return a log's text as a document."""
        return self.file.parse(text)

    @cached_property
    def document(self) -> Document:
        """The log as it stands in the working tree.

        Raises:
            NotFoundError: It is not there, as in a revision from before it, or cannot be read.
        """
        try:
            return self.file.document()
        except NotReadableError as error:
            raise NotFoundError(str(error)) from error

    def title_of(self, reference: Reference, document: Document | None = None) -> str | None:
        """Return the text of a step or the title of an experiment, or None if there is no such one.

        Args:
            reference: The step or experiment.
            document: The log in which to look; the working tree's if None.

        Raises:
            NotFoundError: There is no log in the working tree.
        """
        document = self.document if document is None else document
        try:
            experiment = self.file.find(document, reference)
            return experiment.title if reference.step is None else find_step(experiment, reference).text
        except NotFoundError:
            return None
        except UsageError:
            # Two experiments have this id: `check` says so, and a commit is no place for it.
            return ""

    def remember_names(self) -> None:
        """Write down for the script what the log, the journal and the letter are, so that it need not ask again."""
        settings, table = find_settings(os.fspath(self.folder))
        names = [os.path.relpath(settings) if table else "", *self.paths, self.letter]
        folder = self.repository.git_dir / "orglab"
        simple = re.fullmatch(r"[A-Za-z0-9_-]+", self.letter) and not any("\n" in name for name in names)
        if len(self.paths) != 2 or not simple or os.environ.get("ORGLAB_LOG"):  # noqa: PLR2004 - log and journal
            (folder / "names").unlink(missing_ok=True)
            return
        folder.mkdir(exist_ok=True)
        new = folder / f"names.{os.getpid()}"
        new.write_bytes(os.fsencode("".join(f"{name}\n" for name in names)))
        new.replace(folder / "names")

    def remember_said(self, found: dict[str, str]) -> None:
        """Write down for post-commit which references the message names, and what those are."""
        lines = [f"{ref}\t{' '.join(clean(title).split())}\n" for ref, title in found.items()]
        if lines and self.config.hooks.auto_done:
            lines.append("auto_done\n")
        folder = self.repository.git_dir / "orglab"
        folder.mkdir(exist_ok=True)
        (folder / "said").write_text("".join(lines), "utf-8", "replace")

    def known(self, references: Sequence[Reference]) -> dict[str, str]:
        """Return those references that the log has, as people write them, and what they are."""
        found = {reference.spell(self.letter): self.title_of(reference) for reference in references}
        return {ref: title for ref, title in found.items() if title is not None}
