"""Who wrote a note or a conclusion, or made a run: `(by: claude)`.

A mark is for what is not written by a person: whatever has none is taken for a person's own.
"""

from orglab.errors import UsageError
from orglab.experiment.commit_notation import CHAIN
from orglab.org.syntax import compile_late

VARIABLE = "ORGLAB_AUTHOR"
"""The environment variable with the name of the author, for a command and all that it starts."""
_LONGEST = 60
_NAME = compile_late(rf"[^\W\d_](?:[\w.+@ -]{{0,{_LONGEST - 2}}}[\w.+@-])?")
# The colon tells it from prose such as `(by night)`.  It takes all that `_NAME` does, in text and in bytes.
AUTHOR = r"by: ([^\s\d():,][^\s():,]*(?: [^\s():,]+)*)"
"""Inside parentheses, the author, whose name is the group."""
MARK = rf"\((?:({CHAIN})(?:, {AUTHOR})?|{AUTHOR})\)"
"""The commit of a note and its author, or one of them."""


def check_author(name: str) -> str:
    """Return a name as it is written into the log, with single spaces.

    Raises:
        UsageError: It is not a name.
    """
    spelled = " ".join(name.split())
    if not is_author(spelled):
        raise UsageError(
            f"{name!r} cannot be the name of an author; use letters, digits, spaces and -_.+@, at most {_LONGEST} "
            "characters, with a letter first."
        )
    return spelled


def is_author(name: str) -> bool:
    """Return whether a text can be the name of an author."""
    return _NAME.fullmatch(name) is not None


def format_author(author: str | None) -> str:
    """Return an author in the notation of a log, `by: claude`; empty for None."""
    return f"by: {author}" if author else ""


def describe_author(author: str | None) -> str:
    """Return an author in words, `by claude`; empty for None."""
    return f"by {author}" if author else ""
