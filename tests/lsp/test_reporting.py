"""Diagnostics: those of `orglab check` on the text in the editor, and references that name nothing."""

import json

from lab import NAME, orglab
from lsp_client import LOG, find


def test_the_problems_of_the_log_are_those_of_check(client, study):
    text = LOG.replace("[1/2]", "[2/2]").replace("[e201.2]", "😀 [e999]").replace(":ID:       202", ":ID: 201")
    (study / NAME).write_text(text)
    log = client.open(NAME)
    reported = client.diagnostics(log)
    checked = json.loads(orglab("check", "--json", cwd=study).out)["diagnostics"]
    assert [(one["code"], one["message"], one["range"]["start"]["line"] + 1) for one in reported] == [
        (one["code"], one["message"], one["line"]) for one in checked
    ]
    (unknown,) = [one for one in reported if one["code"] == "unknown-reference"]
    line, begin = find(text, "[e999]")
    assert unknown["range"] == {
        "start": {"line": line, "character": begin},
        "end": {"line": line, "character": begin + 6},
    }
    assert {one["code"]: one["severity"] for one in reported}["duplicate-id"] == 1
    assert unknown["severity"] == 2
    assert unknown["source"] == "orglab"


def test_the_text_is_checked_as_it_is_typed(client, study):
    text = LOG.replace(" (83d45cd)", "")
    (study / NAME).write_text(text)
    log = client.open(NAME)
    assert client.diagnostics(log) == []
    line, begin = find(text, "[1/2]")
    where = {"start": {"line": line, "character": begin + 1}, "end": {"line": line, "character": begin + 2}}
    client.change(log, (where, "2"))
    assert [one["code"] for one in client.diagnostics(log)] == ["stale-cookie"]
    client.change(log, (where, "1"))
    assert client.diagnostics(log) == []
    assert (study / NAME).read_text() == text


def test_unknown_references_in_code_are_warnings_and_words_are_none(client):
    code = client.open("train.py", "# [e201] [e201.9] [e77] [end] [e2e] x[e5]\n", "python")
    assert [(one["message"], one["severity"], one["range"]["start"]["character"]) for one in client.diagnostics(code)] == [
        ("[e201.9] is not a step of e201.", 2, 9), (f"[e77] is not an experiment in {NAME}.", 2, 18),
    ]  # fmt: skip


def test_a_message_is_judged_as_the_hook_does_without_its_comments(client):
    text = "[e88] and [e2e]\n\n# [e99]\n# ------------------------ >8 ------------------------\n[e66]\n"
    message = client.open(".git/COMMIT_EDITMSG", text, "gitcommit")
    assert [one["message"].split()[0] for one in client.diagnostics(message)] == ["[e88]", "[e2e]"]
    client.change(message, "[e2\n")
    assert client.diagnostics(message) == []
    assert [one["label"][:4] for one in client.complete(message, 0, 3)["items"]] == ["e201", "e202"]


def test_a_message_in_another_worktree_belongs_to_the_log_there(client, repo, tmp_path_factory):
    tree = tmp_path_factory.mktemp("trees") / "other"
    repo.git("worktree", "add", "--quiet", tree)
    (tree / NAME).write_text(LOG.replace("201", "301"))
    message = client.open(".git/worktrees/other/COMMIT_EDITMSG", "[e301] and [e201]\n", "gitcommit")
    assert [one["message"].split()[0] for one in client.diagnostics(message)] == ["[e201]"]


def test_another_org_file_is_not_checked_as_a_log(client):
    other = client.open("notes.org", "* TODO Heading :exp:\n[e88] and [2/3]\n- [x] one\n")
    assert [one["code"] for one in client.diagnostics(other)] == ["unknown-reference"]


def test_what_was_reported_is_taken_back_when_a_file_is_closed(client):
    code = client.open("train.py", "# [e77]\n", "python")
    assert len(client.diagnostics(code)) == 1
    client.notify("textDocument/didClose", {"textDocument": {"uri": code}})
    assert client.wait("textDocument/publishDiagnostics") == {"uri": code, "diagnostics": []}


def test_a_saved_log_and_a_changed_setting_are_noticed(client, study):
    code = client.open("train.py", "# [e203] [x201]\n", "python")
    assert len(client.diagnostics(code)) == 1
    assert orglab("new", "Another", cwd=study).code == 0
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri(NAME), "type": 2}]})
    assert client.diagnostics(code) == []
    (study / "orglab.toml").write_text('letter = "x"\n')
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("orglab.toml"), "type": 1}]})
    assert client.diagnostics(code) == []
    assert client.hover(code, 0, 4) is None
    assert "e201" not in client.hover(code, 0, 12)


def test_a_request_that_finds_a_log_changed_on_disk_reports_the_open_files_again(client, study):
    code = client.open("train.py", "# [e203] [e201]\n", "python")
    other = client.open("a.py", "# [e203]\n", "python")
    assert [len(client.diagnostics(one)) for one in (code, other)] == [1, 1]
    assert orglab("new", "Another", cwd=study).code == 0
    assert "Another" in client.hover(code, 0, 4)
    assert [client.diagnostics(one) for one in (code, other)] == [[], []]
    client.hover(code, 0, 12)
    client.ask("workspace/symbol", {"query": ""})
    assert not any(message.get("method") == "textDocument/publishDiagnostics" for message in client.messages)


def test_changes_of_files_are_asked_for_where_the_client_can_tell_them(start):
    client = start(capabilities={"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}})
    (registered,) = client.wait("client/registerCapability")["registrations"]
    assert {"globPattern": "**/*.org"} in registered["registerOptions"]["watchers"]
