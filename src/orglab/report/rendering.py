"""The file of a report: in which format it is written, that it is remembered, and what it carries to be checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orglab.errors import NotFoundError, NotWritableError, UsageError
from orglab.log.log import LogFile
from orglab.report.content.layout import collect_evidence, lay_out
from orglab.report.content.statements import Report
from orglab.report.formats.assets import compute_digest, write_atomically
from orglab.report.formats.evidence_block import read_evidence
from orglab.report.formats.export import EXTENSIONS, write_document
from orglab.report.formats.template import fill_template, find_extension
from orglab.report.formats.to_markdown import to_markdown
from orglab.report.last_report import LastReport, read_last, write_last

MakeValues = Callable[[Report], Mapping[str, object]]
"""From a report to the values that a template is given."""

BINARY = (".pdf", ".docx")


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """How a report is to be written.

    Attributes:
        extension: The format: one of EXTENSIONS, or of what the template makes.
        template: The template, or None for ours.
    """

    extension: str = ".md"
    template: Path | None = None


def choose_format(log: LogFile, out: Path | None, template: Path | None) -> ReportFormat:
    """Return how a report is to be written: by the ending of its file, and the template that makes such files.

    Args:
        log: The log, whose settings may name a template; it is for files with the ending of what it makes.
        out: The file; None for standard output.
        template: A template that the user names, for this one report.

    Raises:
        UsageError: There is no such format.
    """
    if template is not None:
        extension = find_extension(template)
        if out is not None and out.suffix.lower() in BINARY:
            raise UsageError(f"A template makes text, and no {out.suffix}; leave --template out.")
        return ReportFormat(extension, template)
    if out is None:
        return ReportFormat()
    extension = out.suffix.lower()
    own = Path(log.config.report.template) if log.config.report.template else None
    if own is not None and find_extension(own) == extension and extension not in BINARY:
        return ReportFormat(extension, own)
    if extension not in EXTENSIONS:
        named = f"{', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}"
        text = "; .txt needs a template (the setting report.template)" if extension == ".txt" else ""
        raise UsageError(f"A report is written to a file that ends in {named}, not {extension or 'nothing'}{text}.")
    return ReportFormat(extension)


def render_report(report: Report, form: ReportFormat, make_values: MakeValues, *, for_people: bool = False) -> str:
    """Return a report as text: Markdown, or what the template makes.

    Args:
        report: The report.
        form: How.
        make_values: Returns what a template is given; called only for one.
        for_people: Whether it is looked at, and so need not carry its evidence.

    Raises:
        OrglabError: Jinja2 is not installed.
        UsageError: The template has a mistake.
    """
    if form.template is not None:
        return fill_template(report, form.template, make_values(report))
    document = lay_out(report)
    return to_markdown(replace(document, evidence=None) if for_people else document)


def write_report(log: LogFile, report: Report, path: Path, form: ReportFormat, make_values: MakeValues) -> None:
    """Write a report to a file, whole or not at all, and remember that: the next report begins where it ends.

    A report that was narrowed to a part of the log is remembered for `--check` alone.

    Args:
        log: The log.
        report: The report.
        path: The file.
        form: How.
        make_values: Returns what a template is given; called only for one.

    Raises:
        NotWritableError: It cannot be written.
        OrglabError: A library that the format needs is not installed.
        UsageError: The template has a mistake.
    """
    try:
        if form.template is not None:
            write_atomically(path, fill_template(report, form.template, make_values(report)).encode("utf-8", "replace"))
        else:
            write_document(lay_out(report), path)
        content = path.read_bytes()
    except OSError as error:
        raise NotWritableError(f"The report cannot be written to {path}: {error.strerror}.") from error
    folder = log.clone_folder
    until = read_last(folder).until if report.scope else report.period.until
    write_last(folder, LastReport(until, str(path.absolute()), compute_digest(content), collect_evidence(report)))


def read_report_evidence(path: Path, last: LastReport) -> Mapping[str, Any]:
    """Return the evidence that a report carries, or that is remembered of it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"The report {path} cannot be read: {error.strerror}.") from error
    found = read_evidence(content)
    if found is not None:
        return found
    if last.evidence is not None and last.sha256 == compute_digest(content):
        return last.evidence
    raise NotFoundError(f"{path} holds no evidence; it was not made by `orglab report`, or that part was cut off.")
