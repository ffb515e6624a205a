"""The pictures of pages, by what they contain: no address leads to a file that no page shows."""

import hashlib
import threading
from collections import OrderedDict

from orglab.report.formats.pictures import Picture

_MOST_BYTES = 64_000_000


class PictureStore:
    """The pictures that pages have shown lately."""

    def __init__(self) -> None:
        """Begin without pictures."""
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, picture: Picture) -> str:
        """Keep a picture, and return its address."""
        name = f"{hashlib.sha256(picture.content).hexdigest()[:32]}.{picture.suffix}"
        with self._lock:
            if name not in self._pictures:
                self._size += len(picture.content)
            self._pictures[name] = picture
            self._pictures.move_to_end(name)
            while self._size > _MOST_BYTES and len(self._pictures) > 1:
                self._size -= len(self._pictures.popitem(last=False)[1].content)
        return f"pictures/{name}"

    def find(self, name: str) -> Picture | None:
        """Return the picture with the last part of an address; None if no page has shown it lately."""
        return self._pictures.get(name)
