"""The files that let `hook.sh` work without starting Python, in the folder `orglab` of the git directory.

`names` has four lines: the settings file (empty if there is none), the log, the journal, and the letter of
references; it is valid until a settings file is newer.  The paths are absolute if the log is kept apart.  `said` exists
while a commit is being made, with a line for each reference in its message: the reference, a tab and its title; then
`auto_done`, if commits may tick steps.  `left-out` exists while the index lacks what the user has staged: for each path
its entry in the index, the entry that the user has staged, and the path, each ended by a zero byte.  `initial` exists
while a message is being written that git would not commit as it began: the reference that was added, and below it the
message without that.  `failed` is written only by the script.
"""

import os
import re
from collections.abc import Mapping

from orglab.git.repository import Repository
from orglab.text import clean


def write_names(repository: Repository, settings: str, log: str, journal: str, letter: str) -> None:
    """Write the file `names`, or remove it if the script could not read these names.

    Args:
        repository: The repository.
        settings: The settings file, or empty; like the other paths, relative to the top.
        log: The log; absolute if it is kept apart, empty if it is neither that nor in the repository.
        journal: The journal; the same.
        letter: The letter of references.
    """
    names = (settings, log, journal, letter)
    if not (log and journal and re.fullmatch(r"[A-Za-z0-9_-]+", letter)) or any("\n" in name for name in names):
        remove_names(repository)
        return
    repository.own_files.write("names", os.fsencode("".join(f"{name}\n" for name in names)))


def remove_names(repository: Repository) -> None:
    """Remove the file `names`, so that the script starts Python each time."""
    repository.own_files.unlink("names")


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
    repository.own_files.write("said", "".join(lines).encode("utf-8", "replace"))


def write_initial_message(repository: Repository, reference: str, text: bytes) -> None:
    """Write a message that git would not commit as it is, and the reference that was added to it."""
    repository.own_files.write("initial", reference.encode() + b"\n" + text)


def read_initial_message(repository: Repository) -> tuple[str, bytes] | None:
    """Return what `write_initial_message` has written, or None if there is no such file."""
    reference, newline, text = (repository.own_files.read("initial") or b"").partition(b"\n")
    return (reference.decode(), text) if newline and reference.isascii() else None


def write_left_out(repository: Repository, entries: Mapping[str, tuple[str, str]]) -> None:
    """Write the entries that are to be put back into the index: for each path the present entry, and the staged one."""
    fields = (field for path, (present, staged) in entries.items() for field in (present, staged, path))
    repository.own_files.write("left-out", os.fsencode("".join(f"{field}\0" for field in fields)))


def read_left_out(repository: Repository) -> dict[str, tuple[str, str]]:
    """Return what `write_left_out` has written; nothing if there is no such file, or if it is not complete."""
    fields = os.fsdecode(repository.own_files.read("left-out") or b"").split("\0")
    rows = zip(fields[::3], fields[1::3], fields[2:-1:3], strict=False)
    return {path: (present, staged) for present, staged, path in rows}


def remove_left_out(repository: Repository) -> None:
    """Remove the file `left-out`."""
    repository.own_files.unlink("left-out")
