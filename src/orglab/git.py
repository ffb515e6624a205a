"""Every git subprocess, hardened: text never becomes an option, and no repository's settings run code."""

import os
import re
import subprocess
from pathlib import Path

from orglab.errors import GitError, NotFoundError

# Reading must not run what a repository's configuration names.
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=",
    "-c", "log.showSignature=false", "-c", "core.pager=cat",
)  # fmt: skip
_HASH = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ID = re.compile(rb"(?:^[ \t]*:(?:ID|CUSTOM_ID):[ \t]+|^\*+ (?:[^\n\[<]*)?(?:\[|<<))(\d+)(?=[ \t]*$|\]|>>)", re.M)


class Repository:
    """The git repository that a folder lies in."""

    def __init__(self, folder: Path, top: Path, git_dir: Path) -> None:
        """Stand for the repository of `folder`; `find_repository` finds it."""
        self.folder = folder
        self.top = top
        self.git_dir = git_dir

    def read(self, *arguments: str, stdin: bytes = b"") -> bytes | None:
        """Return what a git command that only reads prints, or None if it fails.

        Raises:
            GitError: git is not installed.
        """
        return _run(self.folder, arguments, stdin)

    def head(self) -> str | None:
        """Return the short hash of HEAD, or None before the first commit."""
        return self._short("HEAD")

    def commit(self, revision: str) -> str:
        """Return the short hash of a commit.

        Raises:
            NotFoundError: `revision` names no commit.
        """
        found = self._short(revision)
        if found is None:
            raise NotFoundError(f"There is no commit {revision!r} in {self.top}.")
        return found

    def _short(self, revision: str) -> str | None:
        full = self.read("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if full is None or not _HASH.fullmatch(full.strip()):
            return None
        short = self.read("rev-parse", "--short", full.strip().decode())
        return short.strip().decode() if short else None

    def newest_naming(self, reference: str) -> str | None:
        """Return the short hash of the newest commit on HEAD whose message holds `[reference]`, or None."""
        found = self.read("log", "-1", "--format=%H", "--fixed-strings", f"--grep=[{reference}]", "HEAD", "--")
        return self._short(found.strip().decode()) if found and found.strip() else None

    def numbers_on_branches(self, path: Path) -> set[int]:
        """Return the whole numbers that are ids in the file `path` on any local or remote-tracking branch."""
        try:
            name = path.absolute().resolve().relative_to(self.top.resolve()).as_posix()
        except ValueError:
            return set()
        refs = self.read("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes") or b""
        wanted = b"".join(commit + b":" + os.fsencode(name) + b"\n" for commit in sorted(set(refs.split())))
        known = self.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=wanted) or b""
        blobs = {line.split()[0] for line in known.splitlines() if line.endswith(b" blob")}
        texts = self.read("cat-file", "--batch", stdin=b"".join(blob + b"\n" for blob in sorted(blobs))) or b""
        return numbers_in(texts)


def numbers_in(text: bytes) -> set[int]:
    """Return the whole numbers that are ids of headings in a log's text, experiments or not."""
    return {int(number) for number in _ID.findall(text)}


def find_repository(folder: Path) -> Repository | None:
    """Return the repository that `folder` lies in, or None: it lies in none, or git is not installed."""
    if not _may_be_in_repository(folder):
        return None
    try:
        found = _run(folder, ("rev-parse", "--show-toplevel", "--absolute-git-dir"), b"")
    except GitError:
        return None
    lines = found.decode("utf-8", "surrogateescape").splitlines() if found else []
    return Repository(folder, Path(lines[0]), Path(lines[1])) if len(lines) == 2 else None  # noqa: PLR2004


def _may_be_in_repository(folder: Path) -> bool:
    """Return whether a `.git` stands in `folder` or above: starting git to hear that there is none costs 5 ms."""
    folder = folder.absolute()
    return any(os.path.lexists(above / ".git") for above in (folder, *folder.parents))


def _run(folder: Path, arguments: tuple[str, ...], stdin: bytes) -> bytes | None:
    """Run git for reading in `folder`; None if it fails."""
    # A hook's GIT_* variables speak of its repository; the log's may be another.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment.update(GIT_OPTIONAL_LOCKS="0", LC_ALL="C")
    try:
        result = subprocess.run(  # noqa: S603 - a list, no shell, and the git on the PATH
            ["git", *_SAFE, *arguments],  # noqa: S607
            cwd=folder, env=environment, input=stdin, capture_output=True, check=False
        )  # fmt: skip
    except FileNotFoundError as error:
        raise GitError("git is not installed; do without with --no-commit.") from error
    return result.stdout if result.returncode == 0 else None
