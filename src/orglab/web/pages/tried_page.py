"""The page of what was tried: the experiments closest to an idea, or all by topic."""

from collections import Counter
from collections.abc import Iterable

from orglab.org.timestamp import skip_date
from orglab.search.similar.precedent import SURE, Precedent
from orglab.search.similar.topics import Topic
from orglab.search.similarity import Map, TriedExperiment
from orglab.web.site import Page, View
from orglab.web.tones import state_tone, verdict_tone

_MOST_TOPICS, _MOST_GROUPS, _MOST_EXPERIMENTS = 12, 6, 8
"""How much of the map of a large log is shown; a topic of its own has all."""


def make_tried_page(view: View) -> Page:
    """Return the experiments closest to the idea `q`; without one, everything that was tried."""
    words, tag = view.first("q"), view.first("tag")
    values: dict[str, object] = {"words": words, "tag": tag, "found": [], "topics": [], "more_topics": []}
    if words:
        values["found"] = describe_precedents(view.log.similar(words), view)
    else:
        overview = view.log.tried(tags=[tag] if tag else [])
        is_whole = view.is_export or bool(tag)
        topics = [topic for topic in overview.topics if not tag or topic.name == tag]
        shown = topics if is_whole else topics[:_MOST_TOPICS]
        values["topics"] = [_describe_topic(topic, overview, view, is_whole=is_whole) for topic in shown]
        values["more_topics"] = [topic.name for topic in topics[len(shown) :] if topic.name]
    return Page("tried.html", "Tried", values)


def make_tried_before(view: View) -> Page:
    """Return what surely tried the idea of a new experiment, with its `title` and `description`."""
    title, description = view.first("title"), view.first("description")
    found = view.log.similar_to_new(title, description) if len(title) > 3 else []  # noqa: PLR2004 - too short to tell
    return Page("tried_before.html", "Tried before", {"found": describe_precedents(found, view)})


def describe_precedents(found: Iterable[Precedent], view: View) -> list[dict[str, object]]:
    """Return the experiments that are close to an idea, as the template shows them."""
    return [
        {
            "ref": one.ref,
            "title": view.text.line(skip_date(one.title), one.ref),
            "word": one.verdict or one.state or "no state",
            "tone": verdict_tone(one.verdict),
            "outcome": view.text.line(one.outcome, one.ref),
            "why": str(one.why),
            "sure": SURE if one.is_sure else "",
        }
        for one in found
    ]


def _describe_topic(topic: Topic, overview: Map, view: View, *, is_whole: bool) -> dict[str, object]:
    """Return a topic with its ideas and their experiments, the newest first; without `is_whole` only the first ones."""
    groups = topic.groups if is_whole else topic.groups[:_MOST_GROUPS]
    described = []
    for group in groups:
        numbers = overview.newest_first(group.numbers)
        shown = numbers if is_whole else numbers[:_MOST_EXPERIMENTS]
        described.append({
            "name": group.name or ("no common idea" if len(topic.groups) > 1 else ""),
            "count": len(numbers),
            "experiments": [_describe(overview.experiments[number], view) for number in shown],
            "more": len(numbers) - len(shown),
        })  # fmt: skip
    return {
        "tag": topic.name,
        "name": topic.name or ("other" if len(overview.topics) > 1 else "all"),
        "counts": Counter(overview.experiments[number].verdict_word for number in topic.numbers).most_common(),
        "groups": described,
        "more": sum(len(group.numbers) for group in topic.groups[len(groups) :]),
    }


def _describe(tried: TriedExperiment, view: View) -> dict[str, object]:
    return {
        "ref": tried.ref,
        "title": view.text.line(skip_date(tried.title), tried.ref),
        "word": tried.verdict or tried.state or "no state",
        "tone": verdict_tone(tried.verdict) if tried.verdict else state_tone(tried.kind),
        "outcome": view.text.line(tried.outcome, tried.ref),
    }
