"""How well `orglab tried TEXT` finds similar experiments: `python benchmarks/eval_similar.py SET.jsonl`.

SET has one JSON object per line, experiments and queries, like tests/similar/own.jsonl. One JSON line is printed to
standard output: recall at 1 and 3, and the share of queries without relevant experiments that got results anyway.
For comparison a plain BM25, which always returns results, is measured and printed to standard error.

recall@k of a query = relevant ids in the first k / min(k, number of relevant ids), averaged over the queries with
relevant experiments; hit@3: at least one relevant id in the first three; silent: no results.
"""

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orglab.search.similar.collection import Collection
from orglab.search.similar.features import ExperimentText, extract_features
from orglab.search.similar.fusion import find_similar
from orglab.search.similar.lexicon import Lexicon, read_lexicon

Rows = list[dict[str, Any]]
Results = list[list[str]]


def read_set(path: Path) -> tuple[Rows, Rows]:
    """Return the experiments and the queries of a set."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [row for row in rows if row["kind"] == "experiment"], [row for row in rows if row["kind"] == "query"]


def answer(experiments: Rows, queries: Rows, lexicon: Lexicon | None = None) -> Results:
    """Return the ids of the similar experiments for each query, best first."""
    lexicon = lexicon or read_lexicon()
    collection = Collection.of(extract_features(record(row), lexicon) for row in experiments)
    records = [ExperimentText(row["title"], row["description"]) for row in queries]
    results = [find_similar(extract_features(query, lexicon), collection) for query in records]
    return [[experiments[match.number]["id"] for match in matches] for matches in results]


def record(row: dict[str, Any]) -> ExperimentText:
    """Return the texts of an experiment in a set."""
    return ExperimentText(row["title"], row["description"], tuple(row["steps"]), row["conclusion"])


def answer_plainly(experiments: Rows, queries: Rows, k1: float = 1.2, b: float = 0.75) -> Results:
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
        results.append([name for _, name in sorted(scores)[:3]])
    return results


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def judge(queries: Rows, results: Results) -> dict[str, Any]:
    """Return the measures of some results, for all queries and by type."""
    by_type: dict[str, list[tuple[float, ...]]] = {}
    alarms = []
    for query, found in zip(queries, results, strict=True):
        relevant = set(query["relevant"])
        if not relevant:
            alarms.append(bool(found))
            continue
        recalls = [len(relevant & set(found[:k])) / min(k, len(relevant)) for k in (1, 3)]
        by_type.setdefault(query["type"], []).append(
            (*recalls, float(bool(relevant & set(found[:3]))), float(not found))
        )
    return {
        **_means([one for found in by_type.values() for one in found]),
        "false_alarm": round(sum(alarms) / len(alarms), 4) if alarms else None,
        "none_n": len(alarms),
        "by_type": {name: _means(found) for name, found in sorted(by_type.items())},
    }


def _means(found: Sequence[tuple[float, ...]]) -> dict[str, Any]:
    names = ("recall@1", "recall@3", "hit@3", "silent")
    means = [round(sum(column) / len(found), 4) for column in zip(*found, strict=True)] or [None] * len(names)
    return {"n": len(found), **dict(zip(names, means, strict=True))}


def main(arguments: Sequence[str]) -> int:
    """Evaluate a set."""
    if len(arguments) != 1:
        print("usage: eval_similar.py SET.jsonl", file=sys.stderr)
        return 2
    experiments, queries = read_set(Path(arguments[0]))
    print(json.dumps(judge(queries, answer(experiments, queries))), flush=True)
    print(f"plain BM25: {json.dumps(judge(queries, answer_plainly(experiments, queries)))}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
