"""The page of everything that happened to an experiment."""

from orglab.history.event_words import describe_event
from orglab.history.events import Event
from orglab.web.site import Page, View


def make_history_page(view: View, ref: str) -> Page:
    """Return the history of an experiment.

    Raises:
        NotFoundError: There is no such experiment.
        UsageError: Two headings have this id.
        GitError: git fails.
    """
    history = view.log.history(ref)
    view.link_commits(event.commit for event in history.events if event.commit is not None)
    experiment = history.experiment
    values = {
        "experiment": experiment,
        "heading": view.text.line(experiment.title, experiment.ref),
        "events": [_describe(event, view, experiment.ref) for event in history.events],
    }
    return Page("history.html", f"History of {experiment.ref}", values)


def _describe(event: Event, view: View, ref: str) -> dict[str, object]:
    return {
        "event": event,
        "kind": "done" if event.kind == "step" else event.kind,
        "at": event.local_time,
        "is_day": event.precision == "day",
        "words": view.text.line(describe_event(event), ref),
        "commit": (event.commit[:7], *view.find_commit(event.commit))
        if event.kind == "commit" and event.commit
        else (),
    }
