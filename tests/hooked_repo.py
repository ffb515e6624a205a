"""A repository with a log, code and the hooks, for the tests of what git does with commits."""

import os
import subprocess

from lab import NAME
from orglab.cli.main import run
from texts import SEED

LOG = "#+TODO: TODO INPROGRESS | DONE\n" + SEED
BELONGS = "orglab: This commit belongs to e201.2  Test XYZ with ABC\n"


class Study:
    """A repository with a log, code, and the hooks."""

    def __init__(self, repo):
        self.repo, self.path = repo, repo.path
        repo.commit("start", {NAME: LOG, "train.py": "lr = 0\n"})
        # `setup git` writes a file for git to track, which is not what these tests are about.
        repo.write(".git/info/exclude", ".gitattributes\n")
        assert run(["setup", "git"]) == 0

    def git(self, *arguments, code=0, cwd=None, stdin=None, **environment):
        """What git says on standard error, its hooks included."""
        done = subprocess.run(
            ["git", *map(str, arguments)],
            cwd=cwd or self.path,
            env={**os.environ, **environment},
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def edit(self, name="train.py", text=None):
        """Change a file; without a text, in its last line."""
        path = self.path / name
        path.write_text((path.read_text() if path.exists() else "") + "x\n" if text is None else text)

    def commit(self, message, *arguments, name="train.py", code=0, **environment):
        """Change a file and commit it; what git says."""
        self.edit(name)
        self.git("add", name)
        return self.git("commit", "--quiet", "-m", message, *arguments, code=code, **environment)

    def message(self, revision="HEAD"):
        return self.repo.git("log", "-1", "--format=%B", revision).rstrip("\n")

    def subjects(self, *revisions):
        return self.repo.git("log", "--format=%s", *revisions).splitlines()

    def start(self, ref="201.2"):
        """Make a step the active one, with the log committed."""
        assert run(["start", ref]) == 0
        assert run(["commit"]) == 0

    def settings(self, text):
        self.repo.commit("[e201] settings", {"orglab.toml": text})

    def hook(self, name="hook"):
        return self.path / ".git" / ("orglab" if name == "hook" else "hooks") / name

    @property
    def log(self):
        return (self.path / NAME).read_text()


def editor(tmp_path, script):
    """An editor that is a shell script; the message is in "$1"."""
    path = tmp_path / "editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)
