"""A document as a file: the format by the ending, its pictures beside where the format cannot hold them."""

from pathlib import Path

from orglab.errors import NotWritableError, UsageError
from orglab.report.blocks import Document
from orglab.report.formats.attachments import Beside, write_atomically

ENDINGS = (".md", ".org", ".html", ".pdf", ".docx")
"""The endings that a report may have."""


def _make(ending: str, document: Document, beside: Beside) -> bytes:
    """Return the content of a file; what makes one format of five is imported when it is asked for."""
    if ending == ".md":
        from orglab.report.formats.to_markdown import to_markdown  # noqa: PLC0415 - see above

        return to_markdown(document, beside).encode()
    if ending == ".org":
        from orglab.report.formats.to_org import to_org  # noqa: PLC0415 - see above

        return to_org(document, beside).encode()
    if ending == ".html":
        from orglab.report.formats.to_html import to_html  # noqa: PLC0415 - see above

        return to_html(document).encode()
    if ending == ".pdf":
        from orglab.report.formats.to_pdf import to_pdf  # noqa: PLC0415 - see above

        return to_pdf(document)
    from orglab.report.formats.to_docx import to_docx  # noqa: PLC0415 - see above

    return to_docx(document)


def write_document(document: Document, path: Path) -> None:
    """Write a document to a file; it and the pictures beside it are whole, or what they were.

    Args:
        document: What is written.
        path: The file, whose ending names the format.

    Raises:
        UsageError: There is no such format, or what makes it is not installed.
        NotWritableError: The disk refuses, or a file beside it is not ours.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"{path.name!r} ends in no format of a report; use {', '.join(ENDINGS)}.")
    beside = Beside(path)
    content = _make(ending, document, beside)
    # Pictures first: a report whose pictures are not there yet would be broken for whoever opens it now.
    beside.write()
    try:
        write_atomically(path, content)
    except OSError as error:
        raise NotWritableError(f"{path} could not be written: {error.strerror}.") from error
