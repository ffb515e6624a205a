"""Hostile text shapes: how much longer twice the text takes. A ratio of 2 is linear, 4 is quadratic."""

import gc
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import orgtext
from orglab.experiment.escape import escape_lines
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.report.content.org_blocks import read_org
from orglab.report.content.org_inlines import TextContext
from orglab.search.similar.explanation import find_outcome_sentence
from orglab.search.similar.features import ExperimentText, extract_features
from orglab.search.similar.lexicon import parse_terms, read_lexicon

GOAL = 2.3
_MIN_SECONDS = 0.03  # long enough to measure, and for quadratic behaviour to show
_MAX_SIZE = 2_000_000
_TRIES = 3


def read_and_recount(raw: bytes) -> None:
    """Parse a text, read all objects, and recount the cookies."""
    document = Document(raw)
    orgtext.read_all(document)
    document.apply(recount_cookies(document))


def compare_words(text: str) -> None:
    """Compute the features that are compared, of an experiment whose texts all are this one."""
    extract_features(ExperimentText(text, text, (text,) * 9, text), read_lexicon(""))
    parse_terms(text)
    find_outcome_sentence(text)


def best_time(run: Callable[[], object]) -> float:
    """Return the shortest of a few runs, since other load on the machine only adds time."""
    seconds = []
    for _ in range(_TRIES):
        gc.collect()
        gc.disable()
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
        gc.enable()
    return min(seconds)


def growth(make: Callable[[int], Callable[[], object]]) -> tuple[int, float, float]:
    """Return the size, the seconds it takes, and the ratio for twice the size."""
    size = 10_000
    while (short := best_time(make(size))) < _MIN_SECONDS and size < _MAX_SIZE:
        size *= 2
    return size, short, best_time(make(2 * size)) / short


def subjects() -> dict[str, Callable[[int], Callable[[], object]]]:
    """Return the subjects: functions from a size to a call to measure."""

    def org(shape: str) -> Callable[[int], Callable[[], object]]:
        return lambda size: partial(read_and_recount, orgtext.HOSTILE[shape](size))

    def report(shape: str) -> Callable[[int], Callable[[], object]]:
        context = TextContext(Path())
        return lambda size: partial(read_org, orgtext.HOSTILE[shape](size).decode("utf-8", "replace"), context)

    def blocks(size: int) -> Callable[[], object]:
        text = "#+begin_src\n#+begin_quote\n" * (size // 40) + "#+end_quote\n" * (size // 40)
        return lambda: escape_lines(text, blocks=True)

    def words(piece: str) -> Callable[[int], Callable[[], object]]:
        return lambda size: partial(compare_words, piece * (size // len(piece)))

    makers = {f"org: {shape}": org(shape) for shape in orgtext.HOSTILE}
    makers |= {f"report: {shape}": report(shape) for shape in orgtext.HOSTILE}
    makers["note: unclosed blocks"] = blocks
    makers |= {f"similar: {piece.strip()[:12]}": words(piece) for piece in (
        "a ", "train model ", "=", ".", "small large ", "a" * 50 + " ",
        "学习率预热", "learning rate ", "one + ", "é\u0301",
    )}  # fmt: skip
    return makers


def main() -> None:
    """Print a table of all shapes."""
    rows = [("hostile shape", "bytes", "seconds", "ratio for twice the text", "goal")]
    for name, make in subjects().items():
        size, seconds, ratio = growth(make)
        rows.append((name, str(size), f"{seconds:.3f}", f"{ratio:.1f}", f"< {GOAL}"))
    table(rows)


if __name__ == "__main__":
    main()
