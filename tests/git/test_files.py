"""Tracked files: texts, changes, blame, commits; with hostile names and settings."""

import os
import subprocess
from pathlib import Path

import pytest

from orglab.errors import GitError
from orglab.git import find_repository
from orglab.git.files import (
    blame,
    find_changed_files,
    find_files_containing,
    is_tracked,
    path_in,
    read_commits_of_file,
    read_file_at,
)

STRANGE = ["-h", "--output=owned", "a b*.py", ":(top)x", "we\nird", 'qu"ote\\n', "é.py", "sub/[e1].py"]


@pytest.fixture
def ours(repo):
    return find_repository(repo.path)


def subjects(commits):
    return [one.subject for one in commits]


def test_find_files_containing_a_text(repo, ours):
    repo.write("untracked.py", "# [e1]\n")
    names = {"a.py": "# [e1]\n", "sub/b.txt": "x [e1]", "none.py": "# [E1]", "data.bin": b"[e1]\0\1", "gone.py": "[e1]"}
    repo.commit("files", names | {"link": "x"})
    (repo.path / "untracked.py").rename(repo.path / "new.py")
    repo.git("rm", "--quiet", "--cached", "untracked.py")
    (repo.path / "gone.py").unlink()
    (repo.path / "link").unlink()
    (repo.path / "link").symlink_to("a.py")
    assert find_files_containing(ours, "[e") == ["a.py", "sub/b.txt"]
    # A subfolder gives the same result.
    assert find_files_containing(find_repository(repo.path / "sub"), "[e") == ["a.py", "sub/b.txt"]


@pytest.mark.parametrize("name", STRANGE)
def test_a_name_is_never_an_option_or_a_pattern(repo, ours, name):
    repo.commit("[e1] one", {name: "# [e1]\n", "other": "x\n"})
    repo.commit("two", {name: "# [e1]\nmore\n"})
    repo.write(name, "# [e1]\nmore\nnew\n")
    path = path_in(ours, repo.path / name)
    assert path == name
    assert find_files_containing(ours, "[e1]") == [name]
    assert subjects(read_commits_of_file(ours, path)) == ["two", "[e1] one"]
    assert is_tracked(ours, path)
    assert find_changed_files(ours) == find_changed_files(ours, path) == [name]
    first, second, third = blame(ours, path, [1, 2, 3])
    assert (first.path, first.line_then, first.before) == (name, 1, None)
    assert second.before == (first.commit, name)
    assert third.commit is None
    assert read_file_at(ours, first.commit, path) == b"# [e1]\n"
    assert not (repo.path / "owned").exists()


def test_untracked_and_missing_files(repo, ours):
    assert find_files_containing(ours, "[e") == []
    assert find_changed_files(ours) == []
    assert blame(ours, "a", [1]) == []
    repo.commit("one", {"a": "1\n"})
    assert blame(ours, "a", [2]) == []
    assert blame(ours, "b", [1]) == []
    assert blame(ours, "a", []) == []
    assert subjects(read_commits_of_file(ours, "b")) == []
    assert not is_tracked(ours, "b")
    assert read_file_at(ours, repo.git("rev-parse", "HEAD"), "b") is None
    assert path_in(ours, Path("/")) is None
    assert path_in(ours, repo.path) == "."
    assert path_in(ours, repo.path.parent / "c.py") is None


def test_links_are_followed_in_the_folder_of_a_path_but_not_in_its_name(repo, tmp_path_factory):
    repo.write("sub/c.py", "1\n")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "link").symlink_to(repo.path / "sub")
    (repo.path / "alias.py").symlink_to(outside / "c.py")
    ours = find_repository(repo.path)
    assert path_in(ours, outside / "link" / "c.py") == "sub/c.py"
    assert path_in(ours, repo.path / "alias.py") == "alias.py"
    assert path_in(ours, outside / "link") is None


def test_renames_deletions_and_folders_have_commits(repo, ours):
    repo.commit("made", {"old.py": "x = 1\n" * 20, "sub/a": "a"})
    repo.git("mv", "old.py", "new.py")
    repo.commit("renamed")
    assert subjects(read_commits_of_file(ours, "new.py")) == ["renamed", "made"]
    assert subjects(read_commits_of_file(ours, "new.py", limit=1)) == ["renamed"]
    repo.git("rm", "--quiet", "new.py")
    repo.commit("removed", {"sub/a": "b"})
    assert subjects(read_commits_of_file(ours, "new.py")) == ["removed", "renamed", "made"]
    assert subjects(read_commits_of_file(ours, "sub")) == ["removed", "made"]
    assert subjects(read_commits_of_file(ours, ".")) == ["removed", "renamed", "made"]


def test_changed_files_are_those_that_differ_from_head(repo, ours):
    repo.commit("one", {"log.org": "a", "real/journal.org": "a", "a.py": "a", "b.py": "b", "c.py": "c"})
    (repo.path / "journal.org").symlink_to("real/journal.org")
    assert find_changed_files(ours) == []
    for name in ("log.org", "real/journal.org", "a.py"):
        repo.write(name, "changed")
    repo.write("b.py", "staged")
    repo.git("add", "b.py")
    (repo.path / "c.py").unlink()
    repo.write("untracked", "")
    os.utime(repo.path / "log.org")
    assert find_changed_files(ours) == ["a.py", "b.py", "c.py", "log.org", "real/journal.org"]


def test_no_program_of_the_repository_is_run(repo, ours):
    repo.commit("[e1] one", {"a.py": "# [e1]\n", "b=c.py": "# [e1]\n"})
    owned = f"touch {repo.path}/owned; cat"
    for name in ("core.fsmonitor", "core.pager", "diff.external", "pager.grep", "pager.blame", "core.editor"):
        repo.git("config", name, owned)
    for driver in ("evil", "a=b", "x.y"):
        for setting in ("clean", "smudge", "process"):
            repo.git("config", f"filter.{driver}.{setting}", owned)
        repo.git("config", f"filter.{driver}.required", "true")
        repo.git("config", f"diff.{driver}.textconv", owned)
        repo.git("config", f"diff.{driver}.command", owned)
    for alias in ("grep", "blame", "log", "diff", "ls-files"):
        repo.git("config", f"alias.{alias}", f"!{owned}")
    repo.git("config", "grep.fallbackToNoIndex", "true")
    repo.git("config", "grep.patternType", "perl")
    for attribute in ("* filter=evil diff=evil\n", "* filter=a=b diff=a=b\n", "* filter=x.y diff=x.y\n"):
        repo.write(".git/info/attributes", attribute)
        repo.write("a.py", "# [e1]\nmore\n")
        assert find_files_containing(ours, "[e1]") == ["a.py", "b=c.py"]
        assert find_changed_files(ours) == ["a.py"]
        assert [one.commit is None for one in blame(ours, "a.py", [1, 2])] == [False, True]
        assert subjects(read_commits_of_file(ours, "a.py")) == ["[e1] one"]
        assert not (repo.path / "owned").exists()


def test_blame_ignores_the_revisions_that_the_user_ignores(repo, ours):
    first = repo.commit("one", {"a.py": "x=1\n"})
    ignored = repo.commit("reformat", {"a.py": "x = 1\n"})
    repo.git("config", "blame.ignoreRevsFile", "ignored")
    with pytest.raises(GitError, match="could not open object name list: ignored"):
        blame(ours, "a.py", [1])
    repo.write("ignored", f"{ignored}\n")
    assert [one.commit for one in blame(ours, "a.py", [1])] == [first]


def test_filters_of_the_user_are_run(repo, ours, tmp_path_factory):
    settings = tmp_path_factory.mktemp("home") / "config"
    settings.write_text('[filter "rot"]\n\tclean = tr a-z n-za-m\n\tsmudge = tr a-z n-za-m\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        repo.commit("one", {".gitattributes": "*.txt filter=rot\n", "a.txt": "abc\n"})
        assert repo.git("show", "HEAD:a.txt") == "nop"
        os.utime(repo.path / "a.txt", (1, 1))
        assert find_changed_files(ours) == []


def test_submodules_are_repositories_of_their_own(repo, tmp_path_factory):
    inner = tmp_path_factory.mktemp("inner")
    for arguments in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message=[e1] inner"]):
        subprocess.run(["git", *arguments], cwd=inner, check=True)
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", inner, "sub")
    repo.commit("[e1] with it", {"a.py": "# [e1]\n"})
    repo.write("sub/b.py", "# [e1]\n")
    subprocess.run(["git", "add", "b.py"], cwd=repo.path / "sub", check=True)
    outer, ours = find_repository(repo.path), find_repository(repo.path / "sub")
    assert find_files_containing(outer, "[e1]") == ["a.py"]
    assert find_files_containing(ours, "[e1]") == ["b.py"]
    assert find_changed_files(outer) == []
    assert find_changed_files(ours) == ["b.py"]
    assert path_in(ours, repo.path / "sub" / "b.py") == "b.py"
