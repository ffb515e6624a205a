"""Recorded hashes: how they are written, and what became of those that a rewrite made dead."""
