"""The example log of the format: its JSON, and what `done` changes in it."""

import json

import pytest

from commands import Orglab
from texts import SEED


@pytest.fixture
def orglab(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiment_log.org").write_text(SEED)
    return Orglab(capsys)


def test_show_gives_the_documented_json(orglab):
    # Within a version fields may be added.
    shown = json.loads(orglab("show", "201", "--json").out)
    assert (shown.pop("mentions"), shown.pop("recorded"), shown.pop("runs")) == ([], {}, [])
    assert [shown.pop(name) for name in ("results", "metrics", "baseline", "claim")] == [[], [], None, None]
    assert [shown["conclusion"].pop(name) for name in ("at", "earlier", "author", "confirmed")] == [
        None,
        [],
        None,
        None,
    ]
    assert [step.pop("originals") for step in shown["steps"]] == [["83d45cd"], []]
    assert shown.pop("other_text") == []
    assert shown == {
        "version": 1, "id": "201", "ref": "e201", "title": "ABC in XYZ model", "state": "TODO", "is_done": False,
        "tags": ["@work", "exp"], "created": "2018-06-06T16:16", "closed": None,
        "description": "Test if adding ABC to XYZ improves results.",
        "steps": [
            {"number": 1, "ref": "e201.1", "text": "Test XYZ without ABC", "state": "done", "commits": ["83d45cd"],
             "notes": [], "line": 12},
            {"number": 2, "ref": "e201.2", "text": "Test XYZ with ABC", "state": "open", "commits": [],
             "notes": [], "line": 13},
        ],
        "notes": [], "conclusion": {"state": "TODO", "verdict": None, "text": "", "closed": None},
        "progress": {"done": 1, "total": 2}, "properties": {"ID": "201"}, "file": "experiment_log.org", "line": 1,
        "problem": None,
    }  # fmt: skip


def test_done_changes_only_the_checkbox_the_counts_and_the_keyword(orglab, tmp_path):
    orglab("done", "201.2", "--no-commit")
    after = SEED.replace("[0%]", "[50%]").replace("TODO Experiments [1/2]", "DONE Experiments [2/2]")
    assert (tmp_path / "experiment_log.org").read_text() == after.replace("2. [ ]", "2. [X]")


@pytest.mark.parametrize("spelling", ["201.2", "e201.2", "[e201.2]"])
def test_undo_reverts_done_in_any_spelling(orglab, tmp_path, spelling):
    orglab("done", spelling, "--no-commit")
    orglab("done", "--undo", spelling)
    assert (tmp_path / "experiment_log.org").read_text() == SEED
