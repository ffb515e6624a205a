"""What Sphinx is told: the pages of the repository, as they are, become a site.

The folder of the sources is the repository itself, so that a link between pages, to `../README.md` or to a picture is
the same one in the site. What a Git host has no use for is added here, not in the pages: the tables of contents, which
are made from the lists in the pages, and files that are no pages.
"""

import html
import re
import shutil
from pathlib import Path
from typing import Any

import pages
from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

project = "orglab"
author = "orglab contributors"
version = release = pages.find_version()
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = pages.PATTERNS
exclude_patterns = [".*", "build", "dist", "demo", "benchmarks", "emacs", "scripts", "src", "tests"]
language = "en"
smartquotes = False
nitpicky = True

myst_heading_anchors = 6
# What MyST adds to Markdown means nothing on a Git host, so it means nothing here.
myst_disable_syntax = ["myst_role", "myst_block_break", "myst_line_comment", "myst_target"]

# These have enough contrast.
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

html_theme = "furo"
html_title = f"orglab {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
templates_path = ["templates"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/versions.html",
        "sidebar/scroll-end.html",
    ]
}
# Colours of links with enough contrast in light and in dark.
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1f4e8c",
        "color-brand-content": "#1f5fb0",
        "color-code-background": "#f4f6f8",
    },
    "dark_css_variables": {"color-brand-primary": "#8ab8ff", "color-brand-content": "#8ab8ff"},
}

_LISTING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{name}</title>
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem }}</style>
<h1>{name}</h1>
<ul>
{items}
</ul>
</html>
"""


def add_contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Add what the navigation is made of to a page that lists others, unseen."""
    if page == root_doc:
        contents = pages.list_sections()
    elif page == "docs/decisions/index":
        contents = {"": pages.list_decisions()}
    else:
        return
    for title, paths in contents.items():
        caption = f":caption: {title}\n" if title else ""
        names = "\n".join(f"/{path.removesuffix('.md')}" for path in paths)
        source[0] += f"\n```{{toctree}}\n:hidden:\n{caption}\n{names}\n```\n"


def copy_folders(app: Sphinx, doctree: nodes.document) -> None:
    """Copy the folders of the repository that a page leads to, each with a list of its files."""
    page = app.env.docname
    for link in [*doctree.findall(addnodes.pending_xref)]:
        folder = (pages.ROOT / page).parent.joinpath(str(link["reftarget"])).resolve()
        if not (link["reftype"] == "myst" and folder.is_dir() and folder.is_relative_to(pages.ROOT)):
            continue
        name = folder.relative_to(pages.ROOT).as_posix()
        _copy_folder(folder, Path(app.outdir) / name, name)
        uri = relative_uri(f"{page}.html", f"{name}/index.html")
        link.replace_self(nodes.reference("", "", *link.children, internal=True, refuri=uri))


def lead_to_report(app: Sphinx, doctree: nodes.document) -> None:
    """Let a link to the log of orglab itself lead to the report on it, or to the experiment that it is named after."""
    page = app.env.docname
    uri = relative_uri(f"{page}.html", f"{Path(pages.LOG).stem}.html")
    for link in [*doctree.findall(addnodes.download_reference)]:
        if (pages.ROOT / page).parent.joinpath(str(link["reftarget"])).resolve() == pages.ROOT / pages.LOG:
            experiment = re.fullmatch(r"[a-z][0-9]+", link.astext())
            anchor = f"#{experiment[0]}" if experiment else ""
            link.replace_self(nodes.reference("", "", *link.children, internal=True, refuri=f"{uri}{anchor}"))


def _copy_folder(folder: Path, copy: Path, name: str) -> None:
    """Copy the files of a folder, and write a page that lists them."""
    copy.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for path in files:
        shutil.copyfile(path, copy / path.name)
    items = "\n".join(f'<li><a href="{html.escape(path.name)}">{html.escape(path.name)}</a></li>' for path in files)
    (copy / "index.html").write_text(_LISTING.format(name=html.escape(name), items=items), "utf-8")


def copy_pictures(app: Sphinx, doctree: nodes.document) -> None:
    """Copy the pictures that a page shows with HTML, which Sphinx does not look into."""
    folder = (pages.ROOT / app.env.docname).parent
    for raw in doctree.findall(nodes.raw):
        for name in pages.find_pictures(raw.astext()):
            path = (folder / name).resolve().relative_to(pages.ROOT)
            copy = Path(app.outdir) / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(pages.ROOT / path, copy)


def drop_comments(_app: Sphinx, doctree: nodes.document) -> None:
    """Drop comments: they hold examples that run and are not seen."""
    for raw in [*doctree.findall(nodes.raw), *doctree.findall(nodes.comment)]:
        if raw.astext().startswith("<!--") or isinstance(raw, nodes.comment):
            raw.parent.remove(raw)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions above with Sphinx."""
    app.add_lexer("output", TextLexer)
    app.connect("source-read", add_contents)
    app.connect("doctree-read", drop_comments)
    app.connect("doctree-read", copy_pictures)
    app.connect("doctree-read", copy_folders)
    app.connect("doctree-read", lead_to_report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
