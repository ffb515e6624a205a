"""The log that is served: opened again when it has changed, and what a page is made of."""

import gc
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from orglab import clock
from orglab.api import Log
from orglab.api.guarded_log import digest_experiment
from orglab.api.log_snapshot import KnownRuns, LogWatch, Snapshot
from orglab.errors import NotFoundError, OrglabError, UsageError
from orglab.experiment.model import Experiment
from orglab.org.source import decode
from orglab.reference import Reference, parse_reference
from orglab.report.formats.pictures import Picture
from orglab.text import Tell
from orglab.web.addresses import Addresses
from orglab.web.page_text import Linked, PageText
from orglab.web.picture_store import PictureStore
from orglab.web.shown_texts import ShownTexts

Query = Mapping[str, list[str]]
"""What a page is asked for: the values of each name in its address."""


class Page(NamedTuple):
    """A page.

    Attributes:
        template: The name of its template.
        title: Its title.
        values: What the template shows.
    """

    template: str
    title: str
    values: Mapping[str, Any]


class View:
    """What a page is made of: the log as it is now, and its texts as HTML.

    Attributes:
        log: The log.
        addresses: The addresses of pages.
        query: What the page is asked for.
        may_write: Whether the page has forms.
        now: Local time.
        pictures: The pictures that the page shows, by their addresses.
        version: Which state of the log it shows.
    """

    def __init__(self, site: "Site", addresses: Addresses, query: Query) -> None:
        """Begin a page."""
        self.log: Log
        self.log, self.version = site.read_with_version()
        self.addresses = addresses
        self.query = query
        self.may_write = site.may_write and not addresses.is_export
        self.now = clock.now()
        self.pictures: dict[str, Picture] = {}
        self._site = site
        self._commits: dict[str, tuple[str, str]] = {}

    @property
    def is_export(self) -> bool:
        """Whether the page is a file for others, without what is private."""
        return self.addresses.is_export

    def first(self, name: str) -> str:
        """Return the first value that the page is asked for by a name; empty without one."""
        return next(iter(self.query.get(name, ())), "").strip()

    def with_query(self, **changes: object) -> str:
        """Return the query of the page with some values replaced."""
        query = {**self.query, **{name: [str(value)] for name, value in changes.items()}}
        return "?" + urlencode(query, doseq=True)

    def link_commits(self, names: Iterable[str]) -> None:
        """Make links of some hashes in the texts of the page."""
        self._commits |= {
            name: (one.commit.subject, one.url) for name, one in self.log.linked_commits([*names]).items()
        }

    def remember_text(self, experiment: Experiment) -> None:
        """Remember the text of an experiment, which the page shows."""
        text = experiment.document.text[experiment.begin : experiment.end]
        self._site.shown_texts.add(digest_experiment(experiment), decode(text))

    def find_commit(self, name: str) -> tuple[str, str]:
        """Return the subject and the web page of a commit that was given to `link_commits`."""
        return self._commits.get(name, ("not in this clone", ""))

    @cached_property
    def text(self) -> PageText:
        """The texts of the page."""
        log = self.log
        runs, sweeps = (frozenset(one.id for one in some) for some in (log.runs(), log.sweeps()))
        linked = Linked(
            self._find, self._has_experiment, runs, sweeps, self._commits, self._add_picture,
            lambda label: log.document().find_footnote(label),
        )  # fmt: skip
        return PageText(log.path.absolute().parent, log.top, log.config.letter, self.addresses, linked)

    def _find(self, name: str, step: int | None) -> tuple[str, str] | None:
        log = self.log
        try:
            experiment = log.find(log.document(), Reference(name, step))
        except (NotFoundError, UsageError):
            return None
        if step is None:
            return experiment.ref, experiment.title
        texts = {one.number: one.text for one in experiment.steps}
        return (f"{experiment.ref}.{step}", texts[step]) if step in texts else None

    def _has_experiment(self, ref: str) -> bool:
        try:
            parsed = parse_reference(ref)
        except UsageError:
            return False
        return self._find(parsed.id, None) is not None

    def _add_picture(self, picture: Picture) -> str:
        address = self._site.pictures.add(picture)
        self.pictures[address] = picture
        return address


class Site:
    """The log that is served.

    Attributes:
        open_log: Opens the log as it is now; what git did to it is told to the argument, if that is not None.
        may_write: Whether pages have forms.
        pictures: The pictures of its pages.
        shown_texts: The texts that its pages have shown.
    """

    def __init__(self, open_log: Callable[[Tell | None], Log], *, may_write: bool) -> None:
        """Open the log.

        Args:
            open_log: Opens the log as it is now; what git did to it is told to the argument, if that is not None.
            may_write: Whether pages have forms.

        Raises:
            OrglabError: There is no log.
        """
        self.open_log = open_log
        self.may_write = may_write
        self.pictures = PictureStore()
        self.shown_texts = ShownTexts()
        self._lock = threading.Lock()
        self._log = open_log(None)
        self._watch = LogWatch(self._log)
        self._state: tuple[object, ...] = ()
        self._known_runs = KnownRuns()
        self._snapshot = Snapshot.of(self._log, self._known_runs)
        self._began = secrets.token_hex(4)
        self._changes = 0

    @property
    def name(self) -> str:
        """What the log is called: the folder that its repository is in."""
        return Path(self._log.top).name

    def read(self) -> Snapshot:
        """Return the log as it is now."""
        return self.read_with_version()[0]

    def read_with_version(self) -> tuple[Snapshot, str]:
        """Return the log as it is now, and which state of it that is."""
        with self._lock:
            state = self._watch.read_state()
            if state != self._state:
                # A log that cannot be opened just now is read when it can be.
                with suppress(OrglabError):
                    self._log = self.open_log(None)
                    self._watch = self._watch if self._watch.is_of(self._log) else LogWatch(self._log)
                self._snapshot, self._state = Snapshot.of(self._log, self._known_runs), state
                self._changes += 1
                # What a log is made of names each other, so that it is not freed by itself.
                gc.collect()
            return self._snapshot, self.version

    @property
    def log_key(self) -> str:
        """What tells the log from others that were served at the same address."""
        return hashlib.sha256(os.fsencode(os.path.realpath(self._log.path))).hexdigest()[:12]

    def read_version(self) -> str:
        """Return which state of the log pages would show now."""
        return self.read_with_version()[1]

    @property
    def version(self) -> str:
        """Which state of the log the pages show; another server of the same log has others."""
        return f"{self.log_key}-{self._began}-{self._changes}"

    def view(self, query: Query, addresses: Addresses | None = None) -> View:
        """Return what a page is made of."""
        return View(self, addresses or Addresses(), query)
