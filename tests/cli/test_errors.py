"""Errors, each in a process of its own: one sentence, an exit code, and an unchanged log."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import NAME, SOURCE, orglab
from orglab.experiment.diagnostic import ERRORS
from texts import SEED


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / NAME
    path.write_text(SEED)
    return path


def refused(log, code, *arguments, says, stdin="", **environment):
    """Assert that a command ends with a code and one line of message, and does not change the log."""
    before = log.read_bytes() if log.is_file() else None
    done = orglab(*arguments, stdin=stdin, **environment)
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("orglab: ")
    assert done.err.count("\n") == 1, done.err
    assert says in done.err
    assert before is None or log.read_bytes() == before
    return done.err


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, ["lst"], "Did you mean list?"),
        (2, ["new"], "--help"),
        (2, ["list", "--no-such"], "--no-such"),
        (2, ["list", "--sort", "size"], "created"),
        (2, ["list", "--since", "soon"], "soon"),
        (2, ["show", "2 0 1"], "not a reference"),
        (2, ["done", "201"], "e201.2"),
        (2, ["done", "201.2", "-c", "HEAD", "--no-commit"], "not both"),
        (2, ["start"], "--clear"),
        (2, ["state", "201", "LATER"], "LATER"),
        (2, ["state", "201.1", "DONE"], "step"),
        (2, ["conclude", "201", "words", "--state", "TODO"], "TODO"),
        (2, ["conclude", "201", " "], "text is empty"),
        (2, ["new", "Again", "--id", "201"], "line 1"),
        (2, ["new", "Odd", "--id", "a b"], "not a valid id"),
        (2, ["new", "Odd", "-t", "two words"], "two words"),
        (2, ["new", ""], "empty"),
        (2, ["new", "one\ntwo"], "one line"),
        (2, ["new", "Half [50%]"], "[50%]"),
        (2, ["new", "Bell \a"], "control"),
        (2, ["new", "Good", "-s", "bad [1/2]"], "[1/2]"),
        (2, ["step", "201", "one\ntwo"], "one line"),
        (2, ["journal", "201", "two", "three"], "quotes"),
        (3, ["show", "999"], "orglab list"),
        (3, ["note", "999", "words"], "e999"),
        (3, ["done", "201.9", "--no-commit"], "it has 2"),
        (3, ["show", "201.0"], "step 0"),
        (3, ["note", "201.3", "words"], "step 3"),
        (3, ["done", "201.2", "-c", "HEAD"], "not in a git repository"),
        (3, ["--log", "none.org", "list"], "none.org"),
    ],
)
def test_a_mistake_is_a_sentence_and_a_code(log, code, arguments, says):
    refused(log, code, *arguments, says=says)


def test_an_invalid_match_string_has_a_mark_at_the_character(log):
    done = orglab("list", "exp+{", cwd=log.parent)
    assert done.code == 2
    *_, text, caret = done.err.splitlines()
    assert text.strip() == "exp+{"
    assert caret.strip() == "^"


def test_without_a_log_every_command_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in (["list"], ["show", "1"], ["next"], ["check"], ["new", "x"], ["done", "1.1"], ["edit", "1"]):
        refused(tmp_path / NAME, 3, *arguments, says="orglab init")
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    for arguments in (["list"], ["note", "1", "x"], ["new", "x"]):
        refused(tmp_path / NAME, 3, *arguments, says="folder")


def test_a_log_that_the_user_may_not_read(log):
    log.chmod(0o600)
    prefix = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads everything, and there is no setpriv to be someone else")
        prefix = ("setpriv", "--reuid=65534", "--clear-groups")
        for folder in log.parents:
            if folder.stat().st_mode & 0o005 != 0o005 and "pytest" in str(folder):
                folder.chmod(0o755)
    else:
        log.chmod(0)
    # The other user may not read this tree either, so the modules are loaded by a first command, before the change.
    (log.parent / "copy.org").write_text(SEED)
    for arguments in (["list"], ["note", "201", "x"]):
        script = (
            f"import os, sys; sys.path.insert(0, {str(SOURCE)!r})\n"
            "import orglab.__main__ as door; from orglab.cli.main import run\n"
            f"run(['--log', 'copy.org', *{arguments!r}])\n"
            + ("os.setgroups([]); os.setgid(65534); os.setuid(65534)\n" if prefix else "")
            + f"sys.argv[1:] = {arguments!r}\ndoor.main()"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
        assert done.returncode in (3, 4), done
        assert done.stderr.count("\n") == 1, done.stderr
        assert NAME in done.stderr
    log.chmod(0o600)
    assert log.read_text() == SEED


def test_conflict_markers_refuse_every_write_and_name_their_line(log):
    markers = "<<<<<<< HEAD\n- ours\n=======\n- theirs\n>>>>>>> other\n"
    # `check --fix` would fix the checkbox.
    log.write_text(SEED.replace("** Notes\n", "** Notes\n" + markers).replace("[X]", "[x]"))
    for arguments in (
        ["note", "201", "x"], ["done", "201.2", "--no-commit"], ["new", "x"], ["step", "201", "x"],
        ["conclude", "201", "x"], ["state", "201", "DONE"], ["done", "--undo", "201.1"], ["check", "--fix"],
    ):  # fmt: skip
        refused(log, 4, *arguments, says="line 10")
    assert orglab("show", "201").code == 0
    assert "conflict" in ERRORS
    assert ":10:1: conflict " in orglab("check").out


@pytest.fixture
def held(log):
    """The log as Emacs holds it with unsaved changes: a link that names a running process."""
    lock = log.with_name(f".#{NAME}")
    lock.symlink_to(f"ada@{os.uname().nodename}.{os.getpid()}")
    yield log
    lock.unlink()


def test_a_log_that_an_editor_holds_is_not_written_and_the_holder_is_named(held):
    refused(held, 4, "note", "201", "x", says="ada")


def test_anyway_writes_the_log(held):
    assert orglab("note", "201", "all the same", "--anyway").code == 0
    assert "all the same" in held.read_text()


def test_the_lock_of_an_ended_editor_is_ignored(log):
    dead = subprocess.Popen(["true"])
    dead.wait()
    log.with_name(f".#{NAME}").symlink_to(f"ada@{os.uname().nodename}.{dead.pid}")
    assert orglab("note", "201", "goes on").code == 0


@pytest.mark.parametrize("revision", ["-h", "--output=x", "--all", "HEAD --", "nope", "@{upstream}", "HEAD:x"])
def test_a_hostile_revision_is_an_unknown_commit(repo, revision):
    repo.commit("log", {NAME: SEED})
    log = repo.path / NAME
    refused(log, 3, "done", "201.2", f"--commit={revision}", says="Unknown commit")
    assert sorted(path.name for path in repo.path.iterdir()) == [".git", NAME]


def test_without_git_no_commit_is_recorded(repo, tmp_path_factory):
    repo.commit("log", {NAME: SEED})
    empty = tmp_path_factory.mktemp("bin")
    done = orglab("done", "201.2", PATH=str(empty))
    assert done.code == 0, done
    assert done.err == "e201.2 done.\n"
    assert "2. [X] Test XYZ with ABC\n" in (repo.path / NAME).read_text()


def test_a_repository_without_commits_records_none(repo):
    log = repo.write(NAME, SEED)
    assert orglab("done", "201.2").err == "e201.2 done.\n"
    assert "2. [X] Test XYZ with ABC\n" in log.read_text()
    refused(log, 3, "done", "--undo", "201.9", says="step 9")


def test_a_commit_on_a_detached_head_is_recorded(repo):
    first = repo.commit("[e201.2] log", {NAME: SEED, "a": "1"})
    repo.git("checkout", "--quiet", "--detach")
    assert orglab("done", "201.2").code == 0
    assert f"2. [X] Test XYZ with ABC ({first[:7]})" in Path(NAME).read_text()


def test_an_editor_that_is_not_installed(log):
    refused(log, 3, "edit", "201", says="EDITOR", EDITOR="no-such-editor")


def test_debug_prints_a_traceback(log):
    done = subprocess.run(
        [sys.executable, "-m", "orglab", "show", "999", "--debug"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, cwd=log.parent,
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert "Traceback" in done.stderr
    assert "NotFoundError" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--json"],
        ["report", "--since", "2000-01-01"],
        ["tried", "--match"],
    ],
)
def test_a_match_string_that_never_ends_is_an_error(log, arguments):
    log.write_text(f"* TODO [1] {'a' * 60}! :exp:\n" + SEED)
    done = orglab(*arguments, r"ITEM={\(a+\)+$}")
    assert (done.code, done.out) == (2, ""), done
    assert "Regexp takes too long at character 7 of the match" in done.err


def test_a_tag_group_of_the_log_that_never_ends_is_an_error(log):
    log.write_text(f"#+TAGS: [ g : {{^\\(x+\\)+$}} ]\n* TODO [1] One :exp:{'x' * 60}@:\n")
    done = orglab("list", "g")
    assert (done.code, done.out) == (2, ""), done
    assert "Regexp takes too long" in done.err
