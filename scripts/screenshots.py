"""Take the screenshots of the main pages for the documentation, from the study made by `make demo DIR=/tmp/study`.

It needs Chromium, its driver and selenium (`make test-web` installs them):

    python scripts/screenshots.py /tmp/study docs/pictures
"""

import argparse
import re
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from web.chromium import Browser
from web.server import Server


class Picture(NamedTuple):
    """A picture of a page.

    Attributes:
        name: The name of its file.
        page: The address of the page.
        part: What is at the top of the picture, as a CSS selector; empty for the top of the page.
        scheme: `light` or `dark`.
    """

    name: str
    page: str
    part: str = ""
    scheme: str = "light"


WIDTH, HEIGHT = 1280, 800


def list_pictures(server: Server) -> list[Picture]:
    """Return the pictures to take; the experiment is the first one with curves, and the run and the sweep are of it."""
    refs = dict.fromkeys(re.findall(r'href="(experiment-\w+)"', server.ask("/").text))
    pages = ((ref, server.ask(f"/{ref}").text) for ref in refs)
    experiment, text = next(((ref, text) for ref, text in pages if "data-curves" in text), ("", ""))
    pictures = [Picture("overview", ""), Picture("overview-dark", "", scheme="dark"), Picture("tried", "tried")]
    if experiment:
        pictures += [Picture("experiment", experiment), Picture("curves", experiment, part="[data-curves]")]
    for kind in ("run", "sweep"):
        found = re.findall(rf'href="({kind}-[^"]+)"', text)
        pictures += [Picture(kind, found[0])] if found else []
    return pictures


def take(browser: Browser, server: Server, picture: Picture, folder: Path) -> bool:
    """Take one picture; return whether the page has what it is to show."""
    browser.set_scheme(picture.scheme)
    browser.open(server, picture.page)
    browser.run("document.fonts.ready")
    if picture.part:
        parts = browser.find_all(picture.part)
        if not parts:
            return False
        browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", parts[0])
    return browser.driver.save_screenshot(str(folder / f"{picture.name}.png"))


def main() -> None:
    """Take all pictures, and print their files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("study", type=Path, help="the folder of the study")
    parser.add_argument("folder", type=Path, help="the folder for the pictures")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    server = Server(arguments.study, "--read-only")
    browser = Browser()
    try:
        browser.set_size(WIDTH, HEIGHT)
        for picture in list_pictures(server):
            taken = take(browser, server, picture, arguments.folder)
            path = arguments.folder / f"{picture.name}.png"
            sys.stdout.write(f"{path}\n" if taken else f"no {path}: {picture.page} has no {picture.part}\n")
    finally:
        browser.quit()
        server.stop()


if __name__ == "__main__":
    main()
