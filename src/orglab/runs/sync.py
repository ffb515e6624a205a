"""Records of runs go to the other clones of a repository by git, and theirs come here and into the log."""

import re
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, NotWritableError
from orglab.experiment.edits import holds_line
from orglab.git import Repository
from orglab.git.reachability import RUN_REFS
from orglab.git.records import (
    exchange,
    holds_on_a_branch,
    publish_records,
    read_blob,
    read_others,
    writer_name,
)
from orglab.git.worktree import top_path
from orglab.log.log import LogFile
from orglab.runs.description import format_mark
from orglab.runs.log_writer import write_runs
from orglab.runs.pending import RECORD, add_pending_run, find_pending, remove_pending_run
from orglab.runs.record import METRICS, Run, read_run, read_runs
from orglab.runs.record_writer import write_copy
from orglab.runs.storage import RUNS, find_storage_folders, list_entries, make_folder
from orglab.text import Tell

# What another machine names is a path here.
_FILE = re.compile(rf"(\d{{8}}-\d{{6}}-[0-9a-f]{{4,16}})/({re.escape(RECORD)}|{re.escape(METRICS)})")


class Synced(NamedTuple):
    """What a sync brought.

    Attributes:
        sent: Whether records of this clone were news to the reference.
        received: Runs of others that are new, or say more than they did.
        told: Those that the log tells of now.
        here: Those that the log tells of already.
        elsewhere: Those that the log tells of on another branch, and so will here once that is merged.
    """

    sent: bool
    received: list[Run]
    told: list[Run]
    here: list[Run]
    elsewhere: list[Run]


def sync(log: LogFile, remote: str, tell: Tell, *, snapshots: bool = False) -> Synced:
    """Exchange the records of runs with a remote, and tell the log of those it does not tell of.

    Args:
        log: The log.
        remote: The remote's name, or a URL.
        tell: Hears sentences for the user.
        snapshots: Whether the snapshots of this clone's runs are pushed too: all that was in its working tree.

    Raises:
        GitError: git refuses, or the remote cannot be reached.
        NotWritableError: The records cannot be kept here.
    """
    repository = log.repository
    if repository is None:
        raise GitError(f"{log.path} is not in a git repository; records are exchanged by git.")
    top = log.top
    try:
        writer = writer_name(repository)
        own = [run for run in read_runs(top) if not run.is_foreign]
        files = {f"{run.id}/{name}": run.folder / name for run in own for name in (RECORD, METRICS)}
        sent = publish_records(repository, writer, {name: path for name, path in files.items() if path.is_file()})
        captured = [f"{RUN_REFS}{run.id}" for run in own if run.snapshot] if snapshots else []
        exchange(repository, remote, writer, tuple(captured))
        received = _receive(repository, top, writer)
    except OSError as error:
        raise NotWritableError(
            f"The records cannot be kept in {find_storage_folders(top)[0]}: {error.strerror}."
        ) from error
    waiting = [run for run in received if run.status != "running"]
    text = log.document()
    here = [run for run in waiting if holds_line(text, format_mark(run))]
    elsewhere = _elsewhere(log, repository, [run for run in waiting if run not in here])
    for run in waiting:
        if run in here or run in elsewhere:
            remove_pending_run(top, run.id)
        else:
            add_pending_run(find_storage_folders(top)[0], run.id, None)
    # Also those of before whose step was not here yet.
    told = write_runs(log, find_pending(top, log.path), tell)
    return Synced(sent, received, told, here, elsewhere)


def _receive(repository: Repository, top: Path, writer: str) -> list[Run]:
    """Keep the records of others that are not kept yet, and return these runs."""
    news = []
    folders = list_entries(top, RUNS)
    home = make_folder(find_storage_folders(top)[0], RUNS)
    for (name, file), blob in read_others(repository, writer).items():
        match = _FILE.fullmatch(file)
        if match is None:
            continue
        folder = folders.setdefault(match.group(1), home / match.group(1))
        known = read_run(folder)
        if known is not None and known.fields.get("writer") != name:
            continue  # ours, or that of a third
        is_news = write_copy(folder, match.group(2), name, blob, lambda: read_blob(repository, blob))  # noqa: B023 - called at once
        if is_news and match.group(2) == RECORD and (run := read_run(folder)) is not None:
            news.append(run)
    return news


def _elsewhere(log: LogFile, repository: Repository, runs: list[Run]) -> list[Run]:
    """Return the runs that the log tells of on another branch."""
    path = top_path(repository, log.path.absolute())
    if path is None or not runs:
        return []
    marks = holds_on_a_branch(repository, path, [format_mark(run) for run in runs])
    return [run for run in runs if format_mark(run) in marks]
