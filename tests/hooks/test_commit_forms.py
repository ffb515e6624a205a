"""Each way to commit, with the hooks and without: git does the same, but for the reference in the message."""

import os
import subprocess

import pytest

from conftest import Repository
from hooked_repo import LOG, editor
from lab import NAME, orglab

TEMPLATE = "Subject\n\nWhy:\n"
# What is done in a working tree with changed files `a` (staged and changed again), `b` (changed), `c` (staged) and a
# new file.  A line that begins with `!` runs in the shell; git's exit code counts in all others.
FORMS = {
    "staged": "commit -m x",
    "all": "commit -am x",
    "all, from below": "-C sub commit -am x",
    "paths": "commit -m x a b",
    "paths from below": "-C sub commit -m x ../b d",
    "only": "commit --only -m x b",
    "include": "commit -i -m x b",
    "a pathspec": "commit -m x -- *a",
    "an excluded path": "commit -m x -- . :(exclude)c",
    "a path that is not there": "commit -m x nothing",
    "literal": "--literal-pathspecs commit -m x a",
    "literal star": "--literal-pathspecs commit -m x *",
    "glob": "--glob-pathspecs commit -m x **/d",
    "noglob": "--noglob-pathspecs commit -m x b",
    "icase": "--icase-pathspecs commit -m x B",
    "pathspec from a file": "commit -m x --pathspec-from-file=.git/paths",
    "patch": "commit -p -m x",
    "patch of a path": "commit -p -m x b",
    "interactive": "commit --interactive -m x",
    "nothing staged": ["!git reset -q", "commit -m x"],
    "empty": ["!git stash -q", "commit --allow-empty -m x"],
    "new file": ["add new", "commit -m x"],
    "intent to add": ["add -N new", "commit -am x"],
    "removed": ["rm -q -f c", "commit -m x"],
    "renamed": ["mv c moved", "commit -am x"],
    "dry run": "commit --dry-run -am x",
    "no verify": "commit -n -am x",
    "quiet": "commit -q -am x",
    "amend": "commit --amend -a --no-edit",
    "amend, staged": "commit --amend -m x",
    "amend of a path": "commit --amend --no-edit b",
    "amend, reworded": "commit --amend --only -m y",
    "fixup": "commit -a --fixup HEAD",
    "squash": "commit -a --squash HEAD -m y",
    "fixup amend": "commit -a --fixup amend:HEAD",
    "fixup reword": "commit --fixup reword:HEAD",
    "reused": "commit -a -C HEAD",
    "edited again": "commit -a -c HEAD",
    "from a file": "commit -a -F .git/message",
    "several paragraphs": "commit -a -m x -m y",
    "editor": "commit -a",
    "verbose": "commit -av",
    "template": "commit -a -t .git/template",
    "sign-off": "commit -a -s -m x",
    "trailer": "commit -a --trailer A:b -m x",
    "empty message": ["commit -a -m "],
    "allowed empty message": ["commit -a --allow-empty-message -m "],
    "author and date": "commit -a -m x --author=B<b@c> --date=2020-01-01T00:00:00",
    "conflict": ["!git reset -q --hard", "merge -q other", "commit -am x"],
    "concluded merge": ["!git reset -q --hard", "merge -q other", "!echo both > b", "commit -am x"],
    "concluded merge in an editor": ["!git reset -q --hard", "merge -q other", "!echo both > b", "commit -a"],
    "partial commit in a merge": ["!git reset -q --hard", "merge -q other", "!echo both > b", "commit -m x b"],
    "merge": ["!git reset -q --hard", "merge -q --no-ff -m x clean"],
    "squashed merge": ["!git reset -q --hard", "merge -q --squash clean", "commit --no-edit"],
    "cherry-pick": ["!git reset -q --hard", "cherry-pick clean"],
    "cherry-pick without a commit": ["!git reset -q --hard", "cherry-pick -n clean", "commit -m x"],
    "concluded cherry-pick": ["!git reset -q --hard", "cherry-pick other", "!echo both > b", "commit -a --no-edit"],
    "revert": ["!git reset -q --hard", "revert --no-edit HEAD"],
    "rebase": ["!git reset -q --hard", "rebase -q clean"],
    "rebase that edits": [
        "!git reset -q --hard", "rebase -q -i HEAD~1", "!echo more >> b", "commit -q -a --amend --no-edit",
        "rebase --continue",
    ],
    "autosquash": ["commit -q -a --fixup HEAD", "rebase -q -i --autosquash HEAD~2"],
    "stash": ["stash -q", "stash pop -q --index"],
    "detached": ["checkout -q --detach", "commit -am x"],
    "own index": "commit -am x",
    "environment": "commit -am x",
}  # fmt: skip
ENVIRONMENTS = {
    "own index": {"GIT_INDEX_FILE": ".git/own"},
    "environment": {"GIT_DIR": ".git", "GIT_WORK_TREE": "."},
    "interactive": {"STDIN": "u\n1\n\nq\n"},
}


def git(folder, *arguments, stdin="", **environment):
    return subprocess.run(
        ["git", *arguments], cwd=folder, env={**os.environ, **environment}, input=stdin, capture_output=True,
        encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Two repositories with the same history; the second one has the hooks. No test changes them."""
    repo = Repository(tmp_path_factory.mktemp("begun") / "plain")
    repo.path.mkdir()
    repo.git("init", "--quiet", "--initial-branch=main")
    names = ("a", "b", "c", "sub/d")
    repo.commit("start", {NAME: LOG, **dict.fromkeys(names, "1\n2\n3\n"), ".gitignore": ".gitattributes\n"})
    repo.git("checkout", "--quiet", "-b", "other")
    repo.commit("other", {"b": "other\n"})
    repo.git("checkout", "--quiet", "-b", "clean", "main")
    repo.commit("clean", {"e": "clean\n"})
    repo.git("checkout", "--quiet", "main")
    repo.commit("[e201] second", {"b": "main\n", "a": "0\n1\n2\n3\n"})
    hooked = repo.path.with_name("hooked")
    subprocess.run(["cp", "-R", str(repo.path), str(hooked)], check=True)
    assert orglab("setup", "git", cwd=hooked).code == 0
    return repo.path, hooked


@pytest.fixture
def pair(begun, tmp_path, monkeypatch):
    """Two working trees with the same history and the same changes; the second one has the hooks."""
    plain, hooked = tmp_path / "plain", tmp_path / "hooked"
    for made, folder in zip(begun, (plain, hooked), strict=True):
        subprocess.run(["cp", "-R", str(made), str(folder)], check=True)
    monkeypatch.chdir(plain)
    for folder in plain, hooked:
        (folder / "a").write_text("a\n1\n2\n3\n")
        (folder / "c").write_text("c\n")
        git(folder, "add", "a", "c")
        for name in ("a", "b", "sub/d"):
            with (folder / name).open("a") as file:
                file.write("more\n")
        (folder / "new").write_text("new\n")
        (folder / ".git/paths").write_text("b\n")
        (folder / ".git/message").write_text("from a file\n")
        (folder / ".git/template").write_text(TEMPLATE)
    assert orglab("start", "201.2", cwd=hooked).code == 0
    # `start` has edited the log, which the other tree shall have as well.
    (plain / NAME).write_bytes((hooked / NAME).read_bytes())
    for folder in plain, hooked:
        git(folder, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "[e201] log", NAME)
        (folder / ".git/own").write_bytes((folder / ".git/index").read_bytes())
    return plain, hooked


def describe(folder, environment):
    """What git has of a working tree, without the references to the active step in messages."""
    commands = {
        "index": ["ls-files", "--stage"],
        "trees": ["log", "--format=%T", "HEAD"],
        "status": ["status", "--porcelain"],
        "messages": ["log", "--format=%B%x00", "HEAD"],
        "authors": ["log", "--format=%an %ae", "HEAD"],
    }
    found = {name: git(folder, *command, **environment).stdout for name, command in commands.items()}
    found["messages"] = found["messages"].replace("[e201.2] ", "")
    found["locks"] = sorted(path.name for path in (folder / ".git").glob("*.lock"))
    return found


def commit(folder, form, write):
    """Run a form in a working tree, and return what git has of it then."""
    environment = dict(ENVIRONMENTS.get(form, {}))
    stdin = environment.pop("STDIN", "y\nn\ny\n")
    codes = []
    for command in [FORMS[form]] if isinstance(FORMS[form], str) else FORMS[form]:
        if command.startswith("!"):
            subprocess.run(["sh", "-c", command[1:]], cwd=folder, check=True)
            continue
        ran = git(folder, *command.split(" "), stdin=stdin, GIT_EDITOR=write, **environment)
        assert "Traceback" not in ran.stderr
        codes.append(ran.returncode)
    return {"codes": codes, **describe(folder, environment)}


@pytest.fixture
def write(tmp_path_factory, request):
    """An editor that writes at the end of the first line, and lets a rebase stop at each commit."""
    todo = "true" if request.node.callspec.params["form"] == "autosquash" else 'sed -i.bak "s/^pick/edit/" "$1"'
    script = f'case $1 in *todo) {todo};; *) sed -i.bak "1s/$/written/" "$1";; esac'
    return editor(tmp_path_factory.mktemp("editor"), script)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_git_does_the_same_with_the_hooks(pair, write, form):
    plain, hooked = (commit(folder, form, write) for folder in pair)
    assert hooked == plain


# These ask about each file that is changed, or skip the hook that leaves out the log.
ASKING = ("patch", "interactive", "no verify")


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", [form for form, command in FORMS.items() if isinstance(command, str) and form not in ASKING]
)
def test_an_edited_log_makes_no_difference(pair, write, form):
    with (pair[1] / NAME).open("a") as file:
        file.write("# Edited.\n")
    plain, hooked = (commit(folder, form, write) for folder in pair)
    hooked["status"] = hooked["status"].replace(f" M {NAME}\n", "", 1)
    assert hooked == plain
    assert (pair[1] / NAME).read_text().endswith("# Edited.\n")


def test_the_hooks_are_at_work_in_these_trees(pair):
    for folder, subject in zip(pair, ("change", "[e201.2] change"), strict=True):
        assert git(folder, "commit", "--quiet", "-m", "change").returncode == 0
        assert git(folder, "log", "-1", "--format=%s").stdout == f"{subject}\n"
