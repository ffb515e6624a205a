"""The commits that `done` and `note` take as evidence, in real histories."""

import json
from datetime import timedelta

import pytest

from lab import NAME, orglab
from orglab.api import Log
from orglab.errors import NotFoundError

TEXT = """\
* TODO [1] Idea :exp:
  :PROPERTIES:
  :ALIASES:  9
  :END:
  [2026-06-01 Mon 09:30]
** Notes
** TODO Experiments [0/2]
1. [ ] One
2. [ ] Two
"""


@pytest.fixture
def study(repo):
    repo.commit("start", {NAME: TEXT, "train.py": "x = 0\n"})
    return repo


def code(study, message, name="train.py"):
    """Commit a change of code, and return the hash."""
    return study.commit(message, {name: f"x = {message!r}\n"})


def revert(study, commit, *options):
    study.git("revert", "--no-edit", *options, commit)
    return study.git("rev-parse", "HEAD")


def find(study, reference="1.1", **options):
    """Return the subjects of the evidence."""
    return [one.subject for one in Log(study.path / NAME).find_evidence(reference, **options).commits]


def explain(study, reference="1.1"):
    evidence = Log(study.path / NAME).find_evidence(reference)
    assert not evidence.commits
    return evidence.explain_absence("e1.1")


def test_nothing_names_the_step(study):
    code(study, "tune")
    code(study, "[e1.2] other")
    assert explain(study) == ""
    assert find(study, "1.2") == ["[e1.2] other"]
    assert find(study, "1") == ["[e1.2] other"]
    with pytest.raises(NotFoundError):
        find(study, "1.3")


def test_the_newest_commit_and_all(study):
    code(study, "[e9.1] old id")
    code(study, "feat: tune [e1.1]")
    code(study, "later")
    assert find(study) == ["feat: tune [e1.1]"]
    assert find(study, find_all=True) == ["feat: tune [e1.1]", "[e9.1] old id"]


def test_a_revert_and_what_it_reverts_are_none_until_it_is_reverted(study):
    tried = code(study, "[e1.1] try")
    reverted = revert(study, tried)
    assert explain(study) == f"{tried[:7]}, which names [e1.1], was reverted by {reverted[:7]}"
    again = revert(study, reverted)
    assert find(study) == ["[e1.1] try"]
    revert(study, again)
    assert find(study) == []
    code(study, "[e1.1] other")
    assert find(study, find_all=True) == ["[e1.1] other"]


def test_a_revert_of_the_newest_leaves_the_one_before(study):
    code(study, "[e1.1] good", "a.py")
    revert(study, code(study, "[e1.1] bad"))
    assert find(study, find_all=True) == ["[e1.1] good"]


@pytest.mark.parametrize("subject", ["[e1.1] Revert the schedule", "[e1.1] back"])
def test_a_revert_with_another_subject_is_known_by_its_body(study, subject):
    bad = code(study, "[e1.1] bad")
    study.git("revert", "--no-commit", bad)
    study.commit(f"{subject}\n\nThis reverts commit {bad}.")
    assert find(study) == []


def test_a_revert_without_a_body_is_known_by_its_subject(study):
    code(study, "[e1.1] same", "a.py")
    bad = code(study, "[e1.1] same")
    study.git("revert", "--no-commit", bad)
    study.commit('Revert "[e1.1] same" (#12)')
    assert [one.hash == bad for one in Log(study.path / NAME).find_evidence("1.1").commits] == [False]


def test_a_revert_that_was_rebased_names_a_hash_that_is_gone(study):
    study.git("switch", "--quiet", "--create", "topic")
    revert(study, code(study, "[e1.1] bad"))
    study.git("switch", "--quiet", "main")
    code(study, "other", "b.py")
    study.git("rebase", "--quiet", "main", "topic")
    assert find(study) == []


def test_a_revert_by_a_clock_that_was_slow_is_found_after_a_merge(study):
    bad = code(study, "[e1.1] bad")
    now = study.now
    study.now -= timedelta(days=3)
    study.git("switch", "--quiet", "--create", "topic")
    revert(study, bad)
    study.now = now
    study.git("switch", "--quiet", "main")
    study.git("merge", "--quiet", "--no-ff", "--no-edit", "topic")
    assert find(study) == []


def test_a_revert_of_another_commit_with_the_same_subject(study):
    other = code(study, "tune")
    code(study, "tune\n\n[e1.1]", "a.py")
    revert(study, other)
    assert find(study) == ["tune"]


def test_a_squash_that_lists_a_revert_is_evidence(study):
    code(study, '[e1.1] all of it\n\n* [e1.1] try\n\n* Revert "[e1.1] try"\n\nThis reverts commit 0123456789.')
    assert find(study) == ["[e1.1] all of it"]


def test_a_reverted_merge_undoes_what_it_merged(study):
    study.git("switch", "--quiet", "--create", "topic")
    code(study, "[e1.1] on the branch", "a.py")
    study.git("switch", "--quiet", "main")
    code(study, "main", "b.py")
    study.git("merge", "--quiet", "--no-ff", "-m", "Merge topic for [e1.1]", "topic")
    assert find(study, find_all=True) == ["[e1.1] on the branch"]
    revert(study, "HEAD", "-m", "1")
    assert find(study) == []


def test_commits_of_other_branches_and_discarded_ones_are_none(study):
    study.git("switch", "--quiet", "--create", "topic")
    code(study, "[e1.1] there")
    study.git("switch", "--quiet", "main")
    code(study, "[e1.1] here")
    study.git("reset", "--quiet", "--hard", "HEAD~1")
    assert find(study) == []


def test_the_commits_of_the_log_are_none(study):
    study.commit("[e1.1] note", {NAME: TEXT + "a\n", "journal.org": "x\n"})
    assert explain(study) == ""
    study.commit("[e1.1] log: moved", {"old_name.org": "x\n"})
    assert find(study) == []
    study.commit("[e1.1] log: print the loss", {"train.py": "print()\n", NAME: TEXT})
    assert find(study) == ["[e1.1] log: print the loss"]
    for number in range(30):
        study.commit("[e1.1] text", {NAME: TEXT + f"{number}\n"})
    assert find(study) == ["[e1.1] log: print the loss"]
    study.commit("[e1.1] nothing changed")
    assert find(study) == ["[e1.1] nothing changed"]


def test_the_commits_of_runs(study):
    code(study, "[e1.1] Before: python train.py\n\nCommand: python train.py")
    assert find(study) == ["[e1.1] Before: python train.py"]
    code(study, "[e1.1] Failed: python train.py\n\nCommand: python train.py\nRun: 20260101-120000-ab12")
    assert find(study) == ["[e1.1] Before: python train.py"]
    code(study, "[e1.1] Results: python train.py\n\nCommand: python train.py\nRun: 20260101-130000-ab12")
    assert find(study, find_all=True) == ["[e1.1] Results: python train.py"]
    code(study, "[e1.1] Failed: a person says so")
    assert find(study) == ["[e1.1] Failed: a person says so"]


def test_the_first_commit_of_a_repository(repo):
    assert Log(repo.write(NAME, TEXT)).find_evidence("1.1").commits == ()
    repo.commit("[e1.1] all", {"a.py": ""})
    assert find(repo) == ["[e1.1] all"]


# What the commands record and say


def test_done_and_note_record_the_evidence_or_say_that_there_is_none(study):
    code(study, "other")
    done = orglab("done", "1.1", cwd=study.path)
    assert done.err == "e1.1 done, without a commit; add one with `orglab done e1.1 --commit REV`.\n"
    assert orglab("done", "1.1", cwd=study.path).err == "e1.1 was done already.\n"
    assert "1. [X] One\n" in (study.path / NAME).read_text()
    noted = orglab("note", "1", "x", cwd=study.path)
    assert noted.err == ""
    study.commit("[e1] text", {NAME: (study.path / NAME).read_text() + "\n"})
    assert orglab("note", "1", "x", cwd=study.path).err == ""
    bad = code(study, "[e1] bad")[:7]
    reverted = revert(study, bad)[:7]
    told = (
        f"No commit was recorded, because {bad}, which names [e1], was reverted by {reverted}; --commit REV names one."
    )
    assert orglab("note", "1", "x", cwd=study.path).err.splitlines()[-1:] == [told]
    named = code(study, "[e1.2] tune")
    study.commit("[e1.1] text", {NAME: (study.path / NAME).read_text() + "\n"})
    assert orglab("note", "1", "x", cwd=study.path).out.endswith(f"  {named[:7]}\n")
    assert json.loads(orglab("done", "1.2", "--json", cwd=study.path).out)["recorded"] == [named[:7]]
    failed = json.loads(orglab("done", "1.1", "--json", cwd=study.path).out)
    assert (failed["recorded"], failed["why"]) == ([], "unnamed")
    head = study.git("rev-parse", "--short", "HEAD")
    assert orglab("note", "1.1", "-c", "HEAD", "seen there", cwd=study.path).out.endswith(f"  {head}\n")
    assert orglab("note", "1.1", "-c", "nothing", "x", cwd=study.path).code == 3


def test_without_a_commit_or_a_repository_nothing_is_said_of_commits(repo, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("plain")
    (elsewhere / NAME).write_text(TEXT)
    repo.write(NAME, TEXT)
    for folder in (repo.path, elsewhere):
        assert orglab("note", "1", "x", cwd=folder).err == ""
        assert orglab("done", "1.1", cwd=folder).err == "e1.1 done.\n"


def test_a_failed_run_leaves_no_evidence(study):
    assert (
        orglab("run", "1.1", "--results", "out.txt", "--", "sh", "-c", "echo 1 > out.txt; exit 3", cwd=study.path).code
        == 3
    )
    assert "without a commit" in orglab("done", "1.1", cwd=study.path).err
    assert orglab("run", "1.1", "--results", "out.txt", "--", "sh", "-c", "echo 2 > out.txt", cwd=study.path).code == 0
    assert "the newest commit naming [e1.1]" in orglab("done", "1.1", cwd=study.path).err


def test_a_discarded_commit_is_no_problem_and_why_says_so(study):
    tried = code(study, "[e1.1] try", "a.py")
    orglab("done", "1.1", cwd=study.path)
    study.commit("[e1.1] log: done", {})
    text = (study.path / NAME).read_text()
    assert tried[:7] in text
    study.git("reset", "--quiet", "--hard", "HEAD~2")
    study.commit("log", {NAME: text})
    checked = orglab("check", cwd=study.path)
    assert (checked.code, checked.err) == (0, "No problems found.\n")
    (note,) = json.loads(orglab("check", "--json", cwd=study.path).out)["diagnostics"]
    assert (note["code"], note["hash"], note["method"]) == ("discarded", tried[:7], "dropped")
    assert f"No branch holds {tried[:7]} any more" in orglab("why", tried[:7], cwd=study.path).out


def test_why_names_the_revert(study):
    tried = code(study, "[e1.1] try")
    orglab("done", "1.1", cwd=study.path)
    reverted = revert(study, tried)
    assert f"{tried[:7]} was reverted by {reverted[:7]}." in orglab("why", tried[:7], cwd=study.path).out
    assert orglab("check", cwd=study.path).code == 0
    revert(study, reverted)
    assert "was reverted" not in orglab("why", tried[:7], cwd=study.path).out
