"""Describe what the steps of an experiment are compared with, and whether its claim holds."""

from orglab.runs.step_results import Outcome, Results
from orglab.text import one_line


def describe_baseline(results: Results) -> str:
    """Return the baseline that an experiment names, `e1.1 (lr 0.1)`; empty if it names none, or nothing else ran."""
    baseline = results.baseline
    if baseline is None or not results.is_named or all(outcome.is_baseline for outcome in results.outcomes):
        return ""
    return baseline.ref + (f" ({one_line(baseline.label)})" if baseline.label else "")


def describe_claim(results: Results) -> str:
    """Return the claim of an experiment, and whether it holds: `acc > +1 (e1.2: holds)`; empty without a claim.

    A claim that is not in numbers is quoted.
    """
    if results.claim is None:
        return f"“{results.claim_text}”" if results.claim_text else ""
    judged = [(outcome, results.judge(outcome)) for outcome in results.outcomes]
    words = [f"{_name(outcome)} {verdict}" for outcome, verdict in judged if verdict is not None]
    return one_line(results.claim.text + (f" ({', '.join(words)})" if words else ""))


def _name(outcome: Outcome) -> str:
    return f"{outcome.ref} with {outcome.label}:" if outcome.label else f"{outcome.ref}:"
