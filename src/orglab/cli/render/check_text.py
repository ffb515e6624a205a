"""What is wrong in a log."""

from collections.abc import Iterable

from orglab.cli import output
from orglab.experiment.diagnostic import Diagnostic


def diagnostic_lines(found: Iterable[Diagnostic]) -> list[str]:
    """Return a line for each diagnostic."""
    return [
        f"{output.clean(one.file)}:{one.line}:{one.column}: "
        f"{output.paint(one.code, state='dropped' if one.is_error else 'doing')} {output.clean(one.message)}"
        for one in found
    ]
