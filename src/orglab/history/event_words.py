"""What happened to an experiment, in words."""

from orglab.experiment.author import describe_author
from orglab.history.events import Event
from orglab.runs.description import describe_keeping, outcome_text, run_metrics_text
from orglab.runs.record import Run


def describe_event(event: Event) -> str:
    """Return an event in words."""
    facts = event.facts
    if event.kind == "state":
        change = " -> ".join(filter(None, (facts.get("old"), facts.get("new"))))
        return f"{change}: {event.text}" if event.text else change
    if event.kind == "commit":
        return f"{facts['short']}  {event.text}"
    if event.kind == "step":
        sources = {"note": "dated by its note", "log": "dated by the commit of the log", "unknown": "time unknown"}
        commits = f"  ({facts['commits'].replace(',', ', ')})" if "commits" in facts else ""
        source = f"  ({sources[facts['source']]})" if facts["source"] in sources else ""
        return event.text + commits + source
    if event.recorded is not None:
        run = event.recorded
        known = (outcome_text(run), run_metrics_text(run), describe_decision(run), describe_author(run.author))
        outcome = ", ".join(filter(None, known))
        return f"{event.text}  ({outcome})" + (f"  {facts['why']}" if "why" in facts else "")
    mark = describe_author(facts.get("author"))
    if event.kind == "conclusion":
        head = " ".join(filter(None, (facts.get("verdict"), f"({mark})" if mark else "")))
        return ": ".join(filter(None, (head, event.text)))
    inside = ", ".join(filter(None, (event.commit[:7] if event.kind == "note" and event.commit else "", mark)))
    return f"({inside}) {event.text}" if inside else event.text


def describe_decision(run: Run) -> str:
    """Return that a run is discarded or kept, and why; empty if neither was decided."""
    if run.discarded is None:
        return describe_keeping(run)
    return ": ".join(filter(None, ("discarded", run.discarded)))
