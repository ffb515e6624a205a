"""Tracked files: which contain a text, which are changed, which commits changed them, and where their lines come from.

Paths are relative to the top of the repository, and literal: they are never read as patterns.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.commit import Commit, read_commits
from orglab.git.process import may_have_filters, read_error, run_readonly
from orglab.git.repository import FULL_HASH, Repository

_BLAMED = re.compile(rb"(%b) (\d+) (\d+)(?: \d+)?" % FULL_HASH)
_VERSION = re.compile(rb"(%b) (\d{1,12})\0\n([^\0]+)" % FULL_HASH)
_NOT_IN_FILE = re.compile(rb"no such (?:path|ref)|has only \d+ line|invalid line number|outside repository")
_FILTER = re.compile(rb"filter\..*\.(?:clean|process|required)", re.S)
_OWN_FILE = re.compile(r"\..+\.orglab-(?:lock|[0-9a-f]{12})", re.S)  # see `lock` and `log.file`
_REPOSITORY_SCOPES = (b"local", b"worktree")


class BlamedLine(NamedTuple):
    """The origin of a line of a file.

    Attributes:
        line: Its 1-based number in the blamed file.
        commit: The full hash of the commit that last changed it; None if it is not committed yet.
        path: The path of the file in that commit.
        line_then: The number of the line in that commit.
        before: The full hash of the previous commit and the file's path in it; None if the file begins in `commit`.
    """

    line: int
    commit: str | None
    path: str
    line_then: int
    before: tuple[str, str] | None


class IndexEntry(NamedTuple):
    """What git's index has of a file (index-format(5)).

    Attributes:
        content: Its content.
        inode: The file that git has read it from, or written it to: the lower 32 bits of its inode; 0 if unknown.
        modified: The time at which that file was written, in nanoseconds, or later in the same second.
        stored: The time at which git stored the content last, in nanoseconds; None if unknown.
    """

    content: bytes
    inode: int
    modified: int
    stored: int | None


def path_in(repository: Repository, path: Path) -> str | None:
    """Return a file's path relative to the top of the repository, or None if it is outside.

    Symbolic links are resolved in its folder, but not in its last component.
    """
    name = os.path.relpath(Path(os.path.realpath(path.parent), path.name), os.path.realpath(repository.top))
    return None if name == ".." or name.startswith(f"..{os.sep}") else Path(name).as_posix()


def find_files_containing(repository: Repository, text: str) -> list[str]:
    """Return the tracked text files that contain a text in the working tree, sorted by name.

    Submodules, binary files and missing files are left out.
    """
    listed = repository.at_top.read(
        "grep", "-z", "--files-with-matches", "-I", "--no-textconv", "--no-recurse-submodules", "--no-color",
        "--fixed-strings", "--no-ignore-case", "--full-name", "-e", text, "--",
    )  # fmt: skip
    return [os.fsdecode(name) for name in (listed or b"").split(b"\0") if name]


def is_tracked(repository: Repository, path: str) -> bool:
    """Return whether a file, or any file below a folder, is tracked."""
    return bool(repository.at_top.read("ls-files", "-z", "--", _literal(path)))


def read_index_entry(repository: Repository, path: str) -> IndexEntry | None:
    """Return what git's index has of a file, from the top; None if it has none, or those of a conflict."""
    listed = repository.at_top.read("ls-files", "--stage", "--debug", "--", _literal(path)) or b""
    match = re.search(rb"^100\d{3} ([0-9a-f]+) 0\t.*?\bmtime: (\d+):(\d+).*?\bino: (\d+)", listed, re.S)
    if match is None:
        return None
    blob, (seconds, rest, inode) = match.group(1).decode(), map(int, match.groups()[1:])
    content = next((data for _, data in read_blobs(repository, [blob])), None)
    if content is None:
        return None
    try:
        stored = (repository.common_dir / "objects" / blob[:2] / blob[2:]).stat().st_mtime_ns
    except OSError:
        stored = None  # it is in a pack
    # Some programs write whole seconds only.
    return IndexEntry(content, inode, seconds * 10**9 + (rest or 10**9 - 1), stored)


def list_untracked(repository: Repository) -> list[str]:
    """Return the files and folders that git neither tracks nor ignores; before the first commit, all but ignored ones.

    A folder without tracked files ends in `/`, and stands for the files in it.
    """
    arguments = ["ls-files", "-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory"]
    if repository.head() is None:
        arguments.append("--cached")
    names = [os.fsdecode(name) for name in (repository.at_top.read(*arguments) or b"").split(b"\0") if name]
    return [name for name in names if not is_own_file(name)]


def is_own_file(path: str) -> bool:
    """Return whether a file is the lock of a log, or what a killed orglab left of a new version of one."""
    return _OWN_FILE.fullmatch(path.rpartition("/")[2]) is not None


def is_ignored(repository: Repository, path: str) -> bool:
    """Return whether git ignores an untracked file."""
    return bool(repository.at_top.read("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--",
                                       _literal(path)))  # fmt: skip


def read_commits_of_file(repository: Repository, path: str, *, limit: int | None = None) -> Iterator[Commit]:
    """Yield the commits that changed a file, or files below a folder, newest first; renames of a file are followed.

    Deleted files have commits, too.

    Raises:
        GitError: git fails.
    """
    top = repository.at_top
    options = [f"--max-count={limit}"] if limit is not None else []
    if not (top.top / path).is_dir():
        options.append("--follow")
    return read_commits(top, *options, "HEAD", "--", _literal(path))


class FileVersion(NamedTuple):
    """A version of a file.

    Attributes:
        commit: The full hash of the commit that made it.
        path: The path of the file there.
        authored: The author's date, in seconds since 1970.
    """

    commit: str
    path: str
    authored: int


def follow_file(repository: Repository, path: str, revision: str) -> list[FileVersion]:
    """Return the versions of a file in the history of a commit, newest first; renames are followed.

    A merge is a version of its own if it differs from all its parents.  There are none if the commit does not have the
    file.

    Args:
        repository: The repository.
        path: The file.
        revision: The commit.
    """
    top = repository.at_top
    if top.read("cat-file", "-e", f"{revision}:{path}") is None:
        return []
    printed = top.read(
        "log", "-z", "--follow", "-c", "--name-only", "--format=%H %at", revision, "--", _literal(path)
    )  # fmt: skip
    found = _VERSION.finditer(printed or b"")
    return [FileVersion(one[1].decode(), os.fsdecode(one[3]), int(one[2])) for one in found]


def find_former_paths(repository: Repository, path: str, revision: str = "HEAD") -> set[str]:
    """Return the paths that a file had before it was moved; none if git fails.

    Args:
        repository: The repository.
        path: The file.
        revision: The commit whose history is searched; for HEAD, the index is searched as well.
    """
    top = repository.at_top
    options = ("--name-status", "-z", "-M", "--diff-filter=R")
    staged = top.read("diff", "--cached", *options, "HEAD", "--") if revision == "HEAD" else None
    former = _read_renames(staged, {path})
    for known in (path, *former):
        followed = top.read("log", "--follow", "--format=", *options, revision, "--", _literal(known))
        former |= _read_renames(followed, {known, *former})
    return former


def _read_renames(printed: bytes | None, known: set[str]) -> set[str]:
    """Return the old names of files that now have one of some names, or had it before, newest change first."""
    words = os.fsdecode(printed or b"").replace("\n", "").split("\0")
    former: set[str] = set()
    for _, old, new in zip(words[::3], words[1::3], words[2::3], strict=False):
        if new in known | former:
            former.add(old)
    return former


def blame(repository: Repository, path: str, lines: Iterable[int], revision: str | None = None) -> list[BlamedLine]:
    """Return the origin of lines of a file; nothing if the file is not tracked or one of the lines does not exist.

    Args:
        repository: The repository.
        path: The file.
        lines: The 1-based numbers.
        revision: The full hash of the commit to blame the file in; None for the working tree.

    Raises:
        GitError: git fails, for example because the file in `blame.ignoreRevsFile` does not exist.
    """
    ranges = [option for line in sorted(set(lines)) for option in ("-L", f"{line},{line}")]
    if not ranges:
        return []
    completed = run_readonly(
        repository.top,
        ("blame", "--line-porcelain", "--no-textconv", *ranges,
         *([revision] if revision else []), "--", path),
        environment=disable_filters(repository),
    )  # fmt: skip
    if completed.returncode != 0 and not _NOT_IN_FILE.search(completed.stderr):
        raise GitError(f"git blame failed: {read_error(completed.stderr)}.")
    return [*_parse_blame(completed.stdout)] if completed.returncode == 0 else []


def _parse_blame(printed: bytes) -> Iterator[BlamedLine]:
    """Yield the lines of the output of `git blame --line-porcelain`."""
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
            previous = (before.decode(), _unquote(path)) if before else None
            yield BlamedLine(int(line), commit, _unquote(fields.get(b"filename", b"")), int(then), previous)
            match = None


def _unquote(path: bytes) -> str:
    """Undo git's C-style quoting of paths with a quote, a backslash or a control character."""
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
    """Return the content of a file in a commit, or None if it does not exist there."""
    return repository.at_top.read("cat-file", "blob", f"{commit}:{path}")


def read_blobs(repository: Repository, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the content of each blob, with its hash; those that cannot be read are left out.

    Raises:
        GitError: git is not installed.
    """
    printed = repository.read("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode()) or b""
    at = 0
    while (end := printed.find(b"\n", at)) >= 0:
        name, _, size = printed[at:end].decode("ascii", "replace").partition(" blob ")
        if not size.isdecimal():
            at = end + 1
            continue
        begin, at = end + 1, end + 1 + int(size) + 1
        yield name, printed[begin : at - 1]


class Comparison(NamedTuple):
    """How the files of the working tree compare with HEAD.

    Attributes:
        changed: The tracked files that differ from HEAD, staged or not.
        unknown: Those of which only a filter in the repository's own configuration, which is not run, could tell.
    """

    changed: list[str]
    unknown: list[str]


def compare_with_head(repository: Repository, path: str = ".") -> Comparison:
    """Return which tracked files differ from HEAD; none before the first commit.

    They are compared without the filters in the repository's own configuration, because filters are programs.

    Args:
        repository: The repository.
        path: Only this file, or files below this folder.
    """
    filters = _read_filters(repository)
    completed = run_readonly(
        repository.top,
        ("diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty",
         "HEAD", "--", _literal(path)),
        environment=_replace_filters(filters),
    )  # fmt: skip
    if completed.returncode != 0:
        return Comparison([], [])
    names = [os.fsdecode(name) for name in completed.stdout.split(b"\0") if name]
    unknown = _find_filtered(repository, names, filters)
    return Comparison([name for name in names if name not in unknown], [name for name in names if name in unknown])


def find_changed_files(repository: Repository, path: str = ".") -> list[str]:
    """Return the tracked files that certainly differ from HEAD; see `compare_with_head`."""
    return compare_with_head(repository, path).changed


def find_moved_files(repository: Repository, before: str) -> set[str]:
    """Return the files that a move of HEAD has written or removed: they are as HEAD has them, and differ from before.

    Args:
        repository: The repository.
        before: The full hash of the commit that HEAD was at; nothing if it is there still.
    """
    top = repository.at_top
    head = (top.read("rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()
    if head in ("", before):
        return set()
    differing = top.read("diff-tree", "-r", "-z", "--no-renames", "--name-status", before, head, "--") or b""
    pieces, changed = differing.split(b"\0"), {*chain(*compare_with_head(repository))}
    moved = set()
    for state, name in zip(pieces[::2], pieces[1::2], strict=False):
        path = os.fsdecode(name)
        # What HEAD does not have may have been written since.
        if path not in changed and os.path.lexists(repository.top / path) == (state != b"D"):
            moved.add(path)
    return moved


class _Filters(NamedTuple):
    """The filters in the repository's own configuration.

    Attributes:
        settings: What is set instead, by the name of the setting: the user's own value, or what runs nothing.
        disabled: The names of the filters that would run a program of the repository's own.
    """

    settings: dict[bytes, bytes]
    disabled: frozenset[bytes]


def _read_filters(repository: Repository) -> _Filters:
    if not may_have_filters(os.fspath(repository.git_dir)):
        return _Filters({}, frozenset())
    listed = repository.find("config", "-z", "--show-scope", "--get-regexp", r"^filter\..")
    pieces = listed.split(b"\0")
    own: dict[bytes, bytes] = {}
    of_user: dict[bytes, bytes] = {}
    for scope, entry in zip(pieces[::2], pieces[1::2], strict=False):
        name, _, value = entry.partition(b"\n")
        if _FILTER.fullmatch(name):
            (own if scope in _REPOSITORY_SCOPES else of_user)[name] = value
    off = {name: b"false" if name.endswith(b".required") else b"" for name in own}
    programs = {name.rpartition(b".")[0] for name in own if not name.endswith(b".required")}
    trusted = {name.rpartition(b".")[0] for name in of_user if not name.endswith(b".required")}
    # git prefers `process` to `clean`: of a filter that both name, each is as the user has it.
    settings = {name: of_user.get(name, value) for name, value in off.items()}
    return _Filters(settings, frozenset(name.removeprefix(b"filter.") for name in programs - trusted))


def disable_filters(repository: Repository) -> dict[str, str]:
    """Return an environment in which git runs no filter from the repository's own configuration.

    git filters the files of the working tree before it compares or blames them.  Filters in the user's own
    configuration, such as Git LFS, are trusted, and run even if the repository has others of the same name.
    """
    return _replace_filters(_read_filters(repository))


def _replace_filters(filters: _Filters) -> dict[str, str]:
    environment = {"GIT_CONFIG_COUNT": str(len(filters.settings))} if filters.settings else {}
    for number, (name, value) in enumerate(sorted(filters.settings.items())):
        environment[f"GIT_CONFIG_KEY_{number}"] = os.fsdecode(name)
        environment[f"GIT_CONFIG_VALUE_{number}"] = os.fsdecode(value)
    return environment


def _find_filtered(repository: Repository, names: Collection[str], filters: _Filters) -> set[str]:
    """Return those of some files that a filter of the repository's own would have to read."""
    if not names or not filters.disabled:
        return set()
    stdin = b"".join(os.fsencode(name) + b"\0" for name in names)
    printed = repository.at_top.read("check-attr", "-z", "--stdin", "filter", stdin=stdin) or b""
    pieces = printed.split(b"\0")
    named = zip(pieces[::3], pieces[2::3], strict=False)
    return {os.fsdecode(name) for name, driver in named if driver in filters.disabled}


def _literal(path: str) -> str:
    """Return the pathspec that matches exactly this path."""
    return f":(top,literal){path}" if path != "." else ":(top)"
