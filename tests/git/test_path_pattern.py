"""The files that patterns name: as in Python's `glob`, but bounded, and through no link that git tracks."""

import os
from glob import glob
from pathlib import Path

import pytest

from orglab.git import find_repository
from orglab.git.path_pattern import expand_path


def expand(repo, pattern):
    found = expand_path(find_repository(repo.path), repo.path / pattern)
    return sorted(os.path.relpath(one, repo.path) for one in found)


@pytest.fixture
def tree(repo):
    """A repository with folders, beside which there is one that is not its own."""
    for name in ("a.json", "out/1/a.json", "out/1/deep/a.json", "out/2/b.json", "out/.hidden/a.json", "x[1]/a.json"):
        repo.write(name, "{}")
    return repo


@pytest.mark.parametrize(
    "pattern",
    ["a.json", "none.json", "out/*", "out/*/a.json", "out/**/a.json", "out/**", "**/deep/*", "out/[1]/*.json",
     "out/.hidden/*", "out/.*/a.json", "out/1/../*/b.json", "*/none", "out/1/a.json/*", "**/**/b.json"],
)  # fmt: skip
def test_a_pattern_names_what_python_s_does(tree, pattern):
    python = glob(pattern, recursive=True) or [pattern] * (pattern == "none.json")  # noqa: PTH207 - a comparison
    assert {os.path.normpath(name) for name in expand(tree, pattern)} == {*map(os.path.normpath, python)}


def test_a_folder_whose_name_has_brackets_is_no_pattern(tree):
    assert expand(tree, "x[1]/*.json") == ["x[1]/a.json"]


def test_a_pattern_does_not_follow_a_tracked_link_out_of_the_repository(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.json").write_text("{}")
    for name in ("mine", "theirs"):
        (tree.path / "out" / name).symlink_to(outside)
    tree.git("add", "out/theirs")
    assert expand(tree, "out/*/a.json") == ["out/1/a.json", "out/mine/a.json"]
    assert expand(tree, "out/**/a.json") == ["out/1/a.json", "out/1/deep/a.json", "out/mine/a.json"]
    assert expand(tree, "out/theirs/*.json") == expand(tree, "out/theirs/a.json") == []
    assert "out/theirs" in expand(tree, "out/*")


@pytest.mark.parametrize(
    "pattern",
    [
        "**/" * 300 + "x",
        "*/../" * 300 + "*",
        "**/*/" * 300 + "x",
        "**/loop/" * 8 + "x",
        "*/" * 2000 + "x",
        "*/../" * 20 + "*",
    ],
)
def test_a_pattern_is_bounded(tree, monkeypatch, pattern):
    for name in ("loop", "out/loop"):
        # What is above the repository are the folders of all other tests.
        (tree.path / name).symlink_to(tree.path / "out")
    listed = []
    monkeypatch.setattr(os, "scandir", lambda place, scan=os.scandir: listed.append(place) or scan(place))
    expand(tree, pattern)
    assert len(listed) <= 2000


def test_nothing_is_listed_twice_under_two_names(tree):
    (tree.path / "out/latest").symlink_to("2")
    assert expand(tree, "out/*/b.json") == ["out/2/b.json"]
    assert "out/latest" in expand(tree, "out/**")
    assert Path("out/latest").is_symlink()
