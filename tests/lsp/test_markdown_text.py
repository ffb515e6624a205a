"""What the user wrote is shown as it is where an editor shows Markdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orglab.lsp.markdown_text import escape_line, escape_words
from orglab.text import one_line

PIECES = (*"\\`*_{}[]<>()#+-.!|~$&:@=^\"'/? aZ09éß😀①\u00a0", "](", "]:", "[x]: y", "![", "&amp;", "&#35;", "<b>", "<a@b.c>",
          "<!--", "https://x.y", "```", "~~", "1. ", "12) ", "- ", "# ", "> ", "---", "===", "__", "**", "| a | b |", "\\\\")  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=20)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PLAIN = {"text", "text_special"}


def read_inline(markdown):
    """Return the inline tokens of Markdown that is paragraphs only, paragraph by paragraph."""
    blocks = MARKDOWN.parse(markdown)
    assert {one.type for one in blocks} <= {"paragraph_open", "inline", "paragraph_close"}, markdown
    return [one.children for one in blocks if one.type == "inline"]


@given(TEXTS, TEXTS)
def test_a_line_is_a_paragraph_that_shows_the_same_text(first, second):
    lines = [line for line in map(one_line, (first, second)) if line]
    shown = read_inline("\n\n".join(map(escape_line, lines)))
    assert {token.type for tokens in shown for token in tokens} <= PLAIN
    assert ["".join(token.content for token in tokens) for tokens in shown] == lines


@given(TEXTS)
def test_words_after_a_bold_reference_are_shown_as_they_are(text):
    (tokens,) = read_inline(f"**e1.2** {escape_words(text)}".strip())
    assert [one.type for one in tokens if one.type not in PLAIN] == ["strong_open", "strong_close"]
    assert "".join(one.content for one in tokens) == f"e1.2 {one_line(text)}".strip()


@pytest.mark.parametrize(
    "text",
    [
        "snake_case.py: lr=0.1, n = 3 (seed 1-4), p < 0.05, [e12] and [ ] #7 > 3 + 2 - 1; AT&T! 1. x | \\alpha @me",
        "-0.5 and 3.5 % at +2",
        "created 2018-06-07 10:00",
        "Last note: val_acc 1",
    ],
)
def test_what_is_no_markup_is_left_alone(text):
    assert escape_line(text) == text
