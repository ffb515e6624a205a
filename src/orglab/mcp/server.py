"""The server: one thread reads messages, the main thread answers requests one after the other.

So a ping is answered, and a request can be cancelled, while a tool is at work.
"""

import queue
import signal
import threading
from contextlib import suppress
from types import FrameType

from orglab.mcp.messages import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Id,
    ProtocolError,
    make_answer,
    make_error,
    parse_line,
    read_id,
    read_request,
)
from orglab.mcp.session import WITH_BATCHES, Session, Settings
from orglab.mcp.wire import Wire

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_MOST_WAITING = 1000  # then no more is read, and the client has to wait
_LONGEST_BATCH = 100
_WAKE_SECONDS = 0.5


class _Stopped(BaseException):
    """A signal has asked the server to end while it was not at work."""


class _Work:
    """A message, or a batch of them, that waits for its answer.

    Attributes:
        value: The JSON value.
        stop_waiting: Is set when a tool is not to wait for anything any more.
        is_cancelled: Whether the client wants no answer any more.
    """

    def __init__(self, value: object) -> None:
        self.value = value
        self.stop_waiting = threading.Event()
        self.is_cancelled = False


def serve(settings: Settings) -> None:
    """Answer the requests of a client until it closes the stream, reads no more, or a signal asks for the end.

    A request that is being answered then is finished, so that nothing is written by halves.

    Raises:
        KeyboardInterrupt: The signal was that of Ctrl-C.
    """
    _Server(settings, Wire()).serve()


class _Server:
    def __init__(self, settings: Settings, wire: Wire) -> None:
        self._session = Session(settings)
        self._wire = wire
        self._queue: queue.Queue[_Work | None] = queue.Queue(_MOST_WAITING)
        self._open: dict[Id, _Work] = {}
        self._is_at_work = False
        self._signal: int | None = None

    def serve(self) -> None:
        """Answer requests until the end."""
        before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        try:
            threading.Thread(target=self._read, daemon=True).start()
            while self._signal is None and (work := self._wait_for_work()) is not None:
                self._do(work)
        except (_Stopped, BrokenPipeError):
            pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt

    def _wait_for_work(self) -> _Work | None:
        """Return the next message; None at the end of the stream, or if a signal has asked for the end."""
        # A signal that comes just before Python blocks does not wake it; its handler is called when it goes on.
        while self._signal is None:
            with suppress(queue.Empty):
                return self._queue.get(timeout=_WAKE_SECONDS)
        return None

    def _stop(self, number: int, _: FrameType | None) -> None:
        """End at once, or once the request that is being answered is."""
        self._signal = number
        if not self._is_at_work:
            raise _Stopped
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        for work in [*self._open.values()]:
            work.stop_waiting.set()

    # The thread that reads

    def _read(self) -> None:
        """Take messages until the client closes the stream."""
        # An error of the stream is an end like any other.
        with suppress(OSError):
            for line in self._wire.lines():
                if line is None or line.strip():
                    self._take(line)
        self._stop_waiting()
        self._queue.put(None)

    def _take(self, line: bytes | None) -> None:
        """Answer a ping or cancel a request at once, and leave all else to the main thread."""
        try:
            value = parse_line(line)
        except ProtocolError as error:
            self._wire.send(make_error(None, error))
            return
        method = value.get("method") if isinstance(value, dict) else None
        work = _Work(value)
        if method == "ping":
            self._send(self._answer(value, work.stop_waiting))
        elif method == "notifications/cancelled":
            self._cancel(value)
        else:
            if (number := read_id(value)) is not None:
                self._open[number] = work
            self._queue.put(work)

    def _cancel(self, value: object) -> None:
        """Note that an answer is not wanted any more; it may be on its way already."""
        params = value.get("params") if isinstance(value, dict) else None
        number = read_id({"id": params.get("requestId")}) if isinstance(params, dict) else None
        work = self._open.get(number) if number is not None else None
        if work is not None:
            work.is_cancelled = True
            work.stop_waiting.set()

    # The main thread

    def _do(self, work: _Work) -> None:
        """Answer a message or a batch, unless it was cancelled."""
        if not work.is_cancelled:
            self._is_at_work = True
            value = work.value
            answer = self._answer_batch(value) if isinstance(value, list) else self._answer(value, work.stop_waiting)
            self._is_at_work = False
            if not work.is_cancelled:
                self._send(answer)
        if (number := read_id(work.value)) is not None:
            self._open.pop(number, None)

    def _answer_batch(self, values: list[object]) -> object:
        """Return the answers to a batch, which only one version of the protocol has; None if it wants none."""
        if self._session.version != WITH_BATCHES or not 0 < len(values) <= _LONGEST_BATCH:
            why = f"A batch needs version {WITH_BATCHES} of the protocol, and has 1 to {_LONGEST_BATCH} messages."
            return make_error(None, ProtocolError(INVALID_REQUEST, why))
        answers = [self._answer(value, threading.Event()) for value in values]
        return [answer for answer in answers if answer is not None] or None

    def _answer(self, value: object, stop_waiting: threading.Event) -> dict[str, object] | None:
        """Return the answer to a message; None if it wants none."""
        number = read_id(value)
        try:
            request = read_request(value)
            if request is None or request.id is None:
                return None
            return make_answer(number, self._session.answer(request, stop_waiting))
        except ProtocolError as error:
            return make_error(number, error)
        except Exception as error:  # noqa: BLE001 - whatever a log makes a tool do, the server goes on
            return make_error(number, ProtocolError(INTERNAL_ERROR, self._session.describe_unexpected(error)))

    def _send(self, answer: object) -> None:
        if answer is not None:
            self._wire.send(answer)
