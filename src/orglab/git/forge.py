"""Web pages of commits and files at the known forges, from the address of a git remote; nothing is asked of the net."""

import re
from typing import NamedTuple
from urllib.parse import quote

_URL = re.compile(
    r"(?P<scheme>https?|ssh|git|git\+ssh|ssh\+git)://(?:[^/@\s]*@)?(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?/(?P<path>[^\s?#]+)"
)
# What scp and git read as host and path: no scheme, a colon, and no slash before it.
_SCP = re.compile(r"(?:[^/@\s:]+@)?(?P<host>[A-Za-z0-9.-]+):(?!//)(?P<path>[^\s?#]+)")
_HASH = re.compile(r"[0-9a-f]{7,64}")
_PART = re.compile(r"~?[A-Za-z0-9_.+-]+")
# Over ssh these have another name than on the web.
_WEB_NAMES = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}

# Where the page of a commit and that of a file is; a file's line is named so.
_PAGES = {
    "github": ("commit/{}", "blob/{}/{}", "?plain=1#L{}"),
    "gitlab": ("-/commit/{}", "-/blob/{}/{}", "?plain=1#L{}"),
    "gitea": ("commit/{}", "src/commit/{}/{}", "?display=source#L{}"),
    "bitbucket": ("commits/{}", "src/{}/{}", "#lines-{}"),
    "sourcehut": ("commit/{}", "tree/{}/item/{}", "#L{}"),
}
# A forge of one's own is known by a part of its host's name: gitlab.example.org, git.sr.ht.
_NAMES = {
    "github": "github", "gitlab": "gitlab", "codeberg": "gitea", "gitea": "gitea", "forgejo": "gitea",
    "bitbucket": "bitbucket", "sourcehut": "sourcehut",
}  # fmt: skip


class Forge(NamedTuple):
    """A repository on a forge.

    Attributes:
        kind: `github`, `gitlab`, `gitea` (Codeberg and Forgejo too), `bitbucket` or `sourcehut`.
        base: The address of its page, without a slash behind.
    """

    kind: str
    base: str

    def commit_url(self, commit: str) -> str:
        """Return the address of a commit's page; empty if `commit` is no hash."""
        return f"{self.base}/{_PAGES[self.kind][0].format(commit)}" if _HASH.fullmatch(commit) else ""

    def file_url(self, commit: str, path: str, line: int | None = None) -> str:
        """Return the address of a file's page as it is in a commit; empty if `commit` is no hash.

        Args:
            commit: The hash.
            path: From the top of the repository, with slashes.
            line: The 1-based line to show.
        """
        if not _HASH.fullmatch(commit):
            return ""
        _, page, mark = _PAGES[self.kind]
        # A byte of a file's name that is no UTF-8 is quoted as that byte.
        name = quote(path.encode("utf-8", "surrogateescape"))
        return f"{self.base}/{page.format(commit, name)}" + (mark.format(line) if line is not None else "")


def find_forge(remote: str) -> Forge | None:
    """Return the forge that the address of a remote leads to, or None if it is none that is known.

    Name, password and token in the address are left out; over ssh the port is that of ssh and is left out too.

    Args:
        remote: As `git remote -v` prints it: `git@github.com:ada/study.git`, `https://gitlab.example.org/lab/study`.
    """
    match = _URL.fullmatch(remote) or (None if "://" in remote else _SCP.fullmatch(remote))
    if match is None:
        return None
    found = match.groupdict()
    host = found["host"].lower().rstrip(".")
    host = _WEB_NAMES.get(host, host)
    parts = found["path"].strip("/").removesuffix(".git").split("/")
    kind = _kind_of(host)
    if kind is None or not _is_repository(kind, parts):
        return None
    web = found.get("scheme") in ("http", "https")
    port = f":{found['port']}" if web and found.get("port") else ""
    # A forge that is reached without TLS has no page with it; over ssh nobody knows, and TLS is usual.
    scheme = "http" if found.get("scheme") == "http" else "https"
    return Forge(kind, f"{scheme}://{host}{port}/{'/'.join(parts)}")


def _kind_of(host: str) -> str | None:
    """Return which forge a host is, by the parts of its name."""
    if host == "git.sr.ht":
        return "sourcehut"
    for part in re.split(r"[.-]", host):
        if part in _NAMES:
            return _NAMES[part]
    return None


def _is_repository(kind: str, parts: list[str]) -> bool:
    """Return whether a path names a repository: an owner and a name; groups of groups on GitLab."""
    enough = len(parts) >= 2 if kind == "gitlab" else len(parts) == 2  # noqa: PLR2004 - owner and name
    return enough and all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
