"""Read the parameters in the configuration files of a command, and in those that Hydra writes for it.

A configuration file is a JSON, TOML or YAML file that a command names, with a mapping in it.  Its values become
parameters, named by their path: `{"model": {"depth": 4}}` is `model.depth 4`.  A list of plain values is one parameter,
its JSON text; the items of other lists have their number in the name: `layers.0.width`.
"""

import datetime
import importlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab.git import Repository
from orglab.git.inside import open_inside, read_inside, walk_inside
from orglab.runs.parameters.arguments import Value, is_exact, normalize_name, parse_value
from orglab.runs.results import read_stamp
from orglab.runs.secrets import mask_argv
from orglab.text import cut

MOST_VALUES = 1000
TEXT = 500
"""The most characters of a value that are kept; it is cut only once its secrets are hidden."""
_MOST_BYTES = 1 << 20
_MOST_FILES = 10
_MOST_FOLDERS = 20_000  # looked at for what Hydra wrote
_DEEPEST = 20
_NAME = 200
_YAML = (".yaml", ".yml")
# What PyYAML lets through for a value that is none, such as the date 2026-99-99.
_YAML_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_SUFFIXES = (".json", ".toml", *_YAML)
_HYDRA = ".hydra"


class ConfigValues(NamedTuple):
    """The parameters in some configuration files.

    Attributes:
        parameters: The parameters, by name; a later file wins.
        unread: The files that could not be read, because there is no YAML reader.
        read: The files that have parameters.
        partial: Those of them with a value that is too long and is cut.
    """

    parameters: dict[str, Value]
    unread: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()
    partial: tuple[Path, ...] = ()


class NoReaderError(Exception):
    """There is no YAML reader."""


def find_config_files(repository: Repository | None, argv: Sequence[str], folder: Path) -> list[Path]:
    """Return the existing files that a command names, as a word or as the value of an option, with such a name.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        argv: The command.
        folder: The folder that it runs in.
    """
    # An option may be given several times, each time with another file.
    texts = (text for word in argv[1:] for text in (word, word.partition("=")[2]))
    names = dict.fromkeys(text for text in texts if text.endswith(_SUFFIXES))
    return [path for path in (folder / name for name in names) if _is_small_file(repository, path)][:_MOST_FILES]


def _is_small_file(repository: Repository | None, path: Path) -> bool:
    try:
        with open_inside(repository, path) as file:
            return os.fstat(file.fileno()).st_size <= _MOST_BYTES
    except OSError:
        return False


def read_config_files(repository: Repository | None, paths: Sequence[Path]) -> ConfigValues:
    """Return the parameters in some files.

    A file that holds something else than a mapping, or too many values, is taken for data and has none.  No link that
    git tracks is followed out of the repository.
    """
    parameters: dict[str, Value] = {}
    unread, read, partial = [], [], []
    for path in paths:
        try:
            values = flatten_values(_read_document(repository, path))
        except NoReaderError:
            unread.append(path)
            continue
        parameters |= values
        if values:
            read.append(path)
        if any(isinstance(value, str) and len(value) >= TEXT for value in values.values()):
            partial.append(path)
    return ConfigValues(parameters, tuple(unread), tuple(read), tuple(partial))


def find_hydra_files(
    repository: Repository | None, folders: Sequence[Path], since: int, argv: Sequence[str]
) -> list[Path]:
    """Return the resolved configurations that Hydra wrote below some folders: `.hydra/config.yaml`.

    If several runs wrote there at the same time, those with the overrides of this command are returned.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        folders: The folders.
        since: Nanoseconds, in the time of the file system.
        argv: The command.
    """
    found = [place / "config.yaml" for place in _walk_hydra_folders(repository, folders)]
    found = [path for path in found if (stamp := read_stamp(path)) is not None and stamp.mtime >= since]
    if len(found) < 2:  # noqa: PLR2004 - nothing to choose from
        return found
    return [path for path in found if _has_overrides(repository, path.with_name("overrides.yaml"), argv)] or found


def read_hydra_files(repository: Repository | None, paths: Sequence[Path]) -> ConfigValues:
    """Return the parameters in configurations that Hydra wrote; of several, those that they have in common."""
    configs = [read_config_files(repository, [path]) for path in paths]
    common = configs[0].parameters if configs else {}
    for config in configs[1:]:
        common = {name: value for name, value in common.items() if config.parameters.get(name) == value}
    unread = tuple(path for config in configs for path in config.unread)
    partial = tuple(path for config in configs for path in config.partial)
    return ConfigValues(common, unread, tuple(path for config in configs for path in config.read), partial)


def _has_overrides(repository: Repository | None, path: Path, argv: Sequence[str]) -> bool:
    """Return whether the overrides that Hydra wrote are those of a command."""
    try:
        overrides = _read_document(repository, path)
    except NoReaderError:
        return False
    # The command may be that of a record, which has no secrets.
    given = {
        word for word in mask_argv(argv)[1:]
        if word.startswith("~") or ("=" in word and not word.lstrip("+").startswith(("-", "hydra.")))
    }  # fmt: skip
    return isinstance(overrides, list) and set(mask_argv([str(word) for word in overrides])) == given


def _walk_hydra_folders(repository: Repository | None, folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the `.hydra` folders below some folders, the latest names first; not those in other hidden folders."""
    seen = 0
    for top in dict.fromkeys(folders):
        for parent, names, _ in walk_inside(repository, top):
            seen += len(names)
            if seen > _MOST_FOLDERS:
                return
            if _HYDRA in names:
                yield Path(parent, _HYDRA)
            names[:] = sorted((name for name in names if name[0] != "."), reverse=True)


def _read_document(repository: Repository | None, path: Path) -> object:
    """Return what is in a file, or None if it is not valid."""
    try:
        return parse_document(path.suffix, read_inside(repository, path, _MOST_BYTES))
    except OSError:
        return None


def parse_document(suffix: str, content: bytes) -> object:
    """Return what is in a document, or None if it is not valid.

    Args:
        suffix: That of its file: YAML, TOML, and anything else for JSON.
        content: The document.

    Raises:
        NoReaderError: It is YAML, and PyYAML is not installed.
    """
    try:
        text = content.decode("utf-8-sig")
        if suffix in _YAML:
            return _read_yaml(text)
        if suffix == ".toml":
            import tomllib  # noqa: PLC0415 - few commands name such a file

            return tomllib.loads(text)
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_values(content: bytes) -> dict[str, Value]:
    """Return the parameters in a JSON text; none if it is not valid."""
    try:
        return flatten_values(json.loads(content))
    except (ValueError, RecursionError):
        return {}


def _read_yaml(text: str) -> object:
    """Return what is in a YAML document, or None if it is not valid.

    Raises:
        NoReaderError: PyYAML is not installed.
    """
    try:
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise NoReaderError from None
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, *_YAML_ERRORS):
        return None


def flatten_values(document: object) -> dict[str, Value]:
    """Return the values in a mapping by their path; none if it is something else, or has too many values."""
    if not isinstance(document, Mapping):
        return {}
    try:
        return dict(_walk(document, "", _make_counter(), 0))
    except (OverflowError, ValueError):  # ValueError: a number with too many digits
        return {}


def _make_counter() -> Callable[[], None]:
    """Return a function that raises OverflowError when it is called too often: aliases in YAML repeat without end."""
    calls = iter(range(2 * MOST_VALUES))

    def visit() -> None:
        if next(calls, None) is None:
            raise OverflowError

    return visit


def _walk(node: object, name: str, visit: Callable[[], None], depth: int) -> Iterator[tuple[str, Value]]:
    visit()
    if depth > _DEEPEST or len(name) > _NAME:
        raise OverflowError
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _walk(value, f"{name}.{_spell_key(key)}" if name else _spell_key(key), visit, depth + 1)
    elif isinstance(node, list):
        if any(isinstance(item, Mapping | list) for item in node):
            for number, item in enumerate(node):
                yield from _walk(item, f"{name}.{number}", visit, depth + 1)
        else:
            yield name, _dump([_to_value(item) for item in node[:MOST_VALUES]])
    else:
        yield name, _to_value(node)


def _dump(values: list[Value]) -> str:
    """Return a list as people write it in an option: `[0.9,0.999]`."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _spell_key(key: object) -> str:
    return normalize_name(str(key)[: _NAME + 1])


def _to_value(value: object) -> Value:
    """Return a value of a file as an option of the command would have it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if is_exact(value) else cut(hex(value), TEXT)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value if len(value) > TEXT else parse_value(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return "null" if value is None else type(value).__name__
