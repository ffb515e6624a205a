"""Comparing two runs, or a run with a revision or the working tree."""

import json

from orglab.runs.record_reader import read_runs

LOG = "experiment_log.org"
RUN = ("run", "1.1", "--results", "results", "--metrics", "metrics.json")


def latest(seeded):
    return read_runs(seeded.path)[-1]


def test_two_runs_differ_in_code_arguments_surroundings_and_metrics(seeded, orglab, monkeypatch):
    orglab(*RUN, "--", "python", "train.py", "1")
    first = latest(seeded)
    seeded.write("train.py", (seeded.path / "train.py").read_text() + "# two\n# lines\n")
    monkeypatch.setenv("EXTRA", "!")
    orglab(*RUN, "--", "python", "train.py", "2")
    second = latest(seeded)
    out = orglab("runs", "diff", first.id, second.id).out
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
    assert "+# lines" in orglab("runs", "diff", first.id[-6:], second.id[-6:], "--patch").out
    form = json.loads(orglab("runs", "diff", first.id, second.id, "--json").out)
    assert form["version"] == 1
    assert {"path": "train.py", "added": 2, "removed": 0} in form["code"]
    assert form["metrics"] == {"acc": [0.1, 0.2]}
    assert form["surroundings"] == {"EXTRA": [None, "!"]}


def test_a_run_is_compared_with_a_revision_and_with_the_working_tree(seeded, orglab):
    orglab(*RUN, "--", "python", "train.py", "1")
    first = latest(seeded)
    assert "Code: the same" in orglab("runs", "diff", first.id, first.before).out
    seeded.write("train.py", (seeded.path / "train.py").read_text() + "# now\n")
    assert "train.py  +1 -0" in orglab("runs", "diff", first.id).out
    assert "Unknown commit 'nosuch'" in orglab("runs", "diff", first.id, "nosuch", code=3).err
    assert "Unknown commit '--output=owned'" in orglab("runs", "diff", first.id, "--", "--output=owned", code=3).err


def test_parameters_that_differ_are_shown_instead_of_commands(seeded, orglab, monkeypatch):
    """A seed in the environment is a parameter, and not part of the surroundings too."""
    monkeypatch.setenv("SEED", "1")
    orglab("run", "1.1", "--", "echo", "--lr", "0.001", "--amp")
    first = latest(seeded)
    monkeypatch.setenv("SEED", "2")
    orglab("run", "1.1", "--", "echo", "--lr", "0.1")
    second = latest(seeded)
    lines = orglab("runs", "diff", first.id, second.id).out.splitlines()
    assert lines[2:] == ["Parameters", "  SEED 1 -> 2", "  amp true -> none", "  lr 0.001 -> 0.1"]
    form = json.loads(orglab("runs", "diff", first.id, second.id, "--json").out)
    assert form["parameters"] == {"SEED": [1, 2], "amp": [True, None], "lr": [0.001, 0.1]}
    assert form["arguments"] is None
    assert form["surroundings"] == {}


def test_what_the_runs_wrote_is_not_code(seeded, orglab):
    """Neither their results paths nor other files that they wrote."""
    orglab(*RUN, "--", "python", "train.py", "1")
    first = latest(seeded)
    orglab("run", "1.1", "--", "sh", "-c", "echo 1 > out.txt")
    seeded.git("add", "out.txt")
    seeded.git("commit", "-qm", "output")
    seeded.write("train.py", (seeded.path / "train.py").read_text() + "# now\n")
    orglab("run", "1.1", "--", "sh", "-c", "echo 2 > out.txt")
    second = latest(seeded)
    form = json.loads(orglab("runs", "diff", first.id, second.id, "--json").out)
    assert form["code"] == [{"path": "train.py", "added": 1, "removed": 0}]
    patch = orglab("runs", "diff", first.id, second.id, "--patch").out
    assert "+# now" in patch
    assert "b/out.txt" not in patch
