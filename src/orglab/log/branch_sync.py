"""Exchanging the branch of the logs that are kept apart with a remote, merged by orglab's own merge."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.config import ARCHIVE_SUFFIX, MOST_FILES, Apart, is_journal, is_real_place
from orglab.errors import GitError, NotWritableError
from orglab.experiment.model import Experiment
from orglab.git import Repository, find_repository
from orglab.git.inside import explain_link, find_tracked_link, list_tracked
from orglab.git.log_branch import (
    LOG_BRANCH,
    LOG_REF,
    find_merge_base,
    find_renames,
    find_tip,
    is_ancestor,
    list_large_texts,
    list_texts,
    move_ref,
    read_texts,
    require_not_checked_out,
)
from orglab.git.process import read_error, run_as_user
from orglab.git.records import run_remote
from orglab.log import file
from orglab.log.apart import add_apart, find_apart_files, name_journals, replace_apart, write_missing
from orglab.log.kept_text import MERGING_NAME, find_preamble, keep_text, list_files, merge_text
from orglab.log.log import LogFile
from orglab.log.text_guard import TextGuard
from orglab.text import Tell, count

if TYPE_CHECKING:
    from orglab.org.timestamp import Timestamp

_TRIES = 5
# What git says if somebody else has pushed meanwhile.
_RACES = ("(fetch first)", "(non-fast-forward)", "cannot lock ref", "failed to update ref", "stale info")
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
    require_not_checked_out(repository)
    received = False
    _tell_links(log, repository, tell)
    for _ in range(_TRIES):
        log.document().require_no_conflict()
        keep_text(log, at_once=True)
        theirs = fetch_branch(repository, remote, _FETCHED)
        ours = find_tip(repository, LOG_REF)
        if theirs is not None and (ours is None or not is_ancestor(repository, theirs, ours)):
            received = True
            before = log.experiments()
            conflicts = _merge(log, repository, ours, theirs, tell)
            _follow_renumbering(log, before, tell)
            if conflicts:
                return BranchSync(sent=False, received=True, conflicts=conflicts)
            ours = find_tip(repository, LOG_REF)
        if ours is None or ours == theirs:
            return BranchSync(sent=False, received=received)
        if _push(repository, remote):
            return BranchSync(sent=True, received=received)
    raise GitError(f"Others were sending their logs to {remote} all the time; run `orglab sync` again.")


def _tell_links(log: LogFile, repository: Repository, tell: Tell) -> None:
    """Say which files of the log are not sent, because a link that git tracks leads elsewhere."""
    links = (find_tracked_link(repository, path) for path in list_files(log).values())
    for link in dict.fromkeys(filter(None, links)):
        tell(explain_link(link))


def fetch_branch(repository: Repository, remote: str, ref: str | None = None) -> str | None:
    """Fetch the branch of the logs of a remote, and return its commit; None if the remote has no such branch.

    Args:
        repository: The repository.
        remote: The name or URL of the remote.
        ref: The ref that takes it; if None, that of a branch of the remote, which a clone of a single branch lacks.

    Raises:
        GitError: git refuses, or the remote cannot be reached.
    """
    if not run_remote(repository, "ls-remote", "--quiet", "--", remote, LOG_REF).strip():
        return None
    if ref is None:
        name = remote if repository.read("remote", "get-url", "--", remote) is not None else "origin"
        ref = f"refs/remotes/{name}/{LOG_BRANCH}"
    run_remote(
        repository, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--", remote,
        f"+{LOG_REF}:{ref}",
    )  # fmt: skip
    return find_tip(repository, ref)


def _push(repository: Repository, remote: str) -> bool:
    """Send the branch; return whether the remote took it, or somebody else was faster."""
    # Without a `+`: what somebody else has sent must not be overwritten.
    command = ("push", "--quiet", "--no-verify", "--", remote, f"{LOG_REF}:{LOG_REF}")
    completed = run_as_user(repository.folder, command, environment={"GIT_TERMINAL_PROMPT": "0"})
    said = completed.stderr.decode("utf-8", "replace")
    if completed.returncode == 0:
        return True
    if any(reason in said for reason in _RACES):
        return False
    # What a hook of the server says is a better reason than that of git.
    lines = [line.removeprefix("remote:").strip() for line in said.splitlines() if line.startswith("remote:")]
    reason = "; ".join(filter(None, lines)) or read_error(completed.stderr)
    raise GitError(f"{remote} did not take the branch {LOG_BRANCH}: {reason}.")


def _merge(log: LogFile, repository: Repository, ours: str | None, theirs: str, tell: Tell) -> int:
    """Merge a commit of the branch into the files, save the result, and return the number of conflicts."""
    apart = find_apart_files(repository)
    if apart is None:
        raise GitError("The log is no longer kept apart; run `orglab init`.")
    home = Path(apart.home)
    names = _choose_files(repository, apart, theirs, tell)
    base_commit = find_merge_base(repository, ours, theirs) if ours is not None else None
    renames = find_renames(repository, base_commit, theirs) if base_commit is not None else {}
    base = read_texts(repository, base_commit, [*names, *renames]) if base_commit is not None else {}
    conflicts, texts = 0, read_texts(repository, theirs, names)
    for before, after in renames.items():
        if before in apart.names and after in texts:
            _rename(log, repository, home, before, after, tell)
            base[after] = base.get(before, b"")
    apart = find_apart_files(repository) or apart
    new = [name for name in names if name not in apart.names and not name.endswith(ARCHIVE_SUFFIX)]
    if new:
        add_apart(repository, [*new, *name_journals(repository, [*apart.names, *new], log.config.journal)])
    for name in names:
        conflicts += _merge_file(log, home / name, name, base.get(name), texts[name], tell)
    write_missing(repository, home, {name: texts[name] for name in names if name not in base})
    if not conflicts and (ours is None or is_ancestor(repository, ours, theirs)):
        move_ref(repository, LOG_REF, theirs, ours)
        for name in names:
            TextGuard(repository, home / name).set_base(theirs)
    else:
        with suppress(OSError):
            repository.shared_files.write(MERGING_NAME, f"{theirs}\n".encode("ascii"))
    if not conflicts:
        keep_text(log, at_once=True)
    return conflicts


def _choose_files(repository: Repository, apart: Apart, theirs: str, tell: Tell) -> list[str]:
    """Return the logs, journals and archives of a commit of the branch that may be in the working tree.

    Args:
        repository: The repository.
        apart: The files that are kept apart.
        theirs: The commit of others.
        tell: Called with a sentence about each file that is passed over.

    Raises:
        GitError: There are too many, one of this clone's is too large, or git fails.
    """
    kinds = (".org", ARCHIVE_SUFFIX)
    large = [name for name in list_large_texts(repository, theirs) if name.endswith(kinds)]
    if (own := next((name for name in large if name in apart.names), None)) is not None:
        raise GitError(f"{own} is larger than 64 MB in the branch {LOG_BRANCH} of others, so it was not merged.")
    names = [name for name in list_texts(repository, theirs) if name.endswith(kinds)]
    if len(names) > MOST_FILES:
        raise GitError(
            f"The branch {LOG_BRANCH} of others has {len(names)} logs, journals and archives, so it was not merged; "
            f"orglab merges at most {MOST_FILES}."
        )
    home = find_repository(Path(apart.home)) or repository
    taken = list_tracked(home, names)
    unreal = [name for name in names if not is_real_place(apart.home, name)]
    linked = [name for name in names if find_tracked_link(repository, Path(apart.home, name)) is not None]
    passed = dict.fromkeys(large, "it is larger than 64 MB")
    passed |= dict.fromkeys(taken, "git tracks a file of that name")
    passed |= dict.fromkeys((*unreal, *linked), "a link leads from there to another place")
    for name, reason in passed.items():
        tell(f"{name} of the branch {LOG_BRANCH} of others was not merged, because {reason}.")
    return [name for name in names if name not in passed]


def _follow_renumbering(log: LogFile, before: list[Experiment], tell: Tell) -> None:
    """Say which experiments and steps of this clone have other numbers now, and keep the active one active."""
    after: dict[tuple[str, Timestamp | None], list[Experiment]] = {}
    for experiment in log.experiments():
        after.setdefault((experiment.title, experiment.created), []).append(experiment)
    active = log.active.get()
    for old in before:
        found = after.get((old.title, old.created), [])
        if len(found) != 1:
            continue
        new = found[0]
        renamed = {old.ref: new.ref} | _compare_steps(old, new)
        for former, current in renamed.items():
            # The steps of an experiment go with it.
            if former == current or old.ref not in (former, new.ref):
                continue
            tell(
                f"Your {former} is now {current}: {new.title}."
                if former == old.ref
                else f"Your {former} is now {current}."
            )
        if active is not None and renamed.get(active, active) != active:
            with suppress(NotWritableError):
                log.active.set(renamed[active])


def _compare_steps(old: Experiment, new: Experiment) -> dict[str, str]:
    """Return the references of the steps of an experiment, and those of the steps with the same text now."""
    now = {step.text: step for step in new.steps}
    steps = {step.ref: now[step.text].ref for step in old.steps if step.text in now}
    # With the experiment, its steps have another reference anyway.
    return {ref: current for ref, current in steps.items() if old.ref != new.ref or ref != current}


def _rename(log: LogFile, repository: Repository, home: Path, old: str, new: str, tell: Tell) -> None:
    """Give a file the name that others have given it.

    Raises:
        NotWritableError: That cannot be done.
    """
    before, after = home / old, home / new
    is_log = log.name == old
    try:
        if os.path.lexists(before) and not os.path.lexists(after):
            before.rename(after)
            TextGuard(repository, after).record()
        replace_apart(repository, {old: new})
    except OSError as error:
        raise NotWritableError(f"{before} cannot be renamed to {after.name}: {error.strerror}.") from error
    if is_log:
        log.rename(after, log.config.journal)
        tell(f"Others have renamed {before.name}, so the log is now {after.name}.")
    elif log.journal == before:
        log.rename(log.path, after.name)


def _merge_file(log: LogFile, path: Path, name: str, base: bytes | None, theirs: bytes, tell: Tell) -> int:
    """Merge a version of others into a file, if it exists; return the number of conflicts."""
    if not os.path.lexists(path) or base == theirs:
        return 0
    if base is None:
        # They were begun apart.
        base = find_preamble(file.read(path).data, theirs)
    merged = merge_text(log, path, name, theirs, base)
    for note in merged.notes if not is_journal(path.name) else ():
        tell(f"{path.name}: {note}")
    if merged.conflicts:
        tell(
            f"{path.name} has {count(merged.conflicts, 'conflict')} with the changes of others; resolve "
            f"{'it' if merged.conflicts == 1 else 'them'} in the file, then run `orglab sync` again."
        )
    return merged.conflicts
