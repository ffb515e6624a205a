"""How a reference is spelled; apart from what else is known of references, for this starts at once."""

import re

_SPELLING = re.compile(r"(\[)?([A-Za-z0-9_-]+)(?:\.([0-9]{1,9}))?(?(1)\])")


def read_spelling(text: str) -> tuple[str, int | None] | None:
    """Return the id and the step that `201`, `e201`, `[e201.1]` or `201.1` names; None if it is none of these."""
    match = _SPELLING.fullmatch(text.strip())
    return None if match is None else (match.group(2), int(match.group(3)) if match.group(3) else None)
