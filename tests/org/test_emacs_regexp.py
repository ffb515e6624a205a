r"""Emacs regexps in Python: what Emacs 28 finds in an Org buffer, with case ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.errors import MatchSyntaxError
from orglab.org.emacs_regexp import TAG_WORD, compile_emacs_regexp, quote_emacs_regexp


def found(pattern: str, text: str, also_word: str = "") -> str | None:
    """Return what Emacs's `(match-string 0 text)` would be after `(string-match pattern text)`."""
    match = compile_emacs_regexp(pattern, also_word=also_word).search(text)
    return match and match.group()


@pytest.mark.parametrize("text", ["(a)", "a|b", "a{2}", "a/b", "#1", "%@&~"])
def test_characters_special_only_in_python_are_literal(text: str) -> None:
    assert found(text, f"x{text}x") == text


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\(ab\)+", "xababx", "abab"),
        (r"\(?:a\|b\)+", "xabax", "aba"),
        (r"T\(O\|X\)DO", "TXDO", "TXDO"),
        (r"a\{2\}", "aaa", "aa"),
        (r"a\{2,\}", "aaa", "aaa"),
        (r"a\{,2\}", "aaa", "aa"),
        (r"a\{,\}", "aaa", "aaa"),
        (r"a\{\}", "aaa", ""),
        (r"\(a\)\(b\)\2\1", "abba", "abba"),
        (r"\(?2:a\)\(b\)\3\2", "abba", "abba"),
        (r"\(?2:a\)\1", "aa", None),
        (r"\d\n\t", "dnt", "dnt"),
    ],
)
def test_backslashes(pattern: str, text: str, expected: str | None) -> None:
    assert found(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*a", "x*a", "*a"),
        (r"\(*a\)", "*a", "*a"),
        (r"b\|*a", "*a", "*a"),
        ("^*a", "*a", "*a"),
        (r"\`*a", "*a", "*a"),
        (r"\{2\}", "{2}", "{2}"),
        ("a^b$c", "a^b$c", "a^b$c"),
        (r"\(^a$\)", "a", "a"),
        (r"x\|^a", "ba", None),
    ],
)
def test_an_operator_without_operand_is_literal(pattern: str, text: str, expected: str | None) -> None:
    assert found(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("a**", "aaa"), ("a*+", "aaa"), ("a+?", "a"), ("a??", ""), ("a*+?", ""), (r"a+\{2\}", "aaa")],
)
def test_operators_in_a_row_are_one(pattern: str, expected: str) -> None:
    assert found(pattern, "aaa") == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("[]a]+", "x]a", "]a"),
        ("[^]a]", "]ab", "b"),
        (r"[a\]", "\\", "\\"),
        ("[a-]+", "-a", "-a"),
        ("[a-c-e]+", "d-e", "-e"),
        ("[z-a]", "b", None),
        ("[^z-a]", "b", "b"),
        ("[^a]", "\n", "\n"),
        ("[[:alpha:]_]+", "1a_b", "a_b"),
        ("[^[:space:]]+", " ab c", "ab"),
        ("[[:digit:][:punct:]]+", "a1,2b", "1,2"),
        ("[[:upper:]]+", "1ab", "ab"),
        ("[[:alpha]+", "a:", "a:"),
    ],
)
def test_brackets(pattern: str, text: str, expected: str | None) -> None:
    assert found(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\w+", "_a$b%c'd_", "a$b%c'd"),  # Org's syntax table makes words of these, and not of `_`
        (r"\W+", "a-_b", "-_"),
        (r"\sw\s_\s-", "a_ ", "a_ "),
        (r"\S-+", " ab ", "ab"),
        (r"\bb", "ab b", "b"),
        (r"\b", "", ""),
        (r"\B", "", None),
        (r"\<loss\>", "loss_1", "loss"),
        (r"\_<loss\_>", "loss_1", None),
        (r"\_<loss\_>", "(loss)", "loss"),
        (r"\`a", "b\na", None),
        ("^a", "b\na", "a"),
        ("a$", "a\nb", "a"),
        (r"a\'", "a\nb", None),
        (".+", "a\nb", "a"),
        ("É", "é", "é"),
        (r"e\w", "e\u0301", "e\u0301"),
    ],
)
def test_words_edges_and_case(pattern: str, text: str, expected: str | None) -> None:
    assert found(pattern, text) == expected


def test_at_and_underscore_are_word_characters_in_tags() -> None:
    assert found(r"\<work", "@work") == "work"
    assert found(r"\<work", "@work", TAG_WORD) is None
    assert found(r"\w+", "@at_work", TAG_WORD) == "@at_work"
    assert found(r"\s_", "_", TAG_WORD) is None


@pytest.mark.parametrize(
    ("pattern", "position", "problem"),
    [
        (r"a\(b", 1, r"Unclosed `\(`"),
        (r"ab\)", 2, r"Unmatched `\)`"),
        ("a[b", 1, "Unclosed `[`"),
        ("[[:alfa:]]", 1, "Unknown character class `[:alfa:]`"),
        ("ab\\", 2, "Trailing backslash"),
        (r"a\{2", 1, r"Expected one or two numbers and `\}` after `\{`"),
        (r"a\{3,2\}", 1, r"`\{n,m\}` requires n <= m <= 65535"),
        (r"a\{65536\}", 1, r"`\{n,m\}` requires n <= m <= 65535"),
        (r"\(a\1\)", 3, "No group 1 before this back-reference"),
        (r"\(?a\)", 0, r"Expected `:` after `\(?`, as in `\(?:a\)`,"),
        (r"\(?0:a\)", 0, r"Expected `:` after `\(?`, as in `\(?:a\)`,"),
        (r"a\=", 1, r"Unsupported construct `\=`"),
        (r"\_a", 0, r"Unsupported construct `\_a`"),
        (r"\sx", 0, r"Unknown character class `\sx`"),
        (r"\(" * 51 + r"\)" * 51, 100, "Groups nested too deeply"),
    ],
)
def test_an_error_points_at_its_cause(pattern: str, position: int, problem: str) -> None:
    with pytest.raises(MatchSyntaxError) as error:
        compile_emacs_regexp(pattern)
    assert (error.value.position, error.value.problem) == (position, problem)


PIECES = st.sampled_from([*r"ab_1-.*+?^$[](){}|\:é", r"\(", r"\)", r"\|", r"\{", r"\}", r"\_<", "[[:", ":]]", "\n"])


def syntax_error(pattern: str) -> MatchSyntaxError | None:
    """Return why it is not a regexp."""
    try:
        compile_emacs_regexp(pattern)
    except MatchSyntaxError as error:
        return error
    return None


@given(st.lists(PIECES).map("".join))
def test_any_text_is_a_pattern_or_a_syntax_error(pattern: str) -> None:
    error = syntax_error(pattern)
    assert error is None or 0 <= error.position <= len(pattern)
    # That would be Python rejecting the translation.
    assert error is None or "Unsupported regexp" not in error.problem


@given(st.text())
def test_quoted_text_finds_itself(text: str) -> None:
    match = compile_emacs_regexp(quote_emacs_regexp(text)).fullmatch(text)
    assert match
    assert match.group() == text


def test_a_regexp_repeated_too_deeply_is_an_error() -> None:
    with pytest.raises(MatchSyntaxError, match="too many repetitions"):
        compile_emacs_regexp("a" + r"\{2\}" * 5000)


def test_classes_that_overlap_are_not_tried_twice() -> None:
    assert found("^[[:alpha:][:alnum:][:digit:]]*$", "a" * 1000 + "!") is None
