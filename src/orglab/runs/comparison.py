"""Compare two runs, or a run with a revision: code, parameters, arguments, environment, metrics."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orglab.errors import NotFoundError
from orglab.git import Repository
from orglab.git.trees import FileChange, count_changed_lines, full_hash, has_commit, read_patch
from orglab.log.log import LogFile
from orglab.runs.code import GeneratedPaths, find_generated_paths
from orglab.runs.description import describe_value
from orglab.runs.parameters.arguments import Value
from orglab.runs.record import Metric, Run
from orglab.runs.record_reader import find_run
from orglab.runs.secret_spans import MASK
from orglab.runs.source_folders import Source

Pair = tuple[str | None, str | None]


class Difference(NamedTuple):
    """The differences between a run and another; the first of two values belongs to `run`.

    Attributes:
        run: The run.
        other: The run that it is compared with; None for a revision or the working tree.
        commits: The full hashes of the code of both; the second is None for the working tree.
        files: The changed files of the code, without what the runs wrote; None if a commit is unknown or not in this
            repository.
        parameters: The parameters that differ, by name.
        arguments: Both commands, if they differ in more than parameters.
        surroundings: The Python, host, environment variables and lock files that differ, by name.
        packages: The installed distributions that differ, by name.
        sources: The folders of source, other than the own code, that differ or have changes that no commit holds.
        metrics: The metrics of both, by name.
    """

    run: Run
    other: Run | None
    commits: Pair
    files: list[FileChange] | None
    parameters: dict[str, tuple[Value | None, Value | None]]
    arguments: tuple[tuple[str, ...], tuple[str, ...]] | None
    surroundings: dict[str, Pair]
    packages: dict[str, Pair]
    sources: dict[str, tuple[Source | None, Source | None]]
    metrics: dict[str, tuple[Metric | None, Metric | None]]


def compare_runs(log: LogFile, runs: Sequence[Run], name: str, other: str | None = None) -> Difference:
    """Return the differences between a run and another run, a revision or the working tree.

    Args:
        log: The log.
        runs: Its runs.
        name: The id of the run, or a unique beginning or end of it.
        other: The other run, or a revision; the working tree if None.

    Raises:
        NotFoundError: There is no such run, or `other` is neither a run nor a revision.
        UsageError: Several runs match.
    """
    first = find_run(runs, name)
    second = None
    revision = None
    repository = log.repository
    if other is not None:
        try:
            second = find_run(runs, other)
        except NotFoundError:
            if repository is None:
                raise
            revision = full_hash(repository, other)
    commits = (first.code, second.code if second is not None else revision)
    parameters = _pair_parameters(first, second) if second is not None else {}
    return Difference(
        first,
        second,
        commits,
        _count_changes(repository, commits, _find_generated(log, first, second), is_tree=other is None),
        parameters,
        _pair_arguments(first, second, parameters) if second is not None else None,
        _find_other_surroundings(first, second, parameters) if second is not None else {},
        find_differences(first.packages, second.packages) if second is not None else {},
        _pair_sources(first, second) if second is not None else {},
        _pair_metrics(first, second),
    )


def _pair_parameters(first: Run, second: Run) -> dict[str, tuple[Value | None, Value | None]]:
    """Return the parameters that differ; of a secret it is said whether it does, as far as is known."""
    pairs: dict[str, tuple[Value | None, Value | None]] = find_differences(first.parameters, second.parameters)
    for name in sorted(first.secrets.keys() & second.secrets.keys()):
        if first.secrets[name] != second.secrets[name]:
            is_known = not (first.is_foreign or second.is_foreign)
            pairs.setdefault(name, (MASK, f"{MASK} ({'another' if is_known else 'perhaps another'})"))
    return pairs


def _find_generated(log: LogFile, first: Run, second: Run | None) -> GeneratedPaths:
    """Return the paths that are not code, because one of the runs writes them."""
    own_paths = log.find_own_paths(log.repository) if log.repository is not None else ()
    return find_generated_paths([first] if second is None else [first, second], own_paths)


def _pair_arguments(
    first: Run, second: Run, parameters: Mapping[str, object]
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return both commands, if they differ in more than the parameters that differ."""
    if first.argv == second.argv:
        return None
    is_shown = not parameters or first.arguments.words != second.arguments.words
    return (first.argv, second.argv) if is_shown else None


def _find_other_surroundings(first: Run, second: Run, parameters: Mapping[str, object]) -> dict[str, Pair]:
    """Return the surroundings that differ; a seed in the environment is one of the parameters."""
    found = find_differences(read_surroundings(first), read_surroundings(second))
    return {name: pair for name, pair in found.items() if name not in parameters}


def _count_changes(
    repository: Repository | None, commits: Pair, generated: GeneratedPaths, *, is_tree: bool
) -> list[FileChange] | None:
    old, new = commits
    if repository is None or old is None or (new is None and not is_tree):
        return None
    if not has_commit(repository, old) or (new is not None and not has_commit(repository, new)):
        return None
    changes = count_changed_lines(repository, old, new, (*sorted(generated.folders),))
    return [change for change in changes if not generated.hold(change.path)]


def find_changed_code(log: LogFile, run: Run, writers: Iterable[Run]) -> list[FileChange] | None:
    """Return the files of the working tree that differ from the code of a run; None if that cannot be told.

    The configuration files of other runs are no code: each run has its own.

    Args:
        log: The log.
        run: The run.
        writers: The runs whose results and outputs are not code.

    Raises:
        GitError: git fails, or is not installed.
    """
    repository, writers = log.repository, [*writers]
    if repository is None or run.code is None:
        return None
    generated = find_generated_paths(writers, log.find_own_paths(repository))
    configured = {path for writer in writers for path in writer.config_files} - {*run.config_files}
    generated = generated._replace(files=generated.files | configured)
    if any(not generated.hold(path) for path in run.uncaptured):
        return None
    return _count_changes(repository, (run.code, None), generated, is_tree=True)


def find_uncommitted_code(log: LogFile, run: Run) -> list[FileChange]:
    """Return the changed files of the snapshot of a run, relative to the commit that it began on."""
    repository, before, snapshot = log.repository, run.before, run.snapshot
    if repository is None or before is None or snapshot is None or before == snapshot:
        return []
    if not (has_commit(repository, before) and has_commit(repository, snapshot)):
        return []
    return count_changed_lines(repository, before, snapshot, log.find_own_paths(repository))


def read_difference(log: LogFile, difference: Difference) -> str:
    """Return the difference of the code as a patch; empty if there is none, or if a commit is missing."""
    repository, (old, new) = log.repository, difference.commits
    if not difference.files or repository is None or old is None:
        return ""
    generated = _find_generated(log, difference.run, difference.other)
    folders = tuple(sorted(generated.folders))
    changed = (change.path for change in count_changed_lines(repository, old, new, folders))
    return read_patch(repository, old, new, (*folders, *(path for path in changed if generated.hold(path))))


def read_surroundings(run: Run) -> dict[str, str]:
    """Return the Python, host, environment variables and lock files of a run, by name."""
    values = {"python": run.python, "host": run.host, **run.environment, **run.lock_files}
    return {name: value for name, value in values.items() if value is not None}


def find_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the differing values of two mappings, by name; a missing value is None."""
    names = sorted(old.keys() | new.keys())
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _pair_sources(first: Run, second: Run) -> dict[str, tuple[Source | None, Source | None]]:
    """Return the sources that differ; those with changes that no commit holds may differ."""
    old, new = first.other_sources, second.other_sources
    pairs = {name: (old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new))}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or any(one and one.dirty for one in pair)}


def _pair_metrics(first: Run, second: Run | None) -> dict[str, tuple[Metric | None, Metric | None]]:
    old, new = (
        {name: describe_value(run, name) for name in run.metrics} if run is not None else {} for run in (first, second)
    )
    return {name: (old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new))}
