"""The methods of `Log` that check it and fix it."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from orglab.api.new_ids import IdMethods
from orglab.errors import NotFoundError, TextChangedError, UsageError
from orglab.experiment.model import Experiment

if TYPE_CHECKING:
    from orglab.experiment.adoption import Adoption
    from orglab.experiment.check import Progress
    from orglab.experiment.diagnostic import Diagnostic
    from orglab.experiment.missing_parts import MissingPart
    from orglab.history.dead_commits import DeadCommits
    from orglab.org.document import Document
    from orglab.org.edit import Edit


class CareMethods(IdMethods):
    """The methods of `Log` that check it and fix it."""

    def check(self, progress: "Progress | None" = None) -> "list[Diagnostic]":
        """Return the problems in the log, and with its commits and merges, in the order of their lines.

        Args:
            progress: Called with the number of experiments that are checked, and their total.
        """
        return self._check(self.document(), self._dead_commits(), progress)

    def fix(
        self, progress: "Progress | None" = None, only: Collection[str] | None = None
    ) -> "tuple[list[Diagnostic], list[Diagnostic]]":
        """Fix what is safe to fix, and return the fixed problems and the remaining ones.

        Args:
            progress: Called with the number of experiments that are checked, and their total.
            only: The codes of the problems to look for and to fix; all if None.
        """
        from orglab.org.cookies import recount_cookies
        from orglab.org.edit import compose

        commits = self._dead_commits()

        def make_edits(document: "Document") -> "tuple[list[Edit], list[Diagnostic]]":
            document.require_no_conflict()
            # A heading that gets an id becomes an experiment, which may have more problems; cookies are recounted last,
            # because a checkbox that becomes `[X]` counts.
            nameless = [one for one in self._check_text(document, progress, only) if one.code == "no-id" and one.fix]
            edits = _fixes(nameless)
            problems = self._check(document.apply(edits), commits, progress, only)
            others = [one for one in problems if one.code != "no-id" and one.fix]
            edits = compose(edits, _fixes(others))
            if only is None or "stale-cookie" in only:
                edits = compose(edits, recount_cookies(document.apply(edits)))
            return edits, [*nameless, *others]

        known = self._read_known_ids()
        with known.reserve():
            done = self.edit(make_edits)
            if any(one.code == "no-id" for one in done.decided):
                known.remember(done.after.text, "")
        return done.decided, self._check(done.after, commits, None, only)

    def restore_losses(self, reference: str | None = None) -> "list[MissingPart]":
        """Put back what git took out of the log, of one experiment or all; see `log.losses.restore_losses`."""
        from orglab.log.losses import restore_losses

        restored = restore_losses(self, reference)
        self.keep_text(at_once=True)
        return restored

    def forget_losses(self, reference: str | None = None) -> "list[MissingPart]":
        """Agree to what git took out of the log, and return what that was.

        Args:
            reference: An experiment; if None, it is everything, and with it what merges lost.

        Raises:
            NotFoundError: Nothing is missing, or nothing of that experiment.
            OSError: It cannot be recorded.
        """
        from orglab.experiment.missing_parts import MissingPart
        from orglab.git import is_installed
        from orglab.log.losses import forget_losses
        from orglab.log.merge_losses import forget_merge_losses

        merges: list[MissingPart] = []
        if reference is None and self.repository is not None and is_installed():
            losses = forget_merge_losses(self, self.repository)
            merges = [MissingPart(loss.merge[:10], "entry", text) for loss in losses for text in loss.entries]
        try:
            return [*forget_losses(self, reference), *merges]
        except NotFoundError:
            if not merges:
                raise
            return merges

    def adopt(self, include: Collection[str] = (), exclude: Collection[str] = ()) -> "Adoption":
        """Return how a file that may not be a log yet is read as one, and what `make_experiments` would do.

        Nothing is changed.

        Args:
            include: As for `make_experiments`.
            exclude: As for `make_experiments`.

        Raises:
            UsageError: There is no such group or heading.
        """
        from orglab.experiment.diagnostic import CODES

        document = self.document()
        problems = self._check(document, None, only={*CODES} - {"bad-term"})
        return self._read_adoption(document, problems, include, exclude)

    def make_experiments(
        self, include: Collection[str] = (), exclude: Collection[str] = (), seen: "Adoption | None" = None
    ) -> "list[Experiment]":
        """Make headings of a file experiments of the log, and return these; those that are certain, by default.

        Nothing is moved or rewritten: a heading gets the tag, an id, and properties for what is not where the template
        has it.

        Args:
            include: The letters of other groups of `adopt`, or lines of headings, to take as well.
            exclude: The letters of groups, or lines of headings, to leave out.
            seen: What the user has seen; if the file has changed since, nothing is written.

        Raises:
            UsageError: There is no such group or heading.
            TextChangedError: The file has changed since.
            NotWritableError: The file could not be written; it is unchanged.
        """
        from orglab.experiment import adoption

        known = self._read_known_ids()

        def make_edits(document: "Document") -> "tuple[list[Edit], Mapping[int, adoption.ChosenId]]":
            document.require_no_conflict()
            if seen is not None and document.text != seen.document.text:
                raise TextChangedError(f"{self.path} has changed since it was shown; nothing was written.")
            ids = self._read_adoption(document, [], include, exclude).ids
            return adoption.make_edits(document, self.config, ids), ids

        def verify(before: "Document", after: "Document", ids: "Mapping[int, adoption.ChosenId]") -> None:
            if line := adoption.find_difference(before, after, self.config, ids):
                raise UsageError(f"The heading in line {line} cannot become an experiment; leave it out.")

        # These ids are not remembered apart from the log: an adoption may be undone, and begun again.
        with known.reserve():
            done = self.edit(make_edits, verify)
        return [Experiment(done.after.heading(index), self.config, str(self.path)) for index in sorted(done.decided)]

    def follow_template(self, ids: Collection[str]) -> int:
        """Put steps and conclusions of experiments where the template has them; no text is lost.

        A subheading that is named for them gets the title of the template; other lists, and lines such as `Result:`,
        are moved below a new heading.

        Args:
            ids: The ids of the experiments.

        Returns:
            How many experiments were changed.

        Raises:
            UsageError: A line would be lost, or read otherwise; nothing was written.
            NotWritableError: The file could not be written; it is unchanged.
        """
        from orglab.experiment.template_moves import find_lost_line, follow_template, is_same

        def choose(document: "Document") -> list[Experiment]:
            return [one for one in self.read_experiments(document) if one.id in ids]

        def make_edits(document: "Document") -> "tuple[list[Edit], None]":
            document.require_no_conflict()
            return follow_template(document, self.config, choose(document)), None

        def verify(before: "Document", after: "Document", _: None) -> None:
            lost = find_lost_line(before, after)
            if lost or not all(map(is_same, choose(before), choose(after))):
                raise UsageError(f"Moving the parts would lose {lost!r}, or change what is read; nothing was moved.")

        done = self.edit(make_edits, verify)
        pairs = zip(choose(done.before), choose(done.after), strict=True)
        return sum(old.properties != new.properties for old, new in pairs)

    def _read_adoption(
        self,
        document: "Document",
        problems: "list[Diagnostic]",
        include: Collection[str] = (),
        exclude: Collection[str] = (),
    ) -> "Adoption":
        from orglab.experiment.adoption import read_adoption

        free = self._read_known_ids().find_next(document.text)
        return read_adoption(document, self.config, str(self.path), problems, free, include=include, exclude=exclude)

    def _check(
        self,
        document: "Document",
        commits: "DeadCommits | None",
        progress: "Progress | None" = None,
        only: Collection[str] | None = None,
    ) -> "list[Diagnostic]":
        """Return the problems in the log and related files, of some codes or all; those in other files come last."""
        from orglab.history.audit import AUDITED, audit

        problems = self._check_text(document, progress, only)
        problems += audit(self, document, commits, AUDITED if only is None else only)
        problems = [one for one in problems if only is None or one.code in only]
        return sorted(problems, key=lambda one: (one.file != str(self.path), one.line, one.column))

    def _check_text(
        self, document: "Document", progress: "Progress | None" = None, only: Collection[str] | None = None
    ) -> "list[Diagnostic]":
        """Return the problems in the text of the log; none if `only` has just codes of the audit."""
        from orglab.experiment.check import check
        from orglab.history.audit import AUDITED
        from orglab.log.link_targets import LinkTargets

        if only is not None and AUDITED.issuperset(only):
            return []
        problems = check(
            document,
            self.config,
            str(self.path),
            lambda: self._read_known_ids().find_next(document.text),
            progress,
            self.archived_experiments(document),
            LinkTargets(self).read,
        )
        return [one for one in problems if only is None or one.code in only]

    def _dead_commits(self) -> "DeadCommits | None":
        """Return the finder of current hashes of recorded commits; None without git."""
        from orglab.git import is_installed

        if self.repository is None or not is_installed():
            return None
        from orglab.history.dead_commits import DeadCommits

        return DeadCommits(self, self.repository)


def _fixes(problems: "list[Diagnostic]") -> "list[Edit]":
    """Return the edits that fix problems; stale cookies are recounted separately, after all of them."""
    return [edit for one in problems if one.code != "stale-cookie" for edit in one.fix]
