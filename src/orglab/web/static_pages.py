"""The pages as files in a folder, for readers without a server: without forms, search, and what is private."""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotWritableError
from orglab.git.inside import require_inside
from orglab.git.private_files import PrivateFolder
from orglab.report.formats.to_html import read_style
from orglab.text import count
from orglab.web.addresses import Addresses
from orglab.web.pages.experiment_page import make_experiment_page
from orglab.web.pages.history_page import make_history_page
from orglab.web.pages.journal_page import make_journal_page
from orglab.web.pages.overview_page import make_overview
from orglab.web.pages.report_page import make_report_page
from orglab.web.pages.run_page import make_run_page
from orglab.web.pages.runs_page import make_runs_page
from orglab.web.pages.sweep_page import make_sweep_page
from orglab.web.pages.tried_page import make_tried_page
from orglab.web.site import Page, Site, View
from orglab.web.templating import STATIC, render

LIST_NAME = ".orglab-pages.json"
"""The file that lists what was written, so that the next time only that is replaced."""
_MOST_LISTED = 1 << 26


class Exported(NamedTuple):
    """What was exported.

    Attributes:
        folder: The folder.
        pages: How many pages it has.
    """

    folder: Path
    pages: int

    def describe(self) -> str:
        """Return that in a sentence."""
        return f"Wrote {count(self.pages, 'page', 'grouped')}; open {self.folder / Addresses(is_export=True).overview}"


def export_pages(site: Site, folder: Path, progress: Callable[[int, int], None]) -> Exported:
    """Write the pages of a log to a folder.

    Args:
        site: The log.
        folder: The folder, which is new, empty, or was written by this before.
        progress: Called with the number of pages that are written, and their total.

    Raises:
        NotWritableError: The folder has other files, cannot be written, or a link that git tracks leads out of the
            repository.
    """
    log = site.read()
    require_inside(log.repository, folder)
    before = _read_list(folder)
    if before is None:
        raise NotWritableError(f"{folder} has files that `orglab serve --export` did not write; name another folder.")
    addresses = Addresses(is_export=True)
    pages = dict(_list_pages(site.view({}, addresses)))
    files = {f"static/{name}": content for name, content in _list_static(Path(str(STATIC)))}
    files["static/text.css"] = read_style().encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = [*pages, *files]
        _write(folder, LIST_NAME, json.dumps([*names, *before]).encode())
        for number, (name, make_page) in enumerate(pages.items()):
            view = site.view({}, addresses)
            html = render(make_page(view), view, site_name=site.name, log_key="", version="")
            _write(folder, name, html.encode("utf-8", "replace"))
            for address, picture in view.pictures.items():
                _write(folder, address, picture.content)
                names.append(address)
            progress(number + 1, len(pages))
        for name, content in files.items():
            _write(folder, name, content)
        for name in set(before) - set(names):
            _remove(folder, name)
        _write(folder, LIST_NAME, json.dumps([*dict.fromkeys(names)]).encode())
    except OSError as error:
        raise NotWritableError(f"Cannot write {folder}: {error.strerror}.") from error
    return Exported(folder, len(pages))


def _list_pages(view: View) -> Iterator[tuple[str, Callable[[View], Page]]]:
    """Yield the name of the file of each page, and what makes it."""
    log, to = view.log, view.addresses
    yield to.overview, make_overview
    for name, make_page in (("runs", make_runs_page), ("tried", make_tried_page), ("journal", make_journal_page)):
        yield to.named(name), make_page
    yield to.named("report"), make_report_page
    for experiment in log.experiments():
        yield to.experiment(experiment.ref), partial(make_experiment_page, ref=experiment.ref)
        yield to.history(experiment.ref), partial(make_history_page, ref=experiment.ref)
    for run in log.runs():
        yield to.run(run.id), partial(make_run_page, name=run.id)
    for sweep in log.sweeps():
        yield to.sweep(sweep.id), partial(make_sweep_page, name=sweep.id)


def _list_static(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files that the pages need, by their names below the folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _read_list(folder: Path) -> list[str] | None:
    """Return the files that were written to a folder before; None if it has others."""
    try:
        if not os.path.lexists(folder) or not any(folder.iterdir()):
            return []
        names = json.loads(PrivateFolder(folder).read(LIST_NAME, _MOST_LISTED) or b"null")
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(names, list):
        return None
    return [name for name in names if isinstance(name, str) and _is_ours(name)]


def _is_ours(name: str) -> bool:
    """Return whether a name from a list can be that of a file that was written here: the list may be another's."""
    parts = name.split("/")
    is_known = len(parts) == 1 or parts[0] in ("static", "pictures")
    return is_known and all(part and not part.startswith(".") and "\0" not in part for part in parts)


def _split(folder: Path, name: str) -> tuple[PrivateFolder, str]:
    *inner, last = name.split("/")
    return PrivateFolder(folder, *inner), last


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file below a folder; no link in it is followed."""
    place, last = _split(folder, name)
    place.write(last, content, 0o644)


def _remove(folder: Path, name: str) -> None:
    place, last = _split(folder, name)
    place.unlink(last)
