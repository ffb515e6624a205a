"""Searches for the regexps of match strings that always end: a regexp may come from a stranger's log.

Python's `re` tries every way in which a regexp can match, and there may be exponentially many; nothing in the same
process can stop it. So a regexp is applied directly only to texts for which few ways exist. To all others, it is
applied in a child process, which is killed when the time is over, in any thread.
"""

import re
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable

_SECONDS = 2.0  # for all texts together
_START_SECONDS = 30.0  # for Python to start, on however busy a machine
# Python makes a hundred million steps in about a second.
_MOST_STEPS = 2e6
_MOST_STEPS_TOGETHER = 2e8
_MOST_UNBOUNDED = 3

# Frames of four bytes for the length and the text; the first is the regexp. The limits are for a child whose parent
# was killed, and for a regexp that needs more and more memory.
_CHILD = r"""
import re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
except (ImportError, ValueError, OSError):
    pass
read, write, flush = sys.stdin.buffer.read, sys.stdout.buffer.write, sys.stdout.buffer.flush
def frames():
    while size := read(4):
        yield read(int.from_bytes(size, "big")).decode("utf-8", "surrogatepass")
texts = frames()
search = re.compile(next(texts), int(sys.argv[1])).search
write(b"-"); flush()
for text in texts:
    write(b"y" if search(text) else b"n"); flush()
"""


class BoundedSearch:
    """A search for a regexp, with a limit of the time for all texts together."""

    def __init__(self, pattern: re.Pattern[str], ways: float, unbounded: int, error: Callable[[], Exception]) -> None:
        """Store the regexp.

        Args:
            pattern: The compiled regexp.
            ways: In how many ways it can match at most, its unbounded repetitions aside.
            unbounded: How many unbounded repetitions it has.
            error: Returns the error to raise when the time is over.
        """
        self._pattern = pattern
        self._ways = ways if unbounded <= _MOST_UNBOUNDED else float("inf")
        self._power = 1 + min(unbounded, _MOST_UNBOUNDED)
        self._error = error
        self._steps = 0.0
        self._spent = 0.0
        self._child: _Child | None = None
        self._lock = threading.Lock()

    def search(self, text: str) -> bool:
        """Return whether the regexp matches anywhere in a text.

        Raises:
            Exception: The error given, if the time is over.
        """
        steps = self._ways * (len(text) + 1) ** self._power
        if steps > _MOST_STEPS or self._steps > _MOST_STEPS_TOGETHER:
            return self._search_in_child(text)
        self._steps += steps
        return self._pattern.search(text) is not None

    def _search_in_child(self, text: str) -> bool:
        with self._lock:
            if self._spent > _SECONDS:
                raise self._error()
            begun = time.monotonic()
            try:
                if self._child is None:
                    self._child = _Child(self._pattern)
                    begun = time.monotonic()
                is_found = self._child.ask(text, _SECONDS - self._spent) == b"y"
            except (OSError, TimeoutError):
                self._spent = float("inf")
                raise self._error() from None
            self._spent += time.monotonic() - begun
            return is_found


class _Child:
    """A Python process that searches for one regexp; it ends with this object."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        command = [sys.executable, "-I", "-S", "-c", _CHILD, str(pattern.flags)]
        # Only the texts and the regexp come from outside, and they are not part of the command.
        self._process = subprocess.Popen(  # noqa: S603 - see above
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._end = weakref.finalize(self, _end, self._process)
        self.ask(pattern.pattern, _START_SECONDS)

    def ask(self, text: str, seconds: float) -> bytes:
        """Return the answer to a text.

        Raises:
            TimeoutError: There is none in time; the process is killed.
            OSError: The process has ended.
        """
        request, answers = self._process.stdin, self._process.stdout
        if request is None or answers is None:
            raise AssertionError
        encoded = text.encode("utf-8", "surrogatepass")
        ready = select.poll()
        ready.register(answers, select.POLLIN)
        answer = b""
        try:
            request.write(len(encoded).to_bytes(4, "big") + encoded)
            request.flush()
            answer = answers.read(1) if ready.poll(max(0.0, seconds) * 1000) else b""
        finally:
            if not answer:
                self._end()
        if not answer:
            raise TimeoutError
        return answer


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process, and wait until it has ended."""
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:
                # What was not sent is lost with the process.
                continue
    process.wait()
