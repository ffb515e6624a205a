"""Runs: launching a command for a step, recording it, and reading the records."""
