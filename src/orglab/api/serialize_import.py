"""JSON of what was imported; `docs/reference/json.md` describes it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orglab.api.import_log import ImportedMarkdown, ImportedRuns


def markdown_form(imported: "ImportedMarkdown", *, is_dry_run: bool) -> dict[str, object]:
    """Return what was imported from Markdown files, or would be."""
    return {
        "dry_run": is_dry_run,
        "created": imported.is_new_log and not is_dry_run,
        "entries": [entry._asdict() for entry in imported.entries],
        "unplaced": [one._asdict() for one in imported.unplaced],
    }


def runs_form(imported: "ImportedRuns", *, is_dry_run: bool) -> dict[str, object]:
    """Return what was imported of a tracker, or would be."""
    return {
        "dry_run": is_dry_run,
        "created": imported.is_new_log and not is_dry_run,
        "experiments": [one._asdict() for one in imported.experiments],
    }
