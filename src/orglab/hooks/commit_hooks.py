"""The hooks about a commit itself: log and code are kept apart, and what a commit belongs to is said."""

import os
import shlex
from pathlib import Path

from orglab.config import find_log
from orglab.errors import OrglabError
from orglab.git import message
from orglab.git.process import run_reading
from orglab.git.staged import read_staged
from orglab.hooks.hook import REFUSED, Hook, say


def pre_commit(hook: Hook) -> int:
    """Refuse, or warn of, a commit that changes the log and something else.

    The commit that first holds the log may hold other things: there is nothing yet that it could be apart from.
    """
    wanted = hook.config.hooks.separate
    if wanted == "off" or not hook.paths:
        return 0
    staged = read_staged(hook.repository, hook.environment)
    edited = [path for state, path in staged if path in hook.paths and state == "M"]
    if not edited or all(path in hook.paths for _, path in staged):
        return 0
    say(f"This commit changes {' and '.join(edited)} and other files; the log has commits of its own.")
    say(f"{_remedy(hook, edited)}")
    return REFUSED if wanted == "refuse" else 0


def _remedy(hook: Hook, edited: list[str]) -> str:
    """Return the one command that puts a mixed commit right, as it is typed where the user is."""
    here = Path(os.environ.get("GIT_PREFIX") or ".")
    if any(_is_staged_in_part(hook, path) for path in edited):
        names = " ".join(shlex.quote(os.path.relpath(path, here)) for path in edited)
        return f"Take it out of this one, then repeat your commit: git restore --staged -- {names}"
    command = "orglab commit"
    try:
        is_found = find_log(here)[0].resolve() == hook.log.resolve()
    except OrglabError:
        is_found = False
    if not is_found:
        command = f"orglab --log {shlex.quote(os.path.relpath(hook.log, here))} commit"
    return f"Commit the log first, then repeat your commit: {command}"


def _is_staged_in_part(hook: Hook, path: str) -> bool:
    """Return whether the working tree has changes of a file that the index has not."""
    asked = ("diff", "--no-ext-diff", "--no-textconv", "--quiet", "--", f":(top,literal){path}")
    return run_reading(hook.repository.folder, asked, environment=hook.environment).returncode == 1


def post_commit(hook: Hook) -> int:
    """Say what the commit belongs to, and tick the steps that it says are done, if the setting says so."""
    told = hook.repository.ask(
        "log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%H%x00%P%x00%B", "HEAD", "--",
        environment=hook.environment,
    )  # fmt: skip
    commit, parents, text = told.split(b"\0", 2)
    if "tick" not in hook.arguments:
        for ref, title in hook.known(message.named_in(text, hook.letter)).items():
            say(f"This commit belongs to {ref}  {title}")
    if hook.config.hooks.auto_done and b" " not in parents:
        _tick(hook, commit.decode(), text)
    return 0


def _tick(hook: Hook, commit: str, text: bytes) -> None:
    """Tick the steps that a message says are done, now or, where the log is held, with the next command."""
    log = hook.opened
    for reference in message.done_in(text, hook.letter):
        log.complete_later(reference, commit)
    log.tell_waiting(say)
