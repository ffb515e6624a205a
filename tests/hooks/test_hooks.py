"""The git hooks, in real repositories, with everything that git does with commits."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from hooked_repo import BELONGS, LOG, Study, editor
from lab import NAME, SOURCE, orglab
from orglab.log.active_step import ActiveStep

ALL = (
    "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite", "post-checkout", "post-merge",
)  # fmt: skip


@pytest.fixture
def study(repo):
    return Study(repo)


# ---- prepare-commit-msg ----


def test_the_active_step_is_added_and_shown(study):
    study.start()
    assert study.commit("tune") == BELONGS
    assert study.message() == "[e201.2] tune"


def test_without_an_active_step_nothing_is_added_or_printed(study):
    assert study.commit("tune") == ""
    assert study.message() == "tune"


@pytest.mark.slow
def test_a_message_with_a_reference_or_of_another_commit_is_unchanged(study):
    study.start()
    named = ["[e201.1] tune", "tune [e201.1]", "tune\n\nFor [e201]."]
    for message in (*named, "fixup! tune", "squash! tune", 'Revert "tune"'):
        study.commit(message)
        assert study.message() == message


@pytest.mark.slow
def test_a_message_without_a_real_reference_gets_the_step(study):
    study.start()
    for message in (
        "[eval] tune",
        "[eval] tune [1]",
        "[e201](link)",
        "[e 2]",
        "foo[e201.1]",
        "[e](link)",
        "#42 tune",
        "-h",
        "--output=F",
    ):
        study.commit(message)
        assert study.message() == f"[e201.2] {message}"


def test_an_empty_message_stays_empty(study):
    study.start()
    study.edit()
    assert "empty commit message" in study.git("commit", "-am", "", code=1)


def test_amended_and_reused_messages_are_unchanged(study):
    first = study.commit("before")
    study.start()
    study.commit("tune")
    study.edit()
    study.git("commit", "--quiet", "-a", "--amend", "--no-edit")
    assert study.message() == "[e201.2] tune"
    study.edit()
    study.git("commit", "--quiet", "-a", "-C", "HEAD")
    assert study.message() == "[e201.2] tune"
    study.edit()
    study.git("commit", "--quiet", "-a", "-C", "HEAD~3")
    assert study.message() == "before", first


def test_an_editor_shows_the_step_and_its_comments_stay_comments(study, tmp_path):
    study.start()
    study.edit()
    study.git("commit", "--quiet", "-av", GIT_EDITOR=editor(tmp_path, 'cp "$1" seen; sed -i.bak "1s/$/tune/" "$1"'))
    seen = (study.path / "seen").read_text()
    assert seen.startswith("[e201.2] \n# Please enter")
    assert study.message() == "[e201.2] tune"


@pytest.mark.slow
def test_an_editor_in_which_nothing_is_written_makes_no_commit(study):
    study.start()
    study.edit()
    for mark in "#", ";", "auto":
        study.git("config", "core.commentChar", mark)
        for verbose in "-q", "-v":
            assert "empty commit message" in study.git("commit", "-a", verbose, code=1, GIT_EDITOR="true")


@pytest.mark.slow
def test_a_template_gets_the_step_where_the_subject_is_and_untouched_makes_no_commit(study, tmp_path):
    study.start()
    study.git("config", "commit.template", ".git/template")
    for template, shown in {
        "\n# Why?\n": "[e201.2] \n# Why?\n",
        "# Subject\n\n# Body\n": "# Subject\n[e201.2] \n# Body\n",
        "feat: \n\nWhy:\n": "[e201.2] feat: \n\nWhy:\n",
        "# Only comments\n": "# Only comments\n[e201.2] \n",
    }.items():
        study.repo.write(".git/template", template)
        study.edit()
        study.git("commit", "--quiet", "-a", code=1, GIT_EDITOR=editor(tmp_path, 'cp "$1" seen'))
        assert (study.path / "seen").read_text().startswith(shown)
        written = editor(tmp_path, 'sed -i.bak "s/201.2] .*/201.2] tune/" "$1"')
        study.git("commit", "--quiet", "-a", GIT_EDITOR=written)
        assert study.subjects("-1") == ["[e201.2] tune"]


def test_the_comment_character_auto_is_found(study, tmp_path):
    study.start()
    study.git("config", "core.commentChar", "auto")
    study.edit()
    # The message holds a line with `#`, so git takes another character.
    script = 'cp "$1" seen'
    study.git("commit", "--quiet", "-a", "-e", "-m", "#42 tune", GIT_EDITOR=editor(tmp_path, script))
    assert (study.path / "seen").read_text().startswith("[e201.2] #42 tune\n")
    assert study.message() == "[e201.2] #42 tune"


def test_an_active_step_that_is_gone_is_reported_and_not_added(study):
    study.start()
    study.edit(NAME, LOG.replace("2. [ ] Test XYZ with ABC\n", ""))
    study.git("commit", "--quiet", "-m", "[e201] log", NAME)
    assert "The active step e201.2 is no longer in experiment_log.org" in study.commit("tune")
    assert study.message() == "tune"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["as it is", "a link", "deep", "from below"])
def test_an_active_step_in_the_state_folder_is_added(study, tmp_path_factory, monkeypatch, way):
    state = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    log, cwd = study.path / NAME, study.path
    if way == "a link":
        log.rename(study.path / "real.org")
        log.symlink_to("real.org")
    if way == "deep":
        log = study.path / ("x" * 120) / NAME
        log.parent.mkdir(parents=True)
        study.git("mv", NAME, log.parent)
        study.repo.commit("[e201] settings", {"orglab.toml": f'log = "{log.relative_to(study.path)}"\n'})
    if way == "from below":
        cwd = study.path / "below"
        cwd.mkdir()
    study.commit("before")
    active = ActiveStep(log, None)
    active.set("e201.2")
    study.edit()
    assert (
        study.git("commit", "--quiet", "-m", "tune", "train.py" if cwd == study.path else "../train.py", cwd=cwd)
        == BELONGS
    )
    assert study.message() == "[e201.2] tune"
    active.set(None)
    assert study.commit("tune") == ""
    # Another log's is none of ours.
    ActiveStep(study.path.parent / NAME, None).set("e201.2")
    assert study.commit("tune") == ""


def test_a_step_is_active_in_its_worktree_only(study, tmp_path_factory):
    study.start()
    other = tmp_path_factory.mktemp("worktrees") / "it's another"
    study.git("worktree", "add", "--quiet", "-b", "other", other)
    (other / "train.py").write_text("other\n")
    assert study.git("commit", "--quiet", "-am", "other", cwd=other) == ""
    assert study.message("other") == "other"
    assert orglab("start", "201.1", cwd=other).code == 0
    assert orglab("commit", cwd=other).out.endswith("[e201] log: INPROGRESS\n") is False
    (other / "train.py").write_text("again\n")
    study.git("commit", "--quiet", "-m", "again", "train.py", cwd=other)
    assert study.message("other") == "[e201.1] again"
    commit = study.repo.git("rev-parse", "other")
    study.git("commit", "--quiet", "--amend", "-m", "[e201.1] amended", cwd=other)
    assert rewrites(study) == [[commit, study.repo.git("rev-parse", "other"), "amend"]]
    assert study.commit("here") == BELONGS


# ---- commit-msg ----


def test_an_unknown_reference_is_reported_with_similar_ones(study):
    said = study.commit("[e201.3] and [e202] and [e201.1]")
    assert "names [e201.3], but e201 in experiment_log.org has no such step (it has 2)." in said
    assert "names [e202], but there is no experiment e202 in experiment_log.org; did you mean e201?" in said
    assert "belongs to e201.1  Test XYZ without ABC" in said
    assert len(study.subjects()) == 2


def test_an_unknown_reference_can_be_refused_and_the_message_is_kept(study):
    study.settings('[hooks]\nreferences = "refuse"\n')
    said = study.commit("[e9] tune", code=1)
    assert "git commit -e -F .git/COMMIT_EDITMSG" in said
    assert study.path.joinpath(".git/COMMIT_EDITMSG").read_text() == "[e9] tune\n"
    study.settings('[hooks]\nreferences = "off"\n')
    assert study.commit("[e9] tune") == ""


def test_an_experiment_that_is_only_in_the_index_exists(study):
    study.settings('[hooks]\nreferences = "refuse"\n')
    study.edit(NAME, LOG + LOG.replace("201", "202"))
    study.git("add", NAME)
    study.edit(NAME, LOG)
    study.git("commit", "--quiet", "-m", "[e202.1] log: new")
    assert study.subjects("-1") == ["[e202.1] log: new"]


def test_comments_and_the_diff_below_the_message_name_nothing(study, tmp_path):
    study.settings('[hooks]\nreferences = "refuse"\n')
    study.edit("train.py", "# see [e999]\n")
    study.git("commit", "--quiet", "-av", GIT_EDITOR=editor(tmp_path, 'echo "tune" > m; cat "$1" >> m; cp m "$1"'))
    assert study.message() == "tune"


def test_control_characters_of_a_log_do_not_reach_the_terminal(study):
    study.edit(NAME, LOG.replace("with ABC", "with \x1b[31mABC\u202e"))
    study.git("commit", "--quiet", "-m", "[e201] log", NAME)
    assert study.commit("[e201.2] tune") == "orglab: This commit belongs to e201.2  Test XYZ with [31mABC<U+202E>\n"


# ---- pre-commit ----


def mixed(study):
    study.edit()
    study.edit(NAME, study.log.replace("** Notes\n", "** Notes\n- A note\n"))


@pytest.mark.parametrize("way", ["staged", "all", "paths"])
def test_log_and_code_in_one_commit_are_refused_with_a_command_that_helps(study, way):
    study.settings('[hooks]\nseparate = "refuse"\n')
    mixed(study)
    if way == "staged":
        study.git("add", "--all")
    arguments = {"staged": (), "all": ("-a",), "paths": (NAME, "train.py")}[way]
    before = study.repo.git("status", "--porcelain")
    said = study.git("commit", "-m", "tune", *arguments, code=1)
    assert study.repo.git("status", "--porcelain") == before
    command = said.splitlines()[1].split("`")[1]
    assert command == "orglab commit"
    assert orglab(*command.split()[1:], cwd=study.path).out.endswith("  [e201] log: 1 note\n")
    study.git("commit", "--quiet", "-m", "tune", *arguments)
    assert study.subjects() == ["tune", "[e201] log: 1 note", "[e201] settings", "start"]
    assert study.repo.git("status", "--porcelain") == ""


def test_a_partially_staged_log_must_be_unstaged(study):
    study.settings('[hooks]\nseparate = "refuse"\n')
    mixed(study)
    study.git("add", "--all")
    study.edit(NAME, study.log + "\n# more\n")
    said = study.git("commit", "-m", "tune", code=1)
    command = said.splitlines()[1].split("`")[1]
    assert command == f"git restore --staged -- {NAME}"
    study.git(*command.split()[1:])
    study.git("commit", "--quiet", "-m", "tune")
    assert study.repo.git("status", "--porcelain") == f" M {NAME}"


def test_the_check_can_warn_or_be_off(study):
    study.settings('[hooks]\nseparate = "warn"\n')
    mixed(study)
    assert "commit the log separately" in study.git("commit", "--quiet", "-am", "tune")
    study.settings('[hooks]\nseparate = "off"\n')
    mixed(study)
    assert study.git("commit", "--quiet", "-am", "tune") == ""


def test_the_commit_that_makes_the_log_may_hold_code(study):
    study.git("rm", "--quiet", "--cached", NAME)
    study.git("commit", "--quiet", "-m", "without")
    study.edit()
    study.git("add", "--all")
    assert study.git("commit", "--quiet", "-m", "with both") == ""


def test_a_log_alone_and_code_alone_and_a_partial_commit_of_one_pass(study):
    mixed(study)
    study.git("add", "train.py")
    study.git("commit", "--quiet", "-m", "[e201] log", NAME)
    assert study.repo.git("status", "--porcelain") == "M  train.py"
    mixed(study)
    study.git("commit", "--quiet", "-m", "code", "train.py")
    assert study.repo.git("status", "--porcelain") == f" M {NAME}"


def test_a_log_in_a_subfolder_is_named_as_the_user_there_would(repo):
    repo.commit("start", {f"a b/{NAME}": LOG, "a b/code/x.py": "0\n", "code/train.py": "0\n"})
    assert orglab("setup", "git", cwd=repo.path / "a b").code == 0
    repo.write(f"a b/{NAME}", LOG + "\n")
    repo.write("code/train.py", "1\n")
    for folder, command in (("code", f"orglab --log '../a b/{NAME}' commit"), ("a b/code", "orglab commit")):
        done = subprocess.run(
            ["git", "commit", "-am", "x"], cwd=repo.path / folder, capture_output=True, text=True, check=True
        )
        assert done.stderr == f"orglab: Left a b/{NAME} out of this commit; commit it with `{command}`.\n"
        assert repo.git("status", "--porcelain", "--untracked-files=no") == f' M "a b/{NAME}"'
        repo.write("code/train.py", "2\n")


def test_a_log_that_gets_another_name_is_kept_apart_under_that_name(study):
    study.commit("learn the names")
    study.repo.write("orglab.toml", 'log = "lab.org"\n')
    study.git("mv", NAME, "lab.org")
    study.git("add", "--all")
    study.git("commit", "--quiet", "-m", "rename")
    study.edit("lab.org")
    study.edit()
    assert "Left lab.org out of this commit" in study.git("commit", "-am", "both")
    (study.path / "orglab.toml").unlink()
    study.git("mv", "lab.org", NAME)
    study.git("reset", "--quiet", "--hard")


# ---- post-commit ----


def test_auto_done_ticks_the_step_with_the_commit_and_leaves_the_index_alone(study):
    study.settings("[hooks]\nauto_done = true\n")
    study.edit("other.py")
    study.git("add", "other.py")
    study.edit()
    said = study.git("commit", "--quiet", "-m", "[e201.2] Results: 0.91", "train.py")
    commit = study.repo.git("rev-parse", "--short", "HEAD")
    assert said == BELONGS + f"orglab: e201.2 done, with {commit}; commit the log with `orglab commit`.\n"
    assert f"2. [X] Test XYZ with ABC ({commit})\n" in study.log
    assert study.repo.git("status", "--porcelain") == f" M {NAME}\nA  other.py"


@pytest.mark.slow
def test_auto_done_needs_done_or_results(study):
    study.settings("[hooks]\nauto_done = true\n")
    for message in (
        "[e201.2] not done", "done [e201.2]", "[e201.2] donep", "[e201] done", "see `[e201.2] done`",
        'Revert "[e201.2] done"', "[e201.9] done",
    ):  # fmt: skip
        study.commit(message)
        assert "2. [ ]" in study.log, message
    for message in (
        "[e201.2] done",
        "tune\n\n[e201.2] Done: tuned",
        "[e201.1] [e201.2] results",
        "[e201.2]: results",
        "[e201.2], - RESULTS",
    ):
        study.commit(message)
        assert "2. [X]" in study.log, message
        study.git("checkout", "--quiet", NAME)


def test_auto_done_is_off_by_default_and_works_without_the_checks(study):
    study.commit("[e201.2] done")
    assert "2. [ ]" in study.log
    study.settings("[hooks]\nauto_done = true\n")
    study.commit("[e201.2] done", "--no-verify")
    assert "2. [X]" in study.log


def test_amending_adds_no_second_commit_to_a_step(study):
    study.settings("[hooks]\nauto_done = true\n")
    study.commit("[e201.2] done")
    ticked = study.log
    study.edit()
    study.git("commit", "--quiet", "--amend", "-m", "[e201.2] done, better", "train.py")
    assert re.sub(r" -> \w+\)", ")", study.log) == ticked
    assert re.search(r"\(\w+ -> \w+\)", study.log)


def test_the_log_is_not_updated_in_a_rebase_with_an_autostash(study):
    study.settings("[hooks]\nauto_done = true\n")
    study.commit("[e201.2] done")
    ticked = study.log
    amend = "git commit --amend --quiet -m x"
    study.git("-c", "rebase.autoStash=true", "rebase", "--quiet", "--force-rebase", "--exec", amend, "HEAD~1")
    assert study.log == ticked


def test_a_log_held_by_an_editor_is_ticked_by_the_next_command(study):
    study.settings("[hooks]\nauto_done = true\n")
    holder = study.path / f".#{NAME}"
    holder.symlink_to(f"ada@{os.uname().nodename}.{os.getpid()}")
    said = study.commit("[e201.2] Results")
    assert "e201.2 is not completed yet: an editor has unsaved changes of experiment_log.org." in said
    assert "2. [ ]" in study.log
    holder.unlink()
    commit = study.repo.git("rev-parse", "--short", "HEAD")
    shown = orglab("show", "201.2", cwd=study.path)
    assert f"e201.2 done, with {commit}" in shown.err
    assert f"2. [X] Test XYZ with ABC\n          ({commit})  " in shown.out
    assert orglab("show", "201.2", cwd=study.path).err == ""


def test_a_tick_that_cannot_be_written_is_kept_and_an_unknown_step_is_reported(study):
    study.settings("[hooks]\nauto_done = true\n")
    assert "e201.9 was not completed: There is no step 9 in e201" in study.commit("[e201.9] done")
    good = study.log
    study.edit(NAME, good + "<<<<<<< ours\n=======\n>>>>>>> theirs\n")
    assert "e201.2 is not completed yet; the next orglab command tries again. " in study.commit("[e201.2] done")
    study.edit(NAME, good)
    commit = study.repo.git("rev-parse", "--short", "HEAD")
    assert f"e201.2 done, with {commit}" in orglab("list", cwd=study.path).err
    assert f"2. [X] Test XYZ with ABC ({commit})" in study.log


# ---- post-rewrite ----


def rewrites(study):
    return [line.split() for line in (study.path / ".git/orglab/rewrites").read_text().splitlines()]


def test_an_amended_commit_is_recorded_in_the_map(study):
    study.commit("tune")
    old = study.repo.git("rev-parse", "HEAD")
    study.git("commit", "--quiet", "--amend", "-m", "tuned")
    assert rewrites(study) == [[old, study.repo.git("rev-parse", "HEAD"), "amend"]]


def test_an_incomplete_line_does_not_spoil_the_next(study):
    study.commit("tune")
    (study.path / ".git/orglab/rewrites").write_text("0123")
    study.git("commit", "--quiet", "--amend", "-m", "tuned")
    assert [len(line) for line in rewrites(study)] == [1, 3]


@pytest.mark.slow
def test_a_rebase_that_rewords_squashes_fixes_up_and_executes(study, tmp_path):
    study.settings("[hooks]\nauto_done = true\n")
    study.start()
    for number, message in enumerate(("[e201.2] one", "[e201.2] two", "fixup! [e201.2] two", "three", "four")):
        study.commit(message, name=f"f{number}")
    old = study.repo.git("rev-list", "--reverse", "HEAD~5..").split()
    before = study.log
    study.edit("untracked")
    todo = editor(
        tmp_path,
        'sed -i.bak -e "1s/pick/reword/" -e "4s/pick/squash/" -e "\\$a exec echo y >> g; git add g; git commit -qm \'[e201.2] done\'" "$1"',
    )
    study.git(
        "rebase", "--quiet", "-i", "--autosquash", "HEAD~5",
        GIT_SEQUENCE_EDITOR=todo, GIT_EDITOR="sed -i.bak s/one/uno/",
    )  # fmt: skip
    assert study.subjects("-4") == ["[e201.2] done", "[e201.2] four", "[e201.2] two", "[e201.2] uno"]
    new = study.repo.git("rev-list", "--reverse", "HEAD~4..").split()
    told = {one: other for one, other, kind in rewrites(study) if kind == "rebase"}
    assert [told[one] for one in old] == [new[0], new[1], new[1], new[1], new[2]]
    assert study.log == before, "no step is ticked while git rebases"


# ---- other git commands that make commits ----


@pytest.mark.slow
def test_cherry_pick_revert_and_merges_stay_as_git_makes_them(study):
    study.settings("[hooks]\nauto_done = true\n")
    study.start()
    study.git("checkout", "--quiet", "-b", "side")
    study.commit("[e201.2] Results", name="side.py")
    study.git("checkout", "--quiet", "--", NAME)
    study.commit("plain", "--no-verify", name="more.py")
    study.git("commit", "--quiet", "--amend", "-m", "plain [e201]")
    study.git("checkout", "--quiet", "main")
    before = study.log
    study.git("cherry-pick", "side~1", "side")
    assert study.subjects("-2") == ["plain [e201]", "[e201.2] Results"]
    study.git("revert", "--no-edit", "HEAD~1")
    assert study.subjects("-1") == ['Revert "[e201.2] Results"']
    study.git("reset", "--quiet", "--hard", "HEAD~3")
    study.git("merge", "--quiet", "--ff-only", "side")
    study.git("reset", "--quiet", "--hard", "HEAD~2")
    study.git("merge", "--quiet", "--no-ff", "-m", "merge [e201.2] done", "side")
    assert study.subjects("-1") == ["merge [e201.2] done"]
    assert study.log == before
    study.git("reset", "--quiet", "--hard", "HEAD~1")
    study.git("merge", "--quiet", "--squash", "side")
    study.git("commit", "--quiet", "--no-edit")
    assert study.subjects("-1") == ["Squashed commit of the following:"]


@pytest.mark.slow
def test_a_merge_with_conflicts_is_concluded_with_log_and_code(study):
    study.start()
    study.git("checkout", "--quiet", "-b", "side")
    study.edit("train.py", "side\n")
    study.git("commit", "--quiet", "-am", "side")
    study.edit(NAME, study.log.replace("** Notes\n", "** Notes\n- On the side\n"))
    study.git("commit", "--quiet", "-am", "[e201] side")
    study.git("checkout", "--quiet", "main")
    study.edit("train.py", "main\n")
    study.git("commit", "--quiet", "-am", "main")
    study.edit(NAME, study.log.replace("** Notes\n", "** Notes\n- On main\n"))
    study.git("commit", "--quiet", "-am", "[e201] main")
    study.git("merge", "--quiet", "side", code=1)
    for name in (NAME, "train.py"):
        study.git("checkout", "--quiet", "--theirs", name)
    refused = orglab("commit", cwd=study.path)
    assert (refused.code, refused.err) == (
        5, "orglab: git is in the middle of a merge; finish that first (its commit may include the log).\n"
    )  # fmt: skip
    study.git("commit", "--quiet", "-am", "both")
    assert study.subjects("-1") == ["both"]


@pytest.mark.slow
def test_am_bisect_detached_head_and_stash_are_left_alone(study):
    study.start()
    study.commit("tune")
    patch = study.repo.git("format-patch", "-1", "--stdout")
    study.git("reset", "--quiet", "--hard", "HEAD~1")
    study.git("am", "--quiet", stdin=patch + "\n")
    assert study.subjects("-1") == ["tune"], "git am takes what is in brackets away, but with -b"
    study.git("bisect", "start", "HEAD", "HEAD~1")
    assert study.commit("during a bisect") == BELONGS
    study.git("bisect", "reset")
    study.git("checkout", "--quiet", "--detach")
    assert study.commit("detached") == BELONGS
    study.edit()
    study.git("stash", "--quiet")
    study.git("stash", "pop", "--quiet")
    assert study.repo.git("status", "--porcelain") == " M train.py"


@pytest.mark.slow
def test_a_shallow_clone_and_a_bare_one_with_a_worktree(study, tmp_path_factory):
    place = tmp_path_factory.mktemp("clones")
    study.commit("second")
    study.git("clone", "--quiet", "--depth=1", f"file://{study.path}", place / "shallow")
    study.git("clone", "--quiet", "--bare", study.path, place / "bare.git")
    study.git("worktree", "add", "--quiet", place / "tree", "main", cwd=place / "bare.git")
    for folder in (place / "shallow", place / "tree"):
        assert orglab("setup", "git", cwd=folder).code == 0
        assert orglab("start", "201.2", cwd=folder).code == 0
        assert orglab("commit", cwd=folder).code == 0
        (folder / "train.py").write_text("new\n")
        assert study.git("commit", "--quiet", "-am", "tune", cwd=folder) == BELONGS
    assert (place / "bare.git/hooks/pre-commit").exists()


@pytest.mark.slow
def test_a_submodule_has_hooks_and_an_active_step_of_its_own(study, tmp_path_factory):
    outer = tmp_path_factory.mktemp("outer")
    study.git("init", "--quiet", cwd=outer)
    study.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", study.path, "lab", cwd=outer)
    (outer / NAME).write_text(LOG.replace("201", "301"))
    inner = outer / "lab"
    for folder, ref in ((outer, "301.1"), (inner, "201.2")):
        assert orglab("setup", "git", cwd=folder).code == 0
        assert orglab("start", ref, cwd=folder).code == 0
    assert orglab("commit", cwd=inner).code == 0
    (inner / "train.py").write_text("new\n")
    assert study.git("commit", "--quiet", "-am", "tune", cwd=inner) == BELONGS
    study.git("add", "--all", cwd=outer)
    assert "belongs to e301.1" in study.git("commit", "--quiet", "-m", "outer", cwd=outer)


def test_a_hook_of_another_repository_does_not_interfere(study, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    study.git("init", "--quiet", cwd=other)
    (other / "f").write_text("1\n")
    study.git("add", "f", cwd=other)
    study.start()
    hook = other / ".git/hooks/post-commit"
    # git has set GIT_INDEX_FILE and more for the other repository while this runs.
    hook.write_text(f"#!/bin/sh\ncd '{study.path}' && '{sys.executable}' -m orglab note 201 'from a hook'\n")
    hook.chmod(0o755)
    study.edit()
    study.git("add", "train.py")
    before = study.repo.git("status", "--porcelain")
    study.git("commit", "--quiet", "-m", "other", cwd=other, PYTHONPATH=str(SOURCE))
    assert "from a hook" in study.log
    assert study.repo.git("status", "--porcelain") == f" M {NAME}\n{before}"


def test_a_branch_may_be_called_anything(study):
    study.start()
    for branch in ("-h", "--output=F", "a'b\"c", "$(touch${IFS}pwned)", "e201.1"):
        study.repo.git("update-ref", f"refs/heads/{branch}", "HEAD")
        study.repo.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        assert study.commit("tune $(touch pwned) `touch pwned`") == BELONGS
    assert not [name for name in ("pwned", "F") if (study.path / name).exists()]


def test_files_of_the_repository_are_not_run(study):
    study.start()
    for name in ("orglab", "re", "subprocess", "sitecustomize", "site"):
        study.repo.write(f"{name}.py", "open('pwned', 'w')\n")
    study.repo.write("orglab/__init__.py", "open('pwned', 'w')\n")
    assert study.commit("tune", PYTHONPATH=str(study.path), PYTHONSTARTUP="orglab.py") == BELONGS
    assert not (study.path / "pwned").exists()


def test_a_program_without_a_home_a_terminal_or_a_path_can_commit(study):
    study.start()
    study.edit()
    git = shutil.which("git")
    done = subprocess.run(
        [git, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-am", "tune"],
        cwd=study.path,
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    assert done.stderr == BELONGS


def test_a_commit_from_a_subfolder(study):
    study.start()
    study.repo.write("src/deep/x.py", "1\n")
    study.git("add", ".", cwd=study.path / "src/deep")
    assert study.git("commit", "--quiet", "-m", "tune", cwd=study.path / "src/deep") == BELONGS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["with blanks", 'it\'s "quoted"', "two\nlines", "$HOME `x`", "-dash", "ünï"])
def test_a_repository_may_lie_anywhere(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / NAME).write_text(LOG)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for command in (["setup", "git"], ["start", "201.2"], ["commit"]):
        assert orglab(*command, cwd=folder).code == 0
    (folder / "x").write_text("")
    subprocess.run(["git", "add", "x"], cwd=folder, check=True)
    done = subprocess.run(["git", "commit", "-qm", "tune"], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == BELONGS


# ---- orglab missing, failing, hanging or deleted ----


def with_interpreter(study, path):
    """Let the hooks start another program; its path is quoted as ours is."""
    script = study.hook()
    script.write_text(re.sub(r"(?m)^python=.*$", lambda _: f"python='{path}'", script.read_text(), count=1))


def test_python_looks_at_a_log_kept_apart_after_a_checkout_and_after_a_commit_if_it_was_edited(study, tmp_path):
    study.commit("learn the names")
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\nshift 5; echo "called for $1" >&2\n')
    fake.chmod(0o755)
    with_interpreter(study, fake)
    assert "called" not in study.git("switch", "--quiet", "--create", "side")
    shared = study.path / ".git/orglab"
    shared.joinpath("apart").touch()
    shared.joinpath("kept").unlink(missing_ok=True)
    assert study.git("switch", "--quiet", "main") == "called for post-checkout\n"
    assert study.git("merge", "--quiet", "side") == "", "nothing was merged"
    assert study.commit("one") == "called for keep-text\n"
    (shared / "kept").touch()
    os.utime(study.path / NAME, ns=(1, 1))
    assert study.commit("two") == ""
    os.utime(study.path / NAME, ns=(2**62, 2**62))
    assert study.commit("three") == "called for keep-text\n"
    study.git("switch", "--quiet", "side")
    assert study.git("merge", "--quiet", "main") == "called for post-merge\n"


def test_a_checkout_with_a_log_kept_apart_prints_nothing(study):
    study.commit("learn the names")
    study.path.joinpath(".git/orglab/apart").touch()
    assert study.git("switch", "--quiet", "--create", "side") == ""
    assert study.commit("tune") == ""


def broken(study, tmp_path, how):
    """Break orglab."""
    fake = tmp_path / "fake python"
    if how == "missing":
        script = study.hook()
        script.write_text(re.sub(r"(?m)^package=.*$", "package=/nonexistent", script.read_text(), count=1))
        # The interpreter itself may find another orglab.
        script.write_text(script.read_text().replace("    site.main()\n", ""))
    elif how == "raising":
        fake.write_text("#!/bin/sh\necho 'Kaboom' >&2\nexit 1\n")
    elif how == "killed":
        fake.write_text("#!/bin/sh\nkill -9 $$\n")
    elif how == "script gone":
        study.hook().unlink()
    if fake.exists():
        fake.chmod(0o755)
    if how in ("raising", "killed", "venv deleted"):
        with_interpreter(study, fake)


@pytest.mark.parametrize("how", ["missing", "raising", "killed", "venv deleted", "script gone"])
def test_a_broken_orglab_does_not_stop_commits(study, tmp_path_factory, how):
    study.start()
    kept = study.hook("commit-msg")
    kept.with_name("commit-msg.orglab-kept").write_text("#!/bin/sh\necho 'kept hook' >&2\n")
    kept.with_name("commit-msg.orglab-kept").chmod(0o755)
    broken(study, tmp_path_factory.mktemp("fakes"), how)
    mixed(study)
    said = study.git("commit", "-am", "[e999] tune")
    assert study.subjects("-1") == ["[e999] tune"]
    assert "kept hook\n" in said
    if how != "script gone":
        assert said.count("orglab: ") == (2 if how == "missing" else 1), "it is said once a commit"
    if how == "venv deleted":
        assert "is missing, so the hook did nothing; run `orglab setup git`" in said
    study.git("commit", "--quiet", "--amend", "-m", "amended")


@pytest.mark.slow
def test_a_hanging_orglab_is_stopped_once_per_commit(study, tmp_path_factory):
    study.start()
    folder = tmp_path_factory.mktemp("fakes")
    fake = folder / "python"
    fake.write_text(f"#!/bin/sh\necho $$ >> '{folder}/pids'\ntrap '' TERM\nexec sleep 60\n")
    fake.chmod(0o755)
    with_interpreter(study, fake)
    mixed(study)
    # What the hooks print comes through a pipe, which an orphan would keep open.
    said = study.git("commit", "--quiet", "-am", "[e9] tune", GIT_EDITOR="true")
    assert study.message() == "[e9] tune"
    assert said == "orglab: The hook took more than five seconds and was stopped; git goes on without it.\n"
    (pid,) = (folder / "pids").read_text().split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert not (study.path / ".git/orglab/failed").exists()


@pytest.mark.slow
def test_a_checkout_succeeds_though_the_hook_was_stopped(study, tmp_path_factory):
    """The exit code of the hook post-checkout becomes that of git."""
    fake = tmp_path_factory.mktemp("fakes") / "python"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    with_interpreter(study, fake)
    said = study.git("checkout", "HEAD", "--", "experiment_log.org")
    assert "The hook took more than five seconds and was stopped; git goes on without it.\n" in said


def test_an_unexpected_error_is_one_line(study):
    study.start()
    (study.path / ".git/orglab/names").unlink(missing_ok=True)
    (study.path / ".git/orglab/names").mkdir()
    said = study.commit("tune")
    assert "Unexpected error (" in said
    assert "git goes on without it" in said


def test_a_revision_without_a_log_is_not_checked(study):
    study.settings('[hooks]\nreferences = "refuse"\n')
    study.start()
    study.git("checkout", "--quiet", "--orphan", "other")
    study.git("rm", "--quiet", "-rf", ".")
    assert study.commit("[e9] tune") == ""
    study.repo.write("orglab.toml", f'log = "{NAME}"\n[hooks]\nreferences = "refuse"\n')
    assert study.commit("[e9] tune") == ""


def test_orglab_log_is_relative_to_the_folder_of_the_user(study):
    study.repo.write("sub/lab.org", LOG.replace("201", "301"))
    study.git("add", "sub")
    study.git("commit", "--quiet", "-m", "another log")
    study.edit("sub/x")
    study.git("add", "sub/x")
    said = study.git("commit", "--quiet", "-m", "[e301.1] tune", cwd=study.path / "sub", ORGLAB_LOG="lab.org")
    assert said == "orglab: This commit belongs to e301.1  Test XYZ without ABC\n"
    assert "names [e301.1], but there is no experiment e301" in study.commit("[e301.1] tune")


def test_invalid_settings_stop_no_commit_and_only_commands_name_them(study):
    study.repo.write("orglab.toml", "letter = 5\n")
    assert "letter" not in study.commit("tune")
    assert study.subjects("-1") == ["tune"]


# What Python has to load is what a commit waits for.
DEAR = "click sqlite3 subprocess json difflib hashlib orglab.cli orglab.history orglab.report orglab.runs orglab.search"


def loaded_by(study, *arguments):
    """The modules that a hook loads, with what it is given."""
    start = "import sys; sys.path.append(sys.argv.pop(1)); from orglab.hooks.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", "-c", start, SOURCE, arguments[0], ".git", ".", "e", *arguments[1:]],
        cwd=study.path, env={**os.environ, "GIT_EDITOR": ":"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_a_hook_imports_only_what_it_needs(study):
    study.start()
    (study.path / "message").write_text("tune\n")
    loaded = loaded_by(study, "prepare-commit-msg", "message", "message")
    assert (study.path / "message").read_text() == "[e201.2] tune\n"
    loaded |= loaded_by(study, "commit-msg", "message")
    assert "orglab.api.commit_rules" in loaded
    assert not [name for name in loaded for dear in DEAR.split() if f"{name}.".startswith(f"{dear}.")]


@pytest.mark.parametrize("kind", ["dangling link", "link", "pipe", "link of the folder"])
def test_the_script_writes_and_reads_nothing_in_the_place_of_its_files(study, tmp_path, kind):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private").write_text("e201\tsecret\n")
    own = study.path / ".git/orglab"
    if kind == "link of the folder":
        # In a worktree, whose git directory has a folder of its own.
        tree = tmp_path / "tree"
        study.git("worktree", "add", "--quiet", "-b", "other", tree)
        own = study.path / ".git/worktrees/tree/orglab"
        shutil.rmtree(own, ignore_errors=True)
        own.symlink_to(outside)
    else:
        tree = study.path
        for name in ("said", "failed", "initial", "left-out", "names"):
            path = own / name
            path.unlink(missing_ok=True)
            if kind == "pipe":
                os.mkfifo(path)
            else:
                path.symlink_to(outside / ("private" if kind == "link" else name))
    (tree / "train.py").write_text("new\n")
    said = study.git("commit", "--quiet", "-am", "[e201.1] tune", cwd=tree)
    assert "secret" not in said
    assert study.message("HEAD" if tree == study.path else "other") == "[e201.1] tune"
    assert [path.name for path in outside.iterdir()] == ["private"]
    assert (outside / "private").read_text() == "e201\tsecret\n"
