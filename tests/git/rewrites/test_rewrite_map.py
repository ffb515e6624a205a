"""The map of rewrites: appending and reading, with incomplete lines."""

import pytest

from orglab.git import find_repository
from orglab.git.rewrites.rewrite_map import append_rewrites, read_rewrites, rewrites_path

OLD, NEW, LAST = (digit * 40 for digit in "abc")


def test_appended_rewrites_are_read(repo):
    repository = find_repository(repo.path)
    append_rewrites(repository, "amend", [(OLD, NEW), (LAST, LAST)])
    append_rewrites(repository, "rebase", [(NEW, LAST)])
    append_rewrites(repository, "filter-branch", [(LAST, OLD)])
    assert read_rewrites(repository, [OLD[:7]]) == [(OLD, NEW), (NEW, LAST)]
    assert len(rewrites_path(repository).read_bytes().splitlines()) == 2


def test_an_incomplete_line_is_ignored(repo):
    repository = find_repository(repo.path)
    append_rewrites(repository, "amend", [(NEW, LAST)])
    with rewrites_path(repository).open("ab") as file:
        file.write(OLD[:20].encode())
    append_rewrites(repository, "amend", [(OLD, NEW)])
    assert set(read_rewrites(repository, [OLD])) == {(OLD, NEW), (NEW, LAST)}


def test_nothing_is_appended_or_read_through_a_link(repo, tmp_path):
    repository = find_repository(repo.path)
    outside = tmp_path / "outside"
    outside.write_text(f"{OLD} {NEW} amend\n")
    rewrites_path(repository).parent.mkdir(exist_ok=True)
    rewrites_path(repository).symlink_to(outside)
    with pytest.raises(OSError, match="A symbolic link is not followed"):
        append_rewrites(repository, "amend", [(NEW, LAST)])
    assert read_rewrites(repository, [OLD]) == []
    assert outside.read_text() == f"{OLD} {NEW} amend\n"
