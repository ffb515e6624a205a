"""The methods of `Log` that git hooks call: rules for commits and their messages, and rewritten commits."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from orglab.api.care import CareMethods
from orglab.api.sweeps import SweepMethods
from orglab.errors import NotFoundError, NotReadableError, OrglabError, UsageError
from orglab.experiment.lookup import find_nearest_ids, find_step
from orglab.reference import Reference, find_references
from orglab.text import Tell

if TYPE_CHECKING:
    from orglab.experiment.resolved import Resolved
    from orglab.git.hook_commit import Change, CreatedCommit, HookCommit
    from orglab.org.document import Document


class Mixture(NamedTuple):
    """A commit that changes both the log or the journal and other files.

    Attributes:
        changes: The changes of the log and the journal.
        rule: What the settings say: `leave-out`, `refuse` or `warn`.
    """

    changes: "list[Change]"
    rule: str


class Named(NamedTuple):
    """The references in a commit message.

    Attributes:
        titles: The known references, as people write them, with the text of the step or the title of the experiment;
            an empty text if two experiments have that id.
        unknown: The references that the log in the working tree does not have.
    """

    titles: dict[str, str]
    unknown: list[Reference]


class CommitMethods(SweepMethods, CareMethods):
    """The methods of `Log` that git hooks call."""

    def names_in_repository(self) -> tuple[str, str]:
        """Return the paths of the log and the journal from the top of the repository; empty if outside of it."""
        from orglab.git.files import path_in

        repository = self.repository
        if repository is None:
            return "", ""
        return path_in(repository, self.path) or "", path_in(repository, self.journal) or ""

    def find_mixture(self, commit: "HookCommit") -> Mixture | None:
        """Return the mixture if a commit changes the log and other files; None if it does not.

        The commit that adds or deletes the log may contain other files too, and so may one that takes back what HEAD
        has changed in the log.  A log that is kept apart is in no commit of code.

        Raises:
            GitError: git fails.
        """
        rule, own = self.config.hooks.separate, {*self.names_in_repository()} - {""}
        if rule == "off" or not own or self.is_apart:
            return None
        changes = commit.read_changes()
        edited = [change for change in changes if change.path in own and change.state in ("A", "M")]
        if not edited or all(change.path in own for change in changes):
            return None
        log = self.names_in_repository()[0]
        if any(change.path == log and change.state != "M" for change in changes):
            return None
        return None if any(map(commit.is_undone, edited)) else Mixture(edited, rule)

    def find_named(self, message: bytes) -> Named:
        """Return the references in a message, known and unknown.

        An unknown reference counts only if it contains a digit: `[eval]` is just a word unless it is an experiment.  In
        a trailer it must be a number, because the trackers of issues have references of their own.

        Raises:
            NotFoundError: There are references, but no readable log in the working tree.
        """
        from orglab.git.message import read_references

        named = Named({}, [])
        references = read_references(message, self.config.letter)
        bracketed = {reference for _, reference in find_references(message, self.config.letter)}
        document = self._read_current() if references else None
        for reference in references:
            title = self._find_title(document, reference) if document is not None else None
            if title is not None:
                named.titles[reference.spell(self.config.letter)] = title
            elif reference.id.isdecimal() or (reference in bracketed and any(map(str.isdigit, reference.id))):
                named.unknown.append(reference)
        return named

    def find_missing(self, references: Iterable[Reference], commit: "HookCommit") -> "list[Resolved]":
        """Return the references that the staged log does not have, with the nearest ones that exist.

        The staged log decides: it may have an experiment that the log in the working tree has lost.

        Raises:
            NotFoundError: There is no readable log in the working tree.
        """
        from orglab.experiment.resolved import resolve

        name = self.names_in_repository()[0]
        staged = self.parse((commit.read_file(name) if name else None) or b"")
        document = self._read_current()

        def find_nearest(name: str) -> list[str]:
            return find_nearest_ids(name, [one.id for one in self.read_experiments(document)])

        missing = []
        for reference in references:
            if self._find_title(staged, reference) is not None:
                continue
            try:
                experiment = self.find(document, reference)
            except NotFoundError:
                experiment = None
            missing.append(resolve(reference, experiment, self.config.letter, find_nearest))
        return missing

    def _read_current(self) -> "Document":
        """Return the log in the working tree; an old revision may have none.

        Raises:
            NotFoundError: There is no readable log.
        """
        try:
            return self.document()
        except NotReadableError as error:
            raise NotFoundError(str(error)) from error

    def _find_title(self, document: "Document", reference: Reference) -> str | None:
        """Return the text of a step or the title of an experiment; None if the document does not have it."""
        try:
            experiment = self.find(document, reference)
            return experiment.title if reference.step is None else find_step(experiment, reference).text
        except NotFoundError:
            return None
        except UsageError:
            # Two experiments have this id.  `orglab check` reports it, so the hooks do not.
            return ""

    def complete_steps_in_message(self, commit: "CreatedCommit", tell: Tell) -> None:
        """Tick the steps that a commit's message says are done, unless the setting is off or it is a merge.

        If the log cannot be written now, the next command does it.

        Args:
            commit: The commit.
            tell: Called with sentences for the user.
        """
        if not self.config.hooks.auto_done or commit.is_merge:
            return
        from orglab.git.message import read_completed_steps

        completed = read_completed_steps(commit.message, self.config.letter)
        for reference in completed:
            self.add_pending_completion(reference, commit.hash)
        if completed:
            self.write_pending(tell)

    def follow_rewrites(self, olds: Collection[str]) -> list[tuple[str, str]]:
        """Add the current hashes of rewritten commits to the log, and return what was added.

        Nothing is written while a rebase keeps uncommitted changes in an autostash, because git could not apply that
        to the changed log.

        Args:
            olds: The full hashes of the rewritten commits, as git has reported them.

        Returns:
            Each hash in the log with its current hash, once.
        """
        from orglab.git.worktree import has_autostash

        try:
            text = self.read_file().data
        except OrglabError:
            return []
        if not any(old[:7].encode() in text for old in olds):
            return []
        if self.repository is None or has_autostash(self.repository):
            return []
        fixed, _ = self.fix(only=("moved-hash",))
        moved = [one.moved for one in fixed if one.moved is not None]
        return [*dict.fromkeys((one.hash, one.living) for one in moved if one.living is not None)]
