"""JSON values of `init`: the log that was created or adopted, and what could be experiments."""

from typing import TYPE_CHECKING

from orglab.api.serialize import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orglab.api import Log
    from orglab.api.setup import Attached, Initialized
    from orglab.experiment.adoption import Adoption, Candidate
    from orglab.experiment.model import Experiment


def init_form(
    log: "Log",
    initialized: "Initialized | None",
    attached: "Attached | None",
    adoption: "Adoption | None",
    made: "Iterable[Experiment]" = (),
) -> dict[str, object]:
    """Return a log that was created or adopted, as in `init --json`; nothing was done if `initialized` is None."""
    settings = initialized.settings if initialized is not None else None
    return {
        "log": str(log.path),
        "created": initialized is not None and initialized.adoption is None,
        "settings": str(settings) if settings is not None else None,
        "hooks": attached is not None and attached.hooks is not None,
        "changed": [str(path) for path in attached.changed] if attached is not None else [],
        "adopted": [one.ref for one in made],
        "adoption": _adoption_form(adoption) if adoption is not None else None,
    }


def _adoption_form(adoption: "Adoption") -> dict[str, object]:
    chosen = {one.line: one for one in adoption.chosen}
    known = {one.line for group in adoption.candidates for one in group.headings}
    return {
        "experiments": len(adoption.experiments),
        "groups": [
            {
                "letter": group.letter,
                "why": group.why,
                "certain": group.is_certain,
                "headings": [
                    _candidate_form(chosen.get(one.line, one), is_chosen=one.line in chosen) for one in group.headings
                ],
            }
            for group in adoption.candidates
        ],
        "others": [_candidate_form(one, is_chosen=True) for one in adoption.chosen if one.line not in known],
    }


def _candidate_form(candidate: "Candidate", *, is_chosen: bool) -> dict[str, object]:
    one = candidate.experiment
    return {
        "line": candidate.line,
        "id": candidate.id,
        "wanted": candidate.wanted or None,
        "title": one.title,
        "created": format_time(one.created),
        "steps": one.progress.total,
        "done": one.progress.done,
        "conclusion": one.conclusion.text or None,
        "chosen": is_chosen,
    }
