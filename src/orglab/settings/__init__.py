"""The settings files: what is in them, and what a repository may set."""
