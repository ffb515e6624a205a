"""Reading and replacing one file: real processes, signals, links, attributes, Emacs and strace."""

import errno
import fcntl
import hashlib
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from orglab import lock
from orglab.errors import LogChangedError, LogHeldError, NotFoundError, NotWritableError, OrglabError
from orglab.log import file

SOURCE = Path(file.__file__).parents[2]
TORTURE = Path(__file__).parents[1] / "torture" / "run.py"
LOG = b"* TODO [201] ABC in XYZ model\n"
HOST = os.uname().nodename
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only: leases, strace, access lists")


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "experiment_log.org"
    path.write_bytes(LOG)
    return path


def add(line):
    return lambda data: data + line


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


class Child:
    """A process that runs `code`, and speaks with us in lines: `say(...)` there, `hear()` here."""

    def __init__(self, code, *arguments):
        start = (
            "import fcntl, os, sys\nfrom orglab.log import file\nfrom orglab.errors import OrglabError\n"
            "def say(text): print(text, flush=True)\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", start + code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.stdin.close()
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()

    def hear(self):
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self.process.stdout], [], [], 20)[0], "it says nothing"
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
        return line.decode().rstrip("\n")

    def tell(self):
        os.write(self.process.stdin.fileno(), b"\n")


HOLDER = """
def change(data):
    say("holds")
    input()
    return data + b"- from the holder\\n"
file.update(sys.argv[1], change)
say("wrote")
"""


def in_thread(function, *arguments):
    """Start `function`; what is returned waits for it, and gives its result or raises its error."""
    result = []

    def run():
        try:
            result.append(function(*arguments))
        except OrglabError as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def wait():
        thread.join(20)
        assert not thread.is_alive()
        if isinstance(result[0], OrglabError):
            raise result[0]
        return result[0]

    return wait


# ---- reading ----


def test_reading_returns_all_bytes_and_their_digest(log):
    data = b"\xef\xbb\xbf* caf\xe9\r\n\0\xe2\x80\xa8 no newline"
    log.write_bytes(data)
    content = file.read(log)
    assert (content.path, content.data) == (log, data)
    assert content.digest == hashlib.sha256(data).hexdigest()


def test_a_missing_file_is_an_error(tmp_path, log):
    with pytest.raises(NotFoundError, match=r"missing\.org does not exist"):
        file.read(tmp_path / "missing.org")
    with pytest.raises(NotFoundError, match="does not exist"):
        file.read(log / "below")
    with pytest.raises(NotFoundError, match="is a folder"):
        file.read(tmp_path)
    for path in (tmp_path / "missing.org", log / "below", tmp_path):
        with pytest.raises(NotFoundError):
            file.update(path, add(b"x"))
    assert names_in(tmp_path) == [log.name]


def test_a_fifo_or_a_device_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(OrglabError, match="not a regular file"):
            file.read(path)
        with pytest.raises(OrglabError, match="not a regular file"):
            file.update(path, add(b"x"))


def test_a_log_larger_than_memory_is_refused_before_it_is_read(log):
    os.truncate(log, max(file.size_limit(), file._SMALL) + 1)  # a hole: it takes no room
    with pytest.raises(OrglabError, match="this machine has memory for"):
        file.read(log)
    with pytest.raises(OrglabError, match="move old experiments"):
        file.update(log, add(b"x"))


def test_an_unreadable_file_is_an_error(log):
    log.chmod(0)
    code = """
if os.geteuid() == 0: os.setuid(65534)
try: file.read(sys.argv[1])
except OrglabError as error: say(f"{type(error).__name__} {error}")
"""
    with Child(code, log) as child:
        assert child.hear() == f"NotReadableError cannot read {log}: Permission denied"


# ---- replacing ----


def test_a_change_replaces_the_bytes_and_leaves_nothing_else(log):
    before, after = file.update(log, add(b"- one\n"))
    assert (before.data, after.data) == (LOG, LOG + b"- one\n")
    assert after.data == file.read(log).data
    assert before.digest == hashlib.sha256(LOG).hexdigest()
    assert names_in(log.parent) == [log.name]


@pytest.mark.parametrize("size", [0, 1, file._CHUNK - 1, file._CHUNK, 3 * file._CHUNK + 7])
def test_digests_are_those_of_the_whole_bytes(log, size):
    log.write_bytes(b"x" * size)
    for change in (
        lambda data: data + b"y",
        lambda data: b"y" + data,
        lambda data: data[:-2],
        lambda _: b"\n",
    ):
        for content in file.update(log, change):
            assert content.digest == hashlib.sha256(content.data).hexdigest()
        assert file.read(log).data == content.data


def test_no_change_writes_nothing(log):
    was = log.stat()
    before, after = file.update(log, bytes)
    assert before.data == after.data == file.read(log).data
    assert (log.stat().st_ino, log.stat().st_mtime_ns) == (was.st_ino, was.st_mtime_ns)


def test_a_change_that_raises_writes_nothing_and_frees_the_lock(log):
    with pytest.raises(OSError, match="the wish"):
        file.update(log, lambda _: (_ for _ in ()).throw(OSError("the wish itself")))
    assert log.read_bytes() == LOG
    assert names_in(log.parent) == [log.name]
    file.update(log, add(b"- one\n"), lock_timeout=0)


def test_a_chain_of_links_stays_and_the_file_behind_it_changes(tmp_path, log):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "second.org").symlink_to("../experiment_log.org")
    link = tmp_path / "first.org"
    link.symlink_to(tmp_path / "deep" / "second.org")
    before, after = file.update(link, add(b"- one\n"))
    assert before.path == after.path == link
    assert link.is_symlink()
    assert (tmp_path / "deep" / "second.org").is_symlink()
    assert not log.is_symlink()
    assert log.read_bytes() == LOG + b"- one\n"
    assert names_in(tmp_path / "deep") == ["second.org"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604, 0o666, 0o755, 0o2664])
def test_the_mode_stays(log, mode):
    log.chmod(mode)
    file.update(log, add(b"- one\n"))
    assert stat.S_IMODE(log.stat().st_mode) == mode


@on_linux
def test_attributes_owners_and_access_lists_stay():
    torture("meta", "--count", "12")


def test_a_changed_owner_grants_no_more_access(log, monkeypatch):
    def refuse(_fd, owner, group):
        asked.append((owner, group))
        raise PermissionError(errno.EPERM, "no")

    asked = []
    monkeypatch.setattr(os, "fchown", refuse)
    fd = os.open(log, os.O_RDONLY)
    like = file._Text(log, str(log), fd, os.fstat(fd), LOG, watched=True)
    assert file._copy_owner(like, fd, 0o6674, has_acl=False) == 0o644
    assert file._copy_owner(like, fd, 0o0617, has_acl=False) == 0o617
    assert asked[:2] == [(like.status.st_uid, like.status.st_gid), (-1, like.status.st_gid)]
    with pytest.raises(PermissionError, match="access list cannot be kept"):
        file._copy_owner(like, fd, 0o664, has_acl=True)
    monkeypatch.setattr(os, "fchown", lambda _fd, owner, group: refuse(_fd, owner, group) if owner != -1 else None)
    assert file._copy_owner(like, fd, 0o6674, has_acl=False) == 0o674
    os.close(fd)


def test_another_hard_link_keeps_the_old_text(tmp_path, log):
    os.link(log, tmp_path / "backup")
    file.update(log, add(b"- one\n"))
    assert (tmp_path / "backup").read_bytes() == LOG


def test_a_read_only_file_is_refused_in_a_writable_folder(log, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    with pytest.raises(NotWritableError, match="read-only for you; the file is unchanged"):
        file.update(log, add(b"x"))


def test_writes_that_are_cut_short_are_continued(log, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    _, after = file.update(log, add(b"- one\n" * 10))
    monkeypatch.undo()
    assert log.read_bytes() == after.data == LOG + b"- one\n" * 10


# ---- creating ----


def test_a_new_file_is_whole_and_has_the_usual_mode(tmp_path):
    content = file.create(tmp_path / "new.org", LOG)
    assert content.data == file.read(tmp_path / "new.org").data
    assert stat.S_IMODE((tmp_path / "new.org").stat().st_mode) == 0o644  # by the umask of conftest.py
    assert names_in(tmp_path) == ["new.org"]


@pytest.mark.parametrize("swap", [True, False])
def test_nothing_that_exists_is_overwritten(tmp_path, log, monkeypatch, swap):
    if not swap:
        monkeypatch.setattr(file, "_rename", lambda *_: False)
    (tmp_path / "dangling").symlink_to("nowhere")
    for path in (log, tmp_path / "dangling", tmp_path):
        with pytest.raises(NotWritableError, match="it already exists; nothing was written"):
            file.create(path, b"x")
    with pytest.raises(NotWritableError, match="No such file"):
        file.create(tmp_path / "no" / "folder.org", b"x")
    monkeypatch.setattr(os.path, "lexists", lambda _: False)  # somebody made it since
    with pytest.raises(NotWritableError, match="File exists; nothing was written"):
        file.create(log, b"x")
    assert log.read_bytes() == LOG
    assert names_in(tmp_path) == ["dangling", log.name]


def test_only_one_of_many_processes_creates_a_file(tmp_path):
    path = tmp_path / "new.org"
    code = """
say("ready")
input()
try:
    file.create(sys.argv[1], sys.argv[2].encode())
    say("made")
except OrglabError as error: say("late")
"""
    children = [Child(code, path, number) for number in range(6)]
    assert {child.hear() for child in children} == {"ready"}
    for child in children:
        child.tell()
    answers = [child.hear() for child in children]
    assert answers.count("made") == 1
    assert path.read_text() == str(answers.index("made"))
    for child in children:
        child.__exit__()


# ---- the lock between processes ----


def test_one_process_at_a_time(log):
    with Child(HOLDER, log) as holder:
        assert holder.hear() == "holds"
        with pytest.raises(NotWritableError, match="another orglab process is writing it"):
            file.update(log, add(b"- too early\n"), lock_timeout=0.02)
        with pytest.raises(NotWritableError):
            file.update(log, add(b"- too early\n"), lock_timeout=0)
        ours = in_thread(file.update, log, add(b"- ours\n"))
        holder.tell()
        assert holder.hear() == "wrote"
        ours()
    # What gave up waiting must not have kept the lock when it came.
    file.update(log, add(b"- last\n"), lock_timeout=5)
    assert log.read_bytes() == LOG + b"- from the holder\n- ours\n- last\n"
    assert names_in(log.parent) == [log.name]


def test_a_killed_holder_releases_the_lock(log, monkeypatch):
    waiting = threading.Event()
    block = lock._FlockWait._block
    monkeypatch.setattr(lock._FlockWait, "_block", lambda wait: (waiting.set(), block(wait)))
    with Child(HOLDER, log) as holder:
        assert holder.hear() == "holds"
        ours = in_thread(file.update, log, add(b"- ours\n"))
        assert waiting.wait(20)
        holder.process.send_signal(signal.SIGKILL)
        assert ours()[1].data == LOG + b"- ours\n"
    assert names_in(log.parent) == [log.name]


def test_a_lock_file_left_by_a_kill_is_taken_over(log):
    with Child(HOLDER, log) as holder:
        assert holder.hear() == "holds"
        holder.process.kill()
        holder.process.wait()
    assert f".{log.name}.orglab-lock" in names_in(log.parent)
    file.update(log, add(b"- ours\n"), lock_timeout=0)
    assert names_in(log.parent) == [log.name]


def test_a_lock_file_that_was_removed_while_we_waited_is_no_lock(log, monkeypatch):
    path = log.parent / f".{log.name}.orglab-lock"
    after_first(monkeypatch, lock, "_flock", path.unlink)

    def change(data):
        with pytest.raises(NotWritableError, match="another orglab process"):
            file.update(log, add(b"- second\n"), lock_timeout=0)
        return data + b"- one\n"

    file.update(log, change)
    assert log.read_bytes() == LOG + b"- one\n"


def test_threads_of_one_process_wait_for_each_other(log):
    threads = [in_thread(file.update, log, add(f"- {number}\n".encode())) for number in range(20)]
    for wait in threads:
        wait()
    assert sorted(log.read_bytes().splitlines()[1:]) == sorted(f"- {number}".encode() for number in range(20))


def test_many_waiting_processes_finish():
    torture("many", "--count", "24")


@pytest.fixture
def no_flock(monkeypatch):
    """A file system that has no locks."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("no_flock")
def test_without_flock_a_file_name_is_the_lock(log):
    held_by = log.parent / f".{log.name}.orglab-lock.by"

    def change(data):
        assert held_by.read_text() == f"{HOST}:{os.getpid()}"
        with pytest.raises(NotWritableError, match=rf"{HOST}:{os.getpid()} is writing it"):
            file.update(log, add(b"- second\n"), lock_timeout=0)
        return data + b"- one\n"

    file.update(log, change)
    assert log.read_bytes() == LOG + b"- one\n"
    assert names_in(log.parent) == [log.name]


@pytest.mark.usefixtures("no_flock")
def test_without_flock_a_dead_owner_is_removed_and_one_on_another_host_is_named(log, dead):
    held_by = log.parent / f".{log.name}.orglab-lock.by"
    held_by.write_text(f"{HOST}:{dead}")
    file.update(log, add(b"- one\n"), lock_timeout=1)
    held_by.write_text(f"elsewhere:{dead}")
    with pytest.raises(
        NotWritableError, match=rf"elsewhere:{dead} is writing it, according to {re.escape(str(held_by))}"
    ):
        file.update(log, add(b"- two\n"), lock_timeout=0.02)
    assert log.read_bytes() == LOG + b"- one\n"


@pytest.mark.usefixtures("no_flock")
def test_without_flock_a_lock_taken_meanwhile_is_restored(log, dead, monkeypatch):
    held_by = str(log.parent / "lock.by")
    Path(held_by).write_text(f"{HOST}:{dead}")
    rename = os.rename

    def take_first(source, target):
        Path(held_by).write_text(f"{HOST}:1")  # another was as quick to see that the owner is dead
        rename(source, target)

    monkeypatch.setattr(os, "rename", take_first)
    lock._remove_dead_owner(held_by, held_by + ".mine")
    assert Path(held_by).read_text() == f"{HOST}:1"
    assert names_in(log.parent) == [log.name, "lock.by"]


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


# ---- an editor with unsaved changes ----


def emacs_lock(log, owner):
    link = log.parent / f".#{log.name}"
    link.unlink(missing_ok=True)
    link.symlink_to(owner)
    return link


@pytest.mark.parametrize("boot", ["", ":1528301760"])
def test_a_running_emacs_is_respected_and_named(log, boot):
    link = emacs_lock(log, f"ada@{HOST}.{os.getpid()}{boot}")
    assert file.editor_holding(log) == file.EditorLock(link, "ada", HOST, os.getpid())
    with pytest.raises(LogHeldError, match=rf"\(ada@{HOST}\.{os.getpid()}\): save it there, or pass --anyway"):
        file.update(log, add(b"x"), wait_for_editor=0)
    assert log.read_bytes() == LOG
    file.update(log, add(b"- anyway\n"), anyway=True)
    assert log.read_bytes() == LOG + b"- anyway\n"


def test_a_stale_lock_is_ignored_and_one_of_another_host_is_not(log, dead):
    for owner in (
        f"ada@{HOST}.{dead}",
        f"ada@{HOST}.0",
        f"ada@{HOST}",
        "nonsense",
        f"ada@{HOST}.99999999999",
    ):
        emacs_lock(log, owner)
        assert file.editor_holding(log) is None
    emacs_lock(log, "ada@example.org@far.example.org.12")
    assert file.editor_holding(log).owner == "ada@example.org@far.example.org.12"


def test_a_lock_without_links_and_a_lock_beside_the_link_count(tmp_path, log):
    (tmp_path / f".#{log.name}").write_text(f"ada@{HOST}.{os.getpid()}:12")  # where links cannot be made
    assert file.editor_holding(log).pid == os.getpid()
    (tmp_path / f".#{log.name}").unlink()
    os.mkfifo(tmp_path / f".#{log.name}")
    assert file.editor_holding(log) is None
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.org"
    link.symlink_to(log)
    assert file.editor_holding(link) is None
    emacs_lock(link, f"ada@{HOST}.{os.getpid()}")
    assert file.editor_holding(link) is not None
    assert file.editor_holding(log) is None


def test_a_command_waits_until_the_editor_has_saved(log, monkeypatch):
    link = emacs_lock(log, f"ada@{HOST}.{os.getpid()}")
    monkeypatch.setattr(lock.time, "sleep", lambda _: (log.write_bytes(LOG + b"- saved\n"), link.unlink()))
    file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- saved\n- ours\n"


def test_an_editor_that_comes_while_we_wait_for_the_lock_is_respected(log, monkeypatch):
    after_first(monkeypatch, lock, "_acquire", lambda: emacs_lock(log, f"ada@{HOST}.{os.getpid()}"))
    with pytest.raises(LogHeldError):
        file.update(log, add(b"- ours\n"), wait_for_editor=0)
    assert log.read_bytes() == LOG


@pytest.mark.skipif(shutil.which("emacs") is None, reason="Emacs is not installed (apt install emacs-nox)")
def test_emacs_itself(log):
    lisp = """(progn (setq make-backup-files nil) (find-file (car command-line-args-left))
      (goto-char (point-max)) (insert "- typed\\n")
      (princ "typed\\n" #'external-debugging-output) (read-string "")
      (save-buffer) (princ "saved\\n" #'external-debugging-output) (read-string "") (kill-emacs 0))"""
    emacs = subprocess.Popen(
        ["emacs", "-Q", "--batch", "--eval", lisp, log],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    def hear(word):
        assert any(line == word for line in iter(emacs.stderr.readline, ""))

    with emacs:
        hear("typed\n")
        held = file.editor_holding(log)
        assert (held.pid, held.host) == (emacs.pid, HOST)
        with pytest.raises(LogHeldError, match=rf"{HOST}\.{emacs.pid}"):
            file.update(log, add(b"- ours\n"), wait_for_editor=0)
        emacs.stdin.write("\n")
        emacs.stdin.flush()
        hear("saved\n")
        file.update(log, add(b"- ours\n"), wait_for_editor=0)
        emacs.communicate("\n")
    assert log.read_bytes() == LOG + b"- typed\n- ours\n"


# ---- an editor that saves in the same moment ----

SAVER = """
say("ready")
input()
fd = os.open(sys.argv[1], os.O_RDWR)
text = os.read(fd, 10000)
os.ftruncate(fd, 0)
os.lseek(fd, 0, 0)
os.write(fd, text + b"- saved\\n")
os.close(fd)
say("saved")
"""


@pytest.fixture
def no_leases(monkeypatch):
    """A system that does not tell who has a file open."""
    monkeypatch.setattr(lock, "claim", lambda _: lock.Writers.UNKNOWN)


@pytest.fixture
def no_swap(monkeypatch):
    """A file system that cannot swap two names."""
    monkeypatch.setattr(file, "_rename", lambda *_: False)


def before_first(monkeypatch, module, name, action):
    """Have `action` done before the first call of a function."""
    function, todo = getattr(module, name), [action]

    def call(*arguments):
        if todo:
            todo.pop()()
        return function(*arguments)

    monkeypatch.setattr(module, name, call)


def after_first(monkeypatch, module, name, action):
    """Have `action` done after the first call of a function."""
    function, todo = getattr(module, name), [action]

    def call(*arguments):
        result = function(*arguments)
        if todo:
            todo.pop()()
        return result

    monkeypatch.setattr(module, name, call)


def save_in_place(path, text):
    """Save as Emacs does: the same inode, emptied and written."""
    path.write_bytes(text)


def save_by_renaming(path, text):
    """Save as most editors do."""
    path.with_name("new").write_bytes(text)
    path.with_name("new").replace(path)


@on_linux
def test_half_a_save_is_waited_for(log, monkeypatch):
    asked = threading.Event()
    claim = lock.claim
    monkeypatch.setattr(lock, "claim", lambda fd: (claim(fd), asked.set())[0])
    code = """
with open(sys.argv[1], "wb", buffering=0) as log:
    log.write(b"* TODO [20")
    say("half")
    input()
    log.write(b"1] rewritten\\n")
"""
    with Child(code, log) as editor:
        assert editor.hear() == "half"
        ours = in_thread(file.update, log, add(b"- ours\n"))
        assert asked.wait(20)
        editor.tell()
        assert ours()[0].data == b"* TODO [201] rewritten\n"
    assert log.read_bytes() == b"* TODO [201] rewritten\n- ours\n"


@on_linux
def test_a_program_that_keeps_the_log_open_is_not_cut_off(log, monkeypatch):
    monkeypatch.setattr(file, "_SAVE_SECONDS", 0.02)
    with log.open("ab", buffering=0) as other:
        with pytest.raises(LogHeldError, match="open for writing: close it there, or pass --anyway"):
            file.update(log, add(b"- ours\n"))
        other.write(b"- theirs\n")
        assert log.read_bytes() == LOG + b"- theirs\n"
        file.update(log, add(b"- ours\n"), anyway=True)
    assert log.read_bytes() == LOG + b"- theirs\n- ours\n"


@on_linux
def test_a_program_that_opens_the_log_during_a_change_is_waited_for(log, monkeypatch):
    opened = []

    def change(data):
        if not opened:
            opened.append(log.open("ab", buffering=0))
        return data + b"- ours\n"

    def save(_seconds):
        opened[0].write(b"- saved\n")
        opened[0].close()

    monkeypatch.setattr(lock.time, "sleep", save)
    file.update(log, change)
    assert log.read_bytes() == LOG + b"- saved\n- ours\n"


@on_linux
@pytest.mark.parametrize("moment", ["before the swap", "after the swap"])
def test_a_program_that_opens_the_log_during_the_swap_writes_into_the_log(log, monkeypatch, moment):
    claimed = []
    claim = lock.claim
    monkeypatch.setattr(lock, "claim", lambda fd: (claimed.append(fd), claim(fd))[1])
    seen = []

    def open_it():
        """Have the editor inside its `open`, where it stays until the claim is given up."""
        seen.append(log.read_bytes())
        editor.tell()
        while lock.is_intact(claimed[-1]):
            pass

    if moment == "before the swap":
        before_first(monkeypatch, file, "_rename", open_it)
    else:  # the editor has found the old file, and comes to open it only now
        before_first(monkeypatch, file, "_rename", lambda: os.link(log, log.with_name("old")))
        before_first(monkeypatch, file, "_sync_folder", open_it)
    texts = []
    with Child(SAVER, log if moment == "before the swap" else log.with_name("old")) as editor:
        assert editor.hear() == "ready"
        _, after = file.update(log, lambda data: (texts.append(data), data + b"- ours\n")[1])
        assert editor.hear() == "saved"
    assert seen == [LOG if moment == "before the swap" else LOG + b"- ours\n"]
    assert texts == [LOG, LOG + b"- saved\n"]
    assert log.read_bytes() == after.data == LOG + b"- saved\n- ours\n"


@pytest.mark.parametrize("save", [save_in_place, save_by_renaming])
@pytest.mark.parametrize("without", [[], ["no_leases"], ["no_swap"], ["no_leases", "no_swap"]], ids=" ".join)
def test_a_save_between_reading_and_replacing_is_kept(log, save, without, request):
    for fixture in without:
        request.getfixturevalue(fixture)
    texts = []

    def change(data):
        texts.append(data)
        if len(texts) == 1:
            save(log, LOG + b"- saved\n")
        return data + b"- ours\n"

    before, after = file.update(log, change)
    assert texts == [LOG, LOG + b"- saved\n"]
    assert before.data == LOG + b"- saved\n"
    assert log.read_bytes() == after.data == LOG + b"- saved\n- ours\n"
    assert names_in(log.parent) == [log.name]


@pytest.mark.usefixtures("no_leases")
@pytest.mark.parametrize("save", [save_in_place, save_by_renaming])
def test_a_save_between_the_last_look_and_the_swap_is_kept(log, monkeypatch, save):
    before_first(monkeypatch, file, "_rename", lambda: save(log, LOG + b"- saved\n"))
    file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- saved\n- ours\n"
    assert names_in(log.parent) == [log.name]


def test_a_save_by_renaming_under_a_claim_is_kept(log, monkeypatch):
    before_first(monkeypatch, file, "_rename", lambda: save_by_renaming(log, LOG + b"- saved\n"))
    file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- saved\n- ours\n"
    assert names_in(log.parent) == [log.name]


def test_an_editor_that_removes_the_file_for_a_moment_is_waited_for(log, monkeypatch):
    backup = log.with_name("log~")
    before_first(monkeypatch, file, "_rename", lambda: log.rename(backup))
    monkeypatch.setattr(file.time, "sleep", lambda _: log.write_bytes(LOG + b"- saved\n"))
    file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- saved\n- ours\n"
    assert backup.read_bytes() == LOG


@pytest.mark.usefixtures("no_swap", "no_leases")
def test_without_swap_or_leases_text_written_to_the_old_file_is_restored(log, monkeypatch):
    monkeypatch.setattr(file, "_PAUSE", 0)
    before_first(monkeypatch, os, "rename", lambda: save_in_place(log, LOG + b"- saved\n"))
    file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- saved\n- ours\n"
    assert names_in(log.parent) == [log.name]


@pytest.mark.usefixtures("no_swap", "no_leases")
def test_half_a_save_is_never_restored(log, monkeypatch):
    monkeypatch.setattr(file, "_PAUSE", 0)
    before_first(monkeypatch, os, "rename", lambda: save_in_place(log, LOG[:10]))
    file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- ours\n"


@on_linux
@pytest.mark.usefixtures("no_swap")
def test_without_swap_a_program_that_opens_the_log_is_waited_for(log, monkeypatch):
    claimed = []
    claim = lock.claim
    monkeypatch.setattr(lock, "claim", lambda fd: (claimed.append(fd), claim(fd))[1])

    def open_it():
        editor.tell()
        while lock.is_intact(claimed[-1]):
            pass

    before_first(monkeypatch, os, "rename", open_it)
    with Child(SAVER, log) as editor:
        assert editor.hear() == "ready"
        file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- saved\n- ours\n"
    assert names_in(log.parent) == [log.name]


@pytest.mark.usefixtures("no_leases")
def test_two_editors_at_once_both_keep_their_text(log, monkeypatch):
    before_first(monkeypatch, file, "_rename", lambda: save_in_place(log, LOG + b"- first\n"))
    after_first(monkeypatch, file, "_rename", lambda: save_in_place(log, LOG + b"- second\n"))
    with pytest.raises(LogChangedError, match=r"one of the two texts is in \S+orglab-kept-\w+: compare") as caught:
        file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- first\n"
    kept = re.search(r"\S+orglab-kept-\w+", str(caught.value))[0]
    assert Path(kept).read_bytes() == LOG + b"- second\n"


@pytest.mark.usefixtures("no_leases")
def test_half_a_file_is_waited_for_without_leases(log, monkeypatch):
    log.write_bytes(LOG[:10])
    pauses = [lambda: None, lambda: log.write_bytes(LOG)]
    monkeypatch.setattr(file.time, "sleep", lambda _: pauses.pop(0)() if pauses else None)
    assert file.update(log, add(b"- ours\n"))[0].data == LOG


def test_a_log_that_changes_at_every_attempt_is_an_error(log):
    texts = []

    def change(data):
        texts.append(data)
        log.write_bytes(data + b"- saved\n")
        return data + b"- ours\n"

    with pytest.raises(LogChangedError, match="each of 4 attempts"):
        file.update(log, change)
    assert texts == [LOG + b"- saved\n" * number for number in range(4)]
    assert log.read_bytes() == LOG + b"- saved\n" * 4
    assert names_in(log.parent) == [log.name]


@on_linux
def test_writers_and_an_editor_lose_nothing():
    torture("writers", "--count", "40")


# ---- the machine fails ----


def torture(row, *options):
    """Run a row of the torture in a small count."""
    done = subprocess.run([sys.executable, TORTURE, row, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@on_linux
def test_each_failing_call_leaves_the_old_or_the_new_text_and_is_an_error():
    torture("sweep", "--count", "45")


@on_linux
@pytest.mark.parametrize("fault", ["renameat2:EINVAL", "flock:ENOLCK"])
def test_each_failing_call_on_a_poor_file_system_too(fault):
    torture("sweep", "--count", "20", "--always", fault)


def test_kills_lose_at_most_the_edit_in_flight():
    torture("kill", "--count", "20")


def test_an_unwritable_log_is_an_error_with_a_reason():
    torture("readonly")


@on_linux
def test_everything_is_on_the_disk_before_the_next_step(log):
    code = f"from orglab.log import file; file.update({str(log)!r}, lambda data: data + b'x')"
    traced = "trace=write,fchmod,fsync,renameat2,rename,openat,ftruncate,truncate,unlink"
    command = [
        "strace",
        "-f",
        "-y",
        "-e",
        traced,
        "-E",
        f"PYTHONPATH={SOURCE}",
        sys.executable,
        "-S",
        "-c",
        code,
    ]
    trace = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    calls = [re.sub(r"orglab-[0-9a-f]{12}", "TEMP", line) for line in trace.splitlines()]
    calls = [line.replace(str(log.parent), "") for line in calls if str(log.parent) in line and "-lock" not in line]
    steps = [call.split("(")[0] for call in calls]
    # The mode after the bytes: a write takes set-id bits away, unless root does it.
    written = ["write", "fchmod", "fsync"]
    assert steps == ["openat"] * 4 + written + ["renameat2", "fsync", "unlink"]
    assert "O_EXCL" in calls[3]
    assert all("TEMP" in call for call in calls[4:7])
    assert re.search(rf'"/\.{log.name}\.TEMP", AT_FDCWD\S*, "/{log.name}", RENAME_EXCHANGE\) = 0', calls[7])
    assert re.match(r"fsync\(\d+<>\)", calls[8])
    assert not [call for call in calls if "O_TRUNC" in call]


def fail_folder_sync(_fd):
    raise OSError(errno.EIO, "Input/output error")


def test_names_that_do_not_reach_the_disk_are_swapped_back(log, monkeypatch):
    monkeypatch.setattr(file, "_sync_folder", fail_folder_sync)
    with pytest.raises(NotWritableError, match="Input/output error; the file is unchanged") as caught:
        file.update(log, add(b"- ours\n"))
    assert caught.value.exit_code == 4
    assert log.read_bytes() == LOG
    assert names_in(log.parent) == [log.name]


@pytest.mark.usefixtures("no_swap")
def test_names_that_do_not_reach_the_disk_and_cannot_be_swapped_back_are_an_error(log, monkeypatch):
    monkeypatch.setattr(file, "_sync_folder", fail_folder_sync)
    with pytest.raises(NotWritableError, match="was written: Input/output error; it may not survive a power cut"):
        file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- ours\n"
    assert names_in(log.parent) == [log.name]


def test_a_swap_that_cannot_be_undone_says_where_the_text_is(log, monkeypatch):
    monkeypatch.setattr(file, "_sync_folder", fail_folder_sync)
    rename, results = file._rename, [lambda: fail_folder_sync(0), lambda: None]

    def fail_second(*arguments):
        results.pop()()
        return rename(*arguments)

    monkeypatch.setattr(file, "_rename", fail_second)
    with pytest.raises(LogChangedError, match="one of the two texts is in") as caught:
        file.update(log, add(b"- ours\n"))
    kept = re.search(r"\S+orglab-kept-\w+", str(caught.value))[0]
    assert Path(kept).read_bytes() == LOG
    assert log.read_bytes() == LOG + b"- ours\n"


def test_an_interrupt_after_the_swap_leaves_the_old_text_and_no_litter(log, monkeypatch):
    def interrupt(_fd):
        raise KeyboardInterrupt

    monkeypatch.setattr(file, "_sync_folder", interrupt)
    with pytest.raises(KeyboardInterrupt):
        file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG
    assert names_in(log.parent) == [log.name]


def test_a_folder_that_cannot_be_synced_at_all_is_no_error(log, monkeypatch):
    sync = os.fsync

    def refuse_folders(fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(fd)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    file.update(log, add(b"- ours\n"))
    assert log.read_bytes() == LOG + b"- ours\n"
