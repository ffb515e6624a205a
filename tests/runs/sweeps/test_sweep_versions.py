"""The versions of a sweep: which there are, what they are called, and the command of each."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.errors import NotReadableError, UsageError
from orglab.runs.sweeps.sweep_versions import (
    VersionRequest,
    check_placeholders,
    fill_command,
    find_placeholders,
    make_versions,
    split_values,
)

SIZES = """\
[small]
width = 16
rate = 1e-3
amp = true

[large]
width = 512
rate = 1e-4
amp = false
"""
NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=8).filter(lambda name: name not in ("out", "version"))


def names(*values, seeds=None, **more):
    return [version.name for version in make_versions(VersionRequest(values, seeds, **more))]


def test_every_combination_is_a_version():
    assert names("lr=0.1,0.01", "model=small,large", seeds="2") == [
        f"lr={lr},model={model},seed={seed}"
        for lr in ("0.1", "0.01")
        for model in ("small", "large")
        for seed in (0, 1)
    ]
    assert names(seeds="7,8,7") == ["seed=7", "seed=8"]
    assert names("lr=0.1,0.1,0.10") == ["lr=0.1", "lr=0.10"]
    (version,) = make_versions(VersionRequest(("lr=1e-3", "amp=true", "name=a b/c")))
    assert version.parameters == {"lr": 0.001, "amp": True, "name": "a b/c"}
    assert version.name == "lr=1e-3,amp=true,name=a_b_c"
    assert fill_command(("train", "--lr={lr}", "{name}"), version, "r/x") == ("train", "--lr=1e-3", "a b/c")
    assert names() == ["only"]


def test_a_file_has_named_versions(tmp_path):
    file = tmp_path / "sizes.toml"
    file.write_text(SIZES)
    assert names(file=file) == ["small", "large"]
    small, large = make_versions(VersionRequest(("rate=0.5",), file=file, only=("*",)))
    assert (small.name, large.name) == ("small,rate=0.5", "large,rate=0.5")
    assert small.parameters == {"width": 16, "rate": 0.5, "amp": True}
    assert large.texts == {"width": "512", "rate": "0.5", "amp": "false"}
    assert names(seeds="2", file=file, only=("width=16,seed=1",)) == ["small,seed=1"]
    assert names(seeds="2", file=file, excluded=("large",)) == ["small,seed=0", "small,seed=1"]
    for text, error in (
        ("width = 1\n", "width is no table"),
        ("[small]\nwidths = [1, 2]\n", "widths of small must be a number"),
        ("[small]\nout = 'x'\n", "cannot be named out"),
    ):
        file.write_text(text)
        with pytest.raises(UsageError, match=error):
            names(file=file)
    file.write_text("[small\n")
    with pytest.raises(NotReadableError, match="is not valid TOML"):
        names(file=file)
    with pytest.raises(NotReadableError, match="No such file"):
        names(file=tmp_path / "none.toml")


def test_versions_are_chosen_by_name_or_by_values():
    assert names("lr=0.1,0.01", "model=small,large", only=("lr=0.1",)) == ["lr=0.1,model=small", "lr=0.1,model=large"]
    chosen = names("lr=0.1,0.01", "model=small,large", excluded=("model=large,lr=0.1", "lr=0.01,model=s*"))
    assert chosen == ["lr=0.1,model=small", "lr=0.01,model=large"]
    assert names("lr=0.1", only=("lr=0.1*",)) == ["lr=0.1"]
    for pattern in ("lr=2", "lr=0.10"):
        with pytest.raises(UsageError, match="No version is left"):
            names("lr=0.1", only=(pattern,))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (VersionRequest(("lr",)), "has no values"),
        (VersionRequest(("0.1,0.2",)), "does not begin with the name"),
        (VersionRequest(("lr=1", "lr=2")), "is given twice"),
        (VersionRequest(("seed=1",), "2"), "not by both"),
        (VersionRequest(("out=1",)), "cannot be named out"),
        (VersionRequest((), "three"), "neither a number of seeds nor a list"),
        (VersionRequest((), "0"), "must be from 1"),
        (
            VersionRequest((f"a={','.join(map(str, range(200)))}", f"b={','.join(map(str, range(200)))}")),
            "40000 versions",
        ),
    ],
)
def test_what_is_no_version_is_refused(request_, message):
    with pytest.raises(UsageError, match=message):
        make_versions(request_)


def test_commas_in_brackets_and_quotes_separate_nothing():
    assert split_values("[64,64],[128]") == ["[64,64]", "[128]"]
    assert split_values("'a,b',c, \"d\"") == ["a,b", "c", "d"]
    assert split_values("") == [""]
    assert split_values("it's") == ["it's"]


def test_placeholders_are_those_of_parameters():
    (version,) = make_versions(VersionRequest(("lr=0.1", "opt.name=sgd")))
    command = ("sh", "-c", "echo {lr} ${HOME} {{lr}} {1..3} {} {opt.name}", "{out}/{version}")
    assert find_placeholders(command) == {"lr", "opt.name", "out", "version"}
    check_placeholders(command, [version])
    assert fill_command(command, version, "r/v") == (
        "sh", "-c", "echo 0.1 ${HOME} {lr} {1..3} {} sgd", "r/v/lr=0.1,opt.name=sgd",
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"has \{rate\}, but .* write \{\{rate\}\}"):
        check_placeholders(("train", "{rate}"), [version])


@given(st.dictionaries(NAMES, st.lists(st.text(max_size=30), min_size=1, max_size=3), max_size=3))
def test_the_name_of_a_version_is_that_of_a_folder_of_its_own(choices):
    values = tuple(f"{name}={','.join(texts)}" for name, texts in choices.items())
    versions = make_versions(VersionRequest(values))
    found = [version.name for version in versions]
    assert len({name.lower() for name in found}) == len(found)
    for version in versions:
        assert 0 < len(version.name) <= 100
        assert version.name.isascii()
        assert version.name.isprintable()
        assert not {*version.name}.intersection("/\\@ \t'\"")
        assert version.name[0] not in ".-"
