"""The results of an experiment: settings by step, key metrics, baseline and claim."""

import datetime
from pathlib import Path

import pytest

from orglab.config import Config
from orglab.errors import NotFoundError
from orglab.experiment.model import read_experiments
from orglab.org.document import Document
from orglab.runs.record import Run
from orglab.runs.setting import find_settings
from orglab.runs.step_results import label_settings, read_claim, read_results
from orglab.runs.summary_text import describe_comparison, describe_summary

LOG = """* DONE [1] {title} :exp:
:PROPERTIES:
{properties}:END:
** DONE Experiments
1. [X] plain
2. [X] with warmup
** Conclusions
{conclusion}
"""


def make_experiment(properties="", conclusion="", title="Does it help?"):
    text = LOG.format(properties=properties, conclusion=conclusion, title=title)
    return next(read_experiments(Document(text.encode()), Config(), "log.org"))


def run(number, ref="e1.1", command="python train.py", **metrics):
    return Run(Path(f"20260101-10{number:02}00-{number:06x}"), {
        "ref": ref, "argv": command.split(), "exit_code": 0, "metrics": metrics or {"loss": 0.5},
        "began": f"2026-01-01T10:{number % 60:02}:00+00:00",
    })  # fmt: skip


def read(runs, experiment=None, others=(), **options):
    def read_runs(reference):
        found = [one for one in others if f"{one.ref}.".startswith(f"{reference}.")]
        if not found:
            raise NotFoundError(f"There is no {reference}.")
        return found

    return read_results(experiment or make_experiment(), runs, lambda _: {}, read_runs, **options)


SEEDED = [
    *(run(seed, "e1.1", f"python train.py --seed {seed}", acc=0.5 + seed / 100) for seed in (1, 2, 3)),
    *(run(10 + seed, "e1.2", f"python train.py --warm --seed {seed}", acc=0.6 + seed / 50) for seed in (1, 2, 3)),
]


def test_each_step_is_compared_with_the_first():
    results = read(SEEDED)
    first, second = results.outcomes
    assert (first.ref, first.is_baseline, second.ref, second.is_baseline) == ("e1.1", True, "e1.2", False)
    assert not results.is_named
    assert results.compare(first, "acc") is None
    assert describe_summary(second.setting.summarize("acc")) == "0.64 ± 0.02 (n = 3)"
    assert describe_comparison(results.compare(second, "acc"), 3) == "+0.120 [0.095, 0.145] (paired)"


def test_a_single_setting_is_compared_with_nothing():
    results = read(SEEDED[:3])
    assert (len(results.outcomes), results.baseline) == (1, None)
    assert read([]).outcomes == ()


def test_words_such_as_control_decide_nothing():
    text = LOG.format(properties="", conclusion="", title="t").replace("with warmup", "the control, a baseline")
    experiment = next(read_experiments(Document(text.encode()), Config(), "log.org"))
    assert read(SEEDED, experiment).baseline.ref == "e1.1"


@pytest.mark.parametrize(
    ("name", "ref", "label"),
    [("2", "e1.2", ""), ("1.2", "e1.2", ""), ("e1.2", "e1.2", ""), ("[e1.2]", "e1.2", ""), ("e143.1", "e143.1", ""),
     ("e143", "e143.1", ""), ("1.1 lr=1e-1", "e1.1", "lr 0.1"), ("lr=0.5", "e1.1", "lr 0.5")],
)  # fmt: skip
def test_the_baseline_is_what_the_experiment_names(name, ref, label):
    swept = [run(1, "e1.1", "t --lr 0.1", acc=1), run(2, "e1.1", "t --lr 0.5", acc=2), run(3, "e1.2", "t", acc=3)]
    results = read(swept, make_experiment(f":BASELINE: {name}\n"), [run(4, "e143.1", acc=9)])
    assert (results.baseline.ref, results.baseline.label, results.is_named) == (ref, label, True)
    assert results.problem == ""


@pytest.mark.parametrize(
    ("name", "problem"),
    [("1.1", "names 2 settings"), ("1.1 lr=7", "names no setting"), ("e99", "There is no e99.")],
)
def test_a_baseline_that_cannot_be_used_is_said(name, problem):
    swept = [run(1, "e1.1", "t --lr 0.1", acc=1), run(2, "e1.1", "t --lr 0.5", acc=2)]
    results = read(swept, make_experiment(f":BASELINE: {name}\n"))
    assert problem in results.problem
    # Nothing is compared with what the user did not mean.
    assert (results.baseline, results.is_named) == (None, False)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("val.acc > +1", ("val.acc", ">", 1.0, True)),
        ("loss<0.3", ("loss", "<", 0.3, False)),
        ("acc >= -0.5", ("acc", ">=", -0.5, True)),
        ("acc goes up", None),
        ("acc > 1 and loss < 2", None),
        ("acc >", None),
    ],
)
def test_a_claim_in_numbers_is_read_and_free_text_is_not(text, claim):
    found = read_claim(make_experiment(f":CLAIM: {text}\n"))
    assert (found and found[:4]) == claim


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [("acc > +0.05", "holds"), ("acc > +0.2", "fails"), ("acc > +0.12", "undecided"), ("acc < -0.01", "fails"),
     ("acc > 0.5", "holds"), ("acc < 0.5", "fails"), ("acc >= 0.64", "undecided"), ("f1 > 0", None)],
)  # fmt: skip
def test_a_claim_holds_or_fails_if_its_interval_does(claim, verdict):
    results = read(SEEDED, make_experiment(f":CLAIM: {claim}\n"))
    assert [results.judge(outcome) for outcome in results.outcomes] == [None, verdict]


def test_a_claim_about_one_run_is_undecided():
    runs = [run(1, "e1.1", acc=0.5), run(2, "e1.2", acc=0.9)]
    assert read(runs, make_experiment(":CLAIM: acc > +0.1\n")).judge(read(runs).outcomes[1]) == "undecided"


def test_the_metric_shown_first_is_that_of_the_claim_the_conclusion_the_settings_or_what_all_share():
    runs = [
        *(run(n, f"e1.{n}", lr=n, loss=n, val_acc=1 / n, epoch=9, seconds=n, **{"test.f1": n}) for n in (1, 2)),
        run(3, "e1.2", "python other.py", bleu=3, loss=4),
    ]
    assert read(runs).metrics == ("loss", "val_acc", "test.f1")
    assert read(runs, make_experiment(conclusion="val acc is better")).metrics == ("val_acc",)
    assert read(runs, directions={"test.f1": "max"}).metrics == ("test.f1",)
    claimed = make_experiment(":CLAIM: bleu > 3\n", "Better val_acc.")
    assert read(runs, claimed, directions={"loss": "min"}).metrics == ("bleu", "val_acc", "loss")
    assert read([run(1, lr=0.1, seconds=2)]).metrics == ("lr", "seconds")


def test_several_settings_of_a_step_stay_apart_and_have_labels():
    commands = ("t --lr 0.1 --amp", "t --lr 0.5", "other --lr 0.5", "t --lr 0.5 --deep")
    runs = [*(run(number, "e1.1", command) for number, command in enumerate(commands)), run(9, "e1.2", "t")]
    assert [outcome.label for outcome in read(runs).outcomes] == [
        "t, lr 0.1, amp", "t, lr 0.5", "other, lr 0.5", "t, lr 0.5, deep", "",
    ]  # fmt: skip
    without = read([run(1, "e1.1", "t"), run(2, "e1.1", "t --warm 9")]).outcomes
    assert [outcome.label for outcome in without] == ["no warm", "warm 9"]


def test_the_settings_of_a_large_sweep_are_labelled():
    runs = [run(number, "e1.1", f"t --a {number % 40} --b {number // 40}") for number in range(1600)]
    settings = find_settings(runs, {})
    labels = label_settings(settings)
    assert len(set(labels)) == len(settings) == 1600


def test_a_step_with_many_metrics_has_the_first_ones_that_all_settings_have():
    runs = [run(n, f"e1.{n}", **{f"m{number}": 1 for number in range(60_000)}) for n in (1, 2)]
    assert read(runs).metrics == ("m0", "m1", "m2")


def test_a_baseline_on_other_code_is_known():
    results = read_results(make_experiment(), SEEDED, lambda runs: {one.id: one.ref for one in runs}, lambda _: [])
    assert [results.has_other_code(outcome) for outcome in results.outcomes] == [False, True]
    assert describe_comparison(results.compare(results.outcomes[1], "acc"), 2, has_other_code=True).endswith(
        "(paired, other code)"
    )
    assert not read(SEEDED).has_other_code(read(SEEDED).outcomes[1])


@pytest.mark.parametrize(
    ("claim", "problem"),
    [("val.ac > 1", "no run has the metric val.ac"), ("acc > +1", "the metric acc may be test.acc or val.acc")],
)
def test_a_claim_about_an_unknown_metric_is_a_problem(claim, problem):
    runs = [run(n, f"e1.{n}", **{"val.acc": n, "test.acc": n}) for n in (1, 2)]
    results = read(runs, make_experiment(f":CLAIM: {claim}\n"))
    assert problem in results.problem
    assert results.claim is None
    assert results.judge(results.outcomes[1]) is None


def test_a_claim_may_shorten_the_name_of_its_metric():
    runs = [run(n, f"e1.{n}", **{"val.acc": n, "loss": n}) for n in (1, 2)]
    results = read(runs, make_experiment(":CLAIM: acc > +0.5\n"))
    assert (results.metrics, results.problem) == (("val.acc",), "")


def test_metrics_of_training_come_after_the_others():
    runs = [run(n, f"e1.{n}", train_loss=n, **{"train.acc": n, "val.acc": n}) for n in (1, 2)]
    assert read(runs).metrics == ("val.acc", "train_loss", "train.acc")


def test_the_runs_of_the_experiment_itself_stand_where_no_step_has_numbers():
    (outcome,) = read([run(1, "e1"), run(2, "e1.1", note="x")]).outcomes
    assert (outcome.ref, outcome.text) == ("e1", "Does it help?")


def test_what_came_later_does_not_change_the_results_of_a_time():
    """Neither words that mention another metric, nor another setting of the baseline."""
    words = "[2026-01-02 Fri 10:00] supported:\nBetter acc.\n\n[2026-02-02 Mon 10:00] refuted:\nThe loss is the same."
    experiment = make_experiment(properties=":BASELINE: e2.1\n", conclusion=words)
    runs = [run(1, acc=0.5, loss=1.0), run(2, "e1.2", acc=0.6, loss=1.0)]
    others = [run(3, "e2.1", acc=0.4), run(9, "e2.1", "python other.py", acc=0.9)]
    then = read(runs, experiment, others, until=datetime.datetime(2026, 1, 1, 10, 9))  # noqa: DTZ001 - as in the log
    assert then.baseline.ref == "e2.1"
    assert read(runs, experiment, others).problem
    in_january = read(runs, experiment, others, until=datetime.datetime(2026, 1, 31))  # noqa: DTZ001 - the same
    assert (in_january.metrics, read(runs, experiment, others).metrics) == (("acc",), ("loss",))
