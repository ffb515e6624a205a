"""The methods that write into the log and the journal."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from orglab import clock
from orglab.errors import GitError, NotFoundError, NotWritableError, UnsafeEditError, UsageError
from orglab.experiment.ids import list_ids, list_references
from orglab.experiment.lookup import find_last_experiment, find_last_with_id, find_step
from orglab.experiment.model import ID, Experiment, Note, Step
from orglab.log.log import LogFile
from orglab.reference import Reference, parse_reference

if TYPE_CHECKING:
    from pathlib import Path

    from orglab.org.document import Document
    from orglab.org.edit import Edit

_JOURNAL_HEADER = "#+TITLE: Journal\n"
_NEW_HEADINGS = 4


class Completed(NamedTuple):
    """A step that was done, and which commits were recorded, and why those.

    Attributes:
        step: The step as it stands now.
        commits: The short hashes that were added to it.
        why: `given`, `named` (its message names the step), `head`, or `none`.
        uncommitted: If one of them is HEAD, the tracked files that are not as they are there, but for log and journal.
    """

    step: Step
    commits: tuple[str, ...]
    why: str
    uncommitted: tuple[str, ...] = ()


class WriteMethods(LogFile):
    """The methods of `Log` that write."""

    def new(
        self,
        title: str,
        *,
        description: str | None = None,
        steps: Iterable[str] = (),
        tags: Iterable[str] = (),
        number: str | None = None,
    ) -> Experiment:
        """Add an experiment at the end of the log, make it the active one of this clone, and return it.

        Args:
            title: Its title, one line.
            description: What it is to find out.
            steps: The texts of its steps.
            tags: Tags beside those of the settings.
            number: Its id; the next whole number over the log and all branches if None.

        Raises:
            UsageError: A text cannot stand in the log, or the id is taken.
        """
        from orglab.experiment import edits

        texts, names = list(steps), list(tags)
        now, elsewhere = clock.now(), self.numbers_on_branches()

        def make_edits(document: "Document") -> "tuple[list[Edit], str]":
            chosen = self._choose_id(document, number, elsewhere)
            last = find_last_experiment(document, self.config, self.path)
            return edits.add_experiment(
                document, last, self.config, title, number=chosen, now=now, description=description, steps=texts,
                tags=names,
            ), chosen  # fmt: skip

        def verify(before: "Document", after: "Document", chosen: str) -> None:
            new = self.find(after, Reference(chosen))
            kept = new.title == title.strip() and [step.text for step in new.steps] == [text.strip() for text in texts]
            if not kept or any(step.commits for step in new.steps) or len(after) != len(before) + _NEW_HEADINGS:
                raise UsageError("Org would read the title or a step as something else; word it differently.")

        done = self.edit(make_edits, verify)
        experiment = self.find(done.after, Reference(done.decided))
        # The log has the experiment already; where that cannot be kept, the active one stays what it was.
        with suppress(NotWritableError):
            self.active.set(experiment.ref)
        return experiment

    def _choose_id(self, document: "Document", number: str | None, elsewhere: Collection[int]) -> str:
        """Return the id for a new experiment: the one that the user chose, if it is free, else the next number."""
        from orglab.experiment import ids

        if not number:
            return str(ids.next_number(document.text, elsewhere))
        if not re.fullmatch(ID, number):
            raise UsageError(f"{number!r} is no id: letters, digits, - and _ make one.")
        try:
            line = self.find(document, Reference(number)).line
        except NotFoundError:
            return number
        raise UsageError(f"The id {number} is taken (line {line}); without --id a free one is found.")

    def renumber(self, reference: str, number: str | None = None) -> Experiment:
        """Give an experiment another id, keep the old one as an alias, and return it.

        Of two experiments with one id the one that stands further down is meant.

        Args:
            reference: The experiment.
            number: Its new id; the next whole number over the log and all branches if None.

        Raises:
            UsageError: The id is taken, or none.
        """
        from orglab.experiment import ids

        parsed, elsewhere = _whole(reference), self.numbers_on_branches()

        def make_edits(document: "Document") -> "tuple[list[Edit], tuple[str, str]]":
            found = find_last_with_id(document, parsed, self.config, self.path)
            chosen = self._choose_id(document, number, elsewhere)
            return ids.renumber(found.heading, found.id, chosen, self.config, self.path.name), (found.id, chosen)

        def verify(before: "Document", after: "Document", decided: tuple[str, str]) -> None:
            chosen = decided[1]
            if len(after) != len(before) or self.find(after, Reference(chosen)).id != chosen:
                raise UnsafeEditError("The new id would not be read as one; nothing was written.")

        done = self.edit(make_edits, verify)
        old, new = done.decided
        experiment = self.find(done.after, Reference(new))
        # Unless another one has the old id still: then nobody knows which is meant.
        with suppress(UsageError):
            if self.find(done.after, Reference(old)).id == new:
                self.active.rename(self.config.letter + old, experiment.ref)
        return experiment

    def add_step(self, reference: str, text: str) -> Step:
        """Write a step at the end of an experiment's list and return it.

        Raises:
            UsageError: The text cannot be that of a step.
        """
        from orglab.experiment import edits
        from orglab.experiment.consequences import Added

        after, _ = self.edit_experiment(
            _whole(reference), lambda one: (edits.add_step(one, text), None), clock.now(), Added(steps=1, headings=1)
        )
        return after.steps[-1]

    def add_note(self, reference: str, text: str) -> Note:
        """Write a note with the time, and the commit if HEAD is one, under a step or under `Notes`; return it."""
        from orglab.experiment import edits
        from orglab.experiment.consequences import Added
        from orglab.org.timestamp import format_inactive

        parsed, now, commit = parse_reference(reference), clock.now(), self._head()
        head = format_inactive(now).decode() + (f" ({commit})" if commit else "")

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            step = None if parsed.step is None else find_step(experiment, parsed)
            return edits.add_note(experiment, step, head, text), None

        after, _ = self.edit_experiment(parsed, make_edits, now, Added(notes=1, headings=1))
        self._keep_commits([commit] if commit else [])
        return (after.notes if parsed.step is None else find_step(after, parsed).notes)[-1]

    def _head(self) -> str | None:
        """Return the short hash of HEAD; None before the first commit, without git, and where git refuses."""
        try:
            return self.repository.head() if self.repository is not None else None
        except GitError:
            return None

    def start(self, reference: str) -> Experiment:
        """Set the experiment to be in progress, and it, or its step, to be the active one of this clone."""
        from orglab.experiment.consequences import Added, change_state
        from orglab.experiment.states import get_state_kind, in_progress_keyword

        parsed, now = parse_reference(reference), clock.now()

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            if parsed.step is not None:
                find_step(experiment, parsed)
            settings = experiment.document.settings
            state = in_progress_keyword(settings, experiment.state)
            if state is None or get_state_kind(experiment.state, settings) == "doing":
                return [], None
            return change_state(experiment.heading, state, now), None

        experiment, _ = self.edit_experiment(parsed, make_edits, now, Added(logged=1))
        # The state is in the log already; `active` tells whoever wants to know.
        with suppress(NotWritableError):
            self.active.set(experiment.ref if parsed.step is None else f"{experiment.ref}.{parsed.step}")
        return experiment

    def clear_active(self) -> None:
        """Have no active step in this clone any more."""
        self.active.set(None)

    def complete_step(
        self,
        reference: str,
        commits: Iterable[str] | None = None,
        *,
        all_commits: bool = False,
        all_boxes: bool = False,
    ) -> Completed:
        """Tick a step, with the commit that has its results, and return it.

        Args:
            reference: The step.
            commits: Revisions that git knows; none if empty.  If None, the newest
                commit on HEAD whose message names the step, else HEAD.
            all_commits: Whether, if that is None, it is every commit that names the step, the oldest first.
            all_boxes: Whether open boxes below the step are ticked too.

        Raises:
            NotFoundError: There is no such step or commit.
            UsageError: The step has open boxes of its own.
        """
        from orglab.experiment import edits

        parsed = parse_reference(reference)
        hashes, why = self._find_commits(reference, commits, all_commits=all_commits)

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            return edits.tick_step(experiment, find_step(experiment, parsed), hashes, all_boxes=all_boxes), None

        after, _ = self.edit_experiment(parsed, make_edits, clock.now())
        step = find_step(after, parsed)
        self.active.clear(*list_references(after, step))
        self._keep_commits(hashes)
        return Completed(step, tuple(hashes), why, self._changed_since(hashes))

    def _find_commits(
        self, reference: str, revisions: Iterable[str] | None, *, all_commits: bool
    ) -> tuple[list[str], str]:
        """Return the short hashes to record for a step, and why those.

        Raises:
            NotFoundError: There is no such step or commit.
        """
        from orglab.git import is_installed

        if revisions is not None:
            chosen = list(revisions)
            if chosen and self.repository is None:
                raise NotFoundError(f"There is no commit {chosen[0]!r}: {self.path} is not in a git repository.")
            hashes = [self.repository.commit(revision) for revision in chosen] if self.repository else []
            return list(dict.fromkeys(hashes)), "given" if hashes else "none"
        if self.repository is None or not is_installed():
            return [], "none"
        from orglab.git.mentions import find_mentions

        experiment = self.experiment(reference)
        step = find_step(experiment, parse_reference(reference))
        names = [Reference(name, step.number) for name in list_ids(experiment)]
        found = find_mentions(self.repository, names, self.config.letter)
        if named := [one.commit.short for one in islice(found, None if all_commits else 1)]:
            return named[::-1], "named"
        head = self.repository.head()
        return ([head], "head") if head else ([], "none")

    def _changed_since(self, hashes: list[str]) -> tuple[str, ...]:
        """Return the tracked files that differ from HEAD, log and journal left out, if it is one of some commits."""
        if not hashes or self.repository is None or self.repository.head() not in hashes:
            return ()
        from orglab.git.files import find_changed_files

        own = self.find_own_paths(self.repository)
        return tuple(name for name in find_changed_files(self.repository) if name not in own)

    def _keep_commits(self, commits: Collection[str]) -> None:
        """Let git keep recorded commits, also when they are rewritten; whoever may not write there goes without."""
        if self.repository is not None and commits:
            from orglab.git.keep_refs import keep_commits

            with suppress(GitError):
                keep_commits(self.repository, commits)

    def reopen_step(self, reference: str) -> Step:
        """Open a step again, and the boxes below it; its commits are kept.  Return it."""
        from orglab.experiment import edits

        parsed = parse_reference(reference)
        after, _ = self.edit_experiment(
            parsed, lambda one: (edits.open_step(one, find_step(one, parsed)), None), clock.now()
        )
        return find_step(after, parsed)

    def conclude(
        self, reference: str, text: str, *, verdict: str | None = None, keyword: str | None = None
    ) -> Experiment:
        """Write what came of an experiment, close it, and return it.

        Args:
            reference: The experiment.
            text: The conclusion; an earlier one is kept before it. If it is empty, only the verdict is written.
            verdict: `supported`, `refuted`, `inconclusive`, or one of the setting `verdicts`.
            keyword: Its state afterwards; the log's done keyword if None.

        Raises:
            UsageError: The verdict is unknown, or the log has no such keyword, or it is not a done one.
        """
        from orglab.experiment import edits
        from orglab.experiment.consequences import Added
        from orglab.experiment.escape import check_one_line

        verdict = next((word for word in self.verdicts if verdict and word.casefold() == verdict.casefold()), verdict)
        if verdict and verdict not in self.verdicts:
            near = self.find_near_verdict(verdict)
            hint = f"did you mean {near}?" if near else f"use {', '.join(self.verdicts)}."
            raise UsageError(f"Unknown verdict {verdict!r}: {hint} Add words of your own to the setting `verdicts`.")
        word, now = check_one_line(verdict, "A verdict") if verdict else None, clock.now()

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            settings = experiment.heading.document.settings
            if keyword is not None and not settings.is_done(keyword):
                raise UsageError(
                    f"{keyword} closes nothing; the log's done states are {', '.join(settings.done_names)}."
                )
            return edits.conclude(experiment, text, word, keyword, now), None

        experiment, _ = self.edit_experiment(_whole(reference), make_edits, now, Added(headings=1, logged=1))
        self.active.clear(*list_references(experiment))
        return experiment

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The words that a verdict may be."""
        return self.config.all_verdicts

    def find_near_verdict(self, word: str) -> str | None:
        """Return the verdict that a misspelled word probably means; None if it is one, or like none."""
        from orglab.experiment.states import find_near_verdict

        return find_near_verdict(word, self.verdicts)

    def set_state(self, reference: str, keyword: str, note: str | None = None) -> Experiment:
        """Set an experiment's TODO keyword, logged as the file asks and with `note` if there is one; return it.

        Raises:
            UsageError: The log has no such keyword.
        """
        from orglab.experiment.consequences import Added, change_state

        now = clock.now()

        def make_edits(experiment: Experiment) -> "tuple[list[Edit], None]":
            return change_state(experiment.heading, keyword, now, note, always_note=True), None

        return self.edit_experiment(_whole(reference), make_edits, now, Added(logged=1))[0]

    def add_journal_entry(self, text: str, reference: str | None = None) -> "Path":
        """Write an entry under today in the journal beside the log, made if need be; return the journal's path.

        Args:
            text: The entry; its first line is the title.
            reference: The experiment that it links to.
        """
        from orglab.experiment import edits
        from orglab.log import file

        link = tag = None
        if reference is not None:
            found = self.experiment(reference)
            link = f"[[file:{self.path.name}::#{found.id}][{found.id}]]"
            tag = found.id.replace("-", "_")
        if not self.journal.exists():
            file.create(self.journal, _JOURNAL_HEADER.encode())
        now = clock.now()
        self.edit(
            lambda document: (edits.add_journal_entry(document, now, link, tag, text), None),
            _verify_journal,
            self.journal,
        )
        return self.journal


def _verify_journal(before: "Document", after: "Document", _: None) -> None:
    """Raise unless an entry, and at most its day, month and year, are new."""
    if not 1 <= len(after) - len(before) <= _NEW_HEADINGS:
        raise UnsafeEditError("The entry would change the outline of the journal; nothing was written.")


def _whole(reference: str) -> Reference:
    """Return the reference that a user spelled, if it is that of an experiment and not of a step."""
    parsed = parse_reference(reference)
    if parsed.step is not None:
        raise UsageError(f"{reference} is a step; name its experiment, {parsed.id}.")
    return parsed
