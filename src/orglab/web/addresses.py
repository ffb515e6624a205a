"""The addresses of the pages: names beside each other, so that the same links work from a server and from a folder."""

import re
from typing import NamedTuple
from urllib.parse import urlencode

_OWN = re.compile(r"(?:experiment|history|run|sweep)-[A-Za-z0-9_.-]+(?:#[A-Za-z0-9_.-]+)?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_EXPORTED = ".html"


class Addresses(NamedTuple):
    """The addresses of pages, relative to any of them.

    Attributes:
        is_export: Whether the pages are files in a folder.
    """

    is_export: bool = False

    @property
    def _end(self) -> str:
        return _EXPORTED if self.is_export else ""

    @property
    def overview(self) -> str:
        """The first page."""
        return "index.html" if self.is_export else "./"

    def named(self, name: str, **query: str) -> str:
        """Return the address of a page that there is once, such as `journal`; `query` is what it is asked for."""
        return f"{name}{self._end}" + (f"?{urlencode(query)}" if query else "")

    def experiment(self, ref: str) -> str:
        """Return the address of an experiment, or of a step on its page, such as `e201.1`."""
        whole, _, step = ref.partition(".")
        return f"experiment-{_make_name(whole)}{self._end}" + (f"#step-{_make_name(step)}" if step else "")

    def history(self, ref: str) -> str:
        """Return the address of the history of an experiment."""
        return f"history-{_make_name(ref)}{self._end}"

    def run(self, name: str) -> str:
        """Return the address of a run."""
        return f"run-{_make_name(name)}{self._end}"

    def sweep(self, name: str) -> str:
        """Return the address of a sweep."""
        return f"sweep-{_make_name(name)}{self._end}"


def is_own(address: str) -> bool:
    """Return whether a link leads to one of the pages: only such a link may be without a scheme."""
    return _OWN.fullmatch(address) is not None


def _make_name(text: str) -> str:
    """Return a text as a part of a file name."""
    return _UNSAFE.sub("-", text)
