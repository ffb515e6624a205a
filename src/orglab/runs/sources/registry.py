"""The readers of trackers' files that orglab has itself.

A new one is a module here with what `tracked_run` says, a title in `TITLES`, and files that its tracker wrote in
`tests/runs/sources/data/`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile

TITLES = {
    "tensorboard": "TensorBoard",
    "wandb": "W&B",
    "dvclive": "DVCLive",
    "trackio": "Trackio",
    "mlflow": "MLflow",
}
"""What each tracker is called, by the name of its reader, a module in this package."""


class Reader(NamedTuple):
    """A reader of the files of a tracker.

    Attributes:
        name: Its name.
        is_file: Returns whether a file may be one of the tracker's, by its name.
        find_runs: Returns the runs in a file; None if what is in it is not of the tracker.
        find_places: Returns the files and folders, perhaps outside of the folder of the command, in which the tracker
            keeps its runs, for the environment and the folder of a command; None if nothing says where.
    """

    name: str
    is_file: Callable[[Path], bool]
    find_runs: Callable[[TrackerFile], Iterable[TrackedRun] | None]
    find_places: Callable[[Mapping[str, str], Path], Iterable[Path]] | None = None


def make_reader(name: str, found: Any) -> Reader:  # noqa: ANN401 - a module, or any object
    """Return the functions of a module or an object as a reader.

    Raises:
        AttributeError: It has not those of a reader.
    """
    return Reader(name, found.is_file, found.find_runs, getattr(found, "find_places", None))


@cache
def load_readers() -> tuple[Reader, ...]:
    """Return the readers of this package."""
    return tuple(make_reader(name, import_module(f"orglab.runs.sources.{name}")) for name in TITLES)
