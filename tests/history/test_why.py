"""The reason for a result."""

import hashlib
import json

import pytest

from commands import Orglab
from texts import SEED

NAME = "experiment_log.org"


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


@pytest.fixture
def why(orglab):
    """What `orglab why` answers, as JSON."""

    def ask(what):
        return json.loads(orglab("why", what, "--json").out)

    return ask


def links(answer):
    return [
        (
            one["commit"]["subject"] if one["commit"] else one["run"]["id"] if one["run"] else None,
            one["how"],
            one["refs"],
        )
        for one in answer["links"]
    ]


def write_run(repo, name, outputs=None, **fields):
    """Record a run, and write the files that it wrote."""
    told = []
    for path, content in (outputs or {}).items():
        repo.write(path, content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        told.append({"path": path, "sha256": digest, "size": len(content)})
    record = {"event": "began", "ref": "e201.1", "argv": ["python", "train.py"], "outputs": told, **fields}
    repo.write(f".git/orglab/runs/{name}/record.jsonl", json.dumps(record) + "\n")


def test_a_commit_that_names_a_step(repo, why):
    note = "   - [2018-06-06 Wed 16:20] (83d45cd) far\n   - [2018-06-06 Wed 16:17] near\n"
    repo.commit("new", {NAME: SEED.replace("(83d45cd)\n", f"(83d45cd)\n{note}")})
    repo.commit("[e201.1] Results [e7]")
    answer = why("HEAD")
    assert links(answer) == [("[e201.1] Results [e7]", "is the commit; its message names e201.1", ["e201.1"])]
    (reason,) = answer["experiments"]
    assert reason["title"] == "ABC in XYZ model"
    assert reason["description"] == "Test if adding ABC to XYZ improves results."
    assert reason["steps"] == [{"ref": "e201.1", "text": "Test XYZ without ABC", "state": "done"}]
    assert reason["note"]["text"] == "near"
    assert answer["remarks"] == [f"{answer['links'][0]['commit']['short']} names e7, which is not in the log."]


def test_a_rewritten_commit_leads_to_the_one_that_replaced_it(repo, why):
    repo.commit("log", {NAME: SEED})
    old = repo.commit("[e201.1] Code", {"train.py": "a = 1\nb = 2\n"})
    repo.write("train.py", "a = 1\nb = 3\n")
    repo.git("commit", "--quiet", "--all", "--amend", "-m", "[e201.1] Better code")
    first, second = links(why(old))
    assert first[0] == "[e201.1] Code"
    assert (second[0], second[1].partition(" (")[0], second[2]) == ("[e201.1] Better code", "replaced it", ["e201.1"])
    dropped = repo.commit("[e201.1] Of no use", {"other.py": "x"})
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    answer = why(dropped)
    assert [subject for subject, _, _ in links(answer)] == ["[e201.1] Of no use"]
    assert any("any more" in remark for remark in answer["remarks"])


def test_a_commit_that_a_step_or_a_note_records(repo, why):
    first, second = repo.commit("nothing said", {"a": "1"}), repo.commit("nor here", {"a": "2"})
    text = SEED.replace("(83d45cd)", f"({first[:7]})").replace("** Notes\n", f"** Notes\n- ({second[:9]}) odd\n")
    repo.commit("log", {NAME: text})
    assert links(why("HEAD~2")) == [("nothing said", "is the commit; recorded in the log for e201.1", ["e201.1"])]
    assert links(why(second[:8])) == [("nor here", "is the commit; recorded in the log for e201", ["e201"])]


def test_a_commit_without_a_reference_has_neighbours(repo, why):
    repo.commit("[e201.1] Before", {NAME: SEED})
    repo.commit("plain")
    repo.commit("[error] in brackets")
    repo.commit("[e201.2] Results")
    answer = why("HEAD~2")
    assert [(one["is_near"], one["refs"]) for one in answer["links"]] == [
        (False, []),
        (True, ["e201.2"]),
        (True, ["e201.1"]),
    ]
    assert [how for _, how, _ in links(answer)] == [
        "is the commit",
        "is the nearest later commit that names an experiment; its message names e201.2",
        "is the nearest earlier commit that names an experiment; its message names e201.1",
    ]
    assert "belongs to no known experiment" in answer["remarks"][0]
    assert [step["ref"] for step in answer["experiments"][0]["steps"]] == ["e201.2", "e201.1"]


def test_a_root_commit_and_one_alone(repo, why):
    repo.commit("root", {NAME: SEED})
    alone = why("HEAD")
    assert (len(alone["links"]), alone["experiments"]) == (1, [])
    assert "no commit before or after it" in alone["remarks"][0]
    repo.commit("[e201] later")
    assert [one["refs"] for one in why("HEAD~1")["links"]] == [[], ["e201"]]


def test_a_merge_commit_leads_to_what_it_merged(repo, why):
    repo.commit("root", {NAME: SEED})
    repo.git("switch", "--quiet", "--create", "side")
    repo.commit("[e201.2] on the side", {"a": "1"})
    repo.git("switch", "--quiet", "main")
    repo.commit("[e201] on main", {"b": "1"})
    repo.git("merge", "--quiet", "--no-ff", "--message=Merge side", "side")
    answer = why("HEAD")
    assert links(answer)[1:] == [("[e201.2] on the side", "was merged by it; its message names e201.2", ["e201.2"])]
    assert "is a merge" in answer["remarks"][0]


def test_a_line_is_blamed(repo, why, orglab):
    repo.commit("[e201.1] one", {NAME: SEED, "a.py": "x = 1\ny = 1\n"})
    repo.commit("[e201.2] two", {"a.py": "x = 1\ny = 2\n"})
    assert links(why("a.py:1")) == [("[e201.1] one", "changed line 1 last; its message names e201.1", ["e201.1"])]
    assert links(why("a.py:2")) == [("[e201.2] two", "changed line 2 last; its message names e201.2", ["e201.2"])]
    assert "a.py has no line 3; it has 2 lines" in orglab("why", "a.py:3", code=3).err
    assert "a.py has no line 0" in orglab("why", "a.py:0", code=3).err


def test_an_uncommitted_line(repo, why, orglab):
    repo.commit("[e201.1] one", {NAME: SEED, "a.py": "x = 1\n"})
    orglab("start", "201.2")
    repo.write("a.py", "x = 2\n")
    answer = why("a.py:1")
    assert answer["remarks"] == ["Line 1 is not committed yet."]
    assert links(answer) == [
        (None, "is the active step of this working tree", ["e201.2"]),
        ("[e201.1] one", "changed the file; its message names e201.1", ["e201.1"]),
    ]
    assert all(one["is_near"] for one in answer["links"])


def test_a_line_of_the_log(repo, why):
    repo.commit("new", {NAME: SEED})
    answer = why(f"{NAME}:{SEED.splitlines().index('2. [ ] Test XYZ with ABC') + 1}")
    assert links(answer)[0] == (None, "is the part of the log with this line", ["e201.2"])


def test_a_file_and_a_folder(repo, why):
    repo.commit("[e201.1] made", {NAME: SEED, "src/a.py": "x = 1\n" * 9})
    repo.commit("tidied", {"src/a.py": "x = 2\n" + "x = 1\n" * 8})
    repo.git("mv", "src/a.py", "src/b.py")
    repo.commit("[e201.2] moved")
    for what in ("src/b.py", "./src/../src/b.py", repo.path / "src" / "b.py"):
        answer = why(what)
        assert answer["subject"] == "src/b.py"
        assert [subject for subject, _, _ in links(answer)] == ["[e201.2] moved", "[e201.1] made"]
        assert answer["remarks"] == []
    assert [subject for subject, _, _ in links(why("src"))] == ["[e201.2] moved", "[e201.1] made"]
    assert [subject for subject, _, _ in links(why("."))] == ["[e201.2] moved", "[e201.1] made"]
    repo.write("src/b.py", "changed\n")
    assert why("src/b.py")["remarks"] == ["src/b.py has uncommitted changes."]


def test_a_file_none_of_whose_commits_names_anything(repo, why):
    repo.commit("[e201.1] made", {NAME: SEED})
    repo.commit("plain", {"a.py": "x\n"})
    answer = why("a.py")
    assert [(one["commit"]["subject"], one["is_near"]) for one in answer["links"]] == [
        ("plain", False),
        ("[e201.1] made", True),
    ]


def test_a_file_of_many_commits_shows_the_last(repo, why):
    repo.commit("new", {NAME: SEED})
    for number in range(7):
        repo.commit(f"[e201.1] {number}", {"a.py": f"{number}\n"})
    answer = why("a.py")
    assert [subject for subject, _, _ in links(answer)] == [f"[e201.1] {number}" for number in (6, 5, 4, 3, 2)]
    assert answer["remarks"] == ["7 of its 7 commits belong to experiments; only the newest are shown."]


def test_a_file_that_was_deleted(repo, why, orglab):
    repo.commit("[e201.1] made", {NAME: SEED, "old.py": "x\n"})
    repo.git("rm", "--quiet", "old.py")
    repo.commit("[e201.2] removed")
    answer = why("old.py")
    assert [subject for subject, _, _ in links(answer)] == ["[e201.2] removed", "[e201.1] made"]
    assert answer["remarks"] == ["old.py no longer exists; this is its history."]
    assert "There is no commit, file or run" in orglab("why", "never.py", code=3).err


# ---- a run ----


RUNS = ("20260102-030405-a1b2c3", "20260102-030405-778899", "20260102-030405-d4e5f6")


@pytest.fixture
def tracked(repo):
    """A repository with three runs, of which trackers have some."""
    before = repo.commit("[e201.1] Before: train", {NAME: SEED, "train.py": "x\n"})
    trackers = ([("wandb", "9n2kq1xz"), ("mlflow", "0" * 32)], [("wandb", "12345678")], [("wandb", "12345678")])
    for name, ids in zip(RUNS, trackers, strict=True):
        write_run(repo, name, before=before, trackers=[{"tracker": one, "id": run} for one, run in ids], exit_code=0)
    return repo


def test_a_run_and_the_run_that_a_tracker_has_of_it(tracked, why, orglab):
    for name, how in (
        (RUNS[0], "is the run"), ("a1b2c3", "is the run"),
        ("9n2kq1xz", "is the run 9n2kq1xz of W&B"), ("0" * 32, f"is the run {'0' * 32} of MLflow"),
    ):  # fmt: skip
        answer = why(name)
        assert answer["subject"] == f"run {RUNS[0]}"
        assert links(answer) == [
            (RUNS[0], how, ["e201.1"]), ("[e201.1] Before: train", "is the code that it ran", ["e201.1"]),
        ]  # fmt: skip
        assert [one["ref"] for one in answer["experiments"]] == ["e201"]
    assert (
        f"is the id of a tracker's run in several runs: {RUNS[1]}, {RUNS[2]}" in orglab("why", "12345678", code=2).err
    )
    assert orglab("runs", "show", "9n2kq1xz").out.startswith(RUNS[0])
    assert f"W&B 9n2kq1xz, MLflow {'0' * 32}" in orglab("runs", "show", "a1b2c3").out
    assert "There is no commit, file or run 'zzz'" in orglab("why", "zzz", code=3).err
    tracked.write("9n2kq1xz", "a file of that name")
    assert why("9n2kq1xz")["subject"] == "9n2kq1xz"


def test_a_reference_is_no_part_of_the_id_of_a_run(tracked, orglab):
    write_run(tracked, "20260102-030405-3fe201")
    assert "not a commit or file, but in the log" in orglab("why", "e201", code=3).err
    assert "There is no experiment e778800" in orglab("why", "778800", code=3).err
    assert "run 20260102-030405-778899" in orglab("why", "778899").out


def test_an_untracked_file(repo, why):
    repo.commit("[e201.1] made", {NAME: SEED})
    repo.write("new.py", "x\n")
    answer = why("new.py")
    assert (answer["links"], answer["remarks"]) == ([], ["new.py is untracked."])
    repo.git("add", "new.py")
    assert why("new.py")["remarks"] == ["new.py is not committed yet."]
    assert why("new.py:1")["remarks"] == ["Line 1 is not committed yet."]


@pytest.mark.parametrize("has_git", [True, False])
def test_a_file_that_a_run_wrote_is_found_by_its_content(repo, why, has_git):
    repo.write(NAME, SEED)
    before = repo.commit("[e201.1] Before: train", {"train.py": "x\n"})
    results = repo.commit("[e201.1] Results", {"metrics.json": "{}"})
    write_run(
        repo,
        "20180606-170000-aaaa",
        {"out/model.pt": "weights"},
        before=before,
        commit=results,
        began="2018-06-06T17:00:00",
        exit_code=0,
        why="does it converge",
    )
    (repo.path / "out" / "model.pt").rename(repo.path / "best.pt")
    if not has_git:
        (repo.path / ".git").rename(repo.path / "gone")
        (repo.path / "gone" / "orglab").rename(repo.path / ".orglab")
    answer = why("best.pt")
    assert links(answer)[0] == (
        "20180606-170000-aaaa",
        "wrote this file, as out/model.pt",
        ["e201.1"],
    )
    assert answer["links"][0]["run"]["argv"] == ["python", "train.py"]
    assert answer["links"][0]["run"]["why"] == "does it converge"
    assert [how for _, how, _ in links(answer)][1:] == ["is the code that it ran", "holds its results"] * has_git
    assert [step["ref"] for step in answer["experiments"][0]["steps"]] == ["e201.1"]


def test_an_output_whose_content_has_changed(repo, why):
    repo.commit("new", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", {"model.pt": "weights"})
    write_run(repo, "20180607-170000-bbbb", {"model.pt": "better!"})
    repo.write("model.pt", "changed by hand")
    answer = why("model.pt")
    assert [(one["run"]["id"], one["is_near"]) for one in answer["links"]] == [("20180607-170000-bbbb", True)]
    assert "A run wrote model.pt, but its content has changed since." in answer["remarks"]
    (repo.path / "model.pt").unlink()
    assert links(why("model.pt"))[0][:2] == ("20180607-170000-bbbb", "wrote this path last")


def test_the_run_whose_bytes_the_file_has_comes_first(repo, why):
    repo.commit("new", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", {"a.pt": "good", "empty": ""}, discarded=True, discard_reason="a bug")
    write_run(repo, "20180606-180000-bbbb", {"b.pt": "good", "empty": ""})
    write_run(repo, "20180606-190000-cccc", {"a.pt": "better"})
    write_run(repo, "20180606-200000-dddd", {"other": ""})
    repo.write("a.pt", "good")
    assert [(name[-4:], how) for name, how, _ in links(why("a.pt"))] == [
        ("aaaa", "wrote this file"),
        ("bbbb", "wrote this file, as b.pt"),
    ]
    # All empty files have the same content.
    assert [name[-4:] for name, _, _ in links(why("empty"))] == ["bbbb", "aaaa"]


def test_the_results_of_a_run_are_named_once(repo, why):
    repo.commit("[e201.1] Before", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", {"a.pt": "1"}, before="0" * 40)
    results = repo.commit("[e201.1] Results", {"a.pt": "1"})
    write_run(repo, "20180606-170000-aaaa", {"a.pt": "1"}, before="0" * 40, commit=results)
    answer = why("a.pt")
    assert [how for _, how, _ in links(answer)] == ["wrote this file", "holds its results"]
    assert answer["remarks"] == ["The commit 0000000, which is the code that it ran, is not in this repository."]


@pytest.mark.parametrize(
    "fields",
    [
        {"uncaptured": ["sub"]},
        {"untracked": ["lib.py"]},
        {"left_out": [{"path": ".env", "reason": "secret", "size": 3}]},
        {"patch": "1234567"},
    ],
)
def test_a_commit_without_all_of_the_code_is_not_called_the_code(repo, why, fields):
    head = repo.commit("new", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", {"a.pt": "1"}, before=head, **fields)
    (_, (_, how, _)) = links(why("a.pt"))
    assert how.startswith("holds its code, except ")


def test_head_of_a_run_with_a_snapshot_is_not_called_its_code(repo, why):
    head = repo.commit("new", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", before=head, snapshot=repo.commit("kept", {"a": "1"}))
    assert links(why(head)) == [("new", "is the commit; was HEAD at a run of e201.1", ["e201.1"])]


def test_a_folder_that_runs_wrote_into(repo, why):
    repo.commit("new", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", {"out/a": "1"})
    write_run(repo, "20180607-170000-bbbb", {"outer/a": "1"})
    assert [name for name, _, _ in links(why("out"))] == ["20180606-170000-aaaa"]


def test_uncommitted_or_missing_code(repo, why):
    head = repo.commit("new", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", {"a.pt": "1"}, before=head, patch="1234567", commit="f" * 40)
    answer = why("a.pt")
    assert links(answer)[1][1] == "holds its code, except uncommitted changes"
    assert "The commit fffffff, which holds its results, is not in this repository." in answer["remarks"]
    write_run(
        repo, "20180607-170000-bbbb", {"b.pt": "2"}, before=head, snapshot=head, patch="1234567", ref="nonsense ["
    )
    assert [(how, refs) for _, how, refs in links(why("b.pt"))] == [
        ("wrote this file", []),
        ("holds the code that it ran", []),
    ]


def test_a_commit_that_a_run_made(repo, why):
    repo.commit("new", {NAME: SEED})
    write_run(repo, "20180606-170000-aaaa", commit=repo.commit("no reference"))
    assert links(why("HEAD")) == [("no reference", "is the commit; used by a run of e201.1", ["e201.1"])]


@pytest.mark.parametrize("what", ["-h", "--output=owned", "HEAD:a", "HEAD^{tree}", "", "..:1", "a\nb", "x:99999999999"])
def test_an_unknown_subject_is_an_error(repo, orglab, what):
    repo.commit("new", {NAME: SEED})
    assert orglab("why", "--", what, code=3).err.startswith("orglab: ")
    assert not (repo.path / "owned").exists()


def test_without_git_there_are_the_runs(tmp_path, monkeypatch, orglab, tmp_path_factory):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_text(SEED)
    (tmp_path / "a").write_text("x")
    assert "It is not in a git repository." in orglab("why", "a").out
    assert "It is not in a git repository." in orglab("why", "a:1").out
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    assert "It is not in a git repository." in orglab("why", "a").out
    assert "There is no commit" in orglab("why", "HEAD", code=3).err


def test_a_page_for_people(repo, orglab):
    repo.commit("[e201.1] Before", {NAME: SEED.replace("** Notes\n", "** Notes\n- [2018-06-06 Wed 16:18] so far\n")})
    write_run(repo, "20180606-170000-aaaa", {"a.pt": "1"}, began="2018-06-06T17:00:00", exit_code=1, why="to see")
    assert orglab("why", "a.pt").out.splitlines() == [
        "a.pt",
        "  - 20180606-170000-aaaa  2018-06-06 17:00  exit 1",
        "      $ python train.py",
        "      to see",
        "      wrote this file",
        "  ! a.pt is untracked.",
        "",
        "e201  ABC in XYZ model",
        f"TODO  {NAME}:1",
        "   1. [X] Test XYZ without ABC",
        "  The note nearest in time",
        "  - 2018-06-06 16:18  so far",
        "  Description",
        "  Test if adding ABC to XYZ improves results.",
        "  No conclusion yet",
    ]


def test_a_page_ends_with_the_question_and_the_newest_conclusion(repo, orglab):
    conclusions = "** DONE Conclusions\n:PROPERTIES:\n:VERDICT: refuted\n:END:\n"
    words = "[2018-06-07 Thu] supported: It helps.\n\n[2018-06-08 Fri] refuted: Not with seed 2.\n"
    repo.commit("[e201.1] made", {NAME: SEED.replace("** TODO Conclusions\n", conclusions + words), "a.pt": "1"})
    assert orglab("why", "a.pt").out.splitlines()[-4:] == [
        "  Description",
        "  Test if adding ABC to XYZ improves results.",
        "  Conclusion: refuted  (2018-06-08)",
        "  Not with seed 2.",
    ]


def every_command(orglab):
    """Each command that follows references, and what it said."""
    commands = [("refs",), ("refs", "201"), ("log", "201"), ("show", "201"), ("resolve", "[e201]"), ("why", "a.py")]
    return {" ".join(words): orglab(*words) for words in [*commands, ("why", "a.py:1"), ("why", "HEAD")]}


def test_odd_repositories_are_harmless(repo, orglab, tmp_path_factory, monkeypatch):
    repo.commit("[e201.1] one", {NAME: SEED, "a.py": "# [e201]\n"})
    repo.commit("[e201.1] two", {"a.py": "# [e201]\n#\n"})
    usual = every_command(orglab)
    assert "a.py:1  e201" in usual["refs"].out
    places = {name: tmp_path_factory.mktemp(name) / "study" for name in ("shallow", "worktree", "outer")}
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.path}", places["shallow"])
    repo.git("worktree", "add", "--quiet", "--detach", places["worktree"])
    outer = type(repo)(places["outer"])
    outer.path.mkdir()
    outer.git("init", "--quiet")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", repo.path, "inner")
    for place in (places["worktree"], outer.path / "inner"):
        monkeypatch.chdir(place)
        found = every_command(orglab)
        assert found["refs"].out == usual["refs"].out
        assert found["why a.py:1"].out == usual["why a.py:1"].out
    monkeypatch.chdir(places["shallow"])
    assert "[e201.1] one" not in every_command(orglab)["refs"].out
    monkeypatch.chdir(repo.path)
    repo.git("switch", "--quiet", "--detach")
    assert every_command(orglab)["log 201"].out == usual["log 201"].out
    repo.git("config", "core.bare", "true")
    bare = every_command(orglab)
    assert "Files" not in bare["refs"].out
    assert "[e201.1] two" in bare["refs"].out


def test_hostile_settings_of_a_repository_run_nothing(repo, orglab):
    repo.commit("[e201.1] one", {NAME: SEED, "a.py": "# [e201]\n"})
    usual = every_command(orglab)
    owned = f"touch {repo.path}/owned; cat"
    for name in ("core.fsmonitor", "core.pager", "diff.external", "gpg.program", "core.sshCommand", "filter.x.clean",
                 "filter.x.process", "diff.x.textconv", "diff.x.command", "pager.log", "pager.blame"):  # fmt: skip
        repo.git("config", name, owned)
    for alias in ("log", "blame", "grep", "rev-list", "cat-file", "for-each-ref", "rev-parse", "diff", "ls-files"):
        repo.git("config", f"alias.{alias}", f"!{owned}")
    repo.git("config", "log.showSignature", "true")
    repo.write(".git/info/attributes", "* filter=x diff=x\n")
    for name in (NAME, "a.py"):
        (repo.path / name).touch()
    found = every_command(orglab)
    assert {name: said.out for name, said in found.items()} == {name: said.out for name, said in usual.items()}
    assert not (repo.path / "owned").exists()


def test_a_message_of_a_megabyte_is_shown_by_its_subject(repo, orglab):
    repo.commit("[e201.1] subject\n\n" + "word " * 200_000, {NAME: SEED})
    assert "[e201.1] subject" in orglab("show", "201").out
    assert (
        max(
            len(said.out) for said in (orglab("show", "--history", "201"), orglab("refs", "201"), orglab("why", "HEAD"))
        )
        < 2000
    )
