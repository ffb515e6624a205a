"""Compare the runs, results, lists and histories of a study with the truth."""

import hashlib

from study import truth
from study.comparison import ask, find_differences, find_exact_differences


def check_runs(lab):
    expected = {run.id: truth.run_form(run) for run in lab.ledger.runs if run.discarded is None}
    found = ask(lab, "runs")
    yield from find_differences(
        "runs: discarded", sum(run.discarded is not None for run in lab.ledger.runs), found["discarded"]
    )
    yield from find_differences("runs: order", [*expected], [run["id"] for run in found["runs"]])
    for run in found["runs"]:
        where = f"runs: {run['id']} {run['ref']}"
        yield from find_differences(where, expected[run["id"]], run)
        yield from find_exact_differences(f"{where}: metrics", expected[run["id"]]["metrics"], run["metrics"])
    every = ask(lab, "runs", "--all")
    yield from find_differences("runs --all", [run.id for run in lab.ledger.runs], [run["id"] for run in every["runs"]])


def check_code(lab):
    """The commit that a run names holds the code that was there when it began."""
    commits = {run["id"]: run["snapshot"] or run["before"] for run in ask(lab, "runs", "--all")["runs"]}
    files = [(run.id, name, text) for run in lab.ledger.runs for name, text in sorted(run.code)]
    blobs = lab.repo.git("rev-parse", *(f"{commits[name]}:{file}" for name, file, _ in files), check=False).split()
    for (name, file, text), blob in zip(files, blobs, strict=True):
        data = text.encode()
        expected = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324 - git's
        yield from find_differences(f"code of {name}: {file}", expected, blob)


def check_tables(lab):
    """The rows that conditions select, and their order."""
    for words, select, key in (
        (("--best", "val.acc"), None, lambda run: -run.metrics["val.acc"]),
        (("--best", "loss"), None, lambda run: run.metrics["loss"]),
        (("--sort", "-cost"), None, lambda run: -run.metrics["cost"]),
        (("lr=0.1",), lambda run: run.parameters.get("lr") == 0.1, None),
        (("lr=0.1", "val.acc>0.8"), lambda run: run.parameters.get("lr") == 0.1 and (run.metrics.get("val.acc") or 0) > 0.8, None),
        (("status=failed",), lambda run: run.status == "failed", None),
        (("seed=2",), lambda run: run.seed == "2", None),
        (("e1",), lambda run: str(run.ref).startswith("e1."), None),
        (("e1.2", "--best", "loss"), lambda run: run.ref == "e1.2", lambda run: run.metrics["loss"]),
    ):  # fmt: skip
        runs = [run for run in lab.ledger.runs if run.discarded is None and (select is None or select(run))]
        if key is not None:
            metric = words[-1].lstrip("-")
            # What is no number has diverged; what has no value comes last.
            ranked = sorted((run for run in runs if run.metrics.get(metric) is not None), key=key)
            diverged = [run for run in runs if run.metrics.get(metric, 0) is None]
            runs = [*ranked, *diverged, *(run for run in runs if metric not in run.metrics)]
            if "--best" in words:
                # What does not count is never the best.
                runs.sort(key=lambda run: truth.find_reason(run) is not None)
        found = [run["id"] for run in ask(lab, "runs", *words)["runs"]]
        yield from find_differences(f"runs {' '.join(words)}", [run.id for run in runs], found)


def check_settings(lab):
    expected = [setting.form() for setting in truth.find_settings(lab.ledger.runs)]
    yield from _compare_settings("settings", expected, ask(lab, "runs", "--by", "setting")["settings"])


def _compare_settings(where, expected, found):
    yield from find_differences(f"{where}: which", [one["ref"] for one in expected], [one["ref"] for one in found])
    for one, other in zip(expected, found, strict=False):
        place = f"{where}: {one['ref']} {one['parameters']}"
        yield from find_differences(place, one, other)
        for name in ("parameters", "metrics", *(["differences"] if "differences" in one else [])):
            yield from find_exact_differences(f"{place}.{name}", one[name], other[name])
        for name in one["metrics"].keys() & other["metrics"].keys():
            pair = (each["metrics"][name]["left_out"] for each in (one, other))
            yield from find_exact_differences(f"{place}.{name}: left out", *pair)


def check_results(lab):
    for experiment in lab.ledger.experiments.values():
        found, expected = ask(lab, "show", experiment.ref), truth.find_results(lab.ledger, experiment).form()
        yield from _compare_settings(f"show {experiment.ref}", expected.pop("results"), found["results"])
        yield from find_differences(f"show {experiment.ref}", expected, found)
        ids = [run.id for run in sorted(lab.ledger.runs_of(experiment), key=lambda run: run.began)]
        yield from find_differences(f"show {experiment.ref}: runs", ids, [run["id"] for run in found["runs"]])
        for step in experiment.steps:
            own = ask(lab, "show", step.ref)
            expected = [
                one for one in truth.find_results(lab.ledger, experiment).form()["results"] if one["ref"] == step.ref
            ]
            yield from _compare_settings(f"show {step.ref}", expected, own["results"])
            yield from find_differences(f"show {step.ref}: state", "done" if step.done else "open", own["state"])


def check_lists(lab):
    for metric in ("val.acc", "loss", "cost", "height"):
        for sign in ("", "-"):
            found = ask(lab, "list", "--sort", sign + metric)["experiments"]
            expected = truth.rank(lab.ledger, metric, is_reversed=bool(sign))
            yield from find_differences(
                f"list {sign}{metric}", [ref for ref, _ in expected], [one["ref"] for one in found]
            )
            values = {one["ref"]: one["metric"] for one in found}
            for ref, summary in expected:
                yield from find_differences(f"list {sign}{metric}: {ref}", {"name": metric, **summary}, values[ref])


def check_histories(lab):
    for experiment in lab.ledger.experiments.values():
        where = f"history of {experiment.ref}"
        found, expected = ask(lab, "show", experiment.ref, "--history")["events"], truth.history(experiment)
        shown = [[event["at"], event["kind"], event["ref"]] for event in found]
        known = [[event["at"], event["kind"], event["ref"]] for event in expected]
        if shown != known:
            places = range(max(len(known), len(shown)))
            first = next(at for at in places if known[at : at + 1] != shown[at : at + 1])
            yield f"{where}: from event {first} on {known[first : first + 4]} expected, {shown[first : first + 4]} found"
        else:
            yield from find_differences(where, expected, found)
