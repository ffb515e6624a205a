"""Commits of changed files before and after a run: what they contain, and which of the user's changes remain."""

import os
import subprocess
import threading

import pytest

from orglab.errors import GitError
from orglab.git import find_repository
from orglab.git.worktree import (
    commit_paths,
    find_committable,
    find_operation,
    is_commit_in_progress,
    read_branch,
    read_changes,
)


@pytest.fixture
def found(repo):
    """A repository with a commit of a.py and b.py."""
    repo.commit("first", {"a.py": "1\n", "b.py": "1\n"})
    return find_repository(repo.path)


def commit_changes(found):
    return commit_paths(found, "A message\n", find_committable(found, read_changes(found))).full


def test_a_partly_staged_file_is_committed_as_it_stands(repo, found):
    repo.write("a.py", "staged\n")
    repo.git("add", "a.py")
    repo.write("a.py", "staged\nand more\n")
    full = commit_changes(found)
    assert repo.git("show", f"{full}:a.py") == "staged\nand more"
    assert repo.git("status", "--porcelain") == ""


def test_what_else_is_staged_stays_staged(repo, found):
    repo.write("a.py", "2\n")
    repo.write("b.py", "staged\n")
    repo.git("add", "b.py")
    commit_paths(found, "Only a\n", ["a.py"])
    assert repo.git("show", "--format=", "--name-only", "HEAD") == "a.py"
    assert repo.git("diff", "--cached", "--name-only") == "b.py"


def test_staged_new_files_and_removals_are_changes(repo, found):
    repo.write("new.py", "new\n")
    repo.git("add", "new.py")
    (repo.path / "b.py").unlink()
    commit_changes(found)
    assert repo.git("ls-tree", "--name-only", "HEAD").split() == ["a.py", "new.py"]


def test_a_file_that_git_is_to_forget_but_that_is_there_is_left_alone(repo, found):
    repo.git("rm", "--cached", "--quiet", "b.py")
    repo.write("a.py", "2\n")
    commit_changes(found)
    assert repo.git("ls-tree", "--name-only", "HEAD").split() == ["a.py", "b.py"]
    assert repo.git("diff", "--cached", "--name-status") == "D\tb.py"


def test_the_hashes_of_a_commit_are_those_that_git_gives(repo, found):
    repo.write("a.py", "2\n")
    made = commit_paths(found, "Only a\n", ["a.py"])
    assert made.full == repo.git("rev-parse", "HEAD")
    assert made.short == repo.git("rev-parse", "--short", "HEAD")


def test_a_staged_change_that_was_taken_back_is_none(repo, found):
    repo.write("a.py", "2\n")
    repo.git("add", "a.py")
    repo.write("a.py", "1\n")
    repo.write("gone.py", "1\n")
    repo.git("add", "gone.py")
    (repo.path / "gone.py").unlink()
    changes = read_changes(found)
    assert sorted(changes.tracked) == ["a.py", "gone.py"]
    assert find_committable(found, changes) == []


def test_a_file_marked_to_be_added_is_committed_whole(repo, found):
    repo.write("later.py", "text\n")
    repo.git("add", "--intent-to-add", "later.py")
    full = commit_changes(found)
    assert repo.git("show", f"{full}:later.py") == "text"


def test_the_first_commit_of_a_repository(repo):
    repo.write("a.py", "1\n")
    repo.write("b.py", "1\n")
    repo.git("add", "a.py")
    found = find_repository(repo.path)
    assert read_changes(found).head is None
    commit_changes(found)
    assert repo.git("ls-tree", "--name-only", "HEAD") == "a.py"


@pytest.mark.parametrize("name", ["-h", "--output=owned", "a b", "*.py", ":(top)x", "ü\n", "[a]"])
@pytest.mark.usefixtures("found")
def test_a_path_is_just_that_path(repo, name):
    repo.write("other.py", "1\n")
    repo.write(name, "new\n")
    found = find_repository(repo.path)
    commit_paths(found, "New\n", [name], [name])
    assert repo.git("show", "--format=", "--name-only", "-z", "HEAD").rstrip("\0") == name
    assert read_changes(found).untracked == ("other.py",)
    assert not (repo.path / "owned").exists()


@pytest.mark.usefixtures("found")
def test_from_a_folder_below_paths_are_those_of_the_top(repo, monkeypatch):
    repo.write("sub/c.py", "1\n")
    repo.git("add", "sub/c.py")
    monkeypatch.chdir(repo.path / "sub")
    below = find_repository(repo.path / "sub")
    assert commit_changes(below) == repo.git("rev-parse", "HEAD")
    assert repo.git("show", "--format=", "--name-only", "HEAD") == "sub/c.py"


def test_the_users_hooks_are_honoured_and_a_refusal_leaves_everything(repo, found):
    hook = repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho error: not today >&2\nexit 1\n")
    hook.chmod(0o755)
    repo.write("new.py", "1\n")
    before = repo.git("status", "--porcelain")
    with pytest.raises(GitError, match="not today"):
        commit_paths(found, "New\n", ["new.py"], ["new.py"])
    assert repo.git("status", "--porcelain") == before
    assert repo.git("log", "--format=%s") == "first"


def test_what_somebody_else_has_committed_by_now_is_left_out(repo, found):
    repo.write("a.py", "2\n")
    repo.write("new.py", "1\n")
    (repo.path / "b.py").unlink()
    listed = ["a.py", "b.py", "new.py"]
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "-m", "theirs")
    assert commit_paths(found, "Mine\n", listed, ["new.py"]) is None
    repo.write("a.py", "3\n")
    repo.write("more.py", "1\n")
    commit_paths(found, "Mine\n", [*listed, "more.py"], ["new.py", "more.py"])
    assert repo.git("log", "--format=%s").split("\n") == ["Mine", "theirs", "first"]
    assert repo.git("show", "--format=", "--name-only", "HEAD").split() == ["a.py", "more.py"]
    assert repo.git("status", "--porcelain") == ""


def test_a_commit_made_while_the_hooks_ran_comes_first(repo, found):
    hook = repo.write(
        ".git/hooks/pre-commit",
        '#!/bin/sh\nrm .git/hooks/pre-commit\ngit update-ref HEAD "$(git commit-tree -p HEAD -m theirs HEAD^{tree})"\n',
    )
    hook.chmod(0o755)
    repo.write("a.py", "2\n")
    commit_paths(found, "Mine\n", ["a.py"])
    assert repo.git("log", "--format=%s").split("\n") == ["Mine", "theirs", "first"]
    hook = repo.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\nrm .git/hooks/pre-commit\n"
        'git update-ref HEAD "$(git commit-tree -p HEAD -m same "$(git write-tree)")"\n',
    )
    hook.chmod(0o755)
    repo.write("a.py", "3\n")
    assert commit_paths(found, "Mine\n", ["a.py"]) is None
    assert repo.git("log", "-1", "--format=%s") == "same"
    assert repo.git("diff", "HEAD", "--name-only") == ""


def test_a_hook_may_change_the_message(repo, found):
    hook = repo.write(".git/hooks/prepare-commit-msg", '#!/bin/sh\necho "# $2" >> "$1"; echo Signed >> "$1"\n')
    hook.chmod(0o755)
    repo.write("a.py", "2\n")
    commit_changes(found)
    assert repo.git("log", "-1", "--format=%B").split("\n") == ["A message", "# message", "Signed"]


FORMATTER = """\
#!/bin/sh
for path in $(git diff --cached --name-only --diff-filter=d); do
    tr a-z A-Z < "$path" > "$path.new" && cat "$path.new" > "$path" && rm "$path.new" && git add "$path"
done
EXTRA
"""


def add_formatter(repo, extra=""):
    hook = repo.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(FORMATTER.replace("EXTRA", extra))
    hook.chmod(0o755)


@pytest.mark.parametrize("is_first", [False, True])
def test_what_a_formatter_makes_of_the_files_is_in_the_index_too(repo, is_first):
    if not is_first:
        repo.commit("first", {"a.py": "1\n"})
    add_formatter(repo)
    repo.write("a.py", "changed\n")
    repo.write("new.py", "new\n")
    repo.write("b.py", "staged\n")
    repo.git("add", "b.py")
    repo.write("b.py", "in progress\n")
    commit_paths(
        find_repository(repo.path), "A message\n", ["a.py", "new.py"], ["a.py", "new.py"] if is_first else ["new.py"]
    )
    assert repo.git("show", "HEAD:a.py", "HEAD:new.py") == "CHANGED\nNEW"
    assert (repo.path / "a.py").read_text() == "CHANGED\n"
    assert repo.git("status", "--porcelain") == "AM b.py"
    assert repo.git("show", ":b.py") == "staged"


def test_a_file_that_a_hook_adds_to_the_commit_is_in_the_index_too(repo, found):
    add_formatter(repo, "date > made.txt; git add made.txt; git rm --quiet --cached b.py")
    repo.write("a.py", "changed\n")
    commit_paths(found, "A message\n", ["a.py"])
    assert repo.git("status", "--porcelain") == "?? b.py"


def test_a_hook_does_not_add_to_the_commit_what_replaces_what_the_user_has_staged(repo, found):
    add_formatter(repo, "echo hook > b.py; git add b.py")
    repo.write("b.py", "staged\n")
    repo.git("add", "b.py")
    repo.write("a.py", "changed\n")
    commit_paths(found, "A message\n", ["a.py"])
    assert repo.git("show", ":b.py") == "staged"
    assert repo.git("diff", "--cached", "--name-only") == "b.py"


def test_what_a_formatter_did_not_add_stays_a_change_of_the_working_tree(repo, found):
    add_formatter(repo, "echo more >> a.py")
    repo.write("a.py", "changed\n")
    commit_paths(found, "A message\n", ["a.py"])
    assert repo.git("diff", "--name-only") == "a.py"
    assert repo.git("diff", "--cached", "--name-only") == ""


def test_the_branch_that_is_checked_out(repo, found):
    assert read_branch(found) == "main"
    repo.git("switch", "--quiet", "--create", "topic/one")
    assert read_branch(found) == "topic/one"
    repo.git("switch", "--quiet", "--detach")
    assert read_branch(found) == ""


def test_a_commit_whose_message_is_being_written_is_in_progress(repo, found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("editor")
    editor, begun, end = folder / "editor", folder / "begun", folder / "end"
    os.mkfifo(begun)
    os.mkfifo(end)
    editor.write_text(f'#!/bin/sh\necho > {begun}; cat {end} > /dev/null; echo subject > "$1"\n')
    editor.chmod(0o755)
    assert not is_commit_in_progress(found)
    repo.write("a.py", "2\n")
    repo.git("add", "a.py")
    environment = {**os.environ, "GIT_EDITOR": str(editor)}
    with subprocess.Popen(["git", "commit"], cwd=repo.path, env=environment, stdout=subprocess.DEVNULL) as commit:
        begun.read_text()
        assert is_commit_in_progress(found)
        end.write_text("")
        assert commit.wait(60) == 0
    assert not is_commit_in_progress(found)


def test_what_git_is_in_the_middle_of(repo, found):
    assert find_operation(found) is None
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit("theirs", {"a.py": "theirs\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit("ours", {"a.py": "ours\n"})
    repo.git("merge", "other", check=False)
    assert find_operation(found) == "a merge"
    assert read_changes(found).unmerged == ("a.py",)


def test_a_bisect_is_one_operation_and_what_is_between_two_reverts_another(repo, found):
    repo.commit("second", {"a.py": "2\n"})
    repo.commit("third", {"b.py": "2\n"})
    repo.commit("fourth", {"a.py": "3\n"})
    repo.git("bisect", "start", "HEAD", "HEAD~3")
    assert find_operation(found) == "a bisect"
    repo.git("bisect", "reset")
    repo.git("revert", "--no-edit", "HEAD~2", "HEAD~1", check=False)
    repo.write("a.py", "1\n")
    repo.git("commit", "--quiet", "--all", "-m", "reverted by hand")
    assert not (found.git_dir / "REVERT_HEAD").exists()
    assert find_operation(found) == "a series of cherry-picks or reverts"
    repo.git("revert", "--continue")
    assert find_operation(found) is None


def test_while_another_git_holds_the_index_it_is_waited_for(repo, found):
    lock = repo.path / ".git" / "index.lock"
    lock.touch()
    threading.Timer(0.3, lock.unlink).start()
    repo.write("a.py", "2\n")
    commit_paths(found, "Later\n", ["a.py"])
    assert repo.git("log", "-1", "--format=%s") == "Later"


def test_a_changed_submodule_is_named_and_a_moved_one_committed(repo, found, tmp_path_factory):
    inner = tmp_path_factory.mktemp("inner")
    repo.git("init", "--quiet", inner)
    repo.git("-C", inner, "commit", "--quiet", "--allow-empty", "-m", "one")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "sub")
    repo.commit("with a submodule")
    repo.write("sub/new", "1\n")
    changes = read_changes(found)
    assert (changes.tracked, changes.submodules) == ((), ("sub",))
    repo.git("-C", repo.path / "sub", "commit", "--quiet", "--allow-empty", "-m", "two")
    changes = read_changes(found)
    assert find_committable(found, changes) == ["sub"]
    commit_changes(found)
    assert read_changes(found).tracked == ()


# ---- a working tree elsewhere ----


@pytest.mark.parametrize("setting", ["core.worktree", "CORE.WorkTree"])
def test_a_repository_whose_working_tree_is_elsewhere_is_refused(repo, tmp_path_factory, setting):
    elsewhere = tmp_path_factory.mktemp("private")
    (elsewhere / "id").write_text("secret")
    repo.commit("one", {"id": "tracked"})
    ours = find_repository(repo.path)
    assert read_changes(ours).is_clean
    repo.git("config", setting, str(elsewhere))
    for act in (lambda: read_changes(ours), lambda: commit_paths(ours, "two", ["id"]), lambda: ours.read("ls-files")):
        with pytest.raises(GitError, match=rf"git works in {elsewhere} instead of {repo.path}"):
            act()
    repo.git("config", "--unset", setting)
    assert read_changes(ours).is_clean


def test_the_working_tree_of_one_worktree_is_checked_too(repo, tmp_path_factory):
    repo.commit("one", {"id": "tracked"})
    other = tmp_path_factory.mktemp("other") / "tree"
    repo.git("worktree", "add", "--quiet", "--detach", other)
    repo.git("config", "extensions.worktreeConfig", "true")
    assert read_changes(find_repository(other)).is_clean
    repo.git("-C", other, "config", "--worktree", "core.worktree", str(repo.path))
    with pytest.raises(GitError, match=r"core\.worktree"):
        read_changes(find_repository(other))
    assert read_changes(find_repository(repo.path)).is_clean


def test_the_setting_of_a_submodule_is_none_that_leads_elsewhere(repo, tmp_path_factory):
    inner = tmp_path_factory.mktemp("inner")
    repo.git("init", "--quiet", inner)
    repo.git("-C", inner, "commit", "--quiet", "--allow-empty", "-m", "one")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "sub")
    assert repo.git("-C", "sub", "config", "core.worktree")
    assert read_changes(find_repository(repo.path / "sub")).is_clean
