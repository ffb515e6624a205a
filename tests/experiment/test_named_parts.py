"""Experiments whose properties name where their steps and their conclusion are."""

import datetime

import pytest

from orglab.api import Log
from orglab.config import Config
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.model import read_experiments
from orglab.org.document import Document

NOW = datetime.datetime(2026, 6, 15, 12, 30)  # noqa: DTZ001 - the log holds local times
CONFIG = Config()


def read(text):
    (one,) = read_experiments(Document(text.encode(), CONFIG.keywords), CONFIG, "log.org")
    return one


def drawer(*lines):
    return "".join(f"{line}\n" for line in (":PROPERTIES:", ":ID: 1", *lines, ":END:"))


HEADED = f"* A :exp:\n{drawer(':STEPS_IN: Protocol', ':CONCLUSION_IN: Result')}\n** Protocol [1/2]\n- [X] x\n- [ ] y\n** Result\nYes.\n"
OWN = f"* A [1/2] :exp:\n{drawer(':STEPS_IN: .', ':CONCLUSION_IN: Result:')}It is so.\n- a note\n- [X] x\n- [ ] y\n\n*Result:* Yes,\nit is.\n"
LINES = f"* A :exp:\n{drawer(':STEPS_IN: Steps:', ':CONCLUSION_IN: Result:, Conclusion:')}Steps:\n- x\n- y\nResult: 0.9\nConclusion: yes\n"


@pytest.mark.parametrize(
    ("text", "steps", "conclusion", "description"),
    [
        (HEADED, [("x", "done"), ("y", "open")], "Yes.", ""),
        (OWN, [("x", "done"), ("y", "open")], "Yes,\nit is.", "a note"),
        (LINES, [("x", "open"), ("y", "open")], "0.9\n\nyes", ""),
    ],
)
def test_parts_are_read_where_they_are(text, steps, conclusion, description):
    one = read(text)
    assert [(step.text, step.state) for step in one.steps] == steps
    assert one.conclusion.text == conclusion
    assert (one.description, one.notes) == (description, ())


@pytest.mark.parametrize(
    ("conclusion", "text"),
    [
        ("Result:", "Tried it.\nResult: good\n"),
        ("Result:", "- one\n- Result: good\n- two\n"),
        ("Ergebnis:", "Ergebnis : good\n"),
        ("Result:", "Result - good\n"),
        ("Result:", "Result :: good\n"),
        ("Result:", "Result:\n- good\n\nMore.\n"),
        ("Result:", "** Monday\nResult: good\n"),
        ("Conclusion: good", "** Conclusion: good\n"),
        ("Conclusion : good", "** Conclusion : good\n"),
    ],
)
def test_forms_of_a_conclusion(conclusion, text):
    one = read(f"* A :exp:\n{drawer(f':CONCLUSION_IN: {conclusion}')}{text}")
    assert one.conclusion.text.removeprefix("- ") == "good"


@pytest.mark.parametrize("text", [HEADED, OWN, LINES])
def test_without_the_properties_nothing_else_is_read(text):
    lines = [line for line in text.splitlines(keepends=True) if "_IN:" not in line]
    one = read("".join(lines))
    assert (one.steps, one.conclusion.text) == ((), "")


def test_properties_that_name_nothing_are_as_none():
    text = f"* A :exp:\n{drawer(':STEPS_IN: Gone', ':CONCLUSION_IN: Gone:')}** Experiments\n1. [ ] x\n** Conclusions\nYes.\n"
    one = read(text)
    assert ([step.text for step in one.steps], one.conclusion.text) == (["x"], "Yes.")


@pytest.fixture
def log(tmp_path):
    def write(text):
        (tmp_path / "log.org").write_text(text)
        return Log(tmp_path / "log.org")

    return write


def test_steps_in_its_own_section_are_ticked_and_added_there(log):
    one = log(OWN.replace("* A", "* TODO A"))
    one.complete_step("1.2", [])
    one.add_step("1", "z")
    text = one.path.read_text()
    assert "- a note\n- [X] x\n- [X] y\n- [ ] z\n\n*Result:*" in text
    # The cookie counts, and the experiment is not done because its steps were.
    assert text.startswith("* TODO A [2/3] :exp:\n")


def test_steps_without_checkboxes_get_one_when_they_are_done(log):
    one = log(LINES)
    one.complete_step("1.1", [])
    assert "Steps:\n- [X] x\n- y\n" in one.path.read_text()


def test_a_note_goes_after_the_section(log):
    one = log(OWN)
    one.add_note("1", "Look.")
    assert one.path.read_text().index("*Result:*") < one.path.read_text().index("** Notes\n")
    assert one.experiment("1").conclusion.text == "Yes,\nit is."


def test_a_conclusion_is_added_to_the_heading_that_is_named(log):
    one = log(HEADED)
    one.conclude("1", "No.", verdict="refuted")
    assert "Conclusions" not in one.path.read_text()
    found = one.experiment("1").conclusion
    assert ([entry.text for entry in found.entries], found.verdict) == (["Yes.", "No."], "refuted")


def test_a_conclusion_in_a_line_stays_the_first_one(log):
    one = log(OWN)
    one.conclude("1", "No.", verdict="refuted")
    one.conclude("1", "Perhaps.", verdict="inconclusive")
    text = one.path.read_text()
    assert "*Result:* Yes,\nit is.\n" in text
    entries = one.experiment("1").conclusion.entries
    assert [(entry.text, entry.verdict) for entry in entries] == [
        ("Yes,\nit is.", None), ("No.", "refuted"), ("Perhaps.", "inconclusive"),
    ]  # fmt: skip
    assert one.experiment("1").conclusion.text == "Perhaps."


def test_a_uuid_is_an_id_only_if_there_is_no_other():
    uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert read(f"* A :exp:\n:PROPERTIES:\n:ID: {uuid}\n:END:\n").id == uuid
    assert read(f"* A :exp:\n:PROPERTIES:\n:ID: {uuid}\n:CUSTOM_ID: 7\n:END:\n").id == "7"
    titled = f"* [7] A :exp:\n:PROPERTIES:\n:ID: {uuid}\n:END:\n"
    assert read(titled).id == "7"
    assert [one.id for one in scan_experiments(Document(titled.encode()), CONFIG, "log.org")] == ["7"]


@pytest.mark.parametrize("title", ["[2025-05-30] A", "[X] A"])
def test_a_date_or_a_checkbox_in_a_title_is_no_id(title):
    assert list(read_experiments(Document(f"* {title} :exp:\n".encode()), CONFIG, "log.org")) == []
