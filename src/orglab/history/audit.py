"""The part of `check` that needs git or other files: rewritten commits, entries lost in merges, the user's terms."""

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

AUDITED = frozenset(("moved-hash", "dead-hash", "discarded", "lost-in-merge", "bad-term"))
"""The codes of the diagnostics found here."""


def audit(
    log: LogFile, document: Document, commits: DeadCommits | None, codes: Collection[str] = AUDITED
) -> list[Diagnostic]:
    """Return the diagnostics of a log that need git or other files.

    Args:
        log: The log.
        document: Its current or intended content.
        commits: Finds its dead commits; None without git.
        codes: The diagnostics to look for; others cost nothing.
    """
    diagnostics: list[Diagnostic] = []
    if commits is not None and not {"moved-hash", "dead-hash"}.isdisjoint(codes):
        diagnostics += commits.diagnose(document)
    if "lost-in-merge" in codes and log.repository is not None and is_installed():
        diagnostics += _find_lost_entries(document, log.path, log.repository)
    if "bad-term" in codes:
        diagnostics += _find_bad_terms(log)
    return diagnostics


def _find_lost_entries(document: Document, path: Path, repository: Repository) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each recent merge that lost entries of one side, with where they still are."""
    for merge in read_merges(repository, path):
        lost: dict[int, list[bytes]] = defaultdict(list)
        for side, line in find_losses(merge.base, merge.sides, merge.merged, document.text):
            lost[side].append(line)
        for side, lines in lost.items():
            where = f"{merge.parents[side][:10]}:./{os.path.relpath(path)}"
            more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
            message = f"The merge {merge.hash[:10]} lost {decode(lines[0]).strip()!r}{more}; see `git show {where}`."
            yield Diagnostic(str(path), 1, 1, "lost-in-merge", message)


def _find_bad_terms(log: LogFile) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each invalid line of the user's terms."""
    text = log.terms()
    if text:
        from orglab.search.similar.lexicon import parse_terms  # noqa: PLC0415 - few logs have their own terms

        name = str(log.path.parent / TERMS_NAME)
        yield from (Diagnostic(name, error.line, 1, "bad-term", error.message) for error in parse_terms(text)[1])
