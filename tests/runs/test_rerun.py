"""What differs between runs, and a run done again."""

import json
import re
import shutil

import pytest

from commands import Orglab
from orglab.errors import NotFoundError, UsageError
from orglab.runs.record import find_run, read_runs

LOG = "experiment_log.org"
TRAIN = """\
import json, os, pathlib, sys
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/out.txt").write_text("of " + sys.argv[1] + os.environ.get("EXTRA", ""))
pathlib.Path("metrics.json").write_text(json.dumps({"acc": float(sys.argv[1]) / 10}))
"""
RUN = ("run", "1.1", "--results", "results", "--metrics", "metrics.json")


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


@pytest.fixture
def study(repo, orglab):
    orglab("init")
    orglab("new", "First", "-s", "one")
    settings = "[run]\nenvironment = ['EXTRA']\n"
    repo.commit("code", {"train.py": TRAIN, ".gitignore": "metrics.json\ndata/\n", "orglab.toml": settings})
    return repo


def latest(study):
    return read_runs(study.path)[-1]


def test_two_runs_differ_in_code_arguments_surroundings_and_metrics(study, orglab, monkeypatch):
    orglab(*RUN, "--", "python", "train.py", "1")
    first = latest(study)
    study.write("train.py", TRAIN + "# two\n# lines\n")
    monkeypatch.setenv("EXTRA", "!")
    orglab(*RUN, "--", "python", "train.py", "2")
    second = latest(study)
    out = orglab("run-diff", first.id, second.id).out
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == f"{first.id} and {second.id}"
    for line in (
        "- python train.py 1",
        "+ python train.py 2",
        "EXTRA: none -> !",
        "acc: 0.1 -> 0.2",
        "train.py  +2 -0",
    ):
        assert line in lines
    assert LOG not in out
    assert "+# lines" in orglab("run-diff", first.id[-6:], second.id[-6:], "--patch").out
    form = json.loads(orglab("run-diff", first.id, second.id, "--json").out)
    assert form["version"] == 1
    assert {"path": "train.py", "added": 2, "removed": 0} in form["code"]
    assert form["metrics"] == {"acc": [0.1, 0.2]}
    assert form["surroundings"] == {"EXTRA": [None, "!"]}


def test_a_run_against_a_revision_and_against_what_is_here_now(study, orglab):
    orglab(*RUN, "--", "python", "train.py", "1")
    first = latest(study)
    assert "Code: the same" in orglab("run-diff", first.id, first.before).out
    study.write("train.py", TRAIN + "# now\n")
    assert "train.py  +1 -0" in orglab("run-diff", first.id).out
    assert "There is no commit 'nosuch'" in orglab("run-diff", first.id, "nosuch", code=3).err
    assert "There is no commit '--output=owned'" in orglab("run-diff", first.id, "--", "--output=owned", code=3).err


def test_a_run_is_named_by_its_begin_or_end(study, orglab):
    for seed in "12":
        orglab(*RUN, "--", "python", "train.py", seed)
    runs = read_runs(study.path)
    assert find_run(runs, runs[0].id) is runs[0]
    assert find_run(runs, runs[0].id[-6:]) is runs[0]
    with pytest.raises(UsageError, match="Several runs"):
        find_run(runs, "20")
    with pytest.raises(NotFoundError, match="There is no run"):
        find_run(runs, "zz")


@pytest.mark.usefixtures("study")
def test_runs_are_listed(orglab):
    assert "No runs." in orglab("runs").err
    orglab(*RUN, "--", "python", "train.py", "1")
    orglab("run", "1", "--", "sh", "-c", "exit 3", code=3)
    lines = orglab("runs").out.splitlines()
    assert re.fullmatch(r"\S+  e1\.1  exit 0  0s  python train\.py 1: acc 0\.1", lines[0])
    assert re.fullmatch(r"\S+  e1    exit 3  0s  sh -c 'exit 3'", lines[1])
    assert orglab("runs", "1.1").out.splitlines() == lines[:1]
    assert orglab("runs", "1").out.splitlines() == lines
    assert "No runs of e1.2." in orglab("runs", "1.2").err
    form = json.loads(orglab("runs", "1.1", "--json").out)
    assert (form["version"], form["runs"][0]["status"], form["runs"][0]["metrics"]) == (1, "done", {"acc": 0.1})


@pytest.mark.parametrize("before", ["commit", "snapshot"])
def test_a_rerun_is_on_the_code_of_then_and_leaves_that_of_now(study, orglab, before):
    orglab(*RUN, "--before", before, "--", "python", "train.py", "3")
    first = latest(study)
    study.write("train.py", "raise SystemExit(9)\n")
    study.write("results/out.txt", "of now")
    head = study.git("rev-parse", "HEAD")
    answer = orglab("rerun", first.id)
    assert "The metrics are the same." in answer.err
    assert "The files came out the same, byte for byte." in answer.err
    again = latest(study)
    assert (again.fields["rerun_of"], again.status, again.metrics) == (first.id, "done", {"acc": 0.3})
    assert (study.path / "results/out.txt").read_text() == "of now"
    assert study.git("rev-parse", "HEAD") == head
    assert len(study.git("worktree", "list").split("\n")) == 1
    assert (study.path / LOG).read_text().count(f"A rerun of {first.id}") == 1


def test_what_cannot_be_reproduced_is_said(study, orglab):
    study.write("data/big", "x")
    study.write("untracked.py", "")
    orglab(*RUN, "--", "python", "train.py", "3")
    first = latest(study)
    record = first.folder / "record.jsonl"
    changed = {"packages": first.packages | {"pytest": "0.1"}, "python": "2.7.1", "host": "elsewhere"}
    with record.open("a") as file:
        file.write(json.dumps({"event": "changed", **changed}) + "\n")
    err = orglab("rerun", first.id).err
    for line in ("git ignores data/", "git did not know untracked.py", "pytest", "was 2.7.1", "it ran on elsewhere"):
        assert line in err
    assert "git ignores" not in orglab("rerun", first.id, "--link", "data", "--link", "metrics.json").err


def test_a_large_file_is_brought_if_it_is_still_what_it_was(study, orglab):
    study.commit("settings", {"orglab.toml": "[run]\nsize_limit = 0\n"})
    study.write("input.bin", "12345")
    program = ("sh", "-c", "mkdir -p results && cp input.bin results/copy")
    orglab(*RUN[:-2], "--before", "snapshot", "--", *program)
    first = latest(study)
    assert [one.path for one in first.large_files] == ["input.bin"]
    assert "byte for byte" in orglab("rerun", first.id).err
    study.write("input.bin", "54321")
    answer = orglab("rerun", first.id, code=1)
    assert "input.bin (5 bytes) is not here as it was" in answer.err


def test_a_rerun_can_keep_its_working_tree(study, orglab):
    orglab(*RUN, "--", "python", "train.py", "3")
    err = orglab("rerun", latest(study).id, "--keep").err
    (place,) = (study.path / ".git" / "orglab" / "worktrees").iterdir()
    assert str(place) in err
    assert (place / "results/out.txt").read_text() == "of 3"


def test_the_code_of_a_run_that_is_not_here_is_asked_for(study, orglab):
    orglab(*RUN, "--", "python", "train.py", "3")
    first = latest(study)
    with (first.folder / "record.jsonl").open("a") as file:
        file.write(json.dumps({"event": "x", "before": "0" * 40}) + "\n")
    assert "is not here; fetch it" in orglab("rerun", first.id, code=3).err
    assert "not compared" in orglab("run-diff", first.id).out


def test_a_submodule_is_in_the_working_tree_of_a_rerun(study, orglab, tmp_path_factory):
    inner = tmp_path_factory.mktemp("inner")
    study.git("init", "--quiet", inner)
    study.git("-C", inner, "commit", "--quiet", "--allow-empty", "-m", "one")
    study.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "sub")
    study.commit("with a submodule")
    study.write("sub/part.txt", "inside")
    orglab(*RUN[:-2], "--before", "snapshot", "--", "sh", "-c", "mkdir -p results; cp sub/part.txt results/")
    shutil.copy(study.path / "sub/part.txt", study.path / "kept")
    (study.path / "sub/part.txt").unlink()
    answer = orglab("rerun", latest(study).id)
    assert "byte for byte" in answer.err
    assert study.git("-C", study.path / "sub", "worktree", "list").count("\n") == 0


def test_a_rerun_forgets_no_working_tree_of_the_user_that_is_away_for_the_moment(study, orglab, tmp_path_factory):
    orglab(*RUN, "--", "python", "train.py", "3")
    disk = tmp_path_factory.mktemp("mount") / "disk"
    study.git("worktree", "add", "--quiet", "--detach", disk / "tree")
    disk.rename(disk.with_name("unplugged"))
    orglab("rerun", latest(study).id)
    disk.with_name("unplugged").rename(disk)
    assert study.git("-C", disk / "tree", "status", "--porcelain") == ""
    assert len(study.git("worktree", "list").split("\n")) == 2
