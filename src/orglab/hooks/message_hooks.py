"""The hooks for commit messages: prepare-commit-msg adds the active step, and commit-msg checks the references."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.git import message
from orglab.hooks.hook import REFUSED, Hook, print_message

if TYPE_CHECKING:
    from orglab.experiment.resolved import Resolved


def prepare_commit_msg(hook: Hook) -> int:
    """Add the active step to the message, if it names no step or experiment."""
    path, source = Path(hook.arguments[0]), (*hook.arguments, "")[1]
    text = path.read_bytes()
    mark = _find_comment_mark(hook, text)
    content = message.strip_comments(text, mark)
    ref = hook.log.active.get()
    is_final = mark is None and not content.strip()
    if ref is None or is_final or message.is_reused(content) or any(hook.log.find_named(content)):
        return 0
    titles = hook.log.find_named(f"[{ref}]".encode()).titles
    if not titles:
        print_message(f"The active step {ref} is no longer in {hook.log.path}, so it was not added to the message.")
        return 0
    if source == "template" or message.is_empty(content):
        hook.write_initial_message(ref, content)
    path.write_bytes(message.add_references(text, [ref], hook.log.config.hooks.position, mark))
    hook.write_named_references(titles)
    return 0


def _find_comment_mark(hook: Hook, text: bytes) -> bytes | None:
    """Return the prefix of comments in a message; None if no editor is used, because then git keeps everything."""
    is_edited = os.environ.get("GIT_EDITOR") != ":"
    end = text.rstrip(b"\n").rpartition(b"\n")[2]
    if not is_edited and re.search(rb"\w", end) and b" >8 -" not in text:
        return None
    mark = message.find_comment_prefix(text, hook.commit.read_setting(r"^core\.comment(char|string)$") or "#")
    # git sets this editor if it starts none.  If it is the user's, git's comments are there, which end in an empty one.
    return mark if is_edited or end == mark or message.has_scissors(text, mark) else None


def commit_msg(hook: Hook) -> int:
    """Warn about references in the message that are not in the log, or refuse the commit."""
    path = Path(hook.arguments[0])
    text = path.read_bytes()
    mark = _find_comment_mark(hook, text)
    content = message.strip_comments(text, mark)
    initial = hook.read_initial_message()
    if initial is not None:
        original = message.remove_reference(text, initial[0])
        rest = message.strip_comments(original, mark)
        if original != text and (message.is_empty(rest) or rest.split() == initial[1].split()):
            # Nothing was written, so git decides about the message as it would have without the added reference.
            path.write_bytes(original)
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
