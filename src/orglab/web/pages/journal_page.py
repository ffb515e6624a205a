"""The page of the journal, newest day first."""

from itertools import groupby

from orglab.experiment.journal import Entry
from orglab.web.site import Page, View

_MOST = 200


def make_journal_page(view: View) -> Page:
    """Return the journal."""
    entries = view.log.journal_entries()
    # The newest day first; the entries of a day in the order of the file.
    dated = sorted(entries, key=lambda one: one.at.when.date().isoformat() if one.at else "", reverse=True)
    shown = dated if view.is_export else dated[:_MOST]
    days = [
        {"day": day, "entries": [_describe(entry, view) for entry in of_day]}
        for day, of_day in groupby(shown, key=lambda one: one.at.when.date() if one.at else None)
    ]
    values = {"days": days, "journal": view.log.journal, "left_out": len(entries) - len(shown)}
    return Page("journal.html", "Journal", values)


def _describe(entry: Entry, view: View) -> dict[str, object]:
    return {
        "entry": entry,
        "title": view.text.line(entry.title),
        "text": view.text.text(entry.text, f"journal-{entry.line}"),
        "refs": [one.spell(view.log.config.letter) for one in entry.references],
    }
