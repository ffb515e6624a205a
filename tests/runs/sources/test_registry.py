"""The readers of trackers' files that orglab has itself."""

import gzip
import shutil
from pathlib import Path

import pytest

from orglab.runs.sources.registry import load_readers
from orglab.runs.sources.tracked_run import TrackerFile

DATA = Path(__file__).with_name("data")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What each tracker wrote; a database of MLflow has a lock beside it, as one of Trackio has."""
    folder = tmp_path_factory.mktemp("data") / "data"
    shutil.copytree(DATA, folder)
    for path in folder.rglob("*.db.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.with_suffix("").with_suffix(".lock").touch()
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_file_is_of_two_trackers(files):
    """So it does not matter which reader is asked first."""
    takers = {path: [] for path in files}
    for path, reader in ((path, reader) for path in files for reader in load_readers() if reader.is_file(path)):
        if reader.find_runs(TrackerFile(None, path, "", 0.0)) is not None:
            takers[path].append(reader.name)
    assert {name for found in takers.values() for name in found} == {one.name for one in load_readers()}
    assert [found for found in takers.values() if len(found) > 1] == []
    assert {found[0] for path, found in takers.items() if path.suffix == ".db"} == {"mlflow", "trackio"}
