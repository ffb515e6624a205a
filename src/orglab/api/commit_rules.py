"""What a commit may hold, what its message names and ticks, and how the log follows a rewrite: what git hooks ask."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from orglab.api.care import CareMethods
from orglab.api.run import RunMethods
from orglab.errors import NotFoundError, NotReadableError, UsageError
from orglab.experiment.lookup import find_nearest_ids, find_step
from orglab.reference import Reference
from orglab.text import Tell

if TYPE_CHECKING:
    from orglab.experiment.resolved import Resolved
    from orglab.git.hook_commit import CreatedCommit, HookCommit
    from orglab.org.document import Document


class Mixture(NamedTuple):
    """A commit that changes the log or the journal, and something else.

    Attributes:
        paths: Which of the two, relative to the top.
        is_staged_in_part: Whether the working tree has changes of them that are not staged, so that the log cannot
            be committed first as it is meant.
        is_refused: Whether the settings refuse the commit; else they warn.
    """

    paths: list[str]
    is_staged_in_part: bool
    is_refused: bool


class Named(NamedTuple):
    """What a message names; empty if that is nothing.

    Attributes:
        titles: The references that the log has, as people write them, and what they are: the text of a step, the title
            of an experiment; empty where two experiments have that id.
        unknown: The references that the log in the working tree does not have.
    """

    titles: dict[str, str]
    unknown: list[Reference]


class CommitMethods(RunMethods, CareMethods):
    """The methods of `Log` that git hooks call."""

    def names_in_repository(self) -> tuple[str, str]:
        """Return the log and the journal, as paths from the top of the repository; empty for what is not in it."""
        from orglab.git.files import path_in

        repository = self.repository
        if repository is None:
            return "", ""
        return path_in(repository, self.path) or "", path_in(repository, self.journal) or ""

    def find_mixture(self, commit: "HookCommit") -> Mixture | None:
        """Return what is wrong with a commit that changes the log and something else; None if it does not.

        The commit that first holds the log may hold other things: there is nothing yet that it could be apart from.

        Raises:
            GitError: git refuses.
        """
        wanted, own = self.config.hooks.separate, {*self.names_in_repository()} - {""}
        if wanted == "off" or not own:
            return None
        changes = commit.read_changes()
        edited = [path for state, path in changes if path in own and state == "M"]
        if not edited or all(path in own for _, path in changes):
            return None
        return Mixture(edited, any(map(commit.is_staged_in_part, edited)), wanted == "refuse")

    def find_named(self, message: bytes) -> Named:
        """Return what a message names.

        A mistyped id is told from a word by its digits: `[eval]` counts only if there is an experiment of that name.

        Raises:
            NotFoundError: It names something, and there is no log in the working tree, or none that can be read.
        """
        from orglab.git.message import read_references

        found = Named({}, [])
        references = read_references(message, self.config.letter)
        document = self._read_standing() if references else None
        for reference in references:
            title = self._find_title(document, reference) if document is not None else None
            if title is not None:
                found.titles[reference.spell(self.config.letter)] = title
            elif any(map(str.isdigit, reference.id)):
                found.unknown.append(reference)
        return found

    def find_missing(self, references: Iterable[Reference], commit: "HookCommit") -> "list[Resolved]":
        """Return those references that neither the log in the index has, nor the working tree's; with what is near.

        An experiment may be committed that the working tree has no more.

        Raises:
            NotFoundError: There is no log in the working tree, or none that can be read.
        """
        from orglab.experiment.resolved import resolve

        name = self.names_in_repository()[0]
        staged = self.parse((commit.read_file(name) if name else None) or b"")
        document = self._read_standing()

        def find_nearest(name: str) -> list[str]:
            return find_nearest_ids(name, [one.id for one in self.read_experiments(document)])

        found = []
        for reference in references:
            if self._find_title(staged, reference) is not None:
                continue
            try:
                experiment = self.find(document, reference)
            except NotFoundError:
                experiment = None
            found.append(resolve(reference, experiment, self.config.letter, find_nearest))
        return found

    def _read_standing(self) -> "Document":
        """Return the log of the working tree; a revision from before it has none."""
        try:
            return self.document()
        except NotReadableError as error:
            raise NotFoundError(str(error)) from error

    def _find_title(self, document: "Document", reference: Reference) -> str | None:
        """Return the text of a step or the title of an experiment, or None if a document has no such one."""
        try:
            experiment = self.find(document, reference)
            return experiment.title if reference.step is None else find_step(experiment, reference).text
        except NotFoundError:
            return None
        except UsageError:
            # Two experiments have this id: `check` says so, and a commit is no place for it.
            return ""

    def complete_said(self, made: "CreatedCommit", tell: Tell) -> None:
        """Tick the steps that a commit's message says are done, if the settings say so, and the commit is no merge.

        Where the log is held, that is done by the next command.

        Args:
            made: The commit.
            tell: Hears sentences for the user.
        """
        if not self.config.hooks.auto_done or made.is_merge:
            return
        from orglab.git.message import read_completed_steps

        done = read_completed_steps(made.message, self.config.letter)
        for reference in done:
            self.queue_completion(reference, made.hash)
        if done:
            self.write_pending(tell)

    def follow_rewrites(self, olds: Collection[str]) -> list[tuple[str, str]]:
        """Write the new hashes into the log behind those of rewritten commits that it records, and return them.

        Args:
            olds: The full hashes of commits that git has just told of, which the map of rewrites has.

        Returns:
            Each hash as it stands in the log, and under which it lives on, once; none if git will put back what a
            rebase has put away of the log, for that would not fit any more.
        """
        from orglab.git.worktree import has_autostash

        try:
            text = self.path.read_bytes()
        except OSError:
            return []
        if not any(old[:7].encode() in text for old in olds):
            return []
        if self.repository is None or has_autostash(self.repository):
            return []
        mended, _ = self.fix(only=("moved-hash",))
        moved = [one.moved for one in mended if one.moved is not None]
        return [*dict.fromkeys((one.hash, one.living) for one in moved if one.living is not None)]
