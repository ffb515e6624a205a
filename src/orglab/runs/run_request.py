"""The request to run a command."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orglab.errors import DuplicateIdError, NotFoundError, UsageError
from orglab.experiment.lookup import find_all_with_id, find_step
from orglab.log.log import LogFile
from orglab.reference import parse_reference
from orglab.runs.parameters.arguments import Value


class RunRequest(NamedTuple):
    """What to run, and how.

    Attributes:
        reference: The step or the experiment; None for a run that belongs to no experiment yet.
        argv: The command; it is not passed to a shell.
        results: Paths of results, in addition to those of the settings.
        metrics: The files that the command writes its metrics to: paths or patterns, relative to the folder.
        printed_metrics: Whether lines `metric NAME=VALUE` on standard output are metrics.
        before: `commit`, `snapshot` or `clean`; the setting `run.before` if None.
        worktree: Whether to run in a working tree of its own, on a snapshot; `before` is not looked at then.
        done: Whether to tick the step if the exit code is 0.
        why: Why the command is run.
        pty: Whether to give the command a terminal.
        folder: The folder to run in; the current one if None.
        commit_failed: Whether the results are committed although the command failed, diverged or was stopped.
        environment: Environment variables to add to those of this process.
        extra_fields: More fields for the record, such as the run that a rerun repeats.
        show_output: Whether what the command prints is shown; it is kept in the record in any case.
        time_limit: Seconds after which the command is stopped; None for no limit.
        is_test: Whether the command is only tried, so that nothing is recorded.
        out: The folder that `ORGLAB_OUT` names; that of the record if None.
        parameters: Parameters that the command does not name, but is given in another way; None instead of a value
            for an option of the command that is another name of one of them.
        is_detached: Whether the run goes on in a process of its own, and only its beginning is waited for.
    """

    reference: str | None
    argv: tuple[str, ...]
    results: tuple[Path, ...] = ()
    metrics: tuple[str, ...] = ()
    printed_metrics: bool = False
    before: str | None = None
    worktree: bool = False
    done: bool = False
    why: str | None = None
    pty: bool = False
    folder: Path | None = None
    commit_failed: bool = False
    environment: Mapping[str, str] | None = None
    extra_fields: Mapping[str, object] | None = None
    show_output: bool = True
    time_limit: float | None = None
    is_test: bool = False
    out: Path | None = None
    parameters: Mapping[str, Value | None] = {}
    is_detached: bool = False


def find_reference(log: LogFile, request: RunRequest) -> str | None:
    """Return the reference of the step or experiment, as written in the log; None if the run belongs to none.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid.
    """
    if not request.argv:
        raise UsageError("Put -- before the command to run, as in `orglab run -- python train.py`.")
    if request.reference is None:
        if request.done:
            raise UsageError("--done needs a step, and none is active; name one.")
        return None
    is_step = parse_reference(request.reference).step is not None
    if request.done and not is_step:
        raise UsageError(f"--done needs a step, such as 201.1, but {request.reference} is an experiment.")
    try:
        return log.step(request.reference).ref if is_step else log.experiment(request.reference).ref
    except DuplicateIdError:
        if (found := _find_in_conflict(log, request.reference)) is None:
            raise
        return found


def _find_in_conflict(log: LogFile, reference: str) -> str | None:
    """Return a reference as written in a log with a git conflict; None if there is no conflict.

    The two sides of a conflict may be versions of one experiment.  The note of the run is written once that is
    resolved.

    Raises:
        NotFoundError: Neither side has the step.
    """
    document, parsed = log.document(), parse_reference(reference)
    if document.conflict is None:
        return None
    *others, last = find_all_with_id(document, parsed, log.config, log.path)
    if parsed.step is None:
        return last.ref
    for experiment in others:
        with suppress(NotFoundError):
            return find_step(experiment, parsed).ref
    return find_step(last, parsed).ref
