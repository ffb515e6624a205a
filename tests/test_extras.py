"""What orglab advises to install fits how it was installed itself."""

import json
import sys

import pytest

from orglab.extras import describe_install

FOLDER = {"url": "file:///src/a%20b", "dir_info": {}}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that notes where orglab came from, and which program made its environment."""

    def note(source, mark):
        folder = tmp_path / "orglab-9.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: orglab\nVersion: 9\n")
        if source:
            (folder / "direct_url.json").write_text(json.dumps(source))
        if mark:
            (tmp_path / mark).touch()
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(sys, "prefix", str(tmp_path))

    return note


@pytest.mark.parametrize(
    ("source", "mark", "command"),
    [
        (None, None, "pip install 'orglab[web]'"),
        (None, "pipx_metadata.json", "pipx install --force 'orglab[web]'"),
        (None, "uv-receipt.toml", "uv tool install --force 'orglab[web]'"),
        (FOLDER, "pipx_metadata.json", "pipx install --force '/src/a b[web]'"),
        (FOLDER | {"dir_info": {"editable": True}}, None, "pip install --editable '/src/a b[web]'"),
        ({"url": "https://host.example/a.whl", "archive_info": {}}, None, "pip install 'orglab[web] @ https://host.example/a.whl'"),
        ([], None, "pip install 'orglab[web]'"),
    ],
)  # fmt: skip
def test_the_advice_names_the_program_and_the_source(installed, source, mark, command):
    installed(source, mark)
    assert describe_install("web") == command
