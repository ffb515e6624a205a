"""Readers of other packages: they are loaded from where packages are installed, and never from the repository."""

import json
import sys
from pathlib import Path

import pytest

from orglab.runs.record_reader import read_runs
from orglab.runs.sources import installed

DATA = Path(__file__).with_name("data")
READER = """\
import json, pathlib
from orglab.runs.sources.tracked_run import TrackedRun

pathlib.Path({mark!r}).touch()

def is_file(path):
    return path.suffix == ".own"

def find_runs(file):
    rows = json.loads(file.path.read_text())
    return [TrackedRun("own", file.run_id[-6:], lambda: iter(rows))]

class Inner:
    is_file, find_runs = staticmethod(is_file), staticmethod(find_runs)
"""
ROWS = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25, "val": {"acc": 0.75}}]


@pytest.fixture
def mark(tmp_path_factory):
    """A file that a reader makes when it is imported."""
    return tmp_path_factory.mktemp("mark") / "imported"


@pytest.fixture
def site(tmp_path_factory, monkeypatch):
    """A folder in which packages are installed; what is imported from it is forgotten after the test."""
    folder = tmp_path_factory.mktemp("site-packages")
    monkeypatch.setattr(installed, "list_folders", lambda: [str(folder)])
    monkeypatch.setattr(installed, "_given_up", set())
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def run(study, orglab):
    """Write a file of the tracker in a run; the run, and what the user was told."""

    def run_script():
        told = orglab("run", "1.1", "--", "sh", "-c", f"echo '{json.dumps(ROWS)}' > a.own").err
        return read_runs(study.path)[-1], told

    return run_script


def install(folder, name, mark, value=None, code=READER):
    """Put a package with an entry point into a folder."""
    if code:
        (folder / f"{name}.py").write_text(code.format(mark=str(mark)))
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    points = f"[console_scripts]\n{name} = {name}:main\n\n[orglab.metrics]\n# of {name}\n{name} = {value or name}\n\n[other]\nx = y\n"
    (metadata / "entry_points.txt").write_text(points)


@pytest.mark.parametrize("value", ["own_reader", "own_reader:Inner"])
def test_a_reader_of_an_installed_package(run, site, mark, value):
    install(site, "own_reader", mark, value)
    found, told = run()
    assert found.metrics == {"loss": 0.25, "val.acc": 0.75, "step": 2}
    assert found.trackers == (("own", found.id[-6:]),)
    assert told.startswith("Metrics of 1 own run: 3 values of loss, val.acc.\n")


READER_OF_DATABASES = READER.replace('".own"', '".db"').replace(
    "rows = json.loads(file.path.read_text())",
    "import sqlite3; (text,), = sqlite3.connect(file.path).execute('SELECT rows FROM own'); rows = json.loads(text)",
)
MAKE_DATABASE = f"""\
import json, sqlite3
connection = sqlite3.connect("a.db")
connection.execute("CREATE TABLE own (rows)")
connection.execute("INSERT INTO own VALUES (?)", (json.dumps({ROWS!r}),))
connection.commit()
"""


@pytest.mark.parametrize("options", [(), ("--metrics", "a.db")])
def test_a_database_that_is_not_of_mlflow_is_for_the_reader_of_a_package(study, orglab, site, mark, options):
    install(site, "own_reader", mark, code=READER_OF_DATABASES)
    told = orglab("run", "1.1", *options, "--", sys.executable, "-c", MAKE_DATABASE).err
    assert read_runs(study.path)[-1].metrics == {"loss": 0.25, "val.acc": 0.75, "step": 2}
    assert told.startswith("Metrics of 1 own run: 3 values of loss, val.acc.\n")


@pytest.mark.usefixtures("study")
def test_what_a_reader_of_this_package_takes_is_not_for_that_of_another(orglab, site, mark):
    install(site, "own_reader", mark, code=READER_OF_DATABASES)
    path = DATA / "mlflow/mlflow.db.gz"
    script = f"import gzip, pathlib; pathlib.Path('a.db').write_bytes(gzip.open({str(path)!r}).read())"
    told = orglab("run", "1.1", "--", sys.executable, "-c", script).err
    assert "own" not in told


@pytest.mark.parametrize(("place", "told"), [
    ("pathlib.Path(environment['OWN'])", "Metrics of 1 own run"),
    ("1 / 0", "The reader own_reader of metrics failed: ZeroDivisionError"),
])  # fmt: skip
@pytest.mark.usefixtures("study")
def test_a_reader_says_where_its_tracker_keeps_the_runs(orglab, site, tmp_path_factory, monkeypatch, place, told):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setenv("OWN", str(elsewhere / "a.own"))
    code = f"{READER}\ndef find_places(environment, folder): return [{place}]\n"
    install(site, "own_reader", elsewhere / "mark", code=code)
    script = f"echo '{json.dumps(ROWS)}' > $OWN"
    assert orglab("run", "1.1", "--", "sh", "-c", script).err.startswith(told)


def test_metadata_in_the_repository_is_not_looked_at(run, study, site, mark, monkeypatch):
    install(study.path, "own_reader", mark)
    monkeypatch.syspath_prepend(study.path)
    monkeypatch.chdir(study.path)
    found, told = run()
    assert not mark.exists()
    assert (found.metrics, "The reader" in told) == ({}, False)
    assert list(site.iterdir()) == []


def test_a_module_in_the_repository_is_not_imported_for_an_installed_package(run, study, site, mark, monkeypatch):
    install(site, "own_reader", mark)
    (study.path / "own_reader.py").write_text(READER.format(mark=str(mark)))
    monkeypatch.syspath_prepend(study.path)
    found, told = run()
    assert not mark.exists()
    assert found.metrics == {}
    assert "The reader own_reader of metrics was not loaded, because own_reader is in the repository itself.\n" in told


def test_an_environment_in_the_repository_is_the_users(run, study, mark, monkeypatch, site):
    folder = study.path / ".venv/lib/site-packages"
    folder.mkdir(parents=True)
    install(folder, "own_reader", mark)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(installed, "list_folders", lambda: [str(site), str(folder)])
    assert run()[0].metrics["loss"] == 0.25


@pytest.mark.parametrize(("value", "code", "message"), [
    ("own_reader", "1 / 0", "cannot be loaded: ZeroDivisionError: division by zero"),
    ("own_reader", "raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
    ("own_reader:missing", "", "cannot be loaded: AttributeError: module 'own_reader' has no attribute 'missing'"),
    ("other_reader", "x = 1", "cannot be loaded: ModuleNotFoundError: No module named 'other_reader'"),
    ("own-reader", "x = 1", "names no module: own-reader"),
    ("own_reader", "def is_file(path): return path.nothing\ndef find_runs(file): return []", "failed: AttributeError"),
])  # fmt: skip
def test_a_reader_that_cannot_be_used_is_one_sentence(run, site, value, code, message):
    install(site, "own_reader", "", value, code or "x = 1")
    found, told = run()
    assert told.count("The reader own_reader of metrics") == 1
    assert f"The reader own_reader of metrics {message}" in told
    assert found.status == "done"


FOREVER = "import threading\ndef wait(*_): threading.Event().wait()\n"


@pytest.mark.parametrize("code", [
    FOREVER + READER + "is_file = wait",
    FOREVER + READER + "find_runs = wait",
    FOREVER + READER + "find_places = wait",
    FOREVER + READER.replace("lambda: iter(rows)", "wait"),
    FOREVER + "wait()",  # the last one, for the same reason
])  # fmt: skip
def test_a_reader_that_does_not_end_is_one_sentence(study, orglab, site, monkeypatch, code):
    monkeypatch.setattr(installed, "_SECONDS", 0.2)
    # Of a name that no other test imports: Python waits for an import that has not ended.
    install(site, "endless_reader", "/dev/null", code=code)
    # It goes on for long enough to be looked at meanwhile, too.
    command = f"echo '{json.dumps(ROWS)}' > a.own; echo '{{\"loss\": 3}}' > metrics.json; sleep 0.6"
    told = orglab("run", "1.1", "--", "sh", "-c", command).err
    assert (
        told.count("The reader endless_reader of metrics took more than 0.2 seconds, and is not asked any more.\n") == 1
    )
    found = read_runs(study.path)[-1]
    assert (found.status, found.metrics["loss"]) == ("done", 3)


def test_rows_before_an_error_are_kept(run, site):
    code = READER.replace("lambda: iter(rows)", "lambda: (row if row['step'] == 1 else 1 / 0 for row in rows)")
    install(site, "own_reader", site / "mark", code=code)
    found, told = run()
    assert found.metrics == {"loss": 0.5, "step": 1}
    assert "The reader own_reader of metrics failed on" in told


def test_what_a_reader_has_opened_belongs_to_one_thread(run, site):
    code = READER.replace("lambda: iter(rows)", "lambda: (row for row in rows if threading.get_ident() == thread)")
    code = code.replace("    rows =", "    thread = threading.get_ident(); rows =")
    install(site, "own_reader", site / "mark", code="import threading\n" + code)
    found, told = run()
    assert found.metrics.get("loss") == 0.25, told


def test_the_environment_of_orglab_is_searched():
    assert any((sys.prefix in folder) for folder in installed.list_folders())
    assert installed.load_installed(None) == ([], [])


def test_metadata_that_is_too_large_or_no_file_is_passed_over(site, mark):
    install(site, "own_reader", mark)
    (site / "own_reader-1.0.dist-info/entry_points.txt").write_text("[orglab.metrics]\nx = y\n" + "#" * (1 << 17))
    (site / "folder-1.0.dist-info/entry_points.txt").mkdir(parents=True)
    (site / "none-1.0.dist-info").mkdir()
    installed._find_entry_points.cache_clear()
    assert installed.load_installed(None) == ([], [])
