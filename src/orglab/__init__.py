"""orglab: the experiment log that remembers why.

    import orglab
    log = orglab.open_log()
    for experiment in log.experiments():
        print(experiment.ref, experiment.state, experiment.title)

The names listed here stay stable until the next major version; other modules
may change in any release.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orglab.api import Log, open_log, run
    from orglab.errors import OrglabError
    from orglab.experiment.conclusion import Conclusion
    from orglab.experiment.diagnostic import Diagnostic
    from orglab.experiment.model import Experiment, Progress, Step
    from orglab.experiment.section_text import Note
    from orglab.runs.script_run import ScriptRun

__all__ = [
    "Conclusion", "Diagnostic", "Experiment", "Log", "Note", "OrglabError", "Progress", "ScriptRun", "Step",
    "__version__", "open_log", "run",
]  # fmt: skip

_HOMES = {
    "Conclusion": "experiment.conclusion", "Diagnostic": "experiment.diagnostic", "Experiment": "experiment.model",
    "Log": "api", "Note": "experiment.section_text", "OrglabError": "errors", "Progress": "experiment.model",
    "ScriptRun": "runs.script_run", "Step": "experiment.model", "open_log": "api", "run": "api",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import orglab` costs a command nothing."""
    import importlib  # noqa: PLC0415

    if name == "__version__":
        metadata = importlib.import_module("importlib.metadata")
        return metadata.version("orglab")
    if name in _HOMES:
        return getattr(importlib.import_module(f"orglab.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'orglab' has no attribute {name!r}")
