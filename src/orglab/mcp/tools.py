"""The tools: what a client may call, each a function of the log and the form of its result."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event
from typing import Any, NamedTuple

from orglab.api import Log
from orglab.api.ask import History, Listed, OpenSteps
from orglab.api.serialize import (
    brief_experiment_form,
    completed_form,
    difference_form,
    event_form,
    full_run_form,
    note_form,
    precedent_form,
    run_form,
    search_form,
    step_form,
    why_form,
)
from orglab.api.serialize_brief import fitting_form
from orglab.api.serialize_runs import concluded_form, metric_form, setting_form, shown_form
from orglab.errors import OrglabError, UsageError
from orglab.experiment.model import Experiment
from orglab.experiment.section_text import Note
from orglab.mcp.bounds import Paged, fit, fit_page
from orglab.mcp.run_tools import list_runs_newest_first, start_run, wait_for_run
from orglab.mcp.signatures import check_arguments, describe, make_schema
from orglab.runs.record import Run
from orglab.runs.record_reader import read_output_end
from orglab.runs.run_table import Row, RunTable
from orglab.search.hits import SearchResult
from orglab.text import Tell

READ, WRITE, WRITE_ALL, RUN = "read", "write", "write-all", "run"
"""What a tool does, and so what has to be allowed to a client."""
OPTIONS = {WRITE: "--write", WRITE_ALL: "--write=all", RUN: "--allow-run"}
"""The option that allows it."""
_OFFSET = "offset"
_OFFSET_SCHEMA = {"type": "integer", "description": "How many to pass over, as an answer without room for all says."}
_OUTPUT_BYTES = 2000


class Call(NamedTuple):
    """A call of a tool.

    Attributes:
        log: The log.
        arguments: The arguments, by name.
        tell: Receives messages for the user.
        stop_waiting: Is set when the tool is not to wait for anything any more.
    """

    log: Log
    arguments: Mapping[str, Any]
    tell: Tell
    stop_waiting: Event


class Tool(NamedTuple):
    """A tool.

    Attributes:
        function: The function, whose first argument is the log; its signature and docstring describe the tool.
        make_form: Returns the document that the client gets, for what the function returned.
        permission: READ, or what has to be allowed.
        more: How to get what an answer has no room for.
        is_paged: Whether the document has a list that is read in parts.
        is_destructive: Whether it may change more than it adds.
    """

    function: Callable[..., Any]
    make_form: Callable[[Any, Call], Mapping[str, object] | Paged]
    permission: str = READ
    more: str = ""
    is_paged: bool = False
    is_destructive: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments."""
        schema: dict[str, Any] = make_schema(self.function)
        if self.is_paged:
            schema["properties"][_OFFSET] = _OFFSET_SCHEMA
        return schema

    def describe(self, name: str) -> dict[str, object]:
        """Return the tool as the protocol lists it."""
        hints: dict[str, object] = {"readOnlyHint": self.permission == READ, "openWorldHint": self.permission == RUN}
        if self.permission != READ:
            hints["destructiveHint"] = self.is_destructive
        return {"name": name, "description": describe(self.function), "inputSchema": self.schema, "annotations": hints}


def call_tool(
    name: str, given: Mapping[str, object], open_log: Callable[[Tell | None], Log], stop_waiting: Event
) -> dict[str, object]:
    """Call a tool, and return its document.

    Args:
        name: The name of the tool.
        given: The arguments.
        open_log: Opens the log as it is now; what git did to it is told to its argument, if that is not None.
        stop_waiting: Is set when the tool is not to wait for anything any more.

    Raises:
        OrglabError: An argument is wrong, or the log refuses.
    """
    tool = TOOLS[name]
    arguments = check_arguments(name, tool.schema, given)
    offset = arguments.pop(_OFFSET, 0) if tool.is_paged else 0
    if not isinstance(offset, int) or offset < 0:
        raise UsageError(f"The argument offset of {name} is 0 or more.")
    messages: list[str] = []
    # A command that only reads writes nothing either; the others tell what git did, and write what is pending.
    log = open_log(None if tool.permission == READ else messages.append)
    if tool.permission != READ:
        log.write_pending(messages.append)
    call = Call(log, arguments, messages.append, stop_waiting)
    document = tool.make_form(_invoke(tool, call), call)
    if isinstance(document, Paged):
        return fit_page(document, offset, f"Call {name} with offset OFFSET for more.")
    return fit({**document, **({"messages": messages} if messages else {})}, tool.more)


def _invoke(tool: Tool, call: Call) -> object:
    """Return what the function of a tool returns for the arguments of a call, and for what the call has itself."""
    code = tool.function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    own = {name: getattr(call, name) for name in ("tell", "stop_waiting") if name in names}
    return tool.function(call.log, **call.arguments, **own)


# ---- what tools return ----


def _steps_form(open_steps: OpenSteps, _: Call) -> Paged:
    return Paged(
        {"active": open_steps.active}, "steps", open_steps.steps,
        lambda pair: {**step_form(pair[1]), "experiment": pair[0].ref, "title": pair[0].title},
    )  # fmt: skip


def _list_form(listed: Listed, _: Call) -> Paged:
    return Paged(
        {"active": listed.active}, "experiments", listed.experiments,
        lambda one: {**brief_experiment_form(one), **metric_form(listed, one)},
    )  # fmt: skip


def _history_form(history: History, _: Call) -> Paged:
    return Paged({"experiment": history.experiment.ref}, "events", history.events, event_form)


def _search_form(result: SearchResult, call: Call) -> Paged:
    form: dict[str, Any] = search_form(result, call.arguments["text"], str(call.log.path), str(call.log.journal))
    return Paged(form, "hits", form.pop("hits"), lambda hit: hit)


def _runs_form(table: RunTable, _: Call) -> Paged:
    def make_form(row: Row) -> dict[str, object]:
        return run_form(row.run) if row.setting is None else setting_form(row.setting, table.directions)

    return Paged({"discarded": table.hidden}, "settings" if table.is_grouped else "runs", table.rows, make_form)


def _run_form(run: Run, _: Call) -> dict[str, object]:
    printed = read_output_end(run.folder, _OUTPUT_BYTES).decode("utf-8", "replace")
    return {**run_form(run), "printed_last": printed}


def _full_run_form(run: Run, call: Call) -> dict[str, object]:
    return {**_run_form(run, call), **full_run_form(run)}


def _new_form(experiment: Experiment, call: Call) -> dict[str, object]:
    tried = []
    if call.log.config.similar:
        # The experiment is in the log already.
        with suppress(OrglabError, OSError):
            tried = [precedent_form(one) for one in call.log.similar(experiment.ref) if one.is_sure]
    return {**_experiment_form(experiment, call), "tried_before": tried}


def _note_form(note: Note, call: Call) -> dict[str, object]:
    return {"ref": call.log.spell(call.arguments["reference"]), **note_form(note)}


def _experiment_form(experiment: Experiment, _: Call) -> dict[str, object]:
    return {"experiment": brief_experiment_form(experiment)}


_SHOW_MORE = "Call show with one step, such as 201.1, or runs, history or search, for more."
_RUN_MORE = "The file named in folder has all of it."

TOOLS: dict[str, Tool] = {
    "brief": Tool(Log.brief, lambda brief, _: fitting_form(brief), more=_SHOW_MORE),
    "next": Tool(Log.open_steps, _steps_form, is_paged=True),
    "list": Tool(Log.list_experiments, _list_form, is_paged=True),
    "show": Tool(Log.show, lambda shown, call: shown_form(shown, call.log.config.letter), more=_SHOW_MORE),
    "history": Tool(Log.history, _history_form, is_paged=True),
    "search": Tool(Log.search, _search_form, is_paged=True),
    "tried": Tool(
        Log.similar, lambda found, _: {"experiments": [precedent_form(one) for one in found]}, more=_SHOW_MORE
    ),
    "why": Tool(Log.why, lambda answer, call: why_form(answer, call.log.config.letter), more=_SHOW_MORE),
    "runs": Tool(list_runs_newest_first, _runs_form, is_paged=True),
    "show_run": Tool(Log.find_run, _full_run_form, more=_RUN_MORE),
    "compare_runs": Tool(Log.compare_runs, lambda difference, _: difference_form(difference), more=_RUN_MORE),
    "new": Tool(Log.new, _new_form, WRITE, _SHOW_MORE),
    "step": Tool(Log.add_step, lambda step, _: step_form(step), WRITE),
    "note": Tool(Log.add_note, _note_form, WRITE),
    "done": Tool(Log.complete_step, lambda completed, _: completed_form(completed), WRITE),
    "conclude": Tool(Log.conclude, lambda concluded, _: concluded_form(concluded), WRITE_ALL, _SHOW_MORE),
    "discard_run": Tool(Log.discard_run, lambda run, _: run_form(run), WRITE_ALL, _RUN_MORE, is_destructive=True),
    "keep_run": Tool(Log.keep_run, lambda run, _: run_form(run), WRITE_ALL, _RUN_MORE, is_destructive=True),
    "run": Tool(start_run, _run_form, RUN, _RUN_MORE, is_destructive=True),
    "wait": Tool(wait_for_run, _run_form, more=_RUN_MORE),
}  # fmt: skip
