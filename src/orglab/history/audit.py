"""The part of `check` that needs git or other files: rewritten commits, entries lost in merges, the user's terms."""

from collections.abc import Collection, Iterator

from orglab.config import TERMS_NAME
from orglab.experiment.diagnostic import Diagnostic
from orglab.git import Repository, is_installed
from orglab.git.files import is_tracked
from orglab.git.log_branch import LOG_REF, find_tracking_commits, is_ancestor
from orglab.history.dead_commits import DeadCommits
from orglab.log.log import LogFile
from orglab.log.losses import GOING_BACK, find_losses
from orglab.log.merge_losses import find_merge_losses
from orglab.org.document import Document

AUDITED = frozenset(("moved-hash", "dead-hash", "discarded", "lost-in-merge", "lost", "tracked-name", "bad-term"))
"""The codes of the diagnostics found here."""
_KINDS = {
    "experiment": "the experiment", "step": "the step", "tick": "the tick of", "note": "the note",
    "conclusion": "the conclusion",
}  # fmt: skip
_LONGEST = 60  # characters of a lost text


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
        diagnostics += _find_lost_entries(document, log, log.repository)
    if "lost" in codes:
        diagnostics += _find_losses(log, document)
    if "tracked-name" in codes and log.is_apart:
        diagnostics += _find_tracked_names(log)
    if "bad-term" in codes:
        diagnostics += _find_bad_terms(log)
    return diagnostics


def _find_lost_entries(document: Document, log: LogFile, repository: Repository) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each recent merge that lost entries of one side, with where they still are."""
    for loss in find_merge_losses(log, repository, document.text):
        where = f"{loss.parent[:10]}:{log.name}"
        more = f" and {len(loss.entries) - 1} more" if len(loss.entries) > 1 else ""
        message = f"The merge {loss.merge[:10]} lost {loss.entries[0]!r}{more}; see `git show {where}`."
        yield Diagnostic(str(log.path), 1, 1, "lost-in-merge", message)


def _find_losses(log: LogFile, document: Document) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each part of the log that an operation of git took out of it."""
    if log.repository is None or not is_installed():
        return
    experiments = {experiment.ref: experiment.line for experiment in log.read_experiments(document)}
    for loss in find_losses(log):
        for part in loss.parts:
            text = part.text if len(part.text) <= _LONGEST else part.text[: _LONGEST - 1].rstrip() + "…"
            what = f"took {_KINDS[part.kind]} {text!r} out of the log"
            by = f"{GOING_BACK} {what}" if loss.operation == GOING_BACK else f"git {what} ({loss.operation})"
            message = f"{part.ref}: {by}."
            line = experiments.get(part.ref.partition(".")[0], 1)
            yield Diagnostic(str(log.path), line, 1, "lost", message, subject=part.ref.partition(".")[0])


def _find_tracked_names(log: LogFile) -> Iterator[Diagnostic]:
    """Yield a diagnostic if commits have a file of the log's name."""
    if log.repository is None or not is_installed():
        return
    commits = find_tracking_commits(log.repository, log.name)
    if commits:
        message = f"Commits have a file {log.name}, which git would write over the log: {'; '.join(commits)}."
        if is_tracked(log.repository, log.name) and not is_ancestor(log.repository, "HEAD", LOG_REF):
            message += f" `git rm --cached {log.path.name}` takes it out of this branch."
        yield Diagnostic(str(log.path), 1, 1, "tracked-name", message)


def _find_bad_terms(log: LogFile) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each invalid line of the user's terms."""
    text = log.terms()
    if text:
        from orglab.search.similar.lexicon import parse_terms  # noqa: PLC0415 - few logs have their own terms

        name = str(log.path.parent / TERMS_NAME)
        yield from (Diagnostic(name, error.line, 1, "bad-term", error.message) for error in parse_terms(text)[1])
