"""Everything that runs git or reads its files.

`process` runs git, hardened; `repository` finds and queries a repository; `commit`
reads commits.  The other modules hold functions that take a `Repository`.
"""

from orglab.git.repository import Repository, find_program, find_repository, is_installed

__all__ = ["Repository", "find_program", "find_repository", "is_installed"]
