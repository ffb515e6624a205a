"""The output of `orglab check`."""

from collections.abc import Iterable

from orglab.cli import output
from orglab.experiment.diagnostic import Diagnostic


def diagnostic_lines(diagnostics: Iterable[Diagnostic], *, with_remedies: bool = True) -> list[str]:
    """Return a line for each diagnostic: its place, its code and message, and the command that fixes it."""
    return [
        f"{output.clean(diagnostic.file)}:{diagnostic.line}:{diagnostic.column}: "
        f"{output.paint(diagnostic.code, state='dropped' if diagnostic.is_error else 'doing')} "
        + output.clean(diagnostic.message)
        + (f" Fix: {output.clean(diagnostic.remedy)}" if with_remedies else "")
        for diagnostic in diagnostics
    ]
