"""The log's file: reading, and editing under a lock with verification.  All access to the log goes through here.

Edits are pure functions of the document, from `experiment.edits`; `file` writes the bytes to disk.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from orglab import clock
from orglab.config import ARCHIVE_SUFFIX, TERMS_NAME, Config, active_step_file, read_apart
from orglab.errors import (
    DuplicateIdError,
    GitError,
    NotFoundError,
    NotReadableError,
    NotWritableError,
    UsageError,
)
from orglab.experiment.author import VARIABLE, check_author
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.format_version import require_known_format
from orglab.experiment.lookup import (
    ARCHIVE_TAG,
    find_experiment,
    find_step,
    leave_out_hidden,
    select_experiments,
)
from orglab.experiment.model import Experiment, Step
from orglab.git import Repository, find_repository
from orglab.git.inside import find_tracked_link, require_inside
from orglab.log import file
from orglab.log.active_step import Active, ActiveStep
from orglab.org.document import Document, Part
from orglab.org.edit import Edit
from orglab.reference import Reference, parse_reference, without_letter

if TYPE_CHECKING:
    import datetime

    from orglab.experiment.consequences import Added
    from orglab.text import Tell

Decided = TypeVar("Decided")
MakeEdits = Callable[[Document], tuple[list[Edit], Decided]]
"""Returns edits of a document, and any result: a pure function, called again if the file changes meanwhile."""
MakeExperimentEdits = Callable[[Experiment], tuple[list[Edit], Decided]]
Verify = Callable[[Document, Document, Decided], None]


class Edited(NamedTuple, Generic[Decided]):
    """An edited file.

    Attributes:
        before: The document before the edit.
        after: The document after the edit.
        decided: The result that was returned with the edits.
    """

    before: Document
    after: Document
    decided: Decided


class ArchivedError(NotFoundError):
    """An experiment that is to be changed is in the archive.

    Attributes:
        experiment: The experiment.
    """

    def __init__(self, message: str, experiment: Experiment) -> None:
        """Take the message and the experiment."""
        super().__init__(message)
        self.experiment = experiment


class LogFile:
    """The file of one experiment log; each method reads the file again.

    Attributes:
        path: The file.
        config: The settings.
        anyway: Whether to write although something speaks against it, such as unsaved changes in an editor.
    """

    def __init__(
        self, path: Path, config: Config | None = None, *, anyway: bool = False, author: str | None = None
    ) -> None:
        """Open the log at `path`; nothing is read yet.

        Args:
            path: The file.
            config: The settings.
            anyway: As the attribute.
            author: The name that marks what is written; that of the environment if None.
        """
        self.path = path
        self.config = config or Config()
        self.anyway = anyway
        self._author = author
        self._tell: Tell | None = None

    @cached_property
    def author(self) -> str | None:
        """The name that marks what is written: the one that was given, else `ORGLAB_AUTHOR`; None for a person.

        Raises:
            UsageError: It cannot be the name of an author.
        """
        name = self._author or os.environ.get(VARIABLE, "").strip()
        return check_author(name) if name else None

    @cached_property
    def repository(self) -> Repository | None:
        """The git repository that contains the log, or None."""
        return find_repository(self.path.absolute().parent)

    @property
    def top(self) -> Path:
        """The top of the repository; without a repository, the log's folder."""
        return self.repository.top if self.repository is not None else self.path.absolute().parent

    @property
    def name(self) -> str:
        """The path of the log relative to `top`, which identifies the log within its repository.

        A log that is kept apart may be in another worktree; its path from the top of that one is the same for all.
        """
        return self._apart_name or os.path.relpath(os.path.realpath(self.path), os.path.realpath(self.top))

    @property
    def journal(self) -> Path:
        """The file of the journal, which may not exist."""
        return self.path.parent / self.config.journal

    @property
    def archive(self) -> Path:
        """The file to which `org-archive-subtree` moves headings of the log, which may not exist."""
        return self.path.with_name(self.path.name + ARCHIVE_SUFFIX)

    @property
    def clone_folder(self) -> Path:
        """The folder of data private to this clone, such as the active step and the end of the last report."""
        git_dir = os.fspath(self.repository.git_dir) if self.repository is not None else None
        return Path(active_step_file(os.fspath(self.path), git_dir)).parent

    @cached_property
    def _apart_name(self) -> str | None:
        """The path of the log in the branch of the logs that are kept apart; None if it is not."""
        repository = self.repository
        apart = read_apart(os.fspath(repository.top), os.fspath(repository.git_dir)) if repository is not None else None
        return apart.find_name(os.fspath(self.path)) if apart is not None else None

    @property
    def is_apart(self) -> bool:
        """Whether the history of the log is on a branch of its own, so that the branches of the code do not hold it."""
        return self._apart_name is not None

    def keep_text(self, *, at_once: bool = False) -> None:
        """Save the text of the log and the journal in their history, at most once a minute or `at_once`.

        What cannot be saved now is saved later.
        """
        if self.repository is None:
            return
        from orglab.log.kept_text import keep_text  # noqa: PLC0415 - few commands save

        with suppress(GitError, NotWritableError, OSError):
            keep_text(self, at_once=at_once)

    def notice_file(self, tell: "Tell") -> None:
        """Notice what git has done to the file since the last command, and keep what it took away.

        A log that is kept apart is put back; see `log.notice`.

        Args:
            tell: Called with each message for the user.
        """
        self._tell = tell
        if self.repository is None:
            return
        from orglab.log.text_guard import LOSSES, UNTOLD, TextGuard  # noqa: PLC0415 - only in a repository

        has_untold = (self.repository.shared_folder / LOSSES / UNTOLD).exists()
        if has_untold or not TextGuard(self.repository, self.path).is_unchanged():
            from orglab.log.notice import notice_change  # noqa: PLC0415 - most commands find nothing changed

            notice_change(self, tell)

    def rename(self, path: Path, journal: str) -> None:
        """Go on with another file, because this one was moved.

        Args:
            path: The file.
            journal: The name of the journal beside it.
        """
        self.path, self.config = path, self.config._replace(journal=journal)
        vars(self).pop("_apart_name", None)

    def find_own_paths(self, repository: Repository) -> tuple[str, ...]:
        """Return the log and the journal as paths from the top of a repository: they are never committed with code."""
        from orglab.git.files import path_in  # noqa: PLC0415 - only runs need it

        files = (self.path.absolute(), self.journal.absolute())
        resolved = (*files, *(path.resolve() for path in files))
        return tuple(sorted({path for path in (path_in(repository, file) for file in resolved) if path is not None}))

    @cached_property
    def active(self) -> ActiveStep:
        """The active step of this clone."""
        return ActiveStep(self.path, self.repository)

    def find_active(self) -> str | None:
        """Return the current reference of the active step or experiment of this clone, or None."""
        active = self.read_active()
        return active.ref if active is not None else None

    def read_active(self, document: Document | None = None) -> Active | None:
        """Return what is active in this clone, or None; another clone may have renumbered the experiment since.

        Args:
            document: The document of the log; None to read it.
        """
        ref = self.active.get()
        if ref is None:
            return None
        try:
            parsed = parse_reference(ref)
            experiment = self.find(document or self.document(), parsed)
        except DuplicateIdError as error:
            return Active(ref, duplicate=str(error))
        except (NotFoundError, UsageError):
            return Active(ref)
        step = None
        if parsed.step is not None:
            with suppress(NotFoundError):
                step = find_step(experiment, parsed)
        return Active(Reference(experiment.id, parsed.step).spell(self.config.letter), experiment, step)

    def require_active(self) -> str:
        """Return the reference of the active step or experiment.

        Raises:
            UsageError: There is none.
        """
        active = self.find_active()
        if active is None:
            raise UsageError("No experiment is active; name one, or make one active with `orglab start`.")
        return active

    def is_reference(self, text: str) -> bool:
        """Return whether a text names an experiment or step of this log, or has the form of a numbered reference."""
        try:
            parsed = parse_reference(text)
        except UsageError:
            return False
        if without_letter(parsed.id, self.config.letter).isdecimal():
            return True
        try:
            self.find(self.document(), parsed)
        except (NotFoundError, UsageError):
            return False
        return True

    # Reading

    def read_file(self) -> file.FileContent:
        """Return the bytes of the log.

        Raises:
            NotFoundError: The file does not exist.
            NotReadableError: A link that git tracks leads out of the repository.
        """
        require_inside(self.repository, self.path, NotReadableError)
        return file.read(self.path)

    def read_journal(self) -> file.FileContent:
        """Return the bytes of the journal; errors as for `read_file`."""
        require_inside(self.repository, self.journal, NotReadableError)
        return file.read(self.journal)

    def read_archive_file(self) -> file.FileContent:
        """Return the bytes of the archive; errors as for `read_file`."""
        require_inside(self.repository, self.archive, NotReadableError)
        return file.read(self.archive)

    def document(self) -> Document:
        """Return the log as an Org document.

        Raises:
            NotFoundError: The file does not exist.
        """
        return self.parse(self.read_file().data)

    def parse(self, data: bytes) -> Document:
        """Return the bytes of a version of the log, or of the journal, as a document."""
        return Document(data, self.config.keywords)

    def experiments(self) -> list[Experiment]:
        """Return all experiments, in the order of the log."""
        return self.read_experiments(self.document())

    def read_experiments(self, document: Document) -> list[Experiment]:
        """Return the experiments of a version of the log."""
        return list(scan_experiments(document, self.config, str(self.path)))

    def experiment(self, reference: str) -> Experiment:
        """Return one experiment of the log, or of its archive.

        Args:
            reference: `201`, `e201`, `[e201]`; a step's reference names its experiment.

        Raises:
            NotFoundError: The experiment does not exist.
            UsageError: Two headings have this id, or `reference` is not a reference.
        """
        return self._find_for_reading(parse_reference(reference))

    def step(self, reference: str) -> Step:
        """Return one step, such as `201.1`.

        Raises:
            NotFoundError: The step does not exist.
        """
        parsed = parse_reference(reference)
        return find_step(self._find_for_reading(parsed), parsed)

    def _find_for_reading(self, reference: Reference) -> Experiment:
        try:
            return self.find(self.document(), reference)
        except ArchivedError as error:
            return error.experiment

    def _find_archived(self, document: Document, reference: Reference) -> Experiment | None:
        """Return the experiment of the archive that a reference names, or None."""
        with suppress(NotFoundError, NotReadableError):
            archive = self._parse_archive(document, self.read_archive_file().data)
            return find_experiment(archive, reference, self.config, self.archive)
        return None

    def archived_experiments(self, document: Document, data: bytes | None = None) -> list[Experiment]:
        """Return the experiments in the archive; none if it cannot be read.

        Args:
            document: The log, whose TODO keywords are those of the archive.
            data: The archive; None to read it.
        """
        try:
            data = self.read_archive_file().data if data is None else data
        except (NotFoundError, NotReadableError):
            return []
        return list(scan_experiments(self._parse_archive(document, data), self.config, str(self.archive)))

    def _parse_archive(self, document: Document, data: bytes) -> Document:
        settings = document.settings
        return Document(data, f"{' '.join(settings.todo_names)} | {' '.join(settings.done_names)}")

    def find(self, document: Document, reference: Reference) -> Experiment:
        """Return the experiment of a document that a reference names, to change it; errors as for `experiment`."""
        try:
            return find_experiment(document, reference, self.config, self.path)
        except NotFoundError:
            archived = self._find_archived(document, reference)
            if archived is None:
                raise
            place = f"{self.archive}:{archived.line}"
            message = f"{archived.ref} is archived ({place}), and orglab only changes the log."
            raise ArchivedError(message, archived) from None

    def select(self, match: str | None = None, *, agenda: bool = False) -> list[Experiment]:
        """Return the experiments whose headings match an Org match string, in the order of the log; all if None.

        Args:
            match: The match string.
            agenda: Whether to leave out what Org's agenda leaves out: archived subtrees, unless `match` names their
                tag, and headings that begin with COMMENT.

        Raises:
            MatchSyntaxError: The match string is invalid.
        """
        document = self.document()
        experiments = self.read_experiments(document)
        if agenda and (match is None or ARCHIVE_TAG not in match):
            experiments = leave_out_hidden(document, experiments)
        if match is None:
            return experiments
        return select_experiments(experiments, match, document.settings.tag_groups or {}, clock.now())

    def spell(self, reference: str) -> str:
        """Return a reference as the log's users write it, such as `e201.1` for `[201.1]`, without reading the log."""
        parsed = parse_reference(reference)
        return Reference(without_letter(parsed.id, self.config.letter), parsed.step).spell(self.config.letter)

    def terms(self) -> str:
        """Return the text of the user's own terms, `orglab-terms.txt` beside the log; empty if there is none."""
        path = self.path.parent / TERMS_NAME
        return file.read_text(path) if find_tracked_link(self.repository, path) is None else ""

    # Writing

    def edit(
        self, make_edits: MakeEdits[Decided], verify: Verify[Decided] | None = None, path: Path | None = None
    ) -> Edited[Decided]:
        """Apply edits to the file under a lock, verified and durable.

        Args:
            make_edits: Returns the edits for a document.
            verify: Raises if the resulting document is not as intended; then nothing is written.
            path: Another file of the log, such as the journal; the log itself if None.

        Raises:
            NotWritableError: The file could not be written; it is unchanged.
            UsageError: The edits would change the settings of the file.
        """

        def change(data: bytes) -> tuple[bytes, Edited[Decided]]:
            edited = self._make_version(self.parse(data), make_edits, verify)
            return bytes(edited.after), edited

        if path is None:
            # During a run, or while a notebook has the log open, git may have taken something out of it.
            self.notice_file(self._tell or (lambda _: None))
        require_inside(self.repository, path or self.path)
        edited = file.edit(path or self.path, change, anyway=self.anyway)[2]
        self.record_write(path)
        return edited

    def _make_version(
        self, before: Document, make_edits: MakeEdits[Decided], verify: Verify[Decided] | None = None
    ) -> Edited[Decided]:
        """Return a document with edits, verified; nothing is written. Arguments and errors are those of `edit`."""
        require_known_format(before.text)
        edits, decided = make_edits(before)
        after = before.apply(edits)
        if after is not before:
            before.source.verify(edits, bytes(after))
            if after.settings != before.settings:
                raise UsageError(
                    "The text contains a #+ line that would change the settings of the whole file; nothing was written."
                )
            if verify is not None:
                verify(before, after, decided)
        return Edited(before, after, decided)

    def record_write(self, path: Path | None = None) -> None:
        """Remember a file as it is now, so that the next command notices what git does to it; save it if that is due.

        Args:
            path: Another file of the log, such as the journal; the log itself if None.
        """
        if self.repository is not None:
            from orglab.log.text_guard import TextGuard  # noqa: PLC0415 - reading needs none of it

            TextGuard(self.repository, path or self.path).record()
            if path is None and self.is_apart:
                TextGuard(self.repository, self.path.with_name(self.path.name + ARCHIVE_SUFFIX)).record()
            self.keep_text()

    def edit_experiment(
        self,
        reference: Reference,
        make_edits: MakeExperimentEdits[Decided],
        now: "datetime.datetime",
        added: "Added | None" = None,
    ) -> tuple[Experiment, Decided]:
        """Edit one experiment and update what depends on it, such as cookies; return the new experiment and the result.

        Args:
            reference: The experiment, or a step of it.
            make_edits: Returns the edits for the experiment, and any result.
            now: Local time.
            added: What the edits may add; nothing if None.

        Raises:
            NotFoundError: The experiment does not exist.
            UsageError: Several experiments have this id, or the edits would add something else.
            NotWritableError: The log could not be written; it is unchanged.
        """
        from orglab.experiment.consequences import NOTHING, add_consequences  # noqa: PLC0415 - reading needs none of it

        def change(document: Document) -> tuple[list[Edit], tuple[Experiment, Decided]]:
            document.require_no_conflict()  # the two sides of a conflict may have one id
            old = self.find(document, reference)
            first, decided = make_edits(old)
            edits, new = add_consequences(old, first, now, added or NOTHING)
            offset = old.document.begin if isinstance(old.document, Part) else 0
            return [Edit(edit.start + offset, edit.end + offset, edit.replacement) for edit in edits], (new, decided)

        return self.edit(change).decided
