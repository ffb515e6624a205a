"""Clones that share a log that is kept apart through a remote."""

import re

import pytest

from commands import Orglab
from conftest import Repository
from lab import NAME


class Clone:
    """A clone with its own commands."""

    def __init__(self, repository, orglab, monkeypatch):
        self.repository = repository
        self._orglab = orglab
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments, code=0):
        self._monkeypatch.chdir(self.repository.path)
        return self._orglab(*arguments, code=code)

    @property
    def text(self):
        return (self.repository.path / NAME).read_text()

    def write(self, text):
        (self.repository.path / NAME).write_text(text)


@pytest.fixture
def clones(capsys, tmp_path, monkeypatch):
    """Three clones of a bare remote: the first has a log with one experiment, which it has sent."""
    Repository(tmp_path).git("init", "--quiet", "--bare", "hub")
    made = []
    for name in ("a", "b", "c"):
        Repository(tmp_path).git("clone", "--quiet", "hub", name)
        repository = Repository(tmp_path / name)
        if name == "a":
            repository.commit("start", {"train.py": "x = 0\n"})
            repository.git("push", "--quiet", "origin", "HEAD")
        clone = Clone(repository, Orglab(capsys), monkeypatch)
        clone("init")
        if name == "a":
            clone("new", "First", "-s", "A", "-s", "B")
            clone("sync")
        made.append(clone)
    return made


def test_a_week_offline_loses_nothing(clones):
    a, b, _ = clones
    b("done", "1.1", "--no-commit")
    b("note", "1", "From b")
    b("run", "1.2", "--", "true")
    a("note", "1", "From a")
    a("new", "Idea of a", "--id", "10")
    b("new", "Idea of b", "--id", "20")
    assert "The log has no new changes of others, and was sent.\n" in b("sync").err
    assert "The log has the changes of others, and was sent.\n" in a("sync").err
    b("sync")
    assert a.text == b.text
    for word in ("From a", "From b", "Idea of a", "Idea of b", "1. [X] A"):
        assert word in a.text
    assert a("check").err == b("check").err == "No problems found.\n"
    assert a.repository.git("status", "--porcelain") == ""
    assert "The log has no new changes of others, and none of its own to send.\n" in a("sync").err


def test_a_run_is_told_once_in_all_clones(clones):
    a, b, c = clones
    b("run", "1.1", "--", "true")
    b("sync")
    a("sync")
    c("sync")
    a("sync")
    for clone in (a, b, c):
        assert clone.text.count("ran true") == 1
    assert a.text == b.text == c.text


def test_one_number_for_two_experiments_is_kept_and_named(clones):
    a, b, _ = clones
    a("new", "Idea of a")
    b("new", "Idea of b")
    a("sync")
    assert "Two experiments have the id 2" in b("sync").err
    assert {"Idea of a", "Idea of b"} <= set(b("list").out.replace("\n", "  ").split("  "))


def test_two_logs_that_were_begun_apart_become_one(clones):
    a, _, c = clones
    c.repository.git("update-ref", "-d", "refs/heads/experiment-log")
    c.write(c.text.replace("First", "Another first"))
    c("sync")
    assert "First" in c.text
    assert "Another first" in c.text
    a("sync")
    assert a.text == c.text


def test_a_conflict_is_resolved_in_the_file_and_sent_by_the_next_sync(clones):
    a, b, _ = clones
    for clone, title in ((a, "First of a"), (b, "First of b")):
        clone.write(clone.text.replace("[1] First", f"[1] {title}"))
    a("sync")
    assert f"{NAME} has 1 conflict with the changes of others" in b("sync").err
    assert "resolve the conflict first" in b("new", "x", code=4).err
    assert "conflict" in b("sync", code=4).err
    kept = [line for line in b.text.splitlines() if not line.startswith(("<<<<<<<", "=======", ">>>>>>>", "|||||||"))]
    b.write("\n".join(line for line in kept if "First of a" not in line and "[1] First [" not in line) + "\n")
    assert "The log has no new changes of others, and was sent.\n" in b("sync").err
    a("sync")
    assert "First of b" in a.text
    assert a.text == b.text


def test_without_the_remote_nothing_is_lost(clones, tmp_path):
    a, *_ = clones
    (tmp_path / "hub").rename(tmp_path / "away")
    a("note", "1", "Offline")
    assert "git" in a("sync", code=5).err
    assert "Offline" in a.text
    (tmp_path / "away").rename(tmp_path / "hub")
    assert "and was sent" in a("sync").err


def begin_below(a, b, monkeypatch):
    """Begin a second log in a folder of one clone, and take it into another one."""
    (a.repository.path / "sub").mkdir()
    monkeypatch.chdir(a.repository.path / "sub")
    a._orglab("--log", NAME, "init")
    a._orglab("new", "Below")
    a._orglab("sync")
    b("sync")


def test_a_second_log_of_the_remote_arrives(clones, monkeypatch):
    a, b, _ = clones
    begin_below(a, b, monkeypatch)
    assert "Below" in (b.repository.path / "sub" / NAME).read_text()
    assert b.repository.git("status", "--porcelain") == ""


def test_a_clone_hears_that_its_experiment_was_renumbered_and_goes_on_with_it(clones):
    a, b, _ = clones
    b("new", "Idea of b")
    a("new", "Idea of a", "-s", "one")
    a("start", "2.1")
    a("sync")
    b("sync")
    b("renumber", "2", "--to", "5")
    mine = "e5" if "Idea of a" in b("show", "5").out else "e2"
    b("sync")
    said = a("sync").err
    assert f"{mine}.1" in a("status").out if mine != "e2" else "e2.1" in a("status").out
    assert ("Your e2 is now e5: Idea of a.\n" in said) == (mine == "e5")


def test_a_step_that_got_another_number_stays_active(clones):
    a, b, _ = clones
    a("step", "1", "Of a")
    a("start", "1.3")
    b("step", "1", "Of b")
    b("sync")
    said = a("sync").err
    step = re.search(r"(\d)\. \[ \] Of a$", a("show", "1").out, re.M).group(1)
    assert f"Active       e1.{step}  Of a" in a("status").out
    assert ("is now e1.4" in said) == (step == "4")


def test_the_reason_of_a_server_that_refuses_is_told(clones, tmp_path):
    a, *_ = clones
    hook = tmp_path / "hub/hooks/update"
    hook.write_text("#!/bin/sh\necho 'Branches begin with feature/' >&2\nexit 1\n")
    hook.chmod(0o755)
    a("note", "1", "A note")
    assert "did not take the branch experiment-log: Branches begin with feature/" in a("sync", code=5).err


@pytest.mark.usefixtures("clones")
def test_a_clone_of_one_branch_takes_the_log_by_sync(tmp_path, capsys, monkeypatch):
    Repository(tmp_path).git("clone", "--quiet", "--single-branch", f"file://{tmp_path}/hub", "single")
    repository = Repository(tmp_path / "single")
    repository.git("remote", "rename", "origin", "upstream")
    single = Clone(repository, Orglab(capsys), monkeypatch)
    assert "take that of a remote with `orglab sync`" in single("list", code=3).err
    single("sync")
    assert "First" in single("list").out


def test_what_others_committed_to_the_branch_is_not_reverted(clones, tmp_path):
    a, *_ = clones
    a.repository.git("worktree", "add", "--quiet", "../history", "experiment-log")
    history = Repository(tmp_path / "history")
    history.write(NAME, a.text.replace("First", "First, reworded"))
    history.commit("reworded")
    a.repository.git("worktree", "remove", "../history")
    a("note", "1", "Mine")
    a("commit")
    assert "First, reworded" in a.text
    assert "Mine" in a.text


def test_status_says_what_was_not_sent_yet(clones):
    a, *_ = clones
    assert "not sent" not in a("status").out
    a("note", "1", "A note")
    a("commit")
    assert "(1 commit not sent; run `orglab sync`)" in " ".join(a("status").out.split())
    a("sync")
    assert "not sent" not in a("status").out


def test_two_logs_of_one_branch_keep_what_others_wrote(clones, monkeypatch):
    a, b, _ = clones
    begin_below(a, b, monkeypatch)
    monkeypatch.chdir(b.repository.path / "sub")
    b._orglab("note", "1", "Of b, below")
    b._orglab("sync")
    a("note", "1", "Of a, above")
    a("sync")
    b("sync")
    for clone in (a, b):
        assert "Of b, below" in (clone.repository.path / "sub" / NAME).read_text()
        assert "Of a, above" in clone.text


def test_a_journal_that_others_committed_to_the_branch_is_not_reverted(clones, tmp_path):
    a, *_ = clones
    a("journal", "Of a")
    a("commit")
    a.repository.git("worktree", "add", "--quiet", "../history", "experiment-log")
    history = Repository(tmp_path / "history")
    history.write("journal.org", (history.path / "journal.org").read_text() + "**** Of others\n")
    history.commit("theirs")
    a.repository.git("worktree", "remove", "../history")
    a("journal", "More of a")
    a("commit")
    journal = (a.repository.path / "journal.org").read_text()
    assert "Of others" in journal
    assert "More of a" in journal


def test_a_local_log_and_that_of_the_remote_become_one(clones, tmp_path, capsys, monkeypatch):
    Repository(tmp_path).git("clone", "--quiet", "hub", "late")
    late = Clone(Repository(tmp_path / "late"), Orglab(capsys), monkeypatch)
    late.repository.write(NAME, "* TODO [7] Written before :exp:\n  [2018-06-06 Wed 16:16]\n")
    late("init")
    late("sync")
    assert "Written before" in late.text
    assert "First" in late.text
    a, *_ = clones
    a("sync")
    assert "Written before" in a.text


@pytest.mark.parametrize("is_diverged", [True, False])
def test_a_log_that_others_renamed_gets_the_new_name(clones, is_diverged):
    a, b, _ = clones
    b("journal", "Of b")
    b("sync")
    a("sync")
    a.repository.git("switch", "--quiet", "--orphan", "other")
    a.repository.write("other.org", "")
    tree = a.repository.git(
        "mktree", stdin=f"100644 blob {a.repository.git('hash-object', '-w', 'other.org')}\t{NAME}\n"
    )
    a.repository.git("update-ref", "refs/heads/other", a.repository.git("commit-tree", "-m", "tracks it", tree))
    a.repository.git("symbolic-ref", "HEAD", "refs/heads/main")
    a.repository.git("reset", "--quiet")
    assert a("init", "--apart").out.startswith("The log is now experiments.org")
    a("sync")
    if is_diverged:
        b("note", "1", "Written meanwhile")
    assert f"Others have renamed {NAME}, so the log is now experiments.org." in b("sync").err
    b("note", "1", "Afterwards")
    b("commit")
    b("sync")
    text = (b.repository.path / "experiments.org").read_text()
    assert ("Written meanwhile" in text) == is_diverged
    assert not (b.repository.path / NAME).exists()
    assert NAME not in b.repository.git("ls-tree", "-r", "--name-only", "experiment-log").split()
    assert "Of b" in b.repository.git("show", "experiment-log:journal.org")
    a("sync")
    assert "Afterwards" in (a.repository.path / "experiments.org").read_text()


def test_a_file_outside_to_which_a_tracked_link_leads_is_not_sent(clones, tmp_path):
    a, b, _ = clones
    (tmp_path / "id_rsa").write_text("TOP-SECRET\n")
    (a.repository.path / f"{NAME}_archive").symlink_to("../id_rsa")
    a.repository.git("add", "-f", f"{NAME}_archive")
    a.repository.commit("a link")
    a.repository.git("push", "--quiet", "origin", "HEAD")
    b.repository.git("pull", "--quiet")
    b("note", "1", "From b")
    assert f"{NAME}_archive is a link that git tracks" in b("sync").err
    assert b.repository.git("ls-tree", "-r", "--name-only", "experiment-log").split() == [NAME]


def add_to_branch(clone, files):
    """Commit files to the branch as a collaborator may, and send it."""
    git = clone.repository.git
    listed = []
    for name, text in files.items():
        clone.repository.write("made", text)
        listed.append(f"100644 {git('hash-object', '-w', 'made')} 0\t{name}")
    (clone.repository.path / "made").unlink()
    git("checkout", "--quiet", "-b", "made", "experiment-log")
    git("update-index", "--add", "--index-info", stdin="\n".join(listed) + "\n")
    git("commit", "--quiet", "-m", "made")
    git("push", "--quiet", "origin", "made:experiment-log")


def test_a_name_of_the_branch_is_not_merged_through_a_link_or_into_the_code(clones, tmp_path):
    a, b, _ = clones
    (tmp_path / "home").mkdir()
    (tmp_path / "home/todo.org").write_text("* mine\n")
    (b.repository.path / "notes").symlink_to("../home")
    b.repository.commit("code", {"readme.org": "* Read me\n"})
    add_to_branch(
        a,
        {
            "notes/todo.org": "* mine\n* evil\n",
            "notes/new.org": "* evil\n",
            "readme.org": "* evil\n",
            "ok.org": "* ok\n",
        },
    )
    said = b("sync").err
    assert "notes/todo.org of the branch experiment-log of others was not merged, because a link" in said
    assert "readme.org of the branch experiment-log of others was not merged, because git tracks" in said
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["todo.org"]
    assert (tmp_path / "home/todo.org").read_text() == "* mine\n"
    assert (b.repository.path / "readme.org").read_text() == "* Read me\n"
    assert (b.repository.path / "ok.org").read_text() == "* ok\n"


def test_a_branch_of_too_many_or_too_large_files_is_not_merged(clones):
    a, b, c = clones
    add_to_branch(a, {NAME: "x" * (65 << 20)})
    assert f"{NAME} is larger than 64 MB" in b("sync", code=5).err
    add = {f"l{number}.org": f"* {number}\n" for number in range(60)}
    b.repository.git("push", "--quiet", "--force", "origin", "experiment-log")
    c("list")
    add_to_branch(c, add)
    assert "has 61 logs, journals and archives" in b("sync", code=5).err
    assert "First" in b("list").out
