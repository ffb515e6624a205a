"""How the packages that a feature needs are installed, which depends on how orglab was."""

import sys
from pathlib import Path


def describe_install(extra: str) -> str:
    """Return the command that adds the packages of an extra to this installation of orglab.

    pipx and uv keep a file in each environment that they have made. What was not installed from an index is named by
    its address (PEP 610), as nothing says that an index has it.
    """
    import shlex  # noqa: PLC0415 - only for an error
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - the same

    given = _read_source()
    address, folder = str(given.get("url", "")), given.get("dir_info")
    named = f"orglab[{extra}]"
    if address and folder is None:
        named = f"orglab[{extra}] @ {address}"
    elif address:
        named = f"{unquote(urlsplit(address).path)}[{extra}]"
    editable = "--editable " if isinstance(folder, dict) and folder.get("editable") else ""
    if Path(sys.prefix, "pipx_metadata.json").is_file():
        program = "pipx install --force"
    elif Path(sys.prefix, "uv-receipt.toml").is_file():
        program = "uv tool install --force"
    else:
        program = "pip install"
    return f"{program} {editable}{shlex.quote(named)}"


def _read_source() -> dict[str, object]:
    """Return what the installer noted about where orglab came from; nothing if that is an index, or not known."""
    import json  # noqa: PLC0415 - only for an error
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - the same

    try:
        noted = json.loads(distribution("orglab").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError, OSError):
        return {}
    return noted if isinstance(noted, dict) else {}
