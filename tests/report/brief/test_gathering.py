"""What a brief says of a log, its runs and its repository."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import Orglab
from lab import NAME, SOURCE
from lab import orglab as process
from orglab.api import open_log
from orglab.errors import UsageError
from orglab.report.brief.brief_text import write_text

LOG = """\
#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d) CANCELED(c@)
* DONE [1] Learning rate :exp:opt:
CLOSED: [2026-11-10 Tue 12:00]
:PROPERTIES:
:ID: 1
:CLAIM: acc > +0.1
:END:
[2026-11-01 Sun 10:00]
- Is 0.1 better than 0.5?
** DONE Experiments
1. [X] lr 0.5
2. [X] lr 0.1
** DONE Conclusions
:PROPERTIES:
:VERDICT: refuted
:END:
It adds 0.2. Nobody expected that.
* INPROGRESS [2] Warmup :exp:opt:
:PROPERTIES:
:ID: 2
:CLAIM: acc > +0.01
:END:
[2026-11-11 Wed 10:00]
- Does a warmup of 500 steps help?
** TODO Experiments
1. [X] without
2. [ ] with 500 steps
3. [ ] with 1000 steps
** TODO Conclusions
* WAIT [3] Larger batches :exp:
:PROPERTIES:
:ID: 3
:END:
:LOGBOOK:
- State "WAIT" from "TODO" [2026-11-12 Thu 09:00] \\\\
  The GPU node is down.
:END:
[2026-11-12 Thu 08:00]
* CANCELED [4] Distillation :exp:size:
CLOSED: [2026-11-13 Fri 10:00]
:PROPERTIES:
:ID: 4
:END:
:LOGBOOK:
- State "CANCELED" from "TODO" [2026-11-13 Fri 10:00] \\\\
  The teacher does not fit into memory.
:END:
[2026-11-12 Thu 16:16]
* DONE [5] Warmup again :exp:opt:
CLOSED: [2026-11-14 Sat 10:00]
:PROPERTIES:
:ID: 5
:END:
[2026-11-14 Sat 09:00]
** DONE Conclusions
:PROPERTIES:
:VERDICT: supported
:END:
This overturns [e1]: warmup is what counts.
"""


def record(number, ref, argv="python train.py", *, code=0, metrics=None, **more):
    """Write the record of a run, as `orglab run` does; its time is that many minutes after ten o'clock."""
    folder = Path(f".git/orglab/runs/20261110-10{number:02}00-aa{number:02}")
    folder.mkdir(parents=True)
    began = f"2026-11-10T10:{number:02}:00+00:00"
    lines = [
        {"event": "began", "ref": ref, "argv": argv.split(), "began": began, "host": "elsewhere"},
        {"event": "ended", "seconds": 60, "exit_code": code, "metrics": metrics or {}, **more},
    ]
    (folder / "record.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder.name


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


@pytest.fixture
def study(repo):
    """A repository with a log, and runs of two settings, of which the second is better."""
    repo.commit("log", {NAME: LOG, "train.py": "print(1)\n", "orglab.toml": "[run]\ncommit_log = false\n"})
    for seed in (1, 2, 3):
        record(seed, "e1.1", f"python train.py --lr 0.5 --seed {seed}", metrics={"acc": 0.5 + seed / 100})
        record(10 + seed, "e1.2", f"python train.py --lr 0.1 --seed {seed}", metrics={"acc": 0.7 + seed / 100})
    return repo


def ask(orglab, *words):
    return json.loads(orglab("brief", "--json", *words).out)


EXPECTED = """\
experiment_log.org on main at HEAD: 5 experiments (1 in progress, 1 waiting, 2 done, 1 dropped), 6 runs
Active: e2.2 with 500 steps (1 of 3 steps done)
  of: Warmup
  Question: Does a warmup of 500 steps help?
  Claim: acc > +0.01
Open steps:
  e2.3 with 1000 steps (Warmup)
Best:
  acc 0.720 ± 0.010 (n = 3): e1.2 lr 0.1; run 20261110-101300-aa13, its code is in no commit
Last verdicts:
  e5 supported (2026-11-14): Warmup again: This overturns [e1]: warmup is what counts.
  e1 refuted (2026-11-10): Learning rate: It adds 0.2. [acc +0.200 [0.200, 0.200], n = 3, claimed > +0.1: holds; mean 0.72]
Contradictions:
  e1: refuted so far, but overturned by e5
  e1: by the runs the claim holds, but the verdict is refuted
Dead ends:
  size: e4 Distillation: CANCELED: The teacher does not fit into memory.
Waiting:
  e3 Larger batches: since 2026-11-12: The GPU node is down.
"""


def test_a_brief_says_what_a_colleague_would(study, orglab):
    orglab("start", "2.2")
    said = orglab("brief").out
    assert said == EXPECTED.replace("HEAD", study.git("rev-parse", "HEAD")[:9])
    assert write_text(open_log().brief()) == said


def test_the_same_log_runs_and_commit_give_the_same_bytes(study, orglab, monkeypatch):
    for words in ((), ("--json",), ("--tokens", "300")):
        first = orglab("brief", *words).out
        assert orglab("brief", *words).out == first
        with monkeypatch.context() as patch:
            patch.setenv("ORGLAB_NO_INDEX", "1")
            assert orglab("brief", *words).out == first
        assert str(study.path) not in first


@pytest.mark.usefixtures("study")
def test_with_the_fewest_tokens_the_question_the_step_the_best_and_a_dead_end_are_told(orglab):
    orglab("start", "2.2")
    said = orglab("brief", "--tokens", "200").out
    for words in (
        "Question: Does a warmup of 500",
        "e2.2 with 500 steps",
        "acc 0.720 ± 0.010 (n = 3): e1.2 lr 0.1",
        "e4 Distillation: CANCELED",
    ):
        assert words in said
    assert len(said.encode()) <= 600
    assert "Left out: " in said
    form = ask(orglab, "--tokens", "200")
    assert (form["active"]["question"], form["active"]["step"]) == ("Does a warmup of 500…", "with 500 steps")
    assert [(one["ref"], one["mean"], one["n"]) for one in form["best"]] == [("e1.2", 0.72, 3)]
    assert form["dead_ends"][0]["reason"] == "The teacher does not fit…"
    assert form["left_out"].keys() == {"all"}


@pytest.mark.parametrize("tokens", [0, -1, 50, 199])
@pytest.mark.usefixtures("study")
def test_too_few_tokens_are_refused(orglab, tokens):
    assert f"at least 200 tokens, not {tokens}." in orglab("brief", "--tokens", tokens, code=2).err
    with pytest.raises(UsageError):
        open_log().brief(tokens)


@pytest.mark.parametrize("tokens", [200, 250, 400, 1500, 100_000])
@pytest.mark.parametrize(
    "title", ["A" * 300, "word " * 60, "日本語" * 100, "שלום עולם " * 30, "\u202eevil\u202c " * 20]
)
def test_long_titles_in_any_script_keep_the_bound(study, orglab, tokens, title):
    text = LOG.replace("Warmup :exp", f"{title} :exp").replace("Distillation", title).replace("with 500 steps", title)
    study.write(NAME, text.replace("Is 0.1 better than 0.5?", title))
    orglab("start", "2.2")
    for words in ((), ("--json",)):
        said = orglab("brief", "--tokens", tokens, *words).out
        assert len(said.encode()) <= 3 * tokens
        assert "\u202e" not in said
    assert ask(orglab, "--tokens", tokens)["active"]["ref"] == "e2.2"


# ---- the best ----


@pytest.mark.usefixtures("study")
def test_what_does_not_count_is_never_the_best(orglab):
    record(20, "e1.1", metrics={"acc": 0.99}, discarded=True, discard_reason="Wrong data")
    record(21, "e1.1", code=1, metrics={"acc": 0.98})
    record(22, "e1.1", metrics={"acc": 0.97}, rerun_of="20261110-100100-aa01")
    record(23, "e1.1", metrics={"acc": "NaN", "loss": 0.1}, diverged={"acc": 40})
    record(24, "e99.1", metrics={"acc": 0.96})
    record(25, None, metrics={"acc": 0.95})
    best = {one["metric"]: one for one in ask(orglab)["best"]}
    assert (best["acc"]["ref"], best["acc"]["mean"], best["acc"]["n"]) == ("e1.2", 0.72, 3)
    assert best["acc"]["run"] == "20261110-101300-aa13"
    assert best["loss"]["mean"] == 0.1
    listed = json.loads(orglab("list", "--sort", "-acc", "--json").out)["experiments"][0]
    assert (listed["ref"], listed["metric"]["mean"]) == ("e1", pytest.approx(0.72))


@pytest.mark.usefixtures("study")
def test_beside_a_single_run_the_best_of_several_runs_is_named(orglab):
    (best,) = ask(orglab)["best"]
    assert "repeated" not in best
    record(20, "e2.1", "python train.py --warm", metrics={"acc": 0.9})
    (best,) = ask(orglab)["best"]
    assert (best["ref"], best["mean"], best["n"]) == ("e2.1", 0.9, 1)
    assert (best["repeated"], best["repeated_mean"]) == ("e1.2", 0.72)
    assert "; of several runs 0.72: e1.2" in orglab("brief").out
    listed = json.loads(orglab("list", "--sort", "-acc", "--json").out)["experiments"][0]
    assert (listed["ref"], listed["metric"]["mean"]) == ("e2", 0.9)


def test_a_metric_without_a_known_direction_has_no_best(study, orglab):
    record(20, "e2.1", metrics={"height": 3, "width": 4})
    assert [one["metric"] for one in ask(orglab)["best"]] == ["acc", "height, width"]
    study.write("orglab.toml", '[metrics]\nheight = "min"\n')
    assert [one["metric"] for one in ask(orglab)["best"]] == ["height", "acc", "width"]


@pytest.mark.usefixtures("study")
def test_it_is_told_when_no_run_was_better_for_long(orglab):
    for number in range(20, 24):
        record(number, "e2.1", f"python train.py --x {number}", metrics={"acc": 0.6})
    assert "standstills" not in ask(orglab)
    record(24, "e2.1", metrics={"acc": "NaN"}, diverged={"acc": 3})
    record(25, "e2.1", code=1, metrics={"acc": 0.1})
    assert "standstills" not in ask(orglab)
    record(26, "e2.1", "python train.py --x 26", metrics={"acc": 0.73})
    assert "no better acc in the last 5 runs, since e1.2 on 2026-11-10 (0.73)" in orglab("brief").out
    record(27, "e2.1", "python train.py --x 27", metrics={"acc": 0.74})
    assert "standstills" not in ask(orglab)


def test_it_is_told_whether_the_working_tree_is_the_code_of_the_best(repo, orglab):
    script = "import json, sys\njson.dump({'acc': float(sys.argv[1])}, open('m.json', 'w'))\n"
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    repo.commit("code", {"train.py": script, ".gitignore": "m.json\n"})
    run = ("run", "1.1", "--metrics", "m.json", "--before", "snapshot", "--", sys.executable, "train.py")
    orglab(*run, "0.5")
    assert "(the working tree is that)" in orglab("brief").out
    repo.commit("notes", {"README.md": "More.\n"})
    assert "(the working tree differs in 1 file)" in orglab("brief").out
    repo.write("train.py", script + "# tuned\n")
    orglab(*run, "0.9")
    (best,) = ask(orglab)["best"]
    assert (best["mean"], best["differing"], best["is_snapshot"]) == (0.9, 0, True)
    repo.write("train.py", script)
    assert ask(orglab)["best"][0]["differing"] == 1
    assert ask(orglab)["changed"] == 0


# ---- dead ends ----


@pytest.mark.usefixtures("study")
def test_a_setting_that_always_failed_is_told_with_its_reason_once(orglab):
    for seed in (1, 2):
        record(20 + seed, "e2.1", f"python train.py --lr 9 --seed {seed}", code=1, exception="ValueError: loss is NaN")
    record(23, "e2.1", "python train.py --lr 8 --seed 1", code=1, exception="ValueError: loss is NaN")
    record(24, "e2.1", "python train.py --lr 7 --seed 1", discarded=True, discard_reason="Wrong data")
    record(25, "e2.1", "python train.py --lr 6 --seed 1", metrics={"acc": "NaN"}, diverged={"acc": 40})
    # One that failed once, and ended well when it was repeated, is none.
    record(26, "e2.1", "python train.py --lr 5 --seed 1", code=1)
    record(27, "e2.1", "python train.py --lr 5 --seed 1", metrics={"acc": 0.1})
    found = ask(orglab)["failures"]
    assert [(one["word"], one["runs"], one["settings"], one["reason"]) for one in found] == [
        ("diverged", 1, 1, "acc NaN, diverged at step 40"),
        ("discarded", 1, 1, "Wrong data"),
        ("failed", 3, 2, "ValueError: loss is NaN"),
    ]
    assert "e2.1 lr 8 and 1 other setting: 3 runs failed: ValueError: loss is NaN" in orglab("brief").out


@pytest.mark.usefixtures("study")
def test_what_is_told_as_a_verdict_is_not_told_again_as_a_dead_end(orglab):
    brief = ask(orglab)
    assert [one["ref"] for one in brief["dead_ends"]] == ["e4"]
    assert [one["ref"] for one in brief["verdicts"]] == ["e5", "e1"]
    assert brief["left_out"] == {}


@pytest.mark.usefixtures("study")
def test_secrets_of_commands_are_not_told(orglab):
    record(20, "e1.2", "python train.py --api-key sk-12345 --lr 0.01", metrics={"acc": 0.99})
    record(21, "e1.2", "python train.py --api-key sk-12345 --lr 7", code=1, exception="Error: token=sk-12345 is bad")
    for words in ((), ("--json",)):
        assert "12345" not in orglab("brief", *words).out


# ---- what waits ----


@pytest.mark.usefixtures("study")
def test_a_run_that_goes_on_waits(orglab, tmp_path_factory):
    pipe = tmp_path_factory.mktemp("away") / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "orglab", "run", "2.2", "--before", "snapshot", "--", "cat", str(pipe)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stderr=subprocess.DEVNULL) as running:
        with pipe.open("w"):  # opens when the command reads
            (wait,) = [one for one in ask(orglab)["waits"] if one["what"] == "run"]
        assert running.wait() == 0
    assert wait["text"].startswith("is running of e2.2 since ")
    assert [one["what"] for one in ask(orglab)["waits"]] == ["experiment"]


def test_a_sweep_at_work_waits(repo, orglab, tmp_path_factory):
    pipe = tmp_path_factory.mktemp("away") / "pipe"
    os.mkfifo(pipe)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    repo.commit("start", {"train.py": ""})
    # In a process of its own, which leaves the worker to the system.
    process("sweep", "1.1", "--set", "x=1,2", "--slots", "1", "--", "cat", pipe, "{x}", cwd=repo.path)
    with pipe.open("w"):  # opens when the first version reads
        found = {one["what"]: one for one in ask(orglab)["waits"]}
        orglab("sweep", "stop")
    assert found["sweep"]["text"] == "0 of 2 versions of e1.1"
    assert found["run"]["text"].startswith("is running of e1.1 since ")


def test_two_experiments_with_one_id_and_a_conflict_are_told(study, orglab):
    study.write(NAME, LOG + "* TODO [2] Another :exp:\n:PROPERTIES:\n:ID: 2\n:END:\n")
    study.write(".git/orglab/active", "e2.1\n")
    said = orglab("brief").out
    assert "Active: e2.1, two experiments have this id" in said
    assert "two experiments have the id e2; see `orglab check`" in said
    study.write(
        NAME, LOG.replace("* WAIT", "<<<<<<< ours\n* WAIT").replace("* CANCELED", "=======\n>>>>>>> theirs\n* CANCELED")
    )
    line = 1 + Path(NAME).read_text().split("\n").index("<<<<<<< ours")
    assert f"a git conflict marker in line {line}: nothing is written" in orglab("brief").out
    assert ask(orglab)["conflict"] == line


# ---- other places ----


def test_a_log_without_git_experiments_and_runs(tmp_path, orglab, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_text("#+TITLE: Nothing yet\n")
    assert orglab("brief").out == "experiment_log.org, without git: 0 experiments, 0 runs\n"
    (tmp_path / NAME).write_text(LOG)
    orglab("start", "2.2")
    said = orglab("brief").out
    assert "Question: Does a warmup of 500 steps help?" in said
    assert "Best:" not in said


def test_before_the_first_commit_and_on_a_detached_head(repo, orglab):
    orglab("init", "--tracked", "--no-hooks")
    assert orglab("brief").out == "experiment_log.org on main, no commit yet: 0 experiments, 0 runs\n"
    head = repo.commit("first")
    repo.git("checkout", "-q", "--detach")
    assert orglab("brief").out.startswith(f"experiment_log.org, HEAD detached at {head[:9]}: ")


def test_a_log_that_is_kept_apart(repo, orglab):
    repo.commit("code", {"train.py": "print(1)\n"})
    orglab("init", "--no-hooks")
    orglab("new", "First", "-d", "Why?", "-s", "one")
    repo.git("worktree", "add", "-q", "../other", "-b", "other")
    said = process("brief", cwd=repo.path.parent / "other").out
    assert said.startswith("experiment_log.org on other at ")
    assert "changed" not in orglab("brief").out


def test_an_active_step_that_the_log_does_not_have(study, orglab):
    study.write(".git/orglab/active", "e77.1\n")
    assert "Active: e77.1, not in this log" in orglab("brief").out
    assert ask(orglab)["active"] == {"ref": "e77.1", "problem": "not in this log", "done": 0, "total": 0}


@pytest.mark.usefixtures("study")
def test_a_reader_that_closes_the_pipe_is_no_error():
    ends = []
    for command in ("brief", "list"):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "orglab", command], stdout=write, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )  # fmt: skip
        os.close(write)
        ends.append((done.returncode, done.stderr))
    assert ends[0] == ends[1]
    assert ends[0][1] == ""


@pytest.mark.usefixtures("study")
def test_without_git_on_the_path_a_brief_says_what_the_log_and_the_runs_tell(orglab, monkeypatch):
    orglab("start", "2.2")
    monkeypatch.setenv("PATH", "/nowhere")
    said = orglab("brief").out
    assert said.startswith("experiment_log.org, without git: 5 experiments")
    assert "Question: Does a warmup of 500 steps help?" in said
    assert "acc 0.720 ± 0.010 (n = 3): e1.2 lr 0.1" in said


def test_of_an_empty_log_there_is_little_to_tell(repo, orglab):
    orglab("init", "--no-hooks")
    form = json.loads(orglab("brief", "--json").out)
    assert (form["log"], form["experiments"], form["left_out"]) == (NAME, {}, {})
    repo.commit("code", {"train.py": ""})
    assert "experiment_log.org" in orglab("brief").out
