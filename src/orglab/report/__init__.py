"""The progress report: a document made of blocks, and the formats it is written in."""
