"""`orglab setup shell`: what it adds to a startup file works there, and can be removed without a trace."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orglab.cli.main import run

FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/completions/orglab.fish"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("ZDOTDIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("shell", FILES)
@pytest.mark.parametrize("before", [None, b"", b"alias a=b\n", b"export A=1\n\n# no newline \xff", b"a\r\n"])
def test_it_is_added_once_and_removed_without_a_trace(home, shell, before):
    path = home / FILES[shell]
    if before is not None and shell != "fish":
        path.write_bytes(before)
    assert run(["setup", "shell", shell]) == 0
    first = path.read_bytes()
    assert b"_ORGLAB_COMPLETE" in first
    assert first.startswith(before or b"") or shell == "fish"
    assert run(["setup", "shell", shell]) == 0
    assert path.read_bytes() == first
    assert run(["setup", "shell", shell, "--remove"]) == 0
    left = path.read_bytes() if path.exists() else None
    assert left == (None if shell == "fish" else before or b"")


def test_a_link_to_a_folder_of_dotfiles_stays_one(home):
    (home / "dotfiles").mkdir()
    (home / "dotfiles/bashrc").write_text("alias a=b\n")
    (home / ".bashrc").symlink_to("dotfiles/bashrc")
    assert run(["setup", "shell", "bash"]) == 0
    assert (home / ".bashrc").is_symlink()
    assert "_ORGLAB_COMPLETE" in (home / "dotfiles/bashrc").read_text()


def test_bash_completes_after_it(home):
    assert run(["setup", "shell", "bash"]) == 0
    bash = shutil.which("bash")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [bash, "--rcfile", home / ".bashrc", "-i", "-c", "complete -p orglab"],
        env={"HOME": str(home), "PATH": path, "TERM": "dumb"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "_orglab_completion orglab" in done.stdout


def test_the_shell_is_the_one_of_the_user(home, monkeypatch, capsys):
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert run(["setup", "shell"]) == 0
    assert (home / ".zshrc").exists()
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run(["setup", "shell"]) == 2
    assert "Unknown shell 'tcsh'" in capsys.readouterr().err
