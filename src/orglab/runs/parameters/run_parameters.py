"""The parameters of a run: from its command, configuration files, environment variables and, at its end, Hydra."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orglab.extras import describe_install
from orglab.git.private_files import PrivateFolder
from orglab.runs.code import GeneratedPaths
from orglab.runs.job import Job
from orglab.runs.parameters.arguments import Value, find_environment_seeds, parse_arguments, parse_value
from orglab.runs.parameters.config_files import (
    TEXT,
    find_config_files,
    find_hydra_files,
    read_config_files,
    read_hydra_files,
    read_values,
)
from orglab.runs.record import OUT, Run
from orglab.runs.results import read_stamp
from orglab.runs.secrets import digest_secrets, find_hidden, join_secrets, mask_argv, mask_values
from orglab.text import cut, listed

SCRIPT_PARAMETERS = "orglab-parameters.json"
"""The file in the folder `out` of a run with the parameters that a script added (`orglab.run`)."""
SCRIPT_SECRETS = "orglab-secrets.json"
"""The file beside it with the keyed digests of those that are secret."""
_MOST_BYTES = 1 << 20
_HYDRA_FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")


def describe_parameters(
    job: Job, seeds: Mapping[str, str], find_generated: Callable[[], GeneratedPaths]
) -> dict[str, Any]:
    """Return the fields of the record with the parameters that are known before the run.

    An option of the command wins over a file, and a file over the environment; what the request itself names wins over
    all.

    Args:
        job: The run.
        seeds: The environment variables that are seeds.
        find_generated: Returns the paths that are no configuration, because runs write them.
    """
    files = find_config_files(job.repository, job.request.argv, job.folder)
    if files:
        generated = find_generated()
        files = [path for path in files if not generated.hold(os.path.relpath(path, job.base))]
    config = read_config_files(job.repository, files)
    known = _combine(seeds, _take_values(job, config.parameters), mask_argv(job.request.argv))
    return {
        "parameters": _add_given(job, known),
        "config_files": [os.path.relpath(path, job.base) for path in config.read],
        "partial_files": [os.path.relpath(path, job.base) for path in config.partial],
        "unread_files": _tell_unread(job, config.unread),
    }


def describe_final_parameters(job: Job, run: Run, since: int) -> dict[str, Any]:
    """Return the fields of the record that change because of what the run wrote; none if nothing changes.

    The configuration that Hydra wrote wins, because it is what the program used.  A file that the run itself wrote is
    not its configuration.

    Args:
        job: The run.
        run: Its record.
        since: When it began: nanoseconds, in the time of the file system.
    """
    files = [job.base / path for path in run.config_files]
    kept = [path for path in files if (stamp := read_stamp(path)) is None or stamp.mtime < since]
    folders = _list_hydra_folders(job) if _uses_hydra(run) else []
    written = find_hydra_files(job.repository, folders, since, run.argv)
    out = PrivateFolder(run.folder, OUT)
    own = _take_values(job, read_values(out.read(SCRIPT_PARAMETERS, _MOST_BYTES) or b""))
    if not written and kept == files and not own:
        return {}
    own = {**run.script_parameters, **own}
    config, hydra = read_config_files(job.repository, kept), read_hydra_files(job.repository, written)
    first, last = (digest_secrets(find_hidden(found.parameters)) for found in (config, hydra))
    before = _combine(find_environment_seeds(run.environment), _take_values(job, config.parameters), run.argv)
    after = {**_take_values(job, hydra.parameters), **own}
    return {
        "parameters": {**(_add_given(job, before) if kept != files or written else run.parameters), **after},
        "secrets": {**first, **run.digests, **last, **_read_secrets(out)},
        "config_files": [os.path.relpath(path, job.base) for path in (*config.read, *hydra.read)],
        "partial_files": [os.path.relpath(path, job.base) for path in (*config.partial, *hydra.partial)],
        "unread_files": [os.path.relpath(path, job.base) for path in config.unread] + _tell_unread(job, hydra.unread),
    }


def _add_given(job: Job, known: Mapping[str, Value]) -> dict[str, Value]:
    """Return parameters with those that the request itself names."""
    given = job.request.parameters
    new = _take_values(job, {name: value for name, value in given.items() if value is not None})
    return {**{name: value for name, value in known.items() if name not in given}, **new}


def take_secrets(job: Job, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return values without secrets, which the job keeps for as long as it lasts."""
    if job.secrets is not None:
        job.secrets.update(join_secrets(job.secrets, find_hidden(values)))
    return mask_values(values)


def _take_values(job: Job, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values in a file as `take_secrets` does, and then cut: part of a secret would not be found."""
    hidden = take_secrets(job, values)
    return {name: cut(value, TEXT) if isinstance(value, str) else value for name, value in hidden.items()}


def _read_secrets(out: PrivateFolder) -> dict[str, str]:
    """Return the digests that a script left in the folder `out` of its run; none if there are none."""
    try:
        found = json.loads(out.read(SCRIPT_SECRETS, _MOST_BYTES) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def _combine(seeds: Mapping[str, str], values: Mapping[str, Value], argv: Sequence[str]) -> dict[str, Value]:
    variables = {name: parse_value(value) for name, value in seeds.items()}
    return {**variables, **values, **parse_arguments(argv).parameters}


def _uses_hydra(run: Run) -> bool:
    """Return whether a run may have used Hydra, so that it is worth to look for what Hydra wrote."""
    return "hydra-core" in run.packages or any(name.startswith("hydra.") for name in run.parameters)


def _list_hydra_folders(job: Job) -> list[Path]:
    """Return the folders that Hydra may have written to."""
    parameters = parse_arguments(job.request.argv).parameters
    named = [job.folder / str(parameters[name]) for name in _HYDRA_FOLDERS if name in parameters]
    # Path.is_dir raises an error for a name that is too long.
    return [path for path in named if os.path.isdir(path)] or [*job.watch.paths, job.folder]  # noqa: PTH112


def _tell_unread(job: Job, paths: Sequence[Path]) -> list[str]:
    """Tell the user which configuration files could not be read, and return them for the record."""
    names = [os.path.relpath(path, job.base) for path in paths]
    if names:
        job.tell(f"Parameters not read: {listed(names)}; YAML needs PyYAML: {describe_install('yaml')}")
    return names
