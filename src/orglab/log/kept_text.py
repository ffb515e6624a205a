"""Saving the text of a log and its journal in their history.

The history of a log that is kept apart is the branch `experiment-log`.  That of any other log is a ref of the worktree,
so that what `git reset --hard` takes out of the log can be found again; the branches of the code hold the log as well.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orglab import clock
from orglab.config import ARCHIVE_SUFFIX
from orglab.errors import GitError
from orglab.git import Repository, is_installed
from orglab.git.files import read_file_at
from orglab.git.log_branch import (
    LOG_BRANCH,
    LOG_REF,
    TEXT_REFS,
    Version,
    find_tip,
    is_checked_out,
    read_texts,
    save_texts,
)
from orglab.log import file
from orglab.log.log_commit import LogCommit, check_message, compose_message, find_changes
from orglab.log.merge.merge import merge
from orglab.log.text_guard import TextGuard

if TYPE_CHECKING:
    from orglab.log.log import LogFile


KEPT_NAME = "kept"
"""The name of the file in orglab's shared folder whose time is that of the last look at what to save.

It has the commit that the text of a log that is kept apart is based on.
"""
MERGING_NAME = "merging"
"""The name of the file with the commit whose merge into the log is not finished yet, because of conflicts."""
_SECONDS = 60.0
_TRIES = 5


def keep_text(log: "LogFile", text: str | None = None, *, at_once: bool = False) -> LogCommit | None:
    """Save the log and the journal in their history; return the commit, or None if there is nothing to save.

    Nothing is saved while the log has conflict markers, or while a worktree has the branch of the log checked out.

    Args:
        log: The log.
        text: The message; if None, it says what changed.
        at_once: Whether to save even if less than a minute has passed since the last time.

    Raises:
        GitError: git fails.
    """
    repository = log.repository
    if repository is None or not is_installed() or not (at_once or _is_due(repository)):
        return None
    if log.is_apart and is_checked_out(repository, LOG_BRANCH):
        return None
    ref, merging = find_text_ref(log, repository), repository.shared_folder / MERGING_NAME
    for _ in range(_TRIES):
        tip = find_tip(repository, ref)
        if log.is_apart and tip is not None:
            _take_over(log, repository, tip)
        files = _read_files(log)
        log_name = log.name
        before = read_texts(repository, tip, list(files)) if tip else {}
        changed = {name: data for name, data in files.items() if data != before.get(name)}
        merged = _read_merging(merging) if log.is_apart else None
        if not changed and merged is None:
            set_base(repository, tip)
            return None
        if log.is_apart and log.parse(files.get(log_name, b"")).conflict is not None:
            return None
        message = _compose(log, before, changed, text)
        commit = save_texts(repository, ref, tip, Version(message, changed, merged=merged))
        if commit is not None:
            merging.unlink(missing_ok=True)
            set_base(repository, commit)
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
        ConflictMarkersError: The log has conflict markers.
        GitError: The branch of the log is checked out, or git fails.
    """
    check_message(text)
    log.document().require_no_conflict()
    if log.repository is not None and is_checked_out(log.repository, LOG_BRANCH):
        raise GitError(f"The branch {LOG_BRANCH} is checked out in a worktree; check out another branch there first.")
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
    files, tip = _read_files(log), find_tip(repository, find_text_ref(log, repository))
    saved = read_texts(repository, tip, list(files)) if tip else {}
    return [name for name, data in files.items() if data != saved.get(name)]


def _is_due(repository: Repository) -> bool:
    """Return whether a minute has passed since the last look."""
    try:
        return abs(time.time() - (repository.shared_folder / KEPT_NAME).stat().st_mtime) >= _SECONDS
    except OSError:
        return True


def read_base(repository: Repository) -> str | None:
    """Return the commit that the text of a log that is kept apart is based on, or None."""
    try:
        return (repository.shared_folder / KEPT_NAME).read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def set_base(repository: Repository, commit: str | None) -> None:
    """Take the text as based on a commit of its history, and as looked at now."""
    with suppress(OSError):
        repository.shared_folder.mkdir(exist_ok=True)
        new = repository.shared_folder / f"{KEPT_NAME}.{os.getpid()}"
        new.write_text(f"{commit or ''}\n", "ascii")
        new.replace(repository.shared_folder / KEPT_NAME)


def _take_over(log: "LogFile", repository: Repository, tip: str) -> None:
    """Merge what others have committed to the branch into the file, by `git fetch` or in a worktree of the branch.

    Raises:
        GitError: git fails.
    """
    based = read_base(repository)
    if based is None or based == tip or log.document().conflict is not None:
        return
    before, theirs = (read_file_at(repository, commit, log.name) or b"" for commit in (based, tip))
    if before == theirs or not theirs:
        return
    file.update(log.path, lambda data: merge(before, data, theirs, log.config, clock.now()).data, anyway=log.anyway)
    TextGuard(repository, log.path).record()
    set_base(repository, tip)


def _read_files(log: "LogFile") -> dict[str, bytes]:
    """Return the content of the log, its journal and its archive, by their paths in the history."""
    files = {}
    parent = log.name.rpartition("/")[0]
    for path in (log.path, log.journal, log.path.with_name(log.path.name + ARCHIVE_SUFFIX)):
        with suppress(OSError, ValueError):
            real = Path(os.path.realpath(path))
            name = log.name if path == log.path else f"{parent}/{path.name}".lstrip("/")
            files[name] = real.read_bytes()
    return files


def _read_merging(file: Path) -> str | None:
    try:
        return file.read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


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


def read_kept_version(log: "LogFile", repository: Repository) -> bytes | None:
    """Return the newest version of the log in its history, or None."""
    tip = find_tip(repository, find_text_ref(log, repository))
    return read_texts(repository, tip, [log.name]).get(log.name) if tip else None
