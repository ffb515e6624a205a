"""What killed processes have left in the git directory."""

from pathlib import Path

from orglab.log.log import LogFile
from orglab.text import Tell


def remove_leftovers(log: LogFile, tell: Tell) -> None:
    """Remove what killed processes left in the git directory, as far as that is possible.

    What a run wrote to a working tree of its own is moved to the folder of its record before.

    Args:
        log: The log.
        tell: Called with each message for the user.
    """
    home = log.repository
    if home is None:
        return
    from orglab.git.scratch import collect_scratch

    def save(tree: Path) -> bool:
        from orglab.runs.tree_files import save_abandoned

        return save_abandoned(log, home, tree, tell)

    collect_scratch(home, save)
