"""Exchange the records of runs with other clones through git, and write the received runs to the log."""

import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, NotWritableError
from orglab.experiment.edits import contains_line
from orglab.git import Repository
from orglab.git.files import path_in
from orglab.git.reachability import RUN_REFS
from orglab.git.records import (
    find_lines_on_branches,
    publish_records,
    read_blob,
    read_other_records,
    sync_records,
    writer_name,
)
from orglab.log.branch_sync import BranchSync, sync_branch
from orglab.log.log import LogFile
from orglab.runs.description import format_mark
from orglab.runs.log_runs import LogRuns
from orglab.runs.log_writer import write_runs
from orglab.runs.pending import RECORD, add_pending_run, find_pending, remove_pending_run
from orglab.runs.record import METRICS, OUTPUT, SHARED_BYTES, Run
from orglab.runs.record_reader import read_output_end, read_run, read_runs
from orglab.runs.record_writer import write_copy
from orglab.runs.seal import remove_seal
from orglab.runs.storage import RUNS, find_storage_folders, list_entries, make_folder
from orglab.text import Tell

# Another machine chose these names, and they become paths here.
_FILE = re.compile(rf"(\d{{8}}-\d{{6}}-[0-9a-f]{{4,16}})/({'|'.join(map(re.escape, (RECORD, METRICS, OUTPUT)))})")


class SyncResult(NamedTuple):
    """What a sync sent and received.

    Attributes:
        sent: Whether records of this clone were new to the remote.
        received: Runs of other clones that are new, or whose records have grown.
        written: The runs that were written to the log.
        already_written: The received runs that the log already had.
        on_other_branches: The received runs that the log has on another branch, and gets by a merge.
        branch: What happened to the branch of a log that is kept apart; None for any other log.
    """

    sent: bool
    received: list[Run]
    written: list[Run]
    already_written: list[Run]
    on_other_branches: list[Run]
    branch: BranchSync | None = None


def sync(log: LogFile, remote: str, tell: Tell, *, snapshots: bool = False) -> SyncResult:
    """Exchange the records of runs with a remote, and write the received runs to the log.

    A log that is kept apart is exchanged as well, and merged.

    Args:
        log: The log.
        remote: The remote's name, or a URL.
        tell: Called with each message for the user.
        snapshots: Whether to push the snapshots of this clone's runs too; they hold its whole working tree.

    Raises:
        GitError: git refuses, or the remote cannot be reached.
        NotWritableError: The records cannot be stored here.
    """
    repository = log.repository
    if repository is None:
        raise GitError(f"{log.path} is not in a git repository, and records are exchanged through git.")
    top = log.top
    try:
        writer = writer_name(repository)
        own = [run for run in read_runs(top) if not run.is_foreign]
        with tempfile.TemporaryDirectory() as folder:
            outputs = _find_outputs(own, Path(folder)) if log.config.run.share_output else {}
            files = {f"{run.id}/{name}": run.folder / name for run in own for name in (RECORD, METRICS)} | outputs
            files |= _remove_seals(files, Path(folder))
            sent = publish_records(repository, writer, {name: path for name, path in files.items() if path.is_file()})
        captured = [f"{RUN_REFS}{run.id}" for run in own if run.snapshot] if snapshots else []
        sync_records(repository, remote, writer, tuple(captured))
        received = _receive(repository, top, writer)
    except OSError as error:
        raise NotWritableError(
            f"The records cannot be stored in {find_storage_folders(top)[0]}: {error.strerror}."
        ) from error
    branch = sync_branch(log, remote, tell) if log.is_apart else None
    if branch is not None and branch.conflicts:
        return SyncResult(sent, received, [], [], [], branch)
    ended = [run for run in received if not run.is_going_on]
    document = log.document()
    already_written = [run for run in ended if contains_line(document, format_mark(run))]
    on_branches = _find_on_branches(log, repository, [run for run in ended if run not in already_written])
    for run in ended:
        if run in already_written or run in on_branches:
            remove_pending_run(top, run.id)
        else:
            add_pending_run(find_storage_folders(top)[0], run.id, run.log)
    # Includes runs of earlier syncs whose step the log did not have at that time.
    written = write_runs(log, find_pending(top, log.path, LogRuns(log).owns), tell)
    if branch is not None and written:
        after = sync_branch(log, remote, tell)
        branch = BranchSync(branch.sent or after.sent, branch.received or after.received, after.conflicts)
    return SyncResult(sent, received, written, already_written, on_branches, branch)


def _remove_seals(files: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Return copies of the records among some files that nobody can take for the user's own.

    Raises:
        OSError: They cannot be written.
    """
    copies = {}
    for name, path in files.items():
        if path.name == RECORD and path.is_file() and not path.is_symlink():
            copies[name] = folder / f"{path.parent.name}.{RECORD}"
            copies[name].write_bytes(remove_seal(path.read_bytes()))
    return copies


def _find_outputs(runs: list[Run], folder: Path) -> dict[str, Path]:
    """Return the output of each run, by its name in the ref; of a long one the end, which is written to a folder.

    Raises:
        OSError: It cannot be written.
    """
    found = {}
    for run in runs:
        path = run.folder / OUTPUT
        try:
            size = path.lstat().st_size
        except OSError:
            continue
        if size > SHARED_BYTES:
            path = folder / run.id
            path.write_bytes(read_output_end(run.folder, SHARED_BYTES))
        if size and not path.is_symlink():
            found[f"{run.id}/{OUTPUT}"] = path
    return found


def _receive(repository: Repository, top: Path, writer: str) -> list[Run]:
    """Store the new records of other clones, and return their runs."""
    received = []
    folders = list_entries(top, RUNS)
    storage = make_folder(find_storage_folders(top)[0], RUNS)
    for (name, file), blob in read_other_records(repository, writer).items():
        match = _FILE.fullmatch(file)
        if match is None:
            continue
        folder = folders.setdefault(match.group(1), storage / match.group(1))
        known = read_run(folder)
        if known is not None and known.fields.get("writer") != name:
            continue  # a run of this clone, or of a third one
        is_new = write_copy(folder, match.group(2), name, blob, lambda: read_blob(repository, blob))  # noqa: B023 - called at once
        if is_new and match.group(2) == RECORD and (run := read_run(folder)) is not None:
            received.append(run)
    return received


def _find_on_branches(log: LogFile, repository: Repository, runs: list[Run]) -> list[Run]:
    """Return the runs that the log has on another branch."""
    path = path_in(repository, log.path.absolute())
    if path is None or not runs:
        return []
    marks = find_lines_on_branches(repository, path, [format_mark(run) for run in runs])
    return [run for run in runs if format_mark(run) in marks]
