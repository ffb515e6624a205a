"""Choose the untracked files that are kept with the code of a run, within limits.

Left out are environments, what looks secret, large files, and, if there are many files, the largest groups of them.
"""

import contextlib
import fnmatch
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from orglab.git.files import is_own_file
from orglab.git.hashed_file import LeftOut, hash_file
from orglab.git.repository import Repository
from orglab.git.worktree import literal_pathspecs

_MOST_HASHED = 32_000_000  # bytes in all, about a tenth of a second
MOST_LOOKED_AT = 20_000  # files in an untracked folder
_MOST_BESIDE = 500  # files and folders beside one that is skipped
ENVIRONMENT_MARKS = frozenset(("pyvenv.cfg", "CACHEDIR.TAG"))
ENVIRONMENT_NAMES = frozenset(("node_modules",))
DERIVED = "__pycache__"  # written by any run of Python; neither kept nor worth a message
_SECRETS = (".env", ".env.*", "*.pem", "*.key", "id_*")


class Budget:
    """What may still be kept.

    Attributes:
        files: The number of files.
        size: The number of bytes, in all.
        file_size: The number of bytes of one file.
    """

    def __init__(self, file_size: int, files: int, size: int) -> None:
        """Allow so many bytes in one file, so many files, and so many bytes in all."""
        self.files = files
        self.size = size
        self.file_size = file_size

    def take(self, count: int, size: int) -> bool:
        """Return whether that much may be kept, and count it if so."""
        if count > self.files or size > self.size:
            return False
        self.files -= count
        self.size -= size
        return True


def list_files(
    repository: Repository, untracked: Iterable[str], skipped: Sequence[str] = ()
) -> tuple[list[str], list[LeftOut]]:
    """Return the files in untracked folders that git does not ignore, without environments and very large folders.

    Args:
        repository: The repository.
        untracked: Untracked files, and folders, which end in `/`.
        skipped: Folders that are not looked into, relative to the top, which end in `/`, too.

    Raises:
        GitError: git fails, or is not installed.
    """
    files: list[str] = []
    folders: list[str] = []
    left_out = []
    paths = dict.fromkeys(untracked)
    for path in chain.from_iterable(_leave_out(repository.top, path, skipped) for path in paths):
        if not path.endswith("/"):
            # What is in an untracked folder may be ignored by git.
            (files if path in paths else folders).append(path)
        elif (reason := _judge_folder(repository.top / path)) is None:
            folders.append(path)
        elif reason != DERIVED:
            left_out.append(LeftOut(path, reason))
    if folders:
        printed = repository.at_top.query(
            "ls-files", "-z", "--others", "--exclude-standard", "--", *literal_pathspecs(folders)
        )
        names = [name for name in map(os.fsdecode, printed.split(b"\0")) if name and not is_own_file(name)]
        inner = {f"{PurePosixPath(name).parent}/" for name in names if PurePosixPath(name).name in ENVIRONMENT_MARKS}
        inner |= {f"{parent}/" for name in names for parent in PurePosixPath(name).parents
                  if parent.name in ENVIRONMENT_NAMES}  # fmt: skip
        left_out += [LeftOut(folder, "environment") for folder in sorted(inner)]
        files += [name for name in names
                  if not name.startswith(tuple(inner)) and f"/{DERIVED}/" not in name]  # fmt: skip
    return files, left_out


def _leave_out(top: Path, path: str, skipped: Sequence[str]) -> Iterator[str]:
    """Yield an untracked path or, if it is a folder that holds some that are skipped, what it has beside them."""
    if path in skipped:
        return
    if not (path.endswith("/") and any(folder.startswith(path) for folder in skipped)):
        yield path
        return
    entries: list[os.DirEntry[str]] = []
    with contextlib.suppress(OSError), os.scandir(top / path) as listing:
        entries += islice(listing, _MOST_BESIDE + 1)
    # Files of another repository are not listed, and git cannot be given any number of names.
    if len(entries) > _MOST_BESIDE or any(entry.name == ".git" for entry in entries):
        yield path
        return
    for entry in entries:
        inner = f"{path}{entry.name}"
        yield from _leave_out(top, f"{inner}/", skipped) if entry.is_dir(follow_symlinks=False) else (inner,)


def choose_files(
    top: Path, files: Iterable[str], budget: Budget, first: Iterable[str] = ()
) -> tuple[list[str], list[LeftOut]]:
    """Return the files to keep, and what is left out.

    Small groups of files of the same kind in the same folder are kept before large ones: code before data.

    Args:
        top: The top of the repository.
        files: The files.
        budget: What may be kept; what is kept is subtracted.
        first: Files to keep before all others, such as the script of the command.
    """
    preferred = frozenset(first)
    left_out = []
    groups: dict[tuple[bool, str, str], list[tuple[str, int]]] = {}
    for path in files:
        pure = PurePosixPath(path)
        try:
            size = (top / path).lstat().st_size
        except OSError:
            size = 0  # a nested repository, or removed meanwhile
        if any(fnmatch.fnmatch(pure.name, pattern) for pattern in _SECRETS) and pure.suffix != ".py":
            left_out.append(LeftOut(path, "secret", size))
        elif size > budget.file_size and not path.endswith("/"):
            left_out.append(LeftOut(path, "large", size))
        else:
            groups.setdefault((path not in preferred, str(pure.parent), pure.suffix), []).append((path, size))
    kept: list[str] = []
    totals = {key: sum(size for _, size in group) for key, group in groups.items()}
    for key, group in sorted(groups.items(), key=lambda item: (item[0][0], len(item[1]), totals[item[0]], item[0])):
        (other, parent, suffix), total = key, totals[key]
        if budget.take(len(group), total) or not other:
            kept += [path for path, _ in group]
        else:
            folder = "" if parent == "." else f"{parent}/"
            name = group[0][0] if len(group) == 1 else f"{folder}*{suffix}"
            left_out.append(LeftOut(name, "limit", total))
    return kept, left_out


def hash_left_out(repository: Repository, left_out: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Return what is left out with the hashes of the files, the smallest first until hashing would take long."""
    rest = _MOST_HASHED
    hashes: dict[str, str] = {}
    left_out = tuple(left_out)
    for one in sorted(left_out, key=lambda one: one.size or 0):
        file = repository.top / one.path
        if one.size is None or one.size > rest or not file.is_file() or file.is_symlink():
            continue
        with contextlib.suppress(OSError):
            hashes[one.path] = hash_file(repository, file)
            rest -= one.size
    return tuple(one._replace(sha256=hashes.get(one.path)) for one in left_out)


def _judge_folder(folder: Path) -> str | None:
    """Return why an untracked folder is left out without looking at each file, or None if it is not."""
    if folder.name == DERIVED:
        return DERIVED
    if folder.name in ENVIRONMENT_NAMES or any((folder / mark).exists() for mark in ENVIRONMENT_MARKS):
        return "environment"
    seen = 0
    for _, folders, names in os.walk(folder):
        if ".git" in folders:
            continue
        if not ENVIRONMENT_MARKS.isdisjoint(names):
            folders.clear()
            continue
        folders[:] = [name for name in folders if name not in ENVIRONMENT_NAMES]
        seen += len(names)
        if seen > MOST_LOOKED_AT:
            return "limit"
    return None
