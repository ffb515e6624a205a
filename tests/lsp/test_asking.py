"""Hover, definition, references and completion."""

import pytest

from lab import NAME, orglab
from lsp_client import CAPABILITIES, LOG, find


def test_hover_shows_what_a_reference_names(client):
    code = client.open("train.py", language="python")
    assert client.hover(code, 0, 12) == "**e201.2** [ ] Test XYZ with ABC\n\ne201 ABC in XYZ model"
    shown = client.hover(code, 0, 24)
    assert shown.startswith("**e202** Dropout helps\n\nDONE · 1 of 1 steps done · supported · created 2018-06-07 10:00")
    assert shown.endswith("Conclusion: It does.")
    assert client.hover(code, 0, 1) is None


def test_hover_on_a_heading_shows_the_last_note_and_escapes_what_the_user_wrote(client):
    log = client.open(NAME)
    line, _ = find(LOG, "* INPROGRESS")
    shown = client.hover(log, line, 3)
    assert "Last note: 2018-06-06 16:20 (claude) Seed 2 is \\<b>slower\\</b>" in shown
    assert client.hover(log, *find(LOG, "Test if adding")) is None


def test_a_client_that_takes_no_markdown_gets_plain_text(start):
    client = start(capabilities={})
    code = client.open("train.py", language="python")
    assert client.hover(code, 0, 24).startswith("e202 Dropout helps\nDONE · 1 of 1 steps done · supported")


def test_hover_shows_the_main_number_of_runs(start, study):
    assert orglab("run", "202.1", "--stdout-metrics", "--", "echo", "metric acc=0.91", cwd=study).code == 0
    client = start()
    code = client.open("train.py", language="python")
    assert "acc 0.91" in client.hover(code, 0, 24)
    assert orglab("run", "202.1", "--stdout-metrics", "--", "echo", "metric acc=0.95", cwd=study).code == 0
    assert "acc +0.04, n = 1" in client.hover(code, 0, 24)


def test_a_step_has_its_own_number_and_the_note_of_a_run_is_shown_without_its_id(start, study):
    for step, accuracy in ((1, 0.91), (2, 0.95)):
        metric = f"metric acc={accuracy}"
        assert orglab("run", f"201.{step}", "--stdout-metrics", "--", "echo", metric, cwd=study).code == 0
    client = start()
    code = client.open("train.py", "# [e201.1] [e201.2] [e201]\n", "python")
    first, second, whole = (client.hover(code, 0, at) for at in (4, 14, 24))
    assert first.endswith("exit 0, 0s: acc 0.91\n\nacc 0.91, n = 1")
    assert second.endswith("exit 0, 0s: acc 0.95\n\nacc +0.04, n = 1")
    assert "acc +0.04" in whole


def test_the_first_line_of_a_step_in_the_log_names_it(client):
    log = client.open(NAME)
    line, at = find(LOG, "Test XYZ with ABC")
    assert client.hover(log, line, at).startswith("**e201.2** [ ] Test XYZ with ABC")
    assert client.define(log, line, at) == (log, line)
    text = LOG.replace("with ABC\n", "with ABC\n   - a note\n")
    client.change(log, text)
    assert client.hover(log, *find(text, "a note")) is None


def test_links_words_and_former_ids_are_references_too(client):
    text = LOG.replace(":ID:       202", ":ID:       202\n:ALIASES:  7").replace("[e201.2]", "[e7] e201.2")
    log = client.open(NAME, text)
    assert client.define(log, *find(text, "[[id:201]]")) == (log, find(text, "* INPROGRESS")[0])
    assert client.define(log, *find(text, "e201.2")) == (log, find(text, "2. [ ]")[0])
    assert client.define(log, *find(text, "[e7]")) == (log, find(text, "* DONE [202]")[0])


def test_definition_leads_to_the_heading_or_the_step(client):
    code = client.open("train.py", language="python")
    log = client.uri(NAME)
    assert client.define(code, 0, 10) == (log, find(LOG, "2. [ ]")[0])
    assert client.define(code, 0, 24) == (log, find(LOG, "* DONE [202]")[0])


def test_definition_leads_to_the_archive(client, study):
    (study / f"{NAME}_archive").write_text("* DONE [9] Old :exp:\n:PROPERTIES:\n:ID: 9\n:END:\n")
    code = client.open("train.py", "x = 1  # [e9]\n", "python")
    assert client.define(code, 0, 10) == (client.uri(f"{NAME}_archive"), 0)


def test_the_text_in_the_editor_counts_and_not_that_on_disk(client):
    log = client.open(NAME)
    code = client.open("train.py", "# [e300]\n", "python")
    assert client.define(code, 0, 4) is None
    end = LOG.count("\n")
    where = {"line": end, "character": 0}
    client.change(log, ({"start": where, "end": where}, "* TODO [300] New one :exp:\n:PROPERTIES:\n:ID: 300\n:END:\n"))
    assert client.define(code, 0, 4) == (log, end)
    client.notify("textDocument/didClose", {"textDocument": {"uri": log}})
    assert client.define(code, 0, 4) is None


def test_a_log_that_a_command_has_changed_is_read_again(client, study):
    code = client.open("train.py", "# [e203]\n", "python")
    assert client.hover(code, 0, 4) is None
    assert orglab("new", "Another", cwd=study).code == 0
    assert "Another" in client.hover(code, 0, 4)


def test_references_are_in_code_and_in_the_log(client):
    log = client.open(NAME)
    context = {"context": {"includeDeclaration": True}}
    found = client.ask("textDocument/references", client.at(log, *find(LOG, "* INPROGRESS")) | context)
    places = [(one["uri"], one["range"]["start"], one["range"]["end"]) for one in found]
    line, begin = find(LOG, "[e201.2]")
    linked = find(LOG, "[[id:201]")[1]
    assert places == [
        (log, {"line": find(LOG, "* INPROGRESS")[0], "character": 0}, places[0][2]),
        (log, {"line": line, "character": begin}, {"line": line, "character": begin + 8}),
        (log, {"line": line, "character": linked}, {"line": line, "character": linked + 9}),
        (client.uri("train.py"), {"line": 0, "character": 10}, {"line": 0, "character": 18}),
    ]
    step = client.ask(
        "textDocument/references",
        client.at(log, *find(LOG, "Test XYZ with ABC")) | {"context": {"includeDeclaration": False}},
    )
    assert [(one["uri"], one["range"]["start"]["line"]) for one in step] == [(log, line), (client.uri("train.py"), 0)]


def test_documentation_has_the_format_that_the_client_asks_for(start):
    item = {"completionItem": {"documentationFormat": ["plaintext", "markdown"]}}
    client = start(capabilities={"textDocument": {"completion": item}})
    code = client.open("train.py", "# [e201.\n", "python")
    shown = client.ask("completionItem/resolve", client.complete(code, 0, 8)["items"][1])
    assert shown["documentation"]["kind"] == "markdown"
    assert client.hover(client.open("a.py", "# [e201]\n", "python"), 0, 4).startswith("e201 ABC")


def test_an_experiment_is_not_completed_by_the_words_that_are_typed_in_it(client):
    text = LOG.replace("- Test if", "- See [eimproves and [e\n- Test if")
    log = client.open(NAME, text)
    line, at = find(text, "[eimproves")
    assert client.complete(log, line, at + len("[eimproves"))["items"] == []
    line, at = find(text, "[e\n")
    assert len(client.complete(log, line, at + 2)["items"]) == 2
    code = client.open("train.py", "# [eimproves\n", "python")
    assert [one["label"] for one in client.complete(code, 0, 12)["items"]] == ["e201 ABC in XYZ model"]


def test_what_begins_with_what_is_typed_needs_no_other_text_to_be_matched(client):
    code = client.open("train.py", "# [e201.\n# [e2\n", "python")
    items = client.complete(code, 0, 8)["items"] + client.complete(code, 1, 5)["items"]
    assert len(items) == 4
    assert not any("filterText" in one for one in items)


def test_completion_by_number_and_by_words(client):
    code = client.open("train.py", "# [e2\n# [ewarm\n# [e201.\n# x[e2\n# [e]\n", "python")
    by_number = client.complete(code, 0, 5)["items"]
    assert [one["label"] for one in by_number] == ["e201 ABC in XYZ model", "e202 Dropout helps"]
    assert by_number[0]["textEdit"] == {
        "range": {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 5}}, "newText": "e201]",
    }  # fmt: skip
    (by_words,) = client.complete(code, 1, 8)["items"]
    assert by_words["textEdit"]["newText"] == "e202]"
    assert by_words["filterText"] == "ewarm e202 Dropout helps"
    steps = client.complete(code, 2, 8)["items"]
    assert [one["textEdit"]["newText"] for one in steps] == ["e201.1]", "e201.2]"]
    assert client.complete(code, 3, 6)["items"] == []
    # The bracket that the editor has closed is replaced, too.
    closed = client.complete(code, 4, 4)["items"][0]["textEdit"]["range"]
    assert closed == {"start": {"line": 4, "character": 3}, "end": {"line": 4, "character": 5}}


def test_the_active_one_is_offered_first_then_open_ones_then_the_newest(client, study):
    text = LOG + "".join(
        f"* {state} [{n}] N{n} :exp:\n[2018-07-0{n} Sun]\n" for n, state in ((3, "TODO"), (4, "TODO"), (5, "DONE"))
    )
    (study / NAME).write_text(text)
    assert orglab("start", "202", cwd=study).code == 0
    code = client.open("train.py", "[e", "python")
    offered = [one["label"].split()[0] for one in client.complete(code, 0, 2)["items"]]
    assert offered == ["e202", "e4", "e3", "e201", "e5"]


def test_what_is_completed_is_described_later(client):
    code = client.open("train.py", "# [e201.\n", "python")
    item = client.ask("completionItem/resolve", client.complete(code, 0, 8)["items"][1])
    assert item["documentation"] == {
        "kind": "plaintext", "value": "e201.2 [ ] Test XYZ with ABC\ne201 ABC in XYZ model",
    }  # fmt: skip


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 9), ("utf-16", 6), ("utf-32", 5)])
def test_positions_are_counted_as_the_client_does(start, encoding, character):
    client = start(capabilities={**CAPABILITIES, "general": {"positionEncodings": [encoding]}})
    assert client.capabilities["positionEncoding"] == encoding
    code = client.open("train.py", "# é😀 [e2 x\n", "python")
    edit = client.complete(code, 0, character + 3)["items"][0]["textEdit"]
    assert edit["range"]["start"]["character"] == character + 1
    assert edit["range"]["end"]["character"] == character + 3


def test_symbols_of_the_log(client):
    log = client.open(NAME)
    first, second = client.ask("textDocument/documentSymbol", {"textDocument": {"uri": log}})
    assert (first["name"], first["detail"]) == ("e201 ABC in XYZ model", "INPROGRESS 1/2")
    assert [one["name"] for one in first["children"]] == [
        "Seed 2 is <b>slower</b>", "[X] 1. Test XYZ without ABC", "[ ] 2. Test XYZ with ABC",
    ]  # fmt: skip
    assert [(one["name"], one.get("detail")) for one in second["children"]][-1] == ("It does.", "supported")
    assert second["range"]["end"]["line"] == LOG.count("\n") - 1


def test_experiments_are_found_by_words(start):
    client = start()
    found = client.ask("workspace/symbol", {"query": "warmup"})
    assert [one["name"] for one in found] == ["e202 Dropout helps"]
    assert found[0]["location"]["range"]["start"]["line"] == find(LOG, "* DONE [202]")[0]


@pytest.mark.parametrize(
    ("query", "found"), [("2", ["e2", "e20"]), ("e20", ["e20"]), ("7", ["e1"]), ("e9", []), ("seeds", ["e1"])]
)
def test_experiments_are_found_by_the_beginning_of_the_id(client, query, found):
    titles = {1: "3 of 7 seeds with 2", 20: "Other", 2: "Another"}
    client.open(NAME, "".join(f"* TODO [{number}] {title} :exp:\n" for number, title in titles.items()))
    shown = [
        one["name"]
        for one in client.ask("workspace/symbol", {"query": query})
        if client.folder.as_uri() in one["location"]["uri"]
    ]
    assert [one.split()[0] for one in shown] == found


def test_a_large_log_has_its_experiments_as_symbols_without_their_parts(client):
    text = "".join(f"* TODO [{number}] é😀 :exp:\n** Notes\n- one\n\n" for number in range(1, 1003))
    log = client.open(NAME, text)
    symbols = client.ask("textDocument/documentSymbol", {"textDocument": {"uri": log}})
    assert len(symbols) == 1002
    assert symbols[1] == {
        "name": "e2 é😀", "kind": 5, "detail": "TODO",
        "range": {"start": {"line": 4, "character": 0}, "end": {"line": 6, "character": 5}},
        "selectionRange": {"start": {"line": 4, "character": 0}, "end": {"line": 4, "character": 20}},
    }  # fmt: skip
