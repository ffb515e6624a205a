"""Web pages of commits and files at the known forges."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.git.forge import find_forge

HASH = "83d45cd1" * 5


@pytest.mark.parametrize(
    ("remote", "kind", "base"),
    [
        ("git@github.com:ada/study.git", "github", "https://github.com/ada/study"),
        ("https://github.com/ada/study", "github", "https://github.com/ada/study"),
        ("https://github.com/ada/study.git/", "github", "https://github.com/ada/study"),
        ("https://ada:ghp_token@github.com/ada/study.git", "github", "https://github.com/ada/study"),
        ("ssh://git@ssh.github.com:443/ada/study.git", "github", "https://github.com/ada/study"),
        ("git://github.com/ada/study.git", "github", "https://github.com/ada/study"),
        ("git@GitHub.com:ada/study.git", "github", "https://github.com/ada/study"),
        ("git@gitlab.com:lab/nlp/study.git", "gitlab", "https://gitlab.com/lab/nlp/study"),
        ("https://gitlab.example.org:8443/lab/study.git", "gitlab", "https://gitlab.example.org:8443/lab/study"),
        ("ssh://git@gitlab.example.org:2222/lab/study.git", "gitlab", "https://gitlab.example.org/lab/study"),
        ("http://my-gitlab.intern/lab/study", "gitlab", "http://my-gitlab.intern/lab/study"),
        ("git@codeberg.org:ada/study.git", "gitea", "https://codeberg.org/ada/study"),
        ("ssh://forgejo@forgejo.example.org/ada/study", "gitea", "https://forgejo.example.org/ada/study"),
        ("https://gitea.example.org/ada/study.git", "gitea", "https://gitea.example.org/ada/study"),
        ("git@bitbucket.org:ada/study.git", "bitbucket", "https://bitbucket.org/ada/study"),
        ("git@git.sr.ht:~ada/study", "sourcehut", "https://git.sr.ht/~ada/study"),
    ],
)
def test_a_remote_at_a_forge(remote, kind, base):
    found = find_forge(remote)
    assert (found.kind, found.base) == (kind, base)


@pytest.mark.parametrize(
    "remote",
    [
        "", "/srv/git/study.git", "../study", "file:///srv/github.com/study", "git@example.org:ada/study.git",
        "javascript://github.com/ada/study", "ext::sh -c github.com/ada/study", "https://github.com/ada",
        "https://github.com/ada/study?x=1", "https://github.com/../study", "https://github.com/ada/st udy",
        'https://github.com.evil.example/ada"><script>/study', "https://notgithub.com/ada/study",
        "github.com/ada/study", "https://github.com/ada/study/tree/main",
    ],
)  # fmt: skip
def test_no_forge(remote):
    assert find_forge(remote) is None


@pytest.mark.parametrize(
    ("remote", "commit", "file"),
    [
        ("git@github.com:a/b", "/commit/{}", "/blob/{}/log%20%C3%A9.org?plain=1#L7"),
        ("git@gitlab.com:a/b", "/-/commit/{}", "/-/blob/{}/log%20%C3%A9.org?plain=1#L7"),
        ("git@codeberg.org:a/b", "/commit/{}", "/src/commit/{}/log%20%C3%A9.org?display=source#L7"),
        ("git@bitbucket.org:a/b", "/commits/{}", "/src/{}/log%20%C3%A9.org#lines-7"),
        ("git@git.sr.ht:~a/b", "/commit/{}", "/tree/{}/item/log%20%C3%A9.org#L7"),
    ],
)
def test_pages_of_a_forge(remote, commit, file):
    forge = find_forge(remote)
    assert forge.commit_url(HASH) == forge.base + commit.format(HASH)
    assert forge.file_url(HASH, "log é.org", 7) == forge.base + file.format(HASH)
    assert forge.file_url(HASH, "log.org").endswith("log.org")


def test_a_text_that_is_not_a_hash_has_no_page():
    forge = find_forge("git@github.com:a/b")
    assert forge.commit_url("HEAD") == forge.commit_url("../../x") == forge.file_url("main", "log.org") == ""


@given(st.one_of(st.text(), st.from_regex(r"(https?|ssh|javascript)://[^ ]*github\.com[:/][^ ]+")))
def test_every_url_is_a_web_page_for_any_remote(remote):
    forge = find_forge(remote)
    assert forge is None or re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?(/~?[A-Za-z0-9_.+-]+)+", forge.base)
