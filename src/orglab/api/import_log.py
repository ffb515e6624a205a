"""The methods of `Log` that make entries of what others have written: Markdown files, and the runs of trackers."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.api.setup import LOG_HEADER, SetupMethods
from orglab.errors import GitError, NotFoundError, NotReadableError, UsageError
from orglab.extras import describe_install
from orglab.reference import Reference

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment
    from orglab.log.known_ids import KnownIds
    from orglab.org.document import Document
    from orglab.org.edit import Edit
    from orglab.report.markdown.entry_text import Source, Written, WrittenEntries
    from orglab.report.markdown.markdown_entries import Entry
    from orglab.runs.stores.stored_run import StoredExperiment
    from orglab.text import Tell

_NEEDED = {"markdown_it": "markdown-it-py", "mdit_py_plugins": "mdit-py-plugins"}
_LARGEST = 32_000_000  # bytes of a file
_HEADINGS = 4  # of an experiment


class ImportedEntry(NamedTuple):
    """An experiment or another heading of a Markdown file.

    Attributes:
        file: The file.
        line: The line of the heading there.
        title: The title.
        status: `added`; `known`, if the log had it already; `changed`, if the log has it as it was earlier, and it was
            left so.
        ref: The reference of an experiment that was added, such as `e12`; None for another heading.
        number: The number that the experiment has in the file, if that was taken, so that it got another one.
    """

    file: str
    line: int
    title: str
    status: str
    ref: str | None = None
    number: str | None = None


class Unplaced(NamedTuple):
    """Something that has no counterpart in the log, and is kept there as text.

    Attributes:
        file: The file.
        line: The line there.
        text: What it is, and how it was kept.
    """

    file: str
    line: int
    text: str


class ImportedMarkdown(NamedTuple):
    """What was imported from Markdown files.

    Attributes:
        entries: The headings of the files, in order.
        unplaced: What has no counterpart in the log, in the entries that were added.
        is_new_log: Whether the log was created for them.
    """

    entries: tuple[ImportedEntry, ...]
    unplaced: tuple[Unplaced, ...]
    is_new_log: bool

    @property
    def added(self) -> tuple[ImportedEntry, ...]:
        """Those that were added."""
        return tuple(entry for entry in self.entries if entry.status == "added")


class ImportedExperiment(NamedTuple):
    """An experiment of a tracker.

    Attributes:
        title: Its title.
        ref: Its reference in the log, such as `e12`; None if it has none, because nothing of it was imported.
        is_new: Whether it was added.
        runs: The ids of the runs that were added.
        known: How many of its runs were there already.
        going_on: How many go on, so that they were not added yet.
        own: How many orglab recorded itself.
    """

    title: str
    ref: str | None
    is_new: bool
    runs: tuple[str, ...]
    known: int
    going_on: int
    own: int


class ImportedRuns(NamedTuple):
    """What was imported of a tracker.

    Attributes:
        experiments: Its experiments.
        is_new_log: Whether the log was created for them.
    """

    experiments: tuple[ImportedExperiment, ...]
    is_new_log: bool


class _Plan(NamedTuple):
    """What is to be written.

    Attributes:
        text: The text to append.
        entries: All headings of the files.
        unplaced: What has no counterpart in the log.
        experiments: The id of each new experiment, with its text.
        headings: How many headings the text has.
    """

    text: str
    entries: tuple[ImportedEntry, ...]
    unplaced: tuple[Unplaced, ...]
    experiments: tuple[tuple[str, "Written"], ...]
    headings: int


class ImportMethods(SetupMethods):
    """The methods of `Log` that import."""

    def import_markdown(self, paths: Iterable[str | os.PathLike[str]], *, dry_run: bool = False) -> ImportedMarkdown:
        """Add the experiments and the other headings of Markdown files at the end of the log, which may not exist yet.

        What was imported before is not added again, and what has changed since is not written over.

        Args:
            paths: The files.
            dry_run: Whether to write nothing, and return what would be written.

        Raises:
            NotFoundError: A file does not exist, or cannot be read.
            UsageError: Org would read a part of the text as something else, or the packages that read Markdown are not
                installed.
            NotWritableError: The log cannot be written.
        """
        from importlib.util import find_spec

        from orglab.experiment.placement import find_log_end, insert_block

        missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
        if missing:
            raise UsageError(
                f"Reading Markdown needs {' and '.join(missing)}; install them with: {describe_install('import')}"
            )
        sources = [self._read_source(Path(path)) for path in paths]
        is_new = not os.path.lexists(self.path)
        known = self._read_known_ids()

        def make_edits(document: "Document") -> "tuple[list[Edit], _Plan]":
            plan = self._plan(document, sources, known)
            if not plan.text:
                return [], plan
            at = find_log_end(document)
            return _recount(document, insert_block(document, at, plan.text.encode(), b"\n"), plan), plan

        if is_new or dry_run:
            before = self.parse(LOG_HEADER.encode()) if is_new else self.document()
            edits, plan = make_edits(before)
            self._verify_import(before, before.apply(edits), plan)
            if dry_run:
                return ImportedMarkdown(plan.entries, plan.unplaced, is_new)
            self.init()
        with known.reserve():
            edited = self.edit(make_edits, self._verify_import)
            for chosen, _ in edited.decided.experiments[-1:]:
                known.remember(edited.after.text, chosen)  # the others are in the text
        return ImportedMarkdown(edited.decided.entries, edited.decided.unplaced, is_new)

    def import_runs(
        self, tracker: str, path: "str | os.PathLike[str]", tell: "Tell", *, dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImportedRuns:  # fmt: skip
        """Add the experiments of a tracker to the log, which may not exist yet, and record its runs, each once.

        The runs that orglab recorded itself are left out, and so are those that go on.

        Args:
            tracker: `mlflow`, `wandb`, `trackio` or `dvc`.
            path: The file or folder in which the tracker keeps them; for DVC a folder of the repository.
            tell: Called with each message for the user.
            dry_run: Whether to write nothing, and return what would be written.
            progress: Called with the number of runs that are written, and of all.

        Raises:
            UsageError: There is no such tracker.
            NotFoundError: There is no such file or folder.
            NotReadableError: It is not that tracker's, or cannot be read.
            NotWritableError: The log or a record cannot be written.
        """
        from orglab.runs.stores.store_import import TRACKERS, RunImport, make_run_id, read_experiments

        if tracker not in TRACKERS:
            raise UsageError(f"Unknown tracker {tracker!r}; use one of {', '.join(TRACKERS)}.")
        stored = read_experiments(tracker, self.repository, Path(path))
        is_new = not os.path.lexists(self.path)
        runs = RunImport(self)
        plans = [(one, runs.plan(one)) for one in stored]
        if is_new and not dry_run and any(plan.new for _, plan in plans):
            self.init()
        known = {} if not os.path.lexists(self.path) else self._find_imported()
        commits = self._find_short_hashes(run.commit for _, plan in plans for run in plan.new)
        total, done = sum(len(plan.new) for _, plan in plans), 0
        found = []
        for one, plan in plans:
            experiment, added = known.get(one.key), []
            is_added = experiment is None and bool(plan.new)
            if is_added and not dry_run:
                experiment = self._add_stored_experiment(one, plan.new[0].began)
            for run in plan.new:
                if experiment is None or dry_run:
                    break
                if (written := runs.write(run, experiment, commits, tell)) is not None:
                    added.append(written.id)
                done += 1
                if progress is not None:
                    progress(done, total)
            names = tuple(make_run_id(run) for run in plan.new) if dry_run else tuple(added)
            ref = experiment.ref if experiment is not None else None
            found.append(ImportedExperiment(one.name, ref, is_added, names, plan.known, plan.going_on, one.own))
        return ImportedRuns(tuple(found), is_new)

    def _find_imported(self) -> "dict[str, Experiment]":
        """Return the experiments of the log that were imported, by what they were made of."""
        from orglab.experiment.origin import SOURCE

        found: dict[str, Experiment] = {}
        document = self.document()
        if SOURCE.encode() in document.text:
            for experiment in self.read_experiments(document):
                if (source := experiment.heading.property(SOURCE)) is not None:
                    found.setdefault(source, experiment)
        return found

    def _find_short_hashes(self, hashes: "Iterable[str | None]") -> dict[str, str]:
        """Return the short hashes of those commits that the repository has, and have git keep them."""
        from orglab.git.commit import read_commits_by_hash
        from orglab.git.keep_refs import keep_commits
        from orglab.git.repository import is_full_hash

        names = tuple(dict.fromkeys(name for name in hashes if name and is_full_hash(name)))
        if self.repository is None or not names:
            return {}
        commits = read_commits_by_hash(self.repository, names)
        with suppress(GitError):
            keep_commits(self.repository, [commit.hash for commit in commits.values()])
        return {name: commit.short for name, commit in commits.items()}

    def _add_stored_experiment(self, stored: "StoredExperiment", began: float) -> "Experiment":
        """Add an experiment of a tracker to the log, and return it."""
        from datetime import datetime

        from orglab.experiment import edits
        from orglab.experiment.escape import escape_title
        from orglab.experiment.lookup import find_last_experiment
        from orglab.experiment.origin import SOURCE

        known = self._read_known_ids()
        title = escape_title(stored.name) or stored.tracker
        created = datetime.fromtimestamp(max(stored.created if stored.created is not None else began, 0.0))  # noqa: DTZ006 - the log holds local times

        def make_edits(document: "Document") -> "tuple[list[Edit], str]":
            number = str(known.find_next(document.text))
            last = find_last_experiment(document, self.config, self.path)
            return edits.add_experiment(
                document, last, self.config, title, number=number, now=created,
                description=stored.description.strip() or None, steps=(), tags=(), properties={SOURCE: stored.key},
            ), number  # fmt: skip

        def verify(before: "Document", after: "Document", number: str) -> None:
            if len(after) != len(before) + _HEADINGS or self.find(after, Reference(number)).title != title:
                raise UsageError(f"Org would read the title {title!r} as something else; rename the experiment.")

        with known.reserve():
            edited = self.edit(make_edits, verify)
            known.remember(edited.before.text, edited.decided)
        return self.find(edited.after, Reference(edited.decided))

    def _read_source(self, path: Path) -> "Source":
        """Return a Markdown file.

        Raises:
            NotFoundError: It does not exist, or cannot be read.
        """
        from orglab.git.inside import read_inside
        from orglab.report.markdown.entry_text import Source
        from orglab.report.markdown.markdown_entries import find_entries
        from orglab.report.markdown.markdown_sections import read_markdown

        try:
            text = read_inside(self.repository, path, _LARGEST).decode("utf-8-sig")
            file = read_markdown(text)
        except FileNotFoundError as error:
            raise NotFoundError(f"There is no file {path}.") from error
        except OSError as error:
            raise NotReadableError(f"Cannot read {path}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise NotReadableError(f"Cannot read {path}: it is not UTF-8; convert it first.") from error
        except (NotReadableError, RecursionError) as error:
            raise NotReadableError(f"Cannot read {path}: it is nested too deeply.") from error
        home = os.path.realpath(self.path.absolute().parent)
        place = os.path.relpath(os.path.realpath(path), home)
        name = path.name if place.startswith(os.pardir) else Path(place).as_posix()
        folder = os.path.dirname(place)  # noqa: PTH120 - a name
        return Source(os.fspath(path), name, folder, find_entries(file, path.stem), file.footnotes, file.problems)

    def _plan(self, document: "Document", sources: "Sequence[Source]", known: "KnownIds") -> _Plan:
        """Return what is to be written to a log."""
        from orglab.experiment.origin import Origins

        earlier = Origins(document)
        chooser = _IdChooser(self, document, known)
        parts: list[str] = []
        entries: list[ImportedEntry] = []
        unplaced: list[Unplaced] = []
        experiments: list[tuple[str, Written]] = []
        headings = 0
        for source in sources:
            statuses = [earlier.find_status(source.name_entry(entry), entry.digest) for entry in source.entries]
            new = [place for place, status in enumerate(statuses) if status == "new"]
            wanted = [source.entries[place] for place in new]
            ids = chooser.choose(new, wanted)
            written = self._write_entries(document, source, new, ids)
            for place, (entry, status) in enumerate(zip(source.entries, statuses, strict=True)):
                entries.append(_describe_entry(source, entry, status, ids.get(place), self.config.letter))
            for place, one in zip(new, written.texts, strict=True):
                parts.append(one.text)
                headings += one.headings
                if place in ids:
                    experiments.append((ids[place], one))
            lines = [range(entry.line, entry.last + 1) for entry in wanted]
            unplaced += [
                Unplaced(source.path, line, text)
                for line, text in sorted({*source.problems, *written.problems})
                if any(line in one for one in lines)
            ]
        return _Plan("\n".join(parts), tuple(entries), tuple(unplaced), tuple(experiments), headings)

    def _write_entries(
        self, document: "Document", source: "Source", new: Sequence[int], ids: dict[int, str]
    ) -> "WrittenEntries":
        """Return the new entries of a file as Org."""
        from orglab.experiment.lookup import find_last_experiment
        from orglab.org.todo import meta_indent
        from orglab.report.markdown import entry_text
        from orglab.report.markdown.entry_writer import EntryWriter

        settings = document.settings
        anchors = entry_text.find_anchors(source, ids, self.config.id_property)
        prefix = entry_text.choose_prefix(source, document)
        writer = EntryWriter(source.footnotes, prefix, source.folder, anchors, settings.keywords.__contains__)
        last = find_last_experiment(document, self.config, self.path)
        if last is not None and last.heading.drawer is not None:
            writer.indent = meta_indent(last.heading).decode()
        texts = []
        for place, stars in zip(new, entry_text.choose_stars(source.entries[place] for place in new), strict=True):
            entry = source.entries[place]
            name = source.name_entry(entry)
            if entry.parts is None:
                texts.append(entry_text.write_heading(entry, writer, stars=stars, source=name))
            else:
                texts.append(
                    entry_text.write_experiment(
                        entry,
                        entry.parts,
                        writer,
                        stars=stars,
                        number=ids[place],
                        config=self.config,
                        settings=settings,
                        source=name,
                    )
                )
        return entry_text.WrittenEntries(texts, writer.problems)

    def _verify_import(self, before: "Document", after: "Document", plan: _Plan) -> None:
        """Raise an error unless Org reads what was written as it was meant.

        Raises:
            UsageError: It does not.
        """
        lines = {entry.ref: f"{entry.file}:{entry.line}" for entry in plan.entries}
        for chosen, written in plan.experiments:
            found = self.find(after, Reference(chosen))
            if found.title != written.title or len(found.steps) != written.steps:
                where = lines.get(Reference(chosen).spell(self.config.letter), "")
                raise UsageError(f"Org would read {where} as something else; rephrase it. Nothing was written.")
        if len(after) != len(before) + plan.headings:
            raise UsageError("Org would read a part of the text as a heading; nothing was written.")


class _IdChooser:
    """Chooses the ids of new experiments: the numbers that they have, if these are free."""

    def __init__(self, log: ImportMethods, document: "Document", known: "KnownIds") -> None:
        self._log = log
        self._document = document
        self._known = known
        self._taken: set[str] = set()
        self._next = 0

    def choose(self, places: Sequence[int], entries: "Sequence[Entry]") -> dict[int, str]:
        """Return the ids of the experiments among some entries, by the places of these."""
        ids: dict[int, str] = {}
        waiting = []
        for place, entry in zip(places, entries, strict=True):
            if entry.parts is None:
                continue
            number = entry.parts.number
            if number is not None and number not in self._taken and self._is_free(number):
                self._taken.add(number)
                ids[place] = number
            else:
                waiting.append(place)
        for place in waiting:
            ids[place] = self._find_next()
            self._taken.add(ids[place])
        return ids

    def _is_free(self, number: str) -> bool:
        try:
            self._log.find(self._document, Reference(number))
        except NotFoundError:
            return True
        except UsageError:  # several have it
            return False
        return False

    def _find_next(self) -> str:
        if not self._next:
            self._next = self._known.find_next(self._document.text)
        self._next = max([self._next, *(int(number) + 1 for number in self._taken)])
        return str(self._next)


def _describe_entry(source: "Source", entry: "Entry", status: str, chosen: str | None, letter: str) -> ImportedEntry:
    from orglab.report import blocks

    ref = Reference(chosen).spell(letter) if chosen is not None else None
    number = entry.parts.number if entry.parts is not None and chosen is not None else None
    return ImportedEntry(
        source.path, entry.line, blocks.plain(entry.title), "added" if status == "new" else status, ref,
        number if number != chosen else None,
    )  # fmt: skip


def _recount(document: "Document", edit: "Edit", plan: _Plan) -> "list[Edit]":
    """Return an edit that adds text with its cookies counted as Org would."""
    from orglab.org.cookies import recount_cookies

    if not plan.experiments:
        return [edit]
    after = document.apply([edit])
    counted = after.apply(recount_cookies(after, [one for one in after.headings() if one.begin >= edit.start]))
    end = len(counted.text) - (len(document.text) - edit.end)
    return [edit._replace(replacement=counted.text[edit.start : end])]
