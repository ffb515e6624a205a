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
from orglab.runs.places import (
    BESIDE,
    FORMER_PENDING,
    PENDING,
    RUNS,
    can_be_written,
    clear_beside,
    find_places,
    list_beside,
    make_folder,
)
from orglab.text import Tell


def take_along(log: LogFile, places: Iterable[tuple[Path, Path]], tell: Tell) -> None:
    """Move what lies in old places of all worktrees to where records lie, if that can be written.

    Runs that are still going on stay until they have ended; what git tracks, and links, are not touched.

    Args:
        log: The log.
        places: What `find_old_places` returned.
        tell: Hears a sentence for each place that something was taken from.
    """
    shared = find_places(log.top)[0] if log.repository is not None else None
    for top, old in places:
        its_log = top / os.path.relpath(log.path.absolute(), log.top)
        with contextlib.suppress(OSError):
            if shared is None or not can_be_written(shared):
                if top == log.top and old.name == BESIDE:
                    _note_what_waits(top, old, its_log)
            elif old.name == BESIDE:
                _take_from_tree(top, shared, its_log, tell)
            else:
                _take_steps(log.top, old, its_log)


def _note_what_waits(top: Path, home: Path, its_log: Path) -> None:
    """Have the runs that a former version noted wait in `home`."""
    for name, path in list_beside(top, FORMER_PENDING).items():
        add_pending_run(home, name, its_log)
        path.unlink()


def _take_from_tree(top: Path, home: Path, its_log: Path, tell: Tell) -> None:
    """Move the records beside a log, and note what waits."""
    _note_what_waits(top, home, its_log)
    count = 0
    for name, path in list_beside(top, RUNS).items():
        count += not is_locked(path / RECORD) and _move(path, make_folder(home, RUNS) / name)
    for name, path in list_beside(top, PENDING).items():
        if not os.path.lexists(top / BESIDE / RUNS / name):
            _move(path, make_folder(home, PENDING) / name)
    clear_beside(top)
    if count:
        what = "The record of 1 run is" if count == 1 else f"The records of {count} runs are"
        tell(f"{what} in {home / RUNS} now, and no longer in {top / BESIDE}.")


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


def _take_steps(top: Path, old: Path, its_log: Path) -> None:
    """Take the steps that commits said are done from the file of lines that held them."""
    for line in old.read_text("utf-8", "replace").splitlines():
        ref, blank, commit = line.partition(" ")
        if blank:
            add_pending_step(top, its_log, ref, commit)
    old.unlink()
