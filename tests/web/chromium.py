"""Chromium as someone uses it who reads the pages: headless, driven by its own driver, and without any network."""

from __future__ import annotations

import shutil
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import visibility_of_element_located
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from selenium.webdriver.remote.webelement import WebElement

    from web.server import Server

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--no-first-run", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip
_PATIENCE_SECONDS = 20
_RUN_AXE = """
const done = arguments[arguments.length - 1];
document.querySelectorAll("details").forEach((details) => { details.open = true; });
axe.run(document).then(
  ({violations}) => done(violations.map((one) =>
    `${one.id}: ${one.help} (${one.nodes.length}): ${one.nodes[0].html.slice(0, 200)}`)),
  (error) => done([String(error)]));
"""
AXE_PACKAGE = "axe_playwright_python"
"""The package on PyPI that has the newest axe; nothing but its JavaScript is used."""


def find_missing() -> list[str]:
    """Return what is not installed of what the tests need."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return missing + [name for name in (AXE_PACKAGE,) if find_spec(name) is None]


class Browser:
    """A browser with one page.

    Attributes:
        driver: Selenium's driver, for what is not here.
    """

    def __init__(self) -> None:
        """Start the browser."""
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in _FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options, service)
        self.driver.set_page_load_timeout(_PATIENCE_SECONDS)
        self._visited: set[str] = set()

    def begin(self) -> None:
        """Forget what was done before: a new page of 1280 x 900 in light colours, and no cookie."""
        before = self.driver.window_handles
        self.driver.switch_to.new_window("tab")
        ours = self.driver.current_window_handle
        for handle in before:
            self.driver.switch_to.window(handle)
            self.driver.close()
        self.driver.switch_to.window(ours)
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        for origin in self._visited:
            self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        self._visited.clear()
        self.set_size()
        self.set_scheme("light")
        self.take_errors()

    def quit(self) -> None:
        """End the browser."""
        self.driver.quit()

    def open(self, server: Server, path: str = "") -> None:
        """Open a page of a server; the first one with the address that the server printed."""
        if server.origin not in self._visited:
            self._visited.add(server.origin)
            self.driver.get(server.address)
        if path or self.driver.current_url != server.url():
            self.driver.get(server.url(path))

    def set_size(self, width: int = 1280, height: int = 900, *, is_phone: bool = False) -> None:
        """Give the page a size; as a phone it has a touch screen, too."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone},
        )

    def block(self, *patterns: str) -> None:
        """Let no request out whose address has one of some patterns, as if the server did not answer it."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": patterns})

    def set_scheme(self, scheme: str) -> None:
        """Prefer dark or light colours."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something is there or is true, and return it."""
        return WebDriverWait(self.driver, _PATIENCE_SECONDS, 0.05).until(lambda _: condition(), what)

    def find(self, selector: str) -> WebElement:
        """Return the first element that a CSS selector names, as soon as it can be seen."""
        visible = visibility_of_element_located((By.CSS_SELECTOR, selector))
        return WebDriverWait(self.driver, _PATIENCE_SECONDS, 0.05).until(visible, f"nothing is {selector}")

    def find_all(self, selector: str) -> list[WebElement]:
        """Return what a CSS selector names just now."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until a text is in an element."""
        self.wait(
            lambda: self.run("return document.querySelector(arguments[0])?.textContent.includes(arguments[1])", selector, text),
            f"no {text!r} in {selector}",
        )  # fmt: skip

    def open_window(self, server: Server, path: str = "") -> str:
        """Open a page in another window, beside the one that is there; return its handle."""
        self.driver.switch_to.new_window("window")
        self.open(server, path)
        return self.driver.current_window_handle

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def press_with_control(self, key: str) -> None:
        """Press a key while the control key is held."""
        ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page, and return its value."""
        return self.driver.execute_script(script, *arguments)

    def find_violations(self) -> list[str]:
        """Return what axe says of the page, with all its details open."""
        if not self.run("return 'axe' in window"):
            self.run(files(AXE_PACKAGE).joinpath("axe.min.js").read_text(encoding="utf-8"))
        return self.driver.execute_async_script(_RUN_AXE)

    def count_pixels_too_wide(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def take_errors(self) -> list[str]:
        """Return what the pages have logged as errors since the last call, refusals of the content policy among them."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
