"""A real Slurm on this machine alone: its own folder, ports, keys and processes, and nothing of the system's.

The programs are those of Debian's packages `slurm-wlm` and `munge`.  Neither systemd nor control groups nor root are
needed: jobs belong to the user who runs the tests.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEADLINE = 60.0
"""Seconds that anything may take before it is a failure; all of it is far quicker on an idle machine."""

ENDED = frozenset({"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
                   "TIMEOUT"})  # fmt: skip
"""The states that a job does not leave."""

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol", "sinfo", "setpriv")
# An ordinary user's PATH has no folder for daemons.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
_PORTS = range(10_000, 32_768)  # below those that the system gives to connections, and may give in between
_NO_CONTROL_GROUPS = (23, 11)  # the version from which on Slurm works without them
_TAIL = 2000  # characters of a daemon's log in a failure

_CONFIGURATION = """\
ClusterName=orglab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
# Where control groups follow the processes of a job, as on most clusters, a signal reaches the script and what shares
# its process group, and all that is left when the script has ended is killed.  The epilog does the second.
ProctrackType=proctrack/pgid
Epilog={folder}/epilog
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
# Jobs begin at once: the time of a test is not spent in the pauses of a busy cluster.
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
# A node has as many processors as it says, however few the machine has.
SlurmdParameters=config_overrides
ReturnToService=2
KillWait={kill_wait}
MinJobAge=3600
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

_EPILOG = """\
#!{python}
import contextlib, os, pathlib, signal
job = os.environb[b"SLURM_JOB_ID"]
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    with contextlib.suppress(OSError):
        variables = dict(one.partition(b"=")[::2] for one in (folder / "environ").read_bytes().split(b"\\0"))
        # The last is what only processes of a job have, and no epilog, on this node or another one.
        if variables.get(b"SLURM_CONF") == {conf!r} and variables.get(b"SLURM_JOB_ID") == job and b"SLURM_TASK_PID" in variables:
            os.kill(int(folder.name), signal.SIGKILL)
"""


class Task(NamedTuple):
    """What Slurm says of one job, or of one task of an array.

    Attributes:
        id: The id of its own.
        array: Its index in the array, or None.
        state: Such as `RUNNING`.
        reason: Why it waits, or how it ended.
        exit_code: The exit code of its script.
        restarts: How often it was requeued.
        nodes: The nodes that it has, as Slurm writes them: `n[1-2]`.
    """

    id: str
    array: int | None
    state: str
    reason: str
    exit_code: int
    restarts: int
    nodes: str


class Cluster:
    """The daemons, and what a user of the cluster does: submit, look, cancel, requeue.

    Attributes:
        folder: What all of it is in, until it is stopped.
        nodes: The names of the nodes.
        cpus: The processors of each node.
        environment: The variables with which commands reach it; a job inherits them from `sbatch`.
    """

    def __init__(self, *, nodes: int = 2, cpus: int = 2, kill_wait: int = 5) -> None:
        """Choose names and ports; `start` starts it.

        Args:
            nodes: How many nodes there are.
            cpus: How many processors each says it has.
            kill_wait: The seconds between the SIGTERM and the SIGKILL of a job that is to end.
        """
        # Not below the folder of a test: the paths of its sockets have to fit into 108 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.cpus = cpus
        self._kill_wait = kill_wait
        self._daemons: list[tuple[str, subprocess.Popen[bytes]]] = []
        # The tests may themselves be a job of somebody's cluster.
        own = {name: text for name, text in os.environ.items() if not name.startswith(("SLURM", "SBATCH", "SRUN"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{_PATH}"
        self.environment = {
            **own,
            "PATH": path,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PYTHONPATH": str(SOURCE),
        }

    @staticmethod
    def find_missing() -> list[str]:
        """Return the programs that are not installed."""
        return [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]

    # The daemons

    def start(self) -> None:
        """Start all daemons, and return when all nodes take jobs.

        Raises:
            AssertionError: They do not, with the ends of their logs.
        """
        self._configure()
        files = [f"--{name}-file={self.folder}/munge/{name}" for name in ("key", "pid", "seed")]
        meeting = f"--socket={self.folder}/munge.socket"
        # Forced, because the folders of tests are closed to others, who would need to reach the socket.
        self._start("munged", "--foreground", "--force", meeting, *files)
        self._wait_for_daemon(lambda: self._try("munge", "--no-input", meeting) is not None)
        self._start("slurmctld", "-D", "-c")
        for node in self.nodes:
            self._start("slurmd", "-D", "-N", node)
        self._wait_for_daemon(lambda: self._try("sinfo", "--noheader", "--format=%T %D") == f"idle {len(self.nodes)}\n")

    def stop(self) -> None:
        """End all jobs and daemons, also after a start that failed; no other process is touched."""
        for _, daemon in reversed(self._daemons):
            daemon.terminate()
        for _, daemon in reversed(self._daemons):
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()
        # What watches over a job is a daemon of its own, which outlives that of its node, as its job does.
        while pids := self._find_processes():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    _kill(pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self) -> None:
        host = socket.gethostname().partition(".")[0]
        for name in ("state", *(f"spool-{node}" for node in self.nodes)):
            (self.folder / name).mkdir()
        (self.folder / "munge").mkdir(mode=0o700)
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        port, *ports = _find_ports(1 + len(self.nodes))
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs={self.cpus} RealMemory=1000"
            for name, one in zip(self.nodes, ports, strict=True)
        ]
        text = _CONFIGURATION.format(
            host=host, port=port, user=self.run("id", "--user", "--name"), folder=self.folder,
            kill_wait=self._kill_wait, nodes="\n".join(nodes),
        )  # fmt: skip
        (self.folder / "slurm.conf").write_text(text)
        epilog = self.folder / "epilog"
        conf = os.fsencode(self.folder / "slurm.conf")
        epilog.write_text(_EPILOG.format(python=sys.executable, conf=conf))
        epilog.chmod(0o755)
        # Older versions cannot do without, but leave control groups alone where nothing is limited by them.
        version = tuple(map(int, re.findall(r"\d+", self.run("slurmctld", "-V"))[:2]))
        old, new = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n", "CgroupPlugin=disabled\n"
        (self.folder / "cgroup.conf").write_text(new if version >= _NO_CONTROL_GROUPS else old)

    def _start(self, program: str, *arguments: str) -> None:
        """Start a daemon that ends with this process, even if that is killed."""
        name = f"{program}-{arguments[-1]}" if program == "slurmd" else program
        with (self.folder / f"{name}.log").open("wb") as output:
            daemon = subprocess.Popen(
                ["setpriv", "--pdeathsig=TERM", program, *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._daemons.append((name, daemon))

    def _wait_for_daemon(self, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not is_ready():
            ended = [name for name, daemon in self._daemons if daemon.poll() is not None]
            assert not ended, f"{', '.join(ended)} ended:\n{self.read_logs()}"
            assert time.monotonic() < deadline, f"the cluster is not ready:\n{self.read_logs()}"

    def read_logs(self) -> str:
        """Return the end of what each daemon has said."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{file.name}:\n{file.read_text(errors='replace')[-_TAIL:]}" for file in files)

    def _find_processes(self) -> list[int]:
        """Return the processes that this cluster has started, at whatever remove: their environment names it."""
        mark = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return [pid for pid in found if pid != os.getpid()]

    # What a user does

    def run(self, *command: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
        """Run a command as a user of the cluster, and return its output without the last newline.

        Args:
            command: The command.
            cwd: Its folder.
            environment: More variables.
        """
        done = subprocess.run(
            command, cwd=cwd, env={**self.environment, **(environment or {})}, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}{self.read_logs()}"
        return done.stdout.rstrip("\n")

    def _try(self, *command: str) -> str | None:
        """Return the output of a command, or None if it fails, as before the daemons are ready."""
        done = subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
        )
        return done.stdout if done.returncode == 0 else None

    def submit(self, script: Path, *options: str, environment: Mapping[str, str] | None = None) -> str:
        """Submit a script in its folder with `sbatch`, and return the id of the job.

        Args:
            script: The script.
            options: Options of `sbatch`, after those in the script.
            environment: More variables for `sbatch` and the job.
        """
        return self.run("sbatch", "--parsable", *options, script.name, cwd=script.parent, environment=environment)

    def read_tasks(self, job: str) -> list[Task]:
        """Return a job, or all tasks of an array by their index; tasks that wait together come last, as one."""
        lines = self.run("scontrol", "--oneliner", "show", "job", job).splitlines()
        tasks = [_parse_task(line) for line in lines if line]
        return sorted(tasks, key=lambda task: (task.array is None, task.array or 0))

    def wait_for(self, job: str, *states: str) -> list[Task]:
        """Return a job, or the tasks of an array, once all of them are in one of some states.

        Raises:
            AssertionError: One has ended in another state, or none of this happens in time.
        """
        return self._wait(job, states, lambda tasks: all(task.state in states for task in tasks))

    def wait_until(self, job: str, is_true: Callable[[], bool], *, ended: bool = False) -> list[Task]:
        """Return a job once something is true that it does itself, such as writing a file.

        Args:
            job: The job, or an array of them.
            is_true: Whether it is true.
            ended: Whether it may also become true after the job has ended.

        Raises:
            AssertionError: The job has ended before, or it is not true in time.
        """
        return self._wait(job, ENDED if ended else (), lambda _: is_true())

    def _wait(
        self, job: str, allowed: frozenset[str] | tuple[str, ...], is_met: Callable[[list[Task]], bool]
    ) -> list[Task]:
        deadline = time.monotonic() + DEADLINE
        while True:
            tasks = self.read_tasks(job)  # first, so that what is true afterwards was done by a job in this state
            if is_met(tasks):
                return tasks
            wrong = [task for task in tasks if task.state in ENDED and task.state not in allowed]
            assert not wrong, f"unexpected end: {wrong}\n{self.read_logs()}"
            assert time.monotonic() < deadline, f"not in time: {tasks}\n{self.read_logs()}"

    def cancel(self, job: str, *options: str) -> None:
        """Cancel a job, or send it the signal that the options of `scancel` say."""
        self.run("scancel", *options, job)

    def requeue(self, job: str) -> None:
        """End a job and put it into the queue again, as a preemption does; it begins as soon as it can.

        Args:
            job: The job, or a task of an array: `12_3`, since the id of its own may be that of the array.
        """
        self.run("scontrol", "requeue", job)
        self.wait_for(job, "PENDING")
        # Otherwise it waits two minutes.  A node takes only what was granted in a later second than the end of its
        # first part.
        self.run("scontrol", "update", f"JobId={job}", "StartTime=now+1")


def _find_ports(count: int) -> list[int]:
    """Return ports that are free: all are held at once, so that they differ."""
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            one, port = held.enter_context(socket.socket()), secrets.choice(_PORTS)
            with contextlib.suppress(OSError):
                one.bind(("", port))
                ports.append(port)
    return ports


def _kill(pid: int) -> None:
    """Kill a process, and return when it has ended.

    Raises:
        ProcessLookupError: There is none.
    """
    process = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], DEADLINE)
    finally:
        os.close(process)


def _parse_task(line: str) -> Task:
    """Return a job from a line of `scontrol --oneliner show job`."""
    fields = dict(re.findall(r"(\w+)=(\S*)", line))
    index = fields.get("ArrayTaskId", "")
    return Task(
        fields["JobId"], int(index) if index.isdigit() else None, fields["JobState"], fields["Reason"],
        int(fields["ExitCode"].partition(":")[0]), int(fields["Restarts"]), fields.get("NodeList", ""),
    )  # fmt: skip
