"""The house: imports point down only, deferred ones counted, and what a read command may load."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import orglab

PACKAGE = Path(orglab.__file__).parent
# From the ground up; a module may import from the storeys below its own, and from its own where no cycle comes of it.
STOREYS = [
    {"errors"},
    {
        "config",
        "dates",
        "forge",
        "git",
        "hashes.grammar",
        "lock",
        "org",
        "place",
        "printable",
        "reference",
        "spelling",
    },
    {
        "active",
        "hashes.evidence",
        "file",
        "hashes.succession",
        "message",
        "prose",
        "runs.child",
        "runs.metrics",
        "runs.pending",
        "runs.record",
        "runs.surroundings",
        "states",
        "words",
    },
    {
        "model",
        "runs.recording",
        "runs.results",
        "runs.text",
        "runs.working_state",
    },
    {
        "adoption",
        "changes",
        "check",
        "entry",
        "finding",
        "glance",
        "hashes",
        "history.events",
        "history.journal",
        "ids",
        "index",
        "jsonable",
        "merge",
        "report",
        "selecting",
        "similar",
        "writing",
    },
    {"losses"},
    {"reading"},
    {"log"},
    # What takes a Log and does more than change the file: each a capability of its own.
    {
        "committing",
        "history",
        "merging",
        "pending_steps",
        "precedents",
        "reporting",
        "runs",
        "searching",
    },
    {"cli", "hooks"},
    {"__init__", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(STOREYS) for name in names}


def storey(parts):
    """The storey of a module: its own, else that of its package."""
    return LEVEL.get(".".join(parts[:2]), LEVEL.get(parts[0]))


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield parts, path


def imports_of(path):
    """Yield the modules of ours that a file imports when it runs, anywhere in it."""
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


def test_every_module_has_a_storey():
    found = list(modules())
    assert not [parts for parts, _ in found if storey(parts) is None]
    names = {parts[0] for parts, _ in found} | {".".join(parts[:2]) for parts, _ in found}
    assert set(LEVEL) <= names


def test_imports_point_down_only():
    wrong = [
        (".".join(parts), ".".join(target))
        for parts, path in modules()
        if parts != ("__init__",)
        for target in imports_of(path)
        if target and storey(target) > storey(parts)
    ]
    assert wrong == []


def test_the_org_layer_knows_no_experiments():
    used = {target[0] for parts, path in modules() if parts[0] == "org" for target in imports_of(path)}
    assert used == {"errors", "org"}


def test_there_is_no_cycle():
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
        "import sys; from orglab.cli.door import run; code = run(['--log', sys.argv[1], 'list']);"
        "print(*sorted(set(sys.argv[2].split()) & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    unwanted = "rich asyncio hashlib tomllib http wcwidth ctypes orglab.org.match orglab.cli.setup numpy"
    done = subprocess.run(
        [sys.executable, "-c", program, log, unwanted], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "ORGLAB_NO_INDEX": "1"},
    )  # fmt: skip
    assert "e1" in done.stdout
    assert done.stderr == "\n"
