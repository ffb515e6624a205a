"""Metrics that MLflow wrote: `data/mlflow/` says which version wrote what is read here."""

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from orglab.errors import NotReadableError
from orglab.git import find_repository
from orglab.runs.sources import mlflow
from orglab.runs.sources.tracked_run import TrackerFile

DATA = Path(__file__).with_name("data") / "mlflow"
OWN = "20260102-030405-a1b2c3"
LATER = 1e11
NAMED, NESTED, STEPLESS, OTHER = (f"{'a' * 31}{number}" for number in range(1, 5))
HISTORY = [
    {"step": 0, "loss": 1.0, "val/acc": 0.0, "test_acc": 0.75},
    {"step": 1, "loss": 0.5, "val/acc": 0.2},
    {"step": 2, "loss": 1 / 3, "val/acc": 0.4},
    {"step": 3, "loss": 0.25, "val/acc": 0.6},
    {"step": 4, "loss": 0.2, "val/acc": 0.8, "grad": "NaN", "ratio": "-Infinity"},
]
ROWS = {NAMED: HISTORY, NESTED: [{"acc": 0.9}], STEPLESS: [{"loss": 0.5}, {"loss": 0.25}]}


@pytest.fixture(params=["mlflow.db", "mlflow-2.db"])
def database(request, tmp_path):
    """A database of MLflow."""
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress((DATA / f"{request.param}.gz").read_bytes()))
    return path


NUMBERS = "WITH numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"


def edit(path, *statements):
    """Change a database."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def find(path, run_id=OWN, began=0.0, repository=None):
    return mlflow.find_runs(TrackerFile(repository, path, run_id, began))


def read(path, **options):
    """Return the rows of each run in a file."""
    return {run.id: list(run.read()) for run in find(path, **options)}


def refuse(path, repository=None):
    """Return why a file cannot be read."""
    with pytest.raises(NotReadableError) as raised:
        read(path, repository=repository)
    return str(raised.value)


def list_files(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- the database ----


def test_each_run_in_a_database_but_those_of_another_run_of_ours(database):
    runs = find(database)
    assert [(run.tracker, run.id, run.is_history) for run in runs] == [
        ("mlflow", NAMED, True), ("mlflow", NESTED, False), ("mlflow", STEPLESS, True),
    ]  # fmt: skip
    assert read(database) == ROWS
    assert list_files(database.parent) == ["mlflow.db"]


def test_the_last_value_is_what_mlflow_takes_for_the_last(database):
    edit(database, f"INSERT INTO metrics VALUES ('loss', 7, 1, '{NAMED}', 4, 0)")
    connection = sqlite3.connect(database)
    latest = dict(
        connection.execute("SELECT key, value FROM latest_metrics WHERE NOT is_nan AND run_uuid = ?", (NAMED,))
    )
    connection.close()
    final = {name: value for row in read(database)[NAMED] for name, value in row.items()}
    assert (final["loss"], final["val/acc"], final["test_acc"]) == tuple(
        latest[name] for name in ("loss", "val/acc", "test_acc")
    )


def test_what_began_earlier_counts_only_if_it_is_tagged(database):
    assert list(read(database, began=LATER)) == [NAMED]
    assert read(database, began=LATER, run_id="20260102-030405-000000") == {}
    edit(database, f"UPDATE runs SET start_time = 2000 WHERE run_uuid = '{STEPLESS}'")
    assert (STEPLESS in read(database, began=2.0), STEPLESS in read(database, began=2.001)) == (True, False)


def test_a_deleted_run_does_not_count(database):
    edit(database, f"UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid <> '{NESTED}'")
    assert list(read(database)) == [NESTED]


def test_a_database_is_read_while_a_writer_goes_on(database):
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA journal_mode = WAL')\n"
        f"connection.execute(\"INSERT INTO metrics VALUES ('acc', 0.95, 1, '{NESTED}', 1, 0)\")\n"
        "print('written', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout.readline() == b"written\n"
        assert read(database)[NESTED] == [{"step": 0, "acc": 0.9}, {"step": 1, "acc": 0.95}]
        writer.communicate()
    assert read(database)[NESTED] == [{"step": 0, "acc": 0.9}, {"step": 1, "acc": 0.95}]
    assert list_files(database.parent) == ["mlflow.db"]


def test_nothing_is_made_beside_a_database_that_no_one_writes(database):
    edit(database, "PRAGMA journal_mode = WAL")
    assert read(database) == ROWS
    assert list_files(database.parent) == ["mlflow.db"]


def test_a_locked_database_is_one_sentence(database, monkeypatch):
    monkeypatch.setattr("orglab.runs.sources.sqlite_file._SECONDS", 0.01)
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        assert refuse(database) == f"Cannot read the runs in {database}: another program has locked it."
    finally:
        connection.close()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_database_is_one_sentence(database, share):
    content = database.read_bytes()
    database.write_bytes(content[: int(len(content) * share)])
    told = refuse(database)
    assert told.startswith(f"Cannot read the runs in {database}: ")
    assert "\n" not in told


@pytest.mark.parametrize("content", [b"", b"SQLite format 2\0", b"SQLite format 3", b"{}"])
def test_what_is_no_database_has_no_runs(tmp_path, content):
    path = tmp_path / "other.db"
    path.write_bytes(content)
    assert find(path) is None
    assert find(tmp_path / "missing.db") is None
    edit(tmp_path / "own.db", "CREATE TABLE runs (run_uuid, start_time)")
    assert find(tmp_path / "own.db") is None


# ---- a database from somebody who means harm ----


@pytest.mark.parametrize("column", ["value", "timestamp"])
def test_a_view_in_place_of_a_table_is_not_read(database, column):
    edit(
        database,
        "ALTER TABLE metrics RENAME TO kept",
        f"CREATE VIEW metrics AS SELECT run_uuid, key, value, timestamp, step, is_nan, randomblob(9) AS {column} FROM kept",
    )
    assert find(database) is None


def test_a_computed_column_is_not_read(database):
    edit(
        database,
        "ALTER TABLE tags RENAME TO kept",
        "CREATE TABLE tags (run_uuid, key, value AS (hex(zeroblob(100000000))))",
        f"INSERT INTO tags VALUES ('{NAMED}', 'orglab.run')",
    )
    assert find(database) is None


def test_a_table_that_a_module_computes_is_not_read(database):
    edit(
        database,
        "ALTER TABLE tags RENAME TO kept",
        "CREATE VIRTUAL TABLE tags USING fts4(run_uuid, key, value)",
        f"INSERT INTO tags VALUES ('{NAMED}', 'orglab.run', '{OWN}')",
    )
    assert find(database) is None


def test_values_of_other_types_are_left_out(database):
    edit(
        database,
        f"INSERT INTO metrics VALUES (x'00ff', 1, 1, '{NESTED}', 2, 0)",
        f"INSERT INTO metrics VALUES ('text', 'high', 1, '{NESTED}', 3, 0)",
        f"INSERT INTO metrics VALUES ('blob', zeroblob(1000), 1, '{NESTED}', 4, 0)",
        f"INSERT INTO metrics VALUES ('late', 1, 1, '{NESTED}', 'x', 0)",
        f"INSERT INTO metrics VALUES ('{'n' * 1000}', 1, 1, '{NESTED}', 5, 0)",
    )
    assert read(database)[NESTED] == [{"step": 0, "acc": 0.9}, {"step": 5, "n" * 200: 1}]


def test_a_huge_value_is_refused(database):
    edit(database, f"INSERT INTO metrics VALUES (zeroblob(5000000), 1, 1, '{NESTED}', 2, 0)")
    assert "too big" in refuse(database)


def test_a_database_that_takes_too_long_is_refused(database, monkeypatch):
    monkeypatch.setattr("orglab.runs.sources.tracked_run._STEPS", 0)
    monkeypatch.setattr("orglab.runs.sources.sqlite_file._OPERATIONS", 20)
    assert refuse(database).startswith(f"The metrics file {database} takes too much work to read; ")


def test_the_bound_is_of_all_runs_in_a_database_together(database, monkeypatch):
    """Without an index, each run takes a look at every value."""
    monkeypatch.setattr("orglab.runs.sources.tracked_run._STEPS", 100_000)
    edit(
        database,
        "DROP TABLE metrics",
        "CREATE TABLE metrics (run_uuid, key, value, timestamp, step, is_nan)",
        f"{NUMBERS.format(20_000)} INSERT INTO metrics SELECT '{NAMED}', 'loss', n, n, n, 0 FROM numbers",
    )
    assert len(list(find(database)[0].read())) == 20_000
    edit(
        database, f"{NUMBERS.format(900)} INSERT INTO runs (run_uuid, start_time, lifecycle_stage) "
        "SELECT printf('%032d', n), 1e13, 'active' FROM numbers",
    )  # fmt: skip
    assert "takes too much work to read" in refuse(database)


def test_a_link_that_git_tracks_is_not_followed(database, repo, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "mlflow.db"
    link = database.rename(outside) and database
    link.symlink_to(outside)
    assert read(link, repository=find_repository(repo.path)) == ROWS
    repo.git("add", "mlflow.db")
    assert "link that git tracks" in refuse(link, find_repository(repo.path))


# ---- folders ----


@pytest.fixture
def folders(tmp_path):
    """The folder of MLflow's runs, before its version 3."""
    shutil.copytree(DATA / "mlruns", tmp_path / "mlruns")
    return tmp_path / "mlruns/0"


def read_folders(folders, **options):
    files = [path for path in sorted(folders.rglob("*")) if path.is_file() and mlflow.is_file(path)]
    return {name: rows for path in files for name, rows in read(path, **options).items()}


def test_each_run_in_folders_is_as_in_a_database(folders):
    assert read_folders(folders) == ROWS
    assert list(read_folders(folders, began=LATER)) == [NAMED]
    assert find(folders / NAMED / "meta.yaml")[0].is_history
    assert not find(folders / NESTED / "meta.yaml")[0].is_history


def test_a_deleted_run_in_folders_does_not_count(folders):
    meta = folders / NESTED / "meta.yaml"
    meta.write_text(meta.read_text().replace("stage: active", "stage: deleted"))
    assert list(read_folders(folders)) == [NAMED, STEPLESS]


def test_lines_that_are_not_valid_are_left_out(folders):
    metric = folders / NESTED / "metrics/acc"
    metric.write_bytes(b"1 0.5 1\nx y z\n\n1\n\xff\n2 0.7 2 data 00ff\n1 1 1e5\n1 1 99999999999999999999\n3 0.6 3")
    assert read_folders(folders)[NESTED] == [{"step": 1, "acc": 0.5}, {"step": 2, "acc": 0.7}, {"step": 3, "acc": 0.6}]
    metric.write_text("1 0.5\n2 0.7\n")
    assert read_folders(folders)[NESTED] == [{"acc": 0.5}, {"acc": 0.7}]


def test_metrics_in_folders_are_bounded(folders, monkeypatch):
    monkeypatch.setattr(mlflow, "_BYTES", 200)
    assert refuse(folders / NAMED / "meta.yaml").startswith(f"The run in {folders / NAMED} has metrics of more than ")
    monkeypatch.setattr(mlflow, "_BYTES", 1000)
    monkeypatch.setattr(mlflow, "_FILES", 3)
    assert "or 3 files" in refuse(folders / NAMED / "meta.yaml")
    (folders / NESTED / "meta.yaml").write_bytes(b"x" * (1 << 17))
    assert "too large" in refuse(folders / NESTED / "meta.yaml")


# ---- where it is ----


@pytest.mark.parametrize(("uri", "places"), [
    ("", ["/study/mlflow.db", "/study/mlruns"]),
    ("sqlite:///runs.db", ["/study/runs.db"]),
    ("sqlite:////data/my%20runs.db?timeout=5", ["/data/my runs.db"]),
    ("sqlite+pysqlite:///runs.db", ["/study/runs.db"]),
    ("file:///data/mlruns", ["/data/mlruns"]),
    ("file:./mlruns", ["/study/mlruns"]),
    ("out/mlruns", ["/study/out/mlruns"]),
    ("http://localhost:5000", []),
    ("https://[", []),
    ("postgresql://user@host/db", []),
])  # fmt: skip
def test_where_the_environment_says(uri, places):
    environment = {"MLFLOW_TRACKING_URI": uri} if uri else {}
    assert [os.path.normpath(path) for path in mlflow.find_places(environment, Path("/study"))] == places


@pytest.mark.parametrize(("path", "expected"), [
    ("mlflow.db", True), ("a/runs.SQLITE3", True), (f"mlruns/0/{NAMED}/meta.yaml", True),
    ("mlruns/0/meta.yaml", False), ("mlflow.db-wal", False), ("metrics.json", False),
])  # fmt: skip
def test_what_may_be_a_file_of_mlflow(path, expected):
    assert mlflow.is_file(Path(path)) is expected
