"""Exchanging the branch of the logs that are kept apart with a remote, merged by orglab's own merge."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orglab import clock
from orglab.config import ARCHIVE_SUFFIX, is_journal
from orglab.errors import GitError
from orglab.git import Repository
from orglab.git.log_branch import (
    LOG_REF,
    find_merge_base,
    find_tip,
    is_ancestor,
    move_ref,
    read_texts,
)
from orglab.git.records import run_remote
from orglab.log import file
from orglab.log.apart import add_apart, find_apart_files, name_journals, write_missing
from orglab.log.kept_text import MERGING_NAME, keep_text
from orglab.log.log import LogFile
from orglab.log.merge.merge import Labels, Merged, merge
from orglab.log.text_guard import TextGuard
from orglab.text import Tell, count

_TRIES = 5
_FETCHED = "refs/orglab/fetched/experiment-log"


class BranchSync(NamedTuple):
    """What the exchange of the branch did.

    Attributes:
        sent: Whether the remote got commits.
        received: Whether the log got changes of others.
        conflicts: The number of conflicts that the user has to resolve before the merge is saved and sent.
    """

    sent: bool
    received: bool
    conflicts: int = 0


def sync_branch(log: LogFile, remote: str, tell: Tell) -> BranchSync:
    """Save the log, merge the changes of others into it, and send the result.

    Args:
        log: A log that is kept apart.
        remote: The name or URL of the remote.
        tell: Called with each message for the user.

    Raises:
        ConflictMarkersError: The log has conflict markers.
        GitError: git refuses, or the remote cannot be reached.
        NotWritableError: The log cannot be written.
    """
    repository = log.repository
    if repository is None:
        raise GitError(f"{log.path} is not in a git repository.")
    received = False
    for _ in range(_TRIES):
        log.document().require_no_conflict()
        keep_text(log, at_once=True)
        theirs = _fetch(repository, remote)
        ours = find_tip(repository, LOG_REF)
        if theirs is not None and (ours is None or not is_ancestor(repository, theirs, ours)):
            received = True
            if conflicts := _merge(log, repository, ours, theirs, tell):
                return BranchSync(sent=False, received=True, conflicts=conflicts)
            ours = find_tip(repository, LOG_REF)
        if ours is None or ours == theirs:
            return BranchSync(sent=False, received=received)
        if _push(repository, remote):
            return BranchSync(sent=True, received=received)
    raise GitError(f"Others were sending their logs to {remote} all the time; run `orglab sync` again.")


def _fetch(repository: Repository, remote: str) -> str | None:
    """Fetch the branch of a remote, and return its commit; None if the remote has no such branch."""
    listed = run_remote(repository, "ls-remote", "--quiet", "--", remote, LOG_REF)
    if not listed.strip():
        return None
    run_remote(
        repository, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--", remote,
        f"+{LOG_REF}:{_FETCHED}",
    )  # fmt: skip
    return find_tip(repository, _FETCHED)


def _push(repository: Repository, remote: str) -> bool:
    """Send the branch; return whether the remote took it, or somebody else was faster."""
    try:
        # Without a `+`: what somebody else has sent must not be overwritten.
        run_remote(repository, "push", "--quiet", "--no-verify", "--", remote, f"{LOG_REF}:{LOG_REF}")
    except GitError as error:
        if any(word in str(error) for word in ("rejected", "failed to push", "fetch first", "cannot lock")):
            return False
        raise
    return True


def _merge(log: LogFile, repository: Repository, ours: str | None, theirs: str, tell: Tell) -> int:
    """Merge a commit of the branch into the files, save the result, and return the number of conflicts."""
    apart = find_apart_files(repository)
    if apart is None:
        raise GitError("The log is no longer kept apart; run `orglab init`.")
    home = Path(apart.home)
    base_commit = find_merge_base(repository, ours, theirs) if ours is not None else None
    base = read_texts(repository, base_commit) if base_commit is not None else {}
    conflicts, texts = 0, read_texts(repository, theirs)
    names = [name for name in texts if name.endswith((".org", ARCHIVE_SUFFIX))]
    new = [name for name in names if name not in apart.names and not name.endswith(ARCHIVE_SUFFIX)]
    if new:
        add_apart(repository, [*new, *name_journals(repository, [*apart.names, *new], log.config.journal)])
    for name in names:
        conflicts += _merge_file(log, repository, home / name, base.get(name, b""), texts[name], tell)
    write_missing(repository, home, {name: texts[name] for name in names if name not in base})
    if not conflicts and (ours is None or is_ancestor(repository, ours, theirs)):
        move_ref(repository, LOG_REF, theirs, ours)
    else:
        with suppress(OSError):
            (repository.shared_folder / MERGING_NAME).write_text(f"{theirs}\n", "ascii")
    if not conflicts:
        keep_text(log, at_once=True)
    return conflicts


def _find_preamble(one: bytes, other: bytes) -> bytes:
    """Return what stands before the first heading of two files, if it is the same."""
    first, second = (data.partition(b"\n* ")[0] for data in (one, other))
    return first + b"\n" if first == second else b""


def _merge_file(log: LogFile, repository: Repository, path: Path, base: bytes, theirs: bytes, tell: Tell) -> int:
    """Merge a version of others into a file, if it exists; return the number of conflicts."""
    if not os.path.lexists(path) or base == theirs:
        return 0
    results: list[Merged] = []

    def change(data: bytes) -> bytes:
        # Two logs that were begun apart have at most their preamble in common.
        merged = merge(
            base or _find_preamble(data, theirs),
            data,
            theirs,
            log.config,
            clock.now(),
            Labels("this clone", "the remote"),
        )
        results.append(merged)
        return merged.data

    file.update(path, change, anyway=log.anyway)
    TextGuard(repository, path).record()
    merged = results[-1]
    for note in merged.notes if not is_journal(path.name) else ():
        tell(f"{path.name}: {note}")
    if merged.conflicts:
        tell(
            f"{path.name} has {count(merged.conflicts, 'conflict')} with the changes of others; resolve "
            f"{'it' if merged.conflicts == 1 else 'them'} in the file, then run `orglab sync` again."
        )
    return merged.conflicts
