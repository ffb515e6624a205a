"""Prepare a run: commit or capture its code, and describe its environment for the record."""

import contextlib
import datetime
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from orglab.errors import GitError, OrglabError
from orglab.git import Repository, find_repository
from orglab.git.files import path_in
from orglab.git.hashed_file import hash_file
from orglab.git.path_pattern import expand_path
from orglab.git.trees import count_changed_lines
from orglab.git.worktree import read_branch
from orglab.log.log import LogFile
from orglab.reference import parse_reference
from orglab.runs.child import NOT_EXECUTABLE, NOT_FOUND, ExitStatus
from orglab.runs.cluster.scheduler import find_job
from orglab.runs.code import GeneratedPaths, find_generated_paths, find_repeated_run, find_same_run, identify_code
from orglab.runs.description import describe_outcome
from orglab.runs.environment import PythonProbe, find_lock_files
from orglab.runs.job import EarlierRuns, Job
from orglab.runs.metrics.candidates import find_matches
from orglab.runs.parameters.arguments import find_environment_seeds
from orglab.runs.parameters.run_parameters import describe_parameters
from orglab.runs.processes import read_start_time
from orglab.runs.record import OUT, Run
from orglab.runs.record_writer import RecordWriter
from orglab.runs.results import ResultsWatch
from orglab.runs.run_request import RunRequest
from orglab.runs.secret_spans import MASK, is_secret_value
from orglab.runs.secrets import (
    digest_secrets,
    find_hidden,
    find_values,
    join_secrets,
    mask_argv,
    mask_values,
)
from orglab.runs.setting import find_reason, is_same_setting
from orglab.runs.source_folders import OwnCode, find_sources
from orglab.runs.tracker_variables import RunNames, set_tracker_variables
from orglab.runs.working_state import Policy, WorkingState, save_working_state
from orglab.secret_names import may_be_secret_name
from orglab.settings.settings_files import read_own_variables
from orglab.text import Tell, listed

RECORD_OUT = "ORGLAB_RECORD_OUT"
"""The variable with the folder `out` of the record, for a script that joins the run, if `ORGLAB_OUT` is another one."""

_STARTUP = Path(__file__).with_name("startup")


def make_job(log: LogFile, request: RunRequest, ref: str | None, record: RecordWriter, tell: Tell) -> Job:
    """Return a run in progress, outside of a scheduler's job.

    Args:
        log: The log.
        request: What to run.
        ref: The step or the experiment, as written in the log; None if the run belongs to none.
        record: Its record.
        tell: Called with each message for the user.
    """
    folder = request.folder or Path.cwd()
    repository = find_repository(folder) or log.repository
    base = repository.top if repository is not None else log.top
    watch = watch_results(log, request, repository, base, tell)
    earlier_runs, secrets = EarlierRuns(log, record.id), find_secrets(log, request)
    return Job(log, request, ref, record, folder, repository, watch, tell, earlier_runs, secrets=secrets)


def watch_results(
    log: LogFile, request: RunRequest, repository: Repository | None, base: Path, tell: Tell
) -> ResultsWatch:
    """Return a watch of the results paths of a request and of the settings; the user knows which are not looked at.

    Args:
        log: The log.
        request: What to run.
        repository: The repository of the run; None without git.
        base: The base of the paths in the settings.
        tell: Called with each message for the user.
    """
    watch = ResultsWatch(repository, [*request.results, *(base / path for path in log.config.run.results)])
    for refused in watch.list_refused():
        tell(refused)
    return watch


def find_secrets(log: LogFile, request: RunRequest) -> dict[str, str]:
    """Return the secrets of a command, and of the environment variables that are recorded with it, by name."""
    variables = _read_environment(log, request)
    chosen = {name: variables[name] for name in _find_foreign_secrets(variables)}
    return join_secrets(join_secrets(find_values(request.argv), find_hidden(variables)), chosen)


def _find_foreign_secrets(variables: Mapping[str, str]) -> list[str]:
    """Return the variables that may be secret and that a repository names, but not the user's own configuration."""
    suspect = [name for name, value in variables.items() if may_be_secret_name(name) and is_secret_value(value)]
    own = set(read_own_variables()) if suspect else set()
    return [name for name in suspect if name not in own]


def _hide_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return variables without secrets."""
    return {**mask_values(variables), **dict.fromkeys(_find_foreign_secrets(variables), MASK)}


def _read_environment(log: LogFile, request: RunRequest) -> dict[str, str]:
    """Return the environment variables of a command that are recorded: those that the settings name, and seeds."""
    variables = {**os.environ, **(request.environment or {})}
    named = {name: variables[name] for name in log.config.run.environment if name in variables}
    return named | find_environment_seeds(variables)


def check_command(argv: tuple[str, ...], folder: Path) -> ExitStatus | None:
    """Return the exit status of a command that cannot be run, before anything is committed for it; else None."""
    name = argv[0]
    path = os.fspath(folder / name) if os.sep in name else shutil.which(name)
    if path is None or not os.path.lexists(path):
        return ExitStatus(NOT_FOUND, None, 0.0, {}, f"The command {name!r} was not found, so nothing ran.")
    if Path(path).is_dir() or not os.access(path, os.X_OK):
        return ExitStatus(NOT_EXECUTABLE, None, 0.0, {}, f"The command {name!r} is not executable, so nothing ran.")
    return None


def save_code(job: Job) -> WorkingState:
    """Commit or capture the uncommitted changes, and return the working state that the run uses.

    Raises:
        GitError: The changes cannot be committed, or `clean` allows none.
    """
    if job.repository is None:
        return WorkingState()
    return save_working_state(
        job.repository, make_policy(job, job.repository), job.record.id, job.tell, ref=job.ref,
        argv=mask_argv(job.request.argv), why=job.why,
    )  # fmt: skip


def make_policy(job: Job, repository: Repository) -> Policy:
    """Return what to do with the uncommitted changes before a run.

    Args:
        job: The run.
        repository: Its repository.
    """
    config = job.log.config.run
    metrics = (find_matches(repository, name, job.folder) for name in job.request.metrics)
    results = (expand_path(repository, path) for path in job.watch.paths)
    generated = chain.from_iterable((*results, *metrics))
    expected = tuple(path for path in (path_in(repository, file) for file in generated) if path is not None)
    scripts = tuple(_find_scripts(repository, job.request.argv, job.folder))
    before = job.request.before or config.before
    if job.request.worktree or (before == "commit" and job.batch is not None):
        before = "snapshot"  # the branch is that of the person, who may be working on it now
    return Policy(
        before, config, job.log.find_own_paths(repository), expected, scripts,
        lambda paths: _find_outputs(job, paths, job.earlier_runs.all),
        lambda paths: _find_outputs(job, paths, (run for run in job.earlier_runs.all if run.kept is not None)),
        tuple(_find_streams(repository)), job.log.config.hooks.position,
    )  # fmt: skip


def _find_streams(repository: Repository) -> Iterator[str]:
    """Yield the files in the repository that standard output and standard error are redirected to."""
    for fd in (1, 2):
        with contextlib.suppress(OSError):
            file = Path(f"/dev/fd/{fd}").resolve(strict=True)
            if file.is_file() and (path := path_in(repository, file)) is not None:
                yield path


def _find_scripts(repository: Repository, argv: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Yield the program, and the first argument that is a file, if they are in the repository, relative to its top."""
    program = [folder / argv[0]] if os.sep in argv[0] else []
    # Path.is_file raises an error for a name that is too long.
    arguments = (folder / word for word in argv[1:] if os.path.isfile(folder / word))  # noqa: PTH113
    for file in (*program, *islice(arguments, 1)):
        if (path := path_in(repository, file)) is not None:
            yield path


def _find_outputs(job: Job, paths: Sequence[str], runs: Iterable[Run]) -> set[str]:
    """Return those of some files, relative to the top, that are as one of some runs wrote them."""
    outputs: dict[str, set[tuple[int, str]]] = {}
    for run in runs:
        for output in run.outputs:
            outputs.setdefault(output.path, set()).add((output.size, output.sha256))
    found = set()
    for path in (path for path in paths if path in outputs):
        file = job.base / path
        with contextlib.suppress(OSError):
            size = file.lstat().st_size
            if (
                any(size == known for known, _ in outputs[path])
                and (size, hash_file(job.repository, file)) in outputs[path]
            ):
                found.add(path)
    return found


def find_repetition(job: Job, beginning: Mapping[str, Any]) -> dict[str, str]:
    """Return the field of the record that names the run that this one repeats; none if there is none.

    The user is told about an earlier run of the same command or code; a rerun needs no such message.

    Args:
        job: The run.
        beginning: The fields of its record.
    """
    if job.request.extra_fields:
        return {}
    run, earlier, own_paths = Run(job.record.folder, beginning), job.earlier_runs.all, _find_own_paths(job)
    repeated = find_repeated_run(job.repository, run, earlier, own_paths)
    found = (repeated, True) if repeated is not None else find_same_run(job.repository, run, earlier, own_paths)
    if found is not None:
        _tell_of_earlier(job, *found)
    return {"repeats": repeated.id} if repeated is not None else {}


def _tell_of_earlier(job: Job, same: Run, is_same: bool | None) -> None:  # noqa: FBT001 - or not known
    """Tell the user about an earlier run of the same command, and whether it had the same code."""
    code = {True: ", on the same code", False: ", on different code", None: ""}[is_same]
    when = f"{same.began:%Y-%m-%d %H:%M}" if same.began else "earlier"
    names = ", ".join(filter(None, (when, same.ref, same.id)))
    job.tell(f"The same was run before{code} ({names}): {describe_outcome(same)}.")


def warn_if_code_differs(job: Job, beginning: Mapping[str, Any]) -> None:
    """Tell the user if the last run with the same parameters but for the seed had other code, and which files differ.

    The runs do not count together, and a stray file is easily overlooked.

    Args:
        job: The run.
        beginning: The fields of its record.
    """
    repository, run = job.repository, Run(job.record.folder, beginning)
    if repository is None or run.fields.get("rerun_of"):
        return
    alike = (one for one in job.earlier_runs.all if find_reason(one) is None and is_same_setting(one, run))
    earlier = next(alike, None)
    if earlier is None or earlier.argv == run.argv or earlier.code == run.code or None in (earlier.code, run.code):
        return
    writers = [run, *job.earlier_runs.all]
    codes = identify_code(repository, [run, earlier], _find_own_paths(job), writers)
    if codes[run.id] == codes[earlier.id]:
        return
    generated = find_generated_paths(writers, _find_own_paths(job))
    with contextlib.suppress(GitError):
        changes = count_changed_lines(repository, str(earlier.code), run.code, _find_own_paths(job))
        names = [change.path for change in changes if not generated.hold(change.path)]
        what = f", because of {listed(names)}" if names else ""
        job.tell(f"This is other code than that of the run {earlier.id} with the same parameters{what}.")


def _find_own_paths(job: Job) -> tuple[str, ...]:
    return job.log.find_own_paths(job.repository) if job.repository is not None else ()


def _describe_request(job: Job) -> dict[str, Any]:
    """Return the fields of the record that follow from what was asked for."""
    request, base = job.request, job.base
    return {
        "ref": job.ref, "log": job.log.name, "argv": list(mask_argv(request.argv)),
        "secrets": digest_secrets(find_values(request.argv)),
        "cwd": os.path.relpath(job.folder, base), "why": job.why, "done": request.done,
        "results": [os.path.relpath(path, base) for path in job.watch.paths],
        "metrics_files": [os.path.relpath(job.folder / name, base) for name in request.metrics],
        "printed_metrics": request.printed_metrics, "pty": request.pty, "time_limit": request.time_limit,
        "commit_failed": request.commit_failed,
    }  # fmt: skip


def _find_generated(job: Job) -> GeneratedPaths:
    """Return the paths that this run and earlier ones write."""
    run = Run(job.record.folder, _describe_request(job))
    return find_generated_paths([run, *job.earlier_runs.all], _find_own_paths(job))


def describe_beginning(job: Job, state: WorkingState, python: PythonProbe, now: datetime.datetime) -> dict[str, Any]:
    """Return the fields of the record of a run that is about to start.

    Args:
        job: The run.
        state: The working state that it uses.
        python: The Python that the command would use.
        now: Local time.
    """
    request, base = job.request, job.base
    version, packages = python.read_result()
    variables = {**os.environ, **(request.environment or {})}
    seeds = find_environment_seeds(variables)
    parameters = describe_parameters(job, seeds, lambda: _find_generated(job))
    scheduled = find_job(variables)
    own = OwnCode(base, state.snapshot or state.head, bool(state.uncaptured))
    sources = find_sources(python.folders, variables.get("PYTHONPATH", ""), job.folder, own)
    known = {
        **_describe_request(job), "experiment": _describe_experiment(job.log, job.ref),
        **_describe_repository(job), "began": format_moment(now), **state.record_fields(),
        "host": os.uname().nodename, "pid": os.getpid(), "pid_start": read_start_time(os.getpid()),
        "python": version, "python_path": os.fspath(python.path) if python.path else None, "packages": packages,
        "sources": [source._asdict() for source in sources],
        "environment": _hide_environment(_read_environment(job.log, request)),
        "secrets": digest_secrets(job.secrets or {}),
        "lock_files": _hash_files(job.repository, find_lock_files((base, job.folder)), base),
        **parameters,
        "job": scheduled._asdict() if scheduled is not None else None, "author": job.author,
        "parent": os.environ.get("ORGLAB_RUN"), **(request.extra_fields or {}),
    }  # fmt: skip
    return {name: value for name, value in known.items() if value not in (None, False, [], {})}


def _describe_experiment(log: LogFile, ref: str | None) -> dict[str, str] | None:
    """Return what tells an experiment from one with its id in another clone; None if the log has no such one."""
    if ref is None:
        return None
    with contextlib.suppress(OrglabError):
        experiment = log.find(log.document(), parse_reference(ref))
        created = experiment.created
        stamp = {"created": created.isoformat()} if created is not None else {}
        return {"title": experiment.title, **stamp}
    return None


def _describe_repository(job: Job) -> dict[str, Any]:
    """Return the branch, the top of a repository that is not that of the log, and a working tree of its own."""
    home = job.home or job.repository
    if home is None or job.repository is None:
        return {}
    is_other = job.log.repository is None or home.git_dir != job.log.repository.git_dir
    return {
        "branch": read_branch(home),
        "repository": os.fspath(home.top) if is_other else None,
        "worktree": os.fspath(job.repository.top) if job.home is not None else None,
    }


def _hash_files(repository: Repository | None, paths: Iterable[Path], base: Path) -> dict[str, str]:
    """Return the sha256 of each readable file, by its path relative to `base`."""
    hashes = {}
    for path in paths:
        with contextlib.suppress(OSError):
            hashes[os.path.relpath(path, base)] = hash_file(repository, path)
    return hashes


def make_environment(
    request: RunRequest, folder: Path, ref: str | None, code: str | None, names: RunNames | None = None,
    author: str | None = None,
) -> dict[str, str]:  # fmt: skip
    """Return the environment variables of a command.

    Args:
        request: What to run.
        folder: The folder of the run.
        ref: Its step or experiment.
        code: The full hash of the commit with its code.
        names: What trackers are told of the run; None to tell them nothing.
        author: Who makes the run, and whatever it writes to the log; None for a person.
    """
    environment = {
        **os.environ,
        **(request.environment or {}),
        "ORGLAB_RUN": folder.name,
        "ORGLAB_OUT": os.fspath((request.out or folder / OUT).absolute()),
    }
    environment.pop(RECORD_OUT, None)
    if request.out is not None:
        environment[RECORD_OUT] = os.fspath((folder / OUT).absolute())
    with contextlib.suppress(OSError):
        (folder / OUT).mkdir(exist_ok=True)
        if request.out is not None:
            request.out.mkdir(parents=True, exist_ok=True)
    if not request.pty:
        # Python buffers output to a pipe, and the user wants to see it at once, as on a terminal.
        old_paths = environment.get("PYTHONPATH", "").split(os.pathsep)
        paths = (os.fspath(_STARTUP), *(path for path in old_paths if path != os.fspath(_STARTUP)))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    experiment, _, step = (ref or "").partition(".")
    values = {"EXPERIMENT": experiment, "STEP": ref if step else None, "COMMIT": code, "AUTHOR": author}
    for name, value in values.items():
        environment.pop(f"ORGLAB_{name}", None)
        if value:
            environment[f"ORGLAB_{name}"] = value
    set_tracker_variables(environment, names)
    return environment


def format_moment(moment: datetime.datetime) -> str:
    """Return a local time in the format of records: ISO 8601, with the offset from UTC."""
    return moment.astimezone().isoformat(timespec="milliseconds")
