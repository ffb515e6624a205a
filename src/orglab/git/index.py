"""Index entries that `git status` does not look at: those marked assume-unchanged or skip-worktree.

The index is read here (gitformat-index(5)), because one more git process would make every run slower.
"""

import os
import stat
import struct
from collections.abc import Iterator
from typing import NamedTuple

from orglab.git.repository import Repository

_HEADER = struct.Struct(">4sII")
_STAT = struct.Struct(">10I")
_READABLE = (2, 3)  # other versions compress the paths
_ASSUMED, _EXTENDED, _SKIPPED = 0x80, 0x40, 0x40  # in the first byte of the flags, and of the extended flags
_LONG_NAME = 0xFFF


class Entry(NamedTuple):
    """An entry of the index that `git status` does not compare with the working tree.

    Attributes:
        path: The path, relative to the top.
        mode: The mode, in octal digits.
        hash: The full hash of the content.
        is_skipped: Whether it is marked skip-worktree; then its file may be missing on purpose.
        stamp: The modification time in seconds and nanoseconds, and the size, when the entry was written; or None.
    """

    path: str
    mode: str
    hash: str
    is_skipped: bool
    stamp: tuple[int, int, int] | None = None


def find_hidden_changes(repository: Repository) -> list[Entry]:
    """Return the entries marked assume-unchanged or skip-worktree whose files differ from the index.

    Submodules are left out, and so are skip-worktree files that do not exist, as in a sparse checkout.

    Raises:
        GitError: git fails, or is not installed.
    """
    hidden = _read_hidden(repository)
    suspects = [entry for entry in hidden if _may_differ(repository, entry)]
    return _compare(repository, suspects) if suspects else []


def _read_hidden(repository: Repository) -> list[Entry]:
    """Return the marked entries: from the index itself or, if it has an unusual form, from git."""
    try:
        index = (repository.git_dir / "index").read_bytes()
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
    """Yield the marked entries of an index whose hashes have `width` bytes.

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
        if is_skipped or flags & _ASSUMED:
            fields = _STAT.unpack_from(index, at)
            path = os.fsdecode(index[name : name + length])
            hashed = index[at + _STAT.size : at + flags_at].hex()
            yield Entry(path, f"{fields[6]:o}", hashed, is_skipped, (fields[2], fields[3], fields[9]))
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
    """Yield the marked entries in the output of `git ls-files -v -s -z`."""
    for line in printed.split(b"\0"):
        described, _, path = line.partition(b"\t")
        tag, *fields = described.decode().split(" ")
        if tag.upper() == "S" or tag.islower():
            yield Entry(os.fsdecode(path), fields[0], fields[1], tag.upper() == "S")


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
