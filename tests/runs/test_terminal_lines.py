"""What a terminal shows of the output of a command in the end."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.terminal_lines import read_terminal_lines


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        ("", []),
        ("one\ntwo\n\n", ["one", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("  1%|   |\r 50%|#  |\r100%|###|\ndone\n", ["100%|###|", "done"]),
        ("a longer line\rshort\n", ["shortger line"]),
        ("a longer line\r\x1b[Kshort\n", ["short"]),
        ("wrong\x1b[2K\rright", ["right"]),
        ("12345\x1b[3D\x1b[1Kx", ["  x45"]),
        ("abc\b\bX", ["aXc"]),
        ("first\nsecond\n\x1b[2A\rFIRST\n", ["FIRST", "second"]),
        ("first\nsecond\x1b[A\x1b[3Gx", ["fixst", "second"]),
        ("a\x1b[5Cb", ["a     b"]),
        ("\x1b[1;31mred\x1b[0m and \x9b32mgreen\x9b0m", ["red and green"]),
        ("\x1b]8;;https://example.org\x07a link\x1b]8;;\x07", ["a link"]),
        ("\x1b]0;title\x1b\\text\x1b(B\x1b7", ["text"]),
        ("bell\a null\0 <U+202E>: \u202e", ["bell null <U+202E>: <U+202E>"]),
        ("<script>alert(1)</script>", ["<script>alert(1)</script>"]),
        ("神经网络\rشبكة", ["شبكة"]),
    ],
)
def test_what_is_written_over_is_gone_and_what_controls_the_terminal_is_not_shown(printed, lines):
    assert read_terminal_lines(printed.encode()) == lines


def test_a_byte_that_is_not_utf_8_is_marked():
    assert read_terminal_lines(b"caf\xe9 \xff") == ["caf\ufffd \ufffd"]


def test_a_cursor_that_is_sent_far_away_takes_little_room():
    lines = read_terminal_lines(b"\x1b[999999999Cx\x1b[999999Bdown\x1b[999999Aup\x1b[99999999999999Gy")
    assert len(lines) == 1
    assert len(lines[0]) < 5000


_PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["\r", "\n", "\b", "\x1b[", "\x1b]", "\x9b", "K", "2K", "A", "31m", "12;4H", "\a", "\x1b\\", "\t"]),
)


@given(st.lists(_PIECES, max_size=40))
def test_no_output_leaves_a_control_character(pieces):
    for line in read_terminal_lines("".join(pieces).encode("utf-8", "replace")):
        assert not [char for char in line if unicodedata.category(char) == "Cc"]
