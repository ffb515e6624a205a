"""`orglab setup agent`: what it tells agents is there once, is true, and can be removed without a trace."""

import os
import re
import shlex

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands import Orglab
from orglab.cli import agent_setup
from orglab.cli.main import run

SKILL = ".agents/skills/orglab/SKILL.md"


@pytest.fixture
def orglab(repo, capsys):  # noqa: ARG001 - it is the folder
    orglab = Orglab(capsys)
    orglab("init", "--no-hooks")
    return orglab


@pytest.mark.parametrize("before", [None, b"# Rules\n", b"no newline \xff", b"a\r\n\r\n"])
def test_it_is_added_once_and_removed_without_a_trace(repo, orglab, before):
    for name in ("AGENTS.md", "CLAUDE.md"):
        if before is not None:
            (repo.path / name).write_bytes(before)
    answer = orglab("setup", "agent")
    pages = ["AGENTS.md"] if before is None else ["AGENTS.md", "CLAUDE.md"]
    assert answer.out == f"Wrote {', '.join([SKILL, *pages])}.\n"
    for name in pages:
        text = (repo.path / name).read_bytes()
        assert text.startswith(before or b"")
        assert text.count(b"orglab brief") == 1
    assert orglab("setup", "agent").out == "Everything is already set up for agents.\n"
    orglab("setup", "agent", "--remove")
    assert not (repo.path / ".agents").exists()
    for name in ("AGENTS.md", "CLAUDE.md"):
        path = repo.path / name
        assert (path.read_bytes() if path.exists() else None) == before
    assert orglab("setup", "agent", "--remove").out == "Nothing is set up for agents.\n"


def test_a_page_keeps_its_line_ends(repo, orglab):
    page = repo.path / "AGENTS.md"
    page.write_bytes(b"# Rules\r\n\r\nNone.\r\n")
    orglab("setup", "agent")
    text = page.read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n") == 9
    assert orglab("setup", "agent").out == "Everything is already set up for agents.\n"
    orglab("setup", "agent", "--remove")
    assert page.read_bytes() == b"# Rules\r\n\r\nNone.\r\n"


def test_files_that_git_checked_out_with_other_line_ends_are_set_up(repo, orglab):
    orglab("setup", "agent")
    names = ("AGENTS.md", SKILL)
    for name in names:
        (repo.path / name).write_bytes((repo.path / name).read_bytes().replace(b"\n", b"\r\n"))
    assert orglab("setup", "agent").out == "Everything is already set up for agents.\n"
    orglab("setup", "agent", "--remove")
    assert not any((repo.path / name).exists() for name in names)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_page_keeps_every_byte(tmp_path_factory, before):
    folder = tmp_path_factory.mktemp("page")
    page = folder / "AGENTS.md"
    page.write_bytes(before)
    agent_setup.install(folder, None)
    assert page.read_bytes().startswith(before)
    agent_setup.remove(folder, None)
    assert (page.read_bytes() if page.exists() else b"") == before


def test_a_block_of_an_earlier_version_is_replaced(repo, orglab):
    orglab("setup", "agent")
    page = repo.path / "AGENTS.md"
    now = page.read_text()
    page.write_text("Mine.\n" + now.replace("orglab brief", "orglab old").replace("<!--", "\n<!--", 1) + "More.\n")
    orglab("setup", "agent")
    assert page.read_text() == "Mine.\nMore.\n\n" + now


def test_one_file_under_two_names_has_one_block(repo, orglab):
    (repo.path / "AGENTS.md").write_text("Rules.\n")
    (repo.path / "CLAUDE.md").symlink_to("AGENTS.md")
    orglab("setup", "agent")
    assert (repo.path / "CLAUDE.md").is_symlink()
    assert (repo.path / "AGENTS.md").read_text().count("orglab brief") == 1


def test_a_skill_that_somebody_changed_is_left_alone(repo, orglab):
    orglab("setup", "agent")
    skill = repo.path / SKILL
    skill.write_text(skill.read_text().replace("three seeds", "ten seeds"))
    (repo.path / "AGENTS.md").unlink()
    for options in ((), ("--remove",)):
        answer = orglab("setup", "agent", *options, code=4)
        assert answer.err == f"orglab: {SKILL} was changed by hand; move it away, or keep it as it is.\n"
    assert "ten seeds" in skill.read_text()
    assert not (repo.path / "AGENTS.md").exists()


def test_a_link_of_a_clone_that_leads_out_is_not_followed(repo, orglab, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "rules").write_text("private\n")
    (repo.path / "AGENTS.md").symlink_to(outside / "rules")
    repo.git("add", "AGENTS.md")
    assert "leads out" in orglab("setup", "agent", code=4).err
    (repo.path / "AGENTS.md").unlink()
    (repo.path / ".agents").symlink_to(outside)
    repo.git("add", ".agents")
    assert "leads out" in orglab("setup", "agent", code=4).err
    assert [*outside.iterdir()] == [outside / "rules"]
    assert (outside / "rules").read_text() == "private\n"
    (repo.path / ".agents").unlink()
    os.mkfifo(repo.path / "AGENTS.md")
    assert "cannot be read" in orglab("setup", "agent", code=4).err


def test_each_command_of_the_skill_exists_with_its_options(repo, orglab, capsys):
    """The help of each command that the skill names has the options that it gives."""
    orglab("setup", "agent")
    text = (repo.path / SKILL).read_text()
    assert re.match(r"---\nname: orglab\ndescription: [^\n]{100,1000}\n---\n", text)
    named = [re.sub(r"\s+", " ", one) for one in re.findall(r"`(orglab [^`]+)`", text)]
    assert len(named) > 10
    for command in named:
        words = shlex.split(command.partition(" -- ")[0])[1:]
        if words[0].isupper():
            continue
        names = [words[0], *(word for word in words[1:2] if words[0] in ("runs", "sweep") and word.isalpha())]
        assert run([*names, "--help"]) == 0
        text_of_help = click.unstyle(capsys.readouterr().out)
        if names == ["sweep"]:
            assert run(["sweep", "start", "--help"]) == 0
            text_of_help += capsys.readouterr().out
        for option in (word for word in words if re.fullmatch(r"--?[a-z-]+", word)):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", text_of_help), (command, option)
