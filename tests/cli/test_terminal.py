"""The output on a real pseudo-terminal and in a pipe, and stopping a command."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from wcwidth import wcswidth

from orglab import open_log

ORGLAB = [sys.executable, "-m", "orglab"]
LOG = """\
#+TODO: TODO INPROGRESS | DONE
* TODO [1] A title so long that it cannot stand in one line of a terminal that has eighty columns [0%] :exp:
[2018-06-06 Wed 16:16]
** TODO Experiments
1. [ ] one
* INPROGRESS [22] 日本語のタイトルが長い場合でも列は揃っていなければならない、たとえ非常に長くても 🎉 :exp:
[2018-06-06 Wed 16:16]
* DONE [333] Short :exp:
[2018-06-06 Wed 16:16]
** DONE Conclusions
:PROPERTIES:
:VERDICT: supported
:END:
Yes.
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "experiment_log.org"
    path.write_text(LOG)
    return path


def on_terminal(arguments, log, columns=80, lines=24, **environment):
    """Run a command on a pseudo-terminal of that size and return what it wrote there."""
    leader, follower = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": str(lines), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [*ORGLAB, "--log", log, *arguments],
        stdin=follower, stdout=follower, stderr=follower, env={**os.environ, **size, **environment}, cwd=log.parent,
    )  # fmt: skip
    os.close(follower)
    said = b""
    while select.select([leader], [], [], 30)[0]:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        said += piece
    os.close(leader)
    return process.wait(), said.decode().replace("\r\n", "\n")


def plain(text):
    """Return what stays on the terminal: no colours, and no progress bars, which are written over."""
    return re.sub(r"[^\n]*\r\x1b\[K|\x1b\[[0-9;]*m", "", text)


def test_a_list_fits_eighty_columns_and_is_coloured(log):
    code, said = on_terminal(["list"], log)
    lines = plain(said).splitlines()
    assert code == 0
    assert len(lines) == 3
    assert max(map(wcswidth, lines)) <= 80
    assert "…" in lines[0]
    assert "\x1b[33mINPROGRESS" in said
    # In any script, the last column begins at the same place.
    assert len({wcswidth(line[: line.index("2018-06-06")]) for line in lines}) == 1


def test_no_colour_where_it_is_not_wanted_or_not_seen(log):
    assert "\x1b" not in on_terminal(["list"], log, NO_COLOR="1")[1]
    piped = subprocess.run([*ORGLAB, "--log", log, "list"], capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout
    # In a pipe nothing is cut.
    assert "that has eighty columns" in piped.stdout


def test_what_does_not_fit_is_paged(log, tmp_path):
    pager = tmp_path / "pager.sh"
    pager.write_text("#!/bin/sh\necho PAGED\ncat\n")
    pager.chmod(0o755)
    said = on_terminal(["show", "1"], log, lines=6, PAGER=str(pager))[1]
    assert said.startswith("PAGED")
    assert "PAGED" not in on_terminal(["show", "1"], log, lines=40, PAGER=str(pager))[1]


def test_control_characters_of_the_log_do_not_reach_the_terminal(log):
    log.write_bytes(b"* TODO [1] A \x1b]0;owned\x07\x1b[31mred\xff title :exp:\n** Notes\n- \x9b31m \x08\x08 note\n")
    said = plain(on_terminal(["show", "1"], log, NO_COLOR="1")[1])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", said)
    assert "red\ufffd title" in said


def test_a_reader_that_goes_away_is_no_error(log):
    log.write_text("".join(f"* TODO [{number}] An experiment :exp:\n" for number in range(1, 20_000)))
    command = f"{' '.join(ORGLAB)} --log {log} list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert done.stdout.split()[0] == "e1"
    assert done.stderr == ""


def test_ctrl_c_stops_with_one_sentence(log, tmp_path):
    # Standard input that never ends keeps the command waiting.
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*ORGLAB, "--log", log, "note", "1", "-"], stdin=reader, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    os.write(writer, b"x" * 70_000)  # returns when the command has begun to read: a pipe holds 65,536 bytes
    ended = False
    while not ended:
        # Between two reads Python may miss a signal until the next one, as a person would press again.
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=1)
            ended = True
        except subprocess.TimeoutExpired:
            continue
    os.close(writer)
    # click starts a new line after the ^C of the terminal.
    assert (process.returncode, said) == (130, "\norglab: Interrupted.\n")
    assert log.read_text() == LOG


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_references(shell, log):
    script = subprocess.run(
        [*ORGLAB, "setup", "shell", shell, "--print"], capture_output=True, text=True, check=True
    ).stdout
    assert "_ORGLAB_COMPLETE" in script
    assert subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False).returncode == 0
    words = {"bash": ("orglab show 3", "2"), "zsh": ("orglab show 3", "2"), "fish": ("orglab show 3", "3")}[shell]
    environment = {
        **os.environ, "_ORGLAB_COMPLETE": f"{shell}_complete", "COMP_WORDS": words[0], "COMP_CWORD": words[1],
    }  # fmt: skip
    binary = Path(sys.executable).with_name("orglab")
    done = subprocess.run([binary], env=environment, capture_output=True, text=True, check=True, cwd=log.parent)
    assert "333" in done.stdout
    assert "22" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "code", "verdict"), [(b"y\n", 0, "supported"), (b"n\n", 2, None)])
def test_a_misspelled_verdict_is_questioned_on_a_terminal(log, typed, code, verdict):
    log.write_text(LOG)
    leader, follower = pty.openpty()
    os.write(leader, typed)
    command = [*ORGLAB, "--log", log, "conclude", "1", "It helps.", "--verdict", "suported"]
    done = subprocess.run(command, stdin=follower, capture_output=True, text=True, check=False)
    os.close(leader)
    os.close(follower)
    assert "Did you mean supported?" in done.stderr
    assert done.returncode == code
    (experiment,) = (one for one in open_log(log).experiments() if one.id == "1")
    assert experiment.verdict == verdict


def test_no_name_or_keyword_of_the_log_controls_the_terminal(tmp_path):
    sign = "\x1b[35;7m\u202e"
    log = tmp_path / f"lo{sign}g.org"
    text = f"#+TODO: TODO W{sign} | DONE D{sign}\n* W{sign} [1] Ti{sign}tle :exp:\n** TODO Experiments\n1. [ ] st{sign}ep\n"
    log.write_text(text)
    (tmp_path / "orglab.toml").write_text(f'journal = "jo{sign}urnal.org"\n'.replace("\x1b", "\\u001b"))
    for arguments in (["list"], ["show", "1"], ["tried", "title"], ["journal", "words"], ["refs"], ["status"], ["check"],
                      ["state", "1", f"D{sign}"], ["search", "title"], ["init"], ["list", "none"]):  # fmt: skip
        code, said = on_terminal(arguments, log)
        assert code in (0, 1), said
        assert not set(plain(said)) & {"\x1b", "\u202e"}, arguments
        assert "\x1b[35;7m" not in said, arguments
    log.unlink()
    code, said = on_terminal(["init", "--no-hooks"], log)
    assert code == 0
    assert "\x1b[35;7m" not in said
    assert "<U+202E>" in said
