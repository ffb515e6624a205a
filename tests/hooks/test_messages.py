"""Where the active step is put into messages, and messages in which nothing was written."""

import pytest

from hooked_repo import BELONGS, Study, editor
from lab import orglab
from orglab.settings.setting_rules import CONFIG_TEXT

POSITIONS = {"start": "[e201.2] {}", "after-type": "feat: [e201.2] {}", "trailer": "{}\n\nRefs: e201.2"}


@pytest.fixture
def study(repo):
    study = Study(repo)
    study.start()
    return study


def place(study, position):
    study.settings(f'[hooks]\nposition = "{position}"\n')


def assert_not_committed(study, *arguments, **environment):
    """Check that git makes no commit, and that it says the same as without the hooks."""
    study.edit()
    before = study.repo.git("rev-parse", "HEAD")
    environment = {"GIT_EDITOR": "true", **environment}
    said = study.git(*arguments, code=1, **environment)
    assert study.repo.git("rev-parse", "HEAD") == before
    assert said == study.git("-c", "core.hooksPath=/dev/null", *arguments, code=1, **environment)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_position_of_the_reference(study, tmp_path, position):
    place(study, position)
    typed = "feat: tune" if position != "start" else "tune"
    wanted = POSITIONS[position].format(typed.removeprefix("feat: ") if position == "after-type" else typed)
    assert study.commit(typed) == BELONGS
    assert study.message() == wanted
    study.edit()
    write = 'sed "1s/.*/&%s/" "$1" > m && cp m "$1"' % ("feat: tune" if position == "trailer" else "tune")
    if position == "after-type":
        study.repo.write(".git/template", "feat: \n")
        study.git("config", "commit.template", ".git/template")
    said = study.git("commit", "--quiet", "--all", GIT_EDITOR=editor(tmp_path, write))
    assert (said, study.message()) == (BELONGS, wanted)
    study.commit("feat: x [e201.1]")
    assert study.message() == "feat: x [e201.1]"
    study.commit("feat: x\n\nRefs: e201.1")
    assert study.message() == "feat: x\n\nRefs: e201.1"
    assert "names [e201.9]" in study.commit("feat: x\n\nRefs: e201.9, #12, e12ab")


def test_a_trailer_joins_those_that_are_there(study):
    place(study, "trailer")
    study.commit("tune", "--signoff", "--trailer", "Refs: #42")
    assert study.message().splitlines()[2:] == ["Signed-off-by: Carl Committer <carl@example.org>", "Refs: #42, e201.2"]
    assert orglab("show", "201", "--history", cwd=study.path).out.count("tune") == 1


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("verdict", ["refuse", "warn"])
def test_an_unknown_reference_in_a_trailer(study, position, verdict):
    study.settings(f'[hooks]\nposition = "{position}"\nreferences = "{verdict}"\n')
    said = study.commit("tune\n\nRefs: e999", code=int(verdict == "refuse"))
    assert "names [e999], but there is no experiment e999" in said


MARKS = {
    "option": (["-c", "core.commentChar=;"], {}),
    "count": ([], {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.commentChar", "GIT_CONFIG_VALUE_0": "%"}),
    "parameters": ([], {"GIT_CONFIG_PARAMETERS": "'core.commentChar'='~'"}),
    "letter": (["-c", "core.commentChar=x"], {}),
    "auto": (["-c", "core.commentChar=auto"], {}),
}
WAYS = {
    "plain": [],
    "verbose": ["-v"],
    "template": ["-t", ".git/template"],
    "template with a sign-off": ["-t", ".git/template", "-s"],
    "sign-off": ["-s"],
    "signing trailer": ["--trailer", "Signed-off-by: B <b@c>"],
    "empty message": ["-e", "-m", ""],
    "empty message signed off": ["-e", "-s", "-m", ""],
    "scissors": ["--cleanup=scissors"],
    "no status": ["--no-status"],
    "template without an editor": ["-t", ".git/template", "--no-edit"],
    "empty message without an editor": ["-m", ""],
    "signed-off empty message without an editor": ["-s", "-m", ""],
    "strip": ["--cleanup=strip"],
}
# git writes comments in these ways, each with another text around them.
MARKED = ("plain", "verbose", "template", "template with a sign-off", "scissors", "strip")
TEMPLATE = "Subject\n\n# Why?\nWhy:\n"


@pytest.mark.slow
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("way", WAYS)
def test_a_message_in_which_nothing_was_written_makes_no_commit(study, way, position):
    place(study, position)
    study.repo.write(".git/template", TEMPLATE)
    marks = MARKS.values() if position == "start" and way in MARKED else ()
    for options, environment in ([], {}), *marks, ([], {"GIT_EDITOR": ":"}):
        assert_not_committed(study, *options, "commit", "-a", *WAYS[way], **environment)


@pytest.mark.parametrize("place", ["local", "global", "worktree", "include"])
def test_a_comment_character_or_template_from_any_file(study, tmp_path, monkeypatch, place):
    study.repo.write(".git/template", TEMPLATE)
    config = tmp_path / "config"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    for name, value in ("user.name", "A"), ("user.email", "a@b"):
        study.git("config", "--global", name, value)
    scope = {"include": ["--file", tmp_path / "included"]}.get(place, [f"--{place}"])
    if place == "worktree":
        study.git("config", "extensions.worktreeConfig", "true")
    if place == "include":
        study.git("config", "--global", f"includeIf.gitdir:{study.path}/.path", tmp_path / "included")
    study.git("config", *scope, "core.commentChar", ";")
    assert_not_committed(study, "commit", "-a")
    study.git("config", *scope, "commit.template", study.path / ".git/template")
    assert_not_committed(study, "commit", "-a")


def test_a_template_that_was_emptied_makes_no_commit(study, tmp_path):
    study.repo.write(".git/template", TEMPLATE)
    for script in ('echo "[e201.2]" > "$1"', 'echo "[e201.2] " > "$1"', 'echo > "$1"', 'echo "# x" > "$1"'):
        study.edit()
        study.git("commit", "-a", "-t", ".git/template", code=1, GIT_EDITOR=editor(tmp_path, script))


def test_what_was_written_is_never_lost(study, tmp_path):
    for cleanup in ("verbatim", "whitespace", "scissors"):
        study.edit()
        script = 'echo "[e201.2] " > "$1"; echo "# heading" >> "$1"'
        study.git("commit", "--quiet", "-a", f"--cleanup={cleanup}", GIT_EDITOR=editor(tmp_path, script))
        assert "# heading" in study.message()


def test_the_users_own_editor_that_does_nothing_keeps_comments_comments(study):
    study.edit()
    study.git("commit", "--quiet", "-a", "-e", "-m", "tune", GIT_EDITOR=":")
    assert study.message() == "[e201.2] tune"
    study.edit()
    study.git("commit", "--quiet", "-a", "-m", "#42 tune")
    assert study.message() == "[e201.2] #42 tune"


def test_a_step_is_ticked_after_a_type(study):
    study.settings('[hooks]\nauto_done = true\nposition = "after-type"\n')
    assert "e201.2 done" in study.commit("feat: [e201.2] done")


@pytest.mark.parametrize("position", POSITIONS)
def test_a_run_and_a_commit_of_the_log_name_their_step_there_too(study, position):
    place(study, position)
    study.edit()
    ran = orglab("run", "--results", "out", "--", "sh", "-c", "mkdir -p out; echo 1 > out/x", cwd=study.path)
    assert ran.code == 0, ran.err
    orglab("commit", cwd=study.path)
    log, results, before = (study.message(f"HEAD~{number}") for number in range(3))
    assert log.startswith({"start": "[e201] log: ", "after-type": "log: [e201] ", "trailer": "log: "}[position])
    for message, word in (before, "Before"), (results, "Results"):
        begin = {"start": f"[e201.2] {word}: sh", "after-type": f"{word}: [e201.2] sh", "trailer": f"{word}: sh"}
        assert message.startswith(begin[position])
    if position == "trailer":
        assert log.endswith("\n\nRefs: e201")
        assert before.endswith("\nRefs: e201.2")
        assert results.endswith("\nRefs: e201.2")
    history = orglab("show", "201", "--history", cwd=study.path).out
    assert "Before" in history
    assert "Results" in history
    assert "log: " not in orglab("show", "201", cwd=study.path).out
    done = orglab("done", "201.2", cwd=study.path)
    assert study.repo.git("rev-parse", "--short=7", "HEAD~1") in done.out + done.err + study.log


def test_the_settings_name_the_positions():
    assert "start, after-type" in CONFIG_TEXT
