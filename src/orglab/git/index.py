"""Index entries that `git status` does not look at: those marked assume-unchanged or skip-worktree.

The index is read here (gitformat-index(5)), because one more git process would make every run slower.
"""

import os
import stat
import struct
from collections.abc import Iterator
from typing import NamedTuple

from orglab.git.private_files import read_regular
from orglab.git.repository import Repository, find_repository
from orglab.git.worktree import read_changes

_HEADER = struct.Struct(">4sII")
_STAT = struct.Struct(">10I")
_READABLE = (2, 3)  # other versions compress the paths
_ASSUMED, _EXTENDED, _SKIPPED = 0x80, 0x40, 0x40  # in the first byte of the flags, and of the extended flags
_LONG_NAME = 0xFFF
_SUBMODULE = "160000"
_TYPE, _SUBMODULE_TYPE = 26, 0xE0  # the byte of an entry with the type, and its value for a submodule


class Entry(NamedTuple):
    """An entry of the index that `git status` does not compare with the working tree, or a submodule.

    Attributes:
        path: The path, relative to the top.
        mode: The mode, in octal digits.
        hash: The full hash of the content.
        is_marked: Whether it is marked assume-unchanged or skip-worktree.
        is_skipped: Whether it is marked skip-worktree; then its file may be missing on purpose.
        stamp: The modification time in seconds and nanoseconds, and the size, when the entry was written; or None.
    """

    path: str
    mode: str
    hash: str
    is_marked: bool
    is_skipped: bool
    stamp: tuple[int, int, int] | None = None


class HiddenChanges(NamedTuple):
    """Changes that `git status` does not show.

    Attributes:
        entries: The entries whose files differ from the index; submodules are not among them.
        submodules: The paths of submodules that have such changes themselves, or are marked and have any changes.
    """

    entries: list[Entry]
    submodules: list[str]


def find_hidden_changes(repository: Repository) -> HiddenChanges:
    """Return the changes of entries that are marked assume-unchanged or skip-worktree, in submodules too.

    Marked skip-worktree files that do not exist are left out, as in a sparse checkout.

    Raises:
        GitError: git fails, or is not installed.
    """
    entries = _read_entries(repository)
    suspects = [entry for entry in entries if entry.is_marked and _may_differ(repository, entry)]
    modules = [entry for entry in entries if entry.mode == _SUBMODULE and _has_hidden_changes(repository, entry)]
    return HiddenChanges(_compare(repository, suspects) if suspects else [], [entry.path for entry in modules])


def _has_hidden_changes(repository: Repository, entry: Entry) -> bool:
    """Return whether a submodule has changes that `git status` does not show."""
    folder = repository.top / entry.path
    if not os.path.lexists(folder / ".git"):
        return False
    inner = find_repository(folder)
    if inner is None or inner.top != folder:
        return False
    if entry.is_marked:
        changes = read_changes(inner)
        if not changes.is_clean or changes.head != entry.hash:
            return True
    hidden = find_hidden_changes(inner)
    return bool(hidden.entries or hidden.submodules)


def _read_entries(repository: Repository) -> list[Entry]:
    """Return the marked entries and the submodules: from the index itself or, if it has an unusual form, from git."""
    try:
        index = read_regular(repository.git_dir / "index", None, follow=True)
    except OSError:
        return []
    for width in (20, 32):  # of SHA-1 and SHA-256
        try:
            return [*_parse(index, width)]
        except (ValueError, IndexError, struct.error):
            continue
    printed = repository.at_top.query("ls-files", "-v", "-s", "-z")
    return [*_parse_listing(printed)]


def _parse(index: bytes, width: int) -> Iterator[Entry]:
    """Yield the marked entries and the submodules of an index whose hashes have `width` bytes.

    Raises:
        ValueError: It has another form; or IndexError or struct.error.
    """
    signature, version, count = _HEADER.unpack_from(index)
    if signature != b"DIRC" or version not in _READABLE:
        raise ValueError(version)
    end = len(index) - width
    at = _HEADER.size
    flags_at = _STAT.size + width
    for _ in range(count):
        flags = index[at + flags_at]
        length = (flags & 0x0F) << 8 | index[at + flags_at + 1]
        name = at + flags_at + 2
        is_skipped = False
        if flags & _EXTENDED:
            is_skipped = bool(index[name] & _SKIPPED)
            name += 2
        if length == _LONG_NAME:
            length = index.index(b"\0", name) - name
        is_marked = is_skipped or bool(flags & _ASSUMED)
        if is_marked or index[at + _TYPE] == _SUBMODULE_TYPE:
            fields = _STAT.unpack_from(index, at)
            path = os.fsdecode(index[name : name + length])
            hashed = index[at + _STAT.size : at + flags_at].hex()
            yield Entry(path, f"{fields[6]:o}", hashed, is_marked, is_skipped, (fields[2], fields[3], fields[9]))
        at += (name + length - at + 8) & ~7
        if index[at - 1] != 0 or at > end:
            raise ValueError(at)
    while at < end:
        # An extension; `link` means that most entries are in another file.
        if index[at : at + 4] == b"link":
            raise ValueError(at)
        at += 8 + int.from_bytes(index[at + 4 : at + 8])
    if at != end:
        raise ValueError(at)


def _parse_listing(printed: bytes) -> Iterator[Entry]:
    """Yield the marked entries and the submodules in the output of `git ls-files -v -s -z`."""
    for line in printed.split(b"\0"):
        described, _, path = line.partition(b"\t")
        tag, *fields = described.decode().split(" ")
        is_marked = tag.upper() == "S" or tag.islower()
        if is_marked or fields[:1] == [_SUBMODULE]:
            yield Entry(os.fsdecode(path), fields[0], fields[1], is_marked, tag.upper() == "S")


def _may_differ(repository: Repository, entry: Entry) -> bool:
    """Return whether the file of an entry has to be read to know whether it differs."""
    if entry.mode not in ("100644", "100755", "120000"):
        return False
    try:
        status = (repository.top / entry.path).lstat()
    except OSError:
        return not entry.is_skipped
    seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
    return entry.stamp != (seconds & 0xFFFFFFFF, nanoseconds, status.st_size & 0xFFFFFFFF)


def _compare(repository: Repository, entries: list[Entry]) -> list[Entry]:
    """Return the entries whose files differ; git's filters apply, as in a commit."""
    changed, files = [], []
    for entry in entries:
        file = repository.top / entry.path
        try:
            mode = file.lstat().st_mode
        except OSError:
            changed.append(entry)
            continue
        if stat.S_ISREG(mode) and entry.mode != "120000" and os.access(file, os.R_OK):
            files.append(entry)
        elif (
            not stat.S_ISLNK(mode)
            or entry.mode != "120000"
            or _hash_link(os.fspath(file.readlink()), entry) != entry.hash
        ):
            changed.append(entry)
    if files:
        names = "".join(f"{entry.path}\n" for entry in files if "\n" not in entry.path)
        hashes = repository.at_top.run("hash-object", "--stdin-paths", stdin=os.fsencode(names)).decode().split()
        known = dict(zip(names.split("\n"), hashes, strict=False))
        changed += [entry for entry in files if known.get(entry.path) != entry.hash]
    return sorted(changed)


def _hash_link(target: str, entry: Entry) -> str:
    """Return the hash of a symbolic link, as git computes it."""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and few indexes have such entries

    content = os.fsencode(target)
    algorithm = "sha1" if len(entry.hash) == 40 else "sha256"  # noqa: PLR2004 - hexadecimal digits of SHA-1
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content).hexdigest()
