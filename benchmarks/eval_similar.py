"""How well `orglab tried TEXT` finds what was tried: `python benchmarks/eval_similar.py [SET.jsonl ...]`.

SET has one JSON object per line, experiments and queries, like tests/similar/own.jsonl; with `log`, those of each log
are compared only with each other. Without SET, all sets of tests/similar are measured, first the one that nothing was
tuned on. One JSON line per set is printed to standard output:

- recall@k of a query = relevant ids in the first k / min(k, number of relevant ids), averaged over the queries with
  relevant experiments; hit@3: at least one relevant id in the first three; silent: nothing is shown;
- precision: the share of what is shown that is relevant, of queries with relevant experiments;
- `sure`: the precision of what is marked as sure, of all queries; the queries with relevant experiments of which one is
  marked (found); and the queries without any of which something is marked (false_alarms), as `orglab new` shows it.

For comparison a plain BM25, which always shows three, is measured and printed to standard error.
"""

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from orglab.search.similar.collection import Collection
from orglab.search.similar.features import ExperimentText, extract_features
from orglab.search.similar.fusion import find_similar
from orglab.search.similar.lexicon import Lexicon, read_lexicon

Rows = list[dict[str, Any]]
SETS = Path(__file__).resolve().parent.parent / "tests" / "similar"
UNTUNED = "other_fields"


class Found(NamedTuple):
    """What is shown for a query.

    Attributes:
        shown: The ids of the experiments, the closest first.
        sure: Those of them that are marked as sure.
    """

    shown: list[str]
    sure: list[str]


def read_set(path: Path) -> list[tuple[Rows, Rows]]:
    """Return the experiments and the queries of each log of a set."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    logs = [[row for row in rows if row.get("log") == name] for name in dict.fromkeys(row.get("log") for row in rows)]
    return [
        ([row for row in log if row["kind"] == "experiment"], [row for row in log if row["kind"] == "query"])
        for log in logs
    ]


def answer(experiments: Rows, queries: Rows, lexicon: Lexicon | None = None) -> list[Found]:
    """Return what is shown for each query."""
    lexicon = lexicon or read_lexicon()
    collection = Collection.of(extract_features(record(row), lexicon) for row in experiments)
    records = [ExperimentText(row["title"], row["description"]) for row in queries]
    results = [find_similar(extract_features(query, lexicon), collection) for query in records]
    names = [row["id"] for row in experiments]
    return [
        Found([names[match.number] for match in matches], [names[match.number] for match in matches if match.is_sure])
        for matches in results
    ]


def record(row: dict[str, Any]) -> ExperimentText:
    """Return the texts of an experiment in a set."""
    return ExperimentText(row["title"], row["description"], tuple(row["steps"]), row["conclusion"])


def answer_plainly(experiments: Rows, queries: Rows, k1: float = 1.2, b: float = 0.75) -> list[Found]:
    """Return the three best experiments for each query by plain BM25, however low their scores."""
    texts = [" ".join([row["title"], row["description"], *row["steps"], row["conclusion"]]) for row in experiments]
    counts = [Counter(_words(text)) for text in texts]
    mean = sum(map(Counter.total, counts)) / len(counts)
    frequencies = Counter(word for count in counts for word in count)
    weights = {word: math.log(1 + (len(counts) - many + 0.5) / (many + 0.5)) for word, many in frequencies.items()}
    results = []
    for query in queries:
        query_words = set(_words(f"{query['title']} {query['description']}"))
        scores = []
        for row, count in zip(experiments, counts, strict=True):
            length = k1 * (1 - b + b * count.total() / mean)
            score = sum(
                weights[word] * count[word] * (k1 + 1) / (count[word] + length) for word in query_words if word in count
            )
            scores.append((-score, row["id"]))
        results.append(Found([name for _, name in sorted(scores)[:3]], []))
    return results


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def judge(queries: Rows, results: Sequence[Found]) -> dict[str, Any]:
    """Return the measures of some results, for all queries and by type."""
    by_type: dict[str, list[tuple[float, ...]]] = {}
    alarms, marked, shown = [], [], []
    for query, found in zip(queries, results, strict=True):
        relevant = set(query["relevant"])
        marked += [name in relevant for name in found.sure]
        if not relevant:
            alarms.append(bool(found.sure))
            continue
        shown += [name in relevant for name in found.shown]
        recalls = [len(relevant & set(found.shown[:k])) / min(k, len(relevant)) for k in (1, 3)]
        is_hit, is_found = (bool(relevant & set(names)) for names in (found.shown[:3], found.sure))
        by_type.setdefault(query["type"], []).append((*recalls, is_hit, not found.shown, is_found))
    means = _means([one for found in by_type.values() for one in found])
    return {
        **{name: value for name, value in means.items() if name != "found"},
        "precision": _mean(shown),
        "sure": {"precision": _mean(marked), "found": means["found"], "false_alarms": _mean(alarms), "n": len(marked)},
        "none_n": len(alarms),
        "by_type": {name: _means(found) for name, found in sorted(by_type.items())},
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _means(rows: Sequence[tuple[float, ...]]) -> dict[str, Any]:
    names = ("recall@1", "recall@3", "hit@3", "silent", "found")
    return {"n": len(rows), **{name: _mean([row[at] for row in rows]) for at, name in enumerate(names)}}


def evaluate(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the measures of a set, and those of the plain BM25."""
    logs = read_set(path)
    queries = [query for _, own in logs for query in own]
    found, plain = ([one for log in logs for one in find(*log)] for find in (answer, answer_plainly))
    return judge(queries, found), judge(queries, plain)


def main(arguments: Sequence[str]) -> int:
    """Evaluate sets."""
    paths = [*map(Path, arguments)] or sorted(SETS.glob("*.jsonl"), key=lambda path: (path.stem != UNTUNED, path.stem))
    for path in paths:
        measured, plain = evaluate(path)
        print(json.dumps({"set": path.stem, **measured}), flush=True)
        print(f"plain BM25: {json.dumps(plain)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
