"""What became of the commits that a log records, as diagnostics, and as edits where it is certain."""

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
    """Says of recorded commits under which hash they live; what it once found it does not look for again.

    It stands for one moment of the repository.
    """

    def __init__(self, log: LogFile, repository: Repository) -> None:
        """Take the log, and the repository that it lies in; nothing is asked yet."""
        self._log = log
        self._repository = repository
        self._answers: dict[str, Successor] = {}
        self._shorts: dict[str, str] = {}

    def diagnose(self, document: Document) -> list[Diagnostic]:
        """Return a diagnostic for each recorded commit that no branch reaches; those that are there are kept alive.

        Args:
            document: The log, or what it would be.

        Raises:
            GitError: git refuses.
        """
        recorded = find_recorded_hashes(document.text)
        if not recorded:
            return []
        reachability = read_reachability(self._repository, dict.fromkeys(name for one in recorded for name in one))
        if not reachability.tips:
            return []
        # Whoever may only read the repository may ask, too.
        with suppress(GitError):
            write_keep_refs(self._repository, frozenset(reachability.full.values()), reachability.kept)
        dead = {one.current for one in recorded if not reachability.is_alive(one.current)}
        # Most logs have none, and to parse a log for all that it records takes longer than git does.
        if not dead:
            return []
        wanted = {one for one in recorded if not dead.isdisjoint(one)}
        found = list(find_recorded_commits(document, self._log.config, str(self._log.path), wanted))
        places = [place for place in found if place.recorded.current in dead]
        self._answers |= self._told_by_log(found, reachability)
        self._answers |= self._find([one for one in places if one.recorded.current not in self._answers], reachability)
        return [self._diagnostic(document, place) for place in places if place.recorded.current in self._answers]

    def _told_by_log(self, places: Sequence[RecordedCommit], reachability: Reachability) -> dict[str, Successor]:
        """Return what other lines of the log say: a clone that did not rewrite has no map, but the same log."""
        found: dict[str, Successor] = {}
        for place in places:
            original, living = place.recorded
            if original != living and original not in found and reachability.is_alive(living):
                full = reachability.full[living]
                self._shorts.setdefault(full, living)
                found[original] = Successor(full, 0.98, "log", "another line of the log says so")
        return found

    def _find(self, dead: Sequence[RecordedCommit], reachability: Reachability) -> Mapping[str, Successor]:
        """Return what became of dead commits, by the hash that counts in the log."""
        answers: dict[str, Successor] = {}
        asked: dict[str, str] = {}
        for place in dead:
            original, living = place.recorded
            there = reachability.full.get(living) or reachability.full.get(original)
            if reachability.is_alive(original):
                why = "the hash that was recorded first is on a branch"
                answers.setdefault(living, Successor(reachability.full[original], 0.99, "reachable", why))
            elif there or not reachability.is_shallow:
                asked.setdefault(living, there or living)
        wanted = {one for name, one in asked.items() if name not in answers}
        if wanted:
            matcher = RewriteMatcher(self._repository, reachability, self._aside(), self._log.config.letter)
            found = matcher.find(wanted)
            answers = {name: found[one] for name, one in asked.items() if one in found} | answers
        self._name_shortly(answers.values())
        return answers

    def _name_shortly(self, answers: Collection[Successor]) -> None:
        """Ask git for the short hashes of the commits that live on."""
        new = {answer.hash for answer in answers if answer.hash is not None} - self._shorts.keys()
        if new:
            self._shorts |= {
                name: commit.short for name, commit in read_commits_by_hash(self._repository, tuple(new)).items()
            }

    def _aside(self) -> frozenset[bytes]:
        """Return the log and the journal as git names them: a commit is seldom about them."""
        return frozenset(map(os.fsencode, self._log.find_own_paths(self._repository)))

    def _diagnostic(self, document: Document, place: RecordedCommit) -> Diagnostic:
        answer = self._answers[place.recorded.current]
        source = document.source
        where = str(self._log.path), source.line_number(place.begin), source.column(place.begin)
        name = place.recorded.current
        living = self._shorts.get(answer.hash or "", answer.hash)
        moved = Moved(name, living, answer.confidence, answer.method, answer.evidence)
        why = f"({answer.confidence:.2f}, {answer.method}: {answer.evidence})"
        if living is not None and answer.confidence >= APPLIED:
            return Diagnostic(*where, "moved-hash", f"{name} lives on as {living} {why}.", (place.edit(living),), moved)
        if living is not None:
            return Diagnostic(*where, "dead-hash", f"{name} is on no branch; perhaps it is {living} {why}.", (), moved)
        said = "is on no branch" if answer.method == "dropped" else "names no commit here"
        return Diagnostic(*where, "dead-hash", f"{name} {said}: {answer.evidence}.", (), moved)
