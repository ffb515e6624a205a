"""Commits, read many at a time."""

import datetime
import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orglab.git.process import stream_output
from orglab.git.repository import Repository, is_full_hash

# Names contain no line ends, and messages no NUL (git-log(1), "PRETTY FORMATS").
_FORMAT = "--format=%H%n%h%n%P%n%an%n%ae%n%ad%n%ct%n%B"
LOG_COMMAND = (
    "log", "-z", "--encoding=UTF-8", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--date=raw", _FORMAT,
)  # fmt: skip
"""The git command that prints raw commits, each ending in a NUL."""
# Index of the line of a raw commit where the message begins.
MESSAGE = 7
# A commit may claim any time, but not every one is in the calendar, in every time zone: 9999-12-30.
_LATEST = 253402128000


class Commit(NamedTuple):
    """One commit.

    Attributes:
        hash: Its full hash, 40 or 64 hexadecimal digits.
        short: Its short hash, as abbreviated by git.
        parents: The full hashes of its parents.
        author: The author's name.
        email: The author's email address.
        authored: The author date, in seconds since 1970; a rebase keeps it.  One that is not in the calendar is the
            nearest one that is.
        committed: The committer date.
        message: The whole message.
        zone: The author's offset from UTC, such as `+0200`, or an empty string.
    """

    hash: str
    short: str
    parents: tuple[str, ...]
    author: str
    email: str
    authored: int
    committed: int
    message: str
    zone: str = ""

    @property
    def subject(self) -> str:
        """The subject as git defines it: the first paragraph of the message in one line."""
        return " ".join(self.message.strip("\n").partition("\n\n")[0].split("\n"))

    @property
    def when(self) -> datetime.datetime:
        """The author date in local time, as in the log."""
        return datetime.datetime.fromtimestamp(self.authored)  # noqa: DTZ006

    @property
    def when_there(self) -> datetime.datetime:
        """The author date in the author's time zone, as `git log` shows it, and as the author's log has its times."""
        try:
            zone = _read_zone(self.zone)
            return datetime.datetime.fromtimestamp(self.authored, zone).replace(tzinfo=None)
        except ValueError:
            return self.when


@functools.lru_cache(maxsize=64)
def _read_zone(text: str) -> datetime.tzinfo | None:
    """Return the time zone of an offset such as `+0530`.

    Raises:
        ValueError: It is not valid.
    """
    return datetime.datetime.strptime(text, "%z").tzinfo


def read_commits(repository: Repository, *arguments: str, stdin: bytes | None = None) -> Iterator[Commit]:
    """Yield commits, newest first, as `git log` with these arguments lists them.

    Args:
        repository: The repository.
        arguments: Options of `git log`, then revisions; text that may begin with a dash comes after
            `--end-of-options`, paths after `--`.
        stdin: Revisions, one per line, if `--stdin` is among the arguments.

    Raises:
        GitError: git fails.
    """
    return map(parse_commit, read_raw_commits(repository, *arguments, stdin=stdin))


def read_raw_commits(repository: Repository, *arguments: str, stdin: bytes | None = None) -> Iterator[bytes]:
    """Yield commits as `read_commits` does, in the form that `parse_commit` reads."""
    return stream_output(repository.folder, (*LOG_COMMAND, *arguments), stdin=stdin)


def parse_commit(raw: bytes) -> Commit:
    """Parse a commit that `LOG_COMMAND` printed."""
    full, short, parents, author, email, authored, committed, message = raw.decode("utf-8", "replace").split(
        "\n", MESSAGE
    )
    seconds, _, zone = authored.partition(" ")
    return Commit(
        full, short, tuple(parents.split()), author, email, _parse_time(seconds), _parse_time(committed), message, zone
    )  # fmt: skip


def _parse_time(text: str | bytes) -> int:
    """Return a time that git printed, in seconds since 1970, as far as a calendar has it."""
    try:
        return min(max(int(text), 0), _LATEST)
    except ValueError:  # none, or thousands of digits
        return 0


def read_commit_time(raw: bytes) -> int:
    """Return the committer date of a raw commit, in seconds since 1970, without parsing the rest."""
    return _parse_time(raw.split(b"\n", MESSAGE)[MESSAGE - 1])


def read_commits_by_hash(repository: Repository, revisions: tuple[str, ...]) -> dict[str, Commit]:
    """Return commits by short or full hash, without those that do not exist."""
    names = "".join(f"{revision}^{{commit}}\n" for revision in revisions)
    objects = repository.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=names.encode()) or b""
    full = [line.split()[0].decode() if line.endswith(b" commit") else None for line in objects.splitlines()]
    existing = sorted({name for name in full if name})
    if not existing:
        return {}
    commits = {commit.hash: commit for commit in read_commits(repository, "--no-walk=unsorted", *existing, "--")}
    return {
        revision: commits[name] for revision, name in zip(revisions, full, strict=False) if name and name in commits
    }


def find_commit_with(repository: Repository, lines: Iterable[str], since: str | None = None) -> str | None:
    """Return the full hash of the newest commit of HEAD whose message has all of some whole lines, or None.

    Args:
        repository: The repository.
        lines: The lines.
        since: The full hash of a commit that came before it; None if none is known.
    """
    exclude = (f"^{since}",) if is_full_hash(since) else ()
    found = repository.read(
        "log", "-1", "--no-show-signature", "--format=%H", "--basic-regexp", "--all-match",
        *(f"--grep=^{line}$" for line in lines), "HEAD", *exclude, "--",
    )  # fmt: skip
    return (found or b"").decode().strip() or None
