"""Why an experiment has its state."""

from orglab.experiment.model import Experiment
from orglab.experiment.section_text import read_logged_changes
from orglab.org.source import encode
from orglab.org.timestamp import parse_timestamp


def read_reason(experiment: Experiment) -> tuple[str, str]:
    """Return why an experiment has its state, as it was noted with the last change to it, and since when.

    Both are empty if the log does not tell.
    """
    changes = [
        (stamp.when, stamp.isoformat(), logged.text)
        for logged, _ in read_logged_changes(experiment.heading)
        if logged.new == experiment.state and (stamp := parse_timestamp(encode(logged.stamp))) is not None
    ]
    return max(changes)[1:] if changes else ("", "")
