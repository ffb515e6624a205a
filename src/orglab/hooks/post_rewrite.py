"""The post-rewrite hook: git tells it which commits were rewritten; it records that, and updates the log."""

import re
import sys

from orglab.git.rewrites.rewrite_map import KINDS, append_rewrites
from orglab.hooks.hook import Hook, print_message

_PAIR = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64})(?: .*)?")


def post_rewrite(hook: Hook) -> int:
    """Record the rewritten commits (githooks(5), "post-rewrite"), and add their new hashes to the log."""
    kind = hook.arguments[0] if hook.arguments else ""
    lines = sys.stdin.buffer.read().decode("ascii", "replace").split("\n")
    pairs = [(match[1], match[2]) for line in lines if (match := _PAIR.fullmatch(line)) and match[1] != match[2]]
    if kind not in KINDS or not pairs:
        return 0
    # Before the log is opened: the checked-out files may have none, and git tells this only once.
    append_rewrites(hook.commit.repository, kind, pairs)
    path = hook.log.path
    rewritten = hook.log.follow_rewrites({old for old, _ in pairs})
    for old, new in rewritten:
        print_message(f"{path}: {old} is now {new}.")
    if rewritten and hook.log.is_apart:
        hook.log.keep_text(at_once=True)
    elif rewritten:
        print_message(f"{path} has the new hashes; commit it with: orglab commit")
    return 0
