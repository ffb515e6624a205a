"""A log of a later version of the format: it is read, which is said, and nothing writes it."""

import pytest

from lab import NAME, orglab
from orglab.api import open_log
from orglab.errors import NewerFormatError
from orglab.experiment.format_version import find_newer_mark, require_known_format
from orglab.lsp.buffer_log import BufferLog

NEWER = "#+ORGLAB_FORMAT: 2\n"
SAID = "The log has format 2, and this orglab knows format 1; install a newer one to write it"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", None),
        (b"* [1] A :exp:\n", None),
        (b"#+ORGLAB_FORMAT: 1\n* A\n", None),
        (b"#+TITLE: x\n#+orglab_format: 3\n* A\n", (3, 11)),
        (b"* A\n#+ORGLAB_FORMAT: 2\n", None),
        (b"** About\n#+ORGLAB_FORMAT: 2\n* A\n", None),
        (b"*bold*\n#+ORGLAB_FORMAT: 2\n* A\n", (2, 7)),
        (b"#+ORGLAB_FORMAT: later\n", None),
        (b" text #+ORGLAB_FORMAT: 2\n", None),
    ],
)
def test_the_mark_is_before_the_first_heading(text, found):
    assert find_newer_mark(text) == found


def test_the_error_says_what_to_do():
    with pytest.raises(NewerFormatError, match="install a newer one"):
        require_known_format(NEWER.encode())


@pytest.fixture
def newer(repo):
    """A log of a later version, with what the first one also has."""
    assert orglab("init", cwd=repo.path).code == 0
    assert orglab("new", "A", "-s", "one", cwd=repo.path).code == 0
    path = repo.path / NAME
    path.write_text(NEWER + path.read_text())
    return path


@pytest.mark.parametrize("command", [("list",), ("show", "1"), ("next",), ("status",), ("report",), ("search", "A")])
def test_reading_goes_on_and_says_so(newer, command):
    result = orglab(*command, cwd=newer.parent)
    assert result.code == 0
    assert result.err.count(SAID) == 1
    assert "e1" in result.out or command in (("status",), ("next",))


@pytest.mark.parametrize(
    "command",
    [
        ("note", "1", "x"), ("done", "1.1"), ("step", "1", "two"), ("new", "B"), ("conclude", "1", "C"),
        ("state", "1", "DONE"), ("start", "1.1"), ("check", "--fix"),
    ],
)  # fmt: skip
def test_no_command_writes_it(newer, command):
    before = newer.read_bytes()
    result = orglab(*command, cwd=newer.parent)
    assert newer.read_bytes() == before
    assert result.code == 4
    assert SAID in result.err


def test_a_run_is_recorded_and_its_note_waits(newer):
    before = newer.read_bytes()
    result = orglab("run", "1.1", "--", "true", cwd=newer.parent)
    assert newer.read_bytes() == before
    assert SAID in result.err
    newer.write_bytes(before.replace(NEWER.encode(), b""))
    assert orglab("status", cwd=newer.parent).code == 0
    assert "ran true" in newer.read_text()


def test_an_editor_gets_no_edits_of_it(newer):
    log = BufferLog.of(open_log(newer), newer.read_bytes())
    with pytest.raises(NewerFormatError):
        log.complete_step("1.1")


def test_versions_are_not_merged(newer, repo):
    """Git marks the file as one to merge by hand, and keeps ours."""
    ours = newer.read_text()
    versions = [ours, ours + "\n# ours\n", ours + "\n# theirs\n"]
    names = []
    for number, text in enumerate(versions):
        names.append(f"version-{number}.org")
        (repo.path / names[-1]).write_text(text)
    result = orglab("merge-driver", *names, "7", cwd=repo.path)
    assert result.code not in (0, 6)
    assert (repo.path / names[1]).read_text() == versions[1]
