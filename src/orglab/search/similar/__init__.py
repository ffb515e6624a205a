"""Experiments that tried the same idea, however it was worded.  Text in, likeness out; knows no log and no Org."""
