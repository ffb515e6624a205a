"""Reading the experiment log: its experiments, one of them, those that match, and what is wrong in it."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.log import file
from orglab.log.active import ActiveStep
from orglab.experiment.check import Diagnostic, Progress, check
from orglab.config import Config
from orglab.experiment.lookup import find_experiment, find_step
from orglab.git import Repository, find_repository, is_installed, numbers_in
from orglab.experiment.fast_reader import glance
from orglab.experiment.ids import numbers_of_old
from orglab.experiment.model import Experiment, Step
from orglab.org.document import Document
from orglab.config import TERMS_NAME
from orglab.reference import Reference, parse_reference

if TYPE_CHECKING:
    from orglab.experiment.adopt import Adoption
    from orglab.history.dead_commits import Resolver
    from orglab.search.store import Store


class LogReading:
    """What is read of a log; each method reads the file anew.

    Attributes:
        path: The file.
        config: The settings.
    """

    def __init__(self, path: Path, config: Config | None = None) -> None:
        """Stand for the log at `path`."""
        self.path = path
        self.config = config or Config()

    @cached_property
    def repository(self) -> Repository | None:
        """The git repository that the log lies in, or None."""
        return find_repository(self.path.absolute().parent)

    @property
    def top(self) -> Path:
        """The folder that runs are recorded under: the top of the repository, or else the log's own folder."""
        return self.repository.top if self.repository is not None else self.path.absolute().parent

    @cached_property
    def store(self) -> "Store":
        """The index of this log: a cache, and no more."""
        from orglab.search.store import Store  # noqa: PLC0415 - it loads SQLite, and writing needs none
        from orglab.search.where import index_path  # noqa: PLC0415

        git_dir = os.fspath(self.repository.git_dir) if self.repository is not None else None
        return Store(index_path(os.fspath(self.path), git_dir))

    @cached_property
    def active(self) -> ActiveStep:
        """The active step of this clone."""
        return ActiveStep(self.path, self.repository)

    def document(self) -> Document:
        """Return the log as an Org document.

        Raises:
            NotFoundError: There is no such file.
        """
        return self._parse(file.read(self.path).data)

    def _parse(self, data: bytes) -> Document:
        return Document(data, self.config.keywords)

    def experiments(self) -> list[Experiment]:
        """Return all experiments, in the order of the log."""
        return self._experiments()[1]

    def _experiments(self) -> tuple[Document, list[Experiment]]:
        """Return the log, and its experiments, as the index has them or as they are read."""
        snapshot = file.read(self.path)
        document = self._parse(snapshot.data)
        if self.store.path is None:
            return document, list(glance(document, self.config, str(self.path)))
        from orglab.search.building import experiments_of  # noqa: PLC0415 - writing needs none of it
        from orglab.search.current import current_contents  # noqa: PLC0415

        contents = current_contents(self.store, snapshot, document, self.config)
        return document, experiments_of(contents, document, self.config, str(self.path))

    def keyed_experiments(self) -> tuple[list[Experiment], list[bytes] | None, tuple[str, str]]:
        """Return all experiments, what tells each from one of other bytes, and what all of that depends on.

        Without an index there are no keys: None.  The last is the digest of the log, and the form of its settings.
        """
        snapshot = file.read(self.path)
        document = self._parse(snapshot.data)
        if self.store.path is None:
            return list(glance(document, self.config, str(self.path))), None, ("", "")
        from orglab.search.building import experiments_of, settings_form  # noqa: PLC0415 - writing needs none of it
        from orglab.search.current import current_contents  # noqa: PLC0415

        contents = current_contents(self.store, snapshot, document, self.config)
        keys = [contents.part(number) + b"%d" % nth for number, nth in enumerate(contents.nths)]
        found = experiments_of(contents, document, self.config, str(self.path))
        return found, keys, (snapshot.digest, repr(settings_form(document.settings, self.config)))

    def experiment(self, reference: str) -> Experiment:
        """Return one experiment.

        Args:
            reference: `201`, `e201`, `[e201]`; a step's reference names its experiment.

        Raises:
            NotFoundError: There is none.
            UsageError: Two headings have this id, or it is no reference.
        """
        parsed = parse_reference(reference)
        snapshot = file.read(self.path)
        document = self._parse(snapshot.data)
        if self.store.path is None:
            return self._find(document, parsed)
        from orglab.search.current import experiment_called  # noqa: PLC0415 - writing needs none of it

        found = experiment_called(self.store, snapshot, document, self.config, parsed.id, str(self.path))
        # Of none there may be an old id, and of two there is an error to be made.
        return found or self._find(document, parsed)

    def step(self, reference: str) -> Step:
        """Return one step, such as `201.1`.

        Raises:
            NotFoundError: There is none.
        """
        parsed = parse_reference(reference)
        return find_step(self._find(self.document(), parsed), parsed)

    def spell(self, reference: str) -> str:
        """Return a reference as the log's users write it, such as `e201.1` for `[201.1]`; nothing is read."""
        parsed = parse_reference(reference)
        name = parsed.id.removeprefix(self.config.letter) or parsed.id
        return self.config.letter + name + (f".{parsed.step}" if parsed.step is not None else "")

    def _find(self, document: Document, reference: Reference) -> Experiment:
        return find_experiment(document, reference, self.config, self.path)

    def select(self, match: str | None = None) -> list[Experiment]:
        """Return the experiments whose headings an Org match string selects, in the order of the log; all if None.

        Raises:
            MatchSyntaxError: The match string cannot be read.
        """
        document, found = self._experiments()
        if match is None:
            return found
        from orglab.experiment.selecting import select  # noqa: PLC0415 - its regexps cost 15 ms, and few lists need them

        return select(found, match, document.settings.tag_groups or {})

    def check(self, progress: Progress | None = None) -> list[Diagnostic]:
        """Return what is wrong in the log.

        Args:
            progress: Told how many experiments are checked, of how many.
        """
        return self._check(self.document(), progress, self._resolver()) + self._check_terms()

    def _check_terms(self) -> list[Diagnostic]:
        """Return what cannot be read in the user's own terms."""
        text = self.terms()
        if not text:
            return []
        from orglab.search.similar.lexicon import parse_terms  # noqa: PLC0415 - few logs have terms of their own

        name = str(self.path.parent / TERMS_NAME)
        return [Diagnostic(name, one.line, 1, "bad-term", one.message) for one in parse_terms(text)[1]]

    def _check(
        self, document: Document, progress: Progress | None = None, resolver: "Resolver | None" = None
    ) -> list[Diagnostic]:
        from orglab.history.audit import lost_in_merges  # noqa: PLC0415 - for one command of many

        found = check(document, self.config, str(self.path), lambda: self._next_number(document), progress)
        found += lost_in_merges(document, str(self.path), self.repository)
        found += resolver.diagnose(document, str(self.path)) if resolver is not None else []
        return sorted(found, key=lambda one: (one.line, one.column))

    def _resolver(self) -> "Resolver | None":
        """Return what says where recorded commits live, if there is a git to ask."""
        if self.repository is None or not is_installed():
            return None
        from orglab.history.dead_commits import Resolver  # noqa: PLC0415 - for one command of many

        return Resolver(self.repository, self.path, self.config)

    def terms(self) -> str:
        """Return the text of the user's own terms, `orglab-terms.txt` beside the log; empty if there is none."""
        return file.read_text(self.path.parent / TERMS_NAME)

    def adopt(self) -> "Adoption":
        """Return what is understood of the log, which may not have been written as one; nothing is changed."""
        from orglab.experiment.adopt import read_adoption  # noqa: PLC0415 - for one command of many

        document = self.document()
        return read_adoption(document, self.config, str(self.path), self._check(document), self._next_number(document))

    def _next_number(self, document: Document) -> int:
        """Return the next whole number that is no id in the log, here or on any branch."""
        numbers = {0} | numbers_in(document.text) | numbers_of_old(document.text)
        if self.repository is not None and is_installed():
            numbers |= self.repository.numbers_on_branches(self.path)
        return max(numbers) + 1
