"""What changed between two readings of a log, in words."""

import pytest

from orglab.config import Config
from orglab.experiment.changes import compare_experiments
from orglab.experiment.model import read_experiments
from orglab.log.log_commit import compose_message
from orglab.org.document import Document
from texts import SEED


def read(text):
    return list(read_experiments(Document(text.encode(), Config().keywords), Config(), "log.org"))


def words(before, after):
    return {change.ref: ", ".join(change.words) for change in compare_experiments(read(before), read(after))}


OTHER = SEED.replace("201", "202").replace("ABC in XYZ model", "Another")
NOTES = "** Notes\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2. [ ]", "2. [X]", "step 2 done"),
        ("1. [X]", "1. [ ]", "step 1 open again"),
        ("1. [X]", "1. [-]", "step 1 started"),
        ("with ABC\n", "with ABC\n3. [ ] Third\n", "step 3 added"),
        ("with ABC\n", "with ABC\n3. [X] Third\n", "step 3 done"),
        ("with ABC\n", "with ABC\n3. [ ] C\n4. [ ] D\n5. [ ] E\n", "steps 3-5 added"),
        ("2. [ ] Test XYZ with ABC\n", "", "step 2 removed"),
        ("with ABC\n", "with DEF\n", "step 2 reworded"),
        ("(83d45cd)", "(83d45cd, 0a1b2c3)", "step 1: commits"),
        (NOTES, NOTES + "- One\n", "1 note"),
        (NOTES, NOTES + "- One\n- Two\n", "2 notes"),
        ("(83d45cd)\n", "(83d45cd)\n   - A note\n", "1 note"),
        ("TODO [201]", "INPROGRESS [201]", "INPROGRESS"),
        ("ABC in XYZ", "DEF in XYZ", "renamed"),
        ("improves results", "helps", "description"),
        (":@work:exp:", ":exp:", "tags"),
        ("TODO Conclusions\n", "TODO Conclusions\nIt helps.\n", "concluded"),
        ("TODO Conclusions\n", "DONE Conclusions\n:PROPERTIES:\n:VERDICT: refuted\n:END:\nNo.\n", "concluded: refuted"),
        ("\n** Notes", "\n\n** Notes", "edited"),
        ("1. [X] Test XYZ without ABC (83d45cd)\n2. [ ]", "1. [X] Test XYZ without ABC (83d45cd)\n   - Note\n2. [X]", "step 2 done, 1 note"),
    ],
)  # fmt: skip
def test_a_change_has_its_word(old, new, said):
    after = SEED.replace(old, new, 1)
    assert words(SEED, after) == {"e201": said}


def test_notes_that_go_or_change():
    one = SEED.replace(NOTES, NOTES + "- One\n")
    assert words(one, SEED) == {"e201": "1 note removed"}
    assert words(one, one.replace("One", "Uno")) == {"e201": "1 note changed"}


def test_unchanged_and_moved_experiments_are_not_listed():
    assert words(SEED, SEED) == {}
    assert words(SEED + OTHER, OTHER + SEED) == {}


def test_added_and_removed_experiments():
    assert words(SEED, SEED + OTHER) == {"e202": "new, with 2 steps"}
    assert words(SEED + OTHER, OTHER) == {"e201": "removed"}
    assert words("", "* TODO [1] A :exp:\n") == {"e1": "new"}


def test_experiments_with_the_same_id_are_compared_in_order():
    assert words(SEED + SEED, SEED + SEED.replace("2. [ ]", "2. [X]")) == {"e201": "step 2 done"}


def message(before, after, text=None, *, entries=-1):
    return compose_message(compare_experiments(read(before), read(after)), before != after, entries, "e", text)


def test_the_message_names_one_or_several():
    done = SEED.replace("2. [ ]", "2. [X]")
    assert message(SEED, done) == "[e201] log: step 2 done"
    assert message(SEED, done, entries=1) == "[e201] log: step 2 done; journal: 1 entry"
    assert message(SEED, SEED, entries=2) == "journal: 2 entries"
    assert message(SEED, SEED, entries=0) == "journal: edited"
    assert message(SEED, done + OTHER) == "[e201] [e202] log: e201 step 2 done; e202 new, with 2 steps"
    assert message(SEED, SEED + "\n# end\n") in ("[e201] log: edited", "log: text outside experiments")
    assert message("# a\n", "# b\n") == "log: text outside experiments"


def test_a_long_message_has_a_body():
    many = "".join(f"* TODO [{number}] Number {number} :exp:\n" for number in range(1, 8))
    subject, _, body = message("", many).partition("\n\n")
    assert subject == "log: 7 experiments"
    assert body.splitlines() == [f"[e{number}] new" for number in range(1, 8)]
    four = message("", "".join(many.splitlines(keepends=True)[:4]) + OTHER + "")
    assert four.splitlines()[0] == "[e1] [e2] [e3] [e4] [e202] log: 5 experiments"


def test_the_user_s_message_gets_references_unless_it_has_one():
    done = SEED.replace("2. [ ]", "2. [X]")
    assert message(SEED, done, "Second week") == "[e201] Second week"
    assert message(SEED, done, "[e201.2] Second week") == "[e201.2] Second week"
    assert message("# a\n", "# b\n", "Tidy") == "Tidy"
    many = "".join(f"* TODO [{number}] Number {number} :exp:\n" for number in range(1, 8))
    assert message("", many, "Import").startswith("Import\n\n[e1] new\n")


def test_a_rebase_changes_hashes_only():
    moved = SEED.replace("(83d45cd)", "(83d45cd -> 1f2e3d4)")
    assert message(SEED, moved) == "[e201] log: 1 hash rewritten"


def test_the_blank_line_before_the_next_experiment_is_no_change():
    other = SEED.replace("201", "202")
    assert message(SEED, f"{SEED}\n{other}").startswith("[e202] log: new")


def test_an_experiment_that_is_new_and_has_ended_says_both():
    ended = "* DONE [7] A :exp:\n** Experiments\n1. [X] one\n** DONE Conclusions\n:PROPERTIES:\n:VERDICT:  refuted\n:END:\nNo.\n"
    assert message("", ended) == "[e7] log: new, with 1 step, concluded: refuted"
    assert message("", ended.replace(":VERDICT:  refuted\n", ":X: 1\n")).endswith("with 1 step, concluded")
