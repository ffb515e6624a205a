"""A command is run for a step of an experiment: a commit before, the command, a record, a commit after, a note."""

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from orglab import clock
from orglab.errors import NotReadableError, NotWritableError, OrglabError, UsageError
from orglab.git import find_repository
from orglab.git.snapshot import file_hash
from orglab.git.worktree import short_hash, top_path
from orglab.log.log import LogFile
from orglab.reference import parse_reference
from orglab.runs.child import NOT_EXECUTABLE, NOT_FOUND, Child, Ended
from orglab.runs.description import find_same_run, is_same_code, sentence_of
from orglab.runs.environment import find_lock_files, find_python, find_seeds, read_python
from orglab.runs.ingest import apart_of, fold_run
from orglab.runs.metrics import Printed, Row, read_metrics
from orglab.runs.record import Run, process_start, read_run, read_runs
from orglab.runs.record_writer import Record, begin_record
from orglab.runs.results import Stamp, Watch, commit_results, read_outputs, stamp_of
from orglab.runs.working_state import Policy, State, settle_state

Tell = Callable[[str], None]

_LOOKED_AT = 200  # earlier runs, so that the thousandth is no slower than these


@dataclass(frozen=True)
class Wish:
    """What is to be run, and how.

    Attributes:
        reference: The step, or the experiment.
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
        of: Fields for the record beside the usual ones, such as the run that it repeats.
    """

    reference: str
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
    of: Mapping[str, object] | None = None


def launch(log: LogFile, wish: Wish, tell: Tell) -> int:
    """Run a command for a step, and return its exit code.

    Afterwards there is a record of it; the code that it ran on is a commit, its results are, and the log tells of
    it.  What of that could not be done is told, and changes nothing of the exit code.

    Args:
        log: The log.
        wish: What is to be run.
        tell: Hears sentences for the user.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The wish makes no sense.
        GitError: The changes cannot be committed, or are there where none may be.
        NotWritableError: The run cannot be recorded.
    """
    ref = _find(log, wish)
    record = begin_record(log.top, clock.now())
    try:
        return _Launch(log, wish, ref, record, tell).run()
    finally:
        record.close()


def _find(log: LogFile, wish: Wish) -> str:
    """Return the reference of what is to be run for, as the log spells it."""
    if not wish.argv:
        raise UsageError("Write the command behind `--`, such as `orglab run 201.1 -- python train.py`.")
    if parse_reference(wish.reference).step is not None:
        return log.step(wish.reference).ref
    if wish.done:
        raise UsageError(f"--done ticks a step; {wish.reference} is an experiment: name its step.")
    return log.experiment(wish.reference).ref


class _Launch:
    """One run, from its first commit to its note."""

    def __init__(self, log: LogFile, wish: Wish, ref: str, record: Record, tell: Tell) -> None:
        self.log = log
        self.wish = wish
        self.ref = ref
        self.record = record
        self.tell = tell
        self.top = log.top
        self.folder = wish.folder or Path.cwd()
        self.repository = find_repository(self.folder) or log.repository
        self.watch = Watch([*wish.results, *self._results_of_settings()])
        self.metrics_before = stamp_of(wish.metrics) if wish.metrics is not None else None
        self.printed = Printed() if wish.printed_metrics else None

    def _results_of_settings(self) -> list[Path]:
        base = self.repository.top if self.repository is not None else self.log.path.absolute().parent
        return [base / path for path in self.log.config.run.results]

    def run(self) -> int:
        """Do all of it, and return the exit code."""
        with contextlib.ExitStack() as undone:
            undone.callback(self._abandon)
            missing = _cannot_start(self.wish.argv, self.folder)
            state = State() if missing else self._settle()
            self._say_same(state)
            self._append("began", self._began(state), durable=True)
            undone.pop_all()
        with _Output(self.record.output, self.tell) as output:
            child = Child(output.keep, self.printed.feed if self.printed else None)
            with child:
                return self._run_and_finish(child, state, missing)

    def _run_and_finish(self, child: Child, state: State, missing: Ended | None) -> int:
        """Run the command, then do what is to be done after it, and return its exit code."""
        ended = missing or child.run(self.wish.argv, self._environment(state), self.wish.folder, pty=self.wish.pty)
        if ended.error:
            self.tell(ended.error)
        self._note_down("ended", {
            "ended": _iso(), "seconds": round(ended.seconds, 3), "exit_code": ended.exit_code, "signal": ended.signal,
            "usage": ended.usage,
        }, durable=True)  # fmt: skip
        self._note_down("measured", self._measured(lambda: child.signalled_late))
        self._commit()
        self._fold()
        return ended.code

    def _settle(self) -> State:
        """Commit or capture what has changed."""
        if self.repository is None:
            return State()
        config = self.log.config.run
        made = (*self.watch.paths, *([self.wish.metrics] if self.wish.metrics is not None else []))
        inside = tuple(path for path in (top_path(self.repository, one) for one in made) if path is not None)
        apart = apart_of(self.log, self.repository)
        policy = Policy(self.wish.before or config.before, config.size_limit, apart, inside)
        return settle_state(
            self.repository, policy, self.record.id, self.tell, ref=self.ref, argv=self.wish.argv, why=self.wish.why
        )

    def _say_same(self, state: State) -> None:
        """Tell of an earlier run that did the same, but to who asked for the same."""
        if self.wish.of:
            return
        runs = [run for run in read_runs(self.top, _LOOKED_AT) if run.id != self.record.id]
        same = find_same_run(runs, self.wish.argv, state.head, state.patch)
        if same is None:
            return
        on = "the same code" if is_same_code(same, state.head, state.patch) else "other code"
        when = f"{same.began:%Y-%m-%d %H:%M}" if same.began else "earlier"
        self.tell(f"This was run before, on {on} ({when}, {same.ref}, {same.id}): {sentence_of(same)}.")

    def _began(self, state: State) -> dict[str, Any]:
        """Return what the record says of a run that begins."""
        wish = self.wish
        version: str | None = None
        packages: dict[str, str] = {}
        python = find_python(wish.argv, self.folder, self.top)
        if python is not None:
            version, packages = read_python(python)
        base = self.repository.top if self.repository is not None else self.top
        around = {**os.environ, **(wish.environment or {})}
        known = {
            "ref": self.ref, "argv": list(wish.argv), "cwd": os.path.relpath(self.folder, base), "why": wish.why,
            "began": _iso(), "done": wish.done, **state.fields(),
            "host": os.uname().nodename, "pid": os.getpid(), "pid_start": process_start(os.getpid()),
            "python": version, "python_path": os.fspath(python) if python else None, "packages": packages,
            "environment": {name: around[name] for name in self.log.config.run.environment if name in around},
            "lock_files": self._lock_files(base), "seeds": find_seeds(wish.argv),
            "parent": os.environ.get("ORGLAB_RUN"), "results": [os.path.relpath(one, base) for one in self.watch.paths],
            "metrics_file": os.path.relpath(wish.metrics, base) if wish.metrics is not None else None,
            "printed_metrics": wish.printed_metrics, "pty": wish.pty, **(wish.of or {}),
        }  # fmt: skip
        return {name: value for name, value in known.items() if value not in (None, False, [], {})}

    def _lock_files(self, base: Path) -> dict[str, str]:
        found = {}
        for path in find_lock_files((base, self.folder)):
            with contextlib.suppress(OSError):
                found[os.path.relpath(path, base)] = file_hash(path)
        return found

    def _environment(self, state: State) -> dict[str, str]:
        """Return the variables that the command finds."""
        given = self.wish.environment or {}
        environment = {
            **os.environ,
            **given,
            "ORGLAB_EXPERIMENT": self.ref.partition(".")[0],
            "ORGLAB_RUN": self.record.id,
        }
        # What is printed is shown when it is printed, as on a terminal; a pipe would have Python wait for more.
        environment.setdefault("PYTHONUNBUFFERED", "1")
        for name, value in (("STEP", self.ref if "." in self.ref else ""), ("COMMIT", state.snapshot or state.head)):
            environment.pop(f"ORGLAB_{name}", None)
            if value:
                environment[f"ORGLAB_{name}"] = value
        return environment

    # Afterwards: nothing here may change the exit code

    def _measured(self, stop: Callable[[], bool]) -> dict[str, Any]:
        """Return the metrics and the files that were written."""
        metrics: Row = {}
        if self.printed is not None:
            self.printed.end()
            metrics |= self.printed.final
        if self.wish.metrics is not None:
            metrics |= self._metrics_of(self.wish.metrics, self.metrics_before)
        elif self.printed is not None and self.printed.rows:
            with contextlib.suppress(OSError):
                self.record.write_history(iter(self.printed.rows))
        top = self.repository.top if self.repository is not None else self.top
        outputs = read_outputs(self.watch.written(), top, stop)
        if stop():
            self.tell("Stopped once more, so hashes of what was written may be missing in the record.")
        return {
            "metrics": metrics,
            "outputs": [{"path": one.path, "sha256": one.sha256, "size": one.size} for one in outputs],
        }

    def _metrics_of(self, path: Path, before: Stamp | None) -> Row:
        """Return the final metrics in a file, and write down their history."""
        if before is not None and stamp_of(path) == before:
            self.tell(f"The metrics file {path} is older than the run, so what it says is not of it.")
            return {}
        try:
            history = read_metrics(path)
        except NotReadableError as error:
            self.tell(str(error))
            return {}
        try:
            if history.is_history:
                self.record.write_history(iter(history))
            else:
                list(history)
        except NotReadableError as error:
            self.tell(str(error))
        except OSError as error:
            self.tell(f"The history of the metrics could not be kept: {error.strerror}.")
        return history.final

    def _commit(self) -> None:
        """Commit the results, and note the commit down."""
        run = self._read()
        if run is None or self.repository is None or not self.watch.paths or not self.wish.commit_results:
            return
        config = self.log.config.run
        try:
            apart = apart_of(self.log, self.repository)
            full = commit_results(self.repository, run, self.watch, apart, config.size_limit, self.tell)
            if full is not None:
                short = short_hash(self.repository, full)
                self._note_down("committed", {"commit": full, "hash": short})
                self.tell(f"Committed the results as {short}.")
        except (OrglabError, OSError) as error:
            self.tell(f"The results are not committed: {error}")

    def _fold(self) -> None:
        """Tell the log, or leave that to the next command."""
        run = self._read()
        if run is None:
            return
        try:
            fold_run(self.log, run, self.tell)
            self.tell(f"{run.ref}  {sentence_of(run)}")
        except OrglabError as error:
            self.tell(f"The log does not tell of the run {run.id} yet; the next command will see to it. {error}")

    def _read(self) -> Run | None:
        return read_run(self.record.folder)

    def _append(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Add to the record.

        Raises:
            NotWritableError: That cannot be written.
        """
        try:
            self.record.append(event, fields, durable=durable)
        except OSError as error:
            raise NotWritableError(
                f"The run cannot be recorded in {self.record.folder}: {error.strerror}; it was not started."
            ) from error

    def _note_down(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Add to the record if that can be; the command has run, so the user hears if not."""
        try:
            self.record.append(event, fields, durable=durable)
        except OSError as error:
            self.tell(f"The record of the run is not complete: {error.strerror}.")

    def _abandon(self) -> None:
        """Remove the record of a run that was never started."""
        with contextlib.suppress(OSError):
            self.record.remove()


class _Output:
    """The file that keeps what a command prints."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self._path = path
        self._tell = tell
        self._fd: int | None = None

    def __enter__(self) -> Self:
        try:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            self._give_up(error)
        return self

    def keep(self, piece: bytes) -> None:
        """Keep a piece of output; a full disk stops the keeping, not the command."""
        if self._fd is None:
            return
        left = memoryview(piece)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._tell(f"What the command prints is not kept any more: {error.strerror}.")
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _cannot_start(argv: tuple[str, ...], folder: Path) -> Ended | None:
    """Return how a command ends that is not there, or None; then nothing needs to be committed for it."""
    name = argv[0]
    path = os.fspath(folder / name) if os.sep in name else shutil.which(name)
    if path is None or not os.path.lexists(path):
        return Ended(NOT_FOUND, None, 0.0, {}, f"The command {name!r} is not found.")
    if Path(path).is_dir() or not os.access(path, os.X_OK):
        return Ended(NOT_EXECUTABLE, None, 0.0, {}, f"The command {name!r} cannot be run: it is not executable.")
    return None


def _iso() -> str:
    return clock.now().astimezone().isoformat(timespec="milliseconds")
