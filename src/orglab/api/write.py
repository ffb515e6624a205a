"""The methods of `Log` that write to the log and the journal."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from orglab import clock
from orglab.api.new_ids import IdMethods
from orglab.errors import GitError, NotFoundError, NotWritableError, TriedBeforeError, UnsafeEditError, UsageError
from orglab.experiment.ids import list_ids, list_references, read_aliases, read_shared
from orglab.experiment.lookup import find_all_with_id, find_last_experiment, find_latest, find_section, find_step
from orglab.experiment.model import ID, Experiment, Step
from orglab.experiment.section_text import Note
from orglab.reference import Reference, parse_reference

if TYPE_CHECKING:
    from pathlib import Path

    from orglab.api.concluded_result import Concluded
    from orglab.git.commit_evidence import Evidence
    from orglab.history.sources import Sources
    from orglab.log.known_ids import KnownIds
    from orglab.org.document import Document
    from orglab.org.edit import Edit
    from orglab.org.timestamp import Timestamp
    from orglab.text import Tell

_JOURNAL_HEADER = "#+TITLE: Journal\n"
_HEADINGS, _DATES = 4, 3  # those of an experiment and its parts; of a year, a month and a day


class Completed(NamedTuple):
    """A completed step, and the commits that were recorded for it.

    Attributes:
        step: The step after the change.
        commits: The short hashes that were added to it.
        why: How they were chosen: `given`, `named` (the message names the step), `unnamed` (none does, so there are no
            commits), or `none` (none was wanted).
        uncommitted: If HEAD is among them, the tracked files with uncommitted changes, without the log and the journal.
        evidence: What `find_evidence` found; None if it was not asked, or if there are no commits to find.
        was_done: Whether the step was done before.
    """

    step: Step
    commits: tuple[str, ...]
    why: str
    uncommitted: tuple[str, ...] = ()
    evidence: "Evidence | None" = None
    was_done: bool = False


class WriteMethods(IdMethods):
    """The methods of `Log` that write."""

    def new(
        self,
        title: str,
        *,
        description: str | None = None,
        steps: Iterable[str] = (),
        tags: Iterable[str] = (),
        number: str | None = None,
        note: str | None = None,
        claim: str | None = None,
        below: str | None = None,
        unless: Literal["tried", "open"] | None = None,
    ) -> Experiment:
        """Add an experiment, make it the active one of this clone, and return it.

        Args:
            title: The title, one line.
            description: The question or hypothesis.
            steps: The texts of the steps.
            tags: Tags in addition to those of the settings.
            number: The id; if None, the next number that was never an id in this clone.
            note: A note, such as why the idea is tried again; it gets the time and `author`.
            claim: What is expected in numbers, such as `loss < -0.02` (less than the baseline by more than 0.02).
            below: The title of the heading that it is to be below; if None, it goes to the end of the section that the
                last experiment is in.
            unless: What stops it, even if another process of this clone adds that at the same time: `tried`, an
                experiment that surely tried the idea; `open`, one with the same title that is not done.

        Raises:
            TriedBeforeError: Something stops it, and nothing was written.
            UsageError: The log cannot contain one of the texts, the id is taken, or the claim is not one in numbers.
            NotFoundError: There is no such heading.
        """
        from orglab.experiment import edits
        from orglab.experiment.note_text import format_note_head
        from orglab.runs.step_results import parse_claim
        from orglab.search.similarity import find_stopping

        if claim is not None and parse_claim(claim) is None:
            raise UsageError(f"{claim!r} is no claim in numbers, such as 'loss < 0.3' or 'acc > +0.01' (a difference).")
        texts, names = list(steps), list(tags)
        now, known = clock.now(), self._read_known_ids()
        noted = (format_note_head(now, None, self.author), note) if note else None

        def make_edits(document: "Document") -> "tuple[list[Edit], str]":
            # No other process writes the log meanwhile.
            if unless and (found := find_stopping(self, title, description, texts, is_open=unless == "open")):
                raise TriedBeforeError(found)
            chosen = self._choose_id(document, number, known)
            last = find_last_experiment(document, self.config, self.path)
            return edits.add_experiment(
                document, last, self.config, title, number=chosen, now=now, description=description, steps=texts,
                tags=names, note=noted, properties={"CLAIM": claim} if claim else None,
                below=find_section(document, below) if below else None,
            ), chosen  # fmt: skip

        def verify(before: "Document", after: "Document", chosen: str) -> None:
            new = self.find(after, Reference(chosen))
            kept = new.title == title.strip() and [step.text for step in new.steps] == [text.strip() for text in texts]
            more = len(after) - len(before)
            if not kept or any(step.commits for step in new.steps) or not _HEADINGS <= more <= _HEADINGS + _DATES:
                raise UsageError("Org would read the title or a step as markup; rephrase it.")

        with known.reserve():
            edited = self.edit(make_edits, verify)
            known.remember(edited.before.text, edited.decided)
        experiment = self.find(edited.after, Reference(edited.decided))
        # The experiment is in the log already, so a read-only git directory is no reason to fail.
        with suppress(NotWritableError):
            self.active.set(experiment.ref)
        return experiment

    def _choose_id(self, document: "Document", number: str | None, known: "KnownIds") -> str:
        """Return the id for an experiment: the one that the user chose, or the next free number.

        Raises:
            UsageError: The chosen id is not valid or already taken.
        """
        if not number:
            return str(known.find_next(document.text))
        if not re.fullmatch(ID, number):
            raise UsageError(f"{number!r} is not a valid id; use letters, digits, - and _.")
        try:
            line = self.find(document, Reference(number)).line
        except NotFoundError:
            return number
        raise UsageError(f"The id {number} is already taken (line {line}); choose another, or omit it.")

    def renumber(self, reference: str, number: str | None = None) -> Experiment:
        """Give an experiment another id, keep the old one as an alias, and return it.

        If two experiments have the same id, the one created later is renumbered (`lookup.find_latest`), and its
        own commits and runs stay with it (`history/id_division.py`).

        Args:
            reference: The experiment.
            number: The new id; if None, the next number that was never an id in this clone.

        Raises:
            UsageError: The id is not valid or already taken.
        """
        from orglab.experiment import ids

        parsed, known = _whole(reference), self._read_known_ids()
        own = self._divide_id(parsed)

        def make_edits(document: "Document") -> "tuple[list[Edit], tuple[str, str]]":
            experiment = find_latest(find_all_with_id(document, parsed, self.config, self.path))
            chosen = self._choose_id(document, number, known)
            edits = ids.renumber(experiment.heading, experiment.id, chosen, self.config, self.path.name, own)
            return edits, (experiment.id, chosen)

        def verify(before: "Document", after: "Document", decided: tuple[str, str]) -> None:
            chosen = decided[1]
            if len(after) != len(before) or self.find(after, Reference(chosen)).id != chosen:
                raise UnsafeEditError("Org would not recognize the new id; nothing was written.")

        with known.reserve():
            edited = self.edit(make_edits, verify)
            known.remember(edited.before.text, edited.decided[1])
        old, new = edited.decided
        experiment = self.find(edited.after, Reference(new))
        # If another experiment still has the old id, the active step stays with that one.
        with suppress(UsageError):
            if self.find(edited.after, Reference(old)).id == new:
                self.active.rename(self.config.letter + old, experiment.ref)
        return experiment

    def _divide_id(self, reference: Reference) -> list[str] | None:
        """Return the hashes and runs of the latest experiment with an id; None if no other experiment has that id."""
        from orglab.history.id_division import divide_id
        from orglab.history.sources import Sources

        experiments = find_all_with_id(self.document(), reference, self.config, self.path)
        latest = find_latest(experiments)
        others = [one for one in experiments if one is not latest]
        if not others:
            return None
        try:
            return divide_id(Sources(self), latest, others)
        except GitError:
            return []

    def add_step(self, reference: str, text: str) -> Step:
        """Add a step at the end of an experiment's list, and return it.

        Args:
            reference: The experiment, such as `201`.
            text: What is to be done.

        Raises:
            UsageError: The text cannot be that of a step.
        """
        from orglab.experiment import edits
        from orglab.experiment.consequences import Added

        after, _ = self.edit_experiment(
            _whole(reference), lambda one: (edits.add_step(one, text), None), clock.now(), Added(steps=1, headings=1)
        )
        return after.steps[-1]

    def add_note(self, reference: str, text: str, *, commit: str | None = None, tell: "Tell | None" = None) -> Note:
        """Add a note with the time, a commit if any, and `author`, under a step or under `Notes`, and return it.

        Args:
            reference: The experiment, such as `201`, or the step, such as `201.1`.
            text: The text.
            commit: The revision that the note is about; if None, the newest commit that names the experiment or step.
            tell: Receives a sentence for the user if a commit of code names it that does not count, such as a merge.

        Raises:
            NotFoundError: There is no such experiment, step or commit.
        """
        from orglab.experiment import edits
        from orglab.experiment.consequences import Added
        from orglab.experiment.note_text import format_note_head

        parsed, now = parse_reference(reference), clock.now()
        evidence = self.find_evidence(reference) if commit is None else None
        hashes = self._read_hashes([commit] if commit is not None else [])
        hashes += [one.short for one in evidence.commits] if evidence is not None else []
        head = format_note_head(now, next(iter(hashes), None), self.author)

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            step = None if parsed.step is None else find_step(experiment, parsed)
            return edits.add_note(experiment, step, head, text), None

        after, _ = self.edit_experiment(parsed, make_edits, now, Added(notes=1, headings=1))
        self._keep_commits(hashes)
        if tell is not None and evidence is not None and not hashes:
            reason = evidence.explain_absence(self.spell(reference))
            if reason:
                tell(f"No commit was recorded, because {reason}; --commit REV names one.")
        return (after.notes if parsed.step is None else find_step(after, parsed).notes)[-1]

    def find_evidence(self, reference: str, *, find_all: bool = False) -> "Evidence":
        """Return the commits on HEAD that are evidence for an experiment or a step, newest first; none without git.

        These are the commits that name it and that were neither reverted nor are a revert, a merge, of a failed run, or
        of the log alone.

        Args:
            reference: The experiment, for commits that name it or a step of it; or a step.
            find_all: Whether to find all of them, or only the newest.

        Raises:
            NotFoundError: There is no such experiment or step.
        """
        from orglab.git import is_installed
        from orglab.git.commit_evidence import Evidence, Question, find_evidence

        parsed, experiment = parse_reference(reference), self.experiment(reference)
        if parsed.step is not None:
            find_step(experiment, parsed)
        if self.repository is None or not is_installed():
            return Evidence()

        from orglab.experiment.shared_ids import read_shared_ids

        document = self.document()
        shared = read_shared_ids(document, lambda: self.read_experiments(document))
        former = (*read_aliases(experiment.heading), *read_shared(experiment.heading))
        question = Question(
            list_ids(experiment), former, parsed.step, self.config.letter, self.find_own_paths(self.repository)
        )
        return find_evidence(self.repository, question, shared.resolve, find_all=find_all)

    def _read_hashes(self, revisions: Iterable[str]) -> list[str]:
        """Return the short hashes of revisions, each once.

        Raises:
            NotFoundError: One of them is not a commit.
        """
        chosen = list(revisions)
        if chosen and self.repository is None:
            raise NotFoundError(f"Unknown commit {chosen[0]!r}: {self.path} is not in a git repository.")
        hashes = [self.repository.commit(revision) for revision in chosen] if self.repository else []
        return list(dict.fromkeys(hashes))

    def start(self, reference: str) -> Experiment:
        """Set an experiment in progress, make it or its step the active one of this clone, and return it."""
        from orglab.experiment.consequences import Added
        from orglab.experiment.edits import start_experiment

        parsed, now = parse_reference(reference), clock.now()

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            if parsed.step is not None:
                find_step(experiment, parsed)
            return start_experiment(experiment, now), None

        experiment, _ = self.edit_experiment(parsed, make_edits, now, Added(logged=1))
        # The state is in the log already; the caller can compare `find_active`.
        with suppress(NotWritableError):
            self.active.set(experiment.ref if parsed.step is None else f"{experiment.ref}.{parsed.step}")
        return experiment

    def clear_active(self) -> None:
        """Clear the active experiment or step of this clone."""
        self.active.set(None)

    def complete_step(
        self,
        reference: str,
        commits: Iterable[str] | None = None,
        *,
        all_commits: bool = False,
        all_checkboxes: bool = False,
    ) -> Completed:
        """Tick a step, record the commits that hold its results, and return it; its experiment is active if it was.

        Args:
            reference: The step, such as `201.1`.
            commits: Revisions to record; none if empty.  If None, the newest commit whose message names the step.
            all_commits: Whether to record all commits that name it rather than the newest, oldest first.
            all_checkboxes: Whether to tick the open checkboxes below the step too.

        Raises:
            NotFoundError: There is no such step or commit.
            UsageError: There are open checkboxes below the step.
            GitError: git cannot read the repository.
        """
        from orglab.experiment import edits
        from orglab.git import is_installed

        parsed = parse_reference(reference)
        evidence = None
        if commits is not None:
            hashes = self._read_hashes(commits)
            why = "given" if hashes else "none"
        else:
            evidence = self.find_evidence(reference, find_all=all_commits)
            hashes = [one.short for one in reversed(evidence.commits)]
            # `head` raises an error if git cannot read the repository.
            if not hashes and (self.repository is None or not is_installed() or self.repository.head() is None):
                evidence = None
            why = "named" if hashes else "unnamed" if self.repository is not None else "none"

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], bool]":
            before = find_step(experiment, parsed)
            ticked = edits.tick_step(experiment, before, hashes, all_checkboxes=all_checkboxes)
            return ticked, before.state == "done"

        after, was_done = self.edit_experiment(parsed, make_edits, clock.now())
        step = find_step(after, parsed)
        self.active.clear(*list_references(after, step), instead=None if after.is_done else after.ref)
        self._keep_commits(hashes)
        self.keep_text(at_once=True)
        return Completed(step, tuple(hashes), why, self._changed_since(hashes), evidence, was_done)

    def _changed_since(self, hashes: list[str]) -> tuple[str, ...]:
        """Return the uncommitted files, without the log and the journal; none if HEAD is not one of the commits."""
        if not hashes or self.repository is None or self.repository.head() not in hashes:
            return ()
        from orglab.git.files import find_changed_files

        own = self.find_own_paths(self.repository)
        return tuple(name for name in find_changed_files(self.repository) if name not in own)

    def _keep_commits(self, commits: Collection[str]) -> None:
        """Have git keep recorded commits after they are rewritten, if the git directory can be written."""
        if self.repository is not None and commits:
            from orglab.git.keep_refs import keep_commits

            with suppress(GitError):
                keep_commits(self.repository, commits)

    def reopen_step(self, reference: str) -> Step:
        """Reopen a step and the checkboxes below it, and return it; its commits are kept."""
        from orglab.experiment import edits

        parsed = parse_reference(reference)
        after, _ = self.edit_experiment(
            parsed, lambda one: (edits.open_step(one, find_step(one, parsed)), None), clock.now()
        )
        return find_step(after, parsed)

    def conclude(
        self,
        reference: str,
        text: str,
        *,
        verdict: str | None = None,
        keyword: str | None = None,
        why: str | None = None,
    ) -> "Concluded":
        """Write an experiment's conclusion, close the experiment, and return it with where its result stands.

        Earlier conclusions are kept before it, each with its time, its verdict and its author.

        Args:
            reference: The experiment, such as `201`.
            text: The conclusion. If it is empty, only the verdict is written.
            verdict: `supported`, `refuted`, `inconclusive`, or one of the setting `verdicts`.
            keyword: The new state; if None, the done keyword.
            why: Why the verdict stands although the runs contradict it; written as a note if they do.

        Raises:
            UsageError: The verdict or the keyword is unknown, the keyword is not a done one, or the runs contradict the
                verdict, unless `anyway` is True and `why` is given.
        """
        from orglab.api.concluded_result import Concluded, find_concluded_result, find_contradiction
        from orglab.experiment import edits
        from orglab.experiment.consequences import Added
        from orglab.experiment.note_text import format_note_head

        parsed, word, now = _whole(reference), self._check_verdict(verdict), clock.now()
        sources = self._find_sources()
        before = self.find(self.document(), parsed)
        contradiction = find_contradiction(sources, before, text, word) if sources is not None else None
        note = self._explain_contradiction(contradiction, why) if contradiction is not None else None

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            settings = experiment.heading.document.settings
            if keyword is not None and not settings.is_done(keyword):
                raise UsageError(
                    f"{keyword} does not close an experiment; use one of the log's done states: "
                    f"{', '.join(settings.done_names)}."
                )
            earlier = self._find_conclusion_day(experiment)
            made = edits.conclude(experiment, text, word, keyword, now, earlier, author=self.author)
            if note is not None:
                made = edits.also_note(experiment, made, format_note_head(now, None, self.author), note)
            return made, None

        added = Added(headings=2, logged=1, notes=1) if note is not None else Added(headings=1, logged=1)
        experiment, _ = self.edit_experiment(parsed, make_edits, now, added)
        self.active.clear(*list_references(experiment))
        self.keep_text(at_once=True)
        result = find_concluded_result(sources, experiment) if sources is not None else None
        return Concluded(experiment, result, contradiction)

    def _check_verdict(self, verdict: str | None) -> str | None:
        """Return a verdict as the settings spell it; None for none.

        Raises:
            UsageError: It is unknown.
        """
        from orglab.experiment.escape import check_one_line

        if not verdict:
            return None
        known = next((word for word in self.verdicts if word.casefold() == verdict.casefold()), None)
        if known is None:
            near = self.find_near_verdict(verdict)
            hint = f"Did you mean {near}?" if near else f"Use {', '.join(self.verdicts)}."
            raise UsageError(f"Unknown verdict {verdict!r}. {hint} Other words go into the setting `verdicts`.")
        return check_one_line(known, "A verdict")

    def _find_sources(self) -> "Sources | None":
        """Return the log with its runs; None without any, as loading the modules takes longer than all the rest."""
        from orglab.runs.storage import RUNS, list_entries

        if not list_entries(self.top, RUNS):
            return None
        from orglab.history.sources import Sources

        return Sources(self)

    def _explain_contradiction(self, contradiction: str, why: str | None) -> str:
        """Return the note that explains a verdict which the runs contradict.

        Raises:
            UsageError: `anyway` is False, or there is no reason.
        """
        reason = (why or "").strip()
        sentence = f"{contradiction[0].upper()}{contradiction[1:]}."
        if not self.anyway or not reason:
            raise UsageError(f"{sentence} Nothing was written; give another verdict, or keep it with --anyway -m WHY.")
        return f"{sentence} {reason}"

    def confirm(self, reference: str) -> Experiment:
        """Record that a person confirmed the conclusion of an experiment, and return it.

        Raises:
            UsageError: This log has an `author`, so that no person confirms it; there is no conclusion, or a person
                wrote it.
        """
        from orglab.experiment import edits

        if self.author is not None:
            raise UsageError(f"Only a person confirms a conclusion, without --as and ORGLAB_AUTHOR ({self.author}).")
        now = clock.now()
        return self.edit_experiment(_whole(reference), lambda one: (edits.confirm(one, now), None), now)[0]

    def _find_conclusion_day(self, experiment: Experiment) -> "Timestamp | None":
        """Return the day on which the only conclusion of an experiment was committed, if the log has no time of it."""
        entries = experiment.conclusion.entries
        if self.repository is None or len(entries) != 1 or entries[0].at is not None or not experiment.is_done:
            return None
        from orglab.log.text_history import find_state_changes
        from orglab.org.timestamp import Timestamp

        with suppress(GitError):
            change = find_state_changes(self, [experiment]).get(experiment.ref)
            return None if change is None else Timestamp(change.commit.when, has_time=False)
        return None

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The words that a verdict may be."""
        return self.config.all_verdicts

    def find_near_verdict(self, word: str) -> str | None:
        """Return the verdict that a misspelled word probably means; None if it is one, or like none."""
        from orglab.experiment.states import find_near_verdict

        return find_near_verdict(word, self.verdicts)

    def set_state(self, reference: str, keyword: str, note: str | None = None) -> Experiment:
        """Set an experiment's state, log the change as the file asks, with `note` if given, and return the experiment.

        Raises:
            UsageError: The log has no such keyword.
        """
        from orglab.experiment.consequences import Added, change_state

        now = clock.now()

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            return change_state(experiment.heading, keyword, now, note, always_note=True), None

        experiment = self.edit_experiment(_whole(reference), make_edits, now, Added(logged=1))[0]
        if experiment.is_done:
            self.active.clear(*list_references(experiment))
        return experiment

    def add_journal_entry(self, text: str, reference: str | None = None) -> "Path":
        """Add an entry under today's date to the journal, which is created if missing, and return its path.

        Args:
            text: The entry; its first line is the title.
            reference: The experiment to link to.

        Raises:
            NotWritableError: It cannot be written, or a link that git tracks leads out of the repository.
        """
        from orglab.experiment import edits
        from orglab.git.inside import require_inside
        from orglab.log import file

        link = tag = None
        if reference is not None:
            experiment = self.experiment(reference)
            link = f"[[file:{self.path.name}::#{experiment.id}][{experiment.id}]]"
            tag = experiment.id.replace("-", "_")
        require_inside(self.repository, self.journal)
        if not self.journal.exists():
            self._restore_journal()
        if not self.journal.exists():
            file.create(self.journal, _JOURNAL_HEADER.encode())
        now = clock.now()
        self.edit(
            lambda document: (edits.add_journal_entry(document, now, link, tag, text, self.author), None),
            _verify_journal,
            self.journal,
        )
        return self.journal

    def _restore_journal(self) -> None:
        """Put the journal of a log that is kept apart back, if it was removed."""
        if self.is_apart and self.repository is not None:
            from orglab.log.apart import restore_missing

            with suppress(GitError):
                restore_missing(self.repository)


def _verify_journal(before: "Document", after: "Document", _: None) -> None:
    """Raise an error unless the only new headings are the entry and its day, month and year."""
    if not 1 <= len(after) - len(before) <= _DATES + 1:
        raise UnsafeEditError("The entry would change the outline of the journal; nothing was written.")


def _whole(reference: str) -> Reference:
    """Return the parsed reference of an experiment.

    Raises:
        UsageError: It is the reference of a step.
    """
    parsed = parse_reference(reference)
    if parsed.step is not None:
        raise UsageError(f"{reference} is a step; name its experiment, {parsed.id}.")
    return parsed
