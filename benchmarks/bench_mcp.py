"""How long `orglab mcp` takes to start and to answer, in milliseconds, beside Python's own start."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import RUNS, environment, table

_CLIENT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
CALLS = {
    "tools/list": ("tools/list", {}),
    "brief": ("tools/call", {"name": "brief", "arguments": {}}),
    "show": ("tools/call", {"name": "show", "arguments": {"reference": "1"}}),
    "list": ("tools/call", {"name": "list", "arguments": {}}),
    "tried": ("tools/call", {"name": "tried", "arguments": {"text": "smaller learning rate"}}),
    "search": ("tools/call", {"name": "search", "arguments": {"text": "learning"}}),
}


class Server:
    """A server, and the time that each answer takes."""

    def __init__(self, folder: Path) -> None:
        """Start the server in a folder."""
        command = [sys.executable, "-m", "orglab", "mcp"]
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, method: str, params: dict[str, object]) -> tuple[float, int]:
        """Return the milliseconds that an answer took, and how many bytes it has."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError
        begun = time.perf_counter()
        self._process.stdin.write(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"
        )
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if "result" not in json.loads(line):
            sys.exit(line.decode())
        return 1000 * (time.perf_counter() - begun), len(line)

    def end(self) -> None:
        """End the server."""
        self._process.communicate()


def measure_start(folder: Path) -> tuple[float, float]:
    """Return the median milliseconds until `python -c pass` ends, and until a new server has answered."""
    floor, ours = [], []
    for _ in range(RUNS + 1):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], env=environment(), check=True)
        floor.append(1000 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        server = Server(folder)
        server.ask("initialize", _CLIENT)
        ours.append(1000 * (time.perf_counter() - begun))
        server.end()
    return statistics.median(floor[1:]), statistics.median(ours[1:])


def bench(folder: Path, count: int) -> None:
    """Print the times and the bytes of the answers on a log of `count` experiments."""
    floor, ours = measure_start(folder)
    rows = [
        (f"orglab mcp, {count} experiments", "ms", "bytes", "goal"),
        ("python -c pass", f"{floor:.0f}", "", ""),
        ("start and initialize, beside that", f"{ours - floor:.0f}", "", "<= 100"),
    ]
    server = Server(folder)
    server.ask("initialize", _CLIENT)
    for name, (method, params) in CALLS.items():
        costs = [server.ask(method, params) for _ in range(RUNS + 1)][1:]
        rows.append((name, f"{statistics.median(cost for cost, _ in costs):.0f}", str(costs[-1][1]), ""))
    server.end()
    table(rows)
