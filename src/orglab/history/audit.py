"""What `check` says of a log beyond its own text: commits that were rewritten, what merges lost, the user's terms."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from orglab.config import TERMS_NAME
from orglab.experiment.diagnostic import Diagnostic
from orglab.git import Repository, is_installed
from orglab.git.merges import read_merges
from orglab.history.dead_commits import DeadCommits
from orglab.log.log import LogFile
from orglab.log.merge.lost_entries import find_losses
from orglab.org.document import Document
from orglab.org.source import decode

AUDITED = frozenset(("moved-hash", "dead-hash", "lost-in-merge", "bad-term"))
"""The codes of what is found here."""


def audit(
    log: LogFile, document: Document, commits: DeadCommits | None, codes: Collection[str] = AUDITED
) -> list[Diagnostic]:
    """Return what is wrong in a log, as git and the files beside it tell.

    Args:
        log: The log.
        document: What is in it, or what would be.
        commits: What is known of the commits that it records; None without git.
        codes: What to look for; the rest costs nothing.
    """
    found: list[Diagnostic] = []
    if commits is not None and not {"moved-hash", "dead-hash"}.isdisjoint(codes):
        found += commits.diagnose(document)
    if "lost-in-merge" in codes and log.repository is not None and is_installed():
        found += _lost_in_merges(document, log.path, log.repository)
    if "bad-term" in codes:
        found += _bad_terms(log)
    return found


def _lost_in_merges(document: Document, path: Path, repository: Repository) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each newer merge that left out what one side had added, and where it is still."""
    for merge in read_merges(repository, path):
        lost: dict[int, list[bytes]] = defaultdict(list)
        for side, line in find_losses(merge.base, merge.sides, merge.merged, document.text):
            lost[side].append(line)
        for side, lines in lost.items():
            where = f"{merge.parents[side][:10]}:./{os.path.relpath(path)}"
            more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
            message = f"The merge {merge.hash[:10]} lost {decode(lines[0]).strip()!r}{more}; see `git show {where}`."
            yield Diagnostic(str(path), 1, 1, "lost-in-merge", message)


def _bad_terms(log: LogFile) -> Iterator[Diagnostic]:
    """Yield what cannot be read in the user's own terms."""
    text = log.terms()
    if text:
        from orglab.search.similar.lexicon import parse_terms  # noqa: PLC0415 - few logs have terms of their own

        name = str(log.path.parent / TERMS_NAME)
        yield from (Diagnostic(name, one.line, 1, "bad-term", one.message) for one in parse_terms(text)[1])
