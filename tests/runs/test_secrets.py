"""Secrets are hidden in what is kept of a run, and runs are still told apart by them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import orglab as start
from orglab.runs.publication import read_published
from orglab.runs.record_reader import read_runs
from orglab.runs.secret_spans import MASK, find_masks
from orglab.runs.secret_stream import SecretFilter
from orglab.runs.secrets import find_values, mask_argv, mask_text, name_secrets, recall_variables

LOG = "experiment_log.org"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["t", "--api-key", "X"], ["t", "--api-key", MASK]),
        (["t", "--password=X y"], ["t", f"--password={MASK}"]),
        (["t", "--token", "dGVzdA=="], ["t", "--token", MASK]),
        (["t", "wandb.api_key=X", "+db.password=X"], ["t", f"wandb.api_key={MASK}", f"+db.password={MASK}"]),
        (["env", "GITHUB_TOKEN=X", "t"], ["env", f"GITHUB_TOKEN={MASK}", "t"]),
        (
            ["docker", "run", "-e", "API_KEY=X", "--env=API_KEY=X"],
            ["docker", "run", "-e", f"API_KEY={MASK}", f"--env=API_KEY={MASK}"],
        ),
        (["sh", "-c", "API_KEY=X t --token Y; echo $Z"], ["sh", "-c", f"API_KEY={MASK} t --token {MASK}; echo $Z"]),
        (["t", "--set", '{"api_key": "X", "n": 1}'], ["t", "--set", f'{{"api_key": "{MASK}", "n": 1}}']),
        (["t", "https://ada:X@example.org/d"], ["t", f"https://ada:{MASK}@example.org/d"]),
        (["t", "--db", "postgres://ada:X@y@h/d"], ["t", "--db", f"postgres://ada:{MASK}@h/d"]),
        (["t", "sk-abc123def"], ["t", MASK]),
        (["t", "--model", "ghp_secret"], ["t", "--model", MASK]),
    ],
)
def test_the_secrets_of_a_command_are_hidden(command, shown):
    assert mask_argv(command) == tuple(shown)
    assert mask_argv(shown) == tuple(shown)
    assert {*find_values(command).values()} & {"X", "X y", "dGVzdA==", "X@y", "sk-abc123def", "ghp_secret"}


@pytest.mark.parametrize(
    "command",
    [
        ["t", "--key", "5", "--use-token", "true", "--secret", "--lr", "0.1", "-pX"],
        ["t", "MAX_TOKENS=512", "TOKENIZERS_PARALLELISM=false", "KEYBOARD=us", "token=off", "key=1e-4"],
        ["python", "-c", "print(sorted(x, key=len), key=str)"],
        ["python", "-c", "print(max(x,key=len))"],
        ["sh", "-c", 't --api-key $KEY --password "$PASSWORD"'],
        ["t", "sk-learn", "task-force-one", "hf_model", "data/hf_cache_dir", "http://host:80/x", "git@github.com:a/b"],
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(command):
    assert mask_argv(command) == tuple(command)


@pytest.mark.parametrize(
    "secret",
    ["sk-proj-abcdefgh1234", "ghp_abcdef", "gho_abcdef", "ghs_abcdef", "github_pat_11ABC_def", "hf_AbCdEfGhIjKl",
     "xoxb-12-34-ab", "xoxp-12-34-ab", "xoxa-12-34-ab", "xoxs-12-34-ab", "AKIAIOSFODNN7EXAMPLE", "glpat-abc_DEF-12",
     "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----",
     "-----BEGIN RSA PRIVATE KEY-----\ncut off"],
)  # fmt: skip
def test_values_of_known_forms_are_hidden_in_any_text(secret):
    assert mask_text(f"with {secret}") == f"with {MASK}"
    assert mask_text(f"({secret})\n").startswith(f"({MASK}")
    assert mask_argv(["t", f"--x={secret}"]) == ("t", f"--x={MASK}")


@pytest.mark.parametrize(
    "code",
    [
        "DB_PASSWORD=abc,S t", "DB_PASSWORD=abc$S t", "DB_PASSWORD=abc{S t", "DB_PASSWORD=abc[S t", "DB_PASSWORD=abc(S t",
        "DB_PASSWORD=abc<S t", "DB_PASSWORD='abc'S t", "DB_PASSWORD=abc\\ S t", 'DB_PASSWORD="a\\"S" t', "t --token -aS1",
        "t --api-key 'a S'", "t --apikey S", "APIKEY=S t", "PGPASSWORD=S psql", "API_KEY_2=S t", "t key=S", "t '{api_key: S}'",
        "curl -H 'X-Api-Key: S' u", 'curl -H "Authorization: Bearer S" u', "curl 'u?api_key=S&lr=1'", "psql postgres://a:p/S@h/d",
        "psql postgres://a:p'S@h/d", "t --api-key $'S'",
    ],
)  # fmt: skip
def test_a_secret_in_a_command_of_a_shell_is_hidden_as_a_whole(code):
    shown = mask_argv(["sh", "-c", code])[2]
    assert "S" not in shown.replace("DB_PASS", "").replace("PGPASS", "")
    assert not {"abc", "a:p/", "'a ***"} & {piece for piece in ("abc", "a:p/", "'a ***") if piece in shown}
    assert mask_argv(["sh", "-c", shown])[2] == shown
    assert any("S" in value for value in find_values(["sh", "-c", code]).values())


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("os.environ['API_KEY']='S'; f()", "os.environ['API_KEY']='***'; f()"),
        ("api_key = f'S'", "api_key = f'***'"),
        ('api_key = """S\nS"""; f()', 'api_key = """***"""; f()'),
        ("f(api_key='S',lr=1)", "f(api_key='***',lr=1)"),
        ("x = {'api_key': 'S\\'S', 'lr': 1}", "x = {'api_key': '***', 'lr': 1}"),
        ("def f(api_key: str = 'S', x=1)", "def f(api_key: str = '***', x=1)"),
        ("def f(api_key: str, x=os.getenv('API_KEY')): ...", "def f(api_key: str, x=os.getenv('API_KEY')): ..."),
        ("for key, value in d: key = value", "for key, value in d: key = value"),
        ("f(api_key=os.environ['X'])", "f(api_key=os.environ['X'])"),
    ],
)
def test_a_secret_in_python_code_is_hidden(code, shown):
    assert mask_argv(["python", "-c", code])[2] == shown
    assert mask_argv(["python", "-c", shown])[2] == shown


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("{api_key: S, lr: 1}", "{api_key: ***, lr: 1}"),
        ("api_key:S", "api_key:***"),
        ("X-Api-Key: a S", "X-Api-Key: ***"),
        ("Authorization: Bearer S", "Authorization: ***"),
        ("postgres://ada:p/S@h/d", "postgres://ada:***@h/d"),
        ("postgres://ada:p'S@h/d", "postgres://ada:***@h/d"),
        ("git+https://ada:S@example.org/a/b@v1", "git+https://ada:***@example.org/a/b@v1"),
        ('{"a":"http://ada:S@h/d","b":"x@y"}', '{"a":"http://ada:***@h/d","b":"x@y"}'),
        ("http://host:80/x@y", "http://host:80/x@y"),
    ],
)
def test_a_secret_in_a_word_is_hidden(word, shown):
    assert mask_argv(["t", word]) == ("t", shown)
    assert mask_argv(["t", shown]) == ("t", shown)


def test_a_value_may_begin_with_a_dash_but_an_option_is_none():
    command = ["t", "--token", "-aS1", "--key", "-v", "--secret", "--lr", "1", "--token", "A", "B"]
    assert mask_argv(command) == ("t", "--token", MASK, "--key", "-v", "--secret", "--lr", "1", "--token", MASK, "B")


@given(
    st.text("ab1 \n=:;,.'\"\\-_{[()]}*@/$", max_size=30),
    st.sampled_from(["API_KEY=", "--token ", "'api_key': ", "x://a:"]),
)
def test_what_is_hidden_once_stays_as_it_is(text, name):
    once = mask_argv(["t", text + name + text, "sh", "-c", name + text])
    assert mask_argv(once) == once
    assert len(name_secrets(once)) == sum(len([*find_masks(word)]) for word in once)


def test_a_sentence_about_keys_is_none():
    for text in ("KeyError: 'model'", "missing key: 'model.weight'", "use --share-key for it", "token by token"):
        assert mask_text(text) == text
    assert mask_text("set API_KEY=abc and api_key='abc'") == f"set API_KEY={MASK} and api_key='{MASK}'"


def test_long_texts_take_no_time():
    for text in ("a" * 300_000, "a+" * 150_000, "key=" * 50_000, "://x:" * 50_000, '"key": "' * 50_000,
                 "x://y:a@" * 40_000, "x://y:1/" * 40_000, "api_key='" * 40_000, "--key " * 50_000, "a***" * 60_000,
                 "*** " * 60_000, "api_key: [" * 40_000, "api_key: Authorization: " * 20_000, "api_key=\\'" * 40_000):  # fmt: skip
        mask_text(text)
        find_values(["t", text, "sh", "-c", text])


def test_a_stream_hides_secrets_that_come_in_pieces():
    written = []
    hidden = SecretFilter(written.append, ["hunter22", "unterwegs"])
    for piece in ("a hun", "ter22 hunhunt", "er22, hunte", "rwegs hunt"):
        hidden.feed(piece.encode())
    hidden.close()
    assert b"".join(written) == f"a {MASK} hun{MASK}, h{MASK} hunt".encode()


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 40])
def test_a_secret_that_begins_with_another_or_overlaps_it_is_hidden_as_a_whole(size):
    data = b"a hunter22 hunter2244 hunter22-overlap er22-over hunter224"
    written = []
    hidden = SecretFilter(written.append, ["hunter22", "hunter2244", "er22-overlap"])
    for begin in range(0, len(data), size):
        hidden.feed(data[begin : begin + size])
    hidden.close()
    assert b"".join(written) == f"a {MASK} {MASK} {MASK} er22-over {MASK}4".encode()
    assert mask_text(data.decode(), ["hunter22", "hunter2244", "er22-overlap"]).encode() == b"".join(written)


def test_a_secret_that_cannot_be_printed_is_not_looked_for():
    written = []
    hidden = SecretFilter(written.append, ["\ud800 half", "whole"])
    hidden.feed(b"a whole")
    hidden.close()
    assert b"".join(written) == f"a {MASK}".encode()


def test_names_of_variables_that_there_cannot_be_are_passed_over():
    hostile = {"A=B_TOKEN": MASK, "\ud800_KEY": MASK, "": MASK, "A\0_KEY": MASK}
    assert recall_variables(hostile, hostile, "x") == {}


# ---- runs ----

FILES = {
    "c.json": '{"wandb": {"api_key": "of-json-1"}, "lr": 0.1, "max_tokens": 512}',
    "c.toml": 'password = "of-toml-1"\nlr = 1\n',
    "orglab.toml": "[run]\nenvironment = ['EXTRA']\n",
}
SHOW = 'echo "$@ $GITHUB_TOKEN"; cat c.json c.toml; test ${#2} = 9'
COMMAND = (
    "sh", "-c", SHOW, "x", "--api-key", "of-word-1", "--password=of-word-2", "--hf-token", "hf_OfWord3abcdef", "c.json",
    "c.toml", "https://ada:of-url-1@example.org/x", "sk-of-word-4",
)  # fmt: skip
SECRETS = ("of-json-1", "of-toml-1", "of-word-1", "of-word-2", "hf_OfWord3abcdef", "of-url-1", "sk-of-word-4",
           "of-environment-1", "of-extra-1", "hf_OfWhy5abcdef")  # fmt: skip


@pytest.fixture
def run_with_secrets(seeded, orglab, monkeypatch):
    """Run a command with secrets in every place, and return what was recorded."""
    monkeypatch.setenv("GITHUB_TOKEN", "of-environment-1")
    monkeypatch.setenv("EXTRA", "https://ada:of-extra-1@example.org")
    seeded.commit("configuration", FILES)
    seeded.write("train.py", "changed\n")
    orglab("run", "1.1", "-m", "with hf_OfWhy5abcdef", "--", *COMMAND)
    return read_runs(seeded.path)[-1]


def assert_hidden(text, place):
    assert [secret for secret in SECRETS if secret in text] == [], place


def test_the_command_gets_the_secrets_and_nothing_that_is_kept_has_them(run_with_secrets, seeded, orglab):
    run = run_with_secrets
    assert run.status == "done"
    for file in run.folder.iterdir():
        assert_hidden(file.read_text() if file.is_file() else "", file)
    assert_hidden((seeded.path / LOG).read_text(), "the log")
    objects = seeded.git("log", "--all", "--format=%B")
    assert "Before: sh -c" in objects
    assert_hidden(objects, "messages")
    for command in (["runs", "show", run.id], ["runs", "show", run.id, "--json"], ["report"], ["why", "train.py"],
                    ["show", "1", "--history"], ["runs", "--json"], ["status"]):  # fmt: skip
        assert_hidden(orglab(*command).out, command)
    expected = {"api_key": MASK, "password": MASK, "hf_token": MASK, "wandb.api_key": MASK, "lr": 1, "max_tokens": 512}
    assert run.parameters == expected
    assert run.environment == {"EXTRA": f"https://ada:{MASK}@example.org"}
    assert {*run.digests} > {
        "EXTRA",
        "argument_11",
        "argument_12",
        *(n for n, v in expected.items() if v == MASK),
    }
    assert all(len(digest) == 16 and int(digest, 16) for digest in run.digests.values())


def test_an_exception_and_the_metrics_have_no_secrets(seeded):
    program = "import sys\nprint('metric token=of-metric\\nmetric acc=1')\nraise ValueError('bad ' + sys.argv[2])\n"
    seeded.commit("program", {"fail.py": program})
    command = (sys.executable, "-m", "orglab", "run", "1.1", "--stdout-metrics", "--", "python", "fail.py")
    subprocess.run((*command, "--token", "of-word-1"), cwd=seeded.path, check=False, capture_output=True)
    run = read_runs(seeded.path)[-1]
    assert run.exception == f"ValueError: bad {MASK}"
    assert run.metrics == {"token": MASK, "acc": 1}
    record = (run.folder / "record.jsonl").read_text()
    assert "of-word-1" not in record
    assert "of-metric" not in record + (seeded.path / LOG).read_text()


FAILING = """
import json, os, sys
print("metric note=" + os.environ["API_TOKEN"], "metric plain=1", sep="\\n")
json.dump({"note": os.environ["API_TOKEN"], "url": "x" * 480 + " https://ada:of-url-2@example.org"}, open("metrics.json", "w"))
raise ValueError("x" * 290 + " bad " + os.environ["API_TOKEN"])
"""


@pytest.mark.parametrize("option", ["--stdout-metrics", "--metrics=metrics.json"])
def test_an_exception_and_metrics_have_no_secrets_of_the_environment(option, seeded, orglab, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "of-environment-2-quite-long")
    seeded.commit("program", {"fail.py": FAILING})
    words = ("run", "1.1", option, "-m", "with of-environment-2-quite-long", "--", sys.executable, "fail.py")
    command = [sys.executable, "-m", "orglab", *words]
    assert subprocess.run(command, cwd=seeded.path, check=False, capture_output=True).returncode == 1
    run = read_runs(seeded.path)[-1]
    assert run.exception is not None
    assert run.metrics["note"] == MASK
    assert len(run.fields["metrics"].get("url", "x" * 500)) == 500
    assert run.why == f"with {MASK}"
    kept = "".join(file.read_text() for file in run.folder.iterdir() if file.is_file())
    for text in (kept, (seeded.path / LOG).read_text(), seeded.git("log", "--all", "--format=%B"), orglab("runs").out):
        assert not re.search("of-env|of-url", text)


OF_SCRIPT = """
import orglab, os
with orglab.run("1.1", params={"api_key": "of-script-3", "lr": 1}) as run:
    run.log({"token": "of-metric-3", "a": {"note": os.environ["API_TOKEN"] + " of-script-3"}, "acc": 1})
    print("now of-script-3", flush=True)
    raise ValueError("x" * 290 + " bad of-script-3 and " + os.environ["API_TOKEN"])
"""


@pytest.mark.parametrize("prefix", [(), (sys.executable, "-m", "orglab", "run", "1.1", "--")])
def test_what_a_script_logs_and_raises_has_none_of_its_secrets(prefix, seeded, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "of-environment-3")
    seeded.commit("script", {"script.py": OF_SCRIPT})
    subprocess.run([*prefix, sys.executable, "script.py"], cwd=seeded.path, check=False, capture_output=True)
    run = read_runs(seeded.path)[-1]
    assert run.exception.startswith("ValueError: xxx")
    assert run.metrics == {"token": MASK, "a.note": f"{MASK} {MASK}", "acc": 1}
    assert len(run.secrets["api_key"]) == 16
    for folder, _, names in os.walk(run.folder):
        for name in names:
            text = Path(folder, name).read_text()
            assert not re.search("of-scr|of-env|of-met", text), name
    assert not (run.folder / "secrets").exists()


def test_secrets_of_configuration_files_are_hidden_before_values_are_cut(seeded, orglab):
    long = "x" * 475
    config = {"url": f"{long} https://ada:of-json-2@example.org", "list": [long, "https://ada:of-json-2@example.org"]}
    seeded.commit("configuration", {"c.json": json.dumps(config)})
    orglab("run", "1.1", "--", "true", "c.json")
    run = read_runs(seeded.path)[-1]
    assert len(run.parameters["url"]) == len(run.parameters["list"]) == 500
    assert "of-" not in (run.folder / "record.jsonl").read_text()
    assert run.partial_files == ("c.json",)


def test_parameters_of_a_script_are_hidden(seeded, orglab):
    script = "import orglab\nwith orglab.run('1.1', params={'api_key': 'of-script-1', 'lr': 1}): pass\n"
    seeded.commit("script", {"script.py": script})
    for prefix in ((), ("run", "1.1", "--")):
        before = len(read_runs(seeded.path))
        if prefix:
            orglab(*prefix, sys.executable, "script.py")
        else:
            subprocess.run([sys.executable, "script.py"], cwd=seeded.path, check=True)
        run = read_runs(seeded.path)[-1]
        assert len(read_runs(seeded.path)) == before + 1
        assert (run.parameters["api_key"], run.parameters["lr"]) == (MASK, 1)
        assert len(run.secrets["api_key"]) == 16
        for folder, _, names in os.walk(run.folder):
            assert "of-script-1" not in "".join(Path(folder, name).read_text() for name in names)


def test_runs_with_other_secrets_have_other_settings(seeded, orglab):
    for value in ("of-word-1", "of-word-1", "of-word-2"):
        answer = orglab("run", "1.1", "--", "true", "--api-key", value)
        assert ("The same was run before" in answer.err) == (len(read_runs(seeded.path)) == 2)
    first, again, other = read_runs(seeded.path)
    assert [setting["runs"] for setting in json.loads(orglab("runs", "--json", "--by", "setting").out)["settings"]] == [
        [first.id, again.id],
        [other.id],
    ]
    assert f"api_key {MASK} -> {MASK} (another)" in orglab("runs", "diff", first.id, other.id).out
    assert "api_key" not in orglab("runs", "diff", first.id, again.id).out


def make_old(run):
    """Make the record of a run one of an earlier version, which hid nothing."""
    record = run.folder / "record.jsonl"
    old = {"argv": list(COMMAND), "why": "with hf_OfWhy5abcdef", "environment": {"GITHUB_TOKEN": "of-environment-1"},
           "parameters": {"api_key": "of-word-1", "wandb.api_key": "of-json-1"}, "secrets": None}  # fmt: skip
    begin = {name: value for name, value in run.fields.items() if name not in {*old, "event"}}
    record.write_text(json.dumps({"event": "began", **begin, **old}) + "\n")
    (run.folder / "output.log").write_text("all of-word-1 of-url-1\n")


def test_an_old_record_is_shown_published_and_compared_without_its_secrets(run_with_secrets, seeded, orglab):
    make_old(run_with_secrets)
    run = read_runs(seeded.path)[-1]
    assert_hidden(orglab("runs", "show", run.id, "--json").out, "show")
    most = dict.fromkeys(("record.jsonl", "metrics.jsonl"), 1 << 20)
    for name, data in read_published([run], share_output=True, most=most):
        assert_hidden(data.decode(), name)
        assert b'"secrets"' not in data
    assert {name: run.secrets[name] for name in run_with_secrets.secrets if name in {"api_key", "wandb.api_key"}} == {
        name: run_with_secrets.secrets[name] for name in ("api_key", "wandb.api_key")
    }


# ---- reruns ----

GIVEN = {"API_KEY": "of-word-1", "PASSWORD": "of-word-2", "HF_TOKEN": "hf_OfWord3abcdef", "ARGUMENT_11": "of-url-1",
         "ARGUMENT_12": "sk-of-word-4"}  # fmt: skip


def test_a_rerun_asks_for_the_secrets_and_never_runs_without(run_with_secrets, seeded, monkeypatch):
    monkeypatch.delenv("EXTRA")
    answer = start("runs", "rerun", run_with_secrets.id, cwd=seeded.path, **{**GIVEN, "API_KEY": "", "PASSWORD": MASK})
    assert answer.code == 2
    assert "set the environment variables API_KEY, PASSWORD, or" in answer.err
    assert start("runs", "rerun", run_with_secrets.id, cwd=seeded.path, **GIVEN).code == 2
    assert len(read_runs(seeded.path)) == 1
    given = {**GIVEN, "EXTRA": "another"}
    answer = start("runs", "rerun", run_with_secrets.id, cwd=seeded.path, **given)
    assert answer.code == 0, answer.err
    assert "Different: EXTRA is another one." in answer.err
    assert "of-word-1 --password=of-word-2 --hf-token hf_OfWord3abcdef" in answer.out
    again = read_runs(seeded.path)[-1]
    assert again.argv == run_with_secrets.argv
    assert_hidden((again.folder / "record.jsonl").read_text(), "the record")


def test_a_rerun_of_an_old_record_uses_the_secrets_in_it(run_with_secrets, seeded, monkeypatch):
    make_old(run_with_secrets)
    monkeypatch.delenv("GITHUB_TOKEN")
    answer = start("runs", "rerun", run_with_secrets.id, "--yes", cwd=seeded.path)
    assert answer.code == 0, answer.err
    assert "sk-of-word-4" in answer.out
    assert_hidden((read_runs(seeded.path)[-1].folder / "record.jsonl").read_text(), "the record")


@pytest.mark.parametrize("is_own", [False, True])
def test_a_variable_that_may_be_secret_is_recorded_only_if_the_user_names_it(
    repo, orglab, monkeypatch, tmp_path, is_own
):
    values = {
        "DB_PASS": "one",
        "MYSQL_PWD": "two",
        "API_KEYS": "three",
        "PRIVATE_KEY_B64": "four",
        "GITHUB_PAT": "five",
    }
    others = {"MAX_TOKENS": "512", "MODEL": "small", "KEYBOARD": "de"}
    for name, value in {**values, **others}.items():
        monkeypatch.setenv(name, value)
    text = f"[run]\nenvironment = {json.dumps([*values, *others])}\n"
    home = tmp_path / "configuration"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    place = home / "orglab/config.toml" if is_own else repo.path / "orglab.toml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "One", "-s", "one")
    orglab("run", "1.1", "--", "true")
    (run,) = json.loads(orglab("runs", "--json", "--full").out)["runs"]
    assert run["environment"] == {**(values if is_own else dict.fromkeys(values, "***")), **others}
