"""Running git: read-only, so that no repository's configuration runs code, or to write, as the user would."""

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from orglab.config import find_common_dir, find_git_dir
from orglab.errors import GitError
from orglab.git.repository_check import require_repository

if TYPE_CHECKING:
    import subprocess

# Reading must not run programs that a repository's configuration names; git picks the length of short hashes.
_SAFE_OPTIONS = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=",
    "-c", "log.showSignature=false", "-c", "core.pager=cat", "-c", "core.abbrev=auto",
    "-c", "safe.bareRepository=explicit",
)  # fmt: skip
# The other GIT_* variables of a hook describe its own repository; the log may be in another one.
_KEPT_VARIABLES = (
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH",
)  # fmt: skip
# As listed by `git rev-parse --local-env-vars`: they select the repository.  Identity and editor stay the user's.
_REPOSITORY_VARIABLES = frozenset((
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
))  # fmt: skip
# They change what our pathspecs mean (git(1)): `git --literal-pathspecs` and some editors set them.
_PATHSPEC_VARIABLES = frozenset((
    "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
))  # fmt: skip
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "orglab"), ("EMAIL", "orglab@localhost"))
}
"""The environment of a commit that is not made in the name of the user."""
NO_HOOKS = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": os.devnull}
"""The environment of git commands that write, but must not run the hooks of the repository."""
_CHUNK = 1 << 16
_MOST_SETTINGS = 1 << 24  # bytes
_MOST_SECONDS = 600.0
# The writer has made this file, and not yet filled it; for the same reason there is no error but "Success".
_HALF_MADE = rb"(?m)^fatal: failed to read '?.*/worktrees/.*/commondir'?: "
_TRIES = 20
_PAUSE = 0.005  # seconds, more each time

Completed: TypeAlias = "subprocess.CompletedProcess[bytes]"


def run_readonly(
    folder: Path,
    arguments: Sequence[str],
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    timeout: float = _MOST_SECONDS,
) -> Completed:
    """Run a read-only git command in `folder`; no program that the configuration names is run, nothing is fetched.

    Args:
        folder: The folder to run git in.
        arguments: The command and its arguments; untrusted text comes after `--end-of-options` or `--`.
        stdin: The standard input.
        environment: Additional variables, such as a hook's GIT_INDEX_FILE.
        timeout: The seconds after which git is stopped: it may wait for a pipe.

    Raises:
        GitError: git is not installed, or takes longer, or the repository has its working tree elsewhere.
    """
    import subprocess  # noqa: PLC0415 - takes 6 ms, which commands without git, and hooks above all, can save

    _require_own_tree(folder, environment)
    try:
        return _run([*_SAFE_OPTIONS, *arguments], folder, _build_environment(environment), stdin, timeout)
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]} took longer than {timeout:g} s in {folder}.") from error


def stream_output(
    folder: Path, arguments: Sequence[str], separator: bytes = b"\0", stdin: bytes | None = None
) -> Iterator[bytes]:
    """Yield the pieces that a read-only git command prints, as they arrive.

    Args:
        folder: The folder to run git in.
        arguments: The command and its arguments.
        separator: The bytes that end a piece.
        stdin: The standard input, or None.

    Raises:
        GitError: git is not installed, refuses the repository, or fails; possibly after some pieces have been yielded.
    """
    import subprocess  # noqa: PLC0415 - the same
    import tempfile  # noqa: PLC0415 - takes 10 ms, and few commands read that much

    _require_own_tree(folder, None)
    command = ["git", *_SAFE_OPTIONS, *arguments]
    # A file, because git would block on a full pipe that is not read.
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as source:
        source.write(stdin or b"")
        source.seek(0)
        with (
            _require_git(),
            subprocess.Popen(  # noqa: S603 - the same
                command, cwd=folder, env=_build_environment(None), stdin=source, stdout=subprocess.PIPE, stderr=errors
            ) as process,
        ):
            if process.stdout is None:
                raise AssertionError(command)
            unfinished: list[bytes] = []
            while chunk := process.stdout.read(_CHUNK):
                first, *others = chunk.split(separator)
                unfinished.append(first)
                if others:
                    yield b"".join(unfinished)
                    yield from others[:-1]
                    unfinished = others[-1:]
            if last := b"".join(unfinished):
                yield last
        if process.returncode != 0:
            errors.seek(0)
            raise GitError(f"git {arguments[0]} failed: {read_error(errors.read())}.")


def run_as_user(
    folder: Path, arguments: Sequence[str], stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> Completed:
    """Run git in `folder` as the user would, with their identity, hooks and signing.

    Args:
        folder: The folder to run git in; variables that select a repository or change pathspecs are ignored.
        arguments: The command and its arguments.
        stdin: The standard input.
        environment: Additional variables.

    Raises:
        GitError: git is not installed, or the repository has its working tree elsewhere.
    """
    _require_own_tree(folder, environment)
    dropped = _REPOSITORY_VARIABLES | _PATHSPEC_VARIABLES
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return _run(arguments, folder, {**kept, "LC_ALL": "C", **(environment or {})}, stdin)


def _run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: bytes, timeout: float | None = None
) -> Completed:
    """Run git, again if it met a working tree that another process was about to add.

    git reads the files of all working trees, and gives up, before it does anything, if it finds one that is made but
    not written yet.
    """
    import subprocess  # noqa: PLC0415 - takes 6 ms, which commands without git, and hooks above all, can save

    with _require_git():
        for attempt in count():
            completed = subprocess.run(  # noqa: S603 - a list, no shell, and the git on the PATH
                ["git", *arguments],  # noqa: S607
                cwd=folder, env=environment, input=stdin, capture_output=True, check=False, timeout=timeout,
            )  # fmt: skip
            if completed.returncode == 0 or attempt == _TRIES or not re.search(_HALF_MADE, completed.stderr):
                return completed
            time.sleep(_PAUSE * attempt)
    raise AssertionError


_known_trees: set[tuple[object, ...]] = set()


def _require_own_tree(folder: Path, environment: Mapping[str, str] | None) -> None:
    """Raise GitError if git would work in another repository than orglab, or in another working tree.

    git is asked only if the configuration may have the setting `core.worktree`, as in a submodule.
    """
    if environment is not None and "GIT_WORK_TREE" in environment:
        return
    found = find_git_dir(os.fspath(folder))
    if found is None:
        return
    top, git_dir = found
    require_repository(os.fspath(folder), top, git_dir)
    texts = _read_settings(git_dir)
    if not _may_name(texts, b"worktree") or (key := (top, git_dir, *texts)) in _known_trees:
        return
    import subprocess  # noqa: PLC0415 - few repositories have such a setting

    with _require_git():
        asked = subprocess.run(  # noqa: S603 - the same
            ["git", *_SAFE_OPTIONS, "rev-parse", "--show-toplevel"],  # noqa: S607
            cwd=top, env=_build_environment(None), capture_output=True, check=False,
        )  # fmt: skip
    shown = os.fsdecode(asked.stdout.removesuffix(b"\n"))
    if asked.returncode == 0 and os.path.realpath(shown) != os.path.realpath(top):
        raise GitError(f"git works in {shown} instead of {top}, because core.worktree is set in {git_dir}; unset it.")
    _known_trees.add(key)


def may_have_filters(git_dir: str) -> bool:
    """Return whether the configuration of a repository itself may name a filter; if not, git need not be asked."""
    return _may_name(_read_settings(git_dir), b"filter", b"include")


def _may_name(texts: Sequence[bytes], *words: bytes) -> bool:
    return any(len(text) == _MOST_SETTINGS or any(word in text.lower() for word in words) for text in texts)


def _read_settings(git_dir: str) -> list[bytes]:
    files = (f"{find_common_dir(git_dir)}/config", f"{git_dir}/config.worktree")
    return [_read_small(file) for file in files]


def _read_small(file: str) -> bytes:
    """Return what is in a regular file of git's, up to a size that no configuration has; nothing if there is none."""
    try:
        with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:  # noqa: PTH123
            return opened.read(_MOST_SETTINGS) if stat.S_ISREG(os.fstat(opened.fileno()).st_mode) else b""
    except OSError:
        return b""


def read_error(stderr: bytes) -> str:
    """Return git's error message: one line, without the `fatal:` and the full stop."""
    # A line of git's hint in any language; only the last line of all would be left.
    if b'\n  git config --global user.email "you@example.com"\n' in stderr:
        return "it does not know who you are; set `git config --global user.name` and `user.email`"
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    default = lines[0] if lines else "no error message"
    error = next((line for line in lines if line.startswith(("fatal: ", "error: "))), default)
    return error.removeprefix("fatal: ").removeprefix("error: ").rstrip(".")


def _build_environment(environment: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a read-only git command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT_VARIABLES}
    # A partial clone would fetch missing objects, with whatever command its configuration names.  Without GIT_FLUSH=0
    # git flushes the pipe after each commit, which takes a third longer.
    return kept | {
        "GIT_FLUSH": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    } | dict(environment or {})  # fmt: skip


class _require_git:  # noqa: N801 - used like a function, in `with`
    """Turns a missing git into a GitError."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise GitError if git was not found; any other missing file is left alone."""
        if isinstance(error, FileNotFoundError) and error.filename == "git":
            raise GitError("git was not found; install it, or add it to the PATH.") from error
