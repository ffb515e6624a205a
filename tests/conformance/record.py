"""Record with Emacs what Org does with our own texts: `python tests/conformance/record.py [FILE]`.

The cases are texts as people write them and random ones, each with a form of Lisp that Org runs on it.  What came of it is
written in the form that `run.py` judges, to `own.json` beside this file if no other is named.  Needed only when cases are
added or a newer Org is to be compared with: the answers are part of the repository.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orgtext
import texts

HERE = Path(__file__).parent
OWN = HERE / "own.json"
CHANCE = 20260606
RANDOM_TEXTS = 40

STRUCTURE = '(list (cons "headings" (dump-headings)) (cons "items" (dump-items)))'
OBJECTS = "(dump-objects '(link target radio-target timestamp statistics-cookie footnote-reference))"
WRITTEN = {"seed": texts.SEED, "logged": orgtext.LOGGED, "rich": texts.RICH}
STATES = """\
#+TODO: TODO(t) DOING(d!) | DONE(o) DROPPED(x)
* TODO [7] Longer warm-up [1/2]   :exp:
:PROPERTIES:
:ID: 7
:END:
** TODO Experiments
1. [X] 500 steps
** DONE Read the paper
CLOSED: [2026-06-01 Mon 10:00]
"""
BOXES = """\
* Steps [/] [%]
- [ ] one [/]
  - [X] a
  - [ ] b
- [X] two
- [-] three
  1. [X] deep
  2. [ ] deeper
"""
MATCHES = (
    "exp", "exp-vision", "exp|lab", "LEVEL=1", "LEVEL<3+exp", 'ID="7"', "loss<0.5", "loss>0.1+exp", 'TODO="DOING"',
    "exp/!DOING", "exp/!-DONE", "exp/TODO|DOING", 'CLOSED<"<2026-06-02>"', "{^vis}", "ID={^[78]$}", 'exp+PRIORITY="A"',
    "-exp", "+exp&+vision", 'missing=""', "/!", "exp+loss=0.25",
)  # fmt: skip


def make_cases() -> Iterator[dict[str, Any]]:
    """Yield the cases, without what Org says of them."""
    yield from _written()
    yield from _states()
    yield from _boxes()
    yield from _random()


def _case(name: str, text: str, form: str, *, asks: bool = False, **more: Any) -> dict[str, Any]:
    return {"id": name, "input": text, "form": form, "asks": asks, **more}


def _written() -> Iterator[dict[str, Any]]:
    for name, text in WRITTEN.items():
        yield _case(f"structure/{name}", text, STRUCTURE, asks=True)
        yield _case(f"objects/{name}", text, OBJECTS, asks=True)
        yield _case(f"cookies/{name}", text, "(org-update-statistics-cookies t)")
    for number, match in enumerate(MATCHES):
        form = f"(match-titles {json.dumps(match)})"
        yield _case(f"match/{number:02}", texts.RICH, form, asks=True)
        settings = "((org-use-tag-inheritance nil))"
        yield _case(f"match_noinherit/{number:02}", texts.RICH, form, asks=True, settings=settings)


def _states() -> Iterator[dict[str, Any]]:
    for log_done in ("nil", "'time"):
        settings = f"((org-log-done {log_done}))"
        for at in ("* TODO [7]", "** TODO Exp", "** DONE Read"):
            for state in ('"TODO"', '"DONE"', '"DROPPED"', "'none"):
                name = f"todo/{log_done.strip(chr(39))}_{at[:9].strip('* ').replace(' ', '_')}_{state.strip(chr(34) + chr(39))}"
                yield _case(name, STATES, f"(at {json.dumps(at)}) (org-todo {state})", settings=settings)
    for at in ("* TODO [7]", "** TODO Exp", "** DONE Read"):
        put = f"(at {json.dumps(at)}) (org-entry-put nil {{}} {{}})"
        yield _case(f"put_prop/{at[3:9]}_new", STATES, put.format('"SOURCE"', '"paper"'))
        yield _case(f"put_prop/{at[3:9]}_again", STATES, put.format('"ID"', '"8"'))
        yield _case(f"delete_prop/{at[3:9]}", STATES, f'(at {json.dumps(at)}) (org-entry-delete nil "ID")')


def _boxes() -> Iterator[dict[str, Any]]:
    items = [line.strip() for line in BOXES.splitlines()[1:]]
    for number, item in enumerate(items):
        yield _case(f"toggle/{number}", BOXES, f"(at {json.dumps(item)}) (org-toggle-checkbox)")
    yield _case("toggle/all", BOXES, '(at "* Steps") (org-toggle-checkbox)')


def _random() -> Iterator[dict[str, Any]]:
    choose = random.Random(CHANCE)  # noqa: S311 - the same texts each time
    for number in range(RANDOM_TEXTS):
        text = "".join(_random_log(choose))
        yield _case(f"random_cookies/{number:03}", text, "(org-update-statistics-cookies t)")
        yield _case(f"random_structure/{number:03}", text, STRUCTURE, asks=True)


def _random_log(choose: random.Random) -> Iterator[str]:
    """Yield the lines of a log: headings of three levels, drawers, lists of steps with boxes below boxes."""
    yield choose.choice(("", "#+TODO: TODO(t) DOING | DONE(d) DROPPED\n", "#+FILETAGS: :lab:\nSome words.\n\n"))
    level = 1
    for number in range(choose.randint(2, 7)):
        level = min(level + 1, choose.choice((1, 1, 2, 3)))
        state = choose.choice(("", "TODO ", "DONE ", "TODO [#A] "))
        cookie = choose.choice(("", "", " [/]", " [%]", " [0/0]", " [1/2] [%]"))
        tags = choose.choice(("", "", "  :exp:", " :@work:exp:"))
        yield f"{'*' * level} {state}[{number}] Idea {number}{cookie}{tags}\n"
        if choose.random() < 0.4:
            yield f":PROPERTIES:\n:ID:       {number}\n:END:\n"
        yield choose.choice(("", "[2026-06-01 Mon 10:00]\n", "What it is to find out, see [1/2].\n"))
        yield from _random_list(choose, 0)


def _random_list(choose: random.Random, depth: int) -> Iterator[str]:
    """Yield the lines of a list and of those below its items."""
    ordered = choose.random() < 0.5
    for number in range(1, choose.randint(1, 4) if depth else choose.randint(0, 4)):
        bullet = f"{number}." if ordered else "-"
        box = choose.choice(("", "[ ] ", "[X] ", "[-] ", "[X] "))
        cookie = choose.choice(("", "", "", " [/]", " [%]"))
        yield f"{'   ' * depth}{bullet} {box}step {number} (83d45cd){cookie}\n"
        if depth < 2 and choose.random() < 0.3:
            yield from _random_list(choose, depth + 1)


def main() -> int:
    """Record the cases and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", default=OWN, help="where to write the answers")
    path = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "cases.json"
        asked.write_text(json.dumps(list(make_cases())))
        lisp = ["emacs", "-Q", "--batch", "-l", str(HERE / "record.el"), "-f", "record-cases"]
        subprocess.run([*lisp, str(asked), str(path.absolute())], check=True)
    print(f"{len(json.loads(path.read_text()))} cases recorded in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
