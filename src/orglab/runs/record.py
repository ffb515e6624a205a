"""A run, as its record says.

Each run has a folder, named by its id (`storage` knows where):

    record.jsonl    one JSON object per line, appended by the process of the run
    output.log      the output of the command
    metrics.jsonl   the history of the metrics, one JSON object per line
    out/            what the command wrote to the folder that ORGLAB_OUT names

The record starts with `{"event": "began", ...}`, followed by events such as `{"event": "ended", ...}`, `measured`,
`{"event": "committed", "commit": ...}`, `copied` or `lost`; each adds fields.  If the record has no end and its process
is gone, the run is lost, or stopped if the event `asked` says that a signal asked for it.  A cut-off line is skipped.
"""

import datetime
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from orglab.experiment.author import is_author
from orglab.git.hashed_file import HashedFile, LeftOut
from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.metrics.values import Extremes, to_value
from orglab.runs.parameters.arguments import Arguments, Value, is_seed, parse_arguments
from orglab.runs.pending import RECORD, is_locked
from orglab.runs.processes import is_alive, was_alive_since
from orglab.runs.record_lines import (
    TrackerId,
    read_extremes,
    read_hashed_files,
    read_id_time,
    read_job,
    read_left_out,
    read_lines,
    read_moment,
    read_number,
    read_sources,
    read_trackers,
    read_values,
    read_whole,
    to_local,
)
from orglab.runs.secrets import mask_argv, mask_text, mask_values, tell_apart
from orglab.runs.source_folders import Source

OUTPUT = "output.log"
METRICS = "metrics.jsonl"
OUT = "out"
SHARED_BYTES = 1 << 16  # of the output of a run, in other clones

_LONGEST = 1e10  # seconds of a run, or of a time limit
_TEXT = 10_000  # characters of a text
_NAMES = 20_000  # of values in a mapping: more than orglab writes
_HASH = re.compile("[0-9a-f]{7,64}")

Metric = float | str
# What a run holds as a mapping, before its parameters and metrics.
_ROW = ("id", "ref", "status", "discarded", "began", "seconds", "code", "why")


class Run(Mapping[str, object]):
    """A run, as recorded when it was read.

    An attribute that the record does not have is None, or an empty collection.  As a mapping, a run holds its main
    fields, its parameters and its metrics by name, so that a list of runs can become a data frame.
    """

    def __init__(self, folder: Path, fields: Mapping[str, Any]) -> None:
        """Make the run whose record in `folder` has these fields."""
        self.folder = folder
        self.fields = dict(fields)

    def __repr__(self) -> str:
        """Return the id and the step."""
        return f"<Run {self.id} of {self.ref}>"

    @cached_property
    def _row(self) -> dict[str, object]:
        fields = {name: getattr(self, name) for name in _ROW}
        return {**self.metrics, **self.parameters, **fields}

    def __getitem__(self, name: str) -> object:
        """Return a main field, a parameter or a metric; of the same name, the first of these."""
        return self._row[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the main fields, the parameters and the metrics."""
        return iter(dict.fromkeys((*_ROW, *self.parameters, *self.metrics)))

    def __len__(self) -> int:
        """Return how many values the run has as a mapping."""
        return len(self._row)

    def __eq__(self, other: object) -> bool:
        """Return whether `other` is this very object."""
        return self is other

    def __hash__(self) -> int:
        """Return a hash that fits `__eq__`."""
        return id(self)

    @property
    def id(self) -> str:
        """The id, which names the folder: local time and a random suffix, `20180606-161600-3f2a1b`."""
        return self.folder.name

    @property
    def ref(self) -> str | None:
        """The step or experiment of the run: `e201.1`."""
        return self._text("ref")

    @property
    def log(self) -> str | None:
        """The log of the run, relative to the top of the repository."""
        return self._text("log")

    # A record of an earlier version has secrets; what is read from it has none.

    @cached_property
    def argv(self) -> tuple[str, ...]:
        """The command and its arguments, without secrets."""
        return mask_argv(self.recorded_argv)

    @cached_property
    def recorded_argv(self) -> tuple[str, ...]:
        """The command as it was recorded, to be run again."""
        return self._texts("argv")

    @cached_property
    def digests(self) -> dict[str, str]:
        """The keyed digests of its secrets, by name."""
        return {name: text for name, text in self._mapping("secrets").items() if isinstance(text, str)}

    @cached_property
    def secrets(self) -> dict[str, str]:
        """What tells the secrets of its command and parameters apart, by name: the digest, if it is known.

        Only the clone that made a run has its digests, so elsewhere the secrets are taken for those of that clone.
        """
        return tell_apart(self.recorded_argv, self._mapping("parameters"), self.digests, self._text("writer") or "")

    @property
    def cwd(self) -> str | None:
        """The folder of the command, relative to the top of the repository."""
        return self._text("cwd")

    @cached_property
    def why(self) -> str | None:
        """Why it was run (`-m`)."""
        return self._masked("why")

    @property
    def author(self) -> str | None:
        """The name of whoever made it; None if the record has no mark, so that a person made it."""
        return name if is_author(name := self._text("author") or "") else None

    @cached_property
    def began(self) -> datetime.datetime | None:
        """When it started, in the local time of this machine."""
        return to_local(self._moment("began"))

    @cached_property
    def ended(self) -> datetime.datetime | None:
        """When it ended, in the local time of this machine."""
        return to_local(self._moment("ended"))

    @property
    def began_at(self) -> float | None:
        """When it started, in seconds since 1970, for comparisons: a local time may occur twice."""
        return moment.timestamp() if (moment := self._moment("began")) is not None else None

    @property
    def ended_at(self) -> float | None:
        """When it ended, in seconds since 1970, for comparisons."""
        return moment.timestamp() if (moment := self._moment("ended")) is not None else None

    @property
    def began_there(self) -> datetime.datetime | None:
        """When it started, in the local time of the machine that made it, as in its note."""
        moment = self._moment("began")
        return moment.replace(tzinfo=None) if moment is not None else None

    @property
    def ended_there(self) -> datetime.datetime | None:
        """When it ended, in the local time of the machine that made it, as in its note."""
        moment = self._moment("ended")
        return moment.replace(tzinfo=None) if moment is not None else None

    @property
    def noted_at(self) -> datetime.datetime:
        """The time of its note: when it ended or else started, in the local time of the machine that made it."""
        moment = self._moment("ended") or self._moment("began") or read_id_time(self.id)
        return moment.replace(microsecond=0, tzinfo=None)

    @property
    def seconds(self) -> float | None:
        """The wall-clock time of the command."""
        return self._seconds("seconds")

    @property
    def exit_code(self) -> int | None:
        """The exit code; None if a signal ended the command, or it has not ended."""
        return read_whole(self.fields.get("exit_code"))

    @property
    def signal(self) -> str | None:
        """The signal that ended it, such as `SIGKILL`."""
        return self._text("signal")

    @property
    def asked_by(self) -> str | None:
        """The signal that asked it to end, such as `SIGINT` by Ctrl-C, or `SIGTERM` by a scheduler."""
        return self._text("asked_by")

    @cached_property
    def exception(self) -> str | None:
        """The exception that it failed with, on one line: `ValueError: bad shape`."""
        return self._masked("exception")

    @cached_property
    def last_line(self) -> str | None:
        """The last line that it wrote to standard error, if it failed without an exception."""
        return self._masked("last_line")

    @property
    def out_of_memory(self) -> bool:
        """Whether it is known to have failed because memory ran out."""
        return self.fields.get("out_of_memory") is True

    @property
    def time_limit(self) -> float | None:
        """The seconds that it might take."""
        return self._seconds("time_limit") or None

    @property
    def timed_out(self) -> bool:
        """Whether it was stopped because it took longer."""
        return self.fields.get("timed_out") is True

    @cached_property
    def status(self) -> str:
        """How it ended, or that it goes on.

        `done` (exit 0), `failed`, `killed` by a signal, `stopped` (asked to end, or its time limit was over),
        `running`, `unobserved` (it runs, but orglab was killed), or `lost` (its processes are gone, and nothing had
        asked it to end).
        """
        was_asked = self.asked_by is not None
        if self.fields.get("lost"):
            return "stopped" if was_asked else "lost"
        if self.timed_out or (was_asked and self.has_end):
            return "stopped"
        if self.signal is not None:
            return "killed"
        if self.exit_code is not None:
            return "failed" if self.exit_code else "done"
        if self._is_running():
            return "running"
        if self.is_command_alive():
            return "unobserved"
        return "stopped" if was_asked else "lost"

    @property
    def has_end(self) -> bool:
        """Whether it is known how the command ended."""
        return self.signal is not None or self.exit_code is not None

    @property
    def is_going_on(self) -> bool:
        """Whether it has not ended yet, as far as is known."""
        return self.status in ("running", "unobserved")

    @property
    def discarded(self) -> str | None:
        """The reason why it does not count, perhaps empty; None if it counts."""
        return (self._text("discard_reason") or "") if self.fields.get("discarded") is True else None

    @property
    def before(self) -> str | None:
        """The full hash of HEAD when it started."""
        return self._hash("before")

    @property
    def snapshot(self) -> str | None:
        """The full hash of the snapshot of the working tree, if one was made."""
        return self._hash("snapshot")

    @property
    def code(self) -> str | None:
        """The full hash of the commit with its code: the snapshot, or else `before`."""
        return self.snapshot or self.before

    @property
    def patch(self) -> str | None:
        """The stable patch id of the changes in the snapshot relative to `before`; None if there are none."""
        return self._hash("patch")

    @property
    def cells(self) -> str | None:
        """The sha256 of the cells that were executed when it began, if a notebook made it."""
        return self._text("cells")

    @property
    def commit(self) -> str | None:
        """The full hash of the commit of its results, if there is one."""
        return self._hash("commit")

    @property
    def branch(self) -> str | None:
        """The branch that was checked out when it started: empty for a detached HEAD, None if it is not known."""
        return branch if isinstance(branch := self.fields.get("branch"), str) else None

    @property
    def worktree(self) -> str | None:
        """The top of the working tree of its own that it ran in, which is gone after the run."""
        return self._text("worktree")

    @property
    def kept_code(self) -> str | None:
        """The full hash of the commit with which `runs keep` brought its code into a branch."""
        return self._hash("kept_code")

    @property
    def kept(self) -> str | None:
        """The full hash of the commit, on no branch, that keeps its results (`refs/orglab/results/`)."""
        return self._hash("kept")

    @property
    def is_foreign(self) -> bool:
        """Whether the record was received from another clone by `orglab sync`."""
        return "writer" in self.fields

    @property
    def has_cut_output(self) -> bool:
        """Whether only the end of its output is here, because it was received from another clone."""
        try:
            return self.is_foreign and (self.folder / OUTPUT).lstat().st_size >= SHARED_BYTES
        except OSError:
            return False

    @property
    def pruned(self) -> str | None:
        """When its output and other files were removed."""
        return self._text("pruned")

    @property
    def parent(self) -> str | None:
        """The id of the run that started this one."""
        return self._text("parent")

    @property
    def uncaptured(self) -> tuple[str, ...]:
        """Changes that neither a commit nor the snapshot holds, such as a changed submodule."""
        return self._texts("uncaptured")

    @property
    def untracked(self) -> tuple[str, ...]:
        """The untracked files that are not in a snapshot."""
        return self._texts("untracked")

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The untracked files, other than environments, that nothing holds: large files, and what may be secret."""
        return read_left_out(self.fields.get("left_out"))

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Everything that is known to have been there and is not in `code`, except environments."""
        return (*self.uncaptured, *self.untracked, *(file.path for file in self.left_out))

    @property
    def host(self) -> str | None:
        """The host name."""
        return self._text("host")

    @property
    def python(self) -> str | None:
        """The version of the Python that the command would use."""
        return self._text("python")

    @cached_property
    def packages(self) -> dict[str, str]:
        """The installed distributions, by name."""
        return {name: text for name, text in self._mapping("packages").items() if isinstance(text, str)}

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The folders of source that its Python imports from."""
        return read_sources(self.fields.get("sources"))

    @cached_property
    def other_sources(self) -> dict[str, Source]:
        """Those whose code is not in the commit of its own code, by name."""
        return {one.name: one for one in self.sources if one.head is None or one.head != self.code}

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment variables that the setting `run.environment` names, without secrets."""
        return mask_values(self.recorded_environment)

    @cached_property
    def recorded_environment(self) -> dict[str, str]:
        """These variables as they were recorded, for another run of the command."""
        return {name: text for name, text in self._mapping("environment").items() if isinstance(text, str)}

    @cached_property
    def lock_files(self) -> dict[str, str]:
        """The sha256 of each dependency lock file, by path."""
        return {name: text for name, text in self._mapping("lock_files").items() if isinstance(text, str)}

    @cached_property
    def seeds(self) -> tuple[str, ...]:
        """The values of the parameters that are seeds."""
        if "seeds" in self.fields:  # in a record of an earlier version
            return self._texts("seeds")
        named = self.parameters.items()
        return tuple(str(value) for name, value in named if is_seed(name) and value is not True)

    @cached_property
    def arguments(self) -> Arguments:
        """The parameters that its command names, and the other words of it."""
        return parse_arguments(self.argv)

    @cached_property
    def parameters(self) -> dict[str, Value]:
        """The parameters, by name: options of the command, values of its configuration files, seeds.

        A record of an earlier version has none, so they are read from the command.
        """
        if "parameters" not in self.fields:
            return self.arguments.parameters
        return read_values(mask_values(self._mapping("parameters")))

    @cached_property
    def constant_parameters(self) -> dict[str, Value]:
        """Those of its parameters that are not seeds."""
        return {name: value for name, value in self.parameters.items() if not is_seed(name)}

    @cached_property
    def script_parameters(self) -> dict[str, Value]:
        """Those of its parameters that the script itself named (`orglab.run`)."""
        return read_values(mask_values(self._mapping("script_parameters")))

    @property
    def config_files(self) -> tuple[str, ...]:
        """The configuration files that have parameters of the command, relative to the top of the repository."""
        return self._texts("config_files")

    @property
    def partial_files(self) -> tuple[str, ...]:
        """Those of the configuration files with a value that is too long for a parameter, so that it was cut."""
        return self._texts("partial_files")

    @property
    def unread_files(self) -> tuple[str, ...]:
        """The configuration files that could not be read, because there was no YAML reader."""
        return self._texts("unread_files")

    @property
    def job(self) -> SchedulerJob | None:
        """The job of a scheduler that it ran in."""
        return read_job(self._mapping("job"))

    @property
    def is_of_script(self) -> bool:
        """Whether a script or a notebook made it itself (`orglab.run`)."""
        return self.fields.get("script") is True

    @cached_property
    def uncommitted(self) -> tuple[str, ...]:
        """The results that are on no branch."""
        if self.commit is not None or self.fields.get("rerun_of") or not self._texts("results"):
            return ()
        return tuple(dict.fromkeys((*(file.path for file in self.outputs), *self.removed, *self.links)))

    @cached_property
    def usage(self) -> dict[str, float]:
        """CPU seconds (`user`, `system`) and peak `memory` in bytes."""
        named = ((name, read_number(value)) for name, value in self._mapping("usage").items())
        return {name: value for name, value in named if value is not None}

    @cached_property
    def outputs(self) -> tuple[HashedFile, ...]:
        """The files that it wrote under the results paths."""
        return read_hashed_files(self.fields.get("outputs"))

    @property
    def removed(self) -> tuple[str, ...]:
        """The files under the results paths that it removed."""
        return self._texts("removed")

    @property
    def links(self) -> tuple[str, ...]:
        """The symbolic links under the results paths that it made."""
        return self._texts("links")

    @property
    def results(self) -> tuple[str, ...]:
        """The results paths, relative to the top of the repository."""
        return self._texts("results")

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The final value of each metric; a string if it is not a finite number."""
        items = mask_values(self._mapping("metrics")).items()
        return {name: to_value(value) for name, value in items if isinstance(value, int | float | str)}

    @cached_property
    def extremes(self) -> dict[str, Extremes]:
        """The smallest and the largest value of each metric with a history."""
        return read_extremes(self._mapping("extremes"))

    @cached_property
    def diverged(self) -> dict[str, float | None]:
        """The metrics that became NaN or infinite, each with the first step at which it did; None if unknown."""
        return {name: read_number(step) for name, step in self._mapping("diverged").items()}

    @property
    def is_diverged(self) -> bool:
        """Whether the final value of a metric is NaN or infinite."""
        return any(isinstance(self.metrics.get(name), str) for name in self.diverged)

    @property
    def metrics_files(self) -> tuple[str, ...]:
        """The paths and patterns of the files that `--metrics` named, relative to the top of the repository."""
        # A record of an earlier version has one.
        return self._texts("metrics_files") or tuple(filter(None, [self._text("metrics_file")]))

    @property
    def metrics_from(self) -> tuple[str, ...]:
        """The files that the metrics were read from, relative to the top of the repository."""
        return self._texts("metrics_from")

    @cached_property
    def trackers(self) -> tuple[TrackerId, ...]:
        """What trackers have of it, such as the run of W&B: the name of the tracker, and the id there."""
        return read_trackers(self.fields.get("trackers"))

    @property
    def unattributed(self) -> tuple[str, ...]:
        """The files with metrics that another run may have written, which was running at the same time."""
        return self._texts("unattributed")

    def history(self, most: int | None = None) -> Iterator[dict[str, Metric]]:
        """Yield the rows of the history of the metrics, oldest first; a row may have a `step`.

        Args:
            most: How many bytes to read; None for all.
        """
        yield from read_lines(self.folder / METRICS, most)

    def _text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value[:_TEXT] if isinstance(value, str) and value else None

    def _masked(self, name: str) -> str | None:
        """Return a text without secrets, cut only then, since part of a secret is not found."""
        value = self.fields.get(name)
        return mask_text(value[: 2 * _TEXT])[:_TEXT] or None if isinstance(value, str) else None

    def _hash(self, name: str) -> str | None:
        """Return a full or short hash: git would take any other text for a revision, an option or a path."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and _HASH.fullmatch(value) else None

    def _seconds(self, name: str) -> float | None:
        value = read_number(self.fields.get(name))
        return float(value) if value is not None and 0 <= value < _LONGEST else None

    def _texts(self, name: str) -> tuple[str, ...]:
        value = self.fields.get(name)
        return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()

    def _mapping(self, name: str) -> dict[str, Any]:
        value = self.fields.get(name)
        return dict(islice(value.items(), _NAMES)) if isinstance(value, dict) else {}

    def _moment(self, name: str) -> datetime.datetime | None:
        return read_moment(self.fields.get(name))

    def _is_running(self) -> bool:
        """Return whether the process that writes the record is alive, or may be."""
        if self.is_foreign:
            return True
        # The writer holds a lock, which is seen from other machines and containers that share the folder.
        is_held = is_locked(self.folder / RECORD)
        if is_held is not None or self.host != os.uname().nodename:
            return is_held is not False
        pid = read_whole(self.fields.get("pid"))
        return pid is not None and is_alive(pid, self.fields.get("pid_start"))

    def is_command_alive(self) -> bool:
        """Return whether a process of the command is alive on this machine, though nobody writes the record."""
        group = read_whole(self.fields.get("child_pid")) if self.host == os.uname().nodename else None
        start = self.fields.get("child_start")
        return group is not None and group > 1 and was_alive_since(group, start, self.folder / RECORD)
