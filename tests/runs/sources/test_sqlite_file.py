"""Damaged databases: what is read of them, or the sentence that says why not."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.errors import NotReadableError
from orglab.runs.metrics.reading import MetricsRows
from orglab.runs.sources import mlflow, trackio
from orglab.runs.sources.tracked_run import TrackerFile

DATA = Path(__file__).with_name("data")
DATABASES = [
    (mlflow, "mlflow/mlflow.db.gz"), (mlflow, "mlflow/mlflow-2.db.gz"),
    (trackio, "trackio/study.db.gz"), (trackio, "trackio/study-old.db.gz"),
]  # fmt: skip
CONTENTS = [(reader, gzip.decompress((DATA / name).read_bytes())) for reader, name in DATABASES]
# Most of what matters, such as the schema, is at the beginning.
DAMAGE = st.lists(
    st.tuples(st.one_of(st.integers(0, 1 << 14), st.integers(0, 1 << 20)), st.integers(0, 255)), max_size=40
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged") / "study.db"


def read(reader, path):
    """Read all runs in a file; why that cannot be done, or an empty text."""
    try:
        for run in reader.find_runs(TrackerFile(None, path, "20260102-030405-a1b2c3", 0.0)) or ():
            for row in MetricsRows(run.read(), is_history=True):
                assert all(isinstance(value, int | float | str) for value in row.values())
    except NotReadableError as error:
        return str(error)
    return ""


@given(st.sampled_from(CONTENTS), DAMAGE, st.one_of(st.none(), st.integers(0, 1 << 20)))
def test_a_damaged_database_is_read_or_refused_in_a_sentence(path, database, damage, size):
    reader, content = database
    damaged = bytearray(content)
    for place, byte in damage:
        damaged[place % len(damaged)] = byte
    path.write_bytes(damaged[:size])
    told = read(reader, path)
    assert told == "" or told.startswith(f"Cannot read the runs in {path}: ")
    assert len(told.splitlines()) <= 1
    assert [one.name for one in path.parent.iterdir()] == ["study.db"]
