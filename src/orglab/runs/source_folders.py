"""Find the packages that a Python imports from a folder of source: editable installs, .pth files and PYTHONPATH.

Only metadata is read, and nothing is imported.  A record has the commit of each of them, because their code is not in
the commit of the run.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git import Repository, find_repository
from orglab.git.files import compare_with_head, disable_filters
from orglab.git.private_files import open_regular
from orglab.git.process import run_readonly
from orglab.git.untracked import DERIVED
from orglab.runs.folder_memory import FolderMemory

_MOST_SOURCES = 20
_MOST_REPOSITORIES = 5
_MOST_BYTES = 1 << 16  # of a .pth file or direct_url.json
_SECONDS = 2.0
_SITE_NAMES = ("site-packages", "dist-packages")
# `__editable__.name-0.1.pth` is of setuptools, `_editable_impl_name.pth` of hatchling, `name.pth` of flit and poetry.
_PATH_FILE = re.compile(r"(?:__editable__[._]|_editable_impl_)?(?P<name>.+?)(?:-\d[^-]*)?\.pth")
_OWN_PACKAGE = "orglab"
_SHARED = "easy-install"  # a file that names the folders of several packages
_METADATA = re.compile(r"(?P<name>.+?)(?:-\d[^-]*)?\.dist-info")


class Source(NamedTuple):
    """A folder of source that a Python imports from.

    Attributes:
        package: The distribution, by normalized name; None for a folder in PYTHONPATH.
        path: The folder, relative to the top of the repository of the run, or absolute if it is outside.
        head: The full hash of HEAD; of the repository of the run, that of the commit of its code.  None if the folder
            is in no repository, or git cannot tell.
        dirty: Whether there are changes that this commit does not hold; None if it is not known.
    """

    package: str | None
    path: str
    head: str | None = None
    dirty: bool | None = None

    @property
    def name(self) -> str:
        """The package or, if it has none, the folder."""
        return self.package or self.path


class OwnCode(NamedTuple):
    """The code of the run, of which the state is known.

    Attributes:
        top: The top of the repository, or else the folder of the log.
        commit: The full hash of the commit that holds the code, or None.
        dirty: Whether there are changes that it does not hold.
    """

    top: Path
    commit: str | None
    dirty: bool


def find_sources(folders: Iterable[Path], python_path: str, place: Path, own: OwnCode) -> list[Source]:
    """Return the sources of a Python.

    Args:
        folders: The folders that it imports from.
        python_path: The variable PYTHONPATH.
        place: The folder of the command.
        own: The code of the run.
    """
    found: dict[tuple[str | None, Path], Source] = {}
    states: dict[Path, tuple[str, list[str]] | None] = {}
    named: list[tuple[str | None, Path]] = [(None, place / path) for path in python_path.split(os.pathsep) if path]
    for folder in folders:
        if folder.name in _SITE_NAMES:
            named += _read_site(folder)
    top = own.top.resolve()
    for package, path in named:
        # orglab itself does not change what a program computes.
        if package == _OWN_PACKAGE or "\0" in os.fspath(path):
            continue
        # Path raises an error for names that are too long, and for circles of links.
        folder = Path(os.path.realpath(path))
        key = package, folder
        if key in found or not os.path.isdir(folder) or len(found) == _MOST_SOURCES:  # noqa: PTH112
            continue
        shown = os.path.relpath(folder, top) if folder.is_relative_to(top) else os.fspath(folder)
        repository = find_repository(folder)
        if repository is None:
            found[key] = Source(package, shown)
        elif repository.top == top:
            found[key] = Source(package, shown, own.commit, own.dirty)
        else:
            if repository.top not in states and len(states) < _MOST_REPOSITORIES:
                states[repository.top] = _read_state(repository)
            found[key] = _describe_state(Source(package, shown), repository, folder, states.get(repository.top))
    return list(found.values())


def _describe_state(
    source: Source, repository: Repository, folder: Path, state: tuple[str, list[str]] | None
) -> Source:
    """Return a source with its commit, and whether it has changes: untracked files count only in its folder."""
    if state is None:
        return source
    head, changes = state
    untracked = (repository.top / line[2:] for line in changes if line[0] == "?")
    dirty = any(line[0] != "?" for line in changes) or any(
        path.is_relative_to(folder) or folder.is_relative_to(path) for path in untracked
    )
    return source._replace(head=head, dirty=dirty)


def _read_state(repository: Repository) -> tuple[str, list[str]] | None:
    """Return the hash of HEAD and the lines of `git status` about files, or None if git does not answer soon.

    None too if there are filters in that repository's own configuration, and only they could tell what is changed.
    """
    arguments = ("-c", "status.relativePaths=false", "status", "--porcelain=v2", "-z", "--branch", "--no-renames",
                 "--ignore-submodules=dirty")  # fmt: skip
    try:
        environment = disable_filters(repository)
        completed = run_readonly(repository.top, arguments, environment=environment, timeout=_SECONDS)
        if environment and compare_with_head(repository).unknown:
            return None
    except GitError:
        return None
    lines = os.fsdecode(completed.stdout).split("\0")
    head = next((line.split(" ")[2] for line in lines if line.startswith("# branch.oid ")), "(initial)")
    if completed.returncode != 0 or head == "(initial)":
        return None
    return head, [line for line in lines if line and line[0] in "12u?" and not _is_derived(line)]


def _is_derived(line: str) -> bool:
    """Return whether a line of `git status` is about what Python compiled, which the sources are without."""
    return line[0] == "?" and DERIVED in line[2:].split("/")


class _Site(NamedTuple):
    """What the names in a site folder, and the metadata, say of packages.

    Attributes:
        path_files: The names of .pth files, each with its package.
        editable: The packages that are installed from a folder, each with that folder.
    """

    path_files: list[tuple[str, str]]
    editable: list[tuple[str, Path]]


def _list_site(site: Path) -> _Site:
    try:
        names = sorted(entry.name for entry in os.scandir(site))
    except OSError:
        return _Site([], [])
    path_files = [(name, _normalize(match["name"])) for name in names if (match := _PATH_FILE.fullmatch(name))]
    editable = []
    for name in names:
        if match := _METADATA.fullmatch(name):
            with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
                origin = json.loads(_read_small(site / name / "direct_url.json") or "{}")
                if origin.get("dir_info", {}).get("editable") is True and origin["url"].startswith("file://"):
                    from urllib.parse import unquote  # noqa: PLC0415 - for editable installs only

                    editable.append((_normalize(match["name"]), Path(unquote(origin["url"].removeprefix("file://")))))
    return _Site(path_files, editable)


_sites = FolderMemory(_list_site)


def _read_site(site: Path) -> Iterator[tuple[str | None, Path]]:
    """Yield the packages of a site folder that are imported from another folder.

    First those in .pth files, because they are what Python reads; metadata may be older.
    """
    known = _sites.read(site)
    seen = set()
    for name, package in known.path_files:
        # Always read, because tools add lines to them in place.
        for line in _read_small(site / name).splitlines():
            folder = Path(line.strip())
            # Lines that begin with `import` are code; some packages list folders below the site folder.
            if folder.is_absolute() and not folder.is_relative_to(site):
                seen.add(package)
                yield (package if package != _SHARED else None), folder
    yield from (found for found in known.editable if found[0] not in seen)


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_small(path: Path) -> str:
    """Return the text of a file; nothing if it is missing or large."""
    try:
        with open(open_regular(path, follow=True), "rb") as file:  # noqa: PTH123 - a descriptor
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
