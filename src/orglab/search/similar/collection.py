"""The experiments of a log, ready to be compared: which of them have a feature, and how much.

They are rows of SQLite, in a file or in memory: a feature, an experiment that has it, its weight in hundredths.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping

from orglab.search.similar.features import IDEA, WORDS

# What is seldom in a log of a thousand experiments is so in one of ten: as if there were so many others beside it,
# with each feature in its usual share of them.
_OTHERS = 40
_SHARE, _SHARE_OF_WORDS = 0.02, 0.05
# A typing error leaves the first letter, and most triples of letters.
_NEAR = 0.6
_SHORTEST = 5
# Rows that are put in at once: one by one they would fall all over the table.
_MOST_POSTINGS = 1 << 18
_HUNDREDTHS = [number / 100 for number in range(101)]
_TABLES = (
    "CREATE TABLE IF NOT EXISTS feature(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, count INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS posting(
        feature INTEGER NOT NULL, experiment INTEGER NOT NULL, weight INTEGER NOT NULL,
        PRIMARY KEY (feature, experiment)) WITHOUT ROWID""",
    # What is asked of many stands apart from what is long.
    "CREATE TABLE IF NOT EXISTS main_idea(experiment INTEGER PRIMARY KEY, greatest REAL NOT NULL, total REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS features(experiment INTEGER PRIMARY KEY, ids TEXT NOT NULL)",
)


class Collection:
    """Experiments by number, with their features."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Stand for the experiments in a database."""
        self._connection = connection
        self._size: int | None = None
        self._ids: dict[str, int] = {}
        self._known: dict[str, tuple[int, int]] = {}
        self._having: dict[str, dict[int, float]] = {}

    @classmethod
    def of(cls, experiments: Iterable[Mapping[str, float]]) -> "Collection":
        """Return a collection in memory of the features of experiments, numbered from 0 on."""
        found = cls(sqlite3.connect(":memory:", isolation_level=None))
        found.make_tables()
        found.add(enumerate(experiments))
        return found

    def make_tables(self) -> None:
        """Make the tables, unless they are there."""
        for table in _TABLES:
            self._connection.execute(table)

    def add(self, experiments: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Put experiments in, each by its number and its features."""
        changed: set[int] = set()
        postings: list[tuple[int, int, int]] = []
        for number, features in experiments:
            ids = [self._ids.get(name) or self._id(name) for name in features]
            postings += [(one, number, round(100 * weight)) for one, weight in zip(ids, features.values(), strict=True)]
            if len(postings) > _MOST_POSTINGS:
                self._post(postings)
            self._connection.execute("INSERT INTO main_idea VALUES (?, ?, ?)", (number, *idea_weights(features)))
            changed.update(ids)
            self._connection.execute("INSERT INTO features VALUES (?, ?)", (number, " ".join(map(str, ids))))
        self._post(postings)
        self._count(changed)

    def _post(self, postings: list[tuple[int, int, int]]) -> None:
        """Put in which experiments have which features, by feature, as they lie in the table; leave none."""
        self._connection.executemany("INSERT INTO posting VALUES (?, ?, ?)", sorted(postings))
        postings.clear()

    def remove(self, numbers: Iterable[int]) -> None:
        """Take experiments out."""
        changed: set[int] = set()
        for number in numbers:
            query = "SELECT ids FROM features WHERE experiment = ?"
            ids = [int(one) for one in self._connection.execute(query, (number,)).fetchone()[0].split()]
            pairs = [(one, number) for one in ids]
            self._connection.executemany("DELETE FROM posting WHERE feature = ? AND experiment = ?", pairs)
            changed.update(ids)
            for table in ("main_idea", "features"):
                self._connection.execute(f"DELETE FROM {table} WHERE experiment = ?", (number,))  # noqa: S608 - ours
        self._count(changed)

    def _count(self, changed: Iterable[int]) -> None:
        """Count again how many experiments have some features; one that none has is no longer a word of the log."""
        count = "UPDATE feature SET count = (SELECT count(*) FROM posting WHERE feature = feature.id) WHERE id = ?"
        self._connection.executemany(count, [(one,) for one in changed])
        self._connection.execute("DELETE FROM feature WHERE count = 0")
        self._size = None
        self._ids.clear()
        self._known.clear()
        self._having.clear()

    def _id(self, name: str) -> int:
        """Return the number of a feature, a new one if it has none."""
        if name not in self._ids:
            content = _encoded(name)
            self._connection.execute("INSERT OR IGNORE INTO feature(name, count) VALUES (?, 0)", (content,))
            query = "SELECT id FROM feature WHERE name = ?"
            self._ids[name] = int(self._connection.execute(query, (content,)).fetchone()[0])
        return self._ids[name]

    def __len__(self) -> int:
        """Return how many there are."""
        if self._size is None:
            self._size = int(self._connection.execute("SELECT count(*) FROM main_idea").fetchone()[0])
        return self._size

    def numbers(self) -> set[int]:
        """Return the numbers of all of them."""
        return {number for (number,) in self._connection.execute("SELECT experiment FROM main_idea")}

    def _find(self, feature: str) -> tuple[int, int]:
        """Return the number of a feature, and how many have it."""
        if feature not in self._known:
            query = "SELECT id, count FROM feature WHERE name = ?"
            self._known[feature] = self._connection.execute(query, (_encoded(feature),)).fetchone() or (0, 0)
        return self._known[feature]

    def count(self, feature: str) -> int:
        """Return how many experiments have a feature."""
        return self._find(feature)[1]

    def having(self, feature: str) -> Mapping[int, float]:
        """Return the numbers of the experiments that have a feature, with its weight in each."""
        if feature not in self._having:
            query = "SELECT experiment, weight FROM posting WHERE feature = ?"
            found = self._connection.execute(query, self._find(feature)[:1]).fetchall()
            self._having[feature] = {number: _HUNDREDTHS[weight] for number, weight in found}
        return self._having[feature]

    def weight(self, feature: str, number: int) -> float | None:
        """Return the weight of a feature in an experiment, or None if that has it not."""
        query = "SELECT weight FROM posting WHERE feature = ? AND experiment = ?"
        found = self._connection.execute(query, (self._find(feature)[0], number)).fetchone()
        return _HUNDREDTHS[found[0]] if found is not None else None

    def ideas(self, number: int) -> tuple[float, float]:
        """Return the greatest weight of an idea of an experiment, and the sum of all of them."""
        query = "SELECT greatest, total FROM main_idea WHERE experiment = ?"
        greatest, total = self._connection.execute(query, (number,)).fetchone()
        return greatest, total

    def words(self, begin: str) -> Iterable[str]:
        """Return the words that begin with a letter."""
        first = _encoded(begin)
        rows = self._connection.execute(
            "SELECT name FROM feature WHERE name >= ? AND name < ?", (first, first + b"\xff")
        )
        return [name.decode("utf-8", "surrogatepass") for (name,) in rows]


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def idea_weights(found: Mapping[str, float]) -> tuple[float, float]:
    """Return the greatest weight of the ideas among features, and the sum of all of them."""
    weights = [weight for feature, weight in found.items() if feature[0] == IDEA]
    return max(weights, default=0.0), sum(weights)


def rarity(collection: Collection, feature: str) -> float:
    """Return how telling a feature is: about 1 for one that no experiment has, 0 for one that all have."""
    share = _SHARE_OF_WORDS if feature[0] == WORDS else _SHARE
    size = len(collection) + _OTHERS
    return math.log(size / (collection.count(feature) + _OTHERS * share)) / math.log(size)


def find_near_word(collection: Collection, word: str) -> str | None:
    """Return the word of a collection that is most like one it does not have, by triples of letters."""
    if len(word) < _SHORTEST or not word.isalpha():
        return None
    mine = _triples(word)
    best, likeness = None, _NEAR
    for other in collection.words(word[0]):
        if abs(len(other) - len(word)) <= 2 and other != word:  # noqa: PLR2004 - more is no slip of the finger
            theirs = _triples(other)
            alike = 2 * len(mine & theirs) / (len(mine) + len(theirs))
            if (alike, other) > (likeness, best or ""):
                best, likeness = other, alike
    return best


def _triples(word: str) -> set[str]:
    padded = f" {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}
