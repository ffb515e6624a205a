"""On which code the next version of a sweep runs: that of its beginning, until the working tree is another one."""

import os
import zlib
from collections.abc import Callable, Iterable, Sequence

from orglab.errors import GitError
from orglab.git import Repository
from orglab.git.trees import count_changed_lines
from orglab.git.untracked import list_files
from orglab.git.worktree import read_changes
from orglab.runs.job import Job
from orglab.runs.preparation import make_policy
from orglab.runs.record import Run
from orglab.runs.results import read_stamp
from orglab.runs.secrets import mask_argv
from orglab.runs.working_state import WorkingState, save_working_state


def read_signature(repository: Repository, is_ignored: Callable[[str], bool], folders: Sequence[str] = ()) -> str:
    """Return a text that is another one when HEAD, or a file that differs from it, is another one.

    Args:
        repository: The repository.
        is_ignored: Returns whether a file, relative to the top, is no code.
        folders: Folders in which it returns that of every file, with `/` at the end. They may have many files.

    Raises:
        GitError: git fails, or is not installed.
    """
    changes = read_changes(repository, all_files=False)
    untracked, left_out = list_files(repository, (path for path in changes.untracked if not is_ignored(path)), folders)
    paths = (*changes.tracked, *changes.unmerged, *untracked, *(one.path for one in left_out))
    stamps = [(path, read_stamp(repository.top / path)) for path in sorted(paths) if not is_ignored(path)]
    text = repr((changes.head, stamps, changes.submodules, changes.edited_submodules))
    return f"{zlib.crc32(os.fsencode(text)):08x}{len(text):x}"


class CodeWatch:
    """Tells on which code the next version runs.

    Attributes:
        folders: The folders in which nothing is code, relative to the top, with `/` at the end.
    """

    def __init__(self, repository: Repository, state: WorkingState, signature: str | None) -> None:
        """Take the code that the sweep began on, and the signature of the working tree at that time."""
        self._repository = repository
        self._state = state
        self._known: dict[str, tuple[WorkingState, list[str]]] = {}
        if signature is not None:
            self._known[signature] = (state, [])
        self.folders: tuple[str, ...] = ()
        self._files: set[str] = set()

    def ignore_outputs(self, runs: Iterable[Run]) -> None:
        """Take what some runs have written for no code."""
        for run in runs:
            self._files.update(output.path for output in run.outputs)

    def ignore_folders(self, folders: Sequence[str]) -> None:
        """Take what is in some folders, relative to the top, for no code."""
        self.folders = tuple(f"{os.path.normpath(folder)}/" for folder in folders if os.path.normpath(folder) != ".")

    def is_ignored(self, path: str) -> bool:
        """Return whether a file or a folder, relative to the top, is no code."""
        return path in self._files or f"{path}/".startswith(self.folders) or path in self.folders

    def read(self, job: Job) -> tuple[WorkingState, list[str]]:
        """Return the code that a run uses, and the files in which it differs from that of the sweep's beginning.

        If there are any, the working tree is captured in a snapshot.

        Args:
            job: The run, which is about to start.

        Raises:
            GitError: git fails, or the working tree cannot be captured.
        """
        own = job.log.find_own_paths(self._repository)

        def is_ignored(path: str) -> bool:
            return path in own or self.is_ignored(path)

        signature = read_signature(self._repository, is_ignored, self.folders)
        if signature not in self._known:
            self._known[signature] = self._capture(job, own, is_ignored)
        return self._known[signature]

    def _capture(
        self, job: Job, own: tuple[str, ...], is_ignored: Callable[[str], bool]
    ) -> tuple[WorkingState, list[str]]:
        if self._state.code is None:
            raise GitError("the sweep began on no commit")
        changes = count_changed_lines(self._repository, self._state.code, None, own)
        changed = [change.path for change in changes if not is_ignored(change.path)]
        if not changed:
            return self._state, []
        policy = make_policy(job, self._repository)._replace(before="snapshot", is_ignored=is_ignored)
        state = save_working_state(
            self._repository, policy, job.record.id, lambda _: None, ref=job.ref, argv=mask_argv(job.request.argv),
            why=job.why,
        )  # fmt: skip
        return state, changed
