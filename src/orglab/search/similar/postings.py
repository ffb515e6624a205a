"""A collection as rows of bytes: which experiments have a feature, in buckets of features, so that little is read.

What has changed since the buckets were made stands whole in the head, until that is too much.
"""

import marshal
import zlib
from array import array

from orglab.search.similar.collection import idea_weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    # Id, title, state, verdict, and what came of it.
    Shown = tuple[str, str, str | None, str | None, str]
    Found = Mapping[str, float]
    Read = Callable[[Sequence[bytes]], Mapping[bytes, bytes]]

KIND = "similar-1"
HEAD, BASE, KEYS, LEXICON = b"head", b"base", b"keys", b"lexicon"
# So many experiments stand in the head before the buckets are made anew.
MOST_NEW = 200
_BUCKETS = 64
_CHUNK = 128


class Head:
    """What is always read.

    Attributes:
        form: By what the features were made: settings and terms.
        base: Which buckets it goes with.
        digest: Of the log whose experiments they are.
        order: The slot of each experiment, in the order of the log.
        mains: The greatest weight of an idea, by slot, of those in the buckets, in hundredths.
        totals: The sum of the weights.
        new: The key of each experiment that is in no bucket, with its features and what is shown of it.
    """

    __slots__ = ("base", "digest", "form", "mains", "new", "order", "totals")

    def __init__(
        self,
        form: str,
        base: bytes,
        digest: str,
        order: "array[int]",
        ideas: "tuple[array[int], array[int]]",
        new: "list[tuple[bytes, dict[str, float], Shown]]",
    ) -> None:
        """Make a head of its parts."""
        self.form = form
        self.base = base
        self.digest = digest
        self.order = order
        self.mains, self.totals = ideas
        self.new = new

    def __bytes__(self) -> bytes:
        """Return it as bytes."""
        numbers = (self.order.tobytes(), self.mains.tobytes(), self.totals.tobytes())
        return marshal.dumps((self.form, self.base, self.digest, numbers, self.new))


def read_head(read: "Read") -> Head:
    """Return the head of rows.

    Raises:
        LookupError: There is none.
        ValueError: It does not go with the buckets.
    """
    rows = read([HEAD, BASE])
    form, base, digest, columns, new = marshal.loads(rows[HEAD])  # noqa: S302 - we wrote it: the index sees to that
    if rows[BASE] != base:
        raise ValueError(base)
    order, mains, totals = (array("I"), array("I"), array("I"))
    for column, content in zip((order, mains, totals), columns, strict=True):
        column.frombytes(content)
    return Head(form, base, digest, order, (mains, totals), new)


class Postings:
    """A collection of which only what is asked for is read."""

    def __init__(self, head: Head, read: "Read") -> None:
        """Stand for the collection of a head.

        Args:
            head: The head.
            read: Returns rows by their names.
        """
        self._head = head
        self._read = read
        self._buckets: dict[int, dict[str, tuple[bytes, bytes]]] = {}
        self._known: dict[str, dict[int, float]] = {}
        self._base = len(head.mains)
        self._numbers = [-1] * (self._base + len(head.new))
        for number, slot in enumerate(head.order):
            self._numbers[slot] = number
        self._is_plain = self._numbers == list(range(len(self._numbers)))
        self._new_ideas = [idea_weights(found) for _, found, _ in head.new]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._head.order)

    def having(self, feature: str) -> "Mapping[int, float]":
        """Return the numbers of the experiments that have a feature, with its weight in each."""
        known = self._known.get(feature)
        if known is None:
            known = self._known[feature] = self._find(feature)
        return known

    def _find(self, feature: str) -> dict[int, float]:
        place = _bucket(feature)
        if place not in self._buckets:
            self._buckets[place] = _read_bucket(self._read, place)
        slots = array("I")
        content, weights = self._buckets[place].get(feature, (b"", b""))
        slots.frombytes(content)
        values = [_HUNDREDTHS[weight] for weight in weights]
        if self._is_plain:
            found = dict(zip(slots, values, strict=True))
        else:
            numbers = self._numbers
            pairs = zip(slots, values, strict=True)
            found = {numbers[slot]: value for slot, value in pairs if numbers[slot] >= 0}
        for at, (_, features, _) in enumerate(self._head.new, self._base):
            if feature in features and self._numbers[at] >= 0:
                found[self._numbers[at]] = features[feature]
        return found

    def ideas(self, number: int) -> tuple[float, float]:
        """Return the greatest weight of an idea of an experiment, and the sum of all of them."""
        slot = self._head.order[number]
        if slot >= self._base:
            return self._new_ideas[slot - self._base]
        return self._head.mains[slot] / 100, self._head.totals[slot] / 100

    def words(self, begin: str) -> "Iterable[str]":
        """Return the words that begin with a letter."""
        row = self._read([b"words-" + begin.encode("utf-8", "surrogatepass")])
        base = [word for content in row.values() for word in marshal.loads(content)]  # noqa: S302
        return base + [word for _, found, _ in self._head.new for word in found if word[0] == begin]

    def shown(self, number: int) -> "Shown":
        """Return what is shown of an experiment."""
        slot = self._head.order[number]
        if slot >= self._base:
            return self._head.new[slot - self._base][2]
        name = b"shown-%d" % (slot // _CHUNK)
        shown: list[Shown] = marshal.loads(self._read([name])[name])  # noqa: S302
        return shown[slot % _CHUNK]


_HUNDREDTHS = [number / 100 for number in range(256)]


def _bucket(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "surrogatepass")) % _BUCKETS


def _read_bucket(read: "Read", place: int) -> dict[str, tuple[bytes, bytes]]:
    name = b"bucket-%d" % place
    bucket: dict[str, tuple[bytes, bytes]] = marshal.loads(read([name])[name])  # noqa: S302
    return bucket


def make_rows(
    form: str, digest: str, keys: "Sequence[bytes]", found: "Sequence[Found]", shown: "Sequence[Shown]"
) -> dict[bytes, bytes]:
    """Return the rows of a collection.

    Args:
        form: By what the features were made.
        digest: Of the log.
        keys: What tells each experiment from one of other bytes.
        found: Their features.
        shown: What is shown of them.
    """
    buckets: list[dict[str, tuple[array[int], bytearray]]] = [{} for _ in range(_BUCKETS)]
    words: dict[str, set[str]] = {}
    for slot, features in enumerate(found):
        for feature, weight in features.items():
            slots, weights = buckets[_bucket(feature)].setdefault(feature, (array("I"), bytearray()))
            slots.append(slot)
            weights.append(round(100 * weight))
            words.setdefault(feature[0], set()).add(feature)
    ideas = [idea_weights(features) for features in found]
    mains, totals = (array("I", (round(100 * pair[at]) for pair in ideas)) for at in (0, 1))
    rows = {
        b"bucket-%d" % place: marshal.dumps(
            {feature: (slots.tobytes(), bytes(weights)) for feature, (slots, weights) in bucket.items()}
        )
        for place, bucket in enumerate(buckets)
    }
    for begin in range(0, len(shown), _CHUNK):
        rows[b"shown-%d" % (begin // _CHUNK)] = marshal.dumps(list(shown[begin : begin + _CHUNK]))
    for letter, all_words in words.items():
        rows[b"words-" + letter.encode("utf-8", "surrogatepass")] = marshal.dumps(sorted(all_words))
    rows[KEYS] = marshal.dumps(list(keys))
    rows[BASE] = b"%08x-%08x" % (zlib.crc32(rows[KEYS]), zlib.crc32(form.encode("utf-8", "surrogatepass")))
    rows[HEAD] = bytes(Head(form, rows[BASE], digest, array("I", range(len(keys))), (mains, totals), []))
    return rows


def known_features(head: Head, read: "Read") -> "dict[bytes, tuple[Found, Shown]]":
    """Return the features of all experiments that rows hold, and what is shown of each, by its key."""
    keys = read_keys(read)
    found: list[dict[str, float]] = [{} for _ in keys]
    for place in range(_BUCKETS):
        for feature, (content, weights) in _read_bucket(read, place).items():
            slots = array("I")
            slots.frombytes(content)
            for slot, weight in zip(slots, weights, strict=True):
                found[slot][feature] = _HUNDREDTHS[weight]
    shown: list[Shown] = []
    for begin in range(0, len(keys), _CHUNK):
        name = b"shown-%d" % (begin // _CHUNK)
        shown += marshal.loads(read([name])[name])  # noqa: S302
    known = dict(zip(keys, zip(found, shown, strict=True), strict=True))
    return {**known, **{key: (features, what) for key, features, what in head.new}}


def read_keys(read: "Read") -> list[bytes]:
    """Return the keys of the experiments in the buckets, by slot."""
    keys: list[bytes] = marshal.loads(read([KEYS])[KEYS])  # noqa: S302
    return keys


def renewed(head: Head, digest: str, slots: "Iterable[int]") -> Head:
    """Return a head for a log as it is now: the slot of each experiment, in order."""
    return Head(head.form, head.base, digest, array("I", slots), (head.mains, head.totals), head.new)


def form_mark(terms: str, settings: str) -> str:
    """Return what features depend on beside the text: the user's own terms, and how the log is read."""
    return f"{_mark(terms)} {_mark(settings)}"


def has_terms(form: str, terms: str) -> bool:
    """Return whether a form is of these terms."""
    return form.split(" ", maxsplit=1)[0] == _mark(terms)


def _mark(text: str) -> str:
    content = text.encode("utf-8", "surrogatepass")
    return f"{len(content)}-{zlib.crc32(content):08x}-{zlib.adler32(content):08x}"
