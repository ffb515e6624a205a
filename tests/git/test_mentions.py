"""Commits with references: all, new and lost ones, in real and in hostile repositories."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orglab.git import find_repository
from orglab.git.mentions import Scan, Tips, read_tips, scan_mentions
from orglab.reference import Reference, find_references

E1, E1_1 = Reference("1"), Reference("1", 1)


@pytest.fixture
def ours(repo):
    """The repository as orglab sees it."""
    return find_repository(repo.path)


def subjects(found):
    return [one.commit.subject for one in found.mentions]


class Kept:
    """Stored results, updated like the index: new mentions are added, lost ones removed."""

    def __init__(self, repository):
        self.repository = repository
        self.tips = None
        self.mentions = {}

    def refresh(self):
        found = scan_mentions(self.repository, "e", self.tips)
        if found.gone is None:
            self.mentions.clear()
        for name in found.gone or ():
            self.mentions.pop(name, None)
        self.mentions |= {one.hash: one.references for one in found.mentions}
        self.tips = found.tips
        return found

    def check(self):
        """Refresh, and compare with a scan of everything."""
        found = self.refresh()
        assert self.mentions == {one.hash: one.references for one in scan_mentions(self.repository, "e").mentions}
        return found


def test_messages_are_scanned_newest_first(repo, ours):
    repo.commit("[e1] begin")
    repo.commit("nothing")
    last = repo.commit("Some words\n\nbody names [e1.1], [e7] and again [e1.1]")
    found = scan_mentions(ours, "e")
    assert subjects(found) == ["Some words", "[e1] begin"]
    assert found.mentions[0].references == (E1_1, Reference("7"))
    assert found.mentions[0].hash == found.mentions[0].commit.hash == last
    assert found.gone is None


@pytest.mark.parametrize(
    ("message", "references"),
    [
        ("foo[e1]", ()),
        ("[[e1]]", ()),
        ("[e1.99999999999]", ()),
        ("[e1][e2]", ()),
        ("[e1](x)", ()),
        ("é[e1]", ()),
        ("[e1.1]: x", (E1_1,)),
        ("x ([e1.1])", (E1_1,)),
        ("[E1]", ()),
        ("x\n\nRefs: e1.1, e2.1\n", (E1_1, Reference("2", 1))),
        ("[e1] x\n\nRefs: e1.1\n", (E1, E1_1)),
        ("Refs: e1.1\n\nx", ()),
        ("[error] [e1]", (Reference("rror"), E1)),
        ("\x1b]0;owned\x07[e1]\x1b[31m", (E1,)),
        ("x" * 1_000_000 + " [e1]", (E1,)),
        ("[e1]\r\nx", (E1,)),
    ],
    ids=range(16),
)
def test_what_counts_as_a_reference(repo, ours, message, references):
    repo.commit(message)
    assert [one.references for one in scan_mentions(ours, "e").mentions] == ([references] if references else [])


def test_a_message_that_is_not_utf_8_and_one_in_latin_1(repo, ours):
    for encoding, message in (("UTF-8", b"\xff\xfe [e1]\xff [e1.1]"), ("ISO-8859-1", b"d\xe9j\xe0 vu [e1.1]")):
        subprocess.run(
            ["git", "-c", f"i18n.commitEncoding={encoding}", "commit", "--quiet", "--allow-empty", "--file=-"],
            input=message,
            capture_output=True,
            cwd=repo.path,
            check=True,
        )
    found = scan_mentions(ours, "e").mentions
    assert [one.references for one in found] == [(E1_1,), (E1, E1_1)]
    assert found[0].commit.subject == "déjà vu [e1.1]"


def test_references_in_author_names_do_not_count(repo, ours, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", "A [e1] B")
    repo.commit("see [error]")
    assert [one.references for one in scan_mentions(ours, "e").mentions] == [(Reference("rror"),)]


def test_another_letter(repo, ours):
    repo.commit("[exp1.2] and [e1]")
    assert scan_mentions(ours, "exp").mentions[0].references == (Reference("1", 2),)


def test_local_and_remote_branches_and_a_detached_head_are_scanned_and_nothing_else(repo, ours):
    repo.commit("[e1] main")
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit("[e1] other")
    repo.git("update-ref", "refs/remotes/origin/x", repo.commit("[e1] remote"))
    repo.git("update-ref", "refs/orglab/keep/1", repo.commit("[e1] kept alive"))
    repo.git("tag", "old", repo.commit("[e1] tagged"))
    repo.git("reset", "--quiet", "--hard", "HEAD~3")
    repo.git("switch", "--quiet", "--detach", "main")
    repo.commit("[e1] detached")
    wanted = {"[e1] main", "[e1] other", "[e1] remote", "[e1] detached"}
    assert set(subjects(scan_mentions(ours, "e"))) == wanted


def test_no_commit_and_no_branch(repo, ours):
    assert scan_mentions(ours, "e") == Scan([], None, Tips(frozenset(), ""))
    kept = Kept(ours)
    kept.check()
    repo.commit("[e1] first")
    assert subjects(kept.check()) == ["[e1] first"]


def test_only_new_commits_are_scanned(repo, ours):
    repo.commit("[e1] a")
    kept = Kept(ours)
    kept.check()
    assert kept.check() == Scan([], frozenset(), kept.tips)
    repo.commit("b")
    assert subjects(kept.check()) == []
    repo.commit("[e1] c")
    repo.git("branch", "same")
    found = kept.check()
    assert (subjects(found), found.gone) == (["[e1] c"], frozenset())


def test_commits_of_a_rewritten_tip_are_gone(repo, ours):
    repo.commit("[e1] a")
    old = repo.commit("[e1] b")
    kept = Kept(ours)
    kept.refresh()
    repo.git("commit", "--quiet", "--amend", "--allow-empty", "--message=[e2] b")
    found = kept.check()
    assert found.gone == {old}
    assert subjects(found) == ["[e2] b"]


def test_commits_on_another_branch_are_not_gone(repo, ours):
    repo.commit("[e1] a")
    repo.git("switch", "--quiet", "--create", "topic")
    repo.commit("[e1] shared")
    repo.git("branch", "second")
    lost = repo.commit("[e1] lost")
    repo.git("switch", "--quiet", "main")
    kept = Kept(ours)
    kept.refresh()
    repo.git("branch", "--quiet", "--delete", "--force", "topic")
    assert kept.check().gone == {lost}
    repo.git("branch", "--quiet", "--delete", "--force", "second")
    assert len(kept.check().gone) == 1
    repo.git("branch", "back", lost)
    assert subjects(kept.check()) == ["[e1] lost", "[e1] shared"]


def test_missing_tips_cause_a_full_scan(repo, ours):
    repo.commit("[e1] a")
    old = repo.commit("[e1] b")
    kept = Kept(ours)
    kept.refresh()
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    assert repo.git("cat-file", "-t", old, check=False) == ""
    assert kept.check().gone is None


def test_deepening_a_shallow_clone_causes_a_full_scan(repo, tmp_path_factory):
    for number in range(4):
        repo.commit(f"[e1] {number}")
    clone = tmp_path_factory.mktemp("clone") / "study"
    repo.git("clone", "--quiet", "--depth=2", f"file://{repo.path}", clone)
    kept = Kept(find_repository(clone))
    kept.check()
    assert len(kept.mentions) == 2
    assert kept.check().gone == frozenset()
    subprocess.run(["git", "fetch", "--quiet", "--unshallow"], cwd=clone, check=True)
    kept.check()
    assert len(kept.mentions) == 4


def test_replaced_history_causes_a_full_scan(repo, ours):
    first, second = repo.commit("[e1] a"), repo.commit("[e1] b")
    repo.commit("[e1] c")
    kept = Kept(ours)
    kept.refresh()
    repo.git("replace", "--graft", second)
    kept.check()
    assert first not in kept.mentions
    repo.git("replace", "--delete", second)
    kept.check()
    assert first in kept.mentions


def test_a_worktree_has_a_head_of_its_own(repo, tmp_path_factory):
    repo.commit("[e1] main")
    place = tmp_path_factory.mktemp("worktree") / "w"
    repo.git("worktree", "add", "--quiet", "--detach", place)
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "--message=[e1] there"], cwd=place, check=True)
    assert set(subjects(scan_mentions(find_repository(place), "e"))) == {"[e1] there", "[e1] main"}
    assert subjects(scan_mentions(find_repository(repo.path), "e")) == ["[e1] main"]


def test_a_broken_branch_does_not_hide_others(repo, ours):
    repo.commit("[e1] a")
    (repo.path / ".git" / "refs" / "heads" / "broken").write_text("1234567890" * 4 + "\n")
    kept = Kept(ours)
    kept.check()
    assert len(kept.mentions) == 1
    repo.commit("[e1] b")
    kept.check()
    assert len(kept.mentions) == 2


@pytest.mark.parametrize("name", ["-h", "--output=owned", "--all", "^main", "@{-1}", "a\\b"])
def test_hostile_names_of_branches(repo, ours, name):
    head = repo.commit("[e1] a")
    place = repo.path / ".git" / "refs" / "heads" / name
    place.write_text(f"{head}\n")
    assert subjects(scan_mentions(ours, "e")) == ["[e1] a"]
    assert not (repo.path / "owned").exists()


def test_hostile_settings_run_nothing(repo, ours):
    repo.commit("[e1] a")
    owned = f"touch {repo.path}/owned; cat"
    for name in ("core.fsmonitor", "core.pager", "pager.log", "diff.external", "gpg.program", "core.sshCommand"):
        repo.git("config", name, owned)
    for name, value in {
        "log.showSignature": "true",
        "alias.log": f"!{owned}",
        "alias.for-each-ref": f"!{owned}",
        "format.pretty": "oneline",
        "log.follow": "true",
        "log.date": "format:[e9]",
        "grep.patternType": "perl",
        "i18n.logOutputEncoding": "UTF-16",
        "core.abbrev": "40",
        "log.mailmap": "true",
        "core.commitGraph": "true",
    }.items():
        repo.git("config", name, value)
    assert subjects(scan_mentions(ours, "e")) == ["[e1] a"]
    assert len(scan_mentions(ours, "e").mentions[0].commit.short) == 7
    assert not (repo.path / "owned").exists()


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["commit", "name", "branch", "switch", "amend", "back", "delete", "merge", "prune", "detach"]),
        min_size=4,
        max_size=14,
    )
)
def test_updates_always_equal_a_full_scan(tmp_path_factory, doings):
    folder = tmp_path_factory.mktemp("repository")

    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)

    git("init", "--quiet", "--initial-branch=main")
    kept = Kept(find_repository(folder))
    for number, doing in enumerate(doings):
        branch = f"b{number % 3}"
        for arguments in {
            "commit": [("commit", "--allow-empty", "-m", f"words {number}")],
            "name": [("commit", "--allow-empty", "-m", f"[e{number}.1]")],
            "branch": [("branch", branch)],
            "switch": [("switch", branch)],
            "amend": [("commit", "--amend", "--allow-empty", "-m", f"[e{number}] amended")],
            "back": [("reset", "--hard", "HEAD~1")],
            "delete": [("branch", "--delete", "--force", branch)],
            "merge": [("merge", "--no-ff", "-m", f"[e{number}] merge", branch)],
            "prune": [("reflog", "expire", "--expire=now", "--all"), ("gc", "--quiet", "--prune=now")],
            "detach": [("switch", "--detach")],
        }[doing]:
            git(*arguments)
        kept.check()


@pytest.mark.slow
def test_ten_thousand_commits_take_a_moment(repo, ours):
    lines = []
    for number in range(1, 10_001):
        message = f"[e{number % 50}.{number % 5}] words" if number % 3 == 0 else "words"
        lines.append(
            f"commit refs/heads/main\nmark :{number}\ncommitter A <a@b> {1_500_000_000 + number} +0000\n"
            f"data {len(message)}\n{message}\n" + (f"from :{number - 1}\n" if number > 1 else "")
        )
    repo.git("fast-import", "--quiet", stdin="".join(lines))
    found = scan_mentions(ours, "e")
    assert len(found.mentions) == 3333
    repo.git("switch", "--quiet", "main")
    repo.commit("[e1] new")
    assert len(scan_mentions(ours, "e", found.tips).mentions) == 1


@given(st.text(), st.sampled_from(["[e1]", "[e1.1]", "[e2]"]), st.text())
def test_a_reference_stands_between_any_texts(before, reference, after):
    text = f"{before} {reference} {after}".encode("utf-8", "surrogatepass")
    assert reference[1:-1] in {
        f"e{one.id}" + (f".{one.step}" if one.step else "") for _, one in find_references(text, "e")
    }


def test_tips_of_a_repository_without_git_settings(ours, repo):
    head = repo.commit("a")
    assert read_tips(ours) == Tips(frozenset({head}), "")
    assert Path(os.curdir).resolve() == repo.path
