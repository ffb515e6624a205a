"""No reading command runs a program that the settings of the repository name."""

import os
import subprocess
import sys

import pytest

SETTINGS = [
    "core.fsmonitor",
    "core.pager",
    "core.sshCommand",
    "core.editor",
    "core.askPass",
    "core.gitProxy",
    "diff.external",
    "diff.x.textconv",
    "filter.x.clean",
    "filter.x.smudge",
    "filter.x.process",
    "gpg.program",
    "merge.x.driver",
    "sequence.editor",
    "interactive.diffFilter",
    "credential.helper",
    "uploadpack.packObjectsHook",
    "pager.log",
    "pager.show",
    "pager.blame",
    "alias.log",
    "alias.status",
    "alias.blame",
    "alias.diff",
    "alias.grep",
]
COMMANDS = [
    *("status", "list", "list exp/TODO", "show 1", "show 1.1", "show 1 --history", "next", "refs", "refs 1.1"),
    *("refs --in [e1.1]", "why HEAD", "why a.py", "why a.py:1", "check", "search x", "tried x", "tried", "runs"),
    *("runs show RUN", "runs diff RUN", "runs diff RUN HEAD", "runs diff RUN -p", "report", "setup git --status"),
]


@pytest.fixture
def hostile(repo):
    """A study in a repository whose settings name a program that leaves a trace."""

    def orglab(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "orglab", *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, env={**os.environ, "PAGER": "cat"},
        )  # fmt: skip

    repo.commit("begun", {"a.py": "x = 1\n"})
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A", "-s", "one", "-s", "two")
    orglab("commit")
    assert orglab("run", "1.1", "--done", "--", "true").returncode == 0
    orglab("commit")
    program = repo.write(".git/program", '#!/bin/sh\ntouch "$(dirname "$0")/owned"\ncat\n')
    program.chmod(0o755)
    for hook in ("reference-transaction", "post-index-change"):
        repo.write(f".git/{hook}", program.read_text()).chmod(0o755)
    for setting in SETTINGS:
        repo.git("config", setting, str(program))
    for setting, value in (
        ("log.showSignature", "true"),
        ("core.hooksPath", str(repo.path / ".git")),
        ("remote.origin.url", f"ext::{program}"),
        ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"),
    ):
        repo.git("config", setting, value)
    repo.write(".gitattributes", "*.py filter=x diff=x merge=x\n*.org filter=x diff=x\n")
    repo.write("a.py", "x = 1\ny = 2\n")
    return orglab


@pytest.mark.slow
def test_no_reading_command_runs_a_program_of_the_repository(hostile, repo):
    (run,) = (repo.path / ".git" / "orglab" / "runs").iterdir()
    # Without hardening, git runs the program, so the trace works.
    subprocess.run(["git", "status"], cwd=repo.path, capture_output=True, check=False)
    trace = repo.path / ".git" / "owned"
    assert trace.exists()
    for command in COMMANDS:
        trace.unlink(missing_ok=True)
        done = hostile(*command.replace("RUN", run.name).split())
        assert done.returncode in (0, 1), f"{command}: {done.stderr}"
        assert not trace.exists(), command
    # `check` keeps recorded commits with a ref of its own; no hook ran for it.
    assert repo.git("for-each-ref", "--format=%(refname)", "refs/orglab/keep")
