"""The working tree of a pinned sweep: that of the commit that it began on, so that its code cannot change meanwhile."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from orglab.errors import NotFoundError
from orglab.git.repository import is_full_hash
from orglab.log.log import LogFile
from orglab.runs.code_tree import is_below, open_code_tree, redirect_imports
from orglab.runs.sweeps.sweep import Sweep
from orglab.text import Tell


@contextlib.contextmanager
def pinned_tree(log: LogFile, sweep: Sweep, tell: Tell) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a temporary working tree of the commit of a sweep, and the environment variables for commands in it.

    What it writes as results is written to the real working tree.

    Args:
        log: The log.
        sweep: The sweep.
        tell: Called with each message for the user.

    Raises:
        NotFoundError: The sweep has no commit.
        GitError: git cannot make the working tree.
    """
    repository, commit, record = log.repository, sweep.state.code, sweep.record
    if repository is None or commit is None or not is_full_hash(commit):
        raise NotFoundError("A pinned sweep needs a commit, and this one began on none.")
    with open_code_tree(log, repository, record, commit, tell) as (tree, _):
        (repository.top / sweep.out).mkdir(parents=True, exist_ok=True)
        for name in sorted({os.path.normpath(path) for path in record.results}):
            _link_results(repository.top, tree, name, tell)
        folder = tree / (record.cwd or ".")
        yield tree, redirect_imports(record.argv, {}, repository, tree, folder, tell)


def _link_results(top: Path, tree: Path, name: str, tell: Tell) -> None:
    """Link a results path into a working tree, in place of what its commit has there."""
    target, place = top / name, tree / name
    if name in (".", "..") or not is_below(top, name):
        return
    if not os.path.lexists(target):
        tell(f"Not kept: {name}, which does not exist; a pinned sweep writes its results to {{out}}.")
        return
    if any((tree / parent).is_symlink() for parent in Path(name).parents):
        return  # it is in one that is linked already
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target.absolute())
