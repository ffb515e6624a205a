"""The fixtures of tests of the page: a real server; and a real browser, for tests that `make test-web` runs."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from web.curve_study import Study, make_study
from web.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from web.chromium import Browser


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that starts `orglab serve` in a folder; see `Server`.

    Each server is ended after the test, and must end well, unless the test kills it.
    """
    servers: list[Server] = []

    def start(folder, *options, **settings):
        servers.append(Server(folder, *options, **settings))
        return servers[-1]

    yield start
    ended = [server.stop() for server in servers]
    assert {done.code for done in ended} <= {0, -signal.SIGKILL}


@pytest.fixture(scope="session")
def curve_study(tmp_path_factory) -> Study:
    """A study with learning curves, which tests only look at."""
    return make_study(tmp_path_factory.mktemp("curves"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of all tests in this process."""
    if find_spec("selenium") is None:
        pytest.skip("selenium is not installed: make test-web")
    from web.chromium import Browser, find_missing  # noqa: PLC0415 - selenium, which most tests do without

    if missing := find_missing():
        pytest.skip(f"not installed: {', '.join(missing)} (Debian: apt install chromium chromium-driver)")
    browser = Browser()
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium) -> Iterator[Browser]:
    """A browser with an empty page; a test fails if one of its pages logs an error that the test does not take.

    A test with this fixture is marked `browser`.
    """
    chromium.begin()
    yield chromium
    assert chromium.take_errors() == []
