"""The meaning of a log's TODO keywords for an experiment: to do, in progress, waiting, done or dropped."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from orglab.org.settings import Keyword, Settings

# How each kind is told after the number of experiments of it.
KIND_WORDS = {
    "todo": "to do", "doing": "in progress", "waiting": "waiting", "done": "done", "dropped": "dropped",
    "without_state": "without a state",
}  # fmt: skip
_WAITING = ("WAIT", "WAITING", "HOLD", "BLOCKED")
# How much of a misspelled verdict must agree, so that `partly supported` is a word of its own.
_SIMILAR = 0.8
_IN_PROGRESS = ("INPROGRESS", "IN-PROGRESS", "DOING", "STARTED", "RUNNING", "ACTIVE")


def get_state_kind(state: str | None, settings: Settings) -> str | None:
    """Return the kind of a state: `todo`, `doing`, `waiting`, `done` or `dropped`; None for no keyword.

    A log may define its own keywords.  In each `#+TODO` line, the first keyword means to do and
    the first one after the bar means done; the other keywords before the bar mean in progress,
    and the others after it mean dropped.  A few common names are recognized in any position.
    """
    word = settings.keywords.get(state) if state else None
    if word is None:
        return None
    line = _line(word, settings)
    if word.is_done:
        return "done" if word.name == "DONE" or word == next(other for other in line if other.is_done) else "dropped"
    if word.name in _WAITING:
        return "waiting"
    return "doing" if _is_in_progress(word, settings) else "todo"


def count_kinds(kinds: Iterable[str | None]) -> "Counter[str]":
    """Return how many there are of each kind in KIND_WORDS; no kind, for no keyword, counts as `without_state`."""
    return Counter(kind or "without_state" for kind in kinds)


def describe_kinds(counts: Mapping[str, int]) -> str:
    """Return how many experiments there are of each kind, in the order of KIND_WORDS; empty for none."""
    return ", ".join(f"{counts[kind]} {word}" for kind, word in KIND_WORDS.items() if kind in counts)


def done_keyword(settings: Settings, like: str | None = None) -> str | None:
    """Return the done keyword, preferably in the `#+TODO` line of `like`: `DONE`, else the first done keyword."""
    return _find_keyword(settings, "DONE", like, lambda word: word.is_done)


def todo_keyword(settings: Settings, like: str | None = None) -> str | None:
    """Return the keyword for open work, preferably in the `#+TODO` line of `like`: `TODO`, else the first one."""
    return _find_keyword(settings, "TODO", like, lambda word: not word.is_done)


def in_progress_keyword(settings: Settings, like: str | None = None) -> str | None:
    """Return the keyword for work in progress, preferably in the line of `like`: `INPROGRESS`, else the first one."""
    return _find_keyword(settings, "INPROGRESS", like, lambda word: _is_in_progress(word, settings))


def _line(word: Keyword, settings: Settings) -> list[Keyword]:
    """Return the keywords in the same `#+TODO` line as `word`."""
    return [other for other in settings.keywords.values() if other.sequence == word.sequence]


def _is_in_progress(word: Keyword, settings: Settings) -> bool:
    """Return whether a keyword is for work in progress: neither the first of its line, nor waiting, nor done."""
    if word.is_done or word.name in _WAITING:
        return False
    return word.name in _IN_PROGRESS or word != _line(word, settings)[0]


def _find_keyword(settings: Settings, name: str, like: str | None, fits: Callable[[Keyword], bool]) -> str | None:
    """Return a keyword that `fits` accepts, preferably in the line of `like`, then one called `name`; else None."""
    words = settings.keywords
    line = words[like].sequence if like in words else None
    candidates = sorted(filter(fits, words.values()), key=lambda word: (word.sequence != line, word.name != name))
    return candidates[0].name if candidates else None


def find_near_verdict(word: str, verdicts: Sequence[str]) -> str | None:
    """Return the verdict that a misspelled word probably means; None if it is a verdict, or like none."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for a word that may be misspelled

    if word in verdicts:
        return None
    near = get_close_matches(word.casefold(), verdicts, 1, _SIMILAR)
    return near[0] if near else None
