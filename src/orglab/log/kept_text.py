"""Saving the text of a log and its journal in their history.

The history of a log that is kept apart is the branch `experiment-log`.  That of any other log is a ref of the worktree,
so that what `git reset --hard` takes out of the log can be found again; the branches of the code hold the log as well.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orglab import clock
from orglab.config import ARCHIVE_SUFFIX, read_apart
from orglab.errors import GitError, NotFoundError, NotWritableError
from orglab.experiment.missing_parts import count_common_lines, find_nearest
from orglab.git import Repository, is_installed
from orglab.git.files import read_blobs, read_file_at
from orglab.git.inside import find_tracked_link, require_inside
from orglab.git.log_branch import (
    LOG_REF,
    TEXT_REFS,
    Version,
    find_tip,
    is_checked_out,
    list_texts,
    read_texts,
    require_not_checked_out,
    save_texts,
)
from orglab.git.repository import is_full_hash
from orglab.git.versions import list_versions
from orglab.git.worktree import require_writable
from orglab.lock import held
from orglab.log import file
from orglab.log.log_commit import LogCommit, check_message, compose_message, find_changes, require_no_markers
from orglab.log.merge.merge import Labels, Merged, merge
from orglab.log.text_guard import TextGuard

if TYPE_CHECKING:
    from orglab.log.log import LogFile


KEPT_NAME = "kept"
"""The name of the empty file in orglab's shared folder whose time is that of the last look at what to save."""
MERGING_NAME = "merging"
"""The name of the file with the commit whose merge into the log is not finished yet, because of conflicts."""
_LABELS = Labels("this clone", "the branch")
_SECONDS = 60.0
_LOCK_SECONDS = 10.0
_TRIES = 5
_MOST_VERSIONS = 100


def keep_text(log: "LogFile", text: str | None = None, *, at_once: bool = False) -> LogCommit | None:
    """Save the log, its journal and its archive in their history; return the commit, or None if nothing is to be saved.

    A log that is kept apart is not saved while it has conflict markers, or a worktree has its branch checked out.  What
    others have committed to the branch is merged into the files first.

    Args:
        log: The log.
        text: The message; if None, it says what changed.
        at_once: Whether to save even if less than a minute has passed since the last time.

    Raises:
        GitError: git fails.
        NotWritableError: Other processes were saving it for too long.
    """
    repository = log.repository
    if repository is None or not is_installed() or not (at_once or _is_due(log, repository)):
        return None
    if log.is_apart and is_checked_out(repository):
        return None
    with _lock_history(repository, wait=at_once) as is_free:
        return _save(log, repository, text) if is_free else None


@contextmanager
def _lock_history(repository: Repository, *, wait: bool) -> Iterator[bool]:
    """Let no other process of this clone save texts, and yield whether that was possible.

    The commit that a file is based on has to be the one that its text was merged with. If another process saved a newer
    text in between, what only that one has would count as removed by the older one.
    """
    folder = repository.shared_files
    with suppress(OSError):
        folder.make()
    if not os.access(folder.path, os.W_OK | os.X_OK):
        yield True  # git cannot save anything there either
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(held(os.fspath(folder.path / KEPT_NAME), _LOCK_SECONDS if wait else 0.0))
        except NotWritableError:
            if wait:
                raise
            yield False
        else:
            yield True


def _save(log: "LogFile", repository: Repository, text: str | None) -> LogCommit | None:
    """Save the files of a log in its history; return the commit, or None if nothing is to be saved."""
    ref = find_text_ref(log, repository)
    for _ in range(_TRIES):
        tip = find_tip(repository, ref)
        if log.is_apart and tip is not None:
            _take_over(log, repository, tip)
        merged = _read_merging(repository) if log.is_apart else None
        paths = find_saved_files(log, repository, everything=merged is not None)
        files = _read_files(paths)
        if log.is_apart and any(log.parse(data).conflict is not None for data in files.values()):
            return None
        before = read_texts(repository, tip, list(files)) if tip else {}
        changed = {name: data for name, data in files.items() if data != before.get(name)}
        commit, message = tip, ""
        if changed or merged is not None:
            require_writable(repository)
            message = _compose(log, before, changed, text)
            gone: set[str] = set()
            if merged is not None and tip is not None:
                # What others have renamed is not kept under its old name.
                gone = set(list_texts(repository, tip)) - {*list_texts(repository, merged), *paths}
            commit = save_texts(repository, ref, tip, Version(message, changed, tuple(gone), merged=merged))
            if commit is None:
                continue
            repository.shared_files.unlink(MERGING_NAME)
        if log.is_apart and commit is not None:
            for name in files:
                TextGuard(repository, paths[name]).set_base(commit)
        _touch(repository, _find_timer(log, repository))
        if commit is None or not message:
            return None
        short = (repository.read("rev-parse", "--short", commit) or commit.encode()).decode().strip()
        return LogCommit(short, message)
    raise GitError(f"{ref} was changed by other processes all the time; try again.")


def commit_apart_log(log: "LogFile", text: str | None = None) -> LogCommit | None:
    """Save a log that is kept apart, and its journal; return the commit, or None if all of it is saved already.

    Args:
        log: The log.
        text: The message; if it contains no reference, references to the changed experiments are put before it.

    Raises:
        UsageError: The message is empty.
        ConflictMarkersError: A file that would be saved has conflict markers.
        GitError: The branch of the log is checked out, or git fails.
    """
    check_message(text)
    if log.repository is not None:
        paths = find_saved_files(log, log.repository, everything=_is_merging(log.repository))
        for name, data in _read_files(paths).items():
            require_no_markers(log, paths[name], data)
        require_not_checked_out(log.repository)
    return keep_text(log, text, at_once=True)


def find_text_ref(log: "LogFile", repository: Repository) -> str:
    """Return the ref of the history of a log."""
    if log.is_apart:
        return LOG_REF
    git_dir = TextGuard(repository, log.path).repository.git_dir
    return TEXT_REFS + ("main" if git_dir.parent.name != "worktrees" else f"worktree-{git_dir.name}")


def find_unsaved(log: "LogFile") -> list[str]:
    """Return the files of a log whose text differs from that in its history, by their paths there.

    Raises:
        GitError: git fails.
    """
    repository = log.repository
    if repository is None:
        return []
    files, tip = _read_files(find_saved_files(log, repository)), find_tip(repository, find_text_ref(log, repository))
    saved = read_texts(repository, tip, list(files)) if tip else {}
    return [name for name, data in files.items() if data != saved.get(name)]


def _find_timer(log: "LogFile", repository: Repository) -> Path:
    """Return the file whose time is that of the last look at what to save; the hooks compare it with that of a log."""
    name = find_text_ref(log, repository).rpartition("/")[2]
    return repository.shared_folder / (KEPT_NAME if log.is_apart else f"{KEPT_NAME}-{name}")


def _is_due(log: "LogFile", repository: Repository) -> bool:
    """Return whether a minute has passed since the last look."""
    status = repository.shared_files.stat(_find_timer(log, repository).name)
    return status is None or abs(time.time() - status.st_mtime) >= _SECONDS


def _touch(repository: Repository, kept: Path) -> None:
    with suppress(OSError):
        repository.shared_files.touch(kept.name)


def _take_over(log: "LogFile", repository: Repository, tip: str) -> None:
    """Merge what others have committed to the branch into the files, by `git fetch` or in a worktree of the branch.

    Conflicts are left in the files, between markers.

    Raises:
        GitError: git fails.
    """
    for name, path in find_saved_files(log, repository).items():
        guard = TextGuard(repository, path)
        based = guard.read_base()
        theirs = read_file_at(repository, tip, name) if based != tip and path.exists() else None
        if theirs is None or log.parse(path.read_bytes()).conflict is not None:
            continue
        base = read_file_at(repository, based, name) if based is not None else None
        if theirs != base:
            merge_text(log, path, name, theirs, base)
        guard.set_base(tip)


def merge_text(log: "LogFile", path: Path, name: str, theirs: bytes, base: bytes | None = None) -> Merged:
    """Merge another version into a log that is kept apart, or into another file of it, and return the result.

    Args:
        log: The log.
        path: The file.
        name: Its path in the branch.
        theirs: The other version.
        base: The common ancestor; if None, the version in the branch that the file is based on.

    Raises:
        NotWritableError: The file cannot be written, or a link that git tracks leads out of the repository.
    """
    require_inside(log.repository, path)
    results: list[Merged] = []

    def change(data: bytes) -> bytes:
        ancestor = base if base is not None else _find_base(log, path, name, data, theirs)
        results.append(merge(ancestor, data, theirs, log.config, clock.now(), _LABELS))
        return results[-1].data

    file.update(path, change, anyway=log.anyway)
    if log.repository is not None:
        TextGuard(log.repository, path).record()
    return results[-1]


def _find_base(log: "LogFile", path: Path, name: str, data: bytes, theirs: bytes) -> bytes:
    """Return the version in the branch that a file is based on.

    If that is not known, it is the version that has the most in common with the file.  Files that were begun apart have
    at most their preamble in common.
    """
    repository = log.repository
    based = TextGuard(repository, path).read_base() if repository is not None else None
    base = read_file_at(repository, based, name) if repository is not None and based is not None else None
    if base is not None or repository is None:
        return base or b""
    blobs = [version.blob for version in list_versions(repository, [name])[:_MOST_VERSIONS]]
    versions = [text for _, text in read_blobs(repository, blobs)]
    nearest = find_nearest(versions, data) if versions else b""
    if count_common_lines(nearest, data) * 2 >= len(data.splitlines()):
        return nearest
    return find_preamble(data, theirs)


def find_preamble(one: bytes, other: bytes) -> bytes:
    """Return what stands before the first heading of two files, if it is the same."""
    first, second = (data.partition(b"\n* ")[0] for data in (one, other))
    return first + b"\n" if first == second else b""


def list_files(log: "LogFile") -> dict[str, Path]:
    """Return the log, its journal and its archive, by their paths in the history."""
    parent = log.name.rpartition("/")[0]
    others = (log.journal, log.path.with_name(log.path.name + ARCHIVE_SUFFIX))
    return {log.name: log.path} | {f"{parent}/{path.name}".lstrip("/"): path for path in others}


def find_saved_files(log: "LogFile", repository: Repository, *, everything: bool = False) -> dict[str, Path]:
    """Return the files whose text is saved, by their paths in the history.

    A file outside of the repository to which a link leads that git tracks is none: its text may be private.

    Args:
        log: The log.
        repository: Its repository.
        everything: Whether to return the files of all logs that are kept apart in the clone.
    """
    apart = read_apart(os.fspath(repository.top), os.fspath(repository.git_dir)) if everything else None
    others = {name: Path(apart.home) / name for name in apart.names} if apart is not None else {}
    files = others | list_files(log)
    return {name: path for name, path in files.items() if find_tracked_link(repository, path) is None}


def _read_files(files: Mapping[str, Path]) -> dict[str, bytes]:
    """Return the content of those of some files that exist and can be read."""
    texts = {}
    for name, path in files.items():
        with suppress(NotFoundError):
            texts[name] = file.read(path).data
    return texts


def _is_merging(repository: Repository) -> bool:
    """Return whether a merge of the branch into the files is not finished yet."""
    return _read_merging(repository) is not None


def _read_merging(repository: Repository) -> str | None:
    commit = (repository.shared_files.read(MERGING_NAME) or b"").decode("ascii", "replace").strip()
    return commit if is_full_hash(commit) else None


def _compose(log: "LogFile", before: dict[str, bytes], changed: dict[str, bytes], text: str | None) -> str:
    """Return the message of a commit of the history."""
    name = log.name
    journal = next((path for path in changed if path != name and path.rpartition("/")[2] == log.journal.name), None)
    changes, is_log, entries = find_changes(
        log, (before.get(name, b""), changed[name]) if name in changed else None,
        (before.get(journal, b""), changed[journal]) if journal is not None else None,
    )  # fmt: skip
    if text is None and not before and not changes:
        text = "log: created"
    return compose_message(
        changes, is_log or journal is None, entries, log.config.letter, text, log.config.hooks.position
    )
