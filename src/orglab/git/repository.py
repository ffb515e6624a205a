"""One repository: where it is, what its revisions name, and what its branches hold."""

import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from orglab.config import CLONE_FOLDER, find_git_dir
from orglab.errors import GitError, NotFoundError
from orglab.git.process import read_error, run_as_user, run_readonly

FULL_HASH = rb"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_SHORT_HASH = rb"[0-9a-f]{7,64}"


class Repository:
    """The git repository that a folder lies in."""

    def __init__(self, folder: Path, top: Path, git_dir: Path) -> None:
        """Stand for the repository of `folder`; `find_repository` finds it."""
        self.folder = folder
        self.top = top
        self.git_dir = git_dir

    @property
    def at_top(self) -> "Repository":
        """The same repository, with git running at its top."""
        return Repository(self.top, self.top, self.git_dir)

    def read(self, *arguments: str, stdin: bytes = b"") -> bytes | None:
        """Return what a git command that only reads prints, or None if it fails.

        Raises:
            GitError: git is not installed.
        """
        done = run_readonly(self.folder, arguments, stdin)
        return done.stdout if done.returncode == 0 else None

    def query(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Return what a git command that only reads prints.

        Raises:
            GitError: git refuses, or is not installed.
        """
        done = run_readonly(self.folder, arguments, stdin, environment)
        if done.returncode != 0:
            raise GitError(f"git {arguments[0]} refused: {read_error(done.stderr)}.")
        return done.stdout

    def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Run a git command that writes, on the user's behalf, and return what it prints.

        Raises:
            GitError: git, or a hook of the user, refuses; or git is not installed.
        """
        done = run_as_user(self.folder, arguments, stdin, environment)
        if done.returncode != 0:
            raise GitError(f"git {arguments[0]} refused: {read_error(done.stderr)}.")
        return done.stdout

    @cached_property
    def common_dir(self) -> Path:
        """The git directory that all worktrees share; refs, objects and settings are there."""
        try:
            named = (self.git_dir / "commondir").read_bytes()
        except OSError:
            return self.git_dir
        return (self.git_dir / os.fsdecode(named.strip())).resolve()

    @property
    def own_folder(self) -> Path:
        """The folder of what we keep for this worktree, in its git directory; it may not exist."""
        return self.git_dir / CLONE_FOLDER

    @property
    def shared_folder(self) -> Path:
        """The folder of what we keep for all worktrees; it may not exist."""
        return self.common_dir / CLONE_FOLDER

    def head(self) -> str | None:
        """Return the short hash of HEAD, or None before the first commit.

        Raises:
            GitError: git is not installed, or refuses to read this repository.
        """
        found = self._abbreviate("HEAD")
        if found is None:
            asked = run_readonly(self.folder, ("rev-parse", "--git-dir"))
            if asked.returncode != 0:
                raise GitError(f"git refuses to read {self.top}: {read_error(asked.stderr)}.")
        return found

    def commit(self, revision: str) -> str:
        """Return the short hash of a commit.

        Raises:
            NotFoundError: `revision` names no commit.
            GitError: git is not installed, or refuses to read this repository.
        """
        found = self._short(revision)
        if found is None:
            self.head()
            raise NotFoundError(f"There is no commit {revision!r} in {self.top}; see `git log`.")
        return found

    def _short(self, revision: str) -> str | None:
        if "\0" in revision:
            return None
        full = self.read("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        if full is None or not re.fullmatch(FULL_HASH, full.strip()):
            return None
        # Not in one step: `:/text^{commit}` would search for that very text.
        return self._abbreviate(full.strip().decode())

    def _abbreviate(self, name: str) -> str | None:
        """Return the short hash of the commit that HEAD or a full hash names, or None."""
        short = self.read("rev-parse", "--verify", "--quiet", "--short", f"{name}^{{commit}}")
        return short.strip().decode() if short and re.fullmatch(_SHORT_HASH, short.strip()) else None

    def read_on_branches(self, path: Path) -> bytes:
        """Return the versions of a file on all local and remote-tracking branches, one behind the other.

        Args:
            path: The file; nothing is returned for one outside the repository.
        """
        try:
            name = path.absolute().resolve().relative_to(self.top.resolve()).as_posix()
        except ValueError:
            return b""
        refs = self.read("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes") or b""
        wanted = b"".join(commit + b":" + os.fsencode(name) + b"\n" for commit in sorted(set(refs.split())))
        known = self.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=wanted) or b""
        blobs = {line.split()[0] for line in known.splitlines() if line.endswith(b" blob")}
        return self.read("cat-file", "--batch", stdin=b"".join(blob + b"\n" for blob in sorted(blobs))) or b""


def is_installed() -> bool:
    """Return whether there is a git on the PATH."""
    return find_program() is not None


def find_program() -> str | None:
    """Return the git on the PATH, or None; `shutil`, which would do the same, loads what unpacks archives."""
    places = (f"{folder}/git" for folder in os.get_exec_path())
    return next((place for place in places if os.access(place, os.X_OK) and Path(place).is_file()), None)


def find_repository(folder: Path) -> Repository | None:
    """Return the repository that `folder` lies in, or None.

    It is found as git finds it, by a `.git` that is a folder, or a file that
    names one (in a worktree or submodule); to ask git itself costs 5 ms.
    """
    found = find_git_dir(os.fspath(folder.absolute()))
    return None if found is None else Repository(folder.absolute(), *map(Path, found))
