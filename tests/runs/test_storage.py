"""The folders of records: the git directory that all worktrees share, or else others; all are read."""

import json
import os
import shutil

import pytest

from lab import orglab as process
from lab import with_read_only
from orglab.git import find_repository
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import HIDDEN_FOLDER, PENDING, RUNS, find_storage_folders, list_entries, list_worktrees

ID = "20180606-161600-3f2a1b"
RECORD = json.dumps({"event": "began", "ref": "e1.1", "argv": ["true"], "exit_code": 0}) + "\n"


def names_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_records_survive_git_clean_and_the_end_of_a_worktree(study, orglab, tmp_path_factory, monkeypatch):
    tree = tmp_path_factory.mktemp("trees") / "other"
    study.git("worktree", "add", "--quiet", tree, "-b", "other")
    orglab("run", "1.1", "--", "true")
    monkeypatch.chdir(tree)
    orglab("run", "1.2", "--", "true")
    seen = [(run.id, run.ref) for run in read_runs(tree)]
    assert [ref for _, ref in seen] == ["e1.1", "e1.2"]
    orglab("commit")
    monkeypatch.chdir(study.path)
    study.git("clean", "-fdxq")
    study.git("worktree", "remove", tree)
    assert [(run.id, run.ref) for run in read_runs(study.path)] == seen
    assert names_in(study.path) == [".git", ".gitignore", "experiment_log.org", "orglab.toml", "train.py"]


def test_a_clone_has_no_records(study, orglab, tmp_path_factory, monkeypatch):
    for path in (
        f"{HIDDEN_FOLDER}/runs/{ID}/record.jsonl",
        f"{HIDDEN_FOLDER}/waiting/{ID}",
        f"{HIDDEN_FOLDER}/pending/{ID}",
    ):
        study.write(path, RECORD)
    study.git("add", "--all", "--force")
    study.commit("hostile")
    clone = tmp_path_factory.mktemp("clone")
    study.git("clone", "--quiet", study.path, clone)
    monkeypatch.chdir(clone)
    before = (clone / "experiment_log.org").read_bytes()
    answer = orglab("runs")
    assert (answer.out, answer.err) == ("", "No runs yet.\n")
    assert (clone / "experiment_log.org").read_bytes() == before
    assert study.git("-C", clone, "status", "--porcelain") == ""
    # What the user's own runs leave there, where nothing else can be written, is known all the same.
    done = process("run", "1.1", "--", "true", prefix=with_read_only(clone / ".git"))
    assert done.code == 0, done.err
    assert [run.id for run in read_runs(clone)] == names_in(clone / HIDDEN_FOLDER / RUNS)[1:]
    assert names_in(clone / HIDDEN_FOLDER / RUNS)[0] == ID


def test_a_tracked_folder_in_another_case_is_ignored(study, orglab):
    study.write(f".OrgLab/runs/{ID}/record.jsonl", RECORD)
    study.git("add", "--all", "--force")
    study.commit("hostile")
    # As on a file system that does not tell them apart.
    study.write(f"{HIDDEN_FOLDER}/runs/{ID}/record.jsonl", RECORD)
    assert orglab("runs").out == ""


@pytest.mark.parametrize(
    "link", [HIDDEN_FOLDER, f"{HIDDEN_FOLDER}/runs", f"{HIDDEN_FOLDER}/waiting", f"{HIDDEN_FOLDER}/pending"]
)
def test_symbolic_links_are_not_followed(study, orglab, tmp_path_factory, link):
    outside = tmp_path_factory.mktemp("outside")
    for name in (ID, f"runs/{ID}", f"waiting/{ID}", f"pending/{ID}"):
        (outside / name).parent.mkdir(exist_ok=True)
        if name.startswith("runs"):
            (outside / name).mkdir()
            (outside / name / "record.jsonl").write_text(RECORD)
        else:
            (outside / name).write_text("key")
    before = sorted(outside.rglob("*"))
    (study.path / link).parent.mkdir(exist_ok=True)
    (study.path / link).symlink_to(outside)
    assert orglab("runs").out == ""
    assert sorted(outside.rglob("*")) == before
    if link != f"{HIDDEN_FOLDER}/pending":
        done = process("run", "1.1", "--", "true", prefix=with_read_only(study.path / ".git"))
        assert (done.code, done.out) == (4, ""), done
        assert "Cannot record the run in" in done.err
        assert sorted(outside.rglob("*")) == before


def test_a_link_at_the_name_of_a_record_is_not_read(study, orglab, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "mine.jsonl"
    outside.write_text(RECORD)
    (study.path / HIDDEN_FOLDER / RUNS / ID).mkdir(parents=True)
    (study.path / HIDDEN_FOLDER / RUNS / ID / "record.jsonl").symlink_to(outside)
    assert orglab("runs").out == ""
    assert outside.read_text() == RECORD


def test_in_a_sandbox_a_run_is_recorded_beside_the_log(study):
    study.write("train.py", "print(2)\n")
    sandbox = with_read_only(study.path / ".git")
    done = process(
        "run", "1.1", "--done", "--results", "out", "--", "sh", "-c", "mkdir out; echo 1 > out/a", prefix=sandbox
    )
    assert done.code == 0
    git_dir = study.path / ".git"
    (run,) = read_runs(study.path)
    first, second = done.err.split("\n")[:2]
    assert first == f"Not committed: train.py ({git_dir} cannot be written)."
    assert second.startswith(f"The results of the run {run.id} are not committed yet: {git_dir} is not writable")
    assert run.folder == study.path / HIDDEN_FOLDER / RUNS / run.id
    assert (run.status, run.uncaptured, run.before) == ("done", ("train.py",), study.git("rev-parse", "HEAD"))
    assert "1. [X] one (" in (study.path / "experiment_log.org").read_text()
    assert HIDDEN_FOLDER not in study.git("status", "--porcelain", "--untracked-files=all")
    assert run.id in process("runs", prefix=sandbox).out
    assert "Committed the results" in process("list").err
    assert list_entries(study.path, PENDING) == {}


@pytest.mark.parametrize(("before", "what"), [("snapshot", "in a snapshot"), ("commit", "committed")])
def test_in_a_sandbox_a_message_says_that_the_code_is_not_committed(study, before, what):
    study.write("train.py", "print(2)\n")
    done = process("run", "1.1", "--before", before, "--", "true", prefix=with_read_only(study.path / ".git"))
    assert done.code == 0
    assert f"Not {what}: train.py ({study.path / '.git'} cannot be written).\n" in done.err


def test_in_a_sandbox_clean_is_clean(study):
    sandbox = with_read_only(study.path / ".git")
    assert process("run", "1.1", "--before", "clean", "--", "true", prefix=sandbox).code == 0
    study.write("train.py", "print(2)\n")
    done = process("run", "1.1", "--before", "clean", "--", "touch", "started", prefix=sandbox)
    assert (done.code, "train.py; commit them" in done.err) == (5, True)
    assert not (study.path / "started").exists()
    assert len(read_runs(study.path)) == 1
    # Once there is a better place, nothing is left behind.
    assert process("list").code == 0
    assert not (study.path / HIDDEN_FOLDER).exists()


def test_the_users_own_folder_comes_before_the_one_beside_the_log(study, tmp_path_factory, monkeypatch):
    own = tmp_path_factory.mktemp("records")
    monkeypatch.setenv("ORGLAB_RECORDS", str(own))
    assert process("run", "1.1", "--", "true", prefix=with_read_only(study.path / ".git")).code == 0
    (run,) = read_runs(study.path)
    assert run.folder.is_relative_to(own)
    assert not (study.path / HIDDEN_FOLDER).exists()
    # What lies there of another clone is not taken for a run of this one.
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(study.path, other, dirs_exist_ok=True)
    assert read_runs(other) == []
    assert process("run", "1.1", "--", "true").code == 0
    assert [run.folder.is_relative_to(own) for run in read_runs(study.path)] == [True, False]


def test_a_relative_folder_or_one_named_by_the_repository_is_ignored(study, monkeypatch):
    study.write("orglab.toml", 'records = "/tmp"\n')
    monkeypatch.setenv("ORGLAB_RECORDS", "records")
    assert find_storage_folders(study.path) == [study.path / ".git/orglab", study.path / HIDDEN_FOLDER]


def test_without_git_records_are_stored_beside_the_log(tmp_path, orglab, monkeypatch):
    monkeypatch.chdir(tmp_path)
    orglab("init")
    orglab("new", "First", "-s", "one")
    orglab("run", "1.1", "--", "true")
    (run,) = read_runs(tmp_path)
    assert run.folder == tmp_path / HIDDEN_FOLDER / RUNS / run.id
    own = tmp_path / "own"
    monkeypatch.setenv("ORGLAB_RECORDS", str(own))
    orglab("run", "1.1", "--", "true")
    assert [run.folder.is_relative_to(own) for run in read_runs(tmp_path)] == [False, True]


def test_of_two_records_of_a_run_the_preferred_folder_wins(study):
    study.write(f".git/orglab/runs/{ID}/record.jsonl", RECORD.replace("e1.1", "e1.2"))
    study.write(f"{HIDDEN_FOLDER}/runs/{ID}/record.jsonl", RECORD)
    assert [run.ref for run in read_runs(study.path)] == ["e1.2"]


def test_worktrees_are_those_that_git_lists(study, tmp_path_factory):
    trees = tmp_path_factory.mktemp("trees")
    for name in ("one", "two", "gone"):
        study.git("worktree", "add", "--quiet", "--detach", trees / name)
    shutil.rmtree(trees / "gone")
    for here in (study.path, trees / "one"):
        listed = [tree for tree, _ in list_worktrees(find_repository(here))]
        assert listed[0] == here
        assert sorted(listed) == sorted([study.path, trees / "one", trees / "two"])


@pytest.mark.parametrize("link", ["", "waiting", "runs", f"runs/{ID}"])
def test_no_link_in_the_git_directory_is_followed(study, orglab, tmp_path_factory, link):
    outside = tmp_path_factory.mktemp("outside")
    for name in ("waiting", f"runs/{ID}"):
        (outside / name).mkdir(parents=True)
    for name in (f"runs/{ID}/record.jsonl", "record.jsonl"):
        (outside / name).write_text(RECORD)
    for name in (f"waiting/{ID}", ID, "id_rsa", "e1.1-0123abcd"):
        if not (outside / name).exists():
            (outside / name).write_text(json.dumps({"ref": "e1.1", "commit": "a" * 40}))
    home = study.path / ".git/orglab"
    if link != "":
        home.mkdir(exist_ok=True)
        (home / link).parent.mkdir(exist_ok=True)
    else:
        shutil.rmtree(home)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    shutil.rmtree(home / link, ignore_errors=True)
    (home / link).symlink_to(outside / link if link in ("runs", "waiting") else outside)
    assert orglab("list").err == ""
    assert orglab("runs").out == ""
    assert "No run" not in process("run", "1.1", "--", "true").out
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before


def test_only_ids_are_names_of_entries(study, orglab):
    home = study.path / ".git/orglab"
    for name in ("..x", "not an id", "00010101-000000-abcd01", "99991231-235959-abcd01", f"{ID}\n", "--help"):
        (home / RUNS / name).mkdir(parents=True)
        (home / RUNS / name / "record.jsonl").write_text(RECORD)
        study.write(f".git/orglab/waiting/{name}", "{}")
    assert list_entries(study.path, RUNS) == {}
    assert list_entries(study.path, PENDING) == {}
    assert orglab("run", "1.1", "--", "true").code == 0
    assert len(read_runs(study.path)) == 1


def test_a_worktree_counts_if_it_names_its_git_directory(study, orglab, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    tree = other / "tree"
    study.git("worktree", "add", "--quiet", tree, "-b", "tree")
    repository = find_repository(study.path)
    assert [top for top, _ in list_worktrees(repository)] == [study.path, tree]
    # A project of the user that has nothing to do with this clone.
    project = other / "project"
    (project / HIDDEN_FOLDER / RUNS / ID).mkdir(parents=True)
    (project / HIDDEN_FOLDER / RUNS / ID / "record.jsonl").write_text(RECORD)
    for number, (name, text) in enumerate((("git", "x"), (".git", "gitdir: elsewhere\n"))):
        (project / name).write_text(text)
        git_dir = study.path / f".git/worktrees/hostile{number}"
        git_dir.mkdir()
        (git_dir / "gitdir").write_text(f"{project / name}\n")
    assert [top for top, _ in list_worktrees(repository)] == [study.path, tree]
    assert orglab("list").err == ""
    assert (project / HIDDEN_FOLDER / RUNS / ID / "record.jsonl").read_text() == RECORD


def test_a_git_directory_is_only_part_of_one_that_contains_it(study, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    study.git("init", "--quiet", other)
    study.write(".git/commondir", f"{other / '.git'}\n")
    assert find_repository(study.path).common_dir == study.path / ".git"
    study.write(".git/commondir", "\0")
    assert find_repository(study.path).common_dir == study.path / ".git"


def test_a_run_removes_what_killed_processes_left(study, orglab):
    home = study.path / ".git/orglab"
    orglab("list")
    left = [home / folder / f".a.{'0' * 16}.new" for folder in ("", "texts", "losses", "waiting")]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    orglab("run", "1.1", "--", "true")
    assert all(path.exists() for path in left)  # perhaps of a process that is writing
    for path in left:
        os.utime(path, (0, 0))
    orglab("run", "1.1", "--", "true")
    assert not any(path.exists() for path in left)
