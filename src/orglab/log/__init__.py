"""The log's file: reading, verified editing, merging and committing."""
