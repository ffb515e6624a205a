"""Which runs had the same code."""

from pathlib import Path

import pytest

from orglab.git import find_repository
from orglab.runs.code import find_generated_paths, find_same_run, identify_code
from orglab.runs.record import Run

OWN = ("experiment_log.org", "journal.org")
MISSING = "1" * 40


def make_run(name, code, **fields):
    return Run(Path(name), {"argv": ["python", "train.py"], "cwd": ".", "before": code, **fields})


def wrote(*paths):
    return [{"path": path, "sha256": "0", "size": 1} for path in paths]


def identify(repo, runs, **options):
    return [*identify_code(find_repository(repo.path), runs, OWN, **options).values()]


def test_commits_of_results_log_and_journal_leave_the_code_the_same(repo):
    """The code comes back to what it was, too."""
    commits = [
        repo.commit("code", {"train.py": "1", "results/a.txt": "1"}),
        repo.commit("results", {"results/a.txt": "2", "results/b/c.txt": "1"}),
        repo.commit("log", {"experiment_log.org": "* Log", "journal.org": "* Journal"}),
        repo.commit("output", {"out.txt": "1"}),
        repo.commit("change", {"train.py": "2"}),
        repo.commit("more results", {"results/a.txt": "3"}),
        repo.commit("back", {"train.py": "1"}),
    ]
    runs = [
        make_run(str(number), commit, results=["results/"], outputs=wrote("out.txt"))
        for number, commit in enumerate(commits)
    ]
    assert identify(repo, runs) == ["0", "0", "0", "0", "4", "4", "0"]
    assert identify(repo, runs[4:], writers=runs) == ["4", "4", "6"]


@pytest.mark.parametrize("results", [".", "./", "..", "src/..", "src", "/"])
def test_results_that_hold_the_code_do_not_make_all_code_the_same(repo, results):
    """Only what was written there is left out."""
    files = {"src/train.py": "1", "src/loss.txt": "1"}
    first = repo.commit("code", files)
    second = repo.commit("output", {"src/loss.txt": "2"})
    third = repo.commit("change", {"src/train.py": "2"})
    command = {"argv": ["python", "src/train.py"], "results": [results], "outputs": wrote("src/loss.txt")}
    assert identify(repo, [make_run(name, name, **command) for name in (first, second, third)]) == [first, first, third]


def test_other_cells_of_a_notebook_are_other_code(repo):
    commit = repo.commit("code", {"study.ipynb": "1"})
    runs = [make_run(str(number), commit, **fields) for number, fields in enumerate(
        [{"cells": "a"}, {"cells": "b"}, {"cells": "a"}, {}]
    )]  # fmt: skip
    assert identify(repo, runs) == ["0", "1", "0", "3"]


def test_results_that_hold_the_folder_of_the_run_are_code(repo):
    """`cd project; orglab run --results .` is no reason to compare nothing."""
    commits = [repo.commit(text, {"project/train.py": text}) for text in "12"]
    runs = [make_run(name, name, cwd="project", results=["project"]) for name in commits]
    assert len(set(identify(repo, runs))) == 2


def test_modes_links_and_submodules_are_code(repo):
    """A file that can be executed, a folder that became a link, another commit of a submodule."""
    commits = [repo.commit("code", {"train.py": "1", "data/a": "1"})]
    repo.git("update-index", "--chmod=+x", "train.py")
    repo.git("commit", "-qm", "mode")
    commits.append(repo.git("rev-parse", "HEAD"))
    for module in commits[:2]:
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{module},module")
        repo.git("commit", "-qm", "submodule")
        commits.append(repo.git("rev-parse", "HEAD"))
    repo.git("rm", "-rq", "--cached", "data")
    link = repo.git("hash-object", "-w", "--stdin", stdin="elsewhere")
    repo.git("update-index", "--add", "--cacheinfo", f"120000,{link},data")
    repo.git("commit", "-qm", "link")
    commits.append(repo.git("rev-parse", "HEAD"))
    assert len(set(identify(repo, [make_run(name, name) for name in commits]))) == len(commits)


def test_what_no_commit_holds_is_the_code_of_that_run_alone(repo):
    """Unless it is a result, or the same file was left out."""
    code = repo.commit("code", {"train.py": "1"})
    large = [{"path": "big.bin", "reason": "large", "size": 9, "sha256": "x"}]
    runs = [
        make_run("a", code, results=["out"]),
        make_run("b", code, uncaptured=["module"]),
        make_run("c", code, uncaptured=["module"]),
        make_run("d", code, uncaptured=["out/nested/"], untracked=["out/x"]),
        make_run("e", code, left_out=large),
        make_run("f", code, left_out=large),
        make_run("g", code, left_out=[{**large[0], "sha256": "y"}, {"path": ".venv/", "reason": "environment"}]),
    ]
    assert identify(repo, runs) == ["a", "b", "c", "a", "e", "e", "g"]


def test_a_missing_commit_is_the_same_only_as_itself(repo):
    """The snapshot of another clone is known by the commit before it, and by its changes."""
    first = repo.commit("code", {"train.py": "1"})
    second = repo.commit("results", {"out/a": "1"})
    runs = [
        make_run("a", first, results=["out"]),
        make_run("b", MISSING),
        make_run("c", MISSING),
        make_run("d", first, snapshot="2" * 40, patch="aaaaaaa"),
        make_run("e", second, snapshot="3" * 40, patch="aaaaaaa"),
        make_run("f", second, snapshot="4" * 40, patch="bbbbbbb"),
        make_run("g", second),
        make_run("h", "--output=x\nHEAD"),
        make_run("i", repo.git("rev-parse", f"{first}^{{tree}}")),
    ]
    assert identify(repo, runs) == ["a", "b", "b", "d", "d", "f", "a", "", "i"]


def test_without_git_or_commit_the_code_is_unknown(repo):
    """Nothing is said about it."""
    assert identify_code(None, [make_run("a", MISSING)], OWN) == {"a": ""}
    assert identify(repo, [make_run("a", None)]) == [""]


def test_files_of_runs_are_known_by_hostile_records():
    """A record may hold anything."""
    run = make_run("a", None, results=[1, "x/../.."], outputs=[{"path": 3}], log=[], argv=None, cwd=4, left_out={})
    generated = find_generated_paths([run], OWN)
    assert generated.files == set(OWN)
    assert not generated.folders


def test_the_same_run_has_the_same_command_and_code_or_the_same_change(repo):
    """The newest one of the same code comes first, then the newest."""
    x, y, z = [repo.commit(text, {"a.py": text}) for text in "xyz"]
    first = make_run("1", x, snapshot=y, patch="aaaaaaa", exit_code=0)
    second = make_run("2", z, exit_code=0)
    lost = make_run("3", x, snapshot=y, patch="aaaaaaa", lost=True)
    earlier = [lost, second, first]

    def find(code, patch=None, argv=("python", "train.py"), **fields):
        fields |= {"snapshot": y, "patch": patch} if patch else {}
        return find_same_run(
            find_repository(repo.path), make_run("4", code, **fields | {"argv": list(argv)}), earlier, OWN
        )

    assert find(x, "aaaaaaa") == (first, True)
    assert find(x) == (second, False)
    assert find(z) == (second, True)
    assert find(z, uncaptured=["a.py"]) == (second, False)
    assert find(None) == (second, None)
    assert find(x, "aaaaaaa", ["python3", "train.py"]) == (first, True)
    assert find(x, "aaaaaaa", ["python3", "train.py", "2"]) is None
    assert find(x, None, ["python3", "train.py"]) is None


def test_the_same_run_is_found_across_commits_of_results_and_log(seeded, orglab):
    """Neither the results of other runs nor notes are code."""
    run = ("run", "1.1", "--results", "results", "--", "python", "train.py")
    orglab(*run, "1")
    orglab(*run, "2")
    orglab("journal", "A day")
    orglab("commit")
    assert "on the same code" in orglab(*run, "1").err
    seeded.write("train.py", (seeded.path / "train.py").read_text() + "# changed")
    assert "on different code" in orglab(*run, "1").err
