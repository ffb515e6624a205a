"""The table of runs: conditions, sorting, columns and groups."""

import csv
import json
from pathlib import Path

import pytest

from orglab.api import open_log
from orglab.errors import UsageError
from orglab.report.formats.evidence_block import read_evidence
from orglab.runs.record import Run
from orglab.runs.run_table import CodeReader, Column, TableRequest, make_table


def run(number, command="python train.py", ref="e1.1", **fields):
    values = {"ref": ref, "argv": command.split(), "exit_code": 0, "began": f"2026-01-01T10:{number:02}:00+00:00"}
    return Run(Path(f"20260101-10{number:02}00-{number:06x}"), {**values, **fields})


RUNS = [
    run(1, "t --lr 0.1 --seed 1 --model a", metrics={"val.acc": 0.5, "loss": 3.0, "epoch": 9}),
    run(2, "t --lr 0.1 --seed 2 --model a", metrics={"val.acc": 0.7, "loss": 2.0, "epoch": 9}),
    run(3, "t --lr 0.5 --seed 1 --model a --amp", metrics={"val.acc": "NaN", "loss": 1.0, "epoch": 2}, why="faster?"),
    run(4, "t --lr 0.5 --seed 3 --model a --amp", exit_code=1),
    run(5, "t --lr 0.9 --seed 1 --model a", ref="e2", metrics={"val.acc": 0.9}, discarded=True, discard_reason="x"),
    run(6, "t --lr 0.9 --seed 2 --model a", ref="e2", metrics={"val.acc": 0.8}),
]
CODE = CodeReader(lambda runs: {run.id: "same" for run in runs}, lambda _: "f" * 40)


def select(*where, **options):
    table = make_table(RUNS, TableRequest(where, **options), {}, CODE)
    return [int(row.run.id[-2:], 16) for row in table.rows]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("lr=0.1", [1, 2]), ("lr=1e-1", [1, 2]), ("lr!=0.1", [3, 4, 6]), ("lr<=0.5", [1, 2, 3, 4]), ("lr>0.5", [6]),
        ("val.acc>0.6", [2, 6]), ("acc>=0.7", [2, 6]), ("val.acc=NaN", [3]), ("loss=none", [4, 6]), ("loss!=none", [1, 2, 3]),
        ("status=failed", [4]), ("status = done", [1, 2, 3, 6]), ("step=e2", [6]), ("seed=1", [1, 3]), ("amp=true", [3, 4]),
        ("amp=none", [1, 2, 6]), ("why=faster?", [3]), ("model=a", [1, 2, 3, 4, 6]), ("model>a", []), ("code=HEAD", [1, 2, 3, 4, 6]),
        ("code!=HEAD", []), ("seed>1", [2, 4, 6]), ("seed = 2", [2, 6]), ("model!=none", [1, 2, 3, 4, 6]),
    ],
)  # fmt: skip
def test_conditions_select_runs(condition, found):
    assert select(condition) == found


def test_seeds_are_sorted_as_numbers_and_others_are_texts():
    runs = [run(number, f"t --seed {seed}") for number, seed in enumerate((10, 9, "x", "007"))]

    def ask(*where, **options):
        rows = make_table(runs, TableRequest(where, **options), {}, CODE).rows
        return [row.read(Column("seed", "field", "seed")) for row in rows]

    assert ask(sort="seed") == [7, 9, 10, "x"]
    assert ask("seed=007") == [7]
    assert ask("seed=x") == ["x"]


def test_the_word_none_is_a_value_too():
    runs = [run(1, "t --aug none"), run(2, "t"), run(3, "t --aug flip")]
    assert [row.run for row in make_table(runs, TableRequest(("aug=none",)), {}, CODE).rows] == runs[:2]
    assert [row.run for row in make_table(runs, TableRequest(("aug!=none",)), {}, CODE).rows] == runs[2:]


@pytest.mark.parametrize("text", ["12345e6", "0012345", "1234567"])
def test_a_field_that_looks_like_a_number_is_a_text(text):
    asked = []
    code = CodeReader(CODE.identify, lambda revision: asked.append(revision) or "f" * 40)
    make_table([run(1)], TableRequest((f"code={text}",)), {}, code)
    assert asked == [text]
    for field in ("host", "why", "command"):
        (row,) = make_table([run(1, text, host=text, why=text)], TableRequest((f"{field}={text}",)), {}, CODE).rows
        assert row.run.host == text


def test_conditions_are_combined_and_discarded_runs_hidden():
    assert select("lr=0.1", "seed=2") == [2]
    assert select("status=discarded") == []
    assert select("status=discarded", every=True) == [5]
    assert make_table(RUNS, TableRequest(), {}, CODE).hidden == 1


def test_rows_are_sorted_and_those_without_a_number_come_last():
    assert select(sort="val.acc") == [1, 2, 6, 3, 4]
    assert select(sort="-val.acc") == [6, 2, 1, 3, 4]
    assert select(sort="-lr") == [6, 3, 4, 1, 2]
    assert select(sort="age") == [6, 4, 3, 2, 1]
    assert select(best="acc") == [6, 2, 1, 3, 4]
    assert select(best="loss") == [3, 2, 1, 6, 4]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (TableRequest(("lr",)), "is not a condition"),
        (TableRequest(("depth=3",)), "No run has 'depth'; the names are amp, epoch, loss, lr, model, seed, val.acc"),
        (TableRequest(sort="depth"), "No run has 'depth'"),
        (TableRequest(best="epoch"), "small or a large epoch is better is not known"),
        (TableRequest(best="lr"), "No run has 'lr'"),
    ],
)
def test_a_name_that_no_run_has_is_an_error(request_, message):
    with pytest.raises(UsageError, match=message):
        make_table(RUNS, request_, {}, CODE)


def test_a_run_that_does_not_count_is_never_the_best():
    odd = [
        *RUNS,
        run(7, "t --lr 2", metrics={"val.acc": 5.0}, exit_code=1),
        run(8, "t", metrics={"val.acc": 6}, rerun_of="x"),
    ]
    ranked = make_table(odd, TableRequest(best="val.acc"), {}, CODE).rows
    assert [int(row.run.id[-2:], 16) for row in ranked] == [6, 2, 1, 3, 8, 7, 4]


def test_conditions_never_choose_among_the_runs_of_a_setting():
    def ask(*where):
        table = make_table(RUNS, TableRequest(where, by_setting=True), {}, CODE)
        return [(row.parameters["lr"], row.setting.summarize("val.acc").total) for row in table.rows]

    assert ask("val.acc>0.6") == [(0.9, 2)]
    assert ask("val.acc>0.55", "lr<0.5") == [(0.1, 2)]
    for where in ("status=done", "seed=1", "seconds>3"):
        with pytest.raises(UsageError, match="would choose among the runs of a setting"):
            ask(where)


def test_a_setting_has_the_seeds_of_its_runs_and_no_field_of_one_of_them():
    table = make_table(RUNS, TableRequest(by_setting=True, columns=("seed", "step", "id", "status")), {}, CODE)
    assert [table.rows[0].read(column) for column in table.columns] == ["1,2", "e1.1", None, "done"]


def test_a_diverged_run_is_selected_by_its_status_or_value():
    diverged = run(9, metrics={"loss": "NaN"}, diverged={"loss": 3})
    for where in ("status=diverged", "loss=nan"):
        rows = make_table([*RUNS, diverged], TableRequest((where,)), {}, CODE).rows
        assert [row.run for row in rows] == [diverged]
    with pytest.raises(UsageError, match="Unknown status 'bogus'; use one of done, failed"):
        make_table(RUNS, TableRequest(("status=bogus",)), {}, CODE)


def test_the_columns_are_the_parameters_that_differ_and_the_metrics_findings_first():
    table = make_table(RUNS, TableRequest(), {}, CODE)
    assert [column.name for column in table.parameters] == ["lr", "amp"]
    assert [column.name for column in table.metrics] == ["val.acc", "loss", "epoch"]
    assert make_table(RUNS, TableRequest(sort="loss"), {}, CODE).metrics[0].name == "loss"
    assert make_table(RUNS, TableRequest(first=("loss",)), {}, CODE).metrics[0].name == "loss"
    assert make_table(RUNS, TableRequest(), {"loss": "min"}, CODE).metrics[0].name == "loss"


def test_settings_of_all_steps_stand_in_one_ranking():
    table = make_table(RUNS, TableRequest(by_setting=True, best="val.acc"), {}, CODE)
    shown = [(row.run.ref, row.parameters["lr"], row.summarize(table.metrics[0])) for row in table.rows]
    assert [(ref, lr, summary.mean) for ref, lr, summary in shown] == [
        ("e2", 0.9, 0.8), ("e1.1", 0.1, pytest.approx(0.6)), ("e1.1", 0.5, None),
    ]  # fmt: skip
    assert [summary.reasons for _, _, summary in shown] == [{"discarded": 1}, {}, {"failed": 1, "diverged": 1}]


TRAIN = """\
import json, sys
lr, seed = float(sys.argv[2]), int(sys.argv[4]) if sys.argv[4].isdigit() else sys.exit(1)
print(f"metric acc={lr + seed / 100:.2f}")
"""


@pytest.fixture
def swept(study, orglab):
    """Runs with two learning rates and two seeds, and one that failed."""
    study.commit("code", {"train.py": TRAIN})
    for lr in ("0.1", "0.5"):
        for seed in ("1", "2"):
            orglab("run", "1.1", "--stdout-metrics", "--", "python", "train.py", "--lr", lr, "--seed", seed)
    orglab("run", "1.1", "--", "python", "train.py", "--lr", "0.5", "--seed", "x", code=1)
    return study


@pytest.mark.usefixtures("swept")
def test_the_table_has_the_same_numbers_as_text_csv_and_json(orglab):
    rows = list(csv.DictReader(orglab("runs", "--csv").out.splitlines()))
    assert [(row["lr"], row["seed"], row["status"], row["acc"]) for row in rows] == [
        ("0.1", "1", "done", "0.11"), ("0.1", "2", "done", "0.12"), ("0.5", "1", "done", "0.51"),
        ("0.5", "2", "done", "0.52"), ("0.5", "x", "failed", ""),
    ]  # fmt: skip
    lines = orglab("runs", "--by", "setting", "--best", "acc").out.splitlines()
    assert [line.split(maxsplit=2)[1:] for line in lines[1:]] == [
        ["0.5", "0.5150 ± 0.0071 (n = 2 of 3; 1 failed)"], ["0.1", "0.1150 ± 0.0071 (n = 2)"],
    ]  # fmt: skip
    settings = json.loads(orglab("runs", "--by", "setting", "--json").out)["settings"]
    acc = settings[1]["metrics"]["acc"]
    assert (acc["n"], acc["of"], acc["left_out"], acc["mean"]) == (2, 3, {"failed": 1}, pytest.approx(0.515))
    assert [one["reason"] for one in settings[1]["left_out"]] == ["failed"]
    head, *cells = csv.reader(orglab("runs", "--by", "setting", "--csv").out.splitlines())
    assert head == ["step", "lr", "acc mean", "acc sd", "acc n", "acc of"]
    assert [(row[1], row[4], row[5]) for row in cells] == [("0.1", "2", "2"), ("0.5", "2", "3")]


def test_the_same_code_has_the_same_commit_in_the_table(study, orglab):
    """Each run of uncommitted changes has a snapshot of its own, of the same code."""
    for seed, text in (("1", TRAIN), ("2", TRAIN), ("3", TRAIN + "# changed")):
        study.write("train.py", text)
        orglab("note", "1", seed)
        orglab("commit")  # so that the snapshot is another one, of the same code
        orglab("run", "1.1", "--stdout-metrics", "--", "python", "train.py", "--lr", "1", "--seed", seed)
    first, second, third = open_log(start=study.path).runs("1.1")
    assert first.code != second.code
    codes = [row["code"] for row in csv.DictReader(orglab("runs", "--columns", "code", "--csv").out.splitlines())]
    assert codes == [first.code, first.code, third.code]
    lines = orglab("runs", "--columns", "code").out.split()
    assert lines == ["code", *(code[:7] for code in codes)]
    assert orglab("runs", "--by", "setting", "--columns", "code", "--csv").out.splitlines()[1].startswith(third.code)
    assert len(orglab("runs", f"code={first.code[:10]}").out.splitlines()) == 2


@pytest.mark.usefixtures("swept")
def test_a_step_and_a_list_show_the_best_setting(orglab):
    shown = orglab("show", "1").out
    assert "2 settings; the best by acc: lr 0.5: acc 0.5150 ± 0.0071 (n = 2 of 3; 1 failed), +0.4" in shown
    listed = orglab("list", "--sort", "-acc").out
    assert "0.5150 ± 0.0071 (n = 2 of 3; 1 failed)  First" in listed
    (form,) = json.loads(orglab("list", "--sort", "-acc", "--json").out)["experiments"]
    assert form["metric"] == {
        "name": "acc",
        "mean": pytest.approx(0.515),
        "sd": pytest.approx(0.00707, abs=1e-5),
        "n": 2,
        "of": 3,
    }
    assert "or a metric: acc" in orglab("list", "--sort", "nonsense", code=2).err
    # Of a large log, that would take most of the time.
    assert not any("steps" in vars(one) for one in open_log().list_experiments(sort="acc").experiments)


def test_runs_become_a_row_each_in_a_data_frame(swept):
    first = dict(open_log(start=swept.path).runs("1.1")[0])
    assert (first["lr"], first["seed"], first["acc"], first["status"], first["ref"]) == (0.1, 1, 0.11, "done", "e1.1")


@pytest.mark.usefixtures("swept")
def test_what_was_tried_has_its_number(orglab):
    orglab("conclude", "1", "A larger step is better.", "--verdict", "supported")
    assert "e1.1, lr 0.5: acc 0.5150 ± 0.0071 (n = 2 of 3; 1 failed), +0.4" in orglab("tried", "First").out


@pytest.mark.usefixtures("swept")
def test_a_report_tells_discarded_runs_apart(orglab):
    run_id = orglab("runs", "--columns", "id", "--csv").out.splitlines()[1]
    orglab("runs", "discard", run_id, "-m", "Wrong data")
    orglab("conclude", "1", "A larger step is better.", "--verdict", "supported")
    report = orglab("report", "--since", "1w").out
    assert "5 runs, 1 failed, 1 discarded." in report
    evidence = read_evidence(report.encode())
    first = next(one for one in evidence["statements"] if one["text"].startswith("Concluded on"))
    claims = [evidence["claims"][index] for index in first["claims"]]
    outcomes = {about: says for kind, about, name, says in claims if (kind, name) == ("run", "outcome")}
    assert sorted(outcomes.values()) == ["discarded", "done", "done", "done", "failed"]
    assert outcomes[run_id] == "discarded"


def test_the_metric_of_the_claim_comes_first(study, orglab):
    study.commit("code", {"two.py": "print('metric aux=1')\nprint('metric acc=2')"})
    orglab("run", "1.1", "--stdout-metrics", "--", "python", "two.py")
    assert orglab("runs", "1", "--csv").out.startswith("id,step,status,seed,aux,acc\n")
    log = study.path / "experiment_log.org"
    log.write_text(log.read_text().replace(":ID:       1\n", ":ID:       1\n  :CLAIM:    acc > 1\n"))
    assert orglab("runs", "1", "--csv").out.startswith("id,step,status,seed,acc,aux\n")
