"""Whether git works in the repository that orglab has found, and with files that it can read to an end.

git looks for the repository again, from the folder that it is started in, and takes a folder with the files of a git
directory for a repository, even if such files came with a clone.  It is not told the repository by GIT_DIR instead,
because then it would trust one that another user owns.
"""

import os
import stat
from collections.abc import Iterator

from orglab.config import find_common_dir, find_git_dir, is_git_folder, read_head
from orglab.errors import GitError

_FOLDERS = ("", "info", "objects/info", "objects/pack")
_TREE_FILES = (".gitattributes", ".gitignore", ".gitmodules", ".mailmap")
_checked: set[tuple[str, str]] = set()


def require_repository(folder: str, top: str, git_dir: str) -> None:
    """Check that git works in the repository that orglab has found for a folder.

    Args:
        folder: The folder that git is to be started in.
        top: The top of the working tree of the repository.
        git_dir: Its git directory.

    Raises:
        GitError: git would work elsewhere, or would wait for a pipe.
    """
    _require_folder(folder, top)
    if os.path.lexists(os.path.join(git_dir, "commondir")) and find_common_dir(git_dir) == git_dir:
        raise GitError(
            f"{git_dir} is not that of a worktree, but names another git directory in the file commondir, "
            "so git was not started; remove that file."
        )
    if (top, git_dir) not in _checked:
        for path in _list_files(top, git_dir):
            raise GitError(f"{path} is not a regular file, so git was not started; remove it.")
        _checked.add((top, git_dir))


def _require_folder(folder: str, top: str) -> None:
    """Raise GitError if git would take a folder, or one above it, for another repository than that at `top`."""
    place, real_top = os.path.realpath(folder), os.path.realpath(top)
    found = find_git_dir(place) if place != real_top else None
    if found is not None and found[0] != real_top:
        raise GitError(f"{folder} leads to the repository {found[0]}, not to {top}, so git was not started there.")
    while place != real_top:
        if is_git_folder(place):
            raise GitError(
                f"{place} has the files of a git directory (HEAD, objects, refs), so git would work there "
                f"instead of {top}, and was not started; move or remove them."
            )
        if place == os.path.dirname(place):
            return  # The folder is in no repository, as git will say.
        place = os.path.dirname(place)


def _list_files(top: str, git_dir: str) -> Iterator[str]:
    """Yield what git would read without end, or wait for, among the files that every command may read."""
    common = find_common_dir(git_dir)
    for folder in dict.fromkeys(os.path.join(place, name) for place in (git_dir, common) for name in _FOLDERS):
        try:
            with os.scandir(folder) as entries:
                special = [entry.path for entry in entries if not (entry.is_file() or entry.is_dir())]
        except OSError:
            continue
        yield from filter(_is_endless, special)
    branch = read_head(git_dir)
    yield from filter(_is_endless, [os.path.join(common, branch)] if branch else [])
    yield from filter(_is_endless, (os.path.join(top, name) for name in _TREE_FILES))


def _is_endless(path: str) -> bool:
    """Return whether a file is a pipe or a device, which may have no end; not `/dev/null`."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    is_special = stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
    return is_special and os.path.realpath(path) != os.devnull
