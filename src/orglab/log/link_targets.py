"""The targets of links in other files than the log."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.experiment.check import find_targets
from orglab.git.inside import read_inside

if TYPE_CHECKING:
    from orglab.log.log import LogFile

_MOST = 64 << 20  # bytes of a file
_MOST_FILES = 100


class LinkTargets:
    """The ids in the files that a log links to, each read once."""

    def __init__(self, log: "LogFile") -> None:
        """Take a log; nothing is read yet."""
        self._log = log
        self._known: dict[str, frozenset[str] | None] = {}

    def read(self, name: str) -> frozenset[str] | None:
        """Return the ids of a file.

        Args:
            name: Its path from the folder of the log; empty for the archive, the journal and what else is beside them.

        Returns:
            The ids; none if there is no such file; None if it is outside of the repository or cannot be read.
        """
        if not name:
            return self._beside
        if name not in self._known:
            self._known[name] = self._read(self._folder / name)
        return self._known[name]

    @property
    def _folder(self) -> Path:
        return self._log.path.absolute().parent

    @cached_property
    def _beside(self) -> frozenset[str]:
        """The ids in the archive and in the other Org files of the folder."""
        paths = [self._log.archive, *sorted(self._folder.glob("*.org"))[:_MOST_FILES]]
        return frozenset().union(*(self._read(path) or () for path in paths))

    def _read(self, path: Path) -> frozenset[str] | None:
        inside = Path(os.path.normpath(path))
        if not inside.is_relative_to(self._log.top.absolute()) or len(self._known) > _MOST_FILES:
            return None
        try:
            return find_targets(read_inside(self._log.repository, inside, _MOST))
        except FileNotFoundError:
            return frozenset()
        except OSError:
            return None
