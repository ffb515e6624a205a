"""The commit for which git runs a hook: its index before, and the commit itself afterwards."""

import os
from pathlib import Path
from typing import NamedTuple

from orglab.git.process import run_readonly
from orglab.git.repository import Repository


class CreatedCommit(NamedTuple):
    """A new commit.

    Attributes:
        hash: Its full hash.
        is_merge: Whether it has more than one parent.
        message: Its message, as UTF-8.
    """

    hash: str
    is_merge: bool
    message: bytes


class HookCommit:
    """The commit that git is making in the current folder, the top of the working tree.

    Attributes:
        repository: The repository that git is running the hook for.
    """

    def __init__(self, git_dir: str, index: str | None) -> None:
        """Store the arguments; nothing is read.

        Args:
            git_dir: The git directory.
            index: The index of the commit, because a partial commit has its own; None for the repository's index.
        """
        top = Path.cwd()
        self.repository = Repository(top, top, Path(git_dir).absolute())
        # The current folder may be inside another repository, so tell git which one to use.
        self._environment = {"GIT_DIR": os.fspath(self.repository.git_dir), "GIT_WORK_TREE": os.fspath(top)}
        if index:
            self._environment["GIT_INDEX_FILE"] = str(Path(index).absolute())

    def read_changes(self) -> list[tuple[str, str]]:
        """Return the status (`A`, `M`, `D` ...) and the path, relative to the top, of each file changed in the index.

        Raises:
            GitError: git fails.
        """
        printed = self.repository.query(
            "diff", "--cached", "--name-status", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
            "--ignore-submodules=dirty", environment=self._environment,
        )  # fmt: skip
        pieces = printed.split(b"\0")
        return [(state.decode(), os.fsdecode(path)) for state, path in zip(pieces[::2], pieces[1::2], strict=False)]

    def read_file(self, path: str) -> bytes | None:
        """Return the content of a file in the index, or None; `path` is relative to the top."""
        command = ("cat-file", "blob", f":0:{path}")
        completed = run_readonly(self.repository.folder, command, environment=self._environment)
        return completed.stdout if completed.returncode == 0 else None

    def is_staged_in_part(self, path: str) -> bool:
        """Return whether a file has unstaged changes in the working tree."""
        command = ("diff", "--no-ext-diff", "--no-textconv", "--quiet", "--", f":(top,literal){path}")
        return run_readonly(self.repository.folder, command, environment=self._environment).returncode == 1

    def read_commit(self) -> CreatedCommit:
        """Return the new commit, which is HEAD.

        Raises:
            GitError: git fails.
        """
        printed = self.repository.query(
            "log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%H%x00%P%x00%B", "HEAD", "--",
            environment=self._environment,
        )  # fmt: skip
        commit, parents, message = printed.split(b"\0", 2)
        return CreatedCommit(commit.decode(), b" " in parents, message)
