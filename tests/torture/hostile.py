"""Work in repositories of strangers: `hostile.py [--seed S] [--count N] [--only NUMBER] [KIND ...]`.

Each trial changes a copy of a repository in one way that a stranger could, and runs commands of orglab in it. Then
nothing outside has changed, been read into the repository, or been executed; a reading command has changed no file;
and each command has ended in time, with one of its exit codes and without a traceback.

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

Prints each trial that went wrong, and exits with 0 if none did. A trial depends only on the seed and its number.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SECRET = "SECRET-OF-THE-USER"  # noqa: S105 - what must not be found elsewhere
SECONDS = 40
CODES = range(6)
# Any command may write the note of a run that has ended, or put the log back.
NOTED = {"experiment_log.org"}
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
READING = (
    ["list"], ["list", "group"], ["list", "--json"], ["show", "1"], ["show", "1", "--json"], ["status"], ["runs"], ["refs"],
    ["runs", "show", ID], ["check"], ["search", "odd"], ["tried"], ["next"], ["why", "train.py"],
)  # fmt: skip
WRITING = (
    ["note", "1", "words"], ["new", "Second"], ["commit"], ["sync"], ["journal", "words"], ["done", "1.1", "--no-commit"],
    ["init", "--no-hooks"], ["run", "1.1", "--", "true"], ["conclude", "1", "words"], ["check", "--fix"], ["setup", "git"],
    ["report", "--since", "2000-01-01", "-o", "r.html"], ["report", "--since", "2000-01-01", "-o", "r.md"],
    ["report", "--since", "2000-01-01", "-o", "r.txt"], ["runs", "rerun", ID], ["runs", "prune"],
)  # fmt: skip
VALUES = (
    None, True, 5, -1, 1.5, float("nan"), float("inf"), 10**400, "", "x", "a\0b", "\ud800", "a\n* b", "../../../etc/passwd",
    "--output=F", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", [], [1], [[1]], [{}], {}, {"a": 1},
    {"a": [float("nan")]}, [{"path": 1, "sha256": 2, "size": "x"}], "\u202e\x1b[31m",
)  # fmt: skip
FIELDS = (
    "ref", "argv", "exit_code", "began", "ended", "results", "outputs", "sources", "job", "extremes", "parameters", "seeds",
    "host", "writer", "snapshot", "commit", "environment", "folder", "metrics", "rerun_of", "discarded", "usage", "links",
)  # fmt: skip
OWN = (
    "active", "apart", "writer", "kept", "merging", "ids", "rewrites", "last_report.json", "names", "pending", "hook",
    "runs", "waiting", "texts", "losses", "worktrees", f"runs/{ID}", f"runs/{ID}/record.jsonl", f"runs/{ID}/output.log",
    f"waiting/{ID}",
)  # fmt: skip
SETTINGS = (
    "log", "journal", "notes", "steps", "conclusions", "keywords", "tag", "tags", "letter", "verdicts", "run.results",
    "run.size_limit", "run.environment", "report.template", "hooks.separate", "metrics.loss", "similar", "unknown",
)  # fmt: skip
TOML = (
    '"../home/.bashrc"', '"/etc/passwd"', '".git/hooks/x"', '"a\\nb"', '"a\\u0000b"', '""', '"$(touch RAN)"', "-1", "9" * 5000,
    "[]", '["../.."]', '["a\\nb"]', "{}", "true", "inf", '"TODO(a | DONE"', '"\\u202e"', '"~/x.txt"', '"folder/secret.org"',
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


class World:
    """The folder of the trials: a repository, and all around it, which is the user's."""

    def __init__(self, root: Path) -> None:
        """Make the repository and its surroundings."""
        self.root, self.clone, self.home = root, root / "clone", root / "home"
        self.ran = root / "ran"
        self.home.mkdir()
        os.environ.update(
            HOME=str(self.home), XDG_STATE_HOME=str(root / "own"), XDG_CACHE_HOME=str(root / "own"),
            XDG_CONFIG_HOME=str(self.home / ".config"), GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=str(self.home / ".gitconfig"),
        )  # fmt: skip
        (self.home / ".gitconfig").write_text("[user]\nname = T\nemail = t@example.org\n[init]\ndefaultBranch = main\n")
        for name in (".bashrc", "secret.org", "secret.txt", "secret.jsonl", "empty/keep"):
            (self.home / name).parent.mkdir(exist_ok=True)
            (self.home / name).write_text(f"# {SECRET}\n")
        (self.home / "picture.png").write_bytes(make_png(2, 2) + SECRET.encode())
        self.git("init", "-q", "--template=", "--bare", str(root / "hub.git"), where=root)
        self.git("init", "-q", "--template=", str(self.clone), where=root)
        self.write("experiment_log.org", LOG)
        self.write("train.py", "print(1)\n")
        (self.clone / "own.png").write_bytes(make_png(2, 2))
        self.git("remote", "add", "origin", "../hub.git")
        self.git("add", "-A")
        self.git("commit", "-qm", "[e1.1] first")
        self.write_record({})
        self.saved = root / "saved"
        shutil.copytree(self.clone, self.saved / "clone", symlinks=True)
        shutil.copytree(root / "hub.git", self.saved / "hub.git", symlinks=True)
        self.around = self.read_around()

    def git(self, *arguments: str, where: Path | None = None, stdin: bytes = b"") -> str:
        """Return what git prints, or nothing if it fails: a mutation need not succeed."""
        done = subprocess.run(
            ["git", *arguments], cwd=where or self.clone, input=stdin, capture_output=True, check=False
        )
        return done.stdout.decode(errors="replace").strip()

    def write(self, name: str, text: str) -> None:
        """Write a file of the repository, in place of whatever is there."""
        path = self.clone / name
        remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))

    def write_record(self, fields: dict[str, object], *, in_ref: bool = False) -> None:
        """Write the record of a run, of this clone or in a ref of another one."""
        record = {
            "event": "started",
            "ref": "e1.1",
            "argv": ["true"],
            "began": "2026-11-20T10:00:00+00:00",
            "exit_code": 0,
        }
        text = json.dumps({**record, **fields}).replace("Infinity", "1e999") + "\n"
        if not in_ref:
            self.write(f".git/orglab/runs/{ID}/record.jsonl", text)
            return
        blob = self.git("hash-object", "-w", "--stdin", stdin=text.encode())
        tree = self.git("mktree", stdin=f"100644 blob {blob}\trecord.jsonl\n".encode())
        top = self.git("mktree", stdin=f"040000 tree {tree}\t{ID}\n".encode())
        self.git("update-ref", "refs/orglab/records/evil", self.git("commit-tree", "-m", "x", top))

    def restore(self) -> None:
        """Make the repository as it was."""
        for name in ("clone", "hub.git"):
            remove(self.root / name)
            shutil.copytree(self.saved / name, self.root / name, symlinks=True)

    def read_around(self) -> dict[str, tuple[int, bytes]]:
        """Return what is outside of the repository, its remote and orglab's own folders."""
        paths = [*self.home.rglob("*"), *(path for path in self.root.iterdir() if path.is_file())]
        return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths}

    def read_files(self) -> dict[str, bytes]:
        """Return the files of the working tree, the settings of git and its hooks."""
        paths = [path for path in self.clone.rglob("*") if path.is_file() and not path.is_symlink()]
        shown = {str(path.relative_to(self.clone)): path for path in paths}
        return {
            name: path.read_bytes()
            for name, path in shown.items()
            if not name.startswith(".git/") or name.startswith((".git/config", ".git/hooks"))
        }

    def find_secret(self) -> str:
        """Return where in the repository or its remote the content of a file outside is, or nothing."""
        for name, content in self.read_files().items():
            if SECRET.encode() in content:
                return name
        for where in (self.clone, self.root / "hub.git"):
            if SECRET in self.git("cat-file", "--batch", "--batch-all-objects", where=where):
                return f"an object of {where.name}"
        return ""


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
    """Change a field of a record."""
    fields = {choice.choice(FIELDS): choice.choice(VALUES) for _ in range(choice.randint(1, 3))}
    in_ref = choice.random() < 0.5
    world.write_record(fields, in_ref=in_ref)
    return f"{'ref' if in_ref else 'record'} {fields!r}"


def change_refs(world: World, choice: random.Random) -> str:
    """Make a ref to something odd."""
    names = (
        "refs/orglab/records/x",
        "refs/orglab/records/a/b",
        "refs/heads/experiment-log",
        "refs/orglab/kept/x",
        "refs/heads/-x",
    )
    blob = world.git("hash-object", "-w", "--stdin", stdin=b"x")
    tree = world.git("mktree", stdin=f"120000 blob {blob}\texperiment_log.org\n100644 blob {blob}\t..x\n".encode())
    targets = (blob, tree, world.git("commit-tree", "-m", "x", tree), "f" * 40, world.git("rev-parse", "HEAD"), "junk")
    name, target = choice.choice(names), choice.choice(targets)
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
              "r.md", "r.md-files", "r.txt.j2", ".git/info", ".git/orglab", *(f".git/orglab/{name}" for name in OWN))  # fmt: skip
    name, target = choice.choice(inside), world.home / choice.choice(("secret.org", ".bashrc", "empty", "none", "."))
    path = world.clone / name
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent.resolve()))
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
    """Have git run a command."""
    name = choice.choice(CONFIG)
    world.git("config", name, f"touch {world.ran}; false")
    world.write(".gitattributes", "* filter=x diff=x merge=x\n")
    return name


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


KINDS: dict[str, Callable[[World, random.Random], str]] = {
    name.removeprefix("change_"): function for name, function in list(globals().items()) if name.startswith("change_")
}


# ---- trials ----


def run_command(arguments: list[str], world: World) -> tuple[int | None, bytes]:
    """Return the exit code of a command, None if it took too long, and its output; it runs in a fork, without an import."""
    output = world.root / "own" / "output"
    output.parent.mkdir(exist_ok=True)
    process = os.fork()
    if process == 0:
        os.setsid()
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.chdir(world.clone)
        from orglab.cli.main import run  # noqa: PLC0415 - imported already, by the parent

        code = 99
        try:
            code = run(arguments)
        finally:
            sys.stdout.flush()
            os._exit(code)
    ended = time.monotonic() + SECONDS
    while time.monotonic() < ended:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), output.read_bytes()
        time.sleep(0.005)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None, output.read_bytes()


def try_once(world: World, choice: random.Random, kinds: list[str]) -> tuple[str, list[str]]:
    """Return what was changed, and what went wrong then."""
    world.restore()
    kind = choice.choice(kinds)
    what = f"{kind}: {KINDS[kind](world, choice)}"
    problems = []
    # A command that writes may run what the user has set up in git, such as hooks.
    for arguments in (choice.choice(READING), choice.choice(READING if kind == "config" else WRITING)):
        before = world.read_files()
        code, output = run_command(arguments, world)
        name = f"orglab {' '.join(arguments)}"
        if code not in CODES or re.search(rb"Traceback|Internal error", output):
            problems.append(f"{name}: exit code {code}: {output[-200:].decode(errors='replace')}")
        if world.read_around() != world.around:
            problems.append(f"{name}: changed what is outside")
            world.around = world.read_around()
        changed = {each for each, content in world.read_files().items() if before.get(each) != content} - NOTED
        if arguments in READING and changed:
            problems.append(f"{name}: changed {', '.join(sorted(changed))}")
        if SECRET.encode() in output:
            problems.append(f"{name}: prints the content of a file outside")
    if where := world.find_secret():
        problems.append(f"the content of a file outside is in {where}")
    return what, problems


def main(arguments: list[str] | None = None) -> int:
    """Run the trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--only", type=int, help="the number of a single trial")
    options = parser.parse_args(arguments)
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    import orglab.api  # noqa: PLC0415 - the forks need not import it
    import orglab.cli.main  # noqa: F401, PLC0415 - the same

    bad = 0
    with tempfile.TemporaryDirectory(prefix="hostile-") as root:
        world = World(Path(root).resolve())
        for number in range(options.count) if options.only is None else [options.only]:
            what, problems = try_once(world, random.Random(f"{options.seed}-{number}"), options.kinds or list(KINDS))  # noqa: S311 - chosen again
            bad += bool(problems)
            for problem in problems:
                print(f"{number}  {what!r}\n    {problem.strip()}", flush=True)
    print(f"hostile: {options.count if options.only is None else 1} trials, {bad} went wrong")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
