"""A log for writers who have seen an earlier version of it: what has changed since is not written over unseen."""

import hashlib
from typing import TYPE_CHECKING, TypeVar

from orglab.api import Log
from orglab.errors import TextChangedError

if TYPE_CHECKING:
    import datetime

    from orglab.experiment.consequences import Added
    from orglab.experiment.model import Experiment
    from orglab.log.log import MakeExperimentEdits
    from orglab.org.edit import Edit
    from orglab.reference import Reference

Decided = TypeVar("Decided")
_DIGITS = 24


def digest_experiment(experiment: "Experiment") -> str:
    """Return a digest of the text of an experiment, to tell later whether it has changed."""
    text = experiment.document.text[experiment.begin : experiment.end]
    return hashlib.sha256(text.rstrip()).hexdigest()[:_DIGITS]


class GuardedLog(Log):
    """A log in which the first edit of an experiment by `edit_experiment` needs its text to be as it was seen.

    Attributes:
        seen: The digest of the text that was seen; None for any text.
    """

    seen: str | None = None

    @classmethod
    def of(cls, log: Log, seen: str | None) -> "GuardedLog":
        """Return a log, as it was opened, of which a text was seen."""
        guarded = cls(log.path, log.config, author=log.author)
        vars(guarded)["repository"] = log.repository
        guarded.seen = seen
        return guarded

    def edit_experiment(
        self,
        reference: "Reference",
        make_edits: "MakeExperimentEdits[Decided]",
        now: "datetime.datetime",
        added: "Added | None" = None,
    ) -> "tuple[Experiment, Decided]":
        """Edit one experiment as `Log` does.

        Raises:
            TextChangedError: Its text is not as it was seen; nothing was written.
        """
        seen = self.seen

        def check_text(old: "Experiment") -> "tuple[list[Edit], Decided]":
            if seen is not None and digest_experiment(old) != seen:
                raise TextChangedError(f"{old.ref} has changed since this was shown; nothing was written.")
            return make_edits(old)

        edited = super().edit_experiment(reference, check_text, now, added)
        self.seen = None
        return edited

    def _explain_contradiction(self, contradiction: str, why: str | None) -> str:
        # A reason is enough here: `anyway` would also write under an editor with unsaved changes.
        before, self.anyway = self.anyway, bool(why)
        try:
            return super()._explain_contradiction(contradiction, why)
        finally:
            self.anyway = before
