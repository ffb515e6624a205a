"""Setting and deleting properties of a heading (org-entry-put, org-entry-delete), and setting its tags."""

import re
from collections.abc import Mapping

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
    return put_properties(heading, {name: value})


def put_properties(heading: Heading, values: Mapping[str, str | None]) -> list[Edit]:
    """Return the edits that set properties of a heading, and remove each line of those whose value is None.

    A drawer that would be empty is removed.

    Args:
        heading: The heading.
        values: The values by the name of the property, in the case to write; each is one line of text.
    """
    text = heading.document.text
    new = {name: encode(f":{name}:").ljust(10) + b" " + encode(value) for name, value in values.items()
           if value is not None}  # fmt: skip
    lines = {name: line.rstrip() for name, line in new.items()}
    if heading.drawer is None:
        return _make_drawer(heading, [*lines.values()]) if lines else []
    begin, end = heading.drawer.span(1)
    edits, others = [], 0
    wanted = {name.upper(): name for name in values}
    for match in syntax.NODE_PROPERTY.finditer(text, begin, end):
        name = wanted.get(decode(match.group(2)).upper())
        if name is not None and values[name] is None:
            edits.append(Edit(match.start(), match.end() + 1, b""))
            continue
        others += 1
        if name in lines:
            edits.append(Edit(match.end(1), match.end(), lines.pop(name)))
    indent = re.match(rb"[ \t]*", text[heading.drawer.start() :]).group()  # type: ignore[union-attr]
    if lines:
        edits.append(Edit(end, end, b"".join(indent + line + b"\n" for line in lines.values())))
    elif edits and not others:
        return [Edit(heading.drawer.start(), min(heading.drawer.end() + 1, len(text)), b"")]
    return edits


def _make_drawer(heading: Heading, lines: list[bytes]) -> list[Edit]:
    """Return the edits that add a property drawer to a heading that has none."""
    text, at = heading.document.text, heading.after_planning
    before = b"" if text[at - 1 : at] == b"\n" else b"\n"
    indent = b" " * syntax.indentation(text, heading.planning[0]) if heading.planning[0] >= 0 else b""
    drawer = b"".join(indent + part + b"\n" for part in (b":PROPERTIES:", *lines, b":END:"))
    # A file that does not end in a newline stays that way.
    return [Edit(at, at, before + (drawer[:-1] if before else drawer))]


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
