"""Results that a run left to a later command are committed exactly once, where they belong, as they were written."""

import shutil
import subprocess
import sys

import pytest

from orglab.runs.record_reader import read_runs
from orglab.runs.storage import PENDING, list_entries

SCRIPT = """\
import pathlib, sys
import orglab
with orglab.run("1.1", results=["results"]):
    results = pathlib.Path("results")
    results.mkdir(exist_ok=True)
    exec(sys.argv[1])
"""
WRITE = "(results / 'weights.txt').write_text('1')"
NAMES = ("log", "-1", "--format=%s", "--name-only")


@pytest.fixture
def made(study):
    """Return a function that runs a script in which a run executes some code."""
    study.commit("script", {"script.py": SCRIPT})

    def make(code=WRITE):
        subprocess.run([sys.executable, "script.py", code], check=True, timeout=120)
        return read_runs(study.path)[-1]

    return make


def log_of(study):
    return (study.path / "experiment_log.org").read_text()


def test_on_another_branch_they_wait_for_theirs(study, orglab, made):
    study.git("branch", "other", "HEAD~1")
    run = made()
    study.git("switch", "--quiet", "other")
    said = orglab("status").err
    assert said.count("this branch does not hold the commit that the run began on: results/weights.txt") == 1
    assert f"run {run.id}" not in log_of(study)
    study.git("commit", "--quiet", "--allow-empty", "-m", "more")
    answer = orglab("status")
    assert answer.err == ""
    assert f"Pending      {run.id}" in answer.out
    study.git("switch", "--quiet", "main")
    assert "Committed the results of the run" in orglab("status").err
    assert study.git(*NAMES).split("\n")[-1] == "results/weights.txt"
    assert log_of(study).count(f"run {run.id}") == 1
    assert not list_entries(study.path, PENDING)
    assert orglab("status").err == ""


def test_a_merge_has_to_end_first(study, orglab, made):
    study.git("switch", "--quiet", "--create", "other")
    study.commit("other", {"other.txt": "1"})
    study.git("switch", "--quiet", "main")
    made()
    study.git("merge", "--quiet", "--no-ff", "--no-commit", "other")
    assert "in the middle of a merge: results/weights.txt" in orglab("status").err
    assert orglab("status").err == ""
    study.git("commit", "--quiet", "-m", "merged")
    assert "Committed the results" in orglab("status").err


def test_a_hook_that_refuses_is_asked_again_after_the_next_commit(study, orglab, made):
    hook = study.path / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho asked >> .git/asked\necho no results, please >&2\nexit 1\n")
    hook.chmod(0o755)
    made()
    assert "no results, please" in orglab("status").err
    assert orglab("status").err == ""
    assert (study.path / ".git/asked").read_text() == "asked\n"
    hook.unlink()
    study.git("commit", "--quiet", "--allow-empty", "-m", "fixed")
    assert "Committed the results" in orglab("status").err


@pytest.mark.parametrize("change", ["unlink", "touch"])
def test_what_is_no_longer_as_it_was_written_is_not_committed(study, orglab, made, change):
    made()
    path = study.path / "results/weights.txt"
    path.unlink() if change == "unlink" else path.write_text("2")
    said = orglab("status").err
    assert "results/weights.txt" in said
    assert study.git("log", "-1", "--format=%s") == "script"
    assert not list_entries(study.path, PENDING)


def test_a_note_waits_while_git_cannot_say_where_it_belongs(study, orglab, made):
    study.git("branch", "other", "HEAD~1")
    run = made()
    study.git("switch", "--quiet", "other")
    path = study.path / ".git/config"
    text = path.read_text()
    path.write_text(text + "[\n")
    said = orglab("list").err
    path.write_text(text)
    assert f"The run {run.id} is not in the log yet" in said
    assert "`orglab sync --here` writes it here and now" in said
    assert f"run {run.id}" not in log_of(study)
    study.git("switch", "--quiet", "main")
    orglab("status")
    assert log_of(study).count(f"run {run.id}") == 1


def keep_on_other_branch(study, orglab, made, code=WRITE):
    """Leave the results of a run kept beside the branch main, and return to it without asking orglab."""
    study.git("branch", "other", "HEAD~1")
    run = made(code)
    study.git("switch", "--quiet", "other")
    assert "this branch does not hold" in orglab("status").err
    shutil.rmtree(study.path / "results", ignore_errors=True)
    study.git("switch", "--quiet", "main")
    return f"refs/orglab/results/{run.id}"


def test_results_that_were_committed_since_are_not_replaced_by_older_ones(study, orglab, made):
    """Those that nobody has committed are."""
    ref = keep_on_other_branch(study, orglab, made, f"{WRITE}; (results / 'loss.txt').write_text('3')")
    newer = study.commit("again, by hand", {"results/weights.txt": "2"})
    said = orglab("status").err
    assert f"not committed: results/weights.txt; as written they are in {ref}" in said
    assert study.git("show", "HEAD:results/weights.txt", "HEAD:results/loss.txt") == "23"
    assert (study.path / "results/weights.txt").read_text() == "2"
    assert study.git("diff", "--name-only", newer, "HEAD") == "results/loss.txt"
    assert study.git("show", f"{ref}:results/weights.txt") == "1"


def test_results_that_were_committed_as_they_were_need_not_be_kept(study, orglab, made):
    ref = keep_on_other_branch(study, orglab, made)
    study.commit("by hand", {"results/weights.txt": "1"})
    orglab("status")
    assert study.git("for-each-ref", ref) == ""
    assert study.git("log", "-1", "--format=%s") == "by hand"
    assert not list_entries(study.path, PENDING)


@pytest.mark.parametrize("form", ["Run: {0}0", "> Run: {0}", "see Run: {0}", "Run: {0}"])
def test_a_commit_that_names_a_run_is_not_that_of_its_results(study, orglab, made, form):
    keep_on_other_branch(study, orglab, made)
    (run,) = read_runs(study.path)
    study.commit(f"by hand\n\n{form.format(run.id)}\n", {"results/weights.txt": "1"})
    orglab("status")
    (run,) = read_runs(study.path)
    assert run.commit is None


@pytest.mark.parametrize("text", ["1", "2"])
def test_results_that_are_ignored_by_now_stay_kept(study, orglab, made, text):
    ref = keep_on_other_branch(study, orglab, made)
    ignored = study.path / ".gitignore"
    ignored.write_text((ignored.read_text() if ignored.exists() else "") + "results/\n")
    study.write("results/weights.txt", text)
    assert "git ignores them now" in orglab("status").err
    assert study.git("show", f"{ref}:results/weights.txt") == "1"
    assert study.git("log", "-1", "--format=%s") == "script"
    assert orglab("status").err == ""


def test_only_results_are_committed(study, orglab, made):
    """Removed files too; the log, large files and what git ignores are not."""
    study.commit("code", {"orglab.toml": "[run]\nsize_limit = 1\n", "results/old.txt": "old"})
    made(f"{WRITE}; (results / 'old.txt').unlink(); (results / 'big').write_bytes(bytes(2_000_000)); "
         "(results / 'a.ckpt').write_text(''); open('experiment_log.org', 'a').write('\\n')")  # fmt: skip
    assert "Not committed: results/big (larger than run.size_limit, 1 MB)" in orglab("status").err
    assert study.git(*NAMES).split("\n")[2:] == ["results/old.txt", "results/weights.txt"]
    assert not list_entries(study.path, PENDING)


def test_the_log_is_never_among_them(study, orglab, made):
    study.commit("settings", {"orglab.toml": "[run]\nresults = ['.']\n"})
    made("pathlib.Path('weights').write_text('1'); open('experiment_log.org', 'a').write('\\n')")
    orglab("status")
    assert study.git(*NAMES).split("\n")[2:] == ["weights"]


@pytest.mark.slow
def test_any_number_of_files_is_committed(study, orglab, made):
    """The paths are longer together than the arguments of a command may be."""
    made(
        "folder = results.joinpath(*['d' * 250] * 10); folder.mkdir(parents=True); "
        "[(folder / f'{number:0250}').write_text('') for number in range(1000)]"
    )
    orglab("status")
    assert study.git("ls-tree", "-r", "--name-only", "HEAD", "results/").count("\n") == 999
