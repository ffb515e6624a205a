"""What two commits differ in, and a commit's files as a working tree of their own."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, NotFoundError
from orglab.git.files import disable_filters
from orglab.git.repository import Repository


class FileChange(NamedTuple):
    """How much of a file differs.

    Attributes:
        path: Relative to the top of the repository.
        added: Lines that are new; None in a binary file.
        removed: Lines that went; None in a binary file.
    """

    path: str
    added: int | None
    removed: int | None


def full_hash(repository: Repository, revision: str) -> str:
    """Return the full hash of the commit that a revision names.

    Raises:
        NotFoundError: It names none here.
        GitError: git is not installed, or refuses to read this repository.
    """
    short = repository.commit(revision)
    found = repository.query("rev-parse", "--verify", "--end-of-options", f"{short}^{{commit}}")
    return found.decode().strip()


def has_commit(repository: Repository, full: str) -> bool:
    """Return whether a commit is in this repository.

    Raises:
        GitError: git is not installed, or refuses to read this repository.
    """
    try:
        repository.commit(full)
    except NotFoundError:
        return False
    return True


def _between(old: str, new: str | None, apart: tuple[str, ...]) -> list[str]:
    ends = [old] if new is None else [old, new]
    return [*ends, "--", ":(top)", *(f":(top,literal,exclude){path}" for path in apart)]


def count_changed_lines(
    repository: Repository, old: str, new: str | None = None, apart: tuple[str, ...] = ()
) -> list[FileChange]:
    """Return the files that differ between a commit and another, or the working tree if there is none.

    Args:
        repository: The repository.
        old: The full hash of the one.
        new: The full hash of the other, or None.
        apart: Paths to leave out, relative to the top.

    Raises:
        GitError: git refuses, or is not installed.
    """
    told = repository.at_top.query(
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--numstat",
        "-z",
        *_between(old, new, apart),
        environment=disable_filters(repository),
    )
    found = []
    for line in told.split(b"\0"):
        added, _, rest = line.partition(b"\t")
        removed, tab, path = rest.partition(b"\t")
        if tab:
            counts = [int(one) if one.isdigit() else None for one in (added, removed)]
            found.append(FileChange(os.fsdecode(path), counts[0], counts[1]))
    return found


def read_patch(repository: Repository, old: str, new: str | None = None, apart: tuple[str, ...] = ()) -> str:
    """Return the same as a patch.

    Args:
        repository: The repository.
        old: The full hash of the one.
        new: The full hash of the other, or None.
        apart: Paths to leave out, relative to the top.

    Raises:
        GitError: git refuses, or is not installed.
    """
    told = repository.at_top.query(
        "diff", "--no-ext-diff", "--no-textconv", "--no-color", *_between(old, new, apart),
        environment=disable_filters(repository),
    )  # fmt: skip
    return told.decode("utf-8", "replace")


def find_ignored_paths(repository: Repository) -> list[str]:
    """Return the files and folders that git ignores, relative to the top; of a folder only its name.

    Raises:
        GitError: git refuses, or is not installed.
    """
    told = repository.at_top.query("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    return [os.fsdecode(path) for path in told.split(b"\0") if path]


def add_worktree(repository: Repository, place: Path, commit: str) -> Repository:
    """Make a working tree of a commit's files, on no branch, and return its repository.

    Submodules are filled from those of this working tree.

    Raises:
        GitError: git refuses, or is not installed.
    """
    repository.run("worktree", "add", "--quiet", "--detach", os.fspath(place), commit)
    git_dir = os.fsdecode(Repository(place, place, place).query("rev-parse", "--absolute-git-dir").strip())
    made = Repository(place, place, Path(git_dir))
    links = made.query("ls-tree", "-r", "-z", "--full-tree", "HEAD").split(b"\0")
    for line in links:
        if line.startswith(b"160000 "):
            head, _, name = line.partition(b"\t")
            inner = repository.top / os.fsdecode(name)
            if not os.path.lexists(inner / ".git"):
                continue
            module = Repository(inner, inner, inner / ".git")
            module.run(
                "worktree", "add", "--quiet", "--detach", os.fspath(place / os.fsdecode(name)), head.split()[2].decode()
            )
    return made


def remove_worktree(repository: Repository, place: Path) -> None:
    """Remove a working tree that `add_worktree` made, whatever has been written in it, and no other.

    `git worktree prune` would forget those of the user that are not there at the moment, such as on an unplugged disk.

    Raises:
        GitError: git is not installed.
    """
    import shutil  # noqa: PLC0415 - for one command of many

    for line in (repository.read("ls-files", "-z", "--stage") or b"").split(b"\0"):
        name = os.fsdecode(line.partition(b"\t")[2])
        inner = repository.top / name
        if line.startswith(b"160000 ") and os.path.lexists(place / name / ".git"):
            _remove(Repository(inner, inner, inner / ".git"), place / name)
    _remove(repository, place)
    shutil.rmtree(place, ignore_errors=True)


def _remove(repository: Repository, place: Path) -> None:
    with suppress(GitError):  # what git leaves registered, its own cleaning up will find gone
        repository.run("worktree", "remove", "--force", "--force", os.fspath(place))
