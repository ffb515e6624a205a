"""The methods that look after a log: check, fix, adopt."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from orglab.log.log import LogFile

if TYPE_CHECKING:
    from orglab.experiment.adoption import Adoption
    from orglab.experiment.check import Progress
    from orglab.experiment.diagnostic import Diagnostic
    from orglab.history.dead_commits import DeadCommits
    from orglab.org.document import Document
    from orglab.org.edit import Edit


class CareMethods(LogFile):
    """The methods of `Log` that look after it."""

    def check(self, progress: "Progress | None" = None) -> "list[Diagnostic]":
        """Return what is wrong in the log, and in what it says of commits and merges, in the order of its lines.

        Args:
            progress: Told how many experiments are checked, of how many.
        """
        return self._check(self.document(), self._dead_commits(), progress)

    def fix(
        self, progress: "Progress | None" = None, only: Collection[str] | None = None
    ) -> "tuple[list[Diagnostic], list[Diagnostic]]":
        """Mend what is safe to mend, and return what was mended and what is left.

        Args:
            progress: Told how many experiments are checked, of how many.
            only: The codes to look for, and to mend; all if None.
        """
        from orglab.org.cookies import recount_cookies
        from orglab.org.edit import compose

        commits = self._dead_commits()

        def make_edits(document: "Document") -> "tuple[list[Edit], list[Diagnostic]]":
            document.require_no_conflict()
            # A heading that gets an id is an experiment then, with more to mend; and a box that becomes `[X]` counts.
            nameless = [one for one in self._check_text(document, progress, only) if one.code == "no-id" and one.fix]
            edits = _fixes(nameless)
            found = self._check(document.apply(edits), commits, progress, only)
            others = [one for one in found if one.code != "no-id" and one.fix]
            edits = compose(edits, _fixes(others))
            if only is None or "stale-cookie" in only:
                edits = compose(edits, recount_cookies(document.apply(edits)))
            return edits, [*nameless, *others]

        done = self.edit(make_edits)
        return done.decided, self._check(done.after, commits, None, only)

    def adopt(self) -> "Adoption":
        """Return what is understood of the log, which may not have been written as one; nothing is changed."""
        from orglab.experiment.adoption import read_adoption
        from orglab.experiment.diagnostic import CODES
        from orglab.experiment.ids import next_number

        document = self.document()
        free = next_number(document.text, self.numbers_on_branches())
        found = self._check(document, None, only={*CODES} - {"bad-term"})
        return read_adoption(document, self.config, str(self.path), found, free)

    def _check(
        self,
        document: "Document",
        commits: "DeadCommits | None",
        progress: "Progress | None" = None,
        only: Collection[str] | None = None,
    ) -> "list[Diagnostic]":
        """Return what is wrong in the log, those with some codes or all; what stands in another file comes last."""
        from orglab.history.audit import AUDITED, audit

        found = self._check_text(document, progress, only)
        found += audit(self, document, commits, AUDITED if only is None else only)
        found = [one for one in found if only is None or one.code in only]
        return sorted(found, key=lambda one: (one.file != str(self.path), one.line, one.column))

    def _check_text(
        self, document: "Document", progress: "Progress | None" = None, only: Collection[str] | None = None
    ) -> "list[Diagnostic]":
        """Return what is wrong in the text of the log, unless other codes alone are looked for."""
        from orglab.experiment.check import check
        from orglab.experiment.ids import next_number
        from orglab.history.audit import AUDITED

        if only is not None and AUDITED.issuperset(only):
            return []
        found = check(
            document,
            self.config,
            str(self.path),
            lambda: next_number(document.text, self.numbers_on_branches()),
            progress,
        )
        return [one for one in found if only is None or one.code in only]

    def _dead_commits(self) -> "DeadCommits | None":
        """Return what tells under which hashes recorded commits live, if there is a git to ask."""
        from orglab.git import is_installed

        if self.repository is None or not is_installed():
            return None
        from orglab.history.dead_commits import DeadCommits

        return DeadCommits(self, self.repository)


def _fixes(found: "list[Diagnostic]") -> "list[Edit]":
    """Return the edits that mend what was found; cookies are recounted after all of them."""
    return [edit for one in found if one.code != "stale-cookie" for edit in one.fix]
