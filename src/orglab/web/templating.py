"""Pages as HTML."""

import datetime
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from orglab.org.timestamp import Timestamp
from orglab.text import clean
from orglab.web.site import Page, View

STATIC = files("orglab.web").joinpath("static")
_KEPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("orglab.web", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_finalize,
    )  # fmt: skip
    environment.filters |= {"when": _when, "day": _day, "data": to_data}
    return environment


def load_templates() -> None:
    """Compile all templates, which takes longer than a page."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


def render(page: Page, view: View, **values: Any) -> str:  # noqa: ANN401 - whatever its template shows
    """Return a page as HTML.

    Args:
        page: The page.
        view: What it was made of.
        values: What the frame of all pages shows, too.
    """
    template = _environment().get_template(page.template)
    return template.render(
        page.values, page_title=page.title, view=view, log=view.log, to=view.addresses, text=view.text,
        is_export=view.is_export, may_write=view.may_write, **values,
    )  # fmt: skip


def render_part(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever its template shows
    """Return a part of a page as HTML."""
    return _environment().get_template(template).render(values)


def to_data(value: object) -> Markup:
    """Return a value as JSON for a `script` element of data, which none of its characters can end."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char, escaped in _KEPT.items():
        text = text.replace(char, escaped)
    return Markup(text)  # noqa: S704 - what could end it is replaced


def _finalize(value: object) -> object:
    """Return what a template shows, without control characters and what reverses the direction of other text."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _when(moment: Timestamp | datetime.datetime | None) -> Markup:
    """Return a time as a `time` element; nothing if it is not known."""
    if moment is None:
        return Markup("")
    has_time = moment.has_time if isinstance(moment, Timestamp) else True
    at = moment.when if isinstance(moment, Timestamp) else moment
    shown = at.strftime("%Y-%m-%d %H:%M" if has_time else "%Y-%m-%d")
    exact = at.isoformat(timespec="minutes") if has_time else at.date().isoformat()
    return Markup('<time datetime="{}">{}</time>').format(exact, shown)


def _day(moment: Timestamp | None) -> Markup:
    """Return the day of a time as a `time` element."""
    return _when(Timestamp(moment.when, has_time=False)) if moment is not None else Markup("")
