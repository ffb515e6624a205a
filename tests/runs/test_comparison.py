"""Comparing two runs, or a run with a revision or the working tree."""

import json

from orglab.runs.record import read_runs

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
