"""What the git hooks do; the script git/hook.sh, which git/hook_install.py installs, starts this package if need be."""
