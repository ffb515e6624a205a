"""Code actions: the edits are those that commands make, in the text of the editor, and nothing is written."""

import pytest

from lab import NAME, orglab
from lsp_client import CAPABILITIES, LOG, apply, find


def state_of(folder):
    """Every file below a folder, with its bytes."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def choose(client, uri, line, title):
    """The text after an action."""
    return apply(client.texts[uri], client.resolve(client.actions(uri, line)[title])["edit"])


@pytest.mark.parametrize(
    ("words", "title", "arguments"),
    [
        ("2. [ ]", "Complete step e201.2", ("done", "201.2")),
        ("1. [X]", "Reopen step e201.1", ("done", "--undo", "201.1")),
        ("* DONE [202]", "Start e202", ("start", "202")),
    ],
)
def test_an_action_makes_the_edits_of_its_command(client, study, repo, words, title, arguments):
    repo.commit("[e201.2] results", {"train.py": "lr = 1\n"})
    log = client.open(NAME)
    before = state_of(study)
    changed = choose(client, log, find(LOG, words)[0], title)
    assert state_of(study) == before
    assert orglab(*arguments, cwd=study).code == 0
    assert changed == (study / NAME).read_text() != LOG


def test_an_action_is_made_of_the_text_that_is_not_saved_yet(client, study):
    text = LOG.replace("Test XYZ with ABC\n", "Test XYZ with ABC and é😀\n3. [ ] One more\n").replace("[1/2]", "[1/3]")
    log = client.open(NAME, text)
    changed = choose(client, log, find(text, "3. [ ]")[0], "Complete step e201.3")
    assert "3. [X] One more\n" in changed
    assert "[2/3]" in changed
    assert "é😀" in changed
    assert (study / NAME).read_text() == LOG


def test_a_note_is_begun_as_the_command_does_and_the_cursor_is_at_its_end(start, study, monkeypatch):
    monkeypatch.setenv("ORGLAB_AUTHOR", "ada")
    client = start(capabilities={**CAPABILITIES, "window": {"showDocument": {"support": True}}})
    log = client.open(NAME)
    action = client.resolve(client.actions(log, find(LOG, "2. [ ]")[0])["Add a note to step e201.2"])
    changed = apply(LOG, action["edit"])
    assert orglab("note", "201.2", "some words", cwd=study).code == 0
    lines = [line.replace("some words", "") for line in (study / NAME).read_text().splitlines()]
    # The minute may have changed.
    assert [line[:8] for line in changed.splitlines()] == [line[:8] for line in lines]
    number = next(n for n, line in enumerate(changed.splitlines()) if line.endswith("(by: ada) "))
    cursor = {"line": number, "character": len(changed.splitlines()[number])}
    assert action["command"]["arguments"] == [log, cursor]
    asked = client.request("workspace/executeCommand", {"command": "orglab.select", "arguments": [log, cursor]})
    shown = client.wait("window/showDocument")
    assert shown == {"uri": log, "takeFocus": True, "selection": {"start": cursor, "end": cursor}}
    del asked


def test_the_active_step_stays_as_it_is(client, study):
    assert orglab("start", "201.2", cwd=study).code == 0
    log = client.open(NAME)
    choose(client, log, find(LOG, "2. [ ]")[0], "Complete step e201.2")
    choose(client, log, find(LOG, "* DONE [202]")[0], "Start e202")
    assert "e201.2" in orglab("status", cwd=study).out


def test_problems_are_fixed_one_by_one_and_all_together(client):
    text = LOG.replace("[1/2]", "[2/2]").replace("[X] Run", "[x] Run").replace("[1/1]", "[0/1]")
    log = client.open(NAME, text)
    reported = client.diagnostics(log)
    (box,) = [one for one in reported if one["code"] == "lower-case-box"]
    actions = client.actions(log, box["range"]["start"]["line"], diagnostics=[box])
    fixed = apply(text, actions[f"Fix: {box['message']}"]["edit"])
    assert fixed == text.replace("[x]", "[X]")
    (every,) = client.actions(log, 0, only=["source.fixAll"]).values()
    assert apply(text, client.resolve(every)["edit"]) == LOG


def test_a_client_that_cannot_ask_later_gets_the_edits_at_once(start):
    client = start(capabilities={})
    log = client.open(NAME)
    action = client.actions(log, find(LOG, "2. [ ]")[0])["Complete step e201.2"]
    assert [*action["edit"]["changes"]] == [log]
    assert "2. [X] Test XYZ with ABC\n" in apply(LOG, action["edit"])


def test_lines_that_end_with_two_characters_keep_them(client):
    text = LOG.replace("\n", "\r\n")
    log = client.open(NAME, text)
    action = client.resolve(client.actions(log, find(LOG, "2. [ ]")[0])["Add a note to step e201.2"])
    (edit,) = action["edit"]["documentChanges"][0]["edits"]
    assert edit["newText"].endswith("\r\n")
    assert edit["newText"].count("\n") == edit["newText"].count("\r\n")


def test_nothing_is_offered_for_an_id_that_two_experiments_have(client):
    text = LOG.replace("202", "201")
    log = client.open(NAME, text)
    for words in ("2. [ ]", "* INPROGRESS", "* DONE [201]"):
        assert client.actions(log, find(text, words)[0]) == {}


def test_an_action_on_a_text_that_has_changed_since_has_no_edits(client):
    log = client.open(NAME)
    action = client.actions(log, find(LOG, "2. [ ]")[0])["Complete step e201.2"]
    client.change(log, LOG + "\n")
    assert "edit" not in client.resolve(action)


UNFINISHED = LOG.replace("2. [ ] Test XYZ with ABC\n", "2. [ ] Test XYZ with ABC\n   - [ ] seed 1\n")


def test_what_cannot_be_done_is_refused_with_a_sentence(client):
    log = client.open(NAME, UNFINISHED)
    action = client.actions(log, find(UNFINISHED, "2. [ ]")[0])["Complete step e201.2"]
    assert "open checkbox" in client.refuse("codeAction/resolve", action)


def test_what_cannot_be_done_does_not_hide_other_actions_from_a_client_that_cannot_ask_later(start):
    client = start(capabilities={})
    log = client.open(NAME, UNFINISHED)
    titles = {*client.actions(log, find(UNFINISHED, "2. [ ]")[0])}
    assert titles == {"Add a note to step e201.2", "Add a note to e201"}
    assert "open checkbox" in client.wait("window/logMessage")["message"]


def test_a_commit_that_an_action_has_recorded_is_kept_once_the_text_is_saved(client, study, repo):
    repo.commit("[e201.2] results", {"train.py": "lr = 1\n"})
    log = client.open(NAME)
    changed = choose(client, log, find(LOG, "2. [ ]")[0], "Complete step e201.2")
    kept = ("for-each-ref", "--format=%(objectname)", "refs/orglab/keep")
    assert repo.git(*kept) == ""
    client.change(log, changed)
    (study / NAME).write_text(changed)
    client.notify("textDocument/didSave", {"textDocument": {"uri": log}})
    found = next(filter(None, (repo.git(*kept) for _ in range(500))))  # a thread writes it
    assert found == repo.git("rev-parse", "HEAD")


def test_a_log_with_conflict_markers_is_not_edited(client):
    text = LOG.replace("1. [X] Test", "<<<<<<< HEAD\n1. [X] Test").replace("2. [ ]", "=======\n>>>>>>> x\n2. [ ]")
    log = client.open(NAME, text)
    assert "conflict" in [one["code"] for one in client.diagnostics(log)]
    for action in client.actions(log, find(text, "* INPROGRESS")[0]).values():
        assert client.refuse("codeAction/resolve", action)
