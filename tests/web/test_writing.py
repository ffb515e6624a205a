"""The forms of the pages: they write what the commands write, and nothing over what has changed since."""

import re
from urllib.parse import urlencode

import pytest

from lab import NAME, orglab
from orglab.api import open_log
from orglab.reference import Reference
from web.pages import read_html

LOG = """\
* TODO [1] Wider :exp:
:PROPERTIES:
:ID: 1
:END:
[2026-01-02 Fri 09:00]
- Twice the width gives a point.
** Notes
** TODO Experiments [0/2]
1. [ ] Baseline
2. [ ] Twice
** TODO Conclusions
* TODO [2] Other :exp:
"""
STAMP = re.compile(r"\[\d{4}-\d\d-\d\d[^\]\n]*\]")


def without_times(text):
    return STAMP.sub("[time]", text)


@pytest.fixture
def server(repo, serve):
    repo.write(NAME, LOG)
    repo.commit("Begin")
    return serve(repo.path)


def send(server, action, *, as_part=True, **fields):
    part = {"HX_Request": "true"} if as_part else {}
    return server.ask(f"/write-{action}", "POST", urlencode(fields), Origin=server.origin, **part)


def read_seen(server, ref="e1"):
    """Return the digest in the forms of the page of an experiment."""
    return re.search(r'name="seen" value="(\w+)"', server.ask(f"/experiment-{ref}").text)[1]


WRITES = [
    ("note", {"ref": "1", "text": "It overfits"}, ["note", "1", "It overfits"]),
    ("note", {"ref": "1.2", "text": "* A line\r\nand [another] one"}, ["note", "1.2", "* A line\nand [another] one"]),
    ("step", {"ref": "1", "text": "Four times"}, ["step", "1", "Four times"]),
    ("done", {"ref": "1.1"}, ["done", "1.1"]),
    ("start", {"ref": "e1.2"}, ["start", "1.2"]),
    ("state", {"ref": "1", "state": "WAIT", "note": "no disk"}, ["state", "1", "WAIT", "-m", "no disk"]),
    ("conclude", {"ref": "1", "text": "Yes: +1", "verdict": "supported"},
     ["conclude", "1", "Yes: +1", "--verdict", "supported"]),
    ("conclude", {"ref": "1", "text": "Too dear", "state": "CANCELED"},
     ["conclude", "1", "Too dear", "--state", "CANCELED"]),
    ("new", {"title": "Deeper", "description": "More layers help", "steps": "One\n\nTwo\n", "tags": "nets :dear:",
             "claim": "acc > 0.9"},
     ["new", "Deeper", "-d", "More layers help", "--step", "One", "--step", "Two", "--tag", "nets", "--tag", "dear",
      "--claim", "acc > 0.9"]),
]  # fmt: skip


@pytest.mark.parametrize(("action", "fields", "command"), WRITES)
def test_a_form_writes_what_the_command_writes(server, repo, tmp_path_factory, action, fields, command):
    other = tmp_path_factory.mktemp("other")
    for folder in (repo.path, other):
        orglab("setup", "git", cwd=folder)
    (other / NAME).write_text(LOG)
    assert orglab("list", cwd=other).code == 0
    done = orglab(*command, cwd=other)
    assert done.code == 0, done.err
    seen = {} if action == "new" else {"seen": read_seen(server)}
    answer = send(server, action, **fields, **seen)
    assert answer.status == 200, answer.text
    assert without_times((repo.path / NAME).read_text()) == without_times((other / NAME).read_text())
    # What was written is on the page that the answer names.
    assert server.ask(f"/{answer.headers['orglab-shows'].partition('#')[0]}").status == 200


def test_a_step_is_reopened(server, repo):
    assert send(server, "done", ref="1.1").status == 200
    assert "1. [X] Baseline" in (repo.path / NAME).read_text()
    assert send(server, "undo", ref="1.1").status == 200
    assert "1. [ ] Baseline" in (repo.path / NAME).read_text()


def test_a_note_on_a_run_is_written_to_its_step_and_shown_on_its_page(server, repo):
    assert orglab("run", "1.2", "--", "true", cwd=repo.path).code == 0
    name = open_log(start=repo.path).runs()[0].id
    answer = send(server, "note", ref="e1.2", run=name, text="The last *good* one")
    assert answer.headers["orglab-shows"] == f"run-{name}"
    assert f"The last *good* one (on {name})" in (repo.path / NAME).read_text()
    page = read_html(server.ask(f"/run-{name}").text)
    assert "The last good one (on" in page.text
    # Its own note is not repeated.
    assert page.text.count("ran true") == 0
    assert send(server, "note", ref="e1.2", run="20990101-000000-abcdef", text="x").status == 404


def test_a_journal_entry(server, repo):
    answer = send(server, "journal", text="A thought\nand more", ref="e1")
    assert answer.headers["orglab-shows"] == "journal"
    text = (repo.path / "journal.org").read_text()
    assert "A thought" in text
    assert "::#1][1]]" in text


def test_what_an_agent_concluded_is_confirmed(server, repo):
    assert orglab("conclude", "1", "Yes", "--as", "claude", cwd=repo.path).code == 0
    assert "write-confirm" in server.ask("/experiment-e1").text
    assert send(server, "confirm", ref="1", seen=read_seen(server)).status == 200
    assert "write-confirm" not in server.ask("/experiment-e1").text


def test_a_conclusion_is_told_with_its_result_and_what_is_not_done(server, repo):
    for step, value in (("1.1", 0.8), ("1.2", 0.9)):
        command = ("run", step, "--stdout-metrics", "--", "python3", "-c", f"print('metric acc={value}')")
        assert orglab(*command, cwd=repo.path).code == 0
    answer = send(server, "conclude", ref="1", text="Better: acc +0.1", verdict="supported", seen=read_seen(server))
    said = read_html(answer.text).text
    assert "Concluded e1." in said
    assert "e1.2: acc +0.1" in said
    assert "2 steps not done." in said


def test_a_text_that_has_changed_is_not_written_over(server, repo):
    seen = read_seen(server)
    changed = LOG.replace("gives a point", "gives two points")
    repo.write(NAME, changed)
    answer = send(server, "conclude", ref="1", text="Yes", verdict="supported", seen=seen)
    assert answer.status == 409
    assert (repo.path / NAME).read_text() == changed
    page = read_html(answer.text)
    assert "e1 has changed since this was shown; nothing was written." in page.text
    assert "- - Twice the width gives a point. + - Twice the width gives two points." in page.text
    # With the text as it is now, it is written.
    assert send(server, "conclude", ref="1", text="Yes", verdict="supported", seen=read_seen(server)).status == 200


def test_a_change_of_another_experiment_does_not_matter(server, repo):
    seen = read_seen(server)
    repo.write(NAME, LOG.replace("Other", "Another"))
    assert send(server, "note", ref="1", text="Still here", seen=seen).status == 200
    text = (repo.path / NAME).read_text()
    assert "Still here" in text
    assert "Another" in text


@pytest.mark.parametrize(
    ("action", "fields", "sentence"),
    [
        ("note", {"ref": "1", "text": "  \r\n"}, "The note is missing."),
        ("note", {"ref": "77", "text": "x"}, "There is no experiment e77"),
        ("note", {"text": "x"}, "The experiment is missing."),
        ("conclude", {"ref": "1"}, "The conclusion is missing."),
        ("conclude", {"ref": "1", "text": "x", "verdict": "suported"}, "Did you mean supported?"),
        ("state", {"ref": "1", "state": "NOPE"}, "NOPE"),
        ("new", {"title": ""}, "The title is missing."),
        ("new", {"title": "x", "claim": "better"}, "no claim in numbers"),
        ("done", {"ref": "1.9"}, "There is no step 9"),
        ("remove", {"ref": "1"}, "There is no such form."),
    ],
)
def test_what_cannot_be_written_is_told_in_a_sentence(server, repo, action, fields, sentence):
    answer = send(server, action, **fields)
    assert answer.status in (400, 404)
    assert sentence in read_html(answer.text).text
    assert (repo.path / NAME).read_text() == LOG


def test_without_scripts_a_form_leads_to_the_page_that_shows_it(server, repo):
    answer = send(server, "note", as_part=False, ref="1", text="By hand")
    assert (answer.status, answer.headers["location"]) == (303, "experiment-e1")
    seen = read_seen(server)
    repo.write(NAME, LOG)
    answer = send(server, "note", as_part=False, ref="1", text="Kept <b>words</b>", seen=seen)
    assert answer.status == 409
    assert "Kept <b>words</b>" in read_html(answer.text).text
    assert "<b>words" not in answer.text


def test_a_form_that_is_too_large(server, repo):
    answer = server.ask("/write-note", "POST", "ref=1&text=" + "x" * 4_000_001, Origin=server.origin)
    assert answer.status == 413
    assert (repo.path / NAME).read_text() == LOG


def test_unsaved_changes_in_an_editor(server, repo):
    (repo.path / f".#{NAME}").symlink_to("ada@host.1:1")
    # A reason for a verdict is none for writing under an editor.
    concluded = ("conclude", {"ref": "1", "text": "Yes", "verdict": "supported", "why": "seen by eye"})
    for action, fields in (("note", {"ref": "1", "text": "x"}), concluded):
        answer = send(server, action, **fields)
        assert answer.status == 500
        assert "unsaved changes" in answer.text
        assert (repo.path / NAME).read_text() == LOG


def test_a_verdict_that_the_runs_contradict_needs_a_reason(server, repo):
    repo.write(NAME, LOG.replace(":ID: 1", ":ID: 1\n:CLAIM: acc > 0.9"))
    repo.write("train.py", "import sys\nprint('metric acc=0.1' + sys.argv[2])\n")
    repo.commit("Train")
    for seed in range(3):
        command = ("run", "1.1", "--stdout-metrics", "--", "python3", "train.py", "--seed", seed)
        assert orglab(*command, cwd=repo.path).code == 0
    before = (repo.path / NAME).read_text()
    fields = {"ref": "1", "text": "Yes", "verdict": "supported"}
    assert send(server, "conclude", **fields).status == 400
    assert (repo.path / NAME).read_text() == before
    assert send(server, "conclude", **fields, why="The data were wrong").status == 200
    assert "The data were wrong" in (repo.path / NAME).read_text()


def test_a_form_of_another_log_writes_nothing(server, repo):
    own = re.search(r'data-log="(\w+)"', server.ask("/").text)[1]
    answer = send(server, "note", ref="1", text="x", log="0123456789ab")
    assert answer.status == 400
    assert "This page is of another log" in answer.text
    assert (repo.path / NAME).read_text() == LOG
    assert send(server, "note", ref="1", text="x", log=own).status == 200


def test_what_waits_is_written_after_the_form_and_refuses_nothing(server, repo):
    seen = read_seen(server)
    open_log(start=repo.path).add_pending_completion(Reference("1", 1), repo.git("rev-parse", "HEAD"))
    assert send(server, "note", ref="1", text="First", seen=seen).status == 200
    text = (repo.path / NAME).read_text()
    assert "First" in text
    assert "1. [X] Baseline" in text
