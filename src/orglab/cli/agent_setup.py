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
_BEGIN, _END = b"<!-- orglab: begin -->\n", b"<!-- orglab: end -->\n"
# Of two beginnings before an end, the second one begins the block.
_BLOCK = re.compile(rb"\n?%b(?:(?!%b).)*?%b" % (re.escape(_BEGIN), re.escape(_BEGIN), re.escape(_END)), re.DOTALL)
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
    skill, block = _seal(_read_own_skill()), _BEGIN + _LINES + _END
    changes = [(top / SKILL, _read_skill(top, repository), skill)]
    for path in _list_pages(top):
        before = _read(path, repository)
        others = _BLOCK.sub(b"", before)
        # The empty line is part of the block, so that `remove` restores every byte.
        changes.append((path, before, others + b"\n" + block if others else block))
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
    match = _SEAL.search(text)
    if text and (match is None or text != _seal(text[: match.start() - 1])):
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
