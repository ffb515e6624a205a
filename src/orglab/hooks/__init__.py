"""What the git hooks do; the script that git/shims.py installs starts this package, if it needs to."""
