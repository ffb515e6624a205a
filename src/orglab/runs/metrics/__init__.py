"""The metrics of a run: found, read and kept."""
