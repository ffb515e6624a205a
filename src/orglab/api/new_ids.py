"""The ids that are known in this clone, from the texts of the log, from runs and from commit messages."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from orglab.errors import GitError
from orglab.log.log import LogFile
from orglab.reference import without_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orglab.log.known_ids import KnownIds

_A_DAY = 86400.0  # by which the clock of a shared folder of records may be wrong


class IdMethods(LogFile):
    """What the methods of `Log` that give ids need."""

    def _read_known_ids(self) -> "KnownIds":
        """Return the numbers that are or were ids in this clone."""
        known = self._open_known_ids()
        known.add_given(self._find_run_numbers(known))
        known.named |= self._find_commit_numbers()
        return known

    def _open_known_ids(self) -> "KnownIds":
        """Return the numbers that are or were ids in texts of the log, or that were given."""
        from orglab.log.known_ids import KnownIds

        return KnownIds(self)

    def _find_run_numbers(self, known: "KnownIds") -> "Iterator[int]":
        """Yield the numbers of the experiments of the runs that were recorded since an id was given."""
        from orglab.runs.record_reader import read_changed_runs

        for run in read_changed_runs(self.top, known.written_at - _A_DAY):
            name = without_letter((run.ref or "").partition(".")[0], self.config.letter)
            if re.fullmatch(r"[0-9]{1,18}", name) and known.may_be_own(run.log):
                yield int(name)

    def _find_commit_numbers(self) -> set[int]:
        """Return the numbers that the messages of commits on branches name as experiments; none if git fails."""
        from orglab.git import is_installed

        if self.repository is None or not is_installed():
            return set()
        from orglab.search.commit_references import find_named_ids
        from orglab.search.store import open_store

        with suppress(GitError):
            names = find_named_ids(open_store(self), self.repository, self.config.letter)
            return {int(name) for name in names if re.fullmatch(r"[0-9]{1,18}", name)}
        return set()
