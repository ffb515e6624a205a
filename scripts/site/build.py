"""Build the site from the pages of the repository, into build/site/VERSION.

    python scripts/site/build.py [DIR]

Each version is a folder of its own beside the earlier ones, which stay as they are: to publish a site, build into a
copy of the one that is published. `index.html` leads to the newest version, `versions.html` lists all of them, and the
pages of an earlier one say that there is a newer one.
Nothing is fetched, neither now nor when the pages are read, also from a folder (file://).
"""

import contextlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pages

from orglab import open_log
from orglab.report.content.layout import lay_out
from orglab.report.formats.export import write_document

HERE = Path(__file__).resolve().parent
_LINK = re.compile(r"\]\((?!https?://|#)([^)\s]+)\)")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title>{more}
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem }}</style>
</head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def build(site: Path) -> Path:
    """Build the pages of this version, and what leads to them; return the folder of the version.

    Raises:
        subprocess.CalledProcessError: Sphinx found something wrong, which it has printed.
    """
    version = pages.find_version()
    folder = site / version
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as trees:
        subprocess.run(
            [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--jobs", "2",
             "--builder", "html", "--conf-dir", HERE, "--doctree-dir", trees, pages.ROOT, folder],
            check=True,
            env={**os.environ, "PYTHONPATH": str(HERE)},
        )  # fmt: skip
    shutil.rmtree(folder / "_sources", ignore_errors=True)
    (folder / ".buildinfo").unlink(missing_ok=True)
    _write(folder / "index.html", "orglab", *_lead_to("docs/index.html"))
    write_report(folder)
    write_texts(folder, version)
    list_versions(site)
    return folder


def write_report(folder: Path) -> None:
    """Write the report on orglab's own log, from its first day on, and the log beside it."""
    with contextlib.chdir(pages.ROOT):  # where the settings of the log are found
        log = open_log(pages.ROOT / pages.LOG)
    first = min(experiment.created.when for experiment in log.experiments() if experiment.created)
    # `Log.write_report` would also remember it as the last report of this clone.
    document = lay_out(log.report(since=f"{first:%Y-%m-%d}", title="What was tried for orglab"))
    write_document(document, (folder / pages.LOG).with_suffix(".html"))
    shutil.copyfile(pages.ROOT / pages.LOG, folder / pages.LOG)


def write_texts(folder: Path, version: str) -> None:
    """Write what a language model reads: every page as Markdown, llms.txt (llmstxt.org), and all pages in one file."""
    sections = pages.list_sections()
    start, *others = sections.items()
    sections = dict([start, *others[:-1], ("Decisions", pages.list_decisions()), others[-1]])
    title, text = pages.find_title("README.md"), pages.read("docs/index.md").split("\n## ")[0].split("\n\n", 1)[1]
    lines = [f"# {title} {version}", "", f"> {pages.find_promise()}", "", _lead_from("docs/index.md", text.strip())]
    for name, paths in sections.items():
        lines += ["", f"## {name}", ""]
        lines += [f"- [{pages.find_title(path)}]({path}): {pages.find_summary(path)}" for path in paths]
    lines += ["", "## Optional", "", "- [All pages](llms-full.txt): one text", ""]
    (folder / "llms.txt").write_text("\n".join(line.removesuffix(": ") for line in lines), "utf-8")
    every = ["docs/index.md", *(path for paths in sections.values() for path in paths)]
    whole = [f"<!-- {path} -->\n\n{_lead_from(path, pages.read(path))}" for path in every]
    (folder / "llms-full.txt").write_text("\n".join(whole), "utf-8")
    for path in every:
        (folder / path).write_text(pages.read(path), "utf-8")


def list_versions(site: Path) -> None:
    """Write what lists the versions, leads to the newest, and tells older pages its name; and the newest llms.txt."""
    versions = sorted((path.parent.name for path in site.glob("*/objects.inv")), key=_order, reverse=True)
    items = [f'<li><a href="{html.escape(name)}/docs/index.html">{html.escape(name)}</a></li>' for name in versions]
    _write(site / "versions.html", "Versions of orglab", "", "<ul>\n" + "\n".join(items) + "\n</ul>")
    _write(site / "index.html", "orglab", *_lead_to(f"{versions[0]}/docs/index.html"))
    (site / "newest.js").write_text(f"window.NEWEST_VERSION = {json.dumps(versions[0])};\n", "utf-8")
    text = (site / versions[0] / "llms.txt").read_text("utf-8")
    (site / "llms.txt").write_text(_LINK.sub(rf"]({versions[0]}/\1)", text), "utf-8")


def _order(version: str) -> list[tuple[int, str]]:
    """Return what versions are sorted by: 0.10 comes after 0.9, and 1.0 after 1.0rc1."""
    parts = re.findall(r"\d+|[a-z]+", version)
    return [(int(part) if part.isdigit() else -1, part) for part in parts] + [(0, "")]


def _lead_from(page: str, text: str) -> str:
    """Return the text of a page with links that work from the top of the site."""
    folder = (pages.ROOT / page).parent

    def replace(match: re.Match[str]) -> str:
        path, mark, anchor = match[1].partition("#")
        return f"]({(folder / path).resolve().relative_to(pages.ROOT).as_posix()}{mark}{anchor})"

    return _LINK.sub(replace, text)


def _lead_to(address: str) -> tuple[str, str]:
    """Return what a page needs in its head, and in its body, to lead to another one."""
    there = html.escape(address)
    return f'<meta http-equiv="refresh" content="0; url={there}">', f'<p><a href="{there}">The documentation</a></p>'


def _write(path: Path, title: str, more: str, body: str) -> None:
    """Write a small page."""
    path.write_text(_PAGE.format(title=title, more=more, body=body), "utf-8")


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else pages.ROOT / "build" / "site")
    try:
        print(f"{build(where)}/docs/index.html")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
