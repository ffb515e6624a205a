"""What tells coding agents to use orglab: a skill file, and a marked block in AGENTS.md and CLAUDE.md."""

import contextlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from orglab.errors import NotWritableError
from orglab.git import Repository
from orglab.git.inside import read_inside

SKILL = Path(".agents", "skills", "orglab", "SKILL.md")
_BEGIN, _END = b"<!-- orglab: begin -->", b"<!-- orglab: end -->"
# Of two beginnings before an end, the second one begins the block.  The line end before it is as the one after.
_BLOCK = re.compile(
    rb"(?:\n?%b\n|(?:\r\n)?%b\r\n)(?:(?!%b).)*?%b\r?\n" % (_BEGIN, _BEGIN, _BEGIN, _END), re.DOTALL
)  # fmt: skip
_LINES = f"""\
This project keeps an experiment log with orglab. Run `orglab brief` before you plan.
Begin an idea with `orglab new --gate`, run what trains or measures with `orglab run`, end with `orglab conclude`.
The skill in `{SKILL.as_posix()}` says which command to use when.
""".encode()
_SEAL = re.compile(rb"<!-- orglab setup agent: ([0-9a-f]{8}) -->\n\Z")


def install(top: Path, repository: Repository | None) -> list[Path]:
    """Write the skill file, and add the block to AGENTS.md, and to CLAUDE.md if there is one; return what changed.

    Every other byte of the files stays as it is.

    Args:
        top: The folder of the files.
        repository: The repository; None without git.

    Raises:
        NotWritableError: A file cannot be written, or the skill file was changed by hand; nothing is written then.
    """
    skill, block = _read_skill(top, repository), _BEGIN + b"\n" + _LINES + _END + b"\n"
    changes = [(top / SKILL, skill, _with_line_ends(_seal(_read_own_skill()), skill))]
    for path in _list_pages(top):
        before = _read(path, repository)
        others = _BLOCK.sub(b"", before)
        # The empty line is part of the block, so that `remove` restores every byte.
        block_here = _with_line_ends(b"\n" + block if others else block, others or before)
        changes.append((path, before, others + block_here))
    return [*_write(changes)]


def remove(top: Path, repository: Repository | None) -> list[Path]:
    """Remove what `install` wrote, and files that are empty then; return what changed.

    Raises:
        NotWritableError: A file cannot be written, or the skill file was changed by hand; nothing is written then.
    """
    changes = [(top / SKILL, _read_skill(top, repository), b"")]
    for path in _list_pages(top):
        before = _read(path, repository)
        changes.append((path, before, _BLOCK.sub(b"", before)))
    return [*_write(changes)]


def _list_pages(top: Path) -> list[Path]:
    """Return AGENTS.md, and CLAUDE.md if it is a file of its own."""
    agents, claude = top / "AGENTS.md", top / "CLAUDE.md"
    return [agents, claude] if claude.exists() and not (agents.exists() and claude.samefile(agents)) else [agents]


def _with_line_ends(text: bytes, model: bytes) -> bytes:
    """Return a text with the line ends that most lines of a model have."""
    return text.replace(b"\n", b"\r\n") if 2 * model.count(b"\r\n") > model.count(b"\n") else text


def _read_own_skill() -> bytes:
    return Path(__file__).with_name("agent_skill.md").read_bytes()


def _seal(text: bytes) -> bytes:
    """Return a text with a last line that tells whether somebody has changed it."""
    return text + f"\n<!-- orglab setup agent: {zlib.crc32(text):08x} -->\n".encode()


def _read_skill(top: Path, repository: Repository | None) -> bytes:
    """Return the skill file that is there, empty if there is none.

    Raises:
        NotWritableError: It was changed by hand, or cannot be read.
    """
    text = _read(top / SKILL, repository)
    lines = text.replace(b"\r\n", b"\n")  # git may have checked it out so
    match = _SEAL.search(lines)
    if text and (match is None or lines != _seal(lines[: match.start() - 1])):
        raise NotWritableError(f"{SKILL} was changed by hand; move it away, or keep it as it is.")
    return text


def _read(path: Path, repository: Repository | None) -> bytes:
    try:
        return read_inside(repository, path)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise NotWritableError(f"{path} cannot be read: {error.strerror}.") from error


def _write(changes: list[tuple[Path, bytes, bytes]]) -> Iterator[Path]:
    """Write files that change, in place, so that a link stays one; an empty one is removed. Yield those files."""
    for path, before, after in changes:
        if before == after:
            continue
        try:
            if after:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(after)
            elif path.exists():
                path.unlink()
                _remove_empty_folders(path.parent)
        except OSError as error:
            raise NotWritableError(f"{path} cannot be written: {error.strerror}.") from error
        yield path


def _remove_empty_folders(folder: Path) -> None:
    """Remove the folders of the skill file that are empty now."""
    with contextlib.suppress(OSError):  # a folder that is not empty
        while folder.name in SKILL.parts:
            folder.rmdir()
            folder = folder.parent
