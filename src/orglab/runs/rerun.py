"""Repeat a run: its command on its code, in a separate working tree."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orglab.errors import NotFoundError, UsageError
from orglab.git import Repository
from orglab.log.log import LogFile
from orglab.runs.code_tree import find_code, is_below, open_code_tree, redirect_imports
from orglab.runs.comparison import find_differences
from orglab.runs.description import describe_value, source_text, value_text
from orglab.runs.environment import PythonProbe, find_python
from orglab.runs.launch import LaunchedRun, launch
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run
from orglab.runs.record_reader import find_run
from orglab.runs.rerun_consent import (
    Ask,
    choose_foreign_variables,
    choose_variables,
    is_inner,
    mark_unseen,
    require_consent,
)
from orglab.runs.run_request import RunRequest
from orglab.runs.seal import is_own
from orglab.runs.secret_spans import MASK
from orglab.runs.secrets import find_other_secrets, find_values, recall_command, recall_variables
from orglab.runs.source_folders import OwnCode, Source, find_sources
from orglab.runs.sweeps.sweep import read_swept
from orglab.runs.sweeps.sweep_versions import make_variables
from orglab.settings.settings_files import read_own_variables
from orglab.text import Tell, cut, listed

_MOST_PATHS = 1000  # of results or metrics in a record
_MOST_PLACES = 10_000  # that a pattern in it names
_SHOWN = 200  # characters of a path in a message


def rerun(
    log: LogFile,
    name: str,
    tell: Tell,
    *,
    links: Sequence[str] = (),
    keep: bool = False,
    show_output: bool = True,
    ask: Ask | None = None,
) -> LaunchedRun:
    """Run the command of a run again, on its code, and return the new run.

    The code is checked out into a separate working tree, so the current one does not change.  Afterwards the new run is
    recorded, and the user knows what could not be reproduced and whether metrics and files are the same.

    What a record says is used inside of that working tree alone, and sets no variable that loads code.  If this user
    has not made the run, nothing is started before the user has agreed.

    Args:
        log: The log.
        name: The id of the run, or a part of it that no other run has.
        tell: Called with each message for the user.
        links: Ignored paths that the command needs, such as `data`; they are linked into the working tree.
        keep: Whether to keep the working tree.
        show_output: Whether what the command prints is shown.
        ask: Asks the user whether to repeat a run that somebody else has made; None to refuse that.

    Raises:
        NotFoundError: There is no such run, or its code is not in this repository.
        UsageError: The record does not have the secrets of the run, and they are not given.
        GitError: git cannot create the working tree.
        UsageError: The user does not agree, or the record names no command, or a folder outside of its commit.
    """
    run = find_run(LogRuns(log).all, name)
    repository, commit = find_code(log.repository, run)
    _require_command(run)
    was_made_here = is_own(run)
    if was_made_here:
        variables = choose_variables(run)
    else:
        variables = choose_foreign_variables(run, log.config.run.environment, read_own_variables())
        require_consent(run, commit, variables, ask)
    environment, refused = variables
    if refused and was_made_here:
        tell(f"Not set: {listed(refused)} (such a variable can load code).")
    argv = recall_command(run.recorded_argv, run.id)
    if was_made_here and (swept := read_swept(run)) is not None:
        environment = {**environment, **make_variables(swept.parameters, swept.version)}
    secrets = recall_variables(environment, run.recorded_environment, run.id)
    for changed in find_other_secrets(run.digests, {**secrets, **find_values(argv)}):
        tell(f"Different: {changed} is another one.")
    if run.is_of_script:
        tell(f"The script itself made the run {run.id}, and may make several: their metrics come together in this one.")
    with open_code_tree(log, repository, run, commit, tell, links) as (tree, keep_it), contextlib.ExitStack() as after:
        if keep:
            after.callback(tell, f"Kept the working tree {tree}; remove it with `git worktree remove --force {tree}`.")
            after.callback(keep_it)
        folder = tree / (run.cwd or ".")
        if not (folder.is_dir() and is_below(tree, run.cwd or ".")):
            raise NotFoundError(f"The run {run.id} ran in the folder {run.cwd}, which is not in its commit.")
        for difference in _compare_environment(run, environment, folder, repository):
            tell(f"Different: {difference}.")
        environment = redirect_imports(run.argv, environment, repository, tree, folder, tell)
        environment = {name: secrets.get(name, value) for name, value in environment.items()}
        environment = {name: value for name, value in environment.items() if MASK not in value}
        request = _make_request(run, argv, tree, environment, tell)._replace(show_output=show_output)
        launched = launch(log, request, tell)
        if launched.run is not None:
            for line in _compare_results(run, launched.run):
                tell(line)
    return launched


def _make_request(run: Run, argv: tuple[str, ...], tree: Path, environment: dict[str, str], tell: Tell) -> RunRequest:
    """Return the request to repeat a run in a working tree.

    Args:
        run: The run.
        argv: Its command, with its secrets.
        tree: The top of the working tree.
        environment: The variables to set.
        tell: Called with each message for the user.
    """
    results = tuple(tree / path for path in _choose_inner(run.results, tree, "results", tell))
    metrics = _choose_inner(run.metrics_files, tree, "metrics", tell)
    return RunRequest(
        run.ref, argv, results=results,
        metrics=tuple(os.path.relpath(path, run.cwd or ".") for path in metrics),
        printed_metrics=run.fields.get("printed_metrics") is True, pty=run.fields.get("pty") is True,
        why=f"A rerun of {run.id}", folder=tree / (run.cwd or "."), environment=environment,
        extra_fields={"rerun_of": run.id}, time_limit=run.time_limit,
        # The folder of a version of a sweep is its first results path.
        out=next(iter(results), None) if read_swept(run) is not None else None,
    )  # fmt: skip


def _require_command(run: Run) -> None:
    """Raise UsageError unless a run has a command that can be started, in a folder that can be in its commit."""
    if not run.argv or any("\0" in word or "\ufffd" in word for word in run.argv):
        raise UsageError(f"The record of the run {run.id} has no command that can be started.")
    if not is_inner(run.cwd or "."):
        folder = cut(mark_unseen(run.cwd or ""), _SHOWN)
        raise UsageError(f"The run {run.id} ran in {folder}, outside of its repository, and cannot be repeated.")


def _choose_inner(paths: Sequence[str], tree: Path, what: str, tell: Tell) -> Iterator[str]:
    """Yield those of some paths or patterns of a record that stay in a working tree, and tell which do not."""
    inside = [path for path in dict.fromkeys(paths[:_MOST_PATHS]) if is_below(tree, path)]
    known = {*inside}
    if outside := [path for path in paths if path not in known]:
        names = listed(cut(mark_unseen(path), _SHOWN) for path in outside)
        tell(f"Not looked at for {what}: {names} (outside of the working tree, or too many).")
    yield from inside


def _compare_environment(run: Run, variables: dict[str, str], folder: Path, repository: Repository) -> Iterator[str]:
    """Yield what differs in the environment of the command."""
    top = os.fspath(repository.top.resolve())
    # The folder itself or something in it, not one whose name only begins alike.
    names_it = re.compile(rf"(?<![\w.-]){re.escape(top)}(?![\w.-])")
    if any(names_it.search(argument) for argument in run.argv):
        yield f"the command names files in {top}, which may have changed since"
    python = find_python(run.argv, folder, repository.top)
    with PythonProbe(python) as probe:
        version, packages = probe.read_result()
    if run.python is not None and version != run.python:
        yield f"Python is {version or 'missing'} (was {run.python})"
    changed = find_differences(run.packages, packages) if run.packages else {}
    if changed:
        pairs = [f"{name} {new or 'missing'} (was {old or 'missing'})" for name, (old, new) in changed.items()]
        yield f"packages differ: {listed(pairs)}"
    around = {**os.environ, **variables}
    own = OwnCode(repository.top, None, dirty=False)
    sources = find_sources(probe.folders, around.get("PYTHONPATH", ""), folder, own)
    yield from _compare_sources(run, {source.name: source for source in sources})
    host = os.uname().nodename
    if run.host is not None and run.host != host:
        yield f"the host is {host} (was {run.host})"


def _compare_sources(run: Run, now: Mapping[str, Source]) -> Iterator[str]:
    """Yield the packages whose source is not that of the run, or may not be."""
    for name, source in run.other_sources.items():
        found = now.get(name)
        if source.head is None:
            yield f"{name} was imported from {source.path}, whose commit is not known"
        elif source.dirty:
            yield f"{name} had changes in {source.path} that no commit holds (was {source_text(source)})"
        elif found is None or found.head != source.head or found.dirty:
            yield f"{name} is {'missing' if found is None else source_text(found)} (was {source_text(source)})"


def _compare_results(run: Run, repeated: Run) -> Iterator[str]:
    """Yield whether the metrics and the files of two runs are the same."""
    metrics = [name for name in run.metrics if run.metrics[name] != repeated.metrics.get(name)]
    if run.metrics:
        values = {name: value_text(describe_value(repeated, name)) for name in repeated.metrics}
        pairs = [
            f"{name} {values.get(name, 'missing')} (was {value_text(describe_value(run, name))})" for name in metrics
        ]
        hint = "; they may be those of another run that the script made" if run.is_of_script else ""
        yield f"Metrics differ{hint}: {listed(pairs)}." if metrics else "The metrics are the same."
    before = {output.path: output.sha256 for output in run.outputs}
    after = {output.path: output.sha256 for output in repeated.outputs}
    files = [path for path in before if before[path] != after.get(path)]
    if before:
        hint = "; another run of the script may have written them" if run.is_of_script else ""
        yield f"Files differ{hint}: {listed(files)}." if files else "The files are the same, byte for byte."
