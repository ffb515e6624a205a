"""Which pages the site has, in which order, and what is said of each: all of it from the pages themselves."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CODE_OF_CONDUCT.md",
    "SECURITY.md",
    "docs/**.md",
    "spec/**.md",
]
LOG = "experiment_log.org"  # orglab's own
_INDEX = ROOT / "docs" / "index.md"
_LINK = re.compile(r"\]\(([^)#\s:]+\.md)(?:#[^)\s]*)?\)")
_HIDDEN = re.compile(r"^<!--.*?-->\n*", re.DOTALL | re.MULTILINE)


def find_version() -> str:
    """Return the version of orglab."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def list_pages() -> list[str]:
    """Return the path of every page, from the top of the repository."""
    found = [path for pattern in PATTERNS for path in ROOT.glob(pattern.replace("**.md", "**/*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def list_decisions() -> list[str]:
    """Return the pages of the decisions, in the order of their list."""
    return _list_links(ROOT / "docs" / "decisions" / "index.md", _HIDDEN.sub("", read("docs/decisions/index.md")))


def list_sections() -> dict[str, list[str]]:
    """Return the titles and pages of the navigation; decisions are below theirs."""
    every = list_pages()
    head, *sections = re.split(r"(?m)^## ", read("docs/index.md"))
    found = {"Start": _list_links(_INDEX, head)}
    for section in sections:
        title, _, text = section.partition("\n")
        found[title] = [path for path in _list_links(_INDEX, text) if path not in found["Start"]]
    listed = {path for paths in found.values() for path in paths} | {*list_decisions(), "docs/index.md"}
    others = [path for path in every if path not in listed]
    found["Specification"] = [path for path in others if path.startswith("spec/")]
    found["Project"] = [path for path in others if not path.startswith("spec/")]
    return {title: paths for title, paths in found.items() if paths}


def read(path: str) -> str:
    """Return the text of a page, without what is not seen."""
    return _HIDDEN.sub("", (ROOT / path).read_text("utf-8"))


def find_title(path: str) -> str:
    """Return the title of a page."""
    return read(path).partition("\n")[0].removeprefix("# ").replace("`", "")


def find_summary(path: str) -> str:
    """Return the first sentence of a page."""
    prose = re.sub(r"^```.*?^```\n", "", read(path), flags=re.DOTALL | re.MULTILINE)
    first = next((text for text in prose.split("\n\n")[1:] if re.match(r"[\w*`\[]", text)), "")
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(first.split())).replace("**", "")
    return re.split(r"(?<=[.:!?]) (?=[A-Z`]|orglab )", plain)[0].rstrip(":")


def find_promise() -> str:
    """Return what orglab says of itself in one sentence, as it stands in its package."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["description"])


def find_pictures(markup: str) -> list[str]:
    """Return the files that HTML shows."""
    return [name for name in re.findall(r'<(?:img|source)[^>]* src(?:set)?="([^"]+)"', markup) if "//" not in name]


def _list_links(page: Path, text: str) -> list[str]:
    """Return the pages that a text leads to, each once."""
    targets = [(page.parent / link).resolve() for link in _LINK.findall(text)]
    return [*dict.fromkeys(path.relative_to(ROOT).as_posix() for path in targets)]
