"""Citations of the sources of statements, with links to web pages if the remote is a known forge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orglab.experiment.model import Experiment
from orglab.git.commit import Commit
from orglab.git.forge import Forge, find_forge
from orglab.git.remote import find_unpublished, is_changed, remote_url
from orglab.history.sources import PeriodSources
from orglab.report.blocks import Reference, make_anchor
from orglab.runs.record import Run


@dataclass(frozen=True, slots=True)
class Links:
    """The source of citations: they link to the web if the page is known to exist, else to the report's appendix.

    Attributes:
        commits: The known commits, by the hashes in the log and by full hashes.
        lines: The 1-based line in the log of each experiment and step.
        forge: The forge of the repository, or None.
        hidden: The full hashes of commits that the forge does not have.
        head: The full hash of HEAD if the forge has it; else empty.
        log: The path of the log relative to the top of the repository.
        has_lines: Whether the log is unchanged since HEAD, so that line numbers are valid there.
    """

    commits: Mapping[str, Commit] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    forge: Forge | None = None
    hidden: frozenset[str] = frozenset()
    head: str = ""
    log: str = ""
    has_lines: bool = False

    def to(self, ref: str, title: str = "") -> Reference:
        """Return a citation of an experiment or step."""
        url = ""
        if self.forge is not None and self.head and self.log and ref in self.lines:
            url = self.forge.file_url(self.head, self.log, self.lines[ref] if self.has_lines else None)
        kind = "step" if "." in ref else "experiment"
        return Reference(ref, url, make_anchor(ref) if ref in self.lines and not url else "", kind, title)

    def to_commit(self, name: str) -> Reference:
        """Return a citation of a commit, given the hash in the log or the full hash."""
        commit = self.commits.get(name)
        if commit is None:
            return Reference(name[:12], "", "", "commit", "")
        page = self.forge.commit_url(commit.hash) if self.forge and commit.hash not in self.hidden else ""
        return Reference(commit.short, page, "", "commit", commit.subject)

    def to_run(self, run: Run) -> Reference:
        """Return a citation of a run; it links to the commit of its results."""
        page = self.forge.commit_url(run.commit) if self.forge and run.commit and run.commit not in self.hidden else ""
        return Reference(run.id, page, "" if page or not run.ref else make_anchor(run.ref), "run", " ".join(run.argv))


def read_links(experiments: Iterable[Experiment], sources: PeriodSources) -> Links:
    """Return the links for some experiments, with at most five calls to git.

    Raises:
        GitError: git fails.
    """
    lines = {experiment.ref: experiment.line for experiment in experiments}
    lines |= {step.ref: step.line for experiment in experiments for step in experiment.steps}
    commits = {**sources.commits, **sources.recorded}
    repository = sources.repository
    forge = find_forge(remote_url(repository) or "") if repository is not None else None
    if forge is None or repository is None:
        return Links(commits, lines)
    head = sources.head
    results = {run.commit for run in sources.runs if run.commit}
    hidden = find_unpublished(repository, {*sources.commits, *([head] if head else ())})
    # The commit named in a run's record may no longer exist, and then has no page either.
    hidden |= results - set(sources.commits)
    try:
        path = sources.log.path.absolute().resolve().relative_to(repository.top.resolve()).as_posix()
    except ValueError:
        path = ""
    has_lines = bool(path) and head not in hidden and is_changed(repository, path) is False
    return Links(commits, lines, forge, frozenset(hidden), "" if head in hidden else head, path, has_lines)
