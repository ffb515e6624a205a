"""A real `orglab serve` in a process of its own."""

from __future__ import annotations

import http.client
import os
import re
import select
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from lab import Done, start_orglab

if TYPE_CHECKING:
    from pathlib import Path

_ADDRESS = re.compile(r"(http://127\.0\.0\.1:(\d+))/\?token=(\S+)\n")
_PATIENCE_SECONDS = 60


class Answer(NamedTuple):
    """What a server answers: the headers by their names in small letters."""

    status: int
    headers: dict[str, str]
    text: str


class Server:
    """A server that answers.

    Attributes:
        process: The process.
        address: The address that it printed.
        origin: The address without its path and its token.
        port: The port.
        token: The token.
    """

    def __init__(
        self, folder: Path, *options: str, port: int = 0, before: tuple[str, ...] = (), **environment: str
    ) -> None:
        """Start a server, and wait until it has printed its address.

        Args:
            folder: The folder to start it in.
            options: Options of the command.
            port: The port; 0 for any.
            before: Options before the command.
            environment: More variables of its environment.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        command = (*before, "serve", "--port", port, *options)
        self.process = start_orglab(*command, cwd=folder, stderr=self._errors.fileno(), **environment)
        self.process.stdin.close()
        self._done: Done | None = None
        printed = self._read_line()
        found = _ADDRESS.fullmatch(printed)
        assert found is not None, (printed, self.stop())
        self.address = printed.rstrip("\n")
        self.origin, self.port, self.token = found[1], int(found[2]), found[3]

    def url(self, path: str = "") -> str:
        """Return the address of a page."""
        return f"{self.origin}/{path}"

    @property
    def cookie(self) -> str:
        """What a browser sends that has opened the address."""
        return f"orglab-{self.port}={self.token}"

    def ask(self, target: str, method: str = "GET", body: str | None = None, **headers: str | None) -> Answer:
        """Send a request as a browser does that has opened the address.

        Args:
            target: What is asked for, as it is sent.
            method: The method.
            body: What is sent with it.
            headers: More headers, with _ for -; None leaves one out that is sent otherwise.
        """
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent |= {"Content-Length": str(len(body.encode())), "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value.encode())
            connection.endheaders(body.encode() if body is not None else None)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    def read_errors(self) -> str:
        """Return what the server has printed on standard error so far."""
        return os.pread(self._errors.fileno(), 1_000_000, 0).decode()

    def stop(self, number: int = signal.SIGTERM) -> Done:
        """End the server with a signal, once; return how it ended."""
        if self._done is None:
            self.process.send_signal(number)
            try:
                code = self.process.wait(timeout=_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                code = self.process.wait()
            with self.process.stdout as output, self._errors:
                self._done = Done(code, output.read().decode(), self.read_errors())
        return self._done

    def _read_line(self) -> str:
        """Return the first line that the server prints; empty if it ends or takes too long."""
        if not select.select([self.process.stdout], [], [], _PATIENCE_SECONDS)[0]:
            return ""
        return self.process.stdout.readline().decode()
