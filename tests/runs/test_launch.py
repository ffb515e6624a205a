"""`orglab run`: a commit before, the command, the record, a commit after, and a note."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import SOURCE
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import PENDING, list_entries

LOG = "experiment_log.org"
TRAIN = """\
import json, os, pathlib
out = pathlib.Path("results")
out.mkdir(exist_ok=True)
(out / "weights.txt").write_text(os.environ["ORGLAB_COMMIT"])
(out / "model.ckpt").write_bytes(b"ignored")
pathlib.Path("metrics.json").write_text(json.dumps({"val_acc": 0.91, "note": "good"}))
print("trained")
"""


def run_of(study, place=-1):
    return read_runs(study.path)[place]


def log_of(study):
    return (study.path / LOG).read_text()


def python(text):
    return (sys.executable, "-c", text)


def test_one_command_commits_runs_records_and_notes(study, orglab):
    study.write("train.py", TRAIN + "# changed\n")
    study.write("notes.txt", "untracked\n")
    answer = orglab(
        "run", "1.1", "--results", "results", "--metrics", "metrics.json", "--done", "-m", "First try", "--",
        "python", "train.py", "--seed", "3",
    )  # fmt: skip
    assert answer.out == "trained\n"
    assert "Committed train.py before the run." in answer.err
    assert "Took a snapshot of what is not committed: notes.txt." in answer.err
    results, _, _ = study.git("log", "--format=%h").split()
    assert study.git("log", "-2", "--format=%s").split("\n") == [
        "[e1.1] Results: python train.py --seed 3", "[e1.1] Before: python train.py --seed 3",
    ]  # fmt: skip
    body = study.git("log", "-1", "--format=%b")
    for line in ("First try", "Command: python train.py --seed 3", "Ended: exit 0, 0s", "val_acc: 0.91", "note: good"):
        assert line in body.split("\n")
    assert study.git("show", "--format=", "--name-only", "HEAD") == "results/weights.txt"
    assert study.git("show", "--format=", "--name-only", "HEAD~1") == "train.py"
    full = study.git("rev-parse", "HEAD~1")
    snapshot = (study.path / "results/weights.txt").read_text()
    assert study.git("rev-parse", f"{snapshot}^") == full
    assert study.git("show", f"{snapshot}:notes.txt") == "untracked"
    assert re.search(
        rf"^1\. \[X\] one \({results}\)\n"
        rf"   - \[\d{{4}}-\d\d-\d\d \w{{3}} \d\d:\d\d\] \({results}\) ran python train.py --seed 3, exit 0, 0s: "
        r"val_acc 0\.91, note good\n     First try\n     run \d{8}-\d{6}-[0-9a-f]{6}\n2\. \[ \] two$",
        log_of(study), re.M,
    ), log_of(study)  # fmt: skip
    assert "** TODO Experiments [1/2]" in log_of(study)
    assert study.git("status", "--porcelain").split("\n") == [f" M {LOG}", "?? notes.txt"]
    run = run_of(study)
    assert (run.status, run.before, run.commit[:7], run.seeds) == ("done", full, results, ("3",))
    assert (run.code, run.untracked) == (snapshot, ())
    assert {one.path: one.size for one in run.outputs} == {"results/weights.txt": 40, "results/model.ckpt": 7}
    assert run.metrics == {"val_acc": 0.91, "note": "good"}
    assert run.packages["pytest"]
    assert run.python == ".".join(map(str, sys.version_info[:3]))
    assert (run.folder / "output.log").read_text() == "trained\n"
    assert list_entries(study.path, PENDING) == {}


def test_git_does_not_see_the_records(study, orglab):
    orglab("run", "1.1", "--", "true")
    study.git("add", "--all")
    assert study.git("diff", "--cached", "--name-only") == LOG


def test_the_log_is_never_in_a_commit_of_code_even_when_staged(study, orglab):
    orglab("note", "1", "A thought")
    study.git("add", LOG)
    study.write("train.py", TRAIN + "# changed\n")
    orglab("run", "1.1", "--", "true")
    assert study.git("show", "--format=", "--name-only", "HEAD") == "train.py"
    assert study.git("diff", "--cached", "--name-only") == LOG


def test_results_are_those_files_that_the_run_wrote(study, orglab):
    study.write("results/old.txt", "of before\n")
    study.write("results/kept.txt", "1\n")
    study.git("add", "results/kept.txt")
    orglab("run", "1.1", "--results", "results", "--", *python("open('results/new.txt', 'w').write('1')"))
    assert study.git("show", "--format=", "--name-only", "HEAD") == "results/new.txt"
    assert "?? results/old.txt" in study.git("status", "--porcelain")
    assert [one.path for one in run_of(study).outputs] == ["results/new.txt"]


def test_removed_results_are_changes_too(study, orglab):
    study.commit("old results", {"results/old.txt": "1\n"})
    orglab("run", "1.1", "--results", "results", "--", "rm", "results/old.txt")
    assert study.git("show", "--format=", "--name-status", "HEAD") == "D\tresults/old.txt"


@pytest.mark.parametrize("results", [".", "./", "d/.."])
def test_the_whole_working_tree_can_be_the_results(study, orglab, results):
    study.write("d/old", "of before\n")
    orglab(
        "run", "1.1", "--results", results, "--", "sh", "-c", "echo 1 > new.txt; echo 1 > d/new; echo '#' >> train.py"
    )
    assert study.git("show", "--format=", "--name-only", "HEAD").split() == ["d/new", "new.txt", "train.py"]
    assert "?? d/old" in study.git("status", "--porcelain")


@pytest.mark.parametrize("kind", ["LITERAL", "GLOB", "NOGLOB", "ICASE"])
def test_variables_that_change_pathspecs_do_not_matter(study, orglab, monkeypatch, kind):
    monkeypatch.setenv(f"GIT_{kind}_PATHSPECS", "1")
    study.write("train.py", TRAIN + "# changed\n")
    study.write("TRAIN.PY", "1\n")
    study.write("new.py", "1\n")
    orglab("run", "1.1", "--results", "results", "--", "python", "train.py")
    monkeypatch.delenv(f"GIT_{kind}_PATHSPECS")
    assert study.git("show", "--format=", "--name-only", "HEAD", "HEAD~1").split() == [
        "results/weights.txt", "train.py",
    ]  # fmt: skip


def test_without_new_results_there_is_a_message_and_no_commit(study, orglab):
    head = study.git("rev-parse", "HEAD")
    assert "No results to commit" in orglab("run", "1.1", "--results", "results", "--", "true").err
    assert study.git("rev-parse", "HEAD") == head
    assert f"({head[:7]}) ran true, exit 0, 0s\n" in log_of(study)


def test_a_large_new_file_is_not_committed(study, orglab):
    study.write("orglab.toml", "[run]\nsize_limit = 1\nresults = ['results']\n")
    program = "import os; os.mkdir('results'); open('results/big', 'wb').write(b'x' * 1_000_001)"
    answer = orglab("run", "1.1", "--", *python(program))
    assert "(larger than run.size_limit, " in answer.err
    assert [(one.path, one.size) for one in run_of(study).outputs] == [("results/big", 1_000_001)]


def test_a_failure_is_recorded_and_never_ticks(study, orglab):
    study.write("fail.sh", "mkdir -p results; echo 1 > results/part; exit 3\n")
    orglab("run", "1.1", "--done", "--results", "results", "--", "sh", "fail.sh", code=3)
    assert "1. [ ] one\n" in log_of(study)
    assert "ran sh fail.sh, exit 3, 0s\n" in log_of(study)
    assert study.git("log", "-1", "--format=%s") == "code"
    assert run_of(study).status == "failed"


@pytest.mark.parametrize(
    ("command", "code", "why"),
    [("nosuchcommand", 127, "not found"), ("./train.py", 126, "not executable"), ("./results", 126, "")],
)
def test_a_command_that_cannot_be_run_is_recorded_without_a_note_or_a_commit(study, orglab, command, code, why):
    (study.path / "results").mkdir()
    study.write("train.py", TRAIN + "# changed\n")
    head, log = study.git("rev-parse", "HEAD"), log_of(study)
    answer = orglab("run", "1.1", "--", command, code=code)
    assert why in answer.err
    assert run_of(study).exit_code == code
    assert log_of(study) == log
    orglab("list")
    assert log_of(study) == log
    assert study.git("rev-parse", "HEAD") == head


def test_clean_refuses_changes_but_not_those_of_the_log(study, orglab):
    orglab("note", "1", "A thought")
    orglab("run", "1.1", "--before", "clean", "--", "true")
    study.write("train.py", TRAIN + "# changed\n")
    before = log_of(study)
    answer = orglab("run", "1.1", "--before", "clean", "--", "touch", "started", code=5)
    assert "train.py; commit them" in answer.err
    assert not (study.path / "started").exists()
    assert log_of(study) == before
    assert len(read_runs(study.path)) == 1
    assert list_entries(study.path, PENDING) == {}


def test_the_command_gets_the_hash_of_the_snapshot(study, orglab):
    study.write("train.py", TRAIN + "# changed\n")
    study.write("new.py", "1\n")
    head = study.git("rev-parse", "HEAD")
    orglab("run", "1.1", "--before", "snapshot", "--results", "results", "--", "python", "train.py")
    run = run_of(study)
    assert (study.path / "results/weights.txt").read_text() == run.snapshot
    assert study.git("rev-parse", f"refs/orglab/runs/{run.id}") == run.snapshot
    assert study.git("ls-tree", "--name-only", run.snapshot, "new.py") == "new.py"
    assert (run.before, study.git("rev-parse", "HEAD~1")) == (head, head)
    assert study.git("status", "--porcelain").split("\n") == [f" M {LOG}", " M train.py", "?? new.py"]
    assert run.patch


def test_a_hook_that_refuses_stops_the_run_before_it_begins(study, orglab):
    hook = study.write(".git/hooks/pre-commit", "#!/bin/sh\necho error: no >&2; exit 1\n")
    hook.chmod(0o755)
    study.write("train.py", TRAIN + "# changed\n")
    assert "failed: no." in orglab("run", "1.1", "--", "touch", "started", code=5).err
    assert not (study.path / "started").exists()
    assert read_runs(study.path) == []


def test_a_hook_that_refuses_the_results_does_not_change_the_exit_code(study, orglab):
    hook = study.write(".git/hooks/pre-commit", "#!/bin/sh\necho error: no >&2; exit 1\n")
    hook.chmod(0o755)
    answer = orglab("run", "1.1", "--results", "results", "--", "python", "train.py")
    assert "not committed yet: git commit failed: no: results/weights.txt (kept in refs/orglab/results/" in answer.err
    assert study.git("status", "--porcelain").split("\n") == [f" M {LOG}", "?? results/"]


def test_in_a_merge_nothing_is_committed(study, orglab):
    study.git("switch", "--quiet", "--create", "other")
    study.commit("theirs", {"other.py": "1\n"})
    study.git("switch", "--quiet", "main")
    study.commit("ours", {"ours.py": "1\n"})
    study.git("merge", "--no-commit", "--quiet", "other")
    answer = orglab("run", "1.1", "--", "true", code=5)
    assert "during a merge" in answer.err
    orglab("run", "1.1", "--before", "snapshot", "--results", "results", "--", "python", "train.py")
    assert run_of(study).status == "done"
    assert study.git("log", "-1", "--format=%s") == "ours"


def test_the_environment_variables_of_the_command(study, orglab, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    study.commit(
        "settings", {"orglab.toml": "[run]\ncommit_log = false\nenvironment = ['CUDA_VISIBLE_DEVICES', 'NOT_THERE']\n"}
    )
    names = ("EXPERIMENT", "STEP", "RUN", "COMMIT")
    answer = orglab("run", "e1.2", "--", "sh", "-c", "echo " + " ".join(f"$ORGLAB_{name}" for name in names))
    run = run_of(study)
    assert answer.out.split() == ["e1", "e1.2", run.id, study.git("rev-parse", "HEAD")]
    assert run.environment == {"CUDA_VISIBLE_DEVICES": "1"}
    assert orglab("run", "1", "--", "sh", "-c", "echo $ORGLAB_EXPERIMENT-$ORGLAB_STEP-").out == "e1--\n"
    assert run_of(study).ref == "e1"
    assert re.search(r"\*\* Notes\n\n?- \[.*\) ran sh", log_of(study))


@pytest.mark.usefixtures("study")
def test_json_replaces_what_the_command_prints(orglab):
    answer = orglab("run", "1.1", "--json", "--", "sh", "-c", "echo out; echo err >&2; exit 3", code=3)
    form = json.loads(answer.out)
    assert (form["ref"], form["status"], form["exit_code"]) == ("e1.1", "failed", 3)
    assert Path(form["output"]).read_text() == "out\nerr\n"
    assert "err\n" not in answer.err.splitlines(keepends=True)


def test_the_active_step_is_the_default(study, orglab):
    orglab("start", "--clear")
    orglab("start", "--clear")
    assert "belongs to no experiment yet" in orglab("run", "--", "true").err
    assert run_of(study).ref is None
    orglab("start", "1.2")
    orglab("run", "--", "true")
    assert run_of(study).ref == "e1.2"


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("run", "1.9", "--", "true"), 3, "There is no step 9"),
        (("run", "7.1", "--", "true"), 3, "There is no experiment"),
        (("run", "1.1"), 2, "Put -- before"),
        (("run", "1.1", "--"), 2, "Put -- before"),
        (("run", "1", "--done", "--", "true"), 2, "needs a step"),
        (("run", "1.1", "--nosuch", "--", "true"), 2, "No such option"),
    ],
)
def test_an_invalid_request_runs_nothing(study, orglab, arguments, code, why):
    assert why in orglab(*arguments, code=code).err
    assert read_runs(study.path) == []


@pytest.mark.parametrize(
    "argument",
    [
        "a\n* TODO [99] forged :exp:", "\x1b[31mred", "[50%] [1/2]", "#+TODO: x", "\udcff", "x" * 100_000, ":END:", "- [X] done",
        "\u202e", "[2018-06-06 Wed] (83d45cd)", "<<<<<<< HEAD",
    ],
)  # fmt: skip
def test_a_hostile_argument_forges_nothing(study, orglab, argument):
    orglab("run", "1.1", "--", "true", argument)
    assert [one["id"] for one in json.loads(orglab("list", "--json").out)["experiments"]] == ["1"]
    answer = orglab("show", "1.1")
    assert "\x1b" not in answer.out
    assert orglab("check").out == ""
    assert json.loads(orglab("show", "1.1", "--json").out)["notes"][0]["text"].startswith("ran true ")
    assert run_of(study).argv == ("true", argument)
    assert max(map(len, log_of(study).split("\n"))) < 300


def test_output_forges_nothing_and_invalid_bytes_go_through(study):
    printed = b"\xff\n* TODO [9] forged :exp:\nmetric a=\xfe\nmetric b=1e999\nmetric c = 2"
    study.write("printed", printed)
    done = subprocess.run(
        [sys.executable, "-m", "orglab", "run", "1.1", "--stdout-metrics", "--", "cat", "printed"],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == printed
    assert (run_of(study).folder / "output.log").read_bytes() == printed
    assert run_of(study).metrics == {"a": "\ufffd", "b": "1e999", "c": 2}
    assert "forged" not in log_of(study)


def test_a_bad_metrics_file_is_a_message_and_not_a_failure(study, orglab):
    for text, why in (
        (None, "No such file"),
        ("", "is empty"),
        ("{", "neither JSON nor"),
        ("just words", "is not JSON"),
    ):
        if text is not None:
            study.write("m.json", text)
        program = "import os; os.path.exists('m.json') and os.utime('m.json', ns=(1, 1))"
        assert why in orglab("run", "1.1", "--metrics", "m.json", "--", *python(program)).err
    assert run_of(study).metrics == {}


def test_metrics_of_an_earlier_run_are_not_taken_for_those_of_this_one(study, orglab):
    study.write("metrics.json", '{"val_acc": 0.99}')
    answer = orglab("run", "1.1", "--metrics", "metrics.json", "--", "true")
    assert "metrics.json was not written by this run" in answer.err
    assert run_of(study).metrics == {}


def test_the_history_of_metrics_is_kept_with_a_step(study, orglab):
    lines = '{"epoch": 1, "loss": 2.5}\\n{"epoch": 2, "loss": NaN}\\n'
    orglab("run", "1.1", "--metrics", "m.jsonl", "--", "sh", "-c", f"printf '{lines}' > m.jsonl")
    assert list(run_of(study).history()) == [
        {"step": 1, "epoch": 1, "loss": 2.5}, {"step": 2, "epoch": 2, "loss": "NaN"},
    ]  # fmt: skip
    assert run_of(study).metrics == {"epoch": 2, "loss": "NaN"}


@pytest.mark.usefixtures("study")
def test_an_earlier_run_of_the_same_command_is_mentioned(orglab):
    orglab("run", "1.1", "--metrics", "metrics.json", "--", "python", "train.py")
    answer = orglab("run", "1.2", "--", "python", "train.py")
    assert "The same was run before, on the same code" in answer.err
    assert "val_acc 0.91" in answer.err


def test_a_step_with_open_boxes_is_noted_and_not_ticked(study, orglab):
    study.write(LOG, log_of(study).replace("1. [ ] one\n", "1. [ ] one\n   - [ ] below\n"))
    answer = orglab("run", "1.1", "--done", "--", "true")
    assert "was not completed" in answer.err
    assert "1. [ ] one\n" in log_of(study)
    assert "ran true, exit 0, 0s" in log_of(study)


def test_without_a_repository_there_is_a_record_and_a_note(tmp_path, orglab, monkeypatch):
    monkeypatch.chdir(tmp_path)
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "one")
    orglab("run", "1.1", "--results", "out", "--", "sh", "-c", "mkdir out; echo 1 > out/a")
    (run,) = read_runs(tmp_path)
    assert (run.status, [one.path for one in run.outputs], run.before) == ("done", ["out/a"], None)
    assert "] ran sh -c 'mkdir out; echo 1 > out/a', exit 0, 0s\n" in (tmp_path / LOG).read_text()


def test_before_the_first_commit(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "one")
    orglab("run", "1.1", "--", "true")
    repo.write("a.py", "1\n")
    repo.git("add", "a.py")
    orglab("run", "1.1", "--", "true")
    assert repo.git("log", "--format=%s") == "[e1.1] Before: true"
    assert repo.git("show", "--format=", "--name-only") == "a.py"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_recorded_and_its_exit_code_given(study, number):
    program = f"import signal; signal.signal({int(number)}, signal.SIG_DFL); print('ready', flush=True); signal.pause()"
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--done", "--", sys.executable, "-c", program],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"ready\n"
    assert run_of(study).status == "running"
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    run = run_of(study)
    assert (run.status, run.signal, run.exit_code) == ("stopped", number.name, None)
    assert f"stopped by {number.name}, 0s" in log_of(study)
    assert "1. [ ] one\n" in log_of(study)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_asked_to_end_is_stopped_whatever_its_exit_code(study, number):
    # As a trainer does that saves a checkpoint and ends well.
    program = f"import signal, sys; signal.signal({int(number)}, lambda *_: sys.exit(0)); print('ready', flush=True); signal.pause()"
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--done", "--", sys.executable, "-c", program],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    run = run_of(study)
    assert (run.status, run.asked_by, run.exit_code) == ("stopped", number.name, 0)
    assert f"stopped by {number.name}, exit 0" in log_of(study)
    assert "1. [ ] one\n" in log_of(study)


def test_a_run_is_stopped_at_its_time_limit_whatever_its_exit_code(study, orglab):
    program = f"import signal, sys; signal.signal({int(signal.SIGTERM)}, lambda *_: sys.exit(0)); signal.pause()"
    orglab("run", "1.1", "--done", "--time-limit", "0.5s", "--", *python(program), code=124)
    run = run_of(study)
    assert (run.status, run.exit_code, run.time_limit, run.timed_out) == ("stopped", 0, 0.5, True)
    assert ", stopped after its time limit of 0.5s, 0s\n" in log_of(study)
    assert "1. [ ] one\n" in log_of(study)
    orglab("run", "1.1", "--done", "--time-limit", "2h", "--", "true")
    assert (run_of(study).status, run_of(study).timed_out) == ("done", False)
    assert "not a duration" in orglab("run", "1.1", "--time-limit", "soon", "--", "true", code=2).err


@pytest.mark.parametrize("options", [(), ("--pty",)])
def test_the_exception_of_a_failed_command_is_in_record_note_and_search(study, orglab, options):
    orglab("run", "1.1", "--json", *options, "--", *python("import this; raise ValueError('bad shape')"), code=1)
    run = run_of(study)
    assert (run.exception, run.out_of_memory) == ("ValueError: bad shape", False)
    assert ", exit 1, 0s: ValueError: bad shape\n" in log_of(study)
    assert json.loads(orglab("runs", "1.1", "--json").out)["runs"][0]["exception"] == "ValueError: bad shape"
    assert "ValueError: bad shape" in orglab("runs", "show", run.id).out
    assert "e1" in orglab("search", "bad shape").out


def test_a_command_without_a_traceback_or_without_failure_has_no_exception(study, orglab):
    caught = "import traceback\ntry: 1/0\nexcept ZeroDivisionError: traceback.print_exc()"
    orglab("run", "1.1", "--json", "--", *python(caught))
    assert run_of(study).exception is None
    orglab("run", "1.1", "--json", "--", *python(f"{caught}\nimport os; os.kill(os.getpid(), 9)"), code=137)
    assert run_of(study).exception is None
    orglab("run", "1.1", "--", "ls", "no such file", code=2)
    assert run_of(study).exception is None


ABORT = "echo 'x.c:3: main: Assertion failed.' >&2; kill -ABRT $$"


@pytest.mark.parametrize(("argv", "code", "end"), [
    (python("import sys; print('out'); sys.exit('the data is missing')"), 1, "exit 1, 0s: printed last: the data is missing"),
    (("sh", "-c", "echo one >&2; echo 'no memory: API_KEY=abcdef' >&2; echo out; exit 3"), 3,
     "exit 3, 0s: printed last: no memory: API_KEY=***"),
    (("sh", "-c", ABORT), 134, "killed by SIGABRT, 0s: printed last: x.c:3: main: Assertion failed."),
])  # fmt: skip
def test_without_an_exception_the_last_line_on_standard_error_is_recorded_and_shown(study, orglab, argv, code, end):
    answer = orglab("run", "1.1", "--", *argv, code=code)
    assert f", {end}\n" in answer.err
    assert f", {end}\n" in log_of(study)
    line = end.partition("printed last: ")[2]
    run = run_of(study)
    assert (run.exception, run.last_line) == (None, line)
    assert json.loads(orglab("runs", "--json").out)["runs"][0]["last_line"] == line
    assert f"printed last: {line}" in orglab("runs").out
    assert f"Printed last  {line}" in orglab("runs", "show", run.id).out


def test_what_was_printed_last_is_no_reason_of_a_run_that_ended_well_or_was_asked_to_end(study, orglab):
    orglab("run", "1.1", "--", "sh", "-c", "echo a warning >&2")
    assert run_of(study).last_line is None
    orglab("run", "1.1", "--time-limit", "0.2s", "--", "sh", "-c", "echo a warning >&2; exec sleep 60", code=124)
    assert run_of(study).last_line is None


def test_memory_that_ran_out_is_recorded(study, orglab):
    orglab("run", "1.1", "--json", "--", *python("bytearray(1 << 60)"), code=1)
    assert run_of(study).out_of_memory
    assert ", exit 1, out of memory, 0s: MemoryError\n" in log_of(study)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_repeated_signals_do_not_prevent_the_record(study, number):
    # The command ends at the first with a code of its own; the others come before, during and after that.
    program = f"import signal, sys; signal.signal({int(number)}, lambda *_: sys.exit(9)); print('ready', flush=True); signal.pause()"
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--results", "results", "--", sys.executable, "-c", program],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"ready\n"
    text = log_of(study)
    while log_of(study) == text and process.poll() is None:
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.002)
    _, err = process.communicate(timeout=30)
    assert process.returncode in (9, 128 + number), err
    assert (run_of(study).exit_code or 128 + number) == process.returncode
    assert " ran " in log_of(study)


def test_hooks_that_tick_or_refuse_do_not_conflict_with_a_run(study, orglab):
    study.commit(
        "settings",
        {
            "orglab.toml": "[run]\ncommit_log = false\n[hooks]\nauto_done = true\nseparate = 'refuse'\nreferences = 'refuse'\n"
        },
    )
    orglab("setup", "git")
    orglab("start", "1.2")
    study.git("add", LOG)
    study.write("train.py", TRAIN + "# changed\n")
    orglab("run", "1.1", "--results", "results", "--metrics", "metrics.json", "--done", "--", "python", "train.py")
    assert study.git("log", "-2", "--format=%s").split("\n") == [
        "[e1.1] Results: python train.py", "[e1.1] Before: python train.py",
    ]  # fmt: skip
    head = study.git("rev-parse", "--short", "HEAD")
    assert f"1. [X] one ({head})\n" in log_of(study)
    assert log_of(study).count("ran python") == 1
    study.write("fail.sh", "echo 2 > results/weights.txt; exit 1\n")
    orglab("run", "1.2", "--results", "results", "--commit-failed", "--", "sh", "fail.sh", code=1)
    assert study.git("log", "-1", "--format=%s") == "[e1.2] Failed: sh fail.sh"
    assert "2. [ ] two\n" in log_of(study)


@pytest.mark.slow
def test_parallel_runs_with_changes_and_results_all_succeed(study):
    study.write("train.py", TRAIN + "# changed\n")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "orglab", "run", "1.1", "--results", "out", "--", "sh", "-c",
             f"mkdir -p out; echo {number} > out/{number}"],
            cwd=study.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for number in range(6)
    ]  # fmt: skip
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 6, said
    assert not [text for text in said if "refused" in text]
    assert study.git("ls-tree", "--name-only", "HEAD", "out/").split() == [f"out/{number}" for number in range(6)]
    assert study.git("log", "--format=%s").count("Before:") == 1
    assert len(re.findall(r"^     run \S+$", log_of(study), re.M)) == 6


def test_a_full_disk_does_not_stop_the_command(study, orglab):
    orglab("run", "1.1", "--", "true")
    import resource  # noqa: PLC0415

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        answer = orglab("run", "1.1", "--", "head", "-c", "300000", "/dev/zero")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert "is no longer recorded" in answer.err
    assert len(answer.out) == 300_000
    assert run_of(study).status == "done"


# ---- outputs that nobody named ----

WRITE = "import pathlib, sys\n[pathlib.Path(name).write_text('1') for name in sys.argv[1:]]\n"


@pytest.fixture
def unnamed(repo, orglab):
    """A repository whose settings name no results."""
    folders = ("out", "venv", ".cache", "sub/__pycache__")
    files = {f"{folder}/old": "0" for folder in folders} | {"venv/pyvenv.cfg": ""}
    repo.commit("start", {"write.py": WRITE, ".gitignore": "out/\n", **files})
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A")
    return repo


def test_written_files_are_recorded_where_no_results_are_named(unnamed, orglab):
    names = ("out/model.pt", "table.csv", "venv/new", ".cache/new", "sub/__pycache__/new")
    orglab("run", "--", sys.executable, "write.py", *names)
    run = run_of(unnamed)
    assert [output.path for output in run.outputs] == ["out/model.pt", "table.csv"]
    assert run.commit is None
    why = orglab("why", "out/model.pt").out
    assert run.id in why
    assert "wrote this file" in why


def test_files_written_beside_another_run_are_nobodys(unnamed, orglab):
    script = unnamed.write("wait.sh", f"{sys.executable} -m orglab run -- {sys.executable} -c 'open(chr(97), \"w\")'\n")
    unnamed.git("add", "--all")
    unnamed.git("commit", "--quiet", "-m", "wait")
    answer = orglab("run", "--", "sh", script)
    outer, inner = read_runs(unnamed.path)
    assert (outer.outputs, inner.outputs) == ((), ())
    assert f"run {inner.id} was running at the same time; use --results" in answer.err


def test_what_takes_long_to_hash_is_left_out_and_named(unnamed, orglab):
    # Two sparse files, of which only one is within the limit together with the small one.
    program = "for name, size in (('a', 10), ('b', 900 << 20), ('c', 901 << 20)): open(name, 'wb').truncate(size)"
    answer = orglab("run", "--", sys.executable, "-c", program)
    assert [output.path for output in run_of(unnamed).outputs] == ["a", "b"]
    assert "takes long: c; use --results" in answer.err


def test_other_code_than_that_of_the_other_seeds_is_said(study, orglab):
    orglab("run", "1.1", "--", "python", "train.py", "--seed", "1")
    assert "other code" not in orglab("run", "1.1", "--", "python", "train.py", "--seed", "2").err
    study.write("notes.txt", "to do")
    said = orglab("run", "1.1", "--", "python", "train.py", "--seed", "3").err
    assert "other code than that of the run" in said
    assert "with the same parameters, because of notes.txt." in said
    assert "other code" not in orglab("run", "1.1", "--", "python", "train.py", "--lr", "3", "--seed", "3").err


def test_what_git_removed_or_wrote_during_a_run_is_no_result(study, orglab):
    study.commit("old", {"out/changed.txt": "1", "out/same.txt": "1"})
    study.commit("newer", {"out/changed.txt": "2", "out/added.txt": "2"})
    orglab("run", "1.1", "--results", "out", "--", "sh", "-c", "git checkout -q --detach HEAD~1; echo 3 > out/own.txt")
    (run,) = read_runs(study.path)
    assert [output.path for output in run.outputs] == ["out/own.txt"]
    assert run.removed == ()
    study.git("checkout", "--quiet", "--force", "main")
    orglab("status")
    assert (study.path / "out/added.txt").read_text() == "2"
    assert study.git("show", "--format=", "--name-only", "HEAD") == "out/own.txt"
