"""Org: lossless documents, usable on their own.  Knows no experiments."""
