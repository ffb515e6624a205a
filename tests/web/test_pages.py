"""What the pages show: the same as the log has, and the same as the command line says."""

import json
import re
import zipfile
from io import BytesIO

import pytest

from lab import orglab
from orglab.api import open_log
from orglab.errors import NotFoundError, UsageError
from orglab.web.pages.report_page import write_report_file
from web.pages import open_site, see

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
LOG = r"""#+TITLE: Digits
* INPROGRESS [1] Wider networks :exp:nets:
:PROPERTIES:
:ID: 1
:CLAIM: acc > +0.01
:END:
:LOGBOOK:
- State "INPROGRESS" from "TODO" [2026-01-03 Sat 10:00]
:END:
[2026-01-02 Fri 09:00]
- Twice the width gives a point, as in [e2].
| width | acc |
|-------+-----|
|    64 | 0.9 |
A paragraph after the table, with \(x^2\), ~code~ and [[https://example.org/][a link]].[fn:1]

[fn:1] The footnote.
** Notes
- [2026-01-04 Sun 11:00] (by: claude) The first note
- [2026-01-05 Mon 12:00] The last note, see [e2.1]
** INPROGRESS Experiments [1/3]
Before the list.
1. [X] Baseline
   - [2026-01-04 Sun 10:30] A note on the baseline
     #+begin_src python
     print("in a step")
     #+end_src
2. [-] Twice the width
3. [ ] Four times
After the list.
** Figures
[[file:plot.png]]
[[file:../outside.png]]
* DONE [2] Dropout hurts :exp:reg:
CLOSED: [2026-01-10 Sat 10:00]
:PROPERTIES:
:ID: 2
:END:
[2026-01-01 Thu 09:00]
- Does dropout help?
** DONE Experiments
1. [X] With it
** DONE Conclusions
CLOSED: [2026-01-10 Sat 10:00]
:PROPERTIES:
:VERDICT: refuted
:END:
[2026-01-10 Sat 10:00] refuted
It costs two points. The rest is detail.
* DONE [3] Warmup :exp:
CLOSED: [2026-01-12 Mon 10:00]
[2026-01-01 Thu 09:30]
** DONE Conclusions
CLOSED: [2026-01-12 Mon 10:00]
It helps a little.
* WAIT [4] Larger data :exp:
:LOGBOOK:
- State "WAIT" from "INPROGRESS" [2026-01-06 Tue 08:00] \\
  the disk is full
:END:
[2026-01-05 Mon 08:00]
* TODO [5] שלום and 学習率 :exp:
[2026-01-07 Wed 08:00]
"""
JOURNAL = """\
* 2026
** 2026-01 January
*** 2026-01-05 Monday
**** First thought
[2026-01-05 Mon 09:00]
About [e1.2] and *strong* words.
*** 2026-01-06 Tuesday
**** Later thought
[2026-01-06 Tue 09:00]
"""


@pytest.fixture
def site(repo):
    repo.write("experiment_log.org", LOG)
    repo.write("journal.org", JOURNAL)
    repo.write("plot.png", PNG)
    repo.commit("[e1.1] Baseline of the widths")
    return open_site(repo.path)


def test_the_overview_shows_what_happens(site):
    page = see(site, "")
    begin, _, rest = page.text.partition("In progress")
    assert "5 experiments: " in begin
    doing, _, rest = rest.partition("Blocked")
    blocked, _, rest = rest.partition("Concluded lately")
    assert "e1 Wider networks" in doing
    assert [step for step in ("Baseline", "Twice the width", "Four times") if step in doing] == [
        "Twice the width", "Four times",
    ]  # fmt: skip
    assert "Last note, 2026-01-05 12:00: The last note, see [e2.1]" in doing
    assert "e4 Larger data WAIT Since 2026-01-06: the disk is full" in blocked
    # The newest conclusion comes first, each with its first sentence.
    assert rest.index("Warmup") < rest.index("Dropout hurts")
    assert "Dropout hurts refuted It costs two points. 2026-01-10" in rest
    assert "The rest is detail" not in rest.partition("Experiments")[0]


def test_the_list_has_each_date_once_and_counts_what_has_no_state(repo):
    repo.write("experiment_log.org", "* [2018-05-02 Wed] Warm start :exp:\n:PROPERTIES:\n:ID: 1\n:END:\n")
    page = see(open_site(repo.path), "").text
    assert "1 experiment: 1 without a state" in page
    assert page.count("2018-05-02") == 1


@pytest.mark.parametrize(
    "query",
    [
        "kind=doing",
        "tag=reg",
        "since=2026-01-05",
        "match=reg",
        "sort=title",
        "sort=-id",
        "by=claude",
        "kind=done&tag=exp",
    ],
)
def test_the_list_is_filtered_as_on_the_command_line(site, query):
    asked = dict(part.split("=") for part in query.split("&"))
    given = {name: asked[name] for name in ("match", "since", "sort", "by") if name in asked}
    lists = {"kinds": [asked["kind"]] if "kind" in asked else [], "tags": [asked["tag"]] if "tag" in asked else []}
    wanted = [one.ref for one in open_log(start=site.read().top).list_experiments(**given, **lists).experiments]
    rows = see(site, f"?{query}").html.partition('<table class="list">')[2]
    refs = re.findall(r'<td><a class="ref experiment"[^>]*>(e\w+)</a>', rows)
    assert refs == (wanted if "sort" in asked else wanted[::-1])


def test_a_filter_that_is_not_understood_is_told(site):
    assert "Unknown sort key 'size'" in see(site, "?sort=size").text


def test_an_experiment_is_shown_whole_and_as_org_means_it(site):
    page = see(site, "experiment-e1")
    words = LOG.partition("* DONE [2]")[0]
    words = re.sub(r":\w+:|#\+\S+( python)?|\[fn:1\]|\[\[[^\]]*\]\[|[^\w\s]", " ", words.partition(":END:\n[")[2])
    left_out = {"file", "plot", "png", "outside", "x", "Sat", "Sun", "Mon", "Fri", "by", "1", "X"}
    assert set(words.split()) - left_out <= set(re.findall(r"\w+", page.text))
    assert "<table>" in page.html
    assert "<math" in page.html
    assert '<code class="language-python">' in page.html
    assert '<a href="https://example.org/">a link</a>' in page.html
    assert "CLAIM acc &gt; +0.01" in page.text.replace(">", "&gt;")
    # References lead on, to the experiment or to its step.
    assert {"experiment-e2", "experiment-e2#step-1"} <= set(page.links)
    # The steps in their order, each with its own notes.
    order = ["Before the list", "Baseline", "A note on the baseline", "in a step", "e1.2 Twice", "After the list"]
    assert [page.text.index(part) for part in order] == sorted(page.text.index(part) for part in order)


def test_why_an_experiment_waits_and_nothing_of_what_org_keeps_for_itself(site):
    assert "WAIT since 2026-01-06: the disk is full" in see(site, "experiment-e4").text
    for hidden in ("CLOSED:", ":VERDICT:", ":PROPERTIES:", "LOGBOOK", "CLAIM:"):
        assert hidden not in see(site, "experiment-e2").text + see(site, "experiment-e1").text


def test_a_picture_of_the_repository_is_shown_by_its_content_and_no_other(site, repo):
    (repo.path.parent / "outside.png").write_bytes(PNG)
    page = see(site, "experiment-e1")
    (address,) = [link for link in page.links if link.startswith("pictures/")]
    assert site.pictures.find(address.partition("/")[2]).content == PNG
    assert "outside the repository" in page.text
    assert site.pictures.find("../plot.png") is None


def test_commits_and_times_in_texts(site, repo):
    full = repo.git("rev-parse", "HEAD")
    text = (repo.path / "experiment_log.org").read_text().replace("1. [X] Baseline", f"1. [X] Baseline ({full[:7]})")
    repo.write("experiment_log.org", text)
    page = see(site, "experiment-e1")
    assert 'title="[e1.1] Baseline of the widths"' in page.html
    assert '<time class="stamp" datetime="2026-01-04T10:30">2026-01-04 10:30</time>' in page.html
    # Without a forge there is no page to link to; with one there is, once the commit is there.
    assert f">{full[:7]}</span>" in page.html
    repo.git("remote", "add", "origin", "https://github.com/ada/digits.git")
    assert f'href="https://github.com/ada/digits/commit/{full}"' in see(open_site(repo.path), "experiment-e1").html


def test_unknown_and_doubtful_experiments(site, repo):
    with pytest.raises(NotFoundError):
        see(site, "experiment-e77")
    repo.write("experiment_log.org", LOG + "* TODO [1] Again :exp:\n")
    with pytest.raises(UsageError, match="Two experiments have the id 1"):
        see(site, "experiment-e1")
    assert "Wider networks" in see(site, "").text


def test_the_history_has_the_events_of_the_command_line(site):
    page = see(site, "history-e1")
    events = open_log(start=site.read().top).history("1").events
    assert page.html.count("<tr>") == 1 + len(events)
    assert "2026-01-03 10:00 state e1 TODO -> INPROGRESS" in page.text


def test_a_search_shows_each_hit_in_its_line(site):
    page = see(site, "search?q=points")
    assert "<mark>points</mark>" in page.html
    assert "e2 Dropout hurts refuted" in page.text
    assert "2 hits" in page.text
    assert "[e1.1] <mark>Baseline</mark> of the widths" in see(site, "search?q=baseline").html
    assert "Later <mark>thought</mark>" in see(site, "search?q=thought").html
    assert "is not a date" in see(site, "search?q=since:never+x").text
    # A commit leads to the step that it names, and the short id of a run to the run.
    assert "experiment-e1#step-1" in see(site, "search?q=baseline").links
    assert orglab("run", "e1.2", "--", "true", cwd=site.read().top).code == 0
    run = open_log(start=site.read().top).runs()[0]
    page = see(site, f"search?q={run.id[-6:]}")
    assert f"{run.id} is a run of e1.2." in page.text


def test_what_was_tried(site):
    assert "Dropout hurts refuted" in see(site, "tried").text
    found = see(site, "tried?q=dropout").text
    assert "e2 Dropout hurts refuted" in found
    assert "It costs two points." in found
    assert "No similar experiment found." in see(site, "tried?q=quantum+annealing").text
    assert "e2 Dropout hurts" in see(site, "tried-before?title=Does+dropout+hurt").text
    assert see(site, "tried-before?title=ab").text == ""


def test_the_page_is_as_sure_as_the_command(site):
    folder = site.read().top
    for words, is_sure in (("Dropout hurts", True), ("A penalty that costs points", False)):
        closest = json.loads(orglab("tried", words, "--json", cwd=folder).out)["experiments"]
        assert (closest[0]["ref"], closest[0]["is_sure"]) == ("e2", is_sure)
        page = see(site, f"tried?q={words.replace(' ', '+')}").text
        assert page.index("Closest experiments") < page.index("e2 Dropout hurts")
        assert page.count("surely the same idea") == sum(one["is_sure"] for one in closest)
        before = see(site, f"tried-before?title={words.replace(' ', '+')}").text
        assert before.count("surely the same idea") == before.count("It costs two points.") == is_sure


def test_the_journal_begins_with_the_newest_day(site):
    page = see(site, "journal")
    assert page.text.index("Later thought") < page.text.index("First thought")
    assert "<strong>strong</strong>" in page.html
    assert "experiment-e1#step-2" in page.links


def test_a_report_of_any_period_and_its_files(site, repo):
    page = see(site, "report?since=2026-01-01&until=2026-01-31")
    assert "It costs two points." in page.text
    assert "experiment-e2" in page.links
    assert "Nothing happened in this period." in see(site, "report?since=2025-01-01&until=2025-01-31").text
    assert "is not a date" in see(site, "report?since=whenever").text
    kept = {path.name for path in repo.path.glob(".git/orglab/*")}
    begins = {".html": b"<!DOCTYPE html>", ".pdf": b"%PDF", ".docx": b"PK", ".md": b"# ", ".org": b"#+"}
    for extension, begin in begins.items():
        view = site.view({"since": ["2026-01-01"], "until": ["2026-01-31"]})
        name, content = write_report_file(view, extension)
        if name.endswith(".zip"):
            with zipfile.ZipFile(BytesIO(content)) as archive:
                content = archive.read(f"report{extension}")
        assert content.startswith(begin), name
    # Looking at a report is not writing one: the next report begins where it would have.
    assert {path.name for path in repo.path.glob(".git/orglab/*")} == kept
    with pytest.raises(UsageError, match="Unknown report format"):
        write_report_file(site.view({}), ".exe")


def test_other_scripts_have_the_direction_of_their_own(site):
    html = see(site, "").html
    assert re.search(r'<td dir="auto">[^<]*שלום and 学習率', html)


def test_without_git_and_without_runs_all_pages_are_shown(tmp_path):
    (tmp_path / "experiment_log.org").write_text(LOG)
    plain = open_site(tmp_path)
    for address in ("", "experiment-e1", "history-e1", "search?q=points", "tried", "journal", "report?since=1y", "new"):
        assert see(plain, address).text
    assert "has no entries" in see(plain, "journal").text


def test_steps_and_a_conclusion_elsewhere_than_in_the_template(tmp_path):
    path = tmp_path / "experiment_log.org"
    drawer = ":PROPERTIES:\n:ID: 1\n:STEPS_IN: .\n:CONCLUSION_IN: Findings\n:END:\n"
    path.write_text(f"* A :exp:\n{drawer}The goal.\n- [X] one\n- [ ] two\n** Findings\nYes.\n")
    page = see(open_site(tmp_path), "experiment-e1").text
    # Once, as steps that can be ticked, and not in the text as well.
    assert page.count("two") == 1
    assert "The goal." in page
    assert "STEPS_IN" not in page


def test_an_empty_log(tmp_path):
    (tmp_path / "experiment_log.org").write_text("")
    empty = open_site(tmp_path)
    assert "No experiment is in progress." in see(empty, "").text
    assert "0 experiments" in see(empty, "").text


def test_pages_have_forms_only_if_they_may_write(site, repo):
    assert any(link.startswith("write-") for link in see(site, "experiment-e1").links)
    reading = open_site(repo.path, may_write=False)
    for address in ("", "experiment-e1", "journal"):
        assert not [link for link in see(reading, address).links if link.startswith("write-")]
    with pytest.raises(UsageError, match="--read-only"):
        see(reading, "new")
