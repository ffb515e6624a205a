"""The door of the hooks: the script git/hook.sh comes in here, with the hook's name."""

import importlib
import os
import sys
from pathlib import Path
from types import TracebackType

from orglab.errors import NotFoundError, OrglabError
from orglab.git.hook_commit import HookCommit
from orglab.hooks.hook import Hook, print_message

# Which module does what a hook is for: only that one is imported.
_HOMES = {
    "pre-commit": "commit_hooks", "post-commit": "commit_hooks", "prepare-commit-msg": "message_hooks",
    "commit-msg": "message_hooks",
    "post-rewrite": "post_rewrite",
}  # fmt: skip


def main() -> None:
    """Do what a hook is for, and leave with 0, or REFUSED.

    The arguments are the hook's name, the git directory, the folder of the log, the letter of references if the
    script knows the names in the log, and what git gives the hook.
    """
    sys.excepthook = _say_defect
    sys.stderr.reconfigure(errors="replace")  # type: ignore[union-attr]
    name, git_dir, folder, letter, *arguments = sys.argv[1:]
    hook = Hook(HookCommit(git_dir, os.environ.get("GIT_INDEX_FILE")), Path(folder), arguments)
    try:
        if not letter and name != "post-rewrite":
            hook.tell_names()
        code = run(name, hook)
    except NotFoundError:
        # No log in what is checked out: there is nothing to do.
        code = 0
    except OrglabError as error:
        print_message(str(error))
        code = 0
    sys.stderr.flush()
    # To take down the interpreter as well takes 4 ms.
    os._exit(code)


def run(name: str, hook: Hook) -> int:
    """Do what the hook called `name` is for, and return its exit code."""
    does = getattr(importlib.import_module(f"orglab.hooks.{_HOMES[name]}"), name.replace("-", "_"))
    code: int = does(hook)
    return code


def _say_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in a sentence what Python would print as a traceback."""
    if os.environ.get("ORGLAB_DEBUG"):
        sys.__excepthook__(kind, error, trace)
    print_message(f"This is a defect of orglab, or of the machine ({kind.__name__}: {error}).")


if __name__ == "__main__":
    main()
