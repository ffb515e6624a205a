"""A document as a file: the format by the ending, its pictures beside it where the format cannot hold them."""

from pathlib import Path

from orglab.errors import NotWritableError, UsageError
from orglab.report.blocks import Document
from orglab.report.formats.assets import Assets, write_atomically

EXTENSIONS = (".md", ".org", ".html", ".pdf", ".docx")
"""The endings that a report may have."""


def _make(extension: str, document: Document, assets: Assets) -> bytes:
    """Return the content of a file; what makes one format of five is imported when it is asked for."""
    if extension == ".md":
        from orglab.report.formats.to_markdown import to_markdown  # noqa: PLC0415 - see above

        return to_markdown(document, assets).encode()
    if extension == ".org":
        from orglab.report.formats.to_org import to_org  # noqa: PLC0415 - see above

        return to_org(document, assets).encode()
    if extension == ".html":
        from orglab.report.formats.to_html import to_html  # noqa: PLC0415 - see above

        return to_html(document).encode()
    if extension == ".pdf":
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
    extension = path.suffix.lower()
    if extension not in EXTENSIONS:
        raise UsageError(f"{path.name!r} ends in no format of a report; use {', '.join(EXTENSIONS)}.")
    assets = Assets(path)
    content = _make(extension, document, assets)
    # Pictures first: a report whose pictures are not there yet would be broken for whoever opens it now.
    assets.write()
    try:
        write_atomically(path, content)
    except OSError as error:
        raise NotWritableError(f"{path} could not be written: {error.strerror}.") from error
