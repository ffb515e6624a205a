"""The page of an experiment: its text as Org means it, with its steps, runs and commits."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from orglab.api.ask import Shown
from orglab.api.guarded_log import digest_experiment
from orglab.experiment.model import Experiment, Step, strip_cookies
from orglab.experiment.named_parts import CONCLUSION_IN, CREATED_IN, STEPS_IN
from orglab.experiment.state_reason import read_reason
from orglab.experiment.states import done_keyword
from orglab.org.heading import Heading
from orglab.org.source import decode
from orglab.org.syntax import compile_late
from orglab.web.experiment_runs import read_run_values
from orglab.web.site import Page, View
from orglab.web.tones import state_tone, verdict_tone

_HASHES = compile_late(rb"\b[0-9a-f]{7,40}\b")
_MOST_HASHES = 400
_OWN_PROPERTIES = ("ID", "CUSTOM_ID", "ALIASES", "VERDICT", STEPS_IN, CONCLUSION_IN, CREATED_IN)


def make_experiment_page(view: View, ref: str) -> Page:
    """Return the page of an experiment.

    Raises:
        NotFoundError: There is no such experiment.
        UsageError: Two headings have this id.
    """
    shown = view.log.show(ref.partition(".")[0])
    experiment = shown.experiment
    source = experiment.document.text[experiment.begin : experiment.end]
    named = [decode(name) for name in _HASHES.findall(source)[:_MOST_HASHES]]
    view.link_commits([*named, *(mention.hash for mention in shown.mentions)])
    settings = experiment.heading.document.settings
    view.remember_text(experiment)
    since, reason = read_reason(experiment)
    values = {
        "experiment": experiment,
        "heading": view.text.line(experiment.title, experiment.ref),
        "is_active": (shown.active or "").partition(".")[0] == experiment.ref,
        "active": shown.active,
        "state_tone": state_tone(experiment.kind),
        "verdict_tone": verdict_tone(experiment.verdict),
        "properties": [(name, value) for name, value in experiment.properties.items() if name not in _OWN_PROPERTIES],
        "body": _read_own_text(experiment, view),
        "sections": [*_read_sections(shown, view)],
        "mentions": [(one, view.find_commit(one.hash)[1]) for one in shown.mentions],
        "shown": shown,
        "seen": digest_experiment(experiment),
        "keywords": [*settings.keywords],
        "done_keywords": settings.done_names,
        "done_keyword": done_keyword(settings, experiment.state),
        "since": since.partition("T")[0],
        "reason": view.text.line(reason, experiment.ref) if reason else "",
        **read_run_values(view, shown),
    }
    return Page("experiment.html", f"{experiment.ref} {experiment.title}", values)


def _read_own_text(experiment: Experiment, view: View) -> Markup:
    """Return the text between the heading and the first one below it."""
    heading = experiment.heading
    text = heading.document.text
    begin, end = heading.after_planning, heading.end
    steps = experiment.steps_list if experiment.has_own_steps else None
    if steps is not None and len(steps.children) == len(experiment.steps):
        # They are shown as steps.
        return view.text.text(text[begin : steps.begin] + text[steps.end : end], experiment.ref)
    return view.text.text(text[begin:end], experiment.ref)


def _read_sections(shown: Shown, view: View) -> Iterator[Mapping[str, Any]]:
    """Yield what is below the headings of an experiment, in the order of the log."""
    experiment, config = shown.experiment, view.log.config
    steps_heading, conclusions = experiment.steps_heading, experiment.conclusions_heading
    if experiment.has_own_steps:
        own = {**_read_steps(shown, view), "before": "", "after": ""}
        yield {"title": config.steps, "kind": "steps", "state": None, **own}
    for heading in experiment.heading.children():
        title = strip_cookies(heading.title)
        name = title.lower()
        kind = "notes" if name == config.notes.lower() else ""
        if conclusions is not None and heading.begin == conclusions.begin:
            kind = "conclusion"
        section: dict[str, Any] = {"title": view.text.line(title, experiment.ref), "kind": kind, "state": heading.state}
        if steps_heading is not None and heading.begin == steps_heading.begin:
            yield {**section, "kind": "steps", **_read_steps(shown, view)}
        else:
            yield {**section, "text": view.text.text(_read_below(heading), experiment.ref)}


def _read_below(heading: Heading) -> bytes:
    """Return the text of a heading's subtree, without the heading itself, its planning and its properties."""
    begin = heading.drawer.end() if heading.drawer else heading.after_planning
    return heading.document.text[begin : heading.subtree_end]


def _read_steps(shown: Shown, view: View) -> dict[str, Any]:
    """Return the steps, and the text around their list."""
    experiment = shown.experiment
    heading, steps = experiment.steps_heading, experiment.steps_list
    if heading is None:
        return {"before": "", "steps": [], "after": ""}
    text = heading.document.text
    begin = heading.drawer.end() if heading.drawer else heading.after_planning
    if steps is None:
        return {"before": view.text.text(text[begin : heading.subtree_end], experiment.ref), "steps": [], "after": ""}
    ends = {child.begin: child.end for child in steps.children}
    return {
        "before": view.text.text(text[begin : steps.begin], experiment.ref),
        "steps": [_read_step(step, ends.get(step.item.begin, steps.end), shown, view) for step in experiment.steps],
        "after": view.text.text(text[steps.end : heading.subtree_end], experiment.ref),
    }


def _read_step(step: Step, end: int, shown: Shown, view: View) -> dict[str, Any]:
    """Return a step: its text, what is below it, and its commits."""
    experiment = shown.experiment
    heading = experiment.steps_heading
    text = heading.document.text if heading is not None else b""
    first_end = text.find(b"\n", step.item.begin, end)
    below = decode(text[first_end + 1 : end]) if first_end >= 0 else ""
    return {
        "step": step,
        "text": view.text.line(step.text, experiment.ref),
        "below": view.text.text(textwrap.dedent(below), experiment.ref) if below.strip() else "",
        "commits": [(name, *view.find_commit(name)) for name in step.commits],
        "is_active": shown.active == step.ref,
        "runs": sum(run.ref == step.ref for run in shown.runs),
    }
