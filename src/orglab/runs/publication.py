"""What `sync` publishes of the runs of this clone: their records and the end of what they printed, without secrets."""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from orglab.git import Repository
from orglab.git.log_branch import LOG_BRANCH
from orglab.git.private_files import PrivateFolder
from orglab.log.log import LogFile
from orglab.runs.pending import RECORD
from orglab.runs.record import METRICS, OUTPUT, SHARED_BYTES, Run
from orglab.runs.record_lines import open_file
from orglab.runs.record_reader import read_output_end
from orglab.runs.seal import FIELD as SEAL
from orglab.runs.secret_spans import MASK, is_suspect
from orglab.runs.secrets import find_hidden, find_values, mask_fields, mask_row, mask_text
from orglab.runs.state_key import find_state_folder
from orglab.text import Tell, count, listed

_MARGIN = 1 << 13  # so that a secret at the beginning of the last 64 KB is seen as a whole
_TOLD = "told-remotes"


def read_published(runs: Iterable[Run], *, share_output: bool, most: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Yield the files to publish without their secrets: their names in the ref, and their contents.

    Args:
        runs: The runs of this clone.
        share_output: Whether the end of what the runs printed is published.
        most: The most bytes of a file by its name; of a larger one, the content is cut, but longer than that.
    """
    for run in runs:
        known = _find_known(run)
        masks = {RECORD: partial(_mask_record, known), METRICS: partial(_mask_history, known)}
        for name, mask in masks.items():
            with contextlib.suppress(OSError), open_file(run.folder / name) as file:
                data = file.read(most[name] + 1)
                yield f"{run.id}/{name}", mask(data) if len(data) <= most[name] else data
        if share_output and (end := read_output_end(run.folder, SHARED_BYTES + _MARGIN)):
            yield f"{run.id}/{OUTPUT}", _mask_output(known, end)[-SHARED_BYTES:]


def _find_known(run: Run) -> set[str]:
    """Return the secrets of a command, which a record of an earlier version still has."""
    return {*find_values(run.recorded_argv).values(), *find_hidden(run.recorded_environment).values()} - {MASK}


def _mask_record(known: Collection[str], data: bytes) -> bytes:
    """Return a record without secrets, their digests and the seal; a line that cannot be read is left out."""
    return b"".join(_mask_lines(data, known, lambda fields: mask_fields(fields, known)))


def _mask_history(known: Collection[str], data: bytes) -> bytes:
    """Return the history of metrics without secrets; a line that cannot be read is left out."""
    return b"".join(_mask_lines(data, known, lambda row: mask_row(row, known)))


def _mask_lines(
    data: bytes, known: Collection[str], mask: Callable[[dict[str, Any]], dict[str, Any]]
) -> Iterator[bytes]:
    """Yield lines of JSON, those that may have secrets without them."""
    for line in data.splitlines(keepends=True):
        text = line.decode("utf-8", "replace")
        if not known and not is_suspect(text) and SEAL not in text:
            yield line
            continue
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if not isinstance(fields, dict):
            continue
        shown = {name: value for name, value in mask(fields).items() if name not in ("secrets", SEAL)}
        yield line if shown == fields else json.dumps(shown, ensure_ascii=True).encode() + b"\n"


def _mask_output(known: Collection[str], end: bytes) -> bytes:
    """Return what a run printed without secrets."""
    return mask_text(end.decode("utf-8", "surrogateescape"), known).encode("utf-8", "surrogateescape")


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
    line = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()
    folder = find_state_folder()
    files = PrivateFolder(folder.parent, folder.name) if folder is not None else None
    if files is None or line.encode() in (files.read(_TOLD, 1 << 20) or b"").split():
        return files is None
    with contextlib.suppress(OSError):
        files.append(_TOLD, f"{line}\n".encode())
    return True
