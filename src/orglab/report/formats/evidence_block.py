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
from collections.abc import Iterator, Mapping
from typing import Any

_BEGIN, _END = "orglab-evidence-1:", ":end"
# Allows line breaks, mail quoting, and the comment characters of Org.
_BLOCK = re.compile(rb"orglab-evidence-1:([A-Za-z0-9+/\s#>|]*):end")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_WIDTH = 72
# Larger data is not the evidence of a report, and might exhaust memory.
_MAX_SIZE = 64_000_000
_MAX_PARTS = 10_000


def pack(evidence: Mapping[str, object]) -> str:
    """Return evidence as a block of lines for a comment or an attachment."""
    text = json.dumps(evidence, ensure_ascii=True, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode(), 6)).decode().rstrip("=")
    lines = (packed[at : at + _WIDTH] for at in range(0, len(packed), _WIDTH))
    return "\n".join((_BEGIN, *lines, _END))


def read_evidence(content: bytes) -> dict[str, Any] | None:
    """Return the evidence in a report of any format; None if there is none or it is damaged."""
    for part in _parts(content):
        for match in _BLOCK.finditer(part):
            evidence = _unpack(match.group(1))
            if evidence is not None:
                return evidence
    return None


def _parts(content: bytes) -> Iterator[bytes]:
    """Yield the bytes to search: the file, the streams of a PDF, the parts of a docx."""
    yield content
    if content.startswith(b"%PDF-"):
        for index, match in enumerate(_STREAM.finditer(content)):
            if index >= _MAX_PARTS:
                return
            yield _inflate(match.group(1)) or b""
    elif content.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as parts:
                for part in parts.infolist()[:_MAX_PARTS]:
                    if part.filename.startswith("customXml/") and part.file_size <= _MAX_SIZE:
                        yield parts.read(part)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError):
            return


def _inflate(data: bytes) -> bytes | None:
    """Return decompressed data, at most as much as evidence may have; None if it is not zlib data."""
    try:
        return zlib.decompressobj().decompress(data, _MAX_SIZE)
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
