"""Find the folders of a repository that a Python imports from: by PYTHONPATH, .pth files or editable installs."""

import contextlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 20
# Prints the search path, and the folders of packages that are installed as editable (PEP 610).
_PROGRAM = """\
import json, os, sys, urllib.parse, urllib.request
from importlib.metadata import distributions
paths = [path for path in sys.path if path]
for distribution in distributions():
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        url = urllib.parse.urlsplit(origin.get("url", ""))
        if origin.get("dir_info", {}).get("editable") and url.scheme == "file":
            folder = urllib.request.url2pathname(url.path)
            paths += [os.path.join(folder, "src"), folder]
    except (OSError, ValueError, TypeError, AttributeError):
        continue  # whoever wrote that file
print(*dict.fromkeys(paths), sep="\\n")
"""


def find_import_folders(python: Path, folder: Path, environment: Mapping[str, str], top: Path) -> list[Path]:
    """Return the folders below `top` that a Python imports from, in its order; empty if it does not answer.

    Args:
        python: The Python.
        folder: Where it runs.
        environment: All its environment variables.
        top: The top of a repository.
    """
    output = b""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        output = subprocess.run(  # noqa: S603 - the Python of the user's own command
            [python, "-c", _PROGRAM], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False,
        ).stdout  # fmt: skip
    real_top = top.resolve()
    folders = []
    for line in os.fsdecode(output).splitlines():
        path = Path(line)
        if path.is_absolute() and path.is_dir() and path.resolve().is_relative_to(real_top):
            folders.append(path)
    return folders
