"""A sweep, from its beginning to its note, its table and its commit."""

import json
import os
import subprocess
import sys

import pytest

from runs.sweeps.conftest import TRAINING, WAITING

PARAMETERS = """\
import json, os, pathlib
given = {name: os.environ[name] for name in ("ORGLAB_PARAMS", "ORGLAB_VERSION", "ORGLAB_STEP")}
pathlib.Path(os.environ["ORGLAB_OUT"], "given.json").write_text(json.dumps(given))
"""
SCRIPT = """\
import os
import orglab
with orglab.run("1.1", params={"width": 8}) as run:
    run.log(acc=float(os.environ["ORGLAB_PARAMS"].split(":")[1][:-1]) / 10)
(run.out / "done.txt").write_text("done")
"""


def test_a_sweep_leaves_a_note_a_table_two_commits_and_a_run_for_each_version(sweep):
    sweep.repo.write("train.py", (sweep.path / "train.py").read_text() + "# changed\n")
    answer = sweep("1.1", "--set", "lr=0.1,0.01", "--seeds", "3", "-m", "Which rate?", "--wait", *TRAINING)
    assert "6 of 6 versions" in answer.out
    assert "best      lr 0.01: val_acc 0.900 ± 0.010 (n = 3)" in answer.out
    (sweep_id,) = [path.name for path in (sweep.path / ".git/orglab/sweeps").iterdir()]
    note = sweep.note
    assert " swept 6 versions, 6 done, " in note[0]
    assert note[0].endswith("train.py --lr {lr} --seed {seed} --out {out}")
    assert note[1:] == [
        "Which rate?",
        "|   lr | val_acc       | n |      |",
        "|------+---------------+---+------|",
        "|  0.1 | 0.810 ± 0.010 | 3 |      |",
        "| 0.01 | 0.900 ± 0.010 | 3 | best |",
    ]
    assert f"\n     sweep {sweep_id}\n" in sweep.log
    before, results = sweep.commits()[-2:]
    assert before.startswith("[e1.1] Before: ")
    assert results.startswith("[e1.1] Results: ")
    assert len(sweep.commits()) == 3
    assert sweep.repo.git("status", "--porcelain") == ""
    files = sweep.repo.git("ls-files", "results").split("\n")
    assert sorted(files) == sorted(
        f"results/e1.1/lr={lr},seed={seed}/metrics.json" for lr in ("0.1", "0.01") for seed in range(3)
    )
    head = sweep.repo.git("rev-parse", "HEAD")
    for run in sweep.runs:
        assert (run.status, run.ref, run.commit, run.why) == ("done", "e1.1", head, "Which rate?")
        assert run.before == sweep.repo.git("rev-parse", "HEAD^")
        assert run.metrics["val_acc"] == pytest.approx(0.9 - run.parameters["lr"] + run.parameters["seed"] / 100)
    assert len(sweep.runs) == 6
    assert sweep.status()["is_over"] is True


def test_the_log_of_a_sweep_is_as_emacs_would_have_it(sweep, emacs):
    sweep("1.1", "--set", "lr=0.1,0.01", "--seeds", "2", "--wait", *TRAINING)
    before = sweep.log
    emacs('(progn (find-file "experiment_log.org") (org-table-map-tables #\'org-table-align t) (save-buffer))')
    assert sweep.log == before


def test_failed_and_diverged_versions_are_named_and_the_others_go_on(sweep, orglab):
    answer = sweep("1.1", "--set", "lr=0.9,0.5,0.1", "--seeds", "2", "--wait", *TRAINING, code=1)
    assert "2 done, 2 failed, 2 diverged" in answer.out
    note = sweep.note
    assert " swept 6 versions, 2 done, 2 failed, 2 diverged, " in note[0]
    assert note[1:5] == [
        "failed: lr=0.9,seed=0 (exit 1: ValueError: lr is too large)",
        "failed: lr=0.9,seed=1 (exit 1: ValueError: lr is too large)",
        "diverged: lr=0.5,seed=0 (val_acc)",
        "diverged: lr=0.5,seed=1 (val_acc)",
    ]
    table = [line.split("|")[1:-1] for line in note if line.startswith("|")]
    assert [[cell.strip() for cell in row] for row in table if len(row) > 1][1:] == [
        ["0.9", "", "0 of 2", ""], ["0.5", "", "0 of 2", ""], ["0.1", "0.8050 ± 0.0071", "2", "best"],
    ]  # fmt: skip
    # Only results that are good are on the branch; the others are kept beside it.
    assert sweep.repo.git("ls-files", "results").split("\n") == [
        f"results/e1.1/lr=0.1,seed={seed}/metrics.json" for seed in range(2)
    ]
    assert len(sweep.repo.git("for-each-ref", "refs/orglab/results").split("\n")) == 2
    status = sweep.status()
    assert (status["done"], status["failed"], status["diverged"], status["best"]["n"]) == (2, 2, 2, 2)
    failure = "exit 1: ValueError: lr is too large"
    assert [version["problem"] for version in status["versions"]] == [failure, failure, None, None, None, None]
    shown = orglab("runs", "show", sweep.runs[-1].id).out
    assert f"Sweep         {sweep.folder.name}, version lr=0.1,seed=1\n" in shown


def test_a_version_that_is_done_is_skipped_until_the_code_changes(sweep):
    sweep("1.1", "--set", "lr=0.1", "--seeds", "2", "--wait", *TRAINING)
    answer = sweep("1.1", "--set", "lr=0.1,0.9", "--seeds", "3", "--wait", *TRAINING, code=1)
    assert "2 versions ended well before on this code; --again runs them, too." in answer.err
    assert len(sweep.runs) == 6
    assert " swept 6 versions, 1 done, 3 failed, 2 done before, " in " ".join(sweep.note)
    assert "| 0.1 | 0.810 ± 0.010 | 3      | best |" in sweep.note  # those of before count
    # What failed is not done.
    sweep("1.1", "--set", "lr=0.9", "--wait", *TRAINING[:5], code=1)
    assert len(sweep.runs) == 7
    sweep("1.1", "--set", "lr=0.1", "--seeds", "2", "--again", "--wait", *TRAINING)
    assert len(sweep.runs) == 9
    sweep.repo.write("train.py", "# other\n" + (sweep.path / "train.py").read_text())
    sweep("1.1", "--set", "lr=0.1", "--seeds", "2", "--wait", *TRAINING)
    assert len(sweep.runs) == 11
    assert " swept 2 versions, 2 done, " in " ".join(sweep.note[-4:])


def test_a_run_without_the_parameters_of_a_version_is_not_that_version(sweep, orglab):
    orglab("run", "1.1", "--", sys.executable, "-c", "pass")
    sweep("1.1", "--set", "size-of=3,4", "--wait", "--", sys.executable, "-c", "pass")
    assert len(sweep.runs) == 3
    sweep("1.1", "--set", "size-of=3,5", "--wait", "--", sys.executable, "-c", "pass")
    assert len(sweep.runs) == 4


def test_a_command_may_read_its_parameters_from_the_environment(sweep, orglab):
    sweep.repo.commit("read", {"given.py": PARAMETERS})
    sweep("1.1", "--set", "lr=0.1", "--set", "size=3,big", "--wait", "--", sys.executable, "given.py")
    for size, value in (("3", 3), ("big", "big")):
        given = json.loads((sweep.path / f"results/e1.1/lr=0.1,size={size}/given.json").read_text())
        assert json.loads(given["ORGLAB_PARAMS"]) == {"lr": 0.1, "size": value}
        assert (given["ORGLAB_VERSION"], given["ORGLAB_STEP"]) == (f"lr=0.1,size={size}", "e1.1")
    assert [run.parameters for run in sweep.runs] == [{"lr": 0.1, "size": 3}, {"lr": 0.1, "size": "big"}]
    lines = orglab("runs", "1.1").out.splitlines()
    assert [line.partition("given.py ")[2] for line in lines] == ["lr=0.1 size=3", "lr=0.1 size=big"]


def test_a_script_that_joins_its_run_finds_the_folder_of_its_version(sweep):
    sweep.repo.commit("script", {"script.py": SCRIPT})
    sweep("1.1", "--seeds", "2", "--wait", "--", sys.executable, "script.py")
    assert [(run.metrics, run.parameters) for run in sweep.runs] == [
        ({"acc": seed / 10}, {"seed": seed, "width": 8}) for seed in range(2)
    ]
    assert (sweep.path / "results/e1.1/seed=1/done.txt").read_text() == "done"
    assert sweep.repo.git("ls-files", "results").split("\n") == [f"results/e1.1/seed={n}/done.txt" for n in range(2)]


def test_a_seed_makes_no_setting_of_its_own_whatever_its_option_is_called(sweep):
    code = "import json, os, sys; json.dump({'acc': 0.5}, open(os.environ['ORGLAB_OUT'] + '/metrics.json', 'w'))"
    sweep("1.1", "--seeds", "2", "--wait", "--", sys.executable, "-c", code, "{seed}", "{out}")
    sweep("1.2", "--seeds", "2", "--wait", "--", sys.executable, "-c", code, "--s", "{seed}")
    tables = [line for line in sweep.note if line.startswith("|")]
    assert tables == ["| acc       | n |", "|-----------+---|", "| 0.5 ± 0.0 | 2 |"] * 2
    assert [run.parameters for run in sweep.runs][-1] == {"seed": 1}


def test_a_test_tries_each_version_and_leaves_nothing(sweep):
    before = sweep.log, sweep.commits(), sweep.repo.git("for-each-ref")
    answer = sweep("1.1", "--set", "lr=0.1,0.01", "--test", *TRAINING[:5])
    assert answer.err.count("a test, so nothing was recorded") == 2
    assert "2 versions ran, and none failed." in answer.err
    assert "--out {out}" not in answer.err
    command = ("--", sys.executable, "-c", "import sys; sys.exit(sys.argv[1] + ' is too large')", "{lr}")
    answer = sweep("1.1", "--set", "lr=0.9,0.8", "--test", *command, code=1)
    assert "Failed: lr=0.9; 1 version not tried." in answer.err
    assert "0.9 is too large\n" in answer.err
    answer = sweep("1.1", "--set", "lr=0.9,0.8", "--test", "--keep-going", *command, code=1)
    assert "Failed: lr=0.9, lr=0.8." in answer.err
    assert (sweep.log, sweep.commits(), sweep.repo.git("for-each-ref")) == before
    assert not sweep.runs
    assert not (sweep.path / "results").exists()
    assert "--keep-going is for --test" in sweep("1.1", "--keep-going", *TRAINING[:3], code=2).err


def test_versions_that_run_after_a_change_are_another_setting_and_the_note_says_so(sweep):
    sweep("1.1", "--seeds", "3", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep.repo.write("wait.py", "# changed\n" + (sweep.path / "wait.py").read_text())
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    first, *others = sweep.runs
    assert first.snapshot is None
    assert all(run.snapshot is not None for run in others)
    assert len({run.code for run in others}) == 1
    assert "2 versions ran on changed code: wait.py" in sweep.note
    assert sweep.repo.git("show", f"{others[0].code}:wait.py").startswith("# changed")
    # The change is still the user's own.
    assert sweep.repo.git("status", "--porcelain", "wait.py").strip() == "M wait.py"


def test_a_file_beside_the_results_of_a_sweep_is_code(sweep):
    sweep.repo.write("results/sizes.json", "1\n")
    sweep("1.1", "--seeds", "3", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep.repo.write("results/sizes.json", "2\n")
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    first, *others = sweep.runs
    assert {run.snapshot for run in others}.isdisjoint({first.snapshot, None})
    assert "2 versions ran on changed code: results/sizes.json" in sweep.note


def test_a_commit_that_changes_no_code_makes_no_other_setting(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep.repo.git("commit", "--quiet", "--allow-empty", "-m", "nothing")
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert [run.snapshot for run in sweep.runs] == [None, None]
    assert not any("changed code" in line for line in sweep.note)


def test_each_version_of_a_pinned_sweep_runs_the_code_that_it_began_on(sweep):
    """What one version changes is not the code of the next."""
    code = (
        "import json, os, pathlib\n"
        "counter, left = pathlib.Path('counter.txt'), pathlib.Path('left.txt')\n"
        "seen = int(counter.read_text()) + 10 * left.exists()\n"
        "counter.write_text(str(seen + 1))\n"
        "left.write_text('left')\n"
        "pathlib.Path(os.environ['ORGLAB_OUT'], 'metrics.json').write_text(json.dumps({'acc': seen}))\n"
    )
    sweep.repo.commit("code", {"count.py": code, "counter.txt": "5"})
    sweep("1.1", "--seeds", "3", "--pinned", "--wait", "--", sys.executable, "count.py")
    assert [run.metrics for run in sweep.runs] == [{"acc": 5}] * 3
    assert (sweep.path / "counter.txt").read_text() == "5"


def test_a_pinned_sweep_runs_the_code_that_it_began_on(sweep):
    sweep.repo.write("orglab.toml", "[run]\nlink = ['data']\n")
    sweep.repo.write(".gitignore", "data/\n")
    sweep.repo.write("data/x.txt", "linked")
    code = (
        "import os, pathlib, sys, time\n"
        "out = pathlib.Path(os.environ['ORGLAB_OUT'])\n"
        "(out / 'begun.txt').write_text(os.getcwd())\n"
        f"while not pathlib.Path({str(sweep.path / 'go')!r}).exists(): time.sleep(0.01)\n"
        "(out / 'ended.txt').write_text('first ' + pathlib.Path('data/x.txt').read_text())\n"
    )
    sweep.repo.commit("code", {"wait.py": code})
    sweep("1.1", "--seeds", "2", "--pinned", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep.repo.write("wait.py", "raise SystemExit('changed')\n")
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert [(run.status, run.snapshot) for run in sweep.runs] == [("done", None), ("done", None)]
    for seed in range(2):
        assert (sweep.path / f"results/e1.1/seed={seed}/ended.txt").read_text() == "first linked"
        assert (sweep.path / f"results/e1.1/seed={seed}/begun.txt").read_text() != str(sweep.path)
    assert len(sweep.repo.git("ls-files", "results").split("\n")) == 4
    assert sweep.repo.git("worktree", "list").count("\n") == 0


def test_a_note_that_was_changed_by_hand_is_left_alone(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    log = sweep.log.replace(" so far, ", " by now, ")
    assert log != sweep.log
    (sweep.path / "experiment_log.org").write_text(log)
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert sweep.log == log
    assert "was changed or removed by hand" in (sweep.folder / "workers.log").read_text()


def test_what_follows_a_note_stays_when_it_is_rewritten(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    line = next(line for line in sweep.log.split("\n") if line.strip().startswith("sweep "))
    (sweep.path / "experiment_log.org").write_text(sweep.log.replace(line, f"{line}\n   - my own words"))
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert " swept 2 versions, 2 done, " in sweep.note[0]
    assert f"{line}\n   - my own words\n" in sweep.log


def test_without_git_a_sweep_has_a_note_and_no_commit(tmp_path, monkeypatch, orglab):
    monkeypatch.chdir(tmp_path)
    orglab("init")
    orglab("new", "First", "-s", "one")
    orglab("sweep", "1.1", "--seeds", "2", "--wait", "--", sys.executable, "-c", "pass", "{seed}")
    log = (tmp_path / "experiment_log.org").read_text()
    assert " swept 2 versions, 2 done, " in log
    assert not (tmp_path / "results/e1.1/seed=0").exists()  # nothing was written there


def test_a_sweep_in_a_tracked_log_commits_results_and_log(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "one")
    repo.commit("code", {"a.py": "import os; open(os.environ['ORGLAB_OUT'] + '/a.txt', 'w')"})
    orglab("sweep", "1.1", "--seeds", "2", "--done", "--wait", "--", sys.executable, "a.py")
    assert [subject.partition(":")[0] for subject in repo.git("log", "-2", "--format=%s").split("\n")] == [
        "[e1] log", "[e1.1] Results",
    ]  # fmt: skip
    assert repo.git("status", "--porcelain") == ""
    results = repo.git("rev-parse", "--short", "HEAD^")
    assert f"1. [X] one ({results})" in (repo.path / "experiment_log.org").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1.1", "--seeds", "2"), "Put -- before the command"),
        (("1.1", "--set", "lr=1", "--", "true", "{rate}"), "has {rate}, but"),
        (("1.9", "--seeds", "2", "--", "true"), "There is no step 9"),
        (("1.1", "--seeds", "2", "--", "no-such-command"), "was not found"),
        (("1.1", "--seeds", "2", "--", "true", "--api-key", "sk-abcdefghijklmnopqrstuvwx0123456789"), "has a secret"),
        (("1.1", "--on", "tsp", "--", "true"), "must have {command}"),
        (("statsu",), "Did you mean status?"),
        (("status", "0000abcd"), "Unknown sweep"),
        (("stop",), "There is no sweep yet"),
    ],
)
def test_what_cannot_be_swept_is_refused_and_leaves_nothing(sweep, arguments, message):
    code = 3 if "There is no step" in message or "nknown sweep" in message or "no sweep yet" in message else 2
    before = sweep.log, sweep.commits()
    assert message in sweep(*arguments, code=code).err
    assert (sweep.log, sweep.commits()) == before
    assert not sweep.runs
    assert json.loads(sweep("list", "--json").out)["sweeps"] == []


def test_the_commands_around_a_version_come_from_the_user_alone(sweep, monkeypatch, tmp_path):
    sweep.repo.commit("hostile", {"orglab.toml": f"[sweep]\nbefore_each = 'touch {tmp_path}/hostile'\n"})
    answer = sweep("1.1", "--seeds", "1", "--wait", "--", "true")
    assert "in your own configuration" in answer.err
    assert not (tmp_path / "hostile").exists()
    own = tmp_path / "config/orglab/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f"[sweep]\nafter_each = 'echo $ORGLAB_VERSION $ORGLAB_STATUS >> {tmp_path}/after'\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    before = 'test "$ORGLAB_VERSION" != seed=1'
    sweep("1.2", "--seeds", "3", "--before-each", before, "--wait", "--", "true", code=1)
    assert (tmp_path / "after").read_text() == "seed=0 done\nseed=2 done\n"
    assert "failed: seed=1 (the command before it ended with exit 1)" in sweep.note


def test_each_slot_has_its_share_of_the_gpus(sweep, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,4")
    code = "import os; open(os.environ['ORGLAB_OUT'] + '/gpu.txt', 'w').write(os.environ['CUDA_VISIBLE_DEVICES'])"
    sweep("1.1", "--seeds", "6", "--wait", "--", sys.executable, "-c", code)
    found = {path.read_text() for path in sweep.path.glob("results/e1.1/*/gpu.txt")}
    assert found <= {"0", "1", "4"}
    assert sweep.status()["slots"] == 3
    sweep("1.1", "--seeds", "1", "--slots", "1", "--again", "--wait", "--", sys.executable, "-c", code)
    assert (sweep.path / "results/e1.1/seed=0/gpu.txt").read_text() == "0,1,4"


def test_a_template_submits_each_version_and_the_next_command_tells_the_log(sweep):
    answer = sweep(
        "1.1", "--seeds", "2", "--on", "sh -c 'exec {command}'", "--", sys.executable, "-c", "pass", "{seed}"
    )
    assert "2 versions submitted with sh." in answer.err
    assert " swept 2 versions, 2 done, " not in sweep.log
    sweep("status")
    assert " swept 2 versions, 2 done, " in sweep.log
    answer = sweep(
        "1.2", "--seeds", "2", "--on", "false {command}", "--", sys.executable, "-c", "pass", "{seed}", code=1
    )
    assert "Not submitted: 00001-seed=0: false ended with exit 1." in answer.err
    assert sweep.status()["queued"] == 2


def test_where_a_worker_is_started_does_not_matter(sweep, tmp_path_factory, monkeypatch):
    # Such as by Ray, whose jobs begin where Ray itself was started; or by `resume`, with --log.
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["git", "init", "--quiet", other], check=True)
    (other / "orglab.toml").write_text("[run]\nenvironment = ['OTHER']\n")
    monkeypatch.setenv("OTHER", "1")
    (sweep.path / "code").mkdir()
    (sweep.path / "code/where.py").write_text("import os; print(os.getcwd())")
    sweep.repo.commit("where", {})
    monkeypatch.chdir(sweep.path / "code")
    sweep("1.1", "--seeds", "2", "--on", f"sh -c 'cd {other} && exec {{command}}'", "--", sys.executable, "where.py")
    assert [(run.status, run.cwd, run.environment) for run in sweep.runs] == [("done", "code", {})] * 2
    assert [(run.folder / "output.log").read_text() for run in sweep.runs] == [f"{sweep.path}/code\n"] * 2
    assert sweep.status()["done"] == 2


def test_a_sweep_goes_on_when_the_terminal_is_closed(sweep):
    command = [sys.executable, "-m", "orglab", "sweep", "1.1", "--seeds", "2", *WAITING]
    subprocess.run(["setsid", "--wait", *command], check=True, capture_output=True, env=os.environ)
    sweep.wait_until(sweep.begun)
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert [run.status for run in sweep.runs] == ["done", "done"]
