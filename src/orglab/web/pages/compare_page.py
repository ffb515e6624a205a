"""The page of several runs or settings side by side."""

from contextlib import suppress

from orglab.errors import GitError
from orglab.runs.record import Run
from orglab.runs.side_by_side import Compared
from orglab.web.page_curves import make_curves
from orglab.web.page_patch import read_page_patch
from orglab.web.site import Page, View


def make_compare_page(view: View) -> Page:
    """Return the page that compares the runs and settings that are asked for.

    Raises:
        NotFoundError: There is no such run.
        UsageError: These are not at least two, or too many.
    """
    runs, settings = ([*dict.fromkeys(view.query.get(name, []))] for name in ("run", "setting"))
    compared, aspects = view.log.compare_side_by_side(runs, settings)
    values: dict[str, object] = {
        "compared": compared,
        "aspects": aspects,
        "curves": make_curves([(one.setting_name, one.setting) for one in compared]),
        "changes": None,
    }
    if len(compared) == 2:  # noqa: PLR2004 - a difference has two sides
        with suppress(GitError):  # the rest can be compared without git
            values |= _read_code_difference(view, *map(_find_run, compared))
    return Page("compare.html", "Compare", values)


def _find_run(compared: Compared) -> Run:
    """Return a run, or of a setting the newest one that counts."""
    setting = compared.row.setting
    return setting.counted[-1] if setting is not None and setting.counted else compared.row.run


def _read_code_difference(view: View, run: Run, other: Run) -> dict[str, object]:
    """Return the changed files of the code of two runs, None if that is not known, and the patch."""
    difference = view.log.compare_runs(run.id, other.id)
    return {"changes": difference.files, "runs": (run, other), "patch": read_page_patch(view, difference)}
