"""Experiments and steps under their addresses."""

import pytest

from commands import Orglab
from lab import NAME

pytestmark = pytest.mark.slow
LOG = """\
* DONE [1] First :exp:
- It helps.
** Experiments
1. [X] Baseline
   - a note
2. [ ] Dropout
** DONE Conclusions
- Yes.
* INPROGRESS [2] Second :exp:
* Other things
"""


@pytest.fixture
def client(start, tmp_path, monkeypatch):
    """A server for a log with two experiments, and many more."""
    monkeypatch.chdir(tmp_path)
    others = "".join(f"* TODO [{number}] Number {number} :exp:\n" for number in range(100, 300))
    (tmp_path / NAME).write_text("#+TODO: TODO INPROGRESS | DONE\n" + LOG + others)
    return start()


def read(client, uri):
    """Return the text of a resource."""
    (content,) = client.ask("resources/read", {"uri": uri})["result"]["contents"]
    assert (content["uri"], content["mimeType"]) == (uri, "text/org")
    return content["text"]


def test_those_in_progress_and_the_newest_are_listed(client):
    listed = client.ask("resources/list")["result"]["resources"]
    assert [one["name"] for one in listed] == ["brief", "e2", *(f"e{number}" for number in range(299, 289, -1))]
    assert listed[1] == {"uri": "orglab://e2", "name": "e2", "description": "Second", "mimeType": "text/org"}
    (template,) = client.ask("resources/templates/list")["result"]["resourceTemplates"]
    assert template["uriTemplate"] == "orglab://{reference}"


def test_the_brief_is_that_of_the_command(client, capsys):
    (content,) = client.ask("resources/read", {"uri": "orglab://brief"})["result"]["contents"]
    assert content == {"uri": "orglab://brief", "mimeType": "text/plain", "text": Orglab(capsys)("brief").out}


def test_an_experiment_and_a_step_are_the_text_of_the_log(client):
    assert read(client, "orglab://e1") == LOG.partition("* INPROGRESS")[0]
    assert read(client, "orglab://1.1") == "1. [X] Baseline\n   - a note\n"
    assert read(client, "orglab://e1.2") == "2. [ ] Dropout\n"


def test_an_unknown_address_is_an_error_of_the_version(client):
    for uri in ("orglab://e9", "orglab://e1.9", "orglab://", "orglab:e1", "file:///etc/passwd", "https://example.org"):
        error = client.ask("resources/read", {"uri": uri})["error"]
        assert error["code"] == -32002
        assert error["data"] == {"uri": uri}
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    assert client.ask("resources/read", {"uri": "orglab://e9", "_meta": envelope})["error"]["code"] == -32602


def test_references_are_completed(client):
    def complete(value):
        params = {
            "ref": {"type": "ref/resource", "uri": "orglab://{reference}"},
            "argument": {"name": "reference", "value": value},
        }
        return client.ask("completion/complete", params)["result"]["completion"]

    assert complete("e1.") == {"values": ["e1.1", "e1.2"], "total": 2, "hasMore": False}
    many = complete("")
    assert (len(many["values"]), many["total"], many["hasMore"]) == (100, 202, True)
    assert complete("nothing")["values"] == []
