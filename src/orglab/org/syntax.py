r"""The regular expressions of Org's syntax, over bytes.

Each is the Org variable or function that its comment names (Org 9.8.9).
`$` of an Emacs regexp is `(?=\n|\Z)` here; with re.M, Python's `$` is the same
but for the end of a text that ends in a newline, where both match.
Non-ASCII bytes count as word characters, as nearly all the letters they spell do.
"""

import re

# org-outline-regexp-bol; `\*+` of a hundred thousand stars is one scan.
HEADING = re.compile(rb"^\*+ ", re.M)

# org-property-drawer-re
PROPERTY_DRAWER = re.compile(
    # Atomic, since a line may end in blanks in as many ways as there are blanks.
    rb"[ \t]*:PROPERTIES:[ \t]*\n((?>[ \t]*:\S+:(?: .*+)?[ \t]*+\n)*?)[ \t]*:END:[ \t]*$",
    re.I | re.M,
)
# org-property-re, for a line that is known to lie in a property drawer
NODE_PROPERTY = re.compile(rb"^([ \t]*):(\S+):(?:[ \t]+([^ \t\r\n].*?))?[ \t]*$", re.M)
# org-planning-line-re
PLANNING = re.compile(rb"[ \t]*(?:CLOSED:|DEADLINE:|SCHEDULED:)", re.I)
PLANNING_ITEM = re.compile(rb"\b(CLOSED|DEADLINE|SCHEDULED):[ \t]*([\[<][^\]>\n]*[\]>])", re.I)
# org-drawer-regexp.  In Org's syntax table the apostrophe is part of a word.
DRAWER = re.compile(rb"[ \t]*:([\w'\x80-\xff-]+):[ \t]*$", re.M)
DRAWER_END = re.compile(rb"^[ \t]*:END:[ \t]*$", re.I | re.M)
BLOCK_BEGIN = re.compile(rb"[ \t]*#\+BEGIN_(\S+)", re.I)
# What org-element--list-struct skips
HIDING = re.compile(rb"[ \t]*#\+BEGIN(?:_(\S+)|:)", re.I)
BLOCK_END = re.compile(rb"^[ \t]*#\+END(?:_(\S+?)|(:?))[ \t]*$", re.I | re.M)
DYNAMIC_BLOCK = re.compile(rb"[ \t]*#\+BEGIN:[ \t]*[\w'\x80-\xff]", re.I)
KEYWORD = re.compile(rb"[ \t]*#\+(\S+):")
COMMENT = re.compile(rb"[ \t]*#(?: |$)", re.M)
FIXED_WIDTH = re.compile(rb"[ \t]*:(?: |$)", re.M)
# org-element-clock-line-re: a start, a start and an end with how long that is, or that alone.  What is possessive,
# and the lookahead, are for lines of a thousand brackets or blanks.
_STAMP = rb"\[[0-9]{4}-[0-9]{2}-[0-9]{2}(?: .*)?\]"
_DURATION = rb"[ \t]++=>[ \t]++[0-9]++:[0-9]{2}"
_CLOCK = (
    rb"CLOCK:(?:[ \t]++" + _STAMP + rb"|(?:[ \t]++(?=.*\]" + _DURATION + rb"[ \t]*$)" + _STAMP + rb"--" + _STAMP
    + rb")?" + _DURATION + rb")[ \t]*$"
)  # fmt: skip
CLOCK = re.compile(rb"[ \t]*" + _CLOCK, re.I | re.M)
LATEX_BEGIN = re.compile(rb"[ \t]*\\begin\{([A-Za-z0-9*]+)\}", re.I)
LATEX_END = re.compile(rb"\\end\{([A-Za-z0-9*]+)\}[ \t]*$", re.I | re.M)
FOOTNOTE_DEFINITION = re.compile(rb"\[fn:([\w\x80-\xff-]+)\]")
FOOTNOTE_SEPARATOR = re.compile(rb"^\*+ |^\[fn:[\w\x80-\xff-]+\]|^(?:[ \t]*\n){2,}", re.M)
HORIZONTAL_RULE = re.compile(rb"[ \t]*-{5,}[ \t]*$", re.M)
TABLE = re.compile(rb"[ \t]*\|")
TABLE_EL = re.compile(rb"[ \t]*\+(?:-+\+)+[ \t]*$", re.M)
TABLE_END = re.compile(rb"^[ \t]*(?:$|[^| \t\n])", re.M)
TABLE_EL_END = re.compile(rb"^[ \t]*(?:$|[^+| \t\n])", re.M)
TABLE_FORMULA = re.compile(rb"[ \t]*#\+TBLFM: ", re.I)
BLANK_LINE = re.compile(rb"[ \t]*$", re.M)
# org-element--affiliated-re
AFFILIATED = re.compile(
    rb"[ \t]*#\+(?:(?:CAPTION|RESULTS)(?:\[.*\])?"
    rb"|DATA|HEADERS?|LABEL|NAME|PLOT|RESNAME|RESULT|SOURCE|SRCNAME|TBLNAME|ATTR_[\w-]+):",
    re.I,
)
# What no affiliated keyword belongs to (org-element--collect-affiliated-keywords).
NOT_AFFILIATED = re.compile(rb"[ \t]*(?:$|#(?: |$)|CLOCK:)", re.I | re.M)
# org-item-re, without alphabetical bullets (org-list-allow-alphabetical is nil)
ITEM = re.compile(rb"(?:[ \t]*(?:[-+]|[0-9]+[.)])|[ \t]+\*)(?:[ \t]+|$)", re.M)
# org-list-full-item-re, without the description tag (see list.find_tag).  Org
# matches it without regard to case, hence `x`.
FULL_ITEM = re.compile(
    rb"([ \t]*)((?:[-+*]|(?:[0-9]+|[A-Za-z])[.)])(?:[ \t]+|$))"
    rb"(?:\[@(?:start:)?([0-9]+|[A-Za-z])\][ \t]*)?"
    rb"(?:(\[[ Xx-]\])(?:[ \t]+|$))?",
    re.M | re.I,
)
LIST_END = re.compile(rb"[ \t]*\n[ \t]*\n")
# What org-update-checkbox-count looks for
BOX = re.compile(
    rb"^[ \t]*(?:[-+*]|(?:[0-9]+|[A-Za-z])[.)])[ \t]+(?:\[@(?:start:)?(?:[0-9]+|[A-Za-z])\][ \t]*)?\[[- Xx]\]",
    re.M | re.I,
)
COOKIE = re.compile(rb"\[(?:[0-9]*%|[0-9]*/[0-9]*)\]")
# org-element-paragraph-separate
PARAGRAPH_SEPARATE = re.compile(
    rb"^(?:\*+ |\[fn:[\w\x80-\xff-]+\]|%%\("
    rb"|[ \t]*(?:$|\||\+(?:-+\+)+[ \t]*$"
    rb"|#(?: |$|\+(?:BEGIN_\S|\S+:|\S[^\s\[]*+\[.*\]:))"
    rb"|:(?: |$|[\w'\x80-\xff-]+:[ \t]*$)"
    rb"|-{5,}[ \t]*$|\\begin\{[A-Za-z0-9*]+\}|" + _CLOCK + rb"|(?:[-+*]|[0-9]+[.)])(?:[ \t]|$)))",
    re.I | re.M,
)
DUAL_KEYWORD = re.compile(rb"[ \t]*#\+(\S[^\s\[]*+)\[.*\]:")
DUAL_KEYWORDS = (b"CAPTION", b"RESULTS")


def indentation(text: bytes, start: int, end: int | None = None) -> int:
    """Return the column of the first non-blank character of the line at `start`; a tab goes to the next eighth."""
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
