"""Reports from the user's own Jinja2 template, run in a sandbox that reads files only from the template's folder."""

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

# The extensions of templates; the extension of the output goes before them: weekly.txt.j2.
_MARKS = (".j2", ".jinja", ".jinja2")
_ESCAPED = (".html", ".htm", ".xml")


class ExtraMissingError(OrglabError):
    """A library from an optional extra is not installed."""

    exit_code = 2


def find_extension(template: Path) -> str:
    """Return the extension of a template's output: `.txt` for `weekly.txt.j2`."""
    return (template.with_suffix("") if template.suffix in _MARKS else template).suffix.lower()


def fill_template(report: Report, template: Path, values: Mapping[str, object]) -> str:
    """Return a report as rendered by a template.

    Args:
        report: The report.
        template: The template.
        values: The variables of the template: those that `report --json` prints. `evidence` is added to them, a block
            of lines for `report --check`.

    Raises:
        ExtraMissingError: Jinja2 is not installed.
        NotFoundError: The template, or one that it includes, does not exist.
        UsageError: The template is invalid.
    """
    try:
        import jinja2  # noqa: PLC0415 - only needed for templates
    except ImportError:
        raise ExtraMissingError("Templates need Jinja2; install it with: pip install 'orglab[report]'") from None
    environment = _environment(template)
    try:
        text = environment.get_template(template.name).render({**values, "evidence": pack(collect_evidence(report))})
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"{error.filename or template}:{error.lineno}: {error.message}") from error
    except jinja2.TemplateNotFound as error:
        raise NotFoundError(f"No template {error.name!r} in {template.parent}.") from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise UsageError(f"The template {template} failed: {error}.") from error
    return text if text.endswith("\n") else text + "\n"


def _source(folder: Path, name: str) -> tuple[str, str, None] | None:
    """Return the text and path of a template; None if it is not in the folder after resolving symlinks."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    try:
        return path.read_text("utf-8"), str(folder / name), None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotReadableError(f"Cannot read the template {folder / name}: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise UsageError(f"The template {folder / name} is not UTF-8.") from None


def _environment(template: Path) -> "ImmutableSandboxedEnvironment":
    """Return the sandbox for a template, which can neither change nor access anything outside."""
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
