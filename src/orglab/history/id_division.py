"""Which commits and runs belong to which of two experiments with one id, as after a merge of two branches or clones.

A run belongs to the experiment that has a note on it.  A commit belongs to the experiment that records it or whose run
made it; else to the one on whose branch it is, which is known by those commits and by the commit that added the
experiment to the log; else to the one whose first commit has the same author.  What was made before an experiment was
written down is not its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from orglab.errors import UsageError
from orglab.experiment.model import Experiment
from orglab.experiment.note_text import RUN_MARK
from orglab.experiment.recorded_commits import find_recorded_hashes
from orglab.git.commit import Commit
from orglab.git.files import blame, path_in
from orglab.git.log_branch import LOG_BRANCH
from orglab.git.mentions import read_tips, revision_lines
from orglab.history.sources import Sources
from orglab.org.source import decode
from orglab.reference import parse_reference
from orglab.runs.log_runs import describes
from orglab.runs.record import Run

_MINE, _OTHER = 1, 2
_STAMP = re.compile(rb"[ \t]*\[\d{4}-\d\d-\d\d[^\n]*")


def divide_id(sources: Sources, mine: Experiment, others: Sequence[Experiment]) -> list[str]:
    """Return the short hashes of the commits and the ids of the runs of one of several experiments with its id.

    Args:
        sources: The sources of the log.
        mine: The experiment.
        others: The other ones.

    Raises:
        GitError: git fails.
    """
    mentions = [mention for mention in sources.mentions if any(named.id == mine.id for named in mention.references)]
    commits = [mention.commit for mention in reversed(mentions)]
    runs = [run for run in sources.runs if (run.ref or "").partition(".")[0] == mine.ref]
    sides = _Sides(sources, {_MINE: [mine], _OTHER: others}, commits, runs)
    # The record of a run that has a note may not have been fetched yet.
    own_runs = sides.noted[_MINE] | {run.id for run in runs if sides.find_of_run(run) == _MINE}
    return [*(commit.short for commit in commits if sides.find_of_commit(commit) == _MINE), *sorted(own_runs)]


class _Sides:
    """The sides of a division, as bits: `_MINE` and `_OTHER`.

    Attributes:
        noted: The ids of the runs that the experiments of each side have notes on.
    """

    def __init__(
        self,
        sources: Sources,
        sides: Mapping[int, Sequence[Experiment]],
        commits: Iterable[Commit],
        runs: Iterable[Run],
    ) -> None:
        """Take the experiments of each side, and the commits and runs that name their id."""
        self._sources = sources
        self._sides = sides
        self._named = {commit.hash: commit for commit in commits}
        self._texts = {side: b"".join(_read_text(one) for one in experiments) for side, experiments in sides.items()}
        self.noted = {side: {decode(name) for name in RUN_MARK.findall(text)} for side, text in self._texts.items()}
        self._runs = {run.id: side for run in runs for side in sides if run.id in self.noted[side]}
        self._writers = {side: {_read_writer(run) for run in runs if self._runs.get(run.id) == side} for side in sides}
        self._anchors = self._find_anchors(list(runs))

    def find_of_run(self, run: Run) -> int:
        """Return the side of a run."""
        if run.id in self._runs:
            return self._runs[run.id]
        fits = {
            side: max((_measure_fit(run, one) for one in experiments), default=0)
            for side, experiments in self._sides.items()
        }
        best = [side for side, fit in fits.items() if fit == max(fits.values())]
        if len(best) == 1:
            return best[0]
        for name in (run.commit, run.before):
            if (commit := self._named.get(name or "")) is not None:
                return self.find_of_commit(commit)
        wrote = [side for side, writers in self._writers.items() if _read_writer(run) in writers]
        return wrote[0] if len(wrote) == 1 else _OTHER

    def find_of_commit(self, commit: Commit) -> int:
        """Return the side of a commit that names the id."""
        related = self._related.get(commit.hash, 0)
        if related in self._sides:
            return related
        wrote = [side for side, births in self._births.items() if any(one.email == commit.email for one in births)]
        if len(wrote) == 1:
            return wrote[0]
        created = [one.created.when for one in self._sides[_MINE] if one.created is not None]
        if created and commit.when_there < min(created):
            return _OTHER
        return self._along.get(commit.hash, _OTHER)

    @cached_property
    def _births(self) -> dict[int, list[Commit]]:
        """The commits that added the headings of each side to the log."""
        log, repository = self._sources.log, self._sources.repository
        path = path_in(repository, log.path) if repository is not None else None
        births: dict[int, list[Commit]] = {side: [] for side in self._sides}
        if repository is None or path is None:
            return births
        revision = None
        if not repository.read("ls-files", "--", f":(top,literal){path}"):
            tip = (repository.read("rev-parse", "--verify", "--quiet", f"refs/heads/{LOG_BRANCH}") or b"").strip()
            revision = tip.decode() or None
        for side, experiments in self._sides.items():
            for experiment in experiments:
                blamed = blame(repository, path, _find_first_lines(experiment), revision)
                found = self._sources.find_named(line.commit for line in blamed if line.commit is not None)
                # A later commit may have changed one of the lines.
                births[side] += sorted(found.values(), key=lambda one: one.authored)[:1]
        return births

    def _find_anchors(self, runs: list[Run]) -> dict[str, int]:
        """Return the commits whose side is certain."""
        anchors: dict[str, int] = {}
        for side, text in self._texts.items():
            recorded = [name for hashes in find_recorded_hashes(text) for name in hashes]
            certain = {one.hash for one in self._births[side]}
            certain |= {full for full in self._named if any(full.startswith(name) for name in recorded)}
            for run in runs:
                if self._runs.get(run.id) == side:
                    certain |= {run.commit or "", run.before or ""} & self._named.keys()
            for name in certain:
                anchors[name] = anchors.get(name, 0) | side
        return {name: side for name, side in anchors.items() if side in self._sides}

    @cached_property
    def _parents(self) -> list[list[str]]:
        """Each commit that branches reach, before its parents."""
        repository = self._sources.repository
        if repository is None:
            return []
        tips = revision_lines(read_tips(repository).commits)
        listed = repository.query("rev-list", "--topo-order", "--parents", "--ignore-missing", "--stdin", stdin=tips)
        return [line.split() for line in listed.decode().splitlines()]

    @cached_property
    def _related(self) -> dict[str, int]:
        """The sides of the anchors that are ancestors or descendants of each commit, or the commit itself."""
        below: dict[str, int] = {}
        for name, *parents in reversed(self._parents):
            below[name] = self._anchors.get(name, 0)
            for parent in parents:
                below[name] |= below.get(parent, 0)
        above = dict.fromkeys(below, 0)
        for name, *parents in self._parents:
            above[name] |= self._anchors.get(name, 0)
            for parent in parents:
                above[parent] = above.get(parent, 0) | above[name]
        related = {name: below[name] | above[name] for name in below}
        return related | self._anchors

    @cached_property
    def _along(self) -> dict[str, int]:
        """The side of the nearest anchor along first parents, for the commits that have one."""
        along: dict[str, int] = {}
        for name, *parents in reversed(self._parents):
            side = self._anchors.get(name) or (along.get(parents[0]) if parents else None)
            if side:
                along[name] = side
        return along


def _read_writer(run: Run) -> str | None:
    """Return the name of the clone that published a run, or None."""
    writer = run.fields.get("writer")
    return writer if isinstance(writer, str) else None


def _measure_fit(run: Run, experiment: Experiment) -> int:
    """Return how well an experiment fits the record of a run: 0 if that has another title, or a step that it lacks."""
    step = None
    with suppress(UsageError):
        step = parse_reference(run.ref or "").step
    if not describes(run, experiment) or (step is not None and all(one.number != step for one in experiment.steps)):
        return 0
    own = run.fields.get("experiment")
    return 2 if isinstance(own, dict) and own.get("title") == experiment.title else 1


def _read_text(experiment: Experiment) -> bytes:
    """Return the text of an experiment."""
    return bytes(experiment.document.text[experiment.begin : experiment.end])


def _find_first_lines(experiment: Experiment) -> set[int]:
    """Return the numbers of the lines with the title and the creation time; others are alike in all experiments."""
    lines = _read_text(experiment).split(b"\n")
    stamps = (number for number, line in enumerate(lines) if _STAMP.fullmatch(line.rstrip(b"\r")))
    return {experiment.line, experiment.line + next(stamps, 0)}
