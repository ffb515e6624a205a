"""The pages as files."""

from pathlib import Path

from orglab.web.site import Site


def export_pages(site: Site, folder: Path) -> str:
    """Write the pages to a folder; returns a sentence."""
    raise NotImplementedError
