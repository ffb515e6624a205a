"""Text for people: widths, wrapping, and the bar."""

import io
import sys
import threading

import pytest

from orglab.cli import output


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the progress bar believes have passed."""
    passed = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: passed[0])
    return passed


def test_a_bar_is_shown_on_a_terminal_after_a_second(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with output.progress_bar("Reading") as update:
        update(1, 4)
        assert screen.getvalue() == ""
        clock[0] = 1.5
        update(2, 4)
        assert "Reading" in screen.getvalue()
        assert "50%" in screen.getvalue()
        update(4, 4)
        assert "100%" in screen.getvalue()
    # It is gone at the end.
    assert screen.getvalue().endswith("\r\x1b[K")


def test_a_bar_is_shown_although_the_work_calls_nothing(monkeypatch):
    drawn = threading.Event()
    screen = Terminal()
    screen.flush = drawn.set
    monkeypatch.setattr(sys, "stderr", screen)
    with output.progress_bar("Reading") as update:
        update(1, 4)
        assert drawn.wait(20)
        assert " 25%" in screen.getvalue()


def test_what_ends_within_a_second_shows_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with output.progress_bar("Reading") as update:
        update(1, 4)
    assert screen.getvalue() == ""


def test_there_is_no_bar_in_a_pipe(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    with output.progress_bar("Reading") as update:
        clock[0] = 1.5
        update(2, 4)
    assert pipe.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "columns", "fitted"),
    [("abc", 5, "abc  "), ("abcdef", 5, "abcd…"), ("日本", 5, "日本 "), ("日本語", 5, "日本…"), ("abcde", 5, "abcde")],
)
def test_a_text_fits_its_columns(text, columns, fitted):
    assert output.fit(text, columns) == fitted
