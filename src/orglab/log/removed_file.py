"""Logs that the branches of the code may hold, and whose file is gone from the working tree."""

import os
from pathlib import Path

from orglab.git import Repository, find_repository, is_installed
from orglab.git.files import is_tracked, path_in
from orglab.git.log_branch import find_tracking_commits, is_in_commit, is_safe_path
from orglab.log import file
from orglab.log.apart import find_apart_files
from orglab.log.text_guard import TextGuard

_STASHED = "refs/stash^3"
"""The commit of the files in the newest stash that git did not track (git-stash(1))."""


def restore_uncommitted(log: Path, journal: str) -> list[Path]:
    """Put back a log that is gone and that no commit has, as after `git clean`, and its journal.

    Args:
        log: The file of the log.
        journal: The journal's file, relative to the log.

    Returns:
        The files that were put back; none if the log is there, was moved, is in a commit, or is not known.

    Raises:
        NotWritableError: A file cannot be written.
    """
    repository = _find_repository(log)
    if repository is None or not _restore(repository, log):
        return []
    beside = log.parent / journal
    return [log, beside] if _restore(repository, beside) else [log]


def _restore(repository: Repository, path: Path) -> bool:
    """Put back a file, if that is possible and nobody has it elsewhere."""
    guard = TextGuard(repository, path)
    kept = None if os.path.lexists(path) else guard.read_kept()
    name = path_in(repository, path.absolute())
    if kept is None or name is None or not is_safe_path(name) or guard.link.stat().st_nlink > 1:
        return False  # With a third name, the file was moved by hand.
    if is_tracked(repository, name) or find_tracking_commits(repository, name, 1):
        return False
    if is_in_commit(repository, _STASHED, name):
        return False  # `git stash pop` would refuse to write over it.
    path.parent.mkdir(parents=True, exist_ok=True)
    file.create(path, kept)
    guard.record()
    return True


def find_restore_command(log: Path) -> str | None:
    """Return the git command that brings a missing log back, from the index, HEAD or the stash; None if none does."""
    repository = _find_repository(log)
    name = path_in(repository, log.absolute()) if repository is not None else None
    if repository is None or name is None:
        return None
    place = os.path.relpath(log)
    if is_tracked(repository, name):
        return f"git restore {place}"
    if is_in_commit(repository, "HEAD", name):
        return f"git restore --source=HEAD {place}"
    return "git stash pop" if is_in_commit(repository, _STASHED, name) else None


def _find_repository(log: Path) -> Repository | None:
    """Return the repository of a missing file that is not kept apart, or None."""
    if os.path.lexists(log) or not is_installed():
        return None
    repository = find_repository(log.absolute().parent)
    apart = find_apart_files(repository) if repository is not None else None
    if repository is None or (apart is not None and apart.find_name(os.fspath(log.absolute())) is not None):
        return None
    return repository.at_top  # the folder of the log may be gone as well
