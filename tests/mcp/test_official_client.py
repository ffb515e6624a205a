"""The official client of the protocol, of two versions, works with the server (`make test-mcp`)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from commands import Orglab
from lab import NAME

pytestmark = [pytest.mark.mcp_client, pytest.mark.slow]
PROGRAM = Path(__file__).with_name("official_client.py")
# The major version of the client, its mode, and the version of the protocol that it agrees on.
CLIENTS = [(2, "auto", "2026-07-28"), (2, "legacy", "2025-11-25"), (1, "legacy", "2025-11-25")]


@pytest.fixture(params=CLIENTS, ids=lambda one: f"{one[0]} {one[1]}")
def ask(request, capsys):
    """Return a function that has the client ask a server, in a repository with a log, and returns the answers."""
    version, mode, protocol = request.param
    python = Path(sys.prefix, f"mcp-{version}/bin/python")
    if not python.exists():
        pytest.skip(f"there is no client of version {version}: make test-mcp")
    request.getfixturevalue("repo")
    run = Orglab(capsys)
    run("init", "--tracked", "--no-hooks")
    run("new", "Does dropout help?", "-d", "By a point \u202e", "-s", "Baseline", "-s", "Dropout")

    def talk(options, *questions):
        command = [python, PROGRAM, mode, sys.executable, "-m", "orglab", "mcp", *options]
        done = subprocess.run(
            command, input=json.dumps(questions), capture_output=True, encoding="utf-8", check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        agreed, server, capabilities, answers = json.loads(done.stdout)
        assert (agreed, server["name"]) == (protocol, "orglab")
        assert capabilities.keys() == {"tools", "resources", "completions"}
        return answers

    return talk


def test_a_client_reads(ask, repo):
    before = (repo.path / NAME).read_bytes()
    tools, shown, refused, wrong, unknown, listed, templates, experiment, step, missing, completed = ask(
        (),
        ["list_tools"],
        ["call_tool", "show", {"reference": "e1"}],
        ["call_tool", "note", {"reference": "1", "text": "x"}],
        ["call_tool", "show", {"reference": 7}],
        ["call_tool", "nothing", {}],
        ["list_resources"],
        ["list_resource_templates"],
        ["read_resource", "orglab://e1"],
        ["read_resource", "orglab://e1.2"],
        ["read_resource", "orglab://e9"],
        ["complete", "orglab://{reference}", {"name": "reference", "value": "e1."}],
    )
    assert {"show", "tried"} < {tool["name"] for tool in tools["tools"]}
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools["tools"])
    assert shown["structuredContent"]["title"] == "Does dropout help?"
    assert json.loads(shown["content"][0]["text"]) == shown["structuredContent"]
    assert shown["structuredContent"]["description"] == "By a point <U+202E>"
    assert refused["isError"]
    assert "--write" in refused["content"][0]["text"]
    assert wrong["content"][0]["text"] == "The argument reference of show is a text."
    assert "nothing" in unknown["error"]
    assert [one["uri"] for one in listed["resources"]][:2] == ["orglab://brief", "orglab://e1"]
    assert templates["resourceTemplates"][0]["uriTemplate"] == "orglab://{reference}"
    assert "1. [ ] Baseline" in experiment["contents"][0]["text"]
    assert step["contents"][0]["text"] == "2. [ ] Dropout\n"
    assert "no experiment e9" in missing["error"]
    assert completed["completion"]["values"] == ["e1.1", "e1.2"]
    assert (repo.path / NAME).read_bytes() == before


def test_a_client_writes_and_runs(ask, capsys):
    new, note, done, run = ask(
        ("--write", "--allow-run"),
        ["call_tool", "new", {"title": "Smoothing", "steps": ["Smooth"]}],
        ["call_tool", "note", {"reference": "2.1", "text": "ü — 漢字"}],
        ["call_tool", "done", {"reference": "2.1", "commits": []}],
        ["call_tool", "run", {"reference": "1.1", "argv": ["echo", "hello"], "wait": 50}],
    )
    assert new["structuredContent"]["experiment"]["ref"] == "e2"
    assert note["structuredContent"]["text"] == "ü — 漢字"
    assert done["structuredContent"]["step"]["state"] == "done"
    assert (run["structuredContent"]["status"], run["structuredContent"]["printed_last"]) == ("done", "hello\n")
    assert "ü — 漢字" in Orglab(capsys)("show", "2.1").out
