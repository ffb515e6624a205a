"""What the index holds that a commit is being made of."""

import os
from collections.abc import Mapping

from orglab.git.process import run_reading
from orglab.git.repository import Repository


def read_staged(repository: Repository, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what the index changes of HEAD: `A`, `M`, `D` ..., and the path, relative to the top.

    Args:
        repository: Where.
        environment: GIT_INDEX_FILE names the index, for a partial commit has one of its own.

    Raises:
        GitError: git refuses.
    """
    told = repository.ask(
        "diff", "--cached", "--name-status", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
        "--ignore-submodules=dirty", environment=environment,
    )  # fmt: skip
    pieces = told.split(b"\0")
    return [(state.decode(), os.fsdecode(path)) for state, path in zip(pieces[::2], pieces[1::2], strict=False)]


def read_staged_file(repository: Repository, path: str, environment: Mapping[str, str]) -> bytes | None:
    """Return what the index holds of a file, or None."""
    done = run_reading(repository.folder, ("cat-file", "blob", f":0:{path}"), environment=environment)
    return done.stdout if done.returncode == 0 else None
