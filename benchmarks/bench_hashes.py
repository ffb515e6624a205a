"""How well dead hashes are resolved: `python benchmarks/bench_hashes.py [SEED]... [--dead N]`.

Histories of make_history.py are judged in four variants: as they are, where only objects and reflogs tell (`plain`);
with the map that the post-rewrite hook writes (`hook`); in a repository without reflogs whose old commits are there
because they were recorded (`kept`); and in a fresh clone, which has none of the old commits (`clone`).
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
    """Return a copy of a history's repository, made into a variant."""
    if variant == "clone":
        subprocess.run(["git", "clone", "--quiet", "--no-local", history.folder, folder], check=True)
        shutil.copy(history.folder / LOG, folder / LOG)
        return folder
    shutil.copytree(history.folder, folder)
    told = folder / ".git" / "told"
    if variant == "hook" and told.exists():
        (folder / ".git" / "orglab").mkdir(exist_ok=True)
        shutil.move(told, folder / ".git" / "orglab" / "rewrites")
    if variant == "kept":
        lines = "".join(f"update refs/orglab/keep/{one.name} {one.name}\n" for one in history.played)
        subprocess.run(["git", "update-ref", "--stdin"], cwd=folder, input=lines, text=True, check=True)
        subprocess.run(["git", "reflog", "expire", "--expire=now", "--all"], cwd=folder, check=True)
        subprocess.run(["git", "gc", "--quiet", "--prune=now"], cwd=folder, check=True)
    return folder


def judge(history: History, folder: Path, counts: Counter, wrong: list[str] | None = None) -> float:
    """Count right and wrong answers of `check`, by kind; return the seconds that it took."""
    begun = time.perf_counter()
    found = open_log(folder / LOG).check()
    seconds = time.perf_counter() - begun
    answers = {one.moved.hash: one.moved for one in found if one.moved is not None}
    for one in history.played:
        answer = answers.get(one.name[:9])
        is_right = answer is not None and (
            answer.living is None if one.became is None else one.became.startswith(answer.living or "-")
        )
        is_applied = answer is not None and answer.living is not None and answer.confidence >= APPLIED
        counts[one.kind, "all"] += 1
        counts[one.kind, "found"] += is_right
        counts[one.kind, "applied"] += is_applied
        counts[one.kind, "right"] += is_applied and is_right
        if wrong is not None and not is_right:
            said = (
                "nothing"
                if answer is None
                else f"{answer.living} {answer.confidence:.2f} {answer.method}: {answer.evidence}"
            )
            became = (one.became or "dropped")[:9]
            wrong.append(f"{'APPLIED ' * is_applied}{one.kind} {one.name[:9]} became {became}; {said}")
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
        found = counts[variant]
        kinds = sorted({kind for kind, _ in found})
        rows = [("kind", "dead", "applied", "right", "precision", "recall")]
        for kind in (*kinds, "all"):
            total = {what: sum(found[one, what] for one in (kinds if kind == "all" else [kind])) for what in
                     ("all", "applied", "right", "found")}  # fmt: skip
            precision = f"{total['right'] / total['applied']:.1%}" if total["applied"] else "-"
            rows.append((kind, str(total["all"]), str(total["applied"]), str(total["right"]), precision,
                         f"{total['found'] / max(1, total['all']):.1%}"))  # fmt: skip
        print(f"{variant}: {max(seconds[variant]):.1f} s at most")
        table(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("seeds", nargs="*", type=int, help="which histories (1)")
    parser.add_argument("--dead", type=int, default=200, help="recorded commits that die in each (200)")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="only this variant")
    parser.add_argument("--verbose", action="store_true", help="print what is not right")
    given = parser.parse_args()
    main(given.seeds, given.dead, tuple(given.variant or VARIANTS), verbose=given.verbose)
