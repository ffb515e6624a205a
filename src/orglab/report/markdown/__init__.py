"""Reading Markdown files as entries of a log, and writing these as Org."""
