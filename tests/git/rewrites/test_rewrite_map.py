"""The map of rewrites: appending and reading, with incomplete lines."""

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
