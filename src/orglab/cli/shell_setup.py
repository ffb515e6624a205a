"""Shell completion: a marked block in the startup file of bash or zsh, a file of its own for fish."""

import os
import re
from pathlib import Path

import click

from orglab.errors import NotWritableError, UsageError

SHELLS = ("bash", "zsh", "fish")
_BEGIN = "# >>> orglab completion >>>"
_END = "# <<< orglab completion <<<"
_BLOCK = re.compile(rf"\n?^{re.escape(_BEGIN)}\n.*?^{re.escape(_END)}\n", re.DOTALL | re.MULTILINE)


def find_shell() -> str:
    """Return the user's shell, by the variable SHELL.

    Raises:
        UsageError: It is not one that can be set up.
    """
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise UsageError(f"Unknown shell {name!r}; name one of {', '.join(SHELLS)}.")
    return name


def make_script(shell: str) -> str:
    """Return the script that completes commands, options and references in a shell."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - click loads it for completion alone

    completion = get_completion_class(shell)
    if completion is None:
        raise UsageError(f"There is no completion for {shell}.")
    root = click.get_current_context().find_root().command
    return completion(root, {}, "orglab", "_ORGLAB_COMPLETE").source()


def install(shell: str) -> tuple[Path, bool]:
    """Add the completion to the user's startup file; return the file, and whether it was changed.

    Raises:
        NotWritableError: The file cannot be written.
    """
    path = _find_file(shell)
    script = f"{make_script(shell).strip()}\n"
    before = _read(path)
    if shell == "fish":
        after = script
    else:
        # Only where orglab is installed, so that a shared startup file works on other machines too.
        block = f"{_BEGIN}\nif command -v orglab >/dev/null 2>&1; then\n{script}fi\n{_END}\n"
        others = _BLOCK.sub("", before)
        # `remove` also removes this empty line, so that it restores every byte.
        after = f"{others}\n{block}" if others else block
    return path, _write(path, before, after)


def remove(shell: str) -> tuple[Path, bool]:
    """Remove what `install` added; return the file, and whether it was changed.

    Raises:
        NotWritableError: The file cannot be written.
    """
    path = _find_file(shell)
    before = _read(path)
    if shell != "fish":
        return path, _write(path, before, _BLOCK.sub("", before))
    if not before:
        return path, False
    try:
        path.unlink()
    except OSError as error:
        raise NotWritableError(f"{path} cannot be removed: {error.strerror}.") from error
    return path, True


def _find_file(shell: str) -> Path:
    """Return the file that a shell reads when it starts."""
    home = Path.home()
    if shell == "bash":
        return home / ".bashrc"
    if shell == "zsh":
        return Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "orglab.fish"


def _read(path: Path) -> str:
    """Return a startup file; empty if there is none.

    Raises:
        NotWritableError: It cannot be read, so it cannot be changed either.
    """
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise NotWritableError(f"{path} cannot be read: {error.strerror}.") from error


def _write(path: Path, before: str, after: str) -> bool:
    """Write a startup file, if it changes; return whether it did.

    The file is written in place, so that a link to a folder of dotfiles stays one.
    """
    if before == after:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(after.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise NotWritableError(f"{path} cannot be written: {error.strerror}.") from error
    return True
