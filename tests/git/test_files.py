"""Tracked files: texts, changes, blame, commits; with hostile names and settings."""

import os
import subprocess
from pathlib import Path

import pytest

from orglab.errors import GitError
from orglab.git import find_repository
from orglab.git.files import (
    blame,
    compare_with_head,
    find_changed_files,
    find_files_containing,
    is_tracked,
    list_untracked,
    path_in,
    read_commits_of_file,
    read_file_at,
)
from orglab.git.remote import is_changed
from orglab.git.snapshot import make_snapshot
from orglab.git.untracked import Budget
from orglab.git.worktree import read_changes

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
        assert compare_with_head(ours) == ([], ["a.py"])
        assert is_changed(ours, "a.py") is None
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


def test_a_filter_of_the_user_is_run_instead_of_that_of_the_repository(repo, ours, tmp_path_factory, monkeypatch):
    settings = tmp_path_factory.mktemp("home") / "config"
    settings.write_text('[filter "rot"]\n\tclean = tr a-z n-za-m\n\tsmudge = tr a-z n-za-m\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    repo.commit("one", {".gitattributes": "*.txt filter=rot\n", "a.txt": "abc\n", "b.txt": "abc\n"})
    repo.git("config", "filter.rot.clean", f"touch {repo.path}/owned; cat")
    os.utime(repo.path / "a.txt", (1, 1))
    repo.write("b.txt", "abd\n")
    assert compare_with_head(ours) == (["b.txt"], [])
    assert [is_changed(ours, name) for name in ("a.txt", "b.txt", "c.txt")] == [False, True, True]
    assert not (repo.path / "owned").exists()


def test_what_a_filter_of_the_repository_would_have_to_read_is_unknown(repo, ours):
    repo.git("config", "filter.strip.clean", "sed /output/d")
    repo.commit("one", {".gitattributes": "*.ipynb filter=strip\n", "a.ipynb": "code\noutput\n", "b.py": "1\n"})
    assert repo.git("show", "HEAD:a.ipynb") == "code"
    os.utime(repo.path / "a.ipynb", (1, 1))
    repo.write("b.py", "2\n")
    assert compare_with_head(ours) == (["b.py"], ["a.ipynb"])


@pytest.mark.parametrize("name", [".log.org.orglab-lock", "notes/.log.org.orglab-0123456789ab"])
def test_the_lock_of_a_log_and_its_new_version_are_no_untracked_files(repo, ours, name):
    repo.commit("one", {"notes/a": ""})
    repo.write(name, "")
    repo.write("new/.x.orglab-lock", "")
    repo.write("new/file", "")
    repo.write(".log.org.orglab-kept-0", "")
    assert list_untracked(ours) == [".log.org.orglab-kept-0", "new/"]
    assert read_changes(ours).untracked == (".log.org.orglab-kept-0", "new/file")
    snapshot = make_snapshot(ours, "20180101-000000-abcdef", "message", Budget(1000, 10, 1000))
    assert repo.git("ls-tree", "-r", "--name-only", snapshot.commit).split() == [
        ".log.org.orglab-kept-0", "new/file", "notes/a",
    ]  # fmt: skip


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
