"""The differences between two commits, and working trees of single commits."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from orglab.config import find_git_dir
from orglab.errors import GitError, NotFoundError
from orglab.git.files import disable_filters
from orglab.git.process import NO_HOOKS
from orglab.git.repository import FULL_HASH, Repository


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
    return [*submodules, *commits, "--", ":(top)", *(f":(top,literal,exclude){path}" for path in excluded)]


@contextmanager
def _index_with_untracked(repository: Repository, old: str, new: str | None) -> Iterator[dict[str, str]]:
    """Yield an environment in which git compares a commit with the working tree, untracked files of it included.

    git takes a file for removed if it is not in the index, and a snapshot holds such files.
    """
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

    from orglab.git.snapshot import copy_index  # noqa: PLC0415 - it imports this module

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
        excluded: Paths to leave out, relative to the top.

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


class Checkout(NamedTuple):
    """A working tree that is made for a while.

    Attributes:
        repository: The repository.
        place: Its folder, which is empty.
        note: Called with the path of each submodule before that is added, so that all is removed again.
    """

    repository: Repository
    place: Path
    note: Callable[[str], None]


def add_worktree(checkout: Checkout, commit: str) -> None:
    """Add a worktree with a detached HEAD at `commit`.

    Its submodules are added as worktrees of the submodules of this working tree: of those that are submodules here too,
    and are reached through no link.

    Raises:
        GitError: git fails, or is not installed.
    """
    repository, place = checkout.repository, checkout.place
    repository.run("worktree", "add", "--quiet", "--detach", os.fspath(place), commit)
    git_dir = os.fsdecode(Repository(place, place, place).query("rev-parse", "--absolute-git-dir").strip())
    worktree = Repository(place, place, Path(git_dir))
    present = {path for path, _ in _list_submodules(repository.query("ls-files", "-z", "--stage", "--", ":(top)"))}
    for name, head in _list_submodules(worktree.query("ls-tree", "-r", "-z", "--full-tree", "HEAD")):
        if name in present and (module := _find_module(repository, name)) is not None:
            checkout.note(name)
            module.run("worktree", "add", "--quiet", "--detach", os.fspath(place / name), head)


def _list_submodules(printed: bytes) -> Iterator[tuple[str, str]]:
    """Yield the paths and hashes of the submodules in the output of `git ls-tree -z` or `git ls-files -z --stage`."""
    for line in printed.split(b"\0"):
        head, _, name = line.partition(b"\t")
        if head.startswith(b"160000 "):
            yield os.fsdecode(name), next(word.decode() for word in head.split()[1:] if word != b"commit")


def _find_module(repository: Repository, name: str) -> Repository | None:
    """Return the submodule at a path of the working tree; None if there is none, or a link leads to it."""
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts:
        return None
    inner = repository.top
    for part in parts:
        inner = inner / part
        if inner.is_symlink():
            return None
    found = find_git_dir(os.fspath(inner))
    if found is None or Path(found[0]) != inner or (inner / ".git").is_symlink():
        return None
    return Repository(inner, inner, Path(found[1]))


def remove_worktree(repository: Repository, place: Path, modules: Iterable[str]) -> None:
    """Remove a worktree that `add_worktree` added, with all changes in it.

    `git worktree prune` would also drop worktrees of the user that are unavailable, such as on an unplugged disk.

    Args:
        repository: The repository.
        place: The folder.
        modules: The submodules that were added in it.

    Raises:
        GitError: git is not installed.
    """
    import shutil  # noqa: PLC0415 - only one command needs it

    for name in modules:
        if (module := _find_module(repository, name)) is not None:
            _remove(module, place / name)
    _remove(repository, place)
    shutil.rmtree(place, ignore_errors=True)


def _remove(repository: Repository, place: Path) -> None:
    """Remove a worktree and what git knows of it, even where it was only begun."""
    import shutil  # noqa: PLC0415 - the same

    with suppress(GitError):
        repository.run("worktree", "remove", "--force", "--force", os.fspath(place), environment=NO_HOOKS)
    known = os.fsencode(os.path.realpath(place / ".git"))
    with suppress(OSError):
        for folder in (repository.common_dir / "worktrees").iterdir():
            with suppress(OSError):
                link = os.path.realpath((folder / "gitdir").read_bytes().rstrip(b"\n"))
                if link == known and not folder.is_symlink():
                    shutil.rmtree(folder)
