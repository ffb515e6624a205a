"""Experiments that are close to a text or another experiment, and a map of all experiments by topic.

`orglab.search.similar` compares the texts.  The features of each experiment are stored in the index, by the bytes of
its subtree; without an index they are computed in memory, which takes longer.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from orglab.errors import NotFoundError, UsageError
from orglab.experiment.states import KIND_WORDS
from orglab.reference import parse_reference, without_letter
from orglab.search.derived_values import insert_values, select_values
from orglab.search.similar.topics import Themes, Topic, choose_tags, drop_names, find_themes, make_topics
from orglab.search.store import Answer, Reader, open_store, read_fingerprint, write_fingerprint
from orglab.search.subtrees import LogText

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment
    from orglab.log.log import LogFile
    from orglab.search.similar.collection import Collection
    from orglab.search.similar.features import ExperimentText
    from orglab.search.similar.lexicon import Lexicon
    from orglab.search.similar.precedent import Precedent

Progress = Callable[[int, int], None]

MOST = 3
"""How many precedents to show, by default."""
NO_CONCLUSION = "no conclusion yet"
"""How the outcome of an experiment without the text of a conclusion begins."""
# Of a description that is the same by no accident
_LEAST_WORDS = 4
# Only the first notes: they say what the experiment is about, even if it runs for a year.
_MOST_NOTES = 10
_LEXICON = "lexicon-1"
# The words of the title and of the description are joined, so that they can be compared as they are.
_TABLES = (
    """CREATE TABLE IF NOT EXISTS tried(
    experiment INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL, shown TEXT NOT NULL,
    themes TEXT NOT NULL, asked TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS tried_title ON tried(title)",
    "CREATE INDEX IF NOT EXISTS tried_description ON tried(description)",
)


class TriedExperiment(NamedTuple):
    """The fields of an experiment that the map shows.

    Attributes:
        id: The id.
        ref: The reference.
        title: The title.
        state: The TODO keyword, or None.
        kind: The kind of the state, as in `Experiment`.
        is_done: Whether the state is a done state.
        tags: The tags.
        verdict: The verdict, or None.
        outcome: The outcome in one line, why it was dropped or, without either, the progress.
        reason: The same without the state, of an experiment that was dropped; empty if the log does not tell.
        is_concluded: Whether the experiment has a conclusion or a verdict.
        at: The date of the conclusion, else of closing, else of creation, in ISO 8601; empty if unknown.
        aliases: The former ids.
        file: The log.
        line: The 1-based line of the heading.
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
    reason: str
    is_concluded: bool
    at: str
    aliases: Sequence[str] = ()
    file: str = ""
    line: int = 0

    @property
    def verdict_word(self) -> str:
        """The verdict, or the word that replaces it in counts."""
        if self.verdict or self.kind is None:
            return self.verdict or KIND_WORDS["without_state"]
        return (self.state or "").lower() if self.kind == "dropped" else "without verdict" if self.is_done else "open"


class Map(NamedTuple):
    """The experiments of a log by topic.

    Attributes:
        experiments: The experiments.
        topics: The indices of the experiments, by tag and idea.
    """

    experiments: list[TriedExperiment]
    topics: list[Topic]

    def newest_first(self, numbers: Sequence[int]) -> list[int]:
        """Return experiments by the date of their conclusion, newest first, followed by those without one."""

        def key(number: int) -> tuple[bool, str, int]:
            experiment = self.experiments[number]
            return experiment.is_concluded, experiment.at, number

        return sorted(numbers, key=key, reverse=True)


def find_precedents(
    log: "LogFile", text: str, *, most: int = MOST, progress: Progress | None = None
) -> "list[Precedent]":
    """Return the experiments closest to an idea, the closest first; without those that have nothing in common.

    Args:
        log: The log.
        text: The idea in words, or a reference to an experiment, which is compared with the others.
        most: The maximum number of experiments.
        progress: Called with the number of experiments read so far, and of all to read.

    Raises:
        NotFoundError: The text is a reference to an unknown experiment.
    """
    from orglab.search.similar.features import ExperimentText, parse_question  # noqa: PLC0415 - not for a map

    experiments = _ComparedExperiments(log, progress)

    def answer(index: sqlite3.Connection) -> "list[Precedent]":
        number = experiments.find_number(index, text)
        if number is None:
            return experiments.find_precedents(index, parse_question(text), most)
        query = "SELECT asked FROM tried WHERE experiment = ?"
        title, description, steps = json.loads(index.execute(query, (number,)).fetchone()[0])
        question = ExperimentText(title, description, tuple(steps))
        return experiments.find_precedents(index, question, most, exclude=number)

    return experiments.answer(answer)


def find_sure_precedents(
    log: "LogFile", question: "ExperimentText", *, progress: Progress | None = None
) -> "list[Precedent]":
    """Return the experiments that surely tried the idea of an experiment that is not in the log yet, at most three.

    Args:
        log: The log.
        question: The texts of the new experiment.
        progress: Called with the number of experiments read so far, and of all to read.
    """
    experiments = _ComparedExperiments(log, progress)

    def answer(index: sqlite3.Connection) -> "list[Precedent]":
        return [one for one in experiments.find_precedents(index, question, MOST) if one.is_sure]

    return experiments.answer(answer)


def find_stopping(
    log: "LogFile", title: str, description: str | None, steps: Sequence[str], *, is_open: bool
) -> "list[Precedent]":
    """Return the experiments that surely tried the idea of a new one, or only those of its title that are not done.

    Args:
        log: The log.
        title: The title of the new experiment.
        description: Its description.
        steps: Its steps.
        is_open: Whether to return only experiments that are not done and have the same title.
    """
    from orglab.search.similar.features import ExperimentText  # noqa: PLC0415 - not for a map
    from orglab.search.similar.stems import join_words  # noqa: PLC0415 - the same

    sure = find_sure_precedents(log, ExperimentText(title, description or "", tuple(steps)))
    words = join_words(title)
    if not is_open:
        return sure
    return [one for one in sure if join_words(one.title) == words and not log.experiment(one.ref).is_done]


def make_map(
    log: "LogFile", match: str | None = None, tags: Sequence[str] = (), *, progress: Progress | None = None
) -> Map:
    """Return the experiments of a log by topic.

    Args:
        log: The log.
        match: An Org match string to select experiments; all if None.
        tags: Tags that the experiments must all have.
        progress: Called with the number of experiments read so far, and of all to read.
    """
    compared = _ComparedExperiments(log, progress)
    selected = None if match is None else {experiment.line for experiment in log.select(match)}

    def read(index: sqlite3.Connection) -> list[tuple[TriedExperiment, Themes]]:
        query = """SELECT line, shown, themes FROM experiment JOIN tried ON experiment = id ORDER BY place"""
        file = os.fspath(log.path)
        rows = (
            (_restore_tried(shown, file, line), themes)
            for line, shown, themes in index.execute(query)
            if selected is None or line in selected
        )
        return [
            (experiment, Themes._make(json.loads(themes)))
            for experiment, themes in rows
            if all(tag in experiment.tags for tag in tags)
        ]

    rows = compared.answer(read)
    common_tags = {log.config.tag, *log.config.tags, *tags}
    names = [(one.id, one.ref, *one.aliases) for one, _ in rows]
    topics = choose_tags(drop_names([one.tags for one, _ in rows], names), common_tags, " ".join(tags))
    return Map([experiment for experiment, _ in rows], make_topics(topics, [themes for _, themes in rows]))


class _ComparedExperiments:
    """The features of the experiments of a log, in the index."""

    def __init__(self, log: "LogFile", progress: Progress | None) -> None:
        self._log = log
        self._text = LogText(log)
        self._progress = progress
        self._lexicon: Lexicon | None = None

    @cached_property
    def _terms(self) -> str:
        return self._log.terms()

    @cached_property
    def _terms_fingerprint(self) -> str:
        content = self._terms.encode("utf-8", "surrogatepass")
        return f"{len(content)}-{zlib.crc32(content):08x}-{zlib.adler32(content):08x}"

    def answer(self, question: Reader[Answer]) -> Answer:
        """Return what `question` reads from an index with the current experiments of the log."""
        store = open_store(self._log)
        answer = store.answer(self._is_current, self._update, question)
        self._text.refresh_stamp(store)
        return answer

    def _is_current(self, index: sqlite3.Connection) -> bool:
        if not self._text.is_current(index):
            return False
        return read_fingerprint(index, "tried") == {
            "key": read_fingerprint(index, "log")["key"],
            "terms": self._terms_fingerprint,
        }

    def _update(self, index: sqlite3.Connection) -> None:
        """Bring an index up to date, computing only what is missing."""
        from orglab.search.similar.collection import Collection  # noqa: PLC0415 - not needed if the index is current

        key, collection = self._text.update(index), Collection(index)
        for table in _TABLES:
            index.execute(table)
        collection.make_tables()
        indexed = collection.numbers()
        query = "SELECT id, subtree, nth FROM experiment ORDER BY place"
        current = {number: place for number, *place in index.execute(query)}
        has_same_terms = read_fingerprint(index, "tried").get("terms") == self._terms_fingerprint
        stale = indexed - current.keys() if has_same_terms else indexed
        new = {number: place for number, place in current.items() if number not in indexed - stale}
        collection.remove(stale)
        index.executemany("DELETE FROM tried WHERE experiment = ?", [(number,) for number in stale])
        collection.add(self._read(index, new))
        index.execute("DELETE FROM kept WHERE kind = ?", (_LEXICON,))
        insert_values(index, _LEXICON, {self._terms_fingerprint.encode(): bytes(self.lexicon(index))})
        write_fingerprint(index, "tried", {"key": key, "terms": self._terms_fingerprint})

    def _read(
        self, index: sqlite3.Connection, new: "dict[int, list[bytes | int]]"
    ) -> "Iterator[tuple[int, dict[str, float]]]":
        """Yield the features of experiments, inserting the fields that are shown of each."""
        from orglab.search.similar.features import extract_features  # noqa: PLC0415 - the same
        from orglab.search.similar.stems import join_words  # noqa: PLC0415 - the same

        lexicon = self.lexicon(index)
        for count, (number, (subtree, nth)) in enumerate(new.items(), 1):
            experiment = self._text.experiment(subtree, nth)  # type: ignore[arg-type]
            features = extract_features(read_texts(experiment), lexicon)
            question = (experiment.title, experiment.description, [step.text for step in experiment.steps])
            shown = _make_tried(experiment)[:-2]
            words = (join_words(experiment.title), join_words(experiment.description))
            row = (
                number,
                *words,
                *map(json.dumps, (shown, find_themes(features, experiment.title, lexicon.words), question)),
            )
            index.execute("INSERT OR REPLACE INTO tried VALUES (?, ?, ?, ?, ?, ?)", row)
            yield number, features
            if self._progress is not None:
                self._progress(count, len(new))

    def lexicon(self, index: sqlite3.Connection) -> "Lexicon":
        """Return the lexicon, from its compiled form if possible: reading that is twenty times as fast."""
        if self._lexicon is None:
            from orglab.search.similar.lexicon import load_lexicon, read_lexicon  # noqa: PLC0415 - the same

            key = self._terms_fingerprint.encode()
            content = select_values(index, _LEXICON, [key]).get(key)
            self._lexicon = load_lexicon(content) if content is not None else read_lexicon(self._terms)
        return self._lexicon

    def find_precedents(
        self,
        index: sqlite3.Connection,
        question: "ExperimentText",
        most: int,
        exclude: int | None = None,
    ) -> "list[Precedent]":
        """Return the experiments closest to a question, without the one with the number `exclude`.

        Those with the same title or description come first.
        """
        from orglab.search.similar.collection import Collection  # noqa: PLC0415 - the same
        from orglab.search.similar.explanation import explain  # noqa: PLC0415 - the same
        from orglab.search.similar.features import extract_features  # noqa: PLC0415 - the same
        from orglab.search.similar.fusion import CERTAIN, Match, find_similar, shared_features  # noqa: PLC0415 - the same
        from orglab.search.similar.precedent import Precedent  # noqa: PLC0415 - the same

        query = "SELECT place, line, shown FROM experiment JOIN tried ON experiment = id WHERE id = ?"

        def place(number: int) -> int:
            return int(index.execute("SELECT place FROM experiment WHERE id = ?", (number,)).fetchone()[0])

        features, collection = extract_features(question, self.lexicon(index)), Collection(index)
        matches = find_similar(features, collection, most=most, exclude=exclude, place=place)
        same = [number for number in self._find_same(index, collection, question, features) if number != exclude]
        alike = [
            Match(number, CERTAIN, is_sure=True, shared=shared_features(features, collection, number))
            for number in same[:most]
        ]
        matches = [*alike, *(match for match in matches if match.number not in same)][:most]
        precedents = []
        for match in matches:
            _, line, shown = index.execute(query, (match.number,)).fetchone()
            tried = _restore_tried(shown, os.fspath(self._log.path), line)
            precedents.append(
                Precedent(
                    round(match.score, 2), match.is_sure, explain(match, question), tried.id, tried.ref, tried.title,
                    tried.state, tried.verdict, tried.outcome, tried.file, tried.line,
                )
            )  # fmt: skip
        return precedents

    def _find_same(
        self,
        index: sqlite3.Connection,
        collection: "Collection",
        question: "ExperimentText",
        features: dict[str, float],
    ) -> list[int]:
        """Return the numbers of the experiments with the title or the description of a question, the newest first.

        Case, hyphens, spacing and stop words do not count; a description of a few words may be the same by accident,
        and one that was copied for another setting has other numbers in the title.
        """
        from orglab.search.similar.fusion import has_other_values  # noqa: PLC0415 - not for a map
        from orglab.search.similar.stems import join_words, stems  # noqa: PLC0415 - the same

        text = question.description if len(stems(question.description)) >= _LEAST_WORDS else ""
        query = """SELECT experiment, title IS ?1 FROM tried JOIN experiment ON id = experiment
            WHERE title = ?1 OR description = ?2 ORDER BY place DESC"""
        # NULL is equal to nothing, so that texts without words are not the same.
        rows = index.execute(query, [join_words(one) or None for one in (question.title, text)])
        return [number for number, is_title in rows if is_title or not has_other_values(features, collection, number)]

    def find_number(self, index: sqlite3.Connection, text: str) -> int | None:
        """Return the index number of the experiment that a text refers to; None if the text is not a reference."""
        try:
            name = parse_reference(text).id
        except UsageError:
            return None
        query = "SELECT id FROM experiment WHERE name = ?"
        for spelling in dict.fromkeys((name, without_letter(name, self._log.config.letter))):
            rows = index.execute(query, (spelling,)).fetchall()
            if len(rows) == 1:
                return int(rows[0][0])
            if rows:
                break
        try:
            # It may be an earlier id; otherwise this raises the error.
            name = self._log.experiment(text).id
        except NotFoundError:
            # `dropout` and `L2` may be words or ids, but `e201` and `[e201]` can only be references.
            if without_letter(name, self._log.config.letter).isdecimal() or "[" in text:
                raise
            return None
        return next((number for (number,) in index.execute(query, (name,))), None)


def read_texts(experiment: "Experiment") -> "ExperimentText":
    """Return the texts of an experiment to compare."""
    from orglab.experiment.other_text import read_other_text  # noqa: PLC0415 - the same
    from orglab.search.similar.features import ExperimentText  # noqa: PLC0415

    notes = tuple(note.text for note in (*experiment.notes, *read_other_text(experiment))[:_MOST_NOTES])
    steps = tuple(step.text for step in experiment.steps)
    return ExperimentText(experiment.title, experiment.description, steps + notes, experiment.conclusion.text)


def _restore_tried(shown: str, file: str, line: int) -> TriedExperiment:
    """Return the shown fields of an experiment from their stored form and the current position."""
    return TriedExperiment._make([*json.loads(shown), file, line])


def _make_tried(experiment: "Experiment") -> TriedExperiment:
    from orglab.experiment.ids import read_aliases  # noqa: PLC0415 - the same

    conclusion = experiment.conclusion
    at = experiment.concluded or experiment.created
    outcome, reason = _summarize_outcome(experiment)
    return TriedExperiment(
        experiment.id, experiment.ref, experiment.title, experiment.state, experiment.kind, experiment.is_done,
        experiment.tags, experiment.verdict, outcome, reason,
        bool(conclusion.text or experiment.verdict),
        at.isoformat() if at is not None else "", read_aliases(experiment.heading),
    )  # fmt: skip


def _summarize_outcome(experiment: "Experiment") -> tuple[str, str]:
    """Return the outcome of an experiment in one line, and why it was dropped; without an outcome, the progress."""
    from orglab.search.similar.explanation import find_outcome_sentence  # noqa: PLC0415 - the same

    line = find_outcome_sentence(experiment.conclusion.text)
    if experiment.kind == "dropped":
        state, reason = (experiment.state or "").lower(), line or _find_reason(experiment)
        if reason.lower().startswith(state):
            return reason, reason[len(state) :].lstrip(" :,;.") or reason
        return f"{state}: {reason}" if reason else f"{state}; no reason is noted", reason
    done, total = experiment.progress
    return line or (f"{NO_CONCLUSION} ({done} of {total} steps done)" if total else NO_CONCLUSION), ""


def _find_reason(experiment: "Experiment") -> str:
    """Return why an experiment was dropped: what was noted with the change of its state, else its last note."""
    from orglab.experiment.state_reason import read_reason  # noqa: PLC0415 - the same
    from orglab.search.similar.explanation import find_outcome_sentence  # noqa: PLC0415 - the same

    notes = sorted(experiment.all_notes, key=lambda note: note.at.isoformat() if note.at is not None else "")
    return find_outcome_sentence(read_reason(experiment)[1] or (notes[-1].text if notes else ""))
