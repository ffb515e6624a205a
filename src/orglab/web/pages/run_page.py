"""The page of a run: how it ended, what it was given, what it measured, its code, what it wrote and printed."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from orglab.errors import GitError, NotFoundError, OrglabError, UsageError
from orglab.experiment.section_text import Note
from orglab.git.trees import FileChange
from orglab.runs.description import (
    command_text,
    describe_decisions,
    describe_value,
    outcome_text,
    source_text,
    value_text,
)
from orglab.runs.metrics.directions import find_direction
from orglab.runs.metrics.live_history import read_last_values
from orglab.runs.record import Run
from orglab.runs.record_reader import describe_record, read_output_end
from orglab.runs.run_facts import (
    StandingWords,
    describe_change,
    describe_job,
    describe_parameters,
    describe_standing,
    describe_trackers,
    find_best_value,
)
from orglab.runs.run_wait import find_process
from orglab.runs.setting import find_reason, find_settings, read_seeds
from orglab.runs.standing import Standing
from orglab.runs.summary_text import describe_mean
from orglab.runs.sweeps.sweep import read_swept
from orglab.runs.terminal_lines import read_terminal_lines
from orglab.text import count, duration, listed, number
from orglab.web.page_curves import make_curves
from orglab.web.page_patch import PagePatch, read_page_patch
from orglab.web.run_files import list_files
from orglab.web.site import Page, View
from orglab.web.tones import run_tone

_OUTPUT_BYTES, _OUTPUT_LINES = 1 << 16, 1000
"""How much of the end of the output is shown."""
_COMMAND = 4000


def make_run_page(view: View, name: str) -> Page:
    """Return the page of a run.

    Raises:
        NotFoundError: There is no such run.
        UsageError: Several runs match.
    """
    run = view.log.find_run(name)
    standings = view.log.standings(run)
    commits = _list_commits(run)
    view.link_commits(commits)
    other, is_baseline = _find_other(run, standings, view)
    values = {
        "run": run,
        "outcome": outcome_text(run),
        "tone": run_tone(run.status),
        "took": duration(run.seconds) if run.seconds is not None else "",
        "command": command_text(run.argv, _COMMAND),
        "place": describe_place(run, view),
        "decisions": _list_decisions(run),
        "notes": _list_notes(run, view),
        "swept": read_swept(run),
        "repeated": view.log.repeated_run(run),
        "job": describe_job(run.job) if run.job is not None else "",
        "trackers": describe_trackers(run),
        "metrics": [_describe_metric(run, metric, view) for metric in run.metrics] or _list_logged(run),
        "curves": make_curves([("this run", setting) for setting in find_settings([run], {})]),
        "standings": _list_standings(run, standings),
        "parameters": describe_parameters(run),
        "commits": {name: (name[:7], *view.find_commit(name)) for name in commits},
        "missing": listed(run.missing),
        "uncommitted": _list_uncommitted(run, view),
        "other": other,
        "other_is_baseline": is_baseline,
        **_read_code(run, other, view),
        "files": list_files(run, view),
        "surroundings": {} if view.is_export else _describe_surroundings(run),
        "output": [] if view.is_export else _read_output(run),
    }
    return Page("run.html", f"Run {run.id}", values)


def _list_commits(run: Run) -> list[str]:
    return [name for name in (run.code, run.before, run.commit, run.kept, run.kept_code) if name is not None]


def _list_notes(run: Run, view: View) -> list[tuple[Note, Markup]]:
    """Return the notes that name a run, other than the one that it wrote itself."""
    try:
        experiment = view.log.experiment((run.ref or "").partition(".")[0])
    except (NotFoundError, UsageError):
        return []
    named = (note for note in experiment.all_notes if run.id in note.text)
    return [
        (note, view.text.line(note.text, experiment.ref))
        for note in named
        if note.text.rpartition("\n")[2].strip() != f"run {run.id}"
    ]


def _list_decisions(run: Run) -> list[tuple[str, str]]:
    """Return what was decided on a run, and why."""
    decided = (text.partition(" " if text.startswith("kept ") else ":") for text in describe_decisions(run))
    return [(verb.capitalize(), why.strip() or "no reason given") for verb, _, why in decided]


def describe_place(run: Run, view: View) -> dict[str, object]:
    """Return the experiment of a run or a sweep, and the text of its step; nothing if it is not in the log."""
    whole, _, number_ = (run.ref or "").partition(".")
    try:
        experiment = view.log.experiment(whole)
    except OrglabError:
        return {}
    text = next((one.text for one in experiment.steps if str(one.number) == number_), "")
    return {
        "experiment": experiment,
        "title": view.text.line(experiment.title, experiment.ref),
        "step": view.text.line(text, experiment.ref) if text else "",
    }


def _list_logged(run: Run) -> list[dict[str, object]]:
    """Return the last values in the history of a run that goes on or was lost, so that its record has no others."""
    return [
        {"name": name, "last": value_text(value), "is_diverged": False, "best": "", "step": ""}
        for name, value in read_last_values(run).items()
    ]


def _describe_metric(run: Run, name: str, view: View) -> dict[str, object]:
    """Return the last value of a metric and the best one."""
    directions = view.log.config.metrics
    best = find_best_value(run, name, directions)
    has_best = best is not None or (name in run.extremes and find_direction(name, directions) is not None)
    return {
        "name": name,
        "last": value_text(describe_value(run, name)),
        "is_diverged": name in run.diverged and isinstance(run.metrics[name], str),
        "best": value_text(best.value) if best is not None else "the last" if has_best else "",
        "step": value_text(best.step) if best is not None else "",
    }


def _list_standings(run: Run, standings: Sequence[Standing]) -> list[dict[str, object]]:
    """Return where a run that counts stands, by each metric by which it can be compared."""
    if find_reason(run) is not None:
        return []
    compared = (one for one in standings if one.best or one.best_of_log or one.change or one.is_baseline)
    return [_describe_standing(one) for one in compared if one.value is not None]


def _describe_standing(standing: Standing) -> dict[str, object]:
    """Return where a run stands by a metric, with what its words have links for."""
    words = describe_standing(standing)
    best, baseline = standing.best, standing.baseline
    rivals = (("best", words.best, standing.best), ("best_of_log", words.best_of_log, standing.best_of_log))
    linked = {key: _split(text, one.outcome.ref if one is not None else "") for key, text, one in rivals}
    return {
        "metric": standing.metric,
        "value": number(standing.value or 0.0, words.decimals),
        "setting": _describe_setting(standing, words),
        **linked,
        "is_better": best is not None and best.setting_is_better,
        "is_baseline": standing.is_baseline,
        "baseline": baseline.ref if baseline is not None else "",
        "change": words.change,
    }


def _describe_setting(standing: Standing, words: StandingWords) -> str:
    """Return the mean of the setting of a run, if it has other runs."""
    amount = len(standing.summary.values)
    return f"{describe_mean(standing.summary, words.decimals)} (n = {amount})" if amount > 1 else ""


def _split(text: str, ref: str) -> tuple[str, str, str]:
    """Return what stands before a reference in a text, the reference, and what stands after it."""
    before, found, after = text.partition(ref) if ref else (text, "", "")
    return before, found, after


def _find_other(run: Run, standings: Sequence[Standing], view: View) -> tuple[Run | None, bool]:
    """Return the run whose code that of a run is compared with, and whether it is one of the baseline.

    That is one of the baseline, with the same seed if it has that; without a baseline the run before of the same step.
    """
    for standing in standings:
        if standing.baseline is None or standing.is_baseline:
            continue
        seeds, runs = read_seeds(run), [one for one in standing.baseline.runs if one.id != run.id]
        if runs:
            return next((one for one in runs if read_seeds(one) == seeds), runs[-1]), True
    earlier = [one for one in view.log.runs() if one.ref == run.ref and _began(one) < _began(run)]
    return (earlier[-1] if earlier and run.ref is not None else None), False


def _began(run: Run) -> tuple[float, str]:
    return run.began_at or 0.0, run.id


def _list_uncommitted(run: Run, view: View) -> str:
    """Return the files of the code of a run that only its snapshot holds; none if git cannot tell."""
    try:
        return listed(map(describe_change, view.log.uncommitted_code(run)))
    except GitError:
        return ""


def _read_code(run: Run, other: Run | None, view: View) -> dict[str, object]:
    """Return how the code of a run differs from that of another one."""
    nothing: dict[str, object] = {"changes": None, "patch": PagePatch([], is_cut=False)}
    if other is None:
        return nothing
    try:
        difference = view.log.compare_runs(other.id, run.id)
        patch = read_page_patch(view, difference)
    except GitError:
        return nothing
    return {"changes": None if difference.files is None else _name_files(difference.files), "patch": patch}


def _name_files(files: Sequence[FileChange]) -> str:
    return f"{count(len(files), 'file')}: {listed(map(describe_change, files))}" if files else ""


def _describe_surroundings(run: Run) -> Mapping[str, Any]:
    """Return where a run was made, which is for nobody else."""
    named = {
        "Host": run.host,
        "Process": find_process(run),
        "Folder": run.cwd,
        "Python": run.python,
        "Record": describe_record(run.folder),
    }
    return {
        "facts": [(name, value) for name, value in named.items() if value],
        "sources": [(source.name, source_text(source)) for source in run.sources],
        "variables": [*run.environment.items()],
        "packages": [*run.packages.items()],
    }


def _read_output(run: Run) -> list[str]:
    """Return the last lines that a run printed, as a terminal shows them."""
    printed = read_output_end(run.folder, _OUTPUT_BYTES)
    if len(printed) == _OUTPUT_BYTES:
        # The first line is part of one.
        printed = printed.partition(b"\n")[2] or printed
    return read_terminal_lines(printed)[-_OUTPUT_LINES:]
