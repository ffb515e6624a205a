"""How the packages that a feature needs are installed, which depends on how orglab was."""

import sys
from pathlib import Path


def describe_install(extra: str) -> str:
    """Return the command that adds the packages of an extra to this installation of orglab.

    pipx and uv keep a file in each environment that they have made. What did not come from an index is named by its
    address, which the installer noted (PEP 610), as nothing says that an index has it.
    """
    import shlex  # noqa: PLC0415 - only for an error
    from importlib.util import find_spec  # noqa: PLC0415 - the same

    receipt = Path(sys.prefix, "uv-receipt.toml")
    if receipt.is_file():
        # uv replaces the extras that are there.
        extra = ",".join(sorted({extra, *_read_extras(receipt)}))
        program = "uv tool install --force"
    elif Path(sys.prefix, "pipx_metadata.json").is_file():
        program = "pipx install --force"
    elif find_spec("pip") is not None:
        program = f"{shlex.quote(sys.executable)} -m pip install"
    else:
        program = f"uv pip install --python {shlex.quote(sys.executable)}"
    options, named = _name_source(extra)
    return f"{program} {options}{shlex.quote(named)}"


def _name_source(extra: str) -> tuple[str, str]:
    """Return the options and the requirement that install orglab, with an extra, from where it came."""
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - only for an error

    noted = _read_source()
    if noted is None:
        # Not installed: `src` is on the path.
        return "", f"{Path(__file__).parents[2]}[{extra}]"
    address, folder, version = str(noted.get("url", "")), noted.get("dir_info"), noted.get("vcs_info")
    if isinstance(version, dict):
        revision = version.get("requested_revision")
        at = f"@{revision}" if revision else ""
        return "", f"orglab[{extra}] @ {version.get('vcs')}+{address}{at}"
    if isinstance(folder, dict):
        return "--editable " if folder.get("editable") else "", f"{unquote(urlsplit(address).path)}[{extra}]"
    return "", f"orglab[{extra}] @ {address}" if address else f"orglab[{extra}]"


def _read_source() -> dict[str, object] | None:
    """Return what was noted about where orglab came from: nothing if that is an index; None if it is not installed."""
    import json  # noqa: PLC0415 - only for an error
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - the same

    try:
        noted = json.loads(distribution("orglab").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return None
    except (ValueError, OSError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _read_extras(receipt: Path) -> list[str]:
    """Return the extras of orglab in the receipt of `uv tool install`."""
    import tomllib  # noqa: PLC0415 - only for an error

    try:
        wanted = tomllib.loads(receipt.read_text("utf-8"))["tool"]["requirements"]
        return [extra for one in wanted if one["name"] == "orglab" for extra in one.get("extras", ())]
    except (ValueError, LookupError, TypeError, OSError):
        return []
