"""What git knows of an experiment, as the index keeps it: the commits that its steps record, and those that name it.

It is kept with what the repository looked like, and believed as long as that looks the same.
"""

from __future__ import annotations

import datetime
import json
import os
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orglab.experiment.model import Experiment, Step
    from orglab.git.commit import Commit
    from orglab.git.mentions import Mention
    from orglab.runs.record import Run

KIND = "known-1"
"""Under which it is kept."""


def look_at_git(git_dir: str) -> str:
    """Return what changes when a branch, HEAD or what there is of commits does: files are read, git is not run.

    Raises:
        OSError: It cannot be told.
    """
    common = _common_dir(git_dir)
    pieces = [_read(os.path.join(git_dir, "HEAD"))]
    # Refs in a table of their own are listed in one file, which each change replaces.
    pieces += [
        _read(os.path.join(common, *name)) for name in (("packed-refs",), ("shallow",), ("reftable", "tables.list"))
    ]
    for name in ("heads", "remotes", "replace"):
        pieces += _read_refs(os.path.join(common, "refs", name))
    for folder in ("objects", os.path.join("objects", "pack")):
        pieces.append(str(os.stat(os.path.join(common, folder)).st_mtime_ns).encode())
    pieces.append(os.fsencode(_find_git() or ""))
    text = b"\0".join(pieces)
    return f"{len(text)}-{zlib.crc32(text):08x}-{zlib.adler32(text):08x}"


def _common_dir(git_dir: str) -> str:
    """Return the git directory that all worktrees share."""
    named = _read(os.path.join(git_dir, "commondir"))
    return os.path.join(git_dir, os.fsdecode(named.strip())) if named else git_dir


def _read_refs(folder: str) -> Iterator[bytes]:
    """Yield the names of loose refs and what they hold."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _read_refs(entry.path)
        else:
            yield os.fsencode(entry.path)
            yield _read(entry.path)


def _read(path: str) -> bytes:
    """Return what a file holds; nothing if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def _find_git() -> str | None:
    """Return the git on the PATH: without one, nothing is known."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    paths = (os.path.join(folder, "git") for folder in folders)
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def known_key(experiment: Experiment) -> bytes:
    """Return what it is kept under: all of the experiment that decides it, its names and the hashes of its steps."""
    hashes = (name for step in experiment.steps for name in step.commits)
    return "\0".join((experiment.ref, experiment.properties.get("ALIASES", ""), *hashes)).encode("utf-8", "replace")


def known_text(look: str, commits: Mapping[str, Commit], mentions: tuple[Mention, ...]) -> bytes:
    """Return the commits that are recorded, and those that name an experiment, as JSON."""
    form = {
        "look": look,
        "commits": {name: _fields(commit) for name, commit in commits.items()},
        "mentions": [
            [_fields(mention.commit), [[one.id, one.step] for one in mention.references]] for mention in mentions
        ],
    }
    return json.dumps(form).encode()


def _fields(commit: Commit) -> list[str | int]:
    return [commit.hash, commit.short, commit.author, commit.authored, commit.subject]


class KnownCommit:
    """A commit; what pages and JSON ask of a Commit.

    Attributes:
        hash: Its full hash.
        short: The same, short.
        author: Who wrote it.
        authored: When, in seconds since 1970.
        subject: The first paragraph of its message.
    """

    __slots__ = ("author", "authored", "hash", "short", "subject")

    def __init__(self, full: str, short: str, author: str, authored: int, subject: str) -> None:
        """Stand for the commit that has these."""
        self.hash = full
        self.short = short
        self.author = author
        self.authored = authored
        self.subject = subject

    @property
    def when(self) -> datetime.datetime:
        """When it was written, as local time."""
        return datetime.datetime.fromtimestamp(self.authored)  # noqa: DTZ006 - the log holds local times


class KnownReference:
    """What a commit names; what pages and JSON ask of a Reference.

    Attributes:
        id: The experiment's id.
        step: The step's number, or None.
    """

    __slots__ = ("id", "step")

    def __init__(self, name: str, step: int | None) -> None:
        """Stand for a reference."""
        self.id = name
        self.step = step

    def spell(self, letter: str) -> str:
        """Return it as the log's users write it."""
        return letter + self.id + (f".{self.step}" if self.step is not None else "")


class KnownMention:
    """A commit that names an experiment; what pages and JSON ask of a Mention.

    Attributes:
        hash: Its full hash.
        commit: The commit.
        references: What it names.
    """

    __slots__ = ("commit", "hash", "references")

    def __init__(self, commit: KnownCommit, references: tuple[KnownReference, ...]) -> None:
        """Stand for a mention."""
        self.hash = commit.hash
        self.commit = commit
        self.references = references


def read_known(content: bytes, look: str) -> tuple[dict[str, Commit], tuple[Mention, ...]] | None:
    """Return the commits that are recorded, by their hashes, and those that name an experiment.

    Args:
        content: What `known_text` gave.
        look: What the repository looks like now; if it looked otherwise then, there is no answer.
    """
    form = json.loads(content)
    if form["look"] != look:
        return None
    commits = {name: KnownCommit(*fields) for name, fields in form["commits"].items()}
    mentions = tuple(
        KnownMention(KnownCommit(*fields), tuple(KnownReference(*one) for one in references))
        for fields, references in form["mentions"]
    )
    return commits, mentions  # type: ignore[return-value]  # the same names, less parsing


class Known:
    """What is known of one experiment beside what the log says.

    Attributes:
        commits: The commits that its steps record, by the hashes that they record; those of them that are there.
        mentions: The commits that name it or a step of it, newest first.
        runs: Its runs and those of its steps, oldest first.
    """

    __slots__ = ("commits", "mentions", "runs")

    def __init__(self, commits: Mapping[str, Commit], mentions: tuple[Mention, ...], runs: tuple[Run, ...]) -> None:
        """Stand for what is known."""
        self.commits = commits
        self.mentions = mentions
        self.runs = runs

    def narrowed(self, name: str, step: Step | None) -> Known:
        """Return what of it is of one step of the experiment with this id; all if None."""
        if step is None:
            return self
        wanted = (name, step.number)
        return Known(
            {name: self.commits[name] for name in step.commits if name in self.commits},
            tuple(one for one in self.mentions if wanted in ((each.id, each.step) for each in one.references)),
            tuple(run for run in self.runs if run.ref == step.ref),
        )


def runs_of(runs: list[Run], experiment: Experiment) -> list[Run]:
    """Return those runs that are of an experiment and of its steps, by any id that it has or had."""
    letter = experiment.ref.removesuffix(experiment.id)
    mine = {experiment.ref, *(letter + name for name in experiment.properties.get("ALIASES", "").split())}
    return [run for run in runs if (run.ref or "").partition(".")[0] in mine]
