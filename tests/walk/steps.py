"""The steps of a walk: what a person, an agent or git may do next, each a function of a place and a random source."""

from __future__ import annotations

import re
import shlex
import shutil
from collections import Counter
from typing import TYPE_CHECKING

from .oracle import CLONES, HEADING, RUN, Oracle, clone_of, find_tokens, read_log
from .world import BRANCHES, CODE, JOURNAL, OPERATIONS, OWN, Fault, World

if TYPE_CHECKING:
    from random import Random

RESULTS = "out"
CONFLICT = re.compile(r"^<{7} [^\n]*\n((?:(?!<{7} ).*\n)*?)={7}\n((?:(?!<{7} ).*\n)*?)>{7} [^\n]*\n", re.M)
MARKER = re.compile(r"^(?:<{7} |>{7} |={7}$|\|{7} ).*\n", re.M)


class Turn:
    """One step: who does it where, and with which number and luck.

    Attributes:
        world: The two worlds.
        oracle: What must be findable.
        place: The working tree.
        number: The number of the step, which makes its texts unique.
        random: The luck of this step alone, so that it does the same when others are left out.
    """

    def __init__(self, world: World, oracle: Oracle, place: str, number: int, random: Random) -> None:
        """Begin the step."""
        self.world, self.oracle, self.place, self.number, self.random = world, oracle, place, number, random

    def git(self, *arguments, stdin="", commits=False):
        """Run git here, in both worlds."""
        return self.world.git(self.place, *arguments, stdin=stdin, commits=commits)

    def orglab(self, *arguments):
        """Run orglab here; what stood in the log when it succeeded has been seen."""
        done = self.world.orglab(self.place, *arguments)
        if done.code == 0:
            self.oracle.see(self.world, self.place)
        return done

    def pick_experiment(self):
        """Return the id and the token of an experiment that the log has, or None."""
        experiments = [(id_, token) for id_, token in HEADING.findall(read_log(self.world, self.place)) if id_]
        return self.random.choice(experiments) if experiments else None

    def find_operation(self):
        """Return the name of the operation that git is in the middle of, or None."""
        git_dir = self.world.git_dir("real", self.place)
        return next((name for file, name in OPERATIONS.items() if (git_dir / file).exists()), None)

    def other_branch(self):
        """Return a branch."""
        return self.random.choice(BRANCHES)


# ---- writing ----


def new(turn: Turn) -> None:
    """Add an experiment with two steps."""
    token = f"x-{turn.number}"
    done = turn.orglab("new", f"idea {token}", "-s", "first", "-s", "second")
    if done.code == 0:
        turn.oracle.add(turn.place, token)
        turn.oracle.give(turn.place, done.out.split()[-1].removeprefix("e"), token)


def note(turn: Turn) -> None:
    """Add a note to an experiment or a step."""
    _write(turn, "n", "note", turn.random.choice(("", ".1", ".2")), "alpha")


def conclude(turn: Turn) -> None:
    """Conclude an experiment."""
    _write(turn, "c", "conclude", "", "so it is")


def _write(turn, kind, command, step, text):
    experiment, token = turn.pick_experiment(), f"{kind}-{turn.number}"
    if experiment is not None and turn.orglab(command, experiment[0] + step, f"{token} {text}").code == 0:
        turn.oracle.add(turn.place, token)


def done(turn: Turn) -> None:
    """Complete a step."""
    if (experiment := turn.pick_experiment()) is not None:
        turn.orglab("done", f"{experiment[0]}.{turn.random.randint(1, 2)}")


def run(turn: Turn) -> None:
    """Run a command: it writes results, or fails, or is killed."""
    end = turn.random.choice(("exit 0", "exit 0", "exit 3", "kill -9 $$"))
    results = ("--results", RESULTS) if turn.random.random() < 0.7 else ()
    _run(turn, f"mkdir -p {RESULTS}; echo {turn.number} > {RESULTS}/r{turn.number % 4}.txt; {end}", results)


def run_during_git(turn: Turn) -> None:
    """Run a command during which someone checks out a branch, rebases or resets."""
    operation = turn.random.choice((
        ("checkout", "--quiet", turn.other_branch()), ("rebase", "--quiet", turn.other_branch()),
        ("reset", "--quiet", "--hard", "HEAD~1"), ("checkout", "--quiet", "--detach", "HEAD~1"),
    ))  # fmt: skip
    _run(
        turn,
        f"mkdir -p {RESULTS}; echo {turn.number} > {RESULTS}/r{turn.number % 4}.txt",
        ("--results", RESULTS),
        operation,
    )


def _run(turn, command, options, operation=()):
    """Run a command; the twin has the same operation of git at the same moment."""
    world, experiment = turn.world, turn.pick_experiment()
    if experiment is None:
        return
    marks = [world.root / f"mark-{turn.number}-{name}" for name in ("begun", "moved")]
    script = f"git rev-parse HEAD > {marks[0]}"
    if operation:
        script += f"; git {shlex.join(operation)}; git rev-parse HEAD > {marks[1]}"
    reference = f"{experiment[0]}.{turn.random.randint(1, 2)}"
    options = (*options, "--done") if turn.random.random() < 0.3 else options
    arguments = (
        "run",
        reference,
        *options,
        "--message",
        f"because r-{turn.number}",
        "--",
        "sh",
        "-c",
        f": r-{turn.number}; {script}; {command}",
    )
    world.copy_own_files(turn.place)
    ended = world.run_orglab(turn.place, *arguments)
    begun = marks[0].exists()
    if begun:
        turn.oracle.add(turn.place, f"r-{turn.number}")
        world.absorb(turn.place, marks[0].read_text().strip())
        if operation:
            world.call_twin(turn.place, *operation)
            world.absorb(turn.place, marks[1].read_text().strip())
        if "rebase" not in operation:  # which gives the code of the run another commit
            _check_branch(
                turn, marks[-1 if operation else 0].read_text().strip(), marks[0].read_text().strip(), ended.code
            )
    world.absorb(turn.place)
    if begun or ended.code == 0:
        turn.oracle.see(world, turn.place)


def _check_branch(turn, moved, begun, code):
    """Check that results land only where the code of the run is, and those of a failed run nowhere."""
    world = turn.world
    names = world.ask(turn.place, "diff", "--name-only", moved, "HEAD").splitlines()
    if not set(names) - OWN:
        return
    if code != 0:
        raise Fault(f"the run failed, and orglab committed {', '.join(names)}")
    if world.ask(turn.place, "merge-base", begun, moved) != begun:
        raise Fault(f"the results {', '.join(names)} were committed on a branch without the code of the run, {begun}")


def run_in_editor(turn: Turn) -> None:
    """Run a command, while Emacs has unsaved changes in the log when it ends."""
    log = turn.world.log(turn.place)
    lock = log.with_name(f".#{log.name}")
    _run(turn, f'ln -s "user@$(uname -n).$PPID" {shlex.quote(str(lock))}', ())
    lock.unlink(missing_ok=True)
    turn.world.record(f"rm -f '{lock.relative_to(turn.world.root / 'real')}'")


def journal(turn: Turn) -> None:
    """Add an entry to the journal."""
    turn.orglab("journal", f"thought {turn.number}")


def commit_log(turn: Turn) -> None:
    """Commit the log."""
    turn.orglab("commit")


def sync(turn: Turn) -> None:
    """Exchange with the remote."""
    turn.orglab("sync")


def look(turn: Turn) -> None:
    """Look at the log."""
    turn.orglab(turn.random.choice(("list", "status", "next", "check")))


def restore(turn: Turn) -> None:
    """Put back what the log has lost."""
    turn.orglab("check", "--restore")


def killed(turn: Turn) -> None:
    """Kill a command at some moment; what it wrote counts once another command has seen it."""
    experiment, token = turn.pick_experiment(), f"n-{turn.number}"
    if experiment is None:
        return
    arguments = turn.random.choice((
        ("note", experiment[0], token), ("conclude", experiment[0], f"{token} so"), ("commit",), ("sync",),
        ("done", f"{experiment[0]}.1"), ("run", f"{experiment[0]}.1", "--", "true"),
    ))  # fmt: skip
    turn.world.copy_own_files(turn.place)
    ended = turn.world.kill_orglab(turn.place, *arguments, after=turn.random.uniform(0, 0.08))
    if ended.code == 0:
        turn.oracle.see(turn.world, turn.place)
    if token in find_tokens(read_log(turn.world, turn.place)):
        turn.oracle.add_by_hand(turn.world, turn.place, token)


def together(turn: Turn) -> None:
    """Have two processes add experiments and notes at once, in one worktree or two."""
    places = (turn.place, turn.random.choice(CLONES[clone_of(turn.place)]))
    tokens = [f"x-{turn.number}", f"x-{turn.number}9999"]
    commands = [
        (place, "new", f"idea {token}") for place, token in zip(places, tokens, strict=True) if turn.world.exists(place)
    ]
    for (place, *_), token, done in zip(commands, tokens, turn.world.run_together(*commands), strict=False):
        if done.code == 0:
            turn.oracle.add(place, token)
            turn.oracle.give(place, done.out.split()[-1].removeprefix("e"), token)


# ---- by hand ----


def type_note(turn: Turn) -> None:
    """Type a note into the log."""
    experiment, token = turn.pick_experiment(), f"n-{turn.number}"
    if experiment is None:
        return
    heading, notes = re.compile(rf"\bidea {experiment[1]}\b"), False
    lines = []
    for line in read_log(turn.world, turn.place).splitlines(keepends=True):
        lines.append(line)
        notes = notes or bool(heading.search(line))
        if notes and line.startswith("** Notes"):
            lines.append(f"- {token} alpha\n")
            notes = False
            turn.oracle.add_by_hand(turn.world, turn.place, token)
    _save(turn, "".join(lines), rf"/{experiment[1]}\b/,/^\*\* Notes/ s/^\*\* Notes.*/&\n- {token} alpha/")


def change_word(turn: Turn) -> None:
    """Change a word of a note."""
    if (token := _pick_note(turn)) is not None:
        text = read_log(turn.world, turn.place)
        _save(
            turn,
            re.sub(rf"\b{token} \w+", f"{token} beta{turn.number}", text),
            rf"s/\b{token} \w+/{token} beta{turn.number}/",
        )


def delete_line(turn: Turn) -> None:
    """Delete the line of a note: the log is not expected to have it any more."""
    if (token := _pick_note(turn)) is not None:
        lines = read_log(turn.world, turn.place).splitlines(keepends=True)
        turn.oracle.deleted.add(token)
        _save(turn, "".join(line for line in lines if not re.search(rf"\b{token}\b", line)), rf"/\b{token}\b/d")


def _pick_note(turn):
    tokens = sorted(token for token in find_tokens(read_log(turn.world, turn.place)) if token.startswith("n-"))
    return turn.random.choice(tokens) if tokens else None


def _save(turn, text, sed):
    log = turn.world.log(turn.place)
    turn.world.record(f"sed -E -i {shlex.quote(sed)} {log.relative_to(turn.world.root / 'real')}")
    if turn.random.random() < 0.5:
        log.write_text(text)
        return
    # As sed does, and many editors.
    new = log.with_name(".new")
    new.write_text(text)
    new.replace(log)


# ---- code ----


def edit_code(turn: Turn) -> None:
    """Change a line of a file, or write a new one, which may be ignored."""
    name = turn.random.choice((*CODE, *CODE, f"new{turn.number % 5}.py", "scratch.tmp"))
    path = turn.world.folder(turn.place) / name
    lines = path.read_text().splitlines() if path.is_file() else ["first", "", "", "last"]
    lines[turn.random.randrange(len(lines))] = f"changed by {turn.number}"
    turn.world.write(turn.place, name, "\n".join(lines) + "\n")


def commit_all(turn: Turn) -> None:
    """Commit every change of a tracked file."""
    edit_code(turn)
    turn.git("commit", "--quiet", "--all", f"--message=all {turn.number}", commits=True)


def commit_new(turn: Turn) -> None:
    """Stage everything and commit it."""
    turn.git("add", "--all")
    turn.git("commit", "--quiet", f"--message=new {turn.number}", commits=True)


def commit_patch(turn: Turn) -> None:
    """Commit some hunks."""
    edit_code(turn)
    typed = "".join(f"{turn.random.choice('yyn')}\n" for _ in range(12))
    turn.git("commit", "--quiet", "--patch", f"--message=patch {turn.number}", stdin=typed, commits=True)


def commit_some(turn: Turn) -> None:
    """Commit one file by its name."""
    edit_code(turn)
    turn.git("commit", "--quiet", f"--message=one {turn.number}", "--", turn.random.choice(CODE), commits=True)


def amend(turn: Turn) -> None:
    """Amend the last commit."""
    extra = turn.random.choice(((), ("--all",)))
    turn.git("commit", "--quiet", "--amend", "--no-edit", *extra, commits=True)


def fixup(turn: Turn) -> None:
    """Make a fixup commit, and squash it."""
    target = f"HEAD~{turn.random.randint(0, 2)}"
    edit_code(turn)
    if turn.git("commit", "--quiet", "--all", f"--fixup={target}").code == 0:
        turn.git("rebase", "--quiet", "--interactive", "--autosquash", "HEAD~4")
        _maybe_finish(turn)


# ---- git ----


def rebase(turn: Turn) -> None:
    """Rebase onto a branch."""
    turn.git("rebase", "--quiet", turn.other_branch())
    _maybe_finish(turn)


def merge(turn: Turn) -> None:
    """Merge a branch."""
    turn.git("merge", "--quiet", "--no-edit", turn.other_branch())
    _maybe_finish(turn)


def cherry_pick(turn: Turn) -> None:
    """Pick a commit of another branch."""
    turn.git("cherry-pick", f"{turn.other_branch()}~{turn.random.randint(0, 2)}")
    _maybe_finish(turn)


def revert(turn: Turn) -> None:
    """Revert a commit."""
    turn.git("revert", "--no-edit", f"HEAD~{turn.random.randint(0, 2)}")
    _maybe_finish(turn)


def _maybe_finish(turn):
    """Finish what git stopped in, or leave it for a while."""
    if turn.random.random() < 0.6:
        finish(turn)


def finish(turn: Turn) -> None:
    """Abort, skip, or resolve and continue the operation that git is in the middle of."""
    operation = turn.find_operation()
    if operation is None:
        return
    way = turn.random.choice(("--abort", "--continue", "--continue", "--skip"))
    if way == "--abort" or (way == "--skip" and operation == "merge"):
        turn.git(operation, "--abort")
        return
    if way == "--continue":
        resolve(turn)
    turn.git(operation, way)


def resolve(turn: Turn) -> None:
    """Resolve each conflict: code as on one side, the log with the lines of both."""
    names = turn.world.ask(turn.place, "diff", "--name-only", "--diff-filter=U").splitlines()
    for name in names:
        if name in OWN:
            if (turn.world.folder(turn.place) / name).is_file():
                _settle(turn, turn.world.folder(turn.place) / name)
                turn.git("add", "--", name)
                continue
        elif turn.git("checkout", turn.random.choice(("--ours", "--theirs")), "--", name).code == 0:
            turn.git("add", "--", name)
            continue
        turn.git("rm", "--quiet", "--cached", "--", name)


def resolve_log(turn: Turn) -> None:
    """Resolve the conflicts in the log and the journal, as after a merge or a stash that was taken out again."""
    log = turn.world.log(turn.place)
    for path in (log, log.with_name(JOURNAL)):
        if path.is_file() and MARKER.search(path.read_text("utf-8", "replace")):
            _settle(turn, path)
    if not turn.world.apart:
        for name in turn.world.ask(turn.place, "diff", "--name-only", "--diff-filter=U").splitlines():
            if name in OWN and (turn.world.folder(turn.place) / name).is_file():
                turn.git("add", "--", name)


def renumber(turn: Turn) -> None:
    """Where two experiments have one id, as after a merge of two clones, give the later one another."""
    ids = Counter(id_ for id_, _ in HEADING.findall(read_log(turn.world, turn.place)) if id_)
    for repeated in sorted(id_ for id_, number in ids.items() if number > 1):
        done = turn.orglab("renumber", repeated)
        if done.code == 0:
            (token,) = find_tokens(done.out)
            turn.oracle.give(turn.place, done.out.split()[0].removeprefix("e"), token)


def _settle(turn, path):
    """Resolve the conflicts in a log: each with the lines of both sides, or of one if they hold the same thing."""
    text = path.read_text("utf-8", "replace")
    settled = MARKER.sub("", CONFLICT.sub(lambda match: _choose_lines(turn, *match.groups()), text))
    # What is not kept was taken out by hand.
    turn.oracle.deleted |= find_tokens(text) - find_tokens(settled)
    path.write_text(settled)
    name = path.relative_to(turn.world.root / "real")
    turn.world.record(f"cat > {name} <<'END_OF_LOG'\n{settled}END_OF_LOG")


def _choose_lines(turn, ours, theirs):
    """Return the lines that someone keeps of the two sides of a conflict."""
    names = [{*(token for _, token in HEADING.findall(side)), *RUN.findall(side)} for side in (ours, theirs)]
    if not names[0] & names[1] and turn.random.random() < 0.8:
        return ours + theirs
    return turn.random.choice((ours, theirs))


def reset(turn: Turn) -> None:
    """Throw away changes, a commit, or everything that is not on another branch."""
    turn.git(
        "reset", "--quiet", "--hard", turn.random.choice(("HEAD", "HEAD", "HEAD~1", "HEAD~1", turn.other_branch()))
    )


def stash(turn: Turn) -> None:
    """Stash changes."""
    turn.git("stash", "push", "--quiet", *turn.random.choice(((), ("--include-untracked",))))


def stash_pop(turn: Turn) -> None:
    """Take changes out of the stash."""
    turn.git("stash", "pop", "--quiet")


def clean(turn: Turn) -> None:
    """Delete what git does not track."""
    turn.git("clean", "-fdxq")


def discard(turn: Turn) -> None:
    """Discard the changes of tracked files."""
    turn.git("checkout", "--quiet", "--", ".")


def remove_log(turn: Turn) -> None:
    """Remove the file of a log that is kept apart, which is not the way to delete anything."""
    if turn.world.apart:
        log = turn.world.log(turn.place)
        turn.world.record(f"rm -f {log.relative_to(turn.world.root / 'real')}")
        log.unlink(missing_ok=True)


def checkout(turn: Turn) -> None:
    """Check out a branch, or a commit."""
    target = turn.random.choice(
        ((turn.other_branch(),), (turn.other_branch(),), ("--detach", f"{turn.other_branch()}~1"))
    )
    turn.git("checkout", "--quiet", *turn.random.choice(((), (), (), ("--force",))), *target)


def bisect(turn: Turn) -> None:
    """Begin a bisection, or end it."""
    if (turn.world.git_dir("real", turn.place) / "BISECT_LOG").exists():
        turn.git("bisect", "reset")
    else:
        turn.git("bisect", "start", "HEAD", "HEAD~3")


def push(turn: Turn) -> None:
    """Push a branch."""
    turn.git("push", "--quiet", "origin", turn.other_branch())


def pull(turn: Turn) -> None:
    """Fetch, and merge the branch of the remote."""
    turn.git("fetch", "--quiet", "origin", *BRANCHES)
    turn.git("merge", "--quiet", "--no-edit", f"origin/{turn.other_branch()}")
    _maybe_finish(turn)


def worktree(turn: Turn) -> None:
    """Add the second worktree of the first clone, or remove it."""
    turn.place = "a"
    if not turn.world.exists("w"):
        turn.git("worktree", "add", "--quiet", "--force", "../w", turn.other_branch())
        return
    turn.world.copy_own_files("w")
    turn.git("worktree", "remove", *turn.random.choice(((), ("--force",))), "../w")
    if not turn.world.exists("w"):
        shutil.rmtree(turn.world.folder("w", "twin"), ignore_errors=True)


KINDS = {
    new: 6, note: 9, conclude: 3, done: 4, run: 5, run_during_git: 2, run_in_editor: 1, journal: 1, commit_log: 5, sync: 3, look: 3, restore: 2,
    killed: 2, together: 1, type_note: 6, change_word: 2, delete_line: 2, edit_code: 4, commit_all: 6, commit_new: 4,
    commit_patch: 3, commit_some: 2, amend: 3, fixup: 2, rebase: 3, merge: 4, cherry_pick: 2, revert: 2, finish: 6, resolve_log: 6, renumber: 2,
    reset: 4, stash: 2, stash_pop: 3, clean: 2, discard: 2, remove_log: 1, checkout: 6, bisect: 2, push: 2, pull: 3, worktree: 3,
}  # fmt: skip
"""The steps, and how often each is taken."""
BY_NAME = {kind.__name__: kind for kind in KINDS}
