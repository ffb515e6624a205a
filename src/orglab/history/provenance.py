"""What leads from a file, a commit, a run or a line of the log to the experiments that it is of, as links.

A run wrote a file, found by the file's content; a commit changed it, names an experiment, or is recorded for a step.
If nothing leads to an experiment, the nearest link is returned with `is_near`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from orglab.errors import UsageError
from orglab.git.commit import Commit, read_commits
from orglab.git.files import path_in, read_commits_of_file
from orglab.git.hashed_file import hash_file
from orglab.history.references import find_enclosing_experiment
from orglab.history.sources import Sources
from orglab.reference import Reference, find_references, parse_reference, without_letter
from orglab.runs.record import Run

_HASH = re.compile(rb"(?<![\w-])[0-9a-f]{7,64}(?![\w-])")
_PREFIX = 7
MOST_COMMITS = 1000
# How many of a file's commits are links of the chain; what is older is counted.
_MOST_LINKS = 5


class Link(NamedTuple):
    """One link of the chain.

    Attributes:
        how: What it has to do with the one before, in words: `wrote this file`, `changed line 3`.
        references: The experiments and steps that it is of.
        commit: The commit that it is, or None.
        run: The run that it is, or None.
        is_near: Whether it is only what is nearest.
    """

    how: str
    references: tuple[Reference, ...]
    commit: Commit | None = None
    run: Run | None = None
    is_near: bool = False


class LinkFinder:
    """Finds the links of what is asked about.

    Attributes:
        sources: What is known of the log.
        remarks: What else is to be said: what is missing, what is only near.
    """

    def __init__(self, sources: Sources) -> None:
        """Remember what is known; nothing is looked for yet."""
        self.sources = sources
        self.log = sources.log
        self.repository = sources.repository
        self.remarks: list[str] = []

    def locate(self, path: Path) -> str | None:
        """Return a path relative to the top of the repository, or None if it is not in it."""
        return path_in(self.log.repository, path) if self.log.repository is not None else None

    def find_commit(self, name: str) -> Commit | None:
        """Return the commit that a hash names, or None if it is not there."""
        return self.sources.find_named([name]).get(name)

    def find_commits(self, name: str | None, limit: int) -> Iterator[Commit]:
        """Yield the last commits of a file or folder; none before the first commit."""
        if self.repository is not None and name is not None and self.repository.head() is not None:
            yield from read_commits_of_file(self.repository, name, limit=limit)

    # Runs

    def find_runs(self, path: Path, name: str | None) -> Iterator[Link]:
        """Yield the runs that wrote a file's content, and then the commits of their code; of a folder, all in it."""
        if path.is_dir():
            below = "" if name == "." else f"{name}/"
            for run in reversed(self.sources.runs):
                if any(output.path.startswith(below) for output in run.outputs):
                    yield from self._link_run(run, "wrote files here")
            return
        outputs = [(run, output) for run in self.sources.runs for output in run.outputs]
        sizes = {output.size for _, output in outputs}
        # What no run wrote in this size is not read: it may be a checkpoint of many gigabytes.
        content = None
        if path.is_file() and path.stat().st_size in sizes:
            with suppress(OSError):
                content = hash_file(path)
        wrote = [(run, output) for run, output in outputs if output.sha256 == content]
        for run, output in wrote:
            called = "" if output.path == name else f", as {output.path}"
            yield from self._link_run(run, f"wrote this file{called}")
        if not wrote and (others := [run for run, output in outputs if output.path == name]):
            is_there = os.path.lexists(path)
            if is_there:
                self.remarks.append(f"A run wrote {name}, but with other content than it has now.")
            yield from self._link_run(others[-1], "wrote this path last", is_near=is_there)

    def _link_run(self, run: Run, how: str, *, is_near: bool = False) -> Iterator[Link]:
        """Yield a run, and the commits that hold its code and its results."""
        references = tuple(self._parse(run.ref))
        yield Link(how, references, run=run, is_near=is_near)
        names = {run.snapshot: "holds the code that it ran", run.commit: "holds its results"}
        if run.snapshot is None:
            changed = ", with changes that no commit holds" if run.patch else ""
            names = {run.before: f"is the code that it ran{changed}", **names}
        for name, what in names.items():
            if name is not None:
                commit = self.find_commit(name)
                if commit is None:
                    self.remarks.append(f"The commit {name[:_PREFIX]} that {what} is not here.")
                else:
                    yield Link(what, references, commit, is_near=is_near)

    def _parse(self, ref: str | None) -> list[Reference]:
        """Return the reference that a run or the active step has, as the log knows it."""
        if ref is None:
            return []
        try:
            reference = parse_reference(ref)
        except UsageError:
            return []
        letter = self.log.config.letter
        name = reference.id if reference.id in self.sources.experiments else without_letter(reference.id, letter)
        return [Reference(name, reference.step)]

    # Commits

    def find_links(self, commit: Commit, how: str) -> list[Link]:
        """Return a commit and what it leads to; what is nearest to it, if it leads nowhere."""
        link = self._link_commit(commit, how)
        if link.references:
            return [link]
        return [link, *self._find_near(commit)]

    def _link_commit(self, commit: Commit, how: str) -> Link:
        """Return a commit as a link, with what it is of: what it names, which steps and notes have it, which runs."""
        letter = self.log.config.letter
        named = [one for _, one in find_references(commit.message.encode(), letter)]
        for one in dict.fromkeys(named):
            if self.sources.find(one) is None and one.id.isdecimal():
                self.remarks.append(f"{commit.short} names {letter}{one.id}, which the log does not have.")
        known = [one for one in named if self.sources.find(one) is not None]
        words = self._hashes.get(commit.hash[:_PREFIX], ())
        recorded = [*filter(None, (self._locate(at) for word, at in words if commit.hash.startswith(word)))]
        runs = [run for run in self.sources.runs if commit.hash in (run.before, run.snapshot, run.commit)]
        ran = [reference for run in runs for reference in self._parse(run.ref)]
        told = [
            f"{way} {', '.join(one.spell(letter) for one in dict.fromkeys(found))}"
            for way, found in (("names", known), ("recorded for", recorded), ("of a run of", ran))
            if found
        ]
        return Link("; ".join([how, *told]), tuple(dict.fromkeys([*known, *recorded, *ran])), commit)

    @cached_property
    def _hashes(self) -> dict[str, list[tuple[str, int]]]:
        """What looks like a hash in the log, and where, by its first seven digits."""
        found: dict[str, list[tuple[str, int]]] = {}
        for match in _HASH.finditer(self.sources.document.text):
            word = match.group().decode()
            found.setdefault(word[:_PREFIX], []).append((word, match.start()))
        return found

    def _locate(self, at: int) -> Reference | None:
        """Return the step of the log that a position belongs to, else the experiment, or None."""
        document = self.sources.document
        experiment = find_enclosing_experiment(document, at, self.sources)
        if experiment is None:
            return None
        line = document.source.line_number(at)
        for step in experiment.steps:
            if line in (step.line, *(note.line for note in step.notes)):
                return Reference(experiment.id, step.number)
        return Reference(experiment.id)

    def find_log_line(self, number: int) -> list[Link]:
        """Return what stands in a line of the log itself."""
        text = self.sources.document.text
        at = 0
        for _ in range(number - 1):
            at = text.find(b"\n", at) + 1
            if at == 0:
                return []
        found = self._locate(at)
        return [Link("is the line of the log", (found,))] if found is not None else []

    def link_file(self, commits: list[Commit]) -> list[Link]:
        """Return those of a file's commits that lead to an experiment, the newest first; what is nearest, if none."""
        links = [link for link in (self._link_commit(commit, "changed it") for commit in commits) if link.references]
        if len(links) > _MOST_LINKS:
            self.remarks.append(f"{len(links)} of its {len(commits)} commits lead to experiments; these are the last.")
        return links[:_MOST_LINKS] if links or not commits else self.find_links(commits[0], "changed it last")

    def find_near_line(self, name: str | None) -> list[Link]:
        """Return the last commit of a file that leads to an experiment, as what is nearest to a line of it."""
        links = (self._link_commit(one, "changed the file") for one in self.find_commits(name, MOST_COMMITS))
        return [link._replace(is_near=True) for link in islice((link for link in links if link.references), 1)]

    def find_active(self) -> list[Link]:
        """Return the active step of this clone."""
        active = self._parse(self.log.find_active())
        return [Link("is the active step of this clone", tuple(active), is_near=True)] if active else []

    def _find_near(self, commit: Commit) -> list[Link]:
        """Return what is nearest to a commit that leads nowhere: what it merged, else what comes next and before."""
        if len(commit.parents) > 1:
            merged = self._find_naming(commit.hash, f"^{commit.parents[0]}")
            if links := [self._link_commit(one, "was merged by it")._replace(is_near=True) for one in
                         islice(merged, _MOST_LINKS)]:  # fmt: skip
                self.remarks.append(f"{commit.short} is a merge and names nothing itself; what it merged does.")
                return links
        after = self._find_naming("--ancestry-path", "--reverse", f"^{commit.hash}", "--branches", "--remotes", "HEAD")
        before = self._find_naming(*commit.parents) if commit.parents else iter(())
        links = [self._link_commit(one, how)._replace(is_near=True) for found, how in
                 ((after, "is the next commit after it that names an experiment"),
                  (before, "is the last commit before it that names one")) for one in islice(found, 1)]  # fmt: skip
        self.remarks.append(
            f"Nothing says what {commit.short} is of; what follows is only near." if links else
            f"Nothing says what {commit.short} is of, and no commit before or after it names an experiment."
        )  # fmt: skip
        return links

    def _find_naming(self, *revisions: str) -> Iterator[Commit]:
        """Yield the commits among some that name an experiment of the log, as `git log` lists them."""
        if self.repository is None:
            return
        letter = self.log.config.letter
        for commit in read_commits(
            self.repository, "--ignore-missing", "--fixed-strings", f"--grep=[{letter}", *revisions, "--"
        ):
            if any(self.sources.find(one) is not None for _, one in find_references(commit.message.encode(), letter)):
                yield commit
