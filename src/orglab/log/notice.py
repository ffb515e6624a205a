"""What a command does when the log's file is not as the last command left it."""

import os
from typing import TYPE_CHECKING

from orglab import clock
from orglab.config import shorten_path
from orglab.errors import OrglabError
from orglab.git import Repository, is_installed
from orglab.git.files import read_file_at
from orglab.git.log_branch import LOG_BRANCH, is_ancestor, is_checked_out, is_in_commit
from orglab.log.apart import restore_missing
from orglab.log.losses import record_loss
from orglab.log.merge.merge import merge
from orglab.log.move import rename_apart
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
    if repository is None or not is_installed():
        return
    try:
        if log.is_apart and not os.path.lexists(log.path):
            _restore(repository, tell)
        guard = TextGuard(repository, log.path)
        kept = guard.read_kept()
        if kept is not None and not guard.is_written_in_place():
            _notice_new_file(log, repository, guard, kept, tell)
    except (OrglabError, OSError) as error:
        # Nothing that is noticed here may keep a command from doing its work.
        reason = error if isinstance(error, OrglabError) else f"{error.strerror}."
        tell(f"{log.path} has changed, and its earlier text could not be compared: {reason}")
        return
    TextGuard(repository, log.path).record()
    log.keep_text()


def _restore(repository: Repository, tell: Tell) -> None:
    """Put back files that were removed."""
    restored = restore_missing(repository)
    if restored:
        names = listed(os.path.relpath(path) for path in restored)
        tell(f"Restored {names}, which had been removed from the working tree.")


def _notice_new_file(log: "LogFile", repository: Repository, guard: TextGuard, kept: bytes, tell: Tell) -> None:
    """Find out whether git or an editor wrote the file that now has the log's name."""
    now = log.read_file().data
    if now == kept:
        return
    if log.is_apart:
        if is_in_commit(guard.repository, "HEAD", log.name) and not is_checked_out(repository, LOG_BRANCH):
            _move_aside(log, repository, guard, kept, tell)
        return
    operation = guard.find_operation()
    at_head = read_file_at(guard.repository, "HEAD", log.name)
    if operation is not None or now == at_head:
        former = guard.find_former_head()
        # What commits have taken out, as those that a merge brings, is in the history, and was meant.
        is_in_history = former is not None and is_ancestor(guard.repository, former, "HEAD")
        history = former if is_in_history else None
        record_loss(log, kept, operation or "a checkout of the file", tell, history=history)


def _move_aside(log: "LogFile", repository: Repository, guard: TextGuard, kept: bytes, tell: Tell) -> None:
    """Give a log another name, because git has checked out a file of that name over it.

    What somebody has added to the checked-out file since is merged into the log.
    """
    now, old = log.read_file().data, log.path
    base = read_file_at(guard.repository, "HEAD", log.name) or b""
    merged = merge(base, kept, now, log.config, clock.now())
    rename_apart(log, repository, guard.repository, kept if merged.conflicts else merged.data)
    where = shorten_path(str(log.path.absolute()))
    tell(f"git has checked out a file over {old.name}, so the log is now {where}; nothing in it was lost.")
    if merged.conflicts:
        tell(f"{old.name} was changed after that, and could not be merged into the log: see `git diff -- {old.name}`.")
