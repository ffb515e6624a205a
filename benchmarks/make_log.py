"""Make a synthetic experiment log, about 1.36 KB per experiment, the same for the same seed.

It has states, tags, drawers, notes with blocks and tables, checklists with
hashes, links, conclusions, and some non-ASCII words.
"""

import argparse
import datetime
import random
from collections.abc import Iterator
from pathlib import Path

WORDS = [
    "baseline",
    "encoder",
    "decoder",
    "dropout",
    "attention",
    "layer",
    "norm",
    "learning",
    "rate",
    "warmup",
    "schedule",
    "batch",
    "size",
    "gradient",
    "clipping",
    "loss",
    "plateau",
    "seed",
    "variance",
    "augmentation",
    "tokenizer",
    "vocabulary",
    "pretraining",
    "finetune",
    "checkpoint",
    "validation",
    "accuracy",
    "F1",
    "BLEU",
    "perplexity",
    "ablation",
    "weight",
    "decay",
    "mixup",
    "label",
    "smoothing",
    "cosine",
    "embedding",
    "residual",
    "convergence",
    "overfit",
    "regularisation",
    "dataset",
    "split",
    "held-out",
    "metric",
    "GPU",
    "memory",
    "throughput",
    "mixed",
    "precision",
    "résumé",
    "naïve",
    "Σ",
]
STATES = ["TODO"] * 4 + ["INPROGRESS"] * 2 + ["DONE"] * 4 + ["CANCELED"]
TAGS = ["nlp", "vision", "speech", "ablation", "infra", "data", "@home", "urgent"]
HEADER = (
    "#+TITLE: Experiment log\n#+TODO: TODO(t) INPROGRESS(i!) | DONE(d!) CANCELED(c@)\n"
    "#+FILETAGS: :lab:\n#+STARTUP: overview\n\n"
)


def sentence(rng: random.Random, words: int) -> str:
    """Return a sentence of `words` random words."""
    return " ".join(rng.choice(WORDS) for _ in range(words)).capitalize()


def paragraph(rng: random.Random, sentences: int) -> Iterator[str]:
    """Yield the lines of a paragraph, wrapped at 72 columns."""
    line = ""
    for word in ". ".join(sentence(rng, rng.randint(8, 16)) for _ in range(sentences)).split():
        if len(line) + len(word) > 71:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line + "."


def experiment(rng: random.Random, number: int, when: datetime.datetime) -> Iterator[str]:
    """Yield the lines of one experiment."""
    state = rng.choice(STATES)
    closed = state in ("DONE", "CANCELED")
    steps = [closed or rng.random() < 0.45 for _ in range(rng.randint(3, 8))]
    tags = ":".join(["@work", "exp", *rng.sample(TAGS, rng.randint(0, 2))])
    child = "DONE" if closed else "TODO"
    yield f"* {state} [{number}] {sentence(rng, 4)} model [{100 if closed else 0}%]   :{tags}:"
    if closed:
        yield f"  CLOSED: {when + datetime.timedelta(days=3):[%Y-%m-%d %a %H:%M]}"
    yield from ("  :PROPERTIES:", f"  :ID:       {number}", "  :END:", f"  {when:[%Y-%m-%d %a %H:%M]}")
    yield f"- {sentence(rng, 12)}."
    if number > 1:
        other = rng.randint(1, number - 1)
        yield f"- Follows up on [[id:{other}][experiment {other}]]."
    yield "** Notes"
    yield from paragraph(rng, rng.randint(2, 4))
    if rng.random() < 0.4:
        yield from ("#+begin_src sh", f"python train.py --lr {rng.random() / 100:.5f}", ",* not a heading", "#+end_src")
    if rng.random() < 0.3:
        yield from ("| run | acc |", "|-----+-----|", *(f"| {run} | {rng.random():.3f} |" for run in range(3)))
    yield f"** {child} Experiments [{sum(steps)}/{len(steps)}]"
    for place, done in enumerate(steps, 1):
        behind = f" ({rng.getrandbits(28):07x})" if done else ""
        yield f"{place}. [{'X' if done else ' '}] {sentence(rng, rng.randint(4, 9))}{behind}"
        if rng.random() < 0.35:
            yield f"   {sentence(rng, rng.randint(5, 9))}."
    yield f"** {child} Conclusions"
    if closed:
        yield from paragraph(rng, rng.randint(2, 4))


def make_log(path: Path, count: int, seed: int = 1) -> None:
    """Write a log of `count` experiments to `path`."""
    rng = random.Random(seed)  # noqa: S311 - not a secret
    when = datetime.datetime(2018, 6, 6, 16, 16)  # noqa: DTZ001 - Org times are local
    lines: list[str] = []
    for number in range(1, count + 1):
        lines += experiment(rng, number, when)
        when += datetime.timedelta(hours=rng.randint(1, 6))
    path.write_bytes((HEADER + "\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    make_log(arguments.path, arguments.count, arguments.seed)
