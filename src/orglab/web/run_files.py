"""The files that a run wrote, and the pictures among them."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from orglab.config import is_git_name
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.inside import walk_inside
from orglab.git.private_files import is_real_folder
from orglab.report import blocks as b
from orglab.report.formats.pictures import MAX_SIZE
from orglab.runs.record import OUT, Run
from orglab.text import file_size
from orglab.web.site import View

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"})
_MOST_FILES, _MOST_PICTURES = 1000, 24


class WrittenFile(NamedTuple):
    """A file that a run wrote.

    Attributes:
        name: Its path from the top of the repository, or from the folder that ORGLAB_OUT names.
        size: Its size, such as `3 KB`.
        remark: What has become of it since; empty if it is as the run wrote it, or was not looked at.
        picture: The picture that it is, if it is shown.
    """

    name: str
    size: str
    remark: str = ""
    picture: Markup | None = None


def list_files(run: Run, view: View) -> list[WrittenFile]:
    """Return the files that a run wrote: its results, and what it left in its own folder."""
    shown: list[WrittenFile] = []
    pictures = 0
    for name, size, path in _find_files(run, view):
        remark, picture = "", None
        if pictures < _MOST_PICTURES and _may_be_picture(name, size):
            remark = _find_change(path, view) if isinstance(path, HashedFile) else ""
            if not remark:
                pictures += 1
                place = path if isinstance(path, Path) else view.log.top.absolute() / path.path
                picture = view.text.blocks((b.Image(place, name, (b.Text(name),)),))
        shown.append(WrittenFile(name, file_size(size), remark, picture))
    return shown


def _may_be_picture(name: str, size: int) -> bool:
    return size <= MAX_SIZE and os.path.splitext(name)[1].lower() in _PICTURES  # noqa: PTH122 - a name, not a path


def _find_files(run: Run, view: View) -> Iterator[tuple[str, int, Path | HashedFile]]:
    """Yield the name and the size of each file, and where it is or what is recorded of it."""
    # Folders that lie in each other are recorded once each.
    outputs = {file.path: file for file in run.outputs}
    for file in list(outputs.values())[:_MOST_FILES]:
        yield file.path, file.size, file
    folder = run.folder / OUT
    if not is_real_folder(folder):
        return
    room = _MOST_FILES - min(len(outputs), _MOST_FILES)
    for parent, folders, names in walk_inside(view.log.repository, folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            # A run that goes on may remove it meanwhile.
            with suppress(OSError):
                status = path.lstat()
                if room and stat.S_ISREG(status.st_mode):
                    room -= 1
                    yield os.fspath(path.relative_to(folder)), status.st_size, path.absolute()


def _find_change(file: HashedFile, view: View) -> str:
    """Return what has become of a file since a run wrote it; empty if it is as it was.

    A record may come from somebody else, so that its paths may lead anywhere.
    """
    path = Path(os.path.normpath(file.path))
    if path.is_absolute() or os.pardir in path.parts or any(map(is_git_name, path.parts)):
        return "not in the repository"
    try:
        is_same = hash_file(view.log.repository, view.log.top / file.path) == file.sha256
    except OSError:
        return "no longer there"
    return "" if is_same else "changed since"
