"""The hook about commits that became others: git tells which once; we write it down, and the log follows."""

import fcntl
import os
import re
import sys

from orglab.hooks.hook import Hook, say

_PAIR = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64})(?: .*)?")
_KINDS = ("amend", "rebase")


def post_rewrite(hook: Hook) -> int:
    """Append what git tells (githooks(5), "post-rewrite") to `orglab/rewrites` of the git directory, a line a pair.

    A line is `old new kind`, and the file only grows: it is shared by all worktrees, and whoever reads it follows
    a hash from line to line.
    """
    kind = hook.arguments[0] if hook.arguments else ""
    pairs = [match.groups() for line in sys.stdin.buffer if (match := _PAIR.fullmatch(line.rstrip(b"\n")))]
    lines = b"".join(b"%b %b %b\n" % (old, new, kind.encode()) for old, new in pairs if old != new)
    if kind not in _KINDS or not lines:
        return 0
    folder = hook.repository.common_dir / "orglab"
    folder.mkdir(exist_ok=True)
    with (folder / "rewrites").open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if file.seek(0, os.SEEK_END) and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            lines = b"\n" + lines  # who wrote last was killed in the middle of a line
        while lines:
            lines = lines[os.write(file.fileno(), lines) :]
    _follow(hook, {old for old, _ in pairs})
    return 0


def _follow(hook: Hook, olds: set[bytes]) -> None:
    """Write the new hashes into the log behind those of rewritten commits that it records."""
    if any((hook.repository.git_dir / name / "autostash").exists() for name in ("rebase-merge", "rebase-apply")):
        # What git has put away of the log comes back only after this hook, and would not fit any more.
        return
    try:
        text = hook.log.read_bytes()
    except OSError:
        return
    if not any(old[:7] in text for old in olds):
        return
    mended, _ = hook.opened.fix(only=("moved-hash",))
    pairs = dict.fromkeys(f"{one.moved.hash} lives on as {one.moved.living}" for one in mended if one.moved is not None)
    for pair in pairs:
        say(f"{hook.log}: {pair}.")
    if pairs:
        say(f"{hook.log} has the new hashes now; commit it with: orglab commit")
