"""No reading command runs a program that the settings of the repository, or of a submodule, name."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import orglab as package
from commands import Orglab
from orglab.cli.main import run as main

SETTINGS = [
    *("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.askPass", "core.gitProxy"),
    *("core.alternateRefsCommand", "diff.external", "diff.x.textconv", "diff.x.command", "filter.x.clean"),
    *("filter.x.smudge", "gpg.program", "gpg.ssh.program", "gpg.x509.program", "merge.x.driver", "sequence.editor"),
    *("interactive.diffFilter", "credential.helper", "uploadpack.packObjectsHook", "gc.recentObjectsHook"),
    *("trailer.x.command", "trailer.x.cmd", "browser.x.cmd", "pager.log", "pager.show", "pager.blame"),
    *("pager.status", "pager.diff", "pager.config", "alias.log", "alias.status", "alias.blame", "alias.diff"),
    *("alias.grep", "alias.ls-files"),
]
HOOKS = [
    *("reference-transaction", "post-index-change", "post-checkout", "pre-auto-gc", "fsmonitor-watchman"),
    *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-merge", "post-rewrite", "pre-push"),
]
COMMANDS = [
    *("status", "list", "list exp/TODO", "show 1", "show 1.1", "show 1 --history", "next", "refs", "refs 1.1"),
    *(
        "refs --in [e1.1]",
        "why HEAD",
        "why a.py",
        "why a.py:1",
        "why sub/s.txt",
        "check",
        "search x",
        "tried x",
        "tried",
    ),
    *("runs", "runs show RUN", "runs diff RUN", "runs diff RUN HEAD", "runs diff RUN -p", "runs diff KEPT"),
    *("runs diff KEPT -p", "runs diff RUN KEPT -p", "runs prune --older 90d", "setup git --status"),
    *("report --since 2000-01-01 -o OUT/r.html", "report --since 2000-01-01 -o OUT/r.md", "report --check OUT/r.html"),
    *("report --json", "status --json", "note 1 hello", "step 1 three", "done 1.2", "start 1.3", "conclude 1 works"),
    *("new Another", "list"),
]
# The program says who it is for, and lets pass what it is given.
PROGRAM = """\
#!/bin/sh
echo "$0 $*" >> {trace}
cat
"""
# Only commands that write read with these, or, with the last, those of a log that is kept apart.
NOT_OF_READERS = {"check-ignore", "merge-file", "diff-index", "hash-object", "patch-id", "merge-base"}


def touch_all(top):
    """Give every file another time, so that git has to read it to know whether it has changed."""
    for path in top.rglob("*"):
        if path.is_file() and ".git" not in path.relative_to(top).parts:
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 1))


@pytest.fixture
def orglab(capsys):
    """Run commands in this process."""
    return Orglab(capsys)


@pytest.fixture
def calls(tmp_path_factory, monkeypatch):
    """A file in which each git that is started writes its arguments."""
    folder = tmp_path_factory.mktemp("tools")
    program = folder / "git"
    program.write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder / "calls"


@pytest.fixture(params=["tracked", "apart"])
def trace(repo, orglab, request, tmp_path_factory):
    """The file in which the programs of the settings of a study and of its submodule write."""
    inner = tmp_path_factory.mktemp("inner")
    repo.git("init", "--quiet", inner)
    (inner / "s.txt").write_text("s\n")
    (inner / ".gitattributes").write_text("*.txt filter=y diff=x\n")
    repo.git("-C", inner, "add", "--all")
    repo.git("-C", inner, "commit", "--quiet", "-m", "inner")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "sub")
    repo.commit("begun", {"a.py": "x = 1\n", ".gitattributes": "*.py filter=x diff=x merge=x\n*.org filter=x diff=x\n"})
    orglab("init", "--no-hooks", *(("--tracked",) if request.param == "tracked" else ()))
    orglab("new", "A", "-s", "one", "-s", "two")
    orglab("commit")
    orglab("run", "1.1", "--done", "--", "true")
    repo.write("new.py", "y = 1\n")
    orglab("run", "1.1", "--before", "snapshot", "--", "true")
    orglab("commit")
    folder = tmp_path_factory.mktemp("trace")
    make_hostile(repo, folder / "trace")
    repo.write("a.py", "x = 1\ny = 2\n")
    return folder / "trace"


def make_hostile(repo, trace):
    """Let every setting and hook of a repository and its submodule name a program that writes to a file."""
    program = trace.with_name("program")
    program.write_text(PROGRAM.format(trace=trace))
    program.chmod(0o755)
    for top, git_dir in ((repo.path, repo.path / ".git"), (repo.path / "sub", repo.path / ".git/modules/sub")):
        for hook in HOOKS:
            (git_dir / "hooks").mkdir(exist_ok=True)
            shutil.copy(program, git_dir / "hooks" / hook)
        settings = [*((name, f"{program} {name}") for name in SETTINGS), ("log.showSignature", "true")]
        settings += [("diff.submodule", "log"), ("status.submoduleSummary", "true"), ("filter.x.required", "true")]
        settings += [("protocol.ext.allow", "always"), ("fetch.recurseSubmodules", "true"), ("commit.gpgSign", "true")]
        settings += [("remote.other.url", f"ext::{program}"), ("remote.other.promisor", "true")]
        # A report has links to the lines of the log there, if it has no changes.
        settings += [("remote.origin.url", "https://github.com/a/b.git")]
        for name, value in settings:
            repo.git("-C", top, "config", name, value)
    repo.git("-C", "sub", "config", "filter.y.clean", f"{program} filter.y.clean")
    repo.git("-C", "sub", "config", "filter.y.process", f"{program} filter.y.process")
    repo.git("config", "submodule.sub.update", f"!{program}")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")


def find_heads():
    """Return the git commands that the code reads with."""
    text = "".join(path.read_text() for path in Path(package.__file__).parent.rglob("*.py"))
    called = (
        r'(?:(?<!files)\.(?:read|query)\(|run_readonly\([^()]*,\s*\(|stream_output\([^()]*,\s*[(\[])\s*"([a-z][a-z-]+)"'
    )
    return set(re.findall(called, text))


def test_no_reading_command_runs_a_program_of_the_repository(repo, trace, calls, capsys, tmp_path_factory):
    run, kept = sorted(path.name for path in (repo.path / ".git/orglab/runs").iterdir())
    out = tmp_path_factory.mktemp("out")
    # Without hardening, git runs the programs, so the trace works, for the submodule too.
    touch_all(repo.path)
    subprocess.run(["git", "diff", "HEAD"], cwd=repo.path, capture_output=True, check=False)
    for program in ("core.fsmonitor", "filter.x.clean", "filter.y.process", "diff.x.command"):
        assert program in trace.read_text()
    calls.unlink()
    broken = {}
    for command in COMMANDS:
        trace.unlink(missing_ok=True)
        touch_all(repo.path)
        words = command.replace("RUN", run).replace("KEPT", kept).replace("OUT", str(out)).split()
        ended = main(words)
        said = capsys.readouterr().err
        if ended not in (0, 1) or trace.exists():
            broken[command] = f"{ended} {said} {trace.read_text() if trace.exists() else ''}"
    assert broken == {}
    used = {word for line in calls.read_text().splitlines() for word in line.split()}
    assert find_heads() - used - NOT_OF_READERS == set()


def test_what_only_a_filter_of_the_repository_can_tell_is_shown_as_unknown(repo, orglab, trace):
    trace.unlink(missing_ok=True)
    touch_all(repo.path)
    told = " ".join(orglab("status").out.split())
    assert "unknown: a.py" in told
    assert "their filter is in the settings of this repository, and is not run" in told
    assert not trace.exists()
