"""Find the environment of a command: its Python, the installed packages, and lock files."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from orglab.git.private_files import open_regular, read_regular
from orglab.runs.folder_memory import FolderMemory

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*t?(?:\.exe)?")
# These use the environment of the project.
_LAUNCHERS = frozenset(("uv", "uvx", "poetry", "pdm", "hatch", "pipenv", "rye"))
_SITE = re.compile(r"(.+)\.(?:dist|egg)-info")
_VERSION = re.compile(r"(?m)^version(?:_info)?\s*=\s*(\d+(?:\.\d+)+)")
_LOCK_FILES = re.compile(
    r"(?:uv|poetry|pdm|pixi|conda|Cargo|flake)\.lock|Pipfile\.lock|pylock(?:\.[\w-]+)?\.toml|conda-lock\.ya?ml"
    r"|environment\.ya?ml|requirements[\w.-]*\.txt|package-lock\.json|Manifest\.toml|renv\.lock"
)
_PYTHON_SECONDS = 5


def find_python(argv: Sequence[str], folder: Path, top: Path) -> Path | None:
    """Return the Python that a command would use, or None if none is found.

    That is the command itself or the interpreter of its `#!` line; for launchers such as uv and poetry the `.venv` of
    the project; for any other command the first `python3` or `python` on the PATH.

    Args:
        argv: The command.
        folder: The folder that it runs in.
        top: The top of the project.
    """
    if not argv:
        return None
    name = Path(argv[0]).name
    program = shutil.which(argv[0]) if os.sep not in argv[0] else os.fspath(folder / argv[0])
    if name in _LAUNCHERS:
        candidates = (project / ".venv" / "bin" / "python" for project in (folder, top))
        program = next((os.fspath(path) for path in candidates if path.exists()), None)
    elif program is not None and not _PYTHON.fullmatch(name):
        program = _read_interpreter(Path(program))
    if program is None or not _PYTHON.fullmatch(Path(program).name):
        program = shutil.which("python3") or shutil.which("python")
    return Path(program) if program is not None else None


def _read_interpreter(script: Path) -> str | None:
    """Return the interpreter that the `#!` line of a script names, or None."""
    try:
        with open(open_regular(script, follow=True), "rb") as file:  # noqa: PTH123 - a descriptor
            first = file.readline(512)
    except OSError:
        return None
    words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return shutil.which(words[0]) if words else None
    return words[0] if words else None


class PythonProbe:
    """Finds the version of a Python and its installed distributions, in the background.

    Distributions are found by listing folders; none is imported.

    Attributes:
        path: The Python, or None.
        folders: The folders that it imports from; empty until the result was read, if it had to be asked.
    """

    def __init__(self, path: Path | None) -> None:
        """Start to ask `path`, unless its `pyvenv.cfg` has the answer."""
        self.path = path
        self._process: subprocess.Popen[bytes] | None = None
        self._version: str | None = None
        self.folders: list[Path] = []
        if path is None:
            return
        prefix = path.parent.parent
        try:
            settings = read_regular(prefix / "pyvenv.cfg", follow=True).decode("utf-8", "replace")
        except OSError:
            settings = ""
        version = _VERSION.search(settings)
        if version and "include-system-site-packages = true" not in settings:
            self._version, self.folders = version.group(1), sorted(prefix.glob("lib*/py*/site-packages"))
            return
        program = "import sys; print(sys.version.split()[0]); print(*sys.path, sep='\\n')"
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603 - the Python that the user's own command is about to run
                [path, "-c", program],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop a Python that has not answered."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def read_result(self) -> tuple[str | None, dict[str, str]]:
        """Return the version and the distributions by name; None and an empty dict if the Python does not answer."""
        if self._process is not None:
            output = b""
            with contextlib.suppress(subprocess.TimeoutExpired):
                output = self._process.communicate(timeout=_PYTHON_SECONDS)[0]
                self._process = None
            version, *paths = os.fsdecode(output).splitlines() or [""]
            self._version, self.folders = version or None, [Path(path) for path in paths if path]
        if self.path is None:
            return None, {}
        own_folders = [Path(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        return self._version, _find_distributions([*own_folders, *self.folders])


def _find_distributions(folders: Iterable[Path]) -> dict[str, str]:
    """Return the distributions in some folders by normalized name; as in an import, the first folder wins."""
    versions: dict[str, str] = {}
    for folder in folders:
        versions = _distributions.read(folder) | versions
    return dict(sorted(versions.items()))


def _list_distributions(folder: Path) -> dict[str, str]:
    """Return the distributions in a folder by normalized name."""
    versions: dict[str, str] = {}
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return {}
    for name in names:
        if match := _SITE.fullmatch(name):
            distribution, _, version = match.group(1).partition("-")
            # The name of an egg ends in the Python that it was built for.
            version = re.sub(r"-py\d.*", "", version)
            versions.setdefault(re.sub(r"[-_.]+", "-", distribution).lower(), version)
    return versions


_distributions = FolderMemory(_list_distributions)


def find_lock_files(folders: Iterable[Path]) -> list[Path]:
    """Return the dependency lock files in some folders."""
    paths = []
    for folder in dict.fromkeys(folders):
        try:
            paths += [
                folder / name
                for name in sorted(entry.name for entry in os.scandir(folder))
                if _LOCK_FILES.fullmatch(name)
            ]
        except OSError:
            continue
    return [path for path in paths if path.is_file()]
