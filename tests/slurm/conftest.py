"""The fixtures of tests with a real Slurm; each module of them is marked `slurm`, and `make test-slurm` runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab import orglab
from slurm.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def require_slurm() -> None:
    """Skip all of these tests where there is no Slurm."""
    if missing := Cluster.find_missing():
        pytest.skip(f"Slurm is not installed (Debian: apt install slurm-wlm munge): no {', '.join(missing)}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster of two nodes, each with two processors."""
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


class Study:
    """A repository whose log has one experiment of two steps, and somebody's own job scripts beside it.

    Attributes:
        repo: The repository.
        cluster: Where the scripts run.
    """

    def __init__(self, repo, cluster: Cluster) -> None:
        """Make the log."""
        self.repo = repo
        self.cluster = cluster
        self.orglab("init", "--tracked", "--no-hooks")
        self.orglab("new", "First", "-s", "one", "-s", "two")
        repo.commit("log")

    def orglab(self, *arguments, code=0):
        """Run a command outside of any job, where jobs are submitted; check its exit code, and return how it ended."""
        done = orglab(*arguments, cwd=self.repo.path, **self.cluster.environment)
        assert done.code == code, done
        return done

    @property
    def log(self) -> str:
        """The text of the log."""
        return (self.repo.path / "experiment_log.org").read_text()

    def submit(self, script: str, *options: str) -> str:
        """Submit the text of a job script from the top of the repository, and return the job's id."""
        return self.cluster.submit(self.repo.write("job.sh", f"#!/bin/bash\n{script}"), *options)

    def read_output(self, job: str) -> str:
        """Return what a job has printed."""
        return (self.repo.path / f"slurm-{job}.out").read_text()

    def read_branch(self) -> tuple[str, str, str]:
        """Return what a job must not touch: the log, the commit, and the branch."""
        return self.log, self.repo.git("rev-parse", "HEAD"), self.repo.git("for-each-ref", "refs/heads")


@pytest.fixture
def study(repo, cluster):
    """A repository with a log, from which jobs are submitted."""
    return Study(repo, cluster)
