"""The hooks about a commit's message: the active step is put before it, and what it names is looked up."""

import os
import re
from pathlib import Path

from orglab.experiment.lookup import nearest_ids
from orglab.git import message
from orglab.git.staged import read_staged_file
from orglab.hooks.hook import REFUSED, Hook, say
from orglab.org.document import Document
from orglab.reference import Reference


def prepare_commit_msg(hook: Hook) -> int:
    """Put the active step before the subject, if the message names none."""
    path, source = Path(hook.arguments[0]), (*hook.arguments, "")[1]
    text = path.read_bytes()
    mark = _mark(hook, text)
    said = message.content(text, mark)
    ref = hook.active
    is_empty = source == "message" and not said.strip()
    if ref is None or is_empty or message.is_reused(said) or _counted(hook, said):
        return 0
    reference = _parse(hook, ref)
    title = hook.title_of(reference) if reference else None
    if title is None:
        say(f"The active step {ref} is not in {hook.log} any more, so the message does not name it.")
        return 0
    path.write_bytes(message.with_reference(text, ref, mark))
    # A template may stand in the message as it is; whether it says something is looked at afterwards.
    hook.remember_said({} if source == "template" else {ref: title})
    return 0


def _parse(hook: Hook, ref: str) -> Reference | None:
    """Return the reference that the active step is."""
    found = message.named_in(f"[{ref}]".encode(), hook.letter)
    return found[0] if found else None


def _mark(hook: Hook, text: bytes) -> bytes | None:
    """Return what begins a comment in the text of a message; None where no editor shows it, for then git keeps all."""
    if os.environ.get("GIT_EDITOR") == ":":
        return None
    told = hook.repository.read("config", "--get-regexp", r"^core\.comment(char|string)$") or b""
    setting = told.rstrip(b"\n").rpartition(b"\n")[2].partition(b" ")[2].decode("utf-8", "surrogateescape")
    return message.comment_mark(text, setting or "#")


def _counted(hook: Hook, said: bytes) -> list[Reference]:
    """Return the references in a message; `[eval]` is a word, unless there is an experiment of that name."""
    found = message.named_in(said, hook.letter)
    return [one for one in found if re.search(r"\d", one.id) or hook.title_of(one) is not None]


def commit_msg(hook: Hook) -> int:
    """Look up what a message names, and warn, or refuse, if the log does not have it."""
    path = Path(hook.arguments[0])
    text = path.read_bytes()
    mark = _mark(hook, text)
    said = message.content(text, mark)
    if mark is not None and _says_nothing(hook, said):
        # With nothing in it git gives up, as it would have without our reference.
        path.write_bytes(b"")
        return 0
    references = _counted(hook, said)
    known = hook.known(references)
    unknown = [one for one in references if one.spell(hook.letter) not in known]
    if unknown and hook.config.hooks.references != "off":
        staged = _staged(hook)
        unknown = [one for one in unknown if hook.title_of(one, staged) is None]
        for reference in unknown:
            say(_unknown(hook, reference))
        if unknown and hook.config.hooks.references == "refuse":
            say(f"So the commit was refused; its message is kept: git commit -e -F {path}")
            return REFUSED
    hook.remember_said(known)
    return 0


def _says_nothing(hook: Hook, said: bytes) -> bool:
    """Return whether a message is only the reference that we put there, with an untouched template at most."""
    ref = hook.active
    if ref is None or f"[{ref}]".encode() not in said:
        return False
    rest = message.without_references(said, [ref])
    if not rest:
        return True
    template = hook.repository.read("config", "--type=path", "commit.template")
    if not template:
        return False
    try:
        text = Path(os.fsdecode(template.rstrip(b"\n"))).read_bytes()
    except OSError:
        return False
    return rest == message.content(text, _mark(hook, text) or b"#").strip()


def _staged(hook: Hook) -> Document:
    """Return the log as it is in the index: an experiment may be committed that the working tree has no more."""
    text = read_staged_file(hook.repository, hook.paths[0], hook.environment) if hook.paths else None
    return hook.parse(text or b"")


def _unknown(hook: Hook, reference: Reference) -> str:
    """Say that the log does not have something, and what it has that is near."""
    ref = reference.spell(hook.letter)
    experiments = {one.id: one for one in hook.file.read_experiments(hook.document)}
    if (experiment := experiments.get(reference.id)) is not None:
        steps = len(experiment.steps)
        have = f"it has {steps} step{'' if steps == 1 else 's'}" if steps else "it has no steps"
        return f"The message names [{ref}], and there is no such step of {experiment.ref} in {hook.log}: {have}."
    near = " or ".join(hook.letter + name for name in nearest_ids(reference.id, experiments))
    hint = f"; did you mean {near}?" if near else "."
    return f"The message names [{ref}], and there is no experiment {hook.letter}{reference.id} in {hook.log}{hint}"
