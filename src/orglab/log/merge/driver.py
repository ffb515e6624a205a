"""The merge driver that git calls for a log, and its registration in git."""

import os
from contextlib import ExitStack
from pathlib import Path

from orglab import clock
from orglab.config import Config
from orglab.errors import OrglabError
from orglab.git.inside import require_inside
from orglab.git.merge_config import add_attributes, attributes_file, is_registered, register_driver
from orglab.log import file
from orglab.log.log import LogFile
from orglab.log.merge import Merged, merge
from orglab.log.merge.merge import Labels
from orglab.settings.settings_files import find_log

CONFLICT = 6
"""The exit code of a merge that left conflict markers."""


def merge_files(base: Path, ours: Path, theirs: Path, marker_size: int = 7) -> Merged:
    """Merge three files with versions of a log into `ours`, and return the result.

    Args:
        base: The common ancestor.
        ours: Our version, which is replaced by the merge.
        theirs: Their version.
        marker_size: The length of conflict markers.
    """
    try:
        _, config = find_log(Path())
    except OrglabError:
        config = Config()
    texts = [path.read_bytes() for path in (base, ours, theirs)]
    merged = merge(texts[0], texts[1], texts[2], config, clock.now(), Labels(size=marker_size))
    # Not in place: if we were killed halfway, git would take half a log for the merged one.
    temporary = ours.with_name(f"{ours.name}.orglab-{os.urandom(6).hex()}")
    with ExitStack() as cleanup:
        cleanup.callback(temporary.unlink, missing_ok=True)
        with temporary.open("xb") as new:  # never a file or link that is there
            new.write(merged.data)
        temporary.replace(ours)
    return merged


def install_merge_driver(log: LogFile) -> list[Path]:
    """Make git use orglab to merge the log and its journal in this clone; return the files that were changed.

    Nothing is written if the merge driver is already installed.

    Raises:
        NotWritableError: `.gitattributes` cannot be written, or a link that git tracks leads out of the repository.
        GitError: git cannot write its configuration.
    """
    if log.repository is None:
        return []
    if not is_registered(log.repository):
        register_driver(log.repository, CONFLICT)
    path = attributes_file(log.path)
    require_inside(log.repository, path)
    names = [log.path.name, *([log.config.journal] if os.sep not in log.config.journal else [])]
    if not os.path.lexists(path):
        file.create(path, add_attributes(b"", names))
        return [path]
    before, after = file.update(path, lambda text: add_attributes(text, names))
    return [path] if after.data != before.data else []
