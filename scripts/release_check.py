"""Build the files of a release in dist/, and say what is still missing before they may be uploaded."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Build the files; return 1 if something is missing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build"], cwd=ROOT, check=True)
    files = sorted(map(str, (ROOT / "dist").iterdir()))
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], cwd=ROOT, check=True)
    problems = [*find_problems(project["version"], project["urls"]["Repository"])]
    for problem in problems:
        print(f"Before the upload: {problem}", file=sys.stderr)
    if not problems:
        print(f"dist/ is ready: {sys.executable} -m twine upload dist/*")
    return 1 if problems else 0


def find_problems(version: str, address: str) -> Iterator[str]:
    """Yield what has to be done before the files of a version may be uploaded.

    Args:
        version: The version.
        address: The address of the repository.
    """
    elsewhere = (":!scripts", ":!docs/howto/release.md")  # they are about it
    placeholders = ask("grep", "--files-with-matches", r"https://git\.example/", "--", ".", *elsewhere).split()
    if placeholders:
        yield f"write the address of the repository in place of https://git.example/orglab: {', '.join(placeholders)}."
    elif f"repository-code: {address}\n" not in (ROOT / "CITATION.cff").read_text("utf-8"):
        yield f"give CITATION.cff `repository-code: {address}`."
    changelog = (ROOT / "CHANGELOG.md").read_text()
    if not re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE):
        yield f"give version {version} its date in CHANGELOG.md: `## {version} (2027-01-31)`."
    if ask("status", "--porcelain"):
        yield "commit or remove what `git status` shows."
    if f"v{version}" not in ask("tag", "--points-at", "HEAD").split():
        yield f"tag the commit: `git tag -a v{version}`."


def ask(*arguments: str) -> str:
    """Return what git prints; `git grep` fails where it finds nothing."""
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
