"""An inverted index of the features of experiments, in SQLite tables in a file or in memory.

Each row holds a feature, an experiment that has it, and the weight in hundredths.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping

from orglab.search.similar.features import IDEA, SYNONYMS

# Rarity is smoothed, so that small logs give about the same values as large ones: as if there were so many other
# experiments, of which a fixed share has each feature.
_OTHERS = 40
_FEW = 5
_SHARE, _SHARE_OF_WORDS = 0.02, 0.05
# A misspelled word usually keeps its first letter and most of its trigrams.
_NEAR = 0.6
_SHORTEST = 5
# Shorter words begin many others by accident.
_SHORTEST_PART = 4
# The number of rows inserted at once, in the order of the primary key, to avoid scattered writes.
_MOST_POSTINGS = 1 << 18
_HUNDREDTHS = [number / 100 for number in range(101)]
_TABLES = (
    "CREATE TABLE IF NOT EXISTS feature(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, count INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS posting(
        feature INTEGER NOT NULL, experiment INTEGER NOT NULL, weight INTEGER NOT NULL,
        PRIMARY KEY (feature, experiment)) WITHOUT ROWID""",
    # Short values that are read for many experiments are kept apart from long ones.
    "CREATE TABLE IF NOT EXISTS main_idea(experiment INTEGER PRIMARY KEY, greatest REAL NOT NULL, total REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS features(experiment INTEGER PRIMARY KEY, ids TEXT NOT NULL)",
)


class Collection:
    """Experiments by number, with their features."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Give access to the experiments in a database."""
        self._connection = connection
        self._size: int | None = None
        self._ids: dict[str, int] = {}
        self._ids_and_counts: dict[str, tuple[int, int]] = {}
        self._experiments: dict[str, dict[int, float]] = {}

    @classmethod
    def of(cls, experiments: Iterable[Mapping[str, float]]) -> "Collection":
        """Return a collection in memory of experiments with these features, numbered from 0 on."""
        collection = cls(sqlite3.connect(":memory:", isolation_level=None))
        collection.make_tables()
        collection.add(enumerate(experiments))
        return collection

    def make_tables(self) -> None:
        """Create the tables, unless they exist."""
        for table in _TABLES:
            self._connection.execute(table)

    def add(self, experiments: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Add experiments, each with its number and its features."""
        changed: set[int] = set()
        postings: list[tuple[int, int, int]] = []
        for number, features in experiments:
            ids = [self._ids.get(name) or self._find_or_add_id(name) for name in features]
            weights = features.values()
            postings += [(feature, number, round(100 * weight)) for feature, weight in zip(ids, weights, strict=True)]
            if len(postings) > _MOST_POSTINGS:
                self._insert_postings(postings)
            self._connection.execute("INSERT INTO main_idea VALUES (?, ?, ?)", (number, *idea_weights(features)))
            changed.update(ids)
            self._connection.execute("INSERT INTO features VALUES (?, ?)", (number, " ".join(map(str, ids))))
        self._insert_postings(postings)
        self._update_counts(changed)

    def _insert_postings(self, postings: list[tuple[int, int, int]]) -> None:
        """Insert which experiments have which features, in the order of the primary key, and empty the list."""
        self._connection.executemany("INSERT INTO posting VALUES (?, ?, ?)", sorted(postings))
        postings.clear()

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove experiments."""
        changed: set[int] = set()
        for number in numbers:
            query = "SELECT ids FROM features WHERE experiment = ?"
            ids = [int(feature) for feature in self._connection.execute(query, (number,)).fetchone()[0].split()]
            pairs = [(feature, number) for feature in ids]
            self._connection.executemany("DELETE FROM posting WHERE feature = ? AND experiment = ?", pairs)
            changed.update(ids)
            for table in ("main_idea", "features"):
                self._connection.execute(f"DELETE FROM {table} WHERE experiment = ?", (number,))  # noqa: S608 - ours
        self._update_counts(changed)

    def _update_counts(self, changed: Iterable[int]) -> None:
        """Recount how many experiments have the changed features, and remove features that none has."""
        count = "UPDATE feature SET count = (SELECT count(*) FROM posting WHERE feature = feature.id) WHERE id = ?"
        self._connection.executemany(count, [(feature,) for feature in changed])
        self._connection.execute("DELETE FROM feature WHERE count = 0")
        self._size = None
        self._ids.clear()
        self._ids_and_counts.clear()
        self._experiments.clear()

    def _find_or_add_id(self, name: str) -> int:
        """Return the id of a feature, which is added if it is new."""
        if name not in self._ids:
            content = _encode(name)
            self._connection.execute("INSERT OR IGNORE INTO feature(name, count) VALUES (?, 0)", (content,))
            query = "SELECT id FROM feature WHERE name = ?"
            self._ids[name] = int(self._connection.execute(query, (content,)).fetchone()[0])
        return self._ids[name]

    def __len__(self) -> int:
        """Return the number of experiments."""
        if self._size is None:
            self._size = int(self._connection.execute("SELECT count(*) FROM main_idea").fetchone()[0])
        return self._size

    def numbers(self) -> set[int]:
        """Return the numbers of all experiments."""
        return {number for (number,) in self._connection.execute("SELECT experiment FROM main_idea")}

    def _find(self, feature: str) -> tuple[int, int]:
        """Return the id of a feature, and how many experiments have it."""
        if feature not in self._ids_and_counts:
            query = "SELECT id, count FROM feature WHERE name = ?"
            self._ids_and_counts[feature] = self._connection.execute(query, (_encode(feature),)).fetchone() or (0, 0)
        return self._ids_and_counts[feature]

    def count(self, feature: str) -> int:
        """Return how many experiments have a feature."""
        return self._find(feature)[1]

    def find_experiments(self, feature: str) -> Mapping[int, float]:
        """Return the numbers of the experiments that have a feature, with its weight in each."""
        if feature not in self._experiments:
            query = "SELECT experiment, weight FROM posting WHERE feature = ?"
            rows = self._connection.execute(query, self._find(feature)[:1]).fetchall()
            self._experiments[feature] = {number: _HUNDREDTHS[weight] for number, weight in rows}
        return self._experiments[feature]

    def weight(self, feature: str, number: int) -> float | None:
        """Return the weight of a feature in an experiment, or None if the experiment does not have it."""
        query = "SELECT weight FROM posting WHERE feature = ? AND experiment = ?"
        row = self._connection.execute(query, (self._find(feature)[0], number)).fetchone()
        return _HUNDREDTHS[row[0]] if row is not None else None

    def ideas(self, number: int) -> tuple[float, float]:
        """Return the greatest weight of the ideas of an experiment, and the sum of their weights."""
        query = "SELECT greatest, total FROM main_idea WHERE experiment = ?"
        greatest, total = self._connection.execute(query, (number,)).fetchone()
        return greatest, total

    def features(self, number: int) -> list[str]:
        """Return the features of an experiment."""
        row = self._connection.execute("SELECT ids FROM features WHERE experiment = ?", (number,)).fetchone()
        query = f"SELECT name FROM feature WHERE id IN ({row[0].replace(' ', ',')})"  # noqa: S608 - ours
        return [name.decode("utf-8", "surrogatepass") for (name,) in self._connection.execute(query)]

    def words(self, begin: str) -> Iterable[str]:
        """Return the words with a prefix."""
        first = _encode(begin)
        rows = self._connection.execute(
            "SELECT name FROM feature WHERE name >= ? AND name < ?", (first, first + b"\xff")
        )
        return [name.decode("utf-8", "surrogatepass") for (name,) in rows]


def _encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def idea_weights(features: Mapping[str, float]) -> tuple[float, float]:
    """Return the greatest weight of the ideas among features, and the sum of their weights."""
    weights = [weight for feature, weight in features.items() if feature[0] == IDEA]
    return max(weights, default=0.0), sum(weights)


def rarity(collection: Collection, feature: str) -> float:
    """Return the rarity of a feature: about 1 for one that no experiment has, 0 for one that all have."""
    share = _SHARE_OF_WORDS if feature[0] == SYNONYMS else _SHARE
    count, size = collection.count(feature), len(collection) + _OTHERS
    # What many experiments have in common is no reason, also in a log of ten.
    distinct = 1.0 - count / (len(collection) + _FEW)
    return distinct * math.log(size / (count + _OTHERS * share)) / math.log(size)


def find_near_word(collection: Collection, word: str) -> str | None:
    """Return the word of a collection most like an unknown one: another spelling of it, or else a part; or None."""
    if not word.isalpha():
        return None
    return _find_misspelled(collection, word) or _find_part(collection, word)


def _find_part(collection: Collection, word: str) -> str | None:
    """Return the longest word with which an unknown one begins, such as `peat` for `peatland`, or else the reverse."""
    for length in range(len(word) - _SHORTEST_PART + 1, _SHORTEST_PART - 1, -1):
        if collection.count(word[:length]):
            return word[:length]
    longer = [other for other in collection.words(word) if other.isalpha()] if len(word) >= _SHORTEST_PART else []
    return min(longer, key=lambda other: (len(other), other), default=None)


def _find_misspelled(collection: Collection, word: str) -> str | None:
    """Return the word with the most trigrams in common, or None."""
    if len(word) < _SHORTEST:
        return None
    trigrams = _trigrams(word)
    best, best_similarity = None, _NEAR
    for other in collection.words(word[0]):
        if abs(len(other) - len(word)) <= 2 and other != word:  # noqa: PLR2004 - more would not be a misspelling
            other_trigrams = _trigrams(other)
            similarity = 2 * len(trigrams & other_trigrams) / (len(trigrams) + len(other_trigrams))
            if (similarity, other) > (best_similarity, best or ""):
                best, best_similarity = other, similarity
    return best


def _trigrams(word: str) -> set[str]:
    padded = f" {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}
