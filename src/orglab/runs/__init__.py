"""Runs: launching a command for a step, its record, and what is made of records later."""
