"""Installing the git hooks: the shims in the hooks folder, the script that they source, and the user's own hooks."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotWritableError
from orglab.git.private_files import read_regular, write_new
from orglab.git.repository import Repository, find_repository

HOOKS = (
    "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite", "post-checkout", "post-merge",
)  # fmt: skip
KEPT = ".orglab-kept"
_MARK = b"# A git hook of orglab"
# In each hook that the pre-commit framework writes; the script looks for it, too.
_PRE_COMMIT_MARK = b"pre-commit.com"
# Hook managers that overwrite the hooks at any time: a word in their hooks, and their settings in the top folder.
_MANAGERS = {
    "husky": (b"husky", (".husky",)),
    "lefthook": (
        b"lefthook",
        ("lefthook.yml", ".lefthook.yml", "lefthook.yaml", ".lefthook.yaml", "lefthook.toml", "lefthook-local.yml"),
    ),
    "overcommit": (b"overcommit", (".overcommit.yml",)),
}
# The interpreter searches its standard library, the folder of the package, and then site-packages.  It exits too soon
# to need garbage collection, which takes about 3 ms while modules are imported.
_START = """\
import gc, sys
gc.disable()
sys.path.append(sys.argv.pop(1))
try:
    from orglab.hooks.__main__ import main
except ImportError:
    import site
    site.main()
    try:
        from orglab.hooks.__main__ import main
    except ImportError as error:
        sys.exit("orglab: " + str(error))
main()"""


class HooksFolder(NamedTuple):
    """The folder from which git runs the hooks of a repository.

    Attributes:
        folder: The folder.
        scope: The scope of core.hooksPath (`local`, `global` ...), or None if it is not set.
        manager: The hook manager that writes the hooks, or None.
        is_ours: Whether shims may be put there, because only this clone uses the folder.
    """

    folder: Path
    scope: str | None
    manager: str | None
    is_ours: bool


class Installed(NamedTuple):
    """The result of an installation.

    Attributes:
        place: The folder of the hooks.
        is_new: Whether anything was written.
        kept: The names of existing hooks that still run, before or after orglab's.
    """

    place: HooksFolder
    is_new: bool
    kept: tuple[str, ...]


class HookState(NamedTuple):
    """The state of one hook.

    Attributes:
        name: Its name.
        state: `installed`, `old` (installed by another version of orglab), `by hand` (a script that calls orglab),
            `other` (a hook that does not), or `absent`.
        kept: The existing hook that still runs, or None.
    """

    name: str
    state: str
    kept: Path | None


def find_hooks_folder(repository: Repository) -> HooksFolder:
    """Return the folder from which git runs hooks, and whether shims may be put there.

    They may not be put into a folder that is tracked or shared by several repositories, or where a hook manager
    would overwrite them.

    Raises:
        GitError: git is not installed.
    """
    scope, value = _read_hooks_path(repository)
    folder = repository.common_dir / "hooks" if value is None else Path(os.fsdecode(value))
    if not folder.is_absolute():
        # It is relative to the folder in which git runs hooks.
        folder = repository.top / folder
    manager = _find_manager(repository, folder)
    inside = _is_below(folder, repository.common_dir)
    if scope is not None and not inside:
        inside = scope in ("local", "worktree") and _is_below(folder, repository.top)
        # A repository inside of this one has hooks of its own.
        owner = find_repository(folder)
        inside = inside and owner is not None and owner.common_dir.samefile(repository.common_dir)
        inside = inside and repository.read("ls-files", "--", os.fspath(folder)) == b""
    return HooksFolder(folder, scope, manager, inside and manager is None)


def _read_hooks_path(repository: Repository) -> tuple[str | None, bytes | None]:
    """Return the scope and the value of core.hooksPath in the user's configuration."""
    printed = repository.read("config", "--show-scope", "-z", "--type=path", "--get-all", "core.hooksPath") or b""
    pieces = printed.split(b"\0")
    # The scope `command` is that of orglab's own option, which keeps hooks from running.
    values = [pair for pair in zip(pieces[::2], pieces[1::2], strict=False) if pair[0] != b"command"]
    return (values[-1][0].decode(), values[-1][1]) if values and values[-1][1] else (None, None)


def _is_below(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _find_manager(repository: Repository, folder: Path) -> str | None:
    """Return the hook manager whose hooks are in the folder, or whose settings are in the repository."""
    texts = b"".join(_read(folder / name) for name in HOOKS if not _is_shim(folder / name))
    for manager, (mark, files) in _MANAGERS.items():
        if mark in texts or any((repository.top / name).exists() for name in files):
            return manager
    return None


def install_hooks(repository: Repository, python: str, package: Path, folder: str) -> Installed:
    """Write the script, and the shims if the folder is ours; existing hooks run as before.

    Hooks of another orglab or interpreter are replaced; if nothing is different, nothing is written.

    Args:
        repository: The repository.
        python: The absolute path of the interpreter.
        package: The folder that `orglab` is imported from.
        folder: The folder of the log, relative to the top.

    Raises:
        NotWritableError: A hook cannot be written.
    """
    place = find_hooks_folder(repository)
    script = _script_path(repository)
    is_new = _replace(script, _build_script(python, package, folder))
    if is_new:
        # Another version may have written it in another format, or for another log.
        repository.shared_files.unlink("names")
    if place.is_ours:
        for name in HOOKS:
            is_new |= _install_shim(place.folder / name, _build_shim(name, place.folder, script))
    kept = tuple(name for name in HOOKS if os.path.lexists(place.folder / (name + KEPT))) if place.is_ours else ()
    return Installed(place, is_new, kept)


def _install_shim(path: Path, shim: bytes) -> bool:
    """Write the shim of a hook, or of the hook that pre-commit has renamed; return whether it was changed."""
    legacy = path.with_name(path.name + ".legacy")
    if _is_shim(legacy) and not _is_shim(path):
        path = legacy
    if os.path.lexists(path) and not _is_shim(path):
        kept = path.with_name(path.name + KEPT)
        with _writing(path):
            if os.path.lexists(kept):
                # The shim was overwritten, so the kept hook has not run since; but it is the user's.
                kept.rename(_find_free_name(kept))
            path.rename(kept)
    return _replace(path, shim)


def _find_free_name(path: Path) -> Path:
    """Return `path` with the first number appended for which no file exists."""
    number = 1
    while os.path.lexists(path.with_name(f"{path.name}.{number}")):
        number += 1
    return path.with_name(f"{path.name}.{number}")


def uninstall_hooks(repository: Repository) -> list[str]:
    """Remove the script and the shims, restore the existing hooks, and return the names of those.

    Raises:
        NotWritableError: A hook cannot be changed.
    """
    # core.hooksPath may have been set or unset since the installation.
    place = find_hooks_folder(repository)
    folders = dict.fromkeys((place.folder, repository.common_dir / "hooks"))
    restored = []
    for path in (folder / name for folder in folders for name in HOOKS):
        kept = path.with_name(path.name + KEPT)
        shim = path if _is_shim(path) else path.with_name(path.name + ".legacy")
        is_own = _is_below(path.parent, repository.common_dir) or (place.is_ours and path.parent == place.folder)
        if not (_is_shim(shim) and (is_own or _names_script(shim, _script_path(repository)))):
            continue  # core.hooksPath may name the hooks of another project
        with _writing(shim):
            if _PRE_COMMIT_MARK in _read(kept) and _PRE_COMMIT_MARK in _read(path):
                # pre-commit was installed again since, and would run its own old script as if it were another hook.
                kept.unlink()
            if os.path.lexists(kept):
                kept.rename(shim)
                restored.append(path.name)
            else:
                shim.unlink()
    for name in ("hook", "names", "said", "failed", "left-out", "initial"):
        with _writing(_script_path(repository).with_name(name)):
            repository.shared_files.unlink(name)
    return restored


def read_hook_states(repository: Repository) -> list[HookState]:
    """Return the state of each hook."""
    place = find_hooks_folder(repository)
    _, settings = _MANAGERS.get(place.manager or "", (b"", ()))
    managed = b"".join(_read(repository.top / name) for name in settings)
    return [_read_state(place.folder, name, _script_path(repository), managed) for name in HOOKS]


def _read_state(folder: Path, name: str, script: Path, managed: bytes) -> HookState:
    """Return the state of a hook; `managed` is the text of a hook manager's settings."""
    path = folder / name
    kept = path.with_name(name + KEPT)
    shim = next((file for file in (path, path.with_name(name + ".legacy")) if _is_shim(file)), None)
    if shim is not None:
        state = "installed" if _read(shim) == _build_shim(name, folder, script) else "old"
        return HookState(name, state, kept if os.path.lexists(kept) else None)
    # husky runs the script of the same name in the parent folder.
    texts = (_read(path), _read(folder.parent / name), managed)
    if any(b"orglab/hook" in text or b"orglab-hook" in text for text in texts):
        return HookState(name, "by hand", None)
    return HookState(name, "other" if os.path.lexists(path) else "absent", None)


def read_interpreter(repository: Repository) -> Path | None:
    """Return the interpreter that the hooks run, or None if they are not installed."""
    quoted = _read(_script_path(repository)).partition(b"\npython=")[2].partition(b"\npackage=")[0]
    return Path(shlex.split(os.fsdecode(quoted))[0]) if quoted else None


def _script_path(repository: Repository) -> Path:
    return repository.shared_files.path / "hook"


def _build_script(python: str, package: Path, folder: str) -> bytes:
    """Return the text of the script, with the variables of this installation."""
    variables = {"python": python, "package": os.fspath(package), "folder": folder, "start": _START}
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in variables.items()]
    return b"#!/bin/sh\n" + os.fsencode("".join(lines)) + Path(__file__).with_name("hook.sh").read_bytes()


def _build_shim(name: str, folder: Path, script: Path) -> bytes:
    """Return the text of a hook's shim."""
    is_default = folder == script.parent.parent / "hooks" and not folder.is_symlink()
    where = '"${0%/*}/../orglab/hook"' if is_default else shlex.quote(os.fspath(script.absolute()))
    return (
        b"#!/bin/sh\n"
        + _MARK
        + os.fsencode(
            "; `orglab setup git --remove` removes it and restores your own hook.\n"
            f"orglab_hook={name} script={where}\n"
            '[ ! -r "$script" ] || . "$script"\n'
            f'[ ! -x "${{0%/*}}/{name}{KEPT}" ] || exec "${{0%/*}}/{name}{KEPT}" "$@"\n'
        )
    )


def _is_shim(path: Path) -> bool:
    return _MARK in _read(path)


def _names_script(shim: Path, script: Path) -> bool:
    """Return whether a shim runs the script of this clone."""
    return b" script=" + os.fsencode(shlex.quote(os.fspath(script.absolute()))) + b"\n" in _read(shim)


def _read(path: Path) -> bytes:
    """Return the bytes of a file, also through a link; empty if it is no regular file or cannot be read."""
    try:
        return read_regular(os.path.realpath(path))
    except OSError:
        return b""


def _replace(path: Path, text: bytes) -> bool:
    """Replace a script atomically, because git may run it at any moment; return whether it was changed."""
    if _read(path) == text and os.access(path, os.X_OK):
        return False
    with _writing(path):
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, text, 0o755)
    return True


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an OSError into a NotWritableError."""
    try:
        yield
    except OSError as error:
        raise NotWritableError(f"Cannot write the hook {path}: {error.strerror}.") from error
