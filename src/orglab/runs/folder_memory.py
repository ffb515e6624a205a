"""Remember what was read in a folder while nothing is added to it, removed or renamed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

_Found = TypeVar("_Found")
# An entry that is added in the same tick of the clock leaves the time of a folder as it is.
_SETTLED_SECONDS = 2.0
_MOST = 100


class FolderMemory(Generic[_Found]):
    """What a function returned for some folders, for as long as their entries have the same names.

    It helps a process that asks often, such as a worker of a sweep. Files that are changed in place are not noticed.
    """

    def __init__(self, read: Callable[[Path], _Found]) -> None:
        """Take the function that reads a folder."""
        self._read = read
        self._known: dict[Path, tuple[tuple[int, int, int], _Found]] = {}

    def read(self, folder: Path) -> _Found:
        """Return what the function returns for a folder, or returned since its entries changed."""
        try:
            status = folder.stat()
        except (OSError, ValueError):
            return self._read(folder)
        stamp = (status.st_dev, status.st_ino, status.st_mtime_ns)
        known = self._known.get(folder)
        if known is not None and known[0] == stamp:
            return known[1]
        found = self._read(folder)
        if time.time() - status.st_mtime > _SETTLED_SECONDS:
            if len(self._known) == _MOST:
                self._known.clear()
            self._known[folder] = (stamp, found)
        return found
