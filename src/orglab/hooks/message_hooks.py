"""The hooks for commit messages: prepare-commit-msg adds the active step, and commit-msg checks the references."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.git import message
from orglab.hooks.hook import REFUSED, Hook, print_message

if TYPE_CHECKING:
    from orglab.experiment.resolved import Resolved


def prepare_commit_msg(hook: Hook) -> int:
    """Put the active step before the subject, if the message names no step or experiment."""
    path, source = Path(hook.arguments[0]), (*hook.arguments, "")[1]
    text = path.read_bytes()
    mark = _find_comment_mark(hook, text)
    content = message.strip_comments(text, mark)
    ref = hook.log.active.get()
    is_empty = source == "message" and not content.strip()
    if ref is None or is_empty or message.is_reused(content) or any(hook.log.find_named(content)):
        return 0
    titles = hook.log.find_named(f"[{ref}]".encode()).titles
    if not titles:
        print_message(f"The active step {ref} is no longer in {hook.log.path}, so it was not added to the message.")
        return 0
    path.write_bytes(message.add_reference(text, ref, mark))
    # An unchanged template makes an empty message, which commit-msg finds out.
    hook.write_named_references({} if source == "template" else titles)
    return 0


def _find_comment_mark(hook: Hook, text: bytes) -> bytes | None:
    """Return the prefix of comments in a message; None if no editor is used, because then git keeps everything."""
    if os.environ.get("GIT_EDITOR") == ":":
        return None
    printed = hook.commit.repository.read("config", "--get-regexp", r"^core\.comment(char|string)$") or b""
    setting = printed.rstrip(b"\n").rpartition(b"\n")[2].partition(b" ")[2].decode("utf-8", "surrogateescape")
    return message.find_comment_prefix(text, setting or "#")


def commit_msg(hook: Hook) -> int:
    """Warn about references in the message that are not in the log, or refuse the commit."""
    path = Path(hook.arguments[0])
    text = path.read_bytes()
    mark = _find_comment_mark(hook, text)
    content = message.strip_comments(text, mark)
    if mark is not None and _is_empty(hook, content):
        # git aborts the commit because of the empty message, as it would have without the added reference.
        path.write_bytes(b"")
        return 0
    named = hook.log.find_named(content)
    rule = hook.log.config.hooks.references
    if named.unknown and rule != "off":
        missing = hook.log.find_missing(named.unknown, hook.commit)
        for reference in missing:
            print_message(_describe_missing(hook, reference))
        if missing and rule == "refuse":
            print_message(f"Nothing was committed; edit the message and try again: git commit -e -F {path}")
            return REFUSED
    hook.write_named_references(named.titles)
    return 0


def _is_empty(hook: Hook, content: bytes) -> bool:
    """Return whether a message consists of the added reference and, at most, an unchanged template."""
    ref = hook.log.active.get()
    if ref is None or f"[{ref}]".encode() not in content:
        return False
    rest = message.remove_references(content, [ref])
    if not rest:
        return True
    template = hook.commit.repository.read("config", "--type=path", "commit.template")
    if not template:
        return False
    try:
        text = Path(os.fsdecode(template.rstrip(b"\n"))).read_bytes()
    except OSError:
        return False
    return rest == message.strip_comments(text, _find_comment_mark(hook, text) or b"#").strip()


def _describe_missing(hook: Hook, reference: "Resolved") -> str:
    """Return the message about a reference that is not in the log, with similar ones that are."""
    path, ref = hook.log.path, reference.spelled
    if reference.experiment is not None:
        steps = len(reference.experiment.steps)
        has = f"it has {steps or 'none'}"
        return f"The message names [{ref}], but {reference.experiment.ref} in {path} has no such step ({has})."
    missing = ref.partition(".")[0]
    hint = f"; did you mean {' or '.join(reference.near)}?" if reference.near else "."
    return f"The message names [{ref}], but there is no experiment {missing} in {path}{hint}"
