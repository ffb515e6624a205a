"""Call the code of other packages, and wait for it no longer than a time limit.

It runs in a thread, because the metrics of a run that goes on are read in one that gets no signals, and because such a
thread keeps no process from ending.  All calls go to the same thread, since what a reader has opened, such as a
database, may belong to the thread that did so.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_Answer = SimpleQueue[tuple[Any, BaseException | None]]


class TimeLimitError(Exception):
    """What was called takes too long; it may go on, but nobody waits for it."""


class _Caller:
    """A thread that calls one function after the other."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[Callable[[], Any], _Answer]] = SimpleQueue()
        self._thread = Thread(target=self._call_each, name="orglab-reader", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread is there; after a fork, it is not."""
        return self._thread.is_alive()

    def call(self, function: Callable[[], Any], seconds: float) -> tuple[Any, BaseException | None]:
        """Return what a function returns, and what it raises; raise `Empty` if that takes longer."""
        answer: _Answer = SimpleQueue()
        self._asked.put((function, answer))
        return answer.get(timeout=max(seconds, 0))

    def _call_each(self) -> None:
        while True:
            function, answer = self._asked.get()
            try:
                answer.put((function(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where the function was asked for
                answer.put((None, error))


_lock = Lock()
_callers: list[_Caller] = []
"""The thread that is asked next, if there is one."""


def call_in_time(function: Callable[[], _Result], seconds: float) -> _Result:
    """Return what a function returns, or raise what it raises.

    Args:
        function: It is called in another thread, always the same one.
        seconds: How long it may take.

    Raises:
        TimeLimitError: It takes longer.
    """
    with _lock:
        caller = _callers.pop() if _callers else None
        if caller is None or not caller.is_alive:
            caller = _Caller()
        try:
            result, error = caller.call(function, seconds)
        except Empty:
            raise TimeLimitError from None  # the thread is left to itself
        _callers.append(caller)
    if error is not None:
        raise error
    returned: _Result = result
    return returned
