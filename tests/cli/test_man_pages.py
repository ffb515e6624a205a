"""The manual that `orglab setup shell` writes: roff that is understood, text that is as in the help, files that go again."""

import re
import shutil
import subprocess
import sys

import click
import pytest

from orglab.cli import man_pages
from orglab.cli.main import COMMANDS, orglab, run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data/man/man1"


@pytest.fixture(scope="module")
def pages():
    return man_pages.make_pages(orglab)


def find_faults(path):
    """Return what mandoc says of a page, besides that it has no date: it describes what is installed, whenever that is."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line]


def show(path):
    """Return a page as `man` shows it, without its fonts."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "utf8", path], capture_output=True, text=True, check=True)
    return re.sub(".\b", "", done.stdout)


def test_there_is_a_page_of_each_command(pages):
    assert pages.keys() >= {"orglab.1", "orglab-setup-shell.1", "orglab-runs-diff.1"}
    assert pages.keys() >= {f"orglab-{name}.1" for name in COMMANDS}
    assert "orglab-merge-driver.1" not in pages  # which git calls


def test_every_page_is_roff(pages, tmp_path):
    for name, text in pages.items():
        (tmp_path / name).write_text(text, "ascii")
        assert find_faults(tmp_path / name) == [], name


def test_a_page_has_what_the_help_has(pages, tmp_path):
    (tmp_path / "run.1").write_text(pages["orglab-run.1"])
    shown = show(tmp_path / "run.1")
    assert "orglab-run - Run a command and record it" in shown
    assert "orglab run [OPTIONS] [REFERENCE] -- COMMAND..." in shown
    assert "--metrics FILE" in shown
    assert "'out/*.jsonl'" in shown
    assert "orglab run -- python train.py" in shown
    assert "SEE ALSO\n       orglab(1)\n" in shown


TEXT = r"""Print .dots, 'quotes' and C:\new\fBold.

.SH is no heading here, \n no register, and --an-option keeps its ~/hyphens^2 "as they are".

'br is no request; `orglab run --x` is code → and é is a letter.

\b
Example:
  .hidden --file 'a\b' | cat
  'second
"""


def test_no_text_is_taken_for_roff(tmp_path):
    @click.command(help=TEXT.replace("\\b\n", "\b\n"))
    @click.option("--file", help=".TH 'x' \\e -- `y`")
    @click.option("--empty")
    def orglab():
        pass

    path = tmp_path / "orglab.1"
    path.write_text(man_pages.make_pages(orglab)["orglab.1"], "ascii")
    assert find_faults(path) == []
    shown = " ".join(show(path).split())
    for text in (
        r"Print .dots, 'quotes' and C:\new\fBold.",
        r'.SH is no heading here, \n no register, and --an-option keeps its ~/hyphens^2 "as they are".',
        "'br is no request; orglab run --x is code → and é is a letter.",
        r".hidden --file 'a\b' | cat 'second",
        r"--file TEXT .TH 'x' \e -- y",
        "--empty TEXT",
    ):
        assert text in shown


def test_the_pages_are_written_with_the_completion_and_go_with_it(folder, capsys):
    assert run(["setup", "shell", "zsh"]) == 0
    assert f"Wrote the manual to {folder}" in capsys.readouterr().out
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(["setup", "shell", "zsh"]) == 0
    assert "manual" not in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert run(["setup", "shell", "zsh", "--remove"]) == 0
    assert f"Removed the manual from {folder}" in capsys.readouterr().out
    assert [*folder.iterdir()] == []


def test_a_page_of_a_command_that_is_gone_goes_and_a_page_of_someone_else_stays(folder, pages):
    folder.mkdir(parents=True)
    (folder / "orglab-gone.1").write_text(pages["orglab-run.1"])
    (folder / "orglab-new.1").write_text(".TH MINE 1\n")
    (folder / "orglab-other.1").write_bytes(b"\xff")
    assert run(["setup", "shell", "zsh"]) == 0
    assert not (folder / "orglab-gone.1").exists()
    assert run(["setup", "shell", "zsh", "--remove"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["orglab-new.1", "orglab-other.1"]


def test_a_folder_that_cannot_be_written_is_named(folder, tmp_path, capsys):
    (tmp_path / "data").write_text("")
    assert run(["setup", "shell", "zsh"]) == 4
    assert f"The manual in {folder} cannot be written" in capsys.readouterr().err


def test_no_other_command_imports_it():
    code = "import sys; from orglab.cli.main import run; run(['setup', '--help']); print('orglab.cli.man_pages' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


def test_the_base_install_is_enough():
    code = (
        "import sys; from orglab.cli import man_pages; from orglab.cli.main import orglab; man_pages.make_pages(orglab);"
        "print(sorted({'starlette', 'jinja2', 'pygls', 'markdown_it', 'yaml', 'numpy'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
