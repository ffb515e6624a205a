"""git: every subprocess of it, and what it says, as values.

`process` runs it, hardened; `repository` finds and asks one; `commit` reads
commits.  What needs more of git is a module of its own here, of functions that
take a `Repository`.
"""

from orglab.git.repository import Repository, find_program, find_repository, is_installed

__all__ = ["Repository", "find_program", "find_repository", "is_installed"]
