"""Experiments: their data model, how they are read from Org text, and the edits that change them."""
