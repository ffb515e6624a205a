"""Runs that a Python script or a notebook makes itself: `with orglab.run("201.1") as run`.

Such a run has the same record as one of `orglab run`.  It commits nothing and leaves the log alone: the next command
commits its results and adds the note.  What it logs is in a file of metrics in the folder of the run, where the
metrics of any run are looked for.
"""

import atexit
import contextlib
import hashlib
import json
import logging
import math
import operator
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orglab import clock
from orglab.errors import NotWritableError, UsageError
from orglab.git.private_files import PrivateFolder, open_regular
from orglab.log.log import LogFile
from orglab.runs.cluster.batch import describe_batch, find_batch_job
from orglab.runs.finalization import finish_run
from orglab.runs.job import Job
from orglab.runs.metrics.discovery import LOGGED, mark_metrics_files
from orglab.runs.parameters.arguments import Value, normalize_name
from orglab.runs.parameters.run_parameters import SCRIPT_PARAMETERS, SCRIPT_SECRETS, take_secrets
from orglab.runs.pending import RECORD
from orglab.runs.preparation import (
    RECORD_OUT,
    describe_beginning,
    format_moment,
    make_job,
    save_code,
)
from orglab.runs.process_end import ProcessEnd
from orglab.runs.record import OUT
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import begin_record
from orglab.runs.results import read_stamp
from orglab.runs.run_request import RunRequest, find_reference
from orglab.runs.secret_stream import tell_secrets
from orglab.runs.secrets import digest_secrets, find_hidden, mask_code, mask_row, mask_values
from orglab.runs.tracker_variables import RunNames, set_tracker_variables
from orglab.text import Tell, cut

_CELLS = "cells.py"
_TEXT = 1000  # bits of a number, and characters of one that has more
_LONG_TEXT = 100_000  # characters of any other value: it is cut again once its secrets are hidden


_own: dict[int, "ScriptRun"] = {}  # the open run that a process has begun, by its id: a fork has another one


class ScriptRun:
    """A run that the script makes itself, as a context manager; `finish` ends it without one.

    Attributes:
        id: The id of the run; None if the script is a process of a job that makes no run of its own.
        out: A folder for what the run writes, as in `ORGLAB_OUT`.
    """

    def __init__(
        self,
        run_id: str | None,
        out: Path,
        finish: Callable[[BaseException | None], None],
        *,
        is_logging: bool = True,
        known: Iterable[str] = (),
        logged: Path | None = None,
    ) -> None:
        """Take a run; `begin_script_run` and `join_run` make one.

        Args:
            run_id: The id.
            out: The folder for its files; nothing is written if it does not exist.
            finish: Called once at the end, with the exception that ended the run, or None.
            is_logging: Whether metrics are recorded, or left to another process of the run.
            known: Values that are secret, which a metric may have.
            logged: The folder for the metrics; `out` if None.
        """
        self._is_logging = is_logging
        self._known = tuple(known)
        self._has_warned = False
        self.id = run_id
        self.out = out
        self._logged = logged or out
        self._finish: Callable[[BaseException | None], None] | None = finish
        # A process that is forked shares the run, and does not end it.
        self._process = os.getpid()

    def log(self, values: Mapping[str, object] | None = None, /, *, step: float | None = None, **more: object) -> None:
        """Add values of metrics to the history of the run; after its end, nothing is added, and a warning is logged.

        Args:
            values: Metrics by name; mappings in it are flattened, `{"val": {"acc": 0.9}}` to `val.acc`.
            step: The step that they belong to; without one, their number in the history.
            more: More metrics.
        """
        if not self._is_logging:
            return
        if self._finish is None:
            if not self._has_warned:
                logging.getLogger("orglab").warning("The run %s has ended; what is logged now is lost.", self.id)
            self._has_warned = True
            return
        named = {**({} if step is None else {"step": step}), **(values or {}), **more}
        # A loop that trains must not end because a value cannot be written, such as a mapping in itself.
        with contextlib.suppress(OSError, ValueError, RecursionError):
            line = (
                json.dumps(mask_row({str(name): _to_plain(value) for name, value in named.items()}, self._known)) + "\n"
            )
            fd = open_regular(self._logged / LOGGED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            with open(fd, "wb", buffering=0) as file:  # noqa: PTH123 - opened with flags
                file.write(line.encode())

    def finish(self, error: BaseException | None = None) -> None:
        """End the run: record its metrics and files, and how it ended. Later calls do nothing.

        Args:
            error: The exception that ended it, if it failed.
        """
        if self._finish is None or os.getpid() != self._process:
            return
        finish, self._finish = self._finish, None
        finish(error)

    def __enter__(self) -> Self:
        """Return this run."""
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        """End the run; an exception goes on."""
        self.finish(error)


def _to_plain(value: object) -> object:
    """Return a value for JSON: of a number in an array or tensor, the number."""
    if isinstance(value, Mapping):
        return {str(name): _to_plain(one) for name, one in value.items()}
    if value is None or isinstance(value, bool | str):
        return value
    conversions: tuple[Callable[[Any], int | float], ...] = (operator.index, float)
    for convert in conversions:
        # An array or a tensor may raise anything.
        with contextlib.suppress(Exception):
            number = convert(value)
            return number if isinstance(number, float) or number.bit_length() < _TEXT else cut(hex(number), _TEXT)
    with contextlib.suppress(Exception):
        return cut(str(value), _LONG_TEXT)
    return type(value).__name__


def join_run(out: Path, run_id: str | None, parameters: Mapping[str, object], *, is_logging: bool = True) -> ScriptRun:
    """Return the part of a script in a run that goes on: what it logs and its parameters are added to it.

    Args:
        out: The folder `out` of the record.
        run_id: The id of the run; None if it is not known.
        parameters: The parameters that the script names.
        is_logging: Whether metrics are recorded, or left to another process of the run.
    """
    own = _flatten(parameters) if parameters and out.is_dir() else {}
    hidden = find_hidden(own)
    if own:
        tell_secrets(out.parent, hidden)
        files = PrivateFolder(out.parent, out.name)
        with contextlib.suppress(OSError):
            files.write(SCRIPT_PARAMETERS, json.dumps(mask_values(own)).encode())
            if secrets := digest_secrets(hidden):
                files.write(SCRIPT_SECRETS, json.dumps(secrets).encode())
    known = {*hidden.values(), *find_hidden(os.environ).values()}
    shown = Path(os.environ.get("ORGLAB_OUT", out)) if RECORD_OUT in os.environ else out
    return ScriptRun(run_id, shown, lambda _: None, is_logging=is_logging, known=known, logged=out)


def begin_script_run(
    log: LogFile,
    reference: str | None,
    parameters: Mapping[str, object],
    tell: Tell,
    *,
    why: str | None = None,
    results: Sequence[str] = (),
    done: bool = False,
) -> ScriptRun:
    """Begin a run of this process, and return it.

    Args:
        log: The log.
        reference: The step or experiment; None for the active one.
        parameters: The parameters, in addition to the arguments of the script.
        tell: Called with each message for the user.
        why: Why it is run.
        results: Paths of results, in addition to those of the settings.
        done: Whether to complete the step if the run succeeds.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The reference is not valid, or `done` has no step.
        NotWritableError: The run cannot be recorded.
        GitError: The code cannot be captured.
    """
    argv, cells = _read_command()
    request = RunRequest(
        reference or log.find_active(), argv, results=tuple(Path(path).absolute() for path in results),
        before="snapshot", done=done, why=why, folder=Path.cwd(),
        extra_fields={"script": True, **cells},
    )  # fmt: skip
    ref = find_reference(log, request)
    record = begin_record(log, clock.now())
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(record.close)
        cleanup.callback(record.abandon)
        job = make_job(log, request, ref, record, tell)
        marks = mark_metrics_files(job)
        code = _record_beginning(job, parameters)
        cleanup.pop_all()
    return _start(job, marks, code)


def _record_beginning(job: Job, parameters: Mapping[str, object]) -> str | None:
    """Save the code, record the start of the run, and return the full hash of the commit with its code."""
    from orglab.runs.environment import PythonProbe  # noqa: PLC0415 - only at the beginning

    with PythonProbe(Path(sys.executable)) as python:
        state = save_code(job)
        beginning = describe_beginning(job, state, python, clock.now())
    beginning |= describe_batch(find_batch_job())
    if own := _flatten(parameters):
        secrets = find_hidden(own)
        beginning["secrets"] = {**beginning.get("secrets", {}), **digest_secrets(secrets)}
        own = take_secrets(job, own)
        beginning["parameters"] = {**beginning.get("parameters", {}), **own}
        beginning["script_parameters"] = own
    try:
        (job.record.folder / OUT).mkdir(exist_ok=True)
        job.append("began", beginning, durable=True)
    except OSError as error:
        raise NotWritableError(f"The run cannot be recorded in {job.record.folder}: {error.strerror}.") from error
    return state.code


def _start(job: Job, marks: Any, code: str | None) -> ScriptRun:  # noqa: ANN401 - as `finish_run` takes it
    """Return the running run; processes that this one starts join it."""
    began, start = read_stamp(job.record.folder / RECORD), time.monotonic()
    out = (job.record.folder / OUT).absolute()
    before = dict(os.environ)
    environment = {**before, "ORGLAB_RUN": job.record.id, "ORGLAB_OUT": os.fspath(out)}
    environment.pop(RECORD_OUT, None)
    set_tracker_variables(environment, RunNames(job.record.id, job.ref, code, job.why))
    changed = [name for name in {*before, *environment} if before.get(name) != environment.get(name)]
    _set_variables(environment, changed)
    end = ProcessEnd()

    def finish(error: BaseException | None) -> None:
        _own.pop(os.getpid(), None)
        atexit.unregister(finish_at_exit)
        end.stop()
        _set_variables(before, changed)
        try:
            job.record_event(
                "ended", {**_describe_end(error), "seconds": round(time.monotonic() - start, 3)}, durable=True
            )
            _keep_cells(job, out)
            finish_run(job, None, marks, began, lambda: False)
        finally:
            with contextlib.suppress(OSError):
                job.record.close()

    def finish_at_exit() -> None:
        run.finish(end.read_error())

    run = ScriptRun(job.record.id, out, finish, known=job.find_known())
    _own[os.getpid()] = run
    atexit.register(finish_at_exit)
    return run


def finish_own_run() -> None:
    """End the run that this process has begun and not ended, if there is one, as one that succeeded."""
    if (run := _own.get(os.getpid())) is not None:
        run.finish()


def _set_variables(values: Mapping[str, str], names: Iterable[str]) -> None:
    """Give some variables of this process their values; one that has none is removed."""
    for name in names:
        if name in values:
            os.environ[name] = values[name]
        else:
            os.environ.pop(name, None)


def _describe_end(error: BaseException | None) -> dict[str, object]:
    """Return the fields of the record that say how the run ended."""
    fields: dict[str, object] = {"ended": format_moment(clock.now())}
    if error is None:
        return {**fields, "exit_code": 0}
    if isinstance(error, SystemExit):
        code = error.code
        return {**fields, "exit_code": code if isinstance(code, int) else int(code is not None)}
    if isinstance(error, KeyboardInterrupt):
        return {**fields, "exit_code": 130, "asked_by": "SIGINT"}
    text = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    fields |= {"exit_code": 1, "exception": text}
    return {**fields, "out_of_memory": True} if isinstance(error, MemoryError) else fields


def _flatten(parameters: Mapping[str, object], prefix: str = "") -> dict[str, Value]:
    """Return parameters with those in mappings named by their path; what JSON does not have becomes text.

    Raises:
        UsageError: A name is not a text.
    """
    flat: dict[str, Value] = {}
    for name, value in parameters.items():
        if not isinstance(name, str):
            raise UsageError(f"The name of a parameter must be a text, not {name!r}.")
        key = normalize_name(prefix + name)
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{key}.")
            continue
        plain = _to_plain(value)
        if isinstance(plain, float) and not math.isfinite(plain):
            plain = str(plain)  # as in a configuration file; a record has no such numbers
        if isinstance(plain, Value):
            flat[key] = plain
    return flat


def _read_command() -> tuple[tuple[str, ...], dict[str, object]]:
    """Return the command that started this process, and of a notebook the digest of the cells that were executed."""
    cells = _read_cells()
    if cells is None:
        return ("python", *sys.orig_argv[1:]) if len(sys.orig_argv) > 1 else ("python",), {}
    name = os.environ.get("JPY_SESSION_NAME")
    command = (
        ("jupyter", "nbconvert", "--to", "notebook", "--execute", os.path.relpath(name)) if name else ("notebook",)
    )
    return command, {"cells": hashlib.sha256("\0".join(dict.fromkeys(cells)).encode()).hexdigest()}


def _read_cells() -> list[str] | None:
    """Return the cells of a notebook that were executed, or None outside of a notebook."""
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    cells = shell.user_ns.get("In") if shell is not None else None
    return [str(cell) for cell in cells if cell] if isinstance(cells, list) else None


def _keep_cells(job: Job, out: Path) -> None:
    """Write the cells of a notebook that were executed, without secrets: the saved notebook may differ."""
    cells = _read_cells()
    if cells is not None:
        with contextlib.suppress(OSError):
            text = mask_code("\n\n# %%\n".join(cells) + "\n", job.find_known())
            PrivateFolder(out.parent, out.name).write(_CELLS, text.encode())


def find_joined(environ: Mapping[str, str]) -> tuple[str, Path] | None:
    """Return the id and the folder `out` of the run that this process is part of; None if none goes on."""
    run_id, out = environ.get("ORGLAB_RUN"), environ.get(RECORD_OUT) or environ.get("ORGLAB_OUT")
    run = read_run(Path(out).parent) if run_id and out else None
    # Its status is not asked: on another node the lock of the record may not be seen.
    if not run_id or not out or run is None or run.ended is not None or run.fields.get("lost"):
        return None
    return run_id, Path(out)
