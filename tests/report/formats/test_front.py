"""The front of a report and the properties of its file: title, byline, contents, and when it was made."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta, timezone

import pytest

from orglab.report import blocks as b
from orglab.report.formats.export import EXTENSIONS, write_document
from orglab.report.formats.to_docx import to_docx
from orglab.report.formats.to_html import to_html
from orglab.report.formats.to_markdown import to_markdown
from orglab.report.formats.to_org import to_org
from orglab.report.formats.to_pdf import to_pdf
from sample_report import sample

MADE = datetime(2026, 11, 29, 10, 41, 22, tzinfo=timezone(timedelta(hours=-5)))


def front(*blocks, **options):
    """A document with everything that its front shows."""
    names = {
        "subtitle": "Since 20 November",
        "date": "29 November 2026",
        "author": "Ada Author",
        "source": "abc@65db1eb",
    }
    return b.Document("The ABC study", blocks, **names, **options)


def part_of(docx, name):
    """The text of a part of a docx."""
    with zipfile.ZipFile(io.BytesIO(docx)) as parts:
        return parts.read(name).decode()


def test_author_source_and_date_stand_below_the_title():
    line = "Ada Author · abc@65db1eb · 29 November 2026"
    assert f"# The ABC study\n\nSince 20 November\n\n{line}\n" in to_markdown(front())
    assert f">{line}</p>" in to_html(front())
    assert "#+AUTHOR: Ada Author · abc@65db1eb\n#+DATE: 29 November 2026\n" in to_org(front())
    words = re.sub("<[^>]*>", "|", part_of(to_docx(front()), "word/document.xml"))
    assert re.search(rf"The ABC study\|+Since 20 November\|+{line}", re.sub(r"\|\s+", "|", words))


def test_the_file_says_when_the_report_was_made():
    assert '<meta name="dcterms.created" content="2026-11-29T10:41:22-05:00">' in to_html(front(made=MADE))
    core = part_of(to_docx(front(made=MADE)), "docProps/core.xml")
    assert re.search(r"<dcterms:created [^>]*>2026-11-29T15:41:22Z<", core)
    assert "<dc:creator>Ada Author</dc:creator>" in core
    assert b"/CreationDate(D:20261129154122" in to_pdf(front(made=MADE)).replace(b" ", b"")


def test_a_report_without_a_time_has_none_in_its_file():
    assert "dcterms" not in to_html(front())
    assert "dcterms:created" not in part_of(to_docx(front()), "docProps/core.xml")
    assert b"/CreationDate" not in to_pdf(front())


@pytest.mark.parametrize("ending", EXTENSIONS)
def test_the_same_report_has_the_same_bytes(tmp_path, ending):
    made = [tmp_path / "a", tmp_path / "b"]
    for folder in made:
        folder.mkdir()
        write_document(sample(tmp_path), folder / f"report{ending}")
    first, second = ((folder / f"report{ending}").read_bytes() for folder in made)
    assert first == second


def test_a_docx_is_dated_as_its_report():
    with zipfile.ZipFile(io.BytesIO(to_docx(front(made=MADE)))) as parts:
        assert {entry.date_time for entry in parts.infolist()} == {(2026, 11, 29, 15, 41, 22)}
    with zipfile.ZipFile(io.BytesIO(to_docx(front(made=datetime(1970, 1, 1, tzinfo=UTC))))) as parts:
        assert {entry.date_time for entry in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def sections(count, sentences):
    """Two or more sections, each with some sentences."""
    text = b.Paragraph((b.Text("A sentence on what was learned in this experiment. " * 2),))
    return tuple(one for n in range(count) for one in (b.Heading(1, (b.Text(f"Section {n}"),)), *[text] * sentences))


def test_only_a_long_page_has_a_table_of_contents():
    assert "<nav" not in to_html(front(*sections(4, 3)))
    assert '<a href="#section-4">Section 3</a>' in to_html(front(*sections(4, 40)))
    folded = b.Details((b.Text("Appendix"),), sections(4, 40))
    assert "<nav" not in to_html(front(*sections(4, 3), folded))
    assert "<nav" not in to_html(front(*sections(4, 40), contents=False))


def test_an_author_from_right_to_left_keeps_to_himself():
    document = b.Document("T", (), author="\u05de\u05d9\u05e8\u05d4", date="20 November 2026")
    assert "<bdi>\u05de\u05d9\u05e8\u05d4</bdi> · 20 November 2026</p>" in to_html(document)
    assert "\u2068\u05de\u05d9\u05e8\u05d4\u2069 · 20 November 2026" in to_markdown(document)
