"""The content of a report: from events in the log to statements, each with its evidence."""
