"""What `hook.sh` knows without starting Python: two files in `orglab` of the git directory, which are written here.

`names` holds a line each: the settings file (empty if there is none), the log, the journal, and the letter of
references; it holds as long as no settings file is newer.  `said` is there while a commit is being made: a reference
of its message, a tab and what that is, a line each, and `auto_done` if steps may be ticked.  A third, `failed`, is the
script's own.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from orglab.git.repository import Repository
from orglab.text import clean


def write_names(repository: Repository, settings: str, log: str, journal: str, letter: str) -> None:
    """Tell the script what there is; where it could not read that, it is told nothing.

    Args:
        repository: The repository.
        settings: The settings file, or empty; as all of these, relative to the top.
        log: The log; empty if it is not in the repository.
        journal: The journal; the same.
        letter: The letter of references.
    """
    names = (settings, log, journal, letter)
    if not (log and journal and re.fullmatch(r"[A-Za-z0-9_-]+", letter)) or any("\n" in name for name in names):
        forget_names(repository)
        return
    folder = _make_folder(repository)
    new = folder / f"names.{os.getpid()}"
    new.write_bytes(os.fsencode("".join(f"{name}\n" for name in names)))
    new.replace(folder / "names")


def forget_names(repository: Repository) -> None:
    """Have the script know no names, so that it asks each time."""
    (repository.own_folder / "names").unlink(missing_ok=True)


def write_named_references(repository: Repository, titles: Mapping[str, str], *, ticks: bool) -> None:
    """Tell the script which references the message names, and what they are, so that it says so after the commit.

    Args:
        repository: The repository.
        titles: What each reference is.
        ticks: Whether a commit may tick steps.
    """
    lines = [f"{ref}\t{' '.join(clean(title).split())}\n" for ref, title in titles.items()]
    if lines and ticks:
        lines.append("auto_done\n")
    (_make_folder(repository) / "said").write_text("".join(lines), "utf-8", "replace")


def _make_folder(repository: Repository) -> Path:
    folder = repository.own_folder
    folder.mkdir(exist_ok=True)
    return folder
