"""Putting steps and conclusions where the template has them."""

import pytest

from notebooks import NOTEBOOKS
from orglab.api import Log
from orglab.experiment.template_moves import find_lost_line
from orglab.org.document import Document


def drawer(*lines):
    return "".join(f"{line}\n" for line in (":PROPERTIES:", ":ID: 1", *lines, ":END:"))


@pytest.fixture
def move(tmp_path):
    def write(text):
        path = tmp_path / "log.org"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        log = Log(path)
        log.follow_template([one.id for one in log.experiments()])
        return path.read_bytes().decode()

    return write


def test_subheadings_that_say_what_they_have_are_renamed(move):
    before = f"* A :exp:\n{drawer(':STEPS_IN: Protocol', ':CONCLUSION_IN: Ergebnis')}** Protocol [1/2]\n- [X] x\n- y\n** Ergebnis\nJa.\n"
    assert move(before.replace("- y", "- [ ] y")) == (
        f"* A :exp:\n{drawer()}** Experiments [1/2]\n- [X] x\n- [ ] y\n** Conclusions\nJa.\n"
    )


def test_lists_and_lines_are_moved_below_new_headings(move):
    before = f"* A [1/2] :exp:\n{drawer(':STEPS_IN: .', ':CONCLUSION_IN: Result:')}Goal.\n- [X] x\n  more\n- [ ] y\nResult: yes\n"
    after = move(before)
    assert after == (
        f"* A [0/0] :exp:\n{drawer()}Goal.\n\n** Experiments [1/2]\n- [X] x\n  more\n- [ ] y\n\n** Conclusions\nResult: yes\n"
    )


def test_a_list_of_another_subheading_is_moved_and_its_text_stays(move):
    after = move(f"* A :exp:\n{drawer(':STEPS_IN: Setup')}** Setup\nGoal.\n- [X] x\n** Log\n* B\n")
    assert after == f"* A :exp:\n{drawer()}** Setup\nGoal.\n** Log\n** Experiments [1/1]\n- [X] x\n* B\n"


def test_items_without_checkboxes_get_one(move):
    after = move(f"* A :exp:\n{drawer(':STEPS_IN: Steps:')}Steps:\n1. x\n2. y")
    assert after.endswith("** Experiments [0/2]\nSteps:\n1. [ ] x\n2. [ ] y")


@pytest.mark.parametrize(
    "text",
    [
        f"* A :exp:\n{drawer(':STEPS_IN: .')}- a note\n- [ ] x\n",  # a note would become a step
        f"* A :exp:\n{drawer(':CONCLUSION_IN: Conclusion: it works')}** Conclusion: it works\n",  # its words would be lost
        f"* A :exp:\n{drawer(':STEPS_IN: Setup')}** Setup\n- [ ] x\n** Experiments\n",  # it has the heading already
        f"* A :exp:\n{drawer()}** Experiments\n1. [ ] x\n",
    ],
)
def test_what_cannot_be_moved_stays(move, text):
    assert move(text) == text


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_no_line_is_lost_and_the_same_is_read(tmp_path, name, end):
    path = tmp_path / "log.org"
    path.write_bytes(NOTEBOOKS[name].replace("\n", end).encode())
    log = Log(path)
    made = log.make_experiments([group.letter for group in log.adopt().candidates])
    text = path.read_bytes()
    before = {
        one.id: ([(step.text, step.state) for step in one.steps], one.conclusion.text) for one in log.experiments()
    }
    log.follow_template([one.id for one in made])
    after = {
        one.id: ([(step.text, step.state) for step in one.steps], one.conclusion.text) for one in log.experiments()
    }
    assert find_lost_line(Document(text), Document(path.read_bytes())) == ""
    assert {key: value[0] for key, value in after.items()} == {key: value[0] for key, value in before.items()}
    for key, (_, conclusion) in before.items():
        assert set(conclusion.split()) <= set(after[key][1].split())


def test_a_line_that_is_lost_is_found():
    assert find_lost_line(Document(b"* A\na\nb\n"), Document(b"* B\nb\n")) == "a"
    assert find_lost_line(Document(b"* A\na\na\n"), Document(b"* A\na\n")) == "a"
