"""The exceptions of orglab: one tree, an exit code each.

A mistake of the user in the log is not here: it is a Diagnostic, a value with a
position (see experiment/diagnostic.py).  These are for what stops a command.
"""


class OrglabError(Exception):
    """A command cannot go on.  The text is one sentence that says what to do."""

    exit_code = 1


class UsageError(OrglabError):
    """The arguments make no sense together."""

    exit_code = 2


class MatchSyntaxError(UsageError):
    """A match string cannot be read.

    Args:
        problem: What is wrong, without the position.
        text: The whole match string.
        position: Index in `text` of the character that cannot be read.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        """Make the message: the problem, the text, and a caret under the character."""
        super().__init__(f"{problem} at character {position + 1} of the match:\n  {text}\n  {' ' * position}^")
        self.problem = problem
        self.text = text
        self.position = position


class NotFoundError(OrglabError):
    """There is no such log, experiment, step or commit."""

    exit_code = 3


class NotReadableError(NotFoundError):
    """The log is there, but it cannot be read."""


class NotWritableError(OrglabError):
    """A log, a record or a report could not be written; what was there before is unchanged."""

    exit_code = 4


class LogChangedError(NotWritableError):
    """The log kept changing under us, so nothing was written."""


class LogHeldError(NotWritableError):
    """An editor holds unsaved changes of the log, so nothing was written."""


class ConflictMarkersError(NotWritableError):
    """The log has git conflict markers, so nothing was written."""


class UnsafeEditError(NotWritableError):
    """An edit would have changed more than it named: a defect of orglab."""


class GitError(OrglabError):
    """git refused, or is not there."""

    exit_code = 5
