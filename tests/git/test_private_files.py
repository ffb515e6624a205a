"""Files of orglab's own: nothing that somebody else put in their place leads elsewhere, blocks or breaks a command."""

import os
import shutil

import pytest

from commands import Orglab
from lab import orglab as process
from orglab.cli.main import run
from orglab.git.private_files import LARGEST, PrivateFolder

DEEP = b"[" * 100_000
OWN = (
    "active", "writer", "kept-main", "merging", "forgotten-merges", "ids", "rewrites", "last_report.json", "names",
    "said", "initial", "left-out", "pending", "losses/untold",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "git").mkdir()
    return PrivateFolder(tmp_path / "git", "orglab", "texts")


@pytest.fixture
def outside(tmp_path_factory):
    """A folder of the user with a file."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "private").write_text("secret\n")
    return folder


def put(path, kind, outside):
    """Put something in the place of a file."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            (path / "x").mkdir(parents=True)
        case "link":
            path.symlink_to(outside / "private")
        case "dangling link":
            path.symlink_to(outside / "new")
        case bytes():
            path.write_bytes(kind)


def read_all(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_written_read_and_removed(folder):
    assert folder.read("a") is None
    assert folder.list_names() == []
    folder.write("a", b"one\n")
    folder.append("a", b"two")
    folder.append("a", b"three\n")
    assert folder.read("a") == b"one\ntwo\nthree\n"
    folder.touch("b")
    folder.write("c", b"", 0o755)
    assert (folder.path / "c").stat().st_mode & 0o777 == 0o755
    folder.unlink("b")
    folder.unlink("b")
    assert folder.list_names() == ["a", "c"]
    assert folder.read("a", 3) is None


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "dangling link"])
def test_only_regular_files_are_opened(folder, outside, kind):
    put(folder.path / "a", kind, outside)
    assert folder.read("a") is None
    assert folder.stat("a") is None
    for change in (lambda: folder.append("a", b"x"), lambda: folder.touch("a")):
        with pytest.raises(OSError, match=r"link is not followed|not a regular file|Is a directory"):
            change()
    if kind != "folder":
        folder.write("a", b"mine")
        assert folder.read("a") == b"mine"
    assert read_all(outside) == {(outside / "private").relative_to(outside): b"secret\n"}


@pytest.mark.parametrize("link", ["orglab", "orglab/texts"])
def test_no_folder_is_entered_through_a_link(folder, outside, link):
    (outside / "texts").mkdir()
    for place in (outside, outside / "texts"):
        (place / "a").write_text("private")
    path = folder.path.parents[1] / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside)
    before = read_all(outside)
    assert (folder.read("a"), folder.stat("a"), folder.list_names()) == (None, None, [])
    folder.unlink("a")
    for change in (
        folder.make,
        lambda: folder.write("a", b"x"),
        lambda: folder.append("a", b"x"),
        lambda: folder.touch("b"),
        lambda: folder.link(outside / "private", "b"),
    ):
        with pytest.raises(OSError, match="A symbolic link is not followed"):
            change()
    assert read_all(outside) == before


def test_a_file_that_is_too_large_is_not_read(folder):
    folder.touch("a")
    os.truncate(folder.path / "a", LARGEST + 1)
    assert folder.read("a") is None


def test_a_second_name_is_given_or_copied_and_leaves_nothing_behind(folder, tmp_path):
    (tmp_path / "text").write_text("text")
    folder.link(tmp_path / "text", "a")
    folder.link(tmp_path / "text", "a")
    assert (folder.path / "a").samefile(tmp_path / "text")
    assert folder.list_names() == ["a"]


def test_what_a_killed_process_left_is_removed_after_an_hour(folder):
    folder.make()
    left = [folder.path / f".a.{digit * 16}.new" for digit in "01"]
    other = folder.path / ".a.new"
    for path in (*left, other):
        path.touch()
    for path in (left[0], other):
        os.utime(path, (0, 0))
    folder.remove_leftovers()
    assert folder.list_names() == sorted([left[1].name, other.name])


@pytest.fixture
def orglab(capsys, repo):
    """A repository that has almost all files of orglab's own."""
    orglab = Orglab(capsys)
    repo.git("init", "--quiet", "--bare", ".git/hub.git")
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one", "-s", "two")
    repo.commit("start")
    orglab("run", "1.1", "--", "true")
    orglab("start", "1.2")
    orglab("report", "--since", "2000-01-01", "-o", "r.html")
    orglab("check")
    repo.commit("more")
    return orglab


COMMANDS = (
    ("list",), ("status",), ("check",), ("note", "1", "hi"), ("runs",), ("show", "1.1"), ("new", "Y"),
    ("report", "-o", "q.html"), ("search", "hi"), ("run", "1.1", "--", "true"), ("start", "1"), ("commit",),
    ("sync", ".git/hub.git"),
)  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    ["pipe", "folder", "link", "dangling link", b"a\0b\n\0c\n", b"\xff\xfe\n\xff", DEEP, b"x\n" * 100_000],
    ids=["pipe", "folder", "link", "dangling-link", "nul", "not-utf8", "deep", "lines"],
)
@pytest.mark.usefixtures("orglab")
def test_no_command_follows_waits_or_fails(repo, outside, capsys, kind):
    own = repo.path / ".git/orglab"
    (text,) = (own / "texts").glob("*.seen")
    (made,) = (own / "runs").iterdir()
    commit = repo.git("rev-parse", "HEAD")
    texts = [f"texts/{text.stem}{suffix}" for suffix in ("", ".seen", ".base", ".aside")]
    others = [f"losses/{commit}.json", f"runs/{made.name}/output.log", f"waiting/{made.name}", "waiting/e1.1-00000000"]
    for name in (*OWN, *texts, *others):
        put(own / name, kind, outside)
    for command in COMMANDS:
        code, said = run_both(command, capsys, is_own_process=kind == "pipe")
        assert code in (0, 1, 2, 3, 4), (command, said)
        assert "secret" not in said
    assert read_all(outside) == {(outside / "private").relative_to(outside): b"secret\n"}


def run_both(command, capsys, *, is_own_process=False):
    """Run a command in this process, or in one that can be stopped; return its exit code and its output."""
    if is_own_process:
        done = process(*command)
        return done.code, done.out + done.err
    code = run(list(command))
    return code, "".join(capsys.readouterr())


@pytest.mark.parametrize("name", ["", "runs", "waiting", "texts", "losses"])
@pytest.mark.usefixtures("orglab")
def test_no_command_enters_a_folder_through_a_link(repo, outside, capsys, name):
    own = repo.path / ".git/orglab" / name
    if own.exists():
        own.rename(outside / "own")
    else:
        (outside / "own").mkdir()
    own.symlink_to(outside / "own")
    before = read_all(outside)
    for command in COMMANDS:
        code, said = run_both(command, capsys)
        assert code in range(6), (command, said)
    assert read_all(outside) == before
