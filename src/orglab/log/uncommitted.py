"""What no commit holds: the changes of files; and what git took out of the log."""

from typing import NamedTuple

from orglab.git import Repository
from orglab.git.files import compare_with_head, list_untracked
from orglab.log.log import LogFile
from orglab.log.text_guard import LOSSES


class Uncommitted(NamedTuple):
    """The files with uncommitted changes.

    Attributes:
        own: The log and the journal, if they have some.
        others: The number of other files that have some, including untracked files.
        unknown: The files of which only a filter in the repository's own configuration could tell.
    """

    own: tuple[str, ...]
    others: int
    unknown: tuple[str, ...]


def find_uncommitted(log: LogFile, repository: Repository) -> Uncommitted:
    """Return which files have uncommitted changes.

    As for all commands that only read, no filter or monitor of the repository's settings is run.
    """
    compared = compare_with_head(repository)
    names, unknown = {*compared.changed, *list_untracked(repository)}, tuple(compared.unknown)
    if log.is_apart:
        from orglab.log.kept_text import find_unsaved  # noqa: PLC0415 - only for a log that is kept apart

        return Uncommitted(tuple(find_unsaved(log)), len(names), unknown)
    own = {*log.find_own_paths(repository)}
    return Uncommitted(tuple(sorted(names & own)), len(names - own), unknown)


def count_missing(log: LogFile) -> int:
    """Return the number of parts that git took out of a log and that are still missing."""
    if log.repository is None or not (log.repository.shared_folder / LOSSES).is_dir():
        return 0
    from orglab.log.losses import find_losses  # noqa: PLC0415 - it can merge texts, and most logs have lost nothing

    return sum(len(loss.parts) for loss in find_losses(log))
