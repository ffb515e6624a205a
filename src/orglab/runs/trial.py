"""Try a command: it runs as in a run, but nothing is committed, recorded or written to the log."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from orglab.errors import GitError
from orglab.git import Repository, find_repository
from orglab.git.files import find_changed_files
from orglab.log.log import LogFile
from orglab.runs.child import Child
from orglab.runs.description import describe_run
from orglab.runs.ending import EndingWatch
from orglab.runs.preparation import RECORD_OUT, check_command, find_secrets, make_environment, watch_results
from orglab.runs.record import Run
from orglab.runs.run_request import RunRequest, find_reference
from orglab.text import Tell, listed

MODE = "ORGLAB_MODE"
"""The variable that tells a command, and what it starts, that it is tested."""
TEST = "test"


def is_test(environ: Mapping[str, str]) -> bool:
    """Return whether a process with these environment variables was started by a test."""
    return environ.get(MODE) == TEST


def try_command(log: LogFile, request: RunRequest, tell: Tell) -> int:
    """Run a command to see whether it works, and return its exit code, as a shell reports it.

    It finds what it finds in a run, but for `ORGLAB_RUN`: `ORGLAB_OUT` is a temporary folder, which is removed, and
    `ORGLAB_COMMIT` the commit that is checked out. The user is told which results it left in the working tree.

    Args:
        log: The log.
        request: What to run; what it says of the record is ignored.
        tell: Called with each message for the user.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid.
    """
    ref = find_reference(log, request)
    folder = request.folder or Path.cwd()
    if (failure := check_command(request.argv, folder)) is not None:
        tell(failure.error or "")
        return failure.code
    repository = find_repository(folder) or log.repository
    base = repository.top if repository is not None else log.top
    watch = watch_results(log, request, repository, base, tell)
    changed = _find_changed(repository)
    secrets = find_secrets(log, request)
    ending = EndingWatch()
    with (
        tempfile.TemporaryDirectory(prefix="orglab-test-", ignore_cleanup_errors=True) as out,
        Child(lambda _: None, None, ending.feed, show_output=request.show_output) as child,
    ):
        environment = make_environment(request, Path(out), ref, _read_head(repository), author=log.author)
        del environment["ORGLAB_RUN"]
        environment.pop(RECORD_OUT, None)
        environment[MODE] = TEST
        status = child.run(request.argv, environment, request.folder, pty=request.pty, time_limit=request.time_limit)
        if status.error:
            tell(status.error)
            return status.code
        fields = {
            "argv": list(request.argv), "seconds": round(status.seconds, 3), "exit_code": status.exit_code,
            "signal": status.signal, "timed_out": status.timed_out, **ending.describe(status, set(secrets.values())),
        }  # fmt: skip
        tested = describe_run(Run(Path(out), fields))
        tell(f"{f'{ref}  ' if ref is not None else ''}{tested}; a test, so nothing was recorded")
    left = [*dict.fromkeys((*watch.find_written(), *sorted(_find_changed(repository) - changed)))]
    if left:
        tell(f"The test left in the working tree: {listed(os.path.relpath(path) for path in left)}.")
    return status.code


def _find_changed(repository: Repository | None) -> set[Path]:
    """Return the tracked files that differ from HEAD; none if git fails."""
    if repository is None:
        return set()
    with contextlib.suppress(GitError):
        return {repository.top / name for name in find_changed_files(repository.at_top)}
    return set()


def _read_head(repository: Repository | None) -> str | None:
    """Return the full hash of the commit that is checked out, or None."""
    if repository is None:
        return None
    with contextlib.suppress(GitError):
        return (repository.read("rev-parse", "--verify", "--quiet", "HEAD^{commit}") or b"").decode().strip() or None
    return None
