"""Keeping runs: their code and results come into the branch that is checked out."""

import json
import os
import signal
import sys

import pytest

from lab import orglab as process
from orglab.api import open_log
from orglab.runs.log_writer import write_run
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import PENDING, list_entries

LOG = "experiment_log.org"
TRAIN = ("--results", "results", "--", sys.executable, "train.py")


def try_out(repo, orglab, changes, *options):
    """Run the script in a working tree of its own with changed files, take the changes back, and return the run."""
    for name, text in changes.items():
        repo.write(name, text)
    orglab("run", "1.1", "--worktree", *options, *TRAIN)
    repo.git("stash", "push", "--quiet", "--include-untracked")
    repo.git("stash", "drop", "--quiet")
    return read_runs(repo.path)[-1]


def subjects(repo, revision="HEAD"):
    return repo.git("log", "--format=%s", revision).splitlines()


def model(**lines):
    """Return the text of the model with other lines."""
    return "".join(f"{lines.get(letter, letter)}\n" for letter in "abcdefgh")


def test_code_and_results_are_committed_and_the_log_says_so(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A"), "new.py": "new\n"}, "-m", "Try A")
    answer = orglab("runs", "keep", run.id, "-m", "Better\n\nWith both seeds.")
    kept = branch.git("rev-parse", "HEAD^")
    assert answer.out == f"{run.id}  kept as {kept[:7]}\n"
    assert subjects(branch) == ["[e1.1] Results: " + " ".join(run.argv), "[e1.1] Keep: Better", "code"]
    message = branch.git("log", "-1", "--format=%b", kept)
    assert message.startswith("With both seeds.\n")
    assert message.splitlines()[-1] == f"Kept: {run.id}"
    assert branch.git("diff", "--name-only", "HEAD~2", "HEAD").split() == ["model.py", "new.py", "results/out.txt"]
    assert branch.git("show", "HEAD:results/out.txt") == model(a="A").strip()
    assert branch.git("status", "--porcelain") == ""
    assert branch.git("for-each-ref", "refs/orglab/results") == ""
    text = (branch.path / LOG).read_text()
    assert text.count(f"run {run.id}") == 1
    assert f"kept as {kept[:7]}: Better\n" in text
    assert f"({branch.git('rev-parse', '--short', 'HEAD')}) ran " in text
    shown = json.loads(orglab("runs", "show", run.id, "--json").out)
    assert (shown["kept_code"], shown["keep_reason"].split()[0]) == (kept, "Better")
    assert f"as {kept[:7]}: Better" in orglab("runs", "show", run.id).out
    assert "exit 0, kept  " in orglab("runs").out
    assert orglab("runs", "status=kept").out.count(run.id) == 1
    assert orglab("runs", "status!=kept").out == ""
    assert f"kept as {kept[:7]}" in orglab("why", run.id).out
    assert f"kept as {kept[:7]}" in orglab("show", "1.1", "--history").out


def test_keeping_twice_says_so_and_changes_nothing(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    orglab("runs", "keep", run.id)
    state = (
        branch.git("rev-parse", "HEAD"),
        (run.folder / "record.jsonl").read_bytes(),
        (branch.path / LOG).read_bytes(),
    )
    answer = orglab("runs", "keep", run.id)
    assert "was kept before, as" in answer.err
    assert (
        branch.git("rev-parse", "HEAD"), (run.folder / "record.jsonl").read_bytes(), (branch.path / LOG).read_bytes()
    ) == state  # fmt: skip


def test_changes_that_are_still_in_the_working_tree_are_committed_alone(branch, orglab):
    branch.write("model.py", model(a="A"))
    branch.git("rm", "--quiet", "train.py")
    branch.write("new.py", "new\n")
    orglab("run", "1.1", "--before", "snapshot", "--", "true")
    run = read_runs(branch.path)[-1]
    branch.write("other.py", "of a later attempt\n")
    branch.git("add", "other.py")
    orglab("runs", "keep", run.id)
    assert branch.git("show", "--name-status", "--format=", "HEAD").split() == [
        *("M", "model.py"), *("A", "new.py"), *("D", "train.py"),
    ]  # fmt: skip
    assert branch.git("status", "--porcelain") == "A  other.py"


def test_a_branch_that_went_on_is_merged(branch, orglab):
    first = try_out(branch, orglab, {"model.py": model(a="A")})
    second = try_out(branch, orglab, {"model.py": model(h="H"), "new.py": "new\n"})
    orglab("runs", "keep", first.id)
    orglab("runs", "keep", second.id)
    assert (branch.path / "model.py").read_text() == model(a="A", h="H")
    assert [one for one in subjects(branch) if "Keep" in one] == ["[e1.1] Keep: " + " ".join(first.argv)] * 2
    # Its results replace those of the first, as if it had run after that.
    assert branch.git("show", "HEAD:results/out.txt") == model(h="H").strip()
    assert branch.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"model.py": model(a="A")}, {"model.py": model(a="B")}),
        ({"model.py": model(a="A")}, {"model.py": b"\0binary"}),
        ({"part": "a file\n"}, {"part/x": "in a folder\n"}),
        ({"part/x": "in a folder\n"}, {"part": "a file\n"}),
    ],
)
def test_a_conflict_is_refused_with_the_files_and_changes_nothing(branch, orglab, mine, theirs):
    run = try_out(branch, orglab, mine)
    branch.commit("other", theirs)
    state = branch.git("rev-parse", "HEAD"), branch.git("status", "--porcelain")
    answer = orglab("runs", "keep", run.id, code=5)
    assert f"{next(iter(mine))} was changed on the branch in another way" in answer.err
    assert (branch.git("rev-parse", "HEAD"), branch.git("status", "--porcelain")) == state
    assert read_runs(branch.path)[-1].kept_code is None


def test_other_changes_of_its_files_are_refused(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A"), "new.py": "new\n"})
    branch.write("model.py", model(b="mine"))
    assert f"not of the run {run.id}: model.py; commit or stash" in orglab("runs", "keep", run.id, code=5).err
    assert (branch.path / "model.py").read_text() == model(b="mine")
    assert not (branch.path / "new.py").exists()
    assert subjects(branch) == ["code"]


def test_a_hook_that_refuses_leaves_all_as_it_was(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A"), "new.py": "new\n"})
    hook = branch.path / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    hook.chmod(0o755)
    orglab("runs", "keep", run.id, code=5)
    assert branch.git("status", "--porcelain") == ""
    assert subjects(branch) == ["code"]
    hook.unlink()
    orglab("runs", "keep", run.id)
    assert (branch.path / "new.py").read_text() == "new\n"


def test_what_a_killed_keep_has_done_is_not_done_again(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    record = (run.folder / "record.jsonl").read_bytes()
    orglab("runs", "keep", run.id)
    kept = read_runs(branch.path)[-1].kept_code
    # Killed after the commit of the code, before it was recorded.
    branch.git("reset", "--quiet", "--hard", kept)
    (run.folder / "record.jsonl").write_bytes(record)
    branch.git("update-ref", f"refs/orglab/results/{run.id}", run.kept)
    orglab("runs", "keep", run.id)
    assert read_runs(branch.path)[-1].kept_code == kept
    assert [one.split(":")[0] for one in subjects(branch)] == ["[e1.1] Results", "[e1.1] Keep", "code"]
    # Killed while it wrote the files.
    branch.git("reset", "--quiet", "--hard", f"{kept}^")
    branch.write("model.py", model(a="A"))
    orglab("runs", "keep", run.id)
    assert branch.git("show", "HEAD:results/out.txt") == model(a="A").strip()


def test_a_keep_that_was_killed_between_code_and_results_is_finished_by_the_next(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    hook = branch.path / ".git/hooks/commit-msg"
    kill = 'read -r _ _ _ parent _ < /proc/$PPID/stat; kill -9 "$parent"; exit 1'
    hook.write_text(f'#!/bin/sh\nif grep -q Results: "$1"; then {kill}; fi\n')
    hook.chmod(0o755)
    assert process("runs", "keep", run.id, cwd=branch.path).code == -signal.SIGKILL
    hook.unlink()
    assert read_runs(branch.path)[-1].kept_code == branch.git("rev-parse", "HEAD")
    answer = orglab("runs", "keep", run.id)
    assert "was kept before, as" in answer.err
    assert [one.split(":")[0] for one in subjects(branch)] == ["[e1.1] Results", "[e1.1] Keep", "code"]
    assert branch.git("show", "HEAD:results/out.txt") == model(a="A").strip()
    assert branch.git("status", "--porcelain") == ""
    assert (branch.path / LOG).read_text().count("kept as") == 1


def test_the_code_of_a_run_on_another_branch_comes_with_its_results(branch, orglab):
    branch.git("switch", "--quiet", "-c", "other")
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", *TRAIN)
    run = read_runs(branch.path)[-1]
    branch.git("switch", "--quiet", "main")
    orglab("runs", "keep", run.id, "-m", "Good")
    assert [one.split(":")[0] for one in subjects(branch)] == ["[e1.1] Results", "[e1.1] Keep", "code"]
    assert branch.git("diff", "--name-only", "other", "main") == ""


def test_a_run_whose_code_the_branch_has_is_only_marked(branch, orglab):
    orglab("run", "1.1", "--", "true")
    run = read_runs(branch.path)[-1]
    head = branch.git("rev-parse", "HEAD")
    assert "The branch has the code" in orglab("runs", "keep", run.id, "-m", "Good").err
    assert read_runs(branch.path)[-1].kept_code == head == branch.git("rev-parse", "HEAD")
    assert "kept as" in (branch.path / LOG).read_text()


def test_logs_and_what_runs_write_are_not_kept_as_code(study, orglab):
    orglab("note", "1.1", "Not yet committed")
    orglab("run", "1.1", "--", "sh", "-c", "echo 1 > scores.csv")
    study.write("train.py", "print('changed')\n")
    orglab("run", "1.1", "--worktree", "--", sys.executable, "train.py")
    orglab("runs", "keep", read_runs(study.path)[-1].id)
    assert study.git("show", "--name-only", "--format=", "HEAD") == "train.py"
    assert " M experiment_log.org" in study.git("status", "--porcelain").splitlines()
    assert "?? scores.csv" in study.git("status", "--porcelain").splitlines()


def test_a_log_that_git_tracks_is_committed_with_the_note(repo, orglab):
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    repo.commit("code", {"train.py": "print(1)\n"})
    repo.write("train.py", "print(2)\n")
    orglab("run", "1.1", "--worktree", "--", sys.executable, "train.py")
    run = read_runs(repo.path)[-1]
    orglab("runs", "keep", run.id)
    assert [one.split(":")[0] for one in subjects(repo)] == ["[e1] log", "[e1.1] Keep", "[e1] log", "code"]
    assert f"kept as {run.snapshot and read_runs(repo.path)[-1].kept_code[:7]}" in repo.git("show", f"HEAD:{LOG}")
    assert repo.git("status", "--porcelain") == ""


def test_a_note_that_was_edited_stays_as_it_is(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    text = (branch.path / LOG).read_text().replace("exit 0", "exit 0, by hand")
    (branch.path / LOG).write_text(text)
    orglab("runs", "keep", run.id)
    assert (branch.path / LOG).read_text() == text


def test_what_cannot_be_kept_is_one_sentence(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    orglab("runs", "discard", run.id, "-m", "no")
    assert "is discarded; `orglab runs discard" in orglab("runs", "keep", run.id, code=2).err
    orglab("runs", "discard", run.id, "--undo")
    branch.git("switch", "--quiet", "--orphan", "empty")
    branch.commit("unrelated", {"x": "1\n"})
    assert "have no commit in common" in orglab("runs", "keep", run.id, code=5).err
    branch.git("switch", "--quiet", "main")
    branch.git("switch", "--quiet", "--detach")
    assert "No branch is checked out here" in orglab("runs", "keep", run.id, code=5).err
    branch.git("switch", "--quiet", "main")
    branch.path.joinpath(".git/MERGE_HEAD").write_text(branch.git("rev-parse", "empty") + "\n")
    assert "in the middle of a merge" in orglab("runs", "keep", run.id, code=5).err


def test_no_merge_driver_of_the_repository_runs(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    branch.commit("other", {"model.py": model(h="H"), ".gitattributes": "* merge=x\n"})
    branch.git("config", "merge.x.driver", f"touch {branch.path}/driven; false")
    orglab("runs", "keep", run.id)
    assert (branch.path / "model.py").read_text() == model(a="A", h="H")
    assert not (branch.path / "driven").exists()


def test_modes_links_and_odd_names_are_kept(branch, orglab):
    branch.write("go.sh", "true\n").chmod(0o755)
    branch.write("häß \t;x", "odd\n")
    (branch.path / "link").symlink_to("model.py")
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    orglab("runs", "keep", run.id)
    assert (branch.path / "link").readlink().name == "model.py"
    assert (branch.path / "go.sh").stat().st_mode & 0o111
    assert (branch.path / "häß \t;x").read_text() == "odd\n"
    assert branch.git("diff", "--name-only", run.snapshot, "HEAD") == "results/out.txt"
    assert branch.git("status", "--porcelain") == ""


def test_a_note_that_cannot_be_written_now_is_brought_up_to_date_by_the_next_command(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    lock = branch.path / f".#{LOG}"
    lock.symlink_to(f"ada@{os.uname().nodename}.{os.getpid()}:1")  # as Emacs has it for unsaved changes
    answer = orglab("runs", "keep", run.id)
    assert f"The note of the run {run.id} will be brought up to date by the next orglab command." in answer.err
    assert "kept as" not in (branch.path / LOG).read_text()
    lock.unlink()
    assert "Added the run" not in orglab("status").err
    assert (branch.path / LOG).read_text().count("kept as") == 1
    assert (branch.path / LOG).read_text().count(f"run {run.id}") == 1


def test_a_note_that_the_user_has_removed_meanwhile_stays_away(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    lock = branch.path / f".#{LOG}"
    lock.symlink_to(f"ada@{os.uname().nodename}.{os.getpid()}:1")
    orglab("runs", "keep", run.id)
    text = (branch.path / LOG).read_text()
    note = text[text.index("   - [") : text.index(f"run {run.id}") + len(f"run {run.id}\n")]
    (branch.path / LOG).write_text(text.replace(note, ""))
    lock.unlink()
    orglab("status")
    assert run.id not in (branch.path / LOG).read_text()
    assert list_entries(branch.path, PENDING) == {}


def test_a_run_that_is_kept_before_it_has_a_note_gets_it(branch, orglab):
    lock = branch.path / f".#{LOG}"
    lock.symlink_to(f"ada@{os.uname().nodename}.{os.getpid()}:1")
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", "--worktree", *TRAIN)
    run = read_runs(branch.path)[-1]
    orglab("runs", "keep", run.id)
    assert run.id not in (branch.path / LOG).read_text()
    lock.unlink()
    orglab("status")
    assert (branch.path / LOG).read_text().count("kept as") == 1
    assert list_entries(branch.path, PENDING) == {}


def test_a_note_is_written_as_the_run_is_then_and_not_as_it_was_read(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    log = open_log(None)
    text = (branch.path / LOG).read_text()
    note = text[text.index("   - [") : text.index(f"run {run.id}") + len(f"run {run.id}\n")]
    (branch.path / LOG).write_text(text.replace(note, ""))
    orglab("runs", "keep", run.id)
    # Another command had read the record before.
    assert write_run(log, run, print)
    assert (branch.path / LOG).read_text().count("kept as") == 1
