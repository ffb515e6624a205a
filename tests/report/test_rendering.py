"""The file of a report: the format that its ending means, and what is remembered of it."""

import datetime
import json
from pathlib import Path

import pytest

from orglab.api import Log, open_log
from orglab.errors import NotFoundError, NotWritableError, UsageError
from orglab.report.last_report import LastReport, read_last
from orglab.report.progress_report import make_report
from orglab.report.rendering import BINARY, ReportFormat, choose_format, render_report, write_report
from orglab.report.report_options import ReportOptions
from orglab.report.stored_report import read_stored_report

NOW = datetime.datetime(2026, 11, 20, 12, 0)  # noqa: DTZ001 - the log holds local times


@pytest.fixture
def log(repo):
    return Log(repo.write("experiment_log.org", "* TODO [1] A :exp:\n[2026-11-19 Thu]\n* TODO [2] B :exp:\n"))


def unasked(_report):
    raise AssertionError("no template wants it")


def report(log, *references):
    return make_report(log, ReportOptions(references), NOW)


@pytest.mark.parametrize(
    ("out", "template", "wanted"),
    [
        (None, None, ReportFormat(".md", None)),
        ("week.PDF", None, ReportFormat(".pdf", None)),
        (None, "mail.txt.j2", ReportFormat(".txt", Path("mail.txt.j2"))),
        ("week.html", "page.html", ReportFormat(".html", Path("page.html"))),
    ],
)
def test_the_ending_says_the_format(log, out, template, wanted):
    assert choose_format(log, Path(out) if out else None, Path(template) if template else None) == wanted


@pytest.mark.parametrize(
    ("out", "template", "words"),
    [
        ("week.rtf", None, "Unknown report format .rtf; use .md, .org"),
        ("week", None, "'week' has no extension"),
        ("week.txt", None, ".txt needs a template"),
        ("week.pdf", "mail.txt.j2", "A template cannot write .pdf"),
    ],
)
def test_a_format_that_there_is_not_is_refused(log, out, template, words):
    with pytest.raises(UsageError, match=words):
        choose_format(log, Path(out), Path(template) if template else None)


def test_the_template_of_the_settings_is_for_files_of_its_ending(repo):
    repo.write("experiment_log.org", "* TODO [1] A :exp:\n")
    repo.write("orglab.toml", '[report]\ntemplate = "weekly.txt"\n')
    log = open_log()
    assert choose_format(log, Path("week.txt"), None).template.name == "weekly.txt"
    assert choose_format(log, Path("week.md"), None).template is None
    assert choose_format(log, None, None).template is None


def test_what_people_look_at_carries_no_evidence(log):
    made = report(log)
    whole, looked_at = (render_report(made, ReportFormat(), unasked, for_people=one) for one in (False, True))
    assert whole.startswith(looked_at.rstrip())
    assert len(whole) > len(looked_at) + 100


def test_a_report_that_is_written_is_remembered_and_one_on_a_part_moves_nothing(log):
    write_report(log, report(log), Path("week.md"), ReportFormat(), unasked)
    last = read_last(log.clone_folder)
    assert ([one.until for one in last.earlier], last.file) == ([NOW], str(Path("week.md").absolute()))
    later = make_report(log, ReportOptions(["1"]), NOW + datetime.timedelta(days=1))
    write_report(log, later, Path("part.md"), ReportFormat(), unasked)
    assert [one.until for one in read_last(log.clone_folder).earlier] == [NOW]
    assert read_last(log.clone_folder).file.endswith("part.md")


def test_a_report_that_cannot_be_written_is_not_remembered(log):
    with pytest.raises(NotWritableError, match="Cannot write"):
        write_report(log, report(log), Path("missing/week.md"), ReportFormat(), unasked)
    assert read_last(log.clone_folder).file is None


def test_evidence_is_in_the_file_or_remembered_of_it(log):
    path = Path("week.txt")
    Path("bare.txt").write_text("{{ title }}")
    write_report(log, report(log), path, ReportFormat(".txt", Path("bare.txt")), lambda _: {"title": "A title"})
    last = read_last(log.clone_folder)
    assert read_stored_report(path, last, None).evidence == last.evidence
    assert not [*read_stored_report(path, last, None).find_changes()]
    path.write_text("A titel")
    (change,) = read_stored_report(path, last, None).find_changes()
    assert change.message == '"A titel": "titel" was "title" when the report was written'
    Path("other.txt").write_text("something else")
    with pytest.raises(NotFoundError, match="contains no evidence"):
        read_stored_report(Path("other.txt"), last, None)
    with pytest.raises(NotFoundError, match="Cannot read"):
        read_stored_report(Path("none.md"), last, None)


@pytest.mark.parametrize("extension", [".md", ".org", ".html", ".pdf", ".docx"])
def test_the_appendix_is_in_every_format_but_in_a_pdf_and_docx_only_on_request(log, extension):
    sizes = []
    for with_appendix in (False, True):
        made = report(log)
        write_report(log, made, Path(f"w{extension}"), ReportFormat(extension), unasked, with_appendix=with_appendix)
        sizes.append(Path(f"w{extension}").stat().st_size)
    assert (sizes[1] > sizes[0]) == (sizes[1] != sizes[0]) == (extension in BINARY)


EMPTY = ReportOptions(since="2020-01-01", until="2020-01-31")


@pytest.mark.parametrize("there", ["report", "by hand", "empty, then by hand"])
def test_an_empty_report_overwrites_nothing(log, there):
    path = Path("week.md")
    if there == "by hand":
        path.write_text("My notes.\n")
    elif there == "report":
        write_report(log, report(log), path, ReportFormat(), unasked)
    else:
        write_report(log, make_report(log, EMPTY, NOW), path, ReportFormat(), unasked)
        path.write_text(path.read_text() + "My notes.\n")
    before, last = path.read_bytes(), read_last(log.clone_folder)
    with pytest.raises(UsageError, match=r"Nothing happened in this period, so week\.md was not overwritten"):
        write_report(log, make_report(log, EMPTY, NOW), path, ReportFormat(), unasked)
    assert path.read_bytes() == before
    assert read_last(log.clone_folder) == last


@pytest.mark.parametrize("extension", [".md", ".html", ".pdf", ".docx"])
def test_an_empty_report_overwrites_an_empty_one(log, extension):
    for day in (0, 1):
        made = make_report(log, EMPTY, NOW + datetime.timedelta(days=day))
        write_report(log, made, Path(f"week{extension}"), ReportFormat(extension), unasked)
    assert read_last(log.clone_folder).file.endswith(extension)


def test_the_last_report_is_not_written_or_read_through_a_link(log, tmp_path):
    outside = tmp_path / "precious"
    outside.write_text(json.dumps({"until": "2026-01-01", "file": "x", "sha256": "", "evidence": {}}))
    before = outside.read_text()
    log.clone_folder.mkdir(exist_ok=True)
    (log.clone_folder / "last_report.json").symlink_to(outside)
    assert read_last(log.clone_folder) == LastReport()
    write_report(log, report(log), Path("week.md"), ReportFormat(), unasked)
    assert outside.read_text() == before
    assert [one.until for one in read_last(log.clone_folder).earlier] == [NOW]
