"""What an editor shows of a reference: title, state, verdict, last note, and the main number."""

from contextlib import suppress
from typing import TYPE_CHECKING

from orglab.api import Log
from orglab.api.log_snapshot import KnownRuns, LogWatch, Snapshot
from orglab.errors import OrglabError
from orglab.experiment.model import Experiment, Step
from orglab.experiment.note_text import RUN_MARK
from orglab.experiment.section_text import Note
from orglab.lsp.log_view import Found
from orglab.lsp.markdown_text import escape_line, escape_words
from orglab.org.source import decode, encode
from orglab.org.timestamp import Timestamp
from orglab.report.content.headline import find_headline
from orglab.runs.storage import RUNS, list_entries
from orglab.text import cut, one_line

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 400
BOXES = {"done": "[X]", "partial": "[-]", "open": "[ ]"}


class Numbers:
    """The main numbers of experiments and steps, from their runs; read again when a log has changed on disk."""

    def __init__(self) -> None:
        """Begin without any."""
        self._logs: dict[Path, tuple[LogWatch, object, Snapshot, dict[str, str]]] = {}
        self._runs = KnownRuns()

    def read(self, log: Log, ref: str, step: int | None = None) -> str:
        """Return the number that an experiment, or a step of it, is about, in words; empty if there is none."""
        if not list_entries(log.top, RUNS):
            return ""
        known = self._logs.get(log.path)
        watch = known[0] if known is not None and known[0].is_of(log) else LogWatch(log)
        state = watch.read_state()
        if known is None or known[0] is not watch or known[1] != state:
            known = self._logs[log.path] = watch, state, Snapshot.of(log, self._runs), {}
        numbers = known[3]
        name = ref if step is None else f"{ref}.{step}"
        if name not in numbers:
            numbers[name] = _describe_number(known[2], ref, name)
        return numbers[name]


def _describe_number(log: Log, ref: str, name: str) -> str:
    """Return the main number of an experiment, or of the step of it that has a name."""
    with suppress(OrglabError, OSError):
        for results in log.results([ref]).values():
            own = results.outcomes if name == ref else tuple(one for one in results.outcomes if one.ref == name)
            headline = find_headline(results._replace(outcomes=own), "")
            return headline.describe() if headline is not None else ""
    return ""


def describe(found: Found, step: int | None, number: str, *, is_markdown: bool) -> str:
    """Return what an editor shows of an experiment or a step.

    Args:
        found: The experiment.
        step: The number of the step; None for the experiment. One that does not exist is that, too.
        number: The main number, in words; empty if there is none.
        is_markdown: Whether the editor shows Markdown; what the user wrote is shown as it is.
    """
    experiment, shown = found.experiment, found.find_step(step)
    write = escape_line if is_markdown else one_line
    parts = [_describe_title(experiment, shown, is_markdown=is_markdown)]
    parts.append(write(" · ".join(_list_facts(experiment, shown))))
    notes = list(shown.notes if shown is not None else experiment.all_notes)
    if notes:
        parts.append(write(cut(f"Last note: {_describe_note(_find_newest(notes))}", _LONGEST)))
    if number:
        parts.append(write(number))
    text = experiment.conclusion.text if shown is None else ""
    if text:
        parts.append(write(cut(f"Conclusion: {one_line(text)}", _LONGEST)))
    return ("\n\n" if is_markdown else "\n").join(filter(None, parts))


def _describe_title(experiment: Experiment, step: Step | None, *, is_markdown: bool) -> str:
    ref = experiment.ref if step is None else step.ref
    title = experiment.title if step is None else f"{BOXES[step.state]} {step.text}"
    return f"**{escape_words(ref)}** {escape_words(title)}" if is_markdown else f"{ref} {one_line(title)}"


def _list_facts(experiment: Experiment, step: Step | None) -> list[str]:
    """Return the state, what is done, the verdict and the time of creation; of a step its commits and experiment."""
    if step is not None:
        return [*([", ".join(step.commits)] if step.commits else []), f"{experiment.ref} {experiment.title}"]
    facts = [experiment.state] if experiment.state else []
    progress = experiment.progress
    if progress.total:
        facts.append(f"{progress.done} of {progress.total} steps done")
    if experiment.verdict:
        facts.append(experiment.verdict)
    if experiment.created is not None:
        facts.append(f"created {_write_time(experiment.created)}")
    return facts


def _find_newest(notes: list[Note]) -> Note:
    """Return the note with the latest time; of several, and without times, the last one."""
    dated = [note for note in notes if note.at is not None]
    return max(reversed(dated), key=lambda note: note.at.when) if dated else notes[-1]  # type: ignore[union-attr]


def _describe_note(note: Note) -> str:
    marks = ", ".join(filter(None, (note.commit, note.author)))
    at = _write_time(note.at) if note.at is not None else ""
    text = one_line(decode(RUN_MARK.sub(b"", encode(note.text))))
    return " ".join(filter(None, (at, f"({marks})" if marks else "", text)))


def _write_time(at: Timestamp) -> str:
    return at.isoformat().replace("T", " ")
