"""`setup editor` prints the configuration that the pages show."""

import json

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
def test_the_page_of_an_editor_shows_what_is_printed(orglab, editor, language):
    snippet = orglab("setup", "editor", editor).out
    assert f"```{language}\n{snippet}```\n" in read(f"howto/{editor}.md")
    assert json.loads(orglab("setup", "editor", editor, "--json").out)["snippet"] == snippet


def test_an_unknown_editor_is_an_error_that_names_the_known_ones(orglab):
    said = orglab("setup", "editor", "ed", code=2).err
    assert said == "orglab: There is no configuration for 'ed'; there is one for emacs, helix, neovim, vscode.\n"
