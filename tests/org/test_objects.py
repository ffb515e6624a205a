"""The objects in a line of text: links, targets, timestamps, cookies, and objects that hide them."""

import pytest

from orglab.org.document import Document
from orglab.org.heading import element_objects
from orglab.org.objects import parse_objects, read_link_type


def found(text: str) -> list[tuple[str, str]]:
    """Return the objects of a text, each with the text it spans."""
    raw = text.encode()
    return [(each.type, raw[each.begin : each.end].decode()) for each in parse_objects(raw, 0, len(raw))]


def links(text: str) -> list[str]:
    return [span for kind, span in found(text) if kind == "link"]


def in_file(text: str, kind: str) -> list[str]:
    """Return the objects of a type before the first heading of a file."""
    document = Document(text.encode())
    return [
        document.text[each.begin : each.end].decode()
        for element in document.first_section.walk()
        for each in element_objects(document.text, element, document.radio_pattern)
        if each.type == kind
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1/2] [50%] [/] [%] [3/]", ["[1/2]", "[50%]", "[/]", "[%]", "[3/]"]),
        ("[a/2] [1/2/3] [1 /2] [50 %]", []),
        ("*[1/2]* /_[%]_/", ["[1/2]", "[%]"]),
        ("=[1/2]= ~[%]~", []),
        ("[[a][b [1/2] c]] [[a][[1/2]]]", ["[1/2]"]),  # the second ends after `2]]`
        ("[[[1/2]]]", []),
        ("$[1/2]$ \\([1/2]\\) \\[[1/2]\\] $$[1/2]$$", []),
        ("@@html:[1/2]@@ {{{m([1/2])}}} src_a{[1/2]} src_a[:b]{[1/2]} call_a([1/2])", []),
        ("[fn:1: [1/2]] [fn:: [%]]", ["[1/2]", "[%]"]),
        ("[cite:@a [1/2]]", []),
        ("é[1/2]\u2028\xa0[1/2]\0[1/2]\r[1/2]", ["[1/2]"] * 4),
    ],
)
def test_cookies(text, expected):
    assert [span for kind, span in found(text) if kind == "statistics-cookie"] == expected


def test_cookies_in_a_table_cell_only_inside_other_objects():
    assert in_file("| [1/2] | *[3/4]* [%] |\n|-[5/6]-|\n#+TBLFM: $1=[7/8]\n", "statistics-cookie") == ["[3/4]"]
    assert in_file("| *a | [[id:b1]] b* |\n", "bold") == []
    assert in_file("| *a | [[id:b1]] b* |\n", "link") == ["[[id:b1]]"]
    assert in_file("+---+\n| [[id:b1]] |\n+---+\n", "link") == []


def test_captions_titles_and_tags_have_objects_but_other_keywords_do_not():
    text = "#+TITLE: [1/2]\n#+x: [2/2]\n#+caption: [3/3]\n- a [4/4] :: [5/5]\n"
    assert in_file(text, "statistics-cookie") == ["[1/2]", "[3/3]", "[4/4]", "[5/5]"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*a* b", "*a*"),
        ("(*a*)", "*a*"),
        ("*a b\nc*", "*a b\nc*"),
        ("*a*b*", "*a*b*"),
        ("a*b*", None),
        ("*a *", None),
        ("* a*", None),
        ("**", None),
        ("*a/b*", "*a/b*"),
        ("*a", None),
    ],
)
def test_emphasis(text, expected):
    assert dict(found(text)).get("bold") == expected


def test_emphasis_in_emphasis_ends_with_it():
    assert found("*a /b/*") == [("bold", "*a /b/*"), ("italic", "/b/")]
    assert found("*a /b* c/") == [("bold", "*a /b*")]
    assert found("=*a*=") == [("verbatim", "=*a*=")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[a]]", ["[[a]]"]),
        ("[[a b][c *d*]]", ["[[a b][c *d*]]"]),
        ("[[a\\]b]]", ["[[a\\]b]]"]),
        ("[[a]b]", []),
        ("[[]]", []),
        ("[[a][]]", []),
        ("[[a][http://b.c <http://d> e]]", ["[[a][http://b.c <http://d> e]]"]),
        ("<http://a b> <nothing:a>", ["<http://a b>"]),
        ("<http://a\n  b> <http://a\n\nb>", ["<http://a\n  b>", "http://a"]),
        ("see http://a.b/c.", ["http://a.b/c"]),
        ("(http://a.b/(c)_d), e", ["http://a.b/(c)_d"]),
        ("HTTPS://a.b mailto:a@b.c;", ["HTTPS://a.b", "mailto:a@b.c"]),
        ("http:ab_http:cd xhttp:ab éhttp:ab", ["http:ab_http:cd"]),
        ("_http:ab", ["http:ab"]),
        ("http:ab\u2019 http:aé", ["http:ab", "http:aé"]),
        ("http:a http: http:. http:()", []),
        ("http:() http:()a", ["http:()a"]),
    ],
)
def test_links(text, expected):
    assert links(text)[: len(expected)] == expected
    assert bool(links(text)) == bool(expected)


@pytest.mark.parametrize(
    ("path", "kind", "value"),
    [
        (b"id:201", "id", b"201"),
        (b"#201", "custom-id", b"201"),
        (b"file:a.org::#201", "file", b"a.org"),
        (b"./a.org::*b", "file", b"./a.org"),
        (b"~/a", "file", b"~/a"),
        (b"(ref)", "coderef", b"ref"),
        (b"*Heading", "fuzzy", b"*Heading"),
        (b"https://a.b/c::d", "https", b"//a.b/c::d"),
        (b"a:b", "fuzzy", b"a:b"),
    ],
)
def test_what_a_link_points_at(path, kind, value):
    assert read_link_type(path) == (kind, value)
    (each,) = parse_objects(b"[[" + path + b"][x]]", 0, len(path) + 7)
    assert (each.kind, each.value) == (kind, value)


def test_targets():
    assert found("<<a b>> <<<c>>> << d>> <<e >> <<f>g>> <<h\n>>") == [
        ("target", "<<a b>>"),
        ("radio-target", "<<<c>>>"),
    ]


def test_text_links_to_radio_targets_anywhere():
    text = "A b, a  B. abs <<<a b>>> *a b* [[x][a b]] =a b=\n\n#+begin_example\n<<<abs>>>\n#+end_example\n* h\n"
    assert in_file(text, "link") == ["A b", "a  B", "a b", "[[x][a b]]"]
    assert in_file("*b* <<<*b*>>>\n", "link") == ["*b*"]
    heading = Document(b"* see Lin\n* <<<lin>>>\n").heading(0)
    assert [each.value for each in heading.objects()] == [b"Lin"]


@pytest.mark.parametrize(
    ("text", "kind", "span"),
    [
        ("[2018-06-06]", "inactive", "[2018-06-06]"),
        ("<2018-06-06 Wed 16:16 +1w>", "active", "<2018-06-06 Wed 16:16 +1w>"),
        ("<2018-06-06 水>", "active", "<2018-06-06 水>"),
        ("<2018-06-06 10:00-11:00>", "active-range", "<2018-06-06 10:00-11:00>"),
        ("[2018-06-06]--[2018-06-07 Thu]", "inactive-range", "[2018-06-06]--[2018-06-07 Thu]"),
        ("<2018-06-06>--<2018", "active", "<2018-06-06>"),
        ("<2018-06-06>--<\na>", "active", "<2018-06-06>"),
        ("<%%(diary-float t 4 2)>", "diary", "<%%(diary-float t 4 2)>"),
        ("<%%(diary-float t 4 2) 10:00>", "diary", "<%%(diary-float t 4 2) 10:00>"),
    ],
)
def test_timestamps(text, kind, span):
    raw = text.encode()
    (each,) = parse_objects(raw, 0, len(raw))
    assert (each.type, each.kind, raw[each.begin : each.end].decode()) == ("timestamp", kind, span)
    assert each.value == span.encode()


@pytest.mark.parametrize(
    "text", ["<2018-6-6>", "<2018-06-06\nWed>", "[2018-06-06", "<2018-06-06Wed>", "<%%()>", "<%%(a)", "<%%(a]b)\n>"]
)
def test_no_timestamps(text):
    assert found(text) == []


def test_citations_need_a_key():
    assert found("[cite:@a] [cite/t: see @b p. 3] [cite: none]") == [
        ("citation", "[cite:@a]"), ("citation", "[cite/t: see @b p. 3]"),
    ]  # fmt: skip


def test_footnotes():
    assert [span for _, span in found("[fn:1] [fn:a: b [fn:: c]] [fn:d")] == [
        "[fn:1]",
        "[fn:a: b [fn:: c]]",
        "[fn:: c]",
    ]


def test_objects_in_emphasis_end_with_it():
    assert found("*a [fn:: b* c]") == [("bold", "*a [fn:: b*")]
    assert found("*a {{{m(b* c)}}}") == [("bold", "*a {{{m(b*")]


def test_prices_are_not_formulas():
    assert found("It costs $5, or $6.") == []
    assert found("$a$ and $b$.") == [("latex-fragment", "$a$"), ("latex-fragment", "$b$")]


def test_deep_nesting():
    assert len(found("[fn:: " * 5000 + "a" + "]" * 5000)) == 5000
    assert len(found("*/" * 3000 + "a" + "/*" * 3000)) == 6000
    assert found("[[" * 5000 + "*" * 5000 + "{{{" * 5000) == []
