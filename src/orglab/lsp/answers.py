"""What the language server answers to each request of a client."""

import asyncio
import functools
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from orglab.errors import GitError, OrglabError, UsageError
from orglab.git.keep_refs import keep_commits
from orglab.lsp.buffer_log import BufferLog
from orglab.lsp.code_actions import FIX, FIX_ALL, Changed, convert_edits, list_offers, make_edits
from orglab.lsp.completion_items import complete
from orglab.lsp.cursor import Pointed, find_pointed
from orglab.lsp.diagnostics import SOURCE
from orglab.lsp.hover import describe
from orglab.lsp.language_server import OrglabServer
from orglab.lsp.log_view import Found
from orglab.lsp.open_files import LogOfFile, OpenFile
from orglab.lsp.outline import Written, list_symbols, search_symbols
from orglab.lsp.usages import find_usages, list_places
from orglab.org.document import Document
from orglab.reference import Reference

SELECT = "orglab.select"
"""The command that puts the cursor where the text of a new note goes."""
_WATCHED = ("**/*.org", "**/*.org_archive", "**/orglab.toml", "**/pyproject.toml")
_ITEM_FIELDS, _ACTION_FIELDS = 3, 4
_REQUEST_FAILED = types.LSPErrorCodes.RequestFailed.value
_AtPosition = types.HoverParams | types.DefinitionParams | types.ReferenceParams
_Answer = Callable[[OrglabServer, Any], Any]


def make_server(given: str | None) -> OrglabServer:
    """Return a language server that has not begun yet.

    Args:
        given: The log that was named; None to find that of each file.
    """
    server = OrglabServer(given)
    completion = types.CompletionOptions(trigger_characters=["e", "."], resolve_provider=True)
    actions = types.CodeActionOptions([types.CodeActionKind.QuickFix, types.CodeActionKind.Refactor, FIX_ALL])
    actions.resolve_provider = True
    features: list[tuple[str, _Answer, object]] = [
        (types.INITIALIZE, _initialize, None),
        (types.INITIALIZED, _watch_files, None),
        (types.SHUTDOWN, _end, None),
        (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, _report_again, None),
        (types.TEXT_DOCUMENT_DID_SAVE, _keep_recorded, None),
        (types.TEXT_DOCUMENT_HOVER, _answering(_hover), None),
        (types.TEXT_DOCUMENT_DEFINITION, _answering(_define), None),
        (types.TEXT_DOCUMENT_REFERENCES, _answering_later(_find_references), None),
        (types.TEXT_DOCUMENT_COMPLETION, _answering(_complete), completion),
        (types.COMPLETION_ITEM_RESOLVE, _answering(_resolve_item), None),
        (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, _answering(_list_symbols), None),
        (types.WORKSPACE_SYMBOL, _answering(_search_symbols), None),
        (types.TEXT_DOCUMENT_CODE_ACTION, _answering(_list_actions), actions),
        (types.CODE_ACTION_RESOLVE, _resolve_action, None),
    ]
    for name, function, options in features:
        server.feature(name, options)(function)

    async def select(uri: str, position: types.Position) -> None:
        await server.window_show_document_async(
            types.ShowDocumentParams(uri, take_focus=True, selection=types.Range(position, position))
        )

    server.command(SELECT)(select)
    return server


def _answering(function: _Answer) -> _Answer:
    """Return a function that answers None after an error of orglab, which it logs."""

    @functools.wraps(function)
    def answer(server: OrglabServer, params: object) -> object:
        try:
            return function(server, params)
        except (OrglabError, OSError) as error:
            server.log_error(error)
            return None
        finally:
            server.report_outdated()

    return answer


def _answering_later(function: _Answer) -> _Answer:
    """Return the same for a function that does not answer at once."""

    @functools.wraps(function)
    async def answer(server: OrglabServer, params: object) -> object:
        try:
            return await function(server, params)
        except (OrglabError, OSError) as error:
            server.log_error(error)
            return None
        finally:
            server.report_outdated()

    return answer


def _initialize(server: OrglabServer, _: types.InitializeParams) -> None:
    encoding = server.workspace.position_encoding
    server.files.encoding = types.PositionEncodingKind(encoding).value


def _watch_files(server: OrglabServer, _: types.InitializedParams) -> None:
    """Ask the client to tell of files that change on disk."""
    if not server.can("workspace", "did_change_watched_files", "dynamic_registration"):
        return
    watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
    options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
    name = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
    server.client_register_capability(types.RegistrationParams([types.Registration("orglab-files", name, options)]))


def _end(server: OrglabServer, _: object) -> None:
    server.stop_checks()


def _report_again(server: OrglabServer, _: object) -> None:
    server.report_all()


async def _keep_recorded(server: OrglabServer, params: types.DidSaveTextDocumentParams) -> None:
    """Keep the commits that code actions have recorded in a file, now that it is saved."""
    server.report_all()
    both = server.find_log(params.text_document.uri)
    commits = server.recorded.pop(params.text_document.uri, set())
    if both is None or (repository := both[1].log.repository) is None:
        return
    written = [one for one in commits if one.encode() in bytes(both[0].text)]
    if written:
        with suppress(GitError):
            await asyncio.to_thread(keep_commits, repository, written)


def _find_pointed(server: OrglabServer, params: _AtPosition) -> tuple[LogOfFile, Pointed] | None:
    """Return what the cursor is on, and the log; None if it is on nothing."""
    both = server.find_log(params.text_document.uri)
    if both is None:
        return None
    opened, log = both
    pointed = find_pointed(opened, log, server.files.find_place(opened.text, params.position))
    return (log, pointed) if pointed is not None else None


def _hover(server: OrglabServer, params: types.HoverParams) -> types.Hover | None:
    both = _find_pointed(server, params)
    opened = server.files.get(params.text_document.uri)
    if both is None or opened is None:
        return None
    log, pointed = both
    content = _describe(server, log, pointed.found, pointed.reference.step, server.find_hover_format())
    line = opened.text.line(pointed.line)
    return types.Hover(content, server.files.make_range(pointed.line, line, pointed.begin, pointed.end))


def _describe(
    server: OrglabServer,
    log: LogOfFile,
    found: Found,
    step: int | None,
    kind: types.MarkupKind,
) -> types.MarkupContent:
    """Return what is shown of an experiment or a step."""
    is_step = found.find_step(step) is not None
    number = server.numbers.read(log.log, found.experiment.ref, step if is_step else None)
    is_markdown = kind == types.MarkupKind.Markdown
    return types.MarkupContent(kind, describe(found, step, number, is_markdown=is_markdown))


def _define(server: OrglabServer, params: types.DefinitionParams) -> types.Location | None:
    both = _find_pointed(server, params)
    if both is None:
        return None
    found, step = both[1].found, both[1].reference.step
    line = found.find_line(step)
    return types.Location(
        server.files.spell_uri(found.view.path), server.files.make_range(line, found.view.text.line(line))
    )


async def _find_references(server: OrglabServer, params: types.ReferenceParams) -> list[types.Location] | None:
    both = _find_pointed(server, params)
    if both is None:
        both = _find_enclosing(server, params)
    if both is None:
        return None
    log, pointed = both
    # The commits and the files on disk; what is open is looked through here.
    places = await asyncio.to_thread(list_places, BufferLog.of(log.log, bytes(log.view.text)), pointed.reference)
    usages = find_usages(server.files, log, pointed.reference, places)
    definition = []
    if params.context.include_declaration:
        line = pointed.found.find_line(pointed.reference.step)
        view = pointed.found.view
        where = server.files.make_range(line, view.text.line(line))
        definition = [types.Location(server.files.spell_uri(view.path), where)]
    return [*definition, *usages]


def _find_enclosing(server: OrglabServer, params: types.ReferenceParams) -> tuple[LogOfFile, Pointed] | None:
    """Return the experiment of the log, or the step of it, that the cursor is in; None if it is in none."""
    both = server.find_log(params.text_document.uri)
    if both is None or not both[1].is_log:
        return None
    line = params.position.line
    found = both[1].view.find_enclosing(line)
    if found is None:
        return None
    step = found.find_step_at(line)
    reference = Reference(found.experiment.id, step.number if step is not None else None)
    return both[1], Pointed(reference, found, line, 0, 0)


def _complete(server: OrglabServer, params: types.CompletionParams) -> types.CompletionList | None:
    opened = server.files.get(params.text_document.uri)
    # Before the log is looked for: this is asked at every word.
    if opened is None or b"[" not in opened.text.line(params.position.line):
        return None
    log = server.files.find_log(opened.path)
    return complete(server.files, opened, log, params.position) if log is not None else None


def _resolve_item(server: OrglabServer, item: types.CompletionItem) -> types.CompletionItem:
    data = item.data if isinstance(item.data, list) and len(item.data) == _ITEM_FIELDS else None
    both = server.find_log(str(data[0])) if data is not None else None
    found = both[1].find(str(data[1])) if data is not None and both is not None else None
    if data is not None and both is not None and found is not None:
        step = data[2] if isinstance(data[2], int) else None
        item.documentation = _describe(server, both[1], found, step, server.find_completion_format())
    return item


def _list_symbols(server: OrglabServer, params: types.DocumentSymbolParams) -> Written | None:
    both = server.find_log(params.text_document.uri)
    if both is None or not both[1].is_log:
        return None
    return list_symbols(server.files, both[1].view)


def _search_symbols(server: OrglabServer, params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol]:
    return [one for log in server.list_logs() for one in search_symbols(server.files, log, params.query)]


# Code actions


def _list_actions(server: OrglabServer, params: types.CodeActionParams) -> list[types.CodeAction] | None:
    both = server.find_log(params.text_document.uri)
    if both is None or not both[1].is_log:
        return None
    opened, log = both
    wanted = params.context.only
    actions = [*_list_fixes(server, opened, params.context.diagnostics), *_list_changes(opened, log, params)]
    chosen = [one for one in actions if _is_wanted(one.kind or "", wanted)]
    if not server.can("text_document", "code_action", "resolve_support"):
        # The client cannot ask for the edits later.
        chosen = [action for action in chosen if action.edit is not None or _can_edit(server, opened, log, action)]
    return chosen


def _can_edit(server: OrglabServer, opened: OpenFile, log: LogOfFile, action: types.CodeAction) -> bool:
    """Add its edits to an action; return False if it cannot be done, which is logged."""
    try:
        _add_edits(server, action, _compute(server, opened, log, bytes(opened.text), action))
    except (OrglabError, OSError) as error:
        server.log_error(error)
        return False
    return True


def _is_wanted(kind: str, wanted: Iterable[str] | None) -> bool:
    """Return whether a client wants actions of a kind, or of one that is above it."""
    return wanted is None or any(kind == one or kind.startswith(f"{one}.") for one in map(_read_kind, wanted))


def _read_kind(kind: object) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else str(kind)


def _list_changes(opened: OpenFile, log: LogOfFile, params: types.CodeActionParams) -> Iterable[types.CodeAction]:
    """Yield what can be done to the experiment and the step at the cursor."""
    for offer in list_offers(log, params.range.start.line):
        data = [opened.uri, opened.version, offer.what, offer.reference]
        yield types.CodeAction(offer.title, types.CodeActionKind.Refactor, data=data)


def _list_fixes(
    server: OrglabServer, opened: OpenFile, diagnostics: Iterable[types.Diagnostic]
) -> Iterable[types.CodeAction]:
    """Yield what fixes the problems at the cursor, and all problems."""
    checked = server.checked.get(opened.uri)
    if checked is None or checked.version != opened.version:
        return
    fixable = [(shown, problem) for shown, problem in checked.problems if problem.fix]
    for asked in diagnostics:
        for shown, problem in fixable:
            if asked.source == SOURCE and (asked.range, asked.code) == (shown.range, shown.code):
                edits = convert_edits(server.files, opened, Document(bytes(opened.text)), [*problem.fix])
                action = types.CodeAction(f"Fix: {problem.message}", types.CodeActionKind.QuickFix, [asked])
                action.is_preferred = True
                action.edit = _make_workspace_edit(server, opened.uri, opened.version, edits)
                yield action
    if fixable:
        yield types.CodeAction("Fix all safe problems", FIX_ALL, data=[opened.uri, opened.version, FIX, ""])


async def _resolve_action(server: OrglabServer, action: types.CodeAction) -> types.CodeAction:
    """Return an action with its edits.

    Raises:
        JsonRpcException: It cannot be done; the editor shows the sentence.
    """
    if action.edit is not None:
        return action
    data = _read_data(action)
    both = server.find_log(str(data[0]))
    if both is None or both[0].version != data[1]:
        return action  # the text has changed since
    text = bytes(both[0].text)  # here: a thread would read it while it is edited
    try:
        changed = await asyncio.to_thread(_compute, server, *both, text, action)
    except (OrglabError, OSError) as error:
        raise JsonRpcException(server.describe_error(error), _REQUEST_FAILED) from error
    if both[0].version == data[1]:
        _add_edits(server, action, changed)
    return action


def _compute(server: OrglabServer, opened: OpenFile, log: LogOfFile, text: bytes, action: types.CodeAction) -> Changed:
    """Return the edits of a text of an open log that an action makes.

    Raises:
        OrglabError: It cannot be done.
    """
    _, _, what, reference = _read_data(action)
    return make_edits(server.files, opened, BufferLog.of(log.log, text), str(what), str(reference))


def _read_data(action: types.CodeAction) -> list[Any]:
    """Return the address and version of the file, the operation and its reference.

    Raises:
        UsageError: The action is not one of this server.
    """
    data: object = action.data
    if not isinstance(data, list) or len(data) != _ACTION_FIELDS:
        raise UsageError("This code action is not one of orglab.")
    return data


def _add_edits(server: OrglabServer, action: types.CodeAction, changed: Changed) -> None:
    """Add edits to an action, and what puts the cursor where the text of a note goes."""
    uri, number, _, _ = _read_data(action)
    action.edit = _make_workspace_edit(server, uri, number, changed.edits)
    server.recorded.setdefault(uri, set()).update(changed.commits)
    if changed.cursor is not None and server.can("window", "show_document", "support"):
        action.command = types.Command("Write the note", SELECT, arguments=[uri, changed.cursor])


def _make_workspace_edit(
    server: OrglabServer, uri: str, number: int | None, edits: list[types.TextEdit]
) -> types.WorkspaceEdit:
    """Return edits of a version of a file."""
    if not server.can("workspace", "workspace_edit", "document_changes"):
        return types.WorkspaceEdit(changes={uri: edits})
    identifier = types.OptionalVersionedTextDocumentIdentifier(uri, number)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, edits)])
