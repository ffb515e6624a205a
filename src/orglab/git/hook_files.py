"""The files that let `hook.sh` work without starting Python, in the folder `orglab` of the git directory.

`names` has four lines: the settings file (empty if there is none), the log, the journal, and the letter of
references; it is valid until a settings file is newer.  `said` exists while a commit is being made, with a line for
each reference in its message: the reference, a tab and its title; then `auto_done`, if commits may tick steps.  A
third file, `failed`, is written only by the script.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from orglab.git.repository import Repository
from orglab.text import clean


def write_names(repository: Repository, settings: str, log: str, journal: str, letter: str) -> None:
    """Write the file `names`, or remove it if the script could not read these names.

    Args:
        repository: The repository.
        settings: The settings file, or empty; like the other paths, relative to the top.
        log: The log; empty if it is not in the repository.
        journal: The journal; empty if it is not in the repository.
        letter: The letter of references.
    """
    names = (settings, log, journal, letter)
    if not (log and journal and re.fullmatch(r"[A-Za-z0-9_-]+", letter)) or any("\n" in name for name in names):
        remove_names(repository)
        return
    folder = _make_folder(repository)
    new = folder / f"names.{os.getpid()}"
    new.write_bytes(os.fsencode("".join(f"{name}\n" for name in names)))
    new.replace(folder / "names")


def remove_names(repository: Repository) -> None:
    """Remove the file `names`, so that the script starts Python each time."""
    (repository.own_folder / "names").unlink(missing_ok=True)


def write_named_references(repository: Repository, titles: Mapping[str, str], *, ticks: bool) -> None:
    """Write the references in the message to the file `said`; the script prints them after the commit.

    Args:
        repository: The repository.
        titles: The title of each reference.
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
