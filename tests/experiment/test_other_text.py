"""What is below an experiment and belongs to no part of it is shown and found."""

import json

import pytest

from commands import Orglab

LOG = """\
* TODO [1] Warmup :exp:
:PROPERTIES:
:ID: 1
:END:
[2026-01-01 Thu 10:00]

- A slower start helps.

A second paragraph about schedules.

| rate | loss |
|  0.1 | 0.25 |
** Setup
Clone the quixotic repository.
*** Machines
Two of them.
** Notes
- A note.
** TODO Experiments [0/1]
1. [ ] one
** TODO Conclusions
** TODO [2] Nested :exp:
:PROPERTIES:
:ID: 2
:END:
The description of the nested one.
"""


@pytest.fixture
def orglab(capsys, tmp_path, monkeypatch):
    (tmp_path / "experiment_log.org").write_text(LOG)
    monkeypatch.chdir(tmp_path)
    return Orglab(capsys)


def test_all_text_of_an_experiment_is_shown_once(orglab):
    shown = json.loads(orglab("show", "1", "--json").out)
    assert shown["description"] == "A slower start helps."
    assert [note["text"] for note in shown["notes"]] == ["A note."]
    assert shown["other_text"] == [
        {"line": 9, "text": "A second paragraph about schedules."},
        {"line": 11, "text": "| rate | loss |\n|  0.1 | 0.25 |"},
        {"line": 13, "text": "Setup\nClone the quixotic repository."},
        {"line": 15, "text": "Machines\nTwo of them."},
    ]
    page = orglab("show", "1").out
    for words in ("A second paragraph", "0.25", "quixotic", "Two of them."):
        assert page.count(words) == 1
    assert "nested" not in page
    assert "Other text" not in orglab("show", "2").out


def test_all_text_of_an_experiment_is_found(orglab):
    for words in ("schedules", "quixotic", "machines"):
        assert orglab("search", words).out.startswith("e1  TODO")
    assert orglab("search", "nested").out.startswith("e2  TODO")


def test_a_long_text_is_cut_on_the_page(orglab, tmp_path):
    lines = "".join(f"line {number}\n" for number in range(100))
    (tmp_path / "experiment_log.org").write_text(LOG.replace("Two of them.\n", lines))
    page = orglab("show", "1").out
    assert "line 18\n" in page
    assert "line 19" not in page
    assert "(… 81 more lines: orglab show 1 --full)" in page
    whole = orglab("show", "1", "--full").out
    assert "line 99\n" in whole
    assert "more lines" not in whole


def test_a_passage_of_other_text_is_named_so_and_cut_in_a_pipe(orglab, tmp_path):
    code = "".join(f"call_{number}()\n" for number in range(100))
    block = f"#+begin_src python\n{code}kittiwake()\n#+end_src\n"
    (tmp_path / "experiment_log.org").write_text(LOG.replace("Two of them.\n", block))
    line = orglab("search", "kittiwake").out.splitlines()[1]
    assert line.startswith("    other text  …")
    assert "kittiwake()" in line
    assert len(line) <= 200
    assert orglab("search", "kittiwake", "in:note").out
