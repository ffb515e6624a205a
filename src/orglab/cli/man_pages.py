"""The manual: a page for `man`, of orglab and of each command, made from their help."""

import inspect
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

import orglab
from orglab.errors import NotWritableError

_MARK = '.\\" Written by `orglab setup shell`.'
# No text has these: what is between two of them is written in another font.
_BOLD, _ITALIC, _PLAIN = "\1", "\2", "\3"
_SIGNS = {
    _BOLD: "\\fB", _ITALIC: "\\fI", _PLAIN: "\\fR",
    "\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq",
}  # fmt: skip
_SIGN = re.compile(r"[\x01-\x03\\\-'`^~\"]|[^\x00-\x7f]")
_VERBATIM = "\b"
_NOTHING = "\\&"  # in roff


def make_pages(root: click.Command) -> dict[str, str]:
    """Return the pages of orglab and of each command that its help lists, by the names of their files."""
    context = click.Context(root, info_name="orglab", **root.context_settings)
    every = [*_list_commands(context)]
    return {f"{_name(command)}.1": _make_page(command, every) for command in every}


def find_folder() -> Path:
    """Return the folder of the user's own manual, where `man` looks beside ~/.local/bin."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "man" / "man1"


def install(root: click.Command) -> tuple[Path, bool]:
    """Write the pages, and remove those of commands that are gone; return the folder, and whether it was changed.

    Raises:
        NotWritableError: A page cannot be written.
    """
    return _replace(make_pages(root))


def remove() -> tuple[Path, bool]:
    """Remove what `install` wrote; return the folder, and whether it was changed.

    Raises:
        NotWritableError: A page cannot be removed.
    """
    return _replace({})


def _replace(pages: dict[str, str]) -> tuple[Path, bool]:
    """Put pages in place of those that were written here before; a page of someone else stays."""
    folder = find_folder()
    try:
        before = {path.name: path.read_text("utf-8", "replace") for path in folder.glob("orglab*.1")}
        ours = {name for name, text in before.items() if text.startswith(_MARK)}
        written = {name: text for name, text in pages.items() if name in ours or name not in before}
        changed = {name: text for name, text in written.items() if before.get(name) != text}
        if changed:
            folder.mkdir(parents=True, exist_ok=True)
        for name, text in changed.items():
            (folder / name).write_text(text, "utf-8")
        for name in ours - written.keys():
            (folder / name).unlink()
    except OSError as error:
        raise NotWritableError(f"The manual in {folder} cannot be written: {error.strerror}.") from error
    return folder, bool(changed or ours - written.keys())


def _list_commands(context: click.Context) -> Iterator[click.Context]:
    """Yield a command, and all below it."""
    yield context
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None and not command.hidden:
                yield from _list_commands(click.Context(command, info_name=name, parent=context))


def _name(command: click.Context) -> str:
    """Return the name of a command's page."""
    return command.command_path.replace(" ", "-")


def _make_page(command: click.Context, every: list[click.Context]) -> str:
    """Return the page of a command."""
    summary, *paragraphs = inspect.cleandoc(command.command.help or "").split("\n\n")
    examples = [text for text in paragraphs if text.startswith(f"{_VERBATIM}\nExample:")]
    name = _name(command)
    lines = [
        _MARK,
        f'.TH {_escape(name.upper())} 1 "" "orglab {_escape(str(orglab.__version__))}" "orglab"',
        ".nh\n.ad l",
        ".SH NAME",
        f"{_escape(name)} \\- {_escape(_summarize(command).rstrip('.'))}",
        ".SH SYNOPSIS",
        f"\\fB{_escape(command.command_path)}\\fR {_escape(' '.join(command.command.collect_usage_pieces(command)))}",
        ".SH DESCRIPTION",
        _format_text(summary),
    ]
    for paragraph in paragraphs:
        if paragraph not in examples:
            lines += [".PP", _format_text(paragraph)]
    lines += [*_list_options(command), *_list_subcommands(command, every)]
    if examples:
        lines += [".SH EXAMPLES", *(_format_text(text.replace("Example:\n", "", 1)) for text in examples)]
    return "\n".join([*lines, *_list_neighbours(command, every)]) + "\n"


def _list_options(command: click.Context) -> Iterator[str]:
    """Yield the section of the options."""
    parameters = command.command.get_params(command)
    records = [option.get_help_record(command) for option in parameters if isinstance(option, click.Option)]
    options = [record for record in records if record is not None]
    if options:
        yield ".SH OPTIONS"
    for usage, meaning in options:
        names = re.sub(r"(?<!\S)(-[^ ,]+)|([^ ,]+)", _mark_word, usage)
        yield f".TP\n{_protect(names)}\n{_format_text(meaning) or _NOTHING}"


def _list_subcommands(command: click.Context, every: list[click.Context]) -> Iterator[str]:
    """Yield the section of the commands of a group."""
    below = [other for other in every if other.parent is command]
    if below:
        yield ".SH COMMANDS"
    for other in below:
        yield f".TP\n{_refer_to(other)}\n{_format_text(_summarize(other))}"


def _list_neighbours(command: click.Context, every: list[click.Context]) -> Iterator[str]:
    """Yield the section of other pages: that of the group, and of the commands beside this one."""
    if command.parent is None:
        return
    others = [other for other in every if other.parent is command.parent and other is not command]
    near = [command.parent, *(others if command.parent.parent is not None else ())]
    yield ".SH SEE ALSO"
    yield ",\n".join(map(_refer_to, near))


def _refer_to(command: click.Context) -> str:
    """Return the name of a page as other pages write it."""
    return f"\\fB{_escape(_name(command))}\\fR(1)"


def _summarize(command: click.Context) -> str:
    """Return what a command is for, in one sentence."""
    return command.command.get_short_help_str(limit=1000)


def _format_text(paragraph: str) -> str:
    """Return a paragraph of help; its lines stay, where click keeps them."""
    if not paragraph.startswith(f"{_VERBATIM}\n"):
        return _protect(re.sub(r"`([^`]+)`", rf"{_BOLD}\1{_PLAIN}", _join(paragraph)))
    lines = textwrap.dedent(paragraph.removeprefix(f"{_VERBATIM}\n")).split("\n")
    return "\n".join([".RS 4", ".nf", *map(_protect, lines), ".fi", ".RE"])


def _mark_word(match: re.Match[str]) -> str:
    """Return the name of an option in bold, and what stands for its value in italics."""
    return f"{_BOLD if match[1] else _ITALIC}{match[0]}{_PLAIN}"


def _join(paragraph: str) -> str:
    """Return a paragraph as one line."""
    return " ".join(paragraph.split())


def _protect(line: str) -> str:
    """Return a line of text that roff takes for text."""
    escaped = _escape(line)
    return f"{_NOTHING}{escaped}" if escaped.startswith((".", " ")) else escaped


def _escape(text: str) -> str:
    r"""Return a text with the signs of roff as themselves: `-` is the one of options, and `\` begins nothing."""
    return _SIGN.sub(lambda match: _SIGNS.get(match[0]) or f"\\[u{ord(match[0]):04X}]", text)
