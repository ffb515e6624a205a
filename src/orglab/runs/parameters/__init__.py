"""The parameters of a run: of its command, its configuration files and its environment."""
