"""The log before and after each command, byte by byte.

A case of cases/writing.txt is a log, a command behind `----`, and the log
after.  `[NOW]` stands for a timestamp of now, `~` for a zero-width space.
"""

import datetime
import re
import shlex
from pathlib import Path

import pytest

from commands import Orglab
from orglab.config import Config
from orglab.experiment.edits import add_journal_entry
from orglab.experiment.journal import read_entries
from orglab.org.document import Document

CASES = (Path(__file__).parents[1] / "cases" / "writing.txt").read_text().split("==== ")[1:]
NOW = re.compile(r"\[20\d\d-\d\d-\d\d \w{3} \d\d:\d\d\]")


def read_case(case):
    name, rest = case.split("\n", 1)
    before, command, after = re.fullmatch(r"(?s)(.*?)---- ([^\n]*)\n(.*)", rest).groups()
    return name, before, shlex.split(command.replace("\\n", "\n")), after


def same_but_for_time(text, kept):
    return NOW.sub(lambda match: match.group() if match.group() in kept else "[NOW]", text).replace("\u200b", "~")


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", CASES, ids=[case.split("\n")[0] for case in CASES])
def test_before_and_after(case, ending, capsys, tmp_path, monkeypatch):
    _, before, command, after = read_case(case)
    if ending == "\r\n" and not before:
        before, after = "#+TITLE: x\n", f"#+TITLE: x\n\n{after}"
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "experiment_log.org"
    log.write_bytes(before.replace("\n", ending).encode())
    Orglab(capsys)(*command)
    written = log.read_bytes().decode()
    if ending == "\r\n":
        assert written.count("\n") == written.count("\r\n")
    assert same_but_for_time(written.replace("\r\n", "\n"), before) == after


@pytest.mark.parametrize("case", CASES, ids=[case.split("\n")[0] for case in CASES])
def test_a_missing_last_newline_stays_missing_unless_text_is_appended(case, capsys, tmp_path, monkeypatch):
    _, before, command, after = read_case(case)
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "experiment_log.org"
    log.write_text(before.removesuffix("\n"))
    Orglab(capsys)(*command)
    if before:
        assert same_but_for_time(log.read_text(), before) == after.removesuffix("\n")
    else:
        assert same_but_for_time(log.read_text(), before) == after


NAMES = (
    ("novembre", "samedi"), ("November", "Samstag"), ("ноября", "суббота"), ("11月", "土曜日"), ("мај", "уто."), ("", ""),
)  # fmt: skip


@pytest.mark.parametrize(("month", "day"), NAMES)
def test_an_entry_goes_below_the_day_in_any_language(month, day):
    now = datetime.datetime(2026, 11, 28, 9, 0)  # noqa: DTZ001 - the log holds local times
    tree = f"* 2026\n** 2026-11 {month}\n*** 2026-11-27 {day}\n**** before\n*** 2026-11-28 {day}\n**** first\n** 2026-12 {month}\n"
    tree = "\n".join(line.rstrip() for line in tree.split("\n"))
    document = Document(tree.encode())
    after = document.apply(add_journal_entry(document, now, None, None, "second")).text.decode()
    assert after == tree.replace("**** first\n", "**** first\n**** second\n[2026-11-28 Sat 09:00]\n")


def test_a_heading_that_only_begins_with_the_date_is_no_day():
    now = datetime.datetime(2026, 11, 28, 9, 0)  # noqa: DTZ001 - the log holds local times
    document = Document(b"* 2026\n** 2026-11 November\n*** 2026-11-28 Talk about the paper at noon\n")
    after = document.apply(add_journal_entry(document, now, None, None, "x")).text.decode()
    assert "*** 2026-11-28 Saturday\n**** x\n" in after


def test_a_date_tree_may_be_below_a_heading():
    now = datetime.datetime(2026, 11, 28, 9, 0)  # noqa: DTZ001 - the log holds local times
    text = b"* Ideas\n* Journal\n** 2026\n*** 2026-11 novembre\n**** 2026-11-27 vendredi\n***** before\n* Other\n"
    document = Document(text)
    document = document.apply(add_journal_entry(document, now, None, None, "first"))
    document = document.apply(add_journal_entry(document, now, None, None, "second"))
    assert document.text == text.replace(
        b"* Other\n",
        b"**** 2026-11-28 Saturday\n***** first\n[2026-11-28 Sat 09:00]\n***** second\n[2026-11-28 Sat 09:00]\n* Other\n",
    )
    entries = [(entry.title, entry.at.isoformat() if entry.at else None) for entry in read_entries(document, Config())]
    assert entries == [
        ("Ideas", None), ("before", "2026-11-27"), ("first", "2026-11-28T09:00"), ("second", "2026-11-28T09:00"),
        ("Other", None),
    ]  # fmt: skip
