"""The site of the documentation in a browser, from a folder: no server, no network."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    pytest.importorskip("furo", reason="what builds the site is not installed; `make site` does it")
    site = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, ROOT / "scripts/site/build.py", site], stdout=subprocess.PIPE, text=True, check=True
    )
    return Path(built.stdout.strip()).parents[1]


def test_what_is_typed_is_found(browser, pages):
    browser.driver.get((pages / "docs/index.html").as_uri())
    browser.find("input.sidebar-search").send_keys("dropout\n")
    browser.wait_for_text("#search-results", "Find earlier work")


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
