"""A temporary working tree of the code of a run: for reruns, pinned sweeps, and runs that have one of their own."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from orglab.errors import NotFoundError
from orglab.git import Repository, find_repository
from orglab.git.hashed_file import hash_file
from orglab.git.path_pattern import expand_path
from orglab.git.repository import is_full_hash
from orglab.git.scratch import add_worktree, scratch_worktree
from orglab.git.trees import find_ignored_paths, has_commit
from orglab.log.log import LogFile
from orglab.runs.environment import find_python
from orglab.runs.imports import find_import_folders
from orglab.runs.record import Run
from orglab.runs.rerun_consent import is_inner
from orglab.runs.storage import HIDDEN_FOLDER
from orglab.text import Tell, listed

_MOST_PLACES = 10_000  # that a pattern in a record names


def find_code(repository: Repository | None, run: Run) -> tuple[Repository, str]:
    """Return the repository and the full hash of the commit of the code of a run.

    Args:
        repository: The repository that the run was made in; None if it is not there.
        run: The run.

    Raises:
        NotFoundError: The commit is unknown, or not in this repository.
    """
    commit = run.code if run.code is not None and is_full_hash(run.code) else None
    if repository is None or commit is None:
        raise NotFoundError(f"The code of the run {run.id} is unknown: its record names no commit.")
    if not has_commit(repository, commit):
        raise NotFoundError(
            f"The commit {commit} of the run {run.id} is not in this repository; "
            + (
                "push it from the clone that made the run with `orglab sync --snapshots`, and fetch it."
                if run.snapshot
                else "push it from the clone that made the run, and fetch it."
            )
        )
    return repository, commit


@contextlib.contextmanager
def open_code_tree(
    log: LogFile, repository: Repository, run: Run, commit: str, tell: Tell, links: Sequence[str] = ()
) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Yield a temporary working tree of a commit, and a function that has it kept; else it is removed afterwards.

    It has what the run needs and no commit holds, as far as that is there and has not changed; the user knows what is
    missing.

    Args:
        log: The log.
        repository: The repository.
        run: The run whose code it is.
        commit: The full hash of the commit with that code.
        tell: Called with each message for the user.
        links: Ignored paths to link, besides those that the setting `run.link` names.

    Raises:
        GitError: git cannot make the working tree.
    """
    with scratch_worktree(repository, commit[:7]) as (checkout, keep):
        add_worktree(checkout, commit)
        linked = (*links, *log.config.run.link, *log.find_own_paths(repository))
        for missing in _restore_files(run, repository, checkout.place, linked):
            tell(f"Missing: {missing}.")
        yield checkout.place, keep


def is_below(tree: Path, path: str) -> bool:
    """Return whether a path or pattern of a record is inside of a working tree, links in its commit resolved."""
    if not is_inner(path):
        return False
    real, repository = Path(os.path.realpath(tree)), find_repository(tree)
    parts = Path(path).parts
    for count in range(1, len(parts) + 1):
        places = [*islice(expand_path(repository, tree.joinpath(*parts[:count])), _MOST_PLACES + 1)]
        if len(places) > _MOST_PLACES:
            return False
        for place in places:
            found = Path(os.path.realpath(place))
            if not found.is_relative_to(real) or ".git" in found.relative_to(real).parts:
                return False
    return True


def _find_place(tree: Path, path: str) -> Path | None:
    """Return where a file of a path can be made in a working tree, through no link; None if it cannot be.

    The folders that it needs are made.
    """
    *folders, name = Path(path).parts if is_inner(path) else ("",)
    place = tree
    for folder in folders:
        place = place / folder
        try:
            place.mkdir(exist_ok=True)
        except OSError:
            return None
        if place.is_symlink():
            return None
    return place / name if name and not os.path.lexists(place / name) else None


def redirect_imports(
    argv: Sequence[str], variables: dict[str, str], repository: Repository, tree: Path, folder: Path, tell: Tell
) -> dict[str, str]:
    """Return the environment variables that make a command import the code of a working tree; the user knows of it.

    Where Python would import from the repository itself, by PYTHONPATH, a .pth file or an editable install, the same
    folders of the working tree come first.
    """
    python = find_python(tuple(argv), folder, repository.top)
    if python is None:
        return variables
    around = {**os.environ, **variables}
    top, tree = repository.top.resolve(), tree.resolve()
    now = [path.resolve() for path in find_import_folders(python, folder, around, top)]
    # What is not in the commit, such as an environment in the repository, cannot come from there.
    moved = {path: tree / path.relative_to(top) for path in now if not path.is_relative_to(tree)}
    moved = {path: place for path, place in moved.items() if place.is_dir()}
    if not moved:
        return variables
    tell(
        f"Imported from the commit, not from the present code: {listed(str(path.relative_to(top)) for path in moved)}."
    )
    kept = [
        path for path in around.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path).resolve() not in moved
    ]
    return {**variables, "PYTHONPATH": os.pathsep.join([*map(os.fspath, moved.values()), *kept])}


def _restore_files(run: Run, repository: Repository, tree: Path, links: Sequence[str]) -> Iterator[str]:
    """Copy and link files that no commit holds into a working tree, and yield what is missing."""
    copied = []
    for large in run.left_out:
        # A secret is not copied, and a record may name a path outside of the repository.
        if large.sha256 is None or large.reason == "secret" or large.path in links or not is_inner(large.path):
            continue
        copied.append(large.path)
        source = repository.top / large.path
        is_same = (
            is_below(repository.top, large.path) and source.is_file() and hash_file(repository, source) == large.sha256
        )
        if is_same and (target := _find_place(tree, large.path)) is not None:
            shutil.copy2(source, target)
        else:
            yield f"{large.path} (changed or missing, and not in any commit)"
    if run.uncaptured:
        yield f"{listed(run.uncaptured)} (not in any commit)"
    if run.untracked:
        yield f"{listed(run.untracked)} (untracked)"
    provided = {*links, *copied}
    if left_out := [file.path for file in run.left_out if file.path not in provided]:
        yield f"{listed(left_out)} (left out of the snapshot; the setting run.link links what the command needs)"
    for link in links:
        if os.path.lexists(repository.top / link) and (target := _find_place(tree, link)) is not None:
            target.symlink_to(repository.top / link)
    not_needed = (*run.metrics_files, *(output.path for output in run.outputs), *links)
    provided = {path.rstrip("/") for path in not_needed}
    unwanted = (f"{HIDDEN_FOLDER}/", "__pycache__")
    ignored = [path for path in find_ignored_paths(repository) if not any(part in path for part in unwanted)]
    missing = [
        path
        for path in ignored
        if path.rstrip("/") not in provided and not any(output.path.startswith(path) for output in run.outputs)
    ]
    if missing:
        yield f"{listed(missing)} (ignored by git; the setting run.link links what the command needs)"
