"""Dates in a real repository: the history of an experiment, whatever happens to its commits and wherever it is read."""

import subprocess
from datetime import datetime

import pytest

from lab import NAME, orglab
from orglab import clock
from orglab.api import Log
from orglab.git import find_repository
from orglab.git.commit import read_commits

LOG = """\
* TODO [1] Warmup [0%] :exp:
  :PROPERTIES:
  :ID: 1
  :END:
  [2018-06-06 Wed 16:16]
** TODO Experiments [0/2]
1. [ ] one
2. [ ] two
** TODO Conclusions
"""


@pytest.fixture
def log(repo):
    repo.commit("new", {NAME: LOG})
    return Log(repo.path / NAME)


def done(log):
    """When each step was done, and by which source."""
    events = log.history("1").events
    return {one.ref: (f"{one.local_time}", one.facts["source"]) for one in events if one.kind == "step"}


def tick(repo, number):
    """Tick a step with the newest commit, and commit the log."""
    text = (repo.path / NAME).read_text()
    old = f"{number}. [ ] {'one' if number == 1 else 'two'}"
    head = repo.git("rev-parse", "--short", "HEAD")
    return repo.commit("log", {NAME: text.replace(old, old.replace("[ ]", "[X]") + f" ({head})")})


def test_a_step_is_dated_by_the_commit_of_the_log_and_not_by_an_older_one(repo, log):
    repo.commit("[e1.1] results", {"a": "1"})
    repo.now = repo.now.replace(day=9)
    tick(repo, 1)
    assert done(log) == {"e1.1": ("2018-06-09 16:18:00", "log")}


def test_a_rebase_and_an_amended_commit_keep_the_date(repo, log):
    repo.commit("[e1.1] results", {"a": "1"})
    tick(repo, 1)
    before = done(log)
    repo.now = repo.now.replace(day=20)
    repo.git("commit", "--quiet", "--amend", "--message=amended", "--date", repo.git("log", "-1", "--format=%aI"))
    repo.git("-c", "core.editor=true", "rebase", "--quiet", "--force-rebase", "--root")
    assert repo.git("log", "-1", "--format=%cs %as") == "2018-06-20 2018-06-06"
    assert done(log) == before


def test_a_clone_in_another_time_zone_shows_the_same_history(repo, tmp_path_factory, monkeypatch):
    repo.commit("new", {NAME: LOG})
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2018-06-06T16:20:00+09:00")
    repo.write(NAME, LOG.replace("1. [ ] one", "1. [X] one"))
    subprocess.run(["git", "commit", "--quiet", "--all", "--message=[e1] log: step 1 done"], check=True)
    clone = tmp_path_factory.mktemp("clone")
    repo.git("clone", "--quiet", repo.path, clone)
    zones = ("Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati")
    first, *others = (orglab("show", "1", "--history", cwd=clone, TZ=zone).out for zone in zones)
    assert [line[:28].split() for line in first.splitlines()[2:]] == [
        ["2018-06-06", "16:16", "created"],
        ["2018-06-06", "16:20", "commit"],
        ["2018-06-06", "16:20", "done"],
    ]
    assert others == [first, first]


def test_a_history_has_each_conclusion_with_its_date_and_verdict(log, monkeypatch):
    for day, verdict, words in (
        (8, "supported", "It helps."),
        (20, "refuted", "Not on other data."),
        (22, "supported", ""),
    ):
        monkeypatch.setattr(clock, "now", lambda day=day: datetime(2018, 6, day, 10))  # noqa: DTZ001 - local
        log.conclude("1", words, verdict=verdict)
    conclusions = [one for one in log.history("1").events if one.kind == "conclusion"]
    assert [(f"{one.at:%m-%d}", one.facts["verdict"], one.text) for one in conclusions] == [
        ("06-08", "supported", "It helps."),
        ("06-20", "refuted", "Not on other data."),
        ("06-22", "supported", ""),
    ]
    shown = log.experiment("1")
    assert (shown.verdict, shown.conclusion.text) == ("supported", "Not on other data.")
    assert log.tried().experiments[0].outcome == "Not on other data."
    assert log.search("helps").hits


def test_the_earlier_conclusion_of_a_log_without_times_has_the_day_of_its_commit(repo, log):
    closed = LOG.replace("* TODO [1]", "* DONE [1]").replace("** TODO Conclusions", "** DONE Conclusions\nIt helps.")
    repo.commit("closed", {NAME: closed})
    repo.now = repo.now.replace(day=20)
    log.conclude("1", "No.")
    assert "\n[2018-06-06 Wed]\nIt helps.\n" in (repo.path / NAME).read_text()


@pytest.mark.parametrize(
    "date", ["99999999999999 +0000", "9999999999999999999999 +0000", "253402300799 +1400", "0 -1200"]
)
def test_a_commit_may_claim_any_time(repo, log, date):
    head = repo.git("rev-parse", "HEAD")
    person = f"A U Thor <a@example.org> {date}"
    tree = repo.git("rev-parse", "HEAD^{tree}")
    text = f"tree {tree}\nparent {head}\nauthor {person}\ncommitter {person}\n\n[e1.1] odd\n"
    odd = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text)
    repo.git("update-ref", "refs/heads/main", odd)
    (commit,) = read_commits(find_repository(repo.path), "-1")
    assert 1969 <= commit.when.year <= commit.when_there.year + 1 <= 10_000
    for command in (
        "why HEAD", "refs 1", "show 1", "show 1 --history", "search odd", "check", "renumber 1",
        "report --since 2000-01-01 -o r.html", "list",
    ):  # fmt: skip
        done = orglab(*command.split(), cwd=log.path.parent)
        assert done.code in (0, 1), (command, done.err)
    assert odd[:7] in orglab("refs", "1", cwd=log.path.parent).out
