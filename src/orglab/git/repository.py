"""A repository: its folders, its commits by revision, and the files on its branches."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

from orglab.config import CLONE_FOLDER, find_common_dir, find_git_dir
from orglab.errors import GitError, NotFoundError
from orglab.git.private_files import PrivateFolder, find_real_folder, is_real_folder, read_regular
from orglab.git.process import read_error, run_as_user, run_readonly

FULL_HASH = rb"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_SHORT_HASH = rb"[0-9a-f]{7,64}"
_LONGEST = 1 << 16  # no file with a path is longer


def is_full_hash(value: object) -> TypeGuard[str]:
    """Return whether a value is the full hash of an object, as git writes it."""
    return isinstance(value, str) and value.isascii() and re.fullmatch(FULL_HASH, value.encode()) is not None


class Repository:
    """The git repository that a folder is in."""

    def __init__(self, folder: Path, top: Path, git_dir: Path) -> None:
        """Describe the repository of `folder`; use `find_repository` to find it."""
        self.folder = folder
        self.top = top
        self.git_dir = git_dir

    @property
    def at_top(self) -> "Repository":
        """The same repository, with git running in its top folder."""
        return Repository(self.top, self.top, self.git_dir)

    def read(self, *arguments: str, stdin: bytes = b"") -> bytes | None:
        """Return the output of a read-only git command, or None if it fails.

        Raises:
            GitError: git is not installed.
        """
        completed = run_readonly(self.folder, arguments, stdin)
        return completed.stdout if completed.returncode == 0 else None

    def query(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Return the output of a read-only git command.

        Raises:
            GitError: git fails, or is not installed.
        """
        completed = run_readonly(self.folder, arguments, stdin, environment)
        if completed.returncode != 0:
            raise GitError(f"git {arguments[0]} failed: {read_error(completed.stderr)}.")
        return completed.stdout

    def find(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Return the output of a read-only git command that exits with 1 if it finds nothing.

        Raises:
            GitError: git fails otherwise, or is not installed.
        """
        completed = run_readonly(self.folder, arguments, stdin)
        if completed.returncode not in (0, 1):
            raise GitError(f"git {arguments[0]} failed: {read_error(completed.stderr)}.")
        return completed.stdout

    def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Run a git command as the user would, and return its output.

        Raises:
            GitError: git or one of the user's hooks fails, or git is not installed.
        """
        completed = run_as_user(self.folder, arguments, stdin, environment)
        if completed.returncode != 0:
            raise GitError(f"git {arguments[0]} failed: {read_error(completed.stderr)}.")
        return completed.stdout

    @cached_property
    def common_dir(self) -> Path:
        """The git directory that all worktrees share, with the refs, the objects and the configuration."""
        return Path(find_common_dir(os.fspath(self.git_dir)))

    @property
    def own_folder(self) -> Path:
        """The folder of orglab's files for this worktree, in its git directory; it may not exist.

        If it is a link, this is a path below which there are no files, and none can be written.
        """
        return find_real_folder(self.git_dir / CLONE_FOLDER)

    @property
    def own_files(self) -> PrivateFolder:
        """The files in `own_folder`."""
        return PrivateFolder(self.git_dir, CLONE_FOLDER)

    @property
    def shared_folder(self) -> Path:
        """The folder of orglab's files for all worktrees; it may not exist, or be a link, like `own_folder`."""
        return find_real_folder(self.common_dir / CLONE_FOLDER)

    @property
    def shared_files(self) -> PrivateFolder:
        """The files in `shared_folder`."""
        return PrivateFolder(self.common_dir, CLONE_FOLDER)

    def head(self) -> str | None:
        """Return the short hash of HEAD, or None before the first commit.

        Raises:
            GitError: git is not installed, or cannot read this repository.
        """
        short = self._abbreviate("HEAD")
        if short is None:
            completed = run_readonly(self.folder, ("rev-parse", "--git-dir"))
            if completed.returncode != 0:
                raise GitError(f"git cannot read {self.top}: {read_error(completed.stderr)}.")
        return short

    def commit(self, revision: str) -> str:
        """Return the short hash of a commit.

        Raises:
            NotFoundError: `revision` is not a commit.
            GitError: git is not installed, or cannot read this repository.
        """
        short = self._find_short(revision)
        if short is None:
            self.head()
            raise NotFoundError(f"Unknown commit {revision!r} in {self.top}; see `git log`.")
        return short

    def _find_short(self, revision: str) -> str | None:
        if "\0" in revision:
            return None
        full = self.read("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        if full is None or not re.fullmatch(FULL_HASH, full.strip()):
            return None
        # Two steps: `:/text^{commit}` would search for that literal text.
        return self._abbreviate(full.strip().decode())

    def _abbreviate(self, name: str) -> str | None:
        """Return the short hash of HEAD or of a full hash, or None if it is not a commit."""
        short = self.read("rev-parse", "--verify", "--quiet", "--short", f"{name}^{{commit}}")
        return short.strip().decode() if short and re.fullmatch(_SHORT_HASH, short.strip()) else None


def is_installed() -> bool:
    """Return whether git is on the PATH."""
    return find_program() is not None


def find_program() -> str | None:
    """Return the path of git, or None; `shutil.which` would do the same, but `shutil` imports archive modules."""
    paths = (f"{folder}/git" for folder in os.get_exec_path())
    return next((path for path in paths if os.access(path, os.X_OK) and Path(path).is_file()), None)


def find_repository(folder: Path) -> Repository | None:
    """Return the repository that `folder` is in, or None.

    It is found as git does, by a `.git` that is a folder, or a file that
    names one (in a worktree or submodule); asking git takes 5 ms.
    """
    paths = find_git_dir(os.fspath(folder.absolute()))
    return None if paths is None else Repository(folder.absolute(), *map(Path, paths))


def list_worktrees(repository: Repository) -> Iterator[tuple[Path, Path]]:
    """Yield the top and the git directory of each worktree of a repository, that of `repository` first.

    Every command calls this, so it reads the files of gitrepository-layout(5) and starts no git process.
    """
    yield repository.top, repository.git_dir
    common = repository.common_dir
    if common != repository.git_dir and common.name == ".git":
        yield common.parent, common
    with suppress(OSError):
        for name in os.listdir(common / "worktrees"):  # noqa: PTH208 - names are wanted
            git_dir = common / "worktrees" / name
            top = _find_worktree(git_dir)
            if top is not None and not git_dir.samefile(repository.git_dir):
                yield top, git_dir


def _find_worktree(git_dir: Path) -> Path | None:
    """Return the top of the worktree that a git directory names, if its `.git` names that git directory; else None.

    Without that check, an archive could name any folder of the user.
    """
    try:
        if not is_real_folder(git_dir):
            return None
        link = git_dir / os.fsdecode(read_regular(git_dir / "gitdir", _LONGEST).rstrip(b"\n"))
        named = read_regular(link, _LONGEST)
        back = link.parent / os.fsdecode(named.removeprefix(b"gitdir: ").rstrip(b"\r\n"))
        is_own = link.name == ".git" and named.startswith(b"gitdir: ") and back.samefile(git_dir)
    except (OSError, ValueError):
        return None
    return link.parent if is_own else None
