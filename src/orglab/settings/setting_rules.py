"""What the values of settings must be.  Only a command that finds a settings file loads this."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from orglab.config import JOURNAL_NAME
from orglab.secret_names import is_secret_name

CONFIG_TEXT = """\
# Settings of orglab.  Commented-out settings show their defaults.
log = "{log}"
{journal}
# tag = "exp"                  # a heading with this tag is an experiment
# tags = ["exp"]               # the tags of a new experiment
# verdicts = []                # verdicts besides supported, refuted and inconclusive
# letter = "e"                 # [e201]
# id_property = "ID"           # or CUSTOM_ID
# notes = "Notes"
# steps = "Experiments"
# conclusions = "Conclusions"
# keywords = "TODO INPROGRESS WAIT | DONE CANCELED"   # for a log without a #+TODO line
# not_experiments = []         # titles of headings that `orglab init --adopt` leaves out
# similar = true               # `orglab new` shows earlier experiments that tried the same idea

[hooks]
# references = "warn"          # a commit message refers to an unknown experiment or step: warn, refuse or off
# separate = "leave-out"       # the log in a commit of code: leave-out, refuse, warn or off
# position = "start"           # the reference in a commit message: start, after-type (feat: [e201.1] x) or trailer
# auto_done = false            # "[e201.1] done" or "[e201.1] Results" in a commit message ticks the step

[run]
# before = "commit"            # changed files before a run: commit, snapshot or clean (refuse to run)
# results = []                 # paths whose changes are the results of a run
# environment = []             # variables to keep in a run's record, such as CUDA_VISIBLE_DEVICES
# size_limit = 10              # MB; larger new results are not committed
# snapshot_files = 2000        # untracked files in a snapshot
# snapshot_size = 100          # MB, in all
# commit_log = true            # a log that git tracks is committed after a run that did not fail
# share_output = true          # `orglab sync` sends the last 64 KB of what each run printed
# link = []                    # ignored paths that a working tree made for a run needs, such as "data"

[report]
# title = ""                   # the name of the study, in place of the log's #+TITLE
# author = ""                  # in place of the log's #+AUTHOR, or of git's user.name
# template = ""                # a Jinja2 template beside this file: weekly.txt.j2 makes .txt files

[metrics]
# val_loss = "min"             # the best value of a metric: min or max; the metric named first is shown first
"""
SettingValue: TypeAlias = str | bool | Sequence[str]
_OTHER_JOURNAL = "day-journal.org"
MOST_BYTES = 1 << 20
"""The size of the largest settings file that is read."""
_CHOICES = {
    "hooks.references": ("warn", "refuse", "off"),
    "hooks.separate": ("leave-out", "refuse", "warn", "off"),
    "hooks.position": ("start", "after-type", "trailer"),
    "run.before": ("commit", "snapshot", "clean"),
}
# What a repository may ask for; the user's own configuration may ask for anything.
_LARGEST = {"run.size_limit": 1000, "run.snapshot_files": 100_000, "run.snapshot_size": 10_000}
_MOST_ITEMS = 1000
_LONGEST = 500
# A heading that Org would read otherwise than as a title: stars, a priority, a cookie, tags, a comment.
_NO_TITLE = re.compile(r"\*|COMMENT\b|\[#|.*\[\d*(?:/\d*|%)\]|.*:[\w@#%:]+:$")
_HEADINGS = ("notes", "steps", "conclusions")


def choose_journal(log: str) -> str:
    """Return the name of the journal of a new log: another one than usual if the log has that name."""
    return JOURNAL_NAME if log.lower() != JOURNAL_NAME else _OTHER_JOURNAL


def make_config_text(log: str, values: Mapping[str, SettingValue]) -> str:
    """Return the text of a new settings file for a log; its journal gets another name if the log has the usual one.

    Args:
        log: The name of the log.
        values: The values of other settings, by their names without those of their tables.
    """
    import json  # noqa: PLC0415 - only a new settings file needs it

    name = choose_journal(log)
    journal = f'{"# " if name == JOURNAL_NAME else ""}journal = "{name}"'
    text = CONFIG_TEXT.format(log=log, journal=journal)
    for name, value in values.items():
        # Strings and lists of JSON are those of TOML.
        line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
        text = re.sub(rf"^# {name} = .*$", line.replace("\\", r"\\"), text, flags=re.MULTILINE)
    return text


def parse_toml(data: bytes) -> tuple[dict[str, object], str]:
    """Return the tables of a TOML file, and why it cannot be read; an empty text if it can."""
    if len(data) > MOST_BYTES:
        return {}, "it is larger than 1 MB"
    import tomllib  # noqa: PLC0415 - costs 5 ms, and only a settings file needs it

    try:
        return tomllib.loads(data.decode("utf-8")), ""
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return {}, str(error)[:_LONGEST]
    except (ValueError, RecursionError):  # a number of thousands of digits; tables within tables
        return {}, "a value in it is too long or too deep"


def find_type_problem(name: str, default: object, value: object, *, is_own: bool) -> str | None:
    """Return what the value of a setting must be, in words, or None if it is that.

    Args:
        name: The setting, with its table, such as `run.before`.
        default: Its default.
        value: The value.
        is_own: Whether it is in the user's own configuration.
    """
    if isinstance(default, tuple):
        is_valid = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return None if is_valid and len(value) <= _MOST_ITEMS else "a list of strings"  # type: ignore[arg-type]  # a list
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, int):
        largest = _LARGEST.get(name) if not is_own else None
        if type(value) is int and 0 <= value <= (largest or 10**12):
            return None
        return "a whole number" + (f" of at most {largest}" if largest is not None else "")
    if (choices := _CHOICES.get(name)) is not None:
        return None if value in choices else " or ".join(choices)
    return None if isinstance(value, str) and (value or not default) else "a string"


def find_problem(name: str, value: str, keywords: str) -> str | None:
    """Return what a string must be, in words, or None if it is that.

    Args:
        name: The setting whose value, or an item of whose value, it is.
        value: The string.
        keywords: The TODO keywords.
    """
    if name == "letter":
        return None if re.fullmatch("[A-Za-z]{1,20}", value) else "one letter or more, such as e for [e201]"
    if name == "id_property":
        return None if value.upper() in ("ID", "CUSTOM_ID") else "ID or CUSTOM_ID"
    if name in ("tag", "tags"):
        return None if is_tag(value) else "a tag, which consists of letters, digits, _, @, # and %"
    if name == "run.environment":
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", value):
            return "the name of an environment variable"
        return "a variable that is not secret" if is_secret_name(value) else None
    if not is_line(value) and (value or not name.startswith("report.")):
        return "one line of plain text"
    if name in ("verdicts", *_HEADINGS) and value != " ".join(value.split()):
        return "one line of plain text, with single spaces between words"
    if name in ("log", "journal") and not value.endswith(".org"):
        return "a file whose name ends in .org"
    if name in _HEADINGS and (_NO_TITLE.match(value) or value.split(maxsplit=1)[0] in re.split(r"[\s|]+", keywords)):
        return "a title that Org does not read as markup"
    return None


def is_line(text: str) -> bool:
    """Return whether a text is one line of plain text, without control characters and unseen ones."""
    return bool(text.strip()) and text.isprintable() and len(text) <= _LONGEST


def is_tag(text: str) -> bool:
    """Return whether Org reads `text` as a tag."""
    return bool(text) and all(char.isalnum() or char in "_@#%" for char in text)


def find_metric_problem(name: str, direction: object) -> str | None:
    """Return what the direction or the name of a metric must be, in words, or None if they are that."""
    if direction not in ("min", "max"):
        # In TOML, `val.loss = "min"` without quotation marks is a table.
        hint = f'; put quotation marks around a name with dots, as in "{name[:60]}.x"'
        return "min or max" + (hint if isinstance(direction, Mapping) else "")
    return None if is_line(name) else "named in one line of plain text"
