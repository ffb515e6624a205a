"""`orglab runs prune`."""

import json
import subprocess
import sys

import pytest

from orglab import clock
from orglab.errors import UsageError
from orglab.runs.pruning import parse_size
from orglab.runs.record_reader import read_runs


@pytest.fixture
def pruned(study, orglab):
    """A study with a small and a large run."""
    orglab("run", "1.1", "--stdout-metrics", "--", "echo", "metric acc=0.5")
    orglab("run", "1.1", "--", "seq", "20000")
    return study


def files(study):
    return [sorted(path.name for path in run.folder.iterdir()) for run in read_runs(study.path)]


def test_large_runs_lose_their_files_and_keep_their_record(pruned, orglab):
    small, large = read_runs(pruned.path)
    (large.folder / "out").mkdir()
    (large.folder / "out" / "model").write_bytes(b"x" * 1000)
    (large.folder / "out" / "elsewhere").symlink_to(pruned.path)
    answer = orglab("runs", "prune", "--larger", "50KB", "--yes")
    assert [line.split()[0] for line in answer.out.splitlines()] == [large.id, "Outputs,"]
    assert "Freed 107 KB." in answer.err
    assert files(pruned) == [["metrics.jsonl", "output.log", "record.jsonl"], ["record.jsonl"]]
    assert (pruned.path / "train.py").exists()
    assert [run.status for run in read_runs(pruned.path)] == ["done", "done"]
    assert "its output and its other files were removed" in orglab("runs", "show", large.id).out
    assert "removed" not in orglab("runs", "show", small.id).out
    assert "Nothing to remove." in orglab("runs", "prune", "--larger", "50KB", "--yes").err


def test_old_runs_are_those_that_ended_before_a_day(pruned, orglab, monkeypatch):
    now = clock.now()
    assert "Nothing to remove." in orglab("runs", "prune", "--older", "1d", "--yes").err
    monkeypatch.setattr(clock, "now", lambda: now.replace(year=now.year + 1))
    found = json.loads(orglab("runs", "prune", "--older", "90d", "--json").out)
    assert [one["id"] for one in found["runs"]] == [run.id for run in read_runs(pruned.path)]
    assert found["freed"] is None
    assert len(files(pruned)[0]) == 3
    assert json.loads(orglab("runs", "prune", "--older", "90d", "--yes", "--json").out)["freed"] > 100_000
    assert files(pruned) == [["record.jsonl"]] * 2


def test_without_a_terminal_nothing_is_removed_unless_it_is_said(pruned, orglab):
    before = files(pruned)
    answer = orglab("runs", "prune", "--larger", "1", code=2)
    assert "2 runs: " in answer.out
    assert "add --yes" in answer.err
    assert "--older 90d" in orglab("runs", "prune", "--yes", code=2).err
    assert files(pruned) == before


def test_runs_that_go_on_or_are_pending_are_left_alone(pruned, orglab):
    command = [sys.executable, "-m", "orglab", "run", "1.2", "--", "sh", "-c", "echo ready; cat"]
    with subprocess.Popen(command, cwd=pruned.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        orglab("runs", "prune", "--larger", "1", "--yes")
        process.stdin.close()
        process.wait()
    assert [len(names) for names in files(pruned)] == [1, 1, 2]


@pytest.mark.parametrize(("text", "size"), [
    ("1", 1), ("500KB", 500_000), ("1.5 gb", 1_500_000_000), ("100M", 100_000_000),
])  # fmt: skip
def test_sizes_in_the_spellings_people_use(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e3", "1XB", "nan"])
def test_what_is_not_a_size_is_refused(text):
    with pytest.raises(UsageError, match="not a size"):
        parse_size(text)


def test_the_files_of_another_clone_are_not_removed_through_a_link(pruned, orglab, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "run"
    (run, large) = read_runs(pruned.path)
    large.folder.rename(other)
    large.folder.symlink_to(other)
    before = sorted(other.iterdir())
    assert "Nothing to remove." in orglab("runs", "prune", "--larger", "50KB", "--yes").err
    assert sorted(other.iterdir()) == before
    assert [one.id for one in read_runs(pruned.path)] == [run.id]
