"""Compare what commands print as JSON with what it should be."""

import json
import math


def ask(lab, *words):
    return json.loads(lab.orglab(*words, "--json").out)


def find_differences(where, expected, found):
    """Yield what differs between two JSON values; keys that are only in `found` are left alone."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            yield from find_differences(f"{where}.{name}", value, found.get(name, "missing"))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for place, pair in enumerate(zip(expected, found, strict=True)):
            yield from find_differences(f"{where}[{place}]", *pair)
    elif isinstance(expected, float) and isinstance(found, int | float) and not isinstance(found, bool):
        if not math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-12):
            yield f"{where}: {expected!r} expected, {found!r} found"
    elif expected != found:
        yield f"{where}: {expected!r} expected, {found!r} found"


def find_exact_differences(where, expected, found):
    """Yield what differs, also the keys of two mappings."""
    if expected.keys() != found.keys():
        yield f"{where}: {sorted(expected)} expected, {sorted(found)} found"
    yield from find_differences(where, expected, found)
