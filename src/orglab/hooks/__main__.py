"""The entry point of the hooks, called by the script git/hook.sh."""

import importlib
import os
import sys
from pathlib import Path
from types import TracebackType

from orglab.errors import NotFoundError, OrglabError
from orglab.git.hook_commit import HookCommit
from orglab.hooks.hook import Hook, print_message

# The module of each hook; only that module is imported.
_MODULES = {
    "pre-commit": "commit_hooks", "restore-index": "commit_hooks", "post-commit": "commit_hooks",
    "keep-text": "commit_hooks", "prepare-commit-msg": "message_hooks", "commit-msg": "message_hooks",
    "post-rewrite": "post_rewrite", "post-checkout": "checkout_hooks", "post-merge": "checkout_hooks",
}  # fmt: skip


def main() -> None:
    """Run a hook and exit with 0 or REFUSED.

    The arguments are the hook's name, the git directory, the folder of the log, the letter of references (empty if
    the script has no valid file `names`), and git's arguments for the hook.
    """
    sys.excepthook = _print_unexpected
    sys.stderr.reconfigure(errors="replace")  # type: ignore[union-attr]
    name, git_dir, folder, letter, *arguments = sys.argv[1:]
    hook = Hook(HookCommit(git_dir, os.environ.get("GIT_INDEX_FILE")), Path(folder), arguments)
    try:
        if not letter and name not in ("post-rewrite", "restore-index", "post-checkout", "post-merge"):
            hook.write_names()
        code = run(name, hook)
    except NotFoundError:
        # The checked-out files contain no log.
        code = 0
    except OrglabError as error:
        print_message(str(error))
        code = 0
    sys.stderr.flush()
    # A regular interpreter shutdown takes 4 ms.
    os._exit(code)


def run(name: str, hook: Hook) -> int:
    """Run the hook called `name`, and return its exit code."""
    function = getattr(importlib.import_module(f"orglab.hooks.{_MODULES[name]}"), name.replace("-", "_"))
    code: int = function(hook)
    return code


def _print_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print one line instead of a traceback."""
    if os.environ.get("ORGLAB_DEBUG"):
        sys.__excepthook__(kind, error, trace)
    print_message(f"Unexpected error ({kind.__name__}: {error}); set ORGLAB_DEBUG=1 to see the traceback.")


if __name__ == "__main__":
    main()
