"""Precision and recall of resolving dead hashes: `python benchmarks/bench_hashes.py [SEED]... [--dead N]`.

Histories from make_history.py are evaluated in four variants: unchanged, with only objects and reflogs as evidence
(`plain`); with the map that the post-rewrite hook writes (`hook`); in a repository without reflogs in which refs keep
the old commits (`kept`); and in a fresh clone without the old commits (`clone`).
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from make_history import LOG, History, make_history
from measure import table

from orglab import open_log
from orglab.git.rewrites.successor import APPLIED

VARIANTS = ("plain", "hook", "kept", "clone")


def variant_of(history: History, variant: str, folder: Path) -> Path:
    """Return a copy of a history's repository, converted to a variant."""
    if variant == "clone":
        subprocess.run(["git", "clone", "--quiet", "--no-local", history.folder, folder], check=True)
        shutil.copy(history.folder / LOG, folder / LOG)
        return folder
    shutil.copytree(history.folder, folder)
    rewritten = folder / ".git" / "rewritten"
    if variant == "hook" and rewritten.exists():
        (folder / ".git" / "orglab").mkdir(exist_ok=True)
        shutil.move(rewritten, folder / ".git" / "orglab" / "rewrites")
    if variant == "kept":
        lines = "".join(f"update refs/orglab/keep/{commit.name} {commit.name}\n" for commit in history.played)
        subprocess.run(["git", "update-ref", "--stdin"], cwd=folder, input=lines, text=True, check=True)
        subprocess.run(["git", "reflog", "expire", "--expire=now", "--all"], cwd=folder, check=True)
        subprocess.run(["git", "gc", "--quiet", "--prune=now"], cwd=folder, check=True)
    return folder


def judge(history: History, folder: Path, counts: Counter, wrong: list[str] | None = None) -> float:
    """Count right and wrong answers of `check` by kind, and return the seconds it took."""
    begun = time.perf_counter()
    diagnostics = open_log(folder / LOG).check()
    seconds = time.perf_counter() - begun
    answers = {diagnostic.moved.hash: diagnostic.moved for diagnostic in diagnostics if diagnostic.moved is not None}
    for commit in history.played:
        answer = answers.get(commit.name[:9])
        is_right = answer is not None and (
            answer.living is None if commit.became is None else commit.became.startswith(answer.living or "-")
        )
        is_applied = answer is not None and answer.living is not None and answer.confidence >= APPLIED
        counts[commit.kind, "all"] += 1
        counts[commit.kind, "found"] += is_right
        counts[commit.kind, "applied"] += is_applied
        counts[commit.kind, "right"] += is_applied and is_right
        if wrong is not None and not is_right:
            given = (
                "nothing"
                if answer is None
                else f"{answer.living} {answer.confidence:.2f} {answer.method}: {answer.evidence}"
            )
            became = (commit.became or "dropped")[:9]
            wrong.append(
                f"{'APPLIED ' * is_applied}{commit.kind} {commit.name[:9]} became {became}; the answer was {given}"
            )
    return seconds


def main(
    seeds: list[int] | None = None, dead: int = 200, variants: tuple[str, ...] = VARIANTS, *, verbose: bool = False
) -> None:
    """Print a table of precision and recall for each variant."""
    counts: dict[str, Counter] = {variant: Counter() for variant in variants}
    seconds: dict[str, list[float]] = {variant: [] for variant in variants}
    with tempfile.TemporaryDirectory() as place:
        for seed in seeds or [1]:
            history = make_history(Path(place) / f"history{seed}", seed, dead)
            for variant in variants:
                wrong: list[str] = []
                folder = variant_of(history, variant, Path(place) / f"{variant}{seed}")
                seconds[variant].append(judge(history, folder, counts[variant], wrong))
                if verbose:
                    print(f"seed {seed}, {variant}", *wrong, sep="\n  ")
                shutil.rmtree(folder)
    for variant in variants:
        variant_counts = counts[variant]
        kinds = sorted({kind for kind, _ in variant_counts})
        rows = [("kind", "dead", "applied", "right", "precision", "recall")]
        for kind in (*kinds, "all"):
            summed = kinds if kind == "all" else [kind]
            total = {
                column: sum(variant_counts[each, column] for each in summed)
                for column in ("all", "applied", "right", "found")
            }
            precision = f"{total['right'] / total['applied']:.1%}" if total["applied"] else "-"
            rows.append((kind, str(total["all"]), str(total["applied"]), str(total["right"]), precision,
                         f"{total['found'] / max(1, total['all']):.1%}"))  # fmt: skip
        print(f"{variant}: {max(seconds[variant]):.1f} s at most")
        table(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("seeds", nargs="*", type=int, help="the seeds of the histories (default: 1)")
    parser.add_argument("--dead", type=int, default=200, help="recorded commits that die in each (default: 200)")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="only this variant")
    parser.add_argument("--verbose", action="store_true", help="print wrong answers")
    arguments = parser.parse_args()
    main(arguments.seeds, arguments.dead, tuple(arguments.variant or VARIANTS), verbose=arguments.verbose)
