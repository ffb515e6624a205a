"""The git hooks in Python; the script git/hook.sh, which git/hook_install.py installs, starts them when it needs to."""
