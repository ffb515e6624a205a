"""The documents that the writers make: text survives, nothing of it becomes markup, readers find their way."""

import io
import re
import subprocess
import zipfile
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orglab.errors import NotWritableError, UsageError
from orglab.experiment.escape import ESCAPE
from orglab.org.document import Document as OrgDocument
from orglab.report import blocks as b
from orglab.report.characters import printable, unwrapped
from orglab.report.content.org_blocks import read_org
from orglab.report.content.org_inlines import TextContext
from orglab.report.formats.assets import LIST_NAME, Assets
from orglab.report.formats.evidence_block import read_evidence
from orglab.report.formats.export import EXTENSIONS, write_document
from orglab.report.formats.to_docx import find_pandoc, to_docx
from orglab.report.formats.to_html import to_html
from orglab.report.formats.to_markdown import to_markdown
from orglab.report.formats.to_org import to_org
from orglab.report.formats.to_pdf import svg_to_png, to_pdf
from orglab.report.formats.writer import safe_url
from sample_report import HOSTILE, png, sample, timeline

ANY = st.text(
    alphabet=st.one_of(st.sampled_from(list("aB1 *_`~[]()<>&#|\\$^{}@!+-=:.;'\"/%fn")), st.characters(codec="utf-8")),
    max_size=60,
)
EXAMPLES = (HOSTILE, "# a", "- a", "+ a", "1. a", "a_b _c_ __d__", "***", "---", "| a |", "    a", "#+TITLE: x", "<1>", "$a$", "\\alpha",
            "[[a]]", "[fn:1]", "&amp; &#65;", "a\\", "`", "``a`", "[1/2]", "{{{m}}}", "src_py{x}", "a^b", ": a", "* a", "<2026-01-01>")  # fmt: skip


def with_examples(test):
    """Run a test of a text with the examples too."""
    for words in EXAMPLES:
        test = example(words)(test)
    return settings(max_examples=60)(test)


def one(*inlines):
    """A document of one paragraph."""
    return b.Document("", (b.Paragraph(inlines),), contents=False)


def shown(text):
    """A text as any format shows it: no controls, and one blank where there are some."""
    return " ".join(printable(text).split())


# ---- text ----


class Words(HTMLParser):
    """The text of a page's main part, and the elements that are there."""

    def __init__(self, page):
        super().__init__()
        self.text, self.elements, self.inside = [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside += tag == "main"

    def handle_endtag(self, tag):
        self.inside -= tag == "main"

    def handle_data(self, data):
        if self.inside:
            self.text.append(data)


@with_examples
@given(ANY)
def test_html_shows_the_text_and_has_no_element_of_it(text):
    page = Words(to_html(one(b.Text(text))))
    assert " ".join("".join(page.text).split()) == shown(text)
    assert {tag for tag, _ in page.elements} <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "a",
        "header",
        "h1",
        "main",
        "p",
        "footer",
    }


def markdown_text(source):
    """The text that a reader of Markdown sees, and the kinds of its parts."""
    kinds, words = set(), []
    stack = list(reversed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)))
    while stack:
        token = stack.pop()
        kinds.add(token.type)
        stack.extend(reversed(token.children or []))
        words.append(
            token.content if token.type in ("text", "code_inline", "fence") else " " if "break" in token.type else ""
        )
    return "".join(words), kinds


@with_examples
@given(ANY)
def test_markdown_shows_the_text_and_reads_nothing_in_it(text):
    words, kinds = markdown_text(to_markdown(one(b.Text(text))))
    assert " ".join(words.split()) == shown(text)
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}


@with_examples
@given(ANY)
def test_markdown_shows_code(text):
    words, _ = markdown_text(to_markdown(one(b.Text("a "), b.Code(text), b.Text(" b"))))
    # The lines of a paragraph are joined, without a space between two wide characters.
    assert " ".join(words.split()) == shown(unwrapped(f"a {text} b"))


@with_examples
@given(ANY)
def test_a_cell_of_markdown_holds_one_cell(text):
    table = b.Table(((b.Text("head"),), (b.Text("b"),)), (((b.Text(text),), (b.Code("x|y"),)),))
    source = to_markdown(b.Document("", (table,)))
    _, kinds = markdown_text(source)
    assert "html_inline" not in kinds
    tokens = MarkdownIt("commonmark").enable("table").parse(source)
    assert sum(token.type == "td_open" for token in tokens) == 2


@with_examples
@example("_|")
@example("0^0|")
@example("x^$")
@example("0^\u00b4$")
@given(ANY)
def test_org_finds_no_object_in_the_text(text):
    source = to_org(one(b.Text(text)))
    body = source.split("\n\n", 1)[1] if "\n\n" in source else ""
    kinds = {element.type for element in OrgDocument(source.encode()).first_section.walk()}
    assert kinds <= {"section", "keyword", "paragraph"}
    (paragraph,) = read_org(body, TextContext(".")) or (b.Paragraph(()),)
    assert all(isinstance(one, b.Text | b.Link | b.Subscript | b.Superscript) for one in paragraph.content)
    # By the file's options only braces make a script: one without them is text, and one with them would lack them here.
    signs = {b.Subscript: "_", b.Superscript: "^"}
    words = b.plain(
        tuple(b.Text(signs[type(one)] + b.plain((one,))) if type(one) in signs else one for one in paragraph.content)
    )
    assert " ".join(words.replace(ESCAPE, "").split()) == shown(text.replace(ESCAPE, ""))


@settings(max_examples=15)
@given(st.lists(ANY, min_size=5, max_size=30))
@example(list(EXAMPLES))
def test_typst_sets_any_text(texts):
    blocks = tuple(
        b.Paragraph((b.Text(t), b.Code(t), b.Strong((b.Text(t),)), b.Link((b.Text(t),), t), b.Badge(t, t)))
        for t in texts
    )
    assert to_pdf(b.Document(texts[0], (*blocks, *(b.CodeBlock(t, t) for t in texts)))).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ('https://example.org/a b"><script>', "https://example.org/a%20b%22%3E%3Cscript%3E"),
        ("javascript:alert(1)", ""), (" JaVaScRiPt:alert(1)", ""), ("java\nscript:x", ""), ("data:text/html,x", ""),
        ("file:///etc/passwd", ""), ("//example.org", ""), ("mailto:a@example.org", "mailto:a@example.org"), ("http://[bad", ""),
    ],
)  # fmt: skip
def test_only_urls_that_do_nothing_are_followed(url, kept):
    assert safe_url(url) == kept


# ---- whole documents ----


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    return sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def page(document):
    return to_html(document)


@pytest.mark.parametrize("ending", [".md", ".org", ".html"])
def test_the_sample_is_what_it_was(document, tmp_path, ending, request):
    """Golden files: `pytest --refresh` writes them anew, and the difference is to be read."""
    write_document(document, tmp_path / f"report{ending}")
    # Without the style sheet, which is a file of its own, and the evidence; the policy of the page has its digest.
    made = re.sub(
        r"(<style>|orglab-evidence-1:).*?(</style>|:end)",
        r"\1\2",
        (tmp_path / f"report{ending}").read_text(),
        flags=re.S,
    )
    golden = request.path.parents[2] / "cases" / f"report{ending}"
    if request.config.getoption("--refresh"):
        golden.write_text(made)
    assert made == golden.read_text()


@pytest.mark.parametrize("ending", EXTENSIONS)
def test_evidence_comes_back_from_every_format(document, tmp_path, ending):
    write_document(document, tmp_path / f"report{ending}")
    evidence = read_evidence((tmp_path / f"report{ending}").read_bytes())
    assert (evidence.pop("words", None) is None) == (ending == ".pdf")
    assert evidence == document.evidence


def test_an_ending_without_a_format_is_a_sentence(document, tmp_path):
    with pytest.raises(UsageError, match=r"use \.md, \.org, \.html, \.pdf, \.docx"):
        write_document(document, tmp_path / "report.txt")


def test_html_needs_nothing_and_runs_nothing(page):
    elements = Words(page).elements
    assert not {tag for tag, _ in elements} & {"script", "link", "iframe", "object", "embed", "form", "base"}
    for _, attrs in elements:
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert not attrs.get("src", "data:").startswith("http")
        assert attrs.get("href", "#").startswith(("#", "https://", "http://", "mailto:"))
    policy = next(attrs["content"] for tag, attrs in elements if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_html_can_be_found_ones_way_in(page):
    """What axe looks at that can be seen without a browser; scripts/check_accessibility runs axe itself."""
    elements = Words(page).elements
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"][1:] for tag, attrs in elements if tag == "a" and attrs["href"].startswith("#")]
    assert set(links) <= set(ids)
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = [tag for tag, _ in elements]
    assert [names.count(tag) for tag in ("main", "header", "nav", "footer")] == [1, 1, 1, 1]
    assert all("alt" in attrs for tag, attrs in elements if tag == "img")
    assert all(attrs.get("scope") == "col" for tag, attrs in elements if tag == "th")
    assert all(attrs["role"] == "img" and "aria-labelledby" in attrs for tag, attrs in elements if tag == "svg")
    assert dict(elements[0][1])["lang"] == "en"


def contrast(first, second):
    """The contrast of two colours, as WCAG reckons it."""

    def luminance(color):
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_can_be_read_light_and_dark(page):
    light, dark = (
        dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", part)) for part in re.findall(r":root\{(.*?)\}", page, re.S)[:2]
    )
    assert set(dark) <= set(light)
    for colors in (light, dark):
        for name in ("ink", "muted", "link"):
            assert contrast(colors[name], colors["paper"]) >= 4.5
            assert contrast(colors[name], colors["raised"]) >= 4.5
        for tone in ("good", "bad", "unsure", "active", "waiting", "plain"):
            assert contrast(colors[tone], colors[f"{tone}-bg"]) >= 4.5
        for number in range(1, 7):
            assert contrast(colors[f"series-{number}"], colors["paper"]) >= 3


def test_an_id_is_given_once_and_headings_skip_no_level():
    page = to_html(
        b.Document(
            "T",
            (b.Heading(4, (b.Text("a"),), "x"), b.Paragraph((b.Text("b"),), "x"), b.Heading(1, (b.Text("c"),), "x")),
        )
    )
    assert page.count('id="x"') == 1
    assert "<h2" in page
    assert "<h5" not in page


def test_a_footnote_within_a_footnote_has_a_number_of_its_own():
    inner = b.FootnoteMark("b", (b.Paragraph((b.Text("inner"),)),))
    outer = b.FootnoteMark("a", (b.Paragraph((b.Text("outer"), inner)),))
    doc = one(b.Text("x"), outer, b.FootnoteMark("a"))
    assert to_markdown(doc) == "x[^1][^1]\n\n[^1]: outer[^2]\n\n[^2]: inner\n"
    assert to_html(doc).count('<li id="fn-') == 2
    assert to_org(doc).endswith("* Notes\n\n[fn:1] outer[fn:2]\n\n[fn:2] inner\n")
    assert to_pdf(doc)
    assert to_docx(doc)


def test_two_lists_stay_two():
    lists = tuple(b.List((b.ListItem((b.Paragraph((b.Text(word),)),)),)) for word in "ab")
    assert [
        len(block.items) for block in read_org(to_org(b.Document("", lists)).split("\n\n", 1)[1], TextContext("."))
    ] == [1, 1]
    tokens = MarkdownIt("commonmark").parse(to_markdown(b.Document("", lists)))
    assert sum(token.type == "bullet_list_open" for token in tokens) == 2


# ---- PDF and docx ----


def test_pdf_of_the_sample_has_its_text_and_the_same_bytes_twice(document):
    first = to_pdf(document)
    assert first == to_pdf(document)
    assert b"/StructTreeRoot" in first or b"/ObjStm" in first


def test_what_we_write_ourselves_has_a_font_so_the_pdf_is_accessible():
    boxes = tuple(b.ListItem((b.Paragraph((b.Text(kind),)),), kind) for kind in ("open", "partial", "done"))
    badges = tuple(b.Badge(tone, tone) for tone in ("good", "bad", "unsure", "active", "waiting", "plain"))
    words = b.Text("\u2212 ± \u2013 … · → ∞ “”")
    assert b"pdfuaid" in to_pdf(b.Document("T", (b.List(boxes), b.Paragraph((*badges, words)))))


def test_in_a_pdf_a_section_does_not_link_to_itself():
    cited = b.Paragraph((b.Reference("e1.1", anchor="e1.1", kind="step"),))
    steps = b.List((b.ListItem((cited,), "done", anchor="e1.1"),), "numbers")
    other = (b.Heading(1, (b.Text("Other"),)), cited)
    assert b"/Subtype/Link" not in to_pdf(b.Document("T", (b.Heading(1, (b.Text("A"),), "e1"), steps))).replace(
        b" ", b""
    )
    assert b"/Subtype/Link" in to_pdf(
        b.Document("T", (b.Heading(1, (b.Text("A"),), "e1"), steps, *other), contents=False)
    ).replace(b" ", b"")


def test_a_broken_picture_and_a_formula_do_not_break_the_pdf(tmp_path):
    (tmp_path / "broken.png").write_bytes(png()[:80])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    blocks = tuple(b.Image(tmp_path / name, "alt") for name in ("broken.png", "broken.jpg"))
    assert to_pdf(b.Document("T", (*blocks, b.MathBlock("\\frac{a}"), b.Paragraph((b.Math("x_{1}^{2}"),))))).startswith(
        b"%PDF"
    )


def test_charts_are_pictures_of_the_size_asked_for():
    made = svg_to_png(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><rect width="9" height="9"/></svg>'
    )
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(made[16:20]), int.from_bytes(made[20:24])) == (60, 40)


@pytest.mark.parametrize(
    "size", ['width="20000" height="2000"', 'width="10" height="19999"', 'style="width:1e9px;height:1e9px"', ""]
)
def test_a_large_drawing_is_drawn_as_large_as_fits_a_page(size):
    shapes = '<rect width="9" height="9"/>'
    made = svg_to_png(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{shapes}</svg>'.encode())
    assert max(int.from_bytes(made[16:20]), int.from_bytes(made[20:24])) < 2000


def test_a_picture_that_pandoc_cannot_embed_costs_only_the_picture(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png(3, 3))
    # A pandoc that fails for pictures, as it does when one needs more memory than there is.
    pandoc = tmp_path / "pandoc"
    pandoc.write_text(
        f'#!/bin/sh\ntree=$(cat)\ncase "$tree" in *data:image*) echo out of memory >&2; exit 251;; esac\n'
        f'printf %s "$tree" | exec "{find_pandoc()}" "$@"\n'
    )
    pandoc.chmod(0o700)
    monkeypatch.setattr("pypandoc.get_pandoc_path", lambda: str(pandoc))
    made = to_docx(b.Document("T", (b.Image(tmp_path / "a.png", "alt"), b.Paragraph((b.Text("Words"),)))))
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        body = parts.read("word/document.xml").decode()
    assert "a.png" in body
    assert "Words" in body
    assert "pandoc could not write the report with its pictures" in body


def test_docx_is_read_back_with_its_text_links_and_pictures(document):
    made = to_docx(document)
    done = subprocess.run([find_pandoc(), "--from=docx", "--to=gfm"], input=made, capture_output=True, check=True)
    words = done.stdout.decode()
    for expected in ("Summary", "val_accuracy of each step", "no such file", "learning rate", "alert(1)"):
        assert expected in words
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        names = parts.namelist()
        assert sum(name.startswith("word/media/") for name in names) == 4
        body = parts.read("word/document.xml").decode()
    assert 'w:anchor="e201.1"' in body
    assert "<script" not in body
    assert "m:oMath" in body


def test_what_is_not_installed_is_one_sentence(document, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    with pytest.raises(UsageError, match=r"pip install .*\[pdf\]'"):
        to_pdf(document)
    assert to_docx(document)
    monkeypatch.setitem(__import__("sys").modules, "pypandoc", None)
    with pytest.raises(UsageError, match=r"pip install .*\[docx\]'"):
        to_docx(document)


# ---- files beside ----


def test_pictures_lie_beside_and_go_when_they_are_no_longer_asked_for(tmp_path):
    (tmp_path / "a.png").write_bytes(png(3, 3))
    document = b.Document("T", (b.Image(tmp_path / "a.png", "alt"), b.Chart(timeline(), "Time")))
    write_document(document, tmp_path / "weekly.md")
    folder = tmp_path / "weekly.md-files"
    assert sorted(path.name for path in folder.iterdir()) == [LIST_NAME, "a.png", "chart-1.svg"]
    assert "![alt](weekly.md-files/a.png)" in (tmp_path / "weekly.md").read_text()
    (folder / "mine.txt").write_text("mine")
    write_document(b.Document("T", (b.Rule(),)), tmp_path / "weekly.md")
    assert sorted(path.name for path in folder.iterdir()) == [LIST_NAME, "mine.txt"]


def test_what_is_not_ours_is_not_overwritten(tmp_path):
    folder = tmp_path / "weekly.md-files"
    folder.mkdir()
    (folder / "a.png").write_text("mine")
    assets = Assets(tmp_path / "weekly.md")
    assets.add("a", "png", b"ours")
    with pytest.raises(NotWritableError, match="move it away"):
        assets.write()
    assert (folder / "a.png").read_text() == "mine"


def test_a_list_from_elsewhere_deletes_nothing_outside(tmp_path):
    (tmp_path / "weekly.md-files").mkdir()
    (tmp_path / "victim").write_text("")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "weekly.md-files" / LIST_NAME).write_text(f'{{"../victim": "{empty}", "..": "{empty}"}}')
    Assets(tmp_path / "weekly.md").write()
    assert (tmp_path / "victim").exists()


def test_a_report_through_a_link_keeps_the_link_and_its_mode(tmp_path):
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "real.md").chmod(0o640)
    (tmp_path / "link.md").symlink_to("real.md")
    write_document(b.Document("T", ()), tmp_path / "link.md")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "# T\n"
    assert (tmp_path / "real.md").stat().st_mode & 0o777 == 0o640


def test_a_report_in_two_formats_keeps_the_pictures_of_both(document, tmp_path):
    for ending in ("md", "org", "html"):
        write_document(document, tmp_path / f"report.{ending}")
    for ending in ("md", "org"):
        text = (tmp_path / f"report.{ending}").read_text()
        pictures = [path for path in (tmp_path / f"report.{ending}-files").iterdir() if path.suffix == ".svg"]
        assert pictures
        assert all(f"report.{ending}-files/{path.name}" in text for path in pictures)


@pytest.mark.parametrize("text", ["+2.7 points [2.1, 3.2], n = 20, claimed > +1", "a [b]", "x > y"])
def test_markdown_on_a_terminal_is_plain(text):
    assert to_markdown(one(b.Text(text))) == f"{text}\n"


@with_examples
@example("[x] a")
@example("[a](b)")
@example("[a][b] [a]: b")
@example("![a](b)")
@given(ANY)
def test_markdown_shows_the_text_of_links_and_of_adjacent_texts(text):
    words, kinds = markdown_text(to_markdown(one(b.Text("[a"), b.Text("]"), b.Text("(b) "), b.Link((b.Text(text),), "https://e.org"))))  # fmt: skip
    assert " ".join(words.split()) == " ".join(f"[a](b) {shown(text) or 'https://e.org'}".split())
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "link_open", "link_close"}
