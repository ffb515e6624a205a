"""Why a command failed: its exception, and memory that ran out."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.child import ExitStatus
from orglab.runs.ending import EndingWatch, count_memory_kills, find_exception, find_last_line, ran_out_of_memory

TORCHRUN = """\
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    raise ValueError("bad shape")
ValueError: bad shape
E0607 12:00:00.000 123 api.py:826] failed (exitcode: 1) local_rank: 0 (pid: 12345) of binary: /usr/bin/python
Traceback (most recent call last):
  File "/usr/bin/torchrun", line 8, in <module>
    sys.exit(main())
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
"""
RANKS = """\
[rank0]: Traceback (most recent call last):
[rank1]: Traceback (most recent call last):
[rank0]:   File "train.py", line 3, in <module>
[rank1]:   File "train.py", line 3, in <module>
[rank0]: ValueError: of 0
[rank1]: ValueError: of 1
"""


def printed_by(program):
    return subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, check=False).stderr


@pytest.mark.parametrize(("program", "exception"), [
    ("raise ValueError('bad shape')", "ValueError: bad shape"),
    ("raise ValueError('one\\ntwo')", "ValueError: one"),
    ("raise ValueError('\\ntwo')", "ValueError: two"),
    ("raise KeyError", "KeyError"),
    ("try: 1/0\nexcept Exception as error: raise RuntimeError('x: y') from error", "RuntimeError: x: y"),
    ("raise ExceptionGroup('two', [ValueError('a'), ExceptionGroup('in', [TypeError('b')])])",
     "ExceptionGroup: two (2 sub-exceptions): ValueError: a; TypeError: b"),
    ("try: raise ExceptionGroup('two', [ValueError('a')])\nexcept* ValueError: raise KeyError('c')", "KeyError: 'c'"),
    ("def f():\n class Mine(Exception): pass\n raise Mine('q\\x1b[31m\\x07 x')\nf()", "f.<locals>.Mine: q x"),
    ("a b", "SyntaxError: invalid syntax"),
    ("import sys; sys.stderr.write('\\r 50%|##  | 5/10'); raise ValueError('bar')", "ValueError: bar"),
    ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'raise OSError(1)'], check=True)", "OSError: 1"),
    ("import sys; sys.exit('Error: no traceback')", None),
])  # fmt: skip
def test_the_last_exception_is_found(program, exception):
    assert find_exception(printed_by(program)) == exception


@pytest.mark.parametrize(("text", "exception"), [(TORCHRUN, "ValueError: bad shape"), (RANKS, "ValueError: of 1")])
def test_the_exception_of_a_process_comes_before_that_of_its_launcher(text, exception):
    assert find_exception(text) == exception


@pytest.mark.parametrize(("text", "line"), [
    ("Error: no such file\n\n  \n", "Error: no such file"),
    ("one\nfatal: \x1b[31mbad\x1b[0m\x07 key\r\n", "fatal: bad key"),
    ("\r 50%|##  | 5/10\r 60%|##  | 6/10", "60%|## | 6/10"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\nAAKCAQEA\n-----END RSA PRIVATE KEY-----\n", "***"),
    ("cannot log in with ghp_0123456789abcdefghijklmnopqrstuvwxyz", "cannot log in with ***"),
    (" \n", None), ("", None),
])  # fmt: skip
def test_the_last_line_is_what_is_seen_without_secrets(text, line):
    assert find_last_line(text) == line


@pytest.mark.parametrize("piece", [b"x", b"\n", b"s3cret-value "])
def test_of_a_line_that_is_too_long_nothing_is_kept_because_a_secret_may_be_cut_in_two(piece):
    watch = EndingWatch()
    watch.feed(piece * 70_000)
    status = ExitStatus(3, None, 0.0, {})
    assert watch.describe(status, ["s3cret-value"]) == {}
    watch.feed(b"\ns3cret-value is wrong")
    assert watch.describe(status, ["s3cret-value"]) == {"last_line": "*** is wrong"}


def test_a_long_exception_is_cut():
    exception = find_exception(f"Traceback (most recent call last):\nE: {'x' * 1000}\n")
    assert len(exception) == 300
    assert exception.endswith("x…")


@given(st.lists(st.sampled_from([
    "Traceback (most recent call last):", "  + Exception Group ", '  File "x", line 1', "\n", "  | ", "E: x", "\x1b[1m", "\r",
    "\x07", "  ", "ü",
]), max_size=20).map("".join))  # fmt: skip
def test_an_exception_is_one_printable_line(text):
    exception = find_exception(text)
    assert exception is None or (exception.isprintable() and exception)


@pytest.mark.parametrize(("exception", "is_known"), [
    ("MemoryError", True), ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7 TiB", True),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", True),
    ("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB", True),
    ("jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate", True),
    ("RuntimeError: MemoryError is handled elsewhere", False), (None, False),
])  # fmt: skip
def test_an_exception_tells_that_memory_ran_out(exception, is_known):
    assert ran_out_of_memory(1, None, exception, lambda: False) == is_known


@pytest.mark.parametrize(("exit_code", "signal", "has_kills", "is_known"), [
    (None, "SIGKILL", True, True), (137, None, True, True), (None, "SIGKILL", False, False),
    (1, None, True, False), (None, "SIGTERM", True, False),
])  # fmt: skip
def test_a_killed_command_ran_out_of_memory_if_the_kernel_counted_it(exit_code, signal, has_kills, is_known):
    assert ran_out_of_memory(exit_code, signal, None, lambda: has_kills) == is_known


@pytest.mark.parametrize(("own", "file", "count"), [
    ("0::/job/step\n", "job/step/memory.events", 3),
    ("4:memory:/job\n0::/\n", "memory/job/memory.oom_control", 3),
    ("4:cpu,memory:/of/the/host\n", "memory/memory.oom_control", 3),
    ("0::/job/step\n", "job/memory.events", None),
])  # fmt: skip
def test_the_kernel_counts_kills_in_the_control_group(tmp_path, own, file, count):
    (tmp_path / "own").write_text(own)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("oom 4\noom_kill 3\noom_group_kill 0\n")
    assert count_memory_kills(tmp_path, tmp_path / "own") == count
