"""The working tree of a pinned sweep: that of the commit that it began on, so that its code cannot change meanwhile."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from orglab.errors import GitError, NotFoundError
from orglab.git import Repository, find_repository
from orglab.git.process import NO_HOOKS
from orglab.git.repository import is_full_hash
from orglab.git.worktree import literal_pathspecs, read_changes
from orglab.log.log import LogFile
from orglab.runs.code_tree import is_below, open_code_tree, redirect_imports
from orglab.runs.sweeps.sweep import Sweep
from orglab.text import Tell


@contextlib.contextmanager
def pinned_tree(log: LogFile, sweep: Sweep, tell: Tell) -> Iterator[tuple[Path, dict[str, str], Callable[[], None]]]:
    """Yield a temporary working tree of the commit of a sweep, the environment variables for commands in it, and more.

    What it writes as results is written to the real working tree. The function that is yielded last takes back what a
    command has changed otherwise, so that the next one runs on the commit, too.

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
        yield tree, redirect_imports(record.argv, {}, repository, tree, folder, tell), _make_cleaner(tree, tell)


def _make_cleaner(tree: Path, tell: Tell) -> Callable[[], None]:
    """Return a function that makes a working tree what it is now, but for what git ignores."""
    repository = find_repository(tree)
    if repository is None:
        return lambda: None
    before = read_changes(repository)

    def clean() -> None:
        try:
            now = read_changes(repository)
            _take_back(repository, {*now.tracked, *now.unmerged}.difference(before.tracked))
        except GitError as error:
            tell(f"What the last version changed in its working tree was not taken back: {error}")
            return
        for path in {*now.untracked}.difference(before.untracked):
            with contextlib.suppress(OSError):
                (tree / path).unlink()

    return clean


def _take_back(repository: Repository, paths: set[str]) -> None:
    """Make files what they are in the commit that is checked out."""
    if paths:
        repository.at_top.run(
            "checkout", "--quiet", "--force", "HEAD", "--pathspec-from-file=-", "--pathspec-file-nul",
            stdin=b"\0".join(map(os.fsencode, literal_pathspecs(sorted(paths)))), environment=NO_HOOKS,
        )  # fmt: skip


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
