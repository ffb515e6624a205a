"""Runs that end while git is in the middle of something, or another branch is checked out, are told where they belong.

The commands of these runs are what a person does meanwhile in another terminal.
"""

import os
import shutil
import subprocess

import pytest

from lab import orglab as orglab_process
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import PENDING, list_entries

LOG = "experiment_log.org"
WRITE = "mkdir -p out; echo made > out/new; echo changed > out/old"


@pytest.fixture
def topic(study):
    """The study on a branch `topic` that has a commit which `main` does not have, and the reverse."""
    study.commit("results of old", {"out/old": "old\n"})
    study.git("switch", "--quiet", "--create", "topic")
    study.commit("topic", {"train.py": "topic\n"})
    study.git("switch", "--quiet", "main")
    study.commit("main", {"train.py": "main\n"})
    study.git("switch", "--quiet", "topic")
    return study


def log_of(study):
    return (study.path / LOG).read_text()


def run_of(study):
    return read_runs(study.path)[-1]


def notes_of(study):
    return log_of(study).count("\n  run 2") + log_of(study).count("\n     run 2")


def files_of(study, revision="HEAD"):
    return study.git("show", "--format=", "--name-only", revision).split()


def refs_of(study):
    return study.git("for-each-ref", "--format=%(refname)", "refs/orglab/results").split()


def run(orglab, during="", *options, code=0):
    return orglab("run", "1.1", "--results", "out", *options, "--", "sh", "-c", f"{WRITE}\n{during}", code=code)


OPERATIONS = {
    "merge": ("git merge --quiet main || true", "git merge --abort"),
    "rebase": ("git rebase --quiet main || true", "git rebase --abort"),
    "cherry-pick": ("git cherry-pick main || true", "git cherry-pick --abort"),
    "revert": ("git revert --no-commit HEAD", "git revert --abort"),
    "bisect": ("git bisect start HEAD HEAD~2", "git bisect reset"),
    "detached HEAD": ("git checkout --quiet --force HEAD~1", "git checkout --quiet topic"),
    "other branch": ("git checkout --quiet --force main", "git checkout --quiet --force topic"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_ends_in_the_middle_of_something_waits_and_is_told_once_it_is_over(topic, orglab, name):
    begin, end = OPERATIONS[name]
    before = topic.git("rev-parse", "topic")
    # Stashing it all first is what git itself asks for; the results are written last.
    during = f"git stash --quiet -u; {begin}; {WRITE}"
    answer = run(orglab, during, "--done")
    ended = run_of(topic)
    assert answer.err.count(f"The run {ended.id} is not in the log yet, and its results are not committed") == 1
    assert refs_of(topic) == [f"refs/orglab/results/{ended.id}"]
    assert topic.git("show", f"{ended.kept}:out/new", f"{ended.kept}:out/old") == "made\nchanged"
    assert topic.git("rev-parse", f"{ended.kept}^") == ended.before == before
    status = orglab("status")
    assert status.err == ""
    assert f"Pending      {ended.id}: " in status.out
    assert f"Results      {ended.id}: " in status.out
    assert notes_of(topic) == 0
    assert topic.git("rev-parse", "topic") == before
    topic.git(*end.split()[1:])
    topic.git("clean", "-fdxq", "out")
    topic.git("checkout", "--", "out")
    told = orglab("list").err
    assert told.count("Committed the results") == 1
    assert told.count("Added the run") == 1
    assert topic.git("rev-parse", "HEAD^", "--abbrev-ref", "HEAD").split() == [before, "topic"]
    assert files_of(topic) == ["out/new", "out/old"]
    assert topic.git("show", "HEAD:out/new", "HEAD:out/old") == "made\nchanged"
    assert notes_of(topic) == 1
    assert "1. [X] one" in log_of(topic)
    assert refs_of(topic) == []
    assert orglab("status").err == ""
    assert list_entries(topic.path, PENDING) == {}


def test_after_a_rebase_has_ended_the_rewritten_commit_holds_the_code(topic, orglab):
    during = f"git stash -q -u; git commit -q --amend -m amended; git rebase -q --onto HEAD~2 HEAD~1; {WRITE}"
    answer = run(orglab, during)
    assert "Committed the results as" in answer.err
    assert files_of(topic) == ["out/new", "out/old"]
    assert topic.git("log", "-2", "--format=%s").split("\n")[1] == "amended"
    assert notes_of(topic) == 1


def test_results_stay_beside_a_branch_whose_code_was_thrown_away_but_the_note_is_told(topic, orglab):
    answer = run(orglab, "git reset --quiet --hard HEAD~1; mkdir -p out; echo made > out/new; echo changed > out/old")
    assert "are not committed yet: this branch does not hold the commit that the run began on" in answer.err
    assert topic.git("log", "-1", "--format=%s") == "results of old"
    assert notes_of(topic) == 1
    assert orglab("commit", "--results").err.count("Committed the results") == 1
    assert files_of(topic) == ["out/new", "out/old"]
    assert refs_of(topic) == []


def test_a_branch_that_was_deleted_after_its_merge_is_not_waited_for(topic, orglab):
    run(orglab, f"git switch --quiet --detach main; {WRITE}")
    topic.git("checkout", "--quiet", "--force", "main")
    topic.git("merge", "--quiet", "--strategy-option=theirs", "topic")
    assert "which is not checked out" in orglab("list").err
    topic.git("branch", "--quiet", "--delete", "topic")
    assert "which is not checked out" not in orglab("list").err
    assert refs_of(topic) == []
    assert topic.git("show", "HEAD:out/new") == "made"


def test_a_run_on_a_detached_head_commits_there(topic, orglab):
    topic.git("switch", "--quiet", "--detach", "topic")
    assert "Committed the results as" in run(orglab).err
    assert topic.git("rev-parse", "HEAD^") == topic.git("rev-parse", "topic")
    answer = run(orglab, "git switch --quiet topic; echo again > out/new")
    assert "the run began on a detached HEAD" in answer.err or "does not hold the commit" in answer.err
    assert topic.git("log", "-1", "--format=%s", "topic") == "topic"


def test_here_writes_the_note_in_the_middle_of_a_rebase_and_the_results_later(topic, orglab):
    run(orglab, f"git stash -q; git rebase --quiet main; {WRITE}")
    assert notes_of(topic) == 0
    answer = orglab("sync", "--here")
    assert "Added 1 run to the log" in answer.err
    assert notes_of(topic) == 1
    assert "in the middle of a rebase" in orglab("status").out
    assert "in the middle of a rebase" in orglab("commit", "--results").err
    topic.git("checkout", "--force", "--quiet", "topic")
    topic.git("rebase", "--quit")
    assert "Committed the results" in orglab("list").err


def test_here_writes_on_the_branch_that_is_here(topic, orglab):
    run(orglab, f"git checkout --quiet --force main; {WRITE}")
    orglab("sync", "--here")
    assert notes_of(topic) == 1
    assert topic.git("log", "-2", "--format=%s").split("\n")[1] == "main"
    assert files_of(topic) == ["out/new", "out/old"]
    assert topic.git("log", "-1", "--format=%s", "topic") == "topic"
    assert list_entries(topic.path, PENDING) == {}
    assert orglab("sync", "--here", "origin", code=2).err.startswith("orglab: Use --here alone")


def test_files_that_the_user_has_changed_since_are_left_alone(topic, orglab):
    run(orglab, f"git checkout --quiet --force main; {WRITE}")
    topic.git("checkout", "--quiet", "--force", "topic")
    topic.write("out/new", "mine\n")
    topic.write("out/old", "mine too\n")
    answer = orglab("list")
    assert "the files were changed since the run wrote them" in answer.err
    assert (topic.path / "out/new").read_text() == "mine\n"
    assert topic.git("log", "-1", "--format=%s") == "topic"
    assert len(refs_of(topic)) == 1
    assert orglab("list").err == ""
    (topic.path / "out/new").unlink()
    answer = orglab("commit", "--results")
    assert "Changed since the run" in answer.err
    assert files_of(topic) == ["out/new"]
    assert (topic.path / "out/old").read_text() == "mine too\n"
    assert len(refs_of(topic)) == 1


def test_a_file_that_the_run_removed_is_removed_where_it_belongs(topic, orglab):
    answer = orglab("run", "1.1", "--results", "out", "--", "sh", "-c", "rm out/old; git checkout --quiet main")
    assert "not committed" in answer.err
    topic.git("checkout", "--quiet", "--force", "topic")
    topic.git("checkout", "--", "out")
    orglab("list")
    assert topic.git("show", "--format=", "--name-status") == "D\tout/old"
    assert not (topic.path / "out/old").exists()


def test_a_commit_whose_message_is_being_written_is_not_disturbed(study, orglab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("editor")
    begun, end = folder / "begun", folder / "end"
    editor = folder / "editor"
    for pipe in (begun, end):
        os.mkfifo(pipe)
    editor.write_text(f'#!/bin/sh\necho > {begun}; cat {end} > /dev/null; echo subject > "$1"\n')
    editor.chmod(0o755)
    study.write("notes.txt", "not code\n")
    commit = (
        f"git add notes.txt; (GIT_EDITOR={editor} git commit; echo $? > {folder}/code) > /dev/null 2>&1 & cat {begun}"
    )
    answer = orglab("run", "1.1", "--results", "out", "--", "sh", "-c", f"{WRITE}\n{commit}")
    assert "another commit is being written" in answer.err
    assert notes_of(study) == 1
    end.write_text("")
    subprocess.run(["sh", "-c", f"while ! test -s {folder}/code; do :; done"], check=True, timeout=60)
    assert (folder / "code").read_text() == "0\n"
    assert "Committed the results" in orglab("list").err
    assert study.git("log", "-2", "--format=%s").split("\n")[1] == "subject"


KILL = """\
#!/bin/sh
# The parent of a hook is git, and the parent of that is orglab.
[ -e .git/killed ] || { touch .git/killed; kill -9 $(ps -o ppid= -p $PPID); }
"""
# orglab writes its own refs without the hooks of the repository.
KILL_AT_REF = """\
#!/bin/sh
{git} "$@"
code=$?
case "$*" in *update-ref*refs/orglab/results*) [ -e .git/killed ] || {{ touch .git/killed; kill -9 $PPID; }};; esac
exit $code
"""


@pytest.mark.parametrize("hook", ["pre-commit", "post-commit", "update-ref"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_kill_loses_nothing_and_nothing_is_told_twice(topic, orglab, monkeypatch, hook, elsewhere):
    if hook == "update-ref":
        topic.write(".git/tools/git", KILL_AT_REF.format(git=shutil.which("git"))).chmod(0o755)
        monkeypatch.setenv("PATH", str(topic.path / ".git/tools"), prepend=os.pathsep)
    else:
        topic.write(f".git/hooks/{hook}", KILL).chmod(0o755)
    during = f"git checkout --quiet --force main; {WRITE}" if elsewhere else ":"
    orglab_process("run", "1.1", "--results", "out", "--", "sh", "-c", f"{WRITE}; {during}")
    if elsewhere:
        topic.git("checkout", "--quiet", "--force", "topic")
    for _ in range(3):
        # A git whose orglab was killed goes on.
        subprocess.run(["sh", "-c", "while test -e .git/index.lock; do :; done"], check=True, timeout=60)
        orglab_process("list")
    assert (topic.path / ".git/killed").exists() == (elsewhere or hook != "update-ref")
    subjects = topic.git("log", "--format=%s", "main..").split("\n")
    assert [subject.split(":")[0] for subject in subjects] == ["[e1.1] Results", "topic"]
    assert files_of(topic) == ["out/new", "out/old"]
    assert run_of(topic).commit == topic.git("rev-parse", "HEAD")
    assert notes_of(topic) == 1
    assert refs_of(topic) == []
    assert list_entries(topic.path, PENDING) == {}
    assert orglab("status").err == ""


def test_while_an_editor_holds_the_log_the_results_are_committed_and_the_note_follows(study, orglab):
    lock = study.path / f".#{LOG}"
    answer = run(orglab, f'ln -s "user@$(uname -n).{os.getpid()}" {lock.name}')
    assert "Committed the results as" in answer.err
    assert "is not in the log yet" in answer.err
    lock.unlink()
    assert "Added the run" in orglab("list").err
    assert notes_of(study) == 1
