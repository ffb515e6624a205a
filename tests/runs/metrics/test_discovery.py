"""The metrics of a run, found without being named: whose they are, and what they are called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import SOURCE
from orglab.runs.metrics.discovery import MetricsSource
from orglab.runs.metrics.reading import read_metrics
from orglab.runs.record_reader import read_runs


@pytest.fixture
def run(study, orglab):
    """Run a shell script for the first step; the run, and what the user was told."""

    def run_script(script, *options, arguments=(), code=0):
        # Not with -c, because then the command would name the files in the script.
        study.write(".git/script", script)
        told = orglab("run", "1.1", *options, "--", "sh", ".git/script", *arguments, code=code).err
        return read_runs(study.path)[-1], told

    return run_script


ACC = 'echo \'{"val": {"acc": 0.9}}\' >'


def test_what_is_in_the_folder_of_the_run(run, study):
    found, _ = run(
        f'{ACC} "$ORGLAB_OUT/m.json"; mkdir $ORGLAB_OUT/a; echo step,x > $ORGLAB_OUT/a/log.csv; echo 1,2 >> $ORGLAB_OUT/a/log.csv'
    )
    assert found.metrics == {"val.acc": 0.9, "x": 2, "step": 1}
    assert found.metrics_from == tuple(f".git/orglab/runs/{found.id}/out/{name}" for name in ("a/log.csv", "m.json"))
    assert list(found.history()) == [{"step": 1, "x": 2}]
    assert study.git("status", "--porcelain", "--", ":!experiment_log.org") == ""


def test_a_folder_of_the_run_that_is_not_used_is_removed(run):
    found, _ = run('test -d "$ORGLAB_OUT"')
    assert found.status == "done"
    assert not (found.folder / "out").exists()


@pytest.mark.parametrize(("script", "options", "arguments"), [
    (f"mkdir -p r/deep; {ACC} r/deep/any.json", ("--results", "r"), ()),
    (f"mkdir -p r/2; {ACC} r/2/any.json", (), ("--out", "r/2")),
    (f"mkdir -p r/2; {ACC} r/2/any.json", (), ("--out=r/2/",)),
    (f"mkdir -p r/2; {ACC} r/2/any.json", (), ("hydra.run.dir=r/2",)),
    (f"mkdir -p r; {ACC} r/any.json", (), ("--save", "r/any.json")),
    (f"mkdir -p r; {ACC} r/any.json", (), ()),
    (f"mkdir -p r; {ACC} r/any.json", (), ("&& python eval.py >r/any.json; true",)),
])  # fmt: skip
def test_what_is_under_results_or_where_the_command_says_or_elsewhere(run, script, options, arguments):
    found, _ = run(script, *options, arguments=arguments)
    assert found.metrics == {"val.acc": 0.9}


def test_what_was_there_before_is_not_of_this_run(run, study):
    for path in ("r/metrics.json", "s/metrics.json", "metrics.json"):
        study.write(path, '{"acc": 0.5}')
    for options in ((), ("--results", "r")):
        found, _ = run("true", *options, arguments=("--out", "s"))
        assert (found.metrics, found.metrics_from) == ({}, ())


def test_only_the_rows_that_a_run_added_are_its_own(run, study):
    study.write("r/results.csv", "seed,acc\n1,0.95\n")
    found, _ = run("echo 2,0.8 >> r/results.csv; echo 3,0.7 >> r/results.csv", "--results", "r")
    assert found.metrics == {"seed": 3, "acc": 0.7}
    assert (found.extremes["acc"].high, found.extremes["acc"].low) == (0.8, 0.7)


def test_a_link_out_of_the_place_is_not_followed(run, tmp_path):
    (tmp_path / "secret.json").write_text('{"acc": 0.1}')
    found, _ = run(
        f'mkdir r; ln -s {tmp_path}/secret.json r/metrics.json; ln -s {tmp_path} "$ORGLAB_OUT/all"', "--results", "r"
    )
    assert found.metrics == {}


def test_only_named_files_are_read_if_any_is_named(run):
    script = (
        f"mkdir r; {ACC} r/a.json; echo step,loss > r/b.csv; echo 1,2 >> r/b.csv; echo metric p=1; {ACC} metrics.json"
    )
    for options, names in (
        (("--metrics", "r/b.csv"), {"loss", "step"}), (("--metrics", "r/*.json"), {"val.acc"}), (("--stdout-metrics",), {"p"}),
        (("--metrics", "r/*.csv", "--metrics", "r/a.json", "--stdout-metrics"), {"loss", "step", "val.acc", "p"}),
    ):  # fmt: skip
        assert run("rm -rf r; " + script, *options)[0].metrics.keys() == names


def test_a_pattern_without_a_written_file_is_a_message(run, study):
    study.write("r/old.json", "{}")
    found, told = run("true", "--metrics", "r/*.json")
    assert "Metrics not recorded: r/*.json was not written by this run." in told
    assert found.fields["metrics_files"] == ["r/*.json"]


def test_equal_names_are_told_apart_by_their_files_only_if_their_values_differ(run):
    write = (
        "for f in a b; do mkdir -p r/$f; echo '{\"acc\": 0.'${X:-5}', \"only_'$f'\": 1}' > r/$f/metrics.json; X=6; done"
    )
    assert run(write, "--results", "r")[0].metrics == {"a.acc": 0.5, "only_a": 1, "b.acc": 0.6, "only_b": 1}
    assert run(write.replace("X=6", "X=5"), "--results", "r")[0].metrics == {"acc": 0.5, "only_a": 1, "only_b": 1}
    write = "mkdir -p r; echo '{\"acc\": 1}' > r/test.json; printf 'step,acc\\n1,3\\n2,2\\n' > r/test.csv; echo '{\"acc\": 1}' > r/final.json"
    found, _ = run(write, "--metrics", "r/*")
    assert found.metrics == {"final.acc": 1, "test.csv.acc": 2, "step": 2}
    assert list(found.history()) == [{"step": 1, "test.csv.acc": 3}, {"step": 2, "test.csv.acc": 2}]
    assert found.extremes["test.csv.acc"] == (2, 2, 3, 1)


def test_hugging_face_and_lightning(run, study):
    state = {
        "best_metric": 0.3,
        "log_history": [
            {"loss": 0.7, "step": 10},
            {"eval_loss": 0.3, "epoch": 1.0, "step": 10},
            {"eval_loss": 0.4, "step": 20},
        ],
    }
    files = {
        "out/checkpoint-10/trainer_state.json": {**state, "log_history": state["log_history"][:2]},
        "out/trainer_state.json": state, "out/all_results.json": {"eval_loss": 0.4}, "out/config.json": {"lr": 0.1, "loss": 1},
        "out/tokenizer_config.json": {"model_max_length": 512}, "out/checkpoint-10/config.json": {"lr": 0.1},
    }  # fmt: skip
    study.write(
        "hf.py",
        f"import json, pathlib\nfor name, content in {files!r}.items():\n    path = pathlib.Path(name)\n    path.parent.mkdir(parents=True, exist_ok=True)\n    path.write_text(json.dumps(content))\n",
    )
    found, _ = run(f"{sys.executable} hf.py")
    assert found.metrics == {"eval_loss": 0.4, "loss": 0.7, "epoch": 1.0, "step": 20}
    assert found.extremes["eval_loss"] == (0.3, 10, 0.4, 20)
    csv = "epoch,step,train_loss,val_acc\\n0,49,0.5,\\n0,99,,0.9\\n1,149,0.4,\\n1,199,,0.8\\n"
    found, _ = run(
        f"mkdir -p lightning_logs/version_0; printf '{csv}' > lightning_logs/version_0/metrics.csv; echo lr: 1 > lightning_logs/version_0/hparams.yaml"
    )
    assert found.metrics == {"train_loss": 0.4, "val_acc": 0.8, "epoch": 1, "step": 199}
    assert (found.extremes["val_acc"].high, found.extremes["val_acc"].high_step) == (0.9, 99)


def test_too_many_files_are_named(run):
    found, told = run("mkdir r; for n in $(seq 10 40); do echo '{\"acc'$n'\": 1}' > r/$n.json; done", "--results", "r")
    assert len(found.metrics) == 20
    assert "Not searched for metrics, because there are more than 20 files or 16 MB: r/30.json, r/31.json" in told


def test_the_last_and_best_values_are_those_of_all_rows_even_if_not_all_are_kept(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n3,0\n1,0\n2,9\n")
    source = MetricsSource(None, lambda: read_metrics(None, tmp_path / "log.csv"), is_history=True, limit=1)
    assert list(source.read_rows(print)) == [{"step": 1, "a": 3, "b": 0}]
    assert source.summary.final == {"a": 2, "b": 9}
    assert source.summary.extremes == {"a": {"min": [1, 2], "max": [3, 1]}, "b": {"min": [0, 1], "max": [9, 3]}}


def test_a_hostile_file_changes_neither_the_exit_code_nor_the_note(run, study):
    files = {
        "deep.json": '{"acc":' * 50_000,
        "\x1b[31m.json": '{"acc": 1, "\\n* x\\u001b": NaN}',
        "acc.csv": 'acc\n"' + "x" * 300_000,
    }
    study.write(
        "h.py",
        f"import os\nfor name, text in {files!r}.items(): open(os.environ['ORGLAB_OUT'] + '/' + name, 'w').write(text)\nos.mkfifo(os.environ['ORGLAB_OUT'] + '/metrics.json')\n",
    )
    found, _ = run(f"{sys.executable} h.py; exit 3", code=3)
    assert (found.exit_code, found.metrics["acc"]) == (3, 1)
    assert "\n* x" not in (study.path / "experiment_log.org").read_text()


def start(study, script, *options, arguments=()):
    """Start a run in the background that ends at the end of its input; it has begun when it prints a line."""
    study.write(".git/other", f"echo begun; read x; {script}")
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.2", *options, "--", "sh", ".git/other", *arguments],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    return process


def test_elsewhere_nothing_is_attributed_while_another_run_goes_on(run, study):
    other = start(study, f"{ACC} b.json")
    found, told = run(
        f"{ACC} a.json; {ACC} $ORGLAB_OUT/c.json; mkdir -p r; {ACC} r/d.json; echo '{{\"lr\": 1}}' > config.json",
        arguments=("r",),
    )
    assert "at the same time: a.json; let the command write them to $ORGLAB_OUT" in told
    assert [Path(path).name for path in found.metrics_from] == ["c.json", "d.json"]
    assert found.unattributed == ("a.json",)
    assert "b.json" in other.communicate()[1]
    later = read_runs(study.path)[0]
    assert (later.metrics, later.unattributed) == ({}, ("a.json", "b.json"))


def test_two_runs_at_once_share_a_folder_and_each_has_its_own_below(run, study):
    options = ("--results", "r")
    other = start(
        study,
        "mkdir -p r/2; echo '{\"acc\": 0.2}' > r/2/m.json; echo '{\"acc\": 9}' > r/m.json",
        *options,
        arguments=("--out", "r/2"),
    )
    found, told = run(
        "mkdir -p r/1; echo '{\"acc\": 0.1}' > r/1/m.json; echo '{\"acc\": 8}' > r/m.json",
        *options,
        arguments=("--out", "r/1"),
    )
    assert (found.metrics, found.unattributed) == ({"acc": 0.1}, ("r/m.json",))
    assert "r/m.json" in told
    other.communicate()
    later = read_runs(study.path)[0]
    assert (later.metrics, later.metrics_from) == ({"acc": 0.2}, ("r/2/m.json",))


def test_written_files_are_outputs_of_the_run_that_names_them(run, study):
    other = start(study, "mkdir -p r/2; echo 2 > r/2/model; echo 2 > model", arguments=("--out", "r/2"))
    found, told = run("mkdir -p r/1; echo 1 > r/1/model", arguments=("--out", "r/1"))
    assert ([output.path for output in found.outputs], "not recorded" in told) == (["r/1/model"], False)
    assert "Written files were not recorded" in other.communicate()[1]
    assert [output.path for output in read_runs(study.path)[0].outputs] == ["r/2/model"]


def test_a_rerun_finds_the_metrics_again(study, orglab):
    study.write("train.sh", f"mkdir -p r/2; {ACC} r/2/any.json\n")
    study.git("add", "train.sh")
    study.git("commit", "-qm", "train")
    for options in ((), ("--metrics", "r/*/any.json")):
        orglab("run", "1.1", *options, "--", "sh", "train.sh", "--out", "r/2")
        first = read_runs(study.path)[-1]
        assert "The metrics are the same." in orglab("runs", "rerun", first.id).err


def test_the_metrics_in_the_settings_come_first_and_steps_last(run, study):
    study.write("orglab.toml", '[metrics]\nwidth = "max"\nloss = "min"\n')
    found, _ = run("printf 'step,acc,loss,width\\n1,1,2,3\\n' > any.csv")
    assert list(found.metrics) == ["width", "loss", "acc", "step"]


def test_a_metric_that_diverged_says_since_when(run, study, orglab):
    rows = "".join(
        json.dumps({"step": step, "loss": loss, "acc": 0.5}) + "\n"
        for step, loss in ((1, 3.0), (2, 2.0), (40, float("nan")), (41, float("inf")))
    )
    study.write("rows", rows)
    found, told = run("cp rows log.jsonl")
    assert (found.diverged, found.extremes["loss"]) == ({"loss": 40}, (2.0, 2, 3.0, 1))
    said = "loss Infinity (diverged at step 40), acc 0.5"
    assert said in told
    assert said in (study.path / "experiment_log.org").read_text()
    shown = orglab("runs", "show", found.id).out
    assert "Metrics       loss Infinity (diverged at step 40; best 2 at step 2)\n              acc 0.5\n" in shown
    for document in (
        orglab("runs", "show", found.id, "--json"),
        orglab("runs", "--json"),
        orglab("show", "1.1", "--json"),
    ):
        form = json.loads(document.out)
        form = form["runs"][0] if "runs" in form else form
        assert form["metrics"] == {"loss": None, "acc": 0.5, "step": 41}
        assert form["not_numbers"] == {"loss": "Infinity, diverged at step 40"}


def test_a_metric_that_diverged_is_compared(run, orglab):
    first, _ = run("printf 'step,loss\\n1,2\\n2,nan\\n' > log.csv")
    second, _ = run("printf 'step,loss\\n1,2\\n2,1\\n' > log.csv")
    assert "  loss: NaN (diverged at step 2) -> 1\n" in orglab("runs", "diff", first.id, second.id).out
    form = json.loads(orglab("runs", "diff", first.id, second.id, "--json").out)
    assert form["metrics"] == {"loss": [None, 1], "step": [2, 2]}
    assert form["not_numbers"] == {"loss": ["NaN, diverged at step 2", None]}
    assert '"metric loss": "NaN (diverged at step 2)"' in orglab("show", "1", "--history", "--json").out


def test_the_best_value_is_shown_where_the_direction_is_known(run, orglab):
    found, _ = run("printf 'step,acc,width\\n1,0.9,3\\n2,0.8,1\\n' > metrics.csv")
    shown = orglab("runs", "show", found.id).out
    assert "acc 0.8 (best 0.9 at step 1)\n" in shown
    assert "width 1\n" in shown
    form = json.loads(orglab("runs", "show", found.id, "--json").out)
    assert form["extremes"]["acc"] == {"min": [0.8, 2], "max": [0.9, 1]}
    assert form["metrics_from"] == ["metrics.csv"]
