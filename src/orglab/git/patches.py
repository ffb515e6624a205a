"""The changes of commits, as vectors that can be compared and added.

A rewritten commit is found by its changes.  `git patch-id` only shows whether two patches are equal, and its results
for binary files, modes and white space differ between versions of git.  So the patches are read here, with one
`git diff-tree`, into vectors: for each line of each file, how many times it was added, minus how many times it was
removed.  The sum of the vectors of consecutive commits is the vector of their net change, so a squash is found
without running `git diff` for any two commits.
"""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import blake2b

from orglab.git.commit import Commit
from orglab.git.process import stream_output
from orglab.git.repository import FULL_HASH, Repository

_COMMIT = re.compile(FULL_HASH)
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_BLOBS = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)")
# Larger files are treated as binary and compared as a whole: single lines of them say little and take long to read.
_LARGEST = "1m"
_SIZE = 16
_SHORTEST_SIGNIFICANT = 6
_MODE = b"\0mode "
MODULUS = 1 << (8 * _SIZE)

Vector = dict[int, int]


@dataclass(slots=True)
class Patch:
    """The changes of a commit relative to its first parent.

    Attributes:
        paths: The files, with names quoted by git.
        lines: The vector of changed lines; a binary file or a mode counts as a line.
        excluded: The same for the excluded files, if the commit also changes other files.
        digest: Equal for patches that differ only in the positions of their hunks, like `git patch-id --stable`.
        bare: Equal for patches with equal lines, even in different files.
        trivial: The insignificant lines: modes, and lines of a few characters.
    """

    paths: frozenset[bytes] = frozenset()
    lines: Vector = field(default_factory=dict)
    excluded: Vector = field(default_factory=dict)
    digest: int = 0
    bare: int = 0
    trivial: frozenset[int] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether it changes no files."""
        return not self.paths

    @property
    def size(self) -> int:
        """The number of added and removed lines that are not trivial."""
        return sum(abs(count) for key, count in self.lines.items() if key not in self.trivial)


def signature(vector: Vector) -> int:
    """Return a number that identifies a vector; that of a sum of vectors is the sum of theirs modulo `MODULUS`."""
    return sum(key * count for key, count in vector.items()) % MODULUS


def containment(part: Vector, whole: Vector) -> float:
    """Return the share of a vector that is in another one, from 0 to 1."""
    size = sum(map(abs, part.values()))
    return _count_shared(part, whole) / size if size else 0.0


def similarity(first: Vector, second: Vector) -> float:
    """Return the similarity of two vectors, from 0 to 1."""
    size = sum(map(abs, first.values())) + sum(map(abs, second.values()))
    return 2 * _count_shared(first, second) / size if size else 0.0


def _count_shared(first: Vector, second: Vector) -> int:
    """Return the number of lines that both vectors add or both remove."""
    smaller, larger = (first, second) if len(first) < len(second) else (second, first)
    return sum(min(abs(count), abs(larger[key])) for key, count in smaller.items() if larger.get(key, 0) * count > 0)


def read_patches(
    repository: Repository, commits: Iterable[Commit], excluded: AbstractSet[bytes] = frozenset()
) -> dict[str, Patch]:
    """Return the patch of each commit, by its full hash.

    Args:
        repository: The repository.
        commits: The commits; a merge is compared with its first parent.
        excluded: Files to leave out, such as the log, unless a commit changes nothing else.

    Raises:
        GitError: git fails, for example because an object is missing.
    """
    commits = list(commits)
    lines = "".join(f"{' '.join((commit.hash, *commit.parents[:1]))}\n" for commit in commits)
    options = (
        "--stdin", "--root", "-r", "-p", "--full-index", "--no-renames", "--unified=3", "--no-color", "--no-ext-diff",
        "--no-textconv", "--diff-algorithm=myers", "--submodule=short", "--ignore-submodules=none",
        "--src-prefix=a/", "--dst-prefix=b/", "--no-indent-heuristic",
    )  # fmt: skip
    command = ("-c", f"core.bigFileThreshold={_LARGEST}", "-c", "core.quotePath=false", "diff-tree", *options)
    patches = {commit.hash: Patch() for commit in commits}
    for name, files in _parse_commits(stream_output(repository.folder, command, b"\n", lines.encode())):
        patches[name] = _build_patch(files, excluded)
    return patches


@dataclass(slots=True)
class _File:
    """The changes of a commit in one file."""

    path: bytes
    lines: Vector = field(default_factory=dict)
    bare: int = 0
    trivial: set[int] = field(default_factory=set)
    digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=_SIZE))

    def add(self, line: bytes, count: int) -> None:
        """Add a line to the vector."""
        key = int.from_bytes(blake2b(self.path + b"\0" + line, digest_size=_SIZE).digest())
        total = self.lines.get(key, 0) + count
        if total:
            self.lines[key] = total
        else:
            del self.lines[key]
        if len(line.strip()) < _SHORTEST_SIGNIFICANT or line.startswith(_MODE):
            self.trivial.add(key)
        self.bare += hash(line) * count


def _build_patch(files: list[_File], excluded: AbstractSet[bytes]) -> Patch:
    """Return the patch of a commit that changes these files."""
    included = [file for file in files if file.path not in excluded] or files
    others = [file for file in files if file.path in excluded] if len(included) < len(files) else []
    return Patch(
        frozenset(file.path for file in included),
        {key: count for file in included for key, count in file.lines.items()},
        {key: count for file in others for key, count in file.lines.items()},
        sum(int.from_bytes(file.digest.digest()) for file in included) % MODULUS,
        sum(file.bare for file in included),
        frozenset(key for file in included for key in file.trivial),
    )


def _parse_commits(lines: Iterable[bytes]) -> Iterator[tuple[str, list[_File]]]:
    """Yield the full hash of each commit, and its changed files."""
    name = ""
    files: list[_File] = []
    reader = _Hunks()
    for line in lines:
        if reader.read(line):
            continue
        if _COMMIT.fullmatch(line):
            reader.finish()
            if name:
                yield name, files
            name, files = line.decode(), []
        elif line.startswith(b"diff --git "):
            reader.finish()
            files.append(_File(_parse_path(line)))
            reader.file = files[-1]
        elif files:
            reader.read_header(line)
    reader.finish()
    if name:
        yield name, files


def _parse_path(line: bytes) -> bytes:
    """Return the file of a line `diff --git a/F b/F`, in which both names are equal, because renames are off."""
    both = line.removeprefix(b"diff --git ")
    half = both[: (len(both) - 1) // 2]
    return half.removeprefix(b'"').removeprefix(b"a/").removesuffix(b'"') if half[:1] == b'"' else half[2:]


class _Hunks:
    """Reads the hunks of one file after another."""

    def __init__(self) -> None:
        """Start outside a hunk."""
        self.file = _File(b"")
        self.old = self.new = 0
        self.last: tuple[bytes, int] | None = None
        self.is_binary = False
        self.blobs: tuple[bytes, bytes] | None = None

    def read(self, line: bytes) -> bool:
        """Read a line if it is part of a hunk, and return whether it is."""
        if not self.old and not self.new:
            if line[:1] == b"\\":
                # The previous line ends the file without a newline, which makes it a different line.
                self.last = None if self.last is None else (self.last[0] + b"\\", self.last[1])
                return True
            return False
        mark, text = line[:1], line[1:]
        if mark == b"\\":
            self.last = None if self.last is None else (self.last[0] + b"\\", self.last[1])
            return True
        self.flush()
        self.file.digest.update(line + b"\n")
        if mark == b"+":
            self.new -= 1
            self.last = (text, 1)
        elif mark == b"-":
            self.old -= 1
            self.last = (text, -1)
        else:
            self.new -= 1
            self.old -= 1
        return True

    def flush(self) -> None:
        """Add the previous line to the vector."""
        if self.last is not None:
            self.file.add(*self.last)
            self.last = None

    def read_header(self, line: bytes) -> None:
        """Read a line between hunks."""
        if match := _HUNK.match(line):
            self.old, self.new = (1 if count is None else int(count) for count in match.groups())
        elif match := _BLOBS.match(line):
            self.blobs = match.group(1), match.group(2)
        elif line.startswith(b"Binary files "):
            self.is_binary = True
        elif line.startswith((b"old mode ", b"deleted file mode ")):
            self.add_mode(line.rpartition(b" ")[2], -1)
        elif line.startswith((b"new mode ", b"new file mode ")):
            self.add_mode(line.rpartition(b" ")[2], 1)

    def add_mode(self, mode: bytes, count: int) -> None:
        """Add a file's mode to the vector, as a line."""
        self.file.add(_MODE + mode, count)
        self.file.digest.update(b"mode %s %d\n" % (mode, count))

    def finish(self) -> None:
        """Finish a file."""
        self.flush()
        self.file.digest.update(self.file.path)
        if self.is_binary and self.blobs is not None:
            for blob, count in zip(self.blobs, (-1, 1), strict=True):
                if blob.strip(b"0"):
                    self.file.add(b"\0blob " + blob, count)
            self.file.digest.update(b"%s..%s" % self.blobs)
        self.file = _File(b"")
        self.old = self.new = 0
        self.is_binary, self.blobs = False, None
