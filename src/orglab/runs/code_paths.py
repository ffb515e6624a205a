"""Which changed files are code: not the log and the journal, and not what runs write."""

import contextlib
import hashlib
from collections.abc import Sequence

from orglab.git import Repository
from orglab.git.files import read_blobs
from orglab.git.hashed_file import hash_file
from orglab.git.merge_config import is_own_attributes
from orglab.log.log import LogFile
from orglab.runs.code import find_generated_paths
from orglab.runs.record import Run


class CodePaths:
    """Tells code from what runs write, for commits that hold code alone."""

    def __init__(self, log: LogFile, repository: Repository, runs: Sequence[Run]) -> None:
        """Take all runs of a log: a file that is as one of them wrote it is no code."""
        self.own = log.find_own_paths(repository)
        self._repository = repository
        self._written = {(output.path, output.sha256) for run in runs for output in run.outputs}
        self._places = find_generated_paths((Run(run.folder, {**run.fields, "outputs": []}) for run in runs), self.own)
        self._outputs = {path for path, _ in self._written}

    def is_left_out(self, path: str, entry: str) -> bool:
        """Return whether a file is no code.

        Args:
            path: Its path, relative to the top.
            entry: Its entry in a tree, as in `EntryChange`; empty if it is not known.
        """
        if self._places.hold(path) or (
            path.rpartition("/")[2] == ".gitattributes" and is_own_attributes(self._repository.top / path)
        ):
            return True
        if path not in self._outputs:
            return False
        blobs = read_blobs(self._repository, [entry.rpartition(" ")[2]]) if entry.startswith("100") else ()
        return any((path, hashlib.sha256(data).hexdigest()) in self._written for _, data in blobs)

    def is_left_out_now(self, path: str) -> bool:
        """Return whether a file, as it is in the working tree, is no code."""
        if self.is_left_out(path, "") or path not in self._outputs:
            return self.is_left_out(path, "")
        with contextlib.suppress(OSError):
            return (path, hash_file(self._repository, self._repository.top / path)) in self._written
        return False
