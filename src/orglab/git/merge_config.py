"""The configuration of the merge driver: `merge.orglab.driver` and `.gitattributes` (gitattributes(5))."""

import re
import shlex
import sys
from pathlib import Path

from orglab.errors import NotWritableError
from orglab.git.private_files import read_regular
from orglab.git.repository import Repository

NAME = "merge.orglab.name"
DRIVER = "merge.orglab.driver"


def driver_command(conflict: int) -> str:
    """Return the shell command that merges a log; if orglab is missing or fails, it merges the log as text.

    Args:
        conflict: The exit code of a merge with conflicts.  Not 1, the exit code of a failing Python.
    """
    # -P: Python must not import modules from the repository.
    program = f"{shlex.quote(sys.executable)} -P -m orglab merge-driver %O %A %B %L %P"
    plain = "git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B"
    return f"{program}; case $? in 0) exit 0;; {conflict}) exit 1;; esac; {plain}"


def is_registered(repository: Repository) -> bool:
    """Return whether the driver is configured in this clone."""
    return bool((repository.read("config", "--get", DRIVER) or b"").strip())


def register_driver(repository: Repository, conflict: int) -> None:
    """Configure the driver in this clone.

    Raises:
        NotWritableError: The configuration is a link.
        GitError: git cannot write it.
    """
    _write_setting(repository, NAME, "orglab: an experiment log, by headings, steps and notes")
    _write_setting(repository, DRIVER, driver_command(conflict))


def unregister_driver(repository: Repository) -> None:
    """Remove the driver from the configuration of this clone; git then merges the log as text.

    Raises:
        NotWritableError: The configuration is a link.
        GitError: git cannot write it.
    """
    if is_registered(repository):
        _write_setting(repository, "--remove-section", NAME.rpartition(".")[0])


def _write_setting(repository: Repository, *arguments: str) -> None:
    """Change the configuration of this clone, but not through a link, which git would follow.

    Raises:
        NotWritableError: The configuration is a link.
        GitError: git cannot write it.
    """
    config = repository.common_dir / "config"
    if config.is_symlink():
        raise NotWritableError(
            f"{config} is a link, so orglab does not write through it; replace the link with a copy of the file."
        )
    repository.run("config", "--local", *arguments)


def add_attributes(text: bytes, names: list[str]) -> bytes:
    """Return the text of a `.gitattributes` with a line added for each file without a merge attribute."""
    added = [name for name in names if not _has_merge(text, name)]
    if not added:
        return text
    before = b"\n" if text and not text.endswith(b"\n") else b""
    return text + before + b"".join(f"{quote_pattern(name)} merge=orglab\n".encode() for name in added)


def _has_merge(text: bytes, name: str) -> bool:
    """Return whether the text of a `.gitattributes` sets a merge attribute for this file name."""
    pattern = rb"^[ \t]*/?%s[ \t](?:[^\n]*[ \t])?[-!]?merge\b" % re.escape(quote_pattern(name).encode())
    return re.search(pattern, text, re.M) is not None


def quote_pattern(name: str) -> str:
    """Return the `.gitattributes` pattern that matches exactly this file name."""
    escaped = re.sub(r"([\\*?\[\]]|^[!#])", r"\\\1", name)
    if re.search(r'[\s"]', escaped):
        return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
    return escaped


def attributes_file(log: Path) -> Path:
    """Return the `.gitattributes` beside a log."""
    return log.parent / ".gitattributes"


def is_own_attributes(file: Path) -> bool:
    """Return whether a file is a `.gitattributes` that has nothing but lines of `add_attributes`."""
    if file.name != ".gitattributes":
        return False
    try:
        lines = read_regular(file).splitlines()
    except OSError:
        return False
    return all(line.endswith(b" merge=orglab") for line in lines)
