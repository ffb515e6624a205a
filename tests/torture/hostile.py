"""Work in repositories of strangers: `hostile.py [--seed S] [--count N] [--only NUMBER] [--jobs N] [--each] [KIND ...]`.

Each trial changes a repository in one way that a stranger could, and runs a command or two of orglab in it. Then
nothing outside has changed, been read into the repository, or been executed; a reading command has changed no file;
and each command has ended in time and memory, with one of its exit codes and without a traceback. A command runs in a fork that
need not import anything, and afterwards only the files that differ are restored, so that a trial takes some 30 ms.

    records    a field of a run's record, or its bytes, in this clone or in a ref of another
    refs       a ref of git with an odd name, or to something odd
    settings   a setting with an odd value
    links      a link from a file or folder of the repository to one outside
    files      a pipe, a folder or odd bytes in place of a file of orglab's own
    config     a setting of git that runs a command
    texts      an odd text in the log: links to pictures, control characters, keywords, markers
    pictures   a picture that claims an odd size
    templates  a template of odd parts
    patterns   a match string of odd parts
    trackers   a damaged file of a tracker, or a pipe, a folder or a link in place of one

Prints each trial that went wrong, and exits with 0 if none did. A trial depends only on the seed and its number.
"""

import argparse
import gc
import hashlib
import importlib
import json
import os
import pkgutil
import random
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from tracker_files import make_secret, put_files

SECRET = "SECRET-OF-THE-USER"  # noqa: S105 - what must not be found elsewhere
SECONDS = 40
MEMORY = 2 << 30  # bytes
CODES = range(6)
SHARE_SIZE = 250  # trials, with a repository of their own
# Any command may write the note of a run that has ended, put the log back, or move records into the git directory
# from the folder in the working tree, where a run writes them if the git directory has no place.
NOTED = "experiment_log.org", "lab/experiment_log.org", ".orglab/"
ID = "20250101-000000-abcd01"
LOG = """\
#+TAGS: [ group : exp nlp ]
* TODO [1] First :exp:
  :PROPERTIES:
  :ID:       1
  :END:
  [2026-11-09 Mon 16:16]
- Odd
** Notes
- [2026-11-11 Wed 10:00] Odd.
** TODO Experiments [0/2]
1. [ ] one
2. [ ] two
** TODO Conclusions
"""
# The commands, and how often each is chosen: the quick ones more often.
READING = {
    "list": 8, "list group": 3, "list --json": 5, "show 1": 4, "show 1 --json": 4, "status": 4, "runs": 6, "refs": 2,
    f"runs show {ID}": 6, "check": 4, "search odd": 3, "tried": 1, "next": 4, "why train.py": 3,
    "why train.py:9": 2, "why res/x/secret.json": 1, f"search {SECRET.lower()}": 1, "mcp": 1,
}  # fmt: skip
WRITING = {
    "note 1 words": 3, "new Second": 1, "mcp --write": 1, "commit": 6, "sync": 3, "journal words": 5, "done 1.1 --no-commit": 3,
    "init --no-hooks": 3, "run 1.1 -- true": 1,
     "setup git --remove": 1, "conclude 1 words": 2, "check --fix": 2, "setup git": 3,
    "report --since 2000-01-01 -o r.html": 2, "report --since 2000-01-01 -o r.md": 2,
    "report --since 2000-01-01 -o r.txt": 3, f"runs rerun {ID}": 1, f"runs rerun {ID} --yes": 2, "runs prune": 5,
    f"runs keep {ID}": 3, f"runs discard {ID} --reset -m no": 3, "run 1.1 --worktree -- true": 1,
}  # fmt: skip
# What a client asks `orglab mcp`: the tools, with arguments, and the methods, with parameters.
CALLS = {
    "list": {}, "next": {}, "show": {"reference": "1"}, "history": {"reference": "1"}, "search": {"text": "odd"},
    "tried": {"text": "odd"}, "why": {"what": "train.py:9"}, "runs": {}, "show_run": {"name": ID},
    "compare_runs": {"name": ID}, "note": {"reference": "1", "text": "words"},
}  # fmt: skip
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
}  # fmt: skip
ASKED = [
    *(("tools/call", {"name": name, "arguments": arguments}) for name, arguments in CALLS.items()),
    ("resources/list", {}), ("resources/read", {"uri": "orglab://e1"}), ("resources/read", {"uri": "orglab://e1.1"}),
]  # fmt: skip
REQUESTS = "".join(
    json.dumps({"jsonrpc": "2.0", "id": name, "method": name, "params": {**params, "_meta": ENVELOPE}}) + "\n"
    for name, params in ASKED
)
# What else a command may change in the working tree, the configuration and the hooks.
CHANGES = {
    "journal": ("journal.org",), "init": (".git/config", ".gitattributes"), "setup": (".git/config", ".git/hooks/", ".gitattributes"),
    "report": ("r.",), "run": ("m.json", "config.json", "logs/"), "sync": ("journal.org",),
}  # fmt: skip
# How often each kind is chosen: a pattern or a template that never ends takes two seconds, and a run takes one.
SHARES = {"templates": 1, "patterns": 1, "pictures": 4, "config": 6, "texts": 8, "trackers": 2}
SHARE = 12  # of the other kinds
VALUES = (
    None, True, 5, -1, 1.5, float("nan"), float("inf"), 10**400, "", "x", "a\0b", "\ud800", "a\n* b", "../../../etc/passwd",
    "--output=F", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", [], [1], [[1]], [{}], {}, {"a": 1},
    {"a": [float("nan")]}, [{"path": 1, "sha256": 2, "size": "x"}], "\u202e\x1b[31m", 1e9, "x" * 5000, ["x" * 5000],
    [{"path": "x" * 5000, "reason": "large", "sha256": "0" * 64, "size": 1}], "a/" * 500, ["**/" * 40, "..", ".git/x"],
    {"API_KEY": "***", "a": "key= ***", "LD_PRELOAD": "x"}, ["***" * 50, "--key", "v", "--key=v"],
)  # fmt: skip
FIELDS = (
    "ref", "argv", "exit_code", "began", "ended", "results", "outputs", "sources", "job", "extremes", "parameters", "seeds",
    "host", "writer", "snapshot", "commit", "environment", "folder", "metrics", "rerun_of", "discarded", "usage", "links",
    "cwd", "left_out", "time_limit", "metrics_files", "why", "exception", "diverged", "secrets", "script_parameters", "before",
    "worktree", "base", "kept", "kept_code", "keep_reason", "taken_back",
)  # fmt: skip
OWN = (
    "active", "apart", "writer", "kept", "merging", "ids", "rewrites", "last_report.json", "names", "pending", "hook",
    "runs", "waiting", "texts", "losses", "worktrees", f"runs/{ID}", f"runs/{ID}/record.jsonl", f"runs/{ID}/output.log",
    f"waiting/{ID}",
)  # fmt: skip
RUN = "run 1.1 --results res --metrics m.json -- touch -h m.json config.json"
# Files of the repository, where a link from each may lead, and the command that could read or write it there.
LINKED = {
    "config.json": ("secret.json", RUN), "requirements.txt": ("secret.txt", RUN), "m.json": ("secret.json", RUN),
    "res": ("folder", RUN), "res/x": ("folder", RUN), "journal.org": ("journal.org", f"search {SECRET.lower()}"),
    "experiment_log.org": ("other/experiment_log.org", "setup git"), "r.md-files": ("folder", "report -o r.md"),
    "experiment_log.org_archive": ("other/experiment_log.org", "note 1 words"), "train.py": ("secret.txt", "why train.py:9"),
}  # fmt: skip
SETTINGS = (
    "log", "journal", "notes", "steps", "conclusions", "keywords", "tag", "tags", "letter", "verdicts", "run.results",
    "run.size_limit", "run.environment", "report.template", "hooks.separate", "metrics.loss", "similar", "unknown",
)  # fmt: skip
TOML = (
    '"../home/.bashrc"', '"/etc/passwd"', '".git/hooks/x"', '"a\\nb"', '"a\\u0000b"', '""', '"$(touch RAN)"', "-1", "9" * 5000,
    "[]", '["../.."]', '["a\\nb"]', "{}", "true", "inf", '"TODO(a | DONE"', '"\\u202e"', '"~/x.txt"', '"~/secret.org"', '"~root/secret.org"', '"folder/secret.org"',
)  # fmt: skip
CONFIG = (
    "core.fsmonitor", "core.hooksPath", "core.sshCommand", "core.editor", "core.pager", "diff.external", "gpg.program",
    "core.gitProxy", "filter.x.clean", "filter.x.smudge", "diff.x.textconv", "merge.x.driver", "credential.helper",
)  # fmt: skip
TEXTS = (
    "[[file:../home/picture.png]]", "[[file:~/picture.png]]", "[[file:link.png]]", "[[file:.git/config]]", "\x1b[31m",
    "\u202e", "<<<<<<< HEAD", "[[file:own.png]]", "*" * 9000, "[[" * 5000, "$\\frac" * 500, "| a " * 500, "\\begin{align}",
    "\0", "\x85\u2028* x", "#+BEGIN_SRC", ":END:", "[fn:1]" * 500,
)  # fmt: skip
PIECES = {
    "templates": ("{% for i in range(99999) %}", "{% endfor %}", "{{ 'x' * 99999999 }}", "{% include 'r.txt.j2' %}",
                  "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "{{ title }}", "{{ ((((1)))) }}", "{{ title|center(9999999999) }}",
                  "{% include '../home/secret.txt' %}", "{{ ().__class__ }}", "{{ '%9999999999d' % 1 }}"),
    "patterns": (r"\(a+\)+", r"\(.*\)*", "a?" * 30, "a*", r"\|", r"\(a", r"\)", r"\1", "[", "]", "[[:alpha:]]+", "$", "^", "b", r"\<"),
}  # fmt: skip


State = tuple[int, int, int, int, int]  # what tells that a file has changed, as git's index does


def list_states(top: Path) -> Iterator[tuple[str, State]]:
    """Give each file, link and folder below a folder, a folder before what it holds."""
    for entry in os.scandir(top):
        status = entry.stat(follow_symlinks=False)
        is_folder = entry.is_dir(follow_symlinks=False)
        changes = (0, 0, 0) if is_folder else (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        yield entry.path, (status.st_mode, 0 if is_folder else status.st_ino, *changes)
        if is_folder:
            yield from list_states(Path(entry.path))


class World:
    """The folder of the trials: a repository, and all around it, which is the user's."""

    def __init__(self, root: Path) -> None:
        """Make the repository and its surroundings."""
        self.root, self.clone, self.home, self.hub = root, root / "clone", root / "home", root / "hub.git"
        self.ran = root / "ran"
        self.likely = ""  # the command that a change is for
        self.home.mkdir(parents=True)
        os.environ.update(
            HOME=str(self.home), XDG_STATE_HOME=str(root / "own"), XDG_CACHE_HOME=str(root / "own"),
            XDG_CONFIG_HOME=str(self.home / ".config"), GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=str(self.home / ".gitconfig"),
        )  # fmt: skip
        (self.home / ".gitconfig").write_text("[user]\nname = T\nemail = t@example.org\n[init]\ndefaultBranch = main\n")
        for name in (".bashrc", "secret.org", "secret.txt", "secret.jsonl", "empty/keep"):
            (self.home / name).parent.mkdir(exist_ok=True)
            (self.home / name).write_text(f"# {SECRET}\n")
        (self.home / "journal.org").write_text(
            f"* 2018\n** 2018-06 June\n*** 2018-06-06 Wednesday\n**** {SECRET} [1]\n"
        )
        (self.home / "secret.db").write_bytes(make_secret(SECRET))
        (self.home / "secret.json").write_text(json.dumps({SECRET: 7}))
        (self.home / "folder").mkdir()
        shutil.copy(self.home / "secret.json", self.home / "folder")
        (self.home / "picture.png").write_bytes(make_png(2, 2) + SECRET.encode())
        self.git("init", "-q", "--template=", str(self.home / "other"), where=root)
        (self.home / "other/experiment_log.org").write_text(f"* [1] {SECRET} :exp:\n")
        self.digests = {
            hashlib.sha256(path.read_bytes()).hexdigest() for path in self.home.rglob("*") if path.is_file()
        }
        self.git("init", "-q", "--template=", "--bare", str(self.hub), where=root)
        self.git("init", "-q", "--template=", str(self.clone), where=root)
        self.write("experiment_log.org", LOG)
        self.write("train.py", "print(1)\n")
        (self.clone / "own.png").write_bytes(make_png(2, 2))
        self.git("remote", "add", "origin", "../hub.git")
        self.git("add", "-A")
        self.git("commit", "-qm", "[e1.1] first")
        self.head = self.git("rev-parse", "HEAD")
        self.write_record({})
        blob = self.git("hash-object", "-w", "--stdin", stdin=b"x")
        tree = self.git("mktree", stdin=f"120000 blob {blob}\texperiment_log.org\n100644 blob {blob}\t..x\n".encode())
        self.objects = (blob, tree, self.git("commit-tree", "-m", "x", tree), self.head)
        for line in ("list", "status"):
            run_command(line.split(), self)
        self.states = {path: state for top in (self.clone, self.hub) for path, state in list_states(top)}
        self.saved = {path: read_entry(path) for path in self.states}
        self.around = self.read_around()

    def git(self, *arguments: str, where: Path | None = None, stdin: bytes = b"") -> str:
        """Return what git prints, or nothing if it fails: a mutation need not succeed."""
        done = subprocess.run(
            ["git", *arguments], cwd=where or self.clone, input=stdin, capture_output=True, check=False
        )
        return done.stdout.decode(errors="replace").strip()

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the repository, in place of whatever is there."""
        path = self.clone / name
        remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))

    def write_record(self, fields: dict[str, object]) -> bytes:
        """Write the record of a run of this clone, and return it."""
        record = {
            "event": "started",
            "ref": "e1.1",
            "argv": ["true"],
            "before": self.head,
            "began": "2026-11-20T10:00:00+00:00",
            "exit_code": 0,
        }
        text = json.dumps({**record, **fields}).replace("Infinity", "1e999") + "\n"
        self.write(f".git/orglab/runs/{ID}/record.jsonl", text)
        return text.encode()

    def restore(self) -> None:
        """Make the repository as it was: only what differs is written."""
        now = {path: state for top in (self.clone, self.hub) for path, state in list_states(top)}
        for path in now.keys() - self.states.keys():
            remove(Path(path))
        for path, state in self.states.items():
            if now.get(path) == state:
                continue
            place, content = Path(path), self.saved[path]
            if content is None:
                if not place.is_dir() or place.is_symlink():
                    remove(place)
                    place.mkdir()
                place.chmod(state[0] & 0o7777)
                continue
            remove(place)
            place.write_bytes(content)
            place.chmod(state[0] & 0o7777)
            status = place.lstat()
            self.states[path] = (state[0], status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def read_around(self) -> dict[str, tuple[int, bytes]]:
        """Return what is outside of the repository, its remote and orglab's own folders."""
        paths = [*self.home.rglob("*"), *(path for path in self.root.iterdir() if path.is_file())]
        return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths}

    def read_files(self) -> dict[str, State]:
        """Return the state of the files of the working tree, the settings of git and its hooks."""
        paths = {path[len(str(self.clone)) + 1 :]: state for path, state in list_states(self.clone)}
        return {
            name: state
            for name, state in paths.items()
            if state[1] and (not name.startswith(".git/") or name.startswith((".git/config", ".git/hooks")))
        }

    def find_secret(self) -> str:
        """Return where in the repository or its remote the content of a file outside is, or nothing."""
        for path, state in ((path, state) for top in (self.clone, self.hub) for path, state in list_states(top)):
            content = None if self.states.get(path) == state else read_entry(path)
            if content is None:
                continue
            if path.endswith(".pack"):
                where = Path(path).parents[2]
                content = self.git("cat-file", "--batch", "--batch-all-objects", where=where).encode()
            elif "/objects/" in path and content[:1] == b"\x78":
                content = zlib.decompressobj().decompress(content)
            if any(text.encode() in content for text in (SECRET, *self.digests)):
                return os.path.relpath(path, self.root)
        return ""


def read_entry(path: str) -> bytes | None:
    """Return the bytes of a file, and nothing of what is no regular file."""
    place = Path(path)
    return place.read_bytes() if place.is_file() and not place.is_symlink() else None


def make_png(width: int, height: int) -> bytes:
    """Return the header of a PNG."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\2\0\0\0\0\0\0\0"


def remove(path: Path) -> None:
    """Remove whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# ---- what a stranger can do; each returns what was done ----


def change_records(world: World, choice: random.Random) -> str:
    """Change fields of a record, or its bytes."""
    fields = {choice.choice(FIELDS): choice.choice(VALUES) for _ in range(choice.randint(1, 3))}
    record = world.write_record(fields)
    if is_cut := choice.random() < 0.3:
        lines = [
            record,
            choice.choice((b"\0", b"\xff{\n", b"[" * 5000 + b"\n", record[:-2] + b"\n", b'{"event": 1}\n', b"5\n")),
        ]
        choice.shuffle(lines)
        cut = choice.randrange(len(record))
        record = b"".join(lines) if choice.random() < 0.5 else record[:cut] + record[cut + choice.randint(1, 9) :]
        world.write(f".git/orglab/runs/{ID}/record.jsonl", record)
    if in_ref := choice.random() < 0.5:
        remove(world.clone / f".git/orglab/runs/{ID}")
        ref = b"commit refs/orglab/records/evil\ncommitter T <t@example.org> 1 +0000\ndata 1\nx\n"
        file = f"M 100644 inline {ID}/record.jsonl\ndata {len(record)}\n".encode()
        world.git("fast-import", "--quiet", stdin=ref + file + record + b"\n")
    return f"{'ref' if in_ref else 'record'} {record[:300] if is_cut else fields!r}"


def change_refs(world: World, choice: random.Random) -> str:
    """Make a ref to something odd."""
    names = (
        "refs/orglab/records/x",
        "refs/orglab/records/a/b",
        "refs/heads/experiment-log",
        "refs/orglab/kept/x",
        "refs/orglab/texts/x",
        "refs/orglab/results/x",
        "refs/heads/-x",
    )
    name, target = choice.choice(names), choice.choice((*world.objects, "f" * 40, "junk", "ref: refs/heads/none"))
    world.write(f".git/{name}", target + "\n")
    return f"{name} = {target}"


def change_settings(world: World, choice: random.Random) -> str:
    """Write settings."""
    text = "".join(f"{choice.choice(SETTINGS)} = {choice.choice(TOML)}\n" for _ in range(choice.randint(1, 2)))
    world.write("orglab.toml", text)
    return text[:200]


def change_links(world: World, choice: random.Random) -> str:
    """Put a link in place of a file or folder."""
    inside = ("experiment_log.org", "journal.org", "experiment_log.org_archive", ".gitattributes", "orglab.toml", "r.html",
              "r.md", "r.md-files", "r.txt.j2", "config.json", "requirements.txt", "m.json", "res", "res/x", "train.py", ".git/info", ".git/orglab", *(f".git/orglab/{name}" for name in OWN))  # fmt: skip
    targets = (
        "secret.org",
        ".bashrc",
        "empty",
        "none",
        ".",
        "journal.org",
        "secret.json",
        "folder",
        "other/experiment_log.org",
    )
    name, target = choice.choice(inside), world.home / choice.choice(targets)
    if choice.random() < 0.3:
        name = choice.choice(list(LINKED))
        target, world.likely = world.home / LINKED[name][0], LINKED[name][1]
    path = world.clone / name
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent.resolve()))
    if name.startswith("res"):
        world.write("orglab.toml", '[run]\nresults = ["res/*", "res/**/*.json"]\n')
    if not name.startswith(".git/"):
        world.git("add", "-A")
        world.git("commit", "-qm", "link")
    return f"{name} -> {path.readlink()}"


def change_files(world: World, choice: random.Random) -> str:
    """Put something odd in place of a file of orglab's own."""
    path = world.clone / ".git/orglab" / choice.choice(OWN)
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = choice.choice(
        ("pipe", "folder", b"", b"a\0b\n", b"\xff\xfe", b"[" * 100_000, b"x\n" * 100_000, b'{"a": 1e999}')
    )
    if kind == "pipe":
        os.mkfifo(path)
    elif isinstance(kind, bytes):
        path.write_bytes(kind)
    else:
        (path / "x").mkdir(parents=True)
    return f"{path.name} = {kind[:20]!r}"


def change_config(world: World, choice: random.Random) -> str:
    """Have git run a command: by its configuration, or that of another git directory in place of it."""
    name = choice.choice(CONFIG)
    world.write(".gitattributes", "* filter=x diff=x merge=x\n")
    kind = choice.choice(("own", "own", "commondir", "bare"))
    if kind == "own":
        world.git("config", name, f"touch {world.ran}; false")
        return name
    folder = world.clone / (".git/other" if kind == "commondir" else "lab")
    folder.mkdir()
    for part in ("objects", "refs", "HEAD"):
        copy = shutil.copytree if (world.clone / ".git" / part).is_dir() else shutil.copy
        copy(world.clone / ".git" / part, folder / part)
    (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n")
    world.git("config", "--file", str(folder / "config"), name, f"touch {world.ran}; false")
    if kind == "commondir":
        world.write(".git/commondir", "other\n")
    else:
        (world.clone / "experiment_log.org").rename(folder / "experiment_log.org")
        world.write("orglab.toml", 'log = "lab/experiment_log.org"\n')
    return f"{kind} {name}"


def change_texts(world: World, choice: random.Random) -> str:
    """Write an odd text into the log."""
    text = choice.choice(TEXTS)
    (world.clone / "link.png").symlink_to("../home/picture.png")
    world.write(
        "experiment_log.org", LOG.replace(choice.choice(("Odd", "First", "TODO", "one", ":exp:")), f"x {text} y")
    )
    return text[:60]


def change_pictures(world: World, choice: random.Random) -> str:
    """Make a picture of an odd size."""
    size = [choice.choice((0, 1, 5000, 2**16, 2**31 - 1, 2**32 - 1)) for _ in range(2)]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" viewBox="0 0 1 {size[1]}"/>'
    gif = b"GIF89a" + struct.pack("<HH", size[0] % 2**16, size[1] % 2**16)
    (world.clone / "own.png").write_bytes(choice.choice((make_png(*size), svg.encode(), gif)))
    world.write("experiment_log.org", LOG.replace("Odd", "[[file:own.png]]"))
    return f"{size}"


def change_templates(world: World, choice: random.Random) -> str:
    """Write a template."""
    text = "".join(choice.choice(PIECES["templates"]) for _ in range(choice.randint(1, 4)))
    world.write("orglab.toml", '[report]\ntemplate = "r.txt.j2"\n')
    world.write("r.txt.j2", text)
    return text


def change_patterns(world: World, choice: random.Random) -> str:
    """Make a group of tags with an odd pattern; `list group` uses it."""
    text = "".join(choice.choice(PIECES["patterns"]) for _ in range(choice.randint(1, 5)))
    log = LOG.replace("exp nlp", f"nlp {{{text}}}").replace(":exp:", f":exp:{'a' * 50}:")
    world.write("experiment_log.org", log)
    return text


def change_trackers(world: World, choice: random.Random) -> str:
    """Put what a tracker wrote, and is damaged, where a run touches it, so that it counts as its own."""
    what, name, names = put_files(world.clone / "logs", world.home, choice)
    if what == "link":
        world.git("add", "-A")
        world.git("commit", "-qm", "link")
    named = choice.choice(("--results logs", f"--metrics logs/{name}"))
    world.likely = f"run 1.1 {named} -- touch -h {' '.join(f'logs/{one}' for one in names)}"
    return f"{what} {name} {named}"


KINDS: dict[str, Callable[[World, random.Random], str]] = {
    name.removeprefix("change_"): function for name, function in list(globals().items()) if name.startswith("change_")
}


# ---- trials ----


def run_command(arguments: list[str], world: World) -> tuple[int | None, bytes]:
    """Return the exit code of a command, None if it took too long, and its output; it runs in a fork, without an import."""
    output = world.root / "own" / "output"
    output.parent.mkdir(exist_ok=True)
    ended, held = os.pipe()  # the fork holds the one end until it exits
    process = os.fork()
    if process == 0:
        os.setsid()
        requests = world.root / "own" / "requests"
        requests.write_text(REQUESTS if arguments[0] == "mcp" else "")
        os.dup2(os.open(requests, os.O_RDONLY), 0)
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        os.chdir(world.clone)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        from orglab.cli.main import run  # noqa: PLC0415 - imported already, by the parent

        code = 99
        try:
            code = run(arguments)
        finally:
            sys.stdout.flush()
            os._exit(code)
    os.close(held)
    is_ended = bool(select.select([ended], [], [], SECONDS)[0])
    os.close(ended)
    if not is_ended:
        os.killpg(process, signal.SIGKILL)
    _process, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status) if is_ended else None, output.read_bytes()


def try_once(world: World, choice: random.Random, kinds: list[str]) -> tuple[str, list[str]]:
    """Return what was changed, and what went wrong then."""
    world.restore()
    world.likely = ""
    if choice.random() < 0.15:  # no command has run here before
        remove(world.clone / ".git/orglab/texts")
    (kind,) = choice.choices(kinds, [SHARES.get(kind, SHARE) for kind in kinds])
    what = f"{kind}: {KINDS[kind](world, choice)}"
    problems = []
    # A command that writes may run what the user has set up in git, such as hooks.
    commands = READING if kind == "config" else READING | WRITING
    lines = choice.choices(list(commands), list(commands.values()), k=choice.choice((1, 1, 2)))
    for line in filter(None, (world.likely, *lines[bool(world.likely) :])):
        before = world.read_files()
        code, output = run_command(line.split(), world)
        command = f"orglab {line}"
        # A rerun has the exit code of its command, which may not be there.
        codes = (*CODES, 126, 127) if "rerun" in line else CODES
        if code not in codes or re.search(rb"Traceback|Internal error", output):
            problems.append(f"{command}: exit code {code}: {output[-200:].decode(errors='replace')}")
        if (around := world.read_around()) != world.around:
            problems.append(f"{command}: changed what is outside")
            world.around = around
        after = world.read_files()
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        changed = {name for name in changed if not name.startswith((*NOTED, *CHANGES.get(line.split()[0], ())))}
        if changed:
            problems.append(f"{command}: changed {', '.join(sorted(changed))}")
        if SECRET.encode() in output:
            problems.append(f"{command}: prints the content of a file outside")
    if where := world.find_secret():
        problems.append(f"the content of a file outside is in {where}")
    return what, problems


def warm_up() -> None:
    """Import all of orglab and run each command in another repository, so that forks find all of it loaded."""
    import orglab  # noqa: PLC0415 - only trials need it
    from orglab.cli.main import run  # noqa: PLC0415 - the same

    for module in pkgutil.walk_packages(orglab.__path__, "orglab."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    with tempfile.TemporaryDirectory(prefix="hostile-") as root:
        world = World(Path(root).resolve())
        os.chdir(world.clone)
        with (world.root / "output").open("w") as output, redirect_stdout(output), redirect_stderr(output):
            for line in (*READING, *WRITING, RUN):
                if not line.startswith("mcp"):  # which takes the standard streams for itself
                    run(line.split())
        os.chdir("/")
    gc.freeze()  # a collection in a fork would copy all that is imported


def try_each(numbers: range, seed: str, kinds: list[str]) -> list[str]:
    """Return what went wrong in the trials of these numbers."""
    found = []
    with tempfile.TemporaryDirectory(prefix="hostile-") as root:
        world = World(Path(root).resolve())
        for number in numbers:
            what, problems = try_once(world, random.Random(f"{seed}-{number}"), kinds)  # noqa: S311 - chosen again
            found += [f"{number}  {what!r}\n    {problem.strip()}\n" for problem in problems]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--only", type=int, help="the number of a single trial")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--each", action="store_true", help="so many trials of each kind, and not of all together")
    options = parser.parse_args(arguments)
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    numbers = range(options.count) if options.only is None else range(options.only, options.only + 1)
    kinds = options.kinds or list(KINDS)
    shares = [
        (numbers[start : start + SHARE_SIZE], together)
        for together in ([[kind] for kind in kinds] if options.each else [kinds])
        for start in range(0, len(numbers), SHARE_SIZE)
    ]
    bad = 0
    with ProcessPoolExecutor(min(options.jobs, len(shares)), initializer=warm_up) as pool:
        for found in [pool.submit(try_each, share, options.seed, together) for share, together in shares]:
            bad += len(found.result())
            print("".join(found.result()), end="", flush=True)
    print(f"hostile: {sum(len(share) for share, _ in shares)} trials, {bad} problems")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
