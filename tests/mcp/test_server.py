"""`orglab mcp` and its streams: every version of the protocol, and clients that send what no client should."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import NAME
from orglab.api import open_log
from orglab.mcp.messages import INTERNAL_ERROR
from orglab.mcp.server import _Server
from orglab.mcp.session import make_settings

pytestmark = pytest.mark.slow
STATELESS, VERSION = "2026-07-28", "2025-11-25"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": STATELESS,
    "io.modelcontextprotocol/clientCapabilities": {},
}
HANDSHAKE = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


@pytest.fixture(autouse=True)
def log(tmp_path, monkeypatch):
    """A log with an experiment; the current folder is its folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / NAME
    path.write_text("* TODO [1] Dropout :exp:\n- It helps.\n** Experiments\n1. [ ] Baseline\n")
    return path


# ---- versions ----


@pytest.mark.parametrize("version", HANDSHAKE)
def test_a_version_of_the_handshake_is_agreed_on(start, version):
    client = start(version=None)
    begun = client.begin(version)
    assert begun["protocolVersion"] == version
    assert begun["serverInfo"]["name"] == "orglab"
    result = client.ask("tools/call", {"name": "show", "arguments": {"reference": "1"}})["result"]
    assert json.loads(result["content"][0]["text"])["title"] == "Dropout"
    assert ("structuredContent" in result) == (version >= "2025-06-18")
    tools = client.ask("tools/list")["result"]["tools"]
    assert all(("annotations" in tool) == (version >= "2025-03-26") for tool in tools)
    assert "resultType" not in result


def test_an_unknown_version_is_answered_with_the_newest_one_of_the_handshake(start):
    assert start(version=None).begin("2031-01-01")["protocolVersion"] == HANDSHAKE[-1]


def test_a_request_of_the_stateless_version_needs_no_handshake(start):
    client = start(version=None)
    found = client.ask("server/discover", {"_meta": ENVELOPE})["result"]
    assert found["supportedVersions"] == [STATELESS]
    assert (found["resultType"], found["cacheScope"]) == ("complete", "private")
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "orglab"
    shown = client.ask("tools/call", {"name": "show", "arguments": {"reference": "1"}, "_meta": ENVELOPE})["result"]
    assert shown["structuredContent"]["title"] == "Dropout"
    assert shown["resultType"] == "complete"
    assert client.ask("ping", {"_meta": ENVELOPE})["error"]["code"] == -32601
    assert client.ask("initialize", {"_meta": ENVELOPE})["error"]["code"] == -32602


ENVELOPES = [
    ({}, -32602),
    (None, -32602),
    ([], -32602),
    ({**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": None}, -32602),
    ({"io.modelcontextprotocol/protocolVersion": STATELESS}, -32602),
    ({**ENVELOPE, "io.modelcontextprotocol/protocolVersion": "2025-11-25"}, -32022),
    ({**ENVELOPE, "io.modelcontextprotocol/protocolVersion": 7}, -32022),
]


def test_a_request_without_handshake_names_its_version_and_capabilities(start):
    client = start(version=None)
    for meta, code in ENVELOPES:
        error = client.ask("tools/list", {"_meta": meta})["error"]
        assert error["code"] == code, meta
        assert code != -32022 or error["data"]["supported"] == [STATELESS]


def test_before_the_handshake_there_is_only_ping(start):
    client = start(version=None)
    assert client.ask("ping")["result"] == {}
    assert client.ask("tools/list")["error"]["code"] == -32602
    assert client.begin()["protocolVersion"] == VERSION
    assert "tools" in client.ask("tools/list")["result"]


def test_an_unknown_method_is_an_error(client):
    for method in ("prompts/list", "logging/setLevel", "server/discover", "", "x" * 5000, "\x1b[31m"):
        error = client.ask(method)["error"]
        assert error["code"] == -32601
        assert len(error["message"]) < 200
        assert "\x1b" not in error["message"]


# ---- messages that are none ----

NO_MESSAGES = [
    (b"{", -32700),
    (b"nothing", -32700),
    (b"\xff\xfe{}", -32700),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": NaN}}', -32700),
    (b'{"jsonrpc": "2.0", "id": 1' + b"0" * 5000 + b', "method": "ping"}', -32700),
    (b"[" * 200_000, -32700),
    (b'{"a":' * 100_000, -32700),
    (b"[]", -32600),
    (b"[1, 2]", -32600),
    (b"null", -32600),
    (b"7", -32600),
    (b'"ping"', -32600),
    (b"{}", -32600),
    (b'{"id": null, "method": "tools/list", "jsonrpc": "2.0"}', -32600),
    (b'{"id": 1.5, "method": "tools/list", "jsonrpc": "2.0"}', -32600),
    (b'{"id": true, "method": "tools/list", "jsonrpc": "2.0"}', -32600),
    (b'{"id": {}, "method": "tools/list", "jsonrpc": "2.0"}', -32600),
    (b'{"id": true, "method": "ping", "jsonrpc": "2.0"}', -32600),
]


def test_what_is_no_message_is_an_error_and_the_server_goes_on(client):
    for line, code in NO_MESSAGES:
        client.write(line + b"\n\n  \n")
        answer = client.read()
        assert (answer["id"], answer["error"]["code"]) == (None, code), line[:40]
    assert client.ask("ping")["result"] == {}


WRONG_REQUESTS = [
    ({"jsonrpc": "1.0", "method": "ping"}, -32600),
    ({"method": "ping"}, -32600),
    ({"jsonrpc": "2.0", "method": 7}, -32600),
    ({"jsonrpc": "2.0"}, -32600),
    ({"jsonrpc": "2.0", "method": "ping", "params": [1]}, -32602),
    ({"jsonrpc": "2.0", "method": "tools/list", "params": None}, -32602),
    ({"jsonrpc": "2.0", "method": "tools/list", "params": {"cursor": "x"}}, -32602),
    ({"jsonrpc": "2.0", "method": "tools/call", "params": {}}, -32602),
    ({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": ["show"]}}, -32602),
    ({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "show", "arguments": [1]}}, -32602),
    ({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "rm"}}, -32602),
    ({"jsonrpc": "2.0", "method": "resources/read", "params": {"uri": 1}}, -32602),
    ({"jsonrpc": "2.0", "method": "completion/complete", "params": {"argument": "x"}}, -32602),
    ({"jsonrpc": "2.0", "method": "initialize", "params": {"protocolVersion": {}}}, -32602),
]


def test_a_wrong_request_is_an_error_with_its_id(client):
    for fields, code in WRONG_REQUESTS:
        client.send({**fields, "id": "own"})
        answer = client.read()
        assert (answer["id"], answer["error"]["code"]) == ("own", code), fields


def test_the_id_comes_back_as_it_was(client):
    for number in ("", "x", "\ud800", "e\u0301\u202e", 0, -1, 10**30, "1"):
        client.send({"jsonrpc": "2.0", "id": number, "method": "tools/list"})
        assert client.read()["id"] == number


def test_notifications_and_answers_are_not_answered(client):
    for message in (
        {"method": "notifications/initialized"},
        {"method": "tools/list"},
        {"method": "nothing", "params": {"x": 1}},
        {"method": "notifications/cancelled"},
        {"method": "notifications/cancelled", "params": {"requestId": []}},
        {"method": "notifications/cancelled", "params": {"requestId": 99}},
        {"id": 1, "result": {}},
        {"id": 1, "error": {"code": 1, "message": ""}},
    ):
        client.send({"jsonrpc": "2.0", **message})
    assert client.ask("ping")["result"] == {}


def test_a_batch_is_answered_in_the_version_that_has_batches(start):
    client = start(version="2025-03-26")
    client.send(
        [
            {"jsonrpc": "2.0", "id": 1, "method": "ping"},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {
                "jsonrpc": "2.0",
                "id": 2,
                "method": "tools/call",
                "params": {"name": "show", "arguments": {"reference": "1"}},
            },
            5,
        ]
    )
    first, second, third = client.read()
    assert (first["id"], first["result"], second["id"]) == (1, {}, 2)
    assert "Dropout" in second["result"]["content"][0]["text"]
    assert third["error"]["code"] == -32600
    client.send([{"jsonrpc": "2.0", "method": "notifications/initialized"}])
    client.send([{"jsonrpc": "2.0", "id": number, "method": "ping"} for number in range(101)])
    assert client.read()["error"]["code"] == -32600


# ---- streams ----


def test_a_line_of_100_megabytes_is_passed_over_in_little_memory(client):
    client.write(b'{"jsonrpc": "2.0", "id": 1, "method": "')
    for _ in range(1600):
        client.write(b"x" * (1 << 16))
    client.write(b'"}\n')
    answer = client.read()
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert "1 MB" in answer["error"]["message"]
    assert client.ask("ping")["result"] == {}
    code, _, memory = client.wait()
    assert code == 0
    assert memory < 150_000_000


def test_messages_may_come_in_pieces_and_together(client):
    for byte in b'{"jsonrpc": "2.0", "id": "slow", "method": "ping"}\n':
        client.write(bytes([byte]))
    assert client.read()["id"] == "slow"
    client.write(
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}\r\n{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}\n'
    )
    assert [client.read()["id"], client.read()["id"]] == [1, 2]


def test_at_the_end_of_the_stream_all_requests_are_answered(client):
    numbers = [client.send_request("tools/call", {"name": "list"}) for _ in range(20)]
    client.write(
        b'{"jsonrpc": "2.0", "id": "last", "method": "tools/list"}'
    )  # a whole message without the end of its line
    client.close_input()
    assert [client.read()["id"] for _ in range(21)] == [*numbers, "last"]
    assert client.read() is None
    assert client.wait()[0] == 0


def test_half_a_line_at_the_end_of_the_stream_is_an_error(client):
    client.write(b'{"jsonrpc": "2.0", "id": 1, "meth')
    client.close_input()
    assert client.read()["error"]["code"] == -32700
    assert client.wait()[0] == 0


def test_a_client_that_reads_no_more_ends_the_server(client):
    client.close_output()
    client.send_request("tools/list")
    code, said, _ = client.wait()
    assert (code, said) == (0, "")


def test_a_client_that_reads_nothing_for_long_loses_nothing(client):
    numbers = [client.send_request("tools/list") for _ in range(60)]  # more than a pipe holds
    assert [client.read()["id"] for _ in numbers] == numbers


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_server(client, number, code):
    assert client.ask("ping")["result"] == {}
    os.kill(client.pid, number)
    assert client.read() is None
    assert client.wait()[0] == code


def test_a_signal_ends_a_server_whose_client_does_not_read(client):
    for _ in range(60):
        client.send_request("tools/list")
    assert client.read()["id"]
    os.kill(client.pid, signal.SIGTERM)
    client.close_input()
    os.waitid(os.P_PID, client.pid, os.WEXITED | os.WNOWAIT)


def test_what_else_is_printed_does_not_get_between_the_messages():
    program = (
        "import os, sys; from orglab.mcp.wire import Wire; wire = Wire(); print('python', flush=True);"
        "os.system('echo shell; cat'); wire.send({'id': 1}); print([*wire.lines()], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b"a line\n", capture_output=True, check=True)
    assert done.stdout == b'{"id":1}\n'
    assert done.stderr == b"python\nshell\n[b'a line']\n"


def test_closed_standard_streams_end_the_server():
    for redirection in ("<&-", ">&-", "<&- >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" -m orglab mcp {redirection}', sys.executable],
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, redirection


# ---- what cannot be foreseen ----


def make_server(open_log):
    return _Server(make_settings(open_log, write="all", run=False, debug=False), None)


def ask(server, method, params):
    return server._answer({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, threading.Event())


def test_an_unexpected_error_is_a_sentence_without_paths_and_secrets(capsys):
    def fail(_):
        raise RuntimeError("/home/ada/secret")

    server = make_server(fail)
    ask(server, "initialize", {"protocolVersion": VERSION})
    for method, params in (
        ("tools/call", {"name": "list"}),
        ("resources/list", {}),
        ("resources/read", {"uri": "orglab://e1"}),
    ):
        error = ask(server, method, params)["error"]
        assert error["code"] == INTERNAL_ERROR
        assert error["message"].startswith("Internal error (RuntimeError)")
    assert capsys.readouterr() == ("", "")


def test_an_error_of_the_system_is_a_sentence_without_a_path():
    def fail(_):
        raise PermissionError(13, "Permission denied", "/home/ada/secret")

    server = make_server(fail)
    ask(server, "initialize", {"protocolVersion": VERSION})
    result = ask(server, "tools/call", {"name": "list"})["result"]
    assert result["isError"]
    assert result["content"][0]["text"] == "The operating system reported an error: Permission denied."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["show", "list", "search", "tried", "why", "runs", "note", "new", "done", "history", "show_run"]
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(
        ["reference", "text", "what", "name", "offset", "limit", "match", "kinds", "sort", "where", "title"]
    ),
    JSON | st.sampled_from(["1", "e1.1", "1.9", "exp", "-title", "x=1", ["todo"]]),
    max_size=4,
)
PARAMS = st.fixed_dictionaries({}, optional={"name": NAMES | JSON, "arguments": ARGUMENTS | JSON, "uri": st.just("orglab://e1") | JSON,
                                             "argument": JSON, "_meta": st.just(ENVELOPE) | JSON, "cursor": JSON})  # fmt: skip
METHODS = st.sampled_from(
    ["initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/read", "resources/templates/list",
     "completion/complete", "server/discover"]
)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": st.integers() | st.text(max_size=5)},
    optional={"method": METHODS | JSON, "params": PARAMS | JSON},
)


@settings(max_examples=40)
@given(messages=st.lists(MESSAGES | JSON, max_size=4))
def test_any_message_has_an_answer_that_is_a_result_or_an_error(tmp_path_factory, messages):
    folder = tmp_path_factory.mktemp("log")
    (folder / NAME).write_text("* TODO [1] Dropout :exp:\n** Experiments\n1. [ ] Baseline\n")
    server = make_server(lambda tell: open_log(folder / NAME, tell=tell))
    ask(server, "initialize", {"protocolVersion": VERSION})
    for message in messages:
        answer = server._answer(message, threading.Event())
        if answer is None:
            continue
        json.dumps(answer, allow_nan=False)
        assert ("result" in answer) != ("error" in answer)
        if "error" in answer:
            assert answer["error"]["code"] != INTERNAL_ERROR, answer
            assert len(answer["error"]["message"]) <= 1000
        assert len(json.dumps(answer)) < 60_000
