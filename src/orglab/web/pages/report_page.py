"""The page of a report of any period, and its files to download; looking at one does not count as writing it."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from orglab.errors import OrglabError, UsageError
from orglab.report.content.layout import lay_out
from orglab.report.content.statements import Report
from orglab.report.formats.export import EXTENSIONS, write_document
from orglab.web.site import Page, View

_NAME = "report"
BINARY = (".pdf", ".docx")
"""The formats in which the appendix is not folded, and so is left out."""


def make_report_page(view: View) -> Page:
    """Return the report of the period that is asked for, or why there is none."""
    asked = {name: view.first(name) for name in ("since", "until", "what")}
    values: dict[str, object] = {"asked": asked, "problem": "", "report": None, "formats": EXTENSIONS}
    try:
        report = read_report(view)
    except OrglabError as error:
        return Page("report.html", "Report", {**values, "problem": str(error)})
    document = lay_out(report, with_appendix=True)
    values |= {"report": report, "title": document.title, "subtitle": document.subtitle, "query": view.with_query()}
    return Page("report.html", "Report", {**values, "body": view.text.blocks(document.blocks)})


def read_report(view: View) -> Report:
    """Return the report of the period that is asked for.

    Raises:
        OrglabError: There is no such period or experiment.
    """
    what = view.first("what").split()
    return view.log.report(_join_match(what), since=view.first("since") or None, until=view.first("until") or None)


def _join_match(words: Sequence[str]) -> list[str]:
    return [word.strip(",") for word in words if word.strip(",")]


def write_report_file(view: View, extension: str) -> tuple[str, bytes]:
    """Return the name and the content of the report as a file; with its pictures in an archive if it has some.

    Raises:
        OrglabError: There is no such period, or a library that the format needs is not installed.
    """
    if extension not in EXTENSIONS:
        raise UsageError(f"Unknown report format {extension}; use {', '.join(EXTENSIONS)}.")
    document = lay_out(read_report(view), with_appendix=extension not in BINARY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{_NAME}{extension}")
        write_document(document, path)
        files = sorted(one for one in Path(folder).rglob("*") if one.is_file() and not one.name.startswith("."))
        if files == [path]:
            return path.name, path.read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in files:
                archive.write(one, one.relative_to(folder))
        return f"{_NAME}{extension}.zip", packed.getvalue()
