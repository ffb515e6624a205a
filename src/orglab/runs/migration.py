"""Move records from the hidden folder `.orglab` into the git directory.

Earlier versions stored all records there, and it is still used while the git directory cannot be written.  Nothing is
deleted before its copy is complete.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from orglab.git.private_files import read_regular
from orglab.git.repository import is_full_hash
from orglab.log.log import LogFile
from orglab.runs.pending import RECORD, STEP, add_pending_run, add_pending_step, is_locked
from orglab.runs.storage import (
    FORMER_PENDING,
    HIDDEN_FOLDER,
    PENDING,
    RUNS,
    find_storage_folders,
    is_writable_folder,
    list_hidden,
    make_folder,
    remove_hidden_folder,
)
from orglab.text import Tell


def move_old_records(log: LogFile, old_paths: Iterable[tuple[Path, Path]], tell: Tell) -> None:
    """Move the old records of all worktrees into the git directory, if that can be written.

    Runs that are still going on, files that git tracks, and symbolic links are left alone.

    Args:
        log: The log.
        old_paths: The result of `find_old_storage`.
        tell: Called with a message for each folder that records were moved from.
    """
    shared = find_storage_folders(log.top)[0] if log.repository is not None else None
    for top, old in old_paths:
        log_path = top / os.path.relpath(log.path.absolute(), log.top)
        with contextlib.suppress(OSError):
            if shared is None or not is_writable_folder(shared):
                if top == log.top and old.name == HIDDEN_FOLDER:
                    _add_former_runs(top, old, LogFile(log_path))
            elif old.name == HIDDEN_FOLDER:
                _move_hidden_records(top, shared, LogFile(log_path), tell)
            else:
                _move_former_steps(old, LogFile(log_path))


def _add_former_runs(top: Path, storage: Path, log: LogFile) -> None:
    """Add the pending runs of an earlier version to `storage`."""
    for name, path in list_hidden(top, FORMER_PENDING).items():
        add_pending_run(storage, name, log.name, log.path)
        path.unlink()


def _move_hidden_records(top: Path, storage: Path, log: LogFile, tell: Tell) -> None:
    """Move the records and pending entries of the hidden folder."""
    _add_former_runs(top, storage, log)
    count = 0
    for name, path in list_hidden(top, RUNS).items():
        count += not is_locked(path / RECORD) and _move(path, make_folder(storage, RUNS) / name)
    for name, path in list_hidden(top, PENDING).items():
        if not os.path.lexists(top / HIDDEN_FOLDER / RUNS / name):
            _move(path, make_folder(storage, PENDING) / name)
    remove_hidden_folder(top)
    if count:
        what = "the record of 1 run" if count == 1 else f"the records of {count} runs"
        tell(f"Moved {what} from {top / HIDDEN_FOLDER} to {storage / RUNS}.")


def _move(source: Path, target: Path) -> bool:
    """Move a file or folder, also across file systems; return False if the target exists."""
    if os.path.lexists(target):
        return False
    try:
        source.rename(target)
    except OSError:
        new = target.with_name(f".{target.name}.{os.urandom(8).hex()}.new")
        if source.is_dir():
            shutil.copytree(source, new, symlinks=True)
        else:
            shutil.copy2(source, new)
        os.sync()
        new.rename(target)
        if source.is_dir():
            shutil.rmtree(source)
        else:
            source.unlink()
    return True


def _move_former_steps(old: Path, log: LogFile) -> None:
    """Add the pending steps of an earlier version, which are lines of the file `old`."""
    for line in read_regular(old).decode("utf-8", "replace").splitlines():
        ref, _, commit = line.partition(" ")
        if re.fullmatch(STEP, ref) and is_full_hash(commit):
            add_pending_step(log, ref, commit)
    old.unlink()
