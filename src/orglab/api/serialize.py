"""The JSON documents: stable, documented in docs/reference/json.md, with a version at the top of each."""

from __future__ import annotations

import re

# The forms are also those of what the index holds, which is read without the parser.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from orglab.experiment.diagnostic import Diagnostic
    from orglab.experiment.model import Experiment, Note, Step
    from orglab.git.commit import Commit
    from orglab.org.timestamp import Timestamp
    from orglab.runs.record import Run

VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")


def render(document: Mapping[str, object]) -> str:
    """Return a document as JSON text, with the version first; what was not UTF-8 in the log is U+FFFD."""
    import json  # noqa: PLC0415 - most commands print none

    text = json.dumps({"version": VERSION, **document}, ensure_ascii=False, indent=2)
    # A terminal obeys these raw; a JSON parser reads them back from an escape.
    text = re.sub("[\x7f-\x9f\u2028\u2029]", lambda match: f"\\u{ord(match.group()):04x}", text)
    return _SURROGATE.sub("\ufffd", text)


def experiment_form(experiment: Experiment) -> dict[str, object]:
    """Return an experiment as `show --json` has it, but for the version."""
    conclusion = experiment.conclusion
    return {
        "id": experiment.id,
        "ref": experiment.ref,
        "title": experiment.title,
        "state": experiment.state,
        "is_done": experiment.is_done,
        "tags": list(experiment.tags),
        "created": _time(experiment.created),
        "closed": _time(experiment.closed),
        "description": experiment.description,
        "steps": [step_form(step) for step in experiment.steps],
        "notes": [note_form(note) for note in experiment.notes],
        "conclusion": {
            "state": conclusion.state,
            "verdict": conclusion.verdict,
            "text": conclusion.text,
            "closed": _time(conclusion.closed),
        },
        "progress": {"done": experiment.progress.done, "total": experiment.progress.total},
        "properties": experiment.properties,
        "file": experiment.file,
        "line": experiment.line,
    }


def step_form(step: Step) -> dict[str, object]:
    """Return a step as it stands in `show --json`."""
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


def note_form(note: Note) -> dict[str, object]:
    """Return a note as it stands in `show --json`."""
    return {"at": _time(note.at), "commit": note.commit, "text": note.text, "original": note.original}


def commit_form(commit: Commit) -> dict[str, object]:
    """Return a commit, as every document has it."""
    return {
        "hash": commit.hash,
        "short": commit.short,
        "at": commit.when.isoformat(),
        "author": commit.author,
        "subject": commit.subject,
    }


def run_form(run: Run) -> dict[str, object]:
    """Return a run in short, as every document but that of `runs` has it."""
    return {
        "id": run.id,
        "ref": run.ref,
        "argv": list(run.argv),
        "status": run.status,
        "exit_code": run.exit_code,
        "began": run.began.isoformat() if run.began is not None else None,
        "seconds": run.seconds,
        "why": run.why,
        "before": run.before,
        "snapshot": run.snapshot,
        "commit": run.commit,
        "metrics": run.metrics,
    }


def diagnostic_form(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a diagnostic as it stands in `check --json`."""
    from dataclasses import asdict  # noqa: PLC0415 - the forms of the index are made without it

    return {
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "is_error": diagnostic.is_error,
        "can_be_fixed": bool(diagnostic.fix),
        **({} if diagnostic.moved is None else asdict(diagnostic.moved)),
    }


def _time(time: Timestamp | None) -> str | None:
    return None if time is None else time.isoformat()
