"""What merges of the log lost, as diagnostics: git's history looked at by the rules of `merge.losses`."""

import os
from collections import defaultdict
from pathlib import Path

from orglab.experiment.check import Diagnostic
from orglab.git import Repository, is_installed
from orglab.git.merges import read_merges
from orglab.log.merge.lost_entries import find_losses
from orglab.org.document import Document
from orglab.org.source import decode


def lost_in_merges(document: Document, file: str, repository: Repository | None) -> list[Diagnostic]:
    """Return a diagnostic for each newer merge that left out what one side had added, and where it is still.

    Args:
        document: The log as it is.
        file: The log as the user knows it.
        repository: Its repository, or None.
    """
    if repository is None or not is_installed():
        return []
    found = []
    for merge in read_merges(repository, Path(file)):
        lost: dict[int, list[bytes]] = defaultdict(list)
        for side, line in find_losses(merge.base, merge.sides, merge.merged, document.text):
            lost[side].append(line)
        for side, lines in lost.items():
            where = f"{merge.parents[side][:10]}:./{os.path.relpath(file)}"
            more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
            message = f"The merge {merge.hash[:10]} lost {decode(lines[0]).strip()!r}{more}; see `git show {where}`."
            found.append(Diagnostic(file, 1, 1, "lost-in-merge", message))
    return found
