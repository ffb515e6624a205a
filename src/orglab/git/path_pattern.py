"""The files that a path or pattern such as `out/*.json` names, which a repository may bring."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import pairwise
from pathlib import Path

from orglab.git.inside import find_tracked_link
from orglab.git.repository import Repository

_ANY = "**"
# A pattern with more matches nothing: each `**` is another look at all folders.
_MOST_ANY = 8
_MOST_PARTS = 100


def expand_path(repository: Repository | None, path: Path) -> Iterator[Path]:
    """Yield the files and folders that a path names; one that does not exist may be a pattern of Python's `glob`.

    In a pattern, `**` stands for any folders.  No link that git tracks is followed out of the repository, but it is
    itself a file.  Of several ways to a folder only one is taken, one without a link if there is any.

    Args:
        repository: The repository; None if there is none.
        path: The path or pattern.
    """
    if os.path.lexists(path) or not has_magic(os.fspath(path)):
        if find_tracked_link(repository, path.parent) is None:
            yield path
        return
    parts = path.parts
    count = next(count for count in range(len(parts)) if not os.path.lexists(Path(*parts[: count + 1])))
    rest = [part for part, following in pairwise((*parts[count:], "")) if part != following or part != _ANY]
    start = Path(*parts[:count])
    is_bounded = rest.count(_ANY) <= _MOST_ANY and len(rest) <= _MOST_PARTS
    if not is_bounded or find_tracked_link(repository, start) is not None:
        return
    places = iter([start])
    for number, part in enumerate(rest, 1):
        step = _descend if part == _ANY else _match
        places = step(repository, places, part, is_last=number == len(rest))
    yield from places


def _match(repository: Repository | None, places: Iterator[Path], part: str, *, is_last: bool) -> Iterator[Path]:
    """Yield what a part of a pattern names in some folders; only folders, unless it is the last part."""
    seen: set[tuple[int, int]] = set()
    for place in places:
        if not _is_new(place, seen):
            continue
        found = (
            [one for one in _list(place, part) if fnmatchcase(one.name, part)] if has_magic(part) else [place / part]
        )
        for one in found:
            if os.path.lexists(one) if is_last else _is_folder(repository, one):
                yield one


def _descend(repository: Repository | None, places: Iterator[Path], _: str, *, is_last: bool) -> Iterator[Path]:
    """Yield some folders and those below them, with all files if it is the last part."""
    seen: set[tuple[int, int]] = set()
    for top in places:
        yield top
        folders, links = [top], list[Path]()
        while folders or links:
            place = folders.pop() if folders else links.pop()
            for one in _list(place) if _is_new(place, seen) else ():
                is_folder = _is_folder(repository, one)
                if is_folder:
                    (links if one.is_symlink() else folders).append(one)
                if is_folder or is_last:
                    yield one


def _is_new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Return whether a folder was not seen under any name before."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - as fast as it can be
    except OSError:
        return False
    known = len(seen)
    seen.add((status.st_dev, status.st_ino))
    return len(seen) > known


def _is_folder(repository: Repository | None, path: Path) -> bool:
    """Return whether a path is a folder, or a link to one that may be followed."""
    is_folder = os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises an error for a folder that may not be searched
    return is_folder and (not path.is_symlink() or find_tracked_link(repository, path) is None)


def _list(folder: Path, part: str = "") -> list[Path]:
    """Return what is in a folder, links last; what is hidden only if a part of a pattern begins with a dot."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda one: (one.is_symlink(), one.name))
    except OSError:
        return []
    return [folder / one.name for one in found if part.startswith(".") or not one.name.startswith(".")]
