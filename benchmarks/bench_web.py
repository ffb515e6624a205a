"""How long `orglab serve` takes to show a page of a large log, and how much memory it needs, in the same run as peers.

The floor is a server of the same kind that sends the same bytes and reads nothing.  First paint is Chromium's; it is
left out where selenium, Chromium or its driver is missing (`make test-web` installs them).
"""

import http.client
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from bench_report import make_project
from measure import environment, measure, table

EXPERIMENTS, MOST_RUNS = 10_000, 1_000
_TIMES, _STARTS = 5, 3
_FLOOR = """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
page = open(sys.argv[1], "rb").read()
listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/?token=none", flush=True)
app = Starlette(routes=[Route("/", lambda _: Response(page, media_type="text/html"))])
uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off")).run(sockets=[listener])
"""


class Server:
    """A server that answers.

    Attributes:
        address: What it printed.
        seconds: How long that took.
    """

    def __init__(self, folder: Path, *command: str) -> None:
        """Start a server, and wait for its address."""
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if self._process.stdout is None:
            raise AssertionError
        self.address = self._process.stdout.readline().strip()
        self.seconds = time.perf_counter() - begun
        _, port, token = re.split(r":(?=\d)|/\?token=", self.address)
        self._port, self._headers = int(port), {"Cookie": f"orglab-{port}={token}"}

    def ask(self, target: str) -> tuple[float, bytes]:
        """Return the milliseconds until the first byte of an answer, and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        begun = time.perf_counter()
        connection.request("GET", target, headers=self._headers)
        response = connection.getresponse()
        waited = 1000 * (time.perf_counter() - begun)
        content = response.read()
        connection.close()
        if response.status != http.client.OK:
            sys.exit(f"{target} is answered with {response.status}: {content[:500].decode()}")
        return waited, content

    def read_memory(self) -> float:
        """Return the megabytes that the server occupies now."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * 4096 / 1e6

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the server."""
        self._process.terminate()
        self._process.communicate()


def _serve(folder: Path) -> Server:
    return Server(folder, "-m", "orglab", "serve", "--port", "0")


def _measure(server: Server, target: str, before: Callable[[], object] = lambda: None) -> float:
    """Return the median milliseconds until the first byte; the first of the answers does not count."""
    waits = []
    for _ in range(_TIMES + 1):
        before()
        waits.append(server.ask(target)[0])
    return statistics.median(waits[1:])


def _measure_first(folder: Path) -> tuple[float, float]:
    """Return the median milliseconds until the address is printed, and from then until the overview begins."""
    starts, waits = [], []
    for _ in range(_STARTS):
        with _serve(folder) as server:
            starts.append(1000 * server.seconds)
            waits.append(server.ask("/")[0])
    return statistics.median(starts), statistics.median(waits)


def _find_busiest(log: str) -> str:
    """Return the id of the experiment with the longest text."""
    parts = re.split(r"(?m)^(?=\* )", log)[1:]
    found = re.search(r":ID: +(\S+)", max(parts, key=len))
    return f"e{found[1]}" if found else "e1"


def bench(folder: Path, log: Path) -> None:
    """Print the times of pages and the memory of the server, for a repository with a log."""
    text = log.read_text()
    ids = (f"e{number}" for number in re.findall(r":ID: +(\d+)", text))
    changes = (f"\n# {number}\n" for number in range(10_000))

    def change() -> None:
        log.write_text(text + next(changes))

    start, first = _measure_first(folder)
    show = measure({"show": [sys.executable, "-m", "orglab", "show", "1"]}, folder, _STARTS)["show"].wall
    with _serve(folder) as server:
        page = folder.parent / "page.html"
        page.write_bytes(server.ask("/")[1])
        idle = server.read_memory()
        news = [server.ask(f"/experiment-{next(ids)}")[0] for _ in range(_TIMES)]
        busiest = _find_busiest(text)
        rows = [
            ("orglab show, a process of its own", show * 1000, ""),
            ("from the command to the address", start, ""),
            ("overview, first time", first, "<= 500"),
            ("overview, again", _measure(server, "/"), "<= 500"),
            ("overview, the log has changed", _measure(server, "/", change), "<= 500"),
            ("an experiment, for the first time", statistics.median(news), "<= 150"),
            (f"the longest experiment ({busiest})", _measure(server, f"/experiment-{busiest}"), "<= 150"),
            ("an experiment, the log has changed", _measure(server, "/experiment-e5", change), "<= 500"),
            ("tried before, at each key", _measure(server, "/tried-before?title=dropout+in+the+encoder"), "<= 200"),
            ("search", _measure(server, "/search?q=dropout+encoder"), ""),
        ]  # fmt: skip
        memory = server.read_memory()
    with Server(folder, "-c", _FLOOR, str(page)) as bare:
        floor = _measure(bare, "/")
        floor_memory = bare.read_memory()
    runs = sum(1 for _ in (folder / ".git/orglab/runs").iterdir())
    title = f"orglab serve, {len(re.findall('(?m)^[*] ', text)):,} experiments, {runs:,} runs"
    table([
        (title, "ms to the first byte", "goal"),
        ("a server that sends the same bytes", f"{floor:.1f}", ""),
        *((name, f"{cost:.0f}", goal) for name, cost, goal in rows),
    ])  # fmt: skip
    table([
        ("memory of the server", "MB", "goal"),
        ("a server that sends the same bytes", f"{floor_memory:.0f}", ""),
        ("after the overview", f"{idle:.0f}", "<= 200"),
        ("after all of the above", f"{memory:.0f}", "<= 200"),
    ])  # fmt: skip


def bench_paint(folder: Path, log: Path) -> None:
    """Print when Chromium has painted something of the overview, beside a page that is only sent."""
    if find_spec("selenium") is None or shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        print("selenium, Chromium or its driver is not installed; first paint is skipped")
        return
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from web.chromium import Browser  # noqa: PLC0415 - selenium, which may be missing

    text, browser = log.read_text(), Browser()
    paint = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"

    def measure_paint(address: str) -> float:
        browser.driver.get(address)
        return float(browser.wait(lambda: browser.run(paint), "nothing is painted"))

    def measure_paints(address: str, suffix: str) -> float:
        waits = []
        for number in range(_TIMES + 1):
            if suffix:
                log.write_text(text + suffix * number)
            waits.append(measure_paint(address))
        return statistics.median(waits[1:])

    with Server(folder, "-c", _FLOOR, str(folder.parent / "page.html")) as bare:
        floor = measure_paints(bare.address, "")
    with _serve(folder) as server:
        measure_paint(server.address)
        root = server.address.split("?")[0]
        again, changed = measure_paints(root, ""), measure_paints(root, "\n# changed\n")
        experiment = measure_paints(f"{root}experiment-e1", "")
    firsts = []
    for _ in range(_STARTS):
        with _serve(folder) as server:
            firsts.append(measure_paint(server.address))
    browser.quit()
    table([
        ("first paint in Chromium", "ms", "goal"),
        ("a server that sends the same bytes", f"{floor:.0f}", ""),
        ("overview, first time", f"{statistics.median(firsts):.0f}", "<= 500"),
        ("overview, again", f"{again:.0f}", "<= 500"),
        ("overview, the log has changed", f"{changed:.0f}", "<= 500"),
        ("an experiment", f"{experiment:.0f}", "<= 150"),
    ])  # fmt: skip


def main() -> None:
    """Print the costs of the pages of a large log."""
    with tempfile.TemporaryDirectory(prefix="orglab-bench-") as name:
        folder = Path(name) / "project"
        folder.mkdir()
        log = make_project(folder, EXPERIMENTS)
        for run in sorted((folder / ".git/orglab/runs").iterdir())[:-MOST_RUNS]:
            shutil.rmtree(run)
        bench(folder, log)
        bench_paint(folder, log)


if __name__ == "__main__":
    main()
