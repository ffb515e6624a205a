"""The page of what was tried: the experiments most similar to an idea, or all by topic."""

from collections import Counter
from collections.abc import Iterable

from orglab.search.similar.precedent import Precedent
from orglab.search.similarity import Map, TriedExperiment
from orglab.web.site import Page, View
from orglab.web.tones import state_tone, verdict_tone

_MOST_GROUPS = 6
"""How many ideas of a topic, and experiments of an idea, are shown before they are folded."""


def make_tried_page(view: View) -> Page:
    """Return what tried the idea `q`; without one, everything that was tried."""
    words = view.first("q")
    values: dict[str, object] = {"words": words, "found": [], "topics": [], "most_groups": _MOST_GROUPS}
    if words:
        values["found"] = describe_precedents(view.log.similar(words), view)
    else:
        values["topics"] = _describe_map(view.log.tried(), view)
    return Page("tried.html", "Tried", values)


def make_tried_before(view: View) -> Page:
    """Return what was tried before a new experiment with the title `title` and the description `description`."""
    title, description = view.first("title"), view.first("description")
    found = view.log.similar_to_new(title, description) if len(title) > 3 else []  # noqa: PLR2004 - too short to tell
    return Page("tried_before.html", "Tried before", {"found": describe_precedents(found, view)})


def describe_precedents(found: Iterable[Precedent], view: View) -> list[dict[str, object]]:
    """Return experiments that tried an idea, as the template shows them."""
    return [
        {
            "ref": one.ref,
            "title": view.text.line(one.title, one.ref),
            "word": one.verdict or one.state or "no state",
            "tone": verdict_tone(one.verdict),
            "outcome": view.text.line(one.outcome, one.ref),
            "why": str(one.why),
            "is_sure": one.is_sure,
        }
        for one in found
    ]


def _describe_map(overview: Map, view: View) -> list[dict[str, object]]:
    return [
        {
            "name": topic.name or ("other" if len(overview.topics) > 1 else "all"),
            "counts": Counter(overview.experiments[number].verdict_word for number in topic.numbers).most_common(),
            "groups": [
                {
                    "name": group.name or ("no common idea" if len(topic.groups) > 1 else ""),
                    "experiments": [
                        _describe(overview.experiments[number], view) for number in overview.newest_first(group.numbers)
                    ],
                }
                for group in topic.groups
            ],
        }
        for topic in overview.topics
    ]


def _describe(tried: TriedExperiment, view: View) -> dict[str, object]:
    return {
        "ref": tried.ref,
        "title": view.text.line(tried.title, tried.ref),
        "word": tried.verdict or tried.state or "no state",
        "tone": verdict_tone(tried.verdict) if tried.verdict else state_tone(tried.kind),
        "outcome": view.text.line(tried.outcome, tried.ref),
    }
