"""Lines without markers, folded blocks, and the direction of text, in the formats that have them."""

import io
import re
import subprocess
import zipfile

import pytest
from markdown_it import MarkdownIt

from orglab.report import blocks as b
from orglab.report.charts import chart_table
from orglab.report.formats.export import write_document
from orglab.report.formats.to_docx import find_pandoc, to_docx
from orglab.report.formats.to_html import to_html
from orglab.report.formats.to_markdown import to_markdown
from orglab.report.formats.to_org import to_org
from orglab.report.formats.to_pdf import to_pdf
from orglab.report.formats.writer import is_right_to_left, split_line
from sample_report import sample, timeline, wide_table

ZERO_WIDTH = "\u200b"


def words(text):
    """A paragraph."""
    return b.Paragraph((b.Text(text),))


def finding(text, end="e1"):
    """A line with a sign and a small end."""
    sign = b.Badge("supported", "good", is_sign=True)
    return b.ListItem((b.Paragraph((sign, b.Text(f" {text} "), b.Small((b.Text(end),)))),))


def document(*blocks):
    """A document without a title."""
    return b.Document("", blocks, contents=False)


FINDINGS = b.List((finding("Copies help"), finding("Copies help twice")), "plain")
APPENDIX = b.Details((b.Text("Appendix & more"),), (b.Heading(2, (b.Text("Runs"),), "runs"), words("Inside"), b.Heading(2, (b.Text("Notes"),))))  # fmt: skip


def test_a_line_has_a_sign_a_text_and_an_end():
    sign, content, end = split_line(finding("Copies help"))
    assert (sign.text, b.plain(content), b.plain((end,))) == ("supported", "Copies help", "e1")
    sign, content, end = split_line(finding("Copies help", "evidence of many words " * 3))
    assert end is None
    assert b.plain(content).startswith("Copies help evidence")
    assert split_line(b.ListItem((b.Rule(),))) == (None, (), None)


def test_a_finding_has_one_marker():
    assert to_markdown(document(FINDINGS)) == "● Copies help e1\n\n● Copies help twice e1\n"
    assert "\n\n● Copies help e1\n\n● Copies help twice e1\n" in to_org(document(FINDINGS))
    page = to_html(document(FINDINGS))
    assert page.count('<ul class="plain signed">') == 1
    assert page.count('<small class="end">e1</small>') == 2
    read = subprocess.run([find_pandoc(), "--from=docx", "--to=json"], input=to_docx(document(FINDINGS)), capture_output=True, check=True)  # fmt: skip
    assert b"BulletList" not in read.stdout
    assert to_pdf(document(FINDINGS)).startswith(b"%PDF")


def test_the_lines_of_a_finding_in_word_align_after_its_sign():
    with zipfile.ZipFile(io.BytesIO(to_docx(document(FINDINGS)))) as parts:
        body, styles = (parts.read(f"word/{name}.xml").decode() for name in ("document", "styles"))
    assert body.count('<w:pStyle w:val="ReportSignedLine" />') == 2
    assert body.count("<w:tab/>") == 4
    assert re.search(r'w:styleId="ReportSignedLine".*?w:hanging="312"', styles)
    assert len(re.findall('w:styleId="([^"]*)"', styles)) == len(set(re.findall('w:styleId="([^"]*)"', styles)))


def test_a_table_too_wide_for_paper_is_a_list_there():
    with zipfile.ZipFile(io.BytesIO(to_docx(document(wide_table())))) as parts:
        body = parts.read("word/document.xml").decode()
    assert "<w:tbl>" not in body
    assert body.count("parameter_12") == 2
    assert "<table>" in to_html(document(wide_table()))


def test_columns_in_word_are_as_wide_as_their_words():
    rows = tuple(
        ((b.Text(f"2026112{n}-154015-2d0704"),), (b.Text("python train.py --seed 1 " * 4),), (b.Text("5.7 s"),))
        for n in range(3)
    )
    table = b.Table(tuple((b.Text(word),) for word in ("Run", "Command", "Duration")), rows)
    with zipfile.ZipFile(io.BytesIO(to_docx(document(table)))) as parts:
        widths = [
            int(width) for width in re.findall(r'<w:gridCol w:w="(\d+)"', parts.read("word/document.xml").decode())
        ]
    # About 95 twentieths of a point for a character of 9 points.
    assert widths[0] > 22 * 85
    assert widths[2] > 8 * 85
    assert widths[1] > widths[0] > widths[2]


# ---- folded ----


def test_the_appendix_is_folded_with_its_headings():
    assert '<details class="section"><summary><h2 id="section-1" dir="auto">Appendix &amp; more</h2></summary><h3 id="runs"' in to_html(document(APPENDIX))  # fmt: skip
    org = to_org(document(APPENDIX))
    assert "* Appendix & more\n:PROPERTIES:\n:VISIBILITY: folded\n:END:\n\n** Runs\n" in org
    text = to_markdown(document(APPENDIX))
    assert text.startswith("<details>\n<summary><b>Appendix &amp; more</b></summary>\n\n### Runs\n")
    assert text.endswith("\n\n</details>\n")


def test_markdown_is_read_inside_of_what_is_folded(tmp_path):
    write_document(b.Document("T", (b.Chart(timeline(), "Time"), APPENDIX)), tmp_path / "report.md")
    tokens = MarkdownIt("commonmark").enable("table").parse((tmp_path / "report.md").read_text())
    kinds = [token.type for token in tokens]
    assert kinds.count("table_open") == 1
    assert kinds.count("heading_open") == 3
    assert [token.content.split("\n")[0] for token in tokens if token.type == "html_block"] == ["<details>", "</details>"] * 2  # fmt: skip


def test_without_pictures_the_data_of_a_chart_is_not_folded():
    chart = b.Chart(timeline(), "Time")
    assert "<details>" not in to_markdown(document(chart))
    assert ":DATA:" not in to_org(document(chart))


def test_a_drawer_does_not_end_early():
    code = b.CodeBlock("a\n:END:\nb")
    assert ":DETAILS:" not in to_org(document(b.Details((b.Text("More"),), (code,))))
    assert ":DETAILS:\nc\n:END:" in to_org(document(b.Details((b.Text("More"),), (words("c"),))))


def test_word_and_pdf_have_the_data_of_charts_in_the_appendix_alone():
    chart = b.Chart(timeline(), "Time")
    cell = b.plain(chart_table(chart).rows[-1][2])
    for blocks, times in (((chart,), 0), ((chart, APPENDIX), 1)):
        with zipfile.ZipFile(io.BytesIO(to_docx(document(*blocks)))) as parts:
            assert parts.read("word/document.xml").decode().count(f">{cell}<") == times


# ---- Org ----


@pytest.mark.parametrize(
    "text", ["+2.7 points (+2.1 to +3.2)", "from /tmp to +5", "<5 of ~20 runs", "a = +1, help: -2"]
)
def test_org_has_no_zero_width_space_in_numbers(text):
    assert ZERO_WIDTH not in to_org(document(words(text)))
    label = b.Paragraph((b.Strong((b.Text("Risk"),)), b.Text(f" {text}")))
    assert ZERO_WIDTH not in to_org(document(label))


def test_emphasis_in_the_text_is_escaped_where_there_could_be_some():
    assert f"{ZERO_WIDTH}+{ZERO_WIDTH}2 and a+" in to_org(document(words("+2 and a+")))
    strike = b.Paragraph((b.Text("+2 is "), b.Strike((b.Text("no"),))))
    assert f"{ZERO_WIDTH}+{ZERO_WIDTH}2 is +no+" in to_org(document(strike))


@pytest.mark.slow
def test_emacs_exports_a_report_without_a_warning_and_folds_its_appendix(tmp_path, emacs):
    report = b.Document("T", (FINDINGS, *sample(tmp_path).blocks, b.Chart(timeline(), "Time"), APPENDIX))
    write_document(report, tmp_path / "report.org")
    lisp = """
    (require 'ox-html) (require 'ox-latex) (require 'org-lint)
    (find-file (car command-line-args-left))
    (princ (format "invisible %s\\n" (save-excursion (goto-char (point-min)) (search-forward "Inside") (and (invisible-p (point)) t))))
    (dolist (found (org-lint--generate-reports (current-buffer) org-lint--checkers)) (princ (format "lint %S\\n" (cadr found))))
    (setq org-html-htmlize-output-type nil command-line-args-left nil)
    (with-current-buffer (get-buffer-create "*Messages*") (let ((inhibit-read-only t)) (erase-buffer)))
    (let ((said nil))
      (advice-add 'message :before (lambda (&rest words) (when (car words) (push (apply #'format words) said))))
      (princ (format "html %s\\n" (and (string-match-p "Copies help twice" (org-export-as 'html)) t)))
      (princ (format "latex %s\\n" (and (string-match-p "Copies help twice" (org-export-as 'latex)) t)))
      (princ (format "said %S" said)))
    """
    assert emacs(lisp, tmp_path / "report.org").split("\n") == ["invisible t", "html t", "latex t", "said nil"]


# ---- directions ----


def test_blocks_of_text_have_the_direction_of_their_words():
    hebrew = "\u05de\u05d7\u05e7\u05e8"
    cited = b.Paragraph((b.Reference("e1", kind="experiment"), b.Text(f" {hebrew}")))
    table = b.Table(((b.Text("h"),),), (((b.Text(hebrew),),),), caption=(b.Text(hebrew),))
    page = to_html(b.Document(hebrew, (b.Heading(1, (b.Text(hebrew),)), cited, table, b.List((b.ListItem((cited,)),)))))
    for tag in ("h1", "h2", "p", "td", "th", "caption", "li"):
        assert all('dir="auto"' in found for found in re.findall(rf"<{tag}\b[^>]*>", page.split("<footer>")[0]))
    assert '<span class="ref experiment" dir="ltr">[e1]</span>' in page


def test_a_paragraph_from_right_to_left_is_one_in_word_too():
    paragraphs = words("\u05de\u05d7\u05e7\u05e8 3.5%"), words("English \u05de\u05d7\u05e7\u05e8"), words("3.5%")
    with zipfile.ZipFile(io.BytesIO(to_docx(document(*paragraphs)))) as parts:
        body = parts.read("word/document.xml").decode()
    found = [bool(re.search("<w:bidi */>", one)) for one in re.findall("<w:p>.*?</w:p>", body, re.S) if "<w:t" in one]
    assert found[-3:] == [True, False, False]


def test_what_is_isolated_does_not_mix_with_the_text_around_it():
    title = b.Strong((b.Isolated((b.Text("\u05de\u05d7\u05e7\u05e8"),)),))
    line = b.Paragraph((title, b.Text(": 0 of 1 step")))
    assert "<strong><bdi>\u05de\u05d7\u05e7\u05e8</bdi></strong>: 0 of 1 step" in to_html(document(line))
    assert "**\u2068\u05de\u05d7\u05e7\u05e8\u2069**: 0 of 1 step" in to_markdown(document(line))
    assert "*\u2068\u05de\u05d7\u05e7\u05e8\u2069*: 0 of 1 step" in to_org(document(line))
    assert to_pdf(document(line))
    assert not is_right_to_left(line)
    assert is_right_to_left(words("(1) \u05de\u05d7\u05e7\u05e8 abc"))
