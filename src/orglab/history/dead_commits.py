"""Find the current hashes of rewritten commits that a log records: as diagnostics, with edits if certain."""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from orglab.errors import GitError
from orglab.experiment.diagnostic import Diagnostic, Moved
from orglab.experiment.recorded_commits import RecordedCommit, find_recorded_commits, find_recorded_hashes
from orglab.git import Repository
from orglab.git.commit import read_commits_by_hash
from orglab.git.keep_refs import write_keep_refs
from orglab.git.reachability import Reachability, read_reachability
from orglab.git.rewrites.matcher import RewriteMatcher
from orglab.git.rewrites.successor import APPLIED, Successor
from orglab.log.log import LogFile
from orglab.org.document import Document


class DeadCommits:
    """Finds the current hashes of recorded commits, and remembers them.

    It must not be used after the repository has changed.
    """

    def __init__(self, log: LogFile, repository: Repository) -> None:
        """Take a log and its repository; git is asked later."""
        self._log = log
        self._repository = repository
        self._answers: dict[str, Successor] = {}
        self._shorts: dict[str, str] = {}

    def diagnose(self, document: Document) -> list[Diagnostic]:
        """Return a diagnostic for each recorded commit that no branch reaches.

        As a side effect, git keeps the recorded commits that exist.

        Args:
            document: The current or intended content of the log.

        Raises:
            GitError: git refuses.
        """
        recorded = find_recorded_hashes(document.text)
        if not recorded:
            return []
        reachability = read_reachability(
            self._repository, dict.fromkeys(name for hashes in recorded for name in hashes)
        )
        if not reachability.tips:
            return []
        # In a read-only repository the diagnostics are still useful.
        with suppress(GitError):
            write_keep_refs(self._repository, frozenset(reachability.full.values()), reachability.kept)
        dead = {hashes.current for hashes in recorded if not reachability.is_alive(hashes.current)}
        # Most logs have no dead commits, and parsing a whole log takes longer than asking git.
        if not dead:
            return []
        affected = {hashes for hashes in recorded if not dead.isdisjoint(hashes)}
        all_places = list(find_recorded_commits(document, self._log.config, str(self._log.path), affected))
        places = [place for place in all_places if place.recorded.current in dead]
        self._answers |= self._find_in_log(all_places, reachability)
        unknown = [place for place in places if place.recorded.current not in self._answers]
        self._answers |= self._find_in_git(unknown, reachability)
        return [self._make_diagnostic(document, place) for place in places if place.recorded.current in self._answers]

    def _find_in_log(self, places: Sequence[RecordedCommit], reachability: Reachability) -> dict[str, Successor]:
        """Return the successors that other lines of the log record; a clone that did not rewrite has only these."""
        successors: dict[str, Successor] = {}
        for place in places:
            original, current = place.recorded
            if original != current and original not in successors and reachability.is_alive(current):
                full = reachability.full[current]
                self._shorts.setdefault(full, current)
                successors[original] = Successor(full, 0.98, "log", "recorded on another line of the log")
        return successors

    def _find_in_git(self, dead: Sequence[RecordedCommit], reachability: Reachability) -> Mapping[str, Successor]:
        """Return the successors of dead commits, by their newest hash in the log."""
        answers: dict[str, Successor] = {}
        names: dict[str, str] = {}
        for place in dead:
            original, current = place.recorded
            full = reachability.full.get(current) or reachability.full.get(original)
            if reachability.is_alive(original):
                why = "the original hash is on a branch"
                answers.setdefault(current, Successor(reachability.full[original], 0.99, "reachable", why))
            elif full or not reachability.is_shallow:
                names.setdefault(current, full or current)
        unknown = {full for name, full in names.items() if name not in answers}
        if unknown:
            matcher = RewriteMatcher(self._repository, reachability, self._find_own_paths(), self._log.config.letter)
            successors = matcher.find(unknown)
            answers = {name: successors[full] for name, full in names.items() if full in successors} | answers
        self._read_short_hashes(answers.values())
        return answers

    def _read_short_hashes(self, answers: Collection[Successor]) -> None:
        """Read the short hashes of the successors."""
        new = {answer.hash for answer in answers if answer.hash is not None} - self._shorts.keys()
        if new:
            self._shorts |= {
                name: commit.short for name, commit in read_commits_by_hash(self._repository, tuple(new)).items()
            }

    def _find_own_paths(self) -> frozenset[bytes]:
        """Return the paths of the log and the journal in git, which say little about a commit."""
        return frozenset(map(os.fsencode, self._log.find_own_paths(self._repository)))

    def _make_diagnostic(self, document: Document, place: RecordedCommit) -> Diagnostic:
        answer = self._answers[place.recorded.current]
        source = document.source
        where = str(self._log.path), source.line_number(place.begin), source.column(place.begin)
        name = place.recorded.current
        current = self._shorts.get(answer.hash or "", answer.hash)
        moved = Moved(name, current, answer.confidence, answer.method, answer.evidence)
        why = f"({answer.method}: {answer.evidence}; confidence {answer.confidence:.2f})"
        if current is not None and answer.confidence >= APPLIED:
            return Diagnostic(*where, "moved-hash", f"{name} is now {current} {why}.", (place.edit(current),), moved)
        if current is not None:
            return Diagnostic(*where, "dead-hash", f"{name} is on no branch; it may now be {current} {why}.", (), moved)
        if answer.method == "dropped":
            return Diagnostic(*where, "discarded", f"{name} was discarded: {answer.evidence}.", (), moved)
        return Diagnostic(*where, "dead-hash", f"{name} is not in this repository: {answer.evidence}.", (), moved)
