"""No command connects to another machine, and none asks for the address of one; git does, where the user syncs."""

import re
import shutil
import sys

import pytest

from lab import NAME, orglab
from orglab.cli.main import COMMANDS

pytestmark = pytest.mark.slow

FAMILIES = {"AF_UNIX", "AF_NETLINK", "AF_UNSPEC"}
"""Sockets of these stay on the machine: netlink asks the kernel itself."""
SERVERS = {"serve", "mcp", "lsp"}
"""They have a client on this machine; `serve` listens on 127.0.0.1, which tests/web checks."""
LINES = [
    ("init",), ("new", "A", "-d", "wider is better", "-s", "one", "-s", "two"), ("list",), ("next",), ("status",), ("brief",),
    ("start", "1.1"), ("step", "1", "three"), ("note", "1", "a note"), ("run", "--stdout-metrics", "--", "./train"),
    ("runs",), ("runs", "--by", "setting"), ("sweep", "1.2", "--set", "lr=1,2", "--stdout-metrics", "--", "./train"),
    ("done", "1.1", "--no-commit"), ("journal", "thought"), ("commit",), ("show", "1"), ("search", "wider"),
    ("tried", "wider"), ("why", "train"), ("refs", "1"), ("conclude", "1", "It is.", "--verdict", "supported"),
    ("state", "1", "TODO"), ("edit", "1"), ("report",), ("report", "-o", "report.html"), ("report", "-o", "report.pdf"),
    ("report", "-o", "report.docx"), ("check",), ("renumber", "1"), ("setup", "git", "--status"), ("import", "notes.md"),
    ("serve", "--export", "pages"), ("sync",),
]  # fmt: skip


@pytest.fixture
def study(repo):
    """A repository with a program, and a remote on this machine."""
    train = repo.path / "train"
    train.write_text("#!/bin/sh\necho metric acc=0.5\n")
    train.chmod(0o755)
    (repo.path / "notes.md").write_text("# Exp 7: Deeper nets\n\nMore layers.\n")
    repo.commit("start", {"train": train.read_text()})
    repo.git("init", "--quiet", "--bare", "remote.git")
    repo.git("remote", "add", "origin", "remote.git")
    return repo.path


def test_no_command_opens_a_connection(study, tmp_path_factory):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = tmp_path_factory.mktemp("trace") / "calls"
    used = set()
    for line in LINES:
        prefix = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=socket,connect,sendto", "-A", "-o", str(trace))
        result = orglab(*line, cwd=study, prefix=prefix, EDITOR="true")
        assert result.code in (0, 1, 2), (line, result)
        used.add(line[0])
    assert {*COMMANDS} - used == SERVERS - {"serve"}
    calls = trace.read_text()
    found = [line for line in calls.splitlines() if re.search(r"\bAF_\w+", line)]
    assert {*re.findall(r"\bAF_\w+", "\n".join(found))} <= FAMILIES, found[:10]
    assert (study / NAME).is_file()
    assert (study / "report.pdf").stat().st_size > 1000


def test_a_connection_would_be_seen(study, tmp_path_factory):
    """The run of a program that connects somewhere shows what the test above looks for."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = tmp_path_factory.mktemp("trace") / "calls"
    assert orglab("init", cwd=study).code == 0
    assert orglab("new", "A", cwd=study).code == 0
    program = "import socket; socket.socket(socket.AF_INET)"
    prefix = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=socket", "-A", "-o", str(trace))
    assert orglab("run", "--", sys.executable, "-c", program, cwd=study, prefix=prefix).code == 0
    assert "AF_INET" in trace.read_text()
