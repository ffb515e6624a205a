"""Find the files that a run wrote under the results paths, and commit them."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab.config import Config
from orglab.errors import GitError
from orglab.git import Repository
from orglab.git.files import path_in
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.untracked import DERIVED, ENVIRONMENT_MARKS, ENVIRONMENT_NAMES, MOST_LOOKED_AT
from orglab.git.worktree import (
    Changes,
    Committed,
    commit_paths,
    find_committable,
    find_operation,
    lock_commits,
    read_changes,
)
from orglab.runs.description import results_message
from orglab.runs.record import Run
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

    Attributes:
        paths: The paths.
        before: The state of the files under them when it was created.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Remember the state of the files under `paths`, which may not exist yet."""
        self.paths = paths
        self.before = dict(self._read_stamps())

    def _read_stamps(self) -> Iterable[tuple[Path, Stamp]]:
        for path in self.paths:
            if path.is_dir():
                files: Iterable[Path] = _files_below(path)
            else:
                files = (path,)
            for file in files:
                if (stamp := read_stamp(file)) is not None:
                    yield file, stamp

    def find_written(self) -> list[Path]:
        """Return the files that were written or created since."""
        return sorted(path for path, stamp in self._read_stamps() if self.before.get(path) != stamp)

    def find_removed(self) -> list[Path]:
        """Return the files that were removed since."""
        return sorted(path for path in self.before if not os.path.lexists(path))


def _files_below(folder: Path) -> Iterable[Path]:
    """Yield the files below a folder, except those of git and of run records."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", HIDDEN_FOLDER)]
        yield from (Path(parent, name) for name in names)


def find_changed_since(folder: Path, since: int) -> list[Path] | None:
    """Return the files below a folder that were written since a time; None if there are too many files to look at.

    Hidden folders, caches and environments are skipped, because what lies there is not the result of a run.

    Args:
        folder: The folder.
        since: Nanoseconds, in the time of the file system.
    """
    changed, count = [], 0
    for parent, folders, names in os.walk(folder):
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


def read_outputs(files: Iterable[Path], top: Path, stop: Callable[[], bool]) -> list[HashedFile]:
    """Return files with their hashes; what is not a readable regular file is left out.

    Args:
        files: The files.
        top: The base of the returned paths.
        stop: Called now and then; return True to leave the rest out.
    """
    outputs = []
    for path in files:
        with contextlib.suppress(OSError):
            if path.is_file():
                outputs.append(HashedFile(os.path.relpath(path, top), hash_file(path, stop), path.stat().st_size))
    return outputs


def commit_results(
    repository: Repository,
    run: Run,
    watch: ResultsWatch,
    excluded: Sequence[str],
    config: Config,
    tell: Tell,
) -> Committed | None:
    """Commit the files that a run wrote or removed, except those that git ignores; return the commit or None.

    Other changes stay as they are, staged or not.  A new file above the size limit is not committed, because a large
    checkpoint would stay in the history for good.

    Args:
        repository: The repository.
        run: The run, with its metrics.
        watch: The files under the results paths before the run.
        excluded: Paths of the log and the journal, relative to the top; they are never committed with results.
        config: The settings, with the size limit and the place of the reference in the message.
        tell: Called with each message for the user.

    Raises:
        GitError: git or a hook refuses.
    """
    inside = [path for path in (path_in(repository, results) for results in watch.paths) if path is not None]
    if not inside:
        return None
    with lock_commits(repository):
        files = (*watch.find_written(), *watch.find_removed())
        named = (path_in(repository, path) for path in files)
        touched = {path for path in named if path is not None}.difference(excluded)
        changes = read_changes(repository, inside)
        changed, new = select_results(repository, changes, touched, config.run.size_limit, tell)
        paths = changed + new
        if not paths:
            tell("No results to commit: the run changed no files under the results paths, except ignored ones.")
            return None
        if operation := find_operation(repository):
            raise GitError(
                f"Cannot commit the results during {operation}: {listed(paths)}; finish it, then commit them."
            )
        return commit_paths(repository, results_message(run, config.hooks.position), paths, new)


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
