"""A server from its start to its end: signals, ports, pipes, logs that go away, and errors."""

import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lab import NAME, SOURCE, orglab, with_read_only
from orglab.api import open_log
from orglab.extras import describe_install
from orglab.reference import Reference
from orglab.web.listening import UPDATE

LOG = """\
* TODO [1] First :exp:
:PROPERTIES:
:ID: 1
:END:
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / NAME).write_text(LOG)
    return tmp_path


def begin_events(server):
    """Return a connection on which the server tells each version of the log, after the first one has come."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {server.cookie}\r\n\r\n"
    client.sendall(request.encode())
    received = b""
    while b"event: version" not in received:
        received += client.recv(65536)
    return client


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_while_pages_are_open(study, serve, number):
    server = serve(study)
    with begin_events(server) as first, begin_events(server) as second:
        done = server.stop(number)
        assert (done.code, done.out) == (0, "")
        assert done.err == f"Serving {NAME}; Ctrl-C ends this.\n"
        assert (first.recv(65536)[-5:], second.recv(65536)[-5:]) in [(b"", b""), (b"0\r\n\r\n", b"0\r\n\r\n")]


def find_processes(folder):
    """Return the command lines of the processes that name a folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes()
            if os.fsencode(folder) in words:
                yield words


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_when_the_server_has_ended(study, serve, number):
    serve(study).stop(number)
    assert [*find_processes(study)] == []


def test_a_port_that_is_taken_is_named_in_one_sentence(study, serve):
    server = serve(study)
    done = orglab("serve", "--port", server.port, cwd=study)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == f"orglab: Port {server.port} is taken; choose another one with --port."


def test_a_port_is_free_again_at_once(study, serve):
    server = serve(study)
    with begin_events(server):
        server.stop()
    assert serve(study, port=server.port).port == server.port


def test_without_a_log_it_says_so_as_other_commands_do(tmp_path):
    done = orglab("serve", "--port", "0", cwd=tmp_path)
    assert (done.code, done.out, done.err) == orglab("list", cwd=tmp_path)


@pytest.mark.parametrize("name", ["starlette", "uvicorn", "jinja2"])
def test_a_missing_package_is_named_with_how_to_install_it(study, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("blocked")
    script = f"import sys\nsys.modules[{name!r}] = None\n"
    (folder / "sitecustomize.py").write_text(script)
    done = orglab("serve", cwd=study, PYTHONPATH=f"{folder}{os.pathsep}{SOURCE}")
    assert done.out == ""
    assert done.err == f"orglab: The pages need {name}; install them with: {describe_install('web')}\n"


def test_a_reader_that_goes_away_after_the_address_does_not_end_the_server(study):
    command = [sys.executable, "-m", "orglab", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(command, cwd=study, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    address = process.stdout.readline().decode()
    process.stdout.close()
    port = int(address.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert b" 403 " in client.recv(65536)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_a_reader_that_is_gone_before_the_address_ends_it_without_a_traceback(study):
    command = [sys.executable, "-m", "orglab", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command, cwd=study, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert done.stderr == f"Serving {NAME}; Ctrl-C ends this.\n".encode()


def test_a_log_that_is_gone_is_said_and_shown_again_when_it_is_back(study, serve):
    server = serve(study)
    log = study / NAME
    for breaking in (log.unlink, lambda: log.rename(study / "away"), lambda: (log.unlink(), log.mkdir())):
        breaking()
        for target in ("/", "/experiment-e1"):
            answer = server.ask(target)
            assert (answer.status, "<h1>Not shown</h1>" in answer.text, NAME in answer.text) == (404, True, True)
        if log.is_dir():
            log.rmdir()
        log.write_text(LOG)
        assert "First" in server.ask("/").text


def test_settings_that_cannot_be_read_are_said_until_they_can(study, serve):
    server = serve(study)
    (study / "orglab.toml").write_text("[log")
    assert server.ask("/").status in (200, 500)
    (study / "orglab.toml").write_text("")
    assert "First" in server.ask("/").text


def test_a_folder_that_moves_away_and_back_is_served_again(study, serve):
    server = serve(study)
    away = study.with_name("away")
    study.rename(away)
    assert "<h1>" in server.ask("/").text
    away.rename(study)
    assert "First" in server.ask("/").text


def test_bytes_that_are_no_text_are_shown_as_well_as_they_can(study, serve):
    server = serve(study)
    (study / NAME).write_bytes(b"\xef\xbb\xbf\xff\xfe* TODO [1] \xff\x00First :exp:\r\n" + LOG.encode() + b"\x80" * 50)
    assert server.ask("/").status == 200


def test_the_secret_of_a_clone_is_its_own(repo, serve):
    repo.commit("log", {NAME: LOG})
    server = serve(repo.path)
    server.stop()
    again = serve(repo.path)
    assert again.token == server.token
    kept = [
        path
        for path in (repo.path / ".git").rglob("*")
        if path.is_file() and server.token.encode() in path.read_bytes()
    ]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]
    assert repo.git("status", "--porcelain") == ""
    clone = repo.path / "clone"
    repo.git("clone", "--quiet", ".", clone)
    assert serve(clone).token != server.token


def test_a_git_directory_that_cannot_be_written_is_served(repo):
    repo.commit("log", {NAME: LOG})
    script = """
import subprocess, sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from web.server import Server
server = Server(Path.cwd())
answers = [server.ask(target).status for target in ("/", "/experiment-e1", "/journal", "/search?q=First")]
refused = server.ask("/write-note", "POST", "ref=e1&text=hello", Origin=server.origin)
print(answers, refused.status, server.stop().err.count("Traceback"))
"""
    tests = SOURCE.parent / "tests"
    done = subprocess.run(
        [*with_read_only(repo.path), sys.executable, "-c", script, tests], cwd=repo.path, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.stdout == "[200, 200, 200, 200] 500 0\n", done


@pytest.mark.parametrize("options", [(), ("--debug",)])
def test_an_unexpected_error_is_one_sentence_and_a_traceback_only_with_debug(study, tmp_path_factory, serve, options):
    folder = tmp_path_factory.mktemp("fault")
    fault = "import orglab.web.pages.journal_page as page\ndef broken(view): raise KeyError('<b>\\x1b[31m')\npage.make_journal_page = broken\n"
    (folder / "sitecustomize.py").write_text(fault)
    server = serve(study, before=options, PYTHONPATH=f"{folder}{os.pathsep}{SOURCE}")
    answer = server.ask("/journal")
    assert answer.status == 500
    assert answer.headers["content-security-policy"]
    assert "Internal error (KeyError: &#39;&lt;b&gt;" in answer.text
    assert "\x1b" not in answer.text
    assert "Traceback" not in answer.text
    assert server.ask("/").status == 200
    assert ("Traceback" in server.stop().err) is bool(options)


def test_bringing_the_index_up_to_date_writes_nothing_to_the_log(study):
    log = open_log(start=study)
    log.add_pending_completion(Reference("1", 1), "a" * 40)
    before = (study / NAME).read_text()
    done = subprocess.run(
        [sys.executable, "-P", "-c", UPDATE, study / NAME], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
    assert (study / NAME).read_text() == before
    assert log.status().pending
