"""What git knows of files: which hold a text, which are changed, who wrote their lines, and what became of them.

Paths are relative to the top of the repository, as git has them, and literal: no character in them is a pattern.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.commit import Commit, read_commits
from orglab.git.process import read_error, run_readonly
from orglab.git.repository import FULL_HASH, Repository

_BLAMED = re.compile(rb"(%b) (\d+) (\d+)(?: \d+)?" % FULL_HASH)
_IS_UNKNOWN = re.compile(rb"no such (?:path|ref)|has only \d+ line|invalid line number|outside repository")
_FILTER = re.compile(rb"filter\..*\.(?:clean|process|required)", re.S)
_OF_THE_REPOSITORY = (b"local", b"worktree")


class BlamedLine(NamedTuple):
    """Where a line of a file comes from.

    Attributes:
        line: Its 1-based number in the file that was asked about.
        commit: The full hash of the commit that last changed it; None if that is not committed yet.
        path: What the file was called there.
        line_then: The line's number there.
        before: The full hash of the commit before and the file's path in it; None where the file begins there.
    """

    line: int
    commit: str | None
    path: str
    line_then: int
    before: tuple[str, str] | None


def path_in(repository: Repository, path: Path) -> str | None:
    """Return a file's path relative to the top of the repository, or None if it is not in it.

    Links of its folder are followed; the file itself may be one.
    """
    name = os.path.relpath(Path(os.path.realpath(path.parent), path.name), os.path.realpath(repository.top))
    return None if name == ".." or name.startswith(f"..{os.sep}") else Path(name).as_posix()


def find_files_containing(repository: Repository, text: str) -> list[str]:
    """Return the tracked text files whose content in the working tree holds a text, in the order of their names.

    Submodules are repositories of their own and are left out, as are binary files, and files that are not there.
    """
    found = repository.at_top.read(
        "grep", "-z", "--files-with-matches", "-I", "--no-textconv", "--no-recurse-submodules", "--no-color",
        "--fixed-strings", "--no-ignore-case", "--full-name", "-e", text, "--",
    )  # fmt: skip
    return [os.fsdecode(name) for name in (found or b"").split(b"\0") if name]


def is_tracked(repository: Repository, path: str) -> bool:
    """Return whether git knows a file, or files below a folder."""
    return bool(repository.at_top.read("ls-files", "-z", "--", _literal(path)))


def read_commits_of_file(repository: Repository, path: str, *, limit: int | None = None) -> Iterator[Commit]:
    """Yield the commits that changed a file, or files below a folder, newest first; a file's renames are followed.

    What was deleted has its commits too.

    Raises:
        GitError: git refuses.
    """
    top = repository.at_top
    options = [f"--max-count={limit}"] if limit is not None else []
    if not (top.top / path).is_dir():
        options.append("--follow")
    return read_commits(top, *options, "HEAD", "--", _literal(path))


def blame(repository: Repository, path: str, lines: Iterable[int], revision: str | None = None) -> list[BlamedLine]:
    """Return where lines of a file come from, by one git; nothing if it does not know the file, or a line is not there.

    Args:
        repository: Where.
        path: The file.
        lines: The 1-based numbers.
        revision: The full hash of the commit that has the file; the working tree if None.

    Raises:
        GitError: git refuses, as where `blame.ignoreRevsFile` names a file that is not there.
    """
    wanted = [option for line in sorted(set(lines)) for option in ("-L", f"{line},{line}")]
    if not wanted:
        return []
    done = run_readonly(
        repository.top,
        ("blame", "--line-porcelain", "--no-textconv", *wanted,
         *([revision] if revision else []), "--", path),
        environment=disable_filters(repository),
    )  # fmt: skip
    if done.returncode != 0 and not _IS_UNKNOWN.search(done.stderr):
        raise GitError(f"git blame refused: {read_error(done.stderr)}.")
    return [*_read_blame(done.stdout)] if done.returncode == 0 else []


def _read_blame(printed: bytes) -> Iterator[BlamedLine]:
    """Yield what `git blame --line-porcelain` printed."""
    match = None
    fields: dict[bytes, bytes] = {}
    for text in printed.split(b"\n"):
        if match is None:
            match = _BLAMED.fullmatch(text)
            fields = {}
        elif not text.startswith(b"\t"):
            name, _, value = text.partition(b" ")
            fields[name] = value
        else:
            name, then, line = match.groups()
            commit = None if not name.strip(b"0") else name.decode()
            before, _, path = fields.get(b"previous", b"").partition(b" ")
            known = (before.decode(), _unquoted(path)) if before else None
            yield BlamedLine(int(line), commit, _unquoted(fields.get(b"filename", b"")), int(then), known)
            match = None


def _unquoted(path: bytes) -> str:
    """Return a path as it is; git quotes as C does those with a quote, a backslash or a control character."""
    if not path.startswith(b'"'):
        return os.fsdecode(path)
    names = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
    return os.fsdecode(
        re.sub(
            rb"\\([0-7]{3}|.)",
            lambda match: bytes([int(match[1], 8) & 0xFF]) if len(match[1]) > 1 else names.get(match[1], match[1]),
            path[1:-1],
            flags=re.S,
        )
    )


def read_file_at(repository: Repository, commit: str, path: str) -> bytes | None:
    """Return what a file held in a commit, or None if it was not there."""
    return repository.at_top.read("cat-file", "blob", f"{commit}:{path}")


def find_changed_files(repository: Repository, path: str = ".") -> list[str]:
    """Return the tracked files that differ from HEAD, staged or not; nothing before the first commit.

    They are compared as they are, without the filters that the repository's own settings name, for those are
    programs.

    Args:
        repository: Where.
        path: Only this file, or files below this folder.
    """
    done = run_readonly(
        repository.top,
        ("diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty",
         "HEAD", "--", _literal(path)),
        environment=disable_filters(repository),
    )  # fmt: skip
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name] if done.returncode == 0 else []


def disable_filters(repository: Repository) -> dict[str, str]:
    """Return an environment in which git runs no filter that the settings of the repository itself name.

    What compares or blames the working tree filters it first, as attributes say; those of the user's own
    settings, such as those of Git LFS, are the user's.
    """
    listed = repository.read("config", "-z", "--show-scope", "--name-only", "--get-regexp", r"^filter\..") or b""
    pieces = listed.split(b"\0")
    ours = {name for scope, name in zip(pieces[::2], pieces[1::2], strict=False)
            if scope in _OF_THE_REPOSITORY and _FILTER.fullmatch(name)}  # fmt: skip
    found = {"GIT_CONFIG_COUNT": str(len(ours))} if ours else {}
    for number, name in enumerate(sorted(ours)):
        found[f"GIT_CONFIG_KEY_{number}"] = os.fsdecode(name)
        found[f"GIT_CONFIG_VALUE_{number}"] = "false" if name.endswith(b".required") else ""
    return found


def _literal(path: str) -> str:
    """Return the pathspec that means just this path, whatever characters are in it."""
    return f":(top,literal){path}" if path != "." else ":(top)"
