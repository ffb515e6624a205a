"""Search results."""

from collections.abc import Iterator

from orglab.cli import output
from orglab.cli.output import clean, mark, paint
from orglab.search.hits import Hit, SearchResult
from orglab.search.passages import Passage

_PLACE_WIDTH = 12
_INDENT = "    "
# If a line is cut, the first match begins after this fraction of it: a third.
_BEFORE = 3
# In a pipe, a passage is cut to this; a block of code is one passage.
_PIPE_COLUMNS = 200


def hit_lines(result: SearchResult, journal: str) -> Iterator[str]:
    """Yield the hits of a search; `journal` is the path of the journal as it is shown."""
    for hit in result.hits:
        yield from _hit_lines(hit, journal)


def _hit_lines(hit: Hit, journal: str) -> Iterator[str]:
    """Yield a hit: a line with its title, and below it the passages that match."""
    form, head = hit.form, None
    if hit.kind == "experiment":
        verdict = form["verdict"] or ""
        begin = (paint(clean(form["ref"]), bold=True), paint(clean(form["state"] or "-"), state=form["kind"]))
        head = next((passage for passage in hit.passages if passage.place == "title"), None)
        text, spans = form["title"], head.spans if head is not None else []
        suffix = f"  {output.verdict(verdict)}" if verdict and form["is_done"] else ""
        suffix += paint("  archived", dim=True) if hit.is_archived else ""
    elif hit.kind == "commit":
        begin = (paint(clean(form["short"]), bold=True), "commit")
        subject = " ".join(form["message"].strip("\n").partition("\n\n")[0].split())
        head = next((passage for passage in hit.passages if passage.text == subject), None)
        text, spans = subject, head.spans if head is not None else []
        suffix = ""
    else:
        begin = (paint(clean(f"{journal}:{hit.line}"), bold=True), "journal")
        head = next((passage for passage in hit.passages if passage.text == form["title"]), None)
        text, spans = form["title"], head.spans if head is not None else []
        suffix = ""
    yield _line(
        "  ".join((*begin, paint((hit.at or "-")[:10], dim=True))) + "  ", text, spans, suffix, limit=output.columns()
    )
    for passage in hit.passages:
        if passage is not head:
            limit = output.columns() or _PIPE_COLUMNS
            yield _line(_INDENT + _where(passage), passage.text, passage.spans, limit=limit)


def _where(passage: Passage) -> str:
    """Return the place of a passage, with its date if it has one of its own."""
    name = passage.place.replace("_", " ")
    number = (passage.ref or "").rpartition(".")[2] if "." in (passage.ref or "") else ""
    label = paint(f"{name} {number}".ljust(_PLACE_WIDTH), dim=True)
    is_dated = passage.at and passage.place in ("note", "conclusion")
    return label + (paint(f"{(passage.at or '')[:10]}  ", dim=True) if is_dated else "")


def _line(begin: str, text: str, spans: list[tuple[int, int]], suffix: str = "", *, limit: int) -> str:
    """Return a line with the matches highlighted; cut to what is around the first match, unless `limit` is 0."""
    room = limit - output.width(output.plain(begin + suffix)) if limit else 0
    if limit and output.width(clean(text)) > room > 0:
        first = spans[0][0] if spans else 0
        start = 0 if len(text) <= room else max(0, min(first - room // _BEFORE, len(text) - room + 1))
        lead = "…" if start else ""
        stop = len(text)
        while stop > start and output.width(lead + clean(text[start:stop])) > room - (stop < len(text)):
            stop -= max(1, (output.width(clean(text[start:stop])) - room) // 2)
        spans = [(max(a, start) - start, min(b, stop) - start) for a, b in spans if a < stop and b > start]
        cut = text[start:stop]
        return (begin + lead + mark(cut, spans) + "…" * (stop < len(text)) + suffix).rstrip()
    return (begin + mark(text, spans) + suffix).rstrip()
