"""Read the experiments that `dvc exp` keeps in a repository, with git alone: each is a commit below `refs/exps/`."""

import os
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.errors import NotFoundError, NotReadableError
from orglab.extras import describe_install
from orglab.git import Repository, find_repository
from orglab.git.commit import Commit, read_commits_by_hash
from orglab.git.files import read_blobs
from orglab.runs.parameters.arguments import Value
from orglab.runs.parameters.config_files import NoReaderError, flatten_values, parse_document
from orglab.runs.sources.tracked_run import TrackedRun
from orglab.runs.stores.stored_run import MOST_RUNS, StoredExperiment, StoredRun

if TYPE_CHECKING:
    from orglab.runs.metrics.values import Row

TRACKER = "dvc"

_REF = re.compile(r"([0-9a-f]{40}) refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/([^\s/]+)")
_LOCK, _STAGES, _PARAMETERS = "dvc.lock", "dvc.yaml", "params.yaml"
_LIVE = "dvclive/metrics.json"
_LARGEST = 1 << 20  # bytes of a file
_BYTES = 64 << 20  # of all files together
_OWN_MESSAGE = re.compile(r"dvc: commit experiment \w+\Z")
_SUBJECT = 80


class _Ref(NamedTuple):
    """An experiment of DVC: its commit, the commit that it began on, and its name."""

    commit: str
    base: str
    name: str


def read_store(_: Repository | None, path: Path) -> list[StoredExperiment]:
    """Return the experiments of DVC in the repository of a folder, those that began on one commit together.

    Args:
        _: The repository of the log.
        path: The folder of the project of DVC.

    Raises:
        NotFoundError: It does not exist.
        NotReadableError: It is in no repository, there are no experiments, or PyYAML is not installed.
        GitError: git fails.
    """
    if not path.is_dir():
        raise NotFoundError(f"There is no folder {path}.")
    repository = find_repository(path.absolute())
    if repository is None:
        raise NotReadableError(f"{path} is in no git repository.")
    refs = list(_list_refs(repository))
    if not refs:
        raise NotReadableError(f"The repository of {path} has no experiments of DVC.")
    if len(refs) > MOST_RUNS:
        raise NotReadableError(f"The repository of {path} has more than {MOST_RUNS:,} experiments.")
    folder = os.path.relpath(os.path.realpath(path), os.path.realpath(repository.top))
    project = "" if folder == os.curdir else Path(folder).as_posix()
    commits = read_commits_by_hash(repository, tuple({name for ref in refs for name in (ref.commit, ref.base)}))
    try:
        documents = _read_documents(repository, [ref.commit for ref in refs], project)
        metrics = _read_metrics(repository, documents, project)
        runs = [_make_run(ref, commits[ref.commit], documents, metrics) for ref in refs if ref.commit in commits]
    except NoReaderError as error:
        raise NotReadableError(
            f"The files of DVC are YAML; install a reader with: {describe_install('yaml')}"
        ) from error
    bases = dict.fromkeys(ref.base for ref in refs)
    of_run = {ref.commit: ref.base for ref in refs}
    return [
        _make_experiment(base, commits.get(base), [run for run in runs if of_run[run.id] == base]) for base in bases
    ]


def _list_refs(repository: Repository) -> Iterator[_Ref]:
    listed = repository.query("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps/")
    for line in listed.decode("utf-8", "replace").splitlines():
        if (match := _REF.fullmatch(line)) is not None:
            yield _Ref(match[1], match[2] + match[3], match[4])


def _read_documents(repository: Repository, commits: Iterable[str], project: str) -> dict[tuple[str, str], object]:
    """Return the files of DVC in some commits, by commit and by path within the project."""
    names = [(commit, name) for commit in commits for name in (_LOCK, _STAGES, _PARAMETERS, _LIVE)]
    return _read_files(repository, names, project)


def _read_files(repository: Repository, names: list[tuple[str, str]], project: str) -> dict[tuple[str, str], object]:
    """Return what is in files of commits, without those that are missing, too large or not valid."""
    places = [f"{commit}:{posixpath.normpath(posixpath.join(project, name))}" for commit, name in names]
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    listed = repository.read("cat-file", form, stdin="".join(f"{place}\n" for place in places).encode()) or b""
    blobs: dict[tuple[str, str], str] = {}
    for name, line in zip(names, listed.decode("utf-8", "replace").splitlines(), strict=False):
        words = line.split(" ")
        if len(words) == 3 and words[1] == "blob" and words[2].isdecimal() and int(words[2]) <= _LARGEST:  # noqa: PLR2004 - as in the form
            blobs[name] = words[0]
    suffixes = {blob: ".yaml" if name == _LOCK else posixpath.splitext(name)[1] for (_, name), blob in blobs.items()}
    left = _BYTES
    parsed: dict[str, object] = {}
    for blob, content in read_blobs(repository, suffixes):
        left -= len(content)
        if left < 0:
            raise NotReadableError(f"The files of the experiments of DVC are larger than {_BYTES >> 20} MB.")
        parsed[blob] = parse_document(suffixes[blob], content)
    return {name: parsed[blob] for name, blob in blobs.items() if blob in parsed}


def _read_metrics(
    repository: Repository, documents: Mapping[tuple[str, str], object], project: str
) -> dict[str, list[object]]:
    """Return what is in the files that hold the metrics, by commit."""
    names = [
        (commit, path)
        for (commit, name), document in documents.items()
        if name == _STAGES
        for path in _find_metrics_paths(document)
    ]
    found: dict[str, list[object]] = {}
    for (commit, _), document in _read_files(repository, list(dict.fromkeys(names)), project).items():
        found.setdefault(commit, []).append(document)
    for (commit, name), document in documents.items():
        if name == _LIVE:
            found.setdefault(commit, []).append(document)
    return found


def _find_metrics_paths(document: object) -> Iterator[str]:
    """Yield the paths of files with metrics that a `dvc.yaml` names."""
    if not isinstance(document, Mapping):
        return
    stages = document.get("stages")
    for part in (document, *(stages.values() if isinstance(stages, Mapping) else ())):
        if not isinstance(part, Mapping):
            continue
        listed, folder = part.get("metrics"), part.get("wdir")
        for item in listed if isinstance(listed, list) else ():
            path = next(iter(item), None) if isinstance(item, Mapping) else item
            if isinstance(path, str) and path.isprintable() and len(path) < _LARGEST:
                yield posixpath.join(folder, path) if isinstance(folder, str) and folder.isprintable() else path


def _make_run(
    ref: _Ref, commit: Commit, documents: Mapping[tuple[str, str], object], metrics: Mapping[str, list[object]]
) -> StoredRun:
    lock = documents.get((ref.commit, _LOCK))
    parameters = _read_lock_parameters(lock) or flatten_values(documents.get((ref.commit, _PARAMETERS)))
    rows: list[Row] = [dict(flatten_values(document)) for document in metrics.get(ref.commit, ())]
    message = commit.message.strip()
    return StoredRun(
        TRACKER, ref.commit, ref.name, "done", float(commit.authored), None, 0, _read_command(lock), ref.commit,
        "" if _OWN_MESSAGE.match(message) else message, (), parameters, float(commit.authored),
        lambda: [TrackedRun(TRACKER, ref.commit, lambda: iter(rows), is_history=False)],
    )  # fmt: skip


def _list_stages(lock: object) -> list[Mapping[object, object]]:
    stages = lock.get("stages") if isinstance(lock, Mapping) else None
    return [stage for stage in stages.values() if isinstance(stage, Mapping)] if isinstance(stages, Mapping) else []


def _read_lock_parameters(lock: object) -> dict[str, Value]:
    """Return the parameters with which the stages ran."""
    found: dict[str, Value] = {}
    for stage in _list_stages(lock):
        files = stage.get("params")
        for values in files.values() if isinstance(files, Mapping) else ():
            found |= flatten_values(values)
    return found


def _read_command(lock: object) -> tuple[str, ...]:
    """Return the command of the only stage; that of DVC if there are several."""
    stages = _list_stages(lock)
    command = stages[0].get("cmd") if len(stages) == 1 else None
    if not isinstance(command, str):
        return ("dvc", "exp", "run")
    try:
        return tuple(shlex.split(command)) or ("dvc", "exp", "run")
    except ValueError:
        return tuple(command.split())


def _make_experiment(base: str, commit: Commit | None, runs: list[StoredRun]) -> StoredExperiment:
    runs = sorted(runs, key=lambda run: (run.began, run.id))
    subject = commit.subject[:_SUBJECT] if commit is not None else ""
    title = f"DVC experiments on {base[:7]}" + (f": {subject}" if subject else "")
    return StoredExperiment(TRACKER, title, "", runs[0].began if runs else None, tuple(runs), id=base)
