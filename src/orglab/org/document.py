"""An Org file as a value: its bytes, its outline, and edits of it.

Parsing and printing give the same bytes, for every input.  Reading finds the
headings; what stands below each is parsed when it is asked for.
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
from orglab.org.settings import LINE, ORG_KEYWORDS, Settings, read_settings
from orglab.org.source import Source, encode
from orglab.org.syntax import compile_late

if TYPE_CHECKING:
    import re

# A literal `\n*` lets the regexp engine jump from heading to heading.
_HEADINGS = compile_late(rb"\n\*+ ")
_MARKERS = (b"<<<<<<<", b">>>>>>>")
# How many headings to look through for a relative before all relations are found at once.
_NEAR = 64


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
        self.text = self.source.text
        self.default_keywords = default_keywords
        self._headings: dict[int, Heading] = {}
        self._parent_indices: list[int] | None = None
        self._after: list[int] | None = None

    @cached_property
    def _outline(self) -> tuple[list[int], list[int]]:
        """Where each heading begins, and how many stars it has.  Found when asked for: a list can do without."""
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
        """Return how many headings there are."""
        return len(self._begins)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the bytes, in hex."""
        import hashlib  # noqa: PLC0415 - it loads OpenSSL, which costs as much as starting Python

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

    def heading_begin(self, index: int) -> int:
        """Return where heading number `index` begins; past the last one, the end of the text."""
        return self._begins[index] if index < len(self._begins) else len(self.text)

    def parent_index(self, index: int) -> int:
        """Return the number of the heading above heading `index`, or -1."""
        stars = self._stars
        if stars[index] == 1:
            return -1
        if self._parent_indices is None:
            # Most parents are near; only where one is not is it worth to find all at once.
            for place in range(index - 1, max(-1, index - _NEAR), -1):
                if stars[place] < stars[index]:
                    return place
            self._parent_indices = _parent_indices(stars)
        return self._parent_indices[index]

    def after_subtree(self, index: int) -> int:
        """Return the number of the first heading after the subtree of heading `index`."""
        stars = self._stars
        if self._after is None:
            for place in range(index + 1, min(len(stars), index + _NEAR)):
                if stars[place] <= stars[index]:
                    return place
            self._after = _after_subtrees(stars)
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
    def _first_heading(self) -> int:
        """Where the first heading begins, found without the outline."""
        if syntax.HEADING.match(self.text):
            return 0
        match = _HEADINGS.search(self.text)
        return len(self.text) if match is None else match.start() + 1

    @cached_property
    def first_section(self) -> Element:
        """What stands before the first heading."""
        return parse_section(self.text, 0, self._first_heading, first=True)

    def get_section(self, heading: Heading | None) -> Element:
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
            heading = self.heading_at(begin) if begin >= self._first_heading else None
            element = self.get_section(heading).at(begin)
            if element.type == "keyword":
                lines.append((match.group(1), match.group(2)))
        return read_settings(lines, self.default_keywords)

    @cached_property
    def state_names(self) -> frozenset[bytes]:
        """The TODO keywords as they stand in the text."""
        return frozenset(map(encode, self.settings.keywords))

    @property
    def radio_pattern(self) -> "re.Pattern[bytes] | None":
        """What text links to a radio target `<<<name>>>` somewhere in the file; None if there is none."""
        return self._radio_pattern

    @cached_property
    def _radio_pattern(self) -> "re.Pattern[bytes] | None":
        """What text links to a radio target `<<<name>>>` somewhere in the file; None if there is none."""
        names: list[bytes] = []
        done = 0
        for match in RADIO_TARGET.finditer(self.text):
            if match.start() < done:
                continue
            heading = self.heading_at(match.start())
            if heading is not None and match.start() < heading.line_end:
                found, done = parse_objects(self.text, *heading.line.title), heading.line_end
            else:
                element = self.get_section(heading).at(match.start())
                found, done = element_objects(self.text, element), match.end()
                if not element.children:
                    done = element.end
            names += (other.value for other in found if other.type == "radio-target")
        return radio_pattern(names)

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

    @cached_property
    def conflict(self) -> int | None:
        """Where the first git conflict marker stands, or None."""
        found = []
        for marker in _MARKERS:
            # Without the blank behind it: the search leaps by the last character, and blanks are everywhere.
            at = self.text.find(marker)
            while at >= 0 and not (self.text[at + 7 : at + 8] == b" " and self.text[at - 1 : at] in (b"\n", b"")):
                at = self.text.find(marker, at + 1)
            found += [at] if at >= 0 else []
        return min(found, default=None)

    def conflict_line(self) -> int | None:
        """Return the line of the first git conflict marker, or None."""
        position = self.conflict
        return None if position is None else self.source.line_number(position)

    def apply(self, edits: Iterable[Edit]) -> "Document":
        """Return the document after `edits`: bytes outside their spans are the same.

        Args:
            edits: Changes that do not overlap, in any order.

        Raises:
            ConflictMarkersError: The file has git conflict markers.
            UnsafeEditError: Edits overlap, or would change more than they name.
        """
        edits = list(edits)
        if not edits:
            return self
        self.require_no_conflict()
        return self._version(self.source.apply(edits))

    def require_no_conflict(self) -> None:
        """Do nothing if the file has no git conflict markers.

        Raises:
            ConflictMarkersError: It has.
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
        """Return the first-level subtree that holds `position`, or what stands before all, as a document."""
        begin = self.text.rfind(b"\n* ", 0, position + 2) + 1
        end = self.text.find(b"\n* ", max(position, begin))
        return Part(self, begin, len(self.text) if end < 0 else end + 1)


class Part(Document):
    """A subtree of the first level as a document of its own, with the settings and line numbers of the whole.

    To change one experiment of ten thousand, no other is read.

    Attributes:
        whole: The document.
        begin: Where the part begins in the text of the whole.
        end: Where it ends there.
    """

    def __init__(self, whole: Document, begin: int, end: int, text: bytes | None = None) -> None:
        """Cut out `whole.text[begin:end]`; `text` is what edits have made of it."""
        super().__init__(b"", whole.default_keywords)
        self.whole = whole
        self.begin = begin
        self.end = end
        cut = whole.text[begin:end] if text is None else text
        self.source = Source.plain(cut, whole.source.line_number(begin))
        self.text = self.source.text

    def _version(self, raw: bytes) -> "Part":
        return Part(self.whole, self.begin, self.end, raw)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the whole file."""
        return self.whole.settings

    @property
    def radio_pattern(self) -> "re.Pattern[bytes] | None":
        """What text links to a radio target of the whole file."""
        return self.whole.radio_pattern

    def file_property(self, name: str) -> str | None:
        """Return a property of the whole file."""
        return self.whole.file_property(name)

    def conflict_line(self) -> int | None:
        """Return the line of the first git conflict marker of the whole file, or None."""
        return self.whole.conflict_line()


def _parent_indices(stars: list[int]) -> list[int]:
    """Return for each heading the number of the one above it, or -1."""
    found: list[int] = []
    above: list[int] = []
    for place, count in enumerate(stars):
        while above and stars[above[-1]] >= count:
            above.pop()
        found.append(above[-1] if above else -1)
        above.append(place)
    return found


def _after_subtrees(stars: list[int]) -> list[int]:
    """Return for each heading the number of the first one after its subtree."""
    found = [len(stars)] * len(stars)
    open_headings: list[int] = []
    for place, count in enumerate(stars):
        while open_headings and stars[open_headings[-1]] >= count:
            found[open_headings.pop()] = place
        open_headings.append(place)
    return found
