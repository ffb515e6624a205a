"""The pre-commit hook, which keeps the log out of other commits, and post-commit, which shows what a commit names."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from orglab.config import find_git_dir
from orglab.errors import OrglabError
from orglab.hooks.hook import REFUSED, Hook, print_message
from orglab.settings.settings_files import find_log


def pre_commit(hook: Hook) -> int:
    """Leave the log out of a commit that changes other files too, refuse the commit, or warn about it."""
    mixture = hook.log.find_mixture(hook.commit)
    if mixture is None:
        return 0
    paths = [change.path for change in mixture.changes]
    log = " and ".join(paths)
    if mixture.rule == "leave-out" and hook.commit.leave_out(mixture.changes):
        print_message(f"Left {log} out of this commit; commit it with `{_commit_command(hook, paths)}`.")
        return 0
    if mixture.rule != "refuse":
        print_message(f"This commit changes {log} and other files; it is better to commit the log separately.")
        return 0
    print_message(f"Nothing was committed: the commit mixes {log} with other files.")
    if any(map(hook.commit.is_staged_in_part, paths)):
        here = os.environ.get("GIT_PREFIX") or "."
        names = " ".join(shlex.quote(os.path.relpath(path, here)) for path in paths)
        print_message(f"Unstage it with `git restore --staged -- {names}`, then repeat your commit.")
    else:
        print_message(f"Commit the log with `{_commit_command(hook, paths)}`, then repeat your commit.")
    return REFUSED


def restore_index(hook: Hook) -> int:
    """Stage again what the user had staged of a log that was left out: git has read what it commits."""
    hook.commit.restore_index()
    return 0


def _commit_command(hook: Hook, paths: Sequence[str]) -> str:
    """Return the command that commits the log, as typed in the user's current folder."""
    here, log = Path(os.environ.get("GIT_PREFIX") or "."), hook.log.path
    place = find_git_dir(os.fspath(log.parent))
    if place is None or not os.path.samefile(place[1], hook.commit.repository.git_dir):  # noqa: PTH121 - as pathlib does
        # orglab does not find a git directory that is elsewhere, as with `git --git-dir`.
        return f"git commit -- {' '.join(shlex.quote(os.path.relpath(path, here)) for path in paths)}"
    try:
        is_found = find_log(here)[0].resolve() == log.resolve()
    except OrglabError:
        is_found = False
    return "orglab commit" if is_found else f"orglab --log {shlex.quote(os.path.relpath(log, here))} commit"


def post_commit(hook: Hook) -> int:
    """Print what the commit belongs to, and tick the steps that its message completes, if hooks.auto_done is set."""
    commit = hook.commit.read_commit()
    if "tick" not in hook.arguments:
        for ref, title in hook.log.find_named(commit.message).titles.items():
            print_message(f"This commit belongs to {ref}  {title}")
    hook.log.complete_steps_in_message(commit, print_message)
    return keep_text(hook)


def keep_text(hook: Hook) -> int:
    """Save the text of the log in its history, which has that of a log kept apart at each commit."""
    if hook.log.is_apart:
        hook.log.notice_file(print_message)
    hook.log.keep_text(at_once=hook.log.is_apart)
    return 0
