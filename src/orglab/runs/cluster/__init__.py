"""Runs in the jobs of a scheduler."""
