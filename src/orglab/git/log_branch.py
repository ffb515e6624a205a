"""The history of logs and journals on a branch or ref of its own, which no worktree has checked out.

It is written with `git fast-import`, in one process, which touches neither HEAD nor the index, and runs no hooks.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab.config import is_git_name
from orglab.errors import GitError
from orglab.git.files import read_blobs
from orglab.git.private_files import read_regular
from orglab.git.process import IDENTITY, NO_HOOKS, read_error, run_as_user
from orglab.git.repository import Repository

LOG_BRANCH = "experiment-log"
"""The branch of the logs and journals that are kept apart from the code."""
LOG_REF = f"refs/heads/{LOG_BRANCH}"
TEXT_REFS = "refs/orglab/texts/"
"""The refs of the texts of logs that the code's branches hold: one for each worktree, never pushed."""
_LARGE = 1 << 16  # bytes
_MOST_BYTES = 64 << 20


def find_tip(repository: Repository, ref: str) -> str | None:
    """Return the full hash of the commit that a ref names, or None if there is none."""
    found = repository.read("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return found.decode().strip() if found else None


def list_texts(repository: Repository, commit: str) -> dict[str, str]:
    """Return the hash of each file of a commit, by its path.

    Only regular files of at most 64 MB, whose paths can be in a working tree, are listed.

    Args:
        repository: The repository.
        commit: The full hash.

    Raises:
        GitError: git fails.
    """
    return {name: blob for name, (blob, size) in _list_blobs(repository, commit).items() if size <= _MOST_BYTES}


def list_large_texts(repository: Repository, commit: str) -> list[str]:
    """Return the paths of the files of a commit that are too large to be read.

    Raises:
        GitError: git fails.
    """
    return [name for name, (_, size) in _list_blobs(repository, commit).items() if size > _MOST_BYTES]


def _list_blobs(repository: Repository, commit: str) -> dict[str, tuple[str, int]]:
    """Return the hash and the size of each regular file of a commit that can be in a working tree, by its path."""
    listed = repository.at_top.query("ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    blobs = {}
    for line in listed.split(b"\0"):
        head, _, path = line.partition(b"\t")
        name = os.fsdecode(path)
        if head.startswith(b"100") and is_safe_path(name):
            _, _, blob, size = head.split()
            blobs[name] = (blob.decode(), int(size) if size.isdigit() else 0)
    return blobs


def read_texts(repository: Repository, commit: str, names: Iterable[str] | None = None) -> dict[str, bytes]:
    """Return the files of a commit, as `list_texts` lists them, by their paths.

    Args:
        repository: The repository.
        commit: The full hash.
        names: The paths to read; all if None.

    Raises:
        GitError: git fails.
    """
    blobs = list_texts(repository, commit)
    wanted = blobs if names is None else {name: blobs[name] for name in names if name in blobs}
    texts = dict(read_blobs(repository, dict.fromkeys(wanted.values())))
    return {name: texts[blob] for name, blob in wanted.items() if blob in texts}


def is_safe_path(name: str) -> bool:
    """Return whether a path from a commit stays in a working tree and out of its git directory."""
    parts = name.split("/")
    return all(part not in ("", ".", "..") and not is_git_name(part) for part in parts) and "\n" not in name


class Version(NamedTuple):
    """A commit to be made.

    Attributes:
        message: Its message.
        files: The content of each new or changed file, by its path.
        removed: The paths of files that it removes.
        author: The author, in the format of a commit; None for the user, now.
        merged: The second parent, or None.
    """

    message: str
    files: Mapping[str, bytes]
    removed: Sequence[str] = ()
    author: bytes | None = None
    merged: str | None = None


def save_texts(repository: Repository, ref: str, tip: str | None, *versions: Version) -> str | None:
    """Commit versions of files to a ref, one after the other, and return the full hash of the last commit.

    Args:
        repository: The repository.
        ref: The ref.
        tip: The commit that the ref names now; None if the ref does not exist.
        versions: The versions, one or more.

    Returns:
        None if another process has moved the ref; then nothing has changed.

    Raises:
        GitError: git fails.
    """
    committer = _read_identity(repository)
    lines: list[bytes] = []
    for version in versions:
        body = version.message.encode("utf-8", "replace")
        lines += [b"commit %s" % ref.encode(), b"mark :1", b"author %s" % (version.author or committer)]
        lines += [b"committer %s" % committer, b"data %d" % len(body), body]
        lines += [b"from %s" % tip.encode()] if tip and version is versions[0] else []
        lines += [b"merge %s" % version.merged.encode()] if version.merged else []
        lines += [b"D " + _quote(name) for name in version.removed]
        for name, data in version.files.items():
            if len(data) > _LARGE:
                # fast-import would compress it twice, and more slowly.
                blob = repository.run("hash-object", "-w", "--stdin", stdin=data).strip()
                lines.append(b"M 100644 %s %s" % (blob, _quote(name)))
            else:
                lines += [b"M 100644 inline %s" % _quote(name), b"data %d" % len(data), data]
        lines.append(b"")
    lines += [b"get-mark :1", b"done", b""]
    command = ("fast-import", "--quiet", "--done", "--date-format=raw-permissive")
    completed = run_as_user(repository.top, command, b"\n".join(lines), environment=NO_HOOKS)
    if completed.returncode == 0:
        return completed.stdout.decode().strip()
    if tip != find_tip(repository, ref):
        return None
    raise GitError(f"git fast-import failed: {read_error(completed.stderr)}.")


def _read_identity(repository: Repository) -> bytes:
    """Return the name, the address and the time of the user, in the format of a commit."""
    command = ("var", "GIT_COMMITTER_IDENT")
    completed = run_as_user(repository.top, command)
    if completed.returncode != 0:
        # The machine has no identity of the user, as in a container.
        completed = run_as_user(repository.top, command, environment=IDENTITY)
    return completed.stdout.strip()


def _quote(name: str) -> bytes:
    """Return a path for fast-import, which reads C-style quotation marks (git-fast-import(1), "filemodify")."""
    escaped = os.fsencode(name).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + escaped + b'"'


def is_ancestor(repository: Repository, commit: str, of: str) -> bool:
    """Return whether a commit is another one, or an ancestor of it."""
    return repository.read("merge-base", "--is-ancestor", commit, of) is not None


def find_merge_base(repository: Repository, one: str, other: str) -> str | None:
    """Return the best common ancestor of two commits, or None."""
    found = (repository.read("merge-base", one, other) or b"").split()
    return found[0].decode() if found else None


def find_renames(repository: Repository, before: str, after: str) -> dict[str, str]:
    """Return the new path of each file that was renamed between two commits.

    Raises:
        GitError: git fails.
    """
    printed = repository.at_top.query("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status", before, after)
    words = os.fsdecode(printed).split("\0")
    return dict(zip(words[1::3], words[2::3], strict=False))


def find_branch_copies(repository: Repository) -> dict[str, str]:
    """Return the commit of the log's branch on each remote, as it was last fetched, by the name of the ref."""
    # The name of a remote may have slashes, and so may that of a branch of code that ends as the log's does.
    remotes = os.fsdecode(repository.read("remote") or b"").split()
    refs = [f"refs/remotes/{remote}/{LOG_BRANCH}" for remote in remotes]
    listed = repository.read("for-each-ref", "--format=%(objectname) %(refname)", *refs) if refs else None
    pairs = (line.partition(" ") for line in os.fsdecode(listed or b"").split("\n")[:-1])
    return {ref: commit for commit, _, ref in pairs}


def count_unsent(repository: Repository) -> int | None:
    """Return how many commits of the log's branch no remote is known to have; None if there is no remote or no branch.

    Raises:
        GitError: git is not installed.
    """
    if not (repository.read("remote") or b"").strip():
        return None
    counted = repository.read("rev-list", "--count", LOG_REF, "--not", *find_branch_copies(repository).values(), "--")
    return int(counted) if counted else None


def find_tracking_commits(repository: Repository, path: str, most: int = 3) -> list[str]:
    """Return the newest commits of branches, tags and stashes that add or change a file, as `HASH SUBJECT`.

    Args:
        repository: The repository.
        path: The file, relative to the top.
        most: The number of commits.
    """
    # HEAD may be detached; or it is the branch of the log itself, in a worktree that has it checked out.
    head = [] if is_ancestor(repository, "HEAD", LOG_REF) else ["HEAD"]
    copies = [f"--exclude={ref.removeprefix('refs/remotes/')}" for ref in find_branch_copies(repository)]
    printed = repository.at_top.read(
        "log", f"--max-count={most}", "--format=%h %s", f"--exclude={LOG_BRANCH}", "--branches", "--tags", *copies,
        "--remotes", "--glob=refs/stas[h]", "--ignore-missing", *head, "--", f":(top,literal){path}",
    )  # fmt: skip
    return (printed or b"").decode("utf-8", "replace").splitlines()


def is_in_commit(repository: Repository, revision: str, path: str) -> bool:
    """Return whether a commit has a file, relative to the top."""
    return repository.at_top.read("cat-file", "-e", f"{revision}:{path}") is not None


def move_ref(repository: Repository, ref: str, commit: str, old: str | None) -> None:
    """Set a ref to a commit if it still names `old`; None if it must not exist yet.

    Raises:
        GitError: git fails, or the ref has moved.
    """
    at_top = repository.at_top
    at_top.run("update-ref", "-m", "orglab", ref, commit, old or "0" * len(commit), environment=NO_HOOKS)


def require_not_checked_out(repository: Repository) -> None:
    """Check that no worktree has the branch of the log checked out.

    Raises:
        GitError: One has.
    """
    if is_checked_out(repository):
        raise GitError(f"The branch {LOG_BRANCH} is checked out in a worktree; check out another branch there first.")


def is_checked_out(repository: Repository) -> bool:
    """Return whether a worktree has the branch of the log checked out, or a commit of it."""
    common = repository.common_dir
    return any(is_head_in_branch(repository, file) for file in (common / "HEAD", *common.glob("worktrees/*/HEAD")))


def is_head_in_branch(repository: Repository, head: Path) -> bool:
    """Return whether the file `HEAD` of a worktree names the branch of the log, or a commit of it."""
    try:
        text = read_regular(head, follow=True).decode("utf-8", "replace").strip()
    except OSError:
        return False
    return text == f"ref: {LOG_REF}" or (not text.startswith("ref:") and is_ancestor(repository, text, LOG_REF))


class OldCommit(NamedTuple):
    """A commit that changed some files.

    Attributes:
        hash: Its full hash.
        author: The author and the time, in the format of a commit.
        message: Its message.
    """

    hash: str
    author: bytes
    message: str


def read_file_versions(repository: Repository, paths: Sequence[str]) -> list[OldCommit]:
    """Return the commits in the history of HEAD that changed some files, oldest first, without merges.

    Raises:
        GitError: git fails.
    """
    if find_tip(repository, "HEAD") is None:
        return []
    printed = repository.at_top.query(
        "log", "-z", "--reverse", "--topo-order", "--no-merges", "--encoding=UTF-8", "--date=raw",
        "--format=%H%n%an <%ae> %ad%n%B", "HEAD", "--", *(f":(top,literal){path}" for path in paths),
    )  # fmt: skip
    commits = []
    for piece in filter(None, printed.split(b"\0")):
        full, author, message = piece.split(b"\n", 2)
        commits.append(OldCommit(full.decode(), author, message.decode("utf-8", "replace")))
    return commits
