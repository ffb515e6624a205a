"""The time line of experiments: all that happened to them, from every source that knows."""

from collections.abc import Iterable

from orglab.errors import OrglabError
from orglab.events import Event, commit_events, in_order, journal_events, log_events, run_events, when_done
from orglab.finding import find_experiment, find_step
from orglab.git import is_installed
from orglab.git.commit import Commit, read_commits
from orglab.git.files import Blamed, blame, content_at, path_in
from orglab.history import History
from orglab.log import Log
from orglab.model import Experiment, Step
from orglab.org.document import Document
from orglab.org.source import encode
from orglab.reference import Reference

# How often a step is followed to the version before, where a line that was ticked already was changed.
_ROUNDS = 20
# How many bytes of the log's versions `git blame` may have to compare: some seconds.
_BLAMED_BYTES = 4 << 30


def read_events(history: History, experiments: Iterable[Experiment]) -> list[Event]:
    """Return all that happened to some experiments, the oldest first, and what is of an unknown time last.

    Raises:
        GitError: git refuses.
    """
    found = list(experiments)
    letter = history.log.config.letter
    commits = history.named(name for one in found for step in one.steps for name in step.commits)
    ticked = _ticked(history.log, found, commits)
    events: list[Event] = []
    for one in found:
        events += log_events(one, commits, ticked)
        mentions = history.mentions_with(one.id) if len(found) == 1 else history.mentions_of(one)
        # Of one second, the older first.
        events += commit_events(one.ref, letter, (mention.commit for mention in reversed(mentions)))
        events += run_events(one.ref, history.runs)
        events += journal_events(one.ref, letter, history.entries)
    return in_order(events)


def _ticked(log: Log, experiments: list[Experiment], commits: dict[str, Commit]) -> dict[str, Commit]:
    """Return the commit of the log that first ticked each step of which nothing else says when it was done."""
    wanted = {}
    for experiment in experiments:
        for step in experiment.steps:
            done = when_done(step, commits)
            if done is not None and done.source == "unknown":
                wanted[step.ref] = (experiment, step)
    return first_ticked(log, wanted) if wanted else {}


def first_ticked(log: Log, steps: dict[str, tuple[Experiment, Step]]) -> dict[str, Commit]:
    """Return the commit of the log in which the box of each step was first ticked, by the step's reference.

    The step's line is blamed, all lines by one git; where it was ticked in the version before already (its words were
    changed, or a step was put before it) it is followed there.  What was ticked and is not committed has none.

    Args:
        log: The log.
        steps: Experiment and step by the step's reference, as they stand in the log's file.
    """
    repository = log.repository
    path = path_in(repository, log.path) if repository is not None and is_installed() else None
    if repository is None or path is None or not _can_be_blamed(log, path):
        return {}
    found: dict[str, str] = {}
    pending = {("", path): {step.line: ref for ref, (_, step) in steps.items()}}
    for _ in range(_ROUNDS):
        following: dict[tuple[str, str], dict[int, str]] = {}
        for (revision, name), lines in pending.items():
            for blamed in blame(repository, name, lines, revision or None):
                ref = lines[blamed.line]
                if blamed.commit is None:
                    continue
                found[ref] = blamed.commit
                if blamed.before is not None and (line := _ticked_before(log, *steps[ref], blamed)):
                    following.setdefault(blamed.before, {})[line] = ref
        pending = following
        if not pending:
            break
    known = {
        one.hash: one for one in read_commits(repository, "--no-walk=unsorted", *sorted(set(found.values())), "--")
    }
    return {ref: known[commit] for ref, commit in found.items() if commit in known}


def _can_be_blamed(log: Log, path: str) -> bool:
    """Return whether all versions of the log can be compared in some seconds."""
    repository = log.repository
    size = log.path.stat().st_size
    if repository is None or size <= 1 << 20:
        return True
    count = repository.read("rev-list", "--count", "HEAD", "--", f":(top,literal){path}") or b"0"
    return int(count) * size <= _BLAMED_BYTES


def _ticked_before(log: Log, experiment: Experiment, step: Step, blamed: Blamed) -> int | None:
    """Return the line of a step in the version before a commit, if its box was ticked there already."""
    if log.repository is None or blamed.before is None:
        return None
    content = content_at(log.repository, *blamed.before)
    # Most logs are not parsed to say that it was not.
    if content is None or encode(f":{log.config.tag}:") not in content or not (b"[X]" in content or b"[x]" in content):
        return None
    document = Document(content, log.config.keywords)
    try:
        then = find_experiment(document, Reference(experiment.id), log.config, log.path)
        same = [one for one in then.steps if one.text == step.text]
        before = same[0] if same else find_step(then, Reference(experiment.id, step.number))
    except OrglabError:
        return None
    return before.line if before.state == "done" else None
