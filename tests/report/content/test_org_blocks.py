"""Org text as blocks: what each element and object makes, and that nothing hostile does anything else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.report import blocks as b
from orglab.report.content.org_blocks import MAX_DEPTH, MAX_ROWS, read_line, read_org
from orglab.report.content.org_inlines import TextContext
from sample_report import around, png


@pytest.fixture
def place(tmp_path):
    return around(tmp_path)


def text(word):
    return (b.Text(word),)


def test_emphasis_nests(place):
    assert read_line("a *b /c/* =d= ~e~ _f_ +g+", place) == (
        b.Text("a "), b.Strong((b.Text("b "), b.Emphasis(text("c")))), b.Text(" "), b.Code("d"), b.Text(" "), b.Code("e"),
        b.Text(" "), b.Underline(text("f")), b.Text(" "), b.Strike(text("g")),
    )  # fmt: skip


def test_entities_are_characters_and_unknown_ones_stay(place):
    assert read_line(r"\alpha\to \beta{}s C:\foo", place) == text("\u03b1→ βs C:\\foo")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("val_loss and seed_1", text("val_loss and seed_1")),
        ("x^2", (b.Text("x"), b.Superscript(text("2")))),
        ("10^-3", (b.Text("10"), b.Superscript(text("-3")))),
        ("y_i", (b.Text("y"), b.Subscript(text("i")))),
        ("a_{ij}", (b.Text("a"), b.Subscript(text("ij")))),
        ("a.__init__", text("a.__init__")),
    ],
)
def test_what_may_be_a_name_is_no_subscript(place, source, expected):
    assert read_line(source, place) == expected


def test_references_and_ids_are_what_they_name(place):
    found = read_line("[e201.1], [[id:201][that]], [[#202]], [e999], [[id:999]]", place)
    assert found[0] == b.Reference("e201.1", anchor="e201.1", kind="step", title="Warmup")
    assert found[2] == b.Link(text("that"), "", "e201")
    assert found[4].text == "e202"
    assert found[5] == b.Text(", [e999], ")
    assert found[6] == b.RawText("[[id:999]]", "not in this report")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://example.org/a.", b.Link((), "https://example.org/a")),
        ("[[https://example.org][*site*]]", b.Link((b.Strong(text("site")),), "https://example.org")),
        ("[[javascript:alert(1)]]", b.Text("javascript:alert(1)")),
        ("[[doi:10.1000/182]]", b.Link(text("doi:10.1000/182"), "https://doi.org/10.1000/182")),
        ("@@html:<script>@@", b.RawText("@@html:<script>@@", "for one export format only")),
        ("[[elisp:(f)]]", b.RawText("[[elisp:(f)]]", "unsupported link type elisp")),
        ("$x^2$", b.Math("x^2")),
    ],
)
def test_links_and_what_looks_like_one(place, source, expected):
    assert read_line(source, place)[0] == expected


def test_a_picture_alone_is_a_block_and_a_missing_file_has_a_note(place):
    (image,) = read_org("#+CAPTION: Loss of *all*\n#+ATTR_HTML: :width 3 :alt A slope\n[[file:plot.png]]\n", place)
    assert (image.path, image.alt) == (place.folder / "plot.png", "A slope")
    assert b.plain(image.caption) == "Loss of all"
    assert read_line("[[file:gone.txt]]", place) == (b.Code("gone.txt"), b.RawText("", "no such file"))


def test_files_outside_of_the_repository_are_named_whether_they_exist_or_not(place, tmp_path, monkeypatch):
    root = tmp_path / "repository"
    for folder in (root / "lab", root / ".git", root / "outside"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    (root / "lab/link.png").symlink_to("../../plot.png")
    (root / "lab/folder").symlink_to("../..")
    for inside in ("lab/a.png", "b.png", ".git/c.png"):
        (root / inside).write_bytes(png())
    context = replace(place, folder=root / "lab", root=root)
    names = ("~/plot.png", "~/gone.png", "../../plot.png", "../../gone.png", "link.png", "folder/plot.png",
             "../.git/c.png", "../.GIT/c.png", str(tmp_path / "plot.png"), "/etc/gone.png")  # fmt: skip
    for name in names:
        shown = (b.Code(name), b.RawText("", "outside the repository"))
        assert read_org(f"[[file:{name}]]", context) == (b.Paragraph(shown),)
        assert read_line(f"[[file:{name}]]", context) == shown
    assert read_line("[[file:../../gone.txt]]", context)[1] == b.RawText("", "outside the repository")
    for name in ("a.png", "../b.png", "folder/repository/b.png", str(root / "b.png")):
        assert isinstance(read_org(f"[[file:{name}]]", context)[0], b.Image)
        assert isinstance(read_line(f"[[file:{name}]]", context)[0], b.InlineImage)
    assert isinstance(read_org("[[file:~/plot.png]]", replace(context, root=None))[0], b.Image)


def test_a_table_has_a_head_rules_and_alignment(place):
    (table,) = read_org(
        "| a | b | c |\n|---+---+---|\n| <c> | | |\n| x | 1.5 | y |\n|---|\n| z | nan | |\n#+TBLFM: $1=2\n", place
    )
    assert table.header == (text("a"), text("b"), text("c"))
    assert table.rows == ((text("x"), text("1.5"), text("y")), (text("z"), text("nan"), ()))
    assert (table.alignment, table.rules) == (("center", "right", "left"), (1,))


def test_a_long_table_says_what_is_left_out(place):
    table, rest = read_org("| a |\n" * (MAX_ROWS + 5), place)
    assert len(table.rows) == MAX_ROWS
    assert rest.note == "5 more rows of this table are in the log"


def test_lists_keep_boxes_numbers_and_terms(place):
    (numbers,) = read_org("1. [X] one\n   - in\n2. [-] two\n3. [@7] seven\n", place)
    assert [(item.checkbox, item.number) for item in numbers.items] == [("done", None), ("partial", None), (None, 7)]
    assert numbers.items[0].content[1] == b.List((b.ListItem((b.Paragraph(text("in")),)),))
    (terms,) = read_org("- lr :: 3e-4\n", place)
    assert (terms.kind, terms.items[0].term) == ("definitions", text("lr"))


def test_blocks_are_told_apart(place):
    found = read_org(
        "#+begin_src python :results x\n  if x:\n    ,* y\n#+end_src\n: fixed\n:  two\n"
        "#+begin_quote\nq\n#+end_quote\n#+begin_verse\na\n  b\n#+end_verse\n#+begin_export html\n<b>\n#+end_export\n"
        "\\begin{equation}\na=b\n\\end{equation}\n-----\n#+HTML: <i>\n# comment\n",
        place,
    )
    assert found == (
        b.CodeBlock("if x:\n  * y", "python"), b.CodeBlock("fixed\n two"), b.Quote((b.Paragraph(text("q")),)),
        b.Verse((text("a"), text("  b"))), b.Raw("<b>", "for one export format only"), b.MathBlock("a=b"), b.Rule(),
        b.Raw("#+HTML: <i>", "for one export format only"),
    )  # fmt: skip


def test_a_formula_on_lines_of_its_own_parts_the_paragraph(place):
    assert read_org(r"before \[ x \] after", place) == (
        b.Paragraph(text("before")), b.MathBlock("x"), b.Paragraph(text("after")),
    )  # fmt: skip


def test_footnotes_carry_their_text(place):
    (paragraph,) = read_org("a[fn:1] b[fn:: inline] c[fn:none]\n\n[fn:1] The *text*.\n", place)
    marks = [inline for inline in paragraph.content if isinstance(inline, b.FootnoteMark)]
    assert [mark.label.startswith("e201:") for mark in marks] == [True, True]
    assert b.plain(marks[0].content[0].content) == "The text."
    assert paragraph.content[-1] == b.RawText("[fn:none]", "undefined footnote")


def test_footnotes_that_name_each_other_end(place):
    assert read_org("a[fn:1]\n\n[fn:1] see[fn:2]\n\n[fn:2] see[fn:1]\n", place)


def test_headings_inside_are_headings(place):
    heading, paragraph = read_org("** TODO Part *one* :tag:\ntext\n", place, level=3)
    assert heading == b.Heading(3, (b.Text("Part "), b.Strong(text("one"))))
    assert paragraph == b.Paragraph(text("text"))


def test_wide_characters_are_joined_without_a_blank(place):
    assert read_org("日本\n語 a\nb", place) == (b.Paragraph(text("日本語 a b")),)


def test_bytes_that_are_not_utf_8_and_controls_are_shown_or_gone(place):
    assert read_org(b"a\xffb\x00\x1b[31m\xe2\x80\xae", place) == (b.Paragraph(text("a\ufffdb[31m<U+202E>")),)


def depth(value):
    """How deeply blocks and inlines are nested, without recursion."""
    deepest, stack = 0, [(value, 0)]
    while stack:
        item, level = stack.pop()
        deepest = max(deepest, level)
        if isinstance(item, tuple):
            stack.extend((part, level) for part in item)
        elif hasattr(item, "content") or hasattr(item, "items"):
            stack.extend((getattr(item, name, ()), level + 1) for name in ("content", "items", "term"))
    return deepest


HOSTILE = {
    "nested lists": lambda n: "".join(" " * i + "- a\n" for i in range(min(n, 1000))),
    "nested emphasis": lambda n: "*/_+" * n + "a" + "+_/*" * n,
    "quotes": lambda n: "#+begin_quote\n" * n + "a\n",
    "brackets": lambda n: "[[" * n,
    "footnotes": lambda n: "[fn:" * n,
    "inline notes": lambda n: "[fn::a " * n + "]" * n,
    "dollars": lambda n: "$a" * n,
    "pipes": lambda n: "|" * n + "\n|-\n",
    "rules": lambda n: "|-\n" * n,
    "scripts": lambda n: "a^.,.," * n,
    "braces": lambda n: "_{" * n + "}" * n,
    "definitions": lambda n: "[fn:1] a\n" * n,
    "backslashes": lambda n: "\\" * n + "a",
    "captions": lambda n: "#+CAPTION: a\n" * n,
    "snippets": lambda n: "@@html:" * n,
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_hostile_shapes_are_shallow(place, shape):
    assert depth(read_org(HOSTILE[shape](6000), place)) <= 3 * MAX_DEPTH + 30


@given(st.text(alphabet=st.sampled_from(list("ab *_/=~+[]|#-<>:\\$^{}@fn1\n\t.")), max_size=80))
def test_any_text_is_read(tmp_path_factory, source):
    read_org(source, TextContext(tmp_path_factory.getbasetemp()))
