"""Which experiments a match string selects, asked of what is known of each before its heading is parsed."""

from functools import cached_property

from orglab.experiment.model import Experiment
from orglab.org.match import compile_match


class Entry:
    """An experiment as a match string asks for it: what a list knows is told at once, for the rest it is parsed."""

    def __init__(self, experiment: Experiment) -> None:
        """Stand for an experiment."""
        self._experiment = experiment
        self.state = experiment.state
        self.tags = experiment.tags

    def __getattr__(self, name: str) -> object:
        """Return what the heading says."""
        return getattr(self._experiment.heading, name)

    @property
    def is_done(self) -> bool:
        """Whether its keyword is one for what is done."""
        return self._experiment.is_done

    @cached_property
    def _is_on_top(self) -> bool:
        begin = self._experiment.begin
        return self._experiment.document.text[begin : begin + 2] == b"* "

    @property
    def level(self) -> int:
        """How many stars it has, as Org counts them."""
        return 1 if self._is_on_top else self._experiment.heading.level

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The file's tags, its ancestors' and its own, each once."""
        if not self._is_on_top:
            return self._experiment.heading.all_tags
        upwards = (*reversed(self.tags), *reversed(self._experiment.document.settings.filetags))
        return tuple(reversed(dict.fromkeys(upwards)))


def select(found: list[Experiment], match: str, tag_groups: dict[str, tuple[str, ...]]) -> list[Experiment]:
    """Return the experiments that a match string selects.

    Args:
        found: The experiments.
        match: The match string.
        tag_groups: The log's group tags and their members.

    Raises:
        MatchSyntaxError: It cannot be read.
    """
    wanted = compile_match(match, tag_groups=tag_groups)
    return [one for one in found if wanted.matches(Entry(one))]  # type: ignore[arg-type]  # the rest is the heading's
