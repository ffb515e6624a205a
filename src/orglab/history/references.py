"""Find references: where an experiment is named, and what the references in a text mean."""

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

# Bytes of a long line that are shown before and after a reference.
_AROUND = 120


class Occurrence(NamedTuple):
    """An occurrence of a reference.

    Attributes:
        kind: `commit`, `file`, `log` or `journal`.
        reference: What is named, with its current id.
        text: The subject of the commit, or the line; of a long line, the part around the reference.
        commit: The commit, or None.
        path: The file, or None.
        line: The 1-based line of the file, or None.
        within: The experiment that contains the line of the log, such as `e205`; or None.
        before: The text of the line before the reference.
        length: How many bytes the reference has there.
    """

    kind: str
    reference: Reference
    text: str
    commit: Commit | None = None
    path: Path | None = None
    line: int | None = None
    within: str | None = None
    before: bytes = b""
    length: int = 0


def find_occurrences(sources: Sources, target: Reference | None = None) -> Iterator[Occurrence]:
    """Yield the occurrences of references: in commits (newest first), tracked files, the log, the journal.

    Args:
        sources: The sources of the log.
        target: Only this experiment with its steps, or only this step; everything if None.  An unknown
            reference counts only if it is a number, because a word such as `[error]` is not a reference.

    Raises:
        GitError: git refuses.
    """
    log = sources.log
    mentions = sources.mentions if target is None else _find_mentions(sources, target)
    journal = sources.journal
    entries = _in_org("journal", log.journal, journal, sources, target) if journal is not None else ()
    for occurrence in chain(
        _in_commits(mentions),
        _in_files(sources),
        _in_org("log", log.path, sources.document, sources, target),
        entries,
    ):
        experiment = sources.find(occurrence.reference)
        if experiment is None and not occurrence.reference.id.isdecimal():
            continue
        current_id = experiment.id if experiment is not None else occurrence.reference.id
        current = Reference(current_id, occurrence.reference.step)
        if target is None or (current.id == target.id and target.step in (None, current.step)):
            yield occurrence._replace(reference=current)


def _find_mentions(sources: Sources, target: Reference) -> list[Mention]:
    """Return the commits that name an experiment, or an unknown id."""
    experiment = sources.find(target)
    if experiment is not None:
        return sources.find_mentions(experiment)
    return [mention for mention in sources.mentions if any(ref.id == target.id for ref in mention.references)]


def _in_commits(mentions: Iterable[Mention]) -> Iterator[Occurrence]:
    """Yield the occurrences in commit messages."""
    for mention in mentions:
        commit = mention.commit
        yield from (Occurrence("commit", reference, commit.subject, commit) for reference in mention.references)


def _in_files(sources: Sources) -> Iterator[Occurrence]:
    """Yield the occurrences in tracked text files, except the log and the journal."""
    repository = sources.repository
    if repository is None:
        return
    log, letter = sources.log, sources.log.config.letter
    own = {os.path.realpath(log.path), os.path.realpath(log.journal)}
    for name in find_files_containing(repository, f"[{letter}"):
        path = repository.top / name
        if os.path.realpath(path) in own:
            continue
        with _map_file(path) as content:
            # The mapped memory is searched without a copy.
            yield from (
                Occurrence(
                    "file", reference, _line_around(content, at), None, path, line, None,
                    content[content.rfind(b"\n", 0, at) + 1 : at], _measure(reference, letter),
                )
                for at, reference, line in _find_with_lines(content, letter)
            )  # fmt: skip


def _measure(reference: Reference, letter: str) -> int:
    """Return how many bytes a reference has in brackets."""
    return len(f"[{reference.spell(letter)}]".encode())


@contextmanager
def _map_file(path: Path) -> Iterator["bytes | mmap.mmap"]:
    """Yield the content of a regular file; empty if it is not one, or cannot be read."""
    try:
        # Do not follow symbolic links, and do not block on a pipe.
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


def _find_with_lines(content: "bytes | mmap.mmap", letter: str) -> Iterator[tuple[int, Reference, int]]:
    """Yield each reference in a text, with its position and its 1-based line."""
    line, before = 1, 0
    for at, reference in find_references(content, letter):
        line += content[before:at].count(b"\n")
        before = at
        yield at, reference, line


def _line_around(content: "bytes | mmap.mmap", at: int) -> str:
    """Return the line that contains a position; of a long line, the part around it."""
    begin = content.rfind(b"\n", 0, at) + 1
    end = content.find(b"\n", at)
    end = len(content) if end < 0 else end
    part = content[max(begin, at - _AROUND) : min(end, at + _AROUND)]
    before, after = "…" * (at - begin > _AROUND), "…" * (end - at > _AROUND)
    return before + part.decode("utf-8", "replace").strip() + after


def _in_org(
    kind: str, path: Path, document: Document, sources: Sources, target: Reference | None
) -> Iterator[Occurrence]:
    """Yield the occurrences in the log or the journal, as references or links; with `target`, at least those of it."""
    text = document.text
    config = sources.log.config
    links = link_pattern(sources.log.path.name).finditer(text)
    references = [(match.start(), Reference(match.group(1).decode()), len(match.group())) for match in links]
    references += ((at, found, _measure(found, config.letter)) for at, found in find_references(text, config.letter))
    for at, reference, length in sorted(references, key=lambda one: one[0]):
        named = sources.find(reference) if target is not None else None
        if target is not None and target.id not in (reference.id, named.id if named is not None else None):
            continue
        within = find_enclosing_experiment(document, at, sources) if kind == "log" else None
        line = document.source.line_number(at)
        before = text[text.rfind(b"\n", 0, at) + 1 : at]
        where = within.ref if within else None
        yield Occurrence(kind, reference, _line_around(text, at), None, path, line, where, before, length)


def find_enclosing_experiment(document: Document, at: int, sources: Sources) -> Experiment | None:
    """Return the experiment whose subtree contains a position of the log, or None."""
    config = sources.log.config
    part = document.part_at(at)
    heading = part.heading_at(at - part.begin)
    while heading is not None:
        if config.tag in heading.tags and (name := read_id(heading, config)):
            return sources.experiments.get(name)
        heading = heading.parent
    return None


# The references in a text


def resolve_text(sources: Sources, text: bytes) -> Iterator[Resolved]:
    """Yield the resolved references in a text, in order; an unknown word in brackets is not a reference."""
    for at, reference in find_references(text, sources.log.config.letter):
        resolved = resolve_reference(sources, reference, at)
        if resolved.is_known or resolved.experiment is not None or reference.id.isdecimal():
            yield resolved


def resolve_reference(sources: Sources, reference: Reference, at: int = 0) -> Resolved:
    """Return a resolved reference, with similar ones if it is unknown."""
    return resolve(reference, sources.find(reference), sources.log.config.letter, sources.nearest, at)
