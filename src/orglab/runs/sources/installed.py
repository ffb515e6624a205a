"""Readers that other packages bring: their entry points of the group `orglab.metrics` (`docs/reference/runs.md`).

An entry point names a module, or an object in one, with what a reader has (`runs.sources.tracked_run`).  Only packages
are asked that are installed in the environment of orglab: the metadata that a clone has in its own folders is not
looked at, and a module that Python would take from there is not imported.

What a reader raises becomes a sentence, and one that takes too long is asked no more: the run goes on without it.
"""

import contextlib
import os
import re
import site
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TypeVar

from orglab.errors import NotReadableError
from orglab.git.private_files import read_regular
from orglab.runs.sources.registry import Reader, make_reader
from orglab.runs.sources.time_limit import TimeLimitError, call_in_time
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.text import clean, cut

GROUP = "orglab.metrics"

_METADATA = (".dist-info", ".egg-info")
_BYTES = 1 << 16  # of the entry points of a package
_VALUE = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.\w+)*)(?::(?P<attribute>\w+(?:\.\w+)*))?")
_MESSAGE = 300  # characters of an exception
_SECONDS = 60  # that a reader has each time that the metrics of a run are collected
_ROWS = 1000  # that are asked for at once

_Result = TypeVar("_Result")
_given_up: set[str] = set()
"""The names of readers that took too long: what they wait for may never come."""


def list_folders() -> list[str]:
    """Return the folders in which packages are installed."""
    own = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [*site.getsitepackages(), *own]


def load_installed(top: Path | None) -> tuple[list[Reader], list[str]]:
    """Return the readers of other packages, and a sentence on each that cannot be loaded.

    Args:
        top: The top of the repository, of which no module is imported.
    """
    readers, problems = [], []
    folders = tuple(list_folders())
    for name, value in _find_entry_points(folders):
        try:
            readers.append(_load(name, value, top, folders))
        except NotReadableError as error:
            problems.append(str(error))
    return readers, problems


@cache
def _find_entry_points(folders: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the entry points of the group: their names and values.

    Everything is read here, because `importlib.metadata` takes ten times as long.
    """
    found: dict[str, str] = {}
    for folder in folders:
        for path in _list_metadata(folder):
            try:
                content = read_regular(path, _BYTES, follow=True)
            except OSError:
                continue
            if GROUP.encode() in content:
                for name, value in _parse(content.decode("utf-8", "replace")):
                    found.setdefault(name, value)
    return sorted(found.items())


def _list_metadata(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(_METADATA)]
    except OSError:
        return
    yield from (f"{folder}/{name}/entry_points.txt" for name in names)


def _parse(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values in the section of the group."""
    is_ours = False
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("["):
            is_ours = words == f"[{GROUP}]"
        elif is_ours and "=" in words and not words.startswith(("#", ";")):
            name, _, value = words.partition("=")
            yield name.strip(), value.strip()


def _load(name: str, value: str, top: Path | None, folders: Iterable[str]) -> Reader:
    """Return the reader that an entry point names.

    Raises:
        NotReadableError: It cannot be loaded.
    """
    match = _VALUE.fullmatch(value)
    if match is None:
        raise NotReadableError(f"The reader {clean(name)} of metrics names no module: {clean(cut(value, _MESSAGE))}")
    package = match["module"].partition(".")[0]
    limit = _Limit(clean(name))
    with explain_failures(f"The reader {clean(name)} of metrics cannot be loaded"):
        if top is None or not _is_of_repository(package, top, folders):
            return limit.bind(limit.call(partial(_import, name, match)))
    raise NotReadableError(
        f"The reader {clean(name)} of metrics was not loaded, because {package} is in the repository itself."
    )


@contextlib.contextmanager
def explain_failures(what: str) -> Iterator[None]:
    """Turn whatever the code of another package raises into a sentence, because the run goes on without it.

    Args:
        what: How the sentence begins.

    Raises:
        NotReadableError: The code raised an error.
    """
    try:
        yield
    except NotReadableError:
        raise
    except (Exception, SystemExit) as error:
        raise NotReadableError(f"{what}: {clean(cut(f'{type(error).__name__}: {error}', _MESSAGE))}") from error


def _import(name: str, match: re.Match[str]) -> Reader:
    found = import_module(match["module"])
    for attribute in filter(None, (match["attribute"] or "").split(".")):
        found = getattr(found, attribute)
    return make_reader(clean(name), found)


class _Limit:
    """How long the code of a reader may take, all its calls together."""

    def __init__(self, name: str) -> None:
        """Begin with all of it; `name` is that of the reader."""
        self._name = name
        self._left = float(_SECONDS)

    def call(self, function: Callable[[], _Result]) -> _Result:
        """Return what a function of the reader returns.

        Raises:
            NotReadableError: It takes too long, or another did before.
        """
        if self._name not in _given_up:
            start = time.monotonic()
            try:
                return call_in_time(function, self._left)
            except TimeLimitError:
                _given_up.add(self._name)
            finally:
                self._left -= time.monotonic() - start
        raise NotReadableError(
            f"The reader {self._name} of metrics took more than {_SECONDS} seconds, and is not asked any more."
        )

    def bind(self, reader: Reader) -> Reader:
        """Return a reader with this limit."""
        find_places = reader.find_places

        def is_file(path: Path) -> bool:
            return self.call(lambda: reader.is_file(path))

        def find_runs(file: TrackerFile) -> list[TrackedRun] | None:
            found = self.call(lambda: _list(reader.find_runs(file)))
            return None if found is None else [run._replace(read=partial(self._read, run)) for run in found]

        def find_elsewhere(environment: Mapping[str, str], folder: Path) -> list[Path]:
            return self.call(lambda: list(find_places(environment, folder) if find_places is not None else ()))

        return Reader(reader.name, is_file, find_runs, find_elsewhere if find_places is not None else None)

    def _read(self, run: TrackedRun) -> Iterator[Mapping[str, object]]:
        """Yield the rows of a run, those before an error too."""
        rows = self.call(lambda: iter(run.read()))
        failed: BaseException | None = None
        while failed is None:
            taken, failed = self.call(partial(_take, rows))
            yield from taken
            if failed is None and len(taken) < _ROWS:
                return
        raise failed


def _list(found: Iterable[TrackedRun] | None) -> list[TrackedRun] | None:
    return None if found is None else list(found)


def _take(rows: Iterator[Mapping[str, object]]) -> tuple[list[Mapping[str, object]], BaseException | None]:
    """Return the next rows, and the error after them if there is one."""
    taken: list[Mapping[str, object]] = []
    try:
        for row in islice(rows, _ROWS):
            taken.append(row)  # noqa: PERF402 - what comes before an error is kept
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is raised after these rows
        return taken, error
    return taken, None


def _is_of_repository(package: str, top: Path, folders: Iterable[str]) -> bool:
    """Return whether Python would take a package from a repository, and not from where packages are installed."""
    from importlib.util import find_spec  # noqa: PLC0415 - few have such a reader

    loaded = sys.modules.get(package)
    spec = getattr(loaded, "__spec__", None) or find_spec(package)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec is not None else []
    installed = [os.path.realpath(folder) for folder in folders]
    real_top = os.path.realpath(top)
    for place in places:
        if place is not None and place.startswith(os.sep):  # others are "built-in" and the like
            real = os.path.realpath(place)
            if _is_below(real, real_top) and not any(_is_below(real, folder) for folder in installed):
                return True
    return False


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
