"""Who wrote what: `--as` and `ORGLAB_AUTHOR` mark notes, conclusions, runs and entries, and a person confirms."""

import json
import sys

import pytest

from commands import Orglab
from texts import SEED

LOG = "experiment_log.org"
SAY = "import os; print('author', os.environ.get('ORGLAB_AUTHOR'))"


@pytest.fixture
def orglab(capsys, repo, monkeypatch):
    monkeypatch.delenv("ORGLAB_AUTHOR", raising=False)
    repo.write(LOG, SEED)
    repo.commit("log")
    return Orglab(capsys)


def shown(orglab, *arguments):
    return json.loads(orglab("show", *arguments, "--json").out)


def test_an_option_marks_one_note_and_a_variable_all(orglab, repo, monkeypatch):
    assert orglab("note", "201", "one", "--as", "claude").out.endswith("  by claude\n")
    monkeypatch.setenv("ORGLAB_AUTHOR", " gpt-5 ")
    orglab("note", "201.1", "two", "-c", "HEAD")
    orglab("note", "201", "three", "--as", "Ana  María")
    monkeypatch.delenv("ORGLAB_AUTHOR")
    orglab("note", "201", "(by: claude) four")
    page = shown(orglab, "201")
    assert [(one["text"], one["author"]) for one in page["notes"]] == [
        ("one", "claude"),
        ("three", "Ana María"),
        ("\u200b(by: claude) four", None),
    ]
    (note,) = page["steps"][0]["notes"]
    assert (note["author"], note["commit"]) == ("gpt-5", repo.git("rev-parse", "--short", "HEAD"))
    assert "by gpt-5  two" in orglab("show", "201").out
    assert "(by claude) one" in orglab("show", "201", "--history").out


@pytest.mark.parametrize("command", [["note", "201", "x"], ["conclude", "201", "x"], ["new", "x"], ["journal", "x"],
                                     ["run", "201", "--", "true"]])  # fmt: skip
def test_a_name_that_is_none_writes_nothing(orglab, repo, monkeypatch, command):
    before = (repo.path / LOG).read_bytes()
    assert "cannot be the name of an author" in orglab(*command[:1], "--as", "by hand!", *command[1:], code=2).err
    monkeypatch.setenv("ORGLAB_AUTHOR", "a:b")
    assert "cannot be the name of an author" in orglab(*command, code=2).err
    assert (repo.path / LOG).read_bytes() == before
    assert orglab("list").out


def test_a_state_is_no_author_of_a_conclusion(orglab, repo):
    before = (repo.path / LOG).read_bytes()
    said = orglab("conclude", "201", "We have no time for it.", "--as", "CANCELED", code=2)
    assert said.err == (
        "orglab: CANCELED is a state of the log, and --as names who writes; to set the state, use --state CANCELED.\n"
    )
    assert (repo.path / LOG).read_bytes() == before


def test_an_entry_of_the_journal_has_its_author(orglab, repo):
    orglab("journal", "201", "why so slow\nno idea", "--as", "claude")
    orglab("journal", "201", "when\n(by: Tuesday) it has to be done")
    assert " (by: claude)\nno idea\n" in (repo.path / "journal.org").read_text()
    entries = [one for one in json.loads(orglab("show", "201", "--history", "--json").out)["events"]
               if one["kind"] == "journal"]  # fmt: skip
    assert [(entry["text"], entry["facts"].get("author")) for entry in entries] == [
        ("why so slow\nno idea", "claude"),
        ("when\n(by: Tuesday) it has to be done", None),
    ]


def test_a_run_and_what_it_starts_have_its_author(orglab, repo, monkeypatch):
    write = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'orglab', 'note', '201', 'from inside'], check=True)"
    orglab("run", "201.2", "--as", "claude", "--", sys.executable, "-c", f"{SAY}; {write}")
    monkeypatch.setenv("ORGLAB_AUTHOR", "gpt-5")
    orglab("run", "201.2", "--", sys.executable, "-c", SAY)
    monkeypatch.delenv("ORGLAB_AUTHOR")
    orglab("run", "201.2", "--", sys.executable, "-c", SAY)
    runs = json.loads(orglab("runs", "--json").out)["runs"]
    assert [run["author"] for run in runs] == ["claude", "gpt-5", None]
    notes = shown(orglab, "201.2")["notes"]
    assert [note["author"] for note in notes] == ["claude", "gpt-5", None]
    assert [note["text"] for note in shown(orglab, "201")["notes"] if note["author"] == "claude"] == ["from inside"]
    printed = [(repo.path / ".git/orglab/runs" / run["id"] / "output.log").read_text().split("\n")[0] for run in runs]
    assert printed == ["author claude", "author gpt-5", "author None"]
    assert "claude" in orglab("runs", "show", runs[0]["id"]).out
    assert [one.split()[0] for one in orglab("runs", "author=gpt-5").out.splitlines()] == [runs[1]["id"]]
    # Whoever repeats a run makes another one.
    orglab("runs", "rerun", runs[0]["id"])
    assert [run["author"] for run in json.loads(orglab("runs", "--json").out)["runs"]] == [
        "claude",
        "gpt-5",
        None,
        None,
    ]


def test_the_versions_of_a_sweep_have_the_author_of_the_sweep(orglab):
    orglab("sweep", "201.2", "--as", "claude", "--set", "lr=1,2", "--wait", "--", sys.executable, "-c", SAY, "{lr}")
    assert [run["author"] for run in json.loads(orglab("runs", "--json").out)["runs"]] == ["claude", "claude"]
    (note,) = shown(orglab, "201.2")["notes"]
    assert note["author"] == "claude"


def test_a_person_confirms_what_an_author_concluded(orglab, repo, monkeypatch):
    said = json.loads(orglab("conclude", "201", "It helps.", "--verdict", "supported", "--as", "claude", "--json").out)
    assert (said["author"], said["confirmed"], said["result"]) == ("claude", None, None)
    assert "by claude, not confirmed)" in orglab("show", "201").out
    before = (repo.path / LOG).read_bytes()
    assert "Only a person confirms" in orglab("conclude", "201", "--confirm", "--as", "claude", code=2).err
    monkeypatch.setenv("ORGLAB_AUTHOR", "claude")
    assert "Only a person confirms" in orglab("conclude", "201", "--confirm", code=2).err
    monkeypatch.delenv("ORGLAB_AUTHOR")
    assert "nothing else" in orglab("conclude", "201", "Yes.", "--confirm", code=2).err
    assert (repo.path / LOG).read_bytes() == before
    assert orglab("conclude", "201", "--confirm").err.startswith("Confirmed the conclusion by claude.")
    conclusion = shown(orglab, "201")["conclusion"]
    assert (conclusion["author"], conclusion["confirmed"] is not None) == ("claude", True)
    orglab("conclude", "201", "Not on other data.", "--verdict", "refuted")
    conclusion = shown(orglab, "201")["conclusion"]
    assert (conclusion["author"], conclusion["confirmed"], conclusion["earlier"][0]["author"]) == (None, None, "claude")
    assert "nothing to confirm" in orglab("conclude", "201", "--confirm", code=2).err


def test_a_list_of_what_an_author_had_a_part_in(orglab):
    for title in ("noted", "concluded", "ran", "named"):
        orglab("new", title, "-d", "claude may know")
    orglab("note", "202", "x", "--as", "Claude")
    orglab("conclude", "203", "x", "--as", "claude")
    orglab("conclude", "203", "y")
    orglab("run", "204", "--as", "claude", "--", "true")
    assert [one["ref"] for one in json.loads(orglab("list", "--by", "claude", "--json").out)["experiments"]] == [
        "e202", "e203", "e204",
    ]  # fmt: skip
    assert orglab("list", "--by", "nobody").err == "No experiment matches.\n"
    assert "cannot be the name" in orglab("list", "--by", "(x)", code=2).err


def test_a_report_asks_a_person_to_confirm(orglab, repo):
    orglab("conclude", "201", "It helps.", "--verdict", "supported")
    assert "onfirm" not in orglab("report", "--since", "2018-01-01").out
    orglab("conclude", "201", "It does not.", "--verdict", "refuted", "--as", "claude")
    said = orglab("report", "--since", "2018-01-01", "--json")
    (needed,) = json.loads(said.out)["needed"]
    assert needed["text"].startswith("Confirm the conclusion by claude.")
    orglab("report", "--since", "2018-01-01", "-o", "report.md")
    assert "**Needed from you:** Confirm the conclusion by claude. [e201]" in (repo.path / "report.md").read_text()
    assert "still hold" in orglab("report", "--check", "report.md").err
    orglab("conclude", "201", "--confirm")
    assert "a person has confirmed the conclusion of e201" in orglab("report", "--check", "report.md", code=1).out
    orglab("report", "--since", "2018-01-01", "-o", "report.md")
    assert "onfirm" not in (repo.path / "report.md").read_text().partition("Appendix")[0]


def test_a_run_of_another_clone_keeps_its_author(orglab, repo, tmp_path_factory, monkeypatch):
    places = tmp_path_factory.mktemp("clones")
    repo.git("init", "--quiet", "--bare", "--initial-branch=main", places / "hub.git")
    repo.git("remote", "add", "origin", places / "hub.git")
    orglab("run", "201.2", "--as", "claude", "--", "true")
    repo.commit("all")
    repo.git("push", "--quiet", "--set-upstream", "origin", "main")
    orglab("sync")
    repo.git("clone", "--quiet", places / "hub.git", places / "other")
    monkeypatch.chdir(places / "other")
    monkeypatch.setenv("ORGLAB_AUTHOR", "gpt-5")
    orglab("sync")
    assert [run["author"] for run in json.loads(orglab("runs", "--json").out)["runs"]] == ["claude"]
    assert [note["author"] for note in shown(orglab, "201.2")["notes"]] == ["claude"]
