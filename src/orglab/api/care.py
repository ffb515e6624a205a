"""The methods that look after a log: check, fix, adopt."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from orglab.config import TERMS_NAME
from orglab.experiment.check import Diagnostic, Progress, check
from orglab.experiment.ids import next_number
from orglab.git import is_installed
from orglab.log.log import LogFile
from orglab.org.cookies import recount
from orglab.org.document import Document
from orglab.org.edit import Edit, compose

if TYPE_CHECKING:
    from orglab.experiment.adopt import Adoption
    from orglab.history.dead_commits import DeadCommits


class CareMethods(LogFile):
    """The methods of `Log` that look after it."""

    def check(self, progress: Progress | None = None) -> list[Diagnostic]:
        """Return what is wrong in the log, and in what it says of commits and merges, in the order of its lines.

        Args:
            progress: Told how many experiments are checked, of how many.
        """
        return self._check(self.document(), progress, self._resolver()) + self._check_terms()

    def fix(
        self, progress: Progress | None = None, only: Collection[str] | None = None
    ) -> tuple[list[Diagnostic], list[Diagnostic]]:
        """Mend what is safe to mend, and return what was mended and what is left.

        Args:
            progress: Told how many experiments are checked, of how many.
            only: The codes to mend; all if None.
        """
        resolver = self._resolver()

        def find(document: Document, *, ids: bool) -> list[Diagnostic]:
            found = self._check(document, progress, None if ids else resolver)
            return [one for one in found if one.fix and (one.code == "no-id") == ids and (not only or one.code in only)]

        def make_edits(document: Document) -> tuple[list[Edit], list[Diagnostic]]:
            document.refuse_conflict()
            # A heading that gets an id is an experiment then, with more to mend; and a box that becomes `[X]` counts.
            nameless = find(document, ids=True)
            edits = _fixes(nameless)
            others = find(document.apply(edits), ids=False)
            edits = compose(edits, _fixes(others))
            if not only or "stale-cookie" in only:
                edits = compose(edits, recount(document.apply(edits)))
            return edits, [*nameless, *others]

        done = self.edit(make_edits)
        return done.decided, self._check(done.after, None, resolver) + self._check_terms()

    def adopt(self) -> "Adoption":
        """Return what is understood of the log, which may not have been written as one; nothing is changed."""
        from orglab.experiment.adopt import read_adoption  # noqa: PLC0415 - for one command of many

        document = self.document()
        free = next_number(document.text, self.numbers_on_branches())
        return read_adoption(document, self.config, str(self.path), self._check(document), free)

    def _check(
        self, document: Document, progress: Progress | None = None, resolver: "DeadCommits | None" = None
    ) -> list[Diagnostic]:
        from orglab.history.audit import lost_in_merges  # noqa: PLC0415 - for one command of many

        def free() -> int:
            return next_number(document.text, self.numbers_on_branches())

        found = check(document, self.config, str(self.path), free, progress)
        found += lost_in_merges(document, str(self.path), self.repository)
        found += resolver.diagnose(document, str(self.path)) if resolver is not None else []
        return sorted(found, key=lambda one: (one.line, one.column))

    def _check_terms(self) -> list[Diagnostic]:
        """Return what cannot be read in the user's own terms."""
        text = self.terms()
        if not text:
            return []
        from orglab.search.similar.lexicon import parse_terms  # noqa: PLC0415 - few logs have terms of their own

        name = str(self.path.parent / TERMS_NAME)
        return [Diagnostic(name, one.line, 1, "bad-term", one.message) for one in parse_terms(text)[1]]

    def _resolver(self) -> "DeadCommits | None":
        """Return what says where recorded commits live, if there is a git to ask."""
        if self.repository is None or not is_installed():
            return None
        from orglab.history.dead_commits import DeadCommits  # noqa: PLC0415 - for one command of many

        return DeadCommits(self.repository, self.path, self.config)


def _fixes(found: list[Diagnostic]) -> list[Edit]:
    """Return the edits that mend what was found; cookies are recounted after all of them."""
    return [edit for one in found if one.code != "stale-cookie" for edit in one.fix]
