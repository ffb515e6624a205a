"""What orglab advises to install fits how it was installed itself."""

import json
import shlex
import sys

import pytest

from orglab.extras import describe_install

PYTHON = shlex.quote(sys.executable)
FOLDER = {"url": "file:///src/a%20b", "dir_info": {}}
WHEEL = {"url": "https://host.example/a.whl", "archive_info": {}}
TAG = {"url": "https://host.example/orglab.git", "vcs_info": {"vcs": "git", "requested_revision": "v0.1.0"}}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that notes where orglab came from, and which program made its environment."""

    def note(source, mark, text=""):
        folder = tmp_path / "orglab-9.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: orglab\nVersion: 9\n")
        if source is not None:
            (folder / "direct_url.json").write_text(json.dumps(source))
        if mark:
            (tmp_path / mark).write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(sys, "prefix", str(tmp_path))

    return note


@pytest.mark.parametrize(
    ("source", "mark", "command"),
    [
        (None, None, f"{PYTHON} -m pip install 'orglab[web]'"),
        (None, "pipx_metadata.json", "pipx install --force 'orglab[web]'"),
        (None, "uv-receipt.toml", "uv tool install --force 'orglab[web]'"),
        (FOLDER, "pipx_metadata.json", "pipx install --force '/src/a b[web]'"),
        (FOLDER | {"dir_info": {"editable": True}}, None, f"{PYTHON} -m pip install --editable '/src/a b[web]'"),
        (WHEEL, None, f"{PYTHON} -m pip install 'orglab[web] @ https://host.example/a.whl'"),
        (TAG, "pipx_metadata.json", "pipx install --force 'orglab[web] @ git+https://host.example/orglab.git@v0.1.0'"),
        ({**TAG, "vcs_info": {"vcs": "git"}}, "uv-receipt.toml",
         "uv tool install --force 'orglab[web] @ git+https://host.example/orglab.git'"),
        ([], None, f"{PYTHON} -m pip install 'orglab[web]'"),
    ],
)  # fmt: skip
def test_the_advice_names_the_program_and_the_source(installed, source, mark, command):
    installed(source, mark)
    assert describe_install("web") == command


def test_uv_is_told_the_extras_that_are_there(installed):
    installed(None, "uv-receipt.toml", '[tool]\nrequirements = [{ name = "orglab", extras = ["pdf"] }]\n')
    assert describe_install("web") == "uv tool install --force 'orglab[pdf,web]'"
