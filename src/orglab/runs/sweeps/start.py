"""Begin a sweep, add versions to it, stop it, and go on with it."""

import contextlib
import os
import signal
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from orglab import clock
from orglab.errors import NotWritableError, UsageError
from orglab.git import find_repository
from orglab.git.inside import require_inside
from orglab.log.log import LogFile
from orglab.runs.assignment import append_event
from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.code import identify_code
from orglab.runs.environment import PythonProbe, find_python
from orglab.runs.job import Job
from orglab.runs.launch import record_begin
from orglab.runs.log_runs import LogRuns
from orglab.runs.parameters.arguments import normalize_name
from orglab.runs.pending import add_pending_run
from orglab.runs.preparation import check_command, describe_beginning, make_job, save_code
from orglab.runs.record import Run
from orglab.runs.record_writer import RecordWriter, begin_record
from orglab.runs.results_commit import is_kept_aside
from orglab.runs.run_request import RunRequest, find_reference
from orglab.runs.seal import is_own
from orglab.runs.secrets import find_hidden, find_values
from orglab.runs.storage import SWEEPS, remove_leftovers
from orglab.runs.sweeps.code_watch import CodeWatch, read_signature
from orglab.runs.sweeps.recovery import end_orphans, recover
from orglab.runs.sweeps.settlement import (
    forget_removed_note,
    is_over,
    lock_sweep,
    settle_if_over,
    update_note,
)
from orglab.runs.sweeps.sweep import FIELD, Sweep, describe_versions, list_sweeps, read_sweep
from orglab.runs.sweeps.sweep_versions import (
    OUT,
    VERSION,
    Version,
    VersionRequest,
    check_placeholders,
    fill_command,
    find_placeholders,
    make_versions,
)
from orglab.runs.sweeps.tasks import CLAIMED, ENDED, QUEUED
from orglab.runs.sweeps.worker import list_gpus, start_workers
from orglab.runs.working_state import WorkingState
from orglab.text import Tell, count, listed

_RESULTS = "results"


class SweepRequest(NamedTuple):
    """What to sweep, and how.

    Attributes:
        reference: The step or the experiment.
        argv: The command, with placeholders such as `{lr}`; it is not passed to a shell.
        versions: Its versions.
        slots: How many run at the same time; None for one, or one on each GPU.
        results: Paths of results, in addition to those of the settings and the folder of each version.
        metrics: The files that the command writes its metrics to.
        printed_metrics: Whether lines `metric NAME=VALUE` on standard output are metrics.
        before: `commit`, `snapshot` or `clean`; the setting `run.before` if None.
        why: Why it is run.
        done: Whether to tick the step if all versions end well.
        commit_failed: Whether results are committed although a version failed.
        time_limit: Seconds after which a version is stopped; None for no limit.
        pinned: Whether the versions run in a working tree of the commit that the sweep begins on.
        again: Whether versions are run that ended well before on the same code.
        before_each: A shell command to run before each version; empty for none.
        after_each: A shell command to run after each version; empty for none.
        where: Where it runs if that is not this machine: the name of a scheduler, or a command with `{command}`.
        options: Options of that scheduler.
    """

    reference: str | None
    argv: tuple[str, ...]
    versions: VersionRequest = VersionRequest()
    slots: int | None = None
    results: tuple[Path, ...] = ()
    metrics: tuple[str, ...] = ()
    printed_metrics: bool = False
    before: str | None = None
    why: str | None = None
    done: bool = False
    commit_failed: bool = False
    time_limit: float | None = None
    pinned: bool = False
    again: bool = False
    before_each: str = ""
    after_each: str = ""
    where: str | None = None
    options: str = ""


def begin_sweep(log: LogFile, request: SweepRequest, tell: Tell) -> Sweep:
    """Begin a sweep, and return it.

    Afterwards its code is committed, each version has a task, the log has a note, and workers run the tasks in the
    background.

    Args:
        log: The log.
        request: What to sweep.
        tell: Called with each message for the user.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid, or the command cannot be run.
        GitError: The changes cannot be committed, or `clean` allows none.
        NotWritableError: The sweep cannot be recorded.
    """
    if request.where is not None:
        from orglab.runs.launchers.submission import check_where  # noqa: PLC0415 - most sweeps run here

        check_where(request.where, request.options)
    ref, versions = prepare(log, request, tell)
    repository = find_repository(Path.cwd()) or log.repository
    require_inside(repository, (repository.top if repository is not None else log.top) / _RESULTS / ref)
    _refuse_running(log, ref, versions)
    if log.repository is not None:
        remove_leftovers(log.repository)
    with PythonProbe(find_python(request.argv, Path.cwd(), log.top)) as python, contextlib.ExitStack() as cleanup:
        record = begin_record(log, clock.now(), SWEEPS)
        cleanup.callback(record.close)
        cleanup.callback(record.abandon)
        job = _make_job(log, request, ref, record, tell)
        state = save_code(job)
        fields = describe_beginning(job, state, python, clock.now())
        fields[FIELD] = _describe(request, state, f"{_RESULTS}/{ref}", job)
        fields["versions"] = describe_versions(versions)
        fields["slots"] = _choose_slots(request)
        done = find_done(log, Run(record.folder, fields), versions)
        record_begin(job, "began", fields)
        cleanup.pop_all()
    sweep = read_sweep(record.folder)
    try:
        sweep.tasks.add(enumerate(versions, 1), done)
    except OSError as error:
        raise NotWritableError(f"The sweep cannot be recorded in {record.folder}: {error.strerror}.") from error
    finally:
        record.close()
    if done:
        tell(f"{count(len(done), 'version')} ended well before on this code; --again runs them, too.")
    launch(log, sweep, sweep.options, tell)
    return sweep


def prepare(log: LogFile, request: SweepRequest, tell: Tell) -> tuple[str, list[Version]]:
    """Return the step or experiment of a sweep, as written in the log, and its versions.

    Args:
        log: The log.
        request: What to sweep.
        tell: Called with each message for the user.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid, or the command cannot be run.
    """
    if not request.argv:
        raise UsageError("Put -- before the command, as in `orglab sweep 201.2 --set lr=0.1,0.01 -- ./train {lr}`.")
    ref = find_reference(log, RunRequest(request.reference, request.argv, done=request.done))
    if ref is None:
        raise UsageError("A sweep belongs to a step, and none is active; name one.")
    if secrets := find_values(request.argv):
        raise UsageError(
            f"The command has a secret ({listed(secrets)}), and a sweep would have to store it; "
            "let the command read it from an environment variable."
        )
    versions = make_versions(request.versions)
    _check_versions(request.argv, request.metrics, versions, tell)
    _require_own_metrics(request)
    failure = check_command(fill_command(request.argv, versions[0], "."), Path.cwd())
    if failure is not None:
        raise UsageError(failure.error or "The command cannot be run.")
    return ref, versions


def _check_versions(argv: Sequence[str], metrics: Sequence[str], versions: Iterable[Version], tell: Tell) -> None:
    """Raise UsageError if a command cannot run in some versions, and say which parameters it does not name.

    Args:
        argv: The command, with placeholders.
        metrics: The files that it writes its metrics to, with placeholders, too.
        versions: The versions.
        tell: Called with each message for the user.
    """
    if hidden := dict.fromkeys(name for version in versions for name in find_hidden(version.parameters)):
        raise UsageError(f"A parameter may be a secret ({listed(hidden)}); let the command read it in another way.")
    check_placeholders((*argv, *metrics), versions)
    named = find_placeholders(argv)
    unnamed = [name for name in dict.fromkeys(name for one in versions for name in one.texts) if name not in named]
    if unnamed and named - {OUT, VERSION}:
        tell(f"Not in the command: {listed(unnamed)}; the command has to read this from ORGLAB_PARAMS.")


def _choose_slots(request: SweepRequest) -> int | None:
    """Return how many versions run at the same time; None if a scheduler decides that."""
    return request.slots or (max(1, len(list_gpus(os.environ))) if request.where is None else None)


def _require_own_metrics(request: SweepRequest) -> None:
    """Raise UsageError if versions that run at the same time would write their metrics to one file."""
    shared = [path for path in request.metrics if not find_placeholders([path])]
    if shared and _choose_slots(request) != 1:
        raise UsageError(
            f"Versions that run at the same time would write to one file, {listed(shared)}; "
            "let each write its own, as in --metrics {out}/metrics.json."
        )


def _refuse_running(log: LogFile, ref: str | None, versions: Iterable[Version], own: str | None = None) -> None:
    """Raise UsageError if another sweep of the step has one of some versions left: both would write to its folder.

    Args:
        log: The log.
        ref: The step.
        versions: The versions.
        own: The id of their sweep, if it is there already.
    """
    names = {version.name for version in versions}
    for sweep in list_sweeps(log):
        if sweep.record.ref == ref and sweep.id != own and not sweep.has_ended and not is_over(sweep):
            both = [version.name for version in sweep.versions if version.name in names]
            if both:
                raise UsageError(
                    f"The sweep {sweep.id} of {ref} is not over and has {listed(both)}, too; wait for it, or stop it "
                    "with `orglab sweep stop`."
                )


def _make_job(log: LogFile, request: SweepRequest, ref: str, record: RecordWriter, tell: Tell) -> Job:
    """Return the sweep as a run in progress, whose code is saved and described like that of any run."""
    repository = find_repository(Path.cwd()) or log.repository
    base = repository.top if repository is not None else log.top
    run_request = RunRequest(
        ref, request.argv, results=(base / _RESULTS / ref, *request.results), metrics=request.metrics,
        printed_metrics=request.printed_metrics, before=request.before, why=request.why, folder=Path.cwd(),
        time_limit=request.time_limit, commit_failed=request.commit_failed, extra_fields={FIELD: {}},
    )  # fmt: skip
    return make_job(log, run_request, ref, record, tell)._replace(batch=find_batch_job())


def _describe(request: SweepRequest, state: WorkingState, out: str, job: Job) -> dict[str, Any]:
    """Return what the record says of the sweep alone."""
    known = {
        "out": out, "short": state.short, "pinned": request.pinned, "done": request.done,
        "before_each": request.before_each, "after_each": request.after_each, "where": request.where,
        "commit_failed": request.commit_failed, "options": request.options, "again": request.again,
        "top": None if job.base == job.log.top else os.path.relpath(job.base, job.log.top),
    }  # fmt: skip
    if job.repository is not None and not request.pinned:
        watch = CodeWatch(job.repository, state, None)
        others = (sweep.out for sweep in list_sweeps(job.log))
        watch.ignore_folders([*(os.path.relpath(path, job.base) for path in job.watch.paths), *others])
        own = job.log.find_own_paths(job.repository)
        known["signature"] = read_signature(
            job.repository, lambda path: path in own or watch.is_ignored(path), watch.folders
        )
    return {name: value for name, value in known.items() if value not in (None, False, "")}


def find_done(log: LogFile, sweep: Run, versions: Iterable[Version]) -> dict[str, str]:
    """Return the runs of versions that ended well before on the code of a sweep, by the name of the version.

    There are none for a sweep that is to run them again.

    Args:
        log: The log.
        sweep: The record of the sweep.
        versions: The versions.
    """
    if sweep.fields[FIELD].get("again") is True:
        return {}
    earlier: dict[tuple[str, ...], list[Run]] = {}
    runs = [run for run in LogRuns(log).all if run.ref == sweep.ref and run.cwd == sweep.cwd]
    for run in runs:
        if run.status == "done" and run.discarded is None and not is_kept_aside(run) and not run.fields.get("rerun_of"):
            earlier.setdefault(run.argv, []).append(run)
    if not earlier:
        return {}
    named = find_placeholders(sweep.recorded_argv)
    folder = os.path.relpath(str(sweep.fields[FIELD]["out"]), sweep.cwd or ".")
    candidates: dict[str, list[Run]] = {}
    for version in versions:
        argv = fill_command(sweep.recorded_argv, version, os.path.join(folder, version.name))  # noqa: PTH118 - a text
        own = [run for run in earlier.get(argv, ()) if _has_parameters(run, version, named)]
        if own:
            candidates[version.name] = own
    if not candidates or log.repository is None:
        return {}
    found = [run for own in candidates.values() for run in own]
    codes = identify_code(log.repository, [sweep, *found], log.find_own_paths(log.repository), [sweep, *runs])
    same = {name: [run for run in own if codes[run.id] == codes[sweep.id]] for name, own in candidates.items()}
    return {name: own[-1].id for name, own in same.items() if own}


def _has_parameters(run: Run, version: Version, named: set[str]) -> bool:
    """Return whether a run of the same command had the parameters of a version, of which the command names some."""
    own = {normalize_name(name): value for name, value in version.parameters.items() if name not in named}
    return all(name in run.parameters and run.parameters[name] == value for name, value in own.items())


def launch(log: LogFile, sweep: Sweep, options: str, tell: Tell) -> None:
    """Let the tasks of a sweep be run where the sweep says, with options of the scheduler there, and write its note."""
    if is_over(sweep):
        settle_if_over(log, sweep.folder, tell)
        return
    update_note(log, sweep.folder, tell, at_once=True)
    if sweep.where is None:
        names, alive = sweep.tasks.list_names(), {worker.name for worker in sweep.list_workers()}
        # Those that are there have something to do, and what runs without its worker is waited for.
        orphans = [name for name in names[CLAIMED] if name.partition("@")[2] not in alive]
        start_workers(log, sweep, min(sweep.slots - len(alive), len(names[QUEUED]) + len(orphans)), tell)
        return
    from orglab.runs.launchers.submission import submit  # noqa: PLC0415 - most sweeps run here

    submit(log, sweep, options, tell)


def add_versions(log: LogFile, sweep: Sweep, request: VersionRequest, tell: Tell) -> list[Version]:
    """Add versions to a sweep, which goes on with them, and return those that it did not have.

    Raises:
        UsageError: The versions are not valid, another sweep has them, or the sweep is of somebody else.
        NotWritableError: They cannot be recorded.
    """
    _require_own(sweep)
    known = {version.name.lower() for version in sweep.versions}
    versions = make_versions(request)
    new = [version for version in versions if version.name.lower() not in known]
    _check_versions(sweep.record.recorded_argv, sweep.record.metrics_files, new, tell)
    _refuse_running(log, sweep.record.ref, new, sweep.id)
    if len(new) < len(versions):
        tell(f"The sweep has {len(versions) - len(new)} of these already.")
    if not new:
        return []
    if sweep.tasks.is_stopped:
        tell("The sweep was stopped, and goes on now.")
    done = find_done(log, sweep.record, new)
    if done:
        tell(f"{count(len(done), 'version')} ended well before on the code of the sweep.")
    with _changing(sweep) as now:
        first = len(now.versions) + 1
        append_event(now.record, "added", {"versions": describe_versions([*now.versions, *new])})
        now.tasks.add(enumerate(new, first), done)
        _reopen(log, now, None)
    launch(log, read_sweep(sweep.folder), sweep.options, tell)
    return new


def resume_sweep(log: LogFile, sweep: Sweep, slots: int | None, options: str | None, tell: Tell) -> int:
    """Let a sweep go on: what failed, was stopped or was lost is offered again; return how many tasks are queued.

    Args:
        log: The log.
        sweep: The sweep.
        slots: How many versions run at the same time; as before if None.
        options: Options of the scheduler for what is submitted now; those that it began with if None.
        tell: Called with each message for the user.

    Raises:
        UsageError: The sweep is of somebody else, another one has its versions, or the options are not valid.
        NotWritableError: It cannot be recorded.
    """
    _require_own(sweep)
    options = sweep.options if options is None else options
    waiting: Collection[str] = ()
    if sweep.where == "slurm":
        from orglab.runs.launchers.slurm import check_options  # noqa: PLC0415 - most sweeps run here
        from orglab.runs.launchers.slurm_jobs import ask_slurm  # noqa: PLC0415 - most sweeps run here

        check_options(options)
        waiting = scheduler.names if (scheduler := ask_slurm(sweep)) is not None else ()
    with _changing(sweep) as now:
        left = [task.version for task in now.tasks.read_all() if not task.is_good]
        _refuse_running(log, now.record.ref, left, now.id)
        recover(log, now, tell, waiting)
        for task in now.tasks.read_all():
            if task.state == ENDED and not task.is_good:
                now.tasks.requeue(task)
        queued = len(now.tasks.list_names()[QUEUED])
        forget_removed_note(log, now)
        if queued:
            _reopen(log, now, slots)
    if not queued and (workers := sweep.list_workers()):
        tell(f"The sweep goes on already, with {count(len(workers), 'worker')}.")
    launch(log, read_sweep(sweep.folder), options, tell)
    return queued


@contextlib.contextmanager
def _changing(sweep: Sweep) -> Iterator[Sweep]:
    """Yield a sweep as it is recorded now, which nobody takes for ended meanwhile.

    Raises:
        NotWritableError: Its files cannot be written.
    """
    try:
        with lock_sweep(sweep.folder):
            yield read_sweep(sweep.folder)
    except OSError as error:
        raise NotWritableError(f"The tasks of the sweep cannot be written: {error.strerror}.") from error


def _reopen(log: LogFile, sweep: Sweep, slots: int | None) -> None:
    """Let tasks begin again, and record that a sweep goes on, if it had ended.

    Raises:
        OSError: Its pending entry cannot be written.
    """
    sweep.tasks.go_on()
    fields: dict[str, object] = {}
    if sweep.has_ended:
        fields |= dict.fromkeys(("ended", "exit_code", "seconds"))
    if slots is not None and slots != sweep.limit:
        fields["slots"] = slots
    if fields:
        append_event(sweep.record, "resumed", fields)
        add_pending_run(sweep.folder.parent.parent, sweep.id, log.name, log.path, is_sweep=True)


def stop_sweep(log: LogFile, sweep: Sweep, tell: Tell, *, drain: bool = False) -> None:
    """Let no further version of a sweep begin, and stop those that run, also those whose worker was killed.

    Args:
        log: The log.
        sweep: The sweep.
        tell: Called with each message for the user.
        drain: Whether those that run may end.

    Raises:
        NotWritableError: It cannot be stopped.
    """
    try:
        sweep.tasks.stop()
    except OSError as error:
        raise NotWritableError(f"The sweep cannot be stopped: {error.strerror}.") from error
    workers = sweep.list_workers()
    elsewhere = []
    for worker in workers:
        if worker.host != os.uname().nodename:
            elsewhere.append(worker.host)
        elif not drain:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(worker.pid, signal.SIGTERM)
    if elsewhere and not drain and sweep.where != "slurm":
        tell(f"On another machine: {listed(dict.fromkeys(elsewhere))}; its versions end before the sweep does.")
    if sweep.where is not None:
        from orglab.runs.launchers.submission import cancel  # noqa: PLC0415 - most sweeps run here

        cancel(sweep, tell, drain=drain)
    if not drain and end_orphans(sweep):
        with _changing(sweep) as now:
            recover(log, now, tell)
    if is_over(sweep):
        settle_if_over(log, sweep.folder, tell)


def _require_own(sweep: Sweep) -> None:
    """Raise UsageError if this user did not begin a sweep: it would run what somebody else wrote."""
    if not is_own(sweep.record):
        raise UsageError(f"Somebody else began the sweep {sweep.id}; begin one of your own.")
