"""The process that renders a template: a template may need more time and memory than there is.

It gets a JSON document from standard input, and writes one to standard output: the text, or the error.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from orglab.errors import NotFoundError, NotReadableError, OrglabError, UsageError
from orglab.text import duration, megabytes, number

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_OUTPUT = 50_000_000
"""In characters."""
MAX_MEMORY = 1 << 30
"""In bytes, of the address space, with Python's own."""
_ESCAPED = (".html", ".htm", ".xml")


def main() -> None:
    """Render the template that standard input names."""
    request = json.load(sys.stdin.buffer)
    answer: dict[str, str]
    try:
        _limit_memory()
        answer = {"text": _render(Path(request["template"]), request["extension"], request["values"])}
    except OrglabError as error:
        answer = {"kind": type(error).__name__, "error": str(error)}
    sys.stdout.write(json.dumps(answer))


def _limit_memory() -> None:
    """Make Python raise a MemoryError before the machine runs out of memory, where the system can do this."""
    try:
        import resource  # noqa: PLC0415 - not on every system

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    except (ImportError, ValueError, OSError):
        return


def _render(template: Path, extension: str, values: "Mapping[str, object]") -> str:
    """Return the output of a template.

    Raises:
        NotFoundError: The template, or one that it includes, does not exist.
        UsageError: The template is invalid, or needs too much.
    """
    pieces: list[str] = []
    size = 0
    try:
        for piece in _make_environment(template, extension).get_template(template.name).generate(values):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_OUTPUT:
                raise UsageError(f"The template {template} writes more than {megabytes(MAX_OUTPUT)}.")  # noqa: TRY301 - among its like
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"{error.filename or template}:{error.lineno}: {error.message}") from error
    except jinja2.TemplateNotFound as error:
        raise NotFoundError(f"No template {error.name!r} in {template.parent}.") from error
    except MemoryError:
        raise UsageError(f"The template {template} needs too much memory.") from None
    except RecursionError:
        raise UsageError(f"The template {template} is nested too deeply, or includes itself.") from None
    except OrglabError:
        raise
    except Exception as error:
        # Whatever a template does wrong, also in ways that only the compiler of its code notices.
        raise UsageError(f"The template {template} failed: {error}.") from error
    return "".join(pieces)


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


def _make_environment(template: Path, extension: str) -> ImmutableSandboxedEnvironment:
    """Return the sandbox for a template, which can neither change nor access anything outside."""
    folder = template.absolute().parent
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(lambda name: _source(folder, name)),
        undefined=jinja2.StrictUndefined,
        autoescape=extension in _ESCAPED,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "number": number}
    return environment
