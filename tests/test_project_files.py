"""The files at the top of the repository for those who cite orglab, report something, or change it."""

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FORMS = ROOT / ".github/ISSUE_TEMPLATE"
CITATION = ROOT / "CITATION.cff"
CONTRIBUTE = ROOT / "docs/howto/contribute.md"
INPUTS = ("markdown", "textarea", "input", "dropdown", "checkboxes")


# ---- citing ----


@pytest.mark.skipif(not CITATION.exists(), reason="a source distribution may be without CITATION.cff")
def test_the_citation_has_the_version_and_the_license_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load(CITATION.read_text())
    assert citation["cff-version"] == "1.2.0"
    for name in ("version", "license", "keywords", "authors"):
        assert citation[name] == project[name], name
    assert {"title", "message", "type"} < citation.keys()


@pytest.mark.skipif(not CITATION.exists(), reason="a source distribution may be without CITATION.cff")
def test_the_citation_has_the_day_of_the_release():
    citation = yaml.safe_load(CITATION.read_text())
    title = re.search(rf"(?m)^## {re.escape(citation['version'])} \((.*)\)$", (ROOT / "CHANGELOG.md").read_text())
    day = re.search(r"\d{4}-\d{2}-\d{2}", title[1])
    assert str(citation.get("date-released", "")) == (day[0] if day else "")


@pytest.mark.skipif(not CITATION.exists(), reason="a source distribution may be without CITATION.cff")
def test_the_article_is_cited_as_the_page_on_its_reasons_does():
    (article,) = yaml.safe_load(CITATION.read_text())["references"]
    why = (ROOT / "docs/explanation/why.md").read_text()
    assert f'["{article["title"]}"]({article["url"]})' in why
    assert str(article["date-published"]) in article["url"]


# ---- reporting ----


@pytest.mark.skipif(not FORMS.is_dir(), reason="a source distribution may be without .github")
def test_the_forms_of_issues_are_valid():
    names = {path.name for path in FORMS.iterdir()}
    assert names == {"bug.yml", "idea.yml", "config.yml"}
    for name in names - {"config.yml"}:
        form = yaml.safe_load((FORMS / name).read_text())
        assert form.keys() == {"name", "description", "body"}
        ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
        assert len(ids) == len(set(ids))
        for field in form["body"]:
            assert field["type"] in INPUTS
            assert ("value" if field["type"] == "markdown" else "label") in field["attributes"]
    assert yaml.safe_load((FORMS / "config.yml").read_text()) == {"blank_issues_enabled": True}


@pytest.mark.skipif(not FORMS.is_dir(), reason="a source distribution may be without .github")
def test_the_forms_name_files_that_exist_and_no_address():
    texts = [path.read_text() for path in (ROOT / ".github").rglob("*") if path.is_file()]
    for text in texts:
        assert "://" not in text
        for name in re.findall(r"\b(?:docs/[\w/]+\.md|[A-Z]+\.md)\b", text):
            assert (ROOT / name).is_file(), name


# ---- changing ----


@cache
def has_history():
    """Return whether all commits of this repository are here: not in a source distribution, nor in a shallow clone."""
    command = ["git", "-C", ROOT, "rev-parse", "--show-toplevel", "--is-shallow-repository"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return done.stdout.splitlines() == [str(ROOT), "false"]


def named_commits():
    """Return the hashes and subjects of the commits that the page shows."""
    text = " ".join(CONTRIBUTE.read_text().split())
    return re.findall(r"`([0-9a-f]{8})` \((.*?)\)(?=,|\.|:| )", text)


def test_each_kind_of_addition_is_shown_by_a_commit():
    sections = CONTRIBUTE.read_text().split("\n## ")[1:]
    assert [section.splitlines()[0] for section in sections] == [
        "A command", "A check", "A metrics reader", "A report section",
    ]  # fmt: skip
    assert all(re.search(r"`[0-9a-f]{8}`", section) for section in sections)


@pytest.mark.parametrize(("name", "subject"), named_commits(), ids=[name for name, _ in named_commits()])
def test_a_commit_that_is_shown_is_in_the_history(name, subject):
    if not has_history():
        return  # not a skip: where none is allowed, the clone may be shallow
    found = subprocess.run(
        ["git", "-C", ROOT, "log", "-1", "--format=%s", name], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == subject
    subprocess.run(["git", "-C", ROOT, "merge-base", "--is-ancestor", name, "HEAD"], check=True)


@pytest.mark.parametrize("page", ["docs/howto/contribute.md", "docs/explanation/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_for_developers_names_exists(page):
    folders = [ROOT / name for name in ("src", "tests", "docs", "demo")]
    known = {f"/{path.relative_to(ROOT).as_posix()}" for folder in folders for path in folder.rglob("*")}
    named = re.findall(r"`([\w./-]+(?:\.py|\.md|\.txt|\.toml|/))`", (ROOT / page).read_text())
    missing = {
        name
        for name in named
        if not (ROOT / name).exists() and not any(path.endswith(f"/{name.removesuffix('/')}") for path in known)
    }
    # No files: a ref, and a new one of any name.
    assert {name for name in missing if "NAME" not in name} <= {"refs/orglab/", "build/site/VERSION/"}
