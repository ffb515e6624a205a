"""What `conclude` says: where the result stands, and that the runs contradict a verdict."""

import json
import sys

import pytest

from commands import Orglab
from orglab.api import open_log
from orglab.errors import UsageError

LOG = "experiment_log.org"
TRAIN = """\
import json, os, pathlib, sys
acc = float(sys.argv[1]) + int(sys.argv[3]) / 100
pathlib.Path(os.environ["ORGLAB_OUT"], "metrics.json").write_text(json.dumps({"acc": round(acc, 4)}))
"""
HEAD = """\
* TODO [{id}] {title} :exp:
:PROPERTIES:
:ID:       {id}
{claim}:END:
[2026-01-01 Thu]
** TODO Experiments
1. [ ] without
2. [ ] with
** TODO Conclusions
"""


@pytest.fixture
def orglab(capsys, repo):
    claims = {1: ":CLAIM:    acc > +0.1\n", 2: ":CLAIM:    acc > 0.8\n", 3: ""}
    repo.write(
        LOG, "".join(HEAD.format(id=number, title=f"T{number}", claim=claim) for number, claim in claims.items())
    )
    repo.write("orglab.toml", "[run]\ncommit_log = false\n")
    repo.write("train.py", TRAIN)
    repo.commit("code")
    run = Orglab(capsys)
    for step, value in {"1.1": 0.70, "1.2": 0.74, "2.1": 0.90}.items():
        for seed in range(3):
            run("run", step, "--", sys.executable, "train.py", value, "--seed", seed)
    return run


def test_a_conclusion_says_where_its_result_stands_and_the_runs_may_contradict_it(orglab, repo):
    before = (repo.path / LOG).read_bytes()
    said = orglab("conclude", "1", "ABC adds 0.04.", "--verdict", "supported", code=2)
    assert said.out == ""
    assert said.err == (
        "orglab: By the runs the claim does not hold, but the verdict is supported: acc +0.040 [0.040, 0.040], n = 3, "
        "claimed > +0.1: fails. Nothing was written; give another verdict, or keep it with --anyway -m WHY.\n"
    )
    assert (
        "claim holds, but the verdict is refuted" in orglab("conclude", "2", "No.", "--verdict", "refuted", code=2).err
    )
    with pytest.raises(UsageError, match="the claim does not hold"):
        open_log().conclude("1", "ABC adds 0.04.", verdict="supported")
    # Whoever keeps the verdict says why.
    said = orglab("conclude", "1", "ABC adds 0.04.", "--verdict", "supported", "--anyway", code=2)
    assert "the claim does not hold" in said.err
    assert said.err.endswith("keep it with --anyway -m WHY.\n")
    orglab("conclude", "1", "ABC adds 0.04.", "--verdict", "supported", "--anyway", "-m", " ", code=2)
    assert (repo.path / LOG).read_bytes() == before

    said = orglab("conclude", "1", "ABC adds 0.04.", "--verdict", "refuted", "-m", "x")
    result = (
        "  ✕ refuted  e1.2: acc 0.750 ± 0.010 (n = 3); +0.040 [0.040, 0.040] (paired) to the baseline, e1.1; "
        "the claim acc > +0.1: fails"
    )
    best = "  The best acc in the log: e2.1, 0.910 ± 0.010 (n = 3); \u22120.160 to it."
    assert said.out.splitlines() == ["e1  DONE  T1", result, best]
    assert "so the reason is not noted" in said.err
    said = orglab(
        "conclude", "1", "--verdict", "supported", "--anyway", "-m", "the claim was too bold", "--as", "claude"
    )
    assert "fails" in said.out
    (note,) = json.loads(orglab("show", "1", "--json").out)["notes"]
    assert note["author"] == "claude"
    assert note["text"] == (
        "By the runs the claim does not hold, but the verdict is supported: acc +0.040 [0.040, 0.040], n = 3, claimed > "
        "+0.1: fails. the claim was too bold"
    )
    assert "by the runs the claim does not hold, but the verdict is supported" in report(orglab, repo)

    result = json.loads(orglab("conclude", "2", "It holds.", "--verdict", "supported", "--json").out)["result"]
    assert (result["metric"], result["ref"], result["n"], result["of"]) == ("acc", "e2.1", 3, 3)
    assert (result["mean"], result["sd"]) == (pytest.approx(0.91), pytest.approx(0.01))
    assert (result["low"], result["high"]) == (pytest.approx(0.8852, abs=1e-3), pytest.approx(0.9348, abs=1e-3))
    assert (result["baseline"], result["difference"]) == (None, None)
    assert result["claim"] == {"text": "acc > 0.8", "judged": "holds"}
    assert (result["best"]["ref"], result["best"]["difference"]) == ("e2.1", 0.0)
    assert "result" in json.loads(orglab("conclude", "3", "Nothing ran.", "--json").out)


def test_conclude_and_show_tell_the_same_metric_and_nothing_is_the_best_of_one(orglab, repo):
    repo.write(
        "measure.py",
        "import json, os, pathlib\nout = pathlib.Path(os.environ['ORGLAB_OUT'], 'metrics.json')\n"
        "out.write_text(json.dumps({'recall': 0.4, 'time': 0.12}))\n",
    )
    repo.commit("measure")
    orglab("run", "3", "--", sys.executable, "measure.py")
    assert "recall 0.4" in orglab("show", "3").out.partition("Runs")[0]
    said = orglab("conclude", "3", "It needs 0.12 s.")
    assert said.out.splitlines() == ["e3  DONE  T3", "  e3: time 0.12 (n = 1)"]
    assert "  time 0.12 (n = 1); recall 0.4 (n = 1)\n" in orglab("show", "3").out
    assert json.loads(orglab("show", "3", "--json").out)["metrics"] == ["time", "recall"]
    assert json.loads(orglab("conclude", "3", "It needs 0.12 s.", "--json").out)["result"]["best"] is None


def test_runs_contradict_no_verdict_that_decides_nothing(orglab):
    said = orglab("conclude", "1", "The data are too few.", "--verdict", "inconclusive")
    assert said.out.splitlines()[0] == "e1  DONE  T1"
    assert "fails" in said.out


def test_a_baseline_that_cannot_be_used_is_said(orglab, repo):
    log = repo.path / LOG
    log.write_text(log.read_text().replace(":CLAIM:    acc > +0.1\n", ":BASELINE: e99\n"))
    said = orglab("conclude", "1", "It is 0.75.", "--verdict", "supported")
    assert "  BASELINE: e99 names no setting with results" in said.out
    result = json.loads(orglab("conclude", "1", "It is 0.75.", "--json").out)["result"]
    assert (result["difference"], result["problem"][:44]) == (None, "BASELINE: e99 names no setting with results;")
    assert json.loads(orglab("show", "1", "--json").out)["problem"] == result["problem"]
    assert "e1: BASELINE: e99 names no setting with results" in orglab("brief").out


def report(orglab, repo):
    orglab("report", "--since", "2018-01-01", "-o", "report.md")
    return (repo.path / "report.md").read_text()


def test_a_claim_is_written_with_the_experiment_or_refused(orglab, repo):
    before = (repo.path / LOG).read_bytes()
    said = orglab("new", "Warmup", "--claim", "better than before", code=2).err
    assert said == (
        "orglab: 'better than before' is no claim in numbers, such as 'loss < 0.3' or 'acc > +0.01' (a difference).\n"
    )
    assert (repo.path / LOG).read_bytes() == before
    ref = orglab("new", "Warmup", "-s", "without", "-s", "with", "--claim", "acc > +0.02").out.strip()
    assert json.loads(orglab("show", ref, "--json").out)["properties"]["CLAIM"] == "acc > +0.02"
    assert orglab("check").err == "No problems found.\n"
    for step, acc in ((1, 0.7), (2, 0.69)):
        for seed in range(3):
            orglab("run", f"{ref}.{step}", "--", sys.executable, "train.py", acc, "--seed", seed)
    said = orglab("conclude", ref, "It is better.", "--verdict", "supported", code=2).err
    assert "claimed > +0.02: fails" in said
