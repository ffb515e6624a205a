"""Commit the results of a run that has ended to its branch, or keep them beside the branches.

They wait while that branch is not checked out, or git is in the middle of an operation; those of a run that failed stay
beside the branch.  What is kept is held by a ref (`git.kept_files`), so that no reset or clean takes it away.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, OrglabError
from orglab.git import Repository, find_repository
from orglab.git.commit import find_commit_with
from orglab.git.files import path_in
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.kept_files import (
    RESULTS_REFS,
    find_differences,
    find_kept,
    forget_files,
    keep_files,
    list_kept,
    restore_files,
)
from orglab.git.worktree import (
    Changes,
    Committed,
    commit_paths,
    literal_pathspecs,
    lock_commits,
    read_changes,
    short_hash,
)
from orglab.log.log import LogFile
from orglab.runs.description import name_run, results_message
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.results import find_root, read_stamp, select_results
from orglab.text import MEGABYTE, Tell, listed

_NOTHING = "No results to commit: the run changed no files under the results paths, except ignored ones."


class ResultsRequest(NamedTuple):
    """What is to be done with the results of a run.

    Attributes:
        log: The log.
        repository: The repository that has the results.
        run: The run.
        append: Adds an event to its record.
        tell: Called with each message for the user.
        is_first: Whether the run has just ended, so that its files are as it wrote them.
        is_asked: Whether the user asks for this commit, so that results of a run that failed are committed too.
        replaces: Whether what HEAD has since of these files is replaced, because the user keeps the run.
    """

    log: LogFile
    repository: Repository
    run: Run
    append: Callable[[str, Mapping[str, object]], None]
    tell: Tell
    is_first: bool = False
    is_asked: bool = False
    replaces: bool = False

    @property
    def size_limit(self) -> int:
        """The megabytes of the largest new file that is committed."""
        return self.log.config.run.size_limit

    @property
    def whose(self) -> str:
        """Which results are meant, in a message."""
        return "" if self.is_first else f" of the {name_run(self.run)}"


def find_results_repository(log: LogFile, run: Run, *, is_own: bool) -> Repository | None:
    """Return the repository that a run wrote its results to, if it is there; else that of the log.

    Args:
        log: The log.
        run: The run.
        is_own: Whether this user has made it; of another run, the repository in its record is not believed.
    """
    return (_find_at(run.fields.get("repository")) if is_own else None) or log.repository


def find_own_tree(run: Run) -> Repository | None:
    """Return the working tree of its own that a run ran in, while it is there; believe only the record of an own run.

    Args:
        run: The run.
    """
    return _find_at(run.worktree)


def _find_at(top: object) -> Repository | None:
    found = find_repository(Path(top)) if isinstance(top, str) and Path(top).is_dir() else None
    return found if found is not None and str(found.top) == top else None


def describe_results(repository: Repository, run: Run) -> str:
    """Return the results of a run that are on no branch, without ignored files if that is known, and who keeps them."""
    kept = list_kept(repository, run.kept) if run.kept is not None else None
    return f"{listed(kept)} (kept in {RESULTS_REFS}{run.id})" if kept else listed(run.uncommitted)


def is_kept_aside(run: Run) -> bool:
    """Return whether the results of a run are not for its branch: it ended badly, or nobody has kept its code yet."""
    return ended_badly(run) or (run.worktree is not None and run.kept_code is None)


def ended_badly(run: Run) -> bool:
    """Return whether a run failed, diverged or was stopped, and its results are not to be committed all the same."""
    return (run.status != "done" or run.is_diverged) and run.fields.get("commit_failed") is not True


def settle_results(request: ResultsRequest, obstacle: str | None) -> tuple[Run, str | None]:
    """Commit the results of a run, or keep them; return the run as recorded then, and why they wait, or None.

    What is not as the run wrote it is not committed, unless it is unchanged since HEAD: then the kept files are written
    to the working tree first.

    Args:
        request: What to do.
        obstacle: Why the results cannot be committed now, or None.
    """
    run, repository, tell = request.run, request.repository, request.tell
    files = _find_files(request)
    if request.replaces and run.kept is not None:
        # The folder of the record has the others.
        files = {path: files[path] for path in list_kept(repository, run.kept) if path in files}
    outside = [path for path in run.uncommitted if path_in(repository, repository.top / path) is None]
    if outside and request.is_first:
        tell(f"Not committed: {listed(outside)} (outside the repository); the record has the hashes.")
    if not files:
        if request.is_first and not outside:
            tell(_NOTHING)
        return run, None
    if is_kept_aside(run) and not request.is_asked:
        return _keep_aside(request, files), None
    if run.kept is None and not request.is_first and (kept := find_kept(repository, run.id)) is not None:
        # orglab was killed before it could record that.
        request.append("kept", {"kept": kept})
        run = read_run(run.folder) or run
        request = request._replace(run=run)
    if run.kept is None and not request.is_first and not any(_is_there(repository, *item) for item in files.items()):
        tell(f"The results of the run {run.id} are not there any more, and were not committed: {listed(files)}.")
        return run, None
    if obstacle is None:
        try:
            return _record_commit(request, _commit(request, files)), None
        except (OrglabError, OSError) as error:
            obstacle = str(error).rstrip(".")
    with contextlib.suppress(GitError, OSError):
        run = _keep(request, files)
    return run, obstacle


def _find_files(request: ResultsRequest) -> dict[str, HashedFile | None]:
    """Return the results in the repository by their paths from its top: None for links, and for what was removed."""
    run, repository = request.run, request.repository
    named: dict[str, HashedFile | None] = {file.path: file for file in run.outputs}
    named.update(dict.fromkeys((*run.removed, *run.links)))
    excluded = request.log.find_own_paths(repository)
    found = ((path_in(repository, repository.top / path), file) for path, file in named.items())
    return {path: file for path, file in found if path is not None and path not in excluded}


def _is_there(repository: Repository, path: str, file: HashedFile | None) -> bool:
    """Return whether a file may be as the run left it: it has the size, is a link, or is missing if it was removed."""
    stamp = read_stamp(repository.top / path)
    is_link = (repository.top / path).is_symlink()
    if file is None:
        return stamp is None or is_link
    return stamp is not None and stamp.size == file.size and not is_link


def _is_as_written(repository: Repository, path: str, file: HashedFile | None) -> bool:
    """Return whether a file is as the run left it."""
    if not _is_there(repository, path, file):
        return False
    try:
        return file is None or hash_file(repository, repository.top / path) == file.sha256
    except OSError:
        return False


def _keep_aside(request: ResultsRequest, files: Mapping[str, HashedFile | None]) -> Run:
    """Keep the results of a run that failed, or whose code is not in the branch, and tell the user."""
    run = request.run
    if run.kept is not None:
        return run
    if not ended_badly(run):
        run = _keep(request, files)
        if run.kept is not None:
            kept = describe_results(request.repository, run)
            request.tell(f"Not committed: {kept}; `orglab runs keep {run.id}` commits the code and them.")
        return run
    reason = "diverged" if run.status == "done" else run.status.replace("killed", "was killed")
    said = f"Not committed, because the run {reason.replace('stopped', 'was stopped')}"
    try:
        run = _keep(request, files)
    except (GitError, OSError) as error:
        request.tell(f"{said}: {listed(files)}; the files stay in the working tree, but no copy was kept: {error}")
        return run
    if run.kept is not None:
        where = "" if run.worktree is not None else "; the files stay in the working tree"
        request.tell(f"{said}: {describe_results(request.repository, run)}{where}.")
    return run


def _keep(request: ResultsRequest, files: Mapping[str, HashedFile | None]) -> Run:
    """Keep the results under a ref, unless that was done; return the run as recorded then.

    Raises:
        GitError: They cannot be kept.
    """
    run, repository = request.run, request.repository
    if run.kept is not None:
        return run
    written = [path for path, file in files.items() if request.is_first or _is_as_written(repository, path, file)]
    kept = keep_files(
        repository, run.id, run.before, written, results_message(run, request.log.config.hooks.position),
        request.size_limit * MEGABYTE,
    )  # fmt: skip
    if kept.large and is_kept_aside(run):
        request.tell(f"Not kept: {listed(kept.large)} (larger than run.size_limit, {request.size_limit} MB).")
    if kept.commit is not None:
        request.append("kept", {"kept": kept.commit})
    return read_run(run.folder) or run


def _commit(request: ResultsRequest, files: Mapping[str, HashedFile | None]) -> Committed | None:
    """Commit the results of a run; return None if there is nothing to commit.

    Raises:
        GitError: git or a hook refuses; or all that is there is the user's.
    """
    run, repository = request.run, request.repository
    with lock_commits(repository):
        roots = [*_find_roots(repository, run)]
        changes = read_changes(repository, roots)
        if run.kept is not None and not request.is_first and _restore(request, files, changes, roots):
            changes = read_changes(repository, roots)
        # What is left out is told once it is certain that the rest is committed.
        messages: list[str] = []
        changed, new = select_results(repository, changes, files, request.size_limit, messages.append)
        others = set() if request.is_first else {*_find_others(repository, run, files, {*changed, *new})}
        if others:
            where = f"; as written they are in {RESULTS_REFS}{run.id}" if run.kept is not None else ""
            messages.append(
                f"Changed since the run {run.id} wrote them, and not committed: {listed(sorted(others))}{where}."
            )
        new = [path for path in new if path not in others]
        paths = [path for path in changed if path not in others] + new
        if not paths and others and run.kept is not None:
            raise GitError("the files were changed since the run wrote them, or git ignores them now")
        committed = (
            commit_paths(repository, results_message(run, request.log.config.hooks.position), paths, new)
            if paths
            else None
        )
        if run.kept is not None and not others and (committed or not paths):
            forget_files(repository, run.id)
    for message in messages:
        request.tell(message)
    if request.is_first and not paths:
        request.tell(_NOTHING)
    return committed or _find_earlier_commit(repository, run)


def _find_earlier_commit(repository: Repository, run: Run) -> Committed | None:
    """Return the commit of the results that a process made that was killed before it could record it."""
    # The message of another commit may quote one of the lines.
    lines = [f"Code: {run.code or 'no commit'}", f"Run: {run.id}"]
    full = find_commit_with(repository, lines, run.before)
    return Committed(full, short_hash(repository, full)) if full is not None else None


def _record_commit(request: ResultsRequest, committed: Committed | None) -> Run:
    """Record the commit of the results, tell the user, and return the run as recorded then."""
    run = request.run
    if committed is None:
        return run
    request.append("committed", {"commit": committed.full, "hash": committed.short, "kept": None})
    request.tell(f"Committed the results{request.whose} as {committed.short}.")
    return read_run(run.folder) or run


def _find_roots(repository: Repository, run: Run) -> Iterator[str]:
    """Yield the files and folders in the repository that the results paths of a run name, relative to the top."""
    for name in run.results:
        root = find_root(repository.top / name)
        # A link to a folder is followed: git would look at the link alone.
        for path in dict.fromkeys((root, root.resolve())):
            if (found := path_in(repository, path)) is not None:
                yield found


def _restore(
    request: ResultsRequest, files: Mapping[str, HashedFile | None], changes: Changes, roots: list[str]
) -> bool:
    """Write kept files to the working tree where it and HEAD are as before the run; return whether there were any.

    Raises:
        GitError: git fails.
    """
    run, repository = request.run, request.repository
    if run.kept is None:
        return False
    kept = list_kept(repository, run.kept)
    # What was committed since is newer than what is kept.
    changed = {*changes.tracked, *changes.untracked, *changes.unmerged}
    if not request.replaces:
        changed |= find_differences(repository, run.kept, since_run=True)
    listed_names = repository.at_top.query("ls-files", "-z", "--", *literal_pathspecs(roots))
    tracked = {*map(os.fsdecode, listed_names.split(b"\0"))}

    def is_unchanged(path: str) -> bool:
        file = repository.top / path
        return (
            path not in changed and path_in(repository, file) == path and (path in tracked or read_stamp(file) is None)
        )

    lost = [
        path for path, file in files.items()
        if path in kept and is_unchanged(path) and not _is_as_written(repository, path, file)
    ]  # fmt: skip
    for path in lost:
        if not kept[path]:
            (repository.top / path).unlink(missing_ok=True)
    if there := [path for path in lost if kept[path]]:
        restore_files(repository, run.kept, there)
    return bool(lost)


def _find_others(
    repository: Repository, run: Run, files: Mapping[str, HashedFile | None], selected: Collection[str]
) -> Iterator[str]:
    """Yield the paths of the results that are gone or not as the run wrote them, in the working tree or at HEAD.

    HEAD counts for kept files that are not selected: only what it has, or will have, need not be kept any longer.
    """
    if run.kept is not None:
        kept = list_kept(repository, run.kept)
        yield from find_differences(repository, run.kept).intersection(kept, files).difference(selected)
    for path, file in files.items():
        is_missing = file is not None and read_stamp(repository.top / path) is None
        if is_missing or (path in selected and not _is_as_written(repository, path, file)):
            yield path
