"""The changes of a commit, path by path: merged with those of another commit, and written to the working tree.

Files that both have changed are merged by `git merge-file`.  So no merge driver of the repository runs, any git will
do, and nothing is written before it is known that all of it can be.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from orglab.errors import GitError, NotFoundError
from orglab.git.files import read_blobs
from orglab.git.kept_files import restore_files
from orglab.git.process import NO_HOOKS, run_readonly
from orglab.git.repository import Repository
from orglab.git.scratch import scratch_folder
from orglab.git.snapshot import PLAIN_INDEX
from orglab.git.trees import EntryChange, compare_in_turn
from orglab.git.worktree import literal_pathspecs

_NOTHING = "000000 "
_UNKNOWN = "unknown"
_REGULAR = ("100644", "100755")
_LINK = "120000"


class MergedChanges(NamedTuple):
    """What changes make of another commit.  Entries are as in `EntryChange`.

    Attributes:
        before: The entries of the paths in that commit; those that stay as they are, are left out.
        after: Those that the paths get.
        conflicts: The paths that both have changed, in ways that exclude each other, and submodules.
    """

    before: dict[str, str]
    after: dict[str, str]
    conflicts: list[str]


def compare_commits(repository: Repository, old: str, new: str) -> list[EntryChange]:
    """Return the paths whose entries differ between two commits.

    Args:
        repository: The repository.
        old: The full hash of the one.
        new: The full hash of the other.

    Raises:
        NotFoundError: One of them is not in this repository.
        GitError: git fails.
    """
    if old == new:
        return []
    compared = compare_in_turn(repository, [old, new])
    if new not in compared or old not in compared:
        raise NotFoundError(f"The commit {old if old not in compared else new} is not in this repository.")
    return compared[new]


def merge_changes(
    repository: Repository, base: str, theirs: str, ours: str, is_left_out: Callable[[EntryChange], bool]
) -> MergedChanges:
    """Return what the changes from one commit to another make of a third.

    Args:
        repository: The repository.
        base: The full hash of the commit that both come from.
        theirs: The full hash of the commit with the changes.
        ours: The full hash of the commit that gets them.
        is_left_out: Returns whether a change is not wanted.

    Raises:
        NotFoundError: A commit is not in this repository.
        GitError: git fails.
    """
    merged = MergedChanges({}, {}, [])
    here = {change.path: change.new for change in compare_commits(repository, base, ours)}
    files = {path for path, entry in here.items() if _is_there(entry)}
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    for change in compare_commits(repository, base, theirs):
        path, old, new = change
        now = here.get(path, old)
        if now == new or is_left_out(change):
            continue
        is_in_the_way = path in folders or any(str(parent) in files for parent in PurePosixPath(path).parents)
        after = new if now == old else _merge_entries(repository, old, now, new)
        if after is None or (_is_there(new) and is_in_the_way) or any(one.startswith("160000") for one in (old, new)):
            merged.conflicts.append(path)
        else:
            merged.before[path], merged.after[path] = now, after
    return merged


def _is_there(entry: str) -> bool:
    return not entry.startswith(_NOTHING)


def _merge_entries(repository: Repository, old: str, ours: str, theirs: str) -> str | None:
    """Return the entry of a regular file that was changed in two ways; None if they exclude each other."""
    modes, blobs = zip(*(entry.split(" ") for entry in (ours, old, theirs)), strict=True)
    if not all(mode in _REGULAR for mode in modes):
        return None
    mode = modes[2] if modes[2] != modes[1] else modes[0]
    if blobs[2] in (blobs[0], blobs[1]):
        return f"{mode} {blobs[0]}"
    content = dict(read_blobs(repository, dict.fromkeys(blobs)))
    if not content.keys() >= {*blobs}:
        return None  # a partial clone does not have them all
    with scratch_folder(repository) as folder:
        names = [os.fspath((folder / name).absolute()) for name in ("ours", "base", "theirs")]
        for name, blob in zip(("ours", "base", "theirs"), blobs, strict=True):
            (folder / name).write_bytes(content[blob])
        done = run_readonly(repository.top, ("merge-file", "--quiet", "--stdout", *names))
    if done.returncode != 0:
        return None
    return f"{mode} {repository.run('hash-object', '-w', '--stdin', stdin=done.stdout).decode().strip()}"


def build_tree(repository: Repository, revision: str, entries: Mapping[str, str]) -> str:
    """Write the tree of a commit with other entries at some paths, and return its hash.

    Raises:
        GitError: git fails.
    """
    top = repository.at_top
    with scratch_folder(top) as folder:
        environment = {"GIT_INDEX_FILE": os.fspath((folder / "index").absolute())}
        top.run(*PLAIN_INDEX, "read-tree", revision, environment=environment)
        # What is removed comes first, as a file may take the place of a folder.
        ordered = sorted(entries.items(), key=lambda item: _is_there(item[1]))
        lines = b"".join(os.fsencode(f"{entry}\t{path}\0") for path, entry in ordered)
        top.run(*PLAIN_INDEX, "update-index", "-z", "--index-info", stdin=lines, environment=environment)
        return top.run(*PLAIN_INDEX, "write-tree", environment=environment).decode().strip()


def find_other_files(repository: Repository, known: Mapping[str, Collection[str]]) -> list[str]:
    """Return the paths where the working tree has none of the known entries; whether a file can be run is not compared.

    Args:
        repository: The repository.
        known: The known entries of each path.

    Raises:
        GitError: git fails.
    """
    now = read_files(repository, known)
    return [path for path, entries in known.items() if now[path] not in map(_without_mode, entries)]


def _without_mode(entry: str) -> str:
    """Return an entry that is the same for a file that can be run and one that cannot."""
    if not _is_there(entry):
        return ""
    return entry.replace("100755 ", "100644 ", 1)


def read_files(repository: Repository, paths: Iterable[str]) -> dict[str, str]:
    """Return what the working tree has at some paths: an entry, as of a file that cannot be run, or nothing.

    Raises:
        GitError: git fails.
    """
    top = os.path.realpath(repository.top)
    entries, files = {}, []
    for path in paths:
        file = repository.top / path
        entries[path] = _UNKNOWN
        try:
            mode = file.lstat().st_mode
        except OSError:
            entries[path] = ""
            continue
        if os.path.realpath(file.parent) != os.path.normpath(top / PurePosixPath(path).parent):
            continue  # behind a link
        if stat.S_ISREG(mode) and "\n" not in path:
            files.append(path)
        elif stat.S_ISLNK(mode):
            target = os.fsencode(file.readlink())
            entries[path] = f"{_LINK} {repository.query('hash-object', '--stdin', stdin=target).decode().strip()}"
    names = b"".join(os.fsencode(path) + b"\n" for path in files)
    # As in a commit, the filters of git apply.
    hashes = repository.at_top.run("hash-object", "--stdin-paths", stdin=names).decode().split() if files else []
    return entries | {path: f"100644 {name}" for path, name in zip(files, hashes, strict=True)}


def write_files(repository: Repository, revision: str, entries: Mapping[str, str]) -> None:
    """Write the files of a commit or a tree to the working tree, and remove those that it does not have.

    Args:
        repository: The repository.
        revision: The commit or the tree.
        entries: The entries that it has at the paths to write.

    Raises:
        GitError: git fails, or a file cannot be removed.
    """
    for path in (path for path, entry in entries.items() if not _is_there(entry)):
        file = repository.top / path
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise GitError(f"{path} cannot be removed: {error.strerror}.") from error
        with contextlib.suppress(OSError):
            for parent in file.parents:
                if parent == repository.top:
                    break
                parent.rmdir()
    if there := [path for path, entry in entries.items() if _is_there(entry)]:
        restore_files(repository, revision, there)


def unstage(repository: Repository, paths: Sequence[str]) -> None:
    """Make the index have some paths as HEAD has them.

    Raises:
        GitError: git fails.
    """
    names = b"\0".join(map(os.fsencode, literal_pathspecs(paths)))
    repository.at_top.run(
        "reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names, environment=NO_HOOKS
    )
