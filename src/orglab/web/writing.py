"""What the forms of the pages write: each is one call of a method of `Log`."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from orglab.api import Log
from orglab.api.guarded_log import GuardedLog
from orglab.errors import UsageError
from orglab.text import Tell, count, listed
from orglab.web.addresses import Addresses


class Form(NamedTuple):
    """A form that was sent.

    Attributes:
        fields: Its fields.
    """

    fields: Mapping[str, str]

    def field(self, name: str) -> str:
        """Return a field without surrounding whitespace; empty if it is missing. Line ends are those of the log."""
        return self.fields.get(name, "").replace("\r\n", "\n").strip()

    def require(self, name: str, what: str) -> str:
        """Return a field.

        Raises:
            UsageError: It is empty.
        """
        text = self.field(name)
        if not text:
            raise UsageError(f"The {what} is missing.")
        return text

    @property
    def ref(self) -> str:
        """The experiment or step that it is about."""
        return self.require("ref", "experiment")


class Written(NamedTuple):
    """What was written.

    Attributes:
        address: The page that shows it.
        sentence: What was done.
    """

    address: str
    sentence: str


Write = Callable[[Log, Form, Tell], Written]


def _show(ref: str, sentence: str) -> Written:
    return Written(Addresses().experiment(ref), sentence)


def _note(log: Log, form: Form, tell: Tell) -> Written:
    ref, text = log.spell(form.ref), form.require("text", "note")
    if not (about := form.field("run")):
        log.add_note(ref, text, tell=tell)
        return _show(ref, f"Added a note to {ref}.")
    run = log.find_run(about)
    log.add_note(ref, f"{text} (on {run.id})", tell=tell)
    return Written(Addresses().run(run.id), f"Added a note on the run to {ref}.")


def _add_step(log: Log, form: Form, _: Tell) -> Written:
    step = log.add_step(form.ref, form.require("text", "step"))
    return _show(step.ref, f"Added {step.ref}.")


def _done(log: Log, form: Form, tell: Tell) -> Written:
    completed = log.complete_step(form.ref)
    ref = completed.step.ref
    if completed.uncommitted:
        tell(f"Not committed yet: {listed(completed.uncommitted)}.")
    commits = f" with {listed(completed.commits)}" if completed.commits else ", without a commit"
    return _show(ref, f"Completed {ref}{commits}.")


def _undo(log: Log, form: Form, _: Tell) -> Written:
    step = log.reopen_step(form.ref)
    return _show(step.ref, f"Reopened {step.ref}.")


def _start(log: Log, form: Form, _: Tell) -> Written:
    ref = log.spell(form.ref)
    log.start(ref)
    return _show(ref, f"{ref} is active.")


def _state(log: Log, form: Form, _: Tell) -> Written:
    experiment = log.set_state(form.ref, form.require("state", "state"), form.field("note") or None)
    return _show(experiment.ref, f"{experiment.ref} is {experiment.state}.")


def _conclude(log: Log, form: Form, tell: Tell) -> Written:
    text, verdict, why = form.field("text"), form.field("verdict"), form.field("why")
    if not (text or verdict):
        raise UsageError("The conclusion is missing.")
    concluded = log.conclude(
        form.ref, text, verdict=verdict or None, keyword=form.field("state") or None, why=why or None
    )
    experiment, result = concluded.experiment, concluded.result
    if result is not None:
        tell(f"{result.headline.outcome.ref}: {result.headline.describe(experiment.verdict or '')}")
    if open_steps := experiment.progress.total - experiment.progress.done:
        tell(f"{count(open_steps, 'step')} not done.")
    return _show(experiment.ref, f"Concluded {experiment.ref}.")


def _confirm(log: Log, form: Form, _: Tell) -> Written:
    experiment = log.confirm(form.ref)
    return _show(experiment.ref, f"Confirmed the conclusion of {experiment.ref}.")


def _new(log: Log, form: Form, _: Tell) -> Written:
    steps = [line.strip() for line in form.field("steps").split("\n") if line.strip()]
    experiment = log.new(
        form.require("title", "title"), description=form.field("description") or None, steps=steps,
        tags=form.field("tags").replace(":", " ").split(), claim=form.field("claim") or None,
        note=form.field("note") or None,
    )  # fmt: skip
    return _show(experiment.ref, f"Added {experiment.ref}, which is active now.")


def _journal(log: Log, form: Form, _: Tell) -> Written:
    log.add_journal_entry(form.require("text", "entry"), form.field("ref") or None)
    return Written(Addresses().named("journal"), "Added an entry to the journal.")


WRITES: Mapping[str, Write] = {
    "note": _note,
    "step": _add_step,
    "done": _done,
    "undo": _undo,
    "start": _start,
    "state": _state,
    "conclude": _conclude,
    "confirm": _confirm,
    "new": _new,
    "journal": _journal,
}
"""What forms do, by the last part of their addresses."""


def write(open_log: Callable[[Tell | None], Log], action: str, form: Form) -> tuple[Written, list[str]]:
    """Do what a form asks for, and return that with messages for the user.

    Args:
        open_log: Opens the log as it is now; what git did to it is told to the argument.
        action: One of WRITES.
        form: The form; its field `seen` is the digest of the text that the user has seen.

    Raises:
        TextChangedError: The text has changed since; nothing was written.
        OrglabError: The log refuses.
    """
    messages: list[str] = []
    log = open_log(messages.append)
    written = WRITES[action](GuardedLog.of(log, form.field("seen") or None), form, messages.append)
    # Afterwards: it may change the experiment that the user has seen.
    log.write_pending(messages.append)
    return written, messages
