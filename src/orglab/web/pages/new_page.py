"""The page with the form of a new experiment."""

from orglab.errors import UsageError
from orglab.web.site import Page, View


def make_new_page(view: View) -> Page:
    """Return the form of a new experiment.

    Raises:
        UsageError: Pages have no forms.
    """
    if not view.may_write:
        raise UsageError("This server was started with --read-only.")
    return Page("new.html", "New", {"all_tags": sorted({tag for one in view.log.experiments() for tag in one.tags})})
