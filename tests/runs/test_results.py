"""What becomes of the files that a run writes: which are results, which are committed, and which only kept."""

import pytest

from orglab.runs.record_reader import read_runs

LOG = "experiment_log.org"


def run(orglab, script, *options, results="out", code=0):
    return orglab("run", "1.1", "--results", results, *options, "--", "sh", "-c", script, code=code)


def files_of(study, revision="HEAD"):
    return study.git("show", "--format=", "--name-only", revision).split()


def log_of(study):
    return (study.path / LOG).read_text()


def run_of(study):
    return read_runs(study.path)[-1]


def refs_of(study):
    return study.git("for-each-ref", "--format=%(refname)", "refs/orglab/results").split()


# ---- results paths ----


def test_a_pattern_selects_files(study, orglab):
    study.commit("old", {"out/old.json": "1", "out/old.txt": "1"})
    run(
        orglab,
        "rm out/old.*; mkdir -p out/d; touch out/d/b.json; echo 1 > out/a.json; touch out/a.txt",
        results="out/*.json",
    )
    assert files_of(study) == ["out/a.json", "out/old.json"]
    run(orglab, "touch out/d/c.json", results="out/**/*.json")
    assert files_of(study) == ["out/d/c.json"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(study, orglab):
    study.commit("old", {"out/[1].json": "1"})
    run(orglab, "echo 2 > 'out/[1].json'; echo 2 > out/1.json", results="out/[1].json")
    assert study.git("show", "--format=", "--name-only", "-z").strip("\0") == "out/[1].json"


def test_a_link_to_a_folder_of_the_repository_is_followed(study, orglab):
    study.commit("old", {"runs/1/old": "1"})
    (study.path / "latest").symlink_to("runs/1")
    study.git("add", "latest")
    study.git("commit", "--quiet", "-m", "link")
    run(orglab, "echo 2 > latest/old; echo 1 > latest/new; ln -s new latest/link; ln -s .. latest/up", results="latest")
    assert files_of(study) == ["runs/1/link", "runs/1/new", "runs/1/old", "runs/1/up"]


def test_a_link_that_the_run_makes_is_a_result(study, orglab):
    run(orglab, "mkdir -p runs/2; echo 1 > runs/2/new; ln -s runs/2 latest", results="latest")
    assert files_of(study) == ["latest", "runs/2/new"]


@pytest.mark.parametrize("is_link", [False, True])
def test_what_is_outside_is_hashed_and_named(study, orglab, tmp_path_factory, is_link):
    outside = tmp_path_factory.mktemp("scratch")
    if is_link:
        (study.path / "scratch").symlink_to(outside)
    head = study.git("rev-parse", "HEAD")
    answer = run(orglab, f"echo 1 > {outside}/weights", results="scratch" if is_link else outside)
    assert "weights (outside the repository); the record has the hashes" in answer.err
    assert [file.size for file in run_of(study).outputs] == [2]
    assert study.git("rev-parse", "HEAD") == head
    assert refs_of(study) == []
    assert orglab("status").err == ""


@pytest.mark.parametrize("results", [".", "{top}", "sub/.."])
def test_the_top_of_the_repository(study, orglab, results):
    study.commit("sub", {"sub/old": "1"})
    run(orglab, "echo 2 > sub/old; echo 1 > new; echo >> experiment_log.org", results=results.format(top=study.path))
    assert files_of(study) == ["new", "sub/old"]


# ---- runs that fail ----

FAILURES = {
    "failed": ("exit 3", (), 3),
    "was killed": ("kill -9 $$", (), 137),
    "was stopped": ("sleep 60", ("--time-limit", "1s"), 124),
    "diverged": ("echo metric loss=nan", ("--stdout-metrics",), 0),
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_run_that_fails_leaves_the_branch_alone(study, orglab, how):
    end, options, code = FAILURES[how]
    study.commit("good", {"out/old": "good\n"})
    head = study.git("rev-parse", "HEAD")
    answer = run(orglab, f"echo bad > out/old; echo bad > out/new; {end}", *options, code=code)
    made = run_of(study)
    assert (
        f"Not committed, because the run {how}: out/new, out/old (kept in refs/orglab/results/{made.id})" in answer.err
    )
    assert study.git("rev-parse", "HEAD") == head
    assert study.git("status", "--porcelain", "out").split("\n") == [" M out/old", "?? out/new"]
    assert study.git("show", f"{made.kept}:out/old", f"{made.kept}:out/new") == "bad\nbad"
    assert orglab("status").err == ""
    assert "Results " not in orglab("status").out
    assert made.kept in orglab("runs", "show", made.id).out
    assert "keeps its results, on no branch" in orglab("why", "out/new").out
    assert orglab("runs", "1.1", "--json").out.count(f'"kept": "{made.kept}"') == 1


def test_the_next_run_does_not_commit_what_a_failed_one_left(study, orglab):
    study.commit("good", {"out/old": "good\n"})
    run(orglab, "echo bad > out/old; exit 1", code=1)
    study.write("train.py", "changed\n")
    answer = run(orglab, "echo 1 > out/new")
    assert "Not committed: out/old, as an earlier run left it." in answer.err
    assert [files_of(study, "HEAD~1"), files_of(study)] == [["train.py"], ["out/new"]]
    assert study.git("show", "HEAD:out/old") == "good"
    run(orglab, "true", "--before", "clean")
    study.write("out/old", "mine\n")
    assert "Committed out/old before the run" in run(orglab, "true").err


def test_the_results_of_a_failed_run_are_committed_if_asked_for(study, orglab):
    run(orglab, "mkdir out; echo 1 > out/a; exit 1", "--commit-failed", code=1)
    assert study.git("log", "-1", "--format=%s").startswith("[e1.1] Failed: sh -c")
    run(orglab, "echo 2 > out/a; exit 1", code=1)
    kept = run_of(study)
    assert "No results were committed" in orglab("commit", "--results").err
    study.git("checkout", "--quiet", "out")
    orglab("commit", "--results", kept.id)
    assert study.git("show", "HEAD:out/a") == "2"
    assert run_of(study).commit == study.git("rev-parse", "HEAD")
    assert refs_of(study) == []
    assert "has no results of this clone" in orglab("commit", "--results", kept.id, code=3).err


def test_large_and_ignored_files_of_a_failed_run_are_not_kept(study, orglab):
    study.commit("settings", {"orglab.toml": "[run]\nsize_limit = 1\n"})
    answer = run(
        orglab, "mkdir out; echo 1 > out/a; head -c 2000000 /dev/zero > out/big; touch out/a.ckpt; exit 1", code=1
    )
    assert "Not kept: out/big (larger than run.size_limit, 1 MB)" in answer.err
    assert files_of(study, run_of(study).kept) == ["out/a"]


@pytest.mark.parametrize("end", ["true", "exit 1"])
def test_the_results_of_a_rerun_are_neither_committed_nor_kept(study, orglab, end):
    run(orglab, f"mkdir -p out; echo 1 > out/a; {end}", code=int(end != "true"))
    first, refs, head = run_of(study), refs_of(study), study.git("rev-parse", "HEAD")
    answer = orglab("runs", "rerun", first.id, code=int(end != "true"))
    assert "ommitted" not in answer.err
    assert [study.git("rev-parse", "HEAD"), refs_of(study)] == [head, refs]
    assert run_of(study).commit is None
    assert orglab("status").err == ""


# ---- results that a hook refused ----


def test_results_that_a_hook_refused_are_committed_when_it_agrees(study, orglab):
    hook = study.write(".git/hooks/pre-commit", "#!/bin/sh\necho error: no >&2; exit 1\n")
    hook.chmod(0o755)
    run(orglab, "mkdir out; echo 1 > out/a")
    assert f"Results      {run_of(study).id}: git commit failed: no" in orglab("status").out
    assert "were not committed: git commit failed: no" in orglab("commit", "--results").err
    hook.unlink()
    study.git("clean", "-fdxq", "out")
    assert "Committed the results" in orglab("commit", "--results").err
    assert files_of(study) == ["out/a"]
    assert "Results " not in orglab("status").out


def test_a_formatter_leaves_index_and_head_agreed(study, orglab):
    study.commit("settings", {"orglab.toml": "[run]\ncommit_log = true\n", "out/a.json": "0\n", "train.py": "a\n"})
    hook = study.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\nfor path in $(git diff --cached --name-only); do sed -i 's/[[:space:]]*$//' $path; git add $path; done\n",
    )
    hook.chmod(0o755)
    study.write("train.py", "b  \n")
    run(orglab, "echo '1  ' > out/a.json; echo '2  ' > out/new.json")
    assert study.git("log", "-3", "--format=%s").count("\n") == 2
    assert study.git("show", "HEAD:out/a.json", "HEAD:out/new.json", "HEAD:train.py") == "1\n2\nb"
    assert study.git("status", "--porcelain") == ""


# ---- the log ----


@pytest.fixture
def committing(study):
    """The study, with a log that is committed after each run."""
    study.commit("settings", {"orglab.toml": ""})
    return study


def test_the_log_is_committed_after_the_results(committing, orglab):
    answer = run(orglab, "mkdir out; echo 1 > out/a", "--done")
    assert "Committed the log as " in answer.err
    subjects = committing.git("log", "-2", "--format=%s").split("\n")
    assert subjects[0] == "[e1] log: INPROGRESS, step 1 done, 1 note"
    assert subjects[1].startswith("[e1.1] Results")
    assert files_of(committing) == [LOG]
    assert committing.git("status", "--porcelain") == ""
    assert f"({committing.git('rev-parse', '--short', 'HEAD~1')})" in log_of(committing)


def test_a_log_that_git_does_not_track_is_left_alone(committing, orglab):
    committing.git("rm", "--quiet", "--cached", LOG)
    committing.git("commit", "--quiet", "-m", "untracked")
    run(orglab, "true")
    assert committing.git("log", "-1", "--format=%s") == "untracked"


def test_where_commits_are_signed_the_log_is_not_committed(committing, orglab):
    committing.git("config", "commit.gpgSign", "true")
    committing.git("config", "gpg.program", "false")
    answer = run(orglab, "true")
    assert "The log was not committed, because commits are signed here" in answer.err
    assert committing.git("status", "--porcelain") == f" M {LOG}"


def test_after_a_run_that_failed_the_log_is_not_committed(committing, orglab):
    head = committing.git("rev-parse", "HEAD")
    run(orglab, "exit 1", code=1)
    assert committing.git("rev-parse", "HEAD") == head


@pytest.mark.parametrize(
    ("state", "after"), [("TODO", "INPROGRESS"), ("WAIT", "INPROGRESS"), ("DONE", "DONE"), ("CANCELED", "CANCELED")]
)
def test_a_run_sets_its_experiment_in_progress(study, orglab, state, after):
    orglab("state", "1", state)
    run(orglab, "true")
    assert f"* {after} [1] First" in log_of(study)
    assert orglab("check").code == 0


@pytest.mark.usefixtures("study")
def test_printed_metrics_that_nobody_asked_for_are_told(orglab):
    hint = "No metrics were recorded; --stdout-metrics reads printed lines such as `metric loss=2.41`.\n"
    assert hint in run(orglab, "echo metric loss=2.5; echo metric loss=2.41").err
    assert "--stdout-metrics" not in run(orglab, "echo metric loss=2.41", "--stdout-metrics").err
    assert "--stdout-metrics" not in run(orglab, "echo the metric loss is 2.41").err
    assert (
        "--stdout-metrics"
        not in run(orglab, 'echo metric loss=2; mkdir -p out; echo {\\"acc\\": 1} > out/metrics.json').err
    )
