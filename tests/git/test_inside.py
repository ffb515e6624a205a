"""Links that lead out of a repository: those that git tracks are not followed, those of the user are."""

import os
from pathlib import Path

import pytest

from commands import Orglab
from conftest import Repository
from lab import NAME
from orglab.git import find_repository
from orglab.git.inside import find_tracked_link


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository beside a folder with private files."""
    (tmp_path / "home").mkdir()
    Repository(tmp_path).git("init", "--quiet", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    return Repository(tmp_path / "clone")


def link(clone, name, target, *, tracked=True):
    (clone.path / name).parent.mkdir(exist_ok=True)
    (clone.path / name).symlink_to(target)
    if tracked:
        clone.git("add", "-f", name)


def find(clone, name):
    found = find_tracked_link(find_repository(clone.path), clone.path / name)
    return found and os.path.relpath(found, clone.path)


def test_each_form_of_a_tracked_link_is_found(clone):
    link(clone, "log.org", "../home/log.org")
    link(clone, "lab", "../home")
    link(clone, "config", ".git/config")
    link(clone, "sub/chain", "../lab")
    link(clone, "mine", "lab", tracked=False)
    assert find(clone, "log.org") == "log.org"
    assert find(clone, "lab/x/y.org") == "lab"
    assert find(clone, "config") == "config"
    assert find(clone, "sub/chain/x.org") == "sub/chain"
    assert find(clone, "mine/x.org") == "lab"
    assert find(clone, "sub/../lab/x.org") == "lab"


def test_files_and_links_of_the_user_are_not_found(clone):
    clone.write("results/old.txt", "")
    clone.git("add", "results")
    (clone.path / "results/old.txt").unlink()
    (clone.path / "results").rmdir()
    link(clone, "results", "../home", tracked=False)
    link(clone, "mine.org", "../home/x.org", tracked=False)
    link(clone, "within", "results/old.txt")
    assert [find(clone, name) for name in ("mine.org", "results/old.txt", "new/x.org", "../home/x.org")] == [None] * 4
    assert find(clone, "within") == "within"


def test_a_log_that_is_a_tracked_link_is_neither_written_nor_read(clone, capsys, tmp_path):
    target = tmp_path / "home/.bashrc"
    target.write_text("* [7] Private :exp:\n")
    link(clone, NAME, "../home/.bashrc")
    orglab = Orglab(capsys)
    for arguments, code in ((("new", "A"), 4), (("list",), 3), (("note", "7", "x"), 3), (("show", "7"), 3)):
        said = orglab(*arguments, code=code)
        assert "git tracks and that leads out of the repository" in said.err
        assert "Private" not in said.out
        assert not list((clone.path / ".git/orglab").rglob("texts/*"))
    assert target.read_text() == "* [7] Private :exp:\n"


def test_a_log_that_becomes_a_tracked_link_is_not_kept_in_place_of_its_last_text(clone, capsys, tmp_path):
    (tmp_path / "home/.bashrc").write_text("alias\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A thought")
    (clone.path / NAME).unlink()
    link(clone, NAME, "../home/.bashrc")
    orglab("runs")
    kept = b"".join(path.read_bytes() for path in (clone.path / ".git/orglab/texts").iterdir())
    assert b"A thought" in kept
    assert b"alias" not in kept


def test_a_log_that_is_a_link_of_the_user_is_written(clone, capsys, tmp_path):
    target = tmp_path / "home/log.org"
    target.write_text("")
    link(clone, NAME, target, tracked=False)
    Orglab(capsys)("new", "Mine")
    assert "Mine" in target.read_text()


@pytest.mark.parametrize("name", ["journal.org", ".gitattributes"])
def test_files_beside_the_log_are_not_written_through_a_tracked_link(clone, capsys, tmp_path, name):
    target = tmp_path / "home/file.org"
    target.write_text("* 2018\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    if name == ".gitattributes":
        (clone.path / name).unlink(missing_ok=True)
        clone.git("config", "--unset", "merge.orglab.driver", check=False)
    link(clone, name, "../home/file.org")
    command = ("journal", "A thought") if name == "journal.org" else ("init",)
    said = orglab(*command, code=4)
    assert f"{name} is a link that git tracks" in said.err
    assert target.read_text() == "* 2018\n"


def test_a_report_is_not_written_through_a_tracked_link(clone, capsys, tmp_path):
    (tmp_path / "home/.bashrc").write_text("alias\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A")
    link(clone, "r.html", "../home/.bashrc")
    link(clone, "w.md-files", "../home")
    link(clone, "own.html", "../home/own.html", tracked=False)
    assert "r.html is a link that git tracks" in orglab("report", "-o", "r.html", code=4).err
    assert "w.md-files is a link that git tracks" in orglab("report", "-o", "w.md", code=4).err
    orglab("report", "-o", "own.html")
    assert sorted(path.name for path in Path(tmp_path / "home").iterdir()) == [".bashrc", "own.html"]
    assert (tmp_path / "home/.bashrc").read_text() == "alias\n"
