"""Sweeps: a command in many versions, each of which is a run."""
