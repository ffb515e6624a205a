"""orglab: the experiment log that remembers why."""
