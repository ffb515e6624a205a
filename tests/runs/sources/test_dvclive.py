"""DVCLive's folder: one history and the last values, each counted once."""

import os
import shutil
from pathlib import Path

import pytest

from orglab.errors import NotReadableError
from orglab.runs.sources import dvclive
from orglab.runs.sources.tracked_run import TrackerFile

DATA = Path(__file__).parent / "data/dvclive"


def read(path, began=0.0):
    """Return the history and the rest of the last values."""
    history, final = dvclive.find_runs(TrackerFile(None, path, "", began))
    return list(history.read()), list(final.read())


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(DATA, tmp_path / "dvclive")
    return tmp_path / "dvclive"


def test_what_the_package_wrote():
    assert read(DATA / "metrics.json") == (
        [
            {"step": 0, "acc": 0.25, "train.loss": 1.5},
            {"step": 1, "acc": 0.625, "train.loss": 0.75},
            {"step": 2, "acc": 0.95, "train.loss": 0.1},
        ],
        [{"test.acc": 0.5, "best": 3}],
    )


def test_files_are_known_by_their_places(folder):
    for own in ("metrics.json", "plots/metrics/acc.tsv", "plots/metrics/train/loss.tsv"):
        assert dvclive.is_file(folder / own)
    for other in ("params.yaml", "plots/acc.tsv", "plots/metrics/x.csv", "train/metrics.json"):
        assert not dvclive.is_file(folder / other)
    assert dvclive.find_runs(TrackerFile(None, folder / "plots/metrics/acc.tsv", "", 0.0)) == []
    (folder / "metrics.json").unlink()
    assert not dvclive.is_file(folder / "plots/metrics/acc.tsv")


def test_a_table_of_an_earlier_run_is_left_out(folder):
    os.utime(folder / "plots/metrics/acc.tsv", (1000, 1000))
    rows, final = read(folder / "metrics.json", began=2000.0)
    assert [row.keys() for row in rows] == [{"step", "train.loss"}] * 3
    assert final == [{"acc": 0.95, "test.acc": 0.5, "best": 3}]


def test_a_table_that_cannot_be_read_does_not_stop_the_others(folder):
    (folder / "plots/metrics/acc.tsv").write_bytes(b"")
    rows = dvclive.find_runs(TrackerFile(None, folder / "metrics.json", "", 0.0))[0].read()
    assert [next(rows)["train.loss"] for _ in range(3)] == [1.5, 0.75, 0.1]
    with pytest.raises(NotReadableError, match="is empty"):
        next(rows)
