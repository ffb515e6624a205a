"""What a run wrote to a working tree of its own: what no commit has is moved to the folder of its record."""

import contextlib
import filecmp
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from orglab.errors import GitError
from orglab.git import Repository, find_repository
from orglab.git.hashed_file import hash_file
from orglab.git.inside import walk_inside
from orglab.git.kept_files import list_kept
from orglab.git.process import NO_HOOKS
from orglab.git.repository import is_full_hash
from orglab.git.untracked import DERIVED, ENVIRONMENT_MARKS, ENVIRONMENT_NAMES
from orglab.log.log import LogFile
from orglab.runs.record import OUT, Run
from orglab.runs.record_reader import read_runs
from orglab.runs.seal import is_own
from orglab.text import Tell, listed


def save_files(run: Run, home: Repository, tree: Path, tell: Tell) -> bool:
    """Move what only the working tree of a run has to the folder `out` of its record.

    That is what differs from its code, ignored files and changed ones included, without the results that are kept
    beside the branch, links out of the working tree, environments and caches.

    Args:
        run: The run.
        home: The repository.
        tree: The working tree.
        tell: Called with each message for the user.

    Returns:
        Whether the working tree may be removed; else the user knows what it has.
    """
    moved: list[str] = []
    lost: list[str] = []
    try:
        kept = list_kept(home, run.kept) if run.kept is not None else {}
        for path in [*_find_made(run, tree)]:
            if not kept.get(path):
                (moved if _move(tree / path, run.folder / OUT / path) else lost).append(path)
    except (GitError, OSError) as error:
        lost.append(f"files of the run ({error})")
    if moved:
        tell(f"Moved to {run.folder / OUT}: {listed(moved)}.")
    if lost:
        tell(f"Kept the working tree {tree}, because it alone has {listed(lost)}; "
             f"remove it with `git worktree remove --force {tree}`.")  # fmt: skip
    return not lost


def save_abandoned(log: LogFile, home: Repository, tree: Path, tell: Tell) -> bool:
    """Save what a working tree has whose process was killed, if it is that of a run, and return whether it may go.

    Args:
        log: The log.
        home: The repository.
        tree: The working tree.
        tell: Called with each message for the user.
    """
    place = os.path.realpath(tree)
    run = next((run for run in read_runs(log.top) if run.worktree and os.path.realpath(run.worktree) == place), None)
    # A rerun and a sweep have nothing there that is kept.
    return run is None or (is_own(run) and not run.is_going_on and save_files(run, home, tree, tell))


def _find_made(run: Run, tree: Path) -> Iterator[str]:
    """Yield the files in a working tree that are not as in the code of its run, relative to the top.

    Raises:
        GitError: git fails, or the code is unknown.
        OSError: A file cannot be read.
    """
    repository = find_repository(tree)
    if repository is None or repository.top != tree or not is_full_hash(run.code):
        raise GitError("its commit is not known")
    # The index is that of HEAD, and may have what the command added. HEAD may be a branch of the command's by now.
    repository.run("read-tree", "--reset", run.code, environment=NO_HOOKS)
    copied = {file.path: file.sha256 for file in run.left_out}
    for path in _list_changed(repository):
        file = tree / path
        if _is_content(tree, file) and not (copied.get(path) and hash_file(repository, file) == copied[path]):
            yield path


def _list_changed(repository: Repository) -> Iterator[str]:
    """Yield the files of a working tree that differ from its index or are not in it, those in submodules included.

    Raises:
        GitError: git fails.
    """
    top = repository.at_top
    stages = [line.partition(b"\t") for line in top.query("ls-files", "-z", "--stage").split(b"\0")]
    modules = {os.fsdecode(name) for stage, _, name in stages if stage.startswith(b"160000 ")}
    # As the user: a filter may have to tell whether a file has changed.
    changed = _split(top.run("ls-files", "-z", "--modified", environment=NO_HOOKS))
    yield from (path for path in dict.fromkeys(changed) if path not in modules)
    for path in _split(top.query("ls-files", "-z", "--others", "--directory", "--no-empty-directory")):
        if path.endswith("/"):
            yield from _list_folder(repository, path.rstrip("/"))
        else:
            yield path
    for name in modules:
        module = find_repository(top.top / name)
        if module is not None and module.top == top.top / name:
            yield from (f"{name}/{path}" for path in _list_changed(module))


def _split(printed: bytes) -> list[str]:
    return [os.fsdecode(name) for name in printed.split(b"\0") if name]


def _list_folder(repository: Repository, folder: str) -> Iterator[str]:
    """Yield the files in an untracked folder, without what any run of Python or any installation makes again."""
    if Path(folder).name in (DERIVED, *ENVIRONMENT_NAMES):
        return
    for parent, folders, names in walk_inside(repository, repository.top / folder):
        if not ENVIRONMENT_MARKS.isdisjoint(names):
            folders.clear()
            continue
        inside = os.path.relpath(parent, repository.top)
        yield from (f"{inside}/{name}" for name in names)
        yield from (f"{inside}/{name}" for name in folders if Path(parent, name).is_symlink())
        folders[:] = [name for name in folders if name not in (DERIVED, *ENVIRONMENT_NAMES)]


def _is_content(tree: Path, file: Path) -> bool:
    """Return whether a path is a regular file or a link within the working tree."""
    try:
        mode = file.lstat().st_mode
        if not stat.S_ISLNK(mode):
            return stat.S_ISREG(mode)
        # One that leads elsewhere, such as those that `run.link` has made, has nothing of the run.
        return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(tree))
    except OSError:
        return False


def _move(source: Path, target: Path) -> bool:
    """Move a file to a place that is free, or has the same file; return whether it is there."""
    with contextlib.suppress(OSError):
        if os.path.lexists(target):
            return not target.is_symlink() and filecmp.cmp(source, target, shallow=False)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)  # the record may be on another file system
        return True
    return False
