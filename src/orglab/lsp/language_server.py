"""The language server: what each request and notification of the protocol does."""

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import JsonRPCProtocol, LanguageServerProtocol, default_converter, lsp_method
from pygls.uris import to_fs_path

from orglab.errors import OrglabError
from orglab.experiment.diagnostic import Diagnostic
from orglab.lsp.buffer_log import BufferLog
from orglab.lsp.diagnostics import Problems, check_log, find_unknown_references
from orglab.lsp.hover import Numbers
from orglab.lsp.open_files import LogOfFile, OpenFile, OpenFiles
from orglab.lsp.outline import Written
from orglab.text import clean

_PAUSE_SECONDS = 0.3
"""How long nothing is typed before a file is checked."""
_LARGE, _LONG_PAUSE_SECONDS = 1_000_000, 3.0
"""From how many bytes on checking a log takes long, and what the pause is then."""
_SWITCH_SECONDS = 0.001
"""How long the thread that checks a log may keep an answer waiting."""


_OBJECTS = 200_000
"""How many objects are made before Python looks for those that nothing needs, which takes long if a log is large."""


class _Protocol(LanguageServerProtocol):
    """The protocol, with texts that are kept as `OpenFiles` keeps them."""

    _server: "OrglabServer"

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Remember a file that was opened."""
        self._server.open_file(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Edit the text of a file."""
        self._server.change_file(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a file."""
        self._server.close_file(params)


class _StoppedError(Exception):
    """The check of a log has become pointless, as the text has changed."""


class Checked(NamedTuple):
    """The problems that were found in a version of the log.

    Attributes:
        version: The version of the text in the editor.
        problems: The problems, as the protocol has them and with what fixes them.
    """

    version: int | None
    problems: list[tuple[types.Diagnostic, Diagnostic]]


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Return whether a message is not of a request that was refused with a sentence, which the client shows."""
    return record.exc_info is None or not isinstance(record.exc_info[1], JsonRpcException)


def _make_converter() -> Converter:
    """Return what makes values of the protocol from what is read, and the other way round."""
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]
    converter.register_unstructure_hook(Written, lambda value: value)
    return converter


class OrglabServer(LanguageServer):
    """The language server.

    Attributes:
        files: The files that are open in the editor.
        numbers: The main numbers of experiments.
        checked: What was found in the logs that are open, by their addresses.
        recorded: The commits that code actions have recorded in open logs that were not saved since.
    """

    def __init__(self, given: str | None) -> None:
        """Begin without a client.

        Args:
            given: The log that was named; None to find that of each file.
        """
        super().__init__("orglab", version("orglab"), protocol_cls=_Protocol, converter_factory=_make_converter)
        self.files = OpenFiles(given)
        self.numbers = Numbers()
        self.checked: dict[str, Checked] = {}
        self.recorded: dict[str, set[str]] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, threading.Event] = {}
        self._running: dict[str, asyncio.Future[Problems]] = {}
        self._published: dict[str, set[str]] = {}

    def serve(self, stdin: BinaryIO, stdout: BinaryIO) -> int:
        """Answer a client until it ends the session; return the exit code that the protocol asks for."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.set_threshold(_OBJECTS)
        logging.getLogger(JsonRPCProtocol.__module__).addFilter(_is_no_refusal)
        self.start_io(stdin, stdout)
        return 0 if self.protocol._shutdown else 1  # noqa: SLF001 - it ends with this code by an exception

    # Files

    def open_file(self, params: types.DidOpenTextDocumentParams) -> None:
        """Remember a file that was opened, and report what is wrong in it."""
        opened = self.files.add(params.text_document)
        if opened is not None:
            self.report(opened)

    def change_file(self, params: types.DidChangeTextDocumentParams) -> None:
        """Edit the text of a file, and report what is wrong in it when nothing more is typed."""
        opened = self.files.change(params)
        if opened is not None:
            is_large = opened.is_org and len(opened.text) >= _LARGE
            self.report(opened, _LONG_PAUSE_SECONDS if is_large else _PAUSE_SECONDS)

    def close_file(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a file that was closed, and take back what was reported in it."""
        uri = params.text_document.uri
        self._stop(uri)
        self.files.close(uri)
        self.checked.pop(uri, None)
        self.recorded.pop(uri, None)
        for reported in self._published.pop(uri, ()):
            self._publish(reported, [], None)

    def find_log(self, uri: str) -> tuple[OpenFile, LogOfFile] | None:
        """Return an open file and the log that it belongs to; None if it is not open, or there is no log."""
        opened = self.files.get(uri)
        log = self.files.find_log(opened.path) if opened is not None else None
        return (opened, log) if opened is not None and log is not None else None

    def list_logs(self) -> Iterator[LogOfFile]:
        """Yield the logs of the folders of the workspace and of the open files, each once."""
        folders = [*self.workspace.folders.values()]
        uris = [folder.uri for folder in folders] or ([self.workspace.root_uri] if self.workspace.root_uri else [])
        paths = [Path(name, "any") for uri in uris if (name := to_fs_path(uri))]
        seen = set()
        for path in (*paths, *(opened.path for opened in self.files)):
            log = self.files.find_log(path)
            if log is not None and log.view.path not in seen:
                seen.add(log.view.path)
                yield log

    # What is reported

    def report(self, opened: OpenFile, pause: float = 0.0) -> None:
        """Report what is wrong in an open file after a pause, unless it changes before."""
        self._stop(opened.uri)
        self._checks[opened.uri] = asyncio.ensure_future(self._report_later(opened, pause))

    def report_all(self) -> None:
        """Report what is wrong in all open files again, as a log or a setting has changed on disk."""
        for opened in self.files:
            self.report(opened, _PAUSE_SECONDS)

    def report_outdated(self) -> None:
        """Report what is wrong in the open files again that were reported before a log was read again from disk."""
        for opened in self.files:
            if opened.known_reads != self.files.reads:
                opened.known_reads = self.files.reads
                self.report(opened, _PAUSE_SECONDS)

    def stop_checks(self) -> None:
        """End all checks, as the session ends."""
        for opened in self.files:
            self._stop(opened.uri)

    def _stop(self, uri: str) -> None:
        """End the check of a file that has become pointless."""
        if (task := self._checks.pop(uri, None)) is not None:
            task.cancel()
        if (stop := self._stops.pop(uri, None)) is not None:
            stop.set()

    async def _report_later(self, opened: OpenFile, pause: float) -> None:
        await asyncio.sleep(pause)
        log = self.files.find_log(opened.path)
        opened.known_reads = self.files.reads
        if log is None:
            self._publish_all(opened, {opened.uri: []})
        elif log.is_log:
            with suppress(_StoppedError):
                await self._check(opened, log)
        else:
            self._publish_all(opened, {opened.uri: find_unknown_references(self.files, opened, log)})
            opened.known_reads = self.files.reads  # the archive may have been read, too

    async def _check(self, opened: OpenFile, log: LogOfFile) -> None:
        """Check a log in another thread, and report what is found."""
        if (running := self._running.get(opened.uri)) is not None:
            await asyncio.wait([running])  # it was told to stop
        stop = self._stops[opened.uri] = threading.Event()

        def keep_on() -> None:
            if stop.is_set():
                raise _StoppedError

        buffered, text = BufferLog.of(log.log, bytes(opened.text)), bytes(opened.text)
        now = opened.version
        try:
            checking = asyncio.to_thread(check_log, buffered, text, self.files.encoding, keep_on)
            thread = self._running[opened.uri] = asyncio.ensure_future(checking)
            thread.add_done_callback(lambda one: one.cancelled() or one.exception())
            problems = await asyncio.shield(thread)
        except (OrglabError, OSError) as error:
            self.log_error(error)
            return
        self.checked[opened.uri] = Checked(now, problems[str(log.log.path)])
        found = {self.files.spell_uri(path): [one for one, _ in pairs] for path, pairs in problems.items()}
        self._publish_all(opened, found)

    def _publish_all(self, opened: OpenFile, found: dict[str, list[types.Diagnostic]]) -> None:
        """Report problems by the addresses of files, and take back what was reported of others before."""
        for uri in self._published.get(opened.uri, set()) - found.keys():
            self._publish(uri, [], None)
        self._published[opened.uri] = {*found}
        for uri, diagnostics in found.items():
            self._publish(uri, diagnostics, opened.version if uri == opened.uri else None)

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic], number: int | None) -> None:
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, number))

    def log_error(self, error: Exception) -> None:
        """Tell the client of an error, in its log."""
        message = types.LogMessageParams(types.MessageType.Warning, f"orglab: {self.describe_error(error)}")
        self.window_log_message(message)

    @staticmethod
    def describe_error(error: Exception) -> str:
        """Return what an error says."""
        return clean(error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error))

    # What the client can do

    def can(self, *names: str) -> bool:
        """Return whether the client has a capability, named from the top down."""
        value: object = self.client_capabilities
        for name in names:
            value = getattr(value, name, None)
        return bool(value)

    def find_hover_format(self) -> types.MarkupKind:
        """Return what the client shows when the cursor hovers: Markdown if it can."""
        document = self.client_capabilities.text_document
        hover = document.hover if document is not None else None
        return _choose_format(hover.content_format if hover is not None else None)

    def find_completion_format(self) -> types.MarkupKind:
        """Return what the client shows beside what it completes: Markdown if it can."""
        document = self.client_capabilities.text_document
        completion = document.completion if document is not None else None
        item = completion.completion_item if completion is not None else None
        return _choose_format(item.documentation_format if item is not None else None)


def _choose_format(formats: Sequence[types.MarkupKind] | None) -> types.MarkupKind:
    return types.MarkupKind.Markdown if types.MarkupKind.Markdown in (formats or ()) else types.MarkupKind.PlainText
