"""Links that lead out of a repository: those that git tracks are not followed, those of the user are."""

import ast
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

import orglab as orglab_package
from commands import Orglab
from conftest import Repository
from lab import NAME
from lab import orglab as process
from orglab.git import find_repository
from orglab.git.inside import find_tracked_link


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository beside a folder with private files."""
    (tmp_path / "home").mkdir()
    Repository(tmp_path).git("init", "--quiet", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    return Repository(tmp_path / "clone")


def link(clone, name, target, *, tracked=True):
    (clone.path / name).parent.mkdir(exist_ok=True)
    (clone.path / name).symlink_to(target)
    if tracked:
        clone.git("add", "-f", name)


def find(clone, name):
    found = find_tracked_link(find_repository(clone.path), clone.path / name)
    return found and os.path.relpath(found, clone.path)


def test_each_form_of_a_tracked_link_is_found(clone):
    link(clone, "log.org", "../home/log.org")
    link(clone, "lab", "../home")
    link(clone, "config", ".git/config")
    link(clone, "sub/chain", "../lab")
    link(clone, "mine", "lab", tracked=False)
    assert find(clone, "log.org") == "log.org"
    assert find(clone, "lab/x/y.org") == "lab"
    assert find(clone, "config") == "config"
    assert find(clone, "sub/chain/x.org") == "sub/chain"
    assert find(clone, "mine/x.org") == "lab"
    assert find(clone, "sub/../lab/x.org") == "lab"


def test_files_and_links_of_the_user_are_not_found(clone):
    clone.write("results/old.txt", "")
    clone.git("add", "results")
    (clone.path / "results/old.txt").unlink()
    (clone.path / "results").rmdir()
    link(clone, "results", "../home", tracked=False)
    link(clone, "mine.org", "../home/x.org", tracked=False)
    link(clone, "within", "results/old.txt")
    assert [find(clone, name) for name in ("mine.org", "results/old.txt", "new/x.org", "../home/x.org")] == [None] * 4
    assert find(clone, "within") == "within"


def test_a_log_that_is_a_tracked_link_is_neither_written_nor_read(clone, capsys, tmp_path):
    target = tmp_path / "home/.bashrc"
    target.write_text("* [7] Private :exp:\n")
    link(clone, NAME, "../home/.bashrc")
    orglab = Orglab(capsys)
    for arguments, code in ((("new", "A"), 4), (("list",), 3), (("note", "7", "x"), 3), (("show", "7"), 3)):
        said = orglab(*arguments, code=code)
        assert "git tracks and that leads out of the repository" in said.err
        assert "Private" not in said.out
        assert not list((clone.path / ".git/orglab").rglob("texts/*"))
    assert target.read_text() == "* [7] Private :exp:\n"


def test_a_log_that_becomes_a_tracked_link_is_not_kept_in_place_of_its_last_text(clone, capsys, tmp_path):
    (tmp_path / "home/.bashrc").write_text("alias\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A thought")
    (clone.path / NAME).unlink()
    link(clone, NAME, "../home/.bashrc")
    orglab("runs")
    kept = b"".join(path.read_bytes() for path in (clone.path / ".git/orglab/texts").iterdir())
    assert b"A thought" in kept
    assert b"alias" not in kept


def test_a_log_that_is_a_link_of_the_user_is_written(clone, capsys, tmp_path):
    target = tmp_path / "home/log.org"
    target.write_text("")
    link(clone, NAME, target, tracked=False)
    Orglab(capsys)("new", "Mine")
    assert "Mine" in target.read_text()


@pytest.mark.parametrize("name", ["journal.org", ".gitattributes"])
def test_files_beside_the_log_are_not_written_through_a_tracked_link(clone, capsys, tmp_path, name):
    target = tmp_path / "home/file.org"
    target.write_text("* 2018\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    if name == ".gitattributes":
        (clone.path / name).unlink(missing_ok=True)
        clone.git("config", "--unset", "merge.orglab.driver", check=False)
    link(clone, name, "../home/file.org")
    command = ("journal", "A thought") if name == "journal.org" else ("init",)
    said = orglab(*command, code=4)
    assert f"{name} is a link that git tracks" in said.err
    assert target.read_text() == "* 2018\n"


def test_a_report_is_not_written_through_a_tracked_link(clone, capsys, tmp_path):
    (tmp_path / "home/.bashrc").write_text("alias\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "A")
    link(clone, "r.html", "../home/.bashrc")
    link(clone, "w.md-files", "../home")
    link(clone, "own.html", "../home/own.html", tracked=False)
    assert "r.html is a link that git tracks" in orglab("report", "-o", "r.html", code=4).err
    assert "w.md-files is a link that git tracks" in orglab("report", "-o", "w.md", code=4).err
    orglab("report", "-o", "own.html")
    assert sorted(path.name for path in Path(tmp_path / "home").iterdir()) == [".bashrc", "own.html"]
    assert (tmp_path / "home/.bashrc").read_text() == "alias\n"


# ---- reading: what is outside is neither in the clone nor in what is printed ----

PRIVATE = "ours and private"
TOUCH = ("sh", "-c", "touch ../home/folder/*")
CASES = {
    "configuration": ("settings.json", json.dumps({"name": PRIVATE}), ("run", "1.1", "--", "true", "settings.json")),
    "lock file": ("requirements.txt", PRIVATE, ("run", "1.1", "--", "true")),
    "metrics": ("m.json", json.dumps({PRIVATE: 7}), ("run", "1.1", "--metrics", "m.json", "--", "touch", "-h", "m.json")),
    "results": ("out", None, ("run", "1.1", "--results", "out", "--", *TOUCH)),
    "pattern": ("res/x", None, ("run", "1.1", "--", *TOUCH)),
    "hydra": (".hydra/config.yaml", f"name: {PRIVATE}\n", ("run", "1.1", "--", "sh", "-c", "touch -h .hydra/config.yaml", "hydra.x=1")),
    "named folder": ("data", None, ("run", "1.1", "--", *TOUCH, "data")),
}  # fmt: skip


def read_all(folder):
    """Return the content of all files in a git directory, except packs, and of all objects."""
    texts = [path.read_bytes() for path in (folder / ".git/orglab").rglob("*") if path.is_file()]
    command = ["git", "cat-file", "--batch", "--batch-all-objects"]
    texts.append(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)
    return b"".join(texts).decode(errors="replace")


def plant(clone, tmp_path, name, content):
    """Make a tracked link to a private file, or to a private folder; return the digests of what is there."""
    target = tmp_path / "home/target" if content is not None else tmp_path / "home/folder"
    if content is not None:
        target.write_text(content)
    else:
        target.mkdir()
        (target / "file.json").write_text(json.dumps({PRIVATE: 7}))
    link(clone, name, target)
    clone.git("commit", "-qm", "link")
    files = [target] if content is not None else [*target.iterdir()]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


@pytest.mark.parametrize("case", CASES)
def test_a_run_records_nothing_of_what_a_tracked_link_leads_to(clone, capsys, tmp_path, case):
    name, content, command = CASES[case]
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    clone.write("orglab.toml", '[run]\nresults = ["res/*"]\n')
    digests = plant(clone, tmp_path, name, content)
    said = orglab(*command)
    known = read_all(clone.path) + said.out + said.err
    assert [text for text in (PRIVATE, "file.json", *digests) if text in known] == []
    if case in ("metrics", "results"):
        assert "link that git tracks" in said.err


@pytest.mark.parametrize("case", ["configuration", "lock file", "metrics", "results"])
def test_a_run_records_what_a_link_of_the_user_leads_to(clone, capsys, tmp_path, case):
    name, content, command = CASES[case]
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    digests = plant(clone, tmp_path, name, content)
    clone.git("rm", "--cached", "-q", name)
    orglab(*command)
    assert any(text in read_all(clone.path) for text in (PRIVATE, *digests))


def test_a_journal_that_is_a_tracked_link_is_not_read(clone, capsys, tmp_path):
    (tmp_path / "home/target").write_text(f"* 2018\n** 2018-06 June\n*** 2018-06-06 Wednesday\n**** {PRIVATE} [1]\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First")
    link(clone, "journal.org", "../home/target")
    for command in (
        ("search", "private"),
        ("search", "--json", "private"),
        ("refs", "1"),
        ("report", "--since", "2000-01-01"),
    ):
        said = orglab(*command)
        assert PRIVATE not in said.out + said.err
    assert PRIVATE not in read_all(clone.path)


def test_hooks_are_not_installed_in_the_repository_that_a_tracked_link_leads_to(clone, capsys, tmp_path):
    other = Repository(tmp_path / "home")
    other.git("init", "--quiet")
    other.write(NAME, "* [1] Private :exp:\n")
    link(clone, NAME, f"../home/{NAME}")
    before = sorted(other.path.rglob("*"))
    orglab = Orglab(capsys)
    for arguments in ((), ("--remove",), ("--status",)):
        assert "is a link that git tracks" in orglab("setup", "git", *arguments, code=4).err
    assert sorted(other.path.rglob("*")) == before


def test_an_archive_in_another_repository_is_not_kept_through_a_tracked_link(clone, capsys, tmp_path):
    other = Repository(tmp_path / "home")
    other.git("init", "--quiet")
    other.write("old.org", PRIVATE)
    orglab = Orglab(capsys)
    orglab("init", "--no-hooks")
    orglab("new", "First")
    link(clone, f"{NAME}_archive", "../home/old.org")
    orglab("note", "1", "more")
    orglab("commit")
    assert (other.path / "old.org").stat().st_nlink == 1
    assert PRIVATE not in read_all(clone.path)


def test_why_does_not_open_what_a_tracked_link_leads_to(clone, capsys, tmp_path):
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    (tmp_path / "home/folder").mkdir()
    (tmp_path / "home/folder/file").write_text("same")
    orglab("run", "1.1", "--results", "same", "--", "sh", "-c", "printf same > same")
    link(clone, "folder", "../home/folder")
    assert "link that git tracks" in orglab("why", "folder/file:99", code=3).err
    assert "wrote this file" not in orglab("why", "folder/file").out


def test_settings_and_templates_are_not_read_through_a_tracked_link(clone, capsys, tmp_path):
    (tmp_path / "home/pyproject.toml").write_text(f'[tool.orglab]\nkeywords = "{PRIVATE}\\n"\n')
    (tmp_path / "home/t.txt.j2").write_text(PRIVATE)
    (tmp_path / "home/old.md").write_text(PRIVATE)
    for name in ("pyproject.toml", "t.txt.j2", "old.md"):
        link(clone, name, f"../home/{name}")
    orglab = Orglab(capsys)
    said = [
        orglab("init", "--tracked", "--no-hooks"),
        orglab("new", "First"),
        orglab("report", "--template", "t.txt.j2", code=2),
        orglab("report", "--check", "old.md", code=3),
    ]
    assert not any(PRIVATE in one.out + one.err for one in said)


# ---- pipes, and files that claim odd things ----


def test_a_reflog_that_is_a_pipe_is_not_waited_for(clone, capsys):
    orglab = Orglab(capsys)
    orglab("init", "--no-hooks")
    orglab("new", "First")
    (clone.path / ".git/logs").mkdir(exist_ok=True)
    os.mkfifo(clone.path / ".git/logs/HEAD")
    text = (clone.path / NAME).read_text()
    (clone.path / NAME).unlink()
    clone.write(NAME, text.replace("First", "Second"))
    assert process("list", cwd=clone.path).code == 0


LIST = "r.md-files/.orglab-report.json"
LISTS = [
    "[" * 100_000,
    json.dumps({"a\0b": "x", "\ud800": "x", "..": "", "file": ""}),
    "pipe",
    "{}" + " " * (1 << 21),
    "5",
]


@pytest.mark.parametrize("content", LISTS, ids=["deep", "names", "pipe", "large", "number"])
def test_the_list_of_the_files_of_a_report_may_be_anything(clone, capsys, content):
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First")
    clone.write(LIST, content).with_name("file").symlink_to("../r.md")
    if content == "pipe":
        (clone.path / LIST).unlink()
        os.mkfifo(clone.path / LIST)
    assert process("report", "--since", "2000-01-01", "-o", "r.md", cwd=clone.path).code == 0
    assert (clone.path / "r.md-files/file").is_symlink()


def test_what_a_script_leaves_in_its_folder_is_not_read_through_a_link(clone, capsys, tmp_path):
    orglab = Orglab(capsys)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one")
    (tmp_path / "home/target").write_text(json.dumps({"name": PRIVATE}))
    for name in ("parameters", "secrets"):
        orglab("run", "1.1", "--", "sh", "-c", f"ln -s {tmp_path}/home/target $ORGLAB_OUT/orglab-{name}.json")
    records = [path.read_text() for path in clone.path.glob(".git/orglab/runs/*/record.jsonl")]
    assert len(records) == 2
    assert not any(PRIVATE in text for text in records)


# ---- nothing else opens files ----

OPENERS = {"open", "read_bytes", "read_text", "glob", "iglob", "rglob", "scandir", "listdir", "iterdir"}
OPENERS |= {"copy2", "copyfile", "copytree"}
ALLOWED = {
    "the functions that all others use": "git.inside git.path_pattern git.private_files config lock",
    "files in the git directory, or private folders": (
        "git.hook_install git.log_branch git.process git.reachability git.repository git.repository_check git.rewrites.rewrite_map git.scratch "
        "git.snapshot git.versions git.worktree log.active_step log.apart log.known_ids log.text_guard runs.detached runs.launch "
        "runs.migration runs.pruning runs.record_lines runs.record_writer runs.script_run runs.secret_stream runs.state_key runs.storage "
        "runs.sweeps.presence runs.sweeps.sweep runs.sweeps.tasks runs.sweeps.worker "
        "report.formats.assets search.freshness search.location search.store api.status api.log_snapshot"
    ),
    "the log and its files, after `require_inside`": "log.file log.log log.kept_text log.log_commit log.move",
    "files that git names, without following links": "git.untracked history.references",
    "files of which only names are told": "api.setup",
    "files that git or the user names": (
        "cli.man_pages cli.shell_setup hooks.message_hooks log.merge.driver report.formats.template_process runs.sweeps.sweep_versions"
    ),
    "pictures, after `is_outside`": "report.formats.pictures",
    "the Python that the command starts, and the system": (
        "mcp.wire runs.child runs.ending runs.environment runs.processes runs.source_folders"
    ),
    "the metadata of installed packages": "extras runs.sources.installed",
    "files that come with orglab, and that it has just made": "web.static_pages web.pages.report_page __main__ cli.agent_setup cli.editor_setup report.formats.docx_parts report.formats.to_html report.formats.to_pdf search.similar.lexicon",
    "through `open_inside`": "log.link_targets runs.metrics.reading",
    "after `is_below`": "runs.code_tree",
}  # fmt: skip


def opens_files(path):
    """Return whether a module calls a function that opens or lists files."""
    for node in ast.walk(ast.parse(path.read_text())):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id == "open":
            return True
        if isinstance(called, ast.Attribute) and (
            called.attr in OPENERS or (called.attr == "walk" and ast.unparse(called.value) == "os")
        ):
            return True
    return False


def test_only_these_modules_open_files_by_themselves():
    top = Path(orglab_package.__file__).parent
    found = {".".join(path.relative_to(top).with_suffix("").parts) for path in top.rglob("*.py") if opens_files(path)}
    assert found == set(" ".join(ALLOWED.values()).split())
