"""The server: it listens on this machine only, and ends with Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from orglab.api import Log
from orglab.errors import UsageError
from orglab.text import Tell
from orglab.web.access import TOKEN, Access, take_token
from orglab.web.app import make_app
from orglab.web.endpoints import read_first
from orglab.web.pages.overview_page import make_overview
from orglab.web.site import Site
from orglab.web.templating import load_templates

HOST = "127.0.0.1"
PORT = 6201
"""The port if none is given, and if it is taken one of those that follow."""
_TRIES = 20
_NAMES = frozenset({HOST, "localhost"})
_PATIENCE_SECONDS = 1
_NICEST = 19
UPDATE = "import sys; from orglab.api import open_log; open_log(sys.argv[1]).tried()"
"""A program that reads the log, and so brings its index up to date; it writes nothing else, and tells nobody."""


def serve(
    site: Site, port: int | None, tell: Tell, opened: Callable[[str], object] | None = None, *, is_debug: bool = False
) -> None:
    """Serve a log until a signal asks for the end.

    Args:
        site: The log.
        port: The port; None for PORT, or one of the next that is free. 0 takes any.
        tell: Called with the address once requests are answered.
        opened: Called with the address after that; None for nothing.
        is_debug: Whether the traceback of an unexpected error is printed on standard error.

    Raises:
        UsageError: The port is taken.
    """
    listener = _listen(port)
    repository = site.read().repository
    number = listener.getsockname()[1]
    token = take_token(repository.own_files if repository is not None else None)
    app = Access(make_app(site), _NAMES, number, token, may_write=site.may_write)
    config = uvicorn.Config(
        app, log_level="error" if is_debug else "critical", access_log=False, lifespan="off", server_header=False,
        ws="none", proxy_headers=False, timeout_graceful_shutdown=_PATIENCE_SECONDS,
    )  # fmt: skip
    address = f"http://{HOST}:{number}/?{TOKEN}={token}"
    # uvicorn raises the signal that has ended it once more: it must not end us before the process that we started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), listener, _update_index(site.read()):
        read_first(site, make_overview)
        tell(address)
        threading.Thread(target=load_templates, daemon=True).start()
        if opened is not None:
            opened(address)
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _update_index(log: Log) -> Iterator[None]:
    """Have another process bring the index of the search up to date, so that the first search need not wait for it."""
    command = [sys.executable, "-P", "-c", UPDATE, os.fspath(log.path.absolute())]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, process_group=0)  # noqa: S603 - ours
    try:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICEST)
        yield
    finally:
        process.terminate()
        process.wait()


def _listen(port: int | None) -> socket.socket:
    """Return a socket that listens on this machine.

    Raises:
        UsageError: The port is taken.
    """
    tried = [port] if port is not None else range(PORT, PORT + _TRIES)
    for number in tried:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
        except (OSError, OverflowError):
            listener.close()
            continue
        # From here on a browser can connect; it waits until the server answers.
        listener.listen(128)
        return listener
    what = f"Port {port} is taken" if port is not None else f"The ports {PORT} to {PORT + _TRIES - 1} are taken"
    raise UsageError(f"{what}; choose another one with --port.")
