"""What must be findable: every thing that was ever written has a token of its own, which its text contains."""

from __future__ import annotations

import re

from lab import NAME

from .world import LOG_BRANCH, Fault, World

TOKEN = re.compile(r"\b[nxcr]-\d+\b")
HEADING = re.compile(r"^\*+ (?:[A-Z]+ )?(?:\[(\d+)\] )?.*\bidea (x-\d+)\b.*:exp:", re.M)
RUN = re.compile(r"^\s*run (\d{8}-\d{6}-[0-9a-f]{6})\s*$", re.M)
CLONES = {"a": ("a", "w"), "b": ("b",)}


class Oracle:
    """What was written in each clone, and what someone deleted by hand.

    Attributes:
        written: The tokens that a clone must be able to find, by clone.
        unseen: The tokens that someone wrote by hand and no command has seen yet, by log.
        deleted: The tokens that were deleted by hand, in any clone.
        given: The experiment that each id was given to, by clone.
    """

    def __init__(self) -> None:
        """Begin with nothing written."""
        self.written: dict[str, set[str]] = {clone: set() for clone in CLONES}
        self.unseen: dict[str, set[str]] = {}
        self.deleted: set[str] = set()
        self.given: dict[str, dict[str, str]] = {clone: {} for clone in CLONES}

    def add(self, place: str, token: str) -> None:
        """Remember what a command wrote."""
        self.written[clone_of(place)].add(token)

    def add_by_hand(self, world: World, place: str, token: str) -> None:
        """Remember what someone typed into the log, or a killed command wrote: it counts when a command has seen it."""
        self.unseen.setdefault(str(world.log(place)), set()).add(token)

    def see(self, world: World, place: str) -> None:
        """A command has read the log: what was typed there, and still stands there, counts from now on."""
        typed = self.unseen.pop(str(world.log(place)), set())
        standing = find_tokens(read_log(world, place))
        self.written[clone_of(place)].update(typed & standing)

    def give(self, place: str, id_: str, token: str) -> None:
        """Remember to which experiment an id was given.

        Raises:
            Fault: This clone gave it to another one before.
        """
        given = self.given[clone_of(place)]
        if given.setdefault(id_, token) != token:
            raise Fault(f"e{id_} was given to {given[id_]}, and now to {token}")

    def check_once(self, world: World, place: str) -> None:
        """Check that the log that commands in a working tree use holds nothing twice, unless it has a conflict.

        Raises:
            Fault: It does.
        """
        text = read_log(world, place)
        if "\n<<<<<<< " in text:
            return
        twice = find_repeated(RUN.findall(text)) | find_repeated(token for _, token in HEADING.findall(text))
        if twice:
            raise Fault(f"twice in the log of {place}: {', '.join(sorted(twice))}\n{text}")

    def find_listed(self, world: World, clone: str, listed: str) -> set[str]:
        """Return the tokens that a list of what is lost names, and those in the experiments that it names."""
        tokens = find_tokens(listed)
        experiments = {token for token in tokens if token.startswith("x-")}
        if experiments:
            kept = world.ask(clone, "log", "--format=%H", "--grep=^log: before ", "--glob=refs/orglab/texts/").split()
            texts = "\n".join(world.ask(clone, "show", f"{commit}:{NAME}") for commit in kept)
            for text in re.split(r"^(?=\* )", texts, flags=re.M):
                tokens |= find_tokens(text) if find_tokens(text.partition("\n")[0]) & experiments else set()
        return tokens

    def find_missing(self, world: World, clone: str) -> set[str]:
        """Return the tokens that must be findable in a clone and that none of its logs has.

        What a commit took out of a tracked log, as a revert does, is in the history of a branch.
        """
        texts = [read_log(world, place) for place in CLONES[clone]]
        if world.apart:
            texts.append(world.ask(clone, "show", f"{LOG_BRANCH}:{NAME}"))
        else:
            texts.append(world.ask(clone, "log", "--format=", "--patch", "--branches", "--remotes", "--", NAME))
        return self.written[clone] - self.deleted - find_tokens("\n".join(texts))


def clone_of(place: str) -> str:
    """Return the clone that a working tree belongs to."""
    return "a" if place == "w" else place


def read_log(world: World, place: str) -> str:
    """Return the log that commands in a working tree use; empty if there is none."""
    path = world.log(place)
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def find_tokens(text: str) -> set[str]:
    """Return the tokens in a text."""
    return set(TOKEN.findall(text))


def find_repeated(words) -> set[str]:
    """Return what occurs more than once."""
    seen: set[str] = set()
    return {word for word in words if word in seen or seen.add(word)}
