"""Web pages of commits and files on known forges, from the URL of a git remote; the network is not used."""

import re
from typing import NamedTuple
from urllib.parse import quote

_URL = re.compile(
    r"(?P<scheme>https?|ssh|git|git\+ssh|ssh\+git)://(?:[^/@\s]*@)?(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?/(?P<path>[^\s?#]+)"
)
# The scp-like form of git: no scheme, and a colon with no slash before it.
_SCP = re.compile(r"(?:[^/@\s:]+@)?(?P<host>[A-Za-z0-9.-]+):(?!//)(?P<path>[^\s?#]+)")
_HASH = re.compile(r"[0-9a-f]{7,64}")
_PART = re.compile(r"~?[A-Za-z0-9_.+-]+")
# Hosts with different names for ssh and the web.
_WEB_NAMES = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}

# The path of a commit's page, the path of a file's page, and what selects a line of the file.
_PAGES = {
    "github": ("commit/{}", "blob/{}/{}", "?plain=1#L{}"),
    "gitlab": ("-/commit/{}", "-/blob/{}/{}", "?plain=1#L{}"),
    "gitea": ("commit/{}", "src/commit/{}/{}", "?display=source#L{}"),
    "bitbucket": ("commits/{}", "src/{}/{}", "#lines-{}"),
    "sourcehut": ("commit/{}", "tree/{}/item/{}", "#L{}"),
}
# A self-hosted forge is recognized by a part of its host name: gitlab.example.org, git.sr.ht.
_NAMES = {
    "github": "github", "gitlab": "gitlab", "codeberg": "gitea", "gitea": "gitea", "forgejo": "gitea",
    "bitbucket": "bitbucket", "sourcehut": "sourcehut",
}  # fmt: skip


class Forge(NamedTuple):
    """A repository on a forge.

    Attributes:
        kind: `github`, `gitlab`, `gitea` (Codeberg and Forgejo too), `bitbucket` or `sourcehut`.
        base: The URL of its page, without a trailing slash.
    """

    kind: str
    base: str

    def commit_url(self, commit: str) -> str:
        """Return the URL of a commit's page; empty if `commit` is not a hash."""
        return f"{self.base}/{_PAGES[self.kind][0].format(commit)}" if _HASH.fullmatch(commit) else ""

    def file_url(self, commit: str, path: str, line: int | None = None) -> str:
        """Return the URL of a file's page in a commit; empty if `commit` is not a hash.

        Args:
            commit: The hash.
            path: Relative to the top of the repository, with slashes.
            line: The 1-based line to show.
        """
        if not _HASH.fullmatch(commit):
            return ""
        _, page, mark = _PAGES[self.kind]
        # Bytes that are not valid UTF-8 are quoted unchanged.
        name = quote(path.encode("utf-8", "surrogateescape"))
        return f"{self.base}/{page.format(commit, name)}" + (mark.format(line) if line is not None else "")


def find_forge(remote: str) -> Forge | None:
    """Return the forge of a remote's URL, or None if it is not a known one.

    User, password and token are left out, and so is the port of an ssh URL.

    Args:
        remote: As `git remote -v` prints it: `git@github.com:ada/study.git`, `https://gitlab.example.org/lab/study`.
    """
    match = _URL.fullmatch(remote) or (None if "://" in remote else _SCP.fullmatch(remote))
    if match is None:
        return None
    groups = match.groupdict()
    host = groups["host"].lower().rstrip(".")
    host = _WEB_NAMES.get(host, host)
    parts = groups["path"].strip("/").removesuffix(".git").split("/")
    kind = _find_kind(host)
    if kind is None or not _is_repository(kind, parts):
        return None
    is_web = groups.get("scheme") in ("http", "https")
    port = f":{groups['port']}" if is_web and groups.get("port") else ""
    # A forge with an http:// remote may not serve https://; for an ssh remote, https:// is the best guess.
    scheme = "http" if groups.get("scheme") == "http" else "https"
    return Forge(kind, f"{scheme}://{host}{port}/{'/'.join(parts)}")


def _find_kind(host: str) -> str | None:
    """Return the kind of forge that a host runs, by the parts of its name."""
    if host == "git.sr.ht":
        return "sourcehut"
    for part in re.split(r"[.-]", host):
        if part in _NAMES:
            return _NAMES[part]
    return None


def _is_repository(kind: str, parts: list[str]) -> bool:
    """Return whether a path is that of a repository: an owner and a name, with nested groups on GitLab."""
    enough = len(parts) >= 2 if kind == "gitlab" else len(parts) == 2  # noqa: PLR2004 - owner and name
    return enough and all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
