"""How this process ends, as far as it can know that itself, for a run that is not ended before."""

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


class ProcessEnd:
    """Watches how the main program of this process ends.

    Python tells nobody of a SystemExit that ends a process, so calls of `sys.exit` are remembered.  That one of them
    ended the process, and was not caught, is seen in the frame of the main program.  The code of a `raise SystemExit`
    is not known; mostly it is what `main()` has returned, so the run counts as one that succeeded.
    """

    def __init__(self) -> None:
        """Begin to watch; an exception that was reported before, as in a notebook, does not count."""
        self._reported = getattr(sys, "last_value", None)
        self._exit: SystemExit | None = None
        self._main = _find_main_frame()
        self._sys_exit = sys.exit
        sys.exit = self._remember = self._wrap_exit()

    def _wrap_exit(self) -> Callable[..., NoReturn]:
        def remember_exit(status: object = None, /) -> NoReturn:
            if threading.current_thread() is threading.main_thread():
                self._exit = SystemExit(status)
            self._sys_exit(status)  # type: ignore[arg-type]  # as the caller gave it

        return remember_exit

    def stop(self) -> None:
        """Stop watching."""
        if sys.exit is self._remember:
            sys.exit = self._sys_exit
        self._main = None

    def read_error(self) -> BaseException | None:
        """Return the exception that ended the process, while it ends; None if none is known."""
        reported: BaseException | None = getattr(sys, "last_value", None)
        if reported is not None and reported is not self._reported:
            return reported
        if self._main is None or _has_returned(self._main):
            return None
        return self._exit


def _find_main_frame() -> FrameType | None:
    """Return the outermost frame of the main thread."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - documented
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _has_returned(frame: FrameType) -> bool:
    """Return whether a frame that is no longer executed was left by its end, not by an exception."""
    import opcode  # noqa: PLC0415 - only when a process ends without an end of its run

    code = frame.f_code.co_code
    return 0 <= frame.f_lasti < len(code) and opcode.opname[code[frame.f_lasti]].startswith("RETURN")
