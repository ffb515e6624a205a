"""A report as JSON values: what `orglab report --json` prints, and what a template is given."""

import datetime
from collections.abc import Mapping

from orglab.report.content.amounts import days, duration
from orglab.report.content.claims import Claim
from orglab.report.content.facts import Account
from orglab.report.content.statements import SECTIONS, Item, Report, Statement
from orglab.runs.record import Run


def report_form(report: Report) -> dict[str, object]:
    """Return a report, but for the version; docs/reference/json.md says what its fields are."""
    return {
        "title": report.title,
        "since": _time(report.period.since),
        "until": _time(report.period.until),
        "days": days(report.period.since.date(), report.period.last_day),
        "made": _time(report.made),
        "log": report.log,
        "scope": list(report.scope),
        "counts": {**report.counts, "duration": _duration(report.counts)},
        "summary": [_statement(one) for one in report.summary],
        "sections": [
            {"name": name, "title": SECTIONS[name], "items": [_item(item) for item in items]}
            for name, items in report.sections.items()
        ],
        "experiments": [_experiment(account, report) for account in report.touched],
    }


def _time(time: datetime.datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")


def _duration(counts: Mapping[str, object]) -> str:
    seconds = counts.get("seconds")
    return duration(seconds) if isinstance(seconds, int | float) else ""


def _item(item: Item) -> dict[str, object]:
    return {
        "ref": item.ref or None,
        "title": item.title,
        "word": item.word or None,
        "statements": [_statement(one) for one in item.statements],
    }


def _statement(statement: Statement) -> dict[str, object]:
    return {
        "text": statement.text,
        "quote": statement.source or None,
        "evidence": [_claim(claim) for claim in dict.fromkeys(statement.claims)],
    }


def _claim(claim: Claim) -> dict[str, object]:
    return {"kind": claim.kind, "about": claim.about, "name": claim.name or None, "says": claim.says}


def _experiment(account: Account, report: Report) -> dict[str, object]:
    """Return what is on record of an experiment."""
    one, links = account.experiment, report.wording.links
    done = {event.ref: event for event in account.events if event.kind == "step"}
    results = report.results.get(account.ref)
    baseline = results.baseline.step.ref if results and results.baseline else None
    return {
        "ref": account.ref,
        "title": one.title,
        "state": account.state,
        "verdict": one.conclusion.verdict if account.kind == "done" else None,
        "created": one.created.isoformat() if one.created else None,
        "closed": _time(account.closed),
        "url": links.to(account.ref).url or None,
        "baseline": baseline,
        "steps": [
            {
                "ref": step.ref,
                "text": step.text,
                "is_done": step.ref in done,
                "done": _time(done[step.ref].at) if step.ref in done else None,
                "commits": [_commit(name, report) for name in step.commits],
                "runs": [_run(run) for run in account.runs if run.ref == step.ref],
            }
            for step in one.steps
        ],
        "runs": [_run(run) for run in account.runs if run.ref == account.ref],
    }


def _commit(name: str, report: Report) -> dict[str, object]:
    links = report.wording.links
    commit = links.commits.get(name)
    return {
        "hash": commit.hash if commit else name,
        "subject": commit.subject if commit else None,
        "url": links.to_commit(name).url or None,
    }


def _run(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "command": list(run.argv),
        "began": _time(run.began),
        "seconds": run.seconds,
        "status": run.status,
        "commit": run.commit,
        "metrics": run.metrics,
    }
