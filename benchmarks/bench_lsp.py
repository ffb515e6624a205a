"""The language server, over a real session with a log of ten thousand experiments: the median and the slowest answer.

Each request is asked again and again, half of the times right after a keystroke in the log's buffer.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from make_log import make_log
from measure import environment, table

EXPERIMENTS = 10_000
ROUNDS = 40
GOAL = 0.050
_CODE = "# [e%d.1] and [e5\n# [edropout\n# [e%d.\n"


class Session:
    """A server in a process of its own, asked as an editor asks."""

    def __init__(self, folder: Path) -> None:
        """Start a server in a folder."""
        self.server = subprocess.Popen(
            [sys.executable, "-m", "orglab", "lsp"], cwd=folder, env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.number = 0
        edits = {"resolveSupport": {"properties": ["edit"]}}
        capabilities = {"textDocument": {"hover": {"contentFormat": ["markdown"]}, "codeAction": edits}}
        self.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
        self.tell("initialized", {})

    def tell(self, method: str, params: object, **more: object) -> None:
        """Send a notification, or a request if it has a number."""
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        if self.server.stdin is None:
            raise AssertionError
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.server.stdin.flush()

    def ask(self, method: str, params: object) -> object:
        """Return the answer to a request; notifications are dropped."""
        self.number += 1
        self.tell(method, params, id=self.number)
        while True:
            message = self.read()
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]

    def wait_for_check(self, uri: str) -> None:
        """Wait until the problems of a file are reported."""
        while True:
            params = self.read().get("params")
            if isinstance(params, dict) and params.get("uri") == uri:
                return

    def read(self) -> dict[str, Any]:
        """Return the next message of the server."""
        stdout = self.server.stdout
        if stdout is None:
            raise AssertionError
        size = 0
        while (line := stdout.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            size = int(value) if name == b"Content-Length" else size
        message: dict[str, Any] = json.loads(stdout.read(size))
        return message

    def open(self, path: Path, text: str, language: str) -> str:
        """Open a file; return its address."""
        item = {"uri": path.as_uri(), "languageId": language, "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})
        return path.as_uri()

    def close(self) -> None:
        """End the session."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        self.server.wait()


def main() -> None:
    """Measure the answers of the language server."""
    with tempfile.TemporaryDirectory(prefix="orglab-bench-") as folder:
        bench_lsp(Path(folder))


def bench_lsp(folder: Path) -> None:
    """Measure the answers in a folder."""
    log = folder / "experiment_log.org"
    make_log(log, EXPERIMENTS)
    text = log.read_text()
    lines = text.split("\n")
    session = Session(folder)
    code = session.open(folder / "train.py", _CODE % (EXPERIMENTS // 2, EXPERIMENTS // 3), "python")
    buffer = session.open(log, text, "org")
    heading = next(number for number, line in enumerate(lines) if "[7000]" in line)

    def at(uri: str, line: int, character: int) -> dict[str, object]:
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}

    everywhere = {"start": {"line": heading, "character": 3}, "end": {"line": heading, "character": 3}}
    requests: dict[str, tuple[str, dict[str, object]]] = {
        "hover": ("textDocument/hover", at(code, 0, 5)),
        "hover on a heading": ("textDocument/hover", at(buffer, heading, 3)),
        "definition": ("textDocument/definition", at(code, 0, 5)),
        "completion by number": ("textDocument/completion", at(code, 0, 17)),
        "completion by words": ("textDocument/completion", at(code, 1, 11)),
        "completion of steps": ("textDocument/completion", at(code, 2, 9)),
        "symbols by words": ("workspace/symbol", {"query": "dropout seed"}),
        "list of code actions": (
            "textDocument/codeAction",
            {"textDocument": {"uri": buffer}, "range": everywhere, "context": {"diagnostics": []}},
        ),
        "symbols of the whole log": ("textDocument/documentSymbol", {"textDocument": {"uri": buffer}}),
    }
    checked = _measure(session, *requests["hover"])
    rows = [("language server, 10,000 experiments", "first", "median", "slowest", "after a keystroke", "goal")]
    rows.append(("hover while the log is checked first", f"{checked:.4f}", "", "", "", ""))
    session.wait_for_check(buffer)
    version = 1
    for name, (method, params) in requests.items():
        first = _measure(session, method, params)
        still, typed = [], []
        for turn in range(ROUNDS):
            still.append(_measure(session, method, params))
            version += 1
            place = {"line": heading - 1, "character": 0}
            change = {"range": {"start": place, "end": place}, "text": "x" if turn % 2 else "y"}
            changes = {"textDocument": {"uri": buffer, "version": version}, "contentChanges": [change]}
            session.tell("textDocument/didChange", changes)
            typed.append(_measure(session, method, params))
        goal = f"<= {GOAL:.3f}" if name != "symbols of the whole log" else ""
        after = f"{statistics.median(typed):.4f}, {max(typed):.4f}"
        rows.append((name, f"{first:.4f}", f"{statistics.median(still):.4f}", f"{max(still):.4f}", after, goal))
    session.close()
    table(rows)


def _measure(session: Session, method: str, params: dict[str, object]) -> float:
    begin = time.perf_counter()
    answer = session.ask(method, params)
    if not answer:
        raise AssertionError(method)
    return time.perf_counter() - begin
