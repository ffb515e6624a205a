"""The experiment log: opened, locked, edited, verified, written.  The one door to the file."""

import datetime
import os
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from orglab.experiment import edits as writing
from orglab.log import file
from orglab.experiment.check import Diagnostic, Progress
from orglab.config import CONFIG_TEXT, Config, find_log
from orglab.experiment.entry import add_entry, holds_mark
from orglab.errors import GitError, NotFoundError, UnsafeEditError, UsageError
from orglab.experiment.lookup import find_step, last_experiment, last_with_id
from orglab.git import is_installed
from orglab.git.keep_refs import keep
from orglab.experiment.ids import renumber
from orglab.experiment.model import ID, Experiment, Note, Step, without_cookies
from orglab.org.cookies import recount
from orglab.org.document import Document, Part
from orglab.org.edit import Edit, compose
from orglab.org.timestamp import format_inactive
from orglab.log.reading import LogReading
from orglab.reference import Reference, parse_reference
from orglab.experiment.states import in_progress_keyword, kind_of
from orglab.experiment.escape import one_line

HEADER = """\
#+TITLE: Experiment log
#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d) CANCELED(c@)
#+STARTUP: overview logdone logdrawer
"""
JOURNAL_HEADER = "#+TITLE: Journal\n"

Wish = Callable[[Document], list[Edit]]
Verify = Callable[[Document, Document], None]


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


class Log(LogReading):
    """One experiment log.

    Every reading method reads the file anew; every writing method replaces it
    durably, under a lock, and returns the model's values as they stand afterwards.

    Attributes:
        path: The file.
        config: The settings.
        anyway: Whether to write although an editor holds unsaved changes.
    """

    def __init__(self, path: Path, config: Config | None = None, *, anyway: bool = False) -> None:
        """Stand for the log at `path`; `open_log` finds it."""
        super().__init__(path, config)
        self.anyway = anyway

    def fix(
        self, progress: Progress | None = None, only: Collection[str] | None = None
    ) -> tuple[list[Diagnostic], list[Diagnostic]]:
        """Mend what is safe to mend, and return what was mended and what is left.

        Args:
            progress: Told how many experiments are checked, of how many.
            only: The codes to mend; all if None.
        """
        mended: list[Diagnostic] = []
        resolver = self._resolver()

        def mend(document: Document, *, ids: bool) -> list[Edit]:
            found = self._check(document, progress, None if ids else resolver)
            found = [
                one for one in found if one.fix and (one.code == "no-id") == ids and (not only or one.code in only)
            ]
            mended.extend(found)
            return [edit for one in found if one.code != "stale-cookie" for edit in one.fix]

        def wish(document: Document) -> list[Edit]:
            mended.clear()
            document.refuse_conflict()
            # A heading that gets an id is an experiment then, with more to mend; and a box that becomes `[X]` counts.
            edits = mend(document, ids=True)
            edits = compose(edits, mend(document.apply(edits), ids=False))
            return compose(edits, recount(document.apply(edits))) if not only or "stale-cookie" in only else edits

        return mended, self._check(self._write(wish), None, resolver) + self._check_terms()

    def _write(self, wish: Wish, verify: Verify | None = None, path: Path | None = None) -> Document:
        """Replace a file by what edits make of it, and return the document after.

        Args:
            wish: From the document to edits; asked again if the file changes meanwhile.
            verify: Raises if the document after is not what was meant; then nothing is written.
            path: The file; the log if None.

        Raises:
            NotWritableError: It could not be written; its bytes are what they were.
        """
        done: list[Document] = []

        def change(data: bytes) -> bytes:
            before = self._parse(data)
            after = before.apply(wish(before))
            if after is not before:
                if after.settings != before.settings:
                    raise UsageError("The text holds a #+ line that would change the whole file; nothing was written.")
                if verify is not None:
                    verify(before, after)
            done.append(after)
            return bytes(after)

        file.update(path or self.path, change, anyway=self.anyway)
        return done[-1]

    def _change(
        self,
        reference: Reference,
        phase: Callable[[Experiment], list[Edit]],
        *,
        steps: int = 0,
        notes: int = 0,
        logged: int = 0,
        headings: int = 0,
    ) -> Experiment:
        """Do an edit of one experiment, then what follows from it, and return it as it stands afterwards.

        Args:
            reference: The experiment or step.
            phase: From the experiment to edits.
            steps: How many steps there are more afterwards.
            notes: How many notes there are more.
            logged: How many notes there may be more than that, logged with a state.
            headings: How many headings there may be more.
        """
        when = _now()
        done: list[Experiment] = []

        def wish(document: Document) -> list[Edit]:
            old = new = self._find(document, reference)
            edits: list[Edit] = []
            for each in (
                phase,
                lambda one: writing.settle_steps(old, one, when),
                lambda one: writing.true_cookies(old, one),
            ):
                more = each(new)
                edits = compose(edits, more)
                # No edit of an experiment moves it to another place of the outline.
                after = new.document.apply(more)
                new = Experiment(after.heading(old.heading.index), self.config, str(self.path))
            same = (
                new.id == old.id
                and len(new.steps) == len(old.steps) + steps
                and all(map(is_same_step, old.steps, new.steps))
                and notes <= len(all_notes(new)) - len(all_notes(old)) <= notes + logged
                and 0 <= len(new.document) - len(old.document) <= headings
            )
            if not same:
                raise UsageError(
                    "The text would change what the lines after it mean (an unclosed block or drawer?); "
                    "nothing was written."
                )
            done.append(new)
            moved = old.document.begin if isinstance(old.document, Part) else 0
            return [Edit(edit.start + moved, edit.end + moved, edit.replacement) for edit in edits]

        self._write(wish)
        return done[-1]

    def new(
        self,
        title: str,
        *,
        description: str | None = None,
        steps: Iterable[str] = (),
        tags: Iterable[str] = (),
        number: str | None = None,
    ) -> Experiment:
        """Write a new experiment at the end of the log and return it.

        Args:
            title: Its title, one line.
            description: What it is to find out.
            steps: The texts of its steps.
            tags: Tags beside those of the settings.
            number: Its id; the next whole number over the log and all branches if None.

        Raises:
            UsageError: A text cannot stand in the log, or the id is taken.
        """
        texts, names = list(steps), list(tags)
        made: list[str] = []

        def add(document: Document) -> list[Edit]:
            made[:] = [self._check_free(document, number) if number else str(self._next_number(document))]
            return writing.new_experiment(
                document, last_experiment(document, self.config, self.path), self.config, title, number=made[0],
                now=_now(), description=description, steps=texts, tags=names,
            )  # fmt: skip

        def verify(before: Document, after: Document) -> None:
            new = self._find(after, Reference(made[0]))
            kept = new.title == title.strip() and [step.text for step in new.steps] == [text.strip() for text in texts]
            if not kept or any(step.commits for step in new.steps) or len(after) != len(before) + NEW_HEADINGS:
                raise UsageError("Org would read the title or a step as something else; word it differently.")

        return self._find(self._write(add, verify), Reference(made[0]))

    def _check_free(self, document: Document, number: str) -> str:
        """Return an id that the user chose, if it can be one and no experiment has it."""
        if not re.fullmatch(ID, number):
            raise UsageError(f"{number!r} is no id: letters, digits, - and _ make one.")
        try:
            line = self._find(document, Reference(number)).line
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
        parsed = _whole(reference)
        made: list[str] = []

        def change(document: Document) -> list[Edit]:
            found = last_with_id(document, parsed, self.config, self.path)
            made[:] = [self._check_free(document, number) if number else str(self._next_number(document))]
            return renumber(found.heading, found.id, made[0], self.config, self.path.name)

        def verify(before: Document, after: Document) -> None:
            if len(after) != len(before) or self._find(after, Reference(made[0])).id != made[0]:
                raise UnsafeEditError("The new id would not be read as one; nothing was written.")

        return self._find(self._write(change, verify), Reference(made[0]))

    def add_step(self, reference: str, text: str) -> Step:
        """Write a step at the end of an experiment's list and return it.

        Raises:
            UsageError: The text cannot be that of a step.
        """
        parsed = _whole(reference)
        after = self._change(parsed, lambda experiment: writing.add_step(experiment, text), steps=1, headings=1)
        return after.steps[-1]

    def add_note(self, reference: str, text: str) -> Note:
        """Write a note with the time, and the commit if HEAD is one, under a step or under `Notes`; return it."""
        parsed = parse_reference(reference)
        commit = self._head()
        head = format_inactive(_now()).decode() + (f" ({commit})" if commit else "")

        def add(experiment: Experiment) -> list[Edit]:
            step = None if parsed.step is None else find_step(experiment, parsed)
            return writing.add_note(experiment, step, head, text)

        after = self._change(parsed, add, notes=1, headings=1)
        self._keep([commit] if commit else [])
        return (after.notes if parsed.step is None else find_step(after, parsed).notes)[-1]

    def add_entry(
        self, reference: str, text: str, *, at: datetime.datetime, commit: str | None, mark: str, done: bool = False
    ) -> bool:
        """Note something that happened, once: in one edit with the tick if it is what a step was done by.

        Args:
            reference: The experiment or step.
            text: What happened; `mark` is one of its lines.
            at: When, local time.
            commit: The short hash of the commit that it belongs to.
            mark: The line by which the note is known again.
            done: Whether the step is ticked with that commit, if it is not yet.

        Returns:
            Whether it was noted; not if the mark stands in the log already.

        Raises:
            NotFoundError: There is no such experiment or step.
            UsageError: The step has open boxes of its own.
        """
        parsed = parse_reference(reference)
        head = format_inactive(at).decode() + (f" ({commit})" if commit else "")
        added: list[bool] = []

        def add(experiment: Experiment) -> list[Edit]:
            added[:] = [not holds_mark(experiment.document, mark)]
            return add_entry(experiment, parsed, head, text, commit=commit, done=done) if added[0] else []

        after = self._change(parsed, add, logged=1, headings=1)
        if added[0] and done and parsed.step is not None:
            self._leave(find_step(after, parsed))
        return added[0]

    def _leave(self, step: Step) -> None:
        """Make a step that is done the active one no more."""
        if step.state == "done" and self.active.get() == step.ref:
            self.active.set(None)

    def _head(self) -> str | None:
        """Return the short hash of HEAD; None before the first commit, without git, and where git refuses."""
        try:
            return self.repository.head() if self.repository is not None else None
        except GitError:
            return None

    def start(self, reference: str) -> Experiment:
        """Set the experiment to be in progress, and it, or its step, to be the active one of this clone."""
        parsed = parse_reference(reference)

        def begin(experiment: Experiment) -> list[Edit]:
            if parsed.step is not None:
                find_step(experiment, parsed)
            settings = experiment.document.settings
            state = in_progress_keyword(settings, experiment.state)
            if state is None or kind_of(experiment.state, settings) == "doing":
                return []
            return writing.change_state(experiment.heading, state, _now())

        experiment = self._change(parsed, begin, logged=1)
        self.active.set(experiment.ref if parsed.step is None else f"{experiment.ref}.{parsed.step}")
        return experiment

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
        parsed = parse_reference(reference)
        found: list[tuple[list[str], str]] = []

        def tick(experiment: Experiment) -> list[Edit]:
            step = find_step(experiment, parsed)
            if not found:
                found.append(self._commits_for(step.ref, commits, all_commits=all_commits))
            return writing.tick_step(experiment, step, found[0][0], all_boxes=all_boxes)

        step = find_step(self._change(parsed, tick), parsed)
        self._leave(step)
        hashes, why = found[0]
        self._keep(hashes)
        return Completed(step, tuple(hashes), why, self._changed_since(hashes))

    def _changed_since(self, hashes: list[str]) -> tuple[str, ...]:
        """Return the tracked files that differ from HEAD, log and journal left out, if it is one of some commits."""
        if not hashes or self.repository is None or self.repository.head() not in hashes:
            return ()
        from orglab.git.files import changed_beside  # noqa: PLC0415 - for one command of many

        return tuple(changed_beside(self.repository, (self.path, self.path.parent / self.config.journal)))

    def _keep(self, commits: Collection[str]) -> None:
        """Let git keep recorded commits, also when they are rewritten; whoever may not write there goes without."""
        if self.repository is not None and commits:
            with suppress(GitError):
                keep(self.repository, commits)

    def _commits_for(self, ref: str, revisions: Iterable[str] | None, *, all_commits: bool) -> tuple[list[str], str]:
        """Return the short hashes to record for a step, and why those."""
        if revisions is not None:
            chosen = list(revisions)
            if chosen and self.repository is None:
                raise NotFoundError(f"There is no commit {chosen[0]!r}: {self.path} is not in a git repository.")
            hashes = [self.repository.commit(revision) for revision in chosen] if self.repository else []
            return list(dict.fromkeys(hashes)), "given" if hashes else "none"
        if self.repository is None or not is_installed():
            return [], "none"
        if named := [*islice(self.repository.naming(ref), None if all_commits else 1)]:
            return named[::-1], "named"
        head = self.repository.head()
        return ([head], "head") if head else ([], "none")

    def reopen_step(self, reference: str) -> Step:
        """Open a step again, and the boxes below it; its commits are kept.  Return it."""
        parsed = parse_reference(reference)
        after = self._change(parsed, lambda experiment: writing.open_step(experiment, find_step(experiment, parsed)))
        return find_step(after, parsed)

    def conclude(
        self, reference: str, text: str, *, verdict: str | None = None, keyword: str | None = None
    ) -> Experiment:
        """Write what came of an experiment, close it, and return it.

        Args:
            reference: The experiment.
            text: The conclusion; what stands there already is kept before it.
            verdict: `supported`, `refuted`, `inconclusive` or another word.
            keyword: Its state afterwards; the log's done keyword if None.

        Raises:
            UsageError: The log has no such keyword, or it is not a done one.
        """
        parsed = _whole(reference)
        word = one_word(verdict) if verdict else None

        def close(experiment: Experiment) -> list[Edit]:
            settings = experiment.heading.document.settings
            if keyword is not None and not settings.is_done(keyword):
                raise UsageError(
                    f"{keyword} closes nothing; the log's done states are {', '.join(settings.done_names)}."
                )
            return writing.conclude(experiment, text, word, keyword, _now())

        experiment = self._change(parsed, close, headings=1, logged=1)
        active = self.active.get() or ""
        if active == experiment.ref or active.startswith(f"{experiment.ref}."):
            self.active.set(None)
        return experiment

    def set_state(self, reference: str, keyword: str, note: str | None = None) -> Experiment:
        """Set an experiment's TODO keyword, logged as the file asks and with `note` if there is one; return it.

        Raises:
            UsageError: The log has no such keyword.
        """
        parsed = _whole(reference)

        def change(experiment: Experiment) -> list[Edit]:
            return writing.change_state(experiment.heading, keyword, _now(), note, always_note=True)

        return self._change(parsed, change, logged=1)

    def add_journal_entry(self, text: str, reference: str | None = None) -> Path:
        """Write an entry under today in the journal beside the log, made if need be; return the journal's path.

        Args:
            text: The entry; its first line is the title.
            reference: The experiment that it links to.
        """
        path = self.path.parent / self.config.journal
        link = tag = None
        if reference is not None:
            found = self.experiment(reference)
            link = f"[[file:{self.path.name}::#{found.id}][{found.id}]]"
            tag = found.id.replace("-", "_")
        if not path.exists():
            file.create(path, JOURNAL_HEADER.encode())
        when = _now()
        self._write(lambda document: writing.journal_entry(document, when, link, tag, text), _at_most_four, path)
        return path


NEW_HEADINGS = 4


def _at_most_four(before: Document, after: Document) -> None:
    """Raise unless an entry, and at most its day, month and year, are new."""
    if not 1 <= len(after) - len(before) <= NEW_HEADINGS:
        raise UnsafeEditError("The entry would change the outline of the journal; nothing was written.")


def _whole(reference: str) -> Reference:
    """Return the reference that a user spelled, if it is that of an experiment and not of a step."""
    parsed = parse_reference(reference)
    if parsed.step is not None:
        raise UsageError(f"{reference} is a step; name its experiment, {parsed.id}.")
    return parsed


def is_same_step(old: Step, new: Step) -> bool:
    """Return whether a step is still the one it was, whatever its box, commits and counts are now."""
    return old.number == new.number and without_cookies(old.text) == without_cookies(new.text)


def all_notes(experiment: Experiment) -> list[Note]:
    """Return the notes of an experiment and of its steps."""
    return [*experiment.notes, *(note for step in experiment.steps for note in step.notes)]


def one_word(verdict: str) -> str:
    """Return a verdict as a property can hold it: one line, no more."""
    return one_line(verdict, "A verdict")


def open_log(
    path: str | os.PathLike[str] | None = None, *, start: str | os.PathLike[str] = ".", anyway: bool = False
) -> Log:
    """Return the experiment log.

    Args:
        path: The file; found from `start` if None, as the command line finds it.
        start: The folder to look from.
        anyway: Whether to write although an editor holds unsaved changes.

    Raises:
        NotFoundError: There is none.
    """
    found, config = find_log(Path(start), os.fspath(path) if path is not None else None)
    try:
        found.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no file {found}; make it with `orglab init`.") from error
    except OSError:
        pass  # reading will say what is the matter
    return Log(found, config, anyway=anyway)


def create_settings(path: Path, log: Path) -> None:
    """Make a settings file that names a log beside it, and explains the other settings.

    Raises:
        NotWritableError: Something of that name exists, or it cannot be written.
    """
    file.create(path, CONFIG_TEXT.format(log=log.name).encode())


def create_log(path: Path) -> None:
    """Make a new log with its header.

    Raises:
        NotWritableError: Something of that name exists, or it cannot be written.
    """
    file.create(path, HEADER.encode())


def _now() -> datetime.datetime:
    """Return the local time, as the log has it."""
    return datetime.datetime.now()  # noqa: DTZ005 - Org timestamps are local times
