"""A client that frames messages by itself, and so can send what no editor would."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys

from lab import SOURCE

LOG = """\
#+TODO: TODO INPROGRESS | DONE CANCELED

* INPROGRESS [201] ABC in XYZ model [0%]   :exp:nlp:
:PROPERTIES:
:ID:       201
:END:
[2018-06-06 Wed 16:16]

- Test if adding ABC to XYZ improves *results*.

** Notes
- [2018-06-06 Wed 16:20] (by: claude) Seed 2 is <b>slower</b>

** TODO Experiments [1/2]
1. [X] Test XYZ without ABC (83d45cd)
2. [ ] Test XYZ with ABC

** TODO Conclusions

* DONE [202] Dropout helps   :exp:
:PROPERTIES:
:ID:       202
:END:
[2018-06-07 Thu 10:00]

- Warmup matters, see [e201.2] and [[id:201]].

** DONE Experiments [1/1]
1. [X] Run it

** DONE Conclusions
:PROPERTIES:
:VERDICT:  supported
:END:
It does.
"""
CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "codeAction": {"resolveSupport": {"properties": ["edit"]}},
    },
    "workspace": {"workspaceEdit": {"documentChanges": True}},
}


class Client:
    """A server in a process of its own, and the streams to it."""

    def __init__(self, folder, *options, capabilities=CAPABILITIES, **environment):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orglab", "lsp", *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.messages = []
        self._read = b""
        self._number = 0
        self._versions = {}
        self.texts = {}
        self.capabilities = self.ask("initialize", {
            "processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities,
        })["capabilities"]  # fmt: skip
        self.notify("initialized", {})

    # Messages

    def write(self, data):
        left = memoryview(data)
        while left:
            left = left[self.process.stdin.write(left) :]

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def read(self):
        """Return the next message of the server."""
        while b"\r\n\r\n" not in self._read:
            self._fill()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        size = int(re.match(rb"Content-Length: (\d+)", head).group(1))
        while len(self._read) < size:
            self._fill()
        body, self._read = self._read[:size], self._read[size:]
        return json.loads(body)

    def _fill(self):
        assert select.select([self.process.stdout], [], [], 60)[0], "the server says nothing"
        piece = os.read(self.process.stdout.fileno(), 1 << 16)
        assert piece, self.process.stderr.read().decode()
        self._read += piece

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def request(self, method, params):
        self._number += 1
        self.send({"id": self._number, "method": method, "params": params})
        return self._number

    def answer(self, number):
        """Return the answer to a request; other messages are kept."""
        while True:
            message = self.read()
            if message.get("id") == number and "method" not in message:
                return message
            self.messages.append(message)

    def ask(self, method, params):
        """Return the result of a request."""
        answer = self.answer(self.request(method, params))
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def refuse(self, method, params):
        """The sentence with which a request is refused."""
        return self.answer(self.request(method, params))["error"]["message"]

    def wait(self, method):
        """Return the parameters of the next notification or request of a kind, also one that was read before."""
        while True:
            for place, message in enumerate(self.messages):
                if message.get("method") == method:
                    return self.messages.pop(place)["params"]
            self.messages.append(self.read())

    def close(self):
        """End the session; return the exit code and what was written to standard error."""
        self.ask("shutdown", None)
        self.notify("exit", None)
        return self.end()

    def end(self):
        err = self.process.communicate(timeout=60)[1].decode()
        return self.process.returncode, err

    # Files

    def uri(self, name):
        return (self.folder / name).as_uri()

    def open(self, name, text=None, language="org"):
        """Open a file as an editor does; return its address."""
        uri = self.uri(name)
        self.texts[uri] = (self.folder / name).read_text() if text is None else text
        self._versions[uri] = 1
        item = {"uri": uri, "languageId": language, "version": 1, "text": self.texts[uri]}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    def close_files(self):
        """Close all files, and forget what the server has told."""
        for uri in self._versions:
            self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        self.ask("workspace/symbol", {"query": ""})
        self._versions.clear()
        self.messages.clear()

    def change(self, uri, *changes):
        """Change a file; each change is its new text, or a range and a text."""
        self._versions[uri] += 1
        events = [{"text": one} if isinstance(one, str) else {"range": one[0], "text": one[1]} for one in changes]
        document = {"uri": uri, "version": self._versions[uri]}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": events})

    def diagnostics(self, uri):
        """Return what is reported next in a file, in its present version."""
        while True:
            params = self.wait("textDocument/publishDiagnostics")
            if params["uri"] == uri and params.get("version", self._versions.get(uri)) == self._versions.get(uri):
                return params["diagnostics"]

    # Requests

    def at(self, uri, line, character):
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}

    def hover(self, uri, line, character):
        shown = self.ask("textDocument/hover", self.at(uri, line, character))
        return shown and shown["contents"]["value"]

    def complete(self, uri, line, character):
        return self.ask("textDocument/completion", self.at(uri, line, character))

    def define(self, uri, line, character):
        found = self.ask("textDocument/definition", self.at(uri, line, character))
        return found and (found["uri"], found["range"]["start"]["line"])

    def actions(self, uri, line, *, only=None, diagnostics=()):
        """Return the actions at a line, by their titles."""
        where = {"line": line, "character": 0}
        context = {"diagnostics": [*diagnostics], **({"only": only} if only else {})}
        params = {"textDocument": {"uri": uri}, "range": {"start": where, "end": where}, "context": context}
        return {one["title"]: one for one in self.ask("textDocument/codeAction", params) or []}

    def resolve(self, action):
        return self.ask("codeAction/resolve", action)


def find(text, words, *, after=0):
    """Return the line and the character where words are in a text, in units of UTF-16."""
    at = text.index(words, after)
    line = text.count("\n", 0, at)
    before = text[text.rfind("\n", 0, at) + 1 : at]
    return line, len(before.encode("utf-16-le")) // 2


def apply(text, edit):
    """Return a text after the edits of one file, whose positions count characters."""
    (edits,) = (
        [one["edits"] for one in edit["documentChanges"]] if "documentChanges" in edit else edit["changes"].values()
    )
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    place = lambda at: starts[at["line"]] + at["character"]  # noqa: E731
    for one in reversed(edits):
        text = text[: place(one["range"]["start"])] + one["newText"] + text[place(one["range"]["end"]) :]
    return text
