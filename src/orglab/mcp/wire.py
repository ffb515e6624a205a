"""The streams between a client and this server: bounded lines in, messages as lines of JSON out."""

import json
import os
import threading
from collections.abc import Iterator

LONGEST_LINE = 1 << 20
"""The number of bytes that a message may have; a longer one is passed over."""
_CHUNK_BYTES = 1 << 16


class Wire:
    """The standard streams, taken for messages alone.

    Afterwards, what this process or one that it starts reads from standard input is nothing, and what it prints goes
    to standard error: no output of git, a hook or a command can get between the messages.
    """

    def __init__(self) -> None:
        """Take the standard streams."""
        self._input, self._output = os.dup(0), os.dup(1)
        for stream in (self._input, self._output):
            os.set_blocking(stream, True)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def lines(self) -> Iterator[bytes | None]:
        """Yield each line without its end, until the client closes the stream; None for one that is too long."""
        begun, is_too_long = b"", False
        while piece := os.read(self._input, _CHUNK_BYTES):
            *ended, begun = (begun + piece).split(b"\n")
            for line in ended:
                yield None if is_too_long or len(line) > LONGEST_LINE else line
                is_too_long = False
            if len(begun) > LONGEST_LINE:
                begun, is_too_long = b"", True
        if begun or is_too_long:
            yield None if is_too_long else begun

    def send(self, message: object) -> None:
        """Send a message; it waits until the client takes it.

        Raises:
            BrokenPipeError: The client reads no more.
        """
        # In ASCII, so that text that is not valid Unicode, such as the id of a request, arrives as it came.
        left = memoryview(json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n")
        with self._lock:
            while left:
                left = left[os.write(self._output, left) :]
