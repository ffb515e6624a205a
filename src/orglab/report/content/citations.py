"""Citations: where a statement comes from, with the address of a web page where the remote is a known forge."""

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
    """Makes citations: they lead to the web where it is known what is there, else to the report's own appendix.

    Attributes:
        commits: The commits that are known, by the hashes that the log writes and by full ones.
        lines: The 1-based line in the log of each experiment and step.
        forge: Where the repository is on the web, or None.
        hidden: Full hashes of commits that the forge does not have.
        head: The full hash of HEAD, if the forge has it; else empty.
        log: The log's path from the top of the repository.
        has_lines: Whether the log's lines are still those of HEAD.
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
        """Return a citation of a commit, by the hash that the log writes or by a full one."""
        commit = self.commits.get(name)
        if commit is None:
            return Reference(name[:12], "", "", "commit", "")
        page = self.forge.commit_url(commit.hash) if self.forge and commit.hash not in self.hidden else ""
        return Reference(commit.short, page, "", "commit", commit.subject)

    def to_run(self, run: Run) -> Reference:
        """Return a citation of a run; its page is that of the commit of its results."""
        page = self.forge.commit_url(run.commit) if self.forge and run.commit and run.commit not in self.hidden else ""
        return Reference(run.id, page, "" if page or not run.ref else make_anchor(run.ref), "run", " ".join(run.argv))


def read_links(experiments: Iterable[Experiment], sources: PeriodSources) -> Links:
    """Return what makes citations; git is asked five times at most.

    Raises:
        GitError: git refuses.
    """
    lines = {one.ref: one.line for one in experiments}
    lines |= {step.ref: step.line for one in experiments for step in one.steps}
    commits = {**sources.commits, **sources.recorded}
    repository = sources.repository
    forge = find_forge(remote_url(repository) or "") if repository is not None else None
    if forge is None or repository is None:
        return Links(commits, lines)
    head = sources.head
    results = {run.commit for run in sources.runs if run.commit}
    hidden = find_unpublished(repository, {*sources.commits, *([head] if head else ())})
    # What a run's record names may be gone; then there is no page of it either.
    hidden |= results - set(sources.commits)
    try:
        path = sources.log.path.absolute().resolve().relative_to(repository.top.resolve()).as_posix()
    except ValueError:
        path = ""
    has_lines = bool(path) and head not in hidden and not is_changed(repository, path)
    return Links(commits, lines, forge, frozenset(hidden), "" if head in hidden else head, path, has_lines)
