"""An Org file as an immutable value: its bytes, its outline, and edits to it.

Parsing and printing return the same bytes for any input.  Only headings are found
at first; the section below each is parsed on demand.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from orglab.errors import ConflictMarkersError
from orglab.org import syntax
from orglab.org.edit import Edit
from orglab.org.element import Element, parse_section
from orglab.org.heading import Heading, element_objects, read_properties
from orglab.org.objects import RADIO_TARGET, parse_objects, radio_pattern
from orglab.org.settings import BAR, LINE, ORG_KEYWORDS, Settings, read_settings
from orglab.org.source import Source, encode
from orglab.org.syntax import compile_late

if TYPE_CHECKING:
    import re

# The literal prefix `\n*` lets the regexp engine jump from heading to heading.
_HEADINGS = compile_late(rb"\n\*+ ")
_MARKERS = (b"<<<<<<<", b">>>>>>>")
# How many headings to search for a parent or subtree end before computing all of them at once.
_NEAR = 64


class Document:
    """One version of an Org file.  It is immutable: `apply` returns the next version.

    Attributes:
        source: The bytes, and the text that positions refer to.
        text: The same as `source.text`.
    """

    def __init__(self, raw: bytes, default_keywords: str = ORG_KEYWORDS) -> None:
        """Create a document from the bytes of a file.

        Args:
            raw: The bytes; any bytes are accepted.
            default_keywords: The value of the `#+TODO` line assumed for a file without one.
        """
        self.source = Source(raw)
        self.text = self.source.text
        self.default_keywords = default_keywords
        self._headings: dict[int, Heading] = {}
        self._parent_indices: list[int] | None = None
        self._after: list[int] | None = None

    @cached_property
    def _outline(self) -> tuple[list[int], list[int]]:
        """Where each heading begins, and how many stars it has."""
        text = self.text
        begins: list[int] = []
        stars: list[int] = []
        first = syntax.HEADING.match(text)
        if first:
            begins.append(0)
            stars.append(first.end() - 1)
        for match in _HEADINGS.finditer(text):
            start, end = match.span()
            begins.append(start + 1)
            stars.append(end - start - 2)
        return begins, stars

    @property
    def _begins(self) -> list[int]:
        return self._outline[0]

    @property
    def _stars(self) -> list[int]:
        return self._outline[1]

    def __bytes__(self) -> bytes:
        """Return the bytes of the file."""
        return self.source.raw

    def __len__(self) -> int:
        """Return the number of headings."""
        return len(self._begins)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the bytes, in hex."""
        import hashlib  # noqa: PLC0415 - it loads OpenSSL, which costs as much as starting Python

        return hashlib.sha256(self.source.raw).hexdigest()

    def heading(self, index: int) -> Heading:
        """Return the heading with the 0-based index `index`."""
        heading = self._headings.get(index)
        if heading is None:
            heading = self._headings[index] = Heading(self, index, self._begins[index], self._stars[index])
        return heading

    def headings(self) -> Iterator[Heading]:
        """Yield all headings, in order."""
        return (self.heading(index) for index in range(len(self._begins)))

    def stars(self, index: int) -> int:
        """Return the number of stars of the heading at `index`."""
        return self._stars[index]

    def heading_begin(self, index: int) -> int:
        """Return where the heading at `index` begins, or the end of the text if `index` is past the last heading."""
        return self._begins[index] if index < len(self._begins) else len(self.text)

    def parent_index(self, index: int) -> int:
        """Return the index of the parent of the heading at `index`, or -1."""
        stars = self._stars
        if stars[index] == 1:
            return -1
        if self._parent_indices is None:
            # Most parents are near; computing all of them only pays off when one is not.
            for place in range(index - 1, max(-1, index - _NEAR), -1):
                if stars[place] < stars[index]:
                    return place
            self._parent_indices = _parent_indices(stars)
        return self._parent_indices[index]

    def after_subtree(self, index: int) -> int:
        """Return the index of the first heading after the subtree of the heading at `index`."""
        stars = self._stars
        if self._after is None:
            for place in range(index + 1, min(len(stars), index + _NEAR)):
                if stars[place] <= stars[index]:
                    return place
            self._after = _after_subtrees(stars)
        return self._after[index]

    def heading_at(self, position: int) -> Heading | None:
        """Return the heading whose line or own section contains `position`, or None before the first heading."""
        low, high = 0, len(self._begins)
        while low < high:
            middle = (low + high) // 2
            if self._begins[middle] <= position:
                low = middle + 1
            else:
                high = middle
        return self.heading(low - 1) if low else None

    @cached_property
    def _first_heading(self) -> int:
        """Where the first heading begins, found without reading the outline."""
        if syntax.HEADING.match(self.text):
            return 0
        match = _HEADINGS.search(self.text)
        return len(self.text) if match is None else match.start() + 1

    @cached_property
    def first_section(self) -> Element:
        """The section before the first heading."""
        return parse_section(self.text, 0, self._first_heading, first=True)

    def get_section(self, heading: Heading | None) -> Element:
        """Return the section of `heading`, or the one before the first heading if it is None."""
        return self.first_section if heading is None else heading.section

    def find_footnote(self, label: bytes) -> bytes:
        """Return the text of the first definition of a footnote, wherever it is; empty if there is none."""
        opening = b"[fn:%b]" % label
        position = self.text.find(opening)
        while position >= 0:
            if position == 0 or self.text[position - 1] == 0x0A:
                heading = self.heading_at(position)
                for element in self.get_section(heading).walk():
                    if element.type == "footnote-definition" and element.start == position:
                        return self.text[position + len(opening) : element.end]
            position = self.text.find(opening, position + 1)
        return b""

    @cached_property
    def settings(self) -> Settings:
        """The settings in the `#+` lines anywhere in the file."""
        lines = []
        for match in LINE.finditer(self.text):
            begin = self.text.rfind(b"\n", 0, match.start()) + 1
            if self.text[begin : match.start()].strip(b" \t"):
                continue
            # The line may be inside a block or drawer; LINE does not match comments.
            heading = self.heading_at(begin) if begin >= self._first_heading else None
            element = self.get_section(heading).at(begin)
            if element.type == "keyword":
                lines.append((match.group(1), match.group(2)))
        return read_settings(lines, self.default_keywords)

    @cached_property
    def state_names(self) -> frozenset[bytes]:
        """The TODO keywords that a heading can have, as bytes."""
        return frozenset(encode(name) for name in self.settings.keywords if name != BAR)

    @property
    def radio_pattern(self) -> "re.Pattern[bytes] | None":
        """A pattern for text that links to a radio target `<<<name>>>` of the file; None if it has no such target."""
        return self._radio_pattern

    @cached_property
    def _radio_pattern(self) -> "re.Pattern[bytes] | None":
        names: list[bytes] = []
        done = 0
        for match in RADIO_TARGET.finditer(self.text):
            if match.start() < done:
                continue
            heading = self.heading_at(match.start())
            if heading is not None and match.start() < heading.line_end:
                objects, done = parse_objects(self.text, *heading.line.title), heading.line_end
            else:
                element = self.get_section(heading).at(match.start())
                objects, done = element_objects(self.text, element), match.end()
                if not element.children:
                    done = element.end
            names += (target.value for target in objects if target.type == "radio-target")
        return radio_pattern(names)

    @cached_property
    def _file_properties(self) -> dict[str, str]:
        for element in self.first_section.children:
            if element.type == "property-drawer":
                return read_properties(self.text, syntax.PROPERTY_DRAWER.match(self.text, element.begin))
        return {}

    def file_property(self, name: str) -> str | None:
        """Return a file-wide property: from the property drawer at the top, else from a `#+PROPERTY` line."""
        value = self._file_properties.get(name.upper())
        return value if value is not None else (self.settings.properties or {}).get(name.upper())

    @cached_property
    def conflict(self) -> int | None:
        """The position of the first git conflict marker, or None."""
        positions = []
        for marker in _MARKERS:
            # Searched without its trailing space: `find` skips by the last character, and spaces are everywhere.
            at = self.text.find(marker)
            while at >= 0 and not (self.text[at + 7 : at + 8] == b" " and self.text[at - 1 : at] in (b"\n", b"")):
                at = self.text.find(marker, at + 1)
            positions += [at] if at >= 0 else []
        return min(positions, default=None)

    def conflict_line(self) -> int | None:
        """Return the line number of the first git conflict marker, or None."""
        position = self.conflict
        return None if position is None else self.source.line_number(position)

    def apply(self, edits: Iterable[Edit]) -> "Document":
        """Return the document after `edits`; bytes outside their spans stay the same.

        Args:
            edits: Edits that do not overlap, in any order.

        Raises:
            ConflictMarkersError: The file has git conflict markers.
            UnsafeEditError: Edits overlap or lie outside the text.
        """
        edits = list(edits)
        if not edits:
            return self
        self.require_no_conflict()
        return self._version(self.source.apply(edits))

    def require_no_conflict(self) -> None:
        """Raise an error if the file has git conflict markers.

        Raises:
            ConflictMarkersError: The file has git conflict markers.
        """
        line = self.conflict_line()
        if line is not None:
            raise ConflictMarkersError(
                f"The log has a git conflict marker in line {line}: resolve the conflict first; nothing was written."
            )

    def _version(self, raw: bytes) -> "Document":
        """Return another version of this document."""
        return Document(raw, self.default_keywords)

    def part_at(self, position: int) -> "Part":
        """Return the level-1 subtree that contains `position`, or the text before all of them, as a document."""
        begin = self.text.rfind(b"\n* ", 0, position + 2) + 1
        end = self.text.find(b"\n* ", max(position, begin))
        return Part(self, begin, len(self.text) if end < 0 else end + 1)


class Part(Document):
    """A level-1 subtree as a document of its own, with the settings and line numbers of the whole document.

    It allows changing one experiment of ten thousand without reading the others.

    Attributes:
        whole: The whole document.
        begin: Where the part begins in the text of the whole document.
        end: Where it ends there.
    """

    def __init__(self, whole: Document, begin: int, end: int, text: bytes | None = None) -> None:
        """Create the part `whole.text[begin:end]`; `text` is its text after edits, if there were any."""
        super().__init__(b"", whole.default_keywords)
        self.whole = whole
        self.begin = begin
        self.end = end
        part = whole.text[begin:end] if text is None else text
        self.source = Source.plain(part, whole.source.line_number(begin))
        self.text = self.source.text

    def _version(self, raw: bytes) -> "Part":
        return Part(self.whole, self.begin, self.end, raw)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the whole file."""
        return self.whole.settings

    @property
    def radio_pattern(self) -> "re.Pattern[bytes] | None":
        """The radio pattern of the whole file."""
        return self.whole.radio_pattern

    def file_property(self, name: str) -> str | None:
        """Return a file-wide property."""
        return self.whole.file_property(name)

    def conflict_line(self) -> int | None:
        """Return the line number of the first git conflict marker in the whole file, or None."""
        return self.whole.conflict_line()


def _parent_indices(stars: list[int]) -> list[int]:
    """Return for each heading the index of its parent, or -1."""
    parents: list[int] = []
    above: list[int] = []
    for index, count in enumerate(stars):
        while above and stars[above[-1]] >= count:
            above.pop()
        parents.append(above[-1] if above else -1)
        above.append(index)
    return parents


def _after_subtrees(stars: list[int]) -> list[int]:
    """Return for each heading the index of the first heading after its subtree."""
    after = [len(stars)] * len(stars)
    open_headings: list[int] = []
    for index, count in enumerate(stars):
        while open_headings and stars[open_headings[-1]] >= count:
            after[open_headings.pop()] = index
        open_headings.append(index)
    return after
