"""The commits on HEAD that are evidence for a step or an experiment: they name it, and what they did still stands.

A commit is no evidence if it was reverted or is a revert, if it is a merge, if it has what a failed run wrote, or if it
changes only the log and the journal.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from orglab.git.commit import LOG_COMMAND, Commit, parse_commit
from orglab.git.mentions import Mention, read_mentions
from orglab.git.message import TRAILER
from orglab.git.repository import Repository
from orglab.git.reverts import SEARCHED, SUBJECT_START, find_undone, is_revert
from orglab.reference import Reference

_RUN = re.compile(SUBJECT_START + "(Before|Failed): ")
_LOG = re.compile(SUBJECT_START + "(?:log|journal): ")
# The newest commits are asked for first, because often one of them is the answer.
_FIRST = 4
_IS_REVERT, _IS_OF_LOG = "is a revert", "changes only the log"


Resolve = Callable[[Iterable[Reference], str], Iterable[Reference]]


class Question(NamedTuple):
    """What evidence is looked for.

    Attributes:
        names: The ids of the experiment.
        former: Ids that it had, with which commits may name it.
        step: The number of the step; if None, commits that name the experiment or any step of it count.
        letter: The letter of references.
        own_paths: The log and the journal, from the top of the repository.
    """

    names: Collection[str]
    former: Collection[str]
    step: int | None
    letter: str
    own_paths: Collection[str]


class Evidence(NamedTuple):
    """The evidence for a step or an experiment.

    Attributes:
        commits: The commits, newest first.
        passed_over: The newest commit that names it and is no evidence, or None; not one of the log alone, as nobody
            expects that to have results.
        reason: Why that one is none, as the end of a sentence: `is a merge`.
    """

    commits: tuple[Commit, ...] = ()
    passed_over: Commit | None = None
    reason: str = ""

    def explain_absence(self, ref: str) -> str:
        """Return why the commit that was passed over is none, as a clause; empty if there is no such commit."""
        if self.passed_over is None:
            return ""
        return f"{self.passed_over.short}, which names [{ref}], {self.reason}"


def find_evidence(repository: Repository, question: Question, resolve: Resolve, *, find_all: bool = False) -> Evidence:
    """Return the evidence on HEAD for an experiment or a step; none before the first commit.

    Args:
        repository: The repository.
        question: The experiment or step.
        resolve: Returns the current references for those in the message of a commit, whose hash it is given.
        find_all: Whether to find all commits, or the newest.

    Raises:
        GitError: git is not installed.
    """
    letter, step = question.letter, question.step
    spelled = [Reference(name, step).spell(letter) for name in {*question.names, *question.former}]
    patterns = [f"--grep=[{name}{']' if step is not None else ''}" for name in spelled]
    patterns += [f"--grep={text}" for text in (*SEARCHED, TRAILER)]
    # `read`, not `query`: before the first commit there is no HEAD, which is not an error.
    # A clock may have been wrong: the dates alone could put a revert after the commit that it undoes.
    printed = repository.read(*LOG_COMMAND, "--date-order", "--fixed-strings", *patterns, "HEAD", "--") or b""
    raw_commits = [raw for raw in printed.split(b"\0") if raw]
    mentions = [mention for mention in read_mentions(raw_commits, letter) if _answers(mention, question, resolve)]
    undone = find_undone(repository, map(parse_commit, raw_commits)) if mentions else {}
    commits: list[Commit] = []
    passed_over: tuple[Commit, str] | None = None
    for commit, paths in _read_paths(repository, [mention.commit for mention in mentions]):
        revert = undone.get(commit.hash)
        reason = _reject(commit, paths, question.own_paths) if revert is None else f"was reverted by {revert.short}"
        # The commit before a run has the code of it; a later one has the results, too.
        if reason is None and not (commits and _is_of_run(commit, "Before")):
            commits.append(commit)
        # A revert says less than the commit that it undid.
        if reason not in (None, _IS_OF_LOG) and (passed_over is None or passed_over[1] == _IS_REVERT):
            passed_over = commit, reason
        if commits and not find_all:
            break
    return Evidence(tuple(commits), *(passed_over or ()))


def _answers(mention: Mention, question: Question, resolve: Resolve) -> bool:
    """Return whether a commit names the experiment or step."""
    references = resolve(mention.references, mention.hash)
    return any(named.id in question.names and question.step in (None, named.step) for named in references)


def _reject(commit: Commit, paths: frozenset[str], own_paths: Collection[str]) -> str | None:
    """Return why a commit that was not reverted is no evidence, or None if it is."""
    if is_revert(commit):
        return _IS_REVERT
    if len(commit.parents) > 1:
        return "is a merge"
    if _is_of_run(commit, "Failed"):
        return "is of a failed run"
    return _IS_OF_LOG if _is_of_log(commit, paths, own_paths) else None


def _is_of_log(commit: Commit, paths: frozenset[str], own_paths: Collection[str]) -> bool:
    """Return whether a commit changes only the log and the journal; one that was moved is known by the message."""
    has_message = _LOG.match(commit.subject) is not None and all(path.endswith(".org") for path in paths)
    return bool(paths) and (has_message or paths <= {*own_paths})


def find_log_commits(repository: Repository, commits: Iterable[Commit], own_paths: Collection[str]) -> set[str]:
    """Return the hashes of those commits that change only the log and the journal.

    Args:
        repository: The repository.
        commits: Any commits, each once.
        own_paths: The log and the journal, from the top of the repository.

    Raises:
        GitError: git is not installed.
    """
    found = _ask_for_paths(repository, list(commits))
    return {commit.hash for commit, paths in found if _is_of_log(commit, paths, own_paths)}


def _is_of_run(commit: Commit, kind: str) -> bool:
    """Return whether orglab made a commit for a run: `Before` it, or after it `Failed`."""
    match = _RUN.match(commit.subject)
    return match is not None and match.group(1) == kind and "\nCommand: " in commit.message


def _read_paths(repository: Repository, commits: list[Commit]) -> Iterator[tuple[Commit, frozenset[str]]]:
    """Yield commits with the paths that they change, none for merges; git is asked about more and more at a time."""
    begin, count = 0, _FIRST
    while begin < len(commits):
        yield from _ask_for_paths(repository, commits[begin : begin + count])
        begin, count = begin + count, count * _FIRST


def _ask_for_paths(repository: Repository, commits: list[Commit]) -> Iterator[tuple[Commit, frozenset[str]]]:
    """Yield commits with the paths that they change, none for merges, with one call of git."""
    lines = "".join(f"{commit.hash}\n" for commit in commits).encode()
    printed = repository.at_top.read(
        "diff-tree", "--stdin", "--always", "--root", "-r", "-z", "--name-only", "--no-renames", stdin=lines
    )
    paths: dict[str, set[str]] = {commit.hash: set() for commit in commits}
    current: set[str] = set()
    for piece in os.fsdecode(printed or b"").split("\0"):
        if piece in paths:
            current = paths[piece]
        elif piece:
            current.add(piece)
    yield from ((commit, frozenset(paths[commit.hash])) for commit in commits)
