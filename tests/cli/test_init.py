"""Adopting an Org file with `orglab init`: in a pipe, on a terminal, and as JSON."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys

import pytest

from notebooks import README, TALKS, TRAINING
from orglab import open_log

ORGLAB = [sys.executable, "-m", "orglab"]
_PROMPT = re.compile(rb"\[(?:y/N(?:/l/...)?|Y/n)\]: ")
TEXT = "* Exp 1: warm\nGoal: faster.\n- [X] a\nResult: yes\n* Exp 2: cold\n* 2021-05-03 New keyboard\n"


def run(*arguments, cwd, code=0, stdin=""):
    done = subprocess.run([*ORGLAB, *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def git(*arguments, cwd):
    return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True).stdout


def answer(typed, cwd, *, interrupt=False):
    """Return the exit code of `orglab init` on a terminal, and what it wrote there, after an answer to its question."""
    leader, follower = pty.openpty()
    size = {"COLUMNS": "100", "LINES": "60", "TERM": "xterm-256color", "PAGER": "cat"}
    process = subprocess.Popen(
        [*ORGLAB, "init"], stdin=follower, stdout=follower, stderr=follower, cwd=cwd, env={**os.environ, **size},
        start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    said, answers = b"", list(typed)
    while select.select([leader], [], [], 1 if interrupt else 30)[0] or interrupt:
        if interrupt and _PROMPT.search(said):
            # Between two reads Python may miss a signal until the next one, as a person would press again.
            process.send_signal(signal.SIGINT)
            if not select.select([leader], [], [], 1)[0]:
                continue
        try:
            piece = os.read(leader, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        said += piece
        while len(_PROMPT.findall(said)) > len(typed) - len(answers) and answers:
            os.write(leader, answers.pop(0).encode())
    os.close(leader)
    return process.wait(), said.decode().replace("\r\n", "\n")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notes.org").write_text(TEXT)
    return tmp_path


def experiments(folder):
    return [one.ref for one in open_log(os.fspath(folder / "notes.org")).experiments()]


# ---- which file ----


@pytest.mark.parametrize("name", ["journal.org", "README.org", "LabBook.org", "notes.org"])
def test_a_file_of_any_name_is_found_and_becomes_the_log(tmp_path, name):
    (tmp_path / name).write_text(TEXT)
    (tmp_path / "other.org").write_text("* Nothing\n" * 200)
    assert "2 headings with the number of an experiment" in run("init", cwd=tmp_path)
    assert (tmp_path / name).read_text() == TEXT
    assert not (tmp_path / "orglab.toml").exists()
    run("init", "--adopt", cwd=tmp_path)
    assert "e1" in run("list", cwd=tmp_path)
    assert run("show", "1", cwd=tmp_path).count("yes") == 1


def test_a_log_named_journal_has_a_journal_of_another_name(tmp_path):
    (tmp_path / "journal.org").write_text(TEXT)
    run("init", "--adopt", cwd=tmp_path)
    run("journal", "A thought", cwd=tmp_path)
    assert "A thought" not in (tmp_path / "journal.org").read_text()
    assert "A thought" in (tmp_path / "day-journal.org").read_text()


@pytest.mark.parametrize("text", ["* Installation\n* Usage\n** Run the experiment\n", TALKS])
def test_a_readme_without_experiments_is_left_alone(tmp_path, text):
    (tmp_path / "README.org").write_text(text)
    assert "Created experiment_log.org" in run("init", cwd=tmp_path)
    assert (tmp_path / "README.org").read_text() == text


def test_settings_that_exist_are_not_changed(folder):
    (folder / "orglab.toml").write_text('tag = "study"\n')
    said = run("init", "--adopt", cwd=folder)
    assert 'Add this line to orglab.toml, so that commands find the log:  log = "notes.org"' in said
    assert (folder / "orglab.toml").read_text() == 'tag = "study"\n'
    assert "* Exp 1: warm :study:\n" in (folder / "notes.org").read_text()


def test_without_a_file_there_is_nothing_to_adopt(tmp_path):
    assert run("init", "--adopt", cwd=tmp_path, code=3) == (
        "orglab: There is no Org file here to adopt; name one with --log FILE.\n"
    )
    (tmp_path / "a.org").write_text("* Shopping\n")
    said = run("init", "--adopt", cwd=tmp_path, code=3)
    assert said == "orglab: Nothing in a.org looks like an experiment; name lines of headings with --include.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.org"]


# ---- what is done ----


def test_what_is_adopted_can_be_chosen(folder):
    run("init", "--exclude", "5", "--include", "B", cwd=folder)
    assert experiments(folder) == ["e1", "e3"]
    assert 'not_experiments = ["Exp 2' in (folder / "orglab.toml").read_text()
    run("init", "--adopt", cwd=folder)
    assert experiments(folder) == ["e1", "e3"]
    line = (folder / "notes.org").read_text().split("\n").index("* Exp 2: cold") + 1
    run("init", "--include", str(line), cwd=folder)
    assert experiments(folder) == ["e1", "e2", "e3"]
    before = (folder / "notes.org").read_text()
    run("init", "--adopt", cwd=folder)
    assert (folder / "notes.org").read_text() == before


def test_what_is_left_out_is_told_where_settings_exist(folder):
    (folder / "orglab.toml").write_text('log = "notes.org"\n')
    said = run("init", "--adopt", "--exclude", "5", cwd=folder)
    assert 'Add this line to orglab.toml, so that they stay left out:  not_experiments = ["Exp 2: cold"]' in said
    with (folder / "orglab.toml").open("a") as settings:
        settings.write('not_experiments = ["Exp 2: cold"]\n')
    assert "Exp 2" not in run("init", "--dry-run", cwd=folder)


def test_a_notebook_in_commits_of_code_stays_there(folder):
    git("init", "--quiet", cwd=folder)
    git("add", "notes.org", cwd=folder)
    git("commit", "--quiet", "-m", "notes", cwd=folder)
    said = run("init", "--adopt", cwd=folder)
    assert "notes.org may be in commits with other files, as before (hooks.separate in orglab.toml)." in said
    (folder / "code.py").write_text("print()\n")
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "-m", "both", cwd=folder)
    run("note", "1", "A thought.", cwd=folder)
    run("run", "--", sys.executable, "-c", "pass", cwd=folder)
    assert git("status", "--short", cwd=folder) == " M notes.org\n"
    assert {"code.py", "notes.org"} <= set(git("show", "--name-only", "--format=", cwd=folder).split())


@pytest.mark.parametrize("options", [[], ["--template"]])
def test_an_adoption_that_is_undone_leaves_no_trace(folder, options):
    git("init", "--quiet", cwd=folder)
    git("add", "notes.org", cwd=folder)
    git("commit", "--quiet", "-m", "notes", cwd=folder)
    run("init", "--adopt", *options, cwd=folder)
    adopted = (folder / "notes.org").read_text()
    git("checkout", "--quiet", "notes.org", cwd=folder)
    assert run("list", cwd=folder) == "No experiments yet.\n"
    said = run("init", "--adopt", *options, cwd=folder)
    assert "took" not in said
    assert (folder / "notes.org").read_text() == adopted


def test_what_was_written_since_an_adoption_is_missing_when_it_is_undone(folder):
    git("init", "--quiet", cwd=folder)
    git("add", "notes.org", cwd=folder)
    git("commit", "--quiet", "-m", "notes", cwd=folder)
    run("init", "--adopt", cwd=folder)
    run("note", "1", "A thought.", cwd=folder)
    with_note = (folder / "notes.org").read_text()
    git("checkout", "--quiet", "notes.org", cwd=folder)
    assert "lost" in run("check", cwd=folder, code=1)
    run("check", "--restore", cwd=folder)
    text = (folder / "notes.org").read_text()
    assert text.count("Exp 1: warm") == 1
    assert "A thought." in text
    assert with_note.startswith(text[: text.index("* Exp 2")])


def test_a_notebook_that_git_does_not_track_is_left_out_of_commits_of_code(folder):
    git("init", "--quiet", cwd=folder)
    said = run("init", "--adopt", cwd=folder)
    assert "a commit of other files leaves notes.org out, for a commit of its own (hooks.separate)." in said
    assert "# separate =" in (folder / "orglab.toml").read_text()


@pytest.mark.parametrize("arguments", [["--include", "Z"], ["--exclude", "99"], ["--include", "3"]])
def test_a_choice_that_is_none_changes_nothing(folder, arguments):
    run("init", "--adopt", *arguments, cwd=folder, code=2)
    assert (folder / "notes.org").read_text() == TEXT
    assert not (folder / "orglab.toml").exists()


def test_a_number_that_is_taken_is_told(tmp_path):
    (tmp_path / "notes.org").write_text(TRAINING)
    said = run("init", "--adopt", cwd=tmp_path)
    assert "#12 is e33, because another heading has 12 already.\n" in said
    assert "Adopted 8 headings of notes.org as experiments: e3, e7, e12, e33, e5, e34 and 2 more.\n" in said


def test_the_range_of_ids_is_that_of_their_numbers(tmp_path):
    (tmp_path / "notes.org").write_text("* Exp 2\n* Exp 10\n* exp-210204-unet\n* Exp 1\n")
    said = run("init", "--adopt", cwd=tmp_path)
    assert "4 experiments (e1 to e11)" in said
    assert run("list", "--sort", "-id", cwd=tmp_path).splitlines()[0].split()[0] == "e11"
    assert "exp-210204-unet" in run("show", "exp-210204-unet", cwd=tmp_path)


def test_a_dry_run_and_json_tell_the_same_and_change_nothing(folder):
    said = run("init", "--dry-run", "--include", "6", cwd=folder)
    form = json.loads(run("init", "--dry-run", "--include", "6", "--json", cwd=folder))
    assert (folder / "notes.org").read_text() == TEXT
    assert sorted(path.name for path in folder.iterdir()) == ["notes.org"]
    groups = form["adoption"]["groups"]
    assert [(group["letter"], group["certain"], len(group["headings"])) for group in groups] == [
        ("A", True, 2), ("B", False, 1),
    ]  # fmt: skip
    for group in groups:
        assert group["why"] in said
        for one in group["headings"]:
            assert re.search(rf"^ +{one['line']}  e{one['id']} ", said, re.M)
            assert one["chosen"]
    assert groups[0]["headings"][0] == {
        "line": 1, "id": "1", "wanted": None, "title": "Exp 1: warm", "created": None, "steps": 1, "done": 1,
        "conclusion": "yes", "chosen": True,
    }  # fmt: skip
    made = json.loads(run("init", "--include", "6", "--json", cwd=folder))
    assert (made["adopted"], made["created"], made["settings"]) == (["e1", "e2", "e3"], False, "orglab.toml")
    assert made["adoption"]["groups"] == groups


def test_a_dry_run_in_an_empty_folder_creates_nothing(tmp_path):
    assert run("init", "--dry-run", cwd=tmp_path) == "Would create experiment_log.org.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_conflict_is_not_adopted(folder):
    (folder / "notes.org").write_text(f"<<<<<<< ours\n{TEXT}=======\n* Exp 3\n>>>>>>> theirs\n")
    before = (folder / "notes.org").read_text()
    assert "conflict" in run("init", "--adopt", cwd=folder, code=4)
    assert (folder / "notes.org").read_text() == before


def test_a_tracked_file_is_adopted_where_it_is(repo):
    repo.commit("notes", {"LabBook.org": README})
    said = run("init", "--adopt", cwd=repo.path)
    assert "Installed the git hooks" in said
    added = [line for line in repo.git("diff", "-U0").splitlines() if is_added(line)]
    assert added == [
        "+** exp1: baseline :exp:", "+:PROPERTIES:", "+:ID:       1", "+:CONCLUSION_IN: Result:", "+:END:",
        "+** exp2: more data :exp:", "+:PROPERTIES:", "+:ID:       2", "+:END:",
    ]  # fmt: skip
    assert run("new", "A new one", cwd=repo.path).startswith("e3")


def is_added(line):
    return line.startswith("+") and not line.startswith("+++")


def test_the_parts_are_moved_to_the_template_if_that_is_asked(folder):
    said = run("init", "--template", cwd=folder)
    assert "Moved the parts of 1 experiment to the headings of the template." in said
    text = (folder / "notes.org").read_text()
    assert "** Experiments [1/1]\n- [X] a\n" in text
    assert "** Conclusions\nResult: yes\n" in text
    assert "_IN:" not in text


def test_what_was_adopted_before_can_follow_the_template_later(folder):
    run("init", "--adopt", cwd=folder)
    assert "_IN:" in (folder / "notes.org").read_text()
    run("init", "--template", cwd=folder)
    assert "_IN:" not in (folder / "notes.org").read_text()


# ---- the question on a terminal ----


@pytest.mark.parametrize(
    ("typed", "refs"),
    [
        (["y\n", "n\n"], ["e1", "e2"]),
        (["YES\n", "\n"], ["e1", "e2"]),
        (["-5\n", "n\n"], ["e1"]),
        (["y -A +6\n"], ["e3"]),
        (["+B, -1\n"], ["e2", "e3"]),
        (["what?\n", "+Z\n", "y\n", "n\n"], ["e1", "e2"]),
        (["l\n", "y\n", "n\n"], ["e1", "e2"]),
    ],
)
def test_an_answer_chooses(folder, typed, refs):
    code, said = answer(typed, folder)
    assert code == 0
    assert "Adopt the 2 headings of A as experiments?" in said
    assert experiments(folder) == refs
    assert "Conclusions" not in (folder / "notes.org").read_text()
    if "what?\n" in typed:
        assert "'what?' is not understood" in said
        assert "'Z' is neither the letter of a group nor the line of a heading" in said


def test_a_second_question_moves_the_parts(folder):
    code, said = answer(["y\n", "y\n"], folder)
    assert code == 0
    assert "Move them to headings Experiments and Conclusions, too?" in said
    assert "** Conclusions\nResult: yes\n" in (folder / "notes.org").read_text()


@pytest.mark.parametrize("typed", ["n\n", "\n", "No\n"])
def test_no_changes_nothing(folder, typed):
    code, said = answer([typed], folder)
    assert code == 0
    assert "To start a new log beside it:" in said
    assert (folder / "notes.org").read_text() == TEXT
    assert sorted(path.name for path in folder.iterdir()) == ["notes.org"]


def test_a_log_with_nothing_certain_is_not_asked_about(tmp_path):
    (tmp_path / "experiment_log.org").write_text("* [1] A :exp:\n* 2021-05-03 New keyboard\n")
    code, said = answer([], tmp_path)
    assert (code, "New keyboard" in said, "[y/N" in said) == (0, True, False)


def test_ctrl_c_at_the_question_changes_nothing(folder):
    code, said = answer([], folder, interrupt=True)
    assert (code, "Interrupted." in said) == (130, True)
    assert (folder / "notes.org").read_text() == TEXT
    assert sorted(path.name for path in folder.iterdir()) == ["notes.org"]


def test_the_end_of_the_input_at_the_question_changes_nothing(folder):
    code, _ = answer(["\x04"], folder)
    assert code == 130
    assert sorted(path.name for path in folder.iterdir()) == ["notes.org"]


UUIDS = "* Exp 3: warm\n:PROPERTIES:\n:ID: 5b3c1d2e-aaaa-bbbb-cccc-ddddeeee0001\n:END:\n- [X] a\n* Exp 4: cold\n"


def test_ids_are_written_beside_those_of_org_id(tmp_path):
    log, settings = tmp_path / "notes.org", tmp_path / "orglab.toml"
    log.write_text(UUIDS)
    assert "New ids are written as :CUSTOM_ID:" in run("init", "--adopt", cwd=tmp_path)
    assert ":CUSTOM_ID: 3\n" in log.read_text()
    assert ":CUSTOM_ID: 4\n" in log.read_text()
    assert '\nid_property = "CUSTOM_ID"\n' in settings.read_text()
    run("new", "Another", cwd=tmp_path)
    assert ":CUSTOM_ID: 5\n" in log.read_text()


@pytest.mark.parametrize(("typed", "name"), [("y\n", "CUSTOM_ID"), ("n\n", "ID")])
def test_init_asks_where_ids_are_to_be_written_if_org_id_has_its_own(tmp_path, typed, name):
    (tmp_path / "notes.org").write_text(UUIDS)
    code, said = answer(["y\n", typed, "n\n"], tmp_path)
    assert code == 0, said
    assert "as org-id makes them" in said
    assert f":{name}: 4\n" in (tmp_path / "notes.org").read_text().replace(":ID:       ", ":ID: ")
    assert ('id_property = "CUSTOM_ID"\n# notes' in (tmp_path / "orglab.toml").read_text()) is (name == "CUSTOM_ID")


def test_a_notebook_called_journal_gets_a_journal_of_another_name(repo):
    repo.write("journal.org", TEXT)
    said = run("init", "--adopt", cwd=repo.path)
    assert "day-journal.org" in said
    assert 'journal = "day-journal.org"' in (repo.path / "orglab.toml").read_text()
    attributes = (repo.path / ".gitattributes").read_text()
    assert attributes.count("journal.org merge=orglab") == 2
    assert attributes.count("day-journal.org merge=orglab") == 1


def test_a_plan_lists_what_is_chosen_by_its_line(folder):
    said = run("init", "--dry-run", cwd=folder)
    assert "Chosen by their lines" not in said
    (folder / "notes.org").write_text(TEXT + "* Nothing at all\n")
    said = run("init", "--dry-run", "--include", "7", cwd=folder)
    assert re.search(r"Chosen by their lines\n +7 +e\d+ +- +- +Nothing at all\n", said)
    assert (folder / "notes.org").read_text() == TEXT + "* Nothing at all\n"


def test_an_id_that_is_as_long_as_a_uuid_is_kept(tmp_path):
    name = "warmup-of-the-small-model-in-may-202"
    assert len(name) == 36
    (tmp_path / "notes.org").write_text(f"* Exp 1: x\n:PROPERTIES:\n:ID: {name}\n:END:\n- [X] a\n")
    run("init", "--adopt", cwd=tmp_path)
    assert open_log(tmp_path / "notes.org").experiment(name).title == "Exp 1: x"


def test_a_plan_shows_the_ids_that_a_choice_gets(folder):
    said = run("init", "--dry-run", "--exclude", "1", "--include", "6", cwd=folder)
    rows = [line.split()[:2] for line in said.splitlines() if re.match(r" +\d+ +\S+ +(?:\d{4}-|- )", line)]
    assert rows == [["1", "-"], ["5", "e2"], ["6", "e3"]]
    assert "  (left out)" in said
    assert "To adopt 2 headings:  orglab init --exclude 1 --include 6" in said
    run("init", "--exclude", "1", "--include", "6", cwd=folder)
    assert experiments(folder) == ["e2", "e3"]


def test_an_answer_that_chooses_nothing_is_asked_again(folder):
    (folder / "notes.org").write_text("* 2021-05-03 New keyboard\n* 2021-05-04 Chair\n* Other\n")
    code, said = answer(["y\n", "l\n", "+1,2\n"], folder)
    assert code == 0
    assert "That chooses no heading. Answer n; l lists all; +A adds group A and +1 that line." in said
    assert said.count("Adopt some of these?") == 2
    assert experiments(folder) == ["e1", "e2"]


def test_several_lines_are_left_out_by_one_sign(folder):
    code, _ = answer(["-1,5 +B\n"], folder)
    assert code == 0
    assert [one.title for one in open_log(os.fspath(folder / "notes.org")).experiments()] == ["2021-05-03 New keyboard"]


def test_settings_of_a_tracked_notebook_do_not_change_how_it_is_committed(folder):
    git("init", "--quiet", cwd=folder)
    git("add", "notes.org", cwd=folder)
    run("--log", "notes.org", "init", "--config", cwd=folder)
    text = (folder / "orglab.toml").read_text()
    assert 'separate = "off"\n' in text
    assert "commit_log = false\n" in text
