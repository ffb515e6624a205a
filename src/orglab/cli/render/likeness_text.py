"""What `similar` and `new` print of experiments that tried the same; imports little, for it answers from the index."""

from collections.abc import Iterator, Sequence

from orglab.cli import output
from orglab.search.similar.answering import Precedent


def show_precedents(found: Sequence[Precedent], *, as_json: bool) -> None:
    """Print precedents, or on standard error that there are none."""
    if as_json:
        from orglab.api.serialize import render  # noqa: PLC0415 - for few commands

        output.show([render({"experiments": [precedent_form(one) for one in found]})])
    elif found:
        output.show(precedent_lines(found))
    else:
        output.tell("No experiment tried that, as far as its words tell.")


def precedent_lines(found: Sequence[Precedent]) -> Iterator[str]:
    """Yield the lines that show precedents: title and verdict, what came of it, and why it is like this one."""
    for one in found:
        ref = output.clean(one.ref)
        indent = " " * (len(ref) + 2)
        title = f"{one.title}  ({one.verdict or one.state or 'no state'})"
        yield from output.wrap(title, indent, output.paint(ref, bold=True) + "  ")
        yield from output.wrap(one.outcome, indent)
        yield from (output.paint(line, dim=True) for line in output.wrap(str(one.why), indent))


def precedent_form(one: Precedent) -> dict[str, object]:
    """Return a precedent as it stands in `similar --json`."""
    return {
        "id": one.id,
        "ref": one.ref,
        "title": one.title,
        "state": one.state,
        "verdict": one.verdict,
        "outcome": one.outcome,
        "file": one.file,
        "line": one.line,
        "why": {"ideas": list(one.why.ideas), "settings": list(one.why.settings), "words": list(one.why.words)},
        "score": one.score,
    }
