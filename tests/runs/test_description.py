"""Descriptions of runs in the log and in commit messages."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.description import (
    before_message,
    command_text,
    describe_run,
    format_note,
    metrics_text,
    results_message,
    value_text,
)
from orglab.runs.record import Run


def run(name="20180606-161600-3f2a1b", **fields):
    return Run(Path(name), fields)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["python", "train.py", "--seed", "3"], "python train.py --seed 3"),
        (["sh", "-c", "echo $X | cat"], "sh -c 'echo $X | cat'"),
        (["a", "x\ny\tz"], r"a 'x\ny\tz'"),
        (["a", "\x1b[0m\u202e\x85"], "a '\\x1b[0m\\u202e\\x85'"),
        (["a", "\udcff"], "a '\ufffd'"),
        (["a", ""], "a ''"),
        (["a", "ü"], "a 'ü'"),
    ],
)
def test_a_command_is_quoted_as_in_a_shell(argv, text):
    assert command_text(argv) == text


@given(st.lists(st.text(), min_size=1), st.integers(2, 50))
def test_a_command_is_one_printable_line_of_limited_length(argv, room):
    text = command_text(argv, room)
    assert len(text) <= room
    assert all(char.isprintable() or char == "\ufffd" for char in text)


def test_metrics():
    assert (
        metrics_text({"val_acc": 0.91, "n": 3, "name": "a\nb\x1b", "x": 1 / 3}.items())
        == "val_acc 0.91, n 3, name a b, x 0.333333"
    )
    assert metrics_text((f"m{n}", n) for n in range(10)).endswith("m7 7, and 2 more")
    assert value_text("x" * 50) == "x" * 39 + "…"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"exit_code": 0, "seconds": 192, "metrics": {"val_acc": 0.91}}, "ran CMD, exit 0, 3m12s: val_acc 0.91"),
        ({"exit_code": 2, "seconds": 1}, "ran CMD, exit 2, 1s"),
        ({"exit_code": None, "signal": "SIGTERM", "seconds": 1}, "ran CMD, killed by SIGTERM, 1s"),
        ({"exit_code": None, "signal": "SIGINT", "asked_by": "SIGINT", "seconds": 1}, "ran CMD, stopped by SIGINT, 1s"),
        (
            {"exit_code": None, "signal": "SIGKILL", "asked_by": "SIGTERM", "seconds": 1},
            "ran CMD, stopped by SIGTERM, killed by SIGKILL, 1s",
        ),
        ({"lost": True}, "ran CMD, lost"),
    ],
)
def test_a_run_is_one_line_and_its_note_ends_in_its_mark(fields, text):
    one = run(argv=["CMD"], why="Because", **fields)
    assert describe_run(one) == text
    assert format_note(one) == f"{text}\nBecause\nrun 20180606-161600-3f2a1b"


def test_numbers_and_exit_statuses_are_written_alike_everywhere(study, orglab):
    study.write("killed.sh", "echo metric loss=2.3123456789; kill -9 $$")
    study.write("failing.sh", "exit 3")
    orglab("run", "1.1", "--stdout-metrics", "--", "sh", "killed.sh", code=137)
    orglab("run", "1.2", "--", "sh", "failing.sh", code=3)
    for command in (("runs",), ("log", "1"), ("show", "1"), ("report", "--since", "2018-06-01")):
        said = orglab(*command).out
        assert said.count("killed by SIGKILL") == said.count("SIGKILL") > 0
        assert "2.3123456789" not in said
        assert "exit 3" in said
    for command in (("runs",), ("log", "1")):
        assert "loss 2.31235" in orglab(*command).out
    assert "  2.312  " in orglab("show", "1").out
    assert '"metric loss": "2.3123456789"' in orglab("show", "--history", "1", "--json").out


@pytest.mark.parametrize(("fields", "text"), [
    ({"exit_code": 1, "seconds": 3.2, "exception": "ValueError: bad"}, "exit 1, 3s: ValueError: bad"),
    ({"exit_code": 1, "exception": "E: x\n* y\x1b", "metrics": {"acc": 1}}, "exit 1: E: x * y; acc 1"),
    ({"signal": "SIGKILL", "out_of_memory": True}, "killed by SIGKILL, out of memory"),
    ({"exit_code": 0, "timed_out": True, "time_limit": 7200}, "stopped after its time limit of 2h"),
    ({"exit_code": 0, "timed_out": True, "time_limit": 5400}, "stopped after its time limit of 1h30m"),
    ({"exit_code": 0, "timed_out": True, "time_limit": 60.0}, "stopped after its time limit of 1m"),
    ({"signal": "SIGTERM", "timed_out": True, "time_limit": 1e400}, "stopped after its time limit"),
    ({"exit_code": 0, "exception": 3, "out_of_memory": "yes", "timed_out": 1}, "exit 0"),
    ({"lost": True}, "lost"),
])  # fmt: skip
def test_how_a_run_ended(fields, text):
    assert describe_run(run(argv=["x"], **fields)) == f"ran x, {text}"


@pytest.mark.parametrize("before", ["", "  ", "\t", "\x01", "\x1b[0m", "a\r", "a\u2028", "a\x85", "a\x0b", "\n"])
@pytest.mark.parametrize("mark", ["run {}", "Run: {}"])
def test_the_reason_of_a_run_cannot_speak_for_another(before, mark):
    own, other = "20180606-161600-3f2a1b", "20180606-161600-aaaa"
    one = run(argv=["x"], exit_code=0, why=f"{before}{mark.format(other)} \nmore", signal=f"X\n{mark.format(other)}")
    for text in (format_note(one), results_message(one, "start"), before_message("e1", ["x"], one.why, "start")):
        assert f"> {mark.format(other)}\nmore" in text
        assert not re.search(f"(?m)^[ \t]*[Rr]un:? {other}", text)
    assert format_note(one).splitlines()[-1] == f"run {own}"
