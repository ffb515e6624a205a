"""Comparison of texts to find experiments that tried the same idea in other words, independent of log and Org."""
