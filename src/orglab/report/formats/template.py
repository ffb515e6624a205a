"""Reports from the user's own Jinja2 template, in a sandbox that reads files only from the template's folder.

The template is rendered in a process of its own, because it may be a stranger's, and nothing else could stop it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from orglab.errors import NotFoundError, NotReadableError, OrglabError, UsageError
from orglab.extras import describe_install
from orglab.report.content.layout import collect_evidence
from orglab.report.content.statements import Report
from orglab.report.formats.evidence_block import pack

SECONDS = 10
"""How long a template may take."""
# The extensions of templates; the extension of the output goes before them: weekly.txt.j2.
_MARKS = (".j2", ".jinja", ".jinja2")
_ERRORS = {error.__name__: error for error in (UsageError, NotFoundError, NotReadableError)}
# Isolated, so that it imports nothing but the standard library and the packages whose folders it is given.
_PROGRAM = "import sys; sys.path += sys.argv[1:]; from orglab.report.formats.template_process import main; main()"
_PACKAGES = ("orglab", "jinja2", "markupsafe")


class ExtraMissingError(OrglabError):
    """A library from an optional extra is not installed."""

    exit_code = 2


def find_extension(template: Path) -> str:
    """Return the extension of a template's output: `.txt` for `weekly.txt.j2`."""
    return (template.with_suffix("") if template.suffix in _MARKS else template).suffix.lower()


def require_template_inside(template: Path, top: Path) -> None:
    """Refuse a template that a link leads out of the repository; one that is named outside is the user's own choice.

    Args:
        template: The template that a setting names.
        top: The top of the repository.

    Raises:
        UsageError: It is refused.
    """
    if not Path(os.path.abspath(template)).is_relative_to(os.path.abspath(top)):  # noqa: PTH100 - links not resolved
        return
    if not Path(os.path.realpath(template)).is_relative_to(os.path.realpath(top)):
        raise UsageError(f"The template {template} is a link to a file outside of the repository; use --template.")


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
        UsageError: The template is invalid, or takes too long.
    """
    request = {
        "template": os.fspath(template),
        "extension": find_extension(template),
        "values": {**values, "evidence": pack(collect_evidence(report))},
    }
    answer = _run(template, json.dumps(request))
    if (problem := answer.get("error")) is not None:
        raise _ERRORS.get(answer.get("kind", ""), UsageError)(problem)
    text = answer["text"]
    return text if text.endswith("\n") else text + "\n"


def _run(template: Path, request: str) -> dict[str, str]:
    """Return the answer of the process that renders the template."""
    if find_spec("jinja2") is None:
        raise ExtraMissingError(f"Templates need Jinja2; install it with: {describe_install('report')}")
    specs = [spec for name in _PACKAGES if (spec := find_spec(name)) is not None and spec.origin is not None]
    folders = dict.fromkeys(os.path.dirname(os.path.dirname(spec.origin or "")) for spec in specs)  # noqa: PTH120 - texts
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, *folders]
    try:
        # The template and what it gets are not part of the command.
        done = subprocess.run(command, input=request.encode(), capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise UsageError(f"The template {template} takes more than {SECONDS} seconds.") from None
    except (OSError, ValueError):
        raise UsageError(f"The template {template} failed: the process that fills it ended early.") from None
    if not isinstance(answer, dict):
        raise AssertionError(answer)  # noqa: TRY004 - a bug, not the argument of a caller
    return answer
