"""What a server endures: odd positions and messages, no log, no git, two logs, and repositories of strangers."""

import gc
import os
import subprocess
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from lab import NAME, orglab
from lsp_client import CAPABILITIES, LOG, apply, find
from orglab.extras import describe_install
from orglab.lsp.open_files import OpenFiles
from orglab.lsp.parted_text import PartedText, Place

TEXTS = st.text(alphabet="a*\n e", max_size=12)


@given(
    TEXTS.map(lambda text: f"x\n* a\nb\n* c\n{text}"),
    TEXTS,
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_an_edit_of_parts_is_an_edit_of_the_text(text, new, first, more, begin, end):
    parted, lines = PartedText(text.encode()), text.split("\n")
    first = min(first, len(lines) - 1)
    last = min(first + more, len(lines) - 1)
    begin, end = min(begin, len(lines[first])), min(end, len(lines[last]))
    end = max(begin, end) if first == last else end
    parted.replace(Place(first, begin), Place(last, end), new.encode())
    kept = "\n".join([*lines[:first], lines[first][:begin]]), "\n".join([lines[last][end:], *lines[last + 1 :]])
    after = f"{kept[0]}{new}{kept[1]}".encode()
    assert bytes(parted) == after
    assert [part.text for part in parted.parts] == [part.text for part in PartedText(after).parts]
    assert [parted.line(number) for number in range(after.count(b"\n") + 1)] == after.split(b"\n")


def test_positions_outside_of_the_text_are_its_end(client):
    log = client.open(NAME)
    for line, character in ((0, 10**6), (10**6, 0), (2**31 - 1, 2**31 - 1)):
        assert client.hover(log, line, character) is None
        assert client.define(log, line, character) is None
        assert not client.actions(log, line) or line == 0
    where = {"start": {"line": 10**6, "character": 0}, "end": {"line": 10**6, "character": 9}}
    client.change(log, (where, "\n* [300] Last :exp:\n"))
    assert len(client.ask("textDocument/documentSymbol", {"textDocument": {"uri": log}})) == 3


def test_half_written_text_and_characters_that_are_none_are_read(client):
    for text in (
        "* [",
        "* TODO [1] :exp:\n:PROPERTIES:\n:ID:",
        "\ufeff" + LOG,
        "\ud800 [e1",
        "* " * 5000,
        "[" * 9999,
        "",
        "\r\n\r\r\n",
    ):
        log = client.open(NAME, text)
        for method in ("textDocument/documentSymbol", "textDocument/codeAction"):
            where = {"line": 0, "character": 0}
            client.ask(
                method,
                {"textDocument": {"uri": log}, "range": {"start": where, "end": where}, "context": {"diagnostics": []}},
            )
        client.complete(log, 0, 3)
        client.diagnostics(log)


@pytest.mark.parametrize(("encoding", "width"), [("utf-8", 3), ("utf-16", 1)])
def test_a_log_that_is_sent_with_a_byte_order_mark_keeps_its_first_experiment(start, study, encoding, width):
    text = "\ufeff* TODO [1] First [e9] :exp:\n\n** TODO Experiments [0/1]\n1. [ ] Try\n* DONE [2] Second :exp:\n"
    (study / NAME).write_text(text)
    client = start(capabilities={**CAPABILITIES, "general": {"positionEncodings": [encoding]}})
    log = client.open(NAME)
    first, _ = client.ask("textDocument/documentSymbol", {"textDocument": {"uri": log}})
    assert (first["name"], first["selectionRange"]["end"]) == ("e1 First [e9]", {"line": 0, "character": width + 27})
    assert client.hover(log, 0, width + 2).startswith("**e1** First")
    assert client.hover(log, 3, 0).startswith("**e1.1**")
    (unknown,) = [one for one in client.diagnostics(log) if one["code"] == "unknown-reference"]
    start_, end = (unknown["range"][name]["character"] for name in ("start", "end"))
    assert (start_, end) == (width + 17, width + 21)
    (edit,) = client.resolve(client.actions(log, 0)["Start e1"])["edit"]["documentChanges"][0]["edits"][:1]
    assert (edit["range"]["start"], edit["newText"]) == ({"line": 0, "character": width + 2}, "INPROGRESS")
    # The mark goes, and comes again.
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": width}}
    client.change(log, (whole, ""))
    assert client.hover(log, 0, 2).startswith("**e1** First")
    client.change(log, ({"start": whole["start"], "end": whole["start"]}, "\ufeff"))
    assert client.hover(log, 0, width + 2).startswith("**e1** First")


def test_a_line_of_a_megabyte_is_read(client):
    code = client.open("train.py", "é" * 500_000 + "[e201]\n", "python")
    assert "ABC in XYZ" in client.hover(code, 0, 500_002)


def test_bytes_on_disk_that_are_no_text_are_read(client, study):
    (study / NAME).write_bytes(b"\xef\xbb\xbf" + LOG.replace("\n", "\r\n").encode().replace(b"ABC in", b"AB\xff in"))
    code = client.open("train.py", language="python")
    assert "AB\ufffd in XYZ" in client.hover(code, 0, 12)
    assert client.define(code, 0, 24) == (client.uri(NAME), find(LOG, "* DONE [202]")[0])


def test_without_a_log_and_without_git_nothing_is_said(client, tmp_path_factory):
    client.folder = tmp_path_factory.mktemp("empty")
    code = client.open("a.py", "# [e1]\n", "python")
    assert client.diagnostics(code) == []
    assert client.hover(code, 0, 4) is None
    assert client.complete(code, 0, 4) is None
    assert client.ask("workspace/symbol", {"query": ""}) == []
    (client.folder / NAME).write_text(LOG)
    log = client.open(NAME)
    assert client.diagnostics(log) == []
    action = client.resolve(client.actions(log, find(LOG, "2. [ ]")[0])["Complete step e201.2"])
    assert "2. [X]" in apply(LOG, action["edit"])
    assert not any(message.get("method") == "window/logMessage" for message in client.messages)


def test_each_folder_has_its_own_log(start, tmp_path_factory):
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    for folder, title in zip(folders, ("First", "Second"), strict=True):
        (folder / NAME).write_text(f"* TODO [1] {title} :exp:\n")
    client = start(folder=folders[0])
    event = {"added": [{"uri": folder.as_uri(), "name": folder.name} for folder in folders], "removed": []}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    for folder, title in zip(folders, ("First", "Second"), strict=True):
        client.folder = folder
        code = client.open("a.py", "# [e1]\n", "python")
        assert title in client.hover(code, 0, 4)
    names = [one["name"] for one in client.ask("workspace/symbol", {"query": ""})]
    assert names == ["e1 First", "e1 Second"]


def test_a_log_that_is_named_is_that_of_every_file(start, study, tmp_path_factory):
    client = start("--log", str(study / NAME), folder=tmp_path_factory.mktemp("elsewhere"))
    code = client.open("a.py", "# [e201]\n", "python")
    assert "ABC in XYZ" in client.hover(code, 0, 4)


def test_a_log_kept_apart_is_found(client, study, repo):
    repo.git("rm", "--quiet", NAME)
    repo.commit("removed")
    assert orglab("init", "--no-hooks", cwd=study).code == 0
    assert orglab("new", "Apart", cwd=study).code == 0
    tree = study / "trees" / "other"
    repo.git("worktree", "add", "--quiet", tree)
    code = client.open("trees/other/a.py", "# [e1]\n", "python")
    (name,) = [path.name for path in study.glob("*.org")]
    assert client.define(code, 0, 4)[0] == client.uri(name)


def test_unknown_and_cancelled_requests_and_other_schemes_are_survived(client):
    log = client.open(NAME)
    client.notify("$/cancelRequest", {"id": client.request("textDocument/hover", client.at(log, 0, 0))})
    assert client.answer(client.request("textDocument/nothing", {}))["error"]["code"] == -32601
    item = {"uri": "untitled:Untitled-1", "languageId": "python", "version": 1, "text": "[e201]"}
    client.notify("textDocument/didOpen", {"textDocument": item})
    assert client.ask("textDocument/hover", client.at("untitled:Untitled-1", 0, 2)) is None
    client.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": client.uri("no"), "version": 3}, "contentChanges": [{"text": "x"}]},
    )
    assert "ABC" in client.hover(log, find(LOG, "* INPROGRESS")[0], 0)


def test_a_session_that_is_not_ended_properly_has_another_exit_code(start):
    client = start()
    client.notify("exit", None)
    assert client.end()[0] == 1
    client = start()
    client.process.stdin.close()
    client.process.stdin = None
    assert client.end()[0] == 1


def test_a_server_without_its_packages_says_how_to_install_them(study, tmp_path):
    (tmp_path / "hidden").mkdir()
    program = (
        "import sys, importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'pygls' else find(name, *rest)\n"
        "from orglab.cli.main import run; sys.exit(run(['lsp']))"
    )
    done = subprocess.run(
        ["python", "-c", program], cwd=study, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"orglab: The language server needs pygls; install them with: {describe_install('lsp')}\n"


def test_nothing_in_a_repository_of_a_stranger_is_run_or_written(start, study, repo, tmp_path_factory):
    trace = tmp_path_factory.mktemp("trace") / "trace"
    program = trace.with_name("program")
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {trace}\ncat\n')
    program.chmod(0o755)
    for name in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "filter.x.clean",
        "filter.x.smudge",
        "core.sshCommand",
        "gpg.program",
    ):
        repo.git("config", name, f"{program} {name}")
    repo.write(".gitattributes", "*.py filter=x diff=x\n")
    secret = tmp_path_factory.mktemp("home") / "secret"
    secret.write_text("* [9] Private :exp:\n")
    (study / "linked.py").symlink_to(secret)
    (study / f"{NAME}_archive").symlink_to(secret)
    repo.git("add", "--force", "linked.py", f"{NAME}_archive")
    trace.unlink(missing_ok=True)
    client = start(folder=study)
    before = {path: path.lstat().st_mtime_ns for path in study.rglob("*") if path.is_file()}
    log = client.open(NAME)
    code = client.open("train.py", "# [e9] [e201]\n", "python")
    client.diagnostics(log)
    assert client.hover(code, 0, 4) is None
    client.ask("textDocument/references", client.at(code, 0, 10) | {"context": {"includeDeclaration": True}})
    for action in client.actions(log, find(LOG, "2. [ ]")[0]).values():
        client.resolve(action)
    assert client.close()[0] == 0
    assert not trace.exists()
    assert {path: path.lstat().st_mtime_ns for path in before} == before


def test_a_client_that_names_no_encoding_of_positions_counts_in_utf_16(start):
    client = start(capabilities={name: value for name, value in CAPABILITIES.items() if name != "general"})
    assert client.capabilities["positionEncoding"] == "utf-16"
    text = LOG.replace("[202] Dropout", "[202] 😀 Dropout").replace("see [e201.2]", "😀 [e999] [e201.2]")
    log = client.open(NAME, text)
    line, at = find(text, "Dropout helps")
    where = {"start": {"line": line, "character": at}, "end": {"line": line, "character": at + len("Dropout")}}
    client.change(log, (where, "Warmup"))
    symbols = client.ask("textDocument/documentSymbol", {"textDocument": {"uri": log}})
    assert symbols[1]["name"] == "e202 😀 Warmup helps"
    assert "Test XYZ with ABC" in client.hover(log, *find(text, "e201.2]"))
    (unknown,) = [one for one in client.diagnostics(log) if one["code"] == "unknown-reference"]
    assert unknown["range"]["start"] == dict(zip(("line", "character"), find(text, "[e999]"), strict=True))


def test_the_text_of_a_log_is_forgotten_when_no_open_file_belongs_to_it(study, tmp_path_factory):
    files, other = OpenFiles(None), tmp_path_factory.mktemp("other")
    (other / NAME).write_text("* TODO [1] Other :exp:\n")
    for path in (study / "a.py", study / "b.py", other / "c.py"):
        files.add(types.TextDocumentItem(path.as_uri(), "python", 1, "x\n"))
        assert files.find_log(path).find("none") is None
    texts = [weakref.ref(files.find_log(folder / "a.py").view) for folder in (study, other)]
    for name, kept in (("a.py", [True, True]), ("b.py", [False, True])):
        files.close((study / name).as_uri())
        gc.collect()
        assert [text() is not None for text in texts] == kept


@pytest.mark.parametrize("encoding", ["utf-7", "PositionEncodingKind.Utf16"])
def test_an_unknown_encoding_of_positions_is_refused(encoding):
    with pytest.raises(ValueError, match=encoding):
        OpenFiles(None).encoding = encoding
