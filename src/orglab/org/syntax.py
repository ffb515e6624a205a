r"""The regular expressions of Org's syntax, for bytes.

Each corresponds to the Org variable or function named in its comment (Org 9.8.9).
`$` in an Emacs regexp is `(?=\n|\Z)` here; with re.M, Python's `$` is equivalent.
Non-ASCII bytes count as word characters, because nearly all non-ASCII text is letters.
"""

import re
from typing import AnyStr, cast

# The methods of a compiled pattern that are used in this project.
_METHODS = ("match", "search", "fullmatch", "finditer", "findall", "split", "sub", "subn")


class _LatePattern:
    """A regular expression compiled on first use, after which its methods are those of the compiled pattern."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        """Store the pattern and its flags."""
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        compiled = re.compile(self.pattern, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def compile_late(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a regular expression compiled on first use: a command needs only a few of some two hundred."""
    return cast("re.Pattern[AnyStr]", _LatePattern(pattern, flags))


# org-outline-regexp-bol
HEADING = compile_late(rb"^\*+ ", re.M)

# org-property-drawer-re
PROPERTY_DRAWER = compile_late(
    # Atomic to avoid backtracking over blanks at the end of a line.
    rb"[ \t]*:PROPERTIES:[ \t]*\n((?>[ \t]*:\S+:(?: .*+)?[ \t]*+\n)*?)[ \t]*:END:[ \t]*$",
    re.I | re.M,
)
# org-property-re, for a line that is known to be in a property drawer
NODE_PROPERTY = compile_late(rb"^([ \t]*):(\S+):(?:[ \t]+([^ \t\r\n].*?))?[ \t]*$", re.M)
# org-planning-line-re
PLANNING = compile_late(rb"[ \t]*(?:CLOSED:|DEADLINE:|SCHEDULED:)", re.I)
PLANNING_ITEM = compile_late(rb"\b(CLOSED|DEADLINE|SCHEDULED):[ \t]*([\[<][^\]>\n]*[\]>])", re.I)
# org-drawer-regexp.  In Org's syntax table, the apostrophe is a word character.
DRAWER = compile_late(rb"[ \t]*:([\w'\x80-\xff-]+):[ \t]*$", re.M)
DRAWER_END = compile_late(rb"^[ \t]*:END:[ \t]*$", re.I | re.M)
BLOCK_BEGIN = compile_late(rb"[ \t]*#\+BEGIN_(\S+)", re.I)
# The start of a block that org-element--list-struct skips
HIDING = compile_late(rb"[ \t]*#\+BEGIN(?:_(\S+)|:)", re.I)
BLOCK_END = compile_late(rb"^[ \t]*#\+END(?:_(\S+?)|(:?))[ \t]*$", re.I | re.M)
DYNAMIC_BLOCK = compile_late(rb"[ \t]*#\+BEGIN:[ \t]*[\w'\x80-\xff]", re.I)
KEYWORD = compile_late(rb"[ \t]*#\+(\S+):")
COMMENT = compile_late(rb"[ \t]*#(?: |$)", re.M)
FIXED_WIDTH = compile_late(rb"[ \t]*:(?: |$)", re.M)
# org-element-clock-line-re: a start; a start, end and duration; or a duration alone.  The possessive quantifiers
# and the lookahead prevent quadratic time on lines with thousands of brackets or blanks.
_STAMP = rb"\[[0-9]{4}-[0-9]{2}-[0-9]{2}(?: .*)?\]"
_DURATION = rb"[ \t]++=>[ \t]++[0-9]++:[0-9]{2}"
_CLOCK = (
    rb"CLOCK:(?:[ \t]++" + _STAMP + rb"|(?:[ \t]++(?=.*\]" + _DURATION + rb"[ \t]*$)" + _STAMP + rb"--" + _STAMP
    + rb")?" + _DURATION + rb")[ \t]*$"
)  # fmt: skip
CLOCK = compile_late(rb"[ \t]*" + _CLOCK, re.I | re.M)
LATEX_BEGIN = compile_late(rb"[ \t]*\\begin\{([A-Za-z0-9*]+)\}", re.I)
LATEX_END = compile_late(rb"\\end\{([A-Za-z0-9*]+)\}[ \t]*$", re.I | re.M)
FOOTNOTE_DEFINITION = compile_late(rb"\[fn:([\w\x80-\xff-]+)\]")
FOOTNOTE_SEPARATOR = compile_late(rb"^\*+ |^\[fn:[\w\x80-\xff-]+\]|^(?:[ \t]*\n){2,}", re.M)
HORIZONTAL_RULE = compile_late(rb"[ \t]*-{5,}[ \t]*$", re.M)
TABLE = compile_late(rb"[ \t]*\|")
TABLE_EL = compile_late(rb"[ \t]*\+(?:-+\+)+[ \t]*$", re.M)
TABLE_END = compile_late(rb"^[ \t]*(?:$|[^| \t\n])", re.M)
TABLE_EL_END = compile_late(rb"^[ \t]*(?:$|[^+| \t\n])", re.M)
TABLE_FORMULA = compile_late(rb"[ \t]*#\+TBLFM: ", re.I)
BLANK_LINE = compile_late(rb"[ \t]*$", re.M)
# org-element--affiliated-re
AFFILIATED = compile_late(
    rb"[ \t]*#\+(?:(?:CAPTION|RESULTS)(?:\[.*\])?"
    rb"|DATA|HEADERS?|LABEL|NAME|PLOT|RESNAME|RESULT|SOURCE|SRCNAME|TBLNAME|ATTR_[\w-]+):",
    re.I,
)
# Lines that cannot have affiliated keywords (org-element--collect-affiliated-keywords)
NOT_AFFILIATED = compile_late(rb"[ \t]*(?:$|#(?: |$)|CLOCK:)", re.I | re.M)
# org-item-re, without alphabetical bullets (org-list-allow-alphabetical is nil)
ITEM = compile_late(rb"(?:[ \t]*(?:[-+]|[0-9]+[.)])|[ \t]+\*)(?:[ \t]+|$)", re.M)
# org-list-full-item-re, without the description tag (see list.find_tag).  Org
# ignores case here, hence `x`.
FULL_ITEM = compile_late(
    rb"([ \t]*)((?:[-+*]|(?:[0-9]+|[A-Za-z])[.)])(?:[ \t]+|$))"
    rb"(?:\[@(?:start:)?([0-9]+|[A-Za-z])\][ \t]*)?"
    rb"(?:(\[[ Xx-]\])(?:[ \t]+|$))?",
    re.M | re.I,
)
LIST_END = compile_late(rb"[ \t]*\n[ \t]*\n")
# The items with a checkbox that org-update-checkbox-count searches for
BOX = compile_late(
    rb"^[ \t]*(?:[-+*]|(?:[0-9]+|[A-Za-z])[.)])[ \t]+(?:\[@(?:start:)?(?:[0-9]+|[A-Za-z])\][ \t]*)?\[[- Xx]\]",
    re.M | re.I,
)
COOKIE = compile_late(rb"\[(?:[0-9]*%|[0-9]*/[0-9]*)\]")
# org-element-paragraph-separate
PARAGRAPH_SEPARATE = compile_late(
    rb"^(?:\*+ |\[fn:[\w\x80-\xff-]+\]|%%\("
    rb"|[ \t]*(?:$|\||\+(?:-+\+)+[ \t]*$"
    rb"|#(?: |$|\+(?:BEGIN_\S|\S+:|\S[^\s\[]*+\[.*\]:))"
    rb"|:(?: |$|[\w'\x80-\xff-]+:[ \t]*$)"
    rb"|-{5,}[ \t]*$|\\begin\{[A-Za-z0-9*]+\}|" + _CLOCK + rb"|(?:[-+*]|[0-9]+[.)])(?:[ \t]|$)))",
    re.I | re.M,
)
DUAL_KEYWORD = compile_late(rb"[ \t]*#\+(\S[^\s\[]*+)\[.*\]:")
DUAL_KEYWORDS = (b"CAPTION", b"RESULTS")


def indentation(text: bytes, start: int, end: int | None = None) -> int:
    """Return the column of the first non-blank character in the line at `start`; tab stops are every 8 columns."""
    column = 0
    position = start
    end = len(text) if end is None else end
    while position < end:
        char = text[position]
        if char == 0x20:
            column += 1
        elif char == 0x09:
            column += 8 - column % 8
        else:
            break
        position += 1
    return column
