"""The metrics that trackers wrote, in runs: whose they are, what they are called, and what is said about them."""

import json
import math
import os
from pathlib import Path

import pytest

from event_files import LATER, write_events
from orglab.runs.metrics import tracked
from orglab.runs.record_reader import read_runs
from orglab.runs.sources import registry, tracked_run
from orglab.runs.sources.registry import Reader
from orglab.runs.sources.tracked_run import TrackedRun
from wandb_files import describe_run, frame, history, item, summary

DATA = Path(__file__).parents[1] / "sources/data"
ROWS = [{"step": 1, "loss": 0.5, "acc": 0.25}, {"step": 2, "loss": 0.1, "acc": 0.75}]
NAME = "events.out.tfevents.1.host"


@pytest.fixture
def prepared(tmp_path_factory):
    """A folder outside of the repository, whose files the runs of a test copy."""
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture
def run(study, orglab):
    """Run a shell script for the first step; the run, and what the user was told."""

    def run_script(script, *options, arguments=()):
        study.write(".git/script", script)
        told = orglab("run", "1.1", *options, "--", "sh", ".git/script", *arguments).err
        return read_runs(study.path)[-1], told

    return run_script


@pytest.fixture
def go_on(run, study):
    """A command after which another run goes on, that began in the same folder."""
    run("true")
    record = read_runs(study.path)[-1].folder / "record.jsonl"
    began = next(line for line in record.read_text().splitlines() if json.loads(line)["event"] == "began")
    ended = json.dumps({"event": "ended", "ended": "2100-01-01T00:00:00+00:00", "exit_code": 0})
    return f"printf '%s\\n' '{began}' '{ended}' > {record}"


def test_tensorboard(run, prepared, orglab):
    write_events(prepared / NAME, ROWS)
    found, told = run(f"mkdir -p runs/a; cp {prepared}/{NAME} runs/a")
    assert found.metrics == {"loss": 0.1, "acc": 0.75, "step": 2}
    assert found.extremes["acc"] == (0.25, 1, 0.75, 2)
    assert list(found.history()) == ROWS
    assert found.metrics_from == (f"runs/a/{NAME}",)
    assert found.trackers == (("tensorboard", None),)
    assert told.startswith("Metrics of 1 TensorBoard run: 4 values of loss, acc.\n")
    form = json.loads(orglab("runs", "show", found.id, "--json").out)
    assert form["trackers"] == [{"tracker": "tensorboard", "id": None}]


@pytest.mark.parametrize("options", [(), ("--results", "runs"), ("--metrics", "runs/*/*.host*")])
def test_files_of_a_folder_are_one_run_and_folders_tell_runs_apart(run, prepared, options):
    write_events(prepared / "a" / NAME, ROWS[:1])
    write_events(prepared / "a" / f"{NAME}.2", ROWS[1:])
    write_events(prepared / "b/train" / NAME, [{"step": 3, "loss": 0.3}])
    write_events(prepared / "b/val" / NAME, [{"step": 3, "loss": 0.4}])
    found, told = run(f"mkdir runs; cp -r {prepared}/a {prepared}/b/* runs", *options)
    assert found.metrics == {"a.loss": 0.1, "train.loss": 0.3, "val.loss": 0.4, "acc": 0.75}
    assert "Metrics of 3 TensorBoard runs: 6 values of loss, acc.\n" in told
    assert len(list(found.history())) == 4


def test_the_name_of_a_file_says_which_process_wrote_it_though_another_run_goes_on(run, prepared, go_on):
    write_events(prepared / NAME, ROWS)
    theirs, unknown = (f"events.out.tfevents.1.{host}.0" for host in (f"{os.uname().nodename}.1", "elsewhere.$$"))
    found, told = run(
        f"mkdir a b c; cp {prepared}/{NAME} a/events.out.tfevents.1.{os.uname().nodename}.$$.0; "
        f"cp {prepared}/{NAME} b/{theirs}; cp {prepared}/{NAME} c/{unknown}; {go_on}"
    )
    assert found.metrics == {"loss": 0.1, "acc": 0.75, "step": 2}
    assert [path[:2] for path in found.metrics_from] == ["a/"]
    assert [path[:2] for path in found.unattributed] == ["b/", "c/"]
    assert "Metrics not attributed" in told


def test_what_an_earlier_run_logged_is_not_of_this_one(run, study):
    write_events(study.path / "runs" / NAME, ROWS, wall_time=1e9)
    assert run("true")[0].metrics == {}
    found, told = run(f"touch runs/{NAME}")
    assert (found.metrics, found.metrics_from, found.trackers) == ({}, (), ())
    assert "TensorBoard" not in told


def test_only_what_a_run_added_to_a_file_is_its_own(run, study, prepared):
    write_events(study.path / "runs" / NAME, ROWS, wall_time=1e9)
    write_events(prepared / "more", [{"step": 3, "loss": 0.05}])
    found, _ = run(f"cat {prepared}/more >> runs/{NAME}")
    assert found.metrics == {"loss": 0.05, "step": 3}
    assert list(found.history()) == [{"step": 3, "loss": 0.05}]


def test_equal_values_of_a_file_and_a_tracker_are_one_metric(run, prepared):
    write_events(prepared / NAME, ROWS)
    table = "step,loss,acc,lr\\n1,0.5,0.25,1\\n2,0.10000000001,0.75,1\\n"
    found, _ = run(f"mkdir -p logs; cp {prepared}/{NAME} logs; printf '{table}' > logs/metrics.csv")
    assert found.metrics == {"loss": 0.10000000001, "acc": 0.75, "lr": 1, "step": 2}
    assert list(found.history()) == [
        {"step": 1, "loss": 0.5, "acc": 0.25, "lr": 1}, {"step": 2, "loss": 0.10000000001, "acc": 0.75, "lr": 1},
    ]  # fmt: skip


def test_a_tracker_and_a_file_with_other_values_are_told_apart(run, prepared):
    write_events(prepared / NAME, ROWS)
    found, _ = run(f"mkdir -p logs/x; cp {prepared}/{NAME} logs/x; echo '{{\"acc\": 0.9}}' > metrics.json")
    assert found.metrics == {"metrics.acc": 0.9, "tensorboard.acc": 0.75, "loss": 0.1, "step": 2}


def test_a_metric_that_ends_as_nan_has_diverged(run, prepared):
    write_events(prepared / NAME, [*ROWS, {"step": 3, "loss": math.nan}, {"step": 4, "loss": math.inf}])
    found, _ = run(f"cp {prepared}/{NAME} .")
    assert (found.metrics["loss"], found.diverged) == ("Infinity", {"loss": 3})


def test_a_damaged_file_is_one_sentence_and_the_others_are_read(run, prepared):
    write_events(prepared / NAME, ROWS)
    found, told = run(
        f"cp {prepared}/{NAME} .; mkdir x; echo this is another file > x/{NAME}; cp {NAME} x/{NAME}.2; echo 0123456789012 >> x/{NAME}.2"
    )
    assert found.metrics["acc"] == 0.75
    assert told.count("is not a valid event file") == 1
    assert told.count("is damaged after") == 1


def test_what_is_too_much_is_not_read_and_named(run, prepared, monkeypatch):
    write_events(prepared / NAME, ROWS)
    monkeypatch.setattr(tracked, "_FILES", 1)
    _, told = run(f"mkdir a b; cp {prepared}/{NAME} a; cp {prepared}/{NAME} b")
    assert (
        f"Trackers have more than 1 files or 128 MB of metrics, so these were not read: b/{NAME}; use --metrics.\n"
        in told
    )


def test_the_state_of_a_trainer_of_hugging_face(run):
    found, told = run(f"mkdir -p out/checkpoint-4; cp {DATA}/transformers/trainer_state.json out/checkpoint-4")
    assert found.metrics["eval_mae"] == 2.625
    assert found.extremes["loss"] == (1.6653125286102295, 3, 26, 1)
    assert [row["loss"] for row in found.history() if "loss" in row][-1] == 20.479061126708984
    assert (found.trackers, "Metrics of" in told) == ((), False)


def test_wandb(run, prepared):
    folder = "wandb/offline-run-20260101_000000-abcd1234"
    found, told = run(
        f"mkdir -p {folder}/files; echo '{{\"loss\": 7}}' > {folder}/files/wandb-summary.json; "
        f"cp {DATA}/wandb/0.31.0/run-abcd1234.wandb {folder}"
    )
    # The run in the file was before this one.
    assert (found.metrics, found.trackers, "Metrics of" in told) == ({}, (), False)
    records = (
        describe_run("abc", int(LATER)),
        history(1, loss=1, acc=0.5),
        history(2, loss=0.5),
        summary(item("best", 0.5)),
    )
    (prepared / "run-abc.wandb").write_bytes(frame(records))
    found, told = run(f"cp {prepared}/run-abc.wandb {folder}")
    assert found.metrics == {"acc": 0.5, "loss": 0.5, "best": 0.5, "step": 2}
    assert list(found.history()) == [{"step": 1, "loss": 1, "acc": 0.5}, {"step": 2, "loss": 0.5}]
    assert found.trackers == (("wandb", "abc"),)
    assert "Metrics of 1 W&B run: 4 values of acc, loss, best.\n" in told


def test_dvclive(run):
    found, told = run(f"cp -r {DATA}/dvclive .")
    assert found.metrics == {"acc": 0.95, "train.loss": 0.1, "test.acc": 0.5, "best": 3, "step": 2}
    assert len(list(found.history())) == 3
    assert found.metrics_from == ("dvclive/metrics.json",)
    assert "Metrics of 1 DVCLive run: 8 values of acc, train.loss, test.acc, best.\n" in told


def test_rows_beyond_a_limit_are_not_read_and_that_is_said(run, prepared, monkeypatch):
    write_events(prepared / NAME, ROWS)
    monkeypatch.setattr(tracked, "_ROWS", 1)
    found, told = run(f"cp {prepared}/{NAME} .")
    assert found.metrics == {"loss": 0.5, "acc": 0.25, "step": 1}
    assert told.count("has more than 1 rows; the others were not read.") == 1


def test_work_is_bounded_for_all_files_together_and_that_is_said_once(run, prepared, monkeypatch):
    for name in "abc":
        (prepared / f"run-{name}.wandb").write_bytes(frame(history(step, **{name: step}) for step in range(40)))
    monkeypatch.setattr(tracked_run, "_STEPS", 900)
    found, told = run(f"cp {prepared}/*.wandb .")
    assert told.count("takes too much work to read; the rest of it, and of what other trackers wrote, was not") == 1
    amounts = [sum(name in row for row in found.history()) for name in "abc"]
    assert (amounts[0], amounts[2], found.metrics["a"]) == (40, 0, 39)


def test_a_value_that_a_file_has_too_keeps_the_digits_of_the_file(run, prepared):
    write_events(prepared / NAME, [{"step": step, "loss": 1 / step} for step in (1, 3)])
    found, _ = run(f"echo '{json.dumps({'loss': 1 / 3})}' > metrics.json; cp {prepared}/{NAME} .")
    assert found.metrics["loss"] == 1 / 3
    assert found.extremes["loss"].high == 1


def test_a_reader_that_fails_is_one_sentence_and_the_rest_goes_on(run, prepared, monkeypatch):
    def fail(_):
        raise RuntimeError("no\x1b[31m luck")

    def fail_later(file):
        yield TrackedRun("other", "7", lambda: iter([{"step": 1, "x": 2}, {"x": object()}]))
        raise KeyError(file.run_id)

    readers = [
        Reader("first", lambda path: path.suffix == ".first", fail),
        Reader("second", lambda path: path.suffix == ".second", fail_later),
        Reader("third", lambda path: path.suffix == ".third", lambda file: [next(fail_later(file))]),
        *registry.load_readers(),
    ]
    monkeypatch.setattr(tracked, "load_readers", lambda: readers)
    write_events(prepared / NAME, ROWS)
    found, told = run(f"for n in first second third; do echo x > a.$n; done; cp {prepared}/{NAME} .")
    assert found.metrics == {"loss": 0.1, "acc": 0.75, "x": 2}
    assert found.trackers == (("other", "7"), ("tensorboard", None))
    for name, error in (("first", "RuntimeError"), ("second", "KeyError"), ("third", "TypeError")):
        assert told.count(f"The reader {name} of metrics failed on ") == 1
        assert error in told
    assert "\x1b" not in told


def test_a_run_that_a_tracker_says_is_ours_is_ours_though_another_goes_on(run, go_on, monkeypatch):
    """A file in a folder that both runs write to cannot be attributed, unless the tracker knows."""
    readers = [
        Reader(name, lambda path, name=name: path.suffix == f".{name}", lambda _, is_ours=is_ours: [
            TrackedRun("other", "7", lambda: iter([{"x": 1}]), is_ours=is_ours)
        ]) for name, is_ours in (("ours", True), ("theirs", False))
    ]  # fmt: skip
    monkeypatch.setattr(tracked, "load_readers", lambda: readers)
    found, _ = run(f"echo x > a.ours; echo x > a.theirs; {go_on}")
    assert (found.metrics, found.unattributed) == ({"x": 1}, ("a.theirs",))
