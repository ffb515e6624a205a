"""After a merge two experiments have one id; the one that is renumbered takes its commits and runs along."""

import datetime
import json
import re

import pytest

from lab import NAME, orglab
from orglab.api import Log
from orglab.history.sources import PeriodSources, Sources

START = "#+TITLE: Log\n"


def experiment(title, at, *lines):
    text = f"* TODO [7] {title} :exp:\n  [2018-06-{at:02} Mon 09:30]\n** TODO Experiments\n1. [ ] {title} step\n"
    return text + "".join(f"   - {line}\n" for line in lines)


A, B = experiment("Adam", 1), experiment("Bagging", 2)


def owners(log):
    """The commits that name each experiment, oldest first."""
    sources = Sources(log)
    return {one.ref: [commit.subject for commit in sources.find_commits(one)] for one in sources.experiments.values()}


@pytest.fixture
def study(repo):
    """Two branches that gave the id 7, each with a commit before and after its log was committed."""
    repo.commit("start", {NAME: START, "train.py": "x = 0\n"})
    for branch, text in (("adam", A), ("bagging", B)):
        repo.git("switch", "--quiet", "--create", branch, "main")
        repo.commit(f"[e7.1] before the log of {branch}", {f"{branch}.py": "1\n"})
        repo.commit(f"{branch}: the log", {NAME: START + text})
        repo.commit(f"[e7.1] {branch}", {f"{branch}.py": "2\n"})
    repo.git("switch", "--quiet", "main")
    repo.git("merge", "--quiet", "adam")
    repo.git("merge", "--quiet", "--strategy=ours", "bagging")
    repo.write(NAME, START + A + B)
    repo.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    return repo


ADAM = ["[e7.1] before the log of adam", "[e7.1] adam"]
BAGGING = ["[e7.1] before the log of bagging", "[e7.1] bagging"]


def test_by_branch(study):
    log = Log(study.path / NAME)
    assert log.renumber("7").ref == "e8"
    assert owners(log) == {"e7": ADAM, "e8": BAGGING}
    shared = log.experiment("8").properties["SHARED"].split()
    assert (shared[0], len(shared)) == ("7:", 3)
    study.commit("[e7.1] later", {"adam.py": "3\n"})
    study.commit("[e8.1] later", {"bagging.py": "3\n"})
    assert owners(log) == {"e7": [*ADAM, "[e7.1] later"], "e8": [*BAGGING, "[e8.1] later"]}
    assert [one.subject for one in log.find_evidence("8.1", find_all=True).commits] == ["[e8.1] later", *BAGGING[::-1]]
    assert [one.subject for one in log.find_evidence("7.1", find_all=True).commits] == ["[e7.1] later", *ADAM[::-1]]


UNDATED = A.replace("  [2018-06-01 Mon 09:30]\n", "")
SAME_DAY = B.replace("06-02 Mon 09:30", "06-01 Mon")


@pytest.mark.parametrize(
    ("texts", "renumbered"),
    [
        ((A, B), "Bagging"),
        ((B, A), "Bagging"),
        ((B, UNDATED), "Adam"),
        ((UNDATED, B), "Bagging"),
        ((A, SAME_DAY), "Bagging"),
        ((SAME_DAY, A), "Adam"),
        ((B, A, SAME_DAY), "Bagging"),
    ],
)
def test_the_one_that_was_created_later_is_renumbered(repo, texts, renumbered):
    repo.commit("log", {NAME: START + "".join(texts)})
    log = Log(repo.path / NAME)
    changed = log.renumber("7")
    assert (changed.ref, changed.title) == ("e8", renumbered)


def test_the_later_one_takes_its_commits_along_from_above(study):
    study.write(NAME, START + B + A)
    study.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    log = Log(study.path / NAME)
    assert log.renumber("7").title == "Bagging"
    assert owners(log) == {"e8": BAGGING, "e7": ADAM}


def write_run(study, name, **fields):
    record = {"event": "began", "ref": "e7.1", "log": NAME, "argv": ["train"], "exit_code": 0, **fields}
    study.write(f".git/orglab/runs/{name}/record.jsonl", json.dumps(record) + "\n")


@pytest.mark.parametrize("is_fetched", [True, False])
def test_every_command_attributes_commits_and_runs(study, is_fetched):
    runs = [f"20260601-0930{number:02}-abcd" for number in range(4)]
    text = (
        START
        + experiment("Adam", 1, f"ran train, exit 0\n     run {runs[0]}")
        + experiment("Bagging", 2, f"ran train, exit 0\n     run {runs[1]}")
    )
    study.commit("notes of runs", {NAME: text})
    results = study.git("rev-parse", ":/before the log of bagging")
    for name, fields in zip(
        runs,
        ({}, {"writer": "b"}, {"writer": "b"} if is_fetched else {"commit": results}, {"commit": results}),
        strict=True,
    ):
        if name != runs[1] or is_fetched:
            write_run(study, name, **fields)
    assert orglab("renumber", "7", cwd=study.path).code == 0
    write_run(study, runs[1], writer="b")

    def ask(*words):
        return json.loads(orglab(*words, "--json", cwd=study.path).out)

    assert [one["id"] for one in ask("runs", "7")["runs"]] == runs[:1]
    assert [(one["id"], one["ref"]) for one in ask("runs", "8")["runs"]] == [(name, "e8.1") for name in runs[1:]]
    assert {one["id"]: one["ref"] for one in ask("runs")["runs"]} == dict.fromkeys(runs[1:], "e8.1") | {runs[0]: "e7.1"}
    shown = orglab("show", "8", cwd=study.path).out
    assert "before the log of bagging" in shown
    assert "adam" not in shown
    for words, own, other in ((("show", "8", "--history"), "bagging", "adam"), (("refs", "7"), "adam", "bagging")):
        said = orglab(*words, cwd=study.path).out
        assert f"before the log of {own}" in said
        assert f"before the log of {other}" not in said
    said = orglab("refs", cwd=study.path).out
    assert all(f"  {ref}  {one}" in said for ref, named in (("e7.1", ADAM), ("e8.1", BAGGING)) for one in named)
    assert [one["ref"] for one in ask("why", results)["experiments"]] == ["e8"]
    sources = PeriodSources(Log(study.path / NAME), [], datetime.datetime(2018, 1, 1))  # noqa: DTZ001 - local
    assert {one.ref: [commit.subject for commit in sources.find_commits(one)] for one in sources.experiments.values()} == {
        "e7": ADAM, "e8": BAGGING,
    }  # fmt: skip


@pytest.mark.parametrize("writer", [["b"], {"b": 1}, 5, None])
def test_a_writer_that_is_no_name_stops_nothing(study, writer):
    text = START + experiment("Adam", 1) + experiment("Bagging", 2)
    study.commit("more", {NAME: text})
    write_run(study, "20260601-093000-abcd", writer=writer)
    assert orglab("renumber", "7", cwd=study.path).code == 0
    assert orglab("runs", cwd=study.path).code == 0


def test_in_one_line_by_the_author(repo, monkeypatch):
    for email, subjects in (("one@x.org", ADAM), ("two@x.org", BAGGING)):
        monkeypatch.setenv("GIT_AUTHOR_EMAIL", email)
        before = (repo.path / NAME).read_text() if (repo.path / NAME).exists() else START
        repo.commit("the log", {NAME: before + (A if subjects is ADAM else B)})
        for subject in subjects:
            repo.commit(subject)
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "one@x.org")
    repo.commit("[e7.1] late, by the first")
    Log(repo.path / NAME).renumber("7")
    assert owners(Log(repo.path / NAME)) == {"e7": [*ADAM, "[e7.1] late, by the first"], "e8": BAGGING}


def test_in_one_line_of_one_author_the_experiment_that_was_added_last(repo):
    repo.commit("the log", {NAME: START + A})
    repo.commit("[e7.1] adam")
    repo.commit("the log", {NAME: START + A + B})
    repo.commit("[e7.1] bagging")
    Log(repo.path / NAME).renumber("7")
    assert owners(Log(repo.path / NAME)) == {"e7": ["[e7.1] adam"], "e8": ["[e7.1] bagging"]}


def test_what_a_step_records_is_its_own_though_nothing_else_tells(repo):
    repo.commit("start", {".gitignore": NAME})
    first, second = repo.commit("[e7.1] adam"), repo.commit("[e7.1] bagging")
    text = (
        START
        + A.replace("Adam step", f"Adam step ({first[:7]})")
        + B.replace("Bagging step", f"Bagging step ({second[:7]})")
    )
    repo.write(NAME, text)
    Log(repo.path / NAME).renumber("7")
    assert owners(Log(repo.path / NAME)) == {"e7": ["[e7.1] adam"], "e8": ["[e7.1] bagging"]}


def test_an_experiment_with_nothing_of_its_own_takes_nothing(repo):
    repo.commit("the log", {NAME: START + A})
    repo.commit("[e7.1] adam", {"a.py": ""})
    repo.write(NAME, START + A + B)
    log = Log(repo.path / NAME)
    log.renumber("7")
    assert owners(log) == {"e7": ["[e7.1] adam"], "e8": []}
    assert log.experiment("8").properties["SHARED"] == "7:"
    assert log.find_evidence("8.1").commits == ()


def test_renumbering_again_keeps_what_was_its_own(study):
    log = Log(study.path / NAME)
    log.renumber("7")
    log.renumber("8", "20")
    assert owners(log) == {"e7": ADAM, "e20": BAGGING}
    assert log.experiment("8").id == "20"
    assert log.experiment("7").title == "Adam"


def test_a_run_belongs_to_the_experiment_that_has_its_step_and_its_title(repo):
    orglab("init", "--tracked")
    orglab("new", "Short", "-s", "A")
    orglab("new", "Long", "-s", "A", "-s", "B", "--id", "7")
    for step in ("7.1", "7.2"):
        assert orglab("run", step, "--", "true").code == 0
    path = repo.path / NAME
    # As if two clones had both given the id 7, and nothing had been told yet.
    text = re.sub(r"(?m)^ +- .*\n^ +run .*\n", "", path.read_text())
    path.write_text(text.replace("[1] Short", "[7] Short").replace(":ID:       1\n", ":ID:       7\n"))
    for run in json.loads(orglab("runs", "--json").out)["runs"]:
        repo.write(f".git/orglab/waiting/{run['id']}", "{}")
    assert orglab("renumber", "7").out.split()[-1] == "Long"
    orglab("sync", "--here")
    assert orglab("status").out.count("Pending      nothing") == 1
    assert len(re.findall(r"(?m)^ +run ", path.read_text())) == 2
    listed = {run["ref"] for run in json.loads(orglab("runs", "--json").out)["runs"]}
    assert listed == {"e8.1", "e8.2"}


def test_an_id_that_nobody_else_has_is_not_shared(repo):
    repo.commit("[e7.1] adam", {NAME: START + A, "a.py": ""})
    log = Log(repo.path / NAME)
    log.renumber("7")
    assert "SHARED" not in log.experiment("8").properties
    assert owners(log) == {"e8": ["[e7.1] adam"]}
    assert [one.subject for one in log.find_evidence("8.1").commits] == ["[e7.1] adam"]


@pytest.mark.parametrize("value", ["", "7", "7: :: 7:", "x: y 7: zzz 83d45cd"])
def test_a_property_that_was_edited_by_hand_is_read_as_far_as_it_goes(repo, value):
    text = B.replace(":exp:\n", f":exp:\n  :PROPERTIES:\n  :ALIASES:  7\n  :SHARED:   {value}\n  :END:\n").replace(
        "[7]", "[8]"
    )
    repo.commit("[e7.1] adam", {NAME: START + A + text})
    assert owners(Log(repo.path / NAME))["e7"] == ["[e7.1] adam"]
