"""Find out which runs had the same code: the same trees, without what runs write, the log and the journal."""

import os
from collections.abc import Hashable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git import Repository
from orglab.git.trees import EntryChange, compare_in_turn
from orglab.runs.pending import RECORD
from orglab.runs.record import Run
from orglab.runs.record_lines import RECORD_BYTES, read_lines
from orglab.runs.secrets import name_secrets

_MOST_COMPARED = 50  # earlier runs of the same command
_LONGEST_PATH = 1000
_SCRIPTS = frozenset((".py", ".sh", ".bash", ".R", ".r", ".jl", ".ipynb", ".pl", ".rb", ".lua", ".js", ".m"))


class GeneratedPaths(NamedTuple):
    """Paths, relative to the top of the repository, that are not code.

    Attributes:
        files: Files that runs wrote, logs and journals.
        folders: Results paths; whatever is in them is not code.
    """

    files: frozenset[str]
    folders: frozenset[str]

    def hold(self, path: str) -> bool:
        """Return whether a file is one of them, or in one of the folders."""
        if path in self.files or path in self.folders:
            return True
        return any(str(parent) in self.folders for parent in PurePosixPath(path).parents)


def find_generated_paths(runs: Iterable[Run], own_paths: Iterable[str]) -> GeneratedPaths:
    """Return the paths that are not code: what some runs wrote, their results paths, logs and journals.

    A results path that holds the folder or the script of its run is a folder of code; only the files that were written
    there are left out.

    Args:
        runs: The runs.
        own_paths: The log and the journal, relative to the top of the repository.
    """
    files = set(own_paths)
    folders: set[str] = set()
    for run in runs:
        files.update(output.path for output in run.outputs)
        files.update(path for path in (run.log, *run.metrics_files, *run.metrics_from) if isinstance(path, str))
        places = _find_code_places(run) if run.results else set()
        folders.update(folder for folder in map(os.path.normpath, run.results) if not _holds_code(folder, places))
    return GeneratedPaths(frozenset(files), frozenset(folders))


def _holds_code(folder: str, places: set[str]) -> bool:
    """Return whether one of the places with code is a folder, or in it."""
    return folder in (".", "..") or folder.startswith(("../", "/")) or folder in places


def _find_code_places(run: Run) -> set[str]:
    """Return the folder of the command of a run, the scripts that it names, and all folders that they are in."""
    cwd = run.cwd or "."
    words = run.arguments.words
    scripts = [word for number, word in enumerate(words) if (number == 0 and "/" in word) or _is_script(word)]
    places = (os.path.normpath(PurePosixPath(cwd, word)) for word in ("", *scripts))
    short = {PurePosixPath(place) for place in places if len(place) <= _LONGEST_PATH}
    return {str(one) for place in short for one in (place, *place.parents)}


def _is_script(word: str) -> bool:
    return PurePosixPath(word).suffix in _SCRIPTS


def identify_code(
    repository: Repository | None, runs: Sequence[Run], own_paths: Iterable[str], writers: Iterable[Run] | None = None
) -> dict[str, str]:
    """Return for each run, by id, what its code is: the id of the first of these runs that has the same code.

    Code is the same if the trees of the commits are the same but for what runs write, the log and the journal, and if
    the same files were left out of them, and if the same cells of a notebook were executed.  A run with changes that no
    commit holds has the code of no other run.  If a commit is missing in this clone, the code is the same only as that
    of the same commit with the same changes.
    Without git, or a commit, it is unknown: an empty string.

    Args:
        repository: The repository; None without git.
        runs: The runs.
        own_paths: The log and the journal, relative to the top of the repository.
        writers: The runs whose results and outputs are not code; `runs` if None.
    """
    return compare_code(repository, runs, find_generated_paths(runs if writers is None else writers, own_paths))


def compare_code(repository: Repository | None, runs: Sequence[Run], generated: GeneratedPaths) -> dict[str, str]:
    """Return for each run, by id, what its code is, as `identify_code` does.

    Args:
        repository: The repository; None without git.
        runs: The runs.
        generated: The paths that are not code.
    """
    if repository is None:
        return {run.id: "" for run in runs}
    # The values of a configuration file are parameters, and compared as such, if all of them are known.
    configured = {path for run in runs for path in run.config_files}
    configured -= {path for run in runs for path in run.partial_files}
    generated = generated._replace(files=generated.files | configured)
    trees = _read_trees(repository, runs, generated)
    first: dict[Hashable, str] = {}
    codes = {}
    for run in runs:
        if any(not generated.hold(path) for path in run.uncaptured):
            codes[run.id] = run.id
        elif run.code is None:
            codes[run.id] = ""
        else:
            left_out = frozenset(file for file in run.left_out if not generated.hold(file.path))
            codes[run.id] = first.setdefault((_describe_tree(run, trees), left_out, run.cells), run.id)
    return codes


def _describe_tree(run: Run, trees: dict[str, int]) -> Hashable:
    """Return a value that is the same for the same tree."""
    if run.code in trees:
        return trees[run.code]
    # The snapshot of another clone: the same changes make the same tree of the same tree.
    if run.snapshot is None or run.patch is None:
        return run.code
    return trees.get(run.before or "", run.before), run.patch


def _read_trees(repository: Repository, runs: Iterable[Run], generated: GeneratedPaths) -> dict[str, int]:
    """Return a number for each commit of the runs that is in this repository: the same for the same code."""
    commits = dict.fromkeys(commit for run in runs for commit in (run.before, run.code) if commit is not None)
    if len(commits) < 2:  # noqa: PLR2004 - nothing to compare
        return {}
    try:
        compared = compare_in_turn(repository, commits)
    except GitError:
        return {}
    return _number_trees(compared, generated)


def _number_trees(compared: dict[str, list[EntryChange]], generated: GeneratedPaths) -> dict[str, int]:
    is_generated: dict[str, bool] = {}
    at_first: dict[str, str] = {}
    changed: dict[str, str] = {}  # the entries that differ from those of the first commit
    numbers: dict[frozenset[tuple[str, str]], int] = {}
    trees = {}
    number = numbers.setdefault(frozenset(), 0)
    for commit, changes in compared.items():
        is_changed = False
        for path, old, new in changes:
            if path not in is_generated:
                is_generated[path] = generated.hold(path)
            if is_generated[path]:
                continue
            is_changed = True
            if new == at_first.setdefault(path, old):
                changed.pop(path, None)
            else:
                changed[path] = new
        if is_changed:
            number = numbers.setdefault(frozenset(changed.items()), len(numbers))
        trees[commit] = number
    return trees


def _has_same_secrets(run: Run, other: Run) -> bool:
    """Return whether the secrets of two runs of a command are the same, as far as is known."""
    return all(run.secrets.get(name) == other.secrets.get(name) for name in name_secrets(run.argv))


def find_repeated_run(
    repository: Repository | None, run: Run, earlier: Sequence[Run], own_paths: Iterable[str]
) -> Run | None:
    """Return the newest earlier run that ended well, began as a run does, and had the same code; None without one.

    The command, the folder, the parameters, seeds among them, and the recorded environment variables are the same.

    Args:
        repository: The repository; None without git.
        run: The run, which is about to begin.
        earlier: The earlier runs, newest first.
        own_paths: The log and the journal, relative to the top of the repository.
    """
    ended = [one for one in earlier if one.status == "done" and one.discarded is None]
    alike = [one for one in ended if one.argv == run.argv and one.cwd == run.cwd and _has_same_secrets(run, one)]
    matches = [one for one in alike[:_MOST_COMPARED] if _began_alike(one, run)]
    if not matches:
        return None
    codes = identify_code(repository, [run, *matches], own_paths, [run, *earlier])
    return next((one for one in matches if codes[run.id] and codes[one.id] == codes[run.id]), None)


def _began_alike(run: Run, other: Run) -> bool:
    """Return whether a run began with the parameters of one that begins, whatever its program added later."""
    began = Run(run.folder, next(read_lines(run.folder / RECORD, RECORD_BYTES), {}))
    return began.parameters == other.parameters and began.environment == other.environment


def find_same_run(
    repository: Repository | None, run: Run, earlier: Sequence[Run], own_paths: Iterable[str]
) -> tuple[Run, bool | None] | None:
    """Return the best match of a run among earlier ones, and whether its code is the same; None if there is no match.

    That is the newest run of the same command on the same code, else of the same command, else of the same code
    changes (`patch`) with the same arguments to any program.  Whether the code is the same is None if it is unknown.
    git is asked only if there is a match.

    Args:
        repository: The repository; None without git.
        run: The run, which may have no record yet.
        earlier: The earlier runs, newest first.
        own_paths: The log and the journal, relative to the top of the repository.
    """
    ended = [one for one in earlier if one.status in ("done", "failed", "killed", "stopped")]
    matches = [one for one in ended if one.argv == run.argv and _has_same_secrets(run, one)][:_MOST_COMPARED] or [
        one
        for one in ended
        if run.patch is not None
        and one.patch == run.patch
        and one.argv[1:] == run.argv[1:]
        and _has_same_secrets(run, one)
    ][:1]
    if not matches:
        return None
    codes = identify_code(repository, [run, *matches], own_paths, [run, *earlier])
    if not codes[run.id]:
        return matches[0], None
    same = next((one for one in matches if codes[one.id] == run.id), None)
    return (same, True) if same is not None else (matches[0], False)
