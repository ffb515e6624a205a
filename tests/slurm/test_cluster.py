"""The cluster of the tests leaves nothing behind, and does not meet another one."""

from pathlib import Path

import pytest

from slurm.cluster import Cluster

pytestmark = pytest.mark.slurm

# Survives a SIGTERM, and has left its session.
STUBBORN = """#!/bin/bash
setsid python -c '
import os, pathlib, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("pid.new").write_text(str(os.getpid()))
pathlib.Path("pid.new").rename("pid")
signal.pause()
'
"""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # whoever would read its exit code may not do so


@pytest.fixture
def second():
    """A cluster of one node that is not started."""
    second = Cluster(nodes=1)
    yield second
    second.stop()


def test_a_second_cluster_ends_with_its_jobs_and_the_first_goes_on(cluster, second, tmp_path):
    second.start()
    script = tmp_path / "job.sh"
    script.write_text(STUBBORN)
    job = second.submit(script)
    waiting = second.submit(script, "--hold")
    second.wait_until(job, (tmp_path / "pid").exists)
    assert second.read_tasks(waiting)[0].state == "PENDING"
    pids = [
        int((tmp_path / "pid").read_text()),
        *(daemon.pid for _, daemon in second._daemons),
        *second._find_processes(),
    ]
    assert all(map(is_running, pids))
    second.stop()
    assert not any(map(is_running, pids))
    assert not second.folder.exists()
    assert cluster.run("sinfo", "--noheader", "--format=%D") == "2"


def test_a_start_that_fails_says_why_and_ends_what_it_began(second):
    second.cpus = "many"
    with pytest.raises(AssertionError, match='CPUs value "many" is not a valid number'):
        second.start()
    pids = [daemon.pid for _, daemon in second._daemons]
    second.stop()
    assert not any(map(is_running, pids))
