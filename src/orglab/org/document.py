"""An Org file as a value: its bytes, its outline, and edits of it.

Parsing and printing give the same bytes, for every input.  Reading finds the
headings; what stands below each is parsed when it is asked for.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from orglab.errors import ConflictMarkersError
from orglab.org import syntax
from orglab.org.edit import Edit
from orglab.org.element import Element, parse_section
from orglab.org.heading import Heading, read_properties
from orglab.org.settings import LINE, ORG_KEYWORDS, Settings, read_settings
from orglab.org.source import Source, encode

# A literal `\n*` lets the regexp engine jump from heading to heading.
_HEADINGS = re.compile(rb"\n\*+ ")
_CONFLICT = re.compile(rb"(?:\A|\n)(?:<<<<<<< |>>>>>>> )")


class Document:
    """One version of an Org file.  It never changes: `apply` gives the next version.

    Attributes:
        source: The bytes, and the text that positions refer to.
        text: The same as `source.text`.
    """

    def __init__(self, raw: bytes, default_keywords: str = ORG_KEYWORDS) -> None:
        """Read a file.

        Args:
            raw: Its bytes, any bytes.
            default_keywords: The TODO keywords of a file that has no `#+TODO` line, as such a line has them.
        """
        self.source = Source(raw)
        self.text = text = self.source.text
        self.default_keywords = default_keywords
        self._begins: list[int] = []
        self._stars: list[int] = []
        first = syntax.HEADING.match(text)
        if first:
            self._begins.append(0)
            self._stars.append(first.end() - 1)
        for match in _HEADINGS.finditer(text):
            start, end = match.span()
            self._begins.append(start + 1)
            self._stars.append(end - start - 2)
        self._headings: dict[int, Heading] = {}
        self._parent_indices: list[int] | None = None
        self._after: list[int] | None = None

    def __bytes__(self) -> bytes:
        """Return the bytes of the file."""
        return self.source.raw

    def __len__(self) -> int:
        """Return how many headings there are."""
        return len(self._begins)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the bytes, in hex."""
        return hashlib.sha256(self.source.raw).hexdigest()

    def heading(self, index: int) -> Heading:
        """Return heading number `index`, counted from 0."""
        found = self._headings.get(index)
        if found is None:
            found = self._headings[index] = Heading(self, index, self._begins[index], self._stars[index])
        return found

    def headings(self) -> Iterator[Heading]:
        """Yield all headings, in order."""
        return (self.heading(index) for index in range(len(self._begins)))

    def stars(self, index: int) -> int:
        """Return how many stars heading number `index` has."""
        return self._stars[index]

    def begin_of(self, index: int) -> int:
        """Return where heading number `index` begins; past the last one, the end of the text."""
        return self._begins[index] if index < len(self._begins) else len(self.text)

    def parent_index(self, index: int) -> int:
        """Return the number of the heading above heading `index`, or -1."""
        if self._parent_indices is None:
            self._parent_indices = []
            above: list[int] = []
            for place, stars in enumerate(self._stars):
                while above and self._stars[above[-1]] >= stars:
                    above.pop()
                self._parent_indices.append(above[-1] if above else -1)
                above.append(place)
        return self._parent_indices[index]

    def after_subtree(self, index: int) -> int:
        """Return the number of the first heading after the subtree of heading `index`."""
        if self._after is None:
            self._after = [len(self._stars)] * len(self._stars)
            open_headings: list[int] = []
            for place, stars in enumerate(self._stars):
                while open_headings and self._stars[open_headings[-1]] >= stars:
                    self._after[open_headings.pop()] = place
                open_headings.append(place)
        return self._after[index]

    def heading_at(self, position: int) -> Heading | None:
        """Return the heading whose line or own section holds `position`, or None before the first."""
        low, high = 0, len(self._begins)
        while low < high:
            middle = (low + high) // 2
            if self._begins[middle] <= position:
                low = middle + 1
            else:
                high = middle
        return self.heading(low - 1) if low else None

    @cached_property
    def first_section(self) -> Element:
        """What stands before the first heading."""
        return parse_section(self.text, 0, self.begin_of(0), first=True)

    def section_of(self, heading: Heading | None) -> Element:
        """Return the section of `heading`, or the one before the first heading."""
        return self.first_section if heading is None else heading.section

    @cached_property
    def settings(self) -> Settings:
        """What the `#+` lines of the file say, wherever they stand."""
        lines = []
        for match in LINE.finditer(self.text):
            begin = self.text.rfind(b"\n", 0, match.start()) + 1
            if self.text[begin : match.start()].strip(b" \t"):
                continue
            # A block or drawer may hide it; comments do not get here.
            element = self.section_of(self.heading_at(begin)).at(begin)
            if element.type == "keyword":
                lines.append((match.group(1), match.group(2)))
        return read_settings(lines, self.default_keywords)

    @cached_property
    def state_pattern(self) -> "re.Pattern[bytes]":
        """A regexp that matches a TODO keyword (group 1) and what must follow it."""
        names = sorted(map(encode, self.settings.keywords), key=len, reverse=True)
        return re.compile(b"(" + b"|".join(map(re.escape, names)) + b")(?: |$)", re.M)

    @cached_property
    def _file_properties(self) -> dict[str, str]:
        for element in self.first_section.children:
            if element.type == "property-drawer":
                return read_properties(self.text, syntax.PROPERTY_DRAWER.match(self.text, element.begin))
        return {}

    def file_property(self, name: str) -> str | None:
        """Return a property of the whole file: of its first drawer, else of a `#+PROPERTY` line."""
        found = self._file_properties.get(name.upper())
        return found if found is not None else (self.settings.properties or {}).get(name.upper())

    def conflict_line(self) -> int | None:
        """Return the line of the first git conflict marker, or None."""
        match = _CONFLICT.search(self.text)
        return None if match is None else self.source.line_number(match.end() - 1)

    def apply(self, edits: Iterable[Edit]) -> "Document":
        """Return the document after `edits`: bytes outside their spans are the same, and this has been verified.

        Args:
            edits: Changes that do not overlap, in any order.

        Raises:
            ConflictMarkersError: The file has git conflict markers.
            UnsafeEditError: Edits overlap, or would change more than they name.
        """
        edits = list(edits)
        line = self.conflict_line() if edits else None
        if line is not None:
            raise ConflictMarkersError(
                f"The log has a git conflict marker in line {line}: resolve the conflict first; nothing was written."
            )
        return Document(self.source.apply(edits), self.default_keywords)
