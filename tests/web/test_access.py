"""Who may use the server: raw requests to a real one, as a hostile page, a hostile program and a browser send them."""

import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from lab import NAME
from web.server import Server

LOG = """\
* TODO [1] First :exp:
:PROPERTIES:
:ID: 1
:END:
"""
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def start(folder, *options):
    (folder / NAME).write_text(LOG)
    return Server(folder, *options)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = start(tmp_path_factory.mktemp("log"))
    yield server
    assert "Traceback" not in server.stop().err


@pytest.fixture(scope="module")
def read_only_server(tmp_path_factory):
    server = start(tmp_path_factory.mktemp("read-only"), "--read-only")
    yield server
    assert "Traceback" not in server.stop().err


def test_the_printed_address_leads_to_the_page_without_the_token(server):
    answer = server.ask(f"/?token={server.token}&kind=done", Cookie=None)
    assert (answer.status, answer.headers["location"]) == (303, "/?kind=done")
    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert value == server.cookie
    assert {one.lower() for one in attributes} == {"httponly", "path=/", "samesite=strict"}
    assert server.ask("/", Cookie=value).status == 200


@pytest.mark.parametrize(
    "target", ["/", "/experiment-e1", "/static/orglab.css", "/no-such-page", "/?token=", "/?token=wrong", "/?token=%FF"]
)
def test_nothing_is_answered_without_the_token(server, target):
    answer = server.ask(target, Cookie=None)
    assert answer.status == 403
    assert "open the address that the command printed" in answer.text
    assert "First" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "value", ["orglab-{port}=wrong", "orglab-{port}=", "orglab-1={token}", "{token}", "é", '"', ";;="]
)
def test_another_cookie_opens_nothing(server, value):
    assert server.ask("/", Cookie=value.format(port=server.port, token=server.token)).status == 403


@pytest.mark.parametrize(
    "others", ["a[b]=c; ", 'a="; ', "b=é; ", "x; ", "=; ", "orglab-{port}=old; ", "a=b=c; ", "é=1; ", "a b=c; "]
)
def test_the_cookies_of_other_servers_on_this_machine_are_no_obstacle(server, others):
    others = others.format(port=server.port)
    assert server.ask("/", Cookie=others + server.cookie).status == 200
    assert server.ask("/", Cookie=f"{server.cookie}; {others}").status == 200


def test_a_token_in_a_form_is_no_cookie(server):
    answer = server.ask(f"/?token={server.token}", "POST", f"token={server.token}", Cookie=None, Origin=server.origin)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "", "0.0.0.0:{port}",
     "127.0.0.1:{port}, evil.example", "127.0.0.1:{port}.", "[::2]:{port}", "user@127.0.0.1:{port}"],
)  # fmt: skip
def test_a_name_that_the_server_does_not_have_is_refused(server, host):
    answer = server.ask("/", Host=host.format(port=server.port))
    assert answer.status in (400, 421)
    assert "First" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_names_of_this_machine_are_accepted(server, host):
    assert server.ask("/", Host=f"{host}:{server.port}").status == 200


def test_a_request_without_a_name_or_with_two_is_refused(server):
    assert server.ask("/", Host=None).status == 400
    assert server.ask("/", host="evil.example").status == 400


def test_a_name_in_the_request_line_does_not_replace_that_of_the_header(server):
    assert server.ask(f"http://127.0.0.1:{server.port}/", Host="evil.example").status == 421
    answer = server.ask("http://evil.example/")
    assert answer.status == 404
    assert "evil" not in str(answer.headers)


def test_what_a_proxy_would_say_is_not_believed(server):
    answer = server.ask(
        "/experiment-e1/", X_Forwarded_Host="evil.example", X_Forwarded_Proto="https", Forwarded="host=evil.example"
    )
    assert answer.headers.get("location", f"{server.origin}/").startswith(f"{server.origin}/")


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "/\\evil.example", "/%5Cevil.example", "/%2F%2Fevil.example", "///evil.example", "/%09/evil.example",
     "/.//evil.example", "/%0D%0ASet-Cookie:%20a=b", "/https://evil.example", "/@evil.example"],
)  # fmt: skip
def test_the_token_leads_to_no_other_server(server, path):
    answer = server.ask(f"{path}?token={server.token}", Cookie=None)
    assert answer.status == 303
    assert re.fullmatch(r"/(?![/\\])[ -~]*", answer.headers["location"])
    assert answer.headers["set-cookie"].startswith(server.cookie)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"])
def test_only_get_head_and_post_are_answered(server, method):
    answer = server.ask("/", method, Origin=server.origin)
    assert answer.status == 405
    assert server.token not in answer.text


def test_head_says_what_get_would(server):
    head, get = server.ask("/", "HEAD"), server.ask("/")
    assert (head.status, head.text) == (200, "")
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1"}, {"Origin": "{other}"},
     {"Origin": "{origin}", "Sec_Fetch_Site": "cross-site"}, {"Origin": "{origin}", "Sec_Fetch_Site": "same-site"},
     {"Origin": "{origin}.evil.example"}, {"Referer": "{origin}/"}],
)  # fmt: skip
def test_a_form_of_another_site_writes_nothing(server, headers):
    other = f"http://127.0.0.1:{server.port - 1}"
    sent = {name: value.format(origin=server.origin, other=other) for name, value in headers.items()}
    answer = server.ask("/write-note", "POST", "ref=e1&text=hostile", **sent)
    assert answer.status == 403
    assert "Only the pages of this server" in answer.text


@pytest.mark.parametrize("target", ["/write-note", "/", "/no-such-page", "/static/orglab.css"])
def test_read_only_writes_nothing(read_only_server, target):
    server = read_only_server
    answer = server.ask(target, "POST", "ref=e1&text=hello", Origin=server.origin)
    assert (answer.status, answer.text) == (403, "This server was started with --read-only.\n")
    assert '<form method="post"' not in server.ask("/experiment-e1").text


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/?match=((",
        "/experiment-e1",
        "/experiment-e9",
        "/no-such-page",
        "/static/orglab.css",
        "/pictures/x.png",
        "/static/no",
    ],
)
def test_every_answer_says_what_a_browser_may_do_with_it(server, target):
    for answer in (server.ask(target), server.ask(target, Cookie=None), server.ask(target, Host="evil.example")):
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "target",
    ["/static/../access.py", "/static/%2e%2e/access.py", "/static/..%2faccess.py", "/static/..%5caccess.py", "/static//etc/passwd",
     "/static/%2fetc/passwd", "/static/", "/static/vendor", "/static/%00", "/static/" + "a" * 5000, "/static/orglab.css%00.png",
     "/../experiment_log.org", "/experiment_log.org", "/.git/config", "/pictures/..%2f..%2fexperiment_log.org", "/pictures/%00",
     "/pictures/" + "a" * 5000, "/pictures/" + "0" * 32 + ".png"],
)  # fmt: skip
def test_no_file_is_served_by_its_path(server, target):
    answer = server.ask(target)
    assert answer.status == 404
    assert "ASGI" not in answer.text
    assert "First" not in answer.text


@pytest.mark.parametrize(
    "target",
    ["/experiment-..", "/experiment-%2e%2e%2f%2e%2e", "/experiment-e1%00", "/experiment-%FF", "/experiment-%E2%80%AE", "/experiment-",
     "/experiment-" + "a" * 50_000, "/experiment-e" + "9" * 5000, "/%", "/%zz", "//", "/experiment-e1%0d%0aX:y",
     "/experiment-%3Cscript%3E"],
)  # fmt: skip
def test_an_id_that_there_is_not_is_a_page_with_one_sentence(server, target):
    answer = server.ask(target)
    assert answer.status in (400, 404)
    assert "<script>" not in answer.text
    assert re.search(r"<h1>Not shown</h1>\s*<p>[^<]*</p>", answer.text)


@pytest.mark.parametrize(
    "query",
    ["match=%00", "match=((", "from=-1", "from=99999999999", "from=%D9%A3", "since=%00", "since=9999-99-99", "by=%FF", "tag=%00", "sort=" + "x" * 9000,
     "kind=nothing", "match=" + "%28" * 3000, "match=" + "a%7C" * 3000, "&" * 100, "x=%E2%80%AE"],
)  # fmt: skip
def test_the_overview_answers_any_question(server, query):
    answer = server.ask("/?" + query)
    assert answer.status == 200
    assert "<h1>Overview</h1>" in answer.text


def test_too_many_questions_are_refused_in_a_sentence(server):
    answer = server.ask("/?" + "&".join(f"a{number}=1" for number in range(5000)))
    assert answer.status == 400
    assert "<h1>Not shown</h1>" in answer.text


@pytest.mark.parametrize(
    "text", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /\x00 HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_request_is_refused_and_others_are_answered(server, text):
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(65536)
    assert answer == b"" or b" 400 " in answer.split(b"\r\n")[0]
    assert server.ask("/").status == 200


def test_a_slow_client_keeps_nobody_waiting(server):
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: ")
    assert server.ask("/").status == 200
    for client in clients:
        client.close()


def test_a_long_header_keeps_nobody_waiting(server):
    with socket.create_connection(("127.0.0.1", server.port)) as client, suppress(ConnectionError):
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000)
        assert b" 400 " in client.recv(65536)
    assert server.ask("/").status == 200


def test_only_this_machine_can_connect(server):
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [line.split() for line in lines]
    addresses = {
        one[1].split(":")[0] for one in listening if one[3] == "0A" and int(one[1].split(":")[1], 16) == server.port
    }
    assert addresses == {"0100007F"}
    with socket.socket(socket.AF_INET6) as client, pytest.raises(OSError, match=r"refused|unreachable|assign"):
        client.connect(("::1", server.port))
