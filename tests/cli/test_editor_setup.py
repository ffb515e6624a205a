"""`setup editor` prints the configuration that the pages show."""

import json
import subprocess
import sys

import pytest

from commands import Orglab
from orglab.cli.editor_setup import EDITORS
from test_docs import read


@pytest.fixture
def orglab(capsys, tmp_path, monkeypatch):
    """Run commands in a folder without a log."""
    monkeypatch.chdir(tmp_path)
    return Orglab(capsys)


def test_the_editors_are_listed(orglab):
    assert orglab("setup", "editor").out.splitlines()[2] == "neovim  Neovim"
    assert json.loads(orglab("setup", "editor", "--json").out)["editors"] == [*EDITORS]


@pytest.mark.parametrize(("editor", "language"), [("neovim", "lua"), ("vscode", "js"), ("helix", "toml")])
def test_the_page_of_an_editor_shows_what_is_printed_except_for_the_path(orglab, editor, language):
    snippet = orglab("setup", "editor", editor).out
    command = json.dumps(sys.executable)
    assert snippet.count(command) == 1
    shown = snippet.replace(command, '"orglab"').replace('"-P", "-m", "orglab", ', "")
    assert f"```{language}\n{shown}```\n" in read(f"howto/{editor}.md")
    assert json.loads(orglab("setup", "editor", editor, "--json").out)["snippet"] == snippet


def test_the_command_of_emacs_is_a_list_of_strings(orglab):
    assert f'({json.dumps(sys.executable)} "-P" "-m" "orglab" "lsp")' in orglab("setup", "editor", "emacs").out


def test_a_path_with_odd_characters_is_quoted(orglab, monkeypatch):
    monkeypatch.setattr(sys, "executable", '/a "b"\\c/python')
    shown = '"/a \\"b\\"\\\\c/python"'
    for editor in EDITORS:
        assert shown in orglab("setup", "editor", editor).out


def test_the_description_of_the_extension_is_in_its_comment(orglab, tmp_path):
    (tmp_path / "extension.js").write_text(orglab("setup", "editor", "vscode").out)
    (line,) = (one for one in read("howto/vscode.md").splitlines() if one.startswith("sed "))
    subprocess.run(["sh", "-ec", line], check=True)
    assert json.loads((tmp_path / "package.json").read_text())["main"] == "./extension.js"


def test_an_unknown_editor_is_an_error_that_names_the_known_ones(orglab):
    said = orglab("setup", "editor", "ed", code=2).err
    assert said == "orglab: There is no configuration for 'ed'; there is one for emacs, helix, neovim, vscode.\n"
