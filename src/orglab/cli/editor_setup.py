"""What to write in the settings of an editor, so that it starts `orglab lsp`."""

from pathlib import Path

from orglab.errors import UsageError

_FILES = {"emacs": "emacs.el", "helix": "helix.toml", "neovim": "neovim.lua", "vscode": "vscode.js"}
EDITORS = {"emacs": "Emacs, with eglot", "helix": "Helix", "neovim": "Neovim", "vscode": "Visual Studio Code"}
"""The editors, and what they are called."""


def read_snippet(editor: str) -> str:
    """Return what to write in the settings of an editor; its first line says in which file.

    Raises:
        UsageError: The editor is unknown.
    """
    if editor not in _FILES:
        raise UsageError(f"There is no configuration for {editor!r}; there is one for {', '.join(_FILES)}.")
    return Path(__file__).with_name("editors").joinpath(_FILES[editor]).read_text(encoding="utf-8")
