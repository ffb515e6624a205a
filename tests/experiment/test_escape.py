"""Escaping text for a log."""

import pytest

from orglab.errors import UsageError
from orglab.experiment.escape import (
    ESCAPE,
    add_note_head,
    check_one_line,
    check_step_text,
    escape_item_start,
    escape_lines,
    format_body,
    format_item,
)


def shown(lines):
    """Return lines with `~` for a zero-width space."""
    return "\n".join(lines).replace(ESCAPE, "~")


@pytest.mark.parametrize(
    "text", ["A", "* A", "TODO A :tag:", "[#A] [7] <<8>>", "日本語 🎉", "a\tb", "[X] a", "# a", ":a:"]
)
def test_almost_any_single_line_is_kept_as_it_is(text):
    assert check_one_line(f"  {text} ", "A title") == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"), (" \t ", "empty"), ("a\nb", "one line"), ("a\r\nb", "one line"), ("a\rb", "one line"),
        ("a\x1b[31mb", r"control characters \(found '\\x1b'\)"), ("a\0b", "control"), ("a\x85b", "control"),
        ("a [50%]", r"\[50%\]"), ("[1/2] a", r"\[1/2\]"), ("[/]", r"\[/\]"), ("[%]", r"\[%\]"),
        ("caf\udce9", "UTF-8"), ("Local Variables: x", "Emacs"),
    ],
)  # fmt: skip
def test_a_line_that_org_would_change_is_rejected(text, says):
    with pytest.raises(UsageError, match=f"^A title .*{says}"):
        check_one_line(text, "A title")


@pytest.mark.parametrize("text", ["a (0123abc)", "(0123abc)", "a (0123abc, 89abcdef)"])
def test_a_step_that_ends_like_commits_is_rejected(text):
    with pytest.raises(UsageError, match="orglab done -c"):
        check_step_text(text)


@pytest.mark.parametrize("text", ["a (see 0123abc)", "(0123abc) a", "a (0123ab)", "a (0123ABC)", "f(x)"])
def test_a_step_may_mention_commits(text):
    assert check_step_text(text) == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\r\nb\rc\x0cd\x85e", "a\nb\nc\nd\ne"),
        ("\n\n  a\n\n\n \t\nb\n\n", "  a\n\nb"),
        ("a\tb", "a       b"),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07b\x00e\x7fll\x9b", "red bell"),
        ("caf\udce9", "caf�"),
        ("it is [50%] of [1/2]", "it is [~50%] of [~1/2]"),
        ("- [ ] a\n  12) [X] b\n[ ] c\na. [@3] [-] d", "- [~ ] a\n  12) [~X] b\n[ ] c\na. [@3] [~-] d"),
        ("#+TODO: A | B\n  #+startup: odd\n#+INCLUDE: x", "~#+TODO: A | B\n  ~#+startup: odd\n~#+INCLUDE: x"),
        ("#+CAPTION: a\n#+NAME: b\n#+ATTR_HTML: c\n#+RESULTS[1]: d\n#+TBLFM: e", None),
        ("# a comment\n#hash\n#", "~# a comment\n#hash\n~#"),
        (":drawer:\n:END:\n: fixed\n:a b:", "~:drawer:\n~:END:\n: fixed\n:a b:"),
        ("CLOSED: [2018-06-06 Wed]\nclock: x", "~CLOSED: [2018-06-06 Wed]\n~clock: x"),
        ('State "DONE" x\n- Note taken on [2018', '~State "DONE" x\n~- Note taken on [2018'),
        ("# Local Variables:\n# End:", "~# Local ~Variables:\n~# End:"),
        ("#+begin_src\nx\n#+begin_quote", "~#+begin_src\nx\n~#+begin_quote"),
        ("| a | b |\n|---+---|", None),
        ("* star\n<<<<<<< HEAD", None),
    ],
)
def test_escape_lines(text, lines):
    assert shown(escape_lines(text)) == (text if lines is None else lines)


def test_stars_and_conflict_markers_at_the_margin_are_escaped():
    text = "* a\n*b\n *c\n** d\n<<<<<<< e\n>>>>>>> f\n======="
    assert shown(escape_lines(text, at_margin=True)) == "~* a\n*b\n *c\n~** d\n~<<<<<<< e\n~>>>>>>> f\n======="


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("#+begin_src sh\n* a\n\n\n- [ ] [50%]\n:END:\n# b\n#+end_src", None),
        ("#+BEGIN_EXAMPLE\n#+begin_src\n#+end_example", None),
        ("#+begin_quote\n- [ ] a\n* b\n\n\nc\n#+end_quote", "#+begin_quote\n- [~ ] a\n* b\n\nc\n#+end_quote"),
        ("#+begin_a\n#+begin_b\n#+end_a\n#+end_b", "#+begin_a\n~#+begin_b\n#+end_a\n~#+end_b"),
        ("#+begin_a\n#+begin_b\n#+end_b\n#+end_a\n#+end_a", "#+begin_a\n#+begin_b\n#+end_b\n#+end_a\n~#+end_a"),
        ("#+begin_comment\nhidden\n#+end_comment", "~#+begin_comment\nhidden\n~#+end_comment"),
        ("#+end_src\n#+begin_src", "~#+end_src\n~#+begin_src"),
        ("#+begin: x\n#+end:", "~#+begin: x\n~#+end:"),
    ],
)
def test_closed_blocks_are_kept_if_allowed(text, lines):
    assert shown(escape_lines(text, blocks=True)) == (text if lines is None else lines)


def test_a_star_at_the_margin_of_a_block_is_escaped_with_a_comma():
    text = "#+begin_src\n* a\n** b\n*c\n#+end_src\n* d"
    assert shown(escape_lines(text, at_margin=True, blocks=True)) == "#+begin_src\n,* a\n,** b\n*c\n#+end_src\n~* d"


@pytest.mark.parametrize("text", ["", " \n\t\n", "\x00\x1b[0m"])
def test_empty_text_is_rejected(text):
    with pytest.raises(UsageError, match="text is empty"):
        escape_lines(text)


@pytest.mark.parametrize("first", ["[ ] a", "[X] a", "[@3] a", "[2018-06-06 Wed] a", "(0123abc) a"])
def test_the_start_of_an_item_is_not_read_as_box_counter_or_time(first):
    assert shown(escape_item_start([first, "[ ] b"])) == f"~{first}\n[ ] b"
    assert escape_item_start(["a [ ]"]) == ["a [ ]"]


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        (["a", "b"], "HEAD a\nb"),
        (["  a"], "HEAD a"),
        (["(0123abc) a"], "HEAD ~(0123abc) a"),
        (["| a |", "| b |"], "HEAD\n| a |\n| b |"),
        (["#+begin_src", "#+end_src"], "HEAD\n#+begin_src\n#+end_src"),
    ],
)
def test_a_note_follows_its_head_on_the_same_or_the_next_line(lines, after):
    assert shown(add_note_head("HEAD", lines)) == after


def test_lines_of_an_item_are_indented():
    assert format_item("10. ", ["a", "    b", "", "      c"], 2) == b"  10. a\n      b\n\n        c\n"
    assert format_body(["  a", "  b"]) == b"a\n  b\n"
