"""The text of a commit's message while it is being written: what of it counts, and a reference put before it."""

import re
from collections.abc import Iterable

from orglab.reference import Reference, find_references

# What git takes for core.commentChar=auto, in this order (builtin/commit.c, adjust_comment_line_char).
_MARKS = b"#;@!$%^&|:"
_REUSED = (b"fixup! ", b"squash! ", b"amend! ", b'Revert "', b'Reapply "')
# Compiled when they are first needed, for most hooks need none of them.
_SCISSORS = rb"(?m)^(.+) -{24} >8 -{24}$"
_DONE = r"(?i)[\s:,-]*(?:done|results)\b"


def find_comment_prefix(text: bytes, setting: str) -> bytes:
    """Return what begins a comment in the text that an editor shows.

    Args:
        text: The whole text.
        setting: The value of core.commentChar or core.commentString; `auto` is found from what git has written.
    """
    if setting != "auto":
        return setting.encode("utf-8", "surrogateescape")
    if cut := re.search(_SCISSORS, text):
        return cut.group(1)
    last = text.rstrip(b"\n").rpartition(b"\n")[2][:1]
    return last if last and last in _MARKS else b"#"


def strip_comments(text: bytes, mark: bytes | None) -> bytes:
    """Return what git will take of a message: without comments, and without what stands below its scissors.

    Args:
        text: The whole text.
        mark: What begins a comment; None where no editor is used, for then nothing is a comment.
    """
    if mark is None:
        return text
    text = text[: _end(text, mark)]
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(mark))


def _end(text: bytes, mark: bytes) -> int:
    """Return where git stops to read."""
    cut = re.search(_SCISSORS, text)
    return cut.start() if cut is not None and cut.group(1) == mark else len(text)


def is_reused(text: bytes) -> bool:
    """Return whether a message is about another commit: a fixup, squash, amend or revert of it."""
    return text.lstrip().startswith(_REUSED)


def add_reference(text: bytes, reference: str, mark: bytes | None) -> bytes:
    """Return a message with `[reference] ` before its subject; comments stay where they are.

    Without a subject the reference stands in the first blank line, or in one before all others.
    """
    put = f"[{reference}] ".encode()
    at, blank, end = 0, None, len(text) if mark is None else _end(text, mark)
    for line in text[:end].splitlines(keepends=True):
        is_comment = mark is not None and line.startswith(mark)
        if not is_comment and line.strip():
            return text[:at] + put + text[at:]
        if not is_comment and blank is None:
            blank = at
        at += len(line)
    if blank is None:
        return put + b"\n" + text
    return text[:blank] + put + text[blank:]


def read_references(text: bytes, letter: str) -> list[Reference]:
    """Return the references in a message, each once, in the order they come."""
    return list(dict.fromkeys(reference for _, reference in find_references(text, letter)))


def read_completed_steps(text: bytes, letter: str) -> list[Reference]:
    """Return the steps that a message says are done: `[e201.1] done` or `[e201.1] Results` begins a line of it."""
    found = []
    for line in text.splitlines():
        at, references = 0, []
        for start, reference in find_references(line, letter):
            if line[at:start].strip(b" ,\t"):
                break
            at = start + len(reference.spell(letter)) + 2
            references.append(reference)
        if re.match(_DONE, line[at:].decode("utf-8", "replace")):
            found += [reference for reference in references if reference.step is not None]
    return list(dict.fromkeys(found))


def remove_references(text: bytes, references: Iterable[str]) -> bytes:
    """Return a message without these references, and without blanks around it."""
    for reference in references:
        text = text.replace(f"[{reference}]".encode(), b"")
    return text.strip()
