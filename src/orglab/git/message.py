"""The text of a commit message: its comments, the references in it, and the steps that it completes.

References are in brackets anywhere, `[e201.1]`, or without them in a trailer, `Refs: e201.1, e202`
(git-interpret-trailers(1)).
"""

import re
from collections.abc import Iterable

from orglab.reference import Reference, find_references

TRAILER = "Refs:"
"""The beginning of the trailer with references."""
# The characters that git tries for core.commentChar=auto, in order (builtin/commit.c, adjust_comment_line_char).
_COMMENT_CHARS = b"#;@!$%^&|:"
_REUSED = (b"fixup! ", b"squash! ", b"amend! ", b'Revert "', b'Reapply "')
# Compiled on first use: most hooks need neither.
_SCISSORS = rb"(?m)^(.+) -{24} >8 -{24}$"
_KEY = rb"[A-Za-z0-9-]+[ \t]*:"
# With one of these lines, which git writes, a quarter of trailers is enough (trailer.c, find_trailer_start).
_GENERATED = (b"Signed-off-by: ", b"(cherry picked from commit ")
_TRAILER_LINE = re.compile(rb"(?m)^" + TRAILER.encode() + rb"(.*(?:\n[ \t]+.*)*)")
_TRAILER_WORD = rb"[\s,\[]%b([A-Za-z0-9_-]+)(?:\.([0-9]{1,9}))?(?=[\s,\]]|$)"
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


def find_trailers(text: bytes) -> tuple[int, int]:
    """Return where the trailers of a message without comments begin and end; both are the end if it has none."""
    end = len(text.rstrip())
    lines: list[bytes] = []
    start = end
    while start > 0:
        before = text.rfind(b"\n", 0, start - 1) + 1 if lines else text.rfind(b"\n", 0, start) + 1
        line = text[before:start]
        if not line.strip():
            break
        lines.append(line)
        start = before
    # A message that is one paragraph has a subject and no trailers.
    generated = sum(line.startswith(_GENERATED) for line in lines)
    keys = sum(re.match(_KEY, line) is not None or line.startswith(_GENERATED) for line in lines)
    others = sum(not line.startswith((b" ", b"\t")) for line in lines) - keys
    is_block = keys > 0 and (others == 0 or (generated > 0 and keys * 3 >= others))
    return (start, end) if is_block and text[:start].strip() else (end, end)


def read_references(text: bytes, letter: str) -> list[Reference]:
    """Return the references in a message, without duplicates, in order."""
    references = [reference for _, reference in find_references(text, letter)]
    references += [Reference(name.decode(), int(step) if step else None) for name, step in find_refs(text, letter)]
    return list(dict.fromkeys(references))


def find_refs(text: bytes, letter: str) -> list[tuple[bytes, bytes]]:
    """Return the id and the step, empty for none, of each reference in the trailers of a message."""
    # Most messages have no such line anywhere.
    if TRAILER.encode() not in text:
        return []
    pattern = _TRAILER_WORD % re.escape(letter.encode())
    start, end = find_trailers(text)
    values = (match[1] for match in _TRAILER_LINE.finditer(text, start, end))
    return [found for value in values for found in re.findall(pattern, b" " + value)]


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
