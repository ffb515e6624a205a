"""Moves records from their former folders into the git directory.

There earlier versions kept all records, and there they are kept where the git directory cannot be written.  Nothing
is deleted before it is in its new place.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from orglab.log.log import LogFile
from orglab.runs.pending import RECORD, add_pending_run, add_pending_step, is_locked
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


def move_old_records(log: LogFile, places: Iterable[tuple[Path, Path]], tell: Tell) -> None:
    """Move what lies in old places of all worktrees to where records lie, if that can be written.

    Runs that are still going on stay until they have ended; what git tracks, and links, are not touched.

    Args:
        log: The log.
        places: What `find_old_storage` returned.
        tell: Hears a sentence for each place that something was taken from.
    """
    shared = find_storage_folders(log.top)[0] if log.repository is not None else None
    for top, old in places:
        log_path = top / os.path.relpath(log.path.absolute(), log.top)
        with contextlib.suppress(OSError):
            if shared is None or not is_writable_folder(shared):
                if top == log.top and old.name == HIDDEN_FOLDER:
                    _add_former_runs(top, old, log_path)
            elif old.name == HIDDEN_FOLDER:
                _move_hidden_records(top, shared, log_path, tell)
            else:
                _move_former_steps(log.top, old, log_path)


def _add_former_runs(top: Path, storage: Path, log_path: Path) -> None:
    """Have the runs that a former version noted wait in `storage`."""
    for name, path in list_hidden(top, FORMER_PENDING).items():
        add_pending_run(storage, name, log_path)
        path.unlink()


def _move_hidden_records(top: Path, storage: Path, log_path: Path, tell: Tell) -> None:
    """Move the records beside a log, and note what waits."""
    _add_former_runs(top, storage, log_path)
    count = 0
    for name, path in list_hidden(top, RUNS).items():
        count += not is_locked(path / RECORD) and _move(path, make_folder(storage, RUNS) / name)
    for name, path in list_hidden(top, PENDING).items():
        if not os.path.lexists(top / HIDDEN_FOLDER / RUNS / name):
            _move(path, make_folder(storage, PENDING) / name)
    remove_hidden_folder(top)
    if count:
        what = "The record of 1 run is" if count == 1 else f"The records of {count} runs are"
        tell(f"{what} in {storage / RUNS} now, and no longer in {top / HIDDEN_FOLDER}.")


def _move(source: Path, target: Path) -> bool:
    """Move a file or folder, also to another file system; return whether it was moved: there may be one already."""
    if os.path.lexists(target):
        return False
    try:
        source.rename(target)
    except OSError:
        new = target.with_name(f".{target.name}.{os.getpid()}")
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


def _move_former_steps(top: Path, old: Path, log_path: Path) -> None:
    """Take the steps that commits said are done from the file of lines that held them."""
    for line in old.read_text("utf-8", "replace").splitlines():
        ref, blank, commit = line.partition(" ")
        if blank:
            add_pending_step(top, log_path, ref, commit)
    old.unlink()
