"""Harm the index at any moment while commands run: no answer may change.  `python tests/torture/index.py 200`.

Prints how many trials there were; ends with a traceback at the first answer that is not the true one.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "search"))

from test_index import trials

from conftest import Repository


def main() -> None:
    """Run the trials, of which the first argument says how many."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["XDG_CACHE_HOME"] = folder
        repository = Repository(Path(folder))
        repository.git("init", "--quiet", "--initial-branch=main")
        repository.git("config", "user.name", "Ada Author")
        repository.git("config", "user.email", "ada@example.org")
        trials(repository, count)
    print(f"{count} trials: every answer was the true one")


if __name__ == "__main__":
    main()
