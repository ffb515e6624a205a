"""Exchange the records of runs with other clones through git, and write the received runs to the log."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, NotWritableError
from orglab.experiment.edits import contains_line
from orglab.git import Repository
from orglab.git.files import path_in
from orglab.git.reachability import RUN_REFS
from orglab.git.records import (
    REFS,
    RecordFile,
    change_writer,
    fetch_records,
    find_lines_on_branches,
    is_taken,
    list_record_files,
    publish_records,
    push_records,
    read_record_files,
    tell_some,
    writer_name,
)
from orglab.log.branch_sync import BranchSync, sync_branch
from orglab.log.log import LogFile
from orglab.runs.description import format_mark
from orglab.runs.log_runs import LogRuns
from orglab.runs.log_writer import write_runs
from orglab.runs.pending import RECORD, add_pending_run, find_pending, remove_pending_run
from orglab.runs.publication import read_published, tell_once
from orglab.runs.record import METRICS, OUTPUT, Run
from orglab.runs.record_lines import is_run_id, open_file
from orglab.runs.record_reader import list_runs, read_run, read_runs
from orglab.runs.record_writer import has_copy, write_copy
from orglab.runs.storage import RUNS, find_storage_folders, make_folder
from orglab.runs.sweeps.sweep import read_swept
from orglab.text import Tell, file_size, listed

_LARGEST = {RECORD: 1_000_000, METRICS: 64_000_000, OUTPUT: 1_000_000}
"""The most bytes of a file that is sent or received; of an output, only the end is kept."""


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
    storage = find_storage_folders(top)[0]
    try:
        writer = writer_name(repository)
        remote_records = fetch_records(repository, remote, writer, tell)
        received = _receive(repository, top, remote_records.others, tell)
        # The note of a sweep comes with the log, and its runs have none.
        ended = [run for run in received if not run.is_going_on and read_swept(run) is None]
        for run in ended:
            # What follows may fail, and then the next command writes them.
            add_pending_run(storage, run.id, run.log)
        if is_taken(repository, writer, remote_records.own):
            former, writer = writer, change_writer(repository)
            tell(f"Somebody else has written to {REFS}/{former}; this clone now publishes its runs as {writer}.")
        own = [run for run in read_runs(top) if not run.is_foreign]
        tell_once(log, repository, remote, own, tell, snapshots=snapshots)
        sent = publish_records(repository, writer, _read_own_files(own, tell, with_output=log.config.run.share_output))
        captured = [f"{RUN_REFS}{run.id}" for run in own if run.snapshot] if snapshots else []
        push_records(repository, remote, writer, tuple(captured))
    except OSError as error:
        raise NotWritableError(f"The records cannot be stored in {storage}: {error.strerror}.") from error
    branch = sync_branch(log, remote, tell) if log.is_apart else None
    if branch is not None and branch.conflicts:
        return SyncResult(sent, received, [], [], [], branch)
    document = log.document()
    already_written = [run for run in ended if contains_line(document, format_mark(run))]
    on_branches = _find_on_branches(log, repository, [run for run in ended if run not in already_written])
    for run in (*already_written, *on_branches):
        remove_pending_run(top, run.id)
    # Includes runs of earlier syncs whose step the log did not have at that time.
    written = write_runs(log, find_pending(top, log.path, LogRuns(log).owns), tell)
    if branch is not None and written:
        after = sync_branch(log, remote, tell)
        branch = BranchSync(branch.sent or after.sent, branch.received or after.received, after.conflicts)
    return SyncResult(sent, received, written, already_written, on_branches, branch)


def _read_own_files(runs: Iterable[Run], tell: Tell, *, with_output: bool) -> Iterator[tuple[str, bytes]]:
    """Yield the files of runs that other clones get, by their names in the ref; of a long output only the end."""
    problems = []
    for name, data in read_published(runs, share_output=with_output, most=_LARGEST):
        largest = _LARGEST[name.rpartition("/")[2]]
        if len(data) > largest:
            problems.append(f"{name} was not sent: it is larger than {file_size(largest)}.")
        else:
            yield name, data
    tell_some(problems, tell)


def _receive(repository: Repository, top: Path, tips: Mapping[str, str], tell: Tell) -> list[Run]:
    """Store the new records of other clones, and return their runs."""
    storage = make_folder(find_storage_folders(top)[0], RUNS)
    folders = list_runs(top)
    files = list_record_files(repository, tips, _LARGEST, is_run_id, tell)
    chosen = _choose_writers(files, folders, tell)
    wanted = []
    for file in files:
        folder = folders.setdefault(file.run, storage / file.run)
        if chosen.get(file.run) == file.writer and not has_copy(folder, file.name, file.blob):
            wanted.append(file)
    received = []
    problems = []
    for file, data in read_record_files(repository, wanted):
        folder = folders[file.run]
        try:
            write_copy(folder, file.name, file.writer, file.blob, lambda: data)  # noqa: B023 - called at once
        except (FileExistsError, NotADirectoryError, FileNotFoundError, IsADirectoryError) as error:
            problems.append(f"The run {file.run} of {file.writer} was passed over: {folder}: {error.strerror}.")
            continue
        if file.name == RECORD and (run := read_run(folder)) is not None:
            received.append(run)
    tell_some(problems, tell)
    return received


def _choose_writers(files: Iterable[RecordFile], folders: Mapping[str, Path], tell: Tell) -> dict[str, str]:
    """Return the writer of each run that may be stored: no clone speaks for the run of another."""
    records: dict[str, dict[str, str]] = {}
    for file in files:
        if file.name == RECORD:
            records.setdefault(file.run, {})[file.writer] = file.blob
    chosen = {}
    ours: dict[str, list[str]] = {}
    problems = []
    for name, blobs in records.items():
        known = read_run(folders[name]) if name in folders else None
        if known is None:
            if len(set(blobs.values())) == 1:  # a copy of a clone has the same runs
                chosen[name] = min(blobs)
            else:
                problems.append(f"{listed(sorted(blobs))} have published different runs as {name}; none was received.")
            continue
        writer = known.fields.get("writer")
        if isinstance(writer, str) and writer in blobs:
            chosen[name] = writer
        for other, blob in blobs.items():
            if other != writer and not _is_same_record(known, blob, blobs.get(str(writer))):
                ours.setdefault(other, []).append(name)
    for other, names in ours.items():
        problems.append(
            f"{other} has published other runs than those here as {listed(sorted(names))}; they were passed over."
        )
    tell_some(problems, tell)
    return chosen


def _is_same_record(known: Run, blob: str, published: str | None) -> bool:
    """Return whether a record of another clone is that of a run here."""
    if known.is_foreign:
        return blob == published or has_copy(known.folder, RECORD, blob)
    try:
        with open_file(known.folder / RECORD) as file:
            data = file.read(_LARGEST[RECORD] + 1)
    except OSError:
        return False
    import hashlib  # noqa: PLC0415 - takes 3 ms, and few runs are published twice

    algorithm = "sha1" if len(blob) == 40 else "sha256"  # noqa: PLR2004 - SHA-1
    return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == blob


def _find_on_branches(log: LogFile, repository: Repository, runs: list[Run]) -> list[Run]:
    """Return the runs that the log has on another branch."""
    path = path_in(repository, log.path.absolute())
    if path is None or not runs:
        return []
    marks = find_lines_on_branches(repository, path, [format_mark(run) for run in runs])
    return [run for run in runs if format_mark(run) in marks]
