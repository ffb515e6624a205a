"""The page of a search: each hit with the lines that match."""

import re
from contextlib import suppress

from orglab.errors import NotFoundError, UsageError
from orglab.git.message import read_references
from orglab.runs.record import Run
from orglab.search.hits import FoundCommit, FoundExperiment, Hit
from orglab.search.passages import Passage
from orglab.text import count
from orglab.web.site import Page, View
from orglab.web.tones import state_tone, verdict_tone

_MOST = 50
_RUN_ID = re.compile(r"(?:\d{8}-\d{6}-)?[0-9a-f]{4,16}")


def make_search_page(view: View) -> Page:
    """Return the hits of the query `q`."""
    words, problem, hits, found = view.first("q"), "", [], ""
    if words:
        try:
            result = view.log.search(words, limit=_MOST)
        except UsageError as error:
            problem = str(error)
        else:
            view.link_commits(hit.found.hash for hit in result.hits if isinstance(hit.found, FoundCommit))
            hits = [_describe(hit, view) for hit in result.hits]
            found = count(result.count, "hit", "grouped") + ("" if result.has_all else ", none with all words")
    run = _find_run(words, view)
    values = {"words": words, "run": run, "problem": problem, "hits": hits, "found": found, "most": _MOST}
    return Page("search.html", "Search", values)


def _find_run(words: str, view: View) -> Run | None:
    """Return the run whose id, or the part of it that tables show, is searched for."""
    if not _RUN_ID.fullmatch(words):
        return None
    with suppress(NotFoundError, UsageError):
        return view.log.find_run(words)
    return None


def _describe(hit: Hit, view: View) -> dict[str, object]:
    """Return a hit: what it is, its title with the matches in it, and the other passages that match."""
    found = hit.found
    title = found.message.strip("\n").partition("\n\n")[0] if isinstance(found, FoundCommit) else found.title
    title = " ".join(title.split())
    head = next((one for one in hit.passages if title in (one.text, " ".join(one.text.split()))), None)
    described: dict[str, object] = {
        "kind": hit.kind,
        "title": split_matches(title, head.spans if head is not None else []),
        "at": (hit.at or "")[:10],
        "line": hit.line,
        "is_archived": hit.is_archived,
        "passages": [_describe_passage(one, view) for one in hit.passages if one is not head],
    }
    if isinstance(found, FoundExperiment):
        is_judged = found.is_done and found.verdict
        tone = verdict_tone(found.verdict) if is_judged else state_tone(found.kind)
        described |= {
            "ref": found.ref,
            "word": (is_judged and found.verdict) or found.state or "no state",
            "tone": tone,
        }
    elif isinstance(found, FoundCommit):
        letter = view.log.config.letter
        named = read_references(found.message.encode("utf-8", "replace"), letter)
        described["commit"] = (found.short, *view.find_commit(found.hash))
        described["refs"] = [one.spell(letter) for one in dict.fromkeys(named)]
    return described


def _describe_passage(passage: Passage, view: View) -> dict[str, object]:
    ref = passage.ref or ""
    return {
        "place": passage.place.replace("_", " "),
        "ref": ref if "." in ref else "",
        "at": (passage.at or "")[:10] if passage.place in ("note", "conclusion") else "",
        "pieces": split_matches(passage.text, passage.spans),
        "address": view.addresses.experiment(ref) if ref else "",
    }


def split_matches(text: str, spans: list[tuple[int, int]]) -> list[tuple[bool, str]]:
    """Return the pieces of a text, each with whether it matches."""
    pieces, end = [], 0
    for begin, stop in spans:
        pieces += [(False, text[end:begin]), (True, text[begin:stop])]
        end = stop
    return [piece for piece in (*pieces, (False, text[end:])) if piece[1]]
