"""Run one version of a sweep: a run as any other, but that its commit and its note are those of the sweep."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from orglab import clock
from orglab.errors import OrglabError
from orglab.git import Repository, find_repository
from orglab.git.inside import require_inside
from orglab.log.log import LogFile
from orglab.runs.child import ExitStatus
from orglab.runs.cluster.batch import describe_batch, find_batch_job
from orglab.runs.environment import PythonProbe
from orglab.runs.job import EarlierRuns, Job
from orglab.runs.launch import record_begin, resume, run_job
from orglab.runs.metrics.printed import PrintedMetrics
from orglab.runs.parameters.arguments import Arguments, Value, is_seed, normalize_name, parse_arguments
from orglab.runs.preparation import check_command, describe_beginning, make_job
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import RecordWriter, begin_record
from orglab.runs.results_commit import ResultsRequest, is_kept_aside, settle_results
from orglab.runs.run_request import RunRequest
from orglab.runs.stopping import Stopping
from orglab.runs.sweeps.attempts import reopen_run
from orglab.runs.sweeps.code_watch import CodeWatch
from orglab.runs.sweeps.sweep import FIELD, Sweep, list_sweeps
from orglab.runs.sweeps.sweep_versions import (
    OUT,
    VERSION,
    Version,
    fill_command,
    find_placeholders,
    make_variables,
)
from orglab.runs.sweeps.tasks import Task
from orglab.runs.working_state import WorkingState
from orglab.text import Tell

_SHELL = "/bin/sh"


def choose_parameters(template: Arguments, argv: Sequence[str], version: Version) -> dict[str, Value | None]:
    """Return the parameters of a version that its command does not name, for its record.

    A seed has its own name in any case, so that the versions that differ by it are one setting: `--s {seed}` is not
    another parameter.

    Args:
        template: The arguments of the command, with placeholders.
        argv: The command of the version.
        version: The version.
    """
    options: dict[str, list[str]] = {}
    for option, value in template.parameters.items():
        options.setdefault(str(value), []).append(option)
    # Neither the folder nor the name of a version is a parameter, also not `results/e1/lr=0.1` where the template has
    # `{out}`.
    chosen: dict[str, Value | None] = dict.fromkeys(parse_arguments(argv).parameters.keys() - template.parameters)
    for option, value in template.parameters.items():
        if find_placeholders([str(value)]) & {OUT, VERSION}:
            chosen[option] = None
    for name, value in version.parameters.items():
        own = options.get(f"{{{name}}}", [])
        if is_seed(name) and not any(map(is_seed, own)):
            chosen |= dict.fromkeys(own)
        if not own or (is_seed(name) and not any(map(is_seed, own))):
            chosen[normalize_name(name)] = value
    return chosen


def _explain(error: OrglabError | OSError) -> str:
    """Return why a version was not run, for the note."""
    if isinstance(error, OrglabError) or not error.strerror:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror


class _AskedToEndError(Exception):
    """This process was asked to end before the run of a version had begun."""


class VersionRunner:
    """Runs versions of a sweep, one after the other, in a process of its own.

    Attributes:
        sweep: The sweep.
        folder: The folder that the commands run in.
        stopping: Whether this process was asked to end, so that no further version begins.
        variables: Environment variables for all commands.
    """

    def __init__(
        self, log: LogFile, sweep: Sweep, python: PythonProbe, top: Path, stopping: Stopping, tell: Tell
    ) -> None:
        """Prepare to run versions.

        Args:
            log: The log.
            sweep: The sweep.
            python: The Python that its commands would use.
            top: The top of the working tree that they run in; without git, the folder of the log.
            stopping: Whether this process was asked to end.
            tell: Called with each message for the user.
        """
        self.sweep = sweep
        self.folder = Path(os.path.normpath(top / (sweep.record.cwd or ".")))
        self.stopping = stopping
        self.variables: dict[str, str] = {}
        self._top = top
        self._log = log
        self._python = python
        self._tell = tell
        self._repository = find_repository(self.folder) or log.repository
        self._earlier = EarlierRuns(log, "")
        self._batch = find_batch_job()
        self._watch = self._make_watch(self._repository)
        self._template = parse_arguments(sweep.record.recorded_argv)

    def _make_watch(self, repository: Repository | None) -> CodeWatch | None:
        if repository is None or self.sweep.is_pinned:
            return None
        signature = self.sweep.fields.get("signature")
        watch = CodeWatch(repository, self.sweep.state, signature if isinstance(signature, str) else None)
        watch.ignore_folders([*self.sweep.record.results, *(other.out for other in list_sweeps(self._log))])
        return watch

    def ignore_outputs(self, runs: Mapping[str, Run]) -> None:
        """Take what some runs of the sweep have written for no code."""
        if self._watch is not None:
            self._watch.ignore_outputs(runs.values())

    def run(self, task: Task) -> tuple[Task, Run | None]:
        """Run the version of a claimed task, and return the task as it has ended, and its run, if there is one.

        If a scheduler has requeued its job meanwhile, the task stays claimed: the job goes on with it.  If this process
        was asked to end before the run has begun, the task is queued again.

        Raises:
            OSError: The files of the task cannot be written.
        """
        if before := self._run_command("before_each", task.version, None):
            return self.sweep.tasks.end(task, "failed", f"the command before it ended with exit {before}"), None
        try:
            task, run = self._run_version(task)
        except (OrglabError, OSError) as error:
            # Also what a full disk or a file in the way of its folder does: another worker would fare no better.
            return self.sweep.tasks.end(task, "failed", _explain(error)), None
        except _AskedToEndError:
            if task.run is None:
                self.sweep.tasks.requeue(task)
            return task._replace(status="not begun"), None
        self._run_command("after_each", task.version, run)
        if run is None:
            return self.sweep.tasks.end(task, "lost", "its record cannot be read"), None
        if self._may_go_on(run):
            return task._replace(status=run.status, problem="its job was requeued, or may be"), run
        return self.sweep.tasks.end(task, run.status), run

    def _run_version(self, task: Task) -> tuple[Task, Run | None]:
        """Run the version of a task as a run, and return the task with the run.

        Raises:
            OrglabError: The run cannot be recorded, or its code cannot be captured.
            OSError: A folder or a file of the version cannot be written.
        """
        out = self._top / self.sweep.out / task.version.name
        require_inside(self._repository, out)
        out.mkdir(parents=True, exist_ok=True)
        request = self._make_request(task.version, out)
        earlier, record = self._open_record(task)
        try:
            with contextlib.ExitStack() as cleanup:
                if earlier is None:
                    cleanup.callback(record.abandon)
                begun = self.sweep.tasks.set_run(task, record.id)
                job = make_job(self._log, request, self.sweep.record.ref, record, self._tell)
                cleanup.pop_all()
            job = job._replace(batch=self._batch, earlier=earlier, earlier_runs=self._earlier)
            failure = check_command(request.argv, self.folder)
            run_job(job, failure, lambda printed: self._begin(job, failure, printed), self.stopping)
            run = read_run(record.folder)
            if run is not None and not self._may_go_on(run):
                self._keep_aside(job, run)
        finally:
            record.close()
            with contextlib.suppress(OSError):
                out.rmdir()  # empty, so the command did not need it
        if run is not None and self._watch is not None:
            self._watch.ignore_outputs([run])
        return begun, run

    def _open_record(self, task: Task) -> tuple[Run | None, RecordWriter]:
        """Return the record of the run of a task, with the run as it was if an earlier attempt began it."""
        try:
            found = reopen_run(self._log, task, self._batch) if self._batch is not None and task.run else None
        except OSError as error:
            found = None
            self._tell(f"The run {task.run} cannot be continued: {error.strerror}.")
        return found or (None, begin_record(self._log, clock.now(), is_pending=False))

    def _may_go_on(self, run: Run) -> bool:
        """Return whether a run goes on when its job, which is requeued, begins again."""
        tasks, job = self.sweep.tasks, self._batch
        if (
            job is None
            or job.scheduler != self.sweep.where
            or run.status == "done"
            or run.timed_out
            or tasks.is_stopped
        ):
            return False
        from orglab.runs.launchers.slurm_jobs import find_requeue  # noqa: PLC0415 - most sweeps run here

        is_requeued = find_requeue(job)
        return run.asked_by == "SIGTERM" if is_requeued is None else is_requeued

    def _make_request(self, version: Version, out: Path) -> RunRequest:
        record, fields = self.sweep.record, self.sweep.fields
        results = [self._top / path for path in record.results if os.path.normpath(path) != self.sweep.out]
        own = {
            "id": self.sweep.id, "version": version.name, "parameters": version.parameters, **self._describe_words()
        }  # fmt: skip
        place = os.path.relpath(out, self.folder)
        argv = fill_command(record.recorded_argv, version, place)
        metrics = (os.path.relpath(path, record.cwd or ".") for path in record.metrics_files)
        return RunRequest(
            record.ref, argv,
            results=(out, *results),
            metrics=fill_command(metrics, version, place),
            printed_metrics=record.fields.get("printed_metrics") is True, before="snapshot", why=record.why,
            folder=self.folder, environment={**self.variables, **make_variables(version.parameters, version.name)},
            extra_fields={FIELD: own, "author": record.author}, show_output=False,
            time_limit=record.time_limit, out=out, parameters=choose_parameters(self._template, argv, version),
            commit_failed=fields.get("commit_failed") is True,
        )  # fmt: skip

    def _describe_words(self) -> dict[str, object]:
        """Return the words of the command, if one is not the same for all versions."""
        return {"words": list(self._template.words)} if find_placeholders(self._template.words) else {}

    def _begin(self, job: Job, failure: ExitStatus | None, printed: PrintedMetrics | None) -> str | None:
        """Record the beginning of a run, or that it goes on, and return the full hash of the commit with its code.

        Raises:
            GitError: The code has changed and cannot be captured.
            NotWritableError: The run cannot be recorded.
        """
        if job.earlier is not None:
            self._check_asked()
            code = resume(job, job.earlier, printed, self._watch.is_ignored if self._watch is not None else bool)
            if job.earlier.kept is not None:
                job.record_event("kept", {"kept": None})
            return code
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(job.record.abandon)
            state, changed = WorkingState() if failure else self.sweep.state, list[str]()
            if self._watch is not None and failure is None:
                state, changed = self._watch.read(job)
            fields = {**describe_beginning(job, state, self._python, clock.now()), **describe_batch(self._batch)}
            if changed:
                fields[FIELD] = {**fields[FIELD], "changed": changed[:100]}
            self._check_asked()
            record_begin(job, "began", fields)
            cleanup.pop_all()
        return state.code

    def _check_asked(self) -> None:
        """Raise _AskedToEndError if this process was: from now on, its command would get the signal."""
        if self.stopping.is_asked:
            raise _AskedToEndError

    def _keep_aside(self, job: Job, run: Run) -> None:
        """Keep the results of a run that did not end well beside the branch; the others are committed later."""
        if job.repository is not None and run.uncommitted and run.ended is not None and is_kept_aside(run):
            request = ResultsRequest(self._log, job.repository, run, job.record_event, self._tell, is_first=True)
            settle_results(request, None)

    def _run_command(self, name: str, version: Version, run: Run | None) -> int | None:
        """Run the user's own command before or after a version, and return its exit code; None if there is none."""
        command = self.sweep.fields.get(name)
        if not isinstance(command, str) or not command:
            return None
        variables = {
            **os.environ,
            **self.variables,
            **make_variables(version.parameters, version.name),
            "ORGLAB_SWEEP": self.sweep.id,
        }
        if run is not None:
            variables |= {"ORGLAB_RUN": run.id, "ORGLAB_STATUS": run.status}
        try:
            # The user's own: it is on the command line, or in the configuration of the user alone.
            done = subprocess.run(  # noqa: S603
                [_SHELL, "-c", command], cwd=self.folder, env=variables, stdin=subprocess.DEVNULL, check=False
            )  # fmt: skip
        except OSError as error:
            self._tell(f"{name.replace('_', '-')}: {error.strerror}.")
            return 1
        if done.returncode:
            how = f"exit {done.returncode}" if done.returncode > 0 else signal.Signals(-done.returncode).name
            self._tell(f"{version.name}: the command {command!r} ended with {how}.")
        return done.returncode
