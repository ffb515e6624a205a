"""Wait for the end of a run that another process makes."""

import os
import time

from orglab.errors import NotFoundError
from orglab.runs.child import ExitStatus
from orglab.runs.detached import MESSAGES
from orglab.runs.pending import RECORD, is_locked
from orglab.runs.record import Run
from orglab.runs.record_lines import open_file, read_whole
from orglab.runs.record_reader import read_run

_POLL_SECONDS = 0.25
_MOST_BYTES = 1 << 20
_UNKNOWN_END = 1


def wait_for_end(run: Run, time_limit: float | None = None) -> Run:
    """Return a run as it is once it has ended and its process is done with it, or when the time is over.

    Args:
        run: The run.
        time_limit: The seconds to wait at most; None for any time.

    Raises:
        NotFoundError: Its end cannot be seen from here.
    """
    deadline = time.monotonic() + time_limit if time_limit is not None else None
    while is_at_work(run):
        _require_visible(run)
        left = deadline - time.monotonic() if deadline is not None else _POLL_SECONDS
        if left <= 0:
            break
        time.sleep(min(left, _POLL_SECONDS))
        run = read_run(run.folder) or run
    return run


def is_at_work(run: Run) -> bool:
    """Return whether a run goes on, or its process still commits its results or writes its note."""
    return run.is_going_on or (not run.is_foreign and is_locked(run.folder / RECORD) is True)


def _require_visible(run: Run) -> None:
    """Raise NotFoundError if nothing here changes when a run ends."""
    if run.is_foreign:
        raise NotFoundError(f"The run {run.id} goes on in another clone; its end comes with `orglab sync`.")
    if run.host != os.uname().nodename and is_locked(run.folder / RECORD) is None:
        raise NotFoundError(f"The run {run.id} goes on on the host {run.host}, where its end can be waited for.")


def find_process(run: Run) -> int | None:
    """Return the process that passes signals on to the command of a run; None if it has ended, or is not here."""
    is_here = run.status == "running" and not run.is_foreign and run.host == os.uname().nodename
    return read_whole(run.fields.get("pid")) if is_here else None


def read_exit_code(run: Run) -> int:
    """Return the exit code of the command of a run that has ended, as a shell reports it; 1 if it is not known."""
    if not run.has_end:
        return _UNKNOWN_END
    try:
        return ExitStatus(run.exit_code, run.signal, 0.0, {}, timed_out=run.timed_out).code
    except ValueError:  # a signal of another system
        return _UNKNOWN_END


def read_messages(run: Run) -> list[str]:
    """Return what the user would have been told by a detached run once its command had started; none of another run."""
    try:
        with open_file(run.folder / MESSAGES) as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
