"""Parameters in configuration files."""

import json
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.parameters.config_files import ConfigValues, find_config_files, read_config_files

NESTED = {"lr": 0.001, "model": {"depth": 4, "act-fn": "relu"}, "amp": True, "drop": "null"}
NESTED_FLAT = {"lr": 0.001, "model.depth": 4, "model.act_fn": "relu", "amp": True, "drop": "null"}


@pytest.mark.parametrize(
    ("name", "text", "parameters"),
    [
        ("a.json", json.dumps({**NESTED, "drop": None}), NESTED_FLAT),
        ("a.toml", "lr = 0.001\namp = true\ndrop = 'null'\n[model]\ndepth = 4\nact-fn = 'relu'\n", NESTED_FLAT),
        ("a.yaml", "lr: 1e-3\nmodel: {depth: 4, act-fn: relu}\namp: yes\ndrop:\n", NESTED_FLAT),
        ("a.yml", "base: &b {lr: 1}\nmodel:\n  <<: *b\n  at: 2024-01-02\n  1: x\n",
         {"base.lr": 1, "model.lr": 1, "model.at": "2024-01-02", "model.1": "x"}),
        ("a.json", "\ufeff" + '{"betas": [0.9, 0.999], "none": [], "blocks": [{"n": 1}, [2, "a b"]]}',
         {"betas": "[0.9,0.999]", "none": "[]", "blocks.0.n": 1, "blocks.1": '[2,"a b"]'}),
        ("a.json", '{"n": 9007199254740993, "x": 1e999, "y": NaN}', {"n": "0x20000000000001", "x": "inf", "y": "nan"}),
        ("a.toml", "lr = ", {}),
        ("a.yaml", "a: [", {}),
        ("a.yaml", "a: 2026-99-99", {}),
        ("a.yaml", f"0x{'f' * 5000}: 1", {}),
        ("a.yaml", "!!python/object/apply:os.system ['exit 1']", {}),
        ("a.json", '[{"loss": 1}]', {}),
        ("a.json", '{"loss": 1}\n{"loss": 2}\n', {}),
        ("a.json", "[" * 100_000, {}),
        ("a.json", json.dumps({str(number): 1 for number in range(2001)}), {}),
        ("a.yaml", "a: &a [x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghijklmnopq")), {}),
        ("a.yaml", "a: &a {b: *a}\n", {}),
    ],
)  # fmt: skip
def test_values_are_named_by_their_path(tmp_path, name, text, parameters):
    """Data, mistakes, and what would have no end have no parameters."""
    pytest.importorskip("yaml", reason="needs PyYAML")
    (tmp_path / name).write_text(text)
    found = read_config_files(None, [tmp_path / name])
    assert (found.parameters, found.unread) == (parameters, ())
    assert found.read == ((tmp_path / name,) if parameters else ())


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_has_values_that_a_record_can_hold(tmp_path_factory, document):
    """Names and values are of the types of parameters."""
    path = tmp_path_factory.mktemp("any") / "a.json"
    path.write_text(json.dumps(document))
    for name, value in read_config_files(None, [path]).parameters.items():
        assert isinstance(name, str)
        assert isinstance(value, int | float | str)
        assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_files_that_a_command_names(tmp_path):
    """By a word or an option, if they exist, are files, and are small."""
    for name in ("a.yaml", "b.json", "c.toml", "d.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "big.json").write_bytes(b" " * (1 << 20) + b"{}")
    command = "python train.py a.yaml --config=b.json --config=c.toml d.txt e.yml --x folder.json --data big.json"
    assert find_config_files(None, [*command.split(), "\0.json", "x" * 5000 + ".json"], tmp_path) == [
        tmp_path / name for name in ("a.yaml", "b.json", "c.toml")
    ]


def test_without_a_reader_a_yaml_file_is_named(tmp_path, monkeypatch):
    """The other files are read."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("lr: 1\n")
    (tmp_path / "b.json").write_text('{"lr": 2}')
    assert read_config_files(None, [tmp_path / "a.yaml", tmp_path / "b.json"]) == ConfigValues(
        {"lr": 2}, (tmp_path / "a.yaml",), (tmp_path / "b.json",)
    )
