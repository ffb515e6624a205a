r"""Lossless Org documents: parsing and editing, independent of experiments.

    from orglab.org import Document
    document = Document(b"* TODO Read the paper\n")
    print(document.heading(0).title)

The names listed here, as docs/reference/org.md describes them, stay stable until the next
major version; other names of the package may change in any release.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orglab.org.checkbox import set_checkboxes
    from orglab.org.cookies import recount_cookies
    from orglab.org.document import Document
    from orglab.org.edit import Edit, compose
    from orglab.org.element import Element
    from orglab.org.heading import Heading
    from orglab.org.list import Item
    from orglab.org.match import compile_match
    from orglab.org.objects import Object
    from orglab.org.properties import put_properties, set_tags
    from orglab.org.settings import Settings
    from orglab.org.timestamp import Timestamp, format_inactive, parse_timestamp
    from orglab.org.todo import set_state

__all__ = [
    "Document", "Edit", "Element", "Heading", "Item", "Object", "Settings", "Timestamp", "compile_match", "compose",
    "format_inactive", "parse_timestamp", "put_properties", "recount_cookies", "set_checkboxes", "set_state",
    "set_tags",
]  # fmt: skip

_HOMES = {
    "Document": "document", "Edit": "edit", "Element": "element", "Heading": "heading", "Item": "list",
    "Object": "objects", "Settings": "settings", "Timestamp": "timestamp", "compile_match": "match",
    "compose": "edit", "format_inactive": "timestamp", "parse_timestamp": "timestamp",
    "put_properties": "properties", "recount_cookies": "cookies", "set_checkboxes": "checkbox", "set_state": "todo",
    "set_tags": "properties",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that a command imports only the modules that it needs."""
    import importlib  # noqa: PLC0415

    if name in _HOMES:
        return getattr(importlib.import_module(f"orglab.org.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'orglab.org' has no attribute {name!r}")
