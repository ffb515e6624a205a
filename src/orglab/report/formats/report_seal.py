"""The seal of a report: what tells later whether its text was changed.

The evidence of a text or a docx also has the visible words as they were written, so that `orglab report --check` can
name what differs. A PDF ends in a comment with the digest of all that is before it:

    %orglab-sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

import hashlib
import re
from collections.abc import Mapping

from orglab.report.formats.evidence_block import PDF_MARK, ZIP_MARK, add_to_block
from orglab.report.formats.visible_words import read_words

WORDS = "words"
"""The name of the words in evidence: one text, with a space between two of them."""
_PDF_SEAL = re.compile(rb"%orglab-sha256:([0-9a-f]{64})\s*\Z")
_PDF_SEAL_LENGTH = 100


def seal(content: bytes) -> bytes:
    """Return a report as it is written; a docx has its words already, from its writer."""
    if content.startswith(PDF_MARK):
        body = content if content.endswith(b"\n") else content + b"\n"
        return body + f"%orglab-sha256:{hashlib.sha256(body).hexdigest()}\n".encode()
    if content.startswith(ZIP_MARK):
        return content
    return add_to_block(content, describe_words(content))


def describe_words(content: bytes) -> Mapping[str, str]:
    """Return what evidence has about the words of a report; nothing for a PDF."""
    found = read_words(content)
    return {} if found is None else {WORDS: " ".join(found.words)}


def is_unchanged_pdf(content: bytes) -> bool:
    """Return whether a PDF ends in the digest of all that is before it."""
    begin = max(0, len(content) - _PDF_SEAL_LENGTH)
    match = _PDF_SEAL.search(content, begin)
    return match is not None and hashlib.sha256(content[: match.start()]).hexdigest().encode() == match.group(1)
