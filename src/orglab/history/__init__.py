"""The history of experiments, references to them, and the reason for a result."""
