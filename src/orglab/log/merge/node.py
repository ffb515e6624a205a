"""A log's text as a tree of parts: headings, list items, drawers, properties, rows and lines.

Every byte is in exactly one part: the text of a node is its head, the blank
lines after the head, its parts, its tail, and the blank lines after all that.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from orglab.config import Config
from orglab.experiment.commit_notation import CHAINS
from orglab.experiment.conclusion import STAMP
from orglab.experiment.model import Experiment, read_id, strip_cookies
from orglab.experiment.named_parts import CONCLUSION_IN
from orglab.experiment.note_text import RUN_MARK
from orglab.org.document import Document
from orglab.org.element import Element
from orglab.org.heading import Heading
from orglab.org.list import Item, Structure
from orglab.org.timestamp import parse_timestamp

COMMITS = re.compile(rb"[ \t]*\((%b)\)[ \t]*$" % CHAINS.encode())
_COOKIES = re.compile(rb"[ \t]*\[(?:\d*%|\d*/\d*)\]")
_BLANK = re.compile(rb"[ \t]*\n")
# Kinds of parts that are independent of each other: if both sides add one at the same place, both are kept.
ADDED_ALONE = frozenset(("heading", "item", "drawer", "property", "planning", "row", "conclusion"))

Key = tuple[str, bytes]
SIGNATURE: frozenset[Key] = frozenset((("property", b":AUTHOR:"), ("property", b":CONFIRMED:")))
"""The properties of the newest conclusion that another one replaces or removes."""


@dataclass
class Node:
    """One part of a log's text.

    Attributes:
        kind: `document`, `heading`, `item`, `drawer`, `properties`, `property`, `planning`, `row`, `conclusion` (its
            time, and the text up to the next one) or `line`.
        key: Identifies the part in other versions, as changes of the part do not affect it.
        head: The first line.
        gap: The blank lines after the head.
        parts: The parts inside, in order.
        tail: The last line of a drawer.
        blanks: The blank lines after the part.
        heading: The heading, if the part is one.
        item: The list item, if the part is one.
        at: The time of a conclusion, or of the newest one if the part is its verdict, its author or its confirmation,
            or the drawer of these; else empty.
    """

    kind: str
    key: Key
    head: bytes
    gap: bytes = b""
    parts: "list[Node]" = field(default_factory=list)
    tail: bytes = b""
    blanks: bytes = b""
    heading: Heading | None = None
    item: Item | None = None
    at: str = ""

    @cached_property
    def identity(self) -> tuple[str, str] | None:
        """The title without id and cookies, and the time of creation, of a heading with an id; None for other parts."""
        if self.heading is None or self.key[0] != "id":
            return None
        experiment = Experiment(self.heading, Config(), "")
        return experiment.title, experiment.created.isoformat() if experiment.created is not None else ""

    @cached_property
    def words(self) -> bytes:
        """The words of an item's first line: without bullet, counter, checkbox, commits and cookies."""
        if self.item is None:
            return b""
        line = self.head
        rest = line[self.item.body - self.item.begin :] if self.item.tag is None else line[len(self.item.bullet) :]
        return _COOKIES.sub(b"", COMMITS.sub(b"", rest.rstrip(b"\n"))).strip()

    @cached_property
    def text(self) -> bytes:
        """The whole text, without the blank lines after it."""
        inside = b"".join(part.text + part.blanks for part in self.parts)
        return self.head + self.gap + inside + self.tail

    @cached_property
    def core(self) -> bytes:
        """The text without blank lines at its end: the part counts as changed if this differs."""
        return _strip_last_blanks(self.text)

    @cached_property
    def trail(self) -> bytes:
        """The blank lines at the end of the text and after it."""
        return self.text[len(self.core) :] + self.blanks


def read_nodes(documents: Sequence[Document], config: Config) -> list[Node]:
    """Return the whole text of each version as a tree; first-level subtrees that are the same in all are not parsed.

    The caller has added a missing final newline.
    """
    subtrees_by_version = [_subtrees(document) for document in documents]
    unique = [
        {text for text, count in Counter(text for _, text in subtrees).items() if count == 1}
        for subtrees in subtrees_by_version
    ]
    identical = set.intersection(*unique) if unique else set()
    roots = []
    for document, subtrees in zip(documents, subtrees_by_version, strict=True):
        root = Node("document", ("document", b""), b"")
        for begin, text in subtrees:
            if text in identical and text.startswith(b"* "):
                root.parts.append(Node("heading", ("text", text), text))
            else:
                below = read_node(document.part_at(begin), config)
                root.gap += below.gap
                root.parts += below.parts
        roots.append(root)
    _separate_ids(roots)
    return roots


def _separate_ids(roots: Sequence[Node]) -> None:
    """Give experiments keys that tell them apart if one version has two with one id.

    A title may change, so it counts only where the time of creation does not tell.
    """
    headings = [list(_find_headings_with_id(root)) for root in roots]
    counts = [Counter(node.key for node in nodes) for nodes in headings]
    shared = {key for version in counts for key, number in version.items() if number > 1}
    for key in shared:
        versions = [[node for node in nodes if node.key == key] for nodes in headings]
        stamps = [[node.identity[1] for node in nodes if node.identity is not None] for nodes in versions]
        has_stamps = all(len({*version}) == len(version) and "" not in version for version in stamps)
        for node in (node for nodes in versions for node in nodes):
            title, stamp = node.identity or ("", "")
            node.key = ("id", b"\0".join((key[1], (stamp if has_stamps else title + stamp).encode("utf-8", "replace"))))


def _find_headings_with_id(root: Node) -> Iterator[Node]:
    """Yield the headings below a node that have an id."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.key[0] == "id":
            yield node
        pending += (part for part in node.parts if part.kind == "heading")


def _subtrees(document: Document) -> list[tuple[int, bytes]]:
    """Return the position and text of each first-level subtree, and of any text before the first one."""
    text = document.text
    begins = [0, *(match.start() + 1 for match in re.finditer(rb"\n\* ", text))]
    return [(begin, text[begin:end]) for begin, end in pairwise([*begins, len(text)]) if end > begin]


def read_node(document: Document, config: Config) -> Node:
    """Return the whole text of a document as a tree."""
    text = document.text
    # The first section may begin with blank lines that belong to no part.
    first = document.heading_begin(0) if len(document) else len(text)
    root = Node("document", ("document", b""), b"")
    _fill(root, text, document.first_section if first else None, 0, first)
    # Built from the flat list of headings and their levels, without recursion, for trees of any depth.
    ancestors: list[tuple[int, Node]] = [(0, root)]
    for heading in document.headings():
        node = _heading_node(heading, config)
        while ancestors[-1][0] >= heading.stars:
            ancestors.pop()
        ancestors[-1][1].parts.append(node)
        ancestors.append((heading.stars, node))
    return root


def _heading_node(heading: Heading, config: Config) -> Node:
    """Return a heading with its own section, without its subheadings."""
    text = heading.document.text
    name = read_id(heading, config) if config.tag in heading.tags or heading.drawer is not None else ""
    # Without cookies, which change with the subtree.
    key = ("id", name.encode()) if name else ("title", strip_cookies(heading.title).encode("utf-8", "replace"))
    node = Node("heading", key, text[heading.begin : heading.body], heading=heading)
    _fill(node, text, heading.section, heading.body, heading.end)
    if strip_cookies(heading.title).lower() in _name_conclusions(heading, config):
        _group_conclusions(node)
    return node


def _name_conclusions(heading: Heading, config: Config) -> tuple[str, ...]:
    """Return the titles of a heading that make it one of conclusions, in lower case."""
    usual = config.conclusions.lower()
    if CONCLUSION_IN.encode() not in heading.document.text or (parent := heading.parent) is None:
        return (usual,)
    named = parent.property(CONCLUSION_IN)
    return (usual, strip_cookies(named).lower()) if named else (usual,)


def _group_conclusions(node: Node) -> None:
    """Make one part of each conclusion that begins with a time, and date what the properties say of the newest."""
    parts, node.parts = node.parts, []
    is_new_paragraph = True
    for part in parts:
        match = STAMP.match(part.head) if part.kind == "line" and is_new_paragraph else None
        stamp = parse_timestamp(match.group(1)) if match is not None else None
        is_new_paragraph = part.kind != "line" or bool(part.blanks)
        if match is not None and stamp is not None:
            key = ("conclusion", match.group(1))
            node.parts.append(Node("conclusion", key, part.head, part.blanks, at=stamp.isoformat()))
        else:
            (node.parts[-1] if node.parts and node.parts[-1].kind == "conclusion" else node).parts.append(part)
    newest = next((part for part in reversed(node.parts) if part.kind == "conclusion"), None)
    for drawer in (part for part in node.parts if part.kind == "properties" and newest is not None):
        for part in drawer.parts:
            name, _, value = part.head.strip().partition(b" ")
            is_told = (
                name.upper() == b":VERDICT:" and newest is not None and value.strip().lower() in newest.head.lower()
            )
            if newest is not None and (is_told or part.key in SIGNATURE):
                part.at = newest.at
        drawer.at = newest.at if newest is not None else ""


def _fill(node: Node, text: bytes, section: Element | None, begin: int, end: int) -> None:
    """Add the parts between two positions to a node."""
    at = begin
    for element in section.children if section is not None else ():
        _add_lines(node, text[at : element.begin])
        for part in _split_element(text, element):
            _add(node, part)
        at = element.end
    _add_lines(node, text[at:end])


def _split_element(text: bytes, element: Element) -> Iterator[Node]:
    """Yield the parts of an element in order, including blank lines."""
    structure = element.structure
    if element.type == "plain-list" and structure is not None:
        yield from _lines(text[element.begin : element.start])
        at = element.start
        for child in element.children:
            if child.item is not None:
                yield _item_node(text, child.item, structure)
                at = child.item.end
        yield from _lines(text[at : element.end])
        return
    if element.type == "planning":
        yield from _lines(text[element.begin : element.end], "planning", b"planning")
    elif element.type in ("drawer", "property-drawer"):
        yield _drawer_node(text, element)
        yield from _lines(text[_core_end(text, element) : element.end])
    else:
        yield from _lines(text[element.begin : element.end], "row" if element.type == "table" else "line")


def _core_end(text: bytes, element: Element) -> int:
    """Return where an element ends without the blank lines after it."""
    return element.begin + len(_strip_last_blanks(text[element.begin : element.end]))


def _drawer_node(text: bytes, element: Element) -> Node:
    """Return a drawer, with its properties or other content as parts."""
    body = text[element.begin : _core_end(text, element)]
    lines = split_lines(body)
    is_properties = element.type == "property-drawer"
    name = lines[0].strip().upper()
    node = Node("properties" if is_properties else "drawer", ("drawer", name), lines[0], tail=lines[-1])
    if is_properties:
        for line in lines[1:-1]:
            _add(node, Node("property", ("property", line.strip().partition(b" ")[0].upper()), line))
        return node
    inside, at = element.begin + len(lines[0]), element.begin + len(body) - len(lines[-1])
    for child in element.children:
        _add_lines(node, text[inside : child.begin])
        for part in _split_element(text, child):
            _add(node, part)
        inside = child.end
    _add_lines(node, text[inside:at])
    return node


def _item_node(text: bytes, item: Item, structure: Structure) -> Node:
    """Return an item with its subitems, nested to any depth."""
    top = _item_head(text, item)
    pending = [(top, item)]
    while pending:
        node, parent = pending.pop()
        at = parent.begin + len(node.head)
        for child in structure.children(parent):
            _add_lines(node, text[at : child.begin])
            child_node = _item_head(text, child)
            node.parts.append(child_node)
            pending.append((child_node, child))
            at = child.end
        _add_lines(node, text[at : parent.end])
        node.key = _find_run_key(node) or node.key
    return top


def _find_run_key(node: Node) -> Key | None:
    """Return a key with the id of the run if an item is the note of a run, or None."""
    marks = (RUN_MARK.match(part.head) for part in reversed(node.parts) if part.kind == "line")
    return next((("run", mark.group(1)) for mark in marks if mark is not None), None)


def _item_head(text: bytes, item: Item) -> Node:
    """Return an item's first line as a node without parts."""
    end = text.find(b"\n", item.begin) + 1 or len(text)
    node = Node("item", ("item", b""), text[item.begin : end], item=item)
    node.key = ("item", node.words)
    return node


def _add_lines(node: Node, text: bytes) -> None:
    for line in _lines(text):
        _add(node, line)


def _lines(text: bytes, kind: str = "line", key: bytes | None = None) -> Iterator[Node]:
    """Yield each line of a text as a node."""
    for line in split_lines(text):
        yield Node(kind, (kind, line.rstrip() if key is None else key), line)


def split_lines(text: bytes) -> list[bytes]:
    r"""Return the lines of a text with their line ends; a lone `\r` does not end a line."""
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", text)


def _add(node: Node, part: Node) -> None:
    """Append a part to a node; a blank line is added to the part before it."""
    if part.kind in ("line", "planning", "row") and _BLANK.fullmatch(part.head):
        if node.parts:
            node.parts[-1].blanks += part.head
        else:
            node.gap += part.head
    else:
        node.parts.append(part)


def _strip_last_blanks(text: bytes) -> bytes:
    """Return a text without the blank lines at its end."""
    end = len(text)
    while end:
        line = text.rfind(b"\n", 0, end - 1) + 1
        if text[line:end].strip(b" \t\n"):
            break
        end = line
    return text[:end]
