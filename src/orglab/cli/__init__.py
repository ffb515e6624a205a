"""The command line: arguments to one method of `Log`, and what it returns to text."""
