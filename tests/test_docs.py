"""Tests of the documentation: its examples run, its references are complete, its links work.

Examples. Each page, README.md and docs/**, gets a fresh folder in which its blocks run from top
to bottom:

- In a ```console block a line that begins with `$ ` is a command, with lines that begin with `> `
  as its continuation, run by `sh`. The lines after it are what it prints, standard error included.
  The folder, exported variables and the exit code last from one command to the next. A command
  that fails has to print something.
- A ```python block runs as a script of its own in that folder.
- An ```output block is what the block before it prints; without one, nothing is printed.
- A block in a comment, `<!-- console` to `-->`, runs as well, and is not seen.

In what is expected, `...` is any text within a line, and a line that is only `...` is any lines, none
too. A date, a time of day, a weekday and a commit's hash match any other, for they are different in
every run: `[2026-06-01 Mon 09:30] (83d45cd)` is as good as any.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import click
import pytest

import orglab
from orglab.cli.main import orglab as commands
from orglab.config import Config
from orglab.experiment.diagnostic import CODES, ERRORS
from orglab.org import Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
EVERY_PAGE = [
    *PAGES,
    *sorted((ROOT / "spec").glob("*.md")),
    *(ROOT / name for name in ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md")),
]


def name_of(page: Path) -> str:
    """Return the path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


# ---- examples ----


class Block(NamedTuple):
    """A fenced block, or a hidden one: its kind, its text, and the line where that begins."""

    kind: str
    text: str
    line: int


_BLOCK = re.compile(
    r"^(?P<fence>```+)(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^(?P=fence)[ ]*$"
    r"|^<!-- (?P<hidden>console|python)\n(?P<unseen>.*?)^-->$",
    re.DOTALL | re.MULTILINE,
)


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks that run, and their output."""
    text = page.read_text("utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        kind = match["hidden"] or match["kind"]
        if kind in ("console", "python", "output"):
            group = "unseen" if match["hidden"] else "text"
            found.append(Block(kind, match[group], text.count("\n", 0, match.start(group)) + 1))
    return found


def commands_of(block: Block) -> Iterator[tuple[str, str, int]]:
    """Yield each command of a console block, its expected output, and its line."""
    command, expected, line = "", [], 0
    for number, text in enumerate(block.text.splitlines(), block.line):
        if text.startswith("$ "):
            if command:
                yield command, "\n".join(expected), line
            command, expected, line = text[2:], [], number
        elif (text.startswith("> ") or text == ">") and not expected:
            command += "\n" + text[2:]
        else:
            assert command, f"line {number}: a console block begins with a command"
            expected.append(text)
    if command:
        yield command, "\n".join(expected), line


_PLACEHOLDERS = (
    (r"\b\d{4}-\d{2}-\d{2}(?: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)?", "DATE"),
    (r"(?<!:)\b\d{2}:\d{2}\b(?!:)", "TIME"),
    (r"\b(?=[a-f]*\d)[0-9a-f]{7,40}\b", "HASH"),
)


def without_chance(text: str) -> str:
    """Return a text with placeholders for times and hashes, and without spaces at the ends of lines."""
    for pattern, placeholder in _PLACEHOLDERS:
        text = re.sub(pattern, placeholder, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))


def is_like(printed: str, expected: str) -> bool:
    """Return whether the output is as expected."""
    pattern = ""
    for line in without_chance(expected).split("\n"):
        any_text = r"[^\n]*".join(map(re.escape, line.split("...")))
        pattern += r"(?:[^\n]*\n)*?" if line == "..." else any_text + r"\n"
    return re.fullmatch(pattern, without_chance(printed) + "\n") is not None


@dataclass
class Shell:
    """Runs commands in a folder, one after the other, in the same shell state."""

    folder: Path
    state: Path
    line: int = 0

    def run(self, command: str) -> tuple[str, int]:
        """Run a command and return its output and exit code."""
        state = shlex.quote(str(self.state))
        script = (
            # All that is assigned is exported, and so remembered.
            f"set -a; if [ -f {state} ]; then . {state}; fi\n{command}\n"
            f'code=$?; {{ export -p; printf "cd \\"%s\\"\\n(exit %s)\\n" "$PWD" $code; }} > {state}; exit $code'
        )
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return done.stdout, done.returncode

    def check(self, command: str, expected: str) -> None:
        """Run a command and compare its output with the page."""
        printed, code = self.run(command)
        assert is_like(printed, expected), (
            f"line {self.line}: $ {command}\n--- the page says\n{expected}\n--- it printed\n{printed}"
        )
        assert not code or expected, f"line {self.line}: {command} ended with {code} without a word"


def run_page(page: Path, folder: Path, state: Path) -> None:
    """Run all blocks of a page."""
    shell = Shell(folder, state)
    blocks = blocks_of(page)
    for place, block in enumerate(blocks):
        if block.kind == "console":
            for command, expected, line in commands_of(block):
                shell.line = line
                shell.check(command, expected)
        elif block.kind == "python":
            following = blocks[place + 1] if place + 1 < len(blocks) else None
            expected = following.text if following and following.kind == "output" else ""
            shell.line = block.line
            shell.check(f"python - <<'END_OF_EXAMPLE'\n{block.text}END_OF_EXAMPLE", expected)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=name_of)
def test_the_examples_of_a_page_run(page, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    run_page(page, folder, tmp_path / "state")


@pytest.mark.parametrize(
    ("printed", "expected", "alike"),
    [
        ("e1  noted  2031-01-02 03:04  0a1b2c3\n", "e1  noted  2026-06-01 09:30  83d45cd\n", True),
        ("[2031-01-02 Thu 03:04]\n", "[2026-06-01 Mon 09:30]\n", True),
        ("one\ntwo\nthree\n", "one\n...\nthree\n", True),
        ("one\nthree\n", "one\n...\nthree\n", True),
        ("one two three\n", "one ... three\n", True),
        ("one\ntwo\n", "one ...\n", False),
        ("one\n", "", False),
        ("", "one\n", False),
        ("e1  DONE\n", "e1  TODO\n", False),
    ],
)
def test_times_and_hashes_are_not_compared(printed, expected, alike):
    assert is_like(printed, expected) is alike


def test_a_shell_remembers_folder_variables_and_exit_code(tmp_path):
    (tmp_path / "sub").mkdir()
    shell = Shell(tmp_path, tmp_path / "state")
    shell.run("cd sub; export WORD='two words'; false")
    assert shell.run('echo "$? $WORD $(basename "$PWD")"') == ("1 two words sub\n", 0)


# ---- what has to be on a page ----


@cache
def script(name: str) -> ModuleType:
    """Return one of the scripts as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name: str) -> str:
    """Return the text of a page."""
    return (DOCS / name).read_text("utf-8")


def test_the_commands_reference_is_what_the_script_prints():
    assert read("reference/commands.md") == script("commands_reference").reference(), (
        "run: python scripts/commands_reference.py > docs/reference/commands.md"
    )


def test_the_reference_of_tools_is_what_the_script_prints():
    assert read("reference/mcp.md") == script("mcp_reference").reference(), (
        "run: python scripts/mcp_reference.py > docs/reference/mcp.md"
    )


def command_tree() -> Iterator[tuple[str, click.Command]]:
    """Yield every command, by its full name."""
    yield from group_tree(commands, commands.make_context("orglab", [], resilient_parsing=True))


def group_tree(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield a group and every command in it, by its full name."""
    yield context.command_path, group
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from group_tree(command, below)
        else:
            yield below.command_path, command


@pytest.mark.parametrize(("name", "command"), [*command_tree()], ids=[name for name, _ in command_tree()])
def test_every_command_and_option_is_in_the_commands_reference(name, command):
    section = re.search(rf"^## {name}$(.*?)(?=^## |\Z)", read("reference/commands.md"), re.DOTALL | re.MULTILINE)
    assert section, f"there is no section {name}"
    for parameter in command.params:
        for option in parameter.opts if isinstance(parameter, click.Option) and not parameter.hidden else ():
            assert re.search(rf"(?m)^  .*{re.escape(option)}\b", section[1]), f"{option} of {name} is not there"
    assert re.search(r"(?m)^  Example:$", section[1]), f"{name} has no example"


def table_rows(text: str) -> dict[str, str]:
    """Return the rows of all tables, by the word in backticks at their beginning."""
    return dict(re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, re.MULTILINE))


def test_every_check_is_in_its_reference():
    rows = table_rows(read("reference/checks.md"))
    assert rows.keys() == CODES.keys()
    assert {code for code, row in rows.items() if "| error |" in f"|{row}|"} == ERRORS
    assert {code for code, row in rows.items() if "`--fix`" in row} == {
        code for code, meaning in CODES.items() if "--fix" in meaning
    }


def test_every_setting_is_in_its_reference_with_its_default():
    rows = table_rows(read("reference/settings.md"))
    for name, default in settings_of(Config, ""):
        written = json.dumps(default)
        assert f"`{written}`".replace("|", r"\|") in rows[name], f"{name}: {written}"


def settings_of(kind, prefix):
    for name, default in kind._field_defaults.items():
        if hasattr(default, "_field_defaults"):
            yield from settings_of(type(default), f"{name}.")
        elif name != "refused":  # what the settings are not
            yield prefix + name, default


def test_every_public_name_and_method_is_in_the_python_reference():
    text = read("reference/python-api.md")
    names = {*orglab.__all__} - {"__version__"}
    methods = [f"Log.{name}" for kind in orglab.Log.__mro__[:-1] for name in vars(kind) if not name.startswith("_")]
    attributes = [
        f"{kind.__name__}.{name}"
        for kind in (
            orglab.Experiment,
            orglab.Step,
            orglab.Note,
            orglab.Conclusion,
            orglab.Progress,
            orglab.Diagnostic,
        )
        for name in (*vars(kind), *getattr(kind, "__annotations__", ()))
        if not name.startswith("_")
    ]
    assert not [name for name in names if f"`{name}`" not in text]
    assert not [name for name in methods if f"`{name.removeprefix('Log.')}" not in text]
    assert not [name for name in attributes if f"`{name.split('.')[1]}" not in text]


def test_the_page_on_org_has_every_public_name_and_no_other():
    text = read("reference/org.md")
    assert [name for name in orglab.org.__all__ if f"`{name}`" not in text] == []
    tables = {part.partition("\n")[0].strip("`"): part for part in text.split("\n## ")[1:]}
    for name, table in tables.items():
        rows = [
            word for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for word in re.findall(r"`(\w+)`", row)
        ]
        where = getattr(orglab.org, name, orglab.org)
        instance = where(b"") if name == "Document" else Document(b"* A").heading(0) if name == "Heading" else where
        assert [row for row in rows if not hasattr(instance, row)] == []
    for name, names in re.findall(r"^`(\w+)`: (.*?)\n\n", tables["Other values"] + "\n\n", re.MULTILINE | re.DOTALL):
        kind = getattr(orglab.org, name)
        listed = [word for word in re.findall(r"`(\w+)`", names) if not word[0].isupper()]
        assert [word for word in listed if not hasattr(kind, word)] == [], name


def test_every_test_that_the_page_on_security_names_exists():
    page = (ROOT / "docs/explanation/security.md").read_text()
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 20
    assert sorted(name for name in named if f"def {name}(" not in tests) == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", page) if not (ROOT / path).is_file()] == []


def test_every_decision_is_in_the_list_of_decisions():
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", read("decisions/index.md")))
    assert listed == {page.name for page in (DOCS / "decisions").glob("*.md")} - {"index.md"}


# ---- pages as such ----


def without_code(text: str) -> str:
    """Return a text without its code."""
    return re.sub(r"^```.*?^```|`[^`\n]+`", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page: its headings, as a forge writes them."""
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", EVERY_PAGE, ids=name_of)
def test_links_work(page):
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", without_code(page.read_text("utf-8")))
    for link in (first or second for first, second in links):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors_of(target), f"{link}: there is no such heading"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=name_of)
def test_a_page_has_one_title_and_no_local_paths(page):
    text = page.read_text("utf-8")
    assert text.startswith("# ")
    assert len(re.findall(r"^# ", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)) == 1
    assert not re.search(r"/home/|/root/|/Users/|/work/|/opt/", text)
    assert text.endswith("\n")
    assert not re.search(r"[ \t]\n", text)


def test_every_page_can_be_reached_from_the_readme():
    seen, pending = set(), [ROOT / "README.md"]
    while pending:
        page = pending.pop()
        if page in seen:
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)(?:#[^)\s]*)?\)", without_code(page.read_text("utf-8")))
        pending += [(page.parent / link).resolve() for link in links if "//" not in link]
    assert not {name_of(page) for page in EVERY_PAGE} - {name_of(page) for page in seen}


def test_the_picture_is_well_formed_and_holds_text():
    root = ET.fromstring((DOCS / "terminal.svg").read_text("utf-8"))  # noqa: S314 - our own file
    words = "".join(root.itertext())
    assert "$ orglab tried" in words
    assert "$ orglab why" in words


def test_a_picture_shows_the_text_it_is_given():
    picture = script("terminal_picture").draw("$ \x1b[1mls\x1b[0m\n<a> & \x1b[32mb\x1b[0m\n", "A <title>")
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    lines = ["".join(line.itertext()) for line in root.iter("{http://www.w3.org/2000/svg}text")]
    assert lines == ["$ ls", "<a> & b"]
    assert '<tspan class="green">b</tspan>' in picture
