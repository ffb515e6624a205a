"""A document as a file: the format by the ending, its pictures beside where the format cannot hold them."""

from collections.abc import Callable
from pathlib import Path

from orglab.errors import NotWritableError, UsageError
from orglab.report.blocks import Document
from orglab.report.formats.attachments import Beside, write_atomically


def _markdown(document: Document, beside: Beside) -> bytes:
    from orglab.report.formats.to_markdown import to_markdown  # noqa: PLC0415 - one format of five is asked for

    return to_markdown(document, beside).encode()


def _org(document: Document, beside: Beside) -> bytes:
    from orglab.report.formats.to_org import to_org  # noqa: PLC0415 - the same

    return to_org(document, beside).encode()


def _html(document: Document, _beside: Beside) -> bytes:
    from orglab.report.formats.to_html import to_html  # noqa: PLC0415 - the same

    return to_html(document).encode()


def _pdf(document: Document, _beside: Beside) -> bytes:
    from orglab.report.formats.to_pdf import to_pdf  # noqa: PLC0415 - the same

    return to_pdf(document)


def _docx(document: Document, _beside: Beside) -> bytes:
    from orglab.report.formats.to_docx import to_docx  # noqa: PLC0415 - the same

    return to_docx(document)


_FORMATS: dict[str, Callable[[Document, Beside], bytes]] = {
    ".md": _markdown,
    ".org": _org,
    ".html": _html,
    ".pdf": _pdf,
    ".docx": _docx,
}
ENDINGS = tuple(_FORMATS)
"""The endings that a report may have."""


def write_document(document: Document, path: Path) -> None:
    """Write a document to a file; it and the pictures beside it are whole, or what they were.

    Args:
        document: What is written.
        path: The file, whose ending names the format.

    Raises:
        UsageError: There is no such format, or what makes it is not installed.
        NotWritableError: The disk refuses, or a file beside it is not ours.
    """
    make = _FORMATS.get(path.suffix.lower())
    if make is None:
        raise UsageError(f"{path.name!r} ends in no format of a report; use {', '.join(ENDINGS)}.")
    beside = Beside(path)
    content = make(document, beside)
    # Pictures first: a report whose pictures are not there yet would be broken for whoever opens it now.
    beside.write()
    try:
        write_atomically(path, content)
    except OSError as error:
        raise NotWritableError(f"{path} could not be written: {error.strerror}.") from error
