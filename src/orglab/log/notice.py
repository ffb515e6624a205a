"""What a command does when the log's file is not as the last command left it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orglab import clock
from orglab.config import shorten_path
from orglab.errors import NotReadableError, OrglabError
from orglab.git import Repository, is_installed
from orglab.git.files import IndexEntry, read_file_at, read_index_entry
from orglab.git.inside import find_tracked_link
from orglab.git.log_branch import LOG_BRANCH, find_tip, is_ancestor, is_head_in_branch, is_in_commit
from orglab.git.versions import is_version
from orglab.log.apart import find_apart_files, restore_missing
from orglab.log.kept_text import merge_text
from orglab.log.losses import GOING_BACK, record_loss, tell_untold_losses
from orglab.log.merge.merge import merge
from orglab.log.move import follow_rename, hold_files, rename_apart
from orglab.log.text_guard import TextGuard
from orglab.text import Tell, listed

if TYPE_CHECKING:
    from orglab.log.log import LogFile


def notice_change(log: "LogFile", tell: Tell) -> None:
    """Find out why the log's file has changed, and keep what git took out of it.

    A hand edit is saved like any other change.

    Args:
        log: The log.
        tell: Called with each message for the user.
    """
    repository = log.repository
    if repository is None or not is_installed() or find_tracked_link(repository, log.path) is not None:
        return
    try:
        if log.is_apart and not os.path.lexists(log.path):
            _restore(log, repository, tell)
        guard = TextGuard(repository, log.path)
        kept = guard.read_kept()
        is_on_log_branch = log.is_apart and _is_on_log_branch(guard)
        aside = guard.read_aside() if log.is_apart and not is_on_log_branch else None
        if aside is not None and is_in_commit(guard.repository, "HEAD", log.name):
            # The text that was set aside has lost its place to another file.
            _move_aside(log, repository, guard, aside, tell)
            guard.drop_aside()
        elif kept is not None and not guard.is_written_in_place():
            _notice_new_file(log, repository, guard, kept, tell)
        if log.is_apart and not is_on_log_branch:
            _take_back(log, TextGuard(repository, log.path), tell)
    except (OrglabError, OSError) as error:
        # Nothing that is noticed here may keep a command from doing its work.
        reason = error if isinstance(error, OrglabError) else f"{error.strerror}."
        lost = TextGuard(repository, log.path).keep_replaced()
        where = f" That text is in {shorten_path(str(lost))}." if lost is not None else ""
        tell(f"{log.path} has changed, and its earlier text could not be compared: {reason}{where}")
        return
    log.record_write()
    with suppress(OrglabError, OSError):
        tell_untold_losses(log, tell)


def _restore(log: "LogFile", repository: Repository, tell: Tell) -> None:
    """Put back files that were removed."""
    name = log.name
    restored = restore_missing(repository)
    if restored:
        apart = find_apart_files(repository)
        if apart is not None and not log.path.parent.is_dir():
            # The worktree that had them is gone, so they are in another one.
            log.rename(Path(apart.home, name), log.config.journal)
        names = listed(os.path.relpath(path) for path in restored)
        tell(f"Restored {names}, which had been removed from the working tree.")


def _notice_new_file(log: "LogFile", repository: Repository, guard: TextGuard, kept: bytes, tell: Tell) -> None:
    """Find out whether git or an editor wrote the file that now has the log's name."""
    now = _read_now(log)
    if now == kept:
        return
    if log.is_apart and _is_on_log_branch(guard):
        guard.set_aside(kept)
        tell(
            f"The branch {LOG_BRANCH} is checked out, so {log.path.name} is as that branch has it. What "
            "was not saved yet comes back when you check out another branch."
        )
        return
    if log.is_apart and is_in_commit(guard.repository, "HEAD", log.name):
        _move_aside(log, repository, guard, kept, tell)
        return
    if log.is_apart:
        if is_version(repository, log.name, now):
            record_loss(log, kept, GOING_BACK, tell)
        return
    operation = guard.find_operation()
    former = guard.find_former_head()
    # What commits have taken out, as those that a merge brings, is in the history, and was meant.
    history = former if former is not None and is_ancestor(guard.repository, former, "HEAD") else None
    entry = read_index_entry(guard.repository, log.name)
    if operation is None:
        # Somebody may have changed the file by hand after that.
        back = _find_put_back(log, guard, entry, now)
        if back not in (None, kept):
            record_loss(log, kept, GOING_BACK, tell, history=history or find_tip(guard.repository, "HEAD"))
    elif not _has_editor_replaced(log, guard, entry):
        record_loss(log, kept, operation, tell, history=history)


def _find_put_back(log: "LogFile", guard: TextGuard, entry: IndexEntry | None, now: bytes) -> bytes | None:
    """Return the earlier version that git has put into the place of the log, whatever was written into it since.

    It is None if an editor has put the file there. Then git's index names another file; or `git add` or `git commit`
    has read this one since, with a content that is new.
    """
    if entry is not None and entry.inode != 0:
        return entry.content if _is_of_file(guard, entry) and _is_earlier(log, guard, entry) else None
    # Not every program that writes the index says which file it has read.
    at_head = read_file_at(guard.repository, "HEAD", log.name)
    if at_head is None or at_head not in (now, now.replace(b"\r\n", b"\n")):
        return None
    return at_head if is_version(guard.repository, log.name, at_head, guard.find_commits()) else None


def _is_of_file(guard: TextGuard, entry: IndexEntry) -> bool:
    """Return whether git's index names the file, and not an earlier one, removed since, whose inode it has got."""
    return guard.has_inode(entry.inode) and not guard.was_replaced_after(entry.modified + 1)


def _is_earlier(log: "LogFile", guard: TextGuard, entry: IndexEntry) -> bool:
    """Return whether git had the content of a file before the file: as a commit that was there, or stored otherwise.

    What somebody has edited is stored after that, by `git add` or `git commit`.
    """
    is_stored = entry.stored is not None and entry.stored < entry.modified
    return is_stored or is_version(guard.repository, log.name, entry.content, guard.find_commits())


def _has_editor_replaced(log: "LogFile", guard: TextGuard, entry: IndexEntry | None) -> bool:
    """Return whether an editor has taken the place of the file that orglab last saw, whatever else git did.

    git removes a file before it writes another; many editors write another one first.
    """
    if entry is None or entry.inode == 0:
        return False
    if not _is_of_file(guard, entry):
        return guard.was_replaced_after(log.path.stat().st_mtime_ns)
    # Both may seem to have happened at once.
    return guard.was_replaced_after(entry.modified) and not _is_earlier(log, guard, entry)


def _read_now(log: "LogFile", otherwise: bytes = b"") -> bytes:
    """Return the bytes of the log; `otherwise` if git has checked out a link over it that leads elsewhere."""
    try:
        return log.read_file().data
    except NotReadableError:
        return otherwise


def _is_on_log_branch(guard: TextGuard) -> bool:
    """Return whether the worktree that has the file has the branch of the log checked out, or a commit of it."""
    return is_head_in_branch(guard.repository, guard.repository.git_dir / "HEAD")


def _take_back(log: "LogFile", guard: TextGuard, tell: Tell) -> None:
    """Merge what was set aside while the branch of the log was checked out into the log."""
    aside = guard.read_aside()
    if aside is None:
        return
    merged = merge_text(log, log.path, log.name, aside)
    guard.drop_aside()
    if merged.conflicts:
        tell(f"{log.path.name} has conflicts with what was committed on {LOG_BRANCH}; resolve them in the file.")


def _move_aside(log: "LogFile", repository: Repository, guard: TextGuard, kept: bytes, tell: Tell) -> None:
    """Give a log another name, because git has checked out a file of that name over it.

    What somebody has added to the checked-out file since is merged into the log.
    """
    old = log.path
    with hold_files(log):
        if follow_rename(log, repository):
            return
        base = read_file_at(guard.repository, "HEAD", log.name) or b""
        now = _read_now(log, base)
        merged = merge(base, kept, now, log.config, clock.now())
        rename_apart(log, repository, guard.repository, kept if merged.conflicts else merged.data)
    where = shorten_path(str(log.path.absolute()))
    tell(
        f"git has checked out a file over {old.name}, so the log is now {where}; nothing in it was lost. "
        f"`git rm {old.name}` takes the other file out of this branch."
    )
    if merged.conflicts:
        tell(f"{old.name} was changed after that, and could not be merged into the log: see `git diff -- {old.name}`.")
