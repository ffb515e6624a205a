"""The brief: what to know about a log before work on it begins, within a number of tokens."""
