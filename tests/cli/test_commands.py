"""The commands as documented: options, JSON, exit codes, and error messages."""

import json
import os
import subprocess
import sys

import pytest

from commands import Orglab
from orglab.cli.main import COMMANDS
from texts import RICH, SEED

LOG = "experiment_log.org"


@pytest.fixture
def orglab(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Orglab(capsys)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / LOG
    path.write_text(SEED)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(orglab, command):
    said = orglab(command, "--help").out
    assert "Example:\n      orglab " in said or "Example:\n    orglab " in said


def test_every_command_is_in_the_help(orglab):
    said = orglab("--help").out
    assert all(f"\n  {command} " in said for command in COMMANDS)


def test_a_day_with_the_log(orglab, tmp_path):
    assert "Created experiment_log.org" in orglab("init").out
    assert orglab("new", "First idea", "-s", "baseline", "-s", "idea", "-t", "nlp").out == "e1\n"
    assert orglab("step", "e1", "ablation").out == "e1.3\n"
    assert "e1  INPROGRESS" in orglab("start", "1.1").out
    assert json.loads(orglab("next", "--json").out)["active"] == "e1.1"
    assert orglab("next").out.splitlines()[1].startswith(">  1. [ ] baseline")
    assert orglab("note", "1.1", "slow").out.startswith("e1.1  noted  2")
    assert "[X] baseline" in orglab("done", "1.1").out
    assert json.loads(orglab("next", "--json").out)["active"] == "e1"
    assert "[ ] baseline" in orglab("done", "--undo", "1.1").out
    assert "e1  WAIT" in orglab("state", "1", "WAIT", "-m", "the cluster").out
    assert orglab("journal", "1", "why so slow").out == "Added to journal.org.\n"
    said = orglab("conclude", "1", "It does not help.", "--verdict", "refuted")
    assert said.out == "e1  DONE  First idea\n"
    assert said.err == "3 steps still open.\n"
    shown = orglab("show", "1").out
    assert "Conclusions: ✕ refuted" in shown
    assert "It does not help." in shown
    assert orglab("check").err == "No problems found.\n"
    assert "[[file:experiment_log.org::#1][1]] why so slow :1:" in (tmp_path / "journal.org").read_text()


def test_the_shorthands_of_list(orglab, tmp_path):
    states = ("TODO", "INPROGRESS", "WAIT", "DONE", "CANCELED")
    (tmp_path / LOG).write_text(
        "".join(f"* {state} [{n}] T{9 - n} :exp:t{n}:\n[2026-01-0{n} Thu]\n" for n, state in enumerate(states, 1))
    )

    def listed(*options):
        return [one["id"] for one in json.loads(orglab("list", "--json", *options).out)["experiments"]]

    assert listed() == listed("--all") == ["1", "2", "3", "4", "5"]
    assert (listed("--todo"), listed("--doing"), listed("--waiting"), listed("--done")) == (
        ["1"], ["2"], ["3"], ["4", "5"],
    )  # fmt: skip
    assert listed("--todo", "--doing") == ["1", "2"]
    assert listed("--since", "2026-01-04") == ["4", "5"]
    assert listed("--tag", "t2") == ["2"]
    assert listed("--sort", "title") == ["5", "4", "3", "2", "1"]
    assert listed("--sort", "-created") == ["5", "4", "3", "2", "1"]
    assert listed("LEVEL=1&+exp/!-INPROGRESS") == ["1", "3"]
    assert "No experiment matches." in orglab("list", "--tag", "none").err


def test_json_has_a_version_and_accepts_invalid_utf8(orglab, tmp_path):
    (tmp_path / LOG).write_bytes(b"* TODO [1] caf\xe9 \x9b :exp:\n")
    for command in (["show", "1"], ["list"], ["next"], ["check"]):
        said = orglab(*command, "--json", code=1 if command == ["check"] else 0).out
        assert json.loads(said)["version"] == 1
        said.encode()
    assert json.loads(orglab("show", "1", "--json").out)["title"].startswith("caf\ufffd")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["show", "999"], 3, "There is no experiment e999"),
        (["show", "201.9"], 3, "There is no step 9 in e201 (it has 2)"),
        (["show", "a b"], 2, "is not a reference"),
        (["done", "201"], 2, "Name a step of e201"),
        (["done", "201.3", "--no-commit"], 3, "There is no step 3"),
        (["done", "201.2", "-c", "HEAD"], 3, "not in a git repository"),
        (["done", "201.2", "-c", "HEAD", "--no-commit"], 2, "not both"),
        (["state", "201", "NOSUCH"], 2, "Unknown state NOSUCH"),
        (["state", "201.1", "DONE"], 2, "A step has no state"),
        (["conclude", "201", "x", "--state", "TODO"], 2, "TODO does not close"),
        (["new", ""], 2, "cannot be empty"),
        (["new", "two\nlines"], 2, "must be one line"),
        (["new", "half [50%] done"], 2, "[50%]"),
        (["new", "red \x1b[31m"], 2, "control characters"),
        (["new", "x", "-t", "two words"], 2, "is not a valid tag"),
        (["new", "x", "--id", "201"], 2, "The id 201 is already taken (line 1)"),
        (["new", "x", "--id", "a.b"], 2, "is no"),
        (["step", "201", ""], 2, "cannot be empty"),
        (["note", "201", " \n "], 2, "The text is empty"),
        (["list", "exp | other"], 2, "of the match:\n  exp | other\n     ^"),
        (["list", "--sort", "size"], 2, "Unknown sort key 'size'"),
        (["list", "--since", "soon"], 2, "'soon' is not a date"),
        (["list", "--nosuch"], 2, "No such option"),
        (["start"], 2, "Name the experiment or step"),
        (["shw"], 2, "Did you mean show?"),
        (["--log", "nosuch.org", "list"], 3, "There is no file nosuch.org"),
        (["--log", ".", "list"], 3, "is a folder"),
        (["--log", "/dev/null", "list"], 3, "not a regular file"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(orglab, log, arguments, code, sentence):
    said = orglab(*arguments, code=code)
    assert sentence in said.err
    assert said.err.startswith("orglab: ")
    assert (said.out, log.read_text()) == ("", SEED)


def test_titles_that_look_like_org_syntax_stay_titles(orglab, log):
    for number, title in enumerate(["Foo :bar:", "* star", "TODO COMMENT x", "[#A] x", "日本語 🎉"], 202):
        assert orglab("new", title).out == f"e{number}\n"
        assert json.loads(orglab("show", number, "--json").out)["title"] == title
    assert orglab("check").out == ""
    assert log.read_text().startswith(SEED)


@pytest.mark.parametrize(
    "text",
    ["* star\n** two", "#+begin_src\nopen", "#+TODO: A | B", ":drawer:\ntext", ":END:", "a\n\n\n\nb", "- [ ] box [1/2]",
     "1. [X] one", "x\r\ny", "\x1b[31mred\x1b[0m", "# Local Variables:\n# mode: x\n# End:", "z" * 100_000],
)  # fmt: skip
@pytest.mark.parametrize("where", ["201", "201.1"])
def test_any_text_of_a_note_stays_one_note(orglab, log, text, where):
    orglab("note", where, text)
    after = json.loads(orglab("show", "201", "--json").out)
    notes = [*after["notes"], *(note for step in after["steps"] for note in step["notes"])]
    assert len(notes) == 1
    assert [step["text"] for step in after["steps"]] == ["Test XYZ without ABC", "Test XYZ with ABC"]
    assert after["progress"] == {"done": 1, "total": 2}
    kept = [line for line in SEED.splitlines(keepends=True) if line in log.read_text().splitlines(keepends=True)]
    assert "".join(kept) == SEED
    assert orglab("check").out == ""


def test_a_text_is_read_from_standard_input(log, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "orglab", "note", "201", "-"], input=b"from\r\na pipe\n", cwd=tmp_path, check=True,
        capture_output=True,
    )  # fmt: skip
    assert done.stderr == b""
    assert "from\n  a pipe\n" in log.read_text()


def test_without_a_log_the_message_names_init(orglab):
    assert "orglab init" in orglab("list", code=3).err


@pytest.mark.parametrize("command", [["note", "201", "x"], ["done", "201.2", "--no-commit"], ["new", "x"]])
def test_a_log_with_a_conflict_is_read_but_not_written(orglab, log, command):
    text = SEED + "<<<<<<< HEAD\n* A\n=======\n* B\n>>>>>>> other\n"
    log.write_text(text)
    assert "e201" in orglab("list").out
    assert "line 16" in orglab(*command, code=4).err
    assert log.read_text() == text


def test_a_log_without_read_permission(log, tmp_path):
    log.chmod(0o600)
    tmp_path.chmod(0o755)
    program = (
        # Once before, for the other user may not read the modules that a first failure loads.
        "import os, sys; from orglab.cli.main import run; run(['--log', '/nowhere/log', 'list']);"
        "os.setgid(65534); os.setuid(65534); sys.exit(run(['--log', sys.argv[1], 'list']))"
    )
    if os.getuid() != 0:
        log.chmod(0)
        program = "import sys; from orglab.cli.main import run; sys.exit(run(['--log', sys.argv[1], 'list']))"
    done = subprocess.run([sys.executable, "-c", program, log], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Permission denied" in done.stderr.splitlines()[-1]
    assert done.stderr.count("orglab: ") == done.stderr.count("\n")


def test_a_log_with_unsaved_changes_in_an_editor_is_not_written(orglab, log):
    holder = f"ada@{os.uname().nodename}.{os.getpid()}"
    log.with_name(f".#{LOG}").symlink_to(holder)
    said = orglab("note", "201", "x", code=4).err
    assert str(os.getpid()) in said
    assert log.read_text() == SEED
    orglab("note", "201", "x", "--anyway")
    assert log.read_text() != SEED


def test_two_experiments_with_one_id_are_named_and_not_changed(orglab, log):
    log.write_text(SEED + SEED)
    assert "lines 1 and 16" in orglab("note", "201", "x", code=2).err
    assert "duplicate-id" in orglab("check", code=1).out


def test_check_fixes_what_is_safe(orglab, log):
    log.write_text("* TODO A [5/5] :exp:\n** TODO Experiments [0/9]\n1. [x] a\n2. [ ] b\n* TODO [7] B :exp:\n")
    said = orglab("check", code=1)
    assert {line.split()[1] for line in said.out.splitlines()} >= {"no-id", "stale-cookie"}
    orglab("check", "--fix", code=1)
    assert log.read_text() == (
        "* TODO A [0/1] :exp:\n:PROPERTIES:\n:ID:       8\n:END:\n"
        "** TODO Experiments [1/2]\n1. [X] a\n2. [ ] b\n* TODO [7] B :exp:\n"
    )


def test_init_adopts_and_changes_nothing(orglab, tmp_path):
    (tmp_path / "LabBook.org").write_text(RICH)
    said = orglab("init").out
    assert "2 experiments" in said
    assert "orglab --log LabBook.org init --config" in said
    orglab("--log", "LabBook.org", "init", "--config")
    assert (tmp_path / "LabBook.org").read_text() == RICH
    assert "e7" in orglab("list").out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LabBook.org", "orglab.toml"]


def test_edit_opens_the_line(orglab, log, tmp_path, monkeypatch):
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\necho "$@" > "$(dirname "$0")/called"\nexit 3\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    orglab("edit", "201.2", code=3)
    assert (tmp_path / "called").read_text() == f"+13 {log}\n"


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("text", ["-5 % on the test set", "- a list", "--help is what I read", "-h, then", "-5%", "--"])
def test_a_text_may_begin_with_a_dash(orglab, text):
    orglab("note", "201", *(["--"] if text == "--" else []), text)
    assert json.loads(orglab("show", "201", "--json").out)["notes"][0]["text"] == text
