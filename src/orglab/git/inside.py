"""Links that lead out of a repository: one that git tracks is not followed, because it may have come with a clone.

A link that git does not track is one that the user has made, and may lead anywhere.  Where git cannot tell, a link
counts as tracked.

Whatever a repository can name is opened, read and walked by the functions of this module, and hashed and matched by
`hashed_file` and `path_pattern`, which use it.  `tests/git/test_inside.py` lists the modules that open other files.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from orglab.config import find_common_dir, find_git_dir, is_git_name
from orglab.errors import GitError, NotWritableError, OrglabError
from orglab.git.private_files import LARGEST, open_regular
from orglab.git.repository import Repository

_MOST_LINKS = 40  # as many as Linux follows


def find_tracked_link(repository: Repository | None, path: str | os.PathLike[str]) -> str | None:
    """Return a link that git tracks and through which a path leads out of the working tree or into `.git`, or None.

    git is asked only if the path leads there.

    Args:
        repository: The repository; None if there is none.
        path: The path, which may not exist.
    """
    if repository is None:
        return None
    top = os.path.realpath(repository.top)
    inside = os.path.relpath(os.path.realpath(path), top).split(os.sep)
    if inside[0] != ".." and not any(is_git_name(part) for part in inside):
        return None
    return next((link for link in _list_links(os.fspath(path)) if _is_tracked(repository, top, link)), None)


def require_inside(
    repository: Repository | None, path: str | os.PathLike[str], error: type[OrglabError] = NotWritableError
) -> None:
    """Check that no link that git tracks leads from a path out of the working tree or into `.git`.

    Args:
        repository: The repository; None if there is none.
        path: The path, which may not exist.
        error: The error to raise.

    Raises:
        OrglabError: One does; it is an `error`.
    """
    link = find_tracked_link(repository, path)
    if link is not None:
        raise error(explain_link(link))


def open_inside(repository: Repository | None, path: str | os.PathLike[str]) -> BinaryIO:
    """Return a regular file that a repository may have named, opened for reading; a pipe is not waited for.

    Args:
        repository: The repository; None if there is none.
        path: The file, or a link to it.

    Raises:
        OSError: It cannot be opened, is not a regular file, or a link that git tracks leads out of the repository.
    """
    try:
        link = find_tracked_link(repository, path)
    except ValueError as error:  # a NUL
        raise OSError(errno.EINVAL, "It is not the name of a file", os.fspath(path)) from error
    if link is not None:
        raise OSError(errno.ELOOP, "A link that git tracks leads out of the repository", os.fspath(path))
    return open(open_regular(path, follow=True), "rb")


def read_inside(repository: Repository | None, path: str | os.PathLike[str], most: int = LARGEST) -> bytes:
    """Return the content of a file that a repository may have named; see `open_inside`.

    Args:
        repository: The repository; None if there is none.
        path: The file, or a link to it.
        most: The largest size, in bytes.

    Raises:
        OSError: It cannot be opened, or it is too large.
    """
    with open_inside(repository, path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, "It is too large", os.fspath(path))
        return file.read(most)


def walk_inside(
    repository: Repository | None, folder: str | os.PathLike[str]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield what `os.walk` yields for a folder; nothing if a link that git tracks leads from it out of the repository.

    Links in the folder are not followed.
    """
    if find_tracked_link(repository, folder) is None:
        yield from os.walk(folder)


def explain_link(link: str) -> str:
    """Return the sentence for a link that is not followed."""
    where = os.path.relpath(link, os.path.realpath(Path.cwd()))
    return (
        f"{where} is a link that git tracks and that leads out of the repository, so orglab does not follow it; "
        "replace it with a file or folder."
    )


def _list_links(path: str) -> list[str]:
    """Return the links that a path leads through, in their real folders."""
    links: list[str] = []
    place, rest = os.sep, os.path.join(Path.cwd(), path).split(os.sep)[::-1]
    while rest and len(links) < _MOST_LINKS:
        name = rest.pop()
        if name in ("", os.curdir):
            continue
        if name == os.pardir:
            place = os.path.dirname(place)
            continue
        found = os.path.join(place, name)
        try:
            target = Path(found).readlink()
        except OSError:
            place = found
            continue
        links.append(found)
        place = os.sep if target.is_absolute() else place
        rest += os.fspath(target).split(os.sep)[::-1]
    return links


def _is_tracked(repository: Repository, top: str, link: str) -> bool:
    """Return whether git tracks a link, in a worktree of a repository or in a repository within one."""
    folder, name = os.path.split(link)
    found = find_git_dir(folder)
    if found is None:
        return False
    common = os.path.realpath(find_common_dir(found[1]))
    if os.path.commonpath((top, folder)) != top and common != os.path.realpath(repository.common_dir):
        return False
    try:
        return bool(list_tracked(Repository(Path(folder), *map(Path, found)), [name]))
    except GitError:
        return True  # git cannot tell, so it may have come with a clone.


def list_tracked(repository: Repository, names: Sequence[str]) -> list[str]:
    """Return those of some files that git tracks, under names that may differ in case.

    A folder is none of them, even if git tracks files in it.

    Args:
        repository: The repository.
        names: Their paths from its `folder`.

    Raises:
        GitError: git cannot tell, or is not installed.
    """
    if not names:
        return []
    printed = repository.query("ls-files", "-z", "--", *(f":(literal,icase){name}" for name in names))
    tracked = {os.fsdecode(name).casefold() for name in printed.split(b"\0")}
    return [name for name in names if name.casefold() in tracked]
