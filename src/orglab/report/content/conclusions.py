"""What was found: a line for each conclusion in the summary, and below it the result with all that belongs to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orglab.report.blocks import Badge, Inline, Small, Strong, Text
from orglab.report.content.changes_of_mind import is_concluded
from orglab.report.content.doubts import find_doubts
from orglab.report.content.evidence import Claim, digest_text
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.figures import claim_figures, claim_run
from orglab.report.content.first_sentence import shares_word, split_first_sentence
from orglab.report.content.headline import Headline, find_headline
from orglab.report.content.sentence import ENDS, capitalize_first, make_statement, place
from orglab.report.content.statements import Item, Statement
from orglab.report.content.wording import Wording, claim_closed, claim_done, claim_exists, claim_text
from orglab.runs.setting import counts_as_failed
from orglab.runs.step_results import Results
from orglab.text import cardinal, count

TONES = {"supported": "good", "refuted": "bad", "inconclusive": "unsure"}
_LONGEST = 240  # of a sentence in the summary
_MOST_SOURCES = 8  # of a sentence on several conclusions


class Answer(NamedTuple):
    """An experiment that was concluded in the period.

    Attributes:
        activity: The experiment.
        results: The results of its steps.
        headline: The number beside its conclusion, or None.
        sentence: The first sentence of the conclusion, or empty if it does not begin with a short one.
        rest: The rest of the conclusion.
    """

    activity: ExperimentActivity
    results: Results
    headline: Headline | None
    sentence: str
    rest: str

    @property
    def is_worth_stating(self) -> bool:
        """Whether there is more to state than that the experiment was closed."""
        conclusion = self.activity.conclusion
        return bool(conclusion.text or conclusion.verdict or self.headline is not None)


def find_answers(
    activities: list[ExperimentActivity], results: Mapping[str, Results], wording: Wording
) -> list[Answer]:
    """Return the experiments that were concluded in the period, the last one first, if it is known when."""
    answers = [
        _read_answer(activity, results.get(activity.ref, Results()))
        for activity in activities
        if is_concluded(activity, wording)
    ]
    answers.sort(
        key=lambda answer: answer.activity.closed or answer.activity.created or wording.period.since, reverse=True
    )
    return answers


def _read_answer(activity: ExperimentActivity, results: Results) -> Answer:
    text = activity.conclusion.text
    sentence, rest = split_first_sentence(text)
    if len(sentence) > _LONGEST:
        sentence, rest = "", text
    return Answer(activity, results, find_headline(results, sentence), sentence, rest)


def state_conclusion(answer: Answer, overturned: Mapping[str, str], wording: Wording) -> Item:
    """Return the line on an answer in the summary: what was found, and the number of the statistics.

    Args:
        answer: The answer.
        overturned: The experiments that a later conclusion overturns, each with that one.
        wording: The context.
    """
    activity, experiment = answer.activity, answer.activity.experiment
    verdict = activity.conclusion.verdict or ""
    content: list[Inline] = []
    told: list[Claim] = []
    if not answer.sentence or not shares_word(answer.sentence, activity.title):
        title = wording.inline(activity.title, activity.ref)
        end = "" if activity.title.rstrip()[-1:] in f"{ENDS}:" else ":" if answer.sentence else "."
        content += [*title, Text(f"{end} " if answer.sentence or answer.headline is not None else end)]
        told.append(claim_text(activity.ref, activity.title, "title"))
    if answer.sentence:
        end = "" if answer.sentence[-1] in f"{ENDS}:;," else "."
        content += [
            *wording.inline(capitalize_first(answer.sentence), activity.ref),
            Text(f"{end} " if answer.headline is not None else end),
        ]
    claims = [Claim("state", activity.ref, "", activity.state)] if activity.state else [claim_exists(experiment)]
    claims += [*told, Claim("verdict", activity.ref, "", verdict)] if verdict else told
    claims += [Claim("conclusion", activity.ref, "", digest_text(activity.conclusion.text))] if answer.sentence else []
    if answer.headline is not None:
        content += [Small((Text(answer.headline.describe(verdict)),))]
        claims += answer.headline.claims()
    if activity.ref in overturned:
        content += [Text(" "), Strong((Text("Overturned since."),))]
    source = activity.ref
    if answer.headline is not None and answer.headline.outcome.ref in {step.ref for step in experiment.steps}:
        source = answer.headline.outcome.ref
    statement = make_statement(content, place(wording.links.to(source)), claims=claims)
    return Item(activity.ref, activity.title, verdict, TONES.get(verdict, "plain"), (statement,))


def find_unconfirmed(answers: Sequence[Answer], wording: Wording) -> Iterator[Statement]:
    """Yield which conclusions no person wrote or confirmed; nothing if none is marked with an author.

    One that was followed by another, after the period, needs no confirmation any more.
    """
    found = [
        answer.activity for answer in answers
        if answer.activity.experiment.conclusion.is_unconfirmed
        and len(answer.activity.conclusion.entries) == len(answer.activity.experiment.conclusion.entries)
    ]  # fmt: skip
    if not found:
        return
    authors = {one.ref: one.experiment.conclusion.author or "" for one in found}
    claims = [Claim("confirmed", ref, author, "no") for ref, author in authors.items()]
    names = " and ".join(sorted(set(authors.values())))
    sources = [piece for one in found[:_MOST_SOURCES] for piece in place(wording.links.to(one.ref))]
    more = f" and {cardinal(len(found) - _MOST_SOURCES)} more" if len(found) > _MOST_SOURCES else ""
    what = "the conclusion" if len(found) == 1 else f"{cardinal(len(found), 'words')} conclusions"
    yield make_statement(f"confirm {what} by {names}.", sources, more, claims=claims)


def read_result(
    answer: Answer,
    overturned: Mapping[str, str],
    others: Mapping[str, ExperimentActivity],
    wording: Wording,
    *,
    is_stated: bool,
) -> Item | None:
    """Return the item on a result: the question, the author's words, what to doubt, and what it rests on.

    It is None if the summary says all of it.

    Args:
        answer: The answer.
        overturned: The experiments whose verdict another one contradicts, each with that one.
        others: All experiments, by their references.
        wording: The context.
        is_stated: Whether the summary has the first sentence of the conclusion.
    """
    activity = answer.activity
    experiment, ref = activity.experiment, activity.ref
    verdict = activity.conclusion.verdict or ""
    statements = []
    if ref in overturned:
        overturn: list[Inline] = [
            Strong((Text("Overturned"),)),
            Text(" by "),
            wording.links.to(overturned[ref]),
            Text("."),
        ]
        statements.append(make_statement(overturn, claims=[Claim("verdict", ref, "", verdict)]))
    if experiment.description:
        question = wording.blocks(experiment.description, ref)
        claim = claim_text(ref, experiment.description, "description")
        statements.append(Statement((), (claim,), question, experiment.description))
    before = len(statements)
    text = answer.rest if is_stated and answer.sentence else activity.conclusion.text
    if text:
        claim = Claim("conclusion", ref, "", digest_text(activity.conclusion.text))
        statements.append(Statement((), (claim,), wording.blocks(text, ref), text))
    if doubts := find_doubts(activity, answer.results, answer.headline, others.values()):
        listed = "; ".join(doubts)
        lead = Strong((Text("What to doubt: "),))
        claims = [
            claim_exists(experiment),
            *claim_figures(answer.results.outcomes, answer.results.metrics[:1], answer.results),
        ]
        claims += answer.headline.claims() if answer.headline is not None else []
        statements.append(make_statement(lead, f"{listed}.", claims=claims))
    earlier = list(_find_earlier(activity, others, overturned, wording))
    is_compared = sum(bool(outcome.runs) for outcome in answer.results.outcomes) > 1
    if is_stated and not statements and not earlier and not is_compared:
        return None
    statements += earlier
    statements += _evidence(activity, wording)
    metric = answer.headline.metric if answer.headline is not None else ""
    return Item(ref, activity.title, verdict, TONES.get(verdict, "plain"), tuple(statements), before, metric)


def _find_earlier(
    activity: ExperimentActivity,
    others: Mapping[str, ExperimentActivity],
    overturned: Mapping[str, str],
    wording: Wording,
) -> Iterator[Statement]:
    """Yield the experiments that an experiment refers to, but does not overturn, and that were closed before it."""
    created = activity.experiment.created
    for ref in wording.find_mentioned(activity.experiment):
        other = others.get(ref)
        if other is None or other.closed is None or created is None or overturned.get(ref) == activity.ref:
            continue
        if other.closed >= created.when:
            continue
        verdict = f", {other.conclusion.verdict}" if other.conclusion.verdict else ""
        title = wording.inline(other.title, ref)
        lead = Strong((Text("Tried before: "),))
        claims = [claim_text(ref, other.title, "title")]
        claims += [Claim("verdict", ref, "", other.conclusion.verdict)] if verdict else []
        yield make_statement(lead, title, verdict, ".", place(wording.links.to(ref)), claims=claims)


def _evidence(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield what a conclusion rests on; the steps, commits and runs themselves are in the appendix."""
    steps, links = activity.steps_done(), wording.links
    commits = list(dict.fromkeys(name for step in steps for name in wording.find_commits(step)))
    discarded = [run for run in activity.runs if run.discarded is not None]
    failed = [run for run in activity.runs if counts_as_failed(run)]
    closed = "concluded" if activity.conclusion.text or activity.conclusion.verdict else "closed"
    parts = [f"{closed} {wording.on_day(activity.closed)}"] if activity.closed else []
    if steps:
        parts.append(f"{count(len(steps), 'step')} done")
    if activity.runs:
        also = f", {cardinal(len(failed))} failed" if failed else ""
        also += f", {cardinal(len(discarded))} discarded" if discarded else ""
        parts.append(f"{count(len(activity.runs), 'run')}{also}")
    if commits:
        parts.append(count(len(commits), "commit"))
    lost = [name for name in commits if name not in links.commits]
    if lost and links.commits:
        parts.append(f"{cardinal(len(lost))} of them missing from the repository")
    claims = claim_closed(activity.ref, activity.closed)
    claims += [claim for step in steps for claim in claim_done(step.ref, step.text)]
    claims += [Claim("commit", links.commits[name].hash) for name in commits if name in links.commits]
    claims += map(claim_run, activity.runs)
    if parts:
        words = Small((Text(f"{capitalize_first('; '.join(parts))}."),))
        yield make_statement(words, claims=claims or [claim_exists(activity.experiment)])


def make_title(item: Item, wording: Wording) -> list[Inline]:
    """Return the heading of an item: its title, verdict and reference."""
    badge: list[Inline] = [Text(" "), Badge(item.word, item.tone)] if item.word else []
    if not item.ref:
        return [Text(item.title), *badge]
    return [*wording.inline(item.title, item.ref), *badge, Text(" "), wording.links.to(item.ref)]
