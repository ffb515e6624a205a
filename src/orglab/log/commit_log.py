"""Committing the log: it and the journal alone, with a message that says what changed in them."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, NotFoundError, UsageError
from orglab.experiment.changes import Change, compare
from orglab.experiment.model import Experiment, read_experiments
from orglab.git import Repository, find_repository
from orglab.git.message import read_references
from orglab.git.worktree import commit_paths, find_committable, find_operation, read_changes, top_path
from orglab.log.log import LogFile
from orglab.org.document import Document

# What git and its friends show of a subject, and about as many references as a person takes in.
_WIDEST = 72
_MOST_REFERENCES = 5
_ENTRY = re.compile(rb"(?m)^\*{4,} ")


class CommittedLog(NamedTuple):
    """A commit of the log.

    Attributes:
        commit: Its short hash.
        message: Its message.
    """

    commit: str
    message: str


def commit_log(log: LogFile, text: str | None = None) -> CommittedLog | None:
    """Commit the log and the journal as they stand, and nothing else; return None if there is nothing to commit.

    What else is staged stays staged, what is not stays so, and the user's hooks and signing are honoured.

    Args:
        log: The log.
        text: The message; references to what changed are put before it if it names none.

    Raises:
        UsageError: The message is empty.
        NotFoundError: The log is not in a git repository.
        GitError: git is in the middle of a merge or the like, or refuses.
    """
    if text is not None and not text.strip():
        raise UsageError("The message is empty; give one, or leave -m out and it says what changed.")
    path = Path(os.path.realpath(log.path))
    repository = find_repository(path.parent)
    if repository is None:
        raise NotFoundError(f"{log.path} is not in a git repository; make one with `git init`.")
    if (what := find_operation(repository)) is not None:
        raise GitError(f"git is in the middle of {what}; finish it first, the log can go with it.")
    journal = Path(os.path.realpath(log.journal))
    names = [name for one in (path, journal) if (name := top_path(repository, one)) and one.exists()]
    found = read_changes(repository, names)
    if found.unmerged:
        raise GitError(f"{found.unmerged[0]} has merge conflicts; resolve them first, then `git add` it.")
    changed = set(find_committable(repository, found)) if found.tracked else ()
    paths = [*(name for name in found.tracked if name in changed), *found.untracked]
    if not paths:
        ignored = not repository.read("ls-files", "--", f":(top,literal){names[0]}") if names else False
        if ignored:
            raise GitError(f"git ignores {names[0]}; take it out of .gitignore, so that the log has a history.")
        return None
    changes, is_log, entries = _changes(log, repository, path, journal, paths)
    if text is None and not changes and top_path(repository, path) in found.untracked:
        text = "log: begun"
    message = compose_message(changes, is_log, entries, log.config.letter, text)
    made = commit_paths(repository, message, paths, found.untracked)
    return CommittedLog(made.short, message)


def _changes(
    log: LogFile, repository: Repository, path: Path, journal: Path, paths: list[str]
) -> tuple[list[Change], bool, int]:
    """Return what changed in the log, whether its file did, and how many entries the journal has more."""
    changes: list[Change] = []
    name, beside = top_path(repository, path), top_path(repository, journal)
    if name in paths:
        changes = compare(_experiments(log, _at_head(repository, name)), _experiments(log, path.read_bytes()))
    entries = 0
    if beside in paths:
        entries = len(_ENTRY.findall(journal.read_bytes())) - len(_ENTRY.findall(_at_head(repository, beside)))
    return changes, name in paths, max(entries, 0) if beside in paths else -1


def _at_head(repository: Repository, name: str) -> bytes:
    """Return the bytes of a file at HEAD; none if it is not there."""
    return repository.read("cat-file", "blob", f"HEAD:{name}") or b""


def _experiments(log: LogFile, data: bytes) -> list[Experiment]:
    return list(read_experiments(Document(data, log.config.keywords), log.config, str(log.path)))


def compose_message(changes: list[Change], is_log: bool, entries: int, letter: str, text: str | None = None) -> str:  # noqa: FBT001
    """Return the message of a commit of the log.

    Args:
        changes: What changed in its experiments.
        is_log: Whether the log changed at all.
        entries: How many entries the journal has more; -1 if it did not change.
        letter: The letter of references.
        text: What the user says.
    """
    refs = list(dict.fromkeys(change.ref for change in changes))
    # With blanks between: in `[e201][e202]` neither counts.
    prefix = " ".join(f"[{ref}]" for ref in refs) if len(refs) <= _MOST_REFERENCES else ""
    begin = f"{prefix} " if prefix else ""
    lines = [f"[{change.ref}] {', '.join(change.words)}" for change in changes]
    if text is not None:
        names = bool(read_references(text.encode("utf-8", "replace"), letter)) or not refs
        body = "" if prefix or names else "\n\n" + "\n".join(lines)
        return (text if names else begin + text) + body
    told = [f"log: {_told(changes)}"] if is_log else []
    if entries >= 0:
        told.append(f"journal: {entries} entr{'y' if entries == 1 else 'ies'}" if entries else "journal: edited")
    subject = begin + "; ".join(told)
    if len(changes) <= 1 or (prefix and len(subject) <= _WIDEST):
        return subject
    told[0] = f"log: {len(changes)} experiments"
    return begin + "; ".join(told) + "\n\n" + "\n".join(lines)


def _told(changes: list[Change]) -> str:
    """Return in one line what changed."""
    if not changes:
        return "text beside the experiments"
    if len(changes) == 1:
        return ", ".join(changes[0].words)
    return "; ".join(f"{change.ref} {', '.join(change.words)}" for change in changes)
