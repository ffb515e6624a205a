"""`orglab import`: a log made of Markdown, what is said about it, and what happens when it is imported again."""

import json
import os
import subprocess

import pytest

from commands import Orglab
from lab import NAME, SOURCE
from lab import orglab as process
from org_lint import LINT
from orglab.extras import describe_install

NOTES = """\
# My lab

Some words on the lab.

## Experiment 12: Dropout in the encoder

Date: 2024-05-03

Does dropout *help*? See [the next](#exp-12).

- [x] baseline (83d45cd)
- [ ] with dropout
  - [x] p=0.1
  - [ ] p=0.5

### Setup

```python
* not a heading
#+end_src
```

| name   | acc |
|--------|----:|
| a \\| b | 0.5 |

![Loss](loss.png)

> quoted

Footnote[^1] and $x^2$.

[^1]: The note.

### Results

It improved by 1.2 [50%].

## Exp 12

Collides, <b>in HTML</b>.

- [x] run it

## 2024-05-06 Try a larger model

Result: no gain.
"""


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder with notes and a picture, in a repository."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    (tmp_path / "notes.md").write_text(NOTES)
    (tmp_path / "loss.png").write_bytes(b"")
    return tmp_path


@pytest.mark.usefixtures("lab")
def test_a_log_is_made_of_notes(orglab):
    said = orglab("import", "notes.md")
    assert said.out.splitlines() == [
        "e12  notes.md:5  Dropout in the encoder",
        "e13  notes.md:39  Exp 12",
        "e14  notes.md:45  Try a larger model",
    ]
    assert said.err.splitlines() == [
        "notes.md:39: The number 12 is taken, so this experiment is e13.",
        "notes.md:41: HTML is kept as text.",
        f"Created {NAME}, and added 3 experiments and 1 other heading.",
        "`orglab init` installs the git hooks.",
    ]
    shown = json.loads(orglab("show", "12", "--json").out)
    assert shown["created"] == "2024-05-03"
    assert shown["description"] == "Does dropout /help/? See [[id:13][the next]]."
    assert [(step["text"], step["state"], step["commits"]) for step in shown["steps"]] == [
        ("baseline", "done", ["83d45cd"]), ("with dropout", "open", []),
    ]  # fmt: skip
    assert "It improved by 1.2" in shown["conclusion"]["text"]
    assert shown["state"] == "DONE"
    assert json.loads(orglab("show", "13", "--json").out)["state"] == "INPROGRESS"
    assert json.loads(orglab("show", "14", "--json").out)["created"] == "2024-05-06"
    problems = json.loads(orglab("check", "--json", code=1).out)["diagnostics"]
    assert [problem["code"] for problem in problems] == ["dead-hash", "no-created"]


@pytest.mark.usefixtures("lab")
def test_emacs_reads_it_and_would_change_nothing(orglab, emacs):
    orglab("import", "notes.md")
    said = emacs(LINT, NAME).splitlines()
    assert said[:2] == ["1 - My lab", "1 DONE [12] Dropout in the encoder [50%]"]
    assert said[2:8] == [
        "2 - Notes", "3 - Setup", "2 TODO Experiments [1/2]", "2 DONE Conclusions", "1 INPROGRESS [13] Exp 12 [50%]", "2 - Notes",
    ]  # fmt: skip
    assert [
        said.count(kind) for kind in ("src-block", "table", "footnote-definition", "quote-block", "latex-fragment")
    ] == [1] * 5
    assert said[-2:] == ["* not a heading", "#+end_src"]


def test_what_was_imported_is_not_imported_again(lab, orglab):
    orglab("import", "notes.md")
    before = (lab / NAME).read_bytes()
    said = orglab("import", "notes.md")
    assert said.out == ""
    assert said.err == "Added 0 experiments; 4 were there already.\n"
    assert (lab / NAME).read_bytes() == before

    changed = NOTES.replace("no gain", "a gain") + "\n## Exp 20: New\n\nWhat?\n"
    (lab / "notes.md").write_text(changed)
    said = orglab("import", "notes.md")
    assert said.out == "e20  notes.md:49  New\n"
    assert "notes.md:45: Try a larger model has changed since it was imported; the log was left as it is." in said.err
    assert (lab / NAME).read_bytes().startswith(before)


def test_a_file_that_was_renamed_is_recognized(lab, orglab):
    orglab("import", "notes.md")
    (lab / "notes.md").rename(lab / "moved.md")
    assert orglab("import", "moved.md").err == "Added 0 experiments; 4 were there already.\n"


def test_a_log_that_is_there_keeps_every_byte(lab, orglab):
    orglab("init", "--no-hooks")
    orglab("new", "Own")
    orglab("new", "Twelve", "--id", "12")
    before = (lab / NAME).read_bytes()
    said = orglab("import", "notes.md")
    assert [line.split()[0] for line in said.out.splitlines()] == ["e13", "e14", "e15"]
    assert (lab / NAME).read_bytes().startswith(before)
    assert orglab("new", "After").out.split()[0] == "e16"


def test_another_org_file_is_left_alone(lab, orglab):
    (lab / "todo.org").write_text("* Buy milk\n")
    assert "Created experiment_log.org" in orglab("import", "notes.md").err
    assert (lab / "todo.org").read_text() == "* Buy milk\n"


def test_a_log_that_git_has_is_not_begun_again(lab, orglab, repo):
    repo.commit("Log", {NAME: "* [1] A :exp:\n"})
    (repo.path / NAME).unlink()
    assert "brings it back" in orglab("import", lab / "notes.md", code=3).err
    assert not (repo.path / NAME).exists()


def test_a_dry_run_writes_nothing(lab, orglab):
    said = orglab("import", "--dry-run", "notes.md")
    assert "e12  notes.md:5" in said.out
    assert "Would add 3 experiments" in said.err
    assert not (lab / NAME).exists()
    form = json.loads(orglab("import", "-n", "--json", "notes.md").out)
    assert form["dry_run"] is True
    assert form["entries"][1] == {
        "file": "notes.md", "line": 5, "title": "Dropout in the encoder", "status": "added", "ref": "e12", "number": None,
    }  # fmt: skip
    assert form["unplaced"] == [{"file": "notes.md", "line": 41, "text": "HTML is kept as text."}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "Cannot read x.md: it is not UTF-8; convert it first."),
        (b"> " * 5000 + b"a", "Cannot read x.md: it is nested too deeply."),
        (None, "There is no file x.md."),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence_and_no_log(lab, orglab, content, said):
    if content is not None:
        (lab / "x.md").write_bytes(content)
    assert orglab("import", "notes.md", "x.md", code=3).err == f"orglab: {said}\n"
    assert not (lab / NAME).exists()


def test_a_link_that_git_tracks_is_not_followed_out(lab, orglab, tmp_path_factory):
    private = tmp_path_factory.mktemp("private") / "diary.md"
    private.write_text("# Exp 1: secret\n")
    (lab / "x.md").symlink_to(private)
    subprocess.run(["git", "add", "x.md"], check=True)
    said = orglab("import", "x.md", code=3)
    assert "Cannot read x.md" in said.err
    assert "secret" not in said.err + said.out


def test_markdown_is_refused_as_a_log(lab, orglab):
    said = orglab("--log", "notes.md", "list", code=2)
    assert said.err == "orglab: notes.md is Markdown, and a log is Org; `orglab import notes.md` makes a log of it.\n"
    assert orglab("--log", "notes.md", "init", code=2).err == said.err
    assert (lab / "notes.md").read_text() == NOTES


@pytest.mark.parametrize("name", ["markdown_it", "mdit_py_plugins"])
def test_a_missing_package_is_named_with_how_to_install_it(lab, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("blocked")
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules[{name!r}] = None\n")
    done = process("import", "notes.md", cwd=lab, PYTHONPATH=f"{folder}{os.pathsep}{SOURCE}")
    package = name.replace("_", "-").replace("markdown-it", "markdown-it-py")
    assert done.err == f"orglab: Reading Markdown needs {package}; install them with: {describe_install('import')}\n"
    assert not (lab / NAME).exists()


@pytest.mark.usefixtures("lab")
def test_the_commit_that_brings_an_import_does_not_date_it(orglab):
    """What was concluded and ticked in the notes was not so today: the report of this week says nothing of it."""
    orglab("init", "--no-hooks")
    orglab("new", "Own", "-s", "Step")
    orglab("commit")
    orglab("import", "notes.md")
    orglab("commit")
    events = [
        event
        for name in ("13", "14")
        for event in json.loads(orglab("show", name, "--history", "--json").out)["events"]
    ]
    assert {(event["kind"], event["at"]) for event in events if event["kind"] != "created"} == {
        ("step", None), ("conclusion", None),
    }  # fmt: skip
    assert "no gain" not in orglab("report", "--since", "1w").out
    orglab("done", "13.1", "--undo")
    orglab("done", "13.1", "--no-commit")
    orglab("conclude", "13", "Yes.")
    orglab("commit")
    assert "Yes." in orglab("report", "--since", "1w").out
