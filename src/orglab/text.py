"""Text that is safe to show: a log, a commit and a run are hostile until then."""

import re

# Control characters, and those that turn the direction of text around.
_HOSTILE = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b\ud800-\udfff]"


def clean(text: str) -> str:
    """Return text without what a terminal would obey instead of show; bytes that are no UTF-8 become U+FFFD."""
    # Python calls none of those printable, and its regexps take longer to compile than a page to print.
    if text.isprintable() or all(line.isprintable() for line in text.split("\n")):
        return text
    return re.sub(_HOSTILE, lambda match: "\ufffd" if match.group() >= "\ud800" else "", text.expandtabs())


def count(amount: int, noun: str) -> str:
    """Return an amount and its noun: `1 run`, `12 runs`."""
    return f"{amount} {noun}" + ("" if amount == 1 else "s")
