"""The results of the API as JSON values, for `--json`, report templates and other programs.

The documents are stable and described in docs/reference/json.md; each begins with its version.
"""

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from orglab.config import ARCHIVE_SUFFIX, shorten_path
from orglab.text import DIRECTIONS

if TYPE_CHECKING:
    from orglab.api.ask import History, OpenSteps, References
    from orglab.api.setup import HookStatus
    from orglab.api.status import Status
    from orglab.api.write import Completed
    from orglab.experiment.conclusion import ConclusionEntry
    from orglab.experiment.diagnostic import Diagnostic
    from orglab.experiment.model import Experiment, Step
    from orglab.experiment.resolved import Resolved
    from orglab.experiment.section_text import Note
    from orglab.git.commit import Commit
    from orglab.history.events import Event
    from orglab.history.provenance import Link
    from orglab.history.references import Occurrence
    from orglab.history.why import Reason, Why
    from orglab.org.timestamp import Timestamp
    from orglab.runs.comparison import Difference
    from orglab.runs.pruning import PrunableRun
    from orglab.runs.record import Run
    from orglab.runs.sync import SyncResult
    from orglab.search.hits import Hit, SearchResult
    from orglab.search.similar.precedent import Precedent
    from orglab.search.similar.topics import Topic
    from orglab.search.similarity import Map, TriedExperiment

VERSION = 1


def render(document: Mapping[str, object]) -> str:
    """Return a document as JSON text, with the version first; invalid UTF-8 of the log becomes U+FFFD."""
    return _escape(json.dumps({"version": VERSION, **document}, ensure_ascii=False, indent=2, allow_nan=False))


def render_rows(document: Mapping[str, object]) -> str:
    """Return a document as `render` does, but each of its fields on one line, so that it is short."""
    fields = {"version": VERSION, **document}
    rows = (
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(',', ':'))}"
        for name, value in fields.items()
    )
    return _escape("{\n" + ",\n".join(rows) + "\n}")


def _escape(text: str) -> str:
    # Raw, these could change the terminal or the direction of the text; a parser reads the escapes as the same.
    text = re.sub(f"[\x7f-\x9f\u2028\u2029{DIRECTIONS}]", lambda match: f"\\u{ord(match.group()):04x}", text)
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def experiment_form(experiment: "Experiment") -> dict[str, object]:
    """Return an experiment, as in `show --json`."""
    from orglab.experiment.other_text import read_other_text

    conclusion = experiment.conclusion
    return {
        **_heading_form(experiment),
        "description": experiment.description,
        "steps": [step_form(step) for step in experiment.steps],
        "notes": [note_form(note) for note in experiment.notes],
        "other_text": [{"line": one.line, "text": one.text} for one in read_other_text(experiment)],
        "conclusion": {
            "state": conclusion.state,
            "verdict": conclusion.verdict,
            "text": conclusion.text,
            "closed": format_time(conclusion.closed),
            "at": format_time(conclusion.at),
            "author": conclusion.author,
            "confirmed": format_time(conclusion.confirmed),
            "earlier": [_entry_form(entry) for entry in conclusion.entries[:-1]],
        },
        **_progress_form(experiment),
        "properties": experiment.properties,
        "file": experiment.file,
        "line": experiment.line,
    }


def _entry_form(entry: "ConclusionEntry") -> dict[str, object]:
    return {"at": format_time(entry.at), "verdict": entry.verdict, "text": entry.text, "author": entry.author}


def brief_experiment_form(experiment: "Experiment") -> dict[str, object]:
    """Return the main fields of an experiment, as in `list --json` and the output of writing commands."""
    place = {"file": experiment.file, "line": experiment.line}
    return {**_heading_form(experiment), **_progress_form(experiment), **place, "verdict": experiment.verdict}


def _heading_form(experiment: "Experiment") -> dict[str, object]:
    return {
        "id": experiment.id,
        "ref": experiment.ref,
        "title": experiment.title,
        "state": experiment.state,
        "is_done": experiment.is_done,
        "tags": list(experiment.tags),
        "created": format_time(experiment.created),
        "closed": format_time(experiment.closed),
    }


def _progress_form(experiment: "Experiment") -> dict[str, object]:
    return {"progress": {"done": experiment.progress.done, "total": experiment.progress.total}}


def step_form(step: "Step") -> dict[str, object]:
    """Return a step, as in `show --json`."""
    return {
        "number": step.number,
        "ref": step.ref,
        "text": step.text,
        "state": step.state,
        "commits": list(step.commits),
        "notes": [note_form(note) for note in step.notes],
        "line": step.line,
        "originals": list(step.originals),
    }


def note_form(note: "Note") -> dict[str, object]:
    """Return a note, as in `show --json`."""
    return {
        "at": format_time(note.at),
        "commit": note.commit,
        "text": note.text,
        "original": note.original,
        "author": note.author,
    }


def commit_form(commit: "Commit") -> dict[str, object]:
    """Return a commit, as in every document."""
    return {
        "hash": commit.hash,
        "short": commit.short,
        "at": format_moment(commit.when_there),
        "author": commit.author,
        "subject": commit.subject,
    }


def run_form(run: "Run") -> dict[str, object]:
    """Return the main fields of a run, as in every document except `runs show`, `runs --full` and `report`."""
    return {
        **run_core(run),
        "ref": run.ref,
        "argv": list(run.argv),
        "exit_code": run.exit_code,
        "asked_by": run.asked_by,
        "exception": run.exception,
        "last_line": run.last_line,
        "out_of_memory": run.out_of_memory,
        "timed_out": run.timed_out,
        "why": run.why,
        "author": run.author,
        "parameters": run.parameters,
        "before": run.before,
        "snapshot": run.snapshot,
        "kept": run.kept,
        "kept_code": run.kept_code,
        "discarded": run.discarded,
    }


def run_core(run: "Run") -> dict[str, object]:
    """Return the fields that every document with runs has."""
    return {
        "id": run.id,
        "status": run.status,
        "began": format_moment(run.began),
        "seconds": run.seconds,
        "commit": run.commit,
        **metrics_form(run),
    }


def metrics_form(run: "Run") -> dict[str, dict[str, object]]:
    """Return the final metrics of a run, each a number or null, and what those are that are not numbers."""
    from orglab.runs.description import describe_not_number

    reasons = {name: describe_not_number(run, name) for name in run.metrics}
    return {
        "metrics": {name: None if reasons[name] is not None else value for name, value in run.metrics.items()},
        "not_numbers": {name: reason for name, reason in reasons.items() if reason is not None},
    }


# ---- reading the log ----


def open_steps_form(open_steps: "OpenSteps") -> dict[str, object]:
    """Return open steps, as in `next --json`."""
    steps = [
        {**step_form(step), "experiment": experiment.ref, "title": experiment.title, "file": experiment.file}
        for experiment, step in open_steps.steps
    ]
    return {"active": open_steps.active, "steps": steps}


def completed_form(completed: "Completed") -> dict[str, object]:
    """Return a completed step, as in `done --json`."""
    return {
        "step": step_form(completed.step),
        "recorded": list(completed.commits),
        "why": completed.why,
        "uncommitted": list(completed.uncommitted),
    }


def status_form(status: "Status") -> dict[str, object]:
    """Return the status of a log, as in `status --json`."""
    active = status.active
    return {
        "log": str(status.log),
        "branch": status.branch,
        "missing": status.missing,
        "unsent": status.unsent,
        "conflict": status.conflict,
        "experiments": status.counts,
        "active": active.ref if active is not None else None,
        "duplicate": active.duplicate if active is not None else None,
        "title": active.experiment.title if active is not None and active.experiment is not None else None,
        "step": active.step.text if active is not None and active.step is not None else None,
        "uncommitted": list(status.uncommitted),
        "changed": status.changed,
        "unknown": list(status.unknown),
        "pending": list(status.pending),
        "reasons": status.reasons,
        "pending_results": status.pending_results,
        "homeless": status.homeless,
        "running": [run.id for run in status.running],
        "sweeps": [sweep._asdict() for sweep in status.sweeps],
        "hooks": status.hooks,
        "position": status.position,
        "runs": status.run_count,
        "unassigned": list(status.unassigned),
        "records": str(status.records),
        "size": status.records_size,
    }


def synced_form(synced: "SyncResult") -> dict[str, object]:
    """Return the result of a sync, as in `sync --json`."""
    return {
        "sent": synced.sent,
        "received": [run_form(run) for run in synced.received],
        "written": [run.id for run in synced.written],
        "log": synced.branch._asdict() if synced.branch is not None else None,
    }


def diagnostics_form(problems: "Iterable[Diagnostic]", fixed: "Iterable[Diagnostic]") -> dict[str, object]:
    """Return the problems that remain and those that were fixed, as in `check --json`."""
    return {
        "diagnostics": [_diagnostic_form(one) for one in problems],
        "fixed": [_diagnostic_form(one) for one in fixed],
    }


def _diagnostic_form(diagnostic: "Diagnostic") -> dict[str, object]:
    return {
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "is_error": diagnostic.is_error,
        "can_be_fixed": bool(diagnostic.fix),
        "remedy": diagnostic.remedy,
        **({} if diagnostic.moved is None else diagnostic.moved._asdict()),
    }


# ---- search and similarity ----


def search_form(result: "SearchResult", query: str, log: str, journal: str) -> dict[str, object]:
    """Return the result of a search, as in `search --json`; `log` and `journal` are their paths."""
    hits = [_hit_form(hit, log, journal) for hit in result.hits]
    return {"query": query, "count": result.count, "has_all_words": result.has_all, "hits": hits}


def _hit_form(hit: "Hit", log: str, journal: str) -> dict[str, object]:
    form = hit.form
    matches = [
        {
            "place": passage.place, "ref": passage.ref, "at": passage.at, "line": passage.line, "text": passage.text,
            "spans": [list(span) for span in passage.spans],
        }
        for passage in hit.passages
    ]  # fmt: skip
    if hit.kind == "experiment":
        names = ("id", "ref", "title", "state", "is_done", "tags", "created")
        file = f"{log}{ARCHIVE_SUFFIX}" if hit.is_archived else log
        own = {name: form[name] for name in names} | {"verdict": form["verdict"], "file": file, "line": hit.line}
    elif hit.kind == "commit":
        own = {name: form[name] for name in ("hash", "short", "author")} | {"at": hit.at}
    else:
        own = {name: form[name] for name in ("at", "title", "references")} | {"file": journal, "line": hit.line}
    return {"kind": hit.kind, **own, "matches": matches}


def precedent_form(one: "Precedent") -> dict[str, object]:
    """Return a precedent, as in `tried TEXT --json`."""
    return {
        "id": one.id,
        "ref": one.ref,
        "title": one.title,
        "state": one.state,
        "verdict": one.verdict,
        "outcome": one.outcome,
        "file": one.file,
        "line": one.line,
        "why": {"ideas": list(one.why.ideas), "settings": list(one.why.settings), "words": list(one.why.words)},
        "score": one.score,
        "is_sure": one.is_sure,
    }


def tried_form(overview: "Map") -> dict[str, object]:
    """Return the overview of what was tried, as in `tried --json`."""
    return {"topics": [_topic_form(topic, overview) for topic in overview.topics]}


def _topic_form(topic: "Topic", overview: "Map") -> dict[str, object]:
    return {
        "tag": topic.name or None,
        "count": len(topic.numbers),
        "verdicts": dict(
            sorted(Counter(overview.experiments[number].verdict_word for number in topic.numbers).items())
        ),
        "groups": [
            {
                "idea": group.name or None,
                "count": len(group.numbers),
                "experiments": [
                    _tried_form(overview.experiments[number]) for number in overview.newest_first(group.numbers)
                ],
            }
            for group in topic.groups
        ],
    }


def _tried_form(experiment: "TriedExperiment") -> dict[str, object]:
    return {
        "id": experiment.id,
        "ref": experiment.ref,
        "title": experiment.title,
        "state": experiment.state,
        "verdict": experiment.verdict,
        "outcome": experiment.outcome,
        "file": experiment.file,
        "line": experiment.line,
    }


# ---- references and history ----


def references_form(references: "References", letter: str) -> dict[str, object]:
    """Return where experiments are named, as in `refs --json`."""
    return {"references": [_place_form(place, references, letter) for place in references.places]}


def _place_form(place: "Occurrence", references: "References", letter: str) -> dict[str, object]:
    experiment, commit = references.experiments[place.reference.id], place.commit
    return {
        "kind": place.kind,
        "ref": place.reference.spell(letter),
        "experiment": experiment.ref if experiment is not None else None,
        "step": place.reference.step,
        "commit": commit_form(commit) if commit is not None else None,
        "file": shorten_path(str(place.path)) if place.path is not None else None,
        "line": place.line,
        "within": place.within,
        "text": place.text,
    }


def resolved_form(references: "Iterable[tuple[int, Resolved]]") -> dict[str, object]:
    """Return the references in a text, each with its line in the text, as in `refs --in --json`."""
    return {"references": [_resolved_form(resolved, line) for line, resolved in references]}


def _resolved_form(resolved: "Resolved", line: int) -> dict[str, object]:
    experiment, step = resolved.experiment, resolved.step
    place = step.line if step is not None else experiment.line if experiment is not None else None
    return {
        "ref": resolved.spelled,
        "is_known": resolved.is_known,
        "input_line": line,
        "experiment": experiment.ref if experiment is not None else None,
        "title": experiment.title if experiment is not None else None,
        "state": experiment.state if experiment is not None else None,
        "verdict": experiment.verdict if experiment is not None else None,
        "step": {"number": step.number, "text": step.text, "state": step.state} if step is not None else None,
        "file": experiment.file if experiment is not None else None,
        "line": place if resolved.is_known else None,
        "near": list(resolved.near),
    }


def history_form(history: "History") -> dict[str, object]:
    """Return the history of an experiment, as in `show --history --json`."""
    return {"experiment": history.experiment.ref, "events": [event_form(event) for event in history.events]}


def event_form(event: "Event") -> dict[str, object]:
    """Return an event, as in `show --history --json`."""
    at = event.local_time
    spelled = None if at is None else at.date().isoformat() if event.precision == "day" else at.isoformat(
        timespec="minutes" if event.precision == "minute" else "seconds")  # fmt: skip
    return {
        "at": spelled,
        "precision": event.precision,
        "kind": event.kind,
        "ref": event.ref,
        "text": event.text,
        "commit": event.commit,
        "run": event.run,
        "line": event.line,
        "facts": dict(event.facts),
    }


def why_form(answer: "Why", letter: str) -> dict[str, object]:
    """Return an answer, as in `why --json`."""
    return {
        "subject": answer.subject,
        "links": [_link_form(link, letter) for link in answer.links],
        "experiments": [_reason_form(reason) for reason in answer.reasons],
        "remarks": list(answer.remarks),
    }


def _link_form(link: "Link", letter: str) -> dict[str, object]:
    commit, run = link.commit, link.run
    return {
        "how": link.how,
        "is_near": link.is_near,
        "refs": [one.spell(letter) for one in link.references],
        "commit": commit_form(commit) if commit is not None else None,
        "run": run_form(run) if run is not None else None,
    }


def _reason_form(reason: "Reason") -> dict[str, object]:
    experiment = reason.experiment
    return {
        "ref": experiment.ref,
        "title": experiment.title,
        "state": experiment.state,
        "verdict": experiment.verdict,
        "description": experiment.description,
        "conclusion": experiment.conclusion.text,
        "file": experiment.file,
        "line": experiment.line,
        "steps": [{"ref": step.ref, "text": step.text, "state": step.state} for step in reason.steps],
        "note": note_form(reason.note) if reason.note is not None else None,
    }


# ---- runs and hooks ----


def full_run_form(run: "Run") -> dict[str, object]:
    """Return everything that was recorded about a run, as in `runs show --json`."""
    from orglab.runs.description import read_keep_reason
    from orglab.runs.run_wait import find_process

    return {
        **run_form(run),
        "keep_reason": read_keep_reason(run),
        "extremes": {
            name: {"min": [one.low, one.low_step], "max": [one.high, one.high_step]}
            for name, one in run.extremes.items()
        },
        "diverged": run.diverged,
        "metrics_from": list(run.metrics_from),
        "unattributed": list(run.unattributed),
        "trackers": [one._asdict() for one in run.trackers],
        "cwd": run.cwd,
        "ended": format_moment(run.ended),
        "signal": run.signal,
        "time_limit": run.time_limit,
        "patch": run.patch,
        "host": run.host,
        "pid": find_process(run),
        "python": run.python,
        "packages": run.packages,
        "sources": [source._asdict() for source in run.sources],
        "environment": run.environment,
        "lock_files": run.lock_files,
        "config_files": list(run.config_files),
        "unread_files": list(run.unread_files),
        "seeds": list(run.seeds),
        "job": run.job._asdict() if run.job is not None else None,
        "usage": run.usage,
        "outputs": [one._asdict() for one in run.outputs],
        "untracked": list(run.untracked),
        "uncaptured": list(run.uncaptured),
        "left_out": [file.path for file in run.left_out],
        "folder": str(run.folder),
    }


def pruned_form(prunable: "Sequence[PrunableRun]", freed: int | None) -> dict[str, object]:
    """Return the runs whose files were or can be removed, as in `runs prune --json`."""
    return {"runs": [{"id": run.id, "size": size} for run, size in prunable], "freed": freed}


def difference_form(difference: "Difference") -> dict[str, object]:
    """Return what differs between two runs, or a run and a revision, as in `runs diff --json`."""
    return {
        "run": difference.run.id,
        "other": difference.other.id if difference.other else None,
        "commits": list(difference.commits),
        "code": None
        if difference.files is None
        else [{"path": path, "added": added, "removed": removed} for path, added, removed in difference.files],
        "parameters": {name: list(pair) for name, pair in difference.parameters.items()},
        "arguments": [list(argv) for argv in difference.arguments] if difference.arguments else None,
        "surroundings": {name: list(pair) for name, pair in difference.surroundings.items()},
        "packages": {name: list(pair) for name, pair in difference.packages.items()},
        "sources": {
            name: [source and source._asdict() for source in pair] for name, pair in difference.sources.items()
        },
        **_paired_metrics(difference),
    }


def _paired_metrics(difference: "Difference") -> dict[str, object]:
    """Return the metrics of two runs as pairs of numbers and nulls, and the reasons for the nulls."""
    runs = [metrics_form(run) if run is not None else {} for run in (difference.run, difference.other)]
    pairs = {
        field: {name: [run.get(field, {}).get(name) for run in runs] for name in difference.metrics}
        for field in ("metrics", "not_numbers")
    }
    reasons = {name: pair for name, pair in pairs["not_numbers"].items() if pair != [None, None]}
    return {"metrics": pairs["metrics"], "not_numbers": reasons}


def hooks_form(status: "HookStatus") -> dict[str, object]:
    """Return the state of the git hooks, as in `setup git --status --json`."""
    python = status.interpreter
    return {
        "folder": str(status.place.folder),
        "manager": status.place.manager,
        "interpreter": None if python is None else {"path": str(python), "is_there": status.is_there},
        "hooks": [
            {"name": hook.name, "state": hook.state, "kept": hook.kept and str(hook.kept)} for hook in status.hooks
        ],
    }


def format_moment(time: datetime.datetime | None) -> str | None:
    """Return a time to the second, as in every document."""
    return None if time is None else time.isoformat(timespec="seconds")


def format_time(time: "Timestamp | None") -> str | None:
    """Return a time of the log, to the precision that it has."""
    return None if time is None else time.isoformat()
