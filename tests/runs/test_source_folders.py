"""Packages that are imported from a folder of source."""

import json
import os
import sys
from pathlib import Path

import pytest

from orglab.runs.record import Run
from orglab.runs.record_reader import read_runs
from orglab.runs.source_folders import OwnCode, Source, find_sources


@pytest.fixture
def site(tmp_path_factory):
    """A folder of installed packages."""
    folder = tmp_path_factory.mktemp("venv") / "site-packages"
    folder.mkdir()
    return folder


@pytest.fixture
def other(repo, tmp_path_factory):
    """Another repository, with a package in `src`."""
    folder = tmp_path_factory.mktemp("other")
    repo.git("init", "--quiet", folder)
    (folder / "src").mkdir()
    (folder / "src" / "mine.py").write_text("1\n")
    repo.git("-C", folder, "add", ".")
    repo.git("-C", folder, "commit", "--quiet", "-m", "one")
    return folder


def head_of(repo, folder):
    return repo.git("-C", folder, "rev-parse", "HEAD")


def find(repo, site, python_path=""):
    return find_sources([site], python_path, repo.path, OwnCode(repo.path, "own", dirty=False))


@pytest.mark.parametrize("name", ["__editable__.my_pkg-0.1.pth", "_editable_impl_my_pkg.pth", "My.Pkg.pth"])
def test_a_path_file_of_an_editable_install(repo, site, other, name):
    """It wins over the metadata, which is older."""
    (site / name).write_text(f"import this\n{other / 'src'}\n")
    (site / "my_pkg-0.1.dist-info").mkdir()
    (site / "my_pkg-0.1.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": f"file://{other}", "dir_info": {"editable": True}})
    )
    assert find(repo, site) == [Source("my-pkg", str(other / "src"), head_of(repo, other), dirty=False)]


def test_metadata_of_an_editable_install(repo, site, other):
    """Other origins, and what is no valid metadata, are no source."""
    origins = {
        "a": {"url": f"file://{other}", "dir_info": {"editable": True}},
        "b": {"url": f"file://{other}", "dir_info": {}},
        "c": {"url": "https://example.org", "dir_info": {"editable": True}},
        "d": [1],
        "e": {"url": 3, "dir_info": {"editable": True}},
        "f": {"url": "file:///no%00where", "dir_info": {"editable": True}},
    }
    for name, origin in origins.items():
        (site / f"{name}-1.dist-info").mkdir()
        (site / f"{name}-1.dist-info" / "direct_url.json").write_text(json.dumps(origin))
    assert [source.name for source in find(repo, site)] == ["a"]


def test_what_is_installed_meanwhile_is_found(repo, site, other):
    """Also by a process that has looked before, and remembers a folder that is old."""
    (site / "easy-install.pth").write_text("")
    os.utime(site, (1_000_000_000, 1_000_000_000))
    assert find(repo, site) == []
    # In place, which the folder does not show.
    (site / "easy-install.pth").write_text(f"{other}\n")
    assert [source.path for source in find(repo, site)] == [str(other)]
    (site / "mine-1.dist-info").mkdir()
    (site / "mine-1.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": f"file://{other / 'src'}", "dir_info": {"editable": True}})
    )
    assert [source.path for source in find(repo, site)] == [str(other), str(other / "src")]


def test_changes_are_those_that_can_be_imported(repo, site, other):
    """An untracked file elsewhere in the repository is none."""
    (site / "mine.pth").write_text(f"{other / 'src'}\n")
    (other / "notes.txt").write_text("1\n")
    assert find(repo, site)[0].dirty is False
    (other / "src" / "new.py").write_text("1\n")
    assert find(repo, site)[0].dirty is True
    (other / "src" / "new.py").unlink()
    (other / "src" / "mine.py").write_text("2\n")
    assert find(repo, site)[0].dirty is True


def test_folders_in_pythonpath(repo, site, other, tmp_path_factory):
    """That of the run itself has the commit of its code; one without git has none."""
    plain = tmp_path_factory.mktemp("plain")
    (repo.path / "lib").mkdir()
    assert find(repo, site, f"lib::{plain}:{other}:/nowhere") == [
        Source(None, "lib", "own", dirty=False),
        Source(None, str(plain)),
        Source(None, str(other), head_of(repo, other), dirty=False),
    ]


def test_what_python_compiled_is_no_change(repo, site, other):
    (other / "src/__pycache__").mkdir()
    (other / "src/__pycache__/mine.cpython-311.pyc").write_bytes(b"compiled")
    folder = str(other / "src")
    assert find(repo, site, folder) == [Source(None, folder, head_of(repo, other), dirty=False)]
    (other / "src/more.py").write_text("3\n")
    assert find(repo, site, folder) == [Source(None, folder, head_of(repo, other), dirty=True)]


def test_a_record_may_hold_anything():
    """Its sources are checked."""
    sources = [{"package": 3, "path": "x", "head": [], "dirty": 1}, 4, {"package": "a", "path": "b", "dirty": True}]
    assert Run(Path("x"), {"sources": sources}).sources == (Source(None, "x"), Source("a", "b", None, dirty=True))


def test_a_run_names_the_state_of_its_sources(seeded, orglab, other, monkeypatch):
    """So do the difference of two runs, and a rerun, which cannot bring it back."""
    monkeypatch.setenv("PYTHONPATH", f"{other / 'src'}:{seeded.path}")
    program = (sys.executable, "-c", "import mine")
    orglab("run", "1.1", "--", *program)
    first = read_runs(seeded.path)[-1]
    source = Source(None, str(other / "src"), head_of(seeded, other), dirty=False)
    assert first.sources == (source, Source(None, ".", first.code, dirty=False))
    assert first.other_sources == {source.name: source}
    before = head_of(seeded, other)[:7]
    seeded.git("-C", other, "commit", "--quiet", "--allow-empty", "-m", "two")
    after = head_of(seeded, other)[:7]
    err = orglab("runs", "rerun", first.id).err
    assert f"Different: {other / 'src'} is {after} (was {before}).\n" in err
    (other / "src" / "mine.py").write_text("2\n")
    orglab("run", "1.1", "--", *program)
    second = read_runs(seeded.path)[-1]
    assert f"{after} with uncommitted changes" in " ".join(orglab("runs", "show", second.id).out.split())
    assert (
        f"  {other / 'src'}: {before} -> {after} with uncommitted changes\n"
        in orglab("runs", "diff", first.id, second.id).out
    )
    form = json.loads(orglab("runs", "diff", first.id, second.id, "--json").out)
    assert [one["dirty"] for one in form["sources"][str(other / "src")]] == [False, True]
    assert (
        f"{other / 'src'} had changes in {other / 'src'} that no commit holds" in orglab("runs", "rerun", second.id).err
    )
