"""Assigning a run to an experiment, and discarding it."""

import pytest

from orglab import open_log
from orglab.errors import UsageError
from orglab.runs.record_reader import read_runs

LOG = "experiment_log.org"


@pytest.fixture
def unassigned(repo, orglab):
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    orglab("new", "Second")
    orglab("start", "--clear")
    orglab("run", "--", "true")
    return repo


def notes(repo):
    (run,) = read_runs(repo.path)
    return (repo.path / LOG).read_text().count(f"run {run.id}")


def assign(reference):
    log = open_log()
    (run,) = log.runs()
    return log.assign_run(run.id, reference, print)


def test_an_assigned_run_has_one_note(unassigned):
    assert notes(unassigned) == 0
    assert [assign("1.1").ref, assign("1.1").ref] == ["e1.1", "e1.1"]
    assert notes(unassigned) == 1
    with pytest.raises(UsageError, match=r"has a note on the run .* under e1\.1"):
        assign("2")


def test_a_note_that_was_deleted_is_written_again_wherever_the_run_goes(unassigned):
    before = (unassigned.path / LOG).read_text()
    assign("1.1")
    for reference in ("1.1", "2"):
        unassigned.write(LOG, before)
        assert assign(reference).ref == f"e{reference}"
        assert notes(unassigned) == 1
    assert [run.ref for run in open_log().runs("2")] == ["e2"]


@pytest.mark.usefixtures("unassigned")
def test_a_discarded_run_has_the_present_reference_of_its_experiment(orglab):
    run = assign("1.1")
    orglab("renumber", "1", "--to", "7")
    discarded = open_log().discard_run(run.id, "wrong data")
    assert (discarded.ref, discarded.discarded) == ("e7.1", "wrong data")
    (note,) = open_log().step("7.1").notes
    assert note.text.endswith(f"\ndiscarded: wrong data\nrun {run.id}")
    assert open_log().discard_run(run.id, undo=True).discarded is None
    (note,) = open_log().step("7.1").notes
    assert "discarded" not in note.text


def test_a_run_elsewhere_is_left_to_its_clone(unassigned):
    (run,) = read_runs(unassigned.path)
    with (run.folder / "record.jsonl").open("a") as record:
        record.write('{"event": "copied", "writer": "other"}\n')
    with pytest.raises(UsageError, match="recorded in another clone"):
        assign("1.1")
