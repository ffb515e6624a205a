"""The commit that git is making while it runs a hook: what it is made of, and what it has become."""

import os
from pathlib import Path
from typing import NamedTuple

from orglab.git.process import run_readonly
from orglab.git.repository import Repository


class CreatedCommit(NamedTuple):
    """A commit that git has just made.

    Attributes:
        hash: Its full hash.
        is_merge: Whether it has several parents.
        message: Its message, in UTF-8.
    """

    hash: str
    is_merge: bool
    message: bytes


class HookCommit:
    """The commit that git is making in the current folder, which is the top of the working tree.

    Attributes:
        repository: The repository that git is working on, whatever lies around it.
    """

    def __init__(self, git_dir: str, index: str | None) -> None:
        """Stand for the commit; nothing is read.

        Args:
            git_dir: The git directory.
            index: The index that it is made of, for a partial commit has one of its own; git's own if None.
        """
        top = Path.cwd()
        self.repository = Repository(top, top, Path(git_dir).absolute())
        # What is around us may be another repository; git has to be told which one is meant.
        self._environment = {"GIT_DIR": os.fspath(self.repository.git_dir), "GIT_WORK_TREE": os.fspath(top)}
        if index:
            self._environment["GIT_INDEX_FILE"] = str(Path(index).absolute())

    def read_changes(self) -> list[tuple[str, str]]:
        """Return what the index changes of HEAD: `A`, `M`, `D` ..., and the path, relative to the top.

        Raises:
            GitError: git fails.
        """
        told = self.repository.query(
            "diff", "--cached", "--name-status", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
            "--ignore-submodules=dirty", environment=self._environment,
        )  # fmt: skip
        pieces = told.split(b"\0")
        return [(state.decode(), os.fsdecode(path)) for state, path in zip(pieces[::2], pieces[1::2], strict=False)]

    def read_file(self, path: str) -> bytes | None:
        """Return what the index holds of a file, or None; `path` is relative to the top."""
        asked = ("cat-file", "blob", f":0:{path}")
        done = run_readonly(self.repository.folder, asked, environment=self._environment)
        return done.stdout if done.returncode == 0 else None

    def is_staged_in_part(self, path: str) -> bool:
        """Return whether the working tree has changes of a file that the index has not."""
        asked = ("diff", "--no-ext-diff", "--no-textconv", "--quiet", "--", f":(top,literal){path}")
        return run_readonly(self.repository.folder, asked, environment=self._environment).returncode == 1

    def read_made(self) -> CreatedCommit:
        """Return the commit that it has become: HEAD.

        Raises:
            GitError: git fails.
        """
        told = self.repository.query(
            "log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%H%x00%P%x00%B", "HEAD", "--",
            environment=self._environment,
        )  # fmt: skip
        commit, parents, message = told.split(b"\0", 2)
        return CreatedCommit(commit.decode(), b" " in parents, message)
