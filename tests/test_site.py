"""The site that `make site` builds: complete, every link works, and nothing is fetched from elsewhere.

Sphinx stops at a warning, such as a link that leads nowhere, so the build itself is a test.
"""

import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from once import make_once

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md")]
PAGES += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "spec").rglob("*.md")]
# What a browser loads by itself.
LOADED = {("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src"), ("video", "src"), ("object", "data")}
LOADING_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}

EARLIER = ("0.0.9", "0.0.10")  # folders without pages, for the list of versions

pytestmark = pytest.mark.slow


def build(site):
    for version in EARLIER:
        (site / version).mkdir()
        (site / version / "objects.inv").touch()
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/site/build.py", site], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("furo", reason="what builds the site is not installed; `make site` does it")
    return make_once(tmp_path_factory, "site", build)


@pytest.fixture(scope="module")
def version(site):
    [version] = [path.parent for path in site.glob("*/docs/")]
    return version


class Page(HTMLParser):
    """A page: its anchors, where it leads, what it loads, and its text."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loaded, self.text = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag == "link" and LOADING_LINKS & {*(values.get("rel") or "").split()}:
            self.loaded.append(values["href"])
        self.loaded += [values[name] for kind, name in LOADED if kind == tag and values.get(name)]

    def handle_data(self, data):
        self.text.append(data)


@cache
def read(path):
    return Page(path.read_text("utf-8"))


def path_of(page, version):
    """Return the file of a page in the site."""
    return (version / page.relative_to(ROOT)).with_suffix(".html")


def test_every_page_is_there(version):
    assert [page for page in PAGES if not path_of(page, version).is_file()] == []


def leads_somewhere(site, file, link):
    """Return whether what a page leads to is in the site, if it is not elsewhere; earlier versions are not really there."""
    address = urlsplit(urljoin(file.as_uri(), link))
    target = Path(unquote(address.path))
    if address.scheme != "file" or target.parts[-3] in EARLIER:
        return True
    if not (target.is_file() and target.is_relative_to(site)):
        return False
    return not address.fragment or unquote(address.fragment) in read(target).anchors


def test_every_link_leads_somewhere(site):
    files = [*site.rglob("*.html")]
    assert len(files) > len(PAGES)
    links = [(file, link) for file in files for link in [*read(file).links, *read(file).loaded]]
    assert len(links) > 1000
    assert [(file.name, link) for file, link in links if not leads_somewhere(site, file, link)] == []


def test_nothing_is_loaded_from_elsewhere(site):
    for file in site.rglob("*.html"):
        assert [address for address in read(file).loaded if re.match(r"(\w+:)?//", address)] == [], file.name
    for file in site.rglob("*.css"):
        loaded = re.findall(r"url\(\s*['\"]?([^)'\"]+)|@import\s+['\"]([^'\"]+)", file.read_text("utf-8"))
        assert [pair for pair in loaded if re.match(r"(\w+:)?//", "".join(pair))] == [], file.name


def test_what_is_hidden_in_a_page_is_not_in_the_site(version):
    hidden = 0
    for page in PAGES:
        for block in re.findall(r"^<!--.*?-->", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            hidden += 1
            line = max(block.splitlines()[1:-1] or [block], key=len)
            for suffix in (".html", ".md"):
                assert line not in path_of(page, version).with_suffix(suffix).read_text("utf-8"), page
        assert "<!--" not in "".join(read(path_of(page, version)).text)
    assert hidden > 20


def test_the_search_finds_each_page(version):
    index = (version / "searchindex.js").read_text("utf-8")
    assert index.startswith("Search.setIndex(")  # a script, which a page from a folder may load
    titles = re.search(r'"?titles"?:\[(.*?)\],"?titleterms', index)[1]
    for page in PAGES:
        title = re.sub(r"[`]", "", page.read_text("utf-8").partition("\n")[0].removeprefix("# "))
        assert title in titles.replace('\\"', '"').replace("\\u0026", "&").replace("&amp;", "&"), page
        assert f'"{page.relative_to(ROOT).with_suffix("").as_posix()}"' in index


def test_language_models_find_every_page(version):
    text = (version / "llms.txt").read_text("utf-8")
    assert re.match(r"# orglab \S+\n\n> .+\n\n", text)
    listed = re.findall(r"^- \[[^]]+\]\(([^)]+)\)(?:: .+)?$", text, re.MULTILINE)
    assert sorted(listed) == sorted({*listed})
    names = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert {*listed} == names - {"docs/index.md"} | {"llms-full.txt"}
    below = text.split("\n## ", 1)[1]
    assert all(re.match(r"- \[|## |$", line) for line in below.splitlines()[1:])
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (version / link).is_file(), link
    whole = (version / "llms-full.txt").read_text("utf-8")
    for page in PAGES:
        assert page.read_text("utf-8").partition("\n")[0] in whole.splitlines()


def test_the_newest_version_is_the_first_that_is_seen(site, version):
    listed = re.findall(r'href="([^"/]+)/docs/index\.html"', (site / "versions.html").read_text())
    assert listed == [version.name, "0.0.10", "0.0.9"]
    assert f"0; url={version.name}/docs/index.html" in (site / "index.html").read_text()
    assert f"]({version.name}/docs/tutorial.md)" in (site / "llms.txt").read_text()
    assert "../../versions.html" in read(version / "docs" / "tutorial.html").links


def test_a_link_to_an_experiment_of_the_own_log_leads_to_the_report(version):
    links = read(version / "docs" / "decisions" / "similar-experiments.html").links
    assert "../../experiment_log.html#x6" in links
    assert "Sentence embeddings" in "".join(read(version / "experiment_log.html").text)
    assert (version / "experiment_log.org").read_bytes() == (ROOT / "experiment_log.org").read_bytes()
