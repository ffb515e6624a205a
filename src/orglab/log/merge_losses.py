"""What merge commits lost of one side: listed until it is written again, or until somebody agrees to it."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from orglab.git import Repository
from orglab.git.log_branch import LOG_REF
from orglab.git.merges import read_merges
from orglab.git.repository import is_full_hash
from orglab.log.merge.lost_entries import find_lost_entries
from orglab.org.source import decode

if TYPE_CHECKING:
    from orglab.log.log import LogFile

_NAME = "forgotten-merges"


class MergeLoss(NamedTuple):
    """What a merge lost of one side.

    Attributes:
        merge: The full hash of the merge.
        parent: The full hash of the parent that still has it.
        entries: The lines of the notes, steps and headings.
    """

    merge: str
    parent: str
    entries: tuple[str, ...]


def find_merge_losses(log: "LogFile", repository: Repository, text: bytes) -> Iterator[MergeLoss]:
    """Yield what recent merges lost and a text of the log does not have, but for what was forgotten.

    Args:
        log: The log.
        repository: Its repository.
        text: Its current or intended content.
    """
    forgotten = _read_forgotten(log, repository)
    for merge in read_merges(repository, repository.top / log.name, LOG_REF if log.is_apart else "HEAD"):
        if merge.hash in forgotten:
            continue
        lost: dict[int, list[str]] = defaultdict(list)
        for side, line in find_lost_entries(merge.base, merge.sides, merge.merged, text):
            lost[side].append(decode(line).strip())
        yield from (MergeLoss(merge.hash, merge.parents[side], tuple(lines)) for side, lines in lost.items())


def forget_merge_losses(log: "LogFile", repository: Repository) -> list[MergeLoss]:
    """Agree to everything that recent merges lost, so that it is no longer listed, and return what that was.

    Raises:
        OSError: It cannot be recorded.
    """
    losses = list(find_merge_losses(log, repository, log.document().text))
    if losses:
        lines = sorted({*_read_lines(repository), *(f"{loss.merge} {log.name}" for loss in losses)})
        text = "".join(f"{line}\n" for line in lines)
        repository.shared_files.write(_NAME, text.encode("utf-8", "surrogateescape"))
    return losses


def _read_forgotten(log: "LogFile", repository: Repository) -> set[str]:
    """Return the full hashes of the merges whose losses of a log were agreed to."""
    lines = (line.partition(" ") for line in _read_lines(repository))
    return {full for full, _, name in lines if name == log.name}


def _read_lines(repository: Repository) -> list[str]:
    """Return the lines of the file: the full hash of a merge, and the path of the log from the top."""
    text = (repository.shared_files.read(_NAME) or b"").decode("utf-8", "surrogateescape")
    return [line for line in text.splitlines() if is_full_hash(line.partition(" ")[0])]
