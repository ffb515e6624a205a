"""The text of a commit message: its comments, the references in it, and the steps that it completes.

References are in brackets anywhere, `[e201.1]`, or without them in a trailer, `Refs: e201.1, e202`
(git-interpret-trailers(1)).
"""

import re
from collections.abc import Iterable, Sequence

from orglab.reference import Reference, find_references

TRAILER = "Refs:"
"""The beginning of the trailer with references."""
# The characters that git tries for core.commentChar=auto, in order (builtin/commit.c, adjust_comment_line_char).
_COMMENT_CHARS = b"#;@!$%^&|:"
_REUSED = (b"fixup! ", b"squash! ", b"amend! ", b'Revert "', b'Reapply "')
# Compiled on first use: most hooks need neither.
_SCISSORS = rb"(?m)^(.+) -{24} >8 -{24}$"
_TYPE = re.compile(rb"[A-Za-z][A-Za-z0-9_-]*(?:\([^()\r\n]*\))?!?:(?: +|$)", re.MULTILINE)
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


def has_scissors(text: bytes, mark: bytes) -> bool:
    """Return whether a message has a scissors line, below which git ignores everything."""
    return _find_end(text, mark) < len(text)


def is_reused(text: bytes) -> bool:
    """Return whether a message is that of a fixup, squash, amend or revert of another commit."""
    return text.lstrip().startswith(_REUSED)


def is_empty(text: bytes) -> bool:
    """Return whether git aborts a commit with this message without comments: it is empty, or only signed off."""
    return all(not line.strip() or line.startswith(b"Signed-off-by: ") for line in text.splitlines())


def add_references(text: bytes, references: Sequence[str], position: str, mark: bytes | None = None) -> bytes:
    """Return a message with references where the settings want them; without references, the message as it is.

    Args:
        text: The whole text.
        references: The references, such as `e201.1`.
        position: `start` puts `[e201.1] ` before the subject; `after-type` puts it after the type, as in
            `feat: [e201.1] tune`, if the subject begins with one; `trailer` adds `Refs: e201.1` to the trailers.
        mark: As for `strip_comments`.
    """
    if not references:
        return text
    if position == "trailer":
        return _add_trailer(text, ", ".join(references).encode(), mark)
    # Separated by blanks: in `[e201][e202]` neither is a reference.
    names = b" ".join(b"[%b]" % reference.encode() for reference in references) + b" "
    at = _find_subject(text, mark)
    if at is None:
        return names + b"\n" + text
    kind = _TYPE.match(text, at) if position == "after-type" else None
    if kind is None:
        return text[:at] + names + text[at:]
    blank = b"" if kind[0].endswith(b" ") else b" "
    return text[: kind.end()] + blank + names + text[kind.end() :]


def _find_subject(text: bytes, mark: bytes | None) -> int | None:
    """Return where the subject begins or should be written: on the first blank line if there is none, or nowhere."""
    content = strip_comments(text, mark)
    if is_empty(content) or (content.startswith(b"\n") and _is_block(content.split(b"\n"))):
        content = b""
    at, blank = 0, None
    for line in text[: len(text) if mark is None else _find_end(text, mark)].splitlines(keepends=True):
        if mark is None or not line.startswith(mark):
            if not line.strip():
                blank = at if blank is None else blank
            elif content:
                return at
        at += len(line)
    return blank


def _add_trailer(text: bytes, names: bytes, mark: bytes | None) -> bytes:
    """Return a message with the trailer `Refs: NAMES`, or with the names added to the last such trailer."""
    content = strip_comments(text, mark)
    start, end = find_trailers(content)
    found = [*_TRAILER_LINE.finditer(content, start, end)]
    at, position = 0, 0
    for line in text[: len(text) if mark is None else _find_end(text, mark)].splitlines(keepends=True):
        position += len(line)
        if line.strip() and (mark is None or not line.startswith(mark)):
            at = position - len(line) + len(line.rstrip(b"\r\n"))
    value = found[-1][0].rstrip() if found and found[-1][1].strip() else b""
    if value and (begin := text.rfind(value, 0, at)) >= 0:
        return text[: begin + len(value)] + b", " + names + text[begin + len(value) :]
    line = TRAILER.encode() + b" " + names
    if not content.strip():
        return b"\n\n" + line + b"\n" + (text if text.startswith(b"\n") else b"\n" + text)
    gap = b"\n" if start < end else b"\n\n"
    return text[:at] + gap + line + (text[at:] or b"\n")


def remove_reference(text: bytes, reference: str) -> bytes:
    """Return a message without a reference that `add_references` has added."""
    name = re.escape(reference.encode())
    text, count = re.subn(rb"\[%b\] ?" % name, b"", text, count=1)
    if count:
        return text
    trailer = re.escape(TRAILER.encode())
    text, count = re.subn(rb"(?m)^%b[ \t]*%b[ \t]*(?:\n|\Z)" % (trailer, name), b"", text, count=1)
    return text if count else re.sub(rb"(?m)^(%b.*),[ \t]*%b[ \t]*$" % (trailer, name), rb"\1", text, count=1)


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
    # A message that is one paragraph has a subject and no trailers; one that begins with a blank line, no subject yet.
    return (start, end) if _is_block(lines) and (text[:start].strip() or text.startswith(b"\n")) else (end, end)


def _is_block(lines: Iterable[bytes]) -> bool:
    """Return whether the lines of a paragraph are trailers."""
    lines = [line for line in lines if line.strip()]
    generated = sum(line.startswith(_GENERATED) for line in lines)
    keys = sum(re.match(_KEY, line) is not None or line.startswith(_GENERATED) for line in lines)
    others = sum(not line.startswith((b" ", b"\t")) for line in lines) - keys
    return keys > 0 and (others == 0 or (generated > 0 and keys * 3 >= others))


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
    """Return the steps that a message completes, by a line that begins with `[e201.1] done` or `[e201.1] Results`.

    A type, as in `feat: [e201.1] done`, may come first; `Results: [e201.1] done.py` is the message of a run.
    """
    completed = []
    for line in text.splitlines():
        kind = _TYPE.match(line)
        at, references = kind.end() if kind is not None and kind[0][:1].islower() else 0, []
        for start, reference in find_references(line, letter):
            if line[at:start].strip(b" ,\t"):
                break
            at = start + len(reference.spell(letter)) + 2
            references.append(reference)
        if re.match(_DONE, line[at:].decode("utf-8", "replace")):
            completed += [reference for reference in references if reference.step is not None]
    return list(dict.fromkeys(completed))


def name_references(text: str, references: Sequence[str], position: str) -> str:
    """Return a message of orglab's own with references, as `add_references` does."""
    return add_references(text.encode("utf-8", "surrogateescape"), references, position).decode(
        "utf-8", "surrogateescape"
    )
