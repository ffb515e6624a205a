"""The hooks about a commit's message: the active step is put before it, and what it names is looked up."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.git import message
from orglab.hooks.hook import REFUSED, Hook, print_message

if TYPE_CHECKING:
    from orglab.experiment.resolved import Resolved


def prepare_commit_msg(hook: Hook) -> int:
    """Put the active step before the subject, if the message names none."""
    path, source = Path(hook.arguments[0]), (*hook.arguments, "")[1]
    text = path.read_bytes()
    mark = _mark(hook, text)
    said = message.strip_comments(text, mark)
    ref = hook.log.active.get()
    is_empty = source == "message" and not said.strip()
    if ref is None or is_empty or message.is_reused(said) or any(hook.log.find_named(said)):
        return 0
    titles = hook.log.find_named(f"[{ref}]".encode()).titles
    if not titles:
        print_message(f"The active step {ref} is not in {hook.log.path} any more, so the message does not name it.")
        return 0
    path.write_bytes(message.add_reference(text, ref, mark))
    # A template may stand in the message as it is; whether it says something is looked at afterwards.
    hook.tell_said({} if source == "template" else titles)
    return 0


def _mark(hook: Hook, text: bytes) -> bytes | None:
    """Return what begins a comment in the text of a message; None where no editor shows it, for then git keeps all."""
    if os.environ.get("GIT_EDITOR") == ":":
        return None
    told = hook.commit.repository.read("config", "--get-regexp", r"^core\.comment(char|string)$") or b""
    setting = told.rstrip(b"\n").rpartition(b"\n")[2].partition(b" ")[2].decode("utf-8", "surrogateescape")
    return message.find_comment_prefix(text, setting or "#")


def commit_msg(hook: Hook) -> int:
    """Look up what a message names, and warn, or refuse, if the log does not have it."""
    path = Path(hook.arguments[0])
    text = path.read_bytes()
    mark = _mark(hook, text)
    said = message.strip_comments(text, mark)
    if mark is not None and _says_nothing(hook, said):
        # With nothing in it git gives up, as it would have without our reference.
        path.write_bytes(b"")
        return 0
    named = hook.log.find_named(said)
    wanted = hook.log.config.hooks.references
    if named.unknown and wanted != "off":
        missing = hook.log.find_missing(named.unknown, hook.commit)
        for one in missing:
            print_message(_unknown(hook, one))
        if missing and wanted == "refuse":
            print_message(f"So the commit was refused; its message is kept: git commit -e -F {path}")
            return REFUSED
    hook.tell_said(named.titles)
    return 0


def _says_nothing(hook: Hook, said: bytes) -> bool:
    """Return whether a message is only the reference that we put there, with an untouched template at most."""
    ref = hook.log.active.get()
    if ref is None or f"[{ref}]".encode() not in said:
        return False
    rest = message.remove_references(said, [ref])
    if not rest:
        return True
    template = hook.commit.repository.read("config", "--type=path", "commit.template")
    if not template:
        return False
    try:
        text = Path(os.fsdecode(template.rstrip(b"\n"))).read_bytes()
    except OSError:
        return False
    return rest == message.strip_comments(text, _mark(hook, text) or b"#").strip()


def _unknown(hook: Hook, one: "Resolved") -> str:
    """Say that the log does not have something, and what it has that is near."""
    path, ref = hook.log.path, one.spelled
    if one.experiment is not None:
        steps = len(one.experiment.steps)
        have = f"it has {steps} step{'' if steps == 1 else 's'}" if steps else "it has no steps"
        return f"The message names [{ref}], and there is no such step of {one.experiment.ref} in {path}: {have}."
    missing = ref.partition(".")[0]
    hint = f"; did you mean {' or '.join(one.near)}?" if one.near else "."
    return f"The message names [{ref}], and there is no experiment {missing} in {path}{hint}"
