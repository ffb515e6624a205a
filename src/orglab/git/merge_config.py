"""Telling git which program merges a log: `merge.orglab.driver` and `.gitattributes` (gitattributes(5))."""

import re
import shlex
import sys
from pathlib import Path

from orglab.git.repository import Repository

NAME = "merge.orglab.name"
DRIVER = "merge.orglab.driver"


def driver_command(conflict: int) -> str:
    """Return the shell command that merges a log; where orglab is gone or fails, git merges it as any text.

    Args:
        conflict: The exit code of a merge that left markers.  Not 1: Python's own failures end with that.
    """
    # -P: a folder of the repository that is called as one of our modules must not be run.
    program = f"{shlex.quote(sys.executable)} -P -m orglab merge-driver %O %A %B %L %P"
    plain = "git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B"
    return f"{program}; case $? in 0) exit 0;; {conflict}) exit 1;; esac; {plain}"


def is_registered(repository: Repository) -> bool:
    """Return whether this clone knows the driver."""
    return bool((repository.read("config", "--get", DRIVER) or b"").strip())


def register_driver(repository: Repository, conflict: int) -> None:
    """Make this clone know the driver.

    Raises:
        GitError: git cannot write its settings.
    """
    repository.run("config", "--local", NAME, "orglab: an experiment log, by headings, steps and notes")
    repository.run("config", "--local", DRIVER, driver_command(conflict))


def add_attributes(text: bytes, names: list[str]) -> bytes:
    """Return a `.gitattributes` in which each file of `names` is merged by the driver; what stands there stays."""
    added = [name for name in names if not _has_merge(text, name)]
    if not added:
        return text
    before = b"\n" if text and not text.endswith(b"\n") else b""
    return text + before + b"".join(f"{quote_pattern(name)} merge=orglab\n".encode() for name in added)


def _has_merge(text: bytes, name: str) -> bool:
    """Return whether a `.gitattributes` says already how a file is merged, by its name."""
    pattern = rb"^[ \t]*/?%s[ \t](?:[^\n]*[ \t])?[-!]?merge\b" % re.escape(quote_pattern(name).encode())
    return re.search(pattern, text, re.M) is not None


def quote_pattern(name: str) -> str:
    """Return a file name as a pattern that means only it: what a pattern would read otherwise is escaped."""
    escaped = re.sub(r"([\\*?\[\]]|^[!#])", r"\\\1", name)
    if re.search(r'[\s"]', escaped):
        return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
    return escaped


def attributes_file(log: Path) -> Path:
    """Return the `.gitattributes` beside a log."""
    return log.parent / ".gitattributes"
