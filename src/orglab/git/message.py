"""The text of a commit message: its comments, the references in it, and the steps that it completes."""

import re
from collections.abc import Iterable

from orglab.reference import Reference, find_references

# The characters that git tries for core.commentChar=auto, in order (builtin/commit.c, adjust_comment_line_char).
_COMMENT_CHARS = b"#;@!$%^&|:"
_REUSED = (b"fixup! ", b"squash! ", b"amend! ", b'Revert "', b'Reapply "')
# Compiled on first use: most hooks need neither.
_SCISSORS = rb"(?m)^(.+) -{24} >8 -{24}$"
_DONE = r"(?i)[\s:,-]*(?:done|results)\b"


def find_comment_prefix(text: bytes, setting: str) -> bytes:
    """Return the prefix of comment lines in the text that an editor shows.

    Args:
        text: The whole text.
        setting: The value of core.commentChar or core.commentString; for `auto` the prefix is found in the text.
    """
    if setting != "auto":
        return setting.encode("utf-8", "surrogateescape")
    if cut := re.search(_SCISSORS, text):
        return cut.group(1)
    last = text.rstrip(b"\n").rpartition(b"\n")[2][:1]
    return last if last and last in _COMMENT_CHARS else b"#"


def strip_comments(text: bytes, mark: bytes | None) -> bytes:
    """Return the part of a message that git keeps: without comments and everything below the scissors line.

    Args:
        text: The whole text.
        mark: The prefix of comment lines; None if no editor is used, because then git keeps everything.
    """
    if mark is None:
        return text
    text = text[: _find_end(text, mark)]
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(mark))


def _find_end(text: bytes, mark: bytes) -> int:
    """Return the index of the scissors line, or the length of the text."""
    cut = re.search(_SCISSORS, text)
    return cut.start() if cut is not None and cut.group(1) == mark else len(text)


def is_reused(text: bytes) -> bool:
    """Return whether a message is that of a fixup, squash, amend or revert of another commit."""
    return text.lstrip().startswith(_REUSED)


def add_reference(text: bytes, reference: str, mark: bytes | None) -> bytes:
    """Return a message with `[reference] ` before its subject.

    Without a subject, the reference goes on the first blank line, or on a new first line.
    """
    prefix = f"[{reference}] ".encode()
    at, blank, end = 0, None, len(text) if mark is None else _find_end(text, mark)
    for line in text[:end].splitlines(keepends=True):
        is_comment = mark is not None and line.startswith(mark)
        if not is_comment and line.strip():
            return text[:at] + prefix + text[at:]
        if not is_comment and blank is None:
            blank = at
        at += len(line)
    if blank is None:
        return prefix + b"\n" + text
    return text[:blank] + prefix + text[blank:]


def read_references(text: bytes, letter: str) -> list[Reference]:
    """Return the references in a message, without duplicates, in order."""
    return list(dict.fromkeys(reference for _, reference in find_references(text, letter)))


def read_completed_steps(text: bytes, letter: str) -> list[Reference]:
    """Return the steps that a message completes, by a line that begins with `[e201.1] done` or `[e201.1] Results`."""
    completed = []
    for line in text.splitlines():
        at, references = 0, []
        for start, reference in find_references(line, letter):
            if line[at:start].strip(b" ,\t"):
                break
            at = start + len(reference.spell(letter)) + 2
            references.append(reference)
        if re.match(_DONE, line[at:].decode("utf-8", "replace")):
            completed += [reference for reference in references if reference.step is not None]
    return list(dict.fromkeys(completed))


def remove_references(text: bytes, references: Iterable[str]) -> bytes:
    """Return a message without these references, stripped."""
    for reference in references:
        text = text.replace(f"[{reference}]".encode(), b"")
    return text.strip()
