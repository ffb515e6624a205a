"""Try every version of a sweep once: each runs as in the sweep, but nothing is committed, recorded or noted."""

import os
import tempfile
from pathlib import Path

from orglab.log.log import LogFile
from orglab.runs.run_request import RunRequest
from orglab.runs.sweeps.start import SweepRequest, prepare
from orglab.runs.sweeps.sweep_versions import Version, fill_command, make_variables
from orglab.runs.trial import try_command
from orglab.text import Tell, count, listed


def try_versions(log: LogFile, request: SweepRequest, tell: Tell, *, keep_going: bool, show_output: bool = True) -> int:
    """Run every version once, and return the exit code of the first that failed; 0 if none did.

    The folder of each version is a temporary one, which is removed.

    Args:
        log: The log.
        request: What to sweep; what it says of the record is ignored.
        tell: Called with each message for the user.
        keep_going: Whether to go on after a version that failed.
        show_output: Whether what the command prints is shown.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid, or the command cannot be run.
    """
    ref, versions = prepare(log, request, tell)
    failed: dict[str, int] = {}
    tried = 0
    with tempfile.TemporaryDirectory(prefix="orglab-test-", ignore_cleanup_errors=True) as results:
        for version in versions:
            tell(f"{version.name}:")
            tried += 1
            code = try_command(log, _make_request(request, ref, version, Path(results), show_output=show_output), tell)
            if code:
                failed[version.name] = code
                if not keep_going:
                    break
    if failed:
        left = f"; {count(len(versions) - tried, 'version')} not tried" if tried < len(versions) else ""
        tell(f"Failed: {listed(failed)}{left}.")
    else:
        tell(f"{count(len(versions), 'version')} ran, and none failed.")
    return next(iter(failed.values()), 0)


def _make_request(request: SweepRequest, ref: str, version: Version, results: Path, *, show_output: bool) -> RunRequest:
    out = results / version.name
    out.mkdir()
    return RunRequest(
        ref, fill_command(request.argv, version, os.fspath(out)), results=request.results,
        environment=make_variables(version.parameters, version.name), show_output=show_output,
        time_limit=request.time_limit, is_test=True, out=out,
    )  # fmt: skip
