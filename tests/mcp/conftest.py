"""A client that writes and reads lines, and so can send what no client would."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from lab import SOURCE

VERSION = "2025-11-25"


class Client:
    """A server in a process of its own, and the streams to it."""

    def __init__(self, *options, cwd=None):
        self._server = subprocess.Popen(
            [sys.executable, "-m", "orglab", *options],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.pid = self._server.pid
        self._read = b""
        self._number = 0

    def write(self, data):
        """Write bytes as they are."""
        left = memoryview(data)
        while left:
            left = left[self._server.stdin.write(left) :]

    def send(self, message):
        """Send a message."""
        self.write(json.dumps(message).encode() + b"\n")

    def read(self):
        """Return the next message of the server; None at the end of the stream."""
        while b"\n" not in self._read:
            assert select.select([self._server.stdout], [], [], 60)[0], "the server says nothing"
            piece = os.read(self._server.stdout.fileno(), 1 << 16)
            if not piece:
                assert self._read == b""
                return None
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return json.loads(line)

    def send_request(self, method, params=None, **more):
        """Send a request, and return its number."""
        self._number += 1
        self.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}, **more})
        return self._number

    def ask(self, method, params=None):
        """Return the answer to a request, which is the next message."""
        number = self.send_request(method, params)
        answer = self.read()
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == number
        return answer

    def begin(self, version=VERSION):
        """Agree on a version, and return the server's answer."""
        about = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        result = self.ask("initialize", about)["result"]
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def call(self, tool, **arguments):
        """Return the document that a tool returns, or the sentence of its error."""
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]
        (content,) = result["content"]
        if result.get("isError"):
            return content["text"]
        document = json.loads(content["text"])
        assert result["structuredContent"] == document
        assert len(content["text"].encode()) <= 8192
        return document

    def close_input(self):
        """Close the stream to the server, as a client does at the end."""
        self._server.stdin.close()

    def close_output(self):
        """Read no more."""
        self._server.stdout.close()

    def wait(self):
        """Return the exit code of the server, what it printed to standard error, and how much memory it took."""
        # What the system reports at the end includes the memory of this process, from which it was forked.
        described = Path(f"/proc/{self.pid}/status")
        peak = re.search(r"VmHWM:\s+(\d+) kB", described.read_text()) if described.exists() else None
        if not self._server.stdin.closed:
            self._server.stdin.close()
        said = self._server.stderr.read().decode()
        _, status, usage = os.wait4(self.pid, 0)
        self._server.returncode = os.waitstatus_to_exitcode(status)
        if not self._server.stdout.closed:
            self._server.stdout.close()
        self._server.stderr.close()
        assert "Traceback" not in said, said
        return self._server.returncode, said, int(peak[1]) * 1024 if peak else usage.ru_maxrss

    def end(self):
        """End the server, if it has not ended."""
        if self._server.returncode is None:
            self._server.kill()
            self._server.wait()
        for stream in (self._server.stdin, self._server.stdout, self._server.stderr):
            stream.close()


@pytest.fixture
def start():
    """Return a function that starts `orglab mcp` with options, in the current folder."""
    clients = []

    def begin(*options, version=VERSION, cwd=None):
        clients.append(Client("mcp", *options, cwd=cwd))
        if version is not None:
            clients[-1].begin(version)
        return clients[-1]

    yield begin
    for client in clients:
        client.end()


@pytest.fixture
def client(start):
    """A server that may only read, in the current folder."""
    return start()
