"""Words and tones that several pages use."""

import datetime

from orglab.text import duration

_TONES = {"supported": "good", "refuted": "bad", "inconclusive": "unsure"}
_STATE_TONES = {"doing": "active", "waiting": "waiting"}
_RUN_TONES = {
    "done": "good", "done before": "good", "running": "active", "unobserved": "active", "failed": "bad",
    "killed": "bad", "diverged": "bad", "lost": "bad", "stopped": "unsure", "queued": "waiting",
}  # fmt: skip


def verdict_tone(verdict: str | None) -> str:
    """Return the tone of a verdict, as of a badge; `plain` for one that only this log has."""
    return _TONES.get(verdict or "", "plain")


def state_tone(kind: str | None) -> str:
    """Return the tone of a kind of state."""
    return _STATE_TONES.get(kind or "", "plain")


def run_tone(status: str) -> str:
    """Return the tone of the status of a run, or of a version of a sweep."""
    return _RUN_TONES.get(status, "plain")


def describe_since(moment: datetime.datetime | None, now: datetime.datetime) -> str:
    """Return how long ago a time was, such as `3 min`; empty if it is not known."""
    return duration(max(0.0, (now - moment).total_seconds())) if moment is not None else ""
