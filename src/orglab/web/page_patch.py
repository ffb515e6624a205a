"""A difference in code as a patch, line by line."""

from typing import NamedTuple

from orglab.runs.comparison import Difference
from orglab.text import cut
from orglab.web.site import View

_MOST_LINES, _MOST_COLUMNS = 2000, 500


class PagePatch(NamedTuple):
    """A patch as a page shows it.

    Attributes:
        lines: Its first lines, each after what it is: `file`, `hunk`, `added`, `removed`, or nothing.
        is_cut: Whether there are more.
    """

    lines: list[tuple[str, str]]
    is_cut: bool


def read_page_patch(view: View, difference: Difference) -> PagePatch:
    """Return the difference in the code of two runs; no lines if there is none, or a commit is missing."""
    lines = view.log.read_patch(difference).split("\n", _MOST_LINES)
    is_cut = len(lines) > _MOST_LINES and bool(lines[-1])
    marked, is_in_hunk = [], False
    for line in lines[:_MOST_LINES]:
        is_in_hunk = line.startswith("@@") or (is_in_hunk and not line.startswith("diff --git "))
        marked.append((_find_kind(line, is_in_hunk=is_in_hunk), cut(line, _MOST_COLUMNS)))
    return PagePatch(marked[:-1] if marked[-1] == ("", "") else marked, is_cut)


def _find_kind(line: str, *, is_in_hunk: bool) -> str:
    if not is_in_hunk:
        return "file" if line else ""
    return {"+": "added", "-": "removed", "@": "hunk"}.get(line[:1], "")
