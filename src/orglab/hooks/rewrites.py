"""The hook about commits that became others: git tells which once, and we write it down."""

import fcntl
import os
import re
import sys

from orglab.hooks.hook import Hook

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
    return 0
