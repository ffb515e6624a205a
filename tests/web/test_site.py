"""The site of the documentation in a browser, from a folder: no server, no network."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from once import make_once

ROOT = Path(__file__).resolve().parents[2]


def build(site):
    subprocess.run([sys.executable, ROOT / "scripts/site/build.py", site], stdout=subprocess.DEVNULL, check=True)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    pytest.importorskip("furo", reason="what builds the site is not installed; `make site` does it")
    [index] = make_once(tmp_path_factory, "site-in-browser", build).glob("*/docs/index.html")
    return index.parents[1]


def test_what_is_typed_is_found(browser, pages):
    browser.driver.get((pages / "docs/index.html").as_uri())
    browser.find("input.sidebar-search").send_keys("dropout\n")
    browser.wait_for_text("#search-results", "Find earlier work")


def test_the_pages_of_an_earlier_version_lead_to_the_newest(browser, pages, tmp_path):
    page = pages / "docs/howto/find-earlier-work.html"
    browser.driver.get(page.as_uri())
    assert browser.driver.find_elements("css selector", ".site-older") == []
    site = tmp_path / "site"
    shutil.copytree(pages.parent, site)
    (site / "newest.js").write_text('window.NEWEST_VERSION = "99.0";\n')
    browser.driver.get((site / page.relative_to(pages.parent)).as_uri())
    note = browser.find(".site-older")
    assert note.text == f"This is the documentation of orglab {pages.name}. The newest version is 99.0."
    assert note.find_element("css selector", "a").get_attribute("href") == (site / "index.html").as_uri()
    assert browser.find_violations() == []
    browser.take_errors()


@pytest.mark.parametrize(
    ("name", "scheme", "width"), [("README", "light", 390), ("docs/reference/format", "dark", 1400)]
)
def test_a_page_fits_and_can_be_read(browser, pages, name, width, scheme):
    browser.set_scheme(scheme)
    browser.set_size(width, 900, is_phone=width < 500)
    browser.driver.get((pages / f"{name}.html").as_uri())
    assert browser.count_pixels_too_wide() == 0
    assert browser.take_errors() == []
    assert browser.find_violations() == []
    browser.take_errors()  # axe reads style sheets, which a page from a folder may not
