"""Find the files that a run wrote under the results paths, and select those that can be committed."""

import contextlib
import glob
import os
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab.git import Repository
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.inside import explain_link, find_tracked_link, walk_inside
from orglab.git.path_pattern import expand_path
from orglab.git.untracked import DERIVED, ENVIRONMENT_MARKS, ENVIRONMENT_NAMES, MOST_LOOKED_AT
from orglab.git.worktree import Changes, find_committable
from orglab.runs.storage import HIDDEN_FOLDER
from orglab.text import MEGABYTE, Tell, listed


class Stamp(NamedTuple):
    """File attributes of which at least one changes when the file is written."""

    mtime: int
    ctime: int
    size: int
    inode: int


class ResultsWatch:
    """Detects which files under some paths are written or removed after it is created.

    Nothing is looked at through a link that git tracks and that leads out of the repository.

    Attributes:
        paths: The paths.
        before: The state of the files under them when it was created.
    """

    def __init__(self, repository: Repository | None, paths: Sequence[Path]) -> None:
        """Remember the state of the files under `paths`, which may not exist yet."""
        self.paths = paths
        self._repository = repository
        self.before = dict(self._read_stamps())

    def _read_stamps(self) -> Iterable[tuple[Path, Stamp]]:
        for path in self.paths:
            for found in expand_path(self._repository, path):
                is_folder = os.path.isdir(found)  # noqa: PTH112 - raises no error
                # A link to a folder may be a result itself: `latest`.
                own = () if is_folder and not found.is_symlink() else (found,)
                for file in (*own, *(_files_below(self._repository, found) if is_folder else ())):
                    if (stamp := read_stamp(file)) is not None:
                        yield file, stamp

    def find_written(self) -> list[Path]:
        """Return the files that were written or created since."""
        return sorted(path for path, stamp in self._read_stamps() if self.before.get(path) != stamp)

    def list_refused(self) -> list[str]:
        """Return the sentences on the paths that are not looked at."""
        links = (find_tracked_link(self._repository, find_root(path)) for path in self.paths)
        return [explain_link(link) for link in dict.fromkeys(links) if link is not None]

    def find_removed(self) -> list[Path]:
        """Return the files that were removed since."""
        return sorted(path for path in self.before if not os.path.lexists(path))


def find_root(path: Path) -> Path:
    """Return the folder that has all that a results path names, or the path itself if it is no pattern."""
    while not os.path.lexists(path) and glob.has_magic(os.fspath(path)):
        path = path.parent
    return path


def _files_below(repository: Repository | None, folder: Path) -> Iterable[Path]:
    """Yield the files and the links below a folder, except those of git and of run records."""
    for parent, folders, names in walk_inside(repository, folder):
        folders[:] = [name for name in folders if name not in (".git", HIDDEN_FOLDER)]
        yield from (Path(parent, name) for name in names)
        # os.walk does not follow them, and git commits them like files.
        yield from (path for path in (Path(parent, name) for name in folders) if path.is_symlink())


def find_changed_since(repository: Repository | None, folder: Path, since: int) -> list[Path] | None:
    """Return the files below a folder that were written since a time; None if there are too many files to look at.

    Hidden folders, caches and environments are skipped, because what lies there is not the result of a run.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        folder: The folder.
        since: Nanoseconds, in the time of the file system.
    """
    changed, count = [], 0
    for parent, folders, names in walk_inside(repository, folder):
        if not ENVIRONMENT_MARKS.isdisjoint(names) and parent != os.fspath(folder):
            folders.clear()
            continue
        folders[:] = [name for name in folders if name[0] != "." and name not in (DERIVED, *ENVIRONMENT_NAMES)]
        count += len(names)
        if count > MOST_LOOKED_AT:
            return None
        for name in names:
            path = Path(parent, name)
            stamp = read_stamp(path)
            if stamp is not None and max(stamp.mtime, stamp.ctime) >= since and not path.is_symlink():
                changed.append(path)
    return sorted(changed)


def read_stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file, or None if there is no such file."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return Stamp(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def read_size(path: Path) -> int:
    """Return the size of a regular file; 0 for anything else, such as a symbolic link."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def read_outputs(
    repository: Repository | None, files: Iterable[Path], top: Path, stop: Callable[[], bool]
) -> list[HashedFile]:
    """Return files with their hashes; what is not a readable regular file is left out.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        files: The files.
        top: The base of the returned paths.
        stop: Called now and then; return True to leave the rest out.
    """
    outputs = []
    for path in files:
        with contextlib.suppress(OSError):
            digest = hash_file(repository, path, stop)
            outputs.append(HashedFile(os.path.relpath(path, top), digest, path.stat().st_size))
    return outputs


def select_results(
    repository: Repository, changes: Changes, touched: Collection[str], size_limit: int, tell: Tell
) -> tuple[list[str], list[str]]:
    """Return the tracked and the new files of a run that can be committed; the user knows which are too large.

    Args:
        repository: The repository.
        changes: The changes below the results paths.
        touched: The paths that the run wrote or removed, relative to the top.
        size_limit: Megabytes of a new file.
        tell: Called with each message for the user.
    """
    new: list[str] = []
    large: list[str] = []
    for path in changes.untracked:
        if path in touched and (stamp := read_stamp(repository.top / path)) is not None:
            (large if stamp.size > size_limit * MEGABYTE else new).append(path)
    if large:
        tell(f"Not committed: {listed(large)} (larger than run.size_limit, {size_limit} MB).")
    return [path for path in find_committable(repository, changes) if path in touched], new
