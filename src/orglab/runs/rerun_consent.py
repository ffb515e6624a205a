"""What a rerun would start, for the user to see before it does, and the environment variables that it sets.

The command of a run that somebody else has made is code of theirs, and so is what many variables name: options, modules
and files of configuration.  No list has all of these, so from such a run only numbers and switches are taken, and the
variables that the user's own configuration names.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

from orglab.errors import UsageError
from orglab.runs.record import Run

Ask: TypeAlias = Callable[[Sequence[str]], None]
"""Shows some lines and asks whether to go on; raises UsageError if not."""

_LONGEST_PATH = 1000
_LONGEST_NAME = 255  # bytes, as file systems have it
_DEEPEST = 64
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Shells, linkers, interpreters, editors and tools take code from these, or look for programs there.
_LOADING_PREFIXES = (
    "LD_", "DYLD_", "PYTHON", "GIT_", "PERL", "RUBY", "GEM_", "BUNDLE_", "LUA_", "R_PROFILE", "R_ENVIRON", "R_LIBS",
    "NPM_CONFIG_", "PIP_", "UV_", "CARGO_", "RUSTC", "BASH", "MAKE", "XDG_", "JUPYTER_", "ORGLAB_", "SSH_", "PHP",
    "GTK_", "GTK2_", "GTK3_", "GIO_", "GDK_PIXBUF_", "GST_PLUGIN", "QT_PLUGIN", "OCL_ICD_", "VK_", "HG", "SVN_",
    "DOCKER_", "OMPI_MCA_", "PMIX_MCA_", "YARN_", "CMAKE_", "CONDA_", "LMOD_", "FZF_DEFAULT_", "ERL_",
)  # fmt: skip
_LOADING = frozenset((
    "ENV", "PATH", "IFS", "CDPATH", "FPATH", "SHELL", "SHELLOPTS", "PS4", "PROMPT_COMMAND", "ZDOTDIR", "HOME",
    "NODE_OPTIONS", "NODE_PATH", "CLASSPATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS",
    "JAVA_HOME", "JULIA_LOAD_PATH", "JULIA_DEPOT_PATH", "JULIA_PROJECT", "GCONV_PATH", "LOCPATH", "NLSPATH",
    "EDITOR", "VISUAL", "PAGER", "MANPAGER", "BROWSER", "LESSOPEN", "LESSCLOSE", "SUDO_ASKPASS", "MFLAGS",
    "GNUMAKEFLAGS", "CC", "CXX", "LD", "AR", "FC", "TCLLIBPATH", "MPLBACKEND", "MPLCONFIGDIR", "MATPLOTLIBRC",
    "TAR_OPTIONS", "RSYNC_RSH", "RSYNC_CONNECT_PROG", "CVS_RSH", "VIMINIT", "EXINIT", "GVIMINIT", "MYVIMRC",
    "VIMRUNTIME", "EMACSLOADPATH", "GOFLAGS", "GOROOT", "GOPATH", "GOENV", "GOTOOLDIR", "KUBECONFIG",
    "AWS_CONFIG_FILE", "CURL_HOME",
    "WGETRC", "INPUTRC", "SCREENRC", "TERMINFO", "TERMCAP", "LESS", "MORE", "ZIPOPT", "UNZIP", "RIPGREP_CONFIG_PATH",
    "NCCL_NET_PLUGIN", "NCCL_TUNER_PLUGIN", "NCCL_PROFILER_PLUGIN", "NCCL_CONF_FILE", "HDF5_PLUGIN_PATH",
    "GDAL_DRIVER_PATH", "SASL_PATH", "KRB5_CONFIG", "ODBCINI", "ODBCSYSINI", "MODULEPATH", "MODULESHOME", "OCAMLPATH",
    "CAML_LD_LIBRARY_PATH", "ANT_OPTS", "MAVEN_OPTS", "GRADLE_OPTS", "SBT_OPTS", "HF_MODULES_CACHE",
    "TORCH_EXTENSIONS_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR",
    "IPYTHONDIR", "CUDA_INJECTION64_PATH", "OPENSSL_CONF", "DOTNET_STARTUP_HOOKS", "VIRTUAL_ENV", "TMPDIR",
))  # fmt: skip
# What names no file, option or program: one number or several, or a word of two states.
_HARMLESS = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?|true|false|yes|no|on|off", re.IGNORECASE | re.ASCII)
# Control characters, and those that change the direction or the order of what is shown.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def is_loading(name: str) -> bool:
    """Return whether a program may load code that an environment variable of this name names."""
    if name in ("PYTHONHASHSEED", "PYTHONUNBUFFERED"):
        return False
    return name.upper() in _LOADING or name.upper().startswith(_LOADING_PREFIXES)


def choose_variables(run: Run) -> tuple[dict[str, str], list[str]]:
    """Return the variables of a run of this user that a rerun sets, and the names of those that it does not set."""
    return _choose(run, lambda _name, _value: True)


def choose_foreign_variables(
    run: Run, named: Collection[str], trusted: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the variables of somebody else's run that a rerun sets, and the names of those that it does not set.

    Args:
        run: The run.
        named: The variables that the settings name, those of the repository among them: for numbers and switches.
        trusted: Those that the user's own configuration names, for any value.
    """
    return _choose(
        run, lambda name, value: name in trusted or (name in named and _HARMLESS.fullmatch(value) is not None)
    )


def _choose(run: Run, may_set: Callable[[str, str], bool]) -> tuple[dict[str, str], list[str]]:
    chosen = {
        name: value for name, value in run.environment.items()
        if _NAME.fullmatch(name) and not is_loading(name) and "\0" not in value and may_set(name, value)
    }  # fmt: skip
    return chosen, [name for name in run.environment if name not in chosen]


def is_inner(path: str) -> bool:
    """Return whether a path of a record is relative, has no `..`, and does not name git's own files.

    A path that is longer or deeper than those of real files is none.
    """
    if len(path) > _LONGEST_PATH:
        return False
    parts = PurePosixPath(path).parts
    if len(parts) > _DEEPEST or any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST_NAME for part in parts):
        return False
    is_safe = "\0" not in path and not PurePosixPath(path).is_absolute() and ".." not in parts
    return is_safe and not any(part.lower() == ".git" for part in parts)


def require_consent(run: Run, commit: str, variables: tuple[dict[str, str], list[str]], ask: Ask | None) -> None:
    """Show what a rerun of somebody else's run would start, and return if the user agrees.

    Args:
        run: The run.
        commit: The full hash of its commit.
        variables: What `choose_variables` returned.
        ask: Asks the user; None if there is nobody to ask.

    Raises:
        UsageError: The user does not agree, or cannot be asked.
    """
    if ask is None:
        raise UsageError(f"The run {run.id} was not made by this user, so nothing was started.")
    ask([*_describe(run, commit, *variables)])


def _describe(run: Run, commit: str, chosen: dict[str, str], refused: list[str]) -> Iterator[str]:
    """Yield lines that say what would be started, for whom, and where; nothing in them is cut or hidden."""
    writer, host = run.fields.get("writer"), run.host
    source = f"{mark_unseen(str(writer))} published it" if writer is not None else "its record says nothing of whose"
    on_host = f", it ran on {mark_unseen(host)}" if host is not None else ""
    yield f"The run {run.id} was not made by this user ({source}{on_host}).  A rerun would start:"
    yield f"  Command:     {' '.join(map(_quote, run.argv))}"
    yield f"  Folder:      {_quote(run.cwd or '.')} of the commit"
    yield f"  Commit:      {commit}"
    pairs = (f"{mark_unseen(name)}={_quote(value)}" for name, value in chosen.items())
    yield f"  Environment: {' '.join(pairs) or 'that of this process'}"
    if refused:
        yield f"  Not set:     {' '.join(map(mark_unseen, map(str, refused)))}"


def _quote(word: str) -> str:
    """Return a word in quotes, as a shell takes it, with marks for what cannot be seen."""
    return "'" + mark_unseen(word).replace("'", "'\\''") + "'"


def mark_unseen(text: str) -> str:
    """Return a text in which a mark, such as U+001B in brackets, stands for each character that would not be seen."""
    return _UNSEEN.sub(lambda match: f"\u2039U+{ord(match.group()):04X}\u203a", text)
