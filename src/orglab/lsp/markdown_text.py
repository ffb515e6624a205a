"""Text of the user in Markdown: shown as it is, with a backslash only where there would be markup.

Some editors show the backslashes, too.
"""

import re

from orglab.text import one_line

_MARKUP = re.compile(
    # Code, emphasis and lines through; a backslash before what it would escape; tags and addresses.
    r"[`*~]|\\(?=[!-/:-@\[-`{-~]|$)|<(?=\S)"
    # Emphasis, except inside a word; entities; links, images and footnotes.
    r"|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|\](?=[(\[:])"
)
_BEGIN = re.compile(r"(?>(?:\d{1,9}(?=[.)](?: |$)))?)(?:#(?=#{0,5}(?: |$))|>|[+=-](?=[ =-]|$)|(?<=\d)[.)])")
"""A heading, a quote, the item of a list or a rule, at the beginning of a line."""


def escape_words(text: str) -> str:
    """Return text on one line, as Markdown that shows it after other words of a line."""
    return _MARKUP.sub(r"\\\g<0>", one_line(text))


def escape_line(text: str) -> str:
    """Return text on one line, as Markdown that shows it as a paragraph."""
    escaped = escape_words(text)
    begin = _BEGIN.match(escaped)
    return f"{escaped[: begin.end() - 1]}\\{escaped[begin.end() - 1 :]}" if begin is not None else escaped
