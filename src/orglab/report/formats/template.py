"""A report through the user's own template: Jinja2, in a sandbox, with no file but those of the template's folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.errors import NotFoundError, NotReadableError, OrglabError, UsageError
from orglab.report.content.layout import collect_evidence
from orglab.report.content.statements import Report
from orglab.report.formats.evidence_block import pack
from orglab.text import duration, number

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

# What names a template as one; before it stands the ending of what it makes: weekly.txt.j2.
_MARKS = (".j2", ".jinja", ".jinja2")
_ESCAPED = (".html", ".htm", ".xml")


class ExtraMissingError(OrglabError):
    """A library that an extra brings is not installed."""

    exit_code = 2


def find_extension(template: Path) -> str:
    """Return the ending of what a template makes: `.txt` for `weekly.txt.j2`."""
    return (template.with_suffix("") if template.suffix in _MARKS else template).suffix.lower()


def fill_template(report: Report, template: Path, values: Mapping[str, object]) -> str:
    """Return what a template makes of a report.

    Args:
        report: The report.
        template: The template.
        values: What it is given: what `report --json` prints.  With it comes `evidence`, a block of lines that
            `report --check` reads again.

    Raises:
        ExtraMissingError: Jinja2 is not installed.
        NotFoundError: There is no such template, or one that it includes.
        UsageError: The template has a mistake.
    """
    try:
        import jinja2  # noqa: PLC0415 - for those who have a template
    except ImportError:
        raise ExtraMissingError("A template needs Jinja2: pip install 'orglab[report]'.") from None
    environment = _environment(template)
    try:
        made = environment.get_template(template.name).render({**values, "evidence": pack(collect_evidence(report))})
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"{error.filename or template}:{error.lineno}: {error.message}") from error
    except jinja2.TemplateNotFound as error:
        raise NotFoundError(f"There is no template {error.name!r} in {template.parent}.") from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise UsageError(f"The template {template} fails: {error}.") from error
    return made if made.endswith("\n") else made + "\n"


def _source(folder: Path, name: str) -> tuple[str, str, None] | None:
    """Return the text of a template and its file; None if there is none in the folder, links followed."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    try:
        return path.read_text("utf-8"), str(folder / name), None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotReadableError(f"The template {folder / name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise UsageError(f"The template {folder / name} is not UTF-8.") from None


def _environment(template: Path) -> "ImmutableSandboxedEnvironment":
    """Return what a template is read in: it can neither change nor reach anything."""
    import jinja2  # noqa: PLC0415 - the same
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - the same

    folder = template.absolute().parent
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(lambda name: _source(folder, name)),
        undefined=jinja2.StrictUndefined,
        autoescape=find_extension(template) in _ESCAPED,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "number": number}
    return environment
