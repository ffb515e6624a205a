"""Running commands in the process of the test."""

from dataclasses import dataclass

from orglab.cli.main import run


@dataclass(frozen=True)
class Answer:
    """The output and the exit code of a command."""

    code: int
    out: str
    err: str


class Orglab:
    """Runs `orglab` in the current folder."""

    def __init__(self, capsys):
        self._capsys = capsys

    def __call__(self, *arguments, code=0):
        """Run a command, check its exit code, and return its output."""
        self._capsys.readouterr()
        ended = run([str(argument) for argument in arguments])
        said = self._capsys.readouterr()
        assert ended == code, f"orglab {arguments} ended with {ended}: {said.err}"
        assert "Traceback" not in said.err
        return Answer(ended, said.out, said.err)
