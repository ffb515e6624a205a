"""A log, runs and a repository whose every text is hostile, in a real browser: nothing of it runs or leads away."""

from urllib.parse import urldefrag, urlsplit

import pytest

from lab import NAME, orglab

EVIL = "window.ran=1;alert(1)"
TAG = f"<img src=x onerror={EVIL}>"
END = f"</pre></textarea></title></style></script>--><script>{EVIL}</script>"
SVG = f"""\
<svg xmlns="http://www.w3.org/2000/svg" onload="{EVIL}"><script>{EVIL}</script>
<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><script>{EVIL}</script></body></foreignObject>
<a href="javascript:{EVIL}"><circle r="50" fill="red"/></a></svg>"""
PLOT = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{EVIL}"><circle r="50" fill="red" onclick="{EVIL}"/></svg>'
LOG = f"""\
#+TITLE: {TAG}
#+TODO: TODO <b>WAIT</b>(w) | DONE

* TODO [1] {TAG} {END} \" onfocus={EVIL} autofocus x=\" :exp:nlp:
:PROPERTIES:
:ID: 1
:{TAG}: {END}
:ORGLAB_CLAIM: acc > 0.5
:VERDICT: {TAG}
:END:
[[javascript:{EVIL}][a]] [[JaVaScRiPt:{EVIL}][b]] [[data:text/html,{END}][c]] [[vbscript:x][d]] [[file:/etc/passwd][e]]
[[elisp:(shell-command "id")][f]] [[shell:id][g]] [[java\tscript:{EVIL}][h]] [[\x01javascript:{EVIL}][i]] [[//evil.example/x][j]]
[[https://evil.example/"onmouseover="{EVIL}][k]] [[run-..%2f..][l]] [[experiment-e1" onclick="{EVIL}][m]] [[blob:x][n]]
[[file:plot.svg]] [[file:evil.svg]] [[./evil.svg]] [[file:../outside.svg]] [[file:/etc/hostname.png]] [[file:not_really.png]]
<javascript:{EVIL}> <<target"{TAG}>> <<<radio{TAG}>>> {{{{{{evil({TAG})}}}}}} @@html:<script>{EVIL}</script>@@
#+HTML: <script>{EVIL}</script>
#+begin_export html
<script>{EVIL}</script>
#+end_export
#+begin_src html" onload="{EVIL}
{END}
#+end_src
#+begin_example
{END}
#+end_example
#+CAPTION: {TAG}
#+NAME: x" onerror="{EVIL}
#+ATTR_HTML: :onerror {EVIL} :style position:fixed
[[file:evil.svg]]
| {TAG} | {END} |
|-------+-------|
| [[javascript:{EVIL}][x]] | ={END}= |
\\( {END} \\) $$ {TAG} $$ [fn:1] [fn:{TAG}] src_html{{{TAG}}} ={TAG}= ~{END}~
- {TAG} :: {END}
- [ ] {TAG}
[fn:1] {END}
** Experiments [0/1]
- [ ] {TAG} {END} (0123456789abcdef0123456789abcdef01234567)
** Notes
- Note taken on [2026-11-03 Tue 11:00] by {TAG} \\\\
  {END}
** Conclusions
{TAG}
* DONE [2] {END} :exp:
:PROPERTIES:
:ID: 2
:VERDICT: {END}
:CUSTOM_ID: "><script>{EVIL}</script>
:END:
** Conclusions
{END}
* TODO [3] \u202egnp.txt\u202c :exp:
:PROPERTIES:
:ID: 3"><script>{EVIL}</script>
:END:
"""
JOURNAL = f"* [2026-11-03 Tue] {TAG}\n** {END}\n[[javascript:{EVIL}][x]] {TAG}\n"
SCRIPT = f"""
import json, os, sys
print({END!r}, {TAG!r}, "\\x1b]8;;javascript:alert(1)\\x07x\\x1b]8;;\\x07")
print("metric acc=0.7")
"""
FIND_EVIL = """
const found = [];
if (window.ran) found.push("a script of the log has run");
for (const one of document.querySelectorAll("*")) {
  for (const {name, value} of one.attributes) {
    if (name.startsWith("on") || name === "srcdoc") found.push(`${one.localName} has ${name}=${value}`);
    if (["href", "src", "action", "formaction", "xlink:href", "data"].includes(name)) {
      const {protocol, origin} = new URL(value, document.baseURI);
      const isOwn = origin === location.origin || (one.localName === "img" && protocol === "data:");
      if (!isOwn && !(one.localName === "a" && /^(https?|mailto):$/.test(protocol))) found.push(`${one.localName} ${name}=${value}`);
    }
  }
  if (one.localName === "script" && !one.src && one.type !== "application/json") found.push(one.outerHTML);
  if (["iframe", "object", "embed", "base", "style"].includes(one.localName)) found.push(one.outerHTML);
}
if (document.querySelector("meta[http-equiv]")) found.push("meta");
return found;
"""


@pytest.fixture
def server(repo, serve):
    files = {
        NAME: LOG,
        "experiment_journal.org": JOURNAL,
        "evil.svg": SVG,
        "plot.svg": PLOT,
        "not_really.png": SVG,
        "train.py": SCRIPT,
    }
    repo.commit("log", files)
    repo.commit(f"[e1.1] {TAG} {END}")
    repo.git("remote", "add", "origin", f'https://github.com/x/y"onmouseover="{EVIL}')
    repo.write(f"a'{TAG.replace('/', '')}.txt", "x")
    (repo.path.parent / "outside.svg").write_text(SVG)
    for name in ("rate", TAG.replace("=", "")):
        command = ("python3", "train.py", f"--{name}={END}", TAG)
        done = orglab("run", "1.1", "--stdout-metrics", "-m", f"{TAG} {END}", "--", *command, cwd=repo.path)
        assert done.code == 0, done
    return serve(repo.path)


def find_links(browser):
    """Return the pages of the server that the page leads to."""
    links = browser.run("return [...document.querySelectorAll('a[href]')].map((one) => one.href)")
    origin = browser.run("return location.origin")
    return {urldefrag(link).url for link in links if f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" == origin}


def test_nothing_in_the_log_runs_and_every_link_leads_to_a_page(server, browser):
    first = ("", "search?q=alert", "tried?q=alert", "?match=((")
    seen, waiting, missing = set(), {server.url(path) for path in first}, set()
    while waiting:
        address = waiting.pop()
        seen.add(address)
        browser.open(server, address.removeprefix(server.url()))
        assert browser.run(FIND_EVIL) == [], address
        if browser.run("return document.querySelector('h1').textContent") == "Not shown":
            missing.add(address)
            browser.take_errors()
        assert browser.take_errors() == [], address
        waiting |= {link for link in find_links(browser) if "/report." not in link} - seen
    assert missing == set()
    assert sum("/run-" in address for address in seen) == 2
    assert {urlsplit(address).path for address in seen} >= {
        "/",
        "/experiment-e1",
        "/experiment-e2",
        "/journal",
        "/report",
    }


def test_a_picture_that_is_opened_by_itself_runs_nothing(server, browser):
    browser.open(server, "experiment-e1")
    pictures = browser.run("return [...document.querySelectorAll('main img')].map((one) => one.src)")
    assert len(pictures) == 1
    browser.open(server, pictures[0].removeprefix(server.url()))
    assert browser.run("return document.documentElement.localName + (window.ran ?? '')") == "svg"
    assert all("sandboxed" in error for error in browser.take_errors())


def test_what_is_in_the_address_runs_nothing(server, browser):
    for path in (
        "?match={}",
        "?tag={}",
        "?since={}",
        "?by={}",
        "?sort={}",
        "search?q={}",
        "tried?q={}",
        "tried?tag={}",
        "report?since={}",
        "report?what={}",
    ):
        browser.open(
            server,
            path.format(
                "%22%3E%3C/script%3E%3Cscript%3Ewindow.ran=1%3C/script%3E%3Cimg%20src=x%20onerror=window.ran=1%3E"
            ),
        )
        assert browser.run(FIND_EVIL) == [], path
        assert browser.take_errors() == [], path
