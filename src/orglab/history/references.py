"""Who names an experiment: commits, tracked files, the log itself, the journal; and what a text names."""

import mmap
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from orglab.experiment.model import Experiment, read_id
from orglab.experiment.resolved import Resolved, resolve
from orglab.git.commit import Commit
from orglab.git.files import find_files_containing
from orglab.git.mentions import Mention
from orglab.history.sources import Sources
from orglab.org.document import Document
from orglab.reference import Reference, find_references, link_pattern

# How many bytes of a line are shown before and behind a reference.
_AROUND = 120


class Occurrence(NamedTuple):
    """Where an experiment or a step is named.

    Attributes:
        kind: `commit`, `file`, `log` or `journal`.
        reference: What is named, by the id that it has now.
        text: The commit's subject, or the line, of a long one the part around the reference.
        commit: The commit, or None.
        path: The file, or None.
        line: The 1-based line of the file, or None.
        within: The experiment of the log that the line belongs to, such as `e205`; or None.
    """

    kind: str
    reference: Reference
    text: str
    commit: Commit | None = None
    path: Path | None = None
    line: int | None = None
    within: str | None = None


def find_occurrences(sources: Sources, wanted: Reference | None = None) -> Iterator[Occurrence]:
    """Yield where experiments and steps are named: in commits (newest first), tracked files, the log, the journal.

    Args:
        sources: What is known of the log.
        wanted: Only this experiment with its steps, or only this step; everything if None.  A reference in
            a text counts if its experiment exists, or if it is a number, for `[error]` is no reference.

    Raises:
        GitError: git refuses.
    """
    log = sources.log
    mentions = sources.mentions if wanted is None else _find_mentions(sources, wanted)
    journal = sources.journal
    entries = _in_org("journal", log.journal, journal, sources, wanted) if journal is not None else ()
    for place in chain(
        _in_commits(mentions),
        _in_files(sources),
        _in_org("log", log.path, sources.document, sources, wanted),
        entries,
    ):
        experiment = sources.find(place.reference)
        if experiment is None and not place.reference.id.isdecimal():
            continue
        now = Reference(experiment.id if experiment is not None else place.reference.id, place.reference.step)
        if wanted is None or (now.id == wanted.id and wanted.step in (None, now.step)):
            yield place._replace(reference=now)


def _find_mentions(sources: Sources, wanted: Reference) -> list[Mention]:
    """Return the commits that name an experiment, or the id of one that there is not."""
    experiment = sources.find(wanted)
    if experiment is not None:
        return sources.find_mentions(experiment)
    return [one for one in sources.mentions if any(reference.id == wanted.id for reference in one.references)]


def _in_commits(mentions: Iterable[Mention]) -> Iterator[Occurrence]:
    """Yield what commits name."""
    for mention in mentions:
        commit = mention.commit
        yield from (Occurrence("commit", reference, commit.subject, commit) for reference in mention.references)


def _in_files(sources: Sources) -> Iterator[Occurrence]:
    """Yield where the tracked text files of the working tree, log and journal left out, name something."""
    repository = sources.repository
    if repository is None:
        return
    log, letter = sources.log, sources.log.config.letter
    own = {os.path.realpath(log.path), os.path.realpath(log.journal)}
    for name in find_files_containing(repository, f"[{letter}"):
        path = repository.top / name
        if os.path.realpath(path) in own:
            continue
        with _content(path) as content:
            # The same memory, not a copy of it.
            yield from (
                Occurrence("file", reference, _line_around(content, at), None, path, line)
                for at, reference, line in _with_lines(content, letter)
            )


@contextmanager
def _content(path: Path) -> Iterator["bytes | mmap.mmap"]:
    """Give the content of a regular file; nothing for what is none, or cannot be read."""
    try:
        # A link could lead anywhere, and a pipe would never end.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield b""
        return
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            yield b""
            return
        with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as content:
            yield content
    finally:
        os.close(fd)


def _with_lines(content: "bytes | mmap.mmap", letter: str) -> Iterator[tuple[int, Reference, int]]:
    """Yield each reference in a text, where it begins, and its 1-based line."""
    line, before = 1, 0
    for at, reference in find_references(content, letter):
        line += content[before:at].count(b"\n")
        before = at
        yield at, reference, line


def _line_around(content: "bytes | mmap.mmap", at: int) -> str:
    """Return the line of a text that holds a position; of a long one the part around it."""
    begin = content.rfind(b"\n", 0, at) + 1
    end = content.find(b"\n", at)
    end = len(content) if end < 0 else end
    cut = content[max(begin, at - _AROUND) : min(end, at + _AROUND)]
    before, after = "…" * (at - begin > _AROUND), "…" * (end - at > _AROUND)
    return before + cut.decode("utf-8", "replace").strip() + after


def _in_org(
    kind: str, path: Path, document: Document, sources: Sources, wanted: Reference | None
) -> Iterator[Occurrence]:
    """Yield where the log or the journal names something, by reference or by link; of what is not wanted, not all."""
    text = document.text
    config = sources.log.config
    links = link_pattern(sources.log.path.name).finditer(text)
    found = [(match.start(), Reference(match.group(1).decode())) for match in links]
    found += find_references(text, config.letter)
    for at, reference in sorted(found, key=lambda one: one[0]):
        named = sources.find(reference) if wanted is not None else None
        if wanted is not None and wanted.id not in (reference.id, named.id if named is not None else None):
            continue
        within = find_enclosing_experiment(document, at, sources) if kind == "log" else None
        line = document.source.line_number(at)
        yield Occurrence(kind, reference, _line_around(text, at), None, path, line, within.ref if within else None)


def find_enclosing_experiment(document: Document, at: int, sources: Sources) -> Experiment | None:
    """Return the experiment of the log whose subtree holds a position, or None."""
    config = sources.log.config
    part = document.part_at(at)
    heading = part.heading_at(at - part.begin)
    while heading is not None:
        if config.tag in heading.tags and (name := read_id(heading, config)):
            return sources.experiments.get(name)
        heading = heading.parent
    return None


# What a text names


def resolve_text(sources: Sources, text: bytes) -> Iterator[Resolved]:
    """Yield what the references in a text are, in its order; a bracketed word that is nothing's id is none."""
    for at, reference in find_references(text, sources.log.config.letter):
        found = resolve_reference(sources, reference, at)
        if found.is_known or found.experiment is not None or reference.id.isdecimal():
            yield found


def resolve_reference(sources: Sources, reference: Reference, at: int = 0) -> Resolved:
    """Return what a reference is, with what is nearest to it if it is unknown."""
    return resolve(reference, sources.find(reference), sources.log.config.letter, sources.nearest, at)
