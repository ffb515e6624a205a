"""Running git: for reading, so that no repository's settings run code; for writing, as the user would."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from orglab.errors import GitError

if TYPE_CHECKING:
    import subprocess

# Reading must not run what a repository's configuration names, and a hash is as long as git finds it needs to be.
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=",
    "-c", "log.showSignature=false", "-c", "core.pager=cat", "-c", "core.abbrev=auto",
)  # fmt: skip
# A hook's other GIT_* variables speak of its repository; the log's may be another.
_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH")
# What `git rev-parse --local-env-vars` prints: which repository is meant.  Identity and editor are the user's.
_LOCAL = frozenset((
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
))  # fmt: skip
_CHUNK = 1 << 16

Completed: TypeAlias = "subprocess.CompletedProcess[bytes]"


def run_readonly(
    folder: Path, arguments: Sequence[str], stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> Completed:
    """Run git for reading in `folder`: nothing that a repository's settings name is run, nothing is fetched.

    Args:
        folder: Where.
        arguments: The command and its arguments; what comes from text stands behind `--end-of-options` or `--`.
        stdin: What it reads.
        environment: Variables beside the usual ones, such as a hook's GIT_INDEX_FILE.

    Raises:
        GitError: git is not installed.
    """
    import subprocess  # noqa: PLC0415 - 6 ms that what asks git nothing need not pay, hooks above all

    command = ["git", *_SAFE, *arguments]
    with _installed():
        return subprocess.run(  # noqa: S603 - a list, no shell, and the git on the PATH
            command, cwd=folder, env=_reading(environment), input=stdin, capture_output=True, check=False
        )


def stream_output(
    folder: Path, arguments: Sequence[str], separator: bytes = b"\0", stdin: bytes | None = None
) -> Iterator[bytes]:
    """Yield the pieces that a git command for reading prints, as they come.

    Args:
        folder: Where.
        arguments: The command and its arguments.
        separator: What ends a piece.
        stdin: What it reads, if it reads something.

    Raises:
        GitError: git is not installed, or refuses; that may be seen after some pieces.
    """
    import subprocess  # noqa: PLC0415 - the same
    import tempfile  # noqa: PLC0415 - costs 10 ms, and few commands read that much

    command = ["git", *_SAFE, *arguments]
    # A file, for a pipe that nobody empties would stop a git with much to say.
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
        given.write(stdin or b"")
        given.seek(0)
        with (
            _installed(),
            subprocess.Popen(  # noqa: S603 - the same
                command, cwd=folder, env=_reading(None), stdin=given, stdout=subprocess.PIPE, stderr=errors
            ) as process,
        ):
            if process.stdout is None:
                raise AssertionError(command)
            rest: list[bytes] = []
            while chunk := process.stdout.read(_CHUNK):
                first, *others = chunk.split(separator)
                rest.append(first)
                if others:
                    yield b"".join(rest)
                    yield from others[:-1]
                    rest = others[-1:]
            if last := b"".join(rest):
                yield last
        if process.returncode != 0:
            errors.seek(0)
            raise GitError(f"git {arguments[0]} refused: {read_error(errors.read())}.")


def run_as_user(
    folder: Path, arguments: Sequence[str], stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> Completed:
    """Run git in `folder` on the user's behalf: their identity, hooks and signing are honoured.

    Args:
        folder: Where; its repository is meant, whatever a surrounding hook's variables say.
        arguments: The command and its arguments.
        stdin: What it reads.
        environment: Variables beside the user's.

    Raises:
        GitError: git is not installed.
    """
    import subprocess  # noqa: PLC0415 - 6 ms that what asks git nothing need not pay, hooks above all

    ours = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    with _installed():
        return subprocess.run(  # noqa: S603 - the same
            ["git", *arguments],  # noqa: S607
            cwd=folder, env={**ours, "LC_ALL": "C", **(environment or {})}, input=stdin,
            capture_output=True, check=False,
        )  # fmt: skip


def read_error(stderr: bytes) -> str:
    """Return the line in which git says why it failed, without its `fatal:` and full stop."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    why = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0] if lines else "no reason")
    return why.removeprefix("fatal: ").removeprefix("error: ").rstrip(".")


def _reading(environment: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a git that only reads."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    # A partial clone would fetch what is missing, by whatever command its settings name; and into a pipe git would
    # write each commit by itself, which takes a third longer.
    return ours | {
        "GIT_FLUSH": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    } | dict(environment or {})  # fmt: skip


class _installed:  # noqa: N801 - reads as a word at `with`
    """Turns the absence of git into a sentence."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise GitError if git was not found; another file that is not there is another matter."""
        if isinstance(error, FileNotFoundError) and error.filename == "git":
            raise GitError("git is not installed, or not on the PATH.") from error
