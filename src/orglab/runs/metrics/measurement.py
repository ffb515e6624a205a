"""Collect the metrics of a run, from the files that it wrote and from what it printed, for its record."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from struct import Struct

from orglab.runs.job import Job
from orglab.runs.metrics.candidates import Mark
from orglab.runs.metrics.discovery import Written, find_metrics_files, open_logged_file, open_named_files
from orglab.runs.metrics.metrics_source import MetricsSource
from orglab.runs.metrics.printed import PrintedMetrics
from orglab.runs.metrics.tracked import TrackedSource, describe_tracked_runs, list_trackers
from orglab.runs.metrics.values import Row, Value, is_step_name
from orglab.text import Tell, listed

_SINGLE = Struct("<f")


def collect_metrics(
    job: Job, printed: PrintedMetrics | None, marks: dict[Path, Mark], written: Written
) -> dict[str, object]:
    """Record the history of the metrics, and return what else the record says about them.

    Args:
        job: The run.
        printed: The metrics in its output, if they were requested.
        marks: The result of `mark_metrics_files`.
        written: What is known of its files.
    """
    job = job._replace(tell=_tell_each_once(job.tell))
    if printed is not None:
        printed.end()
    sources, unattributed = find_sources(job, _PrintedSource(printed) if printed is not None else None, marks, written)
    if unattributed:
        job.tell(
            f"Metrics not attributed, because run {written.attribution.simultaneous[0].id} was running at the same "
            f"time: {listed(os.path.relpath(path, job.base) for path in unattributed)}; let the command write them "
            "to $ORGLAB_OUT, or name them with --metrics."
        )
    names = record_history(job, sources)
    if (found := describe_tracked_runs(sources)) is not None:
        job.tell(found)
    paths = chain.from_iterable(source.paths for source in sources)
    return {
        **_summarize(sources, names, job.log.config.metrics),
        "metrics_from": [os.path.relpath(path, job.base) for path in dict.fromkeys(paths)],
        "trackers": list_trackers(sources),
        "unattributed": [os.path.relpath(path, job.base) for path in unattributed],
    }


def find_sources(
    job: Job, printed: MetricsSource | None, marks: dict[Path, Mark], written: Written
) -> tuple[list[MetricsSource], list[Path]]:
    """Return the sources of the metrics of a run, and the files that may have those of another run instead.

    Args:
        job: The run.
        printed: The metrics in its output, if they were requested.
        marks: The result of `mark_metrics_files`.
        written: What is known of its files.
    """
    sources = [printed] if printed is not None else []
    unattributed: list[Path] = []
    if job.request.metrics:
        sources += open_named_files(job, marks, written.began)
    elif printed is None:
        sources, unattributed = find_metrics_files(job, marks, written)
    return [*open_logged_file(job), *sources], unattributed


def _tell_each_once(tell: Tell) -> Tell:
    """Return a function that tells the user what was not told yet: files are read twice, and runs may share one."""
    told: set[str] = set()

    def tell_new(message: str) -> None:
        if message not in told:
            told.add(message)
            tell(message)

    return tell_new


class _PrintedSource(MetricsSource):
    """The metrics in the output, which are summarized already."""

    def __init__(self, printed: PrintedMetrics) -> None:
        super().__init__(None, tuple, is_history=True)
        self.summary = printed.summary
        self._rows = printed.rows

    def read_rows(self, tell: Tell) -> Iterator[Row]:  # noqa: ARG002 - nothing can fail
        """Yield the rows."""
        yield from self._rows


def _read_to_end(source: MetricsSource, tell: Tell) -> None:
    deque(source.read_rows(tell), maxlen=0)


def record_history(job: Job, sources: Sequence[MetricsSource]) -> list[dict[str, str]]:
    """Write the history in some sources, read all of them to the end, and return the new names of metrics for each."""
    if len(sources) > 1:
        # What a metric is called depends on what is in the others.
        for source in sources:
            _read_to_end(source, job.tell)
    names = _choose_names(sources, job.base)
    rows = chain.from_iterable(
        _rename(source.read_rows(job.tell), renamed)
        for source, renamed in zip(sources, names, strict=True)
        if source.is_history
    )
    try:
        if (first := next(rows, None)) is not None:
            job.write_history(chain([first], rows))
    except OSError as error:
        job.tell(f"Cannot record the history of the metrics: {error.strerror}.")
        deque(rows, maxlen=0)
    for source in sources:
        if not source.is_history and not source.summary.final:
            _read_to_end(source, job.tell)
    return names


def _rename(rows: Iterable[Row], names: Mapping[str, str]) -> Iterator[Row]:
    """Yield rows with other names; a value whose name is empty is left out, and a row without others."""
    for row in rows:
        new = {name: value for old, value in row.items() if (name := names.get(old, old) if old != "step" else old)}
        if len(new) == len(row) or new.keys() != {"step"}:
            yield new


def _summarize(
    sources: Sequence[MetricsSource], names: Sequence[Mapping[str, str]], settings: Mapping[str, str]
) -> dict[str, object]:
    """Return the last, smallest and largest values; metrics in the settings come first, steps last.

    Of values that several sources have alike, if perhaps rounded by a tracker, those of the first source are kept.
    """
    metrics: Row = {}
    extremes: dict[str, dict[str, list[float]]] = {}
    diverged: dict[str, float | None] = {}
    for source, renamed in zip(sources, names, strict=True):
        summary = source.summary
        for name, value in summary.final.items():
            metrics.setdefault(renamed.get(name, name), value)
        for name, ends in summary.extremes.items():
            extremes.setdefault(renamed.get(name, name), ends)
        for name, step in summary.diverged.items():
            new = renamed.get(name, name)
            diverged[new] = step if diverged.get(new) is None else diverged[new]
    order = {name: place for place, name in enumerate(settings)}
    ranked = sorted(filter(None, metrics), key=lambda name: (order.get(name, len(order)), is_step_name(name)))
    return {
        "metrics": {name: metrics[name] for name in ranked},
        "extremes": {name: extremes[name] for name in ranked if name in extremes},
        "diverged": {name: diverged[name] for name in ranked if name in diverged},
    }


def _choose_names(sources: Sequence[MetricsSource], base: Path) -> list[dict[str, str]]:
    """Return the new names of metrics for each source.

    If several sources have different last values of a metric, the name of the source is put before it.  If some agree,
    the first of them has it, and the name is empty in the others.  So it is in a history that another has too.
    """
    names: list[dict[str, str]] = [{} for _ in sources]
    if len(sources) < 2:  # noqa: PLR2004 - a conflict needs two
        return names
    labels = _label(sources, base)
    for name in dict.fromkeys(name for source in sources for name in source.summary.final):
        having = [place for place, one in enumerate(sources) if name in one.summary.final]
        is_single = any(sources[place].is_single for place in having)
        values = {place: _round(sources[place].summary.final[name], is_single=is_single) for place in having}
        distinct = list(dict.fromkeys(values.values()))
        if len(distinct) == 1:
            for place in _find_repeated(name, [place for place in having if sources[place].is_history], sources):
                names[place][name] = ""
            continue
        for place, value in values.items():
            is_first = value in distinct and not is_step_name(name)
            names[place][name] = f"{labels[place]}.{name}" if is_first else ""
            if is_first:
                distinct.remove(value)
    return names


def _round(value: Value, *, is_single: bool) -> Value:
    """Return a value, rounded to single precision if it is compared with one that was."""
    if not is_single or isinstance(value, str):
        return value
    try:
        return float(_SINGLE.unpack(_SINGLE.pack(value))[0])
    except OverflowError:
        return value


def _find_repeated(name: str, histories: Sequence[int], sources: Sequence[MetricsSource]) -> list[int]:
    """Return those of some histories with the same metric that the first of them has with the same values."""
    if len(histories) < 2:  # noqa: PLR2004 - a repetition needs two
        return []
    is_single = any(sources[place].is_single for place in histories)
    ends = {}
    for place in histories:
        pair = sources[place].summary.extremes.get(name, {"min": [], "max": []})
        ends[place] = [_round(value, is_single=is_single) for end in ("min", "max") for value in pair[end][:1]]
    return [place for place in histories[1:] if ends[place] == ends[histories[0]]]


def _label(sources: Sequence[MetricsSource], base: Path) -> list[str]:
    """Return what tells sources apart: for `a/metrics.json` and `b/metrics.json` the folders `a` and `b`."""
    paths = [Path(os.path.relpath(source.path, base)) if source.path else Path("output") for source in sources]
    stems = [path.with_suffix("") for path in paths]
    parts = [
        list(source.parts if isinstance(source, TrackedSource) else (path if stems.count(stem) > 1 else stem).parts)
        for source, path, stem in zip(sources, paths, stems, strict=True)
    ]
    for end in (0, -1):
        while all(len(one) > 1 for one in parts) and len({one[end] for one in parts}) == 1:
            for one in parts:
                del one[end]
    labels = ["/".join(one) for one in parts]
    return [
        f"{source.tracker}/{label}" if isinstance(source, TrackedSource) and labels.count(label) > 1 else label
        for source, label in zip(sources, labels, strict=True)
    ]
