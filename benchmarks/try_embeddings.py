"""A trial: do sentence embeddings find what was tried better than words?  `python benchmarks/try_embeddings.py MODEL`.

MODEL is a folder with `model.safetensors` and `tokenizer.json` of all-MiniLM-L6-v2. The network (six layers of BERT and
a mean) is computed with numpy, so that no framework is needed besides numpy, scipy and tokenizers.

One JSON line per set: hit@3 of words, of embeddings (of titles and descriptions), and of both in turn; then, of what was
tried, how much a limit on the cosine marks, and how many new ideas raise a false alarm. The limit is the lowest with
which, on the other sets, at most a tenth of the new ideas raise one and nine tenths of what is marked are right.
"""
# ruff: noqa: ANN001, ANN201, ANN202, ANN204, D101, D102, D103, D107, E501

import json
import sys
from pathlib import Path

import numpy as np
from eval_similar import SETS, answer, read_set
from scipy.special import erf
from tokenizers import Tokenizer

LAYERS, HEADS, SIZE = 6, 12, 384


class Encoder:
    def __init__(self, folder):
        raw = (folder / "model.safetensors").read_bytes()
        start = 8 + int.from_bytes(raw[:8], "little")
        self.weights = {
            name: np.array(
                np.frombuffer(raw[start:][slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
            )
            for name, entry in json.loads(raw[8:start]).items()
            if name != "__metadata__" and entry["dtype"] == "F32"
        }
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)
        self.known = {}

    def encode(self, row):
        text = ". ".join(filter(None, (row["title"], row["description"])))
        if text not in self.known:
            self.known[text] = self._encode(self.tokenizer.encode(text).ids)
        return self.known[text]

    def _dense(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _encode(self, ids):
        count = len(ids)
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.position_embeddings.weight"][:count]
        x = self._norm(x + self.weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}"
            query, key, value = (
                self._dense(x, f"{at}.attention.self.{part}").reshape(count, HEADS, -1).transpose(1, 0, 2)
                for part in ("query", "key", "value")
            )
            scores = query @ key.transpose(0, 2, 1) / np.sqrt(SIZE / HEADS)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(count, SIZE)
            x = self._norm(x + self._dense(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
            inner = self._dense(x, f"{at}.intermediate.dense")
            inner = inner * (1 + erf(inner / np.sqrt(2))) / 2
            x = self._norm(x + self._dense(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        return x.mean(0) / np.linalg.norm(x.mean(0))


def ask(path, encoder):
    """Return of each query its relevant ids, the ids that words and cosines give, and the cosines."""
    asked = []
    for experiments, queries in read_set(path):
        vectors = np.stack([encoder.encode(row) for row in experiments])
        for query, found in zip(queries, answer(experiments, queries), strict=True):
            cosines = vectors @ encoder.encode(query)
            order = np.argsort(-cosines)
            asked.append((
                set(query["relevant"]), list(found.shown), [experiments[i]["id"] for i in order], cosines[order]
            ))  # fmt: skip
    return asked


def alternate(first, second):
    """Return three ids, one of each list in turn."""
    longest = max(len(first), len(second))
    turns = [name for at in range(longest) for name in (*first[at : at + 1], *second[at : at + 1])]
    return list(dict.fromkeys(turns))[:3]


def mark(asked, limit):
    """Return how much of what was tried is marked, the false alarms, and how much of what is marked is right."""
    found, alarms, right = [], [], []
    for relevant, _, names, cosines in asked:
        marked = [name for name, cosine in zip(names[:3], cosines, strict=False) if cosine >= limit]
        right += [name in relevant for name in marked]
        (found if relevant else alarms).append(any(name in relevant for name in marked) if relevant else bool(marked))
    return np.mean(found), np.mean(alarms), np.mean(right) if right else 0


def choose(asked):
    for limit in np.arange(0.3, 0.95, 0.01):
        _, alarms, right = mark(asked, limit)
        if alarms <= 0.1 and right >= 0.9:
            return limit
    return 1


def main():
    encoder = Encoder(Path(sys.argv[1]))
    sets = {path.stem: ask(path, encoder) for path in sorted(SETS.glob("*.jsonl"))}
    for name, asked in sets.items():
        tried = [one for one in asked if one[0]]
        hits = {
            "words": [bool(relevant & set(shown[:3])) for relevant, shown, _, _ in tried],
            "embeddings": [bool(relevant & set(names[:3])) for relevant, _, names, _ in tried],
            "both": [bool(relevant & set(alternate(shown, names))) for relevant, shown, names, _ in tried],
        }
        limit = choose([one for other, rows in sets.items() if other != name for one in rows])
        found, alarms, _ = mark(asked, limit)
        figures = {
            **{key: np.mean(value) for key, value in hits.items()},
            "limit": limit,
            "marked": found,
            "alarms": alarms,
        }
        print(json.dumps({"set": name, **{key: round(float(value), 3) for key, value in figures.items()}}), flush=True)


main()
