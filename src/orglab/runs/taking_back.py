"""Take the code of a run back: from the working tree, and from the branch that is checked out."""

import contextlib
from typing import NamedTuple

from orglab.errors import GitError, UsageError
from orglab.git import Repository
from orglab.git.commit import Commit
from orglab.git.keep_refs import keep_commits
from orglab.git.log_branch import find_tip
from orglab.git.reachability import find_unreachable
from orglab.git.rewrites.rewrite_map import append_rewrites
from orglab.git.taken_commits import find_branch, find_strangers, has_remote, move_branch, read_since, replay
from orglab.git.tree_changes import build_tree, compare_commits, find_other_files, unstage, write_files
from orglab.git.worktree import commit_paths, lock_commits, read_branch, read_changes
from orglab.log.log import LogFile
from orglab.runs.assignment import find_home, open_record, reread, update_note
from orglab.runs.code_paths import CodePaths
from orglab.runs.description import keep_mark, take_back_message
from orglab.runs.keeping import find_revert, name_commits, require_own_changes, require_quiet
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run
from orglab.runs.record_reader import find_run
from orglab.runs.seal import is_own
from orglab.text import Tell, listed


class TakenBack(NamedTuple):
    """What was taken back of a run.

    Attributes:
        files: The files that are as before it, relative to the top.
        commits: The full hashes of its commits that the branch does not have any more, or that were reverted.
        revert: The full hash of the commit that reverts them, because they had been pushed; None if they are gone.
    """

    files: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    revert: str | None = None


class _Plan(NamedTuple):
    """What is to be done, of which nothing has been done yet.

    Attributes:
        head: The full hash of HEAD.
        onto: The full hash of the commit before the oldest one of the run; HEAD if the branch has none of it.
        commits: That oldest one and all that follow it, newest first.
        own: The full hashes of those of the run.
        entries: For each file of the run, its entry at HEAD, and the one that it gets.
    """

    head: str
    onto: str
    commits: list[Commit]
    own: tuple[str, ...]
    entries: dict[str, tuple[str, str]]


def discard_with_code(log: LogFile, name: str, why: str, tell: Tell) -> Run:
    """Mark a run as one that does not count, take its code back, and return it; if that is refused, it still counts.

    Args:
        log: The log.
        name: The run's id, or a part of it.
        why: Why it is discarded.
        tell: Receives sentences for the user.

    Raises:
        NotFoundError: There is no such run, or it was made without git.
        UsageError: There is no reason, several runs have this name, or the run is part of a sweep, or another's.
        GitError: A file has other changes, or another commit came later; or git or a hook refuses.
        NotWritableError: The record cannot be written, or the run is still going on.
    """
    if not why.strip():
        raise UsageError("--reset needs -m WHY: the code is gone from the branch, and the reason stays.")
    run = find_run(LogRuns(log).all, name)
    if not is_own(run):
        # Else a record that came with a repository could name any commits of the branch.
        raise UsageError(f"This user did not make the run {run.id} here; discard it without --reset.")
    with lock_commits(find_home(log, run)), open_record(run) as record:
        run = reread(run)
        taken = _take_back(log, run, why, tell)
        fields = {"discarded": True, "discard_reason": why, "kept_code": None, "taken_back": taken._asdict()}
        record.append("discarded", fields, durable=True)
    changed = reread(run)
    update_note(log, changed, tell)
    return changed


def _take_back(log: LogFile, run: Run, why: str, tell: Tell) -> TakenBack:
    """Take the code of a run, and its results on the branch, back, and return what that was.

    Files that the run changed are as before it, in the working tree and on the branch.  If its commits had been pushed,
    they are reverted by a commit; else the branch does not have them any more, but for those of the log.  The commits
    stay in the repository, under refs of orglab.

    Args:
        log: The log.
        run: The run.
        why: Why it is discarded.
        tell: Receives sentences for the user.

    Raises:
        UsageError: The run is part of a sweep.
        NotFoundError: It was made without git, or a commit is not in this repository.
        GitError: A file has other changes, or another commit came later; or git or a hook refuses.
    """
    if run.fields.get("sweep"):
        raise UsageError(f"The run {run.id} is a version of a sweep, whose code is that of the others, too.")
    repository = find_home(log, run)
    require_quiet(repository)
    paths = CodePaths(log, repository, LogRuns(log).all)
    plan = _make_plan(repository, run, paths)
    _require_no_other_changes(repository, run, plan, paths)
    taken = _carry_out(log, repository, run, plan, why)
    _tell_taken(repository, run, taken, tell)
    return taken


def _make_plan(repository: Repository, run: Run, paths: CodePaths) -> _Plan:
    """Return what is to be done.

    Raises:
        GitError: The working tree or the branch has something else.
    """
    head = find_tip(repository, "HEAD") or ""
    own = tuple(sorted(_find_own_commits(repository, run)))
    commits = read_since(repository, own) if own else []
    if own and not commits:
        raise GitError(
            f"The commits of the run {run.id} came to this branch by a merge; revert that with `git revert`."
        )
    if strangers := find_strangers(repository, commits, own, paths.own):
        first = strangers[-1]
        raise GitError(
            f"Nothing has changed, because a commit that is not of the run {run.id} came after its own: "
            f"{first.short} {first.subject}."
        )
    onto = commits[-1].parents[0] if commits else head
    entries = {
        change.path: (change.new, change.old)
        for change in compare_commits(repository, onto, head)
        if change.path not in paths.own
    }
    known = {path: set(pair) for path, pair in entries.items()}
    if run.snapshot is not None and run.before not in (None, run.snapshot):
        here = {change.path: change.new for change in compare_commits(repository, run.before or "", onto)}
        at_head = {path: pair[0] for path, pair in entries.items()}
        for path, old, new in compare_commits(repository, run.before or "", run.snapshot):
            if not paths.is_left_out(path, new):
                after = here.get(path, old)
                entries[path] = at_head.get(path, after), after
                known.setdefault(path, set()).update((*entries[path], new))
    require_own_changes(repository, run, {path: tuple(one) for path, one in known.items()})
    return _Plan(head, onto, commits, own, entries)


def _find_own_commits(repository: Repository, run: Run) -> set[str]:
    """Return the commits that were made for a run and that HEAD has: of its code, its results, and of keeping it.

    What was reverted before is none of them.

    Raises:
        GitError: Another branch has them.
    """
    made = {commit for commit in (run.before if run.fields.get("base") else None, run.commit) if commit is not None}
    if run.kept_code is not None:
        message = repository.read("log", "-1", "--no-show-signature", "--format=%B", run.kept_code, "--") or b""
        made |= {run.kept_code} if keep_mark(run).encode() in message.splitlines() else set()
    if not made:
        return made
    elsewhere = find_unreachable(repository, made, ["HEAD"])
    # A branch that is not checked out here would go on having them.
    if branch := find_branch(repository, elsewhere if read_branch(repository) else made):
        raise GitError(f"The commits of the run {run.id} are on the branch {branch}; check it out first.")
    made -= elsewhere
    reverted = find_revert(repository, run)
    return made & find_unreachable(repository, made, [reverted]) if made and reverted is not None else made


def _require_no_other_changes(repository: Repository, run: Run, plan: _Plan, paths: CodePaths) -> None:
    """Check that no other tracked file has changes: what was not tried would be left.

    Raises:
        GitError: One has.
    """
    changes = read_changes(repository, all_files=False)
    others = [
        path for path in (*changes.tracked, *changes.unmerged)
        if path not in plan.entries and not paths.is_left_out_now(path)
    ]  # fmt: skip
    if others:
        raise GitError(
            f"Nothing has changed, because of changes that are not of the run {run.id}: {listed(others)}; "
            "commit or stash them first."
        )


def _carry_out(log: LogFile, repository: Repository, run: Run, plan: _Plan, why: str) -> TakenBack:
    """Take back what a plan names.

    Raises:
        GitError: git or a hook refuses; then files may be as at HEAD, and the branch is as it was.
    """
    at_head = {path: before for path, (before, _) in plan.entries.items()}
    other = find_other_files(repository, {path: (entry,) for path, entry in at_head.items()})
    files = tuple(sorted({*other, *(path for path, (before, after) in plan.entries.items() if before != after)}))
    if other:
        write_files(repository, "HEAD", {path: at_head[path] for path in other})
    if plan.entries:
        unstage(repository, [*plan.entries])
    if not plan.own:
        return TakenBack(files)
    # The log names them, `runs keep` may bring them back, and the other ones may be the code of later runs.
    keep_commits(repository, [commit.hash for commit in plan.commits])
    if not has_remote(repository, plan.commits[-1].hash):
        tip, rewritten = replay(repository, plan.onto, plan.commits, plan.own)
        move_branch(repository, tip)
        # Without the map, `check` only finds out that they are on no branch.
        with contextlib.suppress(OSError):
            append_rewrites(repository, "rebase", rewritten)
        return TakenBack(files, plan.own)
    after = {path: after for path, (before, after) in plan.entries.items() if before != after}
    new = [path for path in after if at_head[path].startswith("000000")]
    message = take_back_message(run, why, plan.own, log.config.hooks.position)
    tree = build_tree(repository, "HEAD", after)
    try:
        write_files(repository, tree, after)
        committed = commit_paths(repository, message, [*after], new)
    except GitError:
        write_files(repository, "HEAD", {path: at_head[path] for path in after})
        raise
    return TakenBack(files, plan.own, committed.full if committed is not None else None)


def _tell_taken(repository: Repository, run: Run, taken: TakenBack, tell: Tell) -> None:
    """Tell the user what was taken back."""
    if not taken.files and not taken.commits:
        tell(f"Nothing to take back: neither the working tree nor the branch has changes of the run {run.id}.")
        return
    what = f"Taken back: {listed(taken.files)}" if taken.files else "Taken back"
    if taken.revert is not None:
        what += f"; {name_commits(repository, [taken.revert])} reverts {name_commits(repository, taken.commits)}"
    elif taken.commits:
        what += f"; the branch does not have {name_commits(repository, taken.commits)} any more"
    tell(f"{what}. `orglab runs discard --undo` and `orglab runs keep` bring it back.")
