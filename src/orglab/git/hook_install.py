"""Installing hooks: the shims in the hooks folder, the script that they source, and what was there before."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotWritableError
from orglab.git.repository import Repository

HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite")
KEPT = ".orglab-kept"
_MARK = b"# A git hook of orglab"
# In each hook that the pre-commit framework writes; the script looks for it too.
_FRAMEWORK = b"pre-commit.com"
# Hook managers that write their hooks anew whenever they like, and what tells of them: in a hook's text, in a folder.
_MANAGERS = {
    "husky": (b"husky", (".husky",)),
    "lefthook": (
        b"lefthook",
        ("lefthook.yml", ".lefthook.yml", "lefthook.yaml", ".lefthook.yaml", "lefthook.toml", "lefthook-local.yml"),
    ),
    "overcommit": (b"overcommit", (".overcommit.yml",)),
}
# The interpreter looks in its own library first, in the folder of the package, then where packages are usually.  It
# lives too short for cycles to matter, and to look for them while it loads takes some 3 ms.
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
    """Where the hooks of a repository are.

    Attributes:
        folder: The folder that git takes them from.
        scope: Whose setting says so: `local`, `global` ..., or None where git's own rule does.
        manager: The hook manager that writes them, or None.
        is_ours: Whether shims may be put there: no other repository or person is concerned.
    """

    folder: Path
    scope: str | None
    manager: str | None
    is_ours: bool


class Installed(NamedTuple):
    """What an installation did.

    Attributes:
        place: Where the hooks are.
        is_new: Whether something was written.
        kept: The names of hooks that were there before and run beside ours.
    """

    place: HooksFolder
    is_new: bool
    kept: tuple[str, ...]


class HookState(NamedTuple):
    """How it stands with one hook.

    Attributes:
        name: Its name.
        state: `installed`, `old` (of an older orglab), `by hand` (a script that calls us), `other` (somebody
            else's), or `absent`.
        kept: The hook that was there before and runs beside ours, or None.
    """

    name: str
    state: str
    kept: Path | None


def find_hooks_folder(repository: Repository) -> HooksFolder:
    """Return where git takes the hooks from, and whether shims may be put there.

    Only where this clone alone is concerned: not in a folder that several repositories share, nor in one that is
    tracked, nor where a hook manager would write over them.

    Raises:
        GitError: git is not installed.
    """
    scope, value = _configured(repository)
    folder = repository.common_dir / "hooks" if value is None else Path(os.fsdecode(value))
    if not folder.is_absolute():
        # Git looks from where it runs hooks.
        folder = repository.top / folder
    manager = _manager_of(repository, folder)
    inside = _is_below(folder, repository.common_dir)
    if scope is not None and not inside:
        inside = scope in ("local", "worktree") and _is_below(folder, repository.top)
        inside = inside and not repository.read("ls-files", "--", os.fspath(folder))
    return HooksFolder(folder, scope, manager, inside and manager is None)


def _configured(repository: Repository) -> tuple[str | None, bytes | None]:
    """Return the scope and the value of core.hooksPath, as a git of the user sees it."""
    told = repository.read("config", "--show-scope", "-z", "--type=path", "--get-all", "core.hooksPath") or b""
    pieces = told.split(b"\0")
    # The scope `command` is our own, which keeps hooks from running.
    found = [pair for pair in zip(pieces[::2], pieces[1::2], strict=False) if pair[0] != b"command"]
    return (found[-1][0].decode(), found[-1][1]) if found and found[-1][1] else (None, None)


def _is_below(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _manager_of(repository: Repository, folder: Path) -> str | None:
    """Return the hook manager whose hooks are in a folder, or whose settings are in the repository."""
    texts = b"".join(_read(folder / name) for name in HOOKS if not _is_shim(folder / name))
    for manager, (mark, files) in _MANAGERS.items():
        if mark in texts or any((repository.top / name).exists() for name in files):
            return manager
    return None


def install_hooks(repository: Repository, python: str, package: Path, folder: str) -> Installed:
    """Write the script, and the shims where they may be; what was there runs as before.

    To do it again changes nothing, and over those of another orglab or interpreter it takes their place.

    Args:
        repository: The repository.
        python: The interpreter, an absolute path.
        package: The folder that `orglab` is imported from.
        folder: The folder of the log, relative to the top.

    Raises:
        NotWritableError: They cannot be written.
    """
    place = find_hooks_folder(repository)
    script = _script_path(repository)
    is_new = _replace(script, _script(python, package, folder))
    if is_new:
        # An older script may have written it in another form, and the log may be another.
        script.with_name("names").unlink(missing_ok=True)
    if place.is_ours:
        for name in HOOKS:
            is_new |= _install_one(place.folder / name, _shim(name, place.folder, script))
    kept = tuple(name for name in HOOKS if os.path.lexists(place.folder / (name + KEPT))) if place.is_ours else ()
    return Installed(place, is_new, kept)


def _install_one(path: Path, shim: bytes) -> bool:
    """Put a shim at a hook's name, or at the one that pre-commit moved it to; return whether it was not there."""
    legacy = path.with_name(path.name + ".legacy")
    if _is_shim(legacy) and not _is_shim(path):
        path = legacy
    if os.path.lexists(path) and not _is_shim(path):
        kept = path.with_name(path.name + KEPT)
        with _writing(path):
            if os.path.lexists(kept):
                # Somebody wrote over our shim, so this has not run since; but it is not ours to remove.
                kept.rename(_free(kept))
            path.rename(kept)
    return _replace(path, shim)


def _free(path: Path) -> Path:
    """Return a name like that of `path` which nothing has."""
    number = 1
    while os.path.lexists(path.with_name(f"{path.name}.{number}")):
        number += 1
    return path.with_name(f"{path.name}.{number}")


def uninstall_hooks(repository: Repository) -> list[str]:
    """Take the script and the shims away, and put back what was there; return the names of the hooks put back.

    Raises:
        NotWritableError: They cannot be changed.
    """
    # core.hooksPath may have come or gone since.
    folders = dict.fromkeys((find_hooks_folder(repository).folder, repository.common_dir / "hooks"))
    back = []
    for path in (folder / name for folder in folders for name in HOOKS):
        kept = path.with_name(path.name + KEPT)
        place = path if _is_shim(path) else path.with_name(path.name + ".legacy")
        if not _is_shim(place):
            continue
        with _writing(place):
            if _FRAMEWORK in _read(kept) and _FRAMEWORK in _read(path):
                # It has been installed again since, and would run its own script of old as another's.
                kept.unlink()
            if os.path.lexists(kept):
                kept.rename(place)
                back.append(path.name)
            else:
                place.unlink()
    for name in ("hook", "names", "said", "failed"):
        path = _script_path(repository).with_name(name)
        with _writing(path):
            path.unlink(missing_ok=True)
    return back


def read_hook_states(repository: Repository) -> list[HookState]:
    """Return how it stands with each hook."""
    place = find_hooks_folder(repository)
    _, settings = _MANAGERS.get(place.manager or "", (b"", ()))
    managed = b"".join(_read(repository.top / name) for name in settings)
    return [_state_of(place.folder, name, _script_path(repository), managed) for name in HOOKS]


def _state_of(folder: Path, name: str, script: Path, managed: bytes) -> HookState:
    """Return how it stands with a hook; `managed` is what the settings of a hook manager say."""
    path = folder / name
    kept = path.with_name(name + KEPT)
    shim = next((one for one in (path, path.with_name(name + ".legacy")) if _is_shim(one)), None)
    if shim is not None:
        state = "installed" if _read(shim) == _shim(name, folder, script) else "old"
        return HookState(name, state, kept if os.path.lexists(kept) else None)
    # husky runs the script of that name one folder above.
    texts = (_read(path), _read(folder.parent / name), managed)
    if any(b"orglab/hook" in text or b"orglab-hook" in text for text in texts):
        return HookState(name, "by hand", None)
    return HookState(name, "other" if os.path.lexists(path) else "absent", None)


def read_interpreter(repository: Repository) -> Path | None:
    """Return the interpreter that the hooks start, or None if they are not installed."""
    told = _read(_script_path(repository)).partition(b"\npython=")[2].partition(b"\npackage=")[0]
    return Path(shlex.split(os.fsdecode(told))[0]) if told else None


def _script_path(repository: Repository) -> Path:
    return repository.shared_folder / "hook"


def _script(python: str, package: Path, folder: str) -> bytes:
    """Return the script with what this installation knows."""
    known = {"python": python, "package": os.fspath(package), "folder": folder, "start": _START}
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in known.items()]
    return b"#!/bin/sh\n" + os.fsencode("".join(lines)) + Path(__file__).with_name("hook.sh").read_bytes()


def _shim(name: str, folder: Path, script: Path) -> bytes:
    """Return the shim of a hook."""
    usual = folder == script.parent.parent / "hooks" and not folder.is_symlink()
    where = '"${0%/*}/../orglab/hook"' if usual else shlex.quote(os.fspath(script.absolute()))
    return (
        b"#!/bin/sh\n"
        + _MARK
        + os.fsencode(
            ": `orglab setup git --remove` removes it and restores what was here before.\n"
            f"orglab_hook={name} script={where}\n"
            '[ ! -r "$script" ] || . "$script"\n'
            f'[ ! -x "${{0%/*}}/{name}{KEPT}" ] || exec "${{0%/*}}/{name}{KEPT}" "$@"\n'
        )
    )


def _is_shim(path: Path) -> bool:
    return _MARK in _read(path)


def _read(path: Path) -> bytes:
    """Return the bytes of a hook; none if there is no such file, or it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _replace(path: Path, text: bytes) -> bool:
    """Make a script hold a text, in one step, for git may run it at any moment; return whether it did not."""
    if _read(path) == text and os.access(path, os.X_OK):
        return False
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(text)
        new.chmod(0o755)
        new.replace(path)
    return True


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the system says into a sentence."""
    try:
        yield
    except OSError as error:
        raise NotWritableError(f"The hook {path} cannot be changed: {error.strerror}.") from error
