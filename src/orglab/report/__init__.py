"""The progress report: its statements, the document blocks that hold them, and the formats it is written in."""
