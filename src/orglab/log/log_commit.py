"""Committing the log and the journal, and nothing else, with a message that says what changed in them."""

import os
import re
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.errors import ConflictMarkersError, GitError, NotFoundError, UsageError
from orglab.experiment.changes import Change, compare_experiments
from orglab.experiment.model import Experiment, read_experiments
from orglab.git import Repository, find_repository
from orglab.git.files import path_in
from orglab.git.inside import require_inside
from orglab.git.message import name_references, read_references
from orglab.git.worktree import commit_paths, find_committable, find_operation, read_changes
from orglab.org.document import Document

if TYPE_CHECKING:
    from orglab.log.log import LogFile


# The length that git tools show of a subject, and the number of references that stays readable.
_SUBJECT_WIDTH = 72
_MOST_REFERENCES = 5
_LARGE = 1 << 18  # bytes of a log that is read in part
_TOP_HEADING = b"\n* "
_ENTRY = re.compile(rb"(?m)^\*{4,} ")


class LogCommit(NamedTuple):
    """A commit of the log.

    Attributes:
        commit: Its short hash.
        message: Its message.
    """

    commit: str
    message: str


def commit_log(log: "LogFile", text: str | None = None) -> LogCommit | None:
    """Commit the log and the journal, and nothing else; return None if there is nothing to commit.

    The staging of other files does not change, and the user's hooks and signing settings apply.

    Args:
        log: The log.
        text: The message; if it contains no reference, references to the changed experiments are put before it.

    Raises:
        UsageError: The message is empty.
        NotFoundError: The log is not in a git repository.
        GitError: A merge or similar operation is in progress, or git fails.
        ConflictMarkersError: A file that would be committed has conflict markers.
        NotWritableError: A link that git tracks leads from one of the files out of the repository.
    """
    check_message(text)
    for one in (log.path, log.journal):
        require_inside(log.repository, one)
    path = Path(os.path.realpath(log.path))
    repository = find_repository(path.parent)
    if repository is None:
        raise NotFoundError(f"{log.path} is not in a git repository; create one with `git init`.")
    if (operation := find_operation(repository)) is not None:
        raise GitError(f"git is in the middle of {operation}; finish that first (its commit may include the log).")
    journal = Path(os.path.realpath(log.journal))
    names = [name for file in (path, journal) if (name := path_in(repository, file)) and file.exists()]
    status = read_changes(repository, names)
    if status.unmerged:
        raise GitError(f"{status.unmerged[0]} has merge conflicts; resolve them first, then `git add` it.")
    changed = set(find_committable(repository, status)) if status.tracked else ()
    paths = [*(name for name in status.tracked if name in changed), *status.untracked]
    if not paths:
        ignored = not repository.read("ls-files", "--", f":(top,literal){names[0]}") if names else False
        if ignored:
            raise GitError(f"git ignores {names[0]}; remove it from .gitignore to commit the log.")
        return None
    texts: list[Versions | None] = []
    for file in (path, journal):
        name = path_in(repository, file)
        if name is None or name not in paths:
            texts.append(None)
            continue
        data = file.read_bytes()
        require_no_markers(log, file, data)
        texts.append((_read_at_head(repository, name), data))
    changes, is_log, entries = find_changes(log, *texts)
    if text is None and not changes and path_in(repository, path) in status.untracked:
        text = "log: created"
    message = compose_message(changes, is_log, entries, log.config.letter, text, log.config.hooks.position)
    commit = commit_paths(repository, message, paths, status.untracked)
    return LogCommit(commit.short, message) if commit else None


def check_message(text: str | None) -> None:
    """Check that a message is not empty.

    Raises:
        UsageError: It is.
    """
    if text is not None and not text.strip():
        raise UsageError("The message is empty; write one, or leave out -m to have it composed from the changes.")


def require_no_markers(log: "LogFile", path: Path, data: bytes) -> None:
    """Check that a file of a log has no git conflict markers.

    Args:
        log: The log.
        path: The file.
        data: Its content.

    Raises:
        ConflictMarkersError: It has.
    """
    document = log.parse(data)
    if path.name == log.path.name:
        document.require_no_conflict()
    elif (line := document.conflict_line()) is not None:
        raise ConflictMarkersError(
            f"{path.name} has a git conflict marker in line {line}: resolve the conflict first; nothing was committed."
        )


Versions = tuple[bytes, bytes]
"""A file before and after a change."""


def find_changes(
    log: "LogFile", log_texts: Versions | None, journal: Versions | None
) -> tuple[list[Change], bool, int]:
    """Return the changed experiments, whether the log changed, and how many journal entries are new (-1: unchanged).

    Args:
        log: The log.
        log_texts: Two versions of it; None if it did not change.
        journal: Two versions of the journal; None if it did not change.
    """
    changes: list[Change] = []
    if log_texts is not None:
        before, after = _trim(*log_texts)
        changes = compare_experiments(_experiments(log, before), _experiments(log, after))
    if journal is None:
        return changes, log_texts is not None, -1
    counts = [len(_ENTRY.findall(data)) for data in journal]
    return changes, log_texts is not None, max(counts[1] - counts[0], 0)


def _trim(before: bytes, after: bytes) -> Versions:
    """Return the parts of two versions of a large log that differ, from heading to heading, each after its preamble."""
    if min(len(before), len(after)) < _LARGE:
        return before, after
    length = min(len(before), len(after))
    same = bisect_left(range(1, length + 1), 1, key=lambda size: before[:size] != after[:size])
    start = before.rfind(_TOP_HEADING, 0, same) + 1
    preamble = before[: before.find(_TOP_HEADING) + 1]
    if start < len(preamble) or not preamble:
        return before, after
    rest = length - start
    alike = bisect_left(range(1, rest + 1), 1, key=lambda size: before[-size:] != after[-size:])
    end = before.find(_TOP_HEADING, len(before) - alike)
    tail = len(before) - end - 1 if end >= 0 else 0
    return preamble + before[start : len(before) - tail], preamble + after[start : len(after) - tail]


def _read_at_head(repository: Repository, name: str) -> bytes:
    """Return the bytes of a file at HEAD; empty if HEAD does not have it."""
    return repository.read("cat-file", "blob", f"HEAD:{name}") or b""


def _experiments(log: "LogFile", data: bytes) -> list[Experiment]:
    return list(read_experiments(Document(data, log.config.keywords), log.config, str(log.path)))


def compose_message(
    changes: list[Change],
    is_log: bool,  # noqa: FBT001
    entries: int,
    letter: str,
    text: str | None = None,
    position: str = "start",
) -> str:
    """Return the message of a commit of the log.

    Args:
        changes: The changes of experiments.
        is_log: Whether the log changed at all.
        entries: How many entries were added to the journal; -1 if it did not change.
        letter: The letter of references.
        text: The user's message.
        position: Where the references are, as in the setting `hooks.position`.
    """
    refs = list(dict.fromkeys(change.ref for change in changes))
    named = refs if len(refs) <= _MOST_REFERENCES else []
    lines = [f"[{change.ref}] {', '.join(change.words)}" for change in changes]
    if text is not None:
        is_complete = bool(read_references(text.encode("utf-8", "replace"), letter)) or not refs
        body = "" if named or is_complete else "\n\n" + "\n".join(lines)
        return (text if is_complete else name_references(text, named, position)) + body
    summaries = [f"log: {_summarize(changes)}"] if is_log else []
    if entries >= 0:
        summaries.append(f"journal: {entries} entr{'y' if entries == 1 else 'ies'}" if entries else "journal: edited")
    message = name_references("; ".join(summaries), named, position)
    if len(changes) <= 1 or (named and len(message.partition("\n")[0]) <= _SUBJECT_WIDTH):
        return message
    summaries[0] = f"log: {len(changes)} experiments"
    return name_references("; ".join(summaries) + "\n\n" + "\n".join(lines), named, position)


def _summarize(changes: list[Change]) -> str:
    """Return what changed in one line."""
    if not changes:
        return "text outside experiments"
    if len(changes) == 1:
        return ", ".join(changes[0].words)
    return "; ".join(f"{change.ref} {', '.join(change.words)}" for change in changes)
