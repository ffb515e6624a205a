"""One word for one thing: help texts, JSON, settings, variables and the Python API use the words of the glossary."""

import ast
import inspect
import re
from importlib import import_module

import pytest

import orglab
from orglab.cli.main import orglab as commands
from orglab.config import Config
from test_docs import DOCS, PAGES, command_tree, read, settings_of
from test_layers import PACKAGE, modules

# The word for a thing, and other words that must not be used for it; each also forbids its plural.
OTHER_WORDS = {
    "active step": ("current step", "selected step"),
    "alias": ("synonym", "nickname"),
    "checkbox": ("box", "boxe", "tickbox"),
    "conclusion": ("finding",),
    "current hash": ("living", "new hash", "live hash"),
    "dead hash": ("lost hash", "stale hash", "orphan"),
    "discarded run": ("ignored run", "invalid run", "rejected run", "excluded run"),
    "evidence": ("proof",),
    "experiment": ("trial",),
    "fix": ("mend", "mended", "repair", "heal", "remedy"),
    "history": ("timeline", "time line", "log of", "chronicle"),
    "index": ("cache",),
    "journal": ("diary", "daybook"),
    "log": ("logbook", "notebook", "lab book", "diary"),
    "match string": ("match expression", "match query", "filter"),
    "metric": ("measurement", "measure"),
    "note": ("annotation", "memo", "remark"),
    "pending": ("waiting", "queue", "queued", "unwritten"),
    "record": ("protocol", "run log", "run file"),
    "reference": ("mention", "pointer"),
    "remove": ("take away", "taken away", "delete", "erase"),
    "results": ("artifact", "artefact"),
    "run": ("job", "execution"),
    "setting": ("configuration", "config key", "preference", "option of orglab.toml"),
    "snapshot": ("stash", "checkpoint"),
    "step": ("task", "subtask"),
    "topic": ("theme", "category"),
    "verdict": ("judgement", "judgment"),
}
# Places that use one of the other words, and why.
ALLOWED = {
    "Diagnostic.remedy": "the command that fixes a problem; a name of version 1",
    "JSON job": "the job of a scheduler that a run was part of",
    "JSON living": "a key of version 1",
    "JSON mentions": "commits that name an experiment, not the references in them; a key of version 1",
    "JSON queued": "versions of a sweep that no worker has begun, not runs that the log does not have yet",
    "JSON remarks": "what `orglab why` says about its answer, not notes in the log",
    "JSON remedy": "the command that fixes a problem; a key of version 1",
    "JSON waiting": "the kind of the state WAIT",
    "Run.job": "the job of a scheduler that a run was part of",
    "Shown.mentions": "commits that name an experiment, not the references in them",
    "Why.remarks": "what `orglab why` says about its answer, not notes in the log",
    "orglab init": "its example names a file of the user",
    "orglab lsp": "the name of what it speaks, not the record of a run",
    "orglab mcp": "the name of what it speaks, not the record of a run",
    "orglab list --waiting": "the kind of the state WAIT",
}


def words_of(name):
    """Return a name as words: `find_near_verdict`, `--all-commits` and `HookStatus` too."""
    return re.sub(r"[\s_-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip()


def find_other_words(texts):
    """Yield each place that uses another word, with the word that it should use."""
    for place, text in texts:
        for word, others in OTHER_WORDS.items():
            if re.search(rf"\b(?:{'|'.join(map(re.escape, others))})s?\b", words_of(text), re.IGNORECASE):
                yield place, word


def help_texts():
    """Yield the help of each command and of each option; an option includes its names."""
    for name, command in [("orglab", commands), *command_tree()]:
        yield name, command.help or ""
        for parameter in command.params:
            option = max(parameter.opts, key=len)
            words = (*parameter.opts, parameter.metavar or "", getattr(parameter, "help", None) or "")
            yield f"{name} {option}", " ".join(words)


def json_keys():
    """Yield the names in the JSON reference, and the keys that the code writes."""
    names = {*re.findall(r"`(\w+)`", read("reference/json.md"))}
    for path in (PACKAGE / "api").glob("serialize*.py"):
        dicts = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Dict))
        names |= {key.value for node in dicts for key in node.keys if isinstance(key, ast.Constant)}
    return ((f"JSON {name}", name) for name in sorted(names))


def settings():
    """Yield the names of all settings and environment variables."""
    sources = [path.read_text() for pattern in ("*.py", "*.sh") for path in PACKAGE.rglob(pattern)]
    variables = {name for text in sources for name in re.findall(r"\bORGLAB_\w+", text)}
    for name in (*dict(settings_of(Config, "")), *sorted(variables)):
        yield name, name.replace(".", " ")


def python_names():
    """Yield the public names of the package, of `Log`, and of the values that its methods return, with arguments."""
    public = {getattr(orglab, name) for name in orglab.__all__} - {orglab.__version__}
    for value in public | values_of_methods():
        members = {name: getattr(value, name) for name in dir(value)} | getattr(value, "__annotations__", {})
        for name, member in {value.__name__: value, **members}.items():
            if not name.startswith("_"):
                arguments = inspect.signature(member).parameters if inspect.isfunction(member) else ()
                yield f"{value.__name__}.{name}", " ".join((name, *arguments))


def values_of_methods():
    """Return the classes that are named in what public functions of the API return."""
    values = set()
    for parts, path in modules():
        if parts[0] == "api":
            nodes = [*ast.walk(ast.parse(path.read_text()))]
            homes = {
                name.name: node.module for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names
            }
            homes |= {node.name: f"orglab.{'.'.join(parts)}" for node in nodes if isinstance(node, ast.ClassDef)}
            functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
            returned = {name for node in functions for name in re.findall(r"\w+", ast.unparse(node.returns))}
            values |= {getattr(import_module(homes[name]), name) for name in returned & homes.keys()}
    return {value for value in values if isinstance(value, type) and value.__module__.startswith("orglab")}


PLACES = [*help_texts(), *json_keys(), *settings(), *{*python_names()}]


def test_one_thing_has_one_word():
    assert {place: word for place, word in find_other_words(PLACES) if place not in ALLOWED} == {}


def test_every_exception_is_needed():
    assert ALLOWED.keys() - dict(find_other_words(PLACES)).keys() == set()


@pytest.mark.parametrize("name", ["logbook", "all_boxes", "--mended", "RunCache", "the timeline of a step"])
def test_another_word_is_found(name):
    assert len([*find_other_words([("here", name)])]) == 1


def test_the_glossary_has_these_words_and_each_is_used():
    rows = re.findall(r"^\| ([a-z, ]+) \|", read("glossary.md"), re.MULTILINE)
    nouns = {noun for row in rows for noun in row.split(", ")} - {"word"}
    assert OTHER_WORDS.keys() - nouns == {"fix", "remove"}
    pages = [page.read_text("utf-8") for page in PAGES if page != DOCS / "glossary.md"]
    texts = words_of(" ".join([*(text for _, text in PLACES), *pages]))
    assert {noun for noun in nouns if not re.search(rf"\b{noun}s?\b", texts, re.IGNORECASE)} == set()
