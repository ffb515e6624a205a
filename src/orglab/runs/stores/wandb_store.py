"""Read the runs in the folder `wandb`, each of which has a file `run-*.wandb`, those of W&B online too."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from orglab.errors import NotFoundError, NotReadableError
from orglab.git import Repository
from orglab.git.inside import read_inside, walk_inside
from orglab.runs.parameters.arguments import Value
from orglab.runs.parameters.config_files import read_values
from orglab.runs.sources.protobuf import BYTES, VARINT, Field, read_fields, read_text, to_signed
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.runs.sources.wandb import TRACKER, find_runs, read_records
from orglab.runs.stores.stored_run import MOST_RUNS, StoredExperiment, StoredRun
from orglab.runs.tracker_variables import find_noted_run

_SUFFIX = ".wandb"
_METADATA = Path("files", "wandb-metadata.json")
_SMALL = 1 << 20  # bytes of the metadata
_NAME_ROOM = 200  # characters of an id
_OWN = "_wandb"
_NO_PROJECT = "uncategorized"
# The fields of a record, and of the messages in it.
_CONFIG, _RUN, _EXIT, _ENVIRONMENT = 5, 17, 18, 26
_RUN_ID, _ENTITY, _PROJECT, _RUN_CONFIG, _NAME, _NOTES, _TAG, _START, _RUN_GIT = 1, 2, 3, 4, 8, 9, 10, 17, 21
_GROUP, _ARGUMENT, _PROGRAM, _GIT, _COMMIT = 6, 5, 6, 9, 2
_UPDATE, _KEY, _NESTED_KEY, _VALUE_JSON = 1, 1, 2, 16
_EXIT_CODE, _RUNTIME = 1, 2


@dataclass
class _Found:
    """What the files of one run say of it."""

    files: list[TrackerFile]
    id: str = ""
    texts: dict[int, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    parameters: dict[str, Value] = field(default_factory=dict)
    start: float | None = None
    exit_code: int | None = None
    runtime: int = 0
    program: str = ""
    arguments: list[str] = field(default_factory=list)
    commit: str | None = None


def read_store(repository: Repository | None, path: Path) -> list[StoredExperiment]:
    """Return the projects with their runs in a folder of W&B, or the one of a run file.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The folder `wandb`, one that has it, the folder of a run, or a run file.

    Raises:
        NotFoundError: It does not exist.
        NotReadableError: There is no run of W&B in it, or one is damaged.
    """
    if not os.path.lexists(path):
        raise NotFoundError(f"There is no file or folder {path}.")
    runs: dict[str, _Found] = {}
    for file in _find_files(repository, path):
        found = _read_file(file)
        if not found.id:
            continue  # nothing was written yet
        if found.id in runs:  # it was resumed
            _merge(runs[found.id], found)
        else:
            runs[found.id] = found
    if not runs:
        raise NotReadableError(f"{path} has no runs of W&B.")
    projects: dict[str, list[_Found]] = {}
    for found in sorted(runs.values(), key=lambda one: (one.start or 0.0, one.id)):
        names = filter(None, (found.texts.get(_ENTITY), found.texts.get(_PROJECT) or _NO_PROJECT))
        projects.setdefault("/".join(names), []).append(found)
    return [_make_experiment(name, found) for name, found in projects.items()]


def _find_files(repository: Repository | None, path: Path) -> list[TrackerFile]:
    """Return the run files in a folder, oldest first by their names.

    Raises:
        NotReadableError: There are too many.
    """
    if not path.is_dir():
        return [TrackerFile(repository, path, "", 0.0)]
    walk = walk_inside(repository, path)
    paths = sorted(Path(place, name) for place, _, names in walk for name in names if name.endswith(_SUFFIX))
    if len(paths) > MOST_RUNS:
        raise NotReadableError(f"{path} has more than {MOST_RUNS:,} runs.")
    return [TrackerFile(repository, one, "", 0.0) for one in paths]


def _read_file(file: TrackerFile) -> _Found:
    """Return what a run file says of its run.

    Raises:
        NotReadableError: It is not a run file, or is damaged.
    """
    found = _Found([file])
    for record in read_records(file):
        with contextlib.suppress(ValueError):
            for part in read_fields(record, 0, len(record), file):
                if part.kind != BYTES:
                    continue
                if part.number == _RUN:
                    _read_run(found, record, part, file)
                elif part.number == _CONFIG:
                    _read_config(found, record, part, file)
                elif part.number == _EXIT:
                    _read_exit(found, record, part, file)
                elif part.number == _ENVIRONMENT:
                    _read_environment(found, record, part, file)
    if not found.program:
        _read_metadata(found, file)
    return found


def _read_run(found: _Found, record: bytes, message: Field, file: TrackerFile) -> None:
    for part in read_fields(record, message.start, message.end, file):
        if part.kind != BYTES:
            continue
        if part.number == _RUN_ID:
            found.id = read_text(record, part)[:_NAME_ROOM]
        elif part.number in (_ENTITY, _PROJECT, _GROUP, _NAME, _NOTES):
            found.texts[part.number] = read_text(record, part)
        elif part.number == _TAG:
            found.tags.append(read_text(record, part))
        elif part.number == _RUN_CONFIG:
            _read_config(found, record, part, file)
        elif part.number == _RUN_GIT:
            found.commit = _read_commit(record, part, file)
        elif part.number == _START:
            times = {one.number: one.value for one in read_fields(record, part.start, part.end, file)}
            found.start = to_signed(times.get(1, 0)) + times.get(2, 0) / 1e9


def _read_config(found: _Found, record: bytes, message: Field, file: TrackerFile) -> None:
    """Take the parameters in a configuration."""
    for item in read_fields(record, message.start, message.end, file):
        if item.kind != BYTES or item.number != _UPDATE:
            continue
        keys: list[str] = []
        value = b""
        for part in read_fields(record, item.start, item.end, file):
            if part.kind == BYTES and part.number in (_KEY, _NESTED_KEY):
                keys.append(read_text(record, part))
            elif part.kind == BYTES and part.number == _VALUE_JSON:
                value = record[part.start : part.end]
        file.take(len(value) // 16)
        name = ".".join(filter(None, keys))
        if value and name and keys[0] != _OWN:
            found.parameters |= read_values(b"{%s: %s}" % (json.dumps(name).encode(), value))


def _read_exit(found: _Found, record: bytes, message: Field, file: TrackerFile) -> None:
    found.exit_code = 0  # a number that is zero is not written
    for part in read_fields(record, message.start, message.end, file):
        if part.kind == VARINT and part.number == _EXIT_CODE:
            found.exit_code = to_signed(part.value)
        elif part.kind == VARINT and part.number == _RUNTIME:
            found.runtime = to_signed(part.value)


def _read_environment(found: _Found, record: bytes, message: Field, file: TrackerFile) -> None:
    for part in read_fields(record, message.start, message.end, file):
        if part.kind != BYTES:
            continue
        if part.number == _ARGUMENT:
            found.arguments.append(read_text(record, part))
        elif part.number == _PROGRAM:
            found.program = read_text(record, part)
        elif part.number == _GIT:
            found.commit = _read_commit(record, part, file) or found.commit


def _read_commit(record: bytes, message: Field, file: TrackerFile) -> str | None:
    parts = read_fields(record, message.start, message.end, file)
    return next((read_text(record, part) for part in parts if part.kind == BYTES and part.number == _COMMIT), None)


def _read_metadata(found: _Found, file: TrackerFile) -> None:
    """Take the command and the commit from the file in which older versions wrote them."""
    try:
        fields = json.loads(read_inside(file.repository, file.path.parent / _METADATA, _SMALL))
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(fields, dict):
        program, arguments, git = fields.get("program"), fields.get("args"), fields.get("git")
        found.program = program if isinstance(program, str) else ""
        found.arguments = [str(word) for word in arguments] if isinstance(arguments, list) else []
        commit = git.get("commit") if isinstance(git, dict) else None
        found.commit = commit if isinstance(commit, str) else found.commit


def _merge(first: _Found, later: _Found) -> None:
    """Add what a later file of the same run says."""
    first.files += later.files
    first.texts |= later.texts
    first.parameters |= later.parameters
    begun = [start for start in (first.start, later.start) if start is not None]
    if later.exit_code is not None and later.start is not None and first.start is not None:
        first.runtime = round(later.start + later.runtime - min(begun))
    first.exit_code = later.exit_code
    first.start = min(begun, default=None)


def _make_experiment(name: str, found: Sequence[_Found]) -> StoredExperiment:
    own = [one for one in found if find_noted_run(one.texts.get(_NOTES, "")) is not None]
    runs = tuple(_make_run(one) for one in found if one not in own)
    return StoredExperiment(TRACKER, name, "", runs[0].began if runs else None, runs, len(own))


def _make_run(found: _Found) -> StoredRun:
    written = max(_find_last_write(file.path) for file in found.files)
    began = found.start if found.start is not None else written
    status = "running" if found.exit_code is None else "failed" if found.exit_code else "done"
    ended = None if found.exit_code is None else began + max(found.runtime, 0)
    group = [f"group={found.texts[_GROUP]}"] if found.texts.get(_GROUP) else []
    program = ("python", found.program) if found.program.endswith(".py") else filter(None, (found.program,))
    return StoredRun(
        TRACKER, found.id, found.texts.get(_NAME, ""), status, began, ended, found.exit_code,
        (*program, *found.arguments) if found.program else (), found.commit, found.texts.get(_NOTES, ""),
        (*dict.fromkeys(found.tags), *group), found.parameters, written, partial(_find_metrics, found.files),
    )  # fmt: skip


def _find_last_write(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _find_metrics(files: Sequence[TrackerFile]) -> list[TrackedRun]:
    return list(_find_all(files))


def _find_all(files: Sequence[TrackerFile]) -> Iterator[TrackedRun]:
    for file in files:
        yield from find_runs(TrackerFile(file.repository, file.path, "", 0.0)) or ()
