"""git is started only where it works in the repository that orglab has found, and can read its files to an end."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from commands import Orglab
from lab import NAME
from orglab.config import find_common_dir, find_git_dir
from orglab.errors import GitError
from orglab.git import find_repository
from orglab.git.files import disable_filters
from orglab.git.hook_install import find_hooks_folder
from orglab.git.inside import find_tracked_link, list_tracked

LOG = "* TODO [1] First :exp:\n"


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


def make_bare(repo, name, settings=""):
    """Make a folder that git takes for a repository with the working tree above, and that it tracks."""
    folder = repo.path / name
    (folder / "refs/heads").mkdir(parents=True)
    (folder / "objects").mkdir()
    for path in ("refs/heads/keep", "objects/keep"):
        (folder / path).touch()
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text(
        f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n{settings}"
    )
    return folder


def make_with_common_dir(repo, name):
    """Make a folder whose `commondir` names the objects and refs of another one."""
    folder = make_bare(repo, f"other-{name}").rename(repo.path / "other")
    (repo.path / name).mkdir()
    (folder / "HEAD").rename(repo.path / name / "HEAD")
    (repo.path / name / "commondir").write_text("../other\n")
    return repo.path / name


def make_with_linked_head(repo, name):
    """Make a folder whose HEAD is a link that leads nowhere, as in old repositories."""
    folder = make_bare(repo, name)
    (folder / "HEAD").unlink()
    (folder / "HEAD").symlink_to("refs/heads/main")
    return folder


@pytest.mark.parametrize("make", [make_bare, make_with_common_dir, make_with_linked_head])
def test_git_is_not_started_where_it_would_find_another_repository(repo, make):
    folder = make(repo, "x")
    (folder / "deep").mkdir()
    (repo.path / "y").symlink_to("x/deep")
    repo.commit("hostile")
    place = os.path.realpath(folder)
    asked = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=folder, capture_output=True, text=True, check=False)
    assert asked.stdout.strip() in (".", place)  # so it is one for git
    for path in (folder, folder / "deep", repo.path / "y"):
        inner = find_repository(path)
        assert inner.top == repo.path
        for call in (inner.read, inner.query, inner.find, inner.run):
            with pytest.raises(GitError, match=rf"{re.escape(place)} has the files of a git directory"):
                call("rev-parse", "HEAD")
        assert inner.at_top.query("rev-parse", "HEAD")


def test_a_link_to_another_repository_does_not_take_over_git(repo, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    repo.git("init", "--quiet", other)
    (other / "deep").mkdir()
    (repo.path / "x").symlink_to(other / "deep")
    with pytest.raises(GitError, match=rf"leads to the repository {other}, not to {repo.path}"):
        find_repository(repo.path / "x").read("rev-parse", "--git-dir")


def test_a_folder_with_a_file_named_head_is_an_ordinary_one(repo):
    repo.commit("one", {"x/HEAD": "ref: refs/heads/main\n", "x/refs/a": ""})
    assert find_repository(repo.path / "x").query("ls-files") == b"HEAD\nrefs/a\n"


def test_a_tracked_repository_beside_the_log_runs_nothing_and_leads_nowhere(repo, orglab, tmp_path_factory):
    private = tmp_path_factory.mktemp("private")
    (private / "rc").write_text("# mine\n")
    (private / "days.org").write_text("* PRIVATE\n")
    setting = f'[remote "origin"]\n\turl = {repo.path}\n\tuploadpack = "touch {private}/RAN; git-upload-pack"\n'
    folder = make_bare(repo, "x", setting)
    (folder / ".gitattributes").symlink_to(private / "rc")
    (folder / "journal.org").symlink_to(private / "days.org")
    (folder / NAME).write_text(LOG)
    repo.write("orglab.toml", f'log = "x/{NAME}"\n')
    repo.git("add", "-f", "--all")
    repo.git("commit", "--quiet", "-m", "hostile")
    commands = {("sync",): 5, ("init",): 5, ("journal", "hello"): 4, ("commit",): 4, ("setup", "git"): 5}
    for command, code in commands.items():
        said = orglab(*command, code=code)
        assert "PRIVATE" not in said.out + said.err
    assert sorted(path.name for path in private.iterdir()) == ["days.org", "rc"]
    assert (private / "rc").read_text() == "# mine\n"
    assert (private / "days.org").read_text() == "* PRIVATE\n"


# ---- git directories ----


def test_a_git_directory_that_names_another_one_is_refused(repo, orglab, tmp_path_factory):
    trace = tmp_path_factory.mktemp("trace") / "ran"
    repo.commit("one", {".gitattributes": "*.py filter=x\n", "a.py": "x = 1\n", NAME: LOG})
    (repo.path / ".git/sh").mkdir()
    for name in ("objects", "refs"):
        shutil.copytree(repo.path / ".git" / name, repo.path / ".git/sh" / name)
    (repo.path / ".git/sh/config").write_text(
        f'[core]\n\trepositoryformatversion = 0\n[filter "x"]\n\tclean = "touch {trace}; cat"\n'
    )
    (repo.path / ".git/commondir").write_text("sh\n")
    os.utime(repo.path / "a.py", (0, 0))
    for command in (("status",), ("why", "a.py")):
        assert "names another git directory in the file commondir" in orglab(*command, code=5).err
    assert not trace.exists()
    (repo.path / ".git/commondir").unlink()
    assert "e1" in orglab("list").out


def test_the_name_of_the_shared_directory_is_read_as_git_reads_it(repo, tmp_path_factory):
    repo.commit("one")
    other = tmp_path_factory.mktemp("other") / "tree"
    repo.git("worktree", "add", "--quiet", "--detach", other)
    git_dir = find_repository(other).git_dir
    assert find_common_dir(str(git_dir)) == str(repo.path / ".git")
    (git_dir / "commondir").write_text("../.. \n")
    with pytest.raises(GitError, match="commondir"):
        find_repository(other).query("status")


def test_a_git_directory_that_git_passes_over_is_passed_over(repo):
    (repo.path / "in/.git").mkdir(parents=True)
    (repo.path / "in/.git/HEAD").write_text("ref: refs/heads/main\n")
    assert find_git_dir(str(repo.path / "in")) == (str(repo.path), str(repo.path / ".git"))
    assert repo.git("-C", repo.path / "in", "rev-parse", "--show-toplevel").strip() == str(repo.path)


def test_the_configuration_is_not_written_through_a_link(repo, orglab, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "gitconfig"
    orglab("init", "--tracked")
    config = repo.path / ".git/config"
    before = config.read_bytes()
    other.write_bytes(before)
    config.unlink()
    config.symlink_to(other)
    assert "config is a link" in orglab("setup", "git", "--remove", code=4).err
    assert other.read_bytes() == before
    repo.git("config", "--remove-section", "merge.orglab")
    before = other.read_bytes()
    for command in (("init",), ("setup", "git")):
        assert "config is a link" in orglab(*command, code=4).err
        assert other.read_bytes() == before


# ---- where git cannot tell ----


def test_a_link_counts_as_tracked_if_git_cannot_tell(repo, orglab, tmp_path_factory):
    private = tmp_path_factory.mktemp("private") / "log.org"
    private.write_text(LOG)
    (repo.path / NAME).symlink_to(private)
    repo.git("add", NAME)
    repo.git("commit", "--quiet", "-m", "hostile")
    (repo.path / ".git/index").write_bytes(b"broken")
    found = find_repository(repo.path)
    with pytest.raises(GitError, match="git ls-files failed"):
        list_tracked(found, [NAME])
    assert find_tracked_link(found, repo.path / NAME) == str(repo.path / NAME)
    assert "does not follow it" in orglab("list", code=3).err
    assert "does not follow it" in orglab("note", "1", "outside", code=3).err
    assert private.read_text() == LOG


def test_hooks_and_filters_do_not_count_as_harmless_if_git_cannot_tell(repo):
    repo.commit("one", {"hooks/pre-commit": ""})
    repo.git("config", "core.hooksPath", "hooks")
    found = find_repository(repo.path)
    assert not find_hooks_folder(found).is_ours
    (repo.path / ".git/index").write_bytes(b"broken")
    assert not find_hooks_folder(found).is_ours
    (repo.path / ".git/config").write_text("[filter\n")
    with pytest.raises(GitError, match="git config failed"):
        disable_filters(found)


# ---- pipes ----

FILES = ("config", "packed-refs", "info/exclude", "info/attributes", "index", "shallow", "refs/heads/main")


@pytest.mark.parametrize("name", [*FILES, "objects/info/alternates", "config.worktree", "../.gitignore"])
def test_a_pipe_among_the_files_of_git_is_not_waited_for(repo, name):
    repo.commit("one", {NAME: LOG})
    place = repo.path / ".git" / name
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    command = [sys.executable, "-m", "orglab", "status"]
    said = subprocess.run(command, cwd=repo.path, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 5
    assert f"{place.name} is not a regular file" in said.stderr


def test_a_link_to_a_device_without_end_is_not_read(repo):
    repo.commit("one")
    (repo.path / ".git/packed-refs").unlink(missing_ok=True)
    (repo.path / ".git/packed-refs").symlink_to("/dev/zero")
    with pytest.raises(GitError, match="packed-refs is not a regular file"):
        find_repository(repo.path).query("for-each-ref")
    (repo.path / ".git/packed-refs").unlink()
    (repo.path / ".git/shallow").symlink_to(os.devnull)
    assert find_repository(repo.path).query("for-each-ref")
