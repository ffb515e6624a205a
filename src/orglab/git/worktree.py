"""The changes of the working tree, and commits of some of them.

Commits here contain whole files as they are in the working tree (`git commit --only`), because that is the code that
runs.  Other changes that the user has staged stay staged.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.files import is_own_file
from orglab.git.private_files import read_regular
from orglab.git.repository import Repository
from orglab.git.scratch import scratch_folder
from orglab.lock import held

_IN_PROGRESS = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    # Between two commits of a series, neither CHERRY_PICK_HEAD nor REVERT_HEAD is there.
    "sequencer": "a series of cherry-picks or reverts",
    "BISECT_LOG": "a bisect",
}
# Tells orglab's hooks that orglab makes this commit, so that they do nothing; the user's hooks run.
_COMMITTING = {"ORGLAB_COMMITTING": "1"}
_LOCK_SECONDS = 60.0
_BUSY_SECONDS = 10.0
_BUSY_PAUSE = 0.05
# Number of fields before the path in the lines of `git status --porcelain=v2` (git-status(1)).
_FIELDS = {b"1": 8, b"u": 10}


class Changes(NamedTuple):
    """The output of `git status`.  Paths are relative to the top of the repository.

    Attributes:
        head: The full hash of HEAD; None before the first commit.
        tracked: Tracked paths that differ from HEAD, staged or not.
        untracked: Untracked files that are not ignored; a nested repository ends in `/`.
        unmerged: Paths with conflicts.
        submodules: Submodules with changes in their own working trees.
        is_staged: Whether the index differs from HEAD; then the working tree may be equal to HEAD.
        edited_submodules: The submodules in which tracked files have changes.
    """

    head: str | None
    tracked: tuple[str, ...]
    untracked: tuple[str, ...]
    unmerged: tuple[str, ...]
    submodules: tuple[str, ...]
    is_staged: bool = False
    edited_submodules: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether the working tree is equal to HEAD."""
        return not (self.tracked or self.untracked or self.unmerged or self.submodules)


class Committed(NamedTuple):
    """The hashes of a new commit.

    Attributes:
        full: The full hash.
        short: The short hash, as abbreviated by git.
    """

    full: str
    short: str


def read_changes(repository: Repository, paths: Sequence[str] = (), *, all_files: bool = True) -> Changes:
    """Return the differences between HEAD and the working tree.

    Args:
        repository: The repository.
        paths: The paths to look at, relative to the top; everything if there are none.
        all_files: Whether to list each file of an untracked folder instead of the folder.

    Raises:
        GitError: git fails, or is not installed.
    """
    printed = repository.at_top.query(
        "-c", "status.relativePaths=false", "status", "--porcelain=v2", "-z", "--branch", "--no-renames",
        "--ignore-submodules=none", f"--untracked-files={'all' if all_files else 'normal'}", "--",
        *literal_pathspecs(paths),
    )  # fmt: skip
    head = None
    is_staged = False
    tracked, untracked, unmerged, submodules, edited = [], [], [], [], []
    for line in printed.split(b"\0"):
        kind = line[:1]
        if line.startswith(b"# branch.oid ") and line != b"# branch.oid (initial)":
            head = line.split(b" ")[2].decode()
        elif kind == b"?":
            if not is_own_file(path := os.fsdecode(line[2:])):
                untracked.append(path)
        elif kind in _FIELDS:
            fields = line.split(b" ", _FIELDS[kind])
            path = os.fsdecode(fields[-1])
            state, submodule = fields[1], fields[2]
            is_staged = is_staged or state[:1] != b"." or fields[3] == b"000000"  # not in HEAD
            if kind == b"u":
                unmerged.append(path)
                continue
            if submodule.startswith(b"S") and submodule[2:] != b"..":
                submodules.append(path)
                edited += [path] if submodule[2:3] == b"M" else []
            if not submodule.startswith(b"S") or submodule[1:2] == b"C" or state[:1] != b".":
                tracked.append(path)
    return Changes(head, tuple(tracked), tuple(untracked), tuple(unmerged), tuple(submodules), is_staged, tuple(edited))


def find_committable(repository: Repository, changes: Changes) -> list[str]:
    """Return the changed paths whose content in the working tree differs from HEAD, so that they can be committed.

    Changes that are staged but undone in the working tree are left out, and so are files that are staged for removal
    but still exist.
    """
    if changes.head is None:
        return [path for path in changes.tracked if os.path.lexists(repository.top / path)]
    if not (changes.is_staged or changes.unmerged):
        return list(changes.tracked)
    printed = repository.at_top.query(
        "diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=dirty", "--name-status", "-z",
        changes.head, "--",
    )  # fmt: skip
    pieces = printed.split(b"\0")
    committable = []
    for state, name in zip(pieces[::2], pieces[1::2], strict=False):
        path = os.fsdecode(name)
        if state != b"D" or not os.path.lexists(repository.top / path):
            committable.append(path)
    return committable


def find_operation(repository: Repository) -> str | None:
    """Return the operation that git is in the middle of, such as `a merge`, or None."""
    files = ((repository.git_dir / name, operation) for name, operation in _IN_PROGRESS.items())
    return next((operation for file, operation in files if os.path.lexists(file)), None)


def find_rebased_branches(repository: Repository) -> list[str]:
    """Return the refs of the branches that rebases are about to move, in all worktrees."""
    common = repository.common_dir
    refs = []
    for folder in (common, *common.glob("worktrees/*")):
        for name in ("rebase-merge", "rebase-apply"):
            with suppress(OSError):
                refs.append(os.fsdecode(read_regular(folder / name / "head-name", follow=True)).strip())
    return [ref for ref in refs if ref.startswith("refs/heads/")]


def read_branch(repository: Repository) -> str:
    """Return the branch that is checked out, such as `main`; an empty string if HEAD is detached or cannot be read."""
    try:
        head = os.fsdecode(read_regular(repository.git_dir / "HEAD", follow=True)).strip()
    except OSError:
        return ""
    if head == "ref: refs/heads/.invalid":  # the refs are in tables, and only git can read those
        head = f"ref: {os.fsdecode(repository.read('symbolic-ref', '--quiet', 'HEAD') or b'').strip()}"
    name = head.removeprefix("ref: refs/heads/")
    return "" if name == head else name


def is_known_to_be_at(repository: Repository, branch: str, commit: str) -> bool:
    """Return whether HEAD is at a commit of a branch, or detached if that is empty; False if only git could tell."""
    file = repository.common_dir / "refs/heads" / branch if branch else repository.git_dir / "HEAD"
    try:
        return read_branch(repository) == branch and read_regular(file, follow=True).strip() == commit.encode()
    except (OSError, ValueError):
        return False


def is_commit_in_progress(repository: Repository) -> bool:
    """Return whether a `git commit` is going on in this working tree: perhaps its message is being written.

    A commit that another process makes meanwhile makes it fail, and the message is lost.  Hold `lock_commits`, or a
    commit of another orglab counts too.  Without `/proc`, a locked index is the only sign.
    """
    processes = Path("/proc")
    if not (processes / "self" / "cmdline").exists():
        return (repository.git_dir / "index.lock").exists()
    top = os.path.realpath(repository.top)
    for folder in processes.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if (
                words[0].rpartition(b"/")[2] == b"git"
                and b"commit" in words
                and os.fspath((folder / "cwd").readlink()) == top
            ):
                return True
        except OSError:
            continue  # it has ended, or is another user's
    return False


def has_autostash(repository: Repository) -> bool:
    """Return whether a rebase has stashed changes (`rebase.autoStash`) and will restore them when it ends."""
    return any((repository.git_dir / name / "autostash").exists() for name in ("rebase-merge", "rebase-apply"))


def commit_paths(
    repository: Repository, message: str, paths: Iterable[str], new: Iterable[str] = ()
) -> Committed | None:
    """Commit these paths as they are in the working tree, as the user would, and return the commit's hashes.

    The index entries of all other paths stay as they were.  What a hook added to the commit, such as a formatter, is in
    the index too; the working tree stays as the hook left it.  Paths that another process has committed since they were
    listed are left out; if those are all, no commit is made, and the result is None.

    Args:
        repository: The repository.
        message: The message.
        paths: The paths, relative to the top.
        new: The untracked ones among them.

    Raises:
        GitError: git or a hook fails; then nothing is committed, and `new` are still untracked.
    """
    paths, new = frozenset(paths), frozenset(new)
    with lock_commits(repository):
        while True:
            try:
                _commit_as_user(repository, message, paths, new)
                break
            except GitError:
                changes = read_changes(repository, sorted(paths))
                left = paths.intersection((*find_committable(repository, changes), *changes.untracked))
                if not left:
                    return None
                if left == paths:
                    raise
                paths, new = left, new.intersection(changes.untracked)
        _accept_changes_of_hooks(repository.at_top, paths)
        printed = repository.at_top.query("log", "-1", "--no-show-signature", "--format=%H %h", "HEAD", "--")
        full, short = printed.decode().split()
        return Committed(full, short)


def _commit_as_user(repository: Repository, message: str, paths: frozenset[str], new: frozenset[str]) -> None:
    """Let git commit these paths, with the user's hooks and settings.

    Raises:
        GitError: git or a hook fails; then `new` are still untracked.
    """
    top = repository.at_top
    pathspecs = b"\0".join(map(os.fsencode, literal_pathspecs(sorted(paths))))
    untracked = b"\0".join(map(os.fsencode, literal_pathspecs(sorted(new))))
    from_input = ("--pathspec-from-file=-", "--pathspec-file-nul")
    if untracked:
        _run_with_retries(top, "add", "--intent-to-add", *from_input, stdin=untracked)
    # The message goes into a file, because standard input holds the paths.
    try:
        with scratch_folder(repository) as folder:
            message_file = folder / "message"
            message_file.write_bytes(message.encode("utf-8", "replace"))
            _run_with_retries(
                top, "commit", "--quiet", "--only", "--cleanup=whitespace", f"--file={message_file.absolute()}",
                *from_input, stdin=pathspecs,
            )  # fmt: skip
    except GitError:
        if untracked:
            _run_with_retries(top, "reset", "--quiet", *from_input, stdin=untracked)
        raise


def _accept_changes_of_hooks(repository: Repository, paths: frozenset[str]) -> None:
    """Enter the content of the commit at HEAD into the index, for its paths and for what a hook added to it.

    `git commit --only` hands an index of its own to the hooks, and enters into the user's what it had before them.

    Args:
        repository: The repository, at its top.
        paths: The paths that were committed.
    """
    changed = _read_staged(repository, "HEAD")
    staged = set(changed) - paths
    if staged:
        # An entry that differs from the previous commit too was staged by the user.
        is_first = repository.read("rev-parse", "--quiet", "--verify", "HEAD^") is None
        before = repository.query("hash-object", "-t", "tree", "--stdin").decode().strip() if is_first else "HEAD^"
        staged &= _read_staged(repository, before).keys()
    entries = [f"{mode} {blob}\t{path}\0" for path, (mode, blob) in changed.items() if path not in staged]
    if entries:
        _run_with_retries(repository, "update-index", "-z", "--index-info", stdin=os.fsencode("".join(entries)))


def _read_staged(repository: Repository, tree: str) -> dict[str, tuple[str, str]]:
    """Return the mode and the hash in a tree of each path whose entry in the index differs from it."""
    pieces = repository.query("diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", tree, "--")
    found = {}
    for row, path in zip(*[iter(pieces.split(b"\0"))] * 2, strict=False):
        mode, _, blob, *_ = row[1:].decode().split(" ")
        found[os.fsdecode(path)] = mode, blob
    return found


def literal_pathspecs(paths: Iterable[str]) -> list[str]:
    """Return pathspecs that match exactly these paths, relative to the top; `.` matches everything."""
    # A literal `.` matches no file below it.
    return [f":(top,literal){path}" if path != "." else ":(top)" for path in paths]


_locked = threading.local()


def is_writable(repository: Repository) -> bool:
    """Return whether commits can be made: in a sandbox the git directory may be read-only.

    None are made where orglab's folder is a link, either, as its lock is there.
    """
    folders = (repository.git_dir, repository.common_dir)
    return not repository.own_files.path.is_symlink() and all(os.access(one, os.W_OK | os.X_OK) for one in folders)


def require_writable(repository: Repository) -> None:
    """Check that commits can be made.

    Raises:
        GitError: The git directory is not writable.
    """
    if not is_writable(repository):
        own = repository.own_files.path
        if own.is_symlink():
            raise GitError(f"{own} is a symbolic link, which is not followed, so nothing can be committed; remove it.")
        raise GitError(f"{repository.git_dir} is not writable, so nothing can be committed.")


@contextmanager
def lock_commits(repository: Repository) -> Iterator[None]:
    """Keep other orglab processes from committing to this working tree; git itself would fail instead of waiting.

    Hold the lock from reading the changes to committing them, or another process may commit them in between.
    The lock is reentrant.

    Raises:
        GitError: The git directory is not writable.
    """
    require_writable(repository)
    folder = repository.own_folder
    folder.mkdir(exist_ok=True)
    target = os.fspath(folder.resolve() / "commit")
    if target in vars(_locked):
        yield
        return
    with held(target, _LOCK_SECONDS):
        setattr(_locked, target, True)
        try:
            yield
        finally:
            delattr(_locked, target)


def _run_with_retries(repository: Repository, *arguments: str, stdin: bytes) -> bytes:
    """Run a git command as the user would, with retries for some seconds while another git locks the index.

    A commit is tried again, too, if another process committed while the hooks ran.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return repository.run(*arguments, stdin=stdin, environment=_COMMITTING)
        except GitError as error:
            is_locked = ".lock'" in str(error) and "File exists" in str(error)
            has_moved = "cannot lock ref 'HEAD'" in str(error) and "but expected" in str(error)
            if not (is_locked or has_moved) or time.monotonic() > deadline:
                raise
        time.sleep(_BUSY_PAUSE)


def short_hash(repository: Repository, full: str) -> str:
    """Return the short hash of a commit, as abbreviated by git.

    Raises:
        GitError: git fails, or is not installed.
    """
    return repository.query("rev-parse", "--short", full).decode().strip()
