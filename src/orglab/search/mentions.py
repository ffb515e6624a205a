"""The old name of `commit_references`, for who still imports it."""

from orglab.search.commit_references import scan_kept

__all__ = ["scan_kept"]
