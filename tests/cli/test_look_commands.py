"""Which modules short commands load, and pending steps in the commands that read the log."""

import json
import os
import subprocess
import sys

import pytest

from lab import NAME, orglab
from texts import SEED

# Modules that reading a log needs and `import click` does not load.
NEEDED = {
    "pathlib",
    "fnmatch",
    "ntpath",
    "urllib",
    "urllib.parse",
    "ipaddress",
    "glob",
    "pathlib._abc",
    "pathlib._local",
    "pathlib._os",
    "pathlib.types",
    "locale",
    "_locale",
    "bisect",
    "_bisect",
    "copy",
    "unicodedata",
    "fcntl",
}
# Writing also needs the system call that swaps two names, and the signal of a lease.
NEEDED_TO_WRITE = NEEDED | {"ctypes", "_ctypes", "ctypes._endian", "struct", "_struct", "signal"}
# Modules of orglab that neither needs; of runs, only the location of the records is needed.
UNNEEDED = (
    "orglab.search", "orglab.report", "orglab.history", "orglab.api.serialize", "orglab.experiment.check",
    "orglab.log.merge", "orglab.org.match", "orglab.runs.record", "orglab.runs.launch", "orglab.runs.log_writer",
)  # fmt: skip
# Modules that only writing needs.
UNNEEDED_TO_READ = ("orglab.experiment.edits", "orglab.org.todo", "orglab.cli.write_commands")


def loaded(program, folder):
    """The modules that a fresh Python has loaded after a program."""
    report = "; import sys; sys.stderr.write('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program + report], capture_output=True, text=True, check=True, cwd=folder
    )
    return set(done.stderr.rpartition("\n")[2].split())


def find_among(names, unneeded):
    """Return the names that are unneeded modules, or below one."""
    return [name for name in names for one in unneeded if f"{name}.".startswith(f"{one}.")]


@pytest.mark.parametrize("command", [["show", "201"], ["list"], ["next"]])
def test_a_command_that_reads_loads_no_more_than_it_needs(command, tmp_path):
    (tmp_path / NAME).write_text(SEED.replace("TODO [201]", "INPROGRESS [201]"))
    others = loaded(f"from orglab.cli.main import run; run({command!r})", tmp_path) - loaded("import click", tmp_path)
    assert {name for name in others if not name.startswith("orglab")} <= NEEDED
    assert not find_among(others, UNNEEDED + UNNEEDED_TO_READ)


@pytest.mark.parametrize("command", [["note", "201", "A note."], ["done", "201.2"]])
def test_a_command_that_writes_a_line_loads_no_more_than_it_needs(command, tmp_path):
    (tmp_path / NAME).write_text(SEED)
    others = loaded(f"from orglab.cli.main import run; run({command!r})", tmp_path) - loaded("import click", tmp_path)
    assert {name for name in others if not name.startswith("orglab")} <= NEEDED_TO_WRITE
    assert not find_among(others, UNNEEDED)
    assert (tmp_path / NAME).read_text() != SEED


@pytest.mark.parametrize("command", [["show", "201"], ["list"], ["next"]])
def test_json_is_loaded_for_json(command, tmp_path):
    (tmp_path / NAME).write_text(SEED)
    assert "json" in loaded(f"from orglab.cli.main import run; run({[*command, '--json']!r})", tmp_path)


@pytest.fixture
def waiting(repo):
    """A log with step 2 pending: a commit said it is done while an editor held the log."""
    repo.write(NAME, SEED)
    (repo.path / "orglab.toml").write_text("[hooks]\nauto_done = true\n")
    assert orglab("setup", "git", cwd=repo.path).code == 0
    repo.git("add", "-A")
    repo.git("commit", "-qm", "start")
    held = repo.path / f".#{NAME}"
    held.symlink_to(f"ada@{os.uname().nodename}.{os.getpid()}")
    (repo.path / "result").write_text("1")
    repo.git("add", "result")
    repo.git("commit", "-qm", "[e201.2] done")
    assert "2. [ ]" in (repo.path / NAME).read_text()
    held.unlink()
    return repo.path


@pytest.mark.parametrize("no_index", [None, "1"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_pending_step_is_reported_once_by_any_command(waiting, options, no_index):
    first = orglab("show", "201", *options, cwd=waiting, ORGLAB_NO_INDEX=no_index)
    again = orglab("show", "201", *options, cwd=waiting, ORGLAB_NO_INDEX=no_index)
    assert first.out == again.out
    assert first.err.startswith("e201.2 done, with ")
    assert again.err == ""
    assert (waiting / NAME).read_text().count("2. [X] Test XYZ with ABC (") == 1
    if options:
        assert json.loads(first.out)["progress"] == {"done": 2, "total": 2}
    else:
        assert "2 of 2 steps done" in first.out


def test_show_has_the_newest_conclusion_and_the_earlier_ones(repo):
    words = "[2018-06-07 Thu] supported: It helps.\n\n[2018-06-20 Wed 10:00] refuted: No.\n"
    repo.write(NAME, SEED.replace("** TODO Conclusions\n", f"** DONE Conclusions\n{words}"))
    shown = json.loads(orglab("show", "201", "--json").out)["conclusion"]
    assert (shown["verdict"], shown["text"], shown["at"]) == ("refuted", "No.", "2018-06-20T10:00")
    assert shown["earlier"] == [{"at": "2018-06-07", "verdict": "supported", "text": "It helps.", "author": None}]
    page = orglab("show", "201").out
    assert "  Earlier (orglab show 201 --history):\n    supported 2018-06-07: It helps.\n" in page


def test_show_has_the_text_of_an_earlier_conclusion_that_has_no_date(repo):
    words = "It helps a lot.\nReally.\n\n[2018-06-20 Wed 10:00] refuted: No.\n"
    repo.write(NAME, SEED.replace("** TODO Conclusions\n", f"** DONE Conclusions\n{words}"))
    assert "  Earlier (orglab show 201 --history):\n    It helps a lot.\n\n" in orglab("show", "201").out


def test_an_experiment_without_a_todo_keyword_is_without_a_state_in_every_count(repo):
    log = "* Warm start :exp:\n:PROPERTIES:\n:ID: 1\n:END:\n* TODO Cold start :exp:\n:PROPERTIES:\n:ID: 2\n:END:\n"
    repo.write(NAME, log)
    assert "2 experiments (1 to do, 1 without a state)" in orglab("status").out
    assert "2 experiments (1 to do, 1 without a state)" in orglab("brief").out
    status = json.loads(orglab("status", "--json").out)
    assert (status["experiments"], status["position"]) == ({"todo": 1, "without_state": 1}, "start")
    assert "2 experiments: 1 open, 1 without a state" in orglab("tried").out
    assert "Warm start  (without a state)" in orglab("tried", "warm start").out


def test_rows_leave_out_a_date_that_the_title_begins_with(repo):
    dated = "[2018-05-02 Wed] Warm start"
    log = f"* INPROGRESS {dated} :exp:\n:PROPERTIES:\n:ID: 1\n:CREATED: [2018-05-03 Thu]\n:END:\n** Experiments\n1. [ ] a\n"
    repo.write(NAME, log)
    for command in (["list"], ["next"], ["tried"], ["tried", "warm start"], ["brief"]):
        said = orglab(*command).out
        assert "Warm start" in said
        assert "2018-05-02" not in said
    assert dated in orglab("show", "1").out.splitlines()[0]
    assert json.loads(orglab("list", "--json").out)["experiments"][0]["title"] == dated
    assert dated in orglab("search", "warm").out


def test_show_takes_a_line_of_the_log(repo):
    repo.commit("start", {NAME: SEED})
    line = SEED.splitlines().index("2. [ ] Test XYZ with ABC") + 1
    assert orglab("show", "--line", line).out == orglab("show", "201.2").out
    assert orglab("show", "--line", line, "201").code == 2
