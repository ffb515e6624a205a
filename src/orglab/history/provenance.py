"""Find the links from a file, a commit, a run or a line of the log to experiments.

A run wrote a file, which is recognized by its content; a commit changed the file, names an experiment, or is recorded
for a step.  If nothing leads to an experiment, the nearest link is returned, marked `is_near`.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError, UsageError
from orglab.git import Repository
from orglab.git.commit import Commit, read_commits
from orglab.git.files import path_in, read_commits_of_file
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.message import TRAILER, read_references
from orglab.git.reachability import read_reachability
from orglab.git.reverts import find_revert
from orglab.git.rewrites.matcher import RewriteMatcher
from orglab.git.rewrites.successor import APPLIED
from orglab.history.references import find_enclosing_experiment
from orglab.history.sources import Sources
from orglab.reference import Reference, parse_reference, without_letter
from orglab.runs.record import Run
from orglab.text import listed

_HASH = re.compile(rb"(?<![\w-])[0-9a-f]{7,64}(?![\w-])")
_PREFIX = 7
MOST_COMMITS = 1000
# The number of commits of a file that become links; older ones are only counted.
_MOST_LINKS = 5


class Link(NamedTuple):
    """A link of the chain.

    Attributes:
        how: How it relates to the previous link: `wrote this file`, `changed line 3`.
        references: The experiments and steps that it belongs to.
        commit: The commit, or None.
        run: The run, or None.
        is_near: Whether it is only the nearest link, which may belong to another experiment.
    """

    how: str
    references: tuple[Reference, ...]
    commit: Commit | None = None
    run: Run | None = None
    is_near: bool = False


class LinkFinder:
    """Finds links, and collects remarks for the user.

    Attributes:
        sources: The sources of the log.
        remarks: Remarks on what is missing or uncertain.
    """

    def __init__(self, sources: Sources) -> None:
        """Take the sources of a log; nothing is read yet."""
        self.sources = sources
        self.log = sources.log
        self.repository = sources.repository
        self.remarks: list[str] = []

    def locate(self, path: Path) -> str | None:
        """Return a path relative to the top of the repository, or None if it is outside."""
        return path_in(self.log.repository, path) if self.log.repository is not None else None

    def find_commit(self, name: str) -> Commit | None:
        """Return the commit with a hash, or None if it does not exist."""
        return self.sources.find_named([name]).get(name)

    def find_commits(self, name: str | None, limit: int) -> Iterator[Commit]:
        """Yield the newest commits of a file or folder."""
        if self.repository is not None and name is not None and self.repository.head() is not None:
            yield from read_commits_of_file(self.repository, name, limit=limit)

    # Runs

    def find_runs(self, path: Path, name: str | None) -> Iterator[Link]:
        """Yield the runs that wrote the content of a file, or a file in a folder, each with its commits."""
        if path.is_dir():
            below = "" if name == "." else f"{name}/"
            for run in reversed(self.sources.runs):
                if any(output.path.startswith(below) for output in run.outputs):
                    yield from self.link_run(run, "wrote files here")
            return
        outputs = [(run, output) for run in reversed(self.sources.runs) for output in run.outputs]
        matches = _find_same_content(self.repository, path, name, outputs)
        if len(matches) > _MOST_LINKS:
            self.remarks.append(f"{len(matches)} runs wrote the same content; only {_MOST_LINKS} are shown.")
        for run, output in matches[:_MOST_LINKS]:
            other_path = "" if output.path == name else f", as {output.path}"
            yield from self.link_run(run, f"wrote this file{other_path}")
        if not matches and (others := [run for run, output in outputs if output.path == name]):
            exists = os.path.lexists(path)
            if exists:
                self.remarks.append(f"A run wrote {name}, but its content has changed since.")
            yield from self.link_run(others[0], "wrote this path last", is_near=exists)

    def link_run(self, run: Run, how: str, *, is_near: bool = False) -> Iterator[Link]:
        """Yield a run, and the commits of its code and its results."""
        references = tuple(self._parse(run.ref))
        yield Link(how, references, run=run, is_near=is_near)
        for name, role in _list_commits(run):
            if name is not None:
                commit = self.find_commit(name)
                if commit is None:
                    self.remarks.append(f"The commit {name[:_PREFIX]}, which {role}, is not in this repository.")
                    if name == run.snapshot and run.before is not None and (below := self.find_commit(run.before)):
                        yield Link("was HEAD when it ran", references, below, is_near=is_near)
                else:
                    yield Link(role, references, commit, is_near=is_near)

    def _parse(self, ref: str | None) -> list[Reference]:
        """Return a recorded reference as the log has it; empty if it is None or not valid."""
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
        """Return the link of a commit; if it leads to no experiment, with the nearest links."""
        link = self._link_commit(commit, how)
        if link.references:
            return [link]
        return [link, *self._find_near(commit)]

    def find_successor(self, commit: Commit) -> Iterator[Link]:
        """Yield the commit that replaced one that no branch or tag reaches any more, after a rebase or an amend."""
        if self.repository is None or any(commit.hash == run.snapshot for run in self.sources.runs):
            return
        reachability = read_reachability(self.repository, [commit.hash])
        if not reachability.tips or reachability.is_alive(commit.hash):
            self._remark_revert(self.repository, commit)
            return
        own_paths = frozenset(map(os.fsencode, self.log.find_own_paths(self.repository)))
        matcher = RewriteMatcher(self.repository, reachability, own_paths, self.log.config.letter)
        successor = matcher.find({commit.hash})[commit.hash]
        new = self.find_commit(successor.hash) if successor.hash is not None else None
        if new is None:
            self.remarks.append(f"No branch holds {commit.short} any more: {successor.evidence}.")
            return
        link = self._link_commit(new, f"replaced it ({successor.evidence})")
        yield link._replace(is_near=successor.confidence < APPLIED)

    def _remark_revert(self, repository: Repository, commit: Commit) -> None:
        """Add a remark if a commit was reverted."""
        with suppress(GitError):  # before the first commit there is no HEAD
            revert = find_revert(repository, commit)
            if revert is not None:
                self.remarks.append(f"{commit.short} was reverted by {revert.short}.")

    def _link_commit(self, commit: Commit, how: str) -> Link:
        """Return a commit as a link, with the experiments that it names, that record it, or whose runs used it."""
        letter = self.log.config.letter
        named = read_references(commit.message.encode(), letter)
        named = [*self.sources.shared_ids.resolve(named, commit.hash)]
        for reference in dict.fromkeys(named):
            if self.sources.find(reference) is None and reference.id.isdecimal():
                self.remarks.append(f"{commit.short} names {letter}{reference.id}, which is not in the log.")
        known = [reference for reference in named if self.sources.find(reference) is not None]
        words = self._hashes.get(commit.hash[:_PREFIX], ())
        recorded = [*filter(None, (self._locate(at) for word, at in words if commit.hash.startswith(word)))]
        used = self._find_references_of(
            run for run in self.sources.runs if commit.hash in (run.code, run.commit, run.kept_code)
        )
        # The code of such a run is in its snapshot.
        below = self._find_references_of(
            run for run in self.sources.runs if commit.hash == run.before and commit.hash not in (run.code, run.commit)
        )
        related = {
            "its message names": known, "recorded in the log for": recorded, "used by a run of": used,
            "was HEAD at a run of": below,
        }  # fmt: skip
        reasons = [
            f"{relation} {', '.join(reference.spell(letter) for reference in dict.fromkeys(references))}"
            for relation, references in related.items()
            if references
        ]
        return Link("; ".join([how, *reasons]), tuple(dict.fromkeys([*known, *recorded, *used, *below])), commit)

    def _find_references_of(self, runs: Iterable[Run]) -> list[Reference]:
        """Return the references of some runs, as the log has them."""
        return [reference for run in runs for reference in self._parse(run.ref)]

    @cached_property
    def _hashes(self) -> dict[str, list[tuple[str, int]]]:
        """The words of the log that look like a hash, with their positions, by their first seven digits."""
        words: dict[str, list[tuple[str, int]]] = {}
        for match in _HASH.finditer(self.sources.document.text):
            word = match.group().decode()
            words.setdefault(word[:_PREFIX], []).append((word, match.start()))
        return words

    def _locate(self, at: int) -> Reference | None:
        """Return the step at a position of the log, or else the experiment, or None."""
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
        """Return the link of a line of the log."""
        text = self.sources.document.text
        at = 0
        for _ in range(number - 1):
            at = text.find(b"\n", at) + 1
            if at == 0:
                return []
        reference = self._locate(at)
        return [Link("is the part of the log with this line", (reference,))] if reference is not None else []

    def link_file(self, commits: list[Commit]) -> list[Link]:
        """Return the commits of a file that lead to experiments, newest first; if there are none, the nearest links."""
        links = [link for link in (self._link_commit(commit, "changed it") for commit in commits) if link.references]
        if len(links) > _MOST_LINKS:
            self.remarks.append(
                f"{len(links)} of its {len(commits)} commits belong to experiments; only the newest are shown."
            )
        return links[:_MOST_LINKS] if links or not commits else self.find_links(commits[0], "changed it last")

    def find_near_line(self, name: str | None) -> list[Link]:
        """Return the newest commit of a file that leads to an experiment, as the nearest link of a line."""
        links = (self._link_commit(commit, "changed the file") for commit in self.find_commits(name, MOST_COMMITS))
        return [link._replace(is_near=True) for link in islice((link for link in links if link.references), 1)]

    def find_active(self) -> list[Link]:
        """Return the active step of this clone."""
        active = self._parse(self.log.find_active())
        return [Link("is the active step of this working tree", tuple(active), is_near=True)] if active else []

    def _find_near(self, commit: Commit) -> list[Link]:
        """Return the nearest links of a commit: the commits that it merged, or else the next and the previous one."""
        if len(commit.parents) > 1:
            merged = self._find_naming(commit.hash, f"^{commit.parents[0]}")
            links = [self._link_commit(one, "was merged by it") for one in islice(merged, _MOST_LINKS)]
            if links:
                self.remarks.append(
                    f"{commit.short} is a merge that names no experiment; the commits that it merged do."
                )
                return [link._replace(is_near=True) for link in links]
        after = self._find_naming("--ancestry-path", "--reverse", f"^{commit.hash}", "--branches", "--remotes", "HEAD")
        before = self._find_naming(*commit.parents) if commit.parents else iter(())
        links = [self._link_commit(one, how)._replace(is_near=True) for commits, how in
                 ((after, "is the nearest later commit that names an experiment"),
                  (before, "is the nearest earlier commit that names an experiment"))
                 for one in islice(commits, 1)]  # fmt: skip
        self.remarks.append(
            f"{commit.short} belongs to no known experiment; the nearest commits are shown." if links else
            f"{commit.short} belongs to no known experiment, and no commit before or after it names one."
        )  # fmt: skip
        return links

    def _find_naming(self, *revisions: str) -> Iterator[Commit]:
        """Yield the commits of some revisions that name an experiment of the log, in the order of `git log`."""
        if self.repository is None:
            return
        letter = self.log.config.letter
        for commit in read_commits(
            self.repository, "--ignore-missing", "--fixed-strings", f"--grep=[{letter}", f"--grep={TRAILER}",
            *revisions, "--",
        ):  # fmt: skip
            references = read_references(commit.message.encode(), letter)
            if any(self.sources.find(reference) is not None for reference in references):
                yield commit


def _find_same_content(
    repository: Repository | None, path: Path, name: str | None, outputs: Sequence[tuple[Run, HashedFile]]
) -> list[tuple[Run, HashedFile]]:
    """Return the runs that wrote the content of a file, each with the output, those that wrote it at its path first.

    Of several runs that wrote the same bytes to one path, the newest is the one that the bytes are from.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The file.
        name: Its path, relative to the top of the repository.
        outputs: The outputs of all runs, newest first.
    """
    # A file whose size matches no output is not read, because it may be a large checkpoint.
    if not path.is_file() or path.stat().st_size not in {output.size for _, output in outputs}:
        return []
    content = None
    with suppress(OSError):
        content = hash_file(repository, path)
    # All empty files are the same, so that their content tells nothing.
    same = [
        (run, output) for run, output in outputs if output.sha256 == content and (output.size or output.path == name)
    ]
    first: dict[str, tuple[Run, HashedFile]] = {}
    for run, output in sorted(same, key=lambda pair: pair[1].path != name):
        first.setdefault(run.id, (run, output))
    return [*first.values()]


def _list_commits(run: Run) -> Iterator[tuple[str | None, str]]:
    """Yield the commits of a run, and what they are to it."""
    # A patch without its snapshot: the changes are known to no repository.
    missing = (*(["uncommitted changes"] if run.patch and not run.snapshot else []), *run.missing)
    if missing:
        yield run.code, f"holds its code, except {listed(missing, 3)}"
    else:
        yield run.code, "holds the code that it ran" if run.snapshot else "is the code that it ran"
    if run.kept_code != run.code:
        yield run.kept_code, "brought its code into a branch"
    if run.commit != run.code:
        yield run.commit, "holds its results"
    if not run.is_foreign:
        yield run.kept, "keeps its results, on no branch"
