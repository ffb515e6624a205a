"""What `report --check` says when the facts behind the figures, the titles and the dates of a report have changed."""

import datetime
import fcntl
import json
from pathlib import Path

import pytest

from orglab.api import open_log
from orglab.cli.main import run as orglab
from orglab.report.content.evidence import read_until
from orglab.report.formats.evidence_block import pack, read_evidence
from orglab.report.progress_report import check_report

NAME = "experiment_log.org"
LOG = """\
#+TODO: TODO INPROGRESS | DONE CANCELED
* DONE [1] Dropout :exp:
CLOSED: [2018-06-12 Tue 10:00]
:PROPERTIES:
:ID: 1
:CLAIM: acc > +0.01
:END:
[2018-06-04 Mon 10:00]
- Dropout raises the accuracy.
** Notes
- [2018-06-11 Mon 11:00] Seed 2 is slower.
** DONE Experiments
1. [X] Without
2. [X] With
** DONE Conclusions
:PROPERTIES:
:VERDICT: supported
:END:
Dropout helps.
* INPROGRESS [2] Warmup :exp:
:PROPERTIES:
:ID: 2
:END:
[2018-06-05 Tue 10:00]
** TODO Experiments
1. [ ] Sweep
2. [ ] More
* CANCELED [3] Distillation :exp:
CLOSED: [2018-06-12 Tue 11:00]
:PROPERTIES:
:ID: 3
:END:
[2018-06-05 Tue 10:00]
"""
VALUES = {1: (0.80, 0.85), 2: (0.81, 0.90), 3: (0.82, 0.84)}


def record(name, ref, arguments, acc=None, **fields):
    """Write the record of a run; without a result it is still going on."""
    began = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:00+00:00"
    lines = [{"event": "began", "ref": ref, "argv": ["train.py", *arguments], "began": began, "host": "elsewhere"}]
    if acc is not None:
        lines.append({"event": "ended", "seconds": 9.0, "exit_code": 0, "metrics": {"acc": acc}, **fields})
    path = Path(".git/orglab/runs") / name / "record.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def study(repo):
    """A study with three seeds of two settings, and a sweep that has begun."""
    repo.now = datetime.datetime(2018, 6, 12, 12, tzinfo=datetime.UTC)
    repo.commit("log", {NAME: LOG})
    for seed, (old, new) in VALUES.items():
        record(f"20180611-10{seed:02}00-aa{seed:02}", "e1.1", ["--seed", str(seed)], old)
        record(f"20180611-11{seed:02}00-bb{seed:02}", "e1.2", ["--seed", str(seed), "--drop", "0.2"], new)
    record("20180612-100000-cc01", "e2.1", ["--lr", "0.1"], 0.7)
    record("20180612-100100-cc02", "e2.1", ["--lr", "0.2"])
    with Path(".git/orglab/runs/20180612-100100-cc02/record.jsonl").open() as going_on:
        fcntl.flock(going_on, fcntl.LOCK_EX)
        write("week.md")
        yield repo


def write(name):
    assert orglab(["report", "--since", "2018-06-01", "--until", "2018-06-15", "-o", name]) == 0


def edit(old, new, name=NAME):
    path = Path(name)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def broken(name="week.md"):
    """What is true now, with the first words of what the report says."""
    return [
        f"{one.message}: {one.statement[:14]}".replace("\u2212", "-")
        for one in check_report(open_log(), Path(name)).broken
    ]


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize("name", ["week.md", "week.html", "week.pdf"])
def test_a_run_that_no_longer_counts_changes_the_figures(name):
    write(name)
    assert broken(name) == []
    assert orglab(["runs", "discard", "20180611-110200-bb02"]) == 0
    assert broken(name) == [
        "the runs of e1.2 now give acc +0.0350 [0.0101, 0.0599], n = 2 of 3 against 3: Dropout helps.",
        "run 20180611-110200-bb02 is now discarded, not done: Dropout helps.",
    ]
    assert orglab(["runs", "discard", "20180611-100100-aa01"]) == 0
    assert [one.partition(":")[0] for one in broken(name) if "e1.1" in one] == [
        "the runs of e1.1 now give acc 0.8150 ± 0.0071, n = 2 of 3"
    ]
    for run in ("20180611-110200-bb02", "20180611-100100-aa01"):
        assert orglab(["runs", "discard", run, "--undo"]) == 0
    assert broken(name) == []


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("> +0.01", "> +0.05", ["the CLAIM of e1 is now: acc > +0.05: Dropout helps."]),
        (":CLAIM: acc > +0.01\n", "", ["the CLAIM of e1 is now: none: Dropout helps."]),
        (":CLAIM:", ":BASELINE: 1.2\n:CLAIM:", [
            "the runs of e1.2 now give acc 0.863 ± 0.032, n = 3, as the baseline: Dropout helps.",
            "the runs of e1.1 now give acc -0.053 [-0.141, 0.034], n = 3, compared with e1.2: The chart of e",
        ]),
        ("- Dropout raises", "- Dropout lowers", ["the description of e1 is now: Dropout lowers the accuracy.: "]),
        ("[1] Dropout", "[1] Drop-out", ["the title of e1 is now: Drop-out: "]),
        ("[2] Warmup", "[2] Warm-up", ["the title of e2 is now: Warm-up: 0 of 2 steps d"]),
        ("[2018-06-12 Tue 10:00]", "[2018-06-11 Mon 10:00]", [
            "the closing date of e1 is now 2018-06-11, not 2018-06-12: Concluded on 1",
        ]),
        ("[2018-06-12 Tue 10:00]", "[2018-06-22 Fri 10:00]", [
            "the closing date of e1 is now 2018-06-22, not 2018-06-12: Concluded on 1",
        ]),
        ("[2018-06-05 Tue 10:00]", "[2018-06-06 Wed 10:00]", [
            "the opening date of e2 is now 2018-06-06T10:00, not 2018-06-05T10:00: 0 of 2 steps d",
        ]),
        ("[2018-06-12 Tue 11:00]", "[2018-06-11 Mon 11:00]", [
            "the closing date of e3 is now 2018-06-11, not 2018-06-12: On 12 June. [e",
        ]),
        ("[2018-06-11 Mon 11:00]", "[2018-06-12 Tue 11:00]", [
            "a note on e1 that the report cites was removed or edited: The record of ",
        ]),
    ],
)  # fmt: skip
def test_what_the_author_changed_is_named(old, new, said):
    edit(old, new)
    assert broken() == said


@pytest.mark.usefixtures("study")
def test_what_happens_after_the_report_changes_no_figure():
    assert "one run going on" in Path("week.md").read_text()
    # Also within its period, which may end after it was made.
    record("20180612-100100-cc02", "e2.1", ["--lr", "0.2"], 0.9)
    record("20180612-110000-cc03", "e2.1", ["--lr", "0.1"], 0.8)
    record("20180613-110000-dd01", "e1.2", ["--seed", "2", "--drop", "0.2"], 0.1)
    record("20180613-110100-dd02", "e1.2", ["--seed", "4", "--drop", "0.2"], 0.1)
    record("20180620-110100-dd03", "e1.1", ["--seed", "4"], 0.9)
    edit("2. [ ] More", "2. [X] More")
    edit("CLOSED: [2018-06-12 Tue 10:00]", "CLOSED: [2018-06-12 Tue 18:00]")
    edit("Dropout helps.\n", "[2018-06-12 Tue 10:00] supported: Dropout helps.\n\n[2018-06-20 Wed] supported:\n")
    assert broken() == []


@pytest.mark.usefixtures("study")
def test_a_baseline_of_another_experiment_has_the_runs_of_the_report():
    edit(":CLAIM:", ":BASELINE: e2.1 lr=0.1\n:CLAIM:")
    write("week.md")
    record("20180620-110000-dd01", "e2.1", ["--lr", "0.1"], 0.75)
    record("20180620-120000-dd02", "e2.1", ["--lr", "0.3"], 0.75)
    assert broken() == []
    record("20180612-100000-cc01", "e2.1", ["--lr", "0.1"], 0.75)
    assert [one.partition(":")[0] for one in broken() if "e1.2" in one] == [
        "the runs of e1.2 now give acc +0.113, n = 3 against 1"
    ]


def test_a_date_that_only_git_knows_is_compared(study):
    edit("CLOSED: [2018-06-12 Tue 10:00]\n", "")
    study.now = datetime.datetime(2018, 6, 13, 12, tzinfo=datetime.UTC)
    edit("* DONE [1]", "* INPROGRESS [1]")
    edit("DONE Conclusions", "TODO Conclusions")
    study.commit("open", {NAME: Path(NAME).read_text()})
    study.now = datetime.datetime(2018, 6, 14, 12, tzinfo=datetime.UTC)
    edit("* INPROGRESS [1]", "* DONE [1]")
    edit("TODO Conclusions", "DONE Conclusions")
    study.commit("closed", {NAME: Path(NAME).read_text()})
    write("week.md")
    assert "Concluded on 14 June" in Path("week.md").read_text()
    assert broken() == []
    edit("* DONE [1] Dropout :exp:\n", "* DONE [1] Dropout :exp:\nCLOSED: [2018-06-13 Wed 10:00]\n")
    assert broken() == ["the closing date of e1 is now 2018-06-13, not 2018-06-14: Concluded on 1"]
    edit("CLOSED: [2018-06-13 Wed 10:00]", "CLOSED: [2018-06-14 Thu 10:00]")
    assert broken() == []


@pytest.mark.usefixtures("study")
def test_a_changed_text_is_named_beside_a_figure_that_no_longer_holds(capfd):
    edit("Dropout helps", "Dropout hurts", "week.md")
    assert orglab(["runs", "discard", "20180611-110200-bb02"]) == 0
    capfd.readouterr()
    assert orglab(["report", "--check", "week.md"]) == 1
    said = capfd.readouterr().out
    assert "the runs of e1.2 now give acc +0.035" in said
    assert '"hurts." was "helps."' in said


@pytest.mark.usefixtures("study")
def test_what_an_earlier_version_claimed_still_holds():
    claims = [
        ["run", "20180611-110200-bb02", "status", "done"],
        ["run", "20180612-100000-cc01", "", None],
        ["note", "e1", "", next(claim[3] for claim in evidence()["claims"] if claim[0] == "note")],
        ["experiment", "e1", "", None],
    ]
    write_claims(claims)
    assert orglab(["runs", "discard", "20180611-110200-bb02"]) == 0
    assert broken("other.md") == []


@pytest.mark.usefixtures("study")
def test_what_no_report_would_claim_is_a_sentence():
    write_claims([
        ["figures", "e1.2", "loss", "0.3, n = 3 of 3"], ["figures", "e9.2 lr 0.1", "acc", None], ["text", "e1", "X", 1],
        ["closed", "e2", "", "2018-06-12"], ["closed", "e1", "", None],
    ])  # fmt: skip
    assert [one.partition(": ")[0] for one in broken("other.md")] == [
        "the runs of e1.2 no longer give loss",
        "e9 is no longer in the log",
        "the X of e1 is now",
        "the closing date of e1 is now 2018-06-12, not None",
    ]
    for until in (None, 5, "x", "2018-06-12T00:00:00+00:00"):
        assert read_until({"until": until}) is None


def evidence():
    return read_evidence(Path("week.md").read_bytes())


def write_claims(claims):
    statement = {"text": "It is so.", "claims": [*range(len(claims))]}
    Path("other.md").write_text(pack({**evidence(), "claims": claims, "statements": [statement]}))
