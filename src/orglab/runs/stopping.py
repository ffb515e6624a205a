"""A process that runs one command after the other, and is asked to end."""

import signal
from collections.abc import Iterable
from types import FrameType


class Stopping:
    """Whether this process was asked to end; while a command runs, that gets the signal instead.

    Attributes:
        is_asked: Whether it was, so that no further command begins.
    """

    def __init__(self) -> None:
        """Begin as a process that was not asked."""
        self.is_asked = False

    def watch(self, numbers: Iterable[int]) -> None:
        """Take these signals for the request to end, from now on."""
        for number in numbers:
            signal.signal(number, self._notice)

    def _notice(self, _number: int, _frame: FrameType | None) -> None:
        self.is_asked = True
