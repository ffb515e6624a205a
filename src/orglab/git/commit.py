"""Commits as values, read many at a time."""

import datetime
from collections.abc import Iterator
from typing import NamedTuple

from orglab.git.process import stream_output
from orglab.git.repository import Repository

# No name holds a line end, and no message a NUL (git-log(1), "PRETTY FORMATS").
_FORMAT = "--format=%H%n%h%n%P%n%an%n%ae%n%at%n%ct%n%B"
RECORDS = ("log", "-z", "--encoding=UTF-8", "--no-show-signature", "--no-ext-diff", "--no-textconv", _FORMAT)
"""The git command that prints records of commits, a NUL behind each."""
# Which line of a record the message begins with, from 0.
MESSAGE = 7


class Commit(NamedTuple):
    """One commit.

    Attributes:
        hash: Its full hash, 40 or 64 hexadecimal digits.
        short: The same, as short as git finds unambiguous.
        parents: The full hashes of its parents; the first is what it was made on.
        author: Who wrote it.
        email: Their address.
        authored: When, in seconds since 1970; a rebase keeps it.
        committed: When this commit was made of it.
        message: The whole message.
    """

    hash: str
    short: str
    parents: tuple[str, ...]
    author: str
    email: str
    authored: int
    committed: int
    message: str

    @property
    def subject(self) -> str:
        """The first paragraph of the message, in one line, as git has it."""
        return " ".join(self.message.strip("\n").partition("\n\n")[0].split("\n"))

    @property
    def when(self) -> datetime.datetime:
        """When it was written, as local time: the log holds local times."""
        return datetime.datetime.fromtimestamp(self.authored)  # noqa: DTZ006


def read_commits(repository: Repository, *arguments: str, stdin: bytes | None = None) -> Iterator[Commit]:
    """Yield commits, newest first, as `git log` with these arguments lists them.

    Args:
        repository: Where.
        arguments: Options of `git log`, then revisions; text that may begin with a dash behind
            `--end-of-options`, paths behind `--`.
        stdin: Revisions, a line each, if `--stdin` is among the arguments.

    Raises:
        GitError: git refuses.
    """
    return map(parse_commit, read_records(repository, *arguments, stdin=stdin))


def read_records(repository: Repository, *arguments: str, stdin: bytes | None = None) -> Iterator[bytes]:
    """Yield commits as `read_commits` does, each as the record that `parse_commit` reads."""
    return stream_output(repository.folder, (*RECORDS, *arguments), stdin=stdin)


def parse_commit(record: bytes) -> Commit:
    """Return the commit that a record of `git log` in our format is."""
    full, short, parents, author, email, authored, committed, message = record.decode("utf-8", "replace").split(
        "\n", MESSAGE
    )
    return Commit(
        full, short, tuple(parents.split()), author, email, int(authored or 0), int(committed or 0), message
    )  # fmt: skip


def read_commit_time(record: bytes) -> int:
    """Return when the commit of a record was made, in seconds since 1970, without reading the rest."""
    return int(record.split(b"\n", MESSAGE)[MESSAGE - 1] or 0)


def read_commits_by_hash(repository: Repository, revisions: tuple[str, ...]) -> dict[str, Commit]:
    """Return the commits that hashes, short or full, name: those of them that are there.

    One `git` for all of them.
    """
    wanted = "".join(f"{revision}^{{commit}}\n" for revision in revisions)
    known = repository.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=wanted.encode()) or b""
    full = [line.split()[0].decode() if line.endswith(b" commit") else None for line in known.splitlines()]
    asked = sorted({name for name in full if name})
    if not asked:
        return {}
    found = {commit.hash: commit for commit in read_commits(repository, "--no-walk=unsorted", *asked, "--")}
    return {revision: found[name] for revision, name in zip(revisions, full, strict=False) if name and name in found}
