"""The results of a run: which files it wrote under the results paths, and a commit of them."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git import Repository
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.worktree import (
    Committed,
    commit_paths,
    find_committable,
    find_operation,
    lock_commits,
    read_changes,
    top_path,
)
from orglab.runs.description import results_message
from orglab.runs.record import Run
from orglab.runs.storage import HIDDEN_FOLDER
from orglab.text import MEGABYTE, Tell, listed


class Stamp(NamedTuple):
    """What the system says of a file; writing it changes one of these."""

    mtime: int
    ctime: int
    size: int
    inode: int


class ResultsWatch:
    """The files under some paths, as they stood when this was made."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Look at the files of `paths`, which may not exist yet."""
        self.paths = paths
        self._before = dict(self._look())

    def _look(self) -> Iterable[tuple[Path, Stamp]]:
        for path in self.paths:
            if path.is_dir():
                files: Iterable[Path] = _files_below(path)
            else:
                files = (path,)
            for file in files:
                if (stamp := read_stamp(file)) is not None:
                    yield file, stamp

    def find_written(self) -> list[Path]:
        """Return the files that were written since, or are new."""
        return sorted(path for path, stamp in self._look() if self._before.get(path) != stamp)

    def find_removed(self) -> list[Path]:
        """Return the files that went away since."""
        return sorted(path for path in self._before if not os.path.lexists(path))


def _files_below(folder: Path) -> Iterable[Path]:
    """Yield the files below a folder, but those of git and of the records."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", HIDDEN_FOLDER)]
        yield from (Path(place, name) for name in names)


def read_stamp(path: Path) -> Stamp | None:
    """Return what the system says of a file, or None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return Stamp(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def read_outputs(files: Iterable[Path], top: Path, stop: Callable[[], bool]) -> list[HashedFile]:
    """Return files with their hashes; one that cannot be read, or is none, is left out.

    Args:
        files: The files.
        top: What the paths are relative to.
        stop: Asked now and then whether to leave the rest out.
    """
    found = []
    for path in files:
        with contextlib.suppress(OSError):
            if path.is_file():
                found.append(HashedFile(os.path.relpath(path, top), hash_file(path, stop), path.stat().st_size))
    return found


def commit_results(
    repository: Repository, run: Run, watch: ResultsWatch, apart: Sequence[str], size_limit: int, tell: Tell
) -> Committed | None:
    """Commit those files that a run wrote or removed and that git does not ignore; return the commit, if one.

    Whatever else is changed or staged stays so.  A new file above the size limit is not committed: a checkpoint of
    gigabytes would stay in the history for good.

    Args:
        repository: The repository.
        run: The run, with its metrics.
        watch: The files under the results paths as they stood before.
        apart: Paths that are never committed with code or results, relative to the top.
        size_limit: Megabytes.
        tell: Hears sentences for the user.

    Raises:
        GitError: git or a hook refuses.
    """
    inside = [path for path in (top_path(repository, one) for one in watch.paths) if path is not None]
    if not inside:
        return None
    with lock_commits(repository):
        touched = {top_path(repository, path) for path in (*watch.find_written(), *watch.find_removed())} - {
            None,
            *apart,
        }
        changes = read_changes(repository, inside)
        new = [path for path in changes.untracked if path in touched]
        large = [path for path in new if (repository.top / path).lstat().st_size > size_limit * MEGABYTE]
        if large:
            tell(f"Not committed, for of the size (see the setting run.size_limit): {listed(large)}.")
        new = [path for path in new if path not in large]
        wanted = [path for path in find_committable(repository, changes) if path in touched] + new
        if not wanted:
            tell("No results to commit: under the results paths is nothing new that git does not ignore.")
            return None
        if what := find_operation(repository):
            raise GitError(f"In the middle of {what} no commit is made of the results: {listed(wanted)}.")
        return commit_paths(repository, results_message(run), wanted, new)
