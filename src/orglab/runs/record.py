"""Run records: what `orglab run` wrote down of each run, read as values.

A run is a folder of its own, named by its id (where they lie, `places` says):

    record.jsonl    a JSON object a line, appended by the one process that ran it
    output.log      what the command printed
    metrics.jsonl   the history of its metrics, a JSON object a line

The lines of the record are `{"event": "began", ...}` and, once it is known, `{"event": "ended", ...}` and
`{"event": "committed", "commit": ...}`, `measured`, `copied` or `lost`; each adds fields to those before it.  A record
without an end, of a process that is no more, is that of a lost run.  A line cut off by a crash or a full disk is not
read.
"""

import contextlib
import datetime
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from orglab.errors import NotFoundError, UsageError
from orglab.git.hashed_file import HashedFile
from orglab.runs.pending import RECORD, is_locked
from orglab.runs.storage import RUNS, list_entries

OUTPUT = "output.log"
METRICS = "metrics.jsonl"

Metric = float | str
_NEVER = datetime.datetime.min  # noqa: DTZ901 - beside local times


class Run:
    """One run, as its record stood when it was read.

    Each attribute is what the record says, or None (an empty collection) if it does not say.
    """

    def __init__(self, folder: Path, fields: Mapping[str, Any]) -> None:
        """Stand for the run whose record in `folder` has these fields."""
        self.folder = folder
        self.fields = dict(fields)

    def __repr__(self) -> str:
        """Return the id and the step."""
        return f"<Run {self.id} of {self.ref}>"

    @property
    def id(self) -> str:
        """The id, the folder's name: `20180606-161600-3f2a`, local time and chance."""
        return self.folder.name

    @property
    def ref(self) -> str | None:
        """The step, or experiment, that it was run for: `e201.1`."""
        return self._text("ref")

    @property
    def log(self) -> str | None:
        """The log that tells of it, relative to the top of the repository."""
        return self._text("log")

    @property
    def argv(self) -> tuple[str, ...]:
        """The command and its arguments."""
        return self._texts("argv")

    @property
    def cwd(self) -> str | None:
        """The folder that it ran in, relative to the top of the repository."""
        return self._text("cwd")

    @property
    def why(self) -> str | None:
        """What the user said of it (`-m`)."""
        return self._text("why")

    @cached_property
    def began(self) -> datetime.datetime | None:
        """When it began, local time."""
        return self._time("began")

    @cached_property
    def ended(self) -> datetime.datetime | None:
        """When it ended, local time."""
        return self._time("ended")

    @property
    def seconds(self) -> float | None:
        """How long the command took, by the clock."""
        value = self.fields.get("seconds")
        return float(value) if isinstance(value, int | float) else None

    @property
    def exit_code(self) -> int | None:
        """The command's exit code; None if a signal ended it, or it has not ended."""
        value = self.fields.get("exit_code")
        return value if isinstance(value, int) else None

    @property
    def signal(self) -> str | None:
        """The signal that ended it, such as `SIGKILL`."""
        return self._text("signal")

    @property
    def status(self) -> str:
        """`done` (exit 0), `failed`, `killed` by a signal, `running`, or `lost`: no end, and nobody to write one."""
        if self.fields.get("lost"):
            return "lost"
        if self.signal is not None:
            return "killed"
        if self.exit_code is not None:
            return "failed" if self.exit_code else "done"
        return "running" if self._may_run() else "lost"

    @property
    def before(self) -> str | None:
        """The full hash of the commit that HEAD was when it began."""
        return self._text("before")

    @property
    def snapshot(self) -> str | None:
        """The full hash of the commit that holds the whole working state it ran on, if one was made."""
        return self._text("snapshot")

    @property
    def code(self) -> str | None:
        """The full hash of the commit that holds the code that it ran on."""
        return self.snapshot or self.before

    @property
    def patch(self) -> str | None:
        """The stable patch id of what the working tree held beyond `before`; None if nothing."""
        return self._text("patch")

    @property
    def commit(self) -> str | None:
        """The full hash of the commit of its results, if there were any."""
        return self._text("commit")

    @property
    def is_foreign(self) -> bool:
        """Whether the record is a copy of another clone's, which `orglab sync` brought."""
        return "writer" in self.fields

    @property
    def parent(self) -> str | None:
        """The id of the run that started this one."""
        return self._text("parent")

    @property
    def uncaptured(self) -> tuple[str, ...]:
        """What no commit and no snapshot holds of the state it ran on, such as a changed submodule."""
        return self._texts("uncaptured")

    @property
    def untracked(self) -> tuple[str, ...]:
        """Files that git did not know, and that no snapshot holds."""
        return self._texts("untracked")

    @cached_property
    def large_files(self) -> tuple[HashedFile, ...]:
        """The untracked files that its snapshot holds by their hashes alone."""
        return self._outputs("large_files")

    @property
    def host(self) -> str | None:
        """The machine."""
        return self._text("host")

    @property
    def python(self) -> str | None:
        """The version of the Python that the command would find."""
        return self._text("python")

    @property
    def packages(self) -> dict[str, str]:
        """The installed distributions, by name."""
        return {name: text for name, text in self._mapping("packages").items() if isinstance(text, str)}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that the settings ask to keep."""
        return {name: text for name, text in self._mapping("environment").items() if isinstance(text, str)}

    @property
    def lock_files(self) -> dict[str, str]:
        """The sha256 of each lock file of dependencies, by path."""
        return {name: text for name, text in self._mapping("lock_files").items() if isinstance(text, str)}

    @property
    def seeds(self) -> tuple[str, ...]:
        """The seeds seen in the arguments."""
        return self._texts("seeds")

    @property
    def usage(self) -> dict[str, float]:
        """What the system counted: `user` and `system` seconds of the processor, `memory` bytes at most."""
        return {name: one for name, one in self._mapping("usage").items() if isinstance(one, int | float)}

    @cached_property
    def outputs(self) -> tuple[HashedFile, ...]:
        """The files that it wrote under the results paths."""
        return self._outputs("outputs")

    @property
    def metrics(self) -> dict[str, Metric]:
        """The final value of each metric; text where it was no number."""
        return {name: one for name, one in self._mapping("metrics").items() if isinstance(one, int | float | str)}

    def history(self) -> Iterator[dict[str, Metric]]:
        """Yield the rows of the metrics' history, oldest first; `step` is one of their names where there is one."""
        yield from read_lines(self.folder / METRICS)

    def _text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None

    # A record may come from another machine, so nothing is taken for what it should be.

    def _texts(self, name: str) -> tuple[str, ...]:
        value = self.fields.get(name)
        return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()

    def _mapping(self, name: str) -> dict[str, Any]:
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}

    def _outputs(self, name: str) -> tuple[HashedFile, ...]:
        value = self.fields.get(name)
        found = []
        for one in value if isinstance(value, list) else ():
            with contextlib.suppress(KeyError, TypeError, ValueError):
                found.append(HashedFile(str(one["path"]), str(one["sha256"]), int(one["size"])))
        return tuple(found)

    def _time(self, name: str) -> datetime.datetime | None:
        try:
            moment = datetime.datetime.fromisoformat(self.fields[name])
        except (KeyError, TypeError, ValueError):
            return None
        return moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment

    def _may_run(self) -> bool:
        """Return whether the process that writes the record may be there still."""
        if self.is_foreign:
            return True
        # Its writer holds a lock on it, also on another machine or in a container that shares the folder.
        held = is_locked(self.folder / RECORD)
        if held is not None or self.host != os.uname().nodename:
            return held is not False
        pid = self.fields.get("pid")
        if not isinstance(pid, int):
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return read_start_time(pid) == self.fields.get("pid_start")


def read_start_time(pid: int) -> int | None:
    """Return when a process began, in the system's ticks, so that a number that is used again is not taken for it.

    It is field 22 of proc_pid_stat(5); None where there is no such file.
    """
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def read_runs(top: Path) -> list[Run]:
    """Return the runs that are recorded, of all logs, oldest first; `LogRuns` has those of one.

    Args:
        top: The top of the repository, or else the log's folder.
    """
    found = [read_run(folder) for folder in list_entries(top, RUNS).values()]
    # Two that began within a second are in no order by their names.
    return sorted((run for run in found if run is not None), key=lambda run: (run.began or _NEVER, run.id))


def read_newest_runs(top: Path, count: int) -> Iterator[Run]:
    """Yield the newest runs, of all logs, the newest first by their ids; each is read when it is asked for.

    Args:
        top: The top of the repository, or else the log's folder.
        count: How many records at most are read.
    """
    folders = list_entries(top, RUNS)
    yield from filter(None, map(read_run, (folders[name] for name in sorted(folders, reverse=True)[:count])))


def find_run(runs: Iterable[Run], name: str) -> Run:
    """Return the run that a user named by its id, or by the begin or the end of it that no other has.

    Raises:
        NotFoundError: There is none.
        UsageError: There are several.
    """
    found = [run for run in runs if name and (run.id.startswith(name) or run.id.endswith(name))]
    exact = [run for run in found if run.id == name]
    if len(exact or found) > 1:
        raise UsageError(f"Several runs are called {name!r}: {', '.join(run.id for run in found[:5])}.")
    if not found:
        raise NotFoundError(f"There is no run {name!r}; see `orglab runs`.")
    return (exact or found)[0]


def read_run(folder: Path) -> Run | None:
    """Return the run that is recorded in a folder, or None if no line of its record can be read."""
    fields: dict[str, Any] = {}
    for line in read_lines(folder / RECORD):
        fields |= line
    return Run(folder, fields) if fields else None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file of lines; a line that is none, such as a last one cut off, is passed over."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as lines:  # noqa: PTH123
            for line in lines:
                try:
                    value = json.loads(line)
                except ValueError:
                    continue
                if isinstance(value, dict):
                    yield value
    except OSError:
        return
