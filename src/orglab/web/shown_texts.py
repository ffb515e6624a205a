"""The texts of experiments as pages have shown them, so that a later reader of one can be told what has changed."""

import difflib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice

_MOST = 100
_LINES = 60
_AROUND = 2


class ShownTexts:
    """The texts that were shown lately, by their digests."""

    def __init__(self) -> None:
        """Begin without texts."""
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, digest: str, text: str) -> None:
        """Remember a text that is shown."""
        with self._lock:
            self._texts[digest] = text
            self._texts.move_to_end(digest)
            while len(self._texts) > _MOST:
                self._texts.popitem(last=False)

    def compare(self, digest: str, now: str) -> list[tuple[str, str]]:
        """Return the lines that differ between a text that was shown and the same text now.

        Each line has a sign: `-` and `+`, or a blank for one around them. If that text is no longer known, all lines
        of the text now are returned.
        """
        before = self._texts.get(digest)
        if before is None:
            return [(" ", line) for line in now.splitlines()[:_LINES]]
        return [*_compare(before, now)][:_LINES]


def _compare(before: str, now: str) -> Iterator[tuple[str, str]]:
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), n=_AROUND, lineterm="")
    # The first two lines name the files.
    for line in islice(lines, 2, None):
        if not line.startswith("@@"):
            yield line[:1], line[1:]
