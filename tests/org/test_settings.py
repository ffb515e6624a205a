"""In-buffer settings."""

from orglab.org.document import Document


def settings(text):
    return Document(text.encode()).settings


def test_keywords():
    found = settings("#+TODO: A(a!) B(b@/!) | C\n#+SEQ_TODO: D E\n* h\n#+TYP_TODO: T | U\n")
    assert list(found.keywords) == ["T", "U", "A", "B", "C", "D", "E"]
    assert found.done_names == ("U", "C", "E")
    assert [(found.keywords[name].on_enter, found.keywords[name].on_leave) for name in "ABC"] == [
        ("time", None),
        ("note", "time"),
        (None, None),
    ]
    assert settings("* TODO a\n").done_names == ("DONE",)


def test_lines_in_blocks_are_ignored():
    assert settings("#+begin_example\n#+TODO: A | B\n#+end_example\n").todo_names == ("TODO",)
    assert settings("# #+TODO: A | B\n").todo_names == ("TODO",)


def test_tags_startup_properties_and_setup_files():
    found = settings(
        "\ufeff#+filetags: :a:b: c\r\n#+STARTUP: LogDone\r\n#+PROPERTY: x 1 2\r\n#+SETUPFILE: s.org\r\n"
        "#+TAGS: [ ml : nlp(n) vision ]\r\n#+CATEGORY: lab\r\n"
    )
    assert (found.filetags, found.log_done, found.properties) == (("a", "b", "c"), "time", {"X": "1 2"})
    assert (found.setupfiles, found.tag_groups, found.category) == (("s.org",), {"ml": ("nlp", "vision")}, "lab")


def test_tag_groups():
    found = settings(
        "#+TAGS: a { b : c(x) {d.+} } e\n#+TAGS: [ f : g\n#+TAGS: h ] [ i j ] [ k : ] { l : m }\n#+TAGS: [n:o]\n"
    )
    assert found.tag_groups == {"b": ("c", "{d.+}"), "f": ("g", "h"), "k": (), "l": ("m",)}


def test_a_second_bar_is_a_keyword_that_no_heading_can_have(emacs, tmp_path):
    text = "#+TODO: TODO(t) | DONE(d) | KILLED(k)\n* TODO a\n* | b\n* KILLED c\n"
    found = settings(text)
    (tmp_path / "a.org").write_text(text)
    words = emacs("(find-file (pop command-line-args-left)) (princ org-done-keywords)", tmp_path / "a.org")
    assert words == f"({' '.join(found.done_names)})" == "(DONE | KILLED)"
    assert [heading.state for heading in Document(text.encode()).headings()] == ["TODO", None, "KILLED"]
