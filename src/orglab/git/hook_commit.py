"""The commit for which git runs a hook: its index before, and the commit itself afterwards."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.hook_files import read_left_out, remove_left_out, write_left_out
from orglab.git.process import run_readonly
from orglab.git.repository import Repository

# The index that git makes for the commit of some paths (builtin/commit.c, prepare_index).
_PARTIAL_INDEX = re.compile(r"next-index-\d+\.lock")


class Change(NamedTuple):
    """A file that the commit changes.

    Attributes:
        state: `A`, `M`, `D` or `T`.
        path: The path, relative to the top.
        before: Its entry at HEAD: the mode, a space and the hash; empty if there is none.
        after: Its entry in the index; empty if there is none.
    """

    state: str
    path: str
    before: str
    after: str


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
        self._index = Path(index).absolute() if index else self.repository.git_dir / "index"
        self._environment["GIT_INDEX_FILE"] = str(self._index)

    def read_changes(self) -> list[Change]:
        """Return the files that are changed in the index.

        Raises:
            GitError: git fails.
        """
        printed = self.repository.query(
            "diff", "--cached", "--raw", "--no-abbrev", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
            "--ignore-submodules=dirty", environment=self._environment,
        )  # fmt: skip
        pieces = printed.split(b"\0")
        changes = []
        for described, path in zip(pieces[::2], pieces[1::2], strict=False):
            mode, new_mode, name, new_name, state = described.decode().removeprefix(":").split(" ")
            before = f"{mode} {name}" if int(mode) else ""
            after = f"{new_mode} {new_name}" if int(new_mode) else ""
            changes.append(Change(state, os.fsdecode(path), before, after))
        return changes

    def is_undone(self, change: Change) -> bool:
        """Return whether a file is as it was before HEAD: an amend may be taking it out of that commit."""
        command = ("ls-tree", "-z", "--full-tree", "HEAD~", "--", change.path)
        printed = run_readonly(self.repository.folder, command, environment=self._environment).stdout
        fields = printed.partition(b"\t")[0].decode().split(" ")
        return len(fields) == 3 and f"{fields[0]} {fields[2]}" == change.after  # noqa: PLR2004 - mode, type, hash

    def leave_out(self, changes: Sequence[Change]) -> bool:
        """Take changes out of the commit that pre-commit checks, and return whether that was possible.

        git makes the commit from the index that it reads again after pre-commit.  `restore_index` then gives the index
        that the commit leaves behind the entries that the user had staged.

        Raises:
            GitError: git fails.
        """
        heads = {change.path: change.before for change in changes}
        next_index = self._find_next_index()
        if not next_index.exists():
            return False
        # git stages what `commit -a`, `commit -p` and `commit FILE...` commit in the lock of the index.
        is_lock = next_index.suffix == ".lock"
        staged = self._read_entries(next_index.with_suffix("") if is_lock else next_index, heads)
        # If git was killed in the middle of an earlier commit, the index still lacks what was staged then.
        earlier, before = read_left_out(self.repository), self._read_entries(self._index, heads)
        staged |= {path: after for path, (present, after) in earlier.items() if staged.get(path) == present}
        try:
            write_left_out(self.repository, earlier | {path: (entry, staged[path]) for path, entry in heads.items()})
            self._write_entries(self._index, heads)
            if next_index != self._index:
                self._write_entries(next_index, heads)
        except (GitError, OSError):
            with suppress(GitError):
                self._write_entries(self._index, before)
            with suppress(OSError):
                write_left_out(self.repository, earlier) if earlier else remove_left_out(self.repository)
            return False
        return True

    def restore_index(self) -> None:
        """Give the index the entries that `leave_out` has taken from it, unless they were changed since.

        Raises:
            GitError: git fails.
        """
        left_out, index = read_left_out(self.repository), self._find_next_index()
        present = self._read_entries(index, left_out)
        staged = {path: after for path, (before, after) in left_out.items() if present[path] == before != after}
        if staged:
            self._write_entries(index, staged)
        remove_left_out(self.repository)

    def _find_next_index(self) -> Path:
        """Return the index that this commit leaves behind: a partial commit is made from another one."""
        is_partial = _PARTIAL_INDEX.fullmatch(self._index.name) is not None
        return self.repository.git_dir / "index.lock" if is_partial else self._index

    def _read_entries(self, index: Path, paths: Iterable[str]) -> dict[str, str]:
        """Return the entry of each path in an index, empty if it has none.

        Raises:
            GitError: git fails.
        """
        entries = dict.fromkeys(paths, "")
        printed = self.repository.query(
            "ls-files", "--stage", "--full-name", "-z", "--", *(f":(top,literal){path}" for path in entries),
            environment={**self._environment, "GIT_INDEX_FILE": os.fspath(index)},
        )  # fmt: skip
        for line in printed.split(b"\0")[:-1]:
            described, _, path = line.partition(b"\t")
            entries[os.fsdecode(path)] = described.decode().rpartition(" ")[0]
        return entries

    def _write_entries(self, index: Path, entries: Mapping[str, str]) -> None:
        """Write the entries of some paths to an index; an empty one removes the path.

        Raises:
            GitError: git fails.
        """
        # git wants any hash for the path that it removes.
        null = "0 " + self.repository.query("rev-parse", "HEAD", environment=self._environment).decode().strip()
        lines = b"".join(os.fsencode(f"{entry or null}\t{path}\0") for path, entry in entries.items())
        environment = {**self._environment, "GIT_INDEX_FILE": os.fspath(index)}
        self.repository.run("update-index", "-z", "--index-info", stdin=lines, environment=environment)

    def read_file(self, path: str) -> bytes | None:
        """Return the content of a file in the index, or None; `path` is relative to the top."""
        command = ("cat-file", "blob", f":0:{path}")
        completed = run_readonly(self.repository.folder, command, environment=self._environment)
        return completed.stdout if completed.returncode == 0 else None

    def is_staged_in_part(self, path: str) -> bool:
        """Return whether a file has unstaged changes in the working tree."""
        command = ("diff", "--no-ext-diff", "--no-textconv", "--quiet", "--", f":(top,literal){path}")
        return run_readonly(self.repository.folder, command, environment=self._environment).returncode == 1

    def read_setting(self, pattern: str) -> str | None:
        """Return the value of the last of git's settings whose name matches a regexp, also from `git -c`, or None."""
        # Our other git commands ignore these variables, because they are of the hook's repository.
        given = {name: value for name, value in os.environ.items() if name.startswith("GIT_CONFIG_")}
        command = ("config", "-z", "--get-regexp", pattern)
        printed = run_readonly(self.repository.folder, command, environment={**given, **self._environment}).stdout
        *_, last = (b"", *printed.split(b"\0")[:-1])
        return last.partition(b"\n")[2].decode("utf-8", "surrogateescape") if last else None

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
