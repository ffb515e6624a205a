"""The hooks about a commit itself: log and code are kept apart, and what a commit belongs to is said."""

import os
import shlex
from pathlib import Path

from orglab.config import find_log
from orglab.errors import OrglabError
from orglab.hooks.hook import REFUSED, Hook, print_message


def pre_commit(hook: Hook) -> int:
    """Refuse, or warn of, a commit that changes the log and something else."""
    found = hook.log.find_mixture(hook.commit)
    if found is None:
        return 0
    print_message(f"This commit changes {' and '.join(found.paths)} and other files; the log has commits of its own.")
    if found.is_staged_in_part:
        here = os.environ.get("GIT_PREFIX") or "."
        names = " ".join(shlex.quote(os.path.relpath(path, here)) for path in found.paths)
        print_message(f"Take it out of this one, then repeat your commit: git restore --staged -- {names}")
    else:
        print_message(f"Commit the log first, then repeat your commit: {_commit_command(hook.log.path)}")
    return REFUSED if found.is_refused else 0


def _commit_command(log: Path) -> str:
    """Return the command that commits the log, as it is typed where the user is."""
    here = Path(os.environ.get("GIT_PREFIX") or ".")
    try:
        is_found = find_log(here)[0].resolve() == log.resolve()
    except OrglabError:
        is_found = False
    return "orglab commit" if is_found else f"orglab --log {shlex.quote(os.path.relpath(log, here))} commit"


def post_commit(hook: Hook) -> int:
    """Say what the commit belongs to, and tick the steps that it says are done, if the setting says so."""
    made = hook.commit.read_made()
    if "tick" not in hook.arguments:
        for ref, title in hook.log.find_named(made.message).titles.items():
            print_message(f"This commit belongs to {ref}  {title}")
    hook.log.complete_said(made, print_message)
    return 0
