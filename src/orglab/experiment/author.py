"""Who wrote a note or a conclusion, or made a run: `(by claude)`.

A mark is for what is not written by a person: whatever has none is taken for a person's own.
"""

from orglab.errors import UsageError
from orglab.experiment.commit_notation import CHAIN
from orglab.org.syntax import compile_late

VARIABLE = "ORGLAB_AUTHOR"
"""The environment variable with the name of the author, for a command and all that it starts."""
_LONGEST = 60
# What people write in parentheses without meaning anybody
_IDIOMS = "hand|accident|chance|mistake|default|design|definition|eye|far|now|then|itself|the way"
# Words and figures such as `(by 2 points)` are no names, so that a name begins with a letter.
AUTHOR = rf"(?!(?i:{_IDIOMS})\))[^\W\d_](?:[\w.+@ -]{{0,{_LONGEST - 2}}}[\w.+@-])?"
MARK = rf"\(by ({AUTHOR})\)"
COMMIT_MARK = rf"\(({CHAIN})(?:, by ({AUTHOR}))?\)"
"""The commit of a note, and its author."""
_MARK = compile_late(MARK)


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
    return _MARK.fullmatch(f"(by {name})") is not None


def format_mark_of(author: str | None) -> str:
    """Return the mark of an author: `by claude`; empty for None."""
    return f"by {author}" if author else ""
