"""The readers of trackers' files, and which of them reads a file."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile

TITLES = {
    "tensorboard": "TensorBoard",
    "wandb": "W&B",
    "dvclive": "DVCLive",
    "trackio": "Trackio",
    "mlflow": "MLflow",  # takes any database
}
"""What each tracker is called, by the name of its reader, a module in this package."""


class Reader(NamedTuple):
    """A reader of the files of a tracker.

    Attributes:
        name: Its name.
        is_file: Returns whether a file may be one of the tracker's, by its name.
        find_runs: Returns the runs in a file.
        find_places: Returns the files and folders, perhaps outside of the folder of the command, in which the tracker
            keeps its runs, for the environment and the folder of a command; None if nothing says where.
    """

    name: str
    is_file: Callable[[Path], bool]
    find_runs: Callable[[TrackerFile], Iterable[TrackedRun]]
    find_places: Callable[[Mapping[str, str], Path], Iterable[Path]] | None = None


@cache
def load_readers() -> tuple[Reader, ...]:
    """Return the readers of this package."""
    modules = {name: import_module(f"orglab.runs.sources.{name}") for name in TITLES}
    return tuple(
        Reader(name, module.is_file, module.find_runs, getattr(module, "find_places", None))
        for name, module in modules.items()
    )


def find_places(environment: Mapping[str, str], folder: Path) -> list[Path]:
    """Return where the environment of a command says that trackers keep their runs, or where they do by default.

    Args:
        environment: The environment of the command.
        folder: The folder that it runs in.
    """
    found = (
        Path(os.path.normpath(place))
        for reader in load_readers()
        if reader.find_places is not None
        for place in reader.find_places(environment, folder)
    )
    return [place for place in dict.fromkeys(found) if place != folder and place not in folder.parents]


def assign_readers(files: Iterable[Path]) -> dict[Path, Reader]:
    """Return the reader of each file that may be one of a tracker's; the others are left out."""
    found = {}
    for path in files:
        reader = next((reader for reader in load_readers() if reader.is_file(path)), None)
        if reader is not None:
            found[path] = reader
    return found
