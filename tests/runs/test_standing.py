"""`run --json`: where a run stands beside the best so far and the baseline, how it ended, and all of it in 2 KB."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.api.serialize_outcome import MOST_BYTES, measure, outcome_form
from orglab.runs.record import Run
from orglab.runs.record_reader import read_runs
from orglab.runs.setting import Summary
from orglab.runs.standing import Rival, Standing
from orglab.runs.statistics import Comparison
from orglab.runs.step_results import Outcome

TRAIN = """\
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int)
parser.add_argument("--name", default="val_acc")
given = parser.parse_args()
pathlib.Path("metrics.json").write_text(json.dumps({given.name: round(0.9 + given.lr + given.seed / 100, 4)}))
"""


@pytest.fixture
def train(repo, orglab):
    """Return a function that runs a script in a log of two experiments, and returns the document about the run."""
    orglab("init", "--no-hooks")
    orglab("new", "First", "-s", "one", "-s", "two")
    orglab("new", "Second", "-s", "one")
    repo.commit("code", {"train.py": TRAIN, ".gitignore": "metrics.json\n"})

    def run(step, lr, seed, *options):
        argv = (sys.executable, "train.py", "--lr", str(lr), "--seed", str(seed), *options)
        answer = orglab("run", step, "--metrics", "metrics.json", "--json", "--", *argv)
        return {**json.loads(answer.out), "said": answer.err}

    return run


def test_a_run_stands_beside_the_best_so_far_and_the_baseline(train):
    first = train("1.1", 0, 1)
    assert (first["outcome"], first["reason"]) == ("ok", None)
    alone = {"mean": 0.91, "sd": None, "n": 1, "of": 1, "seeds": {"seed 1": 0.91}}
    assert first["compared"] == [
        {"metric": "val_acc", "direction": "max", "setting": alone, "best": None, "best_of_log": None, "baseline": None}
    ]
    train("1.1", 0, 2)
    train("2.1", 0.05, 1)
    better = train("1.2", 0.02, 1)["compared"][0]
    assert better["best"] == {
        "ref": "e1.1", "label": "", "mean": 0.915, "sd": 0.00707107, "n": 2, "is_this": False, "has_other_code": False,
        "run_is_better": True, "setting_is_better": True,
        "difference": {"value": 0.015, "low": None, "high": None, "method": None},
    }  # fmt: skip
    assert (better["best_of_log"]["ref"], better["best_of_log"]["mean"]) == ("e2.1", 0.96)
    assert not better["best_of_log"]["run_is_better"]
    assert (better["baseline"]["ref"], better["baseline"]["is_this"], better["baseline"]["n"]) == ("e1.1", False, 2)
    # With the same seeds as the baseline, the values are paired.
    second = train("1.2", 0.02, 2)["compared"][0]
    assert second["setting"] == {
        "mean": 0.935,
        "sd": 0.00707107,
        "n": 2,
        "of": 2,
        "seeds": {"seed 2": 0.94, "seed 1": 0.93},
    }
    assert second["baseline"]["difference"] == {"value": 0.02, "low": 0.02, "high": 0.02, "method": "paired"}
    assert second["best"]["is_this"]
    assert second["best"]["mean"] == 0.93
    assert second["best"]["difference"] is None


def test_the_same_command_on_other_code_is_compared_with_what_it_was(train, repo):
    train("1.1", 0, 1)
    repo.write("train.py", TRAIN.replace("0.9 +", "0.95 +"))
    best = train("1.1", 0, 1)["compared"][0]["best"]
    assert (best["is_this"], best["has_other_code"], best["setting_is_better"]) == (False, True, True)
    assert best["difference"]["value"] == 0.05


def test_the_document_keeps_the_fields_of_a_run_in_brief(train, orglab):
    form = train("1.1", 0, 1)
    (brief,) = json.loads(orglab("runs", "--json").out)["runs"]
    assert {name: form[name] for name in brief} == brief


def test_what_ended_later_does_not_change_where_a_run_stood(train, orglab):
    train("1.1", 0, 1)
    second = train("1.2", 0.02, 1)
    del second["said"]
    train("1.2", 0.05, 2)
    train("2.1", 0.06, 2)
    assert json.loads(orglab("runs", "wait", second["id"], "--json").out) == second


def test_without_a_known_direction_nothing_is_best_and_that_is_said(train):
    train("1.1", 0, 1, "--name", "width")
    compared = train("1.2", 0.02, 1, "--name", "width")["compared"][0]
    assert (compared["direction"], compared["best"], compared["best_of_log"]) == (None, None, None)
    assert "under [metrics] in orglab.toml" in compared["no_best"]
    assert compared["baseline"]["difference"]["value"] == 0.02


def test_people_get_a_line(train, orglab):
    def say(step, lr, seed):
        argv = (sys.executable, "train.py", "--lr", lr, "--seed", seed)
        return orglab("run", step, "--metrics", "metrics.json", "--", *argv).err.splitlines()[-1]

    assert say("1.1", 0, 1).startswith("e1.1  ran ")
    assert say("1.1", 0, 2) == "val_acc: better than the best so far: 0.9100 (this setting, n = 1)"
    train("2.1", 0.05, 1)
    assert say("1.2", 0.01, 1) == (
        "val_acc: better than the best so far: 0.9150 ± 0.0071 (e1.1, n = 2); best in the log: 0.9600 (e2.1, n = 1); "
        "to the baseline: +0.0050, n = 1"
    )


@pytest.mark.parametrize(("program", "options", "code", "outcome", "reason"), [
    ("pass", (), 0, "ok", None),
    ("pass", ("--worktree",), 0, "ok", None),
    ("raise ValueError('bad shape')", (), 1, "failed", "exit 1"),
    ("bytearray(1 << 60)", (), 1, "failed", "exit 1, out of memory"),
    ("import os; os.kill(os.getpid(), 9)", (), 137, "killed", "killed by SIGKILL"),
    ("import time; time.sleep(60)", ("--time-limit", "0.3s"), 124, "timeout", "stopped after its time limit of 0.3s"),
    ("print('metric loss=NaN')", ("--stdout-metrics",), 0, "diverged", "loss NaN, diverged at step 1"),
    ("print('metric loss=NaN')", ("--stdout-metrics", "--commit-failed"), 0, "diverged", "loss NaN, diverged at step 1"),
])  # fmt: skip
@pytest.mark.usefixtures("study")
def test_the_outcome_is_one_word_with_a_reason(orglab, program, options, code, outcome, reason):
    form = json.loads(orglab("run", "1.1", "--json", *options, "--", sys.executable, "-c", program, code=code).out)
    assert (form["outcome"], form["reason"]) == (outcome, reason)


def test_a_repetition_is_known_before_the_command_starts(train, repo):
    first = train("1.1", 0, 1)
    assert first["repeats"] is None
    assert train("1.1", 0, 2)["repeats"] is None
    again = train("1.1", 0, 1)
    assert again["repeats"] == {"id": first["id"], "metrics": {"val_acc": 0.91}}
    assert "The same was run before, on the same code" in again["said"]
    repo.write("train.py", f"{TRAIN}# changed\n")
    assert train("1.1", 0, 1)["repeats"] is None


def test_another_configuration_is_no_repetition(study, orglab):
    def run(rate):
        study.write("c.json", json.dumps({"lr": rate}))
        return json.loads(orglab("run", "1.1", "--json", "--", "true", "c.json").out)

    first = run(0.1)
    assert run(0.2)["repeats"] is None
    assert run(0.1)["repeats"]["id"] == first["id"]


def test_a_failed_or_discarded_run_is_not_repeated(study, orglab):
    study.write("code.sh", "exit $(cat code)\n")
    study.commit("code", {".gitignore": "code\n"})
    for code in (3, 0):
        study.write("code", str(code))
        form = json.loads(orglab("run", "1.1", "--json", "--", "sh", "code.sh", code=code).out)
        assert form["repeats"] is None
    orglab("runs", "discard", form["id"])
    assert json.loads(orglab("run", "1.1", "--json", "--", "sh", "code.sh").out)["repeats"] is None


# ---- the size ----


def test_hundreds_of_metrics_and_a_long_command_fit(study, orglab):
    rows = {f"group{number % 7}/metric_{number}": number / 7 for number in range(400)} | {"val_acc": 0.91}
    study.write("metrics.json", "{}")
    study.write(
        "long.py", f"import json; json.dump({rows!r}, open('metrics.json', 'w'))\nraise SystemExit('x' * 5000)\n"
    )
    argv = (sys.executable, "long.py", *(f"--option-{number}={'y' * 50}" for number in range(200)))
    answer = orglab("run", "1.1", "--metrics", "metrics.json", "-m", "w" * 3000, "--json", "--", *argv, code=1)
    assert len(answer.out.encode()) <= MOST_BYTES
    form = json.loads(answer.out)
    run = read_runs(study.path)[-1]
    assert form["output"] == str(run.folder / "output.log")
    assert form["outcome"] == "failed"
    assert form["last_line"].startswith("xxx")
    assert form["shortened"]["metrics"] + len(form["metrics"]) == 401
    assert form["shortened"]["argv"] + len(form["argv"]) == 202
    assert form["more"] == [f"orglab runs show {run.id} --json"]
    assert len(json.loads(orglab(*form["more"][0].split()[1:]).out)["metrics"]) == 401


TEXTS = st.text(st.characters(codec="utf-8"), max_size=9000)
FIELDS = st.fixed_dictionaries(
    {"began": st.just("2026-06-01T09:30:00+00:00"), "exit_code": st.integers(0, 255)},
    optional={
        **dict.fromkeys(("ref", "why", "exception", "last_line", "asked_by", "discard_reason", "signal"), TEXTS),
        "argv": st.lists(TEXTS, max_size=50),
        "parameters": st.dictionaries(TEXTS, TEXTS | st.integers(), max_size=50),
        "metrics": st.dictionaries(TEXTS, TEXTS | st.floats(allow_nan=False, allow_infinity=False), max_size=50),
        **dict.fromkeys(("before", "snapshot", "commit", "kept"), st.just("83d45cd0" * 8)),
        **dict.fromkeys(("timed_out", "out_of_memory", "discarded"), st.booleans()),
    },
)


def standing_of(run, metric, texts):
    """Return a standing with all that it can have, and long texts."""
    values = tuple((Run(run.folder.parent / f"20260601-093000-{number:06x}", {}), number / 7) for number in range(60))
    summary, change = Summary(metric, values, ()), Comparison(1 / 3, -1 / 7, 1 / 7, "paired")
    setting = type("Setting", (), {"summarize": lambda _self, _metric: summary})()
    outcome = Outcome(texts[0], "", setting, texts[1])
    rival = Rival(
        outcome,
        summary,
        is_same=False,
        has_other_code=True,
        difference=change,
        run_is_better=True,
        setting_is_better=True,
    )
    return Standing(metric, "max", 1 / 3, summary, rival, rival, outcome, has_other_code=True, change=change)


@given(FIELDS, st.lists(TEXTS, min_size=2, max_size=2), st.integers(0, 3), st.integers(0, 40))
def test_the_document_is_never_larger_than_promised(tmp_path_factory, fields, texts, amount, depth):
    folder = tmp_path_factory.getbasetemp().joinpath(*["folder"] * depth, "20260601-093000-3f2a1b")
    run = Run(folder, fields)
    standings = [standing_of(run, texts[0], texts)] * amount
    form = outcome_form(run, standings, run if amount else None)
    assert measure(form) <= MOST_BYTES
    assert outcome_form(run, standings, run if amount else None) == form
    assert (form["more"] == []) == (form["shortened"] == {})
