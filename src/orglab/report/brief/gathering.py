"""Make a brief: what the log, its index, the runs and git have to say, read once."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from orglab.errors import GitError, UsageError
from orglab.experiment.lookup import leave_out_hidden
from orglab.experiment.model import Experiment
from orglab.experiment.states import count_kinds
from orglab.git.worktree import read_branch
from orglab.history.sources import Sources
from orglab.log.log import LogFile
from orglab.log.uncommitted import count_missing, find_uncommitted
from orglab.report.brief.best_values import read_best, read_standstills
from orglab.report.brief.brief import FEWEST_TOKENS, SECTIONS, SHORT_HASH, Brief, Situation
from orglab.report.brief.dead_ends import read_dead_ends, read_failures
from orglab.report.brief.last_verdicts import read_verdicts
from orglab.report.brief.open_work import describe_active, read_open_steps, read_waits
from orglab.report.brief.short_text import shorten
from orglab.runs.unfinished import read_unfinished
from orglab.search.similarity import Map, Progress, TriedExperiment, make_map

_MOST_CONCLUSIONS = 50
"""Of how many of the last conclusions the numbers are compared with the words."""
_SHORTEST, _LONGEST = 28, 160
"""The bytes of a text in a brief of the fewest tokens, and at most."""
_PER_TEXT = 9
_BYTES_PER_LINE = 40
"""No entry takes fewer bytes, so that no more need be read than there may be room for."""


def make_brief(log: LogFile, tokens: int, progress: Progress | None = None) -> Brief:
    """Return a brief of a log; the same log, runs and commit make the same one.

    Args:
        log: The log.
        tokens: How many tokens it may take; see `brief.BYTES_PER_TOKEN`.
        progress: Called with the number of experiments that are read into the index, and their total.

    Raises:
        UsageError: There are fewer tokens than a brief needs.
    """
    if tokens < FEWEST_TOKENS:
        raise UsageError(f"A brief needs at least {FEWEST_TOKENS} tokens, not {tokens}.")
    room = max(_SHORTEST, min(_LONGEST, tokens // _PER_TEXT))
    most = tokens * 3 // _BYTES_PER_LINE
    sources = Sources(log)
    experiments = sources.all_experiments
    overview = make_map(log, progress=progress)
    find = _make_finder(experiments)
    settings = sources.read_log_settings()
    failures, failed = read_failures(settings.settings, overview, most, room)
    active = log.read_active(sources.document)
    shown = leave_out_hidden(sources.document, experiments)
    open_steps, steps = read_open_steps(shown, active.ref if active is not None else None, most, room)
    missing = count_missing(log) if sources.repository is not None else 0
    waits, waiting = read_waits(shown, read_unfinished(log, sources.log_runs), missing, most, room)
    dead_ends, dead = read_dead_ends(overview, most, room)
    concluded = _list_concluded(overview)
    last = [one for number in concluded[:_MOST_CONCLUSIONS] if (one := find(overview.experiments[number])) is not None]
    verdicts, contradictions = read_verdicts(last, sources, room)
    brief = Brief(
        tokens, _read_situation(sources, experiments, room), describe_active(active, room),
        read_best(settings, sources, room), dead_ends, waits, open_steps, verdicts, read_standstills(settings),
        contradictions, failures, {},
    )  # fmt: skip
    totals = {name: len(getattr(brief, name)) for name in SECTIONS}
    totals |= {"dead_ends": dead, "waits": waiting, "open_steps": steps, "verdicts": len(concluded)}
    return brief._replace(totals=totals | {"failures": failed})


def _read_situation(sources: Sources, experiments: Sequence[Experiment], room: int) -> Situation:
    """Return where the reader is."""
    log, repository = sources.log, sources.repository
    counts = count_kinds(one.kind for one in experiments)
    branch = commit = changed = None
    if repository is not None:
        branch = shorten(read_branch(repository), room)
        head = repository.read("rev-parse", "--verify", "--quiet", "HEAD")
        commit = head.decode().strip()[:SHORT_HASH] if head else None
        with suppress(GitError):  # the log is worth a brief even where git does not work
            changed = find_uncommitted(log, repository).others
    conflict = sources.document.conflict_line()
    return Situation(shorten(log.name, room), branch, commit, changed, counts, len(sources.runs), conflict)


def _make_finder(experiments: Sequence[Experiment]) -> Callable[[TriedExperiment], Experiment | None]:
    """Return a function that finds an experiment of the index in the log; of two with one id, that of the same line."""
    by_ref: dict[str, list[Experiment]] = {}
    for one in experiments:
        by_ref.setdefault(one.ref, []).append(one)

    def find(tried: TriedExperiment) -> Experiment | None:
        found = by_ref.get(tried.ref, [])
        return found[0] if len(found) == 1 else next((one for one in found if one.line == tried.line), None)

    return find


def _list_concluded(overview: Map) -> list[int]:
    """Return the experiments with a conclusion that were not dropped, the last one first."""
    numbers = [
        number for number, one in enumerate(overview.experiments)
        if one.is_concluded and one.kind != "dropped"
    ]  # fmt: skip
    return overview.newest_first(numbers)
