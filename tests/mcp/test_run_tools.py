"""Commands that a client runs: recorded, without a shell, and not tied to the server."""

import json
import os
import signal
import sys

import pytest

from commands import Orglab

pytestmark = pytest.mark.slow


@pytest.fixture
def orglab(capsys, repo):
    """Runs commands in a repository with an experiment of two steps."""
    run = Orglab(capsys)
    run("init", "--no-hooks")
    run("new", "Does dropout help?", "-s", "Baseline", "-s", "Dropout")
    repo.write("train.py", "import json, sys\nprint('begins')\njson.dump({'acc': 0.5}, open('metrics.json', 'w'))\n")
    # Ends once somebody writes into the pipe.
    repo.write("long.py", "import sys\nprint('begins', flush=True)\nsys.exit(int(open('pipe').read()))\n")
    repo.commit("Code")
    os.mkfifo(repo.path / "pipe")
    return run


@pytest.fixture
def client(request, start):
    """A server that may run commands, in that repository."""
    request.getfixturevalue("orglab")
    return start("--allow-run")


def test_a_command_is_recorded_like_any_run(client, orglab):
    argv = [sys.executable, "train.py", "--lr", "0.1"]
    run = client.call("run", reference="1.1", argv=argv, why="Is 0.1 too much?", done=True, wait=50)
    assert (run["status"], run["ref"], run["metrics"], run["printed_last"]) == (
        "done",
        "e1.1",
        {"acc": 0.5},
        "begins\n",
    )
    assert (run["argv"], run["why"], run["parameters"]) == (argv, "Is 0.1 too much?", {"lr": 0.1})
    step = json.loads(orglab("show", "1.1", "--json").out)
    assert step["state"] == "done"
    assert "Is 0.1 too much?" in json.dumps(step["notes"])


def test_a_failure_is_told_with_its_reason(client):
    argv = [sys.executable, "-c", "print('so far'); raise ValueError('bad shape')"]
    run = client.call("run", reference="1.1", argv=argv, wait=50)
    assert (run["status"], run["exit_code"], run["exception"]) == ("failed", 1, "ValueError: bad shape")
    assert "so far" in run["printed_last"]


def test_no_shell_reads_the_arguments(client, repo):
    run = client.call(
        "run", reference="1.1", argv=["echo", "$(touch owned)", "; touch owned", "--json", "--", "-m x"], wait=50
    )
    assert run["printed_last"] == "$(touch owned) ; touch owned --json -- -m x\n"
    assert not (repo.path / "owned").exists()


def test_options_cannot_be_smuggled_in(client):
    for reference in ("--test", "-h", "--log=/dev/null", "1.1 --test", "--"):
        assert isinstance(client.call("run", reference=reference, argv=["true"]), str)
    run = client.call("run", reference="1.1", argv=["true"], why="--test", results=["--done"], wait=50)
    assert (run["why"], run["status"]) == ("--test", "done")
    assert client.call("runs")["runs"][0]["id"] == run["id"]


def test_what_cannot_be_run_is_a_sentence(client):
    for arguments, sentence in (
        ({"reference": "9.1", "argv": ["true"]}, "There is no experiment e9"),
        ({"reference": "1.7", "argv": ["true"]}, "There is no step 7 in e1"),
        ({"reference": "1.1", "argv": []}, "argv names no program."),
        ({"reference": "1", "argv": ["true"], "done": True}, "--done needs a step"),
        ({"reference": "1.1", "argv": ["true"], "time_limit": "soon"}, "soon"),
        ({"reference": "1.1", "argv": "rm -rf x"}, "The argument argv of run is a list of texts."),
        ({"reference": "1.1", "argv": ["a\0b"]}, "The argument argv of run has a character that no text may have."),
    ):
        said = client.call("run", **arguments)
        assert isinstance(said, str), said
        assert sentence in said
    assert client.call("run", reference="1.1", argv=["no-such-program"], wait=50)["exit_code"] == 127


def test_a_long_run_is_told_at_once_and_waited_for(client, repo):
    run = client.call("run", reference="1.1", argv=[sys.executable, "long.py"], wait=0)
    assert run["status"] == "running"
    assert client.call("wait", name=run["id"], seconds=0)["status"] == "running"
    assert client.call("show_run", name=run["id"])["status"] == "running"
    (repo.path / "pipe").write_text("3")
    ended = client.call("wait", name=run["id"], seconds=50)
    assert (ended["status"], ended["exit_code"], ended["printed_last"]) == ("failed", 3, "begins\n")
    # The note is in the log, too.
    assert client.call("show", reference="1.1")["notes"]
    assert "Unknown run" in client.call("wait", name="nope1234")


def test_a_ping_is_answered_and_a_request_cancelled_while_a_tool_waits(client, repo):
    run = client.call("run", reference="1.1", argv=[sys.executable, "long.py"], wait=0)
    waiting = client.send_request("tools/call", {"name": "wait", "arguments": {"name": run["id"], "seconds": 50}})
    dropped = client.send_request("tools/call", {"name": "list", "arguments": {}})
    assert client.ask("ping")["result"] == {}
    for number in (dropped, waiting):
        client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})
    # Neither is answered, and the next one does not have to wait for them.
    assert client.call("show_run", name=run["id"])["status"] == "running"
    (repo.path / "pipe").write_text("0")
    assert client.call("wait", name=run["id"], seconds=50)["status"] == "done"


@pytest.mark.parametrize("way", ["end of the stream", "signal", "kill"])
def test_a_run_goes_on_when_the_server_ends(client, repo, start, way):
    run = client.call("run", reference="1.1", argv=[sys.executable, "long.py"], wait=0)
    number = client.send_request("tools/call", {"name": "wait", "arguments": {"name": run["id"], "seconds": 50}})
    assert client.ask("ping")["result"] == {}
    if way == "kill":
        os.kill(client.pid, signal.SIGKILL)
    else:
        client.close_input() if way != "signal" else os.kill(client.pid, signal.SIGTERM)
        answer = client.read()
        # A request that has not begun when the signal comes is not answered.
        if answer is not None or way != "signal":
            assert answer["id"] == number
            assert answer["result"]["structuredContent"]["status"] == "running"
        assert client.wait()[0] == 0
    other = start()
    assert other.call("show_run", name=run["id"])["status"] == "running"
    (repo.path / "pipe").write_text("0")
    ended = other.call("wait", name=run["id"], seconds=50)
    assert (ended["status"], ended["printed_last"]) == ("done", "begins\n")
