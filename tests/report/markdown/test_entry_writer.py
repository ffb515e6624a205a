"""Markdown as Org: what each construct becomes, and that Org reads it as it was meant."""

import re
import textwrap

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orglab.errors import NotReadableError
from orglab.org.document import Document
from orglab.report import blocks as b
from orglab.report.content.org_blocks import read_org
from orglab.report.content.org_inlines import TextContext
from orglab.report.markdown.entry_writer import EntryWriter
from orglab.report.markdown.markdown_sections import read_markdown

Z = "\u200b"


def write(text, anchors=()):
    """Return the blocks of a Markdown text as Org, with its footnotes, and the problems."""
    file = read_markdown(text)
    writer = EntryWriter(file.footnotes, "n-", "lab", dict(anchors), lambda word: word in ("TODO", "DONE"))
    parts = [writer.joined(section.blocks) for section in file.sections]
    parts.append(writer.take_footnotes())
    return "\n\n".join(filter(None, parts)), [*file.problems, *writer.problems]


def org(text, anchors=()):
    found, problems = write(text, anchors)
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("*a* **b** ***c*** ~~d~~ `e`", "/a/ *b* /*c*/ +d+ =e="),
        ("in*tra*word", f"in{Z}/tra/{Z}word"),
        ("*a *b* c*", "/a b c/"),
        ("two\nlines", "two lines"),
        ("hard  \nbreak, <br>too", "hard\\\\\nbreak, \\\\\ntoo"),
        ("literal \\*stars\\* stay", f"literal {Z}*{Z}stars* stay"),
        ("`__init__` but \\_\\_init\\_\\_ too", f"=__init__= but {Z}_{Z}_{Z}init__ too"),
        ("val_loss costs $5 | more", "val_loss costs $5 | more"),
        ("[1/2] and [50%] and [2024-05-03 Fri]", f"[{Z}1/2] and [{Z}50%] and [{Z}2024-05-03 Fri]"),
        ("\\[\\[a\\]\\] \\<2024-05-03 Fri\\>", f"[{Z}[a]{Z}] <{Z}2024-05-03 Fri>"),
        ("2019\\. was good", f"{Z}2019. was good"),
        ("`a=b` `x~y=z` `a = b` `a= b`", "=a=b= =x~y=z= =a = b= ~a= b~"),
        ("1 &lt; 2 &copy;", "1 < 2 ©"),
    ],
)
def test_text_and_emphasis(markdown, expected):
    assert org(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("[a](https://x.org/a_b)", "[[https://x.org/a_b][a]]"),
        ("<https://x.org>", "[[https://x.org]]"),
        ("[ref]\n\n[ref]: https://x.org", "[[https://x.org][ref]]"),
        ("[data](data/my%20file.csv)", "[[file:lab/data/my file.csv][data]]"),
        ("[up](../a.csv)", "[[file:a.csv][up]]"),
        ("[a\\]\\] b](https://x.org)", f"[[https://x.org][a]{Z}] b]]"),
        ("![Loss](p.png)", "#+caption: Loss\n[[file:lab/p.png]]"),
        ("see ![Loss](p.png) there", "see [[file:lab/p.png][Loss]] there"),
        ("![x](https://x.org/p.png)", "[[https://x.org/p.png][x]]"),
    ],
)
def test_links_and_pictures(markdown, expected):
    assert org(markdown) == expected


def test_links_within_the_file_lead_to_what_they_named():
    assert org("[see](#a-b)", {"a-b": "id:12"}) == "[[id:12][see]]"
    found, problems = write("[see](#other)")
    assert found == "see (#other)"
    assert [problem.text for problem in problems] == ["The link to #other leads nowhere in Org; it is kept as text."]


def test_links_that_would_run_something_are_text():
    found, problems = write("[run](shell:reboot) [lisp](elisp:kill-emacs) [j](javascript:alert)")
    assert "[[" not in found
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("```python\n* a\n#+end_src\n\tx\n```", "#+begin_src python\n,* a\n,#+end_src\n\tx\n#+end_src"),
        ("```\nplain\n```", "#+begin_example\nplain\n#+end_example"),
        ("    indented", "#+begin_example\nindented\n#+end_example"),
        ("```bash\n  a\n    b\n```", "#+begin_src sh -i\n  a\n    b\n#+end_src"),
        ("> a\n>\n> > b", "#+begin_quote\na\n\n#+begin_quote2\nb\n#+end_quote2\n#+end_quote"),
        ("- a\n- b\n  1. c\n  2. d", "- a\n- b\n  1. c\n  2. d"),
        ("3. a\n4. b", "3. [@3] a\n4. b"),
        ("- > a\n- - b", "-\n  #+begin_quote\n  a\n  #+end_quote\n-\n  - b"),
        ("- a\n\n* b", "- a\n\n#\n\n- b"),
        ("- [ ] a\n- [x] b", "- [ ] a\n- [X] b"),
        ("- a\n\n  ```\n  * x\n  ```", "- a\n\n  #+begin_example\n  ,* x\n  #+end_example"),
        ("a\n\n---\n\nb", "a\n\n-----\n\nb"),
        ("<!-- two\nlines -->", "# two\n# lines"),
        ("a <!-- b --> c", "a @@comment: b@@ c"),
        ("[//]: # (a comment)", "# a comment"),
        ("$x_1$ and $$y$$", "\\(x_1\\) and \\[y\\]"),
        ("$$\na\n- b\n$$", "\\[a - b\\]"),
        ("\\begin{align}\na\n\\end{align}", "\\begin{align}\na\n\\end{align}"),
        ("a[^1] b[^1]\n\n[^1]: c *d*\n\n    e", "a[fn:n-1] b[fn:n-1]\n\n[fn:n-1] c /d/\n\ne"),
        ("a^[b]", "a[fn:n-0-inline]\n\n[fn:n-0-inline] b"),
    ],
)
def test_blocks(markdown, expected):
    assert org(markdown) == expected


def test_links_in_tables_count_as_emacs_shows_them():
    assert org("| a | b |\n|---|---|\n| [Yarn](https://yarnpkg.com) | x |") == (
        "| a    | b |\n|------+---|\n| [[https://yarnpkg.com][Yarn]] | x |"
    )


def test_tables_are_aligned_as_emacs_would():
    table = "| name | acc |\n|---|--:|\n| a \\| b | 1 |\n| 中 | 22.5 |"
    assert org(table) == (
        "| name        |  acc |\n|-------------+------|\n|             |  <r> |\n"
        "| a \\vert{} b |    1 |\n| 中          | 22.5 |"
    )


@pytest.mark.parametrize(
    ("markdown", "line", "said", "kept"),
    [
        ("a\n\n<div>x</div>", 3, "HTML", "<div>x</div>"),
        ("a <b>c</b>", 1, "HTML", "<b>c</b>"),
        ("[a](b.csv 'T')", 1, "title of a link", "(T)"),
        ("a\n\n[^x]: unused", 3, "footnote [^x]", "unused"),
        ("[Foo]: https://x.org", 1, "address of [Foo]", "https://x.org"),
        ("- # in a list", 1, "heading inside", "*in a list*"),
        ("|a|b|\n|-|-|\n|1|2|3|", 3, "more cells", "3"),
        ("```{python} x=1\ny\n```", 1, "Only the language", "#+begin_src python"),
    ],
)
def test_what_org_has_not_is_said_and_kept(markdown, line, said, kept):
    found, problems = write(markdown)
    assert any(problem.line == line and said in problem.text for problem in problems)
    assert kept in found.replace(Z, "")


def test_a_file_that_is_nested_too_deeply_is_refused():
    with pytest.raises(NotReadableError):
        read_markdown("> " * 500 + "a")
    with pytest.raises(NotReadableError):
        read_markdown("".join("  " * level + "- a\n" for level in range(60)))


# ---- Org reads what Markdown said ----

WORDS = st.text(
    st.sampled_from("ab *_~=+/[](){}<>|#:-\\$^@`!.,1%\n\t")
    | st.characters(codec="utf-8", exclude_categories=["C", "Z"]),
    max_size=60,
)


@given(WORDS)
@example("* a\n#+begin_src\n")
@example("a [fn:1] <<x>> {{{m}}} @@html:x@@ call_x() src_py{a}")
@example("[[a][b]] <https://x.org")
@example("^")
@example(" R^2 x_1 a^{b} val_loss 10^3 ^_^ a_{b}")
def test_literal_text_is_text_for_org(text):
    literal = "".join(f"\\{char}" if char in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" else char for char in text)
    literal = " ".join(literal.split())
    found, problems = write(f"x{literal}x")
    assert problems == []
    read = read_org(found, TextContext("."))
    assert len(read) == 1
    assert isinstance(read[0], b.Paragraph)
    assert "".join(b.plain(read[0].content).replace(Z, "").split()) == "".join(f"x{' '.join(text.split())}x".split())
    assert all(isinstance(inline, b.Text) for inline in read[0].content)


def _without_blanks(code):
    lines = textwrap.dedent(code.expandtabs()).split("\n")
    return "\n".join(re.sub(r"\s+", " ", line).rstrip() for line in lines).strip("\n")


@given(st.lists(st.text(st.sampled_from("ab*#+,: \t|[]-=\\_"), max_size=12), min_size=1, max_size=6))
def test_code_is_the_same_code(lines):
    code = "\n".join(lines)
    found = org(f"~~~~~~~~ python\n{code}\n~~~~~~~~")
    (read,) = [block for block in read_org(found, TextContext(".")) if isinstance(block, b.CodeBlock)]
    assert _without_blanks(read.text) == _without_blanks(code)


@given(
    st.lists(
        WORDS
        | st.sampled_from(
            ["- a", "> b", "```", "| a | b |", "1. c", "***", "[^1]", "[^1]: d", "<!--", "-->", "$$", "- [ ] e"]
        ),
        max_size=8,
    ).map("\n".join)
)
def test_any_text_becomes_org_without_a_heading(text):
    found, _ = write(text)
    document = Document(f"* A\n{found}\n".encode())
    assert len(document) == 1
    assert document.conflict is None
