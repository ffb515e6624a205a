"""A real Neovim and a real Emacs, with what `orglab setup editor` prints: ask, complete, apply an action, save."""

import os
import re
import shutil
import subprocess

import pytest

from lab import NAME, orglab
from lsp_client import LOG
from test_docs import DOCS

pytestmark = pytest.mark.editors


@pytest.fixture
def home(tmp_path_factory, monkeypatch):
    """A fresh home."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


def find_program(name):
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed; scripts/system-deps.sh editors installs it")
    return program


def run(*command, cwd):
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


TICKED = (
    LOG.replace("2. [ ] Test", "2. [X] Test")
    .replace("** TODO Experiments [1/2]", "** DONE Experiments [2/2]")
    .replace("[0%]", "[50%]")
)
NEOVIM = """
local function wait(what, check)
  assert(vim.wait(20000, check, 20), "Neovim waited in vain for " .. what)
end
local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 20000)
  for _, answer in pairs(answers) do
    return answer.result
  end
end
vim.cmd("edit train.py")
wait("the server", function() return #vim.lsp.buf_get_clients(0) == 1 end)
wait("a warning", function() return #vim.diagnostic.get(0) == 1 end)
print("WARNING " .. vim.diagnostic.get(0)[1].message)
print("KEYS " .. tostring(next(vim.fn.maparg("gr", "n", false, true)) ~= nil))
vim.api.nvim_win_set_cursor(0, { 1, 12 })
print("HOVER " .. vim.inspect(ask("textDocument/hover", vim.lsp.util.make_position_params()).contents.value))
vim.lsp.buf.definition()
wait("the log", function() return vim.fn.expand("%:t") == "experiment_log.org" end)
print("LINE " .. vim.api.nvim_get_current_line())
print("NOWAIT " .. vim.fn.maparg("gr", "n", false, true).nowait)
vim.ui.select = function(offered, _, choose)
  for _, one in ipairs(offered) do
    if (one.action or one[2]).title:find("Complete") then
      return choose(one)
    end
  end
end
vim.lsp.buf.code_action()
wait("the tick", function() return vim.api.nvim_get_current_line():find("%[X%]") ~= nil end)
vim.cmd("write")
vim.cmd("normal! Go- see [e2")
vim.api.nvim_win_set_cursor(0, { vim.api.nvim_buf_line_count(0), 10 })
local items = ask("textDocument/completion", vim.lsp.util.make_position_params()).items
print("OFFERED " .. items[1].label .. " | " .. items[2].label)
vim.lsp.stop_client(vim.lsp.get_active_clients())
wait("the end", function() return #vim.lsp.get_active_clients() == 0 end)
vim.cmd("qall!")
"""


def test_neovim_with_the_printed_configuration(study, home):
    neovim = find_program("nvim")
    # What the page says, in a fresh home.
    (steps,) = re.findall(r"^```bash\n(.*?)^```", (DOCS / "howto/neovim.md").read_text(), re.DOTALL | re.MULTILINE)
    run("sh", "-ec", steps, cwd=study)
    (study / "train.py").write_text("lr = 0  # [e201.2] and [e99]\n")
    script = home / "play.lua"
    script.write_text(NEOVIM)
    said = run(neovim, "--headless", "-c", f"luafile {script}", "-c", "cquit", cwd=study)
    assert f"WARNING [e99] is not an experiment in {NAME}." in said
    assert "KEYS false" in said  # other servers may have theirs in code
    assert "NOWAIT 1" in said
    assert "HOVER" in said
    assert "Test XYZ with ABC" in said.partition("HOVER")[2]
    assert "LINE 2. [ ] Test XYZ with ABC" in said
    assert "OFFERED e201 ABC in XYZ model | e202 Dropout helps" in said
    assert (study / NAME).read_text() == TICKED


EMACS = """
(progn
  (setq make-backup-files nil create-lockfiles nil)
  (load (expand-file-name "~/.emacs.d/init.el"))
  (require 'package) (package-initialize)
  (require 'eglot) (require 'org)
  (setq eglot-sync-connect 20 eglot-autoshutdown t)
  (defun wait-for (what check)
    (with-timeout (20 (error "Emacs waited in vain for %s" what))
      (while (not (funcall check)) (accept-process-output nil 0.05))))
  (defun choose (title)
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_ offered &rest _) (seq-find (lambda (one) (string-match title one)) (mapcar #'car offered)))))
      (let ((last-nonmenu-event ?a)) (call-interactively #'eglot-code-actions))))
  (find-file "notes.txt")
  (apply #'eglot (eglot--guess-contact))
  (wait-for "a warning" (lambda () (flymake-start) (flymake-diagnostics)))
  (message "WARNING %s" (flymake-diagnostic-text (car (flymake-diagnostics))))
  (goto-char 13)
  (message "HOVER %s" (plist-get (plist-get (jsonrpc-request (eglot--current-server-or-lose) :textDocument/hover
                                   (eglot--TextDocumentPositionParams)) :contents) :value))
  (xref-find-definitions "LSP identifier at point.")
  (message "LINE %s" (buffer-substring (line-beginning-position) (line-end-position)))
  (wait-for "the server in the log" (lambda () (eglot-managed-p)))
  (choose "Complete")
  (save-buffer)
  (goto-char (point-max)) (insert "- see [e2")
  (let* ((at (eglot-completion-at-point)) (table (nth 2 at)))
    (message "OFFERED %s" (all-completions (buffer-substring (nth 0 at) (nth 1 at)) table)))
  (set-buffer-modified-p nil))
"""


def test_eglot_with_the_printed_configuration(study, home):
    emacs = find_program("emacs")
    (home / ".emacs.d").mkdir()
    (home / ".emacs.d/init.el").write_text(orglab("setup", "editor", "emacs").out)
    (study / "notes.txt").write_text("lr = 0  # [e201.2] and [e99]\n")
    script = home / "play.el"
    script.write_text(EMACS)
    said = run(emacs, "--batch", "--load", script, cwd=study)
    assert f"[unknown-reference]: [e99] is not an experiment in {NAME}." in said
    assert "HOVER e201.2 [ ] Test XYZ with ABC" in said
    assert "LINE 2. [ ] Test XYZ with ABC" in said
    assert "OFFERED (e201 ABC in XYZ model e202 Dropout helps)" in said
    assert (study / NAME).read_text() == TICKED
