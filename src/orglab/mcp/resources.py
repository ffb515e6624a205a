"""Resources: the brief, and experiments and steps as the text that the log has, at addresses such as `orglab://e201`."""

from orglab.api import Log
from orglab.errors import NotFoundError, OrglabError
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment
from orglab.mcp.bounds import LIMIT
from orglab.reference import parse_reference
from orglab.report.brief.brief_text import write_text
from orglab.text import clean, count, cut

SCHEME = "orglab://"
TEMPLATE = {
    "uriTemplate": f"{SCHEME}{{reference}}",
    "name": "reference",
    "description": "An experiment, such as e201, or a step of it, such as e201.1, as it is in the log.",
    "mimeType": "text/org",
}
BRIEF: dict[str, object] = {
    "uri": f"{SCHEME}brief",
    "name": "brief",
    "description": "What to know before work begins: what is active, best, tried in vain, concluded and waiting.",
    "mimeType": "text/plain",
}
_MOST_COMPLETED = 100  # the protocol allows no more
_NEWEST = 10
_MOST_LISTED = 30
_LONGEST_TITLE = 200


def list_resources(log: Log) -> list[dict[str, object]]:
    """Return the brief, the experiments in progress and the newest ones; all others are found by the template."""
    experiments = log.experiments()
    doing = [one for one in experiments if one.kind == "doing"]
    chosen = {one.ref: one for one in (*doing, *experiments[: -_NEWEST - 1 : -1])}
    return [BRIEF, *map(_describe, [*chosen.values()][:_MOST_LISTED])]


def _describe(experiment: Experiment) -> dict[str, object]:
    ref = clean(experiment.ref)
    title = cut(clean(experiment.title), _LONGEST_TITLE)
    return {"uri": SCHEME + ref, "name": ref, "description": title, "mimeType": "text/org"}


def read_resource(log: Log, uri: str) -> dict[str, object]:
    """Return the text of the brief, of an experiment or of a step.

    Raises:
        NotFoundError: There is none with this address.
    """
    reference = uri.removeprefix(SCHEME)
    if reference == uri:
        raise NotFoundError(f"An address begins with {SCHEME}, as in {SCHEME}e201.")
    if uri == BRIEF["uri"]:
        return {"uri": uri, "mimeType": BRIEF["mimeType"], "text": clean(write_text(log.brief()))}
    experiment, step = log.experiment(reference), parse_reference(reference).step
    begin, end = experiment.begin, experiment.end
    if step is not None:
        item = find_step(experiment, parse_reference(reference)).item
        begin, end = item.begin, item.end
    text = bytes(experiment.document.text[begin:end]).decode("utf-8", "replace")
    return {"uri": uri, "mimeType": "text/org", "text": _bound(clean(text).splitlines())}


def _bound(lines: list[str]) -> str:
    """Return lines as a text within LIMIT, the last of which says how many are left out."""
    room, kept = LIMIT - 100, []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    if not kept and lines:
        kept = [cut(lines[0], LIMIT // 8)]
    if rest := len(lines) - len(kept):
        kept.append(f"# {count(rest, 'line')} left out; the tool `show` has the rest.")
    return "\n".join([*kept, ""])


def complete(log: Log, begun: str) -> dict[str, object]:
    """Return the references that begin with a text, as the protocol has them."""
    try:
        found = [name for name, _ in log.complete_reference(begun)]
    except OrglabError:
        found = []
    values = [*map(clean, found[:_MOST_COMPLETED])]
    return {"values": values, "total": len(found), "hasMore": len(found) > len(values)}
