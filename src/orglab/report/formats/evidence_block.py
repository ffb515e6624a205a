"""The evidence stored in a report: a block of text in a comment, an attachment or a custom part.

    orglab-evidence-1:
    eJyrVspOrVSyUlAqS8wpTVWqBQAs2QVX
    :end

Between the colons is compressed JSON in base64 without padding. No format needs to escape it, no program executes it,
and it survives mail that rewraps or quotes its lines.
"""

import base64
import binascii
import io
import json
import re
import zipfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orglab.errors import NotFoundError

_BEGIN, _END = "orglab-evidence-1:", ":end"
# Allows line breaks, mail quoting, and the comment characters of Org.
_BLOCK = re.compile(rb"orglab-evidence-1:([A-Za-z0-9+/\s#>|]*):end")
_BETWEEN = re.compile(rb"[\s#>|]*")
_WIDTH = 72
PDF_MARK, ZIP_MARK = b"%PDF-", b"PK\3\4"
"""The first bytes of a PDF, and of a docx."""
# Larger data is not the evidence of a report, and might exhaust memory.
_MAX_SIZE = 64_000_000
_MAX_STREAMS = 10_000
_MAX_BLOCKS = 100
# In bytes; what has 10,000 parts needs a tenth of it.
_MAX_ZIP_DIRECTORY = 10_000_000


def pack(evidence: Mapping[str, object], between: str = "\n") -> str:
    """Return evidence as a block of lines for a comment or an attachment, with `between` between the lines."""
    text = json.dumps(evidence, ensure_ascii=True, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode(), 6)).decode().rstrip("=")
    lines = (packed[at : at + _WIDTH] for at in range(0, len(packed), _WIDTH))
    return between.join((_BEGIN, *lines, _END))


def read_evidence(content: bytes) -> dict[str, Any] | None:
    """Return the evidence in a report of any format, which is its last block; None if there is none.

    Raises:
        NotFoundError: There is one, but it is damaged.
    """
    is_damaged = False
    for part in _find_places(content):
        for match in _find_blocks(part):
            evidence = _unpack(match.group(1))
            if evidence is not None:
                return evidence
        is_damaged = is_damaged or _BEGIN.encode() in part
    if is_damaged:
        raise NotFoundError("The evidence in the report is damaged or incomplete.")
    return None


def add_to_block(content: bytes, more: Mapping[str, object]) -> bytes:
    """Return a text with more values in its evidence; a text without evidence is unchanged."""
    for match in _find_blocks(content):
        evidence = _unpack(match.group(1))
        if evidence is not None:
            between = _BETWEEN.match(match.group(1))
            block = pack({**evidence, **more}, between.group().decode() if between else "\n")
            return content[: match.start()] + block.encode() + content[match.end() :]
    return content


def remove_blocks(content: bytes) -> bytes:
    """Return a text without its blocks of evidence."""
    return _BLOCK.sub(b"", content)


def read_parts(docx: bytes, names: Iterable[str]) -> Iterator[bytes]:
    """Yield the parts of a docx that have one of some names, or begin with one that ends in a slash.

    Parts that are missing, damaged or too large are left out.
    """
    names = tuple(names)
    folders = tuple(name for name in names if name.endswith("/"))
    directory = docx.rfind(b"PK\5\6")
    is_zip64 = docx.startswith(b"PK\6\7", max(0, directory - 20))
    if is_zip64 or int.from_bytes(docx[directory + 12 : directory + 16], "little") > _MAX_ZIP_DIRECTORY:
        return
    room = _MAX_SIZE
    try:
        with zipfile.ZipFile(io.BytesIO(docx)) as parts:
            for part in parts.infolist():
                if (part.filename in names or part.filename.startswith(folders)) and part.file_size <= room:
                    room -= part.file_size
                    yield parts.read(part)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError, ValueError):
        return


def _find_blocks(content: bytes) -> Iterator[re.Match[bytes]]:
    """Return the last blocks of a text, from its end."""
    return reversed(deque(_BLOCK.finditer(content), _MAX_BLOCKS))


def _find_places(content: bytes) -> Iterator[bytes]:
    """Yield the bytes to search: the parts of a docx, the attachments of a PDF, the last one first, or the file."""
    if content.startswith(ZIP_MARK):
        yield from read_parts(content, ("customXml/",))
        return
    if content.startswith(PDF_MARK):
        end = len(content)
        for _ in range(_MAX_STREAMS):
            end = content.rfind(b"endstream", 0, end)
            begin = content.rfind(b"stream", 0, max(end, 0))
            if begin < 0:
                break
            data = content[begin + len(b"stream") : end].lstrip(b"\r\n")
            # Pictures and fonts are large, so only what begins as evidence does is decompressed as a whole.
            if _inflate(data, len(_BEGIN)) == _BEGIN.encode():
                yield _inflate(data) or b""
            end = begin
    yield content


def _inflate(data: bytes, most: int = _MAX_SIZE) -> bytes | None:
    """Return decompressed data, at most as much as evidence may have; None if it is not zlib data."""
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error:
        return None


def _unpack(block: bytes) -> dict[str, Any] | None:
    """Return the evidence in a block, or None if it is damaged."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", block)
    try:
        text = _inflate(base64.b64decode(letters + b"=" * (-len(letters) % 4)))
        evidence = json.loads(text or b"")
    except (binascii.Error, ValueError, RecursionError):
        return None
    return evidence if isinstance(evidence, dict) else None
