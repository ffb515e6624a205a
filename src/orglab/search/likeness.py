"""What was tried before: experiments that are like a text or another experiment, and a map of all.

It only reads the log; how likeness is found is in `orglab.search.similar`.  What was worked out of each experiment is
kept in the index, by its bytes; without an index the answer is the same, later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from orglab.errors import NotFoundError
from orglab.search.current import keyed_experiments
from orglab.search.kept import keep, read_kept
from orglab.search.similar import postings
from orglab.search.similar.answering import Precedent, answer, asked_by
from orglab.search.similar.collection import Features
from orglab.search.similar.explain import telling_line
from orglab.search.similar.features import Record, features, question
from orglab.search.similar.fusion import MOST_SHOWN
from orglab.search.similar.lexicon import load_lexicon, read_lexicon
from orglab.search.similar.postings import Postings
from orglab.search.similar.topics import make_topics
from orglab.search.store import DOUBTS, open_store

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment
    from orglab.log.log import LogFile
    from orglab.search.similar.lexicon import Lexicon
    from orglab.search.similar.postings import Found, Head, Read, Shown
    from orglab.search.similar.topics import Topic
    from orglab.search.store import Store

Progress = Callable[[int, int], None]

# Of an experiment that runs for a year, the first notes say what it is about.
_MOST_NOTES = 10
_REFERENCE = re.compile(r"\[?[A-Za-z0-9_-]+(?:\.[0-9]+)?\]?")


class Map(NamedTuple):
    """What was tried, by topic.

    Attributes:
        experiments: The experiments.
        topics: Their numbers, by tag and idea.
    """

    experiments: list[Experiment]
    topics: list[Topic]


def record(experiment: Experiment) -> Record:
    """Return the texts of an experiment that are compared."""
    notes = tuple(note.text for note in experiment.notes[:_MOST_NOTES])
    steps = tuple(step.text for step in experiment.steps)
    return Record(experiment.title, experiment.description, steps + notes, experiment.conclusion.text)


def outcome(experiment: Experiment) -> str:
    """Return what came of an experiment in a line, or how far it is."""
    if line := telling_line(experiment.conclusion.text):
        return line
    done, total = experiment.progress
    return f"no conclusion yet ({done} of {total} steps done)" if total else "no conclusion yet"


def precedents(log: LogFile, text: str, *, most: int = MOST_SHOWN, progress: Progress | None = None) -> list[Precedent]:
    """Return the experiments that tried the same idea, the surest first; none if none is sure enough.

    Args:
        log: The log.
        text: The idea in words, or the reference of an experiment, in any spelling: then the others are searched.
        most: How many at the most.
        progress: Told how many experiments are read, of how many.

    Raises:
        NotFoundError: The text is a reference, and there is no such experiment.
    """
    experiment = _referred(log, text)
    if experiment is None:
        return precedents_like(log, question(text), most=most, progress=progress)
    return precedents_like(log, asked_by(experiment), most=most, but=experiment.id, progress=progress)


def precedents_like(
    log: LogFile, asked: Record, *, most: int = MOST_SHOWN, but: str | None = None, progress: Progress | None = None
) -> list[Precedent]:
    """Return the experiments that tried the idea of a record, which may not be in the log yet.

    Args:
        log: The log.
        asked: The idea.
        most: How many at the most.
        but: The id of an experiment that is not to be found.
        progress: Told how many experiments are read, of how many.
    """
    terms = log.terms()
    experiments, keys, (digest, settings) = keyed_experiments(log)
    excluded = next((number for number, one in enumerate(experiments) if one.id == but), None)
    make = _Maker(experiments, terms, progress)
    if keys is None:
        collection: Features | Postings = Features([make.features(number) for number in range(len(experiments))])
        shown = make.shown
    else:
        form = postings.form_mark(terms, settings)
        collection = _kept(open_store(log), _distinct(keys), digest, form, make)
        shown = collection.shown
    found = answer(asked, make.lexicon, collection, shown, most=most, but=excluded)
    return [one.standing(str(log.path), experiments[one.number].ref, experiments[one.number].line) for one in found]


def _referred(log: LogFile, text: str) -> Experiment | None:
    """Return the experiment that a text names; None for a text that is none of the references there are."""
    words = text.strip()
    if not _REFERENCE.fullmatch(words):
        return None
    try:
        return log.experiment(words)
    except NotFoundError:
        # `dropout` is a word, and could be an id: `e201` and `[e201]` can be nothing else.
        if any(map(str.isdigit, words)) or words.startswith("["):
            raise
        return None


class _Maker:
    """Works out of experiments what is compared, and what is shown of them."""

    def __init__(self, experiments: Sequence[Experiment], terms: str, progress: Progress | None) -> None:
        self.experiments = experiments
        self._terms = terms
        self._progress = progress
        self._done = 0

    @cached_property
    def lexicon(self) -> Lexicon:
        return read_lexicon(self._terms)

    def features(self, number: int) -> dict[str, float]:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, len(self.experiments))
        return features(record(self.experiments[number]), self.lexicon)

    def shown(self, number: int) -> Shown:
        one = self.experiments[number]
        return one.id, one.title, one.state, one.verdict, outcome(one)


def _distinct(keys: list[bytes]) -> list[bytes]:
    """Return keys of which none is another's: a text that stands in the log twice has the same twice."""
    if len(set(keys)) == len(keys):
        return keys
    seen: Counter[bytes] = Counter()
    found = []
    for key in keys:
        seen[key] += 1
        found.append(key + b"-%d" % seen[key])
    return found


def _kept(store: Store, keys: list[bytes], digest: str, form: str, make: _Maker) -> Postings:
    """Return the collection that the index keeps, brought up to date."""
    # At once, for another process may make them anew in between.
    rows = read_kept(store, postings.KIND)

    def read(names: Sequence[bytes]) -> dict[bytes, bytes]:
        return {name: rows[name] for name in names if name in rows}

    try:
        head = postings.read_head(read)
        if head.form == form:
            make.lexicon = load_lexicon(rows[postings.LEXICON])
            return Postings(head, read) if head.digest == digest else _updated(store, head, read, keys, digest, make)
    except DOUBTS:
        pass
    return _made(store, keys, digest, form, make, {})


def _updated(store: Store, head: Head, read: Read, keys: list[bytes], digest: str, make: _Maker) -> Postings:
    """Return a collection with what has changed since it was kept."""
    slots = {key: slot for slot, key in enumerate(postings.read_keys(read))}
    base = len(slots)
    slots.update({key: slot for slot, (key, _, _) in enumerate(head.new, base)})
    fresh = [number for number, key in enumerate(keys) if key not in slots]
    if len(head.new) + len(fresh) > postings.MOST_NEW:
        return _made(store, keys, digest, head.form, make, postings.known_features(head, read))
    for number in fresh:
        slots[keys[number]] = base + len(head.new)
        head.new.append((keys[number], make.features(number), make.shown(number)))
    now = postings.renewed(head, digest, (slots[key] for key in keys))
    keep(store, postings.KIND, {postings.HEAD: bytes(now)})
    return Postings(now, read)


def _made(
    store: Store,
    keys: list[bytes],
    digest: str,
    form: str,
    make: _Maker,
    known: dict[bytes, tuple[Found, Shown]],
) -> Postings:
    """Return a collection that is made anew, and kept."""
    pairs = [known.get(key) or (make.features(number), make.shown(number)) for number, key in enumerate(keys)]
    rows = postings.make_rows(form, digest, keys, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    rows[postings.LEXICON] = bytes(make.lexicon)
    keep(store, postings.KIND, rows, rows)

    def read(names: Sequence[bytes]) -> dict[bytes, bytes]:
        return {name: rows[name] for name in names if name in rows}

    return Postings(postings.read_head(read), read)


def map_of(log: LogFile, match: str | None = None, tags: Sequence[str] = ()) -> Map:
    """Return what was tried, by topic.

    Args:
        log: The log.
        match: An Org match string; only what it selects is on the map.
        tags: Only what carries all of them is.
    """
    lexicon = read_lexicon(log.terms())
    found = [one for one in log.select(match) if all(tag in one.tags for tag in tags)]
    usual = {log.config.tag, *log.config.tags, *tags}
    otherwise = " ".join(tags)
    topics = [next((tag for tag in one.tags if tag not in usual), otherwise) for one in found]
    return Map(found, make_topics(topics, [features(record(one), lexicon) for one in found]))
