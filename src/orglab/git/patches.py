"""What commits change, in a form that can be compared and added up.

A rewritten commit is found by its changes.  `git patch-id` says whether two patches are equal, and
nothing else; its answers for binary files, modes and white space differ between versions of git.  So the patches are
read here, all by one `git diff-tree`, and each becomes a vector: how often each line of each file is there more, or
less, than before.  Such vectors add up: the sum over a run of commits is the vector of their net change, whatever
happened between, so that a squash is found without asking git for the difference of any two commits.
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
# A line more or less in a larger file says little, and costs much: as a binary file it is compared whole.
_LARGEST = "1m"
_SIZE = 16
_SAYING = 6
_MODE = b"\0mode "
MODULUS = 1 << (8 * _SIZE)

Vector = dict[int, int]


@dataclass(slots=True)
class Patch:
    """What one commit changes against its first parent.

    Attributes:
        paths: The files, as git quotes their names.
        lines: How often each line (of a file) is there more than before; a binary file, and a mode, is a line.
        aside: The same for the files that were asked to be set aside, if the commit changes others too.
        digest: Equal for patches that are equal but for the places of their hunks, as `git patch-id --stable` has it.
        bare: Equal for patches whose lines are equal, in whatever files.
        trivial: Those of the lines that say little: modes, and lines of a few characters.
    """

    paths: frozenset[bytes] = frozenset()
    lines: Vector = field(default_factory=dict)
    aside: Vector = field(default_factory=dict)
    digest: int = 0
    bare: int = 0
    trivial: frozenset[int] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return not self.paths

    @property
    def size(self) -> int:
        """How many lines it adds and takes away, but for trivial ones."""
        return sum(abs(count) for key, count in self.lines.items() if key not in self.trivial)


def signature(vector: Vector) -> int:
    """Return a number that two vectors share only if they are equal; that of a sum is the sum, in `MODULUS`."""
    return sum(key * count for key, count in vector.items()) % MODULUS


def containment(part: Vector, whole: Vector) -> float:
    """Return how much of a vector is in another, from 0 to 1."""
    size = sum(map(abs, part.values()))
    return _shared(part, whole) / size if size else 0.0


def similarity(one: Vector, other: Vector) -> float:
    """Return how alike two vectors are, from 0 to 1."""
    size = sum(map(abs, one.values())) + sum(map(abs, other.values()))
    return 2 * _shared(one, other) / size if size else 0.0


def _shared(one: Vector, other: Vector) -> int:
    """Return how many lines two vectors both add, or both take away."""
    smaller, larger = (one, other) if len(one) < len(other) else (other, one)
    return sum(min(abs(count), abs(larger[key])) for key, count in smaller.items() if larger.get(key, 0) * count > 0)


def read_patches(
    repository: Repository, commits: Iterable[Commit], aside: AbstractSet[bytes] = frozenset()
) -> dict[str, Patch]:
    """Return what each commit changes, by its full hash; one git reads them all.

    Args:
        repository: The repository.
        commits: The commits; a merge is compared with its first parent.
        aside: Files that are no part of what a commit is about, such as the log, unless it changes nothing else.

    Raises:
        GitError: git fails, for an object that is gone for example.
    """
    wanted = list(commits)
    asked = "".join(f"{' '.join((commit.hash, *commit.parents[:1]))}\n" for commit in wanted)
    options = (
        "--stdin", "--root", "-r", "-p", "--full-index", "--no-renames", "--unified=3", "--no-color", "--no-ext-diff",
        "--no-textconv", "--diff-algorithm=myers", "--submodule=short", "--ignore-submodules=none",
        "--src-prefix=a/", "--dst-prefix=b/", "--no-indent-heuristic",
    )  # fmt: skip
    command = ("-c", f"core.bigFileThreshold={_LARGEST}", "-c", "core.quotePath=false", "diff-tree", *options)
    found = {commit.hash: Patch() for commit in wanted}
    for name, files in _by_commit(stream_output(repository.folder, command, b"\n", asked.encode())):
        found[name] = _patch(files, aside)
    return found


@dataclass(slots=True)
class _File:
    """What a commit changes in one file."""

    path: bytes
    lines: Vector = field(default_factory=dict)
    bare: int = 0
    trivial: set[int] = field(default_factory=set)
    digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=_SIZE))

    def add(self, line: bytes, count: int) -> None:
        """Count a line."""
        key = int.from_bytes(blake2b(self.path + b"\0" + line, digest_size=_SIZE).digest())
        total = self.lines.get(key, 0) + count
        if total:
            self.lines[key] = total
        else:
            del self.lines[key]
        if len(line.strip()) < _SAYING or line.startswith(_MODE):
            self.trivial.add(key)
        self.bare += hash(line) * count


def _patch(files: list[_File], aside: AbstractSet[bytes]) -> Patch:
    """Return the patch that files make."""
    about = [file for file in files if file.path not in aside] or files
    others = [file for file in files if file.path in aside] if len(about) < len(files) else []
    return Patch(
        frozenset(file.path for file in about),
        {key: count for file in about for key, count in file.lines.items()},
        {key: count for file in others for key, count in file.lines.items()},
        sum(int.from_bytes(file.digest.digest()) for file in about) % MODULUS,
        sum(file.bare for file in about),
        frozenset(key for file in about for key in file.trivial),
    )


def _by_commit(lines: Iterable[bytes]) -> Iterator[tuple[str, list[_File]]]:
    """Yield each commit's name, and what it changes."""
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
            files.append(_File(_path(line)))
            reader.file = files[-1]
        elif files:
            reader.head(line)
    reader.finish()
    if name:
        yield name, files


def _path(line: bytes) -> bytes:
    """Return the file of a line `diff --git a/F b/F`: without renames, both halves name the same."""
    both = line.removeprefix(b"diff --git ")
    half = both[: (len(both) - 1) // 2]
    return half.removeprefix(b'"').removeprefix(b"a/").removesuffix(b'"') if half[:1] == b'"' else half[2:]


class _Hunks:
    """Reads the hunks of one file after the other."""

    def __init__(self) -> None:
        """Begin outside of a hunk."""
        self.file = _File(b"")
        self.old = self.new = 0
        self.last: tuple[bytes, int] | None = None
        self.is_binary = False
        self.blobs: tuple[bytes, bytes] | None = None

    def read(self, line: bytes) -> bool:
        """Take a line if it is one of a hunk, and return whether it was."""
        if not self.old and not self.new:
            if line[:1] == b"\\":
                # The line before ends the file without a newline, which makes another line of it.
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
        """Count the line before."""
        if self.last is not None:
            self.file.add(*self.last)
            self.last = None

    def head(self, line: bytes) -> None:
        """Take a line between hunks."""
        if match := _HUNK.match(line):
            self.old, self.new = (1 if count is None else int(count) for count in match.groups())
        elif match := _BLOBS.match(line):
            self.blobs = match.group(1), match.group(2)
        elif line.startswith(b"Binary files "):
            self.is_binary = True
        elif line.startswith((b"old mode ", b"deleted file mode ")):
            self.mode(line.rpartition(b" ")[2], -1)
        elif line.startswith((b"new mode ", b"new file mode ")):
            self.mode(line.rpartition(b" ")[2], 1)

    def mode(self, mode: bytes, count: int) -> None:
        """Count a file's mode as a line."""
        self.file.add(_MODE + mode, count)
        self.file.digest.update(b"mode %s %d\n" % (mode, count))

    def finish(self) -> None:
        """End a file."""
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
