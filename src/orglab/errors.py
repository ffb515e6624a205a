"""The exceptions of orglab, each with its exit code.

An exception stops a command.  A mistake in the user's log is not an exception but a
Diagnostic, a value with a position (see experiment/diagnostic.py).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orglab.search.similar.precedent import Precedent


class OrglabError(Exception):
    """A command cannot continue.  The message is one sentence that says what to do."""

    exit_code = 1


class UsageError(OrglabError):
    """The arguments are invalid, alone or in combination."""

    exit_code = 2


class DuplicateIdError(UsageError):
    """Several experiments have the id that was named."""


class TriedBeforeError(OrglabError):
    """An experiment surely tried the idea of one that was to be added.

    Args:
        precedents: The experiments that did.
    """

    exit_code = 7

    def __init__(self, precedents: "Sequence[Precedent]") -> None:
        """Compose the message, which names them."""
        names = ", ".join(f"{one.ref} ({one.title})" for one in precedents)
        super().__init__(f"The idea was tried before in {names}; nothing was written.")
        self.precedents = precedents


class MatchSyntaxError(UsageError):
    """A match string is invalid.

    Args:
        problem: What is wrong, without the position.
        text: The whole match string.
        position: Index in `text` of the first invalid character.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        """Compose the message: the problem, the text, and a caret under the character."""
        super().__init__(f"{problem} at character {position + 1} of the match:\n  {text}\n  {' ' * position}^")
        self.problem = problem
        self.text = text
        self.position = position


class NotFoundError(OrglabError):
    """A log, experiment, step or commit does not exist."""

    exit_code = 3


class NotReadableError(NotFoundError):
    """The log exists, but cannot be read."""


class NotWritableError(OrglabError):
    """A log, record or report could not be written; the existing file is unchanged."""

    exit_code = 4


class LogChangedError(NotWritableError):
    """Another program kept changing the log, so nothing was written."""


class TextChangedError(NotWritableError):
    """What was to be edited is no longer as it was seen; nothing was written."""


class LogHeldError(NotWritableError):
    """An editor holds unsaved changes of the log, so nothing was written."""


class ConflictMarkersError(NotWritableError):
    """The log has git conflict markers, so nothing was written."""


class NewerFormatError(NotWritableError):
    """The log has a later version of the format, so nothing was written."""


class UnsafeEditError(NotWritableError):
    """An edit would have changed more than it named: a bug in orglab."""


class GitError(OrglabError):
    """git failed, or is not installed."""

    exit_code = 5
