"""Which of the files that a program writes hold its metrics, and which of their rows are new."""

import json
import os

import pytest

from orglab.runs.metrics.candidates import (
    drop_checkpoints,
    find_first_row,
    find_matches,
    find_start,
    is_candidate,
    mark_files,
)

TRAINER_STATE = {
    "best_metric": 0.31, "best_model_checkpoint": "out/checkpoint-20", "epoch": 2.0, "global_step": 20, "is_local": True,
    "log_history": [
        {"epoch": 1.0, "grad_norm": 1.5, "learning_rate": 1e-4, "loss": 0.7, "step": 10},
        {"epoch": 1.0, "eval_accuracy": 0.8, "eval_loss": 0.31, "eval_runtime": 1.5, "step": 10},
    ],
}  # fmt: skip
ALL_RESULTS = {"epoch": 2.0, "eval_accuracy": 0.81, "eval_loss": 0.3, "total_flos": 1e15, "train_runtime": 12.5}
LIGHTNING = "epoch,step,train_loss,val_acc\n0,49,0.5,\n0,99,,0.8\n1,149,0.4,\n1,199,,0.9\n"
YOLO = "epoch,  train/box_loss,  metrics/mAP50(B)\n1, 1.2, 0.5\n2, 1.0, 0.6\n"
STABLE_BASELINES = "time/iterations,rollout/ep_rew_mean\n1,20.5\n2,30.5\n"
PREDICTIONS = "id,y_true,y_pred,score\n" + "".join(f"{n},1,0,0.{n}\n" for n in range(50))
REPORT = "class,precision,recall\ncat,0.9,0.8\ndog,0.7,0.6\n"
CONFUSION = ",cat,dog\ncat,50,2\ndog,3,45\n"
CONFIG = {"lr": 0.1, "loss": {"weight": 0.5}, "epochs": 3, "score": 1}
TOKENIZER = {"version": "1.0", "added_tokens": [{"id": 0}], "model": {"vocab": {f"w{n}": n for n in range(3000)}}}
PACKAGE = {"name": "app", "version": "1.0.0", "scripts": {"test": "run"}, "private": True}
WEIGHTS = {"metadata": {"total_size": 437935104}, "weight_map": {"bert.weight": "model.safetensors"}}


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write_file


def is_found(path, *, settings=(), is_named=False, is_new=True):
    first = find_first_row(None, path, 0, dict(settings), is_named=is_named, is_new=is_new)
    return is_candidate(path) and first is not None


@pytest.mark.parametrize(("name", "content"), [
    ("trainer_state.json", TRAINER_STATE), ("all_results.json", ALL_RESULTS), ("metrics.csv", LIGHTNING),
    ("results.csv", YOLO), ("progress.csv", STABLE_BASELINES), ("wandb-summary.json", {"_step": 9, "width": 3}),
    ("out.json", {"val": {"acc": 0.9}}), ("scores.tsv", "fold\tauc\n1\t0.9\n2\t0.8\n"), ("log.csv", ",loss\n0,0.5\n1,0.4\n"),
    ("run.jsonl", '{"step": 1, "split": "train", "loss": 1.5}\n{"step": 2, "split": "train", "loss": NaN}\n'),
    ("final.csv", "model,acc\nresnet,0.9\n"), ("evalResults.json", [{"step": 1, "width": 2}]), ("acc.json", {"mean": 0.9}),
])  # fmt: skip
def test_metrics(write, name, content):
    assert is_found(write(name, content))


@pytest.mark.parametrize(("name", "content"), [
    ("predictions.csv", PREDICTIONS), ("out.csv", PREDICTIONS), ("results.csv", PREDICTIONS.replace("0,1,0", "x,1,0")),
    ("report.csv", REPORT), ("confusion_matrix.csv", CONFUSION), ("results.csv", CONFUSION), ("results.csv", ",0,1\n0,50,2\n1,3,45\n"),
    ("report.csv", REPORT.replace("class", "")),
    ("confusion_matrix.json", [[50, 2], [3, 45]]), ("results.json", [[50, 2], [3, 45]]), ("results.json", {"cm": [[50, 2], [3, 45]]}),
    ("config.json", CONFIG), ("training_args.json", CONFIG), ("hparams.json", CONFIG), ("modelConfig.json", CONFIG),
    ("tokenizer.json", TOKENIZER), ("words.json", TOKENIZER), ("results.json", TOKENIZER), ("package.json", PACKAGE),
    ("app.json", PACKAGE), ("model.safetensors.index.json", WEIGHTS), ("weights.json", WEIGHTS), ("metrics.txt", "acc,loss\n1,2\n"),
    ("config.yaml", "lr: 0.1\n"), ("data.csv", "a,b\n1,2\n3,4\n"), ("metrics.json", "{}"), ("metrics.json", {"step": 3, "epoch": 1}),
    ("metrics.json", "no json"), ("metrics.csv", ""), ("metrics.csv", "step,word\n1,a\n"), ("answers.json", [{"id": 1, "score": 0.5}, {"id": 2, "score": 0.7}]),
    ("metrics.csv", "step," + ",".join(f"c{n}" for n in range(300)) + "\n" + "1," * 300 + "1\n"),
])  # fmt: skip
def test_not_metrics(write, name, content):
    assert not is_found(write(name, content))


def test_in_a_named_place_any_number_is_a_metric(write):
    path = write("a.json", {"width": 3})
    assert not is_found(path)
    assert is_found(path, is_named=True)
    assert is_found(path, settings={"width": "min"})
    assert not is_found(write("config.json", {"width": 3}), is_named=True)


def first_row(path, **options):
    return find_first_row(None, path, 0, {}, is_named=False, **options)


def test_rows_that_may_be_of_earlier_runs_do_not_count(write):
    steps = write("log.csv", "step,loss\n1,5\n2,4\n1,3\n2,2\n")
    assert (first_row(steps, is_new=True), first_row(steps, is_new=False)) == (0, 2)
    within_epochs = write("log2.csv", "epoch,iter,loss\n1,1,5\n1,2,4\n2,1,3\n,2,3\n")
    assert first_row(within_epochs, is_new=False) == 0
    without_steps = write("results.csv", "seed,acc\n1,0.5\n2,0.6\n")
    assert (first_row(without_steps, is_new=True), first_row(without_steps, is_new=False)) == (0, 1)


@pytest.mark.parametrize(("before", "after", "start"), [
    ("seed,acc\n1,0.5\n", "seed,acc\n1,0.5\n2,0.6\n", 15),  # added to
    ("seed,acc\n1,0.5\n", "seed,acc\n1,0.7\n2,0.6\n", 0),  # written anew
    ("seed,acc\n1,0.5\n", "seed,acc\n", 0),
    ("step,acc\n1,0.5\n", "step,acc\n1,0.5\n1,0.6\n", 15),  # another run begins
    ("step,acc\n1,0.5\n", "step,acc\n1,0.5\n2,0.6\n", 0),  # the steps go on
    ('{"a": 1}\n', '{"a": 1}\n{"a": 2}\n', 9),
    ('{"step": 1}\n{"step": 2}\n', '{"step": 1}\n{"step": 2}\n{"step": 3}\n', 0),
    ('{"step": 1}\n{"step": 2}\n', '{"step": 1}\n{"step": 2}\n{"step": 1}\n', 24),
])  # fmt: skip
def test_the_rows_of_a_run_begin_where_it_added_to_a_file(write, before, after, start):
    path = write("log.csv" if before[0] == "s" else "log.jsonl", before)
    marks = mark_files(None, [path])
    path.write_text(after)
    assert find_start(None, path, marks[path]) == start


def test_a_path_or_a_pattern_names_files(write, tmp_path):
    first, second = write("out/a.json", ""), write("out/deep/b.json", "")
    special = write("out/[1].json", "")
    assert find_matches(None, "out/a.json", tmp_path) == [first]
    assert find_matches(None, "out/none.json", tmp_path) == [tmp_path / "out/none.json"]
    assert find_matches(None, "out/*a.json", tmp_path) == [first]
    assert find_matches(None, "out/**/b.json", tmp_path) == [second]
    assert find_matches(None, "out/[1].json", tmp_path) == [special]
    assert find_matches(None, f"{tmp_path}/o*/a.json", tmp_path / "out") == [first]
    assert find_matches(None, "*/none*", tmp_path) == find_matches(None, "out[", tmp_path / "none") == []


def test_only_the_newest_checkpoint_has_metrics(write):
    paths = [write(f"out/{place}trainer_state.json", "{}") for place in ("checkpoint-9/", "checkpoint-10/", "")]
    for path, time in zip(paths, (1, 2, 3), strict=True):
        os.utime(path, (time, time))
    other = write("other/trainer_state.json", "{}")
    assert drop_checkpoints([*paths, other]) == [paths[2], other]
    assert drop_checkpoints(paths[:2]) == [paths[1]]
