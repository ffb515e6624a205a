"""Lossless Org documents: parsing and editing, independent of experiments."""
