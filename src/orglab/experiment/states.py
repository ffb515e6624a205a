"""What the TODO keywords of a log mean for an experiment: to begin, in progress, waiting, done, dropped."""

from collections.abc import Callable

from orglab.org.settings import Keyword, Settings

_WAITING = ("WAIT", "WAITING", "HOLD", "BLOCKED")
_BEGUN = ("INPROGRESS", "IN-PROGRESS", "DOING", "STARTED", "RUNNING", "ACTIVE")


def get_state_kind(state: str | None, settings: Settings) -> str | None:
    """Return what sort of state a keyword is: `todo`, `doing`, `waiting`, `done` or `dropped`; None for no keyword.

    A log has its own words.  Of each `#+TODO` line, the first one is for what
    is to begin and the first behind the bar for what went well; the others are
    for what is under way, and for what did not.
    """
    word = settings.keywords.get(state) if state else None
    if word is None:
        return None
    line = _line(word, settings)
    if word.is_done:
        return "done" if word.name == "DONE" or word == next(other for other in line if other.is_done) else "dropped"
    if word.name in _WAITING:
        return "waiting"
    return "doing" if _is_under_way(word, settings) else "todo"


def done_keyword(settings: Settings, like: str | None = None) -> str | None:
    """Return the keyword for work that is done: `DONE`, or the first done one, of the `#+TODO` line of `like`."""
    return _keyword(settings, "DONE", like, lambda word: word.is_done)


def todo_keyword(settings: Settings, like: str | None = None) -> str | None:
    """Return the keyword for work that is left: `TODO`, or the first, of the `#+TODO` line of `like`."""
    return _keyword(settings, "TODO", like, lambda word: not word.is_done)


def in_progress_keyword(settings: Settings, like: str | None = None) -> str | None:
    """Return the keyword for work in progress: `INPROGRESS`, or the second, of the `#+TODO` line of `like`."""
    return _keyword(settings, "INPROGRESS", like, lambda word: _is_under_way(word, settings))


def _line(word: Keyword, settings: Settings) -> list[Keyword]:
    """Return the keywords that stand in one `#+TODO` line with `word`."""
    return [other for other in settings.keywords.values() if other.sequence == word.sequence]


def _is_under_way(word: Keyword, settings: Settings) -> bool:
    """Return whether a keyword is for work that has begun: not the first of its line, nor one that waits."""
    if word.is_done or word.name in _WAITING:
        return False
    return word.name in _BEGUN or word != _line(word, settings)[0]


def _keyword(settings: Settings, name: str, like: str | None, fits: Callable[[Keyword], bool]) -> str | None:
    """Return a keyword that fits: best of the line of `like`, best called `name`; None if there is none."""
    words = settings.keywords
    line = words[like].sequence if like in words else None
    fitting = sorted(filter(fits, words.values()), key=lambda word: (word.sequence != line, word.name != name))
    return fitting[0].name if fitting else None
