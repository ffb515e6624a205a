"""What `sync` publishes of the runs of this clone: their records and the end of what they printed, without secrets."""

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from orglab.git import Repository
from orglab.git.log_branch import LOG_BRANCH
from orglab.log.log import LogFile
from orglab.runs.pending import RECORD
from orglab.runs.record import METRICS, OUTPUT, SHARED_BYTES, Run
from orglab.runs.record_reader import read_output_end
from orglab.runs.secrets import find_hidden, find_values, is_suspect, mask_fields, mask_forms, mask_text
from orglab.runs.state_key import find_state_folder
from orglab.text import Tell, count, listed

_MARGIN = 1 << 13  # so that a secret at the beginning of the last 64 KB is seen as a whole
_TOLD = "told-remotes"


def find_published(runs: Sequence[Run], folder: Path, *, share_output: bool) -> dict[str, Path]:
    """Return the files to publish, by their names in the ref; of one with secrets a copy without them.

    Args:
        runs: The runs of this clone.
        folder: A temporary folder for copies.
        share_output: Whether the end of what the runs printed is published.

    Raises:
        OSError: A copy cannot be written.
    """
    found = {}
    for run in runs:
        named = {RECORD: _mask_record, METRICS: mask_forms}
        for name, mask in named.items():
            data = _read(run.folder / name)
            if data is not None:
                found[f"{run.id}/{name}"] = _choose_file(run.folder / name, data, mask(data), folder)
        path = run.folder / OUTPUT
        if share_output and (end := read_output_end(run.folder, SHARED_BYTES + _MARGIN)):
            shown = _mask_output(run, end)[-SHARED_BYTES:]
            is_whole = len(end) <= SHARED_BYTES
            found[f"{run.id}/{OUTPUT}"] = _choose_file(path, end if is_whole else b"", shown, folder)
    return found


def _read(path: Path) -> bytes | None:
    """Return the content of a regular file, or None if it is something else."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(fd, "rb") as file:  # noqa: PTH123 - opened with flags
        return file.read() if stat.S_ISREG(os.fstat(fd).st_mode) else None


def _choose_file(path: Path, data: bytes, shown: bytes, folder: Path) -> Path:
    """Return a file if all of it may be shown, or else a copy of what may be."""
    if data == shown:
        return path
    copy = folder / f"{path.parent.name}-{path.name}"
    copy.write_bytes(shown)
    return copy


def _mask_record(data: bytes) -> bytes:
    """Return a record without secrets and without their digests; a line that cannot be read is left out."""
    lines = []
    for line in data.splitlines(keepends=True):
        if not is_suspect(line.decode("utf-8", "replace")):
            lines.append(line)
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(fields, dict):
            continue
        shown = {name: value for name, value in mask_fields(fields).items() if name != "secrets"}
        lines.append(line if shown == fields else json.dumps(shown, ensure_ascii=True).encode() + b"\n")
    return b"".join(lines)


def _mask_output(run: Run, end: bytes) -> bytes:
    """Return what a run printed without secrets; a record of an earlier version still has those of its command."""
    values = {**find_values(run.recorded_argv), **find_hidden(run.recorded_environment)}
    text = end.decode("utf-8", "surrogateescape")
    return mask_text(text, values.values()).encode("utf-8", "surrogateescape")


# ---- say it ----


def tell_once(
    log: LogFile, repository: Repository, remote: str, runs: Sequence[Run], tell: Tell, *, snapshots: bool
) -> None:
    """Tell the user what is published and to where, the first time that this clone publishes to a remote.

    Args:
        log: The log.
        repository: Its repository.
        remote: The name or the URL of the remote.
        runs: The runs of this clone.
        tell: Called with the message.
        snapshots: Whether the snapshots are published too.
    """
    found = repository.read("remote", "get-url", "--push", "--all", "--", remote)
    urls = (found or b"").decode("utf-8", "replace").split("\n")[:-1] or ([remote] if "/" in remote else [])
    if not urls or not (runs or log.is_apart):
        return
    url = " and ".join(map(_hide_user, urls))
    if not _is_new(f"{repository.common_dir.resolve()}\n{url}"):
        return
    parts = [_describe_records(runs)] if runs else []
    if runs and log.config.run.share_output:
        parts.append("the last 64 KB of what each printed (set run.share_output to false to keep it here)")
    if snapshots and any(run.snapshot for run in runs):
        parts.append("the snapshots of the working tree")
    if log.is_apart:
        parts.append(f"the log, on its branch {LOG_BRANCH}")
    tell(f"Publishing to {url}: {', and '.join(filter(None, (', '.join(parts[:-1]), parts[-1])))}.")


def _describe_records(runs: Sequence[Run]) -> str:
    names = sorted({name for run in runs for name in run.environment})
    environment = [f"the environment variables {listed(names)}"] if names else []
    what = ", ".join(("commands", "host names", "folders", "packages", *environment))
    return f"the records of {count(len(runs), 'run')} ({what})"


def _hide_user(url: str) -> str:
    """Return the URL of a remote without a password or a token."""
    return mask_text(re.sub(r"^([a-z][a-z0-9+.-]*://)(?:[^/@]*:[^/]*@|[^/@:]{20,}@)", r"\1", url, flags=re.IGNORECASE))


def _is_new(place: str) -> bool:
    """Return whether a clone and a remote are named here for the first time, and remember them."""
    line = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest() + "\n"
    folder = find_state_folder()
    if folder is None or line in _read_told(folder):
        return folder is None
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(folder / _TOLD, flags, 0o600), "ab") as file:  # noqa: PTH123 - opened with flags
            file.write(line.encode())
    return True


def _read_told(folder: Path) -> Iterable[str]:
    return (_read(folder / _TOLD) or b"").decode("ascii", "replace").splitlines(keepends=True)
