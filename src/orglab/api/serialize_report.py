"""A report, and the check of one, as JSON values: the part of `serialize` for `report --json` and templates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orglab.api.serialize import format_moment, run_core

if TYPE_CHECKING:
    from orglab.report.content.evidence import Claim
    from orglab.report.content.facts import ExperimentActivity
    from orglab.report.content.statements import Item, Report, Statement
    from orglab.report.progress_report import ReportCheck
    from orglab.runs.record import Run


def report_form(report: "Report") -> dict[str, object]:
    """Return a report, as in `report --json` and in templates."""
    from orglab.report.content.statements import SECTIONS
    from orglab.text import days

    short = report.short
    return {
        "title": report.title,
        "since": format_moment(report.period.since),
        "until": format_moment(report.period.until),
        "days": days(report.period.since.date(), report.period.last_day),
        "made": format_moment(report.made),
        "log": report.log,
        "scope": list(report.scope),
        "counts": {**report.counts, "duration": _report_duration(report.counts)},
        "author": report.author,
        "source": report.source,
        "lead": [_statement_form(one) for one in short.lead],
        "conclusions": [_report_item(item) for item in short.conclusions],
        "needed": [_statement_form(one) for one in short.needed],
        "risks": [_statement_form(one) for one in short.risks],
        "planned": [_statement_form(one) for one in short.planned],
        "remarks": [_statement_form(one) for one in short.remarks],
        "sections": [
            {"name": name, "title": SECTIONS[name], "items": [_report_item(item) for item in items]}
            for name, items in report.sections.items()
        ],
        "experiments": [_report_experiment(account, report) for account in report.touched],
    }


def _report_duration(counts: Mapping[str, object]) -> str:
    from orglab.text import duration

    seconds = counts.get("seconds")
    return duration(seconds) if isinstance(seconds, int | float) else ""


def _report_item(item: "Item") -> dict[str, object]:
    return {
        "ref": item.ref or None,
        "title": item.title,
        "word": item.word or None,
        "statements": [_statement_form(one) for one in item.statements],
    }


def _statement_form(statement: "Statement") -> dict[str, object]:
    return {
        "text": statement.text,
        "quote": statement.source or None,
        "evidence": [_claim_form(claim) for claim in dict.fromkeys(statement.claims)],
    }


def _claim_form(claim: "Claim") -> dict[str, object]:
    return {"kind": claim.kind, "about": claim.about, "name": claim.name or None, "says": claim.says}


def _report_experiment(account: "ExperimentActivity", report: "Report") -> dict[str, object]:
    """Return what a report says about an experiment."""
    experiment, links = account.experiment, report.wording.links
    completed = {event.ref: event for event in account.events if event.kind == "step"}
    results = report.results.get(account.ref)
    baseline = results.baseline.ref if results and results.baseline else None
    return {
        "ref": account.ref,
        "title": experiment.title,
        "state": account.state,
        "verdict": account.conclusion.verdict if account.kind == "done" else None,
        "created": experiment.created.isoformat() if experiment.created else None,
        "closed": format_moment(account.closed),
        "url": links.to(account.ref).url or None,
        "baseline": baseline,
        "steps": [
            {
                "ref": step.ref,
                "text": step.text,
                "is_done": step.ref in completed,
                "done": format_moment(completed[step.ref].at) if step.ref in completed else None,
                "commits": [_report_commit(name, report) for name in report.wording.find_commits(step)],
                "runs": [_report_run(run) for run in account.runs if run.ref == step.ref],
            }
            for step in experiment.steps
        ],
        "runs": [_report_run(run) for run in account.runs if run.ref == account.ref],
    }


def _report_commit(name: str, report: "Report") -> dict[str, object]:
    links = report.wording.links
    commit = links.commits.get(name)
    return {
        "hash": commit.hash if commit else name,
        "subject": commit.subject if commit else None,
        "url": links.to_commit(name).url or None,
    }


def _report_run(run: "Run") -> dict[str, object]:
    return {**run_core(run), "command": list(run.argv)}


def checked_form(checked: "ReportCheck") -> dict[str, object]:
    """Return which statements of a report no longer hold and what its text was, as in `report --check --json`."""
    broken = [
        {
            "kind": one.claim.kind,
            "about": one.claim.about,
            "name": one.claim.name or None,
            "says": one.claim.says,
            "message": one.message,
            "statement": one.statement,
        }
        for one in checked.broken
    ]
    changes = [{"message": one.message, "was": one.was or None, "now": one.now or None} for one in checked.changes]
    return {
        "file": checked.file,
        "statements": checked.statements,
        "broken": broken,
        "changes": changes if checked.is_compared else None,
    }
