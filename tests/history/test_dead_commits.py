"""Current hashes of recorded commits, in real repositories: each way to rewrite a commit, and what may mislead."""

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from commands import Orglab
from lab import orglab
from orglab import open_log
from orglab.git import find_repository
from orglab.git.rewrites.rewrite_map import read_rewrites, rewrites_path

LINES = "".join(f"line {number} of the file\n" for number in range(40))


class Study:
    """A repository with a base commit, whose log records commits."""

    def __init__(self, repo):
        self.repo = repo
        self.git = repo.git
        self.recorded = []
        repo.commit("Begin", {"train.py": LINES, "model.py": LINES})

    def change(self, number, message, file="train.py", size=3):
        """Change some lines of a file and commit that; its short hash."""
        path = self.repo.path / file
        lines = path.read_text().split("\n")
        lines[number * 5 : number * 5 + size] = [f"changed {number} {at} in {file} once" for at in range(size)]
        self.repo.write(file, "\n".join(lines))
        return self.repo.commit(message)[:10]

    def record(self, *hashes):
        """Write a log that records commits, each by a step."""
        steps = "".join(f"{at}. [X] Step {at} ({name})\n" for at, name in enumerate(hashes, 1))
        self.repo.write("experiment_log.org", f"* TODO [1] One :exp:\n[2018-06-06 Wed]\n** DONE Experiments\n{steps}")
        self.recorded = hashes

    def answers(self):
        """What check says of each recorded hash: the living subject (None: dropped), and whether --fix writes it."""
        found = {one.moved.hash: one for one in open_log().check() if one.moved is not None}
        return [
            "alive" if name not in found
            else (self.subject(found[name].moved.living), bool(found[name].fix))
            for name in self.recorded
        ]  # fmt: skip

    def subject(self, living):
        return None if living is None else self.git("log", "-1", "--format=%s", living)

    def edit_history(self, base, *script):
        """Rebase interactively by a sed script, without a hook."""
        expressions = " ".join(f"-e '{one}'" for one in script)
        environment = {**os.environ, "GIT_SEQUENCE_EDITOR": f"sed -i.bak {expressions}", "GIT_EDITOR": "true"}
        subprocess.run(["git", "rebase", "--quiet", "-i", base], check=True, env=environment, capture_output=True)

    def forget(self):
        """Let git know nothing of what was: no reflog, no unreachable object."""
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "--quiet", "--prune=now")


@pytest.fixture
def study(repo):
    return Study(repo)


def three(study):
    names = [study.change(at, f"[e1.{at}] Change number {at}") for at in (1, 2, 3)]
    study.record(*names)
    return names


def test_a_commit_on_a_branch_tag_or_remote_is_alive(study):
    three(study)
    study.git("checkout", "--quiet", "-b", "other", "HEAD~3")
    assert study.answers() == ["alive"] * 3
    study.git("tag", "v1", "main~1")
    study.git("update-ref", "refs/remotes/origin/x", "main")
    study.git("branch", "-D", "main")
    assert study.answers() == ["alive"] * 3
    study.git("update-ref", "-d", "refs/remotes/origin/x")
    assert study.answers() == ["alive", "alive", (None, False)]


def test_a_rebase_with_a_conflict_and_an_amend(study):
    three(study)
    study.git("checkout", "--quiet", "-b", "topic")
    study.git("branch", "--force", "main", "HEAD~3")
    study.git("checkout", "--quiet", "main")
    study.change(2, "Upstream changes the same", size=1)
    study.git("checkout", "--quiet", "topic")
    study.git("rebase", "--quiet", "-X", "theirs", "main")
    study.repo.write("new.py", LINES)
    study.git("add", "new.py")
    study.git("commit", "--quiet", "--amend", "--no-edit")
    assert study.answers() == [(f"[e1.{at}] Change number {at}", True) for at in (1, 2, 3)]


def test_rewording_squashing_fixing_up_and_dropping(study):
    names = [study.change(at, f"[e1.{at}] Change number {at}") for at in (1, 2, 3, 4, 5, 6)]
    study.record(*names)
    study.edit_history("HEAD~6", "2s/pick/squash/", "4s/pick/fixup/", "5s/pick/drop/")
    study.git("commit", "--quiet", "--amend", "-m", "Nothing of the old words")
    first, third = "[e1.1] Change number 1", "[e1.3] Change number 3"
    assert study.answers() == [
        (first, True), (first, True), (third, True), (third, True), (None, False), ("Nothing of the old words", True),
    ]  # fmt: skip


@pytest.mark.parametrize("message", ["Topic (#1)", "Topic (#1)\n\n* [e1.1] Change number 1\n* [e1.2] Change number 2"])
def test_a_squash_merge_on_a_branch_that_went_on(study, message):
    three(study)
    study.git("branch", "topic")
    study.git("reset", "--quiet", "--hard", "HEAD~3")
    study.change(7, "Upstream")
    study.git("merge", "--quiet", "--squash", "topic")
    study.repo.commit(message)
    study.git("branch", "-D", "topic")
    assert study.answers() == [("Topic (#1)", True)] * 3


def test_author_and_date_anew_and_reset_and_recommit(study):
    names = three(study)
    study.git(
        "rebase", "--quiet", "--exec", "git -c user.name=New commit --quiet --amend --no-edit --reset-author", "HEAD~3"
    )
    assert study.answers() == [(f"[e1.{at}] Change number {at}", True) for at in (1, 2, 3)]
    study.git("reset", "--quiet", "--soft", "HEAD~2")
    study.repo.commit("Both at once")
    assert study.answers() == [("[e1.1] Change number 1", True), ("Both at once", True), ("Both at once", True)]
    assert study.recorded == tuple(names)


def test_a_cherry_pick_on_another_branch(study):
    names = three(study)
    study.git("checkout", "--quiet", "-b", "release", "HEAD~3")
    study.change(7, "Release")
    study.git("cherry-pick", "-x", names[1])
    study.git("branch", "-D", "main")
    assert study.answers()[1] == ("[e1.2] Change number 2", True)


def test_a_rebase_on_the_server(study, tmp_path_factory):
    three(study)
    study.git("checkout", "--quiet", "-b", "topic")
    other = tmp_path_factory.mktemp("server") / "clone"
    study.git("branch", "--force", "main", "HEAD~3")
    study.git("checkout", "--quiet", "main")
    study.change(7, "Upstream")
    study.git("clone", "--quiet", study.repo.path, other)
    study.git("-C", other, "checkout", "--quiet", "topic")
    study.git("-C", other, "rebase", "--quiet", "origin/main")
    study.git("pull", "--quiet", "--ff-only", other, "topic")
    study.git("branch", "-D", "topic")
    assert study.answers() == [(f"[e1.{at}] Change number {at}", True) for at in (1, 2, 3)]


# ---- what must not mislead ----


def test_the_revert_of_a_dropped_commit_is_not_its_successor(study):
    names = three(study)
    study.git("revert", "--no-edit", names[2])
    study.edit_history("HEAD~4", "3s/pick/drop/", "4s/pick/drop/")
    assert study.answers()[2] == (None, False)
    study.repo.commit(f'Revert "[e1.3] Change number 3"\n\nThis reverts commit {names[2]}.', {"x": "1"})
    assert study.answers()[2] == (None, False)


def test_a_patch_that_was_applied_again_is_not_the_first_that_was_dropped(study):
    first = study.change(1, "[e1.1] Change number 1")
    study.git("revert", "--no-edit", "HEAD")
    again = study.change(1, "[e1.1] Change number 1")
    study.record(first, again)
    study.change(4, "Later")
    study.edit_history("HEAD~4", "1s/pick/drop/", "2s/pick/drop/")
    study.git("commit", "--quiet", "--amend", "-m", "Later, reworded")
    study.git("rebase", "--quiet", "--force-rebase", "HEAD~2")
    second = next(one for one in open_log().check() if one.moved is not None and one.moved.hash == first)
    assert (second.moved.living, second.moved.method) == (None, "dropped")
    assert study.answers()[1] in ("alive", ("[e1.1] Change number 1", True))


def test_a_commit_with_a_wrong_reference_is_not_the_successor(study):
    names = three(study)
    study.edit_history("HEAD~3", "2s/pick/drop/")
    study.change(2, "[e1.2] Something else", file="model.py")
    assert study.answers()[1] == (None, False)
    assert names[1] in open_log().path.read_text()


def test_two_commits_with_one_subject_and_date(study):
    names = []
    for at in (1, 3, 5):
        study.repo.now = study.repo.now.replace(minute=30)
        names.append(study.change(at, "wip"))
    study.record(*names)
    study.git("checkout", "--quiet", "-b", "topic")
    study.git("branch", "--force", "main", "HEAD~3")
    study.git("checkout", "--quiet", "main")
    study.change(7, "Upstream")
    study.git("rebase", "--quiet", "main", "topic")
    study.git("checkout", "--quiet", "main")
    study.git("merge", "--quiet", "topic")
    found = {one.moved.hash: one.moved.living for one in open_log().check()}
    assert [study.git("rev-parse", found[name]) for name in names] == study.git(
        "rev-list", "--reverse", "-3", "main"
    ).split()


def test_empty_commits_binary_files_modes_white_space_and_merges(study):
    repo = study.repo
    names = [repo.commit("An empty commit")]
    names.append(repo.commit("A picture", {"figure.png": b"\0\1\2" * 90}))
    (repo.path / "train.py").chmod(0o755)
    names.append(repo.commit("It can be run"))
    names.append(repo.commit("Indented", {"model.py": LINES.replace("line 7", "    line 7")}))
    study.record(*(name[:10] for name in names))
    study.git("checkout", "--quiet", "-b", "topic")
    study.git("checkout", "--quiet", "main")
    study.git("reset", "--quiet", "--hard", "HEAD~4")
    study.change(5, "Upstream")
    study.git("rebase", "--quiet", "--keep-empty", "main", "topic")
    study.git("branch", "--force", "main", "topic")
    assert study.answers() == [(one, True) for one in ("An empty commit", "A picture", "It can be run", "Indented")]


# ---- short hashes, the map, and nothing left ----


def test_a_branch_that_is_called_as_a_hash_is_not_the_commit(study):
    names = three(study)
    study.git("branch", names[0], "HEAD")
    study.git("checkout", "--quiet", "--orphan", "new")
    study.git("rm", "-r", "--force", "--quiet", "train.py", "model.py")
    study.repo.commit("Elsewhere", {"other.py": "1\n"})
    study.git("branch", "-D", "main", names[0])
    study.git("branch", names[1], "new")
    assert study.answers() == [(None, False)] * 3


def test_the_map_is_followed_over_cycles_and_torn_lines(study):
    repository = find_repository(study.repo.path)
    a, b, c, d = (letter * 40 for letter in "abcd")
    path = rewrites_path(repository)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"{b} {c} rebase\n{c} {b} rebase\n{a} {b} amend\n{a[:20]}\n{d} {a}{b} {c} amend\n{c} {d} what\n{d} {a} amend"
    )
    assert [one[:2] for one in read_rewrites(repository, ["aaaaaaa"])] == [(b, c), (c, b), (a, b)]
    assert read_rewrites(repository, ["eeeeeee"]) == []


def test_the_map_answers_where_nothing_else_does(study):
    names = three(study)
    old = study.git("rev-parse", names[2])
    study.git("reset", "--quiet", "--hard", "HEAD~1")
    new = study.repo.commit("Quite different", {"other.py": "1\n"})
    study.git("update-ref", "-d", f"refs/orglab/keep/{old}")
    study.forget()
    assert study.answers()[2][1] is False
    path = rewrites_path(find_repository(study.repo.path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{old} {new} amend\n")
    assert study.answers() == ["alive", "alive", ("Quite different", True)]


def forget_recorded(study, names):
    for name in names:
        study.git("update-ref", "-d", f"refs/orglab/keep/{study.git('rev-parse', name)}")
    study.forget()


def test_a_missing_commit_is_reported(study):
    names = three(study)
    study.git("rebase", "--quiet", "--force-rebase", "HEAD~3")
    study.git("commit", "--quiet", "--amend", "-m", "[e1.3] Change number 3, reworded")
    forget_recorded(study, names)
    assert study.answers() == [(None, False)] * 3
    assert [(one.code, one.message) for one in open_log().check() if one.moved] == [
        ("dead-hash", f"{name} is not in this repository: neither git nor the log names a commit that replaced it.")
        for name in names
    ]


def test_a_missing_commit_is_found_by_its_cherry_pick(study):
    names = three(study)
    study.git("checkout", "--quiet", "-b", "release", "HEAD~3")
    study.change(7, "Release")
    study.git("cherry-pick", "-x", names[1])
    study.git("branch", "-D", "main")
    forget_recorded(study, names)
    assert study.answers() == [(None, False), ("[e1.2] Change number 2", True), (None, False)]


def test_a_shallow_clone_reports_no_commits_that_it_never_had(study, tmp_path_factory, monkeypatch):
    three(study)
    study.repo.commit("log")
    clone = tmp_path_factory.mktemp("shallow") / "clone"
    study.git("clone", "--quiet", "--depth=1", f"file://{study.repo.path}", clone)
    monkeypatch.chdir(clone)
    assert [one for one in open_log().check() if one.moved is not None] == []


# ---- keeping, fixing, and the whole ----


def test_recorded_commits_survive_gc(repo):
    repo.write("experiment_log.org", "* TODO [1] One :exp:\n[2018-06-06 Wed]\n** TODO Experiments\n1. [ ] A\n")
    full = repo.commit("[e1.1] Work", {"train.py": LINES})
    assert orglab("done", "1.1").code == 0
    repo.git("commit", "--quiet", "--amend", "-am", "Not that")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    assert repo.git("log", "-1", "--format=%s", full) == "[e1.1] Work"
    assert repo.git("for-each-ref", "--format=%(refname)", "refs/orglab/keep") == f"refs/orglab/keep/{full}"


@pytest.mark.parametrize("hooks", [True, False])
def test_a_history_that_is_reworded_and_squashed_leaves_no_dead_hash(repo, hooks):
    assert orglab("init", "--tracked", *([] if hooks else ["--no-hooks"])).code == 0
    repo.commit("log: new")
    orglab("new", "One", "-s", "A", "-s", "B", "-s", "C")
    repo.git("commit", "--quiet", "-am", "log: e1")
    for at in (1, 2, 3):
        repo.write(f"part{at}.py", LINES.replace("file", f"part {at}"))
        repo.git("add", f"part{at}.py")
        repo.git("commit", "--quiet", "-m", f"[e1.{at}] Part {at}")
        assert orglab("done", f"1.{at}").code == 0
        repo.git("commit", "--quiet", "-m", f"[e1] log: step {at}", "experiment_log.org")
    script = "sed -i.bak -e '/Part 2/s/pick/squash/' -e '/Part 3/s/pick/reword/'"
    environment = {**os.environ, "GIT_SEQUENCE_EDITOR": script, "GIT_EDITOR": "sed -i.bak -e s/Part/Piece/",
                   "PYTHONPATH": str(Path(open_log.__code__.co_filename).parents[1])}  # fmt: skip
    done = subprocess.run(
        ["git", "rebase", "-i", "HEAD~6"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    before = orglab("check", "--json")
    codes = [one["code"] for one in json.loads(before.out)["diagnostics"]]
    assert codes == ([] if hooks else ["moved-hash"] * 2)
    assert orglab("check", "--fix").code == 0
    assert orglab("check").code == 0
    steps = json.loads(orglab("show", "1", "--json").out)["steps"]
    living = set(repo.git("rev-list", "HEAD").split())
    for step in steps[1:]:
        assert step["originals"] != step["commits"]
        assert any(name.startswith(step["commits"][0]) for name in living)


def test_a_second_rewrite_replaces_the_current_hash(study):
    (_, _, name) = three(study)
    for message in ("Once", "Twice"):
        study.git("commit", "--quiet", "--amend", "-m", message)
        done = json.loads(orglab("check", "--fix", "--json").out)
        (fixed,) = done["fixed"]
        living = study.git("rev-parse", "HEAD")
        assert done["diagnostics"] == []
        assert (fixed["code"], fixed["confidence"] >= 0.9, living.startswith(fixed["living"])) == (
            "moved-hash",
            True,
            True,
        )
        assert f"Step 3 ({name} -> {fixed['living']})" in study.repo.path.joinpath("experiment_log.org").read_text()
    assert {"hash", "living", "confidence", "method", "evidence"} <= fixed.keys()


@pytest.mark.slow
def test_a_generated_history_is_resolved(tmp_path):
    place = Path(__file__).parents[2] / "benchmarks"
    sys.path.insert(0, str(place))
    try:
        spec = importlib.util.spec_from_file_location("bench_hashes", place / "bench_hashes.py")
        bench = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(bench)
        history = bench.make_history(tmp_path / "history", 11, 60)
        counts = Counter()
        bench.judge(history, history.folder, counts)
    finally:
        sys.path.remove(str(place))
    total = {
        what: sum(count for (_, kind), count in counts.items() if kind == what)
        for what in ("all", "found", "applied", "right")
    }
    assert total["all"] >= 50
    assert total["right"] == total["applied"]
    assert total["found"] >= 0.95 * total["all"]


def test_a_snapshot_of_a_run_is_not_dead(repo, capsys):
    orglab = Orglab(capsys)
    repo.commit("begun", {"a.py": "1\n"})
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A", "-s", "one")
    repo.commit("log")
    repo.write("a.py", "2\n")
    orglab("run", "1.1", "--before", "snapshot", "--done", "--", "true")
    orglab("check", code=0)


def test_an_amend_is_followed_though_a_snapshot_still_has_the_old_commit_as_its_parent(repo, capsys):
    orglab = Orglab(capsys)
    repo.commit("begun", {"a.py": "1\n"})
    orglab("init", "--no-hooks")
    orglab("new", "A", "-s", "one")
    repo.write("a.py", "2\n")
    repo.write("untracked.py", "1\n")
    orglab("run", "1.1", "--done", "--", "true")
    old = repo.git("rev-parse", "--short", "HEAD")
    repo.git("commit", "--quiet", "--amend", "--message=[e1.1] Two")
    new = repo.git("rev-parse", "--short", "HEAD")
    assert repo.git("for-each-ref", "--contains", old, "refs/orglab/runs")
    assert f"moved-hash {old} is now {new} (" in orglab("check", code=1).out


def test_a_successor_is_found_on_another_line_of_the_log(repo, capsys):
    orglab = Orglab(capsys)
    repo.commit("begun", {"a.py": "1\n"})
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A", "-s", "one", "-s", "two")
    living = repo.commit("[e1.1] x", {"b.py": "1\n"})[:7]
    log = repo.path / "experiment_log.org"
    text = log.read_text()
    log.write_text(
        text.replace("1. [ ] one", f"1. [X] one (1234567 -> {living})").replace("2. [ ] two", "2. [X] two (1234567)")
    )
    found = orglab("check", code=1).out
    assert f"moved-hash 1234567 is now {living} (log: recorded on another line of the log; confidence 0.98)" in found
    orglab("check", "--fix", code=1)
    assert f"2. [X] two (1234567 -> {living})" in log.read_text()
