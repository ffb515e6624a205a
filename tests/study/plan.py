"""The plan of the study: forty experiments in eleven weeks, each as a coroutine that yields how long it waits."""

import datetime
import heapq
import itertools
import random

from study.laboratory import MINUTE, TRAIN, call
from study.ledger import MONDAY, WEEKS

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
NAN = float("nan")
SEEDS = (1, 2, 3, 4)
SMALL = '{{"seed": {seed}, "lr": 0.1, "model": {{"depth": 2}}}}\n'
LARGE = "seed = {seed}\nlr = 0.1\n[model]\ndepth = 8\n"
HYDRA = "seed: {seed}\nmodel:\n  dropout: 0.5\n"
FILES = {
    "README.md": "# A study\n",
    **{f"configs/small/{seed}.json": SMALL.format(seed=seed) for seed in SEEDS},
    **{f"configs/large/{seed}.toml": LARGE.format(seed=seed) for seed in SEEDS},
}


class Values:
    """Draws the metrics of runs."""

    def __init__(self, seed):
        """Begin at the beginning: a study is the same each time."""
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self.choose, self.whole = self._random.choice, self._random.randint

    def draw(self, around, spread=0.02):
        """Return a value near another one."""
        return round(self._random.gauss(around, spread), 4)

    def rows(self, around=0.8, *, steps=1, more=()):
        """Return the rows of a training; the best is not always the last."""
        rows = []
        for step in range(1, steps + 1):
            row = {
                "val.acc": self.draw(around),
                "loss": self.draw(2 * (1 - around)),
                **{name: self.draw(5, 1) for name in more},
            }
            rows.append({"epoch": step, **row} if steps > 1 else row)
        return rows


def play(lab, first=11):
    """Do everything, in the order of its time; another first seed makes another study."""
    values = Values(first)
    lab.setup(FILES)
    places = itertools.count()
    tasks = []
    for start, task in [*_list_special(lab, values), *_list_regular(lab, values, 1889 + first), *_list_commits(lab)]:
        heapq.heappush(tasks, (start, next(places), task))
    while tasks:
        moment, _, task = heapq.heappop(tasks)
        lab.go_to(moment)
        wait = next(task, None)
        if wait is not None:
            heapq.heappush(tasks, (moment + wait, next(places), task))
    lab.settle()


def _list_commits(lab):
    """The log is committed twice a week."""
    for monday in WEEKS:
        for days in (2, 4):
            yield monday + days * DAY + 18 * HOUR, _commit(lab)


def _commit(lab):
    lab.commit_log()
    yield None


def _list_special(lab, values):
    """The experiments that have something of their own, each with its beginning."""
    tasks = (
        (0, concluded_again), (0, sweep), (1, seeds_in_paths), (7, bug_between_seeds), (8, configured), (15, readme),
        (16, committed_results), (21, untracked_script), (22, all_endings), (28, assigned), (29, run_first),
        (35, repeated), (36, dropped), (37, waiting), (2, reopened), (42, ticked), (43, against_another),
        (49, without_steps), (50, ambiguous_baseline), (51, never_started), (52, changed_argument),
    )  # fmt: skip
    for days, make in tasks:
        yield MONDAY + days * DAY + 10 * HOUR, make(lab, values)


def _repeat(lab, values, step, style, parameters, around, *, seeds=SEEDS[:3], done=False, folder="r", **options):
    """Run a setting with some seeds, a few hours apart; the last run completes the step."""
    for seed in seeds:
        command = call(style, parameters, seed, folder=folder)
        is_last = seed == seeds[-1]
        lab.run(step.ref, command, rows=values.rows(around), done=done and is_last, **options)
        yield 3 * HOUR


# ---- what is special ----


def concluded_again(lab, values):
    one = lab.new("ABC in XYZ", ["XYZ without ABC", "XYZ with ABC"], claim="val.acc > +0.01")
    yield HOUR
    lab.start(one)
    yield from _repeat(lab, values, one.step(1), "option", {"lr": 0.1}, 0.8, done=True)
    yield DAY
    yield from _repeat(lab, values, one.step(2), "option", {"lr": 0.1, "abc": "on"}, 0.86, done=True)
    yield DAY
    lab.conclude(one, "ABC adds some points of val.acc.", "supported")
    yield 28 * DAY
    yield from _repeat(lab, values, one.step(2), "option", {"lr": 0.1, "abc": "on"}, 0.8, seeds=(3, 4))
    lab.conclude(one, "Not on the other machine: the loss is the same.", "refuted")


def sweep(lab, values):
    one = lab.new("Which learning rate?", ["Sweep", "The best one, longer"], baseline="2.1 lr=0.1", claim="loss < 0.5")
    yield HOUR
    lab.start(one)
    for rate, seed in itertools.product((0.3, 0.1, 0.01), SEEDS[:3]):
        lab.run(one.step(1).ref, call("assignment", {"lr": rate, "size": 8}, seed), rows=values.rows(0.7 + rate / 3),
                form="lines" if rate == 0.1 else "csv")  # fmt: skip
        yield 2 * HOUR
    lab.done(one.step(1))
    yield DAY
    yield from _repeat(lab, values, one.step(2), "assignment", {"lr": 0.3, "size": 8, "long": 1}, 0.85, seeds=(5, 6))
    lab.tick_with_note(one.step(2))
    yield DAY
    lab.conclude(one, "0.3 is the best.", "supported")


def seeds_in_paths(lab, values):
    one = lab.new("Hydra's folders", ["Narrow", "Wide"])
    lab.start(one)
    yield HOUR
    yield from _repeat(lab, values, one.step(1), "hydra", {"width": 64}, 0.75, form="found-nested")
    yield from _repeat(
        lab, values, one.step(2), "hydra", {"width": 128}, 0.77, seeds=(3, 4), form="found-nested", done=True
    )
    lab.note(one.step(2).ref, "Seed 4 is slower")
    yield 3 * DAY
    lab.conclude(one, "Width does not matter.", "inconclusive")
    yield 48 * DAY
    lab.run(one.step(1).ref, call("hydra", {"width": 64}, 5), rows=values.rows(0.9), form="found-nested")


def bug_between_seeds(lab, values):
    one = lab.new("Seeds in the environment", ["With the cache", "Without"])
    lab.start(one)
    yield HOUR
    yield from _repeat(lab, values, one.step(1), "environment", {"cache": "on"}, 0.6, seeds=(1, 2))
    fixed = lab.edit(
        {"train.py": TRAIN + "# The cache was not emptied\n"}, f"[{one.step(1).ref}] Empty the cache", [one.step(1).ref]
    )
    yield from _repeat(lab, values, one.step(1), "environment", {"cache": "on"}, 0.8, seeds=(3,))
    yield DAY
    yield from _repeat(lab, values, one.step(1), "environment", {"cache": "on"}, 0.8, seeds=(1, 2))
    lab.done(one.step(1), fixed)
    yield from _repeat(lab, values, one.step(2), "env", {"cache": "off"}, 0.79, seeds=(1, 2), done=True)
    yield DAY
    lab.conclude(one, "The cache does no harm once it is emptied.", "supported")


def configured(lab, values):
    one = lab.new("Configuration files", ["Small", "Large"], claim="val.acc > +0.05")
    yield HOUR
    lab.start(one)
    for step, folder, depth in zip(one.steps, ("small", "large"), (2, 8), strict=True):
        parameters = {"lr": 0.1, "model.depth": depth}
        yield from _repeat(lab, values, step, "config", parameters, 0.8, folder=folder, form="nested", done=True)
    lab.journal(one, "Why is the large one not better?")
    lab.conclude(one, "A large model has no better val.acc.", "refuted")
    yield 4 * DAY
    lab.renumber(one, "77")
    yield DAY
    lab.note("e77", "It was 8")


def readme(lab, values):
    one = lab.new("Words between seeds", ["Three seeds"])
    lab.start(one)
    yield HOUR
    yield from _repeat(lab, values, one.step(1), "joined", {"lr": 0.1}, 0.81, seeds=(1, 2))
    lab.edit({"README.md": "# A study of seeds\n"}, "Say more in the README")
    yield from _repeat(lab, values, one.step(1), "joined", {"lr": 0.1}, 0.81, seeds=(3,), done=True, seconds=20 * 60)
    lab.conclude(one, "One seed is left.", "inconclusive")


def committed_results(lab, values):
    one = lab.new("Results in git", ["Seeds with committed results", "The same, printed"])
    lab.start(one)
    yield HOUR
    for seed in SEEDS:
        lab.run(one.step(1).ref, call("assignment", {"lr": 0.2}, seed), rows=values.rows(0.82, steps=4), form="found-lines",
                results="results", files={"results/weights.txt": f"of {seed}", "model.ckpt": "ignored"}, done=seed == 4,
                why="More seeds" if seed == 4 else None)  # fmt: skip
        yield 5 * HOUR
    yield from _repeat(lab, values, one.step(2), "assignment", {"lr": 0.2}, 0.82, seeds=(7, 8), form="printed")
    lab.done(one.step(2))
    lab.commit_log()
    yield DAY
    lab.conclude(one, "The same loss and the same val acc.", "supported")


def untracked_script(lab, values):
    one = lab.new("A script that nobody added", ["Scratch"])
    lab.start(one)
    for version, seed in ((1, 1), (1, 2), (2, 3), (2, 4)):
        lab.edit({"scratch.py": TRAIN + f"# {version}\n"})
        lab.run(
            one.step(1).ref,
            call("option", {"lr": 0.1}, seed, script="scratch.py"),
            rows=values.rows(0.7),
            form="out-json",
        )
        yield 6 * HOUR
    lab.edit({"scratch.py": TRAIN + "# 2\n"}, f"[{one.ref}] Keep the script", [one.ref])
    yield HOUR
    lab.run(
        one.step(1).ref,
        call("option", {"lr": 0.1}, 5, script="scratch.py"),
        rows=values.rows(0.7),
        form="out-json",
        done=True,
    )
    yield DAY
    lab.conclude(one, "It works.", "supported")


def all_endings(lab, values):
    one = lab.new("Every way to end", ["Deep", "Deeper"])
    lab.start(one)
    yield HOUR
    ref = one.step(1).ref
    depth = {"depth": 30}
    failed = lab.run(ref, call("option", depth, 1), end="raise", code=1)
    lab.run(
        ref,
        call("option", depth, 2),
        rows=[*values.rows(0.7, steps=2), {"epoch": 3, "val.acc": 0.1, "loss": NAN}],
        form="lines",
    )
    yield HOUR
    lab.run(ref, call("option", depth, 3), rows=values.rows(0.7), end="kill", code=137)
    lab.run(ref, call("option", depth, 4), rows=values.rows(0.7), end="stop", done=True)
    lab.run(ref, call("option", depth, 5), rows=values.rows(0.7), end="interrupt", code=130)
    yield DAY
    yield from _repeat(lab, values, one.step(1), "option", depth, 0.7, seeds=(1, 3, 4))
    wrong = lab.run(ref, call("option", depth, 6), rows=values.rows(0.3))
    right = lab.run(ref, call("option", depth, 7), rows=[{"val.acc": values.draw(0.7)}])
    yield HOUR
    lab.discard(wrong, "Ran on the wrong data")
    lab.discard(failed, "Ran without the data")
    lab.discard(right, "The wrong one")
    lab.count_again(right)
    yield from _repeat(lab, values, one.step(2), "option", {"depth": 60}, 0.65, seeds=(1, 3, 4), done=True)
    yield DAY
    lab.conclude(one, "Deeper is worse; the loss says it too.", "refuted")


def assigned(lab, values):
    stray = lab.run(None, call("assignment", {"lr": 0.4}, 1), rows=values.rows(0.7))
    lab.run(None, call("assignment", {"lr": 0.4}, 2), rows=values.rows(0.7))
    yield DAY
    one = lab.new("A rate of 0.4", ["Three seeds"])
    lab.start(one)
    yield from _repeat(lab, values, one.step(1), "assignment", {"lr": 0.4}, 0.7, seeds=(3, 4))
    yield 8 * DAY
    lab.assign(stray, one.step(1).ref)
    lab.done(one.step(1))
    yield DAY
    lab.conclude(one, "Too high.", "refuted")


def run_first(lab, values):
    first = lab.run(None, call("assignment", {"batch": 32}, 1), rows=values.rows(0.7))
    yield 9 * DAY
    one = lab.new("Small batches", ["Batch 32", "Batch 16"], run=first)
    yield HOUR
    lab.start(one)
    yield from _repeat(lab, values, one.step(1), "assignment", {"batch": 32}, 0.7, seeds=(2, 3), done=True)
    yield from _repeat(lab, values, one.step(2), "assignment", {"batch": 16}, 0.74, seeds=(2, 3))
    lab.done(one.step(2), lab.head())


def repeated(lab, values):
    one = lab.new("The same seed again", ["Noise of the machine"], claim="val.acc > 0.5")
    lab.start(one)
    yield HOUR
    drawn = {"curve.txt": "an output that is neither ignored nor committed\n"}
    first = lab.run(one.step(1).ref, call("option", {"lr": 0.1}, 1), rows=values.rows(0.8), files=drawn)
    yield HOUR
    lab.rerun(first)
    yield from _repeat(lab, values, one.step(1), "option", {"lr": 0.1}, 0.8, seeds=(2, 1), done=True, files=drawn)
    yield DAY
    lab.conclude(one, "There is some.", "supported")


def dropped(lab, _values):
    one = lab.new("Another optimizer", ["Install it", "Compare"])
    lab.start(one)
    yield HOUR
    lab.run(one.step(1).ref, call("plain", {"optimizer": "new"}, None), end="raise", code=1)
    yield 2 * DAY
    lab.state(one, "CANCELED", "It does not build here")
    yield None


def waiting(lab, _values):
    one = lab.new("On the cluster", ["Eight machines"])
    lab.start(one)
    yield DAY
    lab.state(one, "WAIT", "The cluster is down until May")
    yield 9 * DAY
    lab.note(one.ref, "Still down")


def reopened(lab, values):
    one = lab.new("Dropout", ["Without", "With"])
    lab.start(one)
    yield HOUR
    for step, rate in zip(one.steps, (0.0, 0.5), strict=True):
        yield from _repeat(lab, values, step, "option", {"dropout": rate}, 0.8 + rate / 50, seeds=(1, 2), done=True)
    lab.conclude(one, "It helps the val.acc a little.", "supported")
    yield 20 * DAY
    lab.state(one, "INPROGRESS", "Two seeds are too few")
    yield 2 * DAY
    for step, rate in zip(one.steps, (0.0, 0.5), strict=True):
        yield from _repeat(lab, values, step, "option", {"dropout": rate}, 0.81, seeds=(2, 3))
    yield 7 * DAY
    lab.conclude(one, "Within the noise.", "inconclusive")


def ticked(lab, _values):
    texts = ["Read the paper", "Write the code", "Look at the curves", "Talk about it", "Count the runs"]
    one = lab.new("Work without runs", texts)
    lab.start(one)
    yield HOUR
    lab.tick(one.step(1))
    yield 3 * HOUR
    code = lab.edit(
        {"train.py": TRAIN + "# The cache was not emptied\n# Curves\n"},
        f"[{one.step(2).ref}] Draw curves",
        [one.step(2).ref],
    )
    yield DAY
    lab.done(one.step(2), code)
    yield DAY + 8 * HOUR
    lab.tick_with_note(one.step(3))
    yield 3 * DAY
    lab.tick(one.step(4))
    yield 4 * DAY
    lab.done(one.step(5))
    lab.conclude(one, "All is done.", "supported")


def against_another(lab, values):
    """The baseline is a step of another experiment; Hydra says what the parameters were."""
    one = lab.new("Against the narrow one", ["A new idea", "A newer one"], baseline="e3.1", claim="val.acc > -0.01")
    lab.start(one)
    yield HOUR
    for step, idea, seeds in zip(one.steps, (1, 2), (SEEDS[:3], SEEDS[:2]), strict=True):
        for seed in seeds:
            command = call("hydra", {"width": 64, "idea": idea}, seed)
            command.parameters |= {"model.dropout": 0.5}
            lab.run(step.ref, command, rows=values.rows(0.88 - idea / 10), done=idea == 2,
                    files={f"{command.out}/.hydra/config.yaml": HYDRA.format(seed=seed)})  # fmt: skip
            yield 3 * HOUR
    yield DAY
    lab.conclude(one, "The first one is not worse.", "supported")


def without_steps(lab, values):
    one = lab.new("No steps at all", [])
    lab.start(one)
    yield HOUR
    for size in (1, 2):
        for seed in (1, 2, 3):
            lab.run(
                one.ref,
                call("joined", {"size": size}, seed),
                rows=values.rows(0.6 + size / 10, more=("cost", "height")),
            )
            yield 2 * HOUR
    lab.conclude(one, "Two is better.", "supported")


def ambiguous_baseline(lab, values):
    one = lab.new("A baseline with three settings", ["One", "Two"], baseline="2.1")
    lab.start(one)
    yield HOUR
    lab.run(one.step(1).ref, call("plain", {"lr": 0.1}, None), rows=values.rows(0.8))
    lab.run(one.step(1).ref, call("plain", {"lr": 0.1}, None), rows=values.rows(0.8))
    lab.run(one.step(2).ref, call("plain", {"lr": 0.2}, None), rows=values.rows(0.8))
    yield 26 * DAY
    # The log is not committed any more, so the commit of the step tells when it was done.
    lab.done(one.step(2), lab.head())


def never_started(lab, _values):
    lab.new("Some other time", ["Think"], claim="it will be better")
    yield None


def changed_argument(lab, values):
    """Changes of a tracked file that are not committed: `orglab run` does it.  The step is done twice."""
    one = lab.new("An edit before each run", ["Edit and run"])
    lab.start(one)
    for number in (1, 2, 3):
        lab.edit({"train.py": TRAIN + f"# The cache was not emptied\n# Curves\n# {number // 2}\n"})
        command = call("option", {"lr": 0.1}, number)
        lab.run(one.step(1).ref, command, rows=values.rows(0.8), done=number == 3, why="After an edit")
        yield 4 * HOUR
    lab.undo(one.step(1))
    # Until ten to midnight on Sunday: the run begins in this week, and ends in the next one.
    yield 3 * DAY + HOUR + 50 * MINUTE
    lab.edit({"train.py": TRAIN + "# The cache was not emptied\n# Curves\n# 3\n"})
    lab.run(one.step(1).ref, call("option", {"lr": 0.1}, 4), rows=values.rows(0.8), done=True, seconds=20 * 60)


# ---- what is regular ----


def _list_regular(lab, values, first):
    """Experiments of the usual kind."""
    for number in range(19):
        start = WEEKS[number // 2] + (number % 2 + 1) * DAY + values.whole(9, 15) * HOUR
        yield start, regular(lab, Values(first + number), number)


def regular(lab, values, number):
    """An experiment with some steps, of which each is run with some seeds and completed."""
    amounts = [values.choose((1, 2, 2, 2, 3)) for _ in range(values.whole(1, 3))]
    one = lab.new(f"Idea {number}", [f"Variant {place}" for place, _ in enumerate(amounts, 1)])
    yield HOUR
    lab.start(one)
    style = values.choose(("option", "joined", "assignment", "environment", "env", "hydra"))
    form = values.choose(("json", "nested", "lines", "csv", "printed", "out-nested", "out-csv"))
    for place, (step, amount) in enumerate(zip(one.steps, amounts, strict=True), 1):
        for seed in range(1, amount + 1):
            yield values.whole(1, 9) * HOUR
            command = call(style, {"variant": f"v{place}x"}, seed)
            _run_with_some_fate(lab, values, step.ref, command, around=0.6 + place / 20, form=form,
                                more=("cost",) if number % 3 else (), done=seed == amount and number % 4 > 0)  # fmt: skip
        if number % 4 == 0:
            lab.done(step)
    yield values.whole(1, 6) * DAY
    if number % 5:
        verdict = values.choose(("supported", "refuted", "inconclusive"))
        text = f"Idea {number} was tried; the cost is known." if number % 2 else f"Idea {number}: no."
        lab.conclude(one, text, verdict)


def _run_with_some_fate(lab, values, ref, command, *, around, form, more, done):
    """Run a command, which may fail, diverge, be killed or be discarded."""
    fate = values.choose(("",) * 9 + ("raise", "kill", "diverge", "discard"))
    rows = values.rows(around, steps=3 if form in ("lines", "csv", "out-csv") else 1, more=more)
    if fate == "diverge":
        rows[-1]["loss"] = NAN
    end, code = {"raise": ("raise", 1), "kill": ("kill", 137)}.get(fate, ("ok", 0))
    run = lab.run(ref, command, rows=rows, form=form, end=end, code=code, done=done)
    if fate == "discard":
        lab.discard(run, "A mistake")
