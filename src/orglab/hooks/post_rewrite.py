"""The hook about commits that became others: git tells which once; we write it down, and the log follows."""

import re
import sys

from orglab.git.rewrites.rewrite_map import KINDS, append_rewrites
from orglab.hooks.hook import Hook, print_message

_PAIR = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64})(?: .*)?")


def post_rewrite(hook: Hook) -> int:
    """Write down what git tells (githooks(5), "post-rewrite"), and have the log follow."""
    kind = hook.arguments[0] if hook.arguments else ""
    told = sys.stdin.buffer.read().decode("ascii", "replace").split("\n")
    pairs = [(match[1], match[2]) for line in told if (match := _PAIR.fullmatch(line)) and match[1] != match[2]]
    if kind not in KINDS or not pairs:
        return 0
    # First, for what is checked out may have no log, and git tells it but once.
    append_rewrites(hook.commit.repository, kind, pairs)
    path = hook.log.path
    followed = hook.log.follow_rewrites({old for old, _ in pairs})
    for old, new in followed:
        print_message(f"{path}: {old} lives on as {new}.")
    if followed:
        print_message(f"{path} has the new hashes now; commit it with: orglab commit")
    return 0
