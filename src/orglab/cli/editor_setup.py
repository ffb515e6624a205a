"""What to write in the settings of an editor, so that it starts `orglab lsp`."""

import json
import sys
from pathlib import Path

from orglab.errors import UsageError

_FILES = {"emacs": "emacs.el", "helix": "helix.toml", "neovim": "neovim.lua", "vscode": "vscode.js"}
EDITORS = {"emacs": "Emacs, with eglot", "helix": "Helix", "neovim": "Neovim", "vscode": "Visual Studio Code"}
"""The editors, and what they are called."""
_ARGUMENTS = ("-P", "-m", "orglab", "lsp")
# How a template has the command, how it is written with another one, and what is between its arguments
_FORMS = {
    "emacs": ('("orglab" "lsp")', "({command} {arguments})", " "),
    "helix": ('command = "orglab"\nargs = ["lsp"]', "command = {command}\nargs = [{arguments}]", ", "),
    "neovim": ('{ "orglab", "lsp" }', "{{ {command}, {arguments} }}", ", "),
    "vscode": ('command: "orglab", args: ["lsp"]', "command: {command}, args: [{arguments}]", ", "),
}


def read_snippet(editor: str) -> str:
    """Return what to write in the settings of an editor; its first line says in which file.

    The editor may be started where this orglab is not on the path, so it is told which Python has it.

    Raises:
        UsageError: The editor is unknown.
    """
    if editor not in _FILES:
        raise UsageError(f"There is no configuration for {editor!r}; there is one for {', '.join(_FILES)}.")
    template = Path(__file__).with_name("editors").joinpath(_FILES[editor]).read_text(encoding="utf-8")
    plain, form, joint = _FORMS[editor]
    command, *arguments = (json.dumps(word, ensure_ascii=False) for word in (sys.executable, *_ARGUMENTS))
    return template.replace(plain, form.format(command=command, arguments=joint.join(arguments)))
