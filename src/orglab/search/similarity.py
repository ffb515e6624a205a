"""What was tried before: experiments that are like a text or another experiment, and a map of all.

It only reads the log; how likeness is found is in `orglab.search.similar`.  What was worked out of each experiment is
kept in the index, by the bytes of its subtree; without an index the same is done in memory, and takes longer.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from orglab.errors import NotFoundError, UsageError
from orglab.reference import parse_reference, without_letter
from orglab.search.derived_values import insert_values, select_values
from orglab.search.similar.topics import Topic, main_ideas, make_topics
from orglab.search.store import Answer, Reader, open_store, read_fingerprint, write_fingerprint
from orglab.search.subtrees import LogText

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment
    from orglab.log.log import LogFile
    from orglab.search.similar.features import ExperimentText
    from orglab.search.similar.lexicon import Lexicon
    from orglab.search.similar.precedent import Precedent

Progress = Callable[[int, int], None]

MOST = 3
"""How many precedents are shown where nobody says."""
# Of an experiment that runs for a year, the first notes say what it is about.
_MOST_NOTES = 10
_LEXICON = "lexicon-1"
_TABLE = """CREATE TABLE IF NOT EXISTS tried(
    experiment INTEGER PRIMARY KEY, shown TEXT NOT NULL, ideas TEXT NOT NULL, asked TEXT NOT NULL)"""


class TriedExperiment(NamedTuple):
    """What is shown of an experiment that was tried.

    Attributes:
        id: Its id.
        ref: How others refer to it.
        title: Its title.
        state: Its TODO keyword, or None.
        kind: What sort of state that is, as an experiment has it.
        is_done: Whether it is a done one.
        tags: Its tags.
        verdict: Its verdict, or None.
        outcome: What came of it in a line, or how far it is.
        is_concluded: Whether there is a conclusion or a verdict.
        at: When it was concluded, closed or created, as ISO 8601; empty if that is not known.
        file: The log.
        line: The 1-based line of its heading.
    """

    id: str
    ref: str
    title: str
    state: str | None
    kind: str | None
    is_done: bool
    tags: Sequence[str]
    verdict: str | None
    outcome: str
    is_concluded: bool
    at: str
    file: str = ""
    line: int = 0

    @property
    def verdict_word(self) -> str:
        """The word under which it is counted."""
        return self.verdict or ("without verdict" if self.is_done else "open")


class Map(NamedTuple):
    """What was tried, by topic.

    Attributes:
        experiments: The experiments.
        topics: Their numbers, by tag and idea.
    """

    experiments: list[TriedExperiment]
    topics: list[Topic]

    def newest_first(self, numbers: Sequence[int]) -> list[int]:
        """Return experiments by when they were concluded, the newest first, and those without conclusion last."""

        def key(number: int) -> tuple[bool, str, int]:
            one = self.experiments[number]
            return one.is_concluded, one.at, number

        return sorted(numbers, key=key, reverse=True)


def find_precedents(
    log: "LogFile", text: str, *, most: int = MOST, progress: Progress | None = None
) -> "list[Precedent]":
    """Return the experiments that tried the same idea, the surest first; none if none is sure enough.

    Args:
        log: The log.
        text: The idea in words, or the reference of an experiment, in any spelling: then the others are searched.
        most: How many at the most.
        progress: Told how many experiments are read, of how many.

    Raises:
        NotFoundError: The text is a reference, and there is no such experiment.
    """
    from orglab.search.similar.features import ExperimentText, question  # noqa: PLC0415 - a map needs none of it

    likeness = _SimilarExperiments(log, progress)

    def answer(index: sqlite3.Connection) -> "list[Precedent]":
        number = likeness.referred(index, text)
        if number is None:
            return likeness.find(index, question(text), most)
        query = "SELECT asked FROM tried WHERE experiment = ?"
        title, description, steps = json.loads(index.execute(query, (number,)).fetchone()[0])
        return likeness.find(index, ExperimentText(title, description, tuple(steps)), most, number)

    return likeness.answer(answer)


def find_precedents_for_new(
    log: "LogFile", asked: "ExperimentText", *, most: int = MOST, progress: Progress | None = None
) -> "list[Precedent]":
    """Return the experiments that tried the idea of a record, which is not in the log yet.

    Args:
        log: The log.
        asked: The idea.
        most: How many at the most.
        progress: Told how many experiments are read, of how many.
    """
    likeness = _SimilarExperiments(log, progress)
    return likeness.answer(lambda index: likeness.find(index, asked, most))


def make_map(
    log: "LogFile", match: str | None = None, tags: Sequence[str] = (), *, progress: Progress | None = None
) -> Map:
    """Return what was tried, by topic.

    Args:
        log: The log.
        match: An Org match string; only what it selects is on the map.
        tags: Only what carries all of them is.
        progress: Told how many experiments are read, of how many.
    """
    likeness = _SimilarExperiments(log, progress)
    selected = None if match is None else {one.line for one in log.select(match)}

    def read(index: sqlite3.Connection) -> list[tuple[TriedExperiment, dict[str, float]]]:
        query = """SELECT line, shown, ideas FROM experiment JOIN tried ON experiment = id ORDER BY place"""
        file = os.fspath(log.path)
        found = (
            (_tried(shown, file, line), ideas)
            for line, shown, ideas in index.execute(query)
            if selected is None or line in selected
        )
        return [(one, json.loads(ideas)) for one, ideas in found if all(tag in one.tags for tag in tags)]

    found = likeness.answer(read)
    usual = {log.config.tag, *log.config.tags, *tags}
    otherwise = " ".join(tags)
    topics = [next((tag for tag in one.tags if tag not in usual), otherwise) for one, _ in found]
    return Map([one for one, _ in found], make_topics(topics, [ideas for _, ideas in found]))


class _SimilarExperiments:
    """What is worked out of the experiments of a log."""

    def __init__(self, log: "LogFile", progress: Progress | None) -> None:
        self._log = log
        self._text = LogText(log)
        self._progress = progress
        self._lexicon: Lexicon | None = None

    @cached_property
    def _terms(self) -> str:
        return self._log.terms()

    @cached_property
    def _terms_mark(self) -> str:
        content = self._terms.encode("utf-8", "surrogatepass")
        return f"{len(content)}-{zlib.crc32(content):08x}-{zlib.adler32(content):08x}"

    def answer(self, question: Reader[Answer]) -> Answer:
        """Return what is read from an index that knows the experiments of the log as it is now."""
        store = open_store(self._log)
        found = store.answer(self._is_current, self._update, question)
        self._text.refresh_stamp(store)
        return found

    def _is_current(self, index: sqlite3.Connection) -> bool:
        if not self._text.is_current(index):
            return False
        return read_fingerprint(index, "tried") == {
            "key": read_fingerprint(index, "log")["key"],
            "terms": self._terms_mark,
        }

    def _update(self, index: sqlite3.Connection) -> None:
        """Have an index know them; what it knows already is not worked out again."""
        from orglab.search.similar.collection import Collection  # noqa: PLC0415 - where all is known, none is needed

        key, collection = self._text.update(index), Collection(index)
        index.execute(_TABLE)
        collection.make_tables()
        there = collection.numbers()
        query = "SELECT id, subtree, nth FROM experiment ORDER BY place"
        wanted = {number: place for number, *place in index.execute(query)}
        is_of_these_terms = read_fingerprint(index, "tried").get("terms") == self._terms_mark
        stale = there - wanted.keys() if is_of_these_terms else there
        new = {number: place for number, place in wanted.items() if number not in there - stale}
        collection.remove(stale)
        index.executemany("DELETE FROM tried WHERE experiment = ?", [(number,) for number in stale])
        collection.add(self._read(index, new))
        index.execute("DELETE FROM kept WHERE kind = ?", (_LEXICON,))
        insert_values(index, _LEXICON, {self._terms_mark.encode(): bytes(self.lexicon(index))})
        write_fingerprint(index, "tried", {"key": key, "terms": self._terms_mark})

    def _read(
        self, index: sqlite3.Connection, new: "dict[int, list[bytes | int]]"
    ) -> "Iterator[tuple[int, dict[str, float]]]":
        """Yield the features of experiments; put in what is shown of each."""
        from orglab.search.similar.features import features  # noqa: PLC0415 - the same

        lexicon = self.lexicon(index)
        for count, (number, (subtree, nth)) in enumerate(new.items(), 1):
            experiment = self._text.experiment(subtree, nth)  # type: ignore[arg-type]
            found = features(record(experiment), lexicon)
            asked = (experiment.title, experiment.description, [step.text for step in experiment.steps])
            row = (number, json.dumps(_shown(experiment)[:-2]), json.dumps(main_ideas(found)), json.dumps(asked))
            index.execute("INSERT OR REPLACE INTO tried VALUES (?, ?, ?, ?)", row)
            yield number, found
            if self._progress is not None:
                self._progress(count, len(new))

    def lexicon(self, index: sqlite3.Connection) -> "Lexicon":
        """Return the lexicon: to read its bytes takes a twentieth of the time that its text takes."""
        if self._lexicon is None:
            from orglab.search.similar.lexicon import load_lexicon, read_lexicon  # noqa: PLC0415 - the same

            key = self._terms_mark.encode()
            content = select_values(index, _LEXICON, [key]).get(key)
            self._lexicon = load_lexicon(content) if content is not None else read_lexicon(self._terms)
        return self._lexicon

    def find(
        self, index: sqlite3.Connection, asked: "ExperimentText", most: int, but: int | None = None
    ) -> "list[Precedent]":
        """Return the experiments that tried the idea of a record, but not the one with the number `but`."""
        from orglab.search.similar.collection import Collection  # noqa: PLC0415 - the same
        from orglab.search.similar.explanation import explain  # noqa: PLC0415 - the same
        from orglab.search.similar.features import features  # noqa: PLC0415 - the same
        from orglab.search.similar.fusion import find_similar  # noqa: PLC0415 - the same
        from orglab.search.similar.precedent import Precedent  # noqa: PLC0415 - the same

        query = "SELECT place, line, shown FROM experiment JOIN tried ON experiment = id WHERE id = ?"

        def place(number: int) -> int:
            return int(index.execute("SELECT place FROM experiment WHERE id = ?", (number,)).fetchone()[0])

        matches = find_similar(features(asked, self.lexicon(index)), Collection(index), most=most, but=but, place=place)
        found = []
        for match in matches:
            _, line, shown = index.execute(query, (match.number,)).fetchone()
            one = _tried(shown, os.fspath(self._log.path), line)
            found.append(
                Precedent(
                    round(match.score, 2), explain(match, asked), one.id, one.ref, one.title, one.state, one.verdict,
                    one.outcome, one.file, one.line,
                )
            )  # fmt: skip
        return found

    def referred(self, index: sqlite3.Connection, text: str) -> int | None:
        """Return the number of the experiment that a text names; None for a text that is none of the references."""
        try:
            name = parse_reference(text).id
        except UsageError:
            return None
        query = "SELECT id FROM experiment WHERE name = ?"
        for one in dict.fromkeys((name, without_letter(name, self._log.config.letter))):
            found = index.execute(query, (one,)).fetchall()
            if len(found) == 1:
                return int(found[0][0])
            if found:
                break
        try:
            # An id that it had before; or what is wrong with the reference.
            name = self._log.experiment(text).id
        except NotFoundError:
            # `dropout` is a word, and could be an id: `e201` and `[e201]` can be nothing else.
            if any(map(str.isdigit, text)) or "[" in text:
                raise
            return None
        return next((number for (number,) in index.execute(query, (name,))), None)


def record(experiment: "Experiment") -> "ExperimentText":
    """Return the texts of an experiment that are compared."""
    from orglab.search.similar.features import ExperimentText  # noqa: PLC0415 - the same

    notes = tuple(note.text for note in experiment.notes[:_MOST_NOTES])
    steps = tuple(step.text for step in experiment.steps)
    return ExperimentText(experiment.title, experiment.description, steps + notes, experiment.conclusion.text)


def _tried(shown: str, file: str, line: int) -> TriedExperiment:
    """Return what is shown of an experiment, from what is kept of it and where it stands now."""
    return TriedExperiment._make([*json.loads(shown), file, line])


def _shown(experiment: "Experiment") -> TriedExperiment:
    conclusion = experiment.conclusion
    at = experiment.concluded or experiment.created
    return TriedExperiment(
        experiment.id, experiment.ref, experiment.title, experiment.state, experiment.kind, experiment.is_done,
        experiment.tags, experiment.verdict, _outcome(experiment), bool(conclusion.text or experiment.verdict),
        at.isoformat() if at is not None else "",
    )  # fmt: skip


def _outcome(experiment: "Experiment") -> str:
    """Return what came of an experiment in a line, or how far it is."""
    from orglab.search.similar.explanation import find_outcome_sentence  # noqa: PLC0415 - the same

    if line := find_outcome_sentence(experiment.conclusion.text):
        return line
    done, total = experiment.progress
    return f"no conclusion yet ({done} of {total} steps done)" if total else "no conclusion yet"
