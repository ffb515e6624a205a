"""Reports as text and files: choosing the format, writing the file, remembering it, and reading its evidence back."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from orglab.errors import NotFoundError, NotWritableError, UsageError
from orglab.git.inside import read_inside, require_inside
from orglab.log.log import LogFile
from orglab.report.content.evidence import from_evidence
from orglab.report.content.layout import collect_evidence, lay_out
from orglab.report.content.statements import Report
from orglab.report.formats.assets import FOLDER_SUFFIX, compute_digest, write_atomically
from orglab.report.formats.evidence_block import read_evidence
from orglab.report.formats.export import EXTENSIONS, write_document
from orglab.report.formats.report_seal import describe_words, seal
from orglab.report.formats.template import fill_template, find_extension, require_template_inside
from orglab.report.formats.to_markdown import to_markdown
from orglab.report.last_report import LastReport, read_last, write_last
from orglab.report.stored_report import read_stored_report

MakeValues = Callable[[Report], Mapping[str, object]]
"""A function from a report to the values passed to a template."""

BINARY = (".pdf", ".docx")
"""The extensions of formats that no template can write, and in which the appendix is not folded."""
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """The format of a report.

    Attributes:
        extension: The file name extension: one of EXTENSIONS, or that of the template's output.
        template: The user's template, or None.
    """

    extension: str = ".md"
    template: Path | None = None


def choose_format(log: LogFile, out: Path | None, template: Path | None) -> ReportFormat:
    """Return the format of a report, from the extension of its file and the template for that extension.

    Args:
        log: The log, whose settings may name a template; it applies to files with the extension of its output.
        out: The file; None for standard output.
        template: A template for this report only, or None.

    Raises:
        UsageError: There is no such format, or the template is not to be read.
    """
    if template is not None:
        extension = find_extension(template)
        if out is not None and out.suffix.lower() in BINARY:
            raise UsageError(f"A template cannot write {out.suffix}; use another extension or omit --template.")
        require_inside(log.repository, template, UsageError)
        return ReportFormat(extension, template)
    if out is None:
        return ReportFormat()
    extension = out.suffix.lower()
    configured = Path(log.config.report.template) if log.config.report.template else None
    if configured is not None and find_extension(configured) == extension and extension not in BINARY:
        require_template_inside(configured, log.top)
        return ReportFormat(extension, configured)
    if extension not in EXTENSIONS:
        problem = f"Unknown report format {extension}" if extension else f"The file name {out.name!r} has no extension"
        text = "; .txt needs a template (the setting report.template)" if extension == ".txt" else ""
        raise UsageError(f"{problem}; use {', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}{text}.")
    return ReportFormat(extension)


def render_report(
    report: Report, report_format: ReportFormat, make_values: MakeValues, *, for_people: bool = False
) -> str:
    """Return a report as text: Markdown, or the output of the template.

    Args:
        report: The report.
        report_format: The format.
        make_values: Returns the values for the template; called only if there is one.
        for_people: Whether the text is only for reading, and so leaves the evidence out.

    Raises:
        OrglabError: Jinja2 is not installed.
        UsageError: The template is invalid.
    """
    if report_format.template is not None:
        text = fill_template(report, report_format.template, make_values(report))
    else:
        document = lay_out(report, with_appendix=True)
        text = to_markdown(replace(document, evidence=None) if for_people else document)
    return seal(text.encode("utf-8", "replace")).decode()


def write_report(
    log: LogFile,
    report: Report,
    path: Path,
    report_format: ReportFormat,
    make_values: MakeValues,
    *,
    with_appendix: bool = False,
) -> Path | None:
    """Write a report to a file atomically, and remember it as the last report, so that the next begins where it ends.

    A report on a part of the log is remembered only for `--check`.

    Args:
        log: The log.
        report: The report.
        path: The file.
        report_format: The format.
        make_values: Returns the values for the template; called only if there is one.
        with_appendix: Whether a PDF or docx has the appendix; other formats have it always.

    Returns:
        The folder next to it that has its pictures and charts, if there is one.

    Raises:
        NotWritableError: The file cannot be written, or a link that git tracks leads out of the repository.
        OrglabError: A library that the format needs is not installed.
        UsageError: The template is invalid, or the report is empty and the file holds something else.
    """
    for place in (path, path.with_name(f"{path.name}{FOLDER_SUFFIX}")):
        require_inside(log.repository, place)
    last = read_last(log.clone_folder)
    if report.is_empty:
        _require_nothing_lost(log, report, path, last)
    folder = None
    try:
        if report_format.template is not None:
            text = fill_template(report, report_format.template, make_values(report))
            write_atomically(path, seal(text.encode("utf-8", "replace")))
        else:
            document = lay_out(report, with_appendix=with_appendix or report_format.extension not in BINARY)
            folder = write_document(document, path)
        content = read_inside(log.repository, path, _MOST_BYTES)
    except OSError as error:
        raise NotWritableError(f"Cannot write the report to {path}: {error.strerror}.") from error
    evidence = _find_evidence(content, report, is_own=report_format.template is None)
    earlier = last.earlier if report.scope else last.add(report.period.until, report.planned_next)
    write_last(log.clone_folder, LastReport(earlier, str(path.absolute()), compute_digest(content), evidence))
    return folder


def _find_evidence(content: bytes, report: Report, *, is_own: bool) -> Mapping[str, object]:
    """Return the evidence of a report that was written: that of its file, or its own if a template left that out."""
    stored = None
    with suppress(NotFoundError):
        stored = read_evidence(content)
    if is_own and stored is not None:
        return stored
    evidence = collect_evidence(report)
    if stored is not None and stored.get("statements") == evidence["statements"]:
        return stored
    return {**evidence, **describe_words(content)}


def _require_nothing_lost(log: LogFile, report: Report, path: Path, last: LastReport) -> None:
    """Refuse to write an empty report over anything but an unchanged report that says the same.

    Raises:
        UsageError: The file holds something else.
    """
    if not path.exists():
        return
    says = [one.text for one in report.statements if one.claims]
    with suppress(NotFoundError):
        stored = read_stored_report(path, last, log.repository)
        said = [one.text for one in from_evidence(stored.evidence)]
        if said == says and stored.is_comparable and not any(stored.find_changes()):
            return
    raise UsageError(
        f"Nothing happened in this period, so {path} was not overwritten; choose another period with --since, "
        "or another file with -o."
    )
