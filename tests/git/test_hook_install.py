"""Installing the hooks beside existing ones, and removing them."""

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from commands import Orglab
from lab import NAME, SOURCE
from orglab.git import find_repository, hook_install
from orglab.git.hook_install import HOOKS
from texts import SEED

OWN = "#!/bin/sh\necho \"own {name} $*\" >> '{out}'\ncat >> '{out}'\nexit {code}\n"


@pytest.fixture
def orglab(capsys, repo):
    repo.commit("start", {NAME: SEED, "f": "0\n"})
    return Orglab(capsys)


def hooks(repo):
    return repo.path / ".git" / "hooks"


def own(repo, name, code=0, mode=0o755, text=OWN):
    """A hook of the user, which writes down its arguments and its input."""
    path = hooks(repo) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.format(name=name, out=repo.path / ".git" / "out", code=code))
    path.chmod(mode)
    return path


def everything(folder):
    return {path.name: (path.read_bytes(), stat.S_IMODE(path.lstat().st_mode)) for path in sorted(folder.iterdir())}


def test_install_writes_each_hook_once_and_status_shows_it(orglab, repo):
    assert orglab("setup", "git", "--status").out.count("not installed") == len(HOOKS)
    first = orglab("setup", "git").out.splitlines()
    assert [line.partition(" ")[0] for line in first] == ["Installed", "Updated"]
    before = everything(hooks(repo))
    assert orglab("setup", "git").out == "The git hooks are already installed in .git/hooks.\n"
    assert everything(hooks(repo)) == before
    said = orglab("setup", "git", "--status").out
    assert said.count("installed: ") == len(HOOKS)
    assert f"{sys.executable} exists" in said


def test_a_shim_has_few_lines_and_no_path_of_this_machine(orglab, repo):
    orglab("setup", "git")
    for name in HOOKS:
        text = (hooks(repo) / name).read_text()
        assert len(text.splitlines()) == 5
        assert str(repo.path) not in text


def test_uninstall_restores_everything(orglab, repo):
    own(repo, "pre-commit", mode=0o700)
    own(repo, "post-commit", mode=0o644)  # which git does not run
    (hooks(repo) / "commit-msg").symlink_to("../own-commit-msg")
    (hooks(repo) / "pre-push").write_bytes(b"#!/bin/sh\n\xff\r\n")
    before = everything(Path(hooks(repo))) if (repo.path / ".git/own-commit-msg").write_text("#!/bin/sh\n") else None
    assert "commit-msg, post-commit" in orglab("setup", "git").out.replace("pre-commit, ", "")
    assert "(saved as pre-commit.orglab-kept)" in orglab("setup", "git", "--status").out
    orglab("setup", "git")
    assert "orglab" in repo.git("config", "--get", "merge.orglab.driver")
    said = orglab("setup", "git", "--remove").out
    assert repo.git("config", "--list", "--local").count("merge.orglab") == 0
    assert said == "Removed the git hooks and the merge driver. Restored: pre-commit, commit-msg, post-commit.\n"
    assert everything(hooks(repo)) == before
    assert (hooks(repo) / "commit-msg").is_symlink()
    assert not (repo.path / ".git/orglab/hook").exists()
    orglab("setup", "git", "--remove")
    assert everything(hooks(repo)) == before


def test_existing_hooks_run_with_their_arguments_and_input(orglab, repo):
    for name in HOOKS:
        own(repo, name)
    orglab("setup", "git")
    repo.commit("one", {"f": "1\n"})
    out = repo.path / ".git" / "out"
    assert out.read_text().splitlines() == [
        "own pre-commit ", "own prepare-commit-msg .git/COMMIT_EDITMSG message",
        "own commit-msg .git/COMMIT_EDITMSG", "own post-commit ",
    ]  # fmt: skip
    old = repo.git("rev-parse", "HEAD")
    repo.git("commit", "--quiet", "--amend", "-m", "two")
    pair = f"{old} {repo.git('rev-parse', 'HEAD')}"
    assert out.read_text().endswith(f"own post-commit \nown post-rewrite amend\n{pair}\n")
    assert (repo.path / ".git/orglab/rewrites").read_text() == f"{pair} amend\n"


@pytest.mark.parametrize("name", ["pre-commit", "prepare-commit-msg", "commit-msg"])
def test_an_existing_hook_still_stops_the_commit(orglab, repo, name):
    own(repo, name, code=3)
    orglab("setup", "git")
    repo.write("f", "1\n")
    repo.git("commit", "-am", "one", check=False)
    assert repo.git("log", "--format=%s") == "start"
    assert f"own {name}" in (repo.path / ".git/out").read_text()


def test_a_hook_that_is_not_executable_is_not_run(orglab, repo):
    own(repo, "pre-commit", code=1, mode=0o644)
    orglab("setup", "git")
    repo.commit("one", {"f": "1\n"})
    assert not (repo.path / ".git/out").exists()


def test_hooks_of_another_interpreter_are_replaced(orglab, repo, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/gone/it's a venv/bin/python")
        orglab("setup", "git")
    said = orglab("setup", "git", "--status").out
    assert "/gone/it's a venv/bin/python does not exist; run `orglab setup git`" in said
    assert orglab("setup", "git").out == "Installed the git hooks in .git/hooks.\n"
    assert f"{sys.executable} exists" in orglab("setup", "git", "--status").out
    shim = hooks(repo) / "pre-commit"
    shim.write_text(shim.read_text() + "# of an older orglab\n")
    assert "outdated: keeps the log" in orglab("setup", "git", "--status").out
    orglab("setup", "git")
    assert not list(hooks(repo).glob("*.orglab-kept"))


def test_a_hook_written_over_the_shim_is_kept_with_the_earlier_one(orglab, repo):
    own(repo, "pre-commit")
    orglab("setup", "git")
    (hooks(repo) / "pre-commit").write_text("#!/bin/sh\n# another\n")
    assert "not installed (another hook is there)" in orglab("setup", "git", "--status").out
    orglab("setup", "git")
    assert "# another" in (hooks(repo) / "pre-commit.orglab-kept").read_text()
    assert "own pre-commit" in (hooks(repo) / "pre-commit.orglab-kept.1").read_text()


# What `pre-commit install` writes, in short: it runs NAME.legacy, and must not be run by it again.
FRAMEWORK = """\
#!/bin/sh
# File generated by pre-commit: https://pre-commit.com
here=$(dirname "$0")
if [ -n "$PRE_COMMIT_RUNNING_LEGACY" ]; then echo "bug: migration mode" >&2; exit 1; fi
export PRE_COMMIT_RUNNING_LEGACY=1
[ ! -x "$here/pre-commit.legacy" ] || "$here/pre-commit.legacy" "$@" || exit 1
echo framework >> '{out}'
"""


def test_pre_commit_may_be_installed_before_or_after(orglab, repo):
    out = repo.path / ".git/out"
    own(repo, "pre-commit", text=FRAMEWORK)
    orglab("setup", "git")
    repo.commit("one", {"f": "1\n"})
    assert out.read_text() == "framework\n"
    # `pre-commit install` again: it moves what is not its own out of the way.
    (hooks(repo) / "pre-commit").rename(hooks(repo) / "pre-commit.legacy")
    own(repo, "pre-commit", text=FRAMEWORK)
    assert "your own hook still runs" in orglab("setup", "git", "--status").out
    assert "already" in orglab("setup", "git").out
    repo.commit("two", {"f": "2\n"})
    assert out.read_text() == "framework\n" * 2
    repo.write("f", "3\n")
    repo.write(NAME, SEED + "\n")
    repo.git("commit", "-am", "both")
    assert repo.git("show", "--format=", "--name-only") == "f"
    orglab("setup", "git", "--remove")
    assert sorted(path.name for path in hooks(repo).iterdir() if "orglab" in path.name or "legacy" in path.name) == []
    repo.git("commit", "-am", "both")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (".husky/_/h", "", "The hooks were not installed, because husky manages them here."),
        ("lefthook.yml", "pre-commit:\n", "        run: hook=$(git rev-parse --git-common-dir)/orglab/hook; [ !"),
        (".overcommit.yml", "PreCommit:\n", "  PrepareCommitMsg:\n    Orglab:\n      enabled: true\n"),
    ],
)
def test_hook_managers_are_left_alone_with_instructions(orglab, repo, name, text, says):
    repo.write(name, text)
    if "husky" in name:
        repo.git("config", "core.hooksPath", ".husky/_")
    before = everything(hooks(repo)) if hooks(repo).exists() else None
    assert says in orglab("setup", "git").out
    assert (everything(hooks(repo)) if hooks(repo).exists() else None) == before
    assert "not installed, because another tool manages them here: see `orglab setup git`" in orglab("init").out
    if name.endswith(".yml"):
        assert "by hand" not in orglab("setup", "git", "--status").out
        repo.write(name, orglab("setup", "git").out)
        assert orglab("setup", "git", "--status").out.count("by hand") == len(HOOKS)


@pytest.mark.parametrize("scope", ["--local", "--global"])
def test_a_shared_hooks_path_is_left_alone_and_the_printed_line_works(
    orglab, repo, scope, tmp_path_factory, monkeypatch
):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "config"))
    folder = repo.path / "tracked hooks" if scope == "--local" else home / "hooks"
    folder.mkdir()
    (folder / "pre-push").write_text("#!/bin/sh\n")
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--allow-empty", "-m", "hooks")
    repo.git("config", scope, "core.hooksPath", "tracked hooks" if scope == "--local" else folder)
    said = orglab("setup", "git").out
    assert "Add this line to each script there:" in said
    assert sorted(path.name for path in folder.iterdir()) == ["pre-push"]
    lines = said.splitlines()
    for name in HOOKS:
        line = lines[lines.index(f"  {name}:") + 1].strip()
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    assert orglab("setup", "git", "--status").out.count("by hand") == len(HOOKS)
    orglab("start", "201.2")
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--no-verify", "-m", "[e201] log and hooks")
    repo.commit("tune", {"f": "2\n"})
    assert repo.git("log", "-1", "--format=%s") == "[e201.2] tune"
    repo.git("commit", "--quiet", "--amend", "-m", "tuned")
    assert (repo.path / ".git/orglab/rewrites").read_text().endswith(" amend\n")
    repo.write("f", "3\n")
    repo.write(NAME, SEED + "\n")
    repo.git("commit", "-am", "both")
    assert repo.git("show", "--format=", "--name-only") == "f"
    orglab("setup", "git", "--remove")
    repo.git("commit", "--quiet", "-am", "both")


def test_a_hooks_path_of_this_clone_alone_gets_the_shims(orglab, repo):
    repo.git("config", "core.hooksPath", "my hooks")
    repo.write(".git/info/exclude", "my hooks\n")
    assert orglab("setup", "git").out.startswith("Installed the git hooks in my hooks.\n")
    orglab("start", "201.2")
    orglab("commit")
    repo.commit("tune", {"f": "1\n"})
    assert repo.git("log", "-1", "--format=%s") == "[e201.2] tune"
    orglab("setup", "git", "--remove")
    assert list((repo.path / "my hooks").iterdir()) == []


def test_uninstall_finds_the_shims_where_they_were_put(orglab, repo):
    orglab("setup", "git")
    repo.git("config", "core.hooksPath", "/nonexistent")
    orglab("setup", "git", "--remove")
    assert not any((hooks(repo) / name).exists() for name in HOOKS)


def test_init_installs_the_hooks_unless_no_hooks_is_given(repo, capsys):
    orglab = Orglab(capsys)
    orglab("init", "--no-hooks")
    assert not (hooks(repo) / "pre-commit").exists()
    assert "Installed the git hooks in .git/hooks." in orglab("init").out
    assert "git hooks" not in orglab("init").out


def test_a_folder_that_is_not_writable_is_reported(orglab, repo):
    (repo.path / ".git/orglab").write_text("a file in the way\n")
    said = orglab("setup", "git", code=4).err
    assert said.startswith("orglab: Cannot write the hook ")
    assert said.count("\n") == 1


def test_without_a_repository_there_is_an_error_message(tmp_path, monkeypatch, capsys):
    (tmp_path / NAME).write_text(SEED)
    monkeypatch.chdir(tmp_path)
    for command in (["setup", "git"], ["setup", "git", "--status"], ["setup", "git", "--remove"], ["commit"]):
        said = Orglab(capsys)(*command, code=3).err
        assert said == f"orglab: {NAME} is not in a git repository; create one with `git init`.\n"


SHELLS = [shell for shell in ("/bin/dash", "/bin/bash", "/bin/ksh", "/bin/busybox") if Path(shell).exists()]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_runs_in_each_shell(orglab, repo, shell):
    orglab("setup", "git")
    orglab("start", "201.2")
    orglab("commit")
    for path in (*(hooks(repo) / name for name in HOOKS),):
        path.write_text(path.read_text().replace("#!/bin/sh", f"#!{shell}{' sh' if 'busybox' in shell else ''}", 1))
    done = subprocess.run(
        ["git", "commit", "--allow-empty", "-m", "tune"], cwd=repo.path, capture_output=True, text=True, check=True
    )
    assert done.stderr == "orglab: This commit belongs to e201.2  Test XYZ with ABC\n"
    repo.write("f", "1\n")
    repo.write(NAME, (repo.path / NAME).read_text() + "\n")
    repo.git("add", "f")
    repo.git("commit", "-am", "both")
    assert repo.git("show", "--format=", "--name-only") == "f"


def test_the_interpreter_is_read_back_whatever_its_path(repo):
    repository = find_repository(repo.path)
    for python in ("/a b/python", "/it's/python", "/two\nlines/python", "/$HOME/`x`/python"):
        hook_install.install_hooks(repository, python, SOURCE, ".")
        assert hook_install.read_interpreter(repository) == Path(python)
        text = (repo.path / ".git/orglab/hook").read_text()
        assert shlex.split(text.partition("\npython=")[2].partition("\npackage=")[0]) == [python]
        assert os.access(repo.path / ".git/orglab/hook", os.X_OK)


def test_removal_leaves_the_hooks_of_another_project_alone(orglab, repo, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", other], check=True)
    subprocess.run([sys.executable, "-m", "orglab", "init"], cwd=other, check=True, capture_output=True)
    before = everything(other / ".git/hooks")
    assert any(name in before for name in HOOKS)
    repo.git("config", "core.hooksPath", other / ".git/hooks")
    orglab("setup", "git")
    orglab("setup", "git", "--remove")
    assert everything(other / ".git/hooks") == before


def test_the_script_is_not_written_through_a_link(orglab, repo, tmp_path):
    (tmp_path / "outside").mkdir()
    (repo.path / ".git/orglab").symlink_to(tmp_path / "outside")
    assert "Cannot write the hook" in orglab("setup", "git", code=4).err
    assert not [*(tmp_path / "outside").iterdir()]


def test_a_pipe_in_place_of_a_hook_is_not_read(orglab, repo):
    hooks(repo).mkdir(exist_ok=True)
    os.mkfifo(hooks(repo) / "commit-msg")
    assert "commit-msg" in orglab("setup", "git", "--status").out
