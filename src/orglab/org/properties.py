"""Setting and deleting properties of a heading (org-entry-put, org-entry-delete), and setting its tags."""

import re

from orglab.org import syntax
from orglab.org.edit import Edit
from orglab.org.heading import Heading
from orglab.org.source import decode, encode


def put_property(heading: Heading, name: str, value: str) -> list[Edit]:
    """Return the edits that set the heading's property `name` to `value`.

    Args:
        heading: The heading.
        name: The property's name, in the case to write.
        value: One line of text.
    """
    text = heading.document.text
    line = encode(f":{name}:").ljust(10) + b" " + encode(value)
    if heading.drawer is None:
        at = heading.after_planning
        before = b"" if text[at - 1 : at] == b"\n" else b"\n"
        indent = b" " * syntax.indentation(text, heading.planning[0]) if heading.planning[0] >= 0 else b""
        lines = b"".join(indent + part + b"\n" for part in (b":PROPERTIES:", line.rstrip(), b":END:"))
        # A file that does not end in a newline stays that way.
        return [Edit(at, at, before + (lines[:-1] if before else lines))]
    begin, end = heading.drawer.span(1)
    for match in syntax.NODE_PROPERTY.finditer(text, begin, end):
        if decode(match.group(2)).upper() == name.upper():
            return [Edit(match.end(1), match.end(), line.rstrip())]
    indent = re.match(rb"[ \t]*", text[heading.drawer.start() :]).group()  # type: ignore[union-attr]
    return [Edit(end, end, indent + line.rstrip() + b"\n")]


def delete_property(heading: Heading, name: str) -> list[Edit]:
    """Return the edits that delete the properties `name` and `name+`, and the drawer if it would be empty."""
    text = heading.document.text
    if heading.drawer is None:
        return []
    lines = list(syntax.NODE_PROPERTY.finditer(text, *heading.drawer.span(1)))
    deleted = [match for match in lines if decode(match.group(2)).upper().removesuffix("+") == name.upper()]
    if deleted and len(deleted) == len(lines):
        return [Edit(heading.drawer.start(), min(heading.drawer.end() + 1, len(text)), b"")]
    return [Edit(match.start(), match.end() + 1, b"") for match in deleted]


def set_tags(heading: Heading, tags: tuple[str, ...]) -> list[Edit]:
    """Return the edits that set the heading's tags, without realigning them."""
    start, end = heading.line.tags
    written = b":" + encode(":".join(tags)) + b":" if tags else b""
    if start >= 0:
        blanks = start if tags else heading.line.title[1]
        return [Edit(blanks, end, written)]
    at = heading.line.title[1]
    return [Edit(at, heading.line_end, b" " + written)] if tags else []
