"""The differences between two commits, or a commit and the working tree."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, NotFoundError
from orglab.git.files import disable_filters
from orglab.git.repository import FULL_HASH, Repository
from orglab.git.snapshot import copy_index

_LONGEST_PATH = 4096
_MOST_PATHS = 5000  # that a comparison leaves out
_ROOM = 250_000  # characters of them together


class EntryChange(NamedTuple):
    """A path whose entry in the tree differs between two commits.

    Attributes:
        path: Relative to the top of the repository.
        old: The mode and the hash of the old entry, such as `100644 83d45cd...`; the mode 000000 stands for no entry.
        new: Those of the new one.
    """

    path: str
    old: str
    new: str


class FileChange(NamedTuple):
    """The size of a file's change.

    Attributes:
        path: Relative to the top of the repository.
        added: Number of added lines; None for a binary file.
        removed: Number of removed lines; None for a binary file.
    """

    path: str
    added: int | None
    removed: int | None


def full_hash(repository: Repository, revision: str) -> str:
    """Return the full hash of a revision's commit.

    Raises:
        NotFoundError: The revision is not a commit.
        GitError: git is not installed, or cannot read this repository.
    """
    short = repository.commit(revision)
    return repository.query("rev-parse", "--verify", "--end-of-options", f"{short}^{{commit}}").decode().strip()


def has_commit(repository: Repository, full: str) -> bool:
    """Return whether a commit is in this repository.

    Raises:
        GitError: git is not installed, or cannot read this repository.
    """
    try:
        repository.commit(full)
    except NotFoundError:
        return False
    return True


def compare_in_turn(repository: Repository, commits: Iterable[str]) -> dict[str, list[EntryChange]]:
    """Return the commits that this repository has, in their order, each with its differences from the one before it.

    Submodules and symbolic links are compared as entries; the first commit has no differences.  This takes one git
    process for any number of commits, or three if some are missing.

    Args:
        repository: The repository.
        commits: Full hashes; whatever else is among them is missing.

    Raises:
        GitError: git fails, for example because trees are missing too, or is not installed.
    """
    pattern = re.compile(FULL_HASH.decode())
    names = [name for name in dict.fromkeys(commits) if pattern.fullmatch(name)]
    with suppress(GitError):
        compared = _compare_in_turn(repository, names)
        if len(compared) == len(names):
            return compared
    checked = repository.query(
        "cat-file", "--batch-check=%(objecttype)", stdin="".join(f"{name}\n" for name in names).encode()
    )
    kinds = zip(names, checked.splitlines(), strict=True)
    return _compare_in_turn(repository, [name for name, kind in kinds if kind == b"commit"])


def _compare_in_turn(repository: Repository, commits: Sequence[str]) -> dict[str, list[EntryChange]]:
    compared: dict[str, list[EntryChange]] = {name: [] for name in commits[:1]}
    pairs = "".join(f"{new} {old}\n" for old, new in pairwise(commits))
    printed = repository.at_top.query(
        "diff-tree", "--stdin", "--always", "-r", "-z", "--raw", "--no-abbrev", "--no-renames",
        "--ignore-submodules=none", stdin=pairs.encode(),
    )  # fmt: skip
    pieces = iter(printed.split(b"\0"))
    changes: list[EntryChange] = []
    for piece in pieces:
        if piece.startswith(b":"):
            old_mode, new_mode, old, new, _ = piece[1:].decode().split(" ")
            changes.append(EntryChange(os.fsdecode(next(pieces)), f"{old_mode} {old}", f"{new_mode} {new}"))
        elif piece:
            changes = compared.setdefault(piece.decode(), [])
    return compared


def _diff_arguments(old: str, new: str | None, excluded: tuple[str, ...]) -> list[str]:
    commits = [old] if new is None else [old, new]
    # In a submodule git would run a `git status` or `git diff` of its own, with the filters there.
    submodules = ("--ignore-submodules=dirty", "--submodule=short")
    patterns: list[str] = []
    room = _ROOM
    for path in excluded:
        room -= len(path)
        # What is in a record may be more than a command line takes, and a path that no file has.
        if len(path) <= _LONGEST_PATH and len(patterns) < _MOST_PATHS and room > 0:
            patterns.append(f":(top,literal,exclude){path}")
    return [*submodules, *commits, "--", ":(top)", *patterns]


@contextmanager
def _index_with_untracked(repository: Repository, old: str, new: str | None) -> Iterator[dict[str, str]]:
    """Yield an environment in which git compares a commit with the working tree, untracked files of it included.

    git takes a file for removed if it is not in the index, and a snapshot holds such files.

    Raises:
        GitError: git fails, or one of the commits is not a full hash: in a record, it may be an option of git.
    """
    for name in (old,) if new is None else (old, new):
        if re.fullmatch(FULL_HASH.decode(), name) is None:
            raise GitError(f"{name!r} is not the full hash of a commit.")
    environment = disable_filters(repository)
    if new is not None:
        yield environment
        return
    top = repository.at_top
    printed = top.query("diff-index", "--cached", "--diff-filter=D", "--name-only", "--no-renames", "-z", old, "--")
    names = [name for name in printed.split(b"\0") if name and os.path.lexists(top.top / os.fsdecode(name))]
    if not names:
        yield environment
        return
    import tempfile  # noqa: PLC0415 - takes 10 ms, and few comparisons need it

    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        copy_index(repository.git_dir / "index", index)
        environment |= {"GIT_INDEX_FILE": os.fspath(index)}
        paths = b"".join(b":(top,literal)" + name + b"\0" for name in names)
        top.query("add", "--force", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=paths,
                  environment=environment)  # fmt: skip
        yield environment


def count_changed_lines(
    repository: Repository, old: str, new: str | None = None, excluded: tuple[str, ...] = ()
) -> list[FileChange]:
    """Return the files that differ between a commit and another one, or the working tree.

    Args:
        repository: The repository.
        old: The full hash of the old commit.
        new: The full hash of the new one; None for the working tree.
        excluded: Paths to leave out, relative to the top, as far as a command line has room for them.

    Raises:
        GitError: git fails, or is not installed.
    """
    with _index_with_untracked(repository, old, new) as environment:
        printed = repository.at_top.query(
            "diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--numstat", "-z",
            *_diff_arguments(old, new, excluded), environment=environment,
        )  # fmt: skip
    changes = []
    for line in printed.split(b"\0"):
        added, _, rest = line.partition(b"\t")
        removed, tab, path = rest.partition(b"\t")
        if tab:
            counts = [int(count) if count.isdigit() else None for count in (added, removed)]
            changes.append(FileChange(os.fsdecode(path), counts[0], counts[1]))
    return changes


def read_patch(repository: Repository, old: str, new: str | None = None, excluded: tuple[str, ...] = ()) -> str:
    """Return the patch between a commit and another one, or the working tree.

    Args:
        repository: The repository.
        old: The full hash of the old commit.
        new: The full hash of the new one; None for the working tree.
        excluded: Paths to leave out, relative to the top.

    Raises:
        GitError: git fails, or is not installed.
    """
    with _index_with_untracked(repository, old, new) as environment:
        patch = repository.at_top.query(
            "diff", "--no-ext-diff", "--no-textconv", "--no-color", *_diff_arguments(old, new, excluded),
            environment=environment,
        )  # fmt: skip
    return patch.decode("utf-8", "replace")


def find_ignored_paths(repository: Repository) -> list[str]:
    """Return the ignored files and folders, relative to the top; the content of an ignored folder is not listed.

    Raises:
        GitError: git fails, or is not installed.
    """
    listed = repository.at_top.query("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    return [os.fsdecode(path) for path in listed.split(b"\0") if path]
