"""The built package: what is in it, and that it installs and works as users install it."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

from once import make_once

pytestmark = pytest.mark.package

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
URL = PROJECT["urls"]["Repository"]
VERSION = PROJECT["version"]


def run(*command, cwd=None, **environment):
    """Run a command; return what it prints."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(folder):
    """Build what git has into `dist` of a folder."""
    names = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    )
    for name in filter(None, names):
        if (ROOT / name).exists():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "tree" / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", folder / "tree")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder with the built files."""
    return make_once(tmp_path_factory, "built", build) / "dist"


@pytest.fixture(scope="session")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as file:
        return BytesParser().parsebytes(file.read(f"orglab-{VERSION}.dist-info/METADATA"))


def test_the_wheel_has_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {info.filename for info in file.infolist()}
    assert {name.partition("/")[0] for name in names} == {"orglab", f"orglab-{VERSION}.dist-info"}
    tree = {f"orglab/{path.relative_to(ROOT / 'src/orglab')}" for path in (ROOT / "src/orglab").rglob("*")}
    assert {name for name in names if name.startswith("orglab/")} == {
        name for name in tree if (ROOT / "src" / name).is_file() and "__pycache__" not in name
    }
    assert "orglab/py.typed" in names
    assert wheel.stat().st_size < 1_600_000


def test_the_source_archive_has_the_tests_and_no_machine_of_ours(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "tests/conftest.py", "docs/index.md"} <= names
    assert not [name for name in names if ".venv" in name or "__pycache__" in name]


def test_an_index_accepts_the_files(built):
    run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())


def test_links_of_the_description_lead_to_files_of_this_version(metadata):
    text = metadata.get_payload()
    assert "<!--" not in text
    links = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", text)
    addresses = [one or other for one, other in links if not (one or other).startswith("#")]
    assert len(addresses) > 10
    for address in addresses:
        assert address.startswith("https://")
        if address.startswith(URL):
            kind, version, path = address.removeprefix(f"{URL}/").partition("#")[0].split("/", 2)
            assert (kind, version) == ("raw" if path.endswith((".png", ".svg")) else "blob", f"v{VERSION}")
            assert (ROOT / path).is_file()
    assert sum(address.startswith(URL) for address in addresses) > 10


def test_all_addresses_of_the_project_are_in_its_repository():
    assert all(address.startswith(URL) for address in PROJECT["urls"].values())
    text = (ROOT / "pyproject.toml").read_text()
    own = [match.start() for match in re.finditer(r"https://[^\s\"']*/orglab", text)]
    assert len(own) > 4
    assert all(text.startswith(URL, place) for place in own)
    for file in (ROOT / "emacs").glob("*.el"):
        assert f";; URL: {URL}\n" in file.read_text()


def use(program, folder):
    """The first five minutes, with an installed orglab."""
    folder.mkdir()
    environment = {"PATH": f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")
    (folder / "train.py").write_text("import pathlib\npathlib.Path('model.pt').write_text('weights')\n")
    (folder / ".gitignore").write_text("model.pt\n")
    for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "Train")):
        run(*git, *command, cwd=folder, **environment)
    said = ""
    for command in (
        ("init",), ("new", "Does dropout help?", "-d", "+1 point"), ("run", "--", "python3", "train.py"),
        ("conclude", "No", "--verdict", "refuted"), ("why", "model.pt"),
    ):  # fmt: skip
        said = run("orglab", *command, cwd=folder, **environment)
    assert "Does dropout help?" in said
    assert "wrote this file" in said
    assert f"orglab {VERSION}" in run("orglab", "--version", cwd=folder, **environment)


def lacks_typst(program, folder, installer):
    """Check what an installed orglab without the extra says that installs it."""
    done = subprocess.run([program, "report", "-o", "a.pdf"], cwd=folder, capture_output=True, text=True, check=False)
    assert re.search(rf"install it with: {installer} 'orglab\[pdf\] @ file://", done.stderr)
    assert done.returncode == 2


def test_pip_installs_it(wheel, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv/bin/pip", "install", "--quiet", wheel)
    use(tmp_path / "venv/bin/orglab", tmp_path / "study")
    lacks_typst(
        tmp_path / "venv/bin/orglab",
        tmp_path / "study",
        rf"{re.escape(str(tmp_path))}/venv/bin/python\S* -m pip install",
    )


def test_pipx_installs_it(wheel, tmp_path):
    places = {"PIPX_HOME": str(tmp_path / "home"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    run(sys.executable, "-m", "pipx", "install", "--python", sys.executable, wheel, **places)
    use(tmp_path / "bin/orglab", tmp_path / "study")
    lacks_typst(tmp_path / "bin/orglab", tmp_path / "study", "pipx install --force")


def test_uv_installs_it(wheel, tmp_path):
    places = {
        "UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip
    run(sys.executable, "-m", "uv", "tool", "install", "--python", sys.executable, wheel, **places)
    use(tmp_path / "bin/orglab", tmp_path / "study")
    lacks_typst(tmp_path / "bin/orglab", tmp_path / "study", "uv tool install --force")


def test_the_lowest_versions_of_all_dependencies_work(wheel, tmp_path):
    uv = (sys.executable, "-m", "uv")
    cache = {"UV_CACHE_DIR": str(tmp_path / "cache")}
    run(*uv, "venv", "--python", sys.executable, tmp_path / "venv", **cache)
    python = tmp_path / "venv/bin/python"
    run(*uv, "pip", "install", "--python", python, "--resolution", "lowest-direct", f"{wheel}[all]", **cache)
    study = tmp_path / "study"
    use(tmp_path / "venv/bin/orglab", study)
    orglab = (tmp_path / "venv/bin/orglab",)
    (study / "notes.md").write_text("# Exp 7: Wider nets\n\nMore units.\n")
    for name in ("report.html", "report.pdf", "report.docx"):
        run(*orglab, "report", "-o", name, cwd=study)
        assert (study / name).stat().st_size > 1000
    run(*orglab, "import", "notes.md", cwd=study)
    run(*orglab, "serve", "--export", "pages", cwd=study)
    assert (study / "pages/index.html").is_file()
    run(
        python,
        "-c",
        "import orglab.lsp.answers, orglab.web.app, yaml, jinja2; orglab.lsp.answers.make_server(None)",
        cwd=study,
    )


def test_the_version_is_the_same_everywhere():
    assert re.search(rf"^## {re.escape(VERSION)} ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert f";; Version: {VERSION}\n" in (ROOT / "emacs/orglab.el").read_text()
    assert f"rev: v{VERSION}\n" in (ROOT / "docs/howto/commit-with-the-hooks.md").read_text()
