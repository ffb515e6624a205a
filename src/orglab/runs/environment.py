"""What a command finds around it: its Python and what is installed there, lock files, seeds in its arguments."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*t?(?:\.exe)?")
# These find the project's own environment.
_LAUNCHERS = frozenset(("uv", "uvx", "poetry", "pdm", "hatch", "pipenv", "rye"))
_SITE = re.compile(r"(.+)\.(?:dist|egg)-info")
_VERSION = re.compile(r"(?m)^version(?:_info)?\s*=\s*(\d+(?:\.\d+)+)")
_LOCK_FILES = re.compile(
    r"(?:uv|poetry|pdm|pixi|conda|Cargo|flake)\.lock|Pipfile\.lock|pylock(?:\.[\w-]+)?\.toml|conda-lock\.ya?ml"
    r"|environment\.ya?ml|requirements[\w.-]*\.txt|package-lock\.json|Manifest\.toml|renv\.lock"
)
_SEED = re.compile(r"(?i)-{0,2}\+{0,2}(?:[\w.-]*[_.-])?(?:seeds?|random_state)")
_PYTHON_SECONDS = 5


def find_python(argv: Sequence[str], folder: Path, top: Path) -> Path | None:
    """Return the Python that a command would use, or None if none is found.

    That is the command itself, or what its first line (`#!`) names; for uv, poetry and their like the project's
    `.venv`; for all others the first `python3` or `python` of the PATH.

    Args:
        argv: The command.
        folder: Where it runs.
        top: The top of the project.
    """
    if not argv:
        return None
    name = Path(argv[0]).name
    program = shutil.which(argv[0]) if os.sep not in argv[0] else os.fspath(folder / argv[0])
    if name in _LAUNCHERS:
        own = (place / ".venv" / "bin" / "python" for place in (folder, top))
        program = next((os.fspath(one) for one in own if one.exists()), None)
    elif program is not None and not _PYTHON.fullmatch(name):
        program = _read_interpreter(Path(program))
    if program is None or not _PYTHON.fullmatch(Path(program).name):
        program = shutil.which("python3") or shutil.which("python")
    return Path(program) if program is not None else None


def _read_interpreter(script: Path) -> str | None:
    """Return what the first line of a script names."""
    try:
        with script.open("rb") as file:
            first = file.readline(512)
    except OSError:
        return None
    words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return shutil.which(words[0]) if words else None
    return words[0] if words else None


class PythonProbe:
    """What is asked of a Python: its version, and what is installed for it; it answers while we do other things.

    The folders of its distributions are listed, nothing of them is imported.

    Attributes:
        path: The Python, or None.
    """

    def __init__(self, path: Path | None) -> None:
        """Ask `path`, if what lies beside it does not tell."""
        self.path = path
        self._asked: subprocess.Popen[bytes] | None = None
        self._version: str | None = None
        self._folders: list[Path] = []
        if path is None:
            return
        prefix = path.parent.parent
        try:
            settings = (prefix / "pyvenv.cfg").read_text("utf-8", "replace")
        except OSError:
            settings = ""
        version = _VERSION.search(settings)
        if version and "include-system-site-packages = true" not in settings:
            self._version, self._folders = version.group(1), sorted(prefix.glob("lib*/py*/site-packages"))
            return
        program = "import sys; print(sys.version.split()[0]); print(*sys.path, sep='\\n')"
        with contextlib.suppress(OSError):
            self._asked = subprocess.Popen(  # noqa: S603 - the Python that the user's own command is about to run
                [path, "-c", program],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the answer no longer."""
        if self._asked is not None:
            self._asked.kill()
            self._asked.communicate()

    def read_result(self) -> tuple[str | None, dict[str, str]]:
        """Return the version, and the distributions by name; nothing if it does not answer."""
        if self._asked is not None:
            told = b""
            with contextlib.suppress(subprocess.TimeoutExpired):
                told = self._asked.communicate(timeout=_PYTHON_SECONDS)[0]
                self._asked = None
            version, *paths = os.fsdecode(told).splitlines() or [""]
            self._version, self._folders = version or None, [Path(path) for path in paths if path]
        if self.path is None:
            return None, {}
        given = [Path(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
        return self._version, _distributions([*given, *self._folders])


def read_python(python: Path) -> tuple[str | None, dict[str, str]]:
    """Return the version of a Python, and the distributions that are installed for it, by name."""
    with PythonProbe(python) as question:
        return question.read_result()


def _distributions(folders: Iterable[Path]) -> dict[str, str]:
    """Return the distributions in folders, by normalized name; the first folder counts, as for an import."""
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = [entry.name for entry in os.scandir(folder)]
        except OSError:
            continue
        for name in names:
            if match := _SITE.fullmatch(name):
                distribution, _, version = match.group(1).partition("-")
                # An egg's name goes on with the Python it was built for.
                version = re.sub(r"-py\d.*", "", version)
                found.setdefault(re.sub(r"[-_.]+", "-", distribution).lower(), version)
    return dict(sorted(found.items()))


def find_lock_files(folders: Iterable[Path]) -> list[Path]:
    """Return the files in some folders that pin what is installed."""
    found = []
    for folder in dict.fromkeys(folders):
        try:
            found += [
                folder / name
                for name in sorted(entry.name for entry in os.scandir(folder))
                if _LOCK_FILES.fullmatch(name)
            ]
        except OSError:
            continue
    return [path for path in found if path.is_file()]


def find_seeds(argv: Sequence[str]) -> list[str]:
    """Return the seeds among arguments: `--seed 3`, `--seed=3`, `seed=3`, `model.random_state=3`."""
    seeds = []
    for place, argument in enumerate(argv[1:], 1):
        name, equals, value = argument.partition("=")
        if not _SEED.fullmatch(name):
            continue
        if equals:
            seeds.append(value)
        elif argument.startswith("-") and place + 1 < len(argv):
            seeds.append(argv[place + 1])
    return [seed for seed in seeds if seed]
