"""What each command prints and writes: tests/transcripts/*.txt, a page for each command.

A line `$ command` is run in a git repository with the log of texts.SEED. Below it
is its output: standard error after `2> `, and an exit code other than 0 in
brackets. `pytest tests/cli/test_transcripts.py --refresh` writes the pages again:
read the difference before you keep it.
"""

import contextlib
import datetime
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from orglab import clock
from orglab.cli.main import COMMANDS, run
from orglab.runs import record_writer
from orglab.runs.storage import RUNS, list_entries
from texts import SEED

PAGES = sorted((Path(__file__).parents[1] / "transcripts").glob("*.txt"))
NOW = datetime.datetime(2018, 6, 7, 9, 30)  # noqa: DTZ001 - the log holds local times


def answer(command):
    """Return what a command prints; `orglab` runs in this process, with the commands before it in a pipe as its input."""
    before, pipe, last = command.rpartition(" | ")
    if not re.match(r'(?:\w+=(?:"[^"]*"|\S*) )*orglab\b', last):
        # Before a pipe it may be `orglab` too: ours, whatever is on the PATH.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(  # noqa: S602 - the pages are ours
            command,
            shell=True,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env={**os.environ, "PATH": path},
        )
        return shown(done.stdout, done.stderr, done.returncode)
    given = subprocess.run(before, shell=True, capture_output=True, check=True).stdout if pipe else b""  # noqa: S602
    words = [word.replace("\\n", "\n") for word in shlex.split(last)]
    settings = dict(word.split("=", 1) for word in words[: words.index("orglab")])
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        patch.setattr(clock, "now", lambda: NOW)
        patch.setattr(record_writer, "choose_suffix", lambda: f"{len(list_entries(Path.cwd(), RUNS)):06x}")
        for name, value in settings.items():
            patch.setenv(name, value)
        code = run(words[words.index("orglab") + 1 :])
    printed = []
    for stream in (out, err):
        stream.flush()
        printed.append(stream.buffer.getvalue().decode())
    return shown(*printed, code)


def shown(out, err, code):
    lines = [*out.splitlines(), *(f"2> {line}".rstrip() for line in err.splitlines()), *([f"[{code}]"] if code else [])]
    return [line.replace(str(Path.cwd()), "/study").replace("\u200b", "~") for line in lines]


def play(page):
    """Return a page with the current output of its commands; lines that begin with `# ` are kept."""
    lines = []
    for line in page.splitlines():
        if line.startswith("# ") or (not line and lines and lines[-1] != ""):
            lines.append(line)
        elif line.startswith("$ "):
            lines += [line, *answer(line.removeprefix("$ "))]
    return "\n".join(lines).rstrip("\n") + "\n"


def commands_of(page):
    """Return the commands and comments of a page, without output."""
    blocks = re.split(r"(?m)^(?=\$ |# )", page)
    kept = [block.split("\n", 1)[0] + ("\n" if block.endswith("\n\n") else "") for block in blocks if block]
    return "\n".join(kept)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_shows_the_current_output(page, repo, request):
    if page.stem != "init":
        repo.write("experiment_log.org", SEED)
    text = page.read_text()
    played = play(commands_of(text))
    if request.config.getoption("--refresh"):
        page.write_text(played)
    assert played == page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_output_is_the_same_without_an_index(page, repo, monkeypatch):
    monkeypatch.setenv("ORGLAB_NO_INDEX", "1")
    if page.stem != "init":
        repo.write("experiment_log.org", SEED)
    assert play(commands_of(page.read_text())) == page.read_text()


def test_every_command_has_a_page():
    pages = {page.stem for page in PAGES}
    assert [name for name in COMMANDS if not any(f"{page}-".startswith(f"{name}-") for page in pages)] == []
