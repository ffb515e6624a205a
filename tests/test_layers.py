"""The layers: imports point down only, and a reading command loads only what it needs."""

import ast
import functools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orglab

PACKAGE = Path(orglab.__file__).parent
# From the lowest up: a module imports from the rows above its own in this list, and not from its own row.
ROWS = [
    {"errors", "config", "extras", "secret_names", "reference", "text", "clock", "lock"},
    {"settings"},
    {"git", "org"},
    {"experiment"},
    {"log"},
    {"runs"},
    {"search"},
    {"history"},
    {"report"},
    {"api"},
    {"lsp", "mcp", "web"},
    {"cli", "hooks"},
]
ROW = {name: number for number, names in enumerate(ROWS) for name in names}
# Every row may import the errors, even the lowest.
ERRORS = "errors"
# The package itself only exports names and starts the command line.
FACES = {"__init__", "__main__"}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield parts, path


@functools.cache
def imports_of(path):
    """Return the modules of orglab that a file imports at run time, anywhere in it."""
    return tuple(_find_imports(path))


def _find_imports(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "orglab":
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "orglab" else [node.module]
            )
            yield from (tuple(name.split(".")[1:]) for name in names)
        elif isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")[1:]) for alias in node.names if alias.name.startswith("orglab."))


def test_every_module_has_a_row():
    assert {parts[0] for parts, _ in modules()} == set(ROW) | FACES


def test_module_names_are_unique_and_few_are_outside_of_packages():
    names = Counter(parts[-1] for parts, _ in modules() if parts[-1] not in FACES)
    assert [name for name, count in names.items() if count > 1] == []
    assert sum(len(parts) == 1 for parts, _ in modules()) <= len(ROWS[0]) + len(FACES)


def test_imports_point_down_only_and_in_no_circle():
    wrong = [
        (".".join(parts), ".".join(target))
        for parts, path in modules()
        if parts[0] not in FACES
        for target in imports_of(path)
        if target and target[0] not in (parts[0], ERRORS) and ROW[target[0]] >= ROW[parts[0]]
    ]
    assert wrong == []
    assert_no_circle()


def test_the_org_layer_knows_no_experiments():
    used = {target[0] for parts, path in modules() if parts[0] == "org" for target in imports_of(path)}
    assert used == {"errors", "org"}


def assert_no_circle():
    graph = {}
    for parts, path in modules():
        name = ".".join(parts).removesuffix(".__init__")
        if name != "__init__":
            graph[name] = {".".join(target) for target in imports_of(path)}
    done, way = set(), []

    def visit(name):
        assert name not in way, f"{' -> '.join([*way, name])}"
        if name in done or name not in graph:
            return
        way.append(name)
        for target in graph[name]:
            visit(target)
        done.add(way.pop())

    for name in graph:
        visit(name)


def test_a_read_command_loads_no_more_than_it_needs(tmp_path):
    log = tmp_path / "experiment_log.org"
    log.write_text("* TODO [1] A :exp:\n")
    program = (
        "import sys; from orglab.cli.main import run; code = run(['--log', sys.argv[1], 'list']);"
        "print(*sorted(set(sys.argv[2].split()) & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    unwanted = "rich asyncio hashlib tomllib http wcwidth ctypes orglab.org.match orglab.cli.setup_commands numpy"
    done = subprocess.run(
        [sys.executable, "-c", program, log, unwanted], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "ORGLAB_NO_INDEX": "1"},
    )  # fmt: skip
    assert "e1" in done.stdout
    assert done.stderr == "\n"
