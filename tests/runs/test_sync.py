"""Runs of other clones are received through git and written to the log once.  Real clones of a bare repository."""

import json
import os
import re
import subprocess

import pytest

from lab import orglab
from orglab.git import find_repository
from orglab.git.merge_config import register_driver
from orglab.git.records import list_record_files, writer_name
from orglab.log.merge.driver import CONFLICT
from orglab.runs.record_lines import is_run_id
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import PENDING, list_entries

LOG = "experiment_log.org"
pytestmark = pytest.mark.slow


class Clone:
    """A clone of a repository, and the command in it."""

    def __init__(self, path, repo):
        self.path = path
        self._repo = repo

    def git(self, *arguments, **options):
        return self._repo.git("-C", self.path, *arguments, **options)

    def __call__(self, *arguments, code=0, **environment):
        done = orglab(*arguments, cwd=self.path, **environment)
        assert done.code == code, done.err
        return done

    @property
    def log(self):
        return (self.path / LOG).read_text()

    def commit(self, message):
        self.git("add", "--all")
        # A run may have committed the log already.
        self.git("commit", "--quiet", "--allow-empty", "-m", message)


@pytest.fixture
def clones(repo, tmp_path_factory):
    """Two clones, and the bare repository that both know as origin; runs do not commit the log."""
    place = tmp_path_factory.mktemp("clones")
    orglab("init", "--tracked", cwd=repo.path)
    orglab("new", "First", "-s", "one", "-s", "two", cwd=repo.path)
    repo.commit("log", {"orglab.toml": "[run]\ncommit_log = false\n"})
    repo.git("clone", "--quiet", "--bare", repo.path, place / "bare")
    made = []
    for name in ("one", "two"):
        repo.git("clone", "--quiet", place / "bare", place / name)
        made.append(Clone(place / name, repo))
    return made


def ids_in(text):
    return re.findall(r"^ *run (\S+)$", text, re.M)


def test_a_run_of_another_clone_is_written_once(clones):
    one, two = clones
    two("run", "1.1", "--stdout-metrics", "--done", "--", "sh", "-c", "echo metric acc=0.5")
    assert "Sent our run records" in two("sync").err
    answer = one("sync")
    assert "Received 1 run; added 1 to the log" in answer.err
    assert "acc 0.5" in answer.out
    assert "exit 0, 0s: acc 0.5" in one.log
    assert "1. [X] one (" in one.log
    before = one.log
    assert "Received 0 runs; added 0 to the log" in one("sync").err
    one("list")
    assert one.log == before
    (run,) = read_runs(one.path)
    assert (run.is_foreign, run.metrics, run.status) == (True, {"acc": 0.5}, "done")


def test_a_received_run_is_not_written_to_another_log(clones):
    one, two = clones
    for clone in clones:
        (clone.path / "b").mkdir()
        (clone.path / "b" / LOG).write_text(clone.log)
    two("run", "1.1", "--", "true")
    two("sync")
    answer = one("--log", f"b/{LOG}", "sync")
    assert "added 0 to the log" in answer.err
    one("--log", f"b/{LOG}", "list")
    assert ids_in((one.path / "b" / LOG).read_text()) == []
    assert "(e1.1) to the log." in one("list").err


def test_two_time_zones_write_the_same_note_of_a_run(clones):
    one, two = clones
    two("run", "1.1", "--done", "--", "true", TZ="Asia/Tokyo")
    two("sync", TZ="Asia/Tokyo")
    one("sync", TZ="America/Los_Angeles")
    assert one.log == two.log


def test_two_clones_that_write_the_same_run_merge_to_one_note(clones):
    one, two = clones
    two("run", "1.1", "--", "true")
    two("sync")
    one("sync")
    two.commit("their log")
    two.git("push", "--quiet")
    one.commit("our log")
    one.git("pull", "--quiet", "--no-rebase", "--no-edit")
    assert len(ids_in(one.log)) == 1
    one("check")


def test_a_run_that_is_in_the_log_on_a_branch_is_not_written(clones):
    one, two = clones
    two("run", "1.1", "--", "true")
    two("sync")
    two.commit("their log")
    two.git("push", "--quiet")
    one.git("fetch", "--quiet")
    answer = one("sync")
    assert "another branch's log has" in answer.err
    assert ids_in(one.log) == []
    one.git("merge", "--quiet", "origin/main")
    one("list")
    assert len(ids_in(one.log)) == 1


def test_a_running_run_is_written_when_it_has_ended(clones):
    one, two = clones
    (two.path / "nested.sh").write_text("python -m orglab sync\n")
    two("run", "1.1", "--", "sh", "-c", "python3 -m orglab sync >/dev/null 2>&1; true")
    one("sync")
    (run,) = read_runs(one.path)
    assert run.status == "running"
    assert ids_in(one.log) == []
    one("list")
    assert ids_in(one.log) == []
    two("sync")
    one("sync")
    assert read_runs(one.path)[0].status == "done"
    assert ids_in(one.log) == [run.id]


def test_records_go_both_ways_and_nobody_moves_anothers(clones):
    one, two = clones
    for clone, code in ((one, "0"), (two, "3")):
        clone("run", "1.1", "--", "sh", "-c", f"exit {code}", code=int(code))
        clone("sync")
    one("sync")
    assert (
        {run.status for run in read_runs(one.path)} == {"done", "failed"} == {run.status for run in read_runs(two.path)}
    )
    writers = {writer_name(find_repository(clone.path)) for clone in clones}
    refs = one.git("ls-remote", "origin", "refs/orglab/records/*").split("\n")
    assert {ref.split("records/")[1] for ref in refs} == writers
    assert sorted(ids_in(one.log)) == sorted(ids_in(two.log))
    # The second sync of each was an addition, not another history.
    two("run", "1.1", "--", "true")
    two("sync")
    name = writer_name(find_repository(two.path))
    assert two.git("rev-list", "--count", f"refs/orglab/records/{name}") == "2"


def test_a_reference_that_somebody_else_has_moved_is_not_forced(clones):
    one, two = clones
    two("run", "1.1", "--", "true")
    two("sync")
    name = writer_name(find_repository(two.path))
    other = two.git("commit-tree", "HEAD^{tree}", "-m", "forged")
    two.git("push", "--quiet", "--force", "origin", f"{other}:refs/orglab/records/{name}")
    two("run", "1.1", "--", "true")
    said = two("sync").err
    now = writer_name(find_repository(two.path))
    assert (
        f"Somebody else has written to refs/orglab/records/{name}; this clone now publishes its runs as {now}." in said
    )
    assert two.git("ls-remote", "origin", f"refs/orglab/records/{name}").startswith(other)
    assert "Somebody else" not in two("sync").err
    assert "Received 2 runs" in one("sync").err


def test_a_run_of_a_missing_step_stays_pending(clones):
    one, two = clones
    two("new", "Second", "-s", "other")
    two("run", "2.1", "--", "true")
    two("sync")
    one("sync")
    assert ids_in(one.log) == []
    (name,) = list_entries(one.path, PENDING)
    assert f"Pending      {name}: the log does not have its step (not in the log yet)" in one("status").out
    (one.path / LOG).write_text(re.sub(r"(?m)^ +- .*\n^ +run .*\n", "", two.log))
    one("list")
    assert len(ids_in(one.log)) == 1


def test_a_run_is_not_written_to_an_experiment_that_only_has_the_same_id(clones):
    one, two = clones
    one("new", "Ours", "-s", "other", TZ="Asia/Tokyo")  # so that it was created at another time
    two("new", "Theirs", "-s", "other")
    two("run", "2.1", "--stdout-metrics", "--", "sh", "-c", "echo metric acc=0.5")
    two("sync")
    assert "added 0 to the log" in one("sync").err
    assert ids_in(one.log) == []
    (run,) = json.loads(one("runs", "--json").out)["runs"]
    assert run["ref"] is None
    assert json.loads(one("runs", "2", "--json").out)["runs"] == []
    assert "acc" not in one("show", "2").out
    one.commit("ours")
    two.commit("theirs")
    two.git("push", "--quiet")
    register_driver(find_repository(one.path), CONFLICT)
    one.git("pull", "--quiet", "--no-rebase", "--no-edit")
    renumbered = one("renumber", "2").out
    (run,) = json.loads(one("runs", "--json").out)["runs"]
    theirs = "e3" if "Theirs" in renumbered else "e2"
    assert run["ref"] == f"{theirs}.1"
    assert "acc 0.5" in one("show", theirs).out
    assert len(ids_in(one.log)) == 1


def test_a_copied_clone_is_another_writer(clones, tmp_path_factory):
    one, _ = clones
    first = writer_name(find_repository(one.path))
    assert writer_name(find_repository(one.path)) == first
    copy = tmp_path_factory.mktemp("copy") / "clone"
    one.git("clone", "--quiet", one.path, copy)
    (copy / ".git" / "orglab").mkdir(exist_ok=True)
    (copy / ".git" / "orglab" / "writer").write_bytes((one.path / ".git" / "orglab" / "writer").read_bytes())
    assert writer_name(find_repository(copy)) != first


@pytest.mark.parametrize("kind", ["link", "FIFO"])
def test_the_name_of_the_writer_is_read_and_written_only_in_a_file(clones, kind):
    one, _ = clones
    elsewhere = one.path.parent / "elsewhere"
    elsewhere.write_text("data")
    place = one.path / ".git" / "orglab" / "writer"
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    if kind == "link":
        place.symlink_to(elsewhere)
    else:
        os.mkfifo(place)
    name = writer_name(find_repository(one.path))
    assert name == writer_name(find_repository(one.path))
    assert elsewhere.read_text() == "data"
    assert place.is_file()
    assert not place.is_symlink()


def test_a_hostile_record_writes_nowhere_else_and_forges_nothing(clones):
    one, two = clones
    record = {
        "event": "began", "ref": "e1.1", "argv": ["x\n* TODO [9] forged :exp:", "\x1b[2J"], "why": "* TODO [8] forged :exp:",
        "began": "2018-06-06T16:16:00", "exit_code": 0, "hash": "83d45cd) [X] (", "metrics": {"\x1b[31m": "\n* x"},
        "seconds": "text", "host": 3,
    }  # fmt: skip
    blob = two.git("hash-object", "-w", "--stdin", stdin=json.dumps(record) + "\n")
    names = ["20180606-161600-3f2a1b/record.jsonl", "x/record.jsonl", "20180606-161600-3f2a1c/bad.sh"]
    two.git("read-tree", "--empty")
    two.git("update-index", "--add", "--index-info", stdin="".join(f"100644 {blob}\t{name}\n" for name in names))
    commit = two.git("commit-tree", two.git("write-tree"), "-m", "x")
    two.git("push", "--quiet", "origin", f"{commit}:refs/orglab/records/evil-00000000")
    answer = one("sync")
    assert "\x1b" not in answer.out + answer.err
    assert [run.id for run in read_runs(one.path)] == ["20180606-161600-3f2a1b"]
    assert not list(one.path.rglob("bad*"))
    assert "\n* TODO [9]" not in one.log
    assert "\n* TODO [8]" not in one.log
    assert [one["id"] for one in json.loads(one("list", "--json").out)["experiments"]] == ["1"]
    one("check")


def test_a_missing_remote_or_repository_is_an_error(clones, tmp_path_factory):
    one, _ = clones
    assert "There is no remote" in one("sync", "nosuch", code=5).err
    assert "There is no remote" in one("sync", "--", "--upload-pack=touch owned", code=5).err
    assert not (one.path / "owned").exists()
    alone = Clone(tmp_path_factory.mktemp("alone"), None)
    alone("init", "--tracked")
    assert "not in a git repository" in alone("sync", code=5).err


def test_snapshots_are_pushed_on_request(clones):
    _, two = clones
    (two.path / "new.py").write_text("1\n")
    two("run", "1.1", "--before", "snapshot", "--", "true")
    two("sync")
    (run,) = read_runs(two.path)
    assert two.git("ls-remote", "origin", "refs/orglab/runs/*") == ""
    two("sync", "--snapshots")
    assert two.git("ls-remote", "origin", f"refs/orglab/runs/{run.id}").startswith(run.snapshot)


@pytest.mark.parametrize("place", ["before", "after"])
def test_two_clones_that_write_the_same_run_among_other_notes_merge_to_one_note(clones, place):
    one, two = clones
    register_driver(find_repository(one.path), CONFLICT)
    (one.path / ".git" / "info" / "attributes").write_text(f"{LOG} merge=orglab\n")
    two("run", "1.1", "--", "true")
    two("sync")
    if place == "before":
        one("note", "1.1", "A thought of ours")
    one("sync")
    if place == "after":
        one("note", "1.1", "A thought of ours")
    two("note", "1.1", "A thought of theirs")
    two.commit("their log")
    two.git("push", "--quiet")
    one.commit("our log")
    one.git("pull", "--quiet", "--no-rebase", "--no-edit")
    assert len(ids_in(one.log)) == 1, one.log
    assert one.log.count("A thought of") == 2


def test_a_sync_without_news_prints_no_runs(clones):
    one, two = clones
    two("run", "1.1", "--", "true")
    two("sync")
    two.commit("their log")
    two.git("push", "--quiet")
    one.git("pull", "--quiet")
    answer = one("sync")
    assert "another branch's log has" not in answer.err
    assert answer.out == ""
    assert "Received 1 run; added 0 to the log" in answer.err
    assert len(ids_in(one.log)) == 1


@pytest.mark.parametrize("lines", [3, 20_000])
def test_the_end_of_the_output_comes_along(clones, lines):
    one, two = clones
    two("run", "1.1", "--", "seq", str(lines))
    two("sync")
    one("sync")
    [run] = read_runs(one.path)
    whole = "".join(f"{number}\n" for number in range(1, lines + 1))
    assert (run.folder / "output.log").read_text() == whole[-(1 << 16) :]
    shown = one("runs", "show", run.id).out
    assert f"\n  {lines}\n" in shown
    assert ("only the last 64 KB" in shown) == (lines > 3)
    assert "only the last" not in two("runs", "show", run.id).out


def test_the_output_stays_here_if_the_settings_say_so(clones):
    one, two = clones
    (two.path / "orglab.toml").write_text("[run]\nshare_output = false\n")
    two("run", "1.1", "--", "echo", "secret")
    two("sync")
    one("sync")
    [run] = read_runs(one.path)
    assert not (run.folder / "output.log").exists()
    assert "Output" not in one("runs", "show", run.id).out


def test_the_output_of_a_hostile_clone_is_cut_and_cleaned(clones):
    one, two = clones
    record = two.git("hash-object", "-w", "--stdin", stdin='{"event": "began", "ref": "e1.1", "argv": ["x"]}\n')
    output = two.git("hash-object", "-w", "--stdin", stdin="x" * 100_000 + "\x1b[2J\n")
    two.git("read-tree", "--empty")
    names = {"record.jsonl": record, "output.log": output}
    lines = "".join(f"100644 {blob}\t20180606-161600-3f2a1b/{name}\n" for name, blob in names.items())
    two.git("update-index", "--add", "--index-info", stdin=lines)
    commit = two.git("commit-tree", two.git("write-tree"), "-m", "x")
    two.git("push", "--quiet", "origin", f"{commit}:refs/orglab/records/evil-00000000")
    one("sync")
    [run] = read_runs(one.path)
    assert (run.folder / "output.log").stat().st_size == 1 << 16
    assert "\x1b" not in one("runs", "show", run.id).out


GOOD, BAD, OTHER = (f"20250101-000000-abcd0{number}" for number in range(3))


def publish(clone, writer, *entries):
    """Push a ref of records with these entries: mode, name, content or hash."""
    lines = ""
    for mode, name, content in entries:
        is_hash = re.fullmatch("[0-9a-f]{40}", content)
        blob = content if is_hash else clone.git("hash-object", "-w", "--stdin", stdin=content)
        lines += f"{mode} {blob}\t{name}\n"
    clone.git("read-tree", "--empty")
    clone.git("update-index", "--add", "--index-info", stdin=lines)
    commit = clone.git("commit-tree", clone.git("write-tree"), "-m", "x")
    clone.git("read-tree", "HEAD")
    clone.git("push", "--quiet", "--force", "origin", f"{commit}:refs/orglab/records/{writer}")
    return commit


def record_of(*argv, **fields):
    return json.dumps({"event": "began", "ref": "e1.1", "argv": argv, "exit_code": 0, **fields}) + "\n"


def update_bare(clone, name, target):
    """Write a ref of any name to the bare repository."""
    path = b"refs/orglab/records/" + name
    subprocess.run(["git", "update-ref", path, target], cwd=clone.path.parent / "bare", check=True)


@pytest.mark.parametrize("kind", ["bytes", "blank", "below", "blob", "tag of a blob", "missing tree"])
def test_a_reference_that_is_no_record_stops_no_other(clones, kind):
    one, two = clones
    good = publish(two, "good", ("100644", f"{GOOD}/record.jsonl", record_of("true")))
    bare = two.path.parent / "bare"
    blob = two.git("--git-dir", bare, "hash-object", "-w", "--stdin", stdin="x")
    names = {"bytes": b"a\xff", "blank": "a\u00a0b".encode(), "below": b"third/x"}
    target = good
    if kind == "blob":
        target = blob
    elif kind == "tag of a blob":
        target = two.git(
            "--git-dir", bare, "mktag", stdin=f"object {blob}\ntype blob\ntag x\ntagger T <t@e> 0 +0000\n\n"
        )
    elif kind == "missing tree":
        commit = f"tree {'1' * 40}\nauthor T <t@e> 0 +0000\ncommitter T <t@e> 0 +0000\n\n"
        target = two.git("--git-dir", bare, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=commit)
    update_bare(two, names.get(kind, b"evil"), target)
    said = one("sync").err
    assert "was passed over" in said
    assert ids_in(one.log) == [GOOD]
    assert "Received 0 runs" in one("sync").err


def test_a_rewound_reference_and_one_in_the_place_of_a_folder_are_read(clones):
    one, two = clones
    publish(two, "third", ("100644", f"{GOOD}/record.jsonl", record_of("true")))
    one("sync")
    publish(two, "third", ("100644", f"{OTHER}/record.jsonl", record_of("true")))
    one("sync")
    assert ids_in(one.log) == [GOOD, OTHER]


def test_only_regular_files_of_a_bounded_size_are_received(clones):
    one, two = clones
    head = two.git("rev-parse", "HEAD")
    publish(
        two, "evil",
        ("100644", f"{GOOD}/record.jsonl", record_of("true")), ("120000", f"{GOOD}/metrics.jsonl", "/etc/passwd"),
        ("100644", f"{GOOD}/run.sh", "true"), ("100644", f"{GOOD}/output.log/x", "x"),
        ("100644", f"{BAD}/record.jsonl", record_of("true", why="x" * (1 << 20))),
        ("160000", f"{OTHER}/record.jsonl", head), ("100644", "99990101-000000-aaaa/record.jsonl", record_of("true")),
    )  # fmt: skip
    said = one("sync").err
    assert f"{BAD}/record.jsonl of refs/orglab/records/evil was passed over: it is larger than 1 MB." in said
    assert f"{GOOD}/metrics.jsonl of refs/orglab/records/evil was passed over: it is not a regular file." in said
    assert [run.id for run in read_runs(one.path)] == [GOOD]
    runs = one.path / ".git/orglab/runs"
    assert sorted(path.name for path in (runs / GOOD).iterdir() if path.name[0] != ".") == ["record.jsonl"]
    assert [path.name for path in runs.iterdir()] == [GOOD]


def test_two_writers_of_one_run_are_told(clones):
    one, two = clones
    for writer, argv in (("aaa", "fake"), ("zzz", "true")):
        publish(two, writer, ("100644", f"{GOOD}/record.jsonl", record_of(argv)))
    said = one("sync").err
    assert f"aaa, zzz have published different runs as {GOOD}; none was received." in said
    assert read_runs(one.path) == []
    publish(two, "zzz", ("100644", f"{GOOD}/record.jsonl", record_of("fake")))
    assert "Received 1 run" in one("sync").err  # a copy of a clone has the same runs


def test_a_record_never_replaces_that_of_another_writer_or_of_this_clone(clones):
    one, two = clones
    one("run", "1.1", "--", "true")
    (run,) = read_runs(one.path)
    publish(two, "first", ("100644", f"{GOOD}/record.jsonl", record_of("true")))
    one("sync")
    publish(two, "thief", *(("100644", f"{name}/record.jsonl", record_of("fake")) for name in (GOOD, run.id)))
    said = one("sync").err
    assert f"thief has published other runs than those here as {GOOD}, {run.id}; they were passed over." in said
    assert {known.argv for known in read_runs(one.path)} == {("true",)}


def test_a_run_is_received_though_nothing_can_be_sent(clones):
    one, two = clones
    publish(two, "good", ("100644", f"{GOOD}/record.jsonl", record_of("true")))
    hook = two.path.parent / "bare/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    one("run", "1.1", "--", "true")
    assert "git push failed" in one("sync", code=5).err
    one("list")
    assert GOOD in ids_in(one.log)


def test_links_are_not_published(clones):
    one, _ = clones
    one("run", "1.1", "--", "true")
    one("run", "1.1", "--", "true")
    elsewhere = one.path.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "record.jsonl").write_text(record_of("secret"))
    first, second = read_runs(one.path)
    for name in ("metrics.jsonl", "output.log"):
        (first.folder / name).unlink(missing_ok=True)
        (first.folder / name).symlink_to(elsewhere / "record.jsonl")
    second.folder.rename(one.path.parent / "moved")
    second.folder.symlink_to(elsewhere)
    one("sync")
    name = writer_name(find_repository(one.path))
    assert one.git("ls-tree", "-r", "--name-only", f"refs/orglab/records/{name}") == f"{first.id}/record.jsonl"


def test_many_runs_of_one_writer_are_bounded(clones):
    _, two = clones
    record = two.git("hash-object", "-w", "--stdin", stdin=record_of("true"))
    folder = two.git("mktree", stdin=f"100644 blob {record}\trecord.jsonl\n")
    runs = "".join(f"040000 tree {folder}\t20250101-000000-{number:06x}\n" for number in range(10_001))
    commit = two.git("commit-tree", two.git("mktree", stdin=runs), "-m", "x")
    two.git("push", "--quiet", "origin", f"{commit}:refs/orglab/records/many")
    told = []
    tips = {"many": commit}
    found = list_record_files(find_repository(two.path), tips, {"record.jsonl": 1 << 20}, is_run_id, told.append)
    assert told == ["refs/orglab/records/many has 10001 runs; only the newest 10000 are read."]
    assert [file.run for file in found] == [f"20250101-000000-{number:06x}" for number in range(1, 10_001)]


def test_what_is_published_is_said_once_for_each_remote_and_clone(clones, repo, tmp_path):
    one, two = clones
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert "Publishing" not in one("sync", **state).err, "there is nothing to publish"
    (one.path / "orglab.toml").write_text("[run]\ncommit_log = false\nenvironment = ['EXTRA']\n")
    one("run", "1.1", "--", "true", EXTRA="x", **state)
    said = (
        f"Publishing to {tmp_path_of(one)}: the records of 1 run (commands, host names, folders, packages, the "
        "environment variables EXTRA), and the last 64 KB of what each printed"
    )
    assert said in one("sync", **state).err
    assert "Publishing" not in one("sync", **state).err
    bare = tmp_path / "another"
    repo.git("init", "--quiet", "--bare", bare)
    one.git("remote", "add", "another", f"file://ada:of-url-1@localhost{bare}")
    (one.path / "orglab.toml").write_text("[run]\nshare_output = false\n")
    done = orglab("sync", "another", cwd=one.path, **state)
    assert f"Publishing to file://localhost{bare}: the records of 1 run" in done.err
    assert "64 KB" not in done.err
    assert "of-url-1" not in done.err.splitlines()[0]
    two("run", "1.1", "--", "true", **state)
    assert "Publishing" in two("sync", **state).err


def tmp_path_of(clone):
    return clone.git("remote", "get-url", "origin").strip()


def test_secrets_and_their_digests_are_not_published(clones):
    one, two = clones
    command = ("sh", "-c", 'echo "$@" hf_Of""Output1abc; head -c 70000 /dev/zero | tr "\\0" x; echo " $2"', "x")
    for secret in ("of-word-1", "of-word-2"):
        one("run", "1.1", "-m", "with ghp_OfWhy1", "--", *command, "--password", secret)
    one("sync")
    two("sync")
    objects = one.git("rev-list", "--objects", "--all").split("\n")
    for line in objects:
        name = line.split()[0]
        if one.git("cat-file", "-t", name).strip() == "blob" and "/" in line:
            content = one.git("cat-file", "blob", name)
            for secret in ("of-word", "ghp_OfWhy1", "hf_OfOutput", '"secrets"'):
                assert secret not in content, line
    first, second = read_runs(two.path)
    assert first.argv == second.argv == (*command, "--password", "***")
    assert (first.digests, second.digests) == ({}, {})
    # What the digests say is not known here, so runs of one clone count as having the same secrets.
    settings = json.loads(two("runs", "--by", "setting", "--json").out)["settings"]
    assert [len(setting["runs"]) for setting in settings] == [2]
    two("run", "1.1", "--", *command, "--password", "of-word-1")
    assert len(json.loads(two("runs", "--by", "setting", "--json").out)["settings"]) == 2
    third = read_runs(two.path)[-1]
    assert "password *** -> *** (perhaps another)" in two("runs", "diff", first.id, third.id).out
