"""What is to be run, as the user asks for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orglab.errors import UsageError
from orglab.log.log import LogFile
from orglab.reference import parse_reference


class RunRequest(NamedTuple):
    """What is to be run, and how.

    Attributes:
        reference: The step or the experiment; None for a run that belongs to no experiment yet.
        argv: The command; no shell looks at it.
        results: Paths whose changes are the results, beside those of the settings.
        metrics: The file in which the command leaves its metrics.
        printed_metrics: Whether lines `metric NAME=VALUE` on its standard output are metrics.
        before: `commit`, `snapshot` or `clean`; the setting `run.before` if None.
        done: Whether the step is ticked if the command ends with 0.
        why: What the user says of it.
        pty: Whether the command gets a terminal.
        folder: Where it runs; the current folder if None.
        commit_results: Whether the results are committed; the working tree of a rerun goes away.
        environment: Variables beside those of this process.
        extra_fields: Fields for the record beside the usual ones, such as the run that it repeats.
    """

    reference: str | None
    argv: tuple[str, ...]
    results: tuple[Path, ...] = ()
    metrics: Path | None = None
    printed_metrics: bool = False
    before: str | None = None
    done: bool = False
    why: str | None = None
    pty: bool = False
    folder: Path | None = None
    commit_results: bool = True
    environment: Mapping[str, str] | None = None
    extra_fields: Mapping[str, object] | None = None


def find_reference(log: LogFile, request: RunRequest) -> str | None:
    """Return the reference of the experiment or step the run belongs to, as the log spells it; None if there is none.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request makes no sense.
    """
    if not request.argv:
        raise UsageError("Missing the command; write it after --, as in `orglab run -- python train.py`.")
    if request.reference is None:
        if request.done:
            raise UsageError("--done completes a step, and no step is active; name one.")
        return None
    if parse_reference(request.reference).step is not None:
        return log.step(request.reference).ref
    if request.done:
        raise UsageError(f"--done ticks a step; {request.reference} is an experiment: name its step.")
    return log.experiment(request.reference).ref
