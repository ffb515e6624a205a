"""The file of the index: asked, changed, doubted; nothing that happens to it changes an answer."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.search import store as store_module
from orglab.search.derived_values import read_values, write_values
from orglab.search.location import index_path, is_shared
from orglab.search.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "git" / "index-1.db"))


def test_stored_values_are_read(store):
    assert read_values(store, "a") == {}
    assert write_values(store, "a", {b"1": b"one", b"2": b"two"})
    assert write_values(store, "b", {b"1": b"other"})
    assert read_values(store, "a") == {b"1": b"one", b"2": b"two"}
    assert read_values(store, "a", [b"2", b"3"]) == {b"2": b"two"}


def test_values_that_are_not_current_are_removed(store):
    write_values(store, "a", {b"1": b"one", b"2": b"two"})
    write_values(store, "a", {b"3": b"three"}, current={b"2", b"3"})
    assert read_values(store, "a") == {b"2": b"two", b"3": b"three"}


def test_an_index_without_a_path_stores_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("ORGLAB_NO_INDEX", "1")
    path = index_path(str(tmp_path / "log"), None)
    assert path is None
    assert not write_values(Store(path), "a", {b"1": b"one"})
    assert read_values(Store(path), "a") == {}


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def scribble(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(300))


def make_empty(path):
    os.truncate(path, 0)


def replace_by_noise(path):
    path.write_bytes(os.urandom(20_000))


def alter_politely(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE kept SET content = 'lies'")
    connection.close()


def touch_later(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


HARM_TO_FILE = [truncate, scribble, make_empty, replace_by_noise, alter_politely, touch_later, os.unlink]
HARM_TO_SEAL = [truncate, make_empty, replace_by_noise, os.unlink]


@pytest.mark.parametrize(
    ("which", "harm"), [*((".db", harm) for harm in HARM_TO_FILE), *((".seal", harm) for harm in HARM_TO_SEAL)]
)
def test_a_damaged_index_is_rebuilt(store, which, harm):
    write_values(store, "a", {b"1": b"one" * 3000})
    harm(Path(store.path).with_suffix(which))
    assert read_values(store, "a") == {}
    assert write_values(store, "a", {b"2": b"two"})
    assert read_values(store, "a") == {b"2": b"two"}


def test_the_index_of_another_version_is_not_read(store, monkeypatch):
    write_values(store, "a", {b"1": b"one"})
    monkeypatch.setattr(store_module, "program_version", lambda: "another")
    assert read_values(store, "a") == {}
    assert write_values(store, "a", {b"2": b"two"})
    assert read_values(store, "a") == {b"2": b"two"}


def test_a_locked_index_is_not_waited_for_long(store, monkeypatch):
    monkeypatch.setattr(store_module, "_TIMEOUT", 0.01)
    write_values(store, "a", {b"1": b"one"})
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert read_values(store, "a") == {b"1": b"one"}  # it has not written yet
    assert not write_values(store, "a", {b"2": b"two"})
    other.execute("ROLLBACK")
    other.execute("BEGIN EXCLUSIVE")
    assert read_values(store, "a") == {}
    assert not write_values(store, "a", {b"2": b"two"})
    other.close()
    assert read_values(store, "a") == {b"1": b"one"}


def test_a_failed_change_leaves_the_index_unchanged(store):
    write_values(store, "a", {b"1": b"one"})

    def fail(connection):
        connection.execute("DELETE FROM kept")
        raise ZeroDivisionError

    assert not store.change(fail)
    assert read_values(store, "a") == {b"1": b"one"}


def test_two_write_at_once(store):
    write_values(store, "a", {b"0": b"zero"})
    program = (
        "import sys; from orglab.search.store import Store; from orglab.search.derived_values import write_values\n"
        "for n in range(20): write_values(Store(sys.argv[1]), 'a', {f'{sys.argv[2]} {n}'.encode(): b'x' * 5000})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, store.path, str(n)]) for n in range(3)]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        found = read_values(store, "a")
        assert all(content in (b"zero", b"x" * 5000) for content in found.values())
        seen += bool(found)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert write_values(store, "a", {b"last": b"last"})
    assert read_values(store, "a")[b"last"] == b"last"


@given(
    st.dictionaries(st.binary(max_size=40), st.binary(max_size=3000), max_size=5),
    st.binary(min_size=1, max_size=50),
    st.floats(0, 1),
)
def test_no_changed_byte_leads_to_a_wrong_answer(tmp_path_factory, contents, noise, place):
    store = Store(str(tmp_path_factory.mktemp("any") / "index-1.db"))
    write_values(store, "a", contents)
    with Path(store.path).open("r+b") as file:
        file.seek(int(place * Path(store.path).stat().st_size))
        file.write(noise)
    found = read_values(store, "a")
    assert found.items() <= contents.items()


def test_the_place_of_an_index(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    git_dir = tmp_path / ".git"
    git_dir.mkdir()
    log = str(tmp_path / "log.org")
    assert index_path(log, str(git_dir)).startswith(f"{git_dir}/orglab/index-")
    assert index_path(log, str(git_dir)) != index_path(str(tmp_path / "other.org"), str(git_dir))
    assert index_path(log, None).startswith(f"{tmp_path}/cache/orglab/")
    monkeypatch.setattr("orglab.search.location.is_shared", lambda folder: folder == str(git_dir))
    assert index_path(log, str(git_dir)).startswith(f"{tmp_path}/cache/orglab/")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert index_path(log, str(git_dir)).startswith(f"{tmp_path}/cache/orglab/")


def test_a_network_file_system_is_known_by_its_type(tmp_path, monkeypatch):
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    real = open

    def other(path, *arguments, **options):
        return real(mounts if path == "/proc/self/mountinfo" else path, *arguments, **options)

    monkeypatch.setattr("builtins.open", other)
    for kind, shared in (("nfs4", True), ("fuse.sshfs", True), ("ext4", False), ("tmpfs", False)):
        mounts.write_text(
            f"1 2 9:9 / /other rw - nfs4 a rw\n36 35 {os.major(device)}:{os.minor(device)} / / rw shared:1 - {kind} source rw\n"
        )
        assert is_shared(str(tmp_path)) is shared
    mounts.unlink()
    assert not is_shared(str(tmp_path))


def test_an_index_is_neither_read_nor_written_through_a_link(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "git").symlink_to(tmp_path / "own")
    store = Store(str(tmp_path / "git" / "index-1.db"))
    assert not write_values(store, "a", {b"1": b"one"})
    assert read_values(store, "a") == {}
    assert not [*(tmp_path / "own").iterdir()]


def test_a_link_in_place_of_an_index_is_replaced(store, tmp_path):
    write_values(store, "a", {b"1": b"one"})
    path = Path(store.path)
    path.rename(tmp_path / "other.db")
    path.symlink_to(tmp_path / "other.db")
    assert read_values(store, "a") == {}
    before = (tmp_path / "other.db").read_bytes()
    assert write_values(store, "a", {b"2": b"two"})
    assert read_values(store, "a") == {b"2": b"two"}
    assert not path.is_symlink()
    assert (tmp_path / "other.db").read_bytes() == before
