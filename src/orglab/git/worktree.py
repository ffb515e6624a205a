"""What differs between the last commit and the working tree, and commits of some of it.

A commit here is of whole files as they stand in the working tree (`git commit --only`): that is what runs.  What
else the user has staged stays staged.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.repository import Repository
from orglab.lock import held

_IN_PROGRESS = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
# Tells our own hooks that this commit is ours, names what it is about and ticks nothing; the user's hooks run.
_OURS = {"ORGLAB_COMMITTING": "1"}
_LOCK_SECONDS = 60.0
_BUSY_SECONDS = 10.0
_BUSY_PAUSE = 0.05
# Columns before the path in the lines of `git status --porcelain=v2`, which git-status(1) documents.
_FIELDS = {b"1": 8, b"u": 10}


class Changes(NamedTuple):
    """What `git status` says.  Paths are relative to the top of the repository.

    Attributes:
        head: The full hash of HEAD; None before the first commit.
        tracked: Paths that git knows and that differ from HEAD, staged or not.
        untracked: Files that git does not know and does not ignore; a nested repository ends in `/`.
        unmerged: Paths with conflicts.
        submodules: Submodules whose own working trees differ from their commits.
        is_staged: Whether the index differs from HEAD, so that the working tree need not.
    """

    head: str | None
    tracked: tuple[str, ...]
    untracked: tuple[str, ...]
    unmerged: tuple[str, ...]
    submodules: tuple[str, ...]
    is_staged: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether the working tree is what HEAD is."""
        return not (self.tracked or self.untracked or self.unmerged or self.submodules)


class Committed(NamedTuple):
    """The hashes of a commit that was made.

    Attributes:
        full: All of it.
        short: As short as git finds unambiguous.
    """

    full: str
    short: str


def read_changes(repository: Repository, paths: Sequence[str] = (), *, all_files: bool = True) -> Changes:
    """Return what differs between HEAD and the working tree.

    Args:
        repository: The repository.
        paths: Where to look, relative to the top; everywhere if there are none.
        all_files: Whether each file of an untracked folder is listed, not only the folder.

    Raises:
        GitError: git refuses, or is not installed.
    """
    told = repository.at_top.query(
        "-c", "status.relativePaths=false", "status", "--porcelain=v2", "-z", "--branch", "--no-renames",
        "--ignore-submodules=none", f"--untracked-files={'all' if all_files else 'normal'}", "--",
        *literal_pathspecs(paths),
    )  # fmt: skip
    head = None
    is_staged = False
    tracked, untracked, unmerged, submodules = [], [], [], []
    for line in told.split(b"\0"):
        kind = line[:1]
        if line.startswith(b"# branch.oid ") and line != b"# branch.oid (initial)":
            head = line.split(b" ")[2].decode()
        elif kind == b"?":
            untracked.append(os.fsdecode(line[2:]))
        elif kind in _FIELDS:
            fields = line.split(b" ", _FIELDS[kind])
            path = os.fsdecode(fields[-1])
            state, submodule = fields[1], fields[2]
            is_staged = is_staged or state[:1] != b"." or fields[3] == b"000000"  # not in HEAD
            if kind == b"u":
                unmerged.append(path)
                continue
            if submodule.startswith(b"S") and submodule[2:] != b"..":
                submodules.append(path)
            if not submodule.startswith(b"S") or submodule[1:2] == b"C" or state[:1] != b".":
                tracked.append(path)
    return Changes(head, tuple(tracked), tuple(untracked), tuple(unmerged), tuple(submodules), is_staged)


def find_committable(repository: Repository, changes: Changes) -> list[str]:
    """Return those changed paths whose content in the working tree is not that of HEAD: what a commit can take.

    A change that is staged and taken back in the working tree is none, nor is a file that is staged for removal
    while it is still there.
    """
    if changes.head is None:
        return [path for path in changes.tracked if os.path.lexists(repository.top / path)]
    if not (changes.is_staged or changes.unmerged):
        return list(changes.tracked)
    told = repository.at_top.query(
        "diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=dirty", "--name-status", "-z",
        changes.head, "--",
    )  # fmt: skip
    pieces = told.split(b"\0")
    found = []
    for state, name in zip(pieces[::2], pieces[1::2], strict=False):
        path = os.fsdecode(name)
        if state != b"D" or not os.path.lexists(repository.top / path):
            found.append(path)
    return found


def find_operation(repository: Repository) -> str | None:
    """Return what git is in the middle of, such as `a merge`, or None."""
    return next((what for name, what in _IN_PROGRESS.items() if os.path.lexists(repository.git_dir / name)), None)


def has_autostash(repository: Repository) -> bool:
    """Return whether a rebase has put changes away (`rebase.autoStash`), which come back when it is over."""
    return any((repository.git_dir / name / "autostash").exists() for name in ("rebase-merge", "rebase-apply"))


def commit_paths(repository: Repository, message: str, paths: Iterable[str], new: Iterable[str] = ()) -> Committed:
    """Commit some paths as they stand in the working tree, on the user's behalf; return the commit's hashes.

    Afterwards the index holds for these paths what was committed, and for all others what it held.

    Args:
        repository: The repository.
        message: The message.
        paths: The paths, relative to the top.
        new: Those among them that git does not know yet.

    Raises:
        GitError: git or a hook refuses; then nothing is committed, and `new` are as unknown as they were.
    """
    top = repository.at_top
    wanted = b"\0".join(map(os.fsencode, literal_pathspecs(paths)))
    unknown = b"\0".join(map(os.fsencode, literal_pathspecs(new)))
    from_input = ("--pathspec-from-file=-", "--pathspec-file-nul")
    with lock_commits(repository):
        if unknown:
            _run_with_retries(top, "add", "--intent-to-add", *from_input, stdin=unknown)
        # A hook finds the message in a file; standard input is taken by the paths.
        note = repository.own_folder / f"message.{os.getpid()}"
        try:
            note.write_bytes(message.encode("utf-8", "replace"))
            _run_with_retries(
                top, "commit", "--quiet", "--only", "--cleanup=whitespace", f"--file={note.absolute()}",
                *from_input, stdin=wanted,
            )  # fmt: skip
        except GitError:
            if unknown:
                _run_with_retries(top, "reset", "--quiet", *from_input, stdin=unknown)
            raise
        finally:
            note.unlink(missing_ok=True)
        full, short = top.query("log", "-1", "--no-show-signature", "--format=%H %h", "HEAD", "--").decode().split()
        return Committed(full, short)


def literal_pathspecs(paths: Iterable[str]) -> list[str]:
    """Return pathspecs that mean just these paths from the top, whatever characters are in them."""
    return [f":(top,literal){path}" for path in paths]


_alone = threading.local()


def is_writable(repository: Repository) -> bool:
    """Return whether commits can be made: in a sandbox the git directory may be there for reading alone."""
    return all(os.access(folder, os.W_OK | os.X_OK) for folder in (repository.git_dir, repository.common_dir))


@contextmanager
def lock_commits(repository: Repository) -> Iterator[None]:
    """Let no other orglab commit to this working tree meanwhile: git itself would refuse, and not wait.

    Whoever looks at what has changed in order to commit it looks within this, or another commits it in between.
    It may stand within itself.

    Raises:
        GitError: No commit can be made there.
    """
    if not is_writable(repository):
        raise GitError(f"No commit can be made, for {repository.git_dir} cannot be written.")
    folder = repository.own_folder
    folder.mkdir(exist_ok=True)
    target = os.fspath(folder.resolve() / "commit")
    if target in vars(_alone):
        yield
        return
    with held(target, _LOCK_SECONDS):
        setattr(_alone, target, True)
        try:
            yield
        finally:
            delattr(_alone, target)


def _run_with_retries(repository: Repository, *arguments: str, stdin: bytes) -> bytes:
    """Run git for writing; where the user's own git holds the index, try again for some seconds."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return repository.run(*arguments, stdin=stdin, environment=_OURS)
        except GitError as error:
            if not (".lock'" in str(error) and "File exists" in str(error)) or time.monotonic() > deadline:
                raise
        time.sleep(_BUSY_PAUSE)


def short_hash(repository: Repository, full: str) -> str:
    """Return the hash of a commit that git has just named, as short as git finds unambiguous.

    Raises:
        GitError: git refuses, or is not installed.
    """
    return repository.query("rev-parse", "--short", full).decode().strip()


def top_path(repository: Repository, path: Path) -> str | None:
    """Return a path relative to the top of the repository, or None if it is not in it."""
    relative = os.path.relpath(path.parent.resolve() / path.name, repository.top.resolve())
    return None if relative == ".." or relative.startswith(f"..{os.sep}") else relative
