"""Environment variables by which trackers name and group what they record of a run.

They only describe: none turns a tracker on, or says where it sends to.  What the user has set stays as it is.  The
names are those that W&B (`WANDB_...`), MLflow and Comet read; ClearML, Neptune and Trackio read none of this kind.
"""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from orglab.text import cut

TAG_PREFIX = "orglab."
"""What the tags begin with that MLflow gives its runs."""

_NOTED = re.compile(r"^orglab run (\S{1,100})(?: of |, |$)", re.MULTILINE)
_OURS = "ORGLAB_TRACKER_VARIABLES"  # which of them a run has set, so that a run in it does not take them for the user's
_CONTEXT = "MLFLOW_RUN_CONTEXT"  # a JSON object: MLflow gives its tags to each run
_DESCRIPTION = "mlflow.note.content"
_NOTES = 4000  # characters of the reason; MLflow takes 5000 in a tag
_TAG = 64  # characters of a tag; W&B refuses a longer one
_SHORT_HASH = 7


class RunNames(NamedTuple):
    """What a tracker is told of a run.

    Attributes:
        id: The id of the run.
        ref: Its step or experiment, if it belongs to one.
        code: The full hash of the commit with its code, if there is one.
        why: Why it is run, without secrets.
    """

    id: str
    ref: str | None
    code: str | None
    why: str | None


def set_tracker_variables(environment: dict[str, str], names: RunNames | None) -> None:
    """Set the variables that the user has not set; those that an outer run has set are removed first.

    Args:
        environment: The environment of a command, which is changed.
        names: What to set; None to set nothing.
    """
    for name in environment.pop(_OURS, "").split(","):
        environment.pop(name, None)
    own = {name: value for name, value in _list_values(names).items() if name not in environment} if names else {}
    context = _merge_context(environment.get(_CONTEXT), _list_tags(names) if names else {})
    environment |= own
    if context is not None:
        environment[_CONTEXT] = context
    if own:
        environment[_OURS] = ",".join(own)


def find_noted_run(notes: str) -> str | None:
    """Return the id of the run that the notes of a run of W&B name, or None."""
    found = _NOTED.findall(notes)
    return found[-1] if found else None


def _list_values(names: RunNames) -> dict[str, str]:
    """Return the variables, with their values."""
    why = cut((names.why or "").replace("\0", ""), _NOTES)
    of = f" of {names.ref}" if names.ref else ""
    code = f", commit {names.code[:_SHORT_HASH]}" if names.code else ""
    description = {_DESCRIPTION: why} if why else {}
    values = {
        "WANDB_NOTES": "\n\n".join(filter(None, (why, f"orglab run {names.id}{of}{code}"))),
        _CONTEXT: json.dumps({**_list_tags(names), **description}),
    }
    if names.ref:
        experiment = names.ref.partition(".")[0]
        tags = [tag for tag in dict.fromkeys((experiment, names.ref)) if len(tag) <= _TAG]
        # W&B has groups, which are the steps; Comet has only tags.
        values |= {
            "WANDB_RUN_GROUP": names.ref,
            "WANDB_TAGS": ",".join(tags[:1]),
            "COMET_START_EXPERIMENT_TAGS": ",".join(tags),
        }
    return {name: value for name, value in values.items() if value}


def _list_tags(names: RunNames) -> dict[str, str]:
    experiment, _, step = (names.ref or "").partition(".")
    tags = {"run": names.id, "experiment": experiment, "step": names.ref if step else None, "commit": names.code}
    return {f"{TAG_PREFIX}{name}": value for name, value in tags.items() if value}


def _merge_context(context: str | None, tags: Mapping[str, str]) -> str | None:
    """Return the tags that the user has set for MLflow with ours; None to leave them as they are."""
    try:
        own = json.loads(context) if context is not None else None
    except (ValueError, RecursionError):
        return None  # MLflow tells the user
    if not isinstance(own, dict):
        return None
    return json.dumps({name: value for name, value in own.items() if not name.startswith(TAG_PREFIX)} | dict(tags))
