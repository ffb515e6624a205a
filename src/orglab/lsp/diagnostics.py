"""What is reported in an open file: in the log what `orglab check` finds, elsewhere references that name nothing."""

import re
from collections.abc import Callable, Iterator

from lsprotocol import types

from orglab.experiment.diagnostic import Diagnostic
from orglab.git.message import find_comment_prefix, strip_comments
from orglab.lsp.buffer_log import BufferLog
from orglab.lsp.open_files import LogOfFile, OpenFile, OpenFiles
from orglab.lsp.positions import count_units
from orglab.org.source import BYTE_ORDER_MARK, decode, encode
from orglab.reference import link_pattern, reference_pattern

SOURCE = "orglab"
_MOST = 1000
Problems = dict[str, list[tuple[types.Diagnostic, Diagnostic]]]
"""The problems in files, by their paths, as the protocol has them and with what fixes them."""


def check_log(log: BufferLog, text: bytes, encoding: str, keep_on: Callable[[], None]) -> Problems:
    """Return the problems that `orglab check` finds in a log, by the path of the file that they are in.

    Args:
        log: The log, as it is in the editor.
        text: Its text.
        encoding: How the editor counts positions.
        keep_on: Called between experiments; raises to stop.
    """
    lines = text.split(b"\n")
    problems: Problems = {str(log.path): []}
    for one in log.check(lambda *_: keep_on()):
        is_own = one.file == str(log.path)
        line = lines[one.line - 1] if is_own and one.line <= len(lines) else b""
        problems.setdefault(one.file, []).append((_make_diagnostic(one, line, log.config.letter, encoding), one))
    return problems


def _make_diagnostic(problem: Diagnostic, line: bytes, letter: str, encoding: str) -> types.Diagnostic:
    """Return a problem as the protocol has it: from where it is to the end of the reference or the line."""
    mark = BYTE_ORDER_MARK if line.startswith(BYTE_ORDER_MARK) else b""
    begin = len(mark + encode(decode(line.removeprefix(mark))[: problem.column - 1]))
    patterns = (reference_pattern(letter), link_pattern())
    match = next(filter(None, (pattern.match(line, begin) for pattern in patterns)), None)
    end = match.end() if match is not None else max(begin, len(line.rstrip()))
    start, stop = (types.Position(problem.line - 1, count_units(line[:at], encoding)) for at in (begin, end))
    severity = types.DiagnosticSeverity.Error if problem.is_error else types.DiagnosticSeverity.Warning
    if not problem.is_problem:
        severity = types.DiagnosticSeverity.Information
    return types.Diagnostic(types.Range(start, stop), problem.message, severity, problem.code, source=SOURCE)


def find_unknown_references(files: OpenFiles, opened: OpenFile, log: LogOfFile) -> list[types.Diagnostic]:
    """Return a warning for each reference of a file that is not in the log; words in brackets are no references."""
    letter, config = log.log.config.letter, log.log.config
    if opened.is_message and config.hooks.references == "off":
        return []
    warnings = []
    for number, line in _list_lines(opened, letter):
        for match in reference_pattern(letter).finditer(line):
            name, step = match.group(1).decode(), match.group(2)
            message = _judge(log, name, int(step) if step else None, is_message=opened.is_message)
            if message is not None:
                where = files.make_range(number, line, *match.span())
                severity = types.DiagnosticSeverity.Warning
                warnings.append(types.Diagnostic(where, message, severity, "unknown-reference", source=SOURCE))
                if len(warnings) == _MOST:
                    return warnings
    return warnings


def _list_lines(opened: OpenFile, letter: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that may have references, with their numbers; of a message what git keeps of it."""
    text = bytes(opened.text)
    opening = encode(f"[{letter}")
    if opening not in text:
        return
    mark = find_comment_prefix(text, "auto") if opened.is_message else None
    kept = len(strip_comments(text, mark)) if mark is not None else 0
    for number, line in enumerate(text.split(b"\n")):
        if mark is not None and line.startswith(mark):
            continue
        if mark is not None and kept <= 0:
            return
        kept -= len(line) + 1
        if opening in line:
            yield number, line


def _judge(log: LogOfFile, name: str, step: int | None, *, is_message: bool) -> str | None:
    """Return what is wrong with a reference; None if nothing is, or if it is only a word in brackets."""
    letter, found = log.log.config.letter, log.find(name)
    spelled = f"{letter}{name}" + (f".{step}" if step is not None else "")
    if found is None:
        is_meant = name.isdecimal() or (is_message and re.search(r"\d", name) is not None)
        return f"[{spelled}] is not an experiment in {log.log.path.name}." if is_meant else None
    if step is not None and found.find_step(step) is None:
        return f"[{spelled}] is not a step of {found.experiment.ref}."
    return None
