"""Export of a document to a file, in the format of the file's extension."""

from pathlib import Path

from orglab.errors import NotWritableError, UsageError
from orglab.report.blocks import Document
from orglab.report.formats.assets import Assets, write_atomically
from orglab.report.formats.report_seal import seal

EXTENSIONS = (".md", ".org", ".html", ".pdf", ".docx")
"""The file name extensions of the report formats."""


def _make(extension: str, document: Document, assets: Assets) -> bytes:
    """Return the content of the file; only the module of its format is imported."""
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


def write_document(document: Document, path: Path) -> Path | None:
    """Write a document to a file, and its pictures and charts to a folder next to it if the format needs one.

    Each file is written atomically.

    Args:
        document: The document.
        path: The file, whose extension determines the format.

    Returns:
        The folder, if there is one.

    Raises:
        UsageError: There is no such format, or a program that it needs is not installed.
        NotWritableError: A file cannot be written, or a file in the folder does not belong to the report.
    """
    extension = path.suffix.lower()
    if extension not in EXTENSIONS:
        raise UsageError(f"Unknown report format: {path.name!r}; use {', '.join(EXTENSIONS)}.")
    assets = Assets(path)
    content = seal(_make(extension, document, assets))
    # Pictures first, so that the report never refers to pictures that do not exist yet.
    folder = assets.write()
    try:
        write_atomically(path, content)
    except OSError as error:
        raise NotWritableError(f"Cannot write {path}: {error.strerror}.") from error
    return folder
