"""Reports: what is said of which facts, that it is counted rightly, written, remembered and checked again."""

import base64
import datetime
import importlib.util
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from orglab.api import open_log
from orglab.cli.main import run as orglab
from orglab.errors import NotFoundError, UsageError
from orglab.report.formats.evidence_block import pack, read_evidence
from orglab.report.last_report import read_last
from orglab.report.progress_report import check_report, make_report
from orglab.report.report_options import ReportOptions, split_arguments
from sample_report import png

NOW = datetime.datetime(2026, 11, 20, 12, 0)  # noqa: DTZ001 - the log holds local times
PNG = png()
SINCE = ReportOptions(since="2026-11-08")
LOG = """\
#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d) CANCELED(c@)
* DONE [201] ABC in XYZ model [100%]   :exp:
  CLOSED: [2026-11-14 Sat 16:16]
  :PROPERTIES:
  :ID:       201
  :END:
  :LOGBOOK:
  - State "DONE" from "INPROGRESS" [2026-11-14 Sat 16:16]
  :END:
  [2026-11-09 Mon 16:16]
- Test if adding ABC to XYZ improves results. See [[id:199]].
** Notes
- [2026-11-11 Wed 10:00] Seed 2 is *slower*.
** DONE Experiments [2/2]
1. [X] Test XYZ without ABC (HASH1)
2. [X] Test XYZ with ABC (HASH2)
** DONE Conclusions
   CLOSED: [2026-11-14 Sat 16:16]
   :PROPERTIES:
   :VERDICT: supported
   :END:
ABC raises acc by two points.
* WAIT [202] Larger batches [50%]   :exp:nlp:
  :PROPERTIES:
  :ID:       202
  :END:
  :LOGBOOK:
  - State "WAIT" from "INPROGRESS" [2026-11-15 Sun 09:00] \\\\
    The GPU node is down.
  - State "INPROGRESS" from "DONE" [2026-11-12 Thu 09:00]
  :END:
  [2026-10-09 Fri 16:16]
** TODO Experiments [1/2]
1. [X] Batch 64
   - [2026-11-13 Fri 11:00] done, and slower
2. [ ] Batch 128 <script>alert(1)</script>
** TODO Conclusions
* CANCELED [203] Distillation   :exp:
  CLOSED: [2026-11-16 Mon 10:00]
  :PROPERTIES:
  :ID:       203
  :END:
  :LOGBOOK:
  - State "CANCELED" from "TODO" [2026-11-16 Mon 10:00] \\\\
    The teacher does not fit into memory.
  :END:
  [2026-11-10 Tue 16:16]
* TODO [204] Warmup   :exp:
  :PROPERTIES:
  :ID:       204
  :END:
  [2026-11-17 Tue 16:16]
* DONE [199] ABC is useless  :exp:
  CLOSED: [2026-09-16 Wed 10:00]
  :PROPERTIES:
  :ID:       199
  :VERDICT:  refuted
  :END:
  [2026-09-10 Thu 16:16]
"""


def record(name, ref, argv, seconds=600.0, code=0, **more):
    """Write the record of a run, as `orglab run` does."""
    folder = Path(".git/orglab/runs") / name
    folder.mkdir(parents=True, exist_ok=True)
    began = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:00+00:00"
    lines = (
        {"event": "began", "ref": ref, "argv": argv, "began": began, "host": "elsewhere"},
        {"event": "ended", "seconds": seconds, "exit_code": code, **more},
    )
    (folder / "record.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "record.jsonl"


@pytest.fixture
def study(repo):
    """A repository with a log in which something of each kind happened, and runs."""
    hashes = []
    for day, message in ((10, "[e201.1] Results: baseline"), (12, "[e201.2] Results with ABC")):
        repo.now = datetime.datetime(2026, 11, day, 12, 0, tzinfo=datetime.UTC)
        hashes.append(repo.commit(message)[:7])
    repo.now = datetime.datetime(2026, 11, 17, 12, 0, tzinfo=datetime.UTC)
    repo.commit("log", {"experiment_log.org": LOG.replace("HASH1", hashes[0]).replace("HASH2", hashes[1])})
    for seed, (old, new) in enumerate([(0.9119999999, 0.931), (0.908, 0.929), (0.915, 0.9337)]):
        argv = ["python", "train.py", "--seed", str(seed)]
        record(
            f"20261110-10{seed:02}00-aa{seed:02}", "e201.1", argv, metrics={"acc": old, "loss": 0.3}, seeds=[str(seed)]
        )
        record(
            f"20261112-10{seed:02}00-bb{seed:02}", "e201.2", [*argv, "--abc"], metrics={"acc": new}, seeds=[str(seed)]
        )
    record("20261113-090000-cc00", "e202.1", ["make", "train"], 12, code=2)
    record("20261113-091000-cc01", "e202.1", ["make", "train"], 18000, code=None, signal="SIGKILL")
    return repo


def said(request=SINCE):
    """What the report says, part by part, as plain text."""
    report = make_report(open_log(), request, NOW)
    short = report.short
    parts = {"lead": short.lead, "needed": short.needed, "risks": short.risks, "remarks": short.remarks}
    found = {name: [one.text for one in statements] for name, statements in parts.items() if statements}
    for name, items in {"conclusions": short.conclusions, **report.sections}.items():
        found[name] = [(item.ref, [one.text or one.source for one in item.statements]) for item in items]
    return found


@pytest.mark.usefixtures("study")
def test_what_is_said_of_each_kind_of_fact():
    assert said() == {
        "lead": ["One answer: ● supported; one dropped; one blocked."],
        "conclusions": [
            ("e201", ["ABC raises acc by two points. acc +0.0196 [0.0165, 0.0227], n = 3 [e201.2]"]),
        ],
        "changed": [
            ("e202", ["Opened again on 12 November. [e202]"]),
        ],
        "dropped": [
            ("e203", ["On 16 November: “The teacher does not fit into memory.” [e203]"]),
        ],
        "blocked": [("e202", ["Since 15 November: The GPU node is down. [e202]"])],
        "next": [("e204", ["Not begun. [e204]"])],
        "results": [
            ("e201", [
                "Test if adding ABC to XYZ improves results. See [[id:199]].",
                "Tried before: ABC is useless, refuted. [e199]",
                "Concluded on 14 November; 2 steps done; 6 runs; 2 commits.",
            ]),
        ],
    }  # fmt: skip


@pytest.mark.usefixtures("study")
def test_an_empty_period_is_an_honest_short_report(capfd):
    assert orglab(["report", "--since", "2020-01-01", "--until", "2020-01-31"]) == 0
    out = capfd.readouterr().out
    assert "Nothing was recorded in this period." in out
    assert "## Results" not in out
    assert "Appendix" not in out


@pytest.mark.usefixtures("study")
def test_the_past_is_told_as_it_was():
    """Before it was closed, e201 was in progress; what came later is not told."""
    found = said(ReportOptions(since="2026-11-08", until="2026-11-11"))
    assert found["lead"] == ["One experiment under way; nothing blocked."]
    assert [ref for ref, _ in found["under_way"]] == ["e201"]
    assert not found["conclusions"]


@pytest.mark.usefixtures("study")
def test_it_is_narrowed_by_references_and_match():
    found = said(ReportOptions(["e201", "202"], "nlp", "2026-11-08"))
    assert [name for name, part in found.items() if part] == ["lead", "changed", "blocked"]
    assert {ref for name in ("changed", "blocked") for ref, _ in found[name]} == {"e202"}
    log = open_log()
    assert split_arguments(log, ["201", "[e202.1]", "nlp"]) == (["201", "[e202.1]"], "nlp")
    with pytest.raises(UsageError, match="Only one match string"):
        split_arguments(log, ["nlp", "exp+nlp"])
    with pytest.raises(NotFoundError):
        make_report(log, ReportOptions(["777"]), NOW)


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize("ending", ["md", "org", "html", "pdf", "docx"])
def test_every_format_carries_its_evidence(ending):
    path = Path(f"week.{ending}")
    assert orglab(["report", "--since", "2026-11-08", "-o", str(path)]) == 0
    assert orglab(["report", "--check", str(path)]) == 0
    assert read_evidence(path.read_bytes())["kind"] == "orglab report"
    assert path.read_bytes().count(b"<script>alert") == 0


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda: edit("supported", "refuted"), "the verdict of e201 is now refuted, not supported"),
        (lambda: edit("1. [X] Batch 64", "1. [ ] Batch 64"), "e202.1 is no longer done"),
        (lambda: edit("2. [X] Test XYZ with", "2. [X] Test UVW with"), "the text of e201.2 is now: Test UVW with ABC"),
        (lambda: edit("* DONE [201]", "* TODO [201]"), "the state of e201 is now TODO, not DONE"),
        (lambda: edit("two points", "three points"), "the conclusion of e201 has changed"),
        (lambda: edit("node is down", "node is up"), "a state change of e202 that the report cites was removed or edited"),
        (lambda: edit(":ID:       203", ":ID:       303"), "e203 is no longer in the log"),
        (lambda: subprocess.run(["rm", "-r", ".git/orglab/runs/20261110-100000-aa00"], check=True),
         "the record of run 20261110-100000-aa00 is missing"),
        (lambda: edit("0.931", "0.95", ".git/orglab/runs/20261112-100000-bb00/record.jsonl"),
         "acc of run 20261112-100000-bb00 is now 0.95, not 0.931"),
        (lambda: edit("600.0", "601.0", ".git/orglab/runs/20261112-100000-bb00/record.jsonl"), "is now 601 s, not 600 s"),
        (lambda: lose_commits(),  # noqa: PLW0108 - it stands below
         "is no longer in the repository"),
    ],
)  # fmt: skip
def test_what_no_longer_holds_is_listed(change, line, capfd):
    assert orglab(["report", "--since", "2026-11-08", "-o", "week.md"]) == 0
    capfd.readouterr()
    change()
    assert orglab(["report", "--check", "week.md"]) == 1
    assert line in capfd.readouterr().out


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    "says", [10**400, -(10**4000), float("inf"), float("nan"), "\ud800", None, "x"],
    ids=["400 digits", "4000 digits", "infinite", "NaN", "surrogate", "null", "text"],
)  # fmt: skip
def test_what_a_report_of_somebody_else_says_is_compared_whatever_it_is(says, capfd):
    assert orglab(["report", "--since", "2026-11-08", "-o", "week.md"]) == 0
    evidence = read_evidence(Path("week.md").read_bytes())
    for claim in evidence["claims"]:
        claim[3] = says
    Path("other.md").write_text(pack(evidence))
    capfd.readouterr()
    assert orglab(["report", "--check", "other.md"]) == 1
    said = capfd.readouterr()
    assert "acc of run" in said.out or says is None
    assert "Internal error" not in said.err


def edit(old, new, name="experiment_log.org"):
    path = Path(name)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def conclude_distillation(*runs):
    """Conclude e203, with two steps and runs of them."""
    edit("* CANCELED [203] Distillation   :exp:", "* DONE [203] Distillation   :exp:")
    steps = "** DONE Experiments\n1. [X] One\n2. [X] Two\n** Conclusions\nIt is smaller.\n"
    edit("  [2026-11-10 Tue 16:16]\n", f"  [2026-11-10 Tue 16:16]\n{steps}")
    for minute, (ref, metrics) in enumerate(runs):
        record(f"20261113-12{minute:02}00-dd{minute:02}", ref, ["python", "new.py"], metrics=metrics)


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("runs", "number"),
    [
        # What a script keeps books of is told only where there is nothing else.
        (
            [("e203.1", {"seconds": 10, "seeds": 3, "acc": 0.625}), ("e203.2", {"seconds": 11, "acc": 0.5})],
            "acc \u22120.125, n = 1",
        ),
        ([("e203.1", {"seconds": -1.5}), ("e203.2", {"seconds": -2.5})], "seconds \u22121.0, n = 1"),
        ([("e203.1", {"acc": 0.5}), ("e203.1", {"acc": 0.75})], "acc 0.62 ± 0.18, n = 2"),
        ([("e203.1", {"acc": 0.5}), ("e203.1", {"acc": "NaN"})], "acc 0.5, n = 1 of 2"),
        ([("e203.1", {"acc": "NaN"})], ""),
        ([], ""),
    ],
)
def test_the_number_beside_a_conclusion_says_how_many_runs_it_rests_on(runs, number):
    conclude_distillation(*runs)
    ref = "e203.2" if len(runs) == 2 and runs[1][0] == "e203.2" else "e203.1" if number else "e203"
    line = f"Distillation: It is smaller. {number} [{ref}]" if number else f"Distillation: It is smaller. [{ref}]"
    assert dict(said()["conclusions"])["e203"] == [line]


@pytest.mark.usefixtures("study")
def test_all_numbers_of_a_sentence_tell_which_setting_it_is_about():
    conclude_distillation()
    edit("\nIt is smaller.\n", "\nNo: with lr 0.1, width 16 has a val_loss of 0.34.\n")
    values = [("1", 8, 0.1, 0.15), ("1", 16, 0.1, 0.34), ("1", 8, 0.2, 0.3), ("2", 8, 0.1, 0.14)]
    for minute, (step, width, rate, loss) in enumerate(values):
        command = ["python", "new.py", "--width", str(width), "--lr", str(rate)]
        record(f"20261113-12{minute:02}00-dd{minute:02}", f"e203.{step}", command, metrics={"val_loss": loss})
    (line,) = dict(said()["conclusions"])["e203"]
    assert line.endswith("val_loss of 0.34. val_loss +0.19, n = 1 [e203.1]")


def lose_commits():
    for command in (["checkout", "-q", "--orphan", "new"], ["commit", "-qm", "new"], ["branch", "-qD", "main"],
                    ["reflog", "expire", "--expire=now", "--all"], ["gc", "-q", "--prune=now"]):  # fmt: skip
        subprocess.run(["git", *command], check=True, capture_output=True)


@pytest.mark.usefixtures("study")
def test_the_folder_that_is_written_beside_a_report_is_told(capfd):
    for name, files in (("week.md", "week.md and week.md-files/"), ("week.html", "week.html")):
        assert orglab(["report", "--since", "2026-11-08", "-o", name]) == 0
        assert capfd.readouterr().err.startswith(f"Wrote {files}: ")
        assert Path(f"{name}-files").is_dir() == (files != name)


@pytest.mark.usefixtures("study")
def test_what_happens_later_breaks_no_report():
    assert orglab(["report", "--since", "2026-11-08", "-o", "week.md"]) == 0
    edit("2. [ ] Batch 128", "2. [X] Batch 128")
    edit("\n* TODO [204]", "\n* DONE [204]")
    assert orglab(["report", "--check", "week.md"]) == 0


def test_the_next_report_begins_where_the_last_one_ended(study):
    with pytest.raises(NotFoundError, match="No report of an earlier day"):
        make_report(open_log(), ReportOptions(since="last report"), NOW)
    with pytest.raises(NotFoundError, match="No report has been written"):
        check_report(open_log())
    assert make_report(open_log(), ReportOptions(), NOW).period.since == datetime.datetime(2026, 11, 6)  # noqa: DTZ001
    assert orglab(["report", "--until", "2026-11-10", "-o", "week.md"]) == 0
    midnight = datetime.datetime(2026, 11, 11)  # noqa: DTZ001
    assert make_report(open_log(), ReportOptions(), NOW).period.since == midnight
    # What prints or tells of a part moves nothing.
    assert orglab(["report", "--since", "2026-11-08"]) == 0
    assert orglab(["report", "201", "--since", "2026-11-08", "-o", "part.md"]) == 0
    assert make_report(open_log(), ReportOptions(since="Last Report"), NOW).period.since == midnight
    assert check_report(open_log()).file.endswith("part.md")
    assert not study.git("status", "--porcelain", "--", "experiment_log.org")


def test_the_reports_of_a_day_cover_the_same_period_and_remember_what_was_planned(study, capfd):
    assert orglab(["report", "--until", "2026-11-10", "-o", "old.md"]) == 0
    planned = make_report(open_log(), ReportOptions(until="2026-11-10"), NOW).planned_next
    assert planned
    capfd.readouterr()
    for ending in ("html", "html", "pdf"):
        assert orglab(["report", "-o", f"week.{ending}"]) == 0
    lines = capfd.readouterr().err.splitlines()
    assert [line.partition(": ")[2] for line in lines] == [lines[0].partition(": ")[2]] * 3
    assert lines[0].endswith(" (since the last report)")
    before = read_last(open_log().clone_folder).find_before(NOW)
    assert before.planned == tuple(map(tuple, planned))
    assert not study.git("status", "--porcelain", "--", "experiment_log.org")


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize("ending", ["md", "html"])
def test_a_figure_that_was_changed_in_the_file_is_named(ending, capfd):
    path = Path(f"week.{ending}")
    assert orglab(["report", "--since", "2026-11-08", "-o", str(path)]) == 0
    edit("0.9117", "0.9817", path)
    edit("supported", "refuted")
    capfd.readouterr()
    assert orglab(["report", "--check", str(path)]) == 1
    out, err = capfd.readouterr()
    assert '"0.9817" was "0.9117" when the report was written' in out
    assert "the verdict of e201 is now refuted, not supported" in out
    assert err == f"1 change was made and 1 statement no longer holds in {path}.\n"
    assert orglab(["report", "--check", str(path), "--json"]) == 1
    (change,) = json.loads(capfd.readouterr().out)["changes"]
    assert (change["was"], change["now"]) == ("0.9117", "0.9817")


@pytest.mark.usefixtures("study")
def test_the_facts_of_a_report_whose_file_is_gone_are_still_checked(capfd):
    assert orglab(["report", "--since", "2026-11-08", "-o", "week.md"]) == 0
    Path("week.md").unlink()
    capfd.readouterr()
    assert orglab(["report", "--check"]) == 0
    assert capfd.readouterr().err.endswith("week.md still hold; its text could not be compared.\n")


def test_a_report_that_is_mailed_is_read_again():
    block = pack({"kind": "orglab report", "version": 1, "claims": [], "statements": []})
    quoted = "\r\n".join(f"> > {line}" for line in block.splitlines()).encode()
    assert read_evidence(b"Dear all,\r\n" + quoted)["version"] == 1
    assert "--" not in block
    with pytest.raises(NotFoundError, match="damaged"):
        read_evidence(block.replace("eJ", "eK", 1).encode())
    assert read_evidence(b"%PDF-1.7\nstream\nx\nendstream") is None
    assert read_evidence(b"PK\x03\x04 no zip") is None


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "week.rtf"],
        ["-o", "week"],
        ["-o", "week.txt"],
        ["--since", "soon"],
        ["--since", "today", "--until", "2020"],
    ],
)
def test_wrong_usage_is_a_sentence(arguments, capfd):
    assert orglab(["report", *arguments]) == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_without_git_runs_and_dates(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()  # stops the search above
    Path("experiment_log.org").write_text(
        "* [5] No date, no state\x1b[31m :exp:\n** Experiments\n1. [X] One\n* TODO [6] B :exp:\n"
    )
    found = said(ReportOptions(since="2w"))
    assert found["lead"] == ["Nothing was recorded in this period."]
    assert found["remarks"] == ["One experiment without any date is not counted here."]
    assert orglab(["report"]) == 0
    assert "\x1b" not in capfd.readouterr().out


def test_where_git_refuses_the_report_is_made_of_the_log_and_the_runs(study):
    before = said()
    assert before["results"][0][1][-1] == "Concluded on 14 November; 2 steps done; 6 runs; 2 commits."
    study.write(".git/config", "[core\n")
    assert said() == before


def test_a_log_without_keywords_concludes_by_its_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("experiment_log.org").write_text(
        "* [5] A :exp:\n[2026-11-10 Tue]\n** Conclusions\nCLOSED: [2026-11-12 Thu]\nIt works.\n"
    )
    assert said()["conclusions"] == [("e5", ["A: It works. [e5]"])]
    assert said()["lead"] == ["One answer."]


def test_what_is_closed_without_a_date_is_dated_by_the_commit_of_the_log(repo):
    """A log without `logdone`: the commit that closed it tells when; before it is committed, nobody does."""
    repo.now = datetime.datetime(2026, 11, 12, 12, 0, tzinfo=datetime.UTC)
    text = "* {0} [5] A :exp:\n[2026-11-10 Tue]\n** {0} Conclusions\nIt works.\n"
    repo.commit("begun", {"experiment_log.org": text.format("TODO")})
    repo.write("experiment_log.org", text.format("DONE"))
    assert said()["remarks"] == ["One experiment was begun in this period and closed at an unknown time."]
    assert said()["conclusions"] == [("e5", ["A: It works. [e5]"])]
    assert said(ReportOptions(since="2026-11-11"))["remarks"] == [
        "One experiment closed at an unknown time is not counted here."
    ]
    assert not said(ReportOptions(since="2026-11-11"))["conclusions"]
    repo.commit("closed")
    assert "remarks" not in said()
    assert said()["conclusions"] == [("e5", ["A: It works. [e5]"])]


def test_the_journal_is_told_when_asked_for(study):
    study.write(
        "journal.org",
        "* 2026\n** 2026-11 November\n*** 2026-11-12 Thursday\n**** [[#201][201]] why it explodes :201:\n",
    )
    assert "journal" not in said()
    assert said(ReportOptions(since="2026-11-08", journal=True))["journal"] == [
        ("e201", ["12 November: “why it explodes” [e201]"])
    ]


def test_times_are_local(study, monkeypatch):
    """At 23:30 UTC on the 12th it is the 13th in Auckland."""
    study.now = datetime.datetime(2026, 11, 12, 23, 30, tzinfo=datetime.UTC)
    study.commit("[e202.2] late")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        counts = make_report(open_log(), ReportOptions(since="2026-11-13", until="2026-11-13"), NOW).counts
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
    # The commit, and what was done at noon of the 12th is at one in the morning of the 13th there.
    assert counts["commits"] == 2


def test_citations_lead_to_the_forge(study):
    study.git("remote", "add", "origin", "git@github.com:ada/study.git")
    head = study.git("rev-parse", "HEAD")
    links = make_report(open_log(), SINCE, NOW).wording.links
    assert links.to("e204").url == f"https://github.com/ada/study/blob/{head}/experiment_log.org?plain=1#L48"
    # What the remote is known not to have has no page there.
    study.git("update-ref", "refs/remotes/origin/main", "HEAD~1")
    links = make_report(open_log(), SINCE, NOW).wording.links
    assert links.to("e204").url == ""
    assert links.to("e204").anchor == "e204"
    assert links.to_commit(study.git("rev-parse", "HEAD~2")).url.startswith("https://github.com/ada/study/commit/")


# ---- templates ----


@pytest.mark.usefixtures("study")
def test_a_template_of_the_settings_makes_a_mail():
    Path("orglab.toml").write_text('[report]\ntemplate = "mail/weekly.txt.j2"\n')
    Path("mail").mkdir()
    Path("mail/weekly.txt.j2").write_text(
        "{{ title }}\n{% for item in sections[0]['items'] %}- {{ item.statements[0].text }}\n{% endfor %}{{ evidence }}\n"
    )
    assert orglab(["report", "--since", "2026-11-08", "-o", "week.txt"]) == 0
    assert "- Opened again on 12 November. [e202]\n" in Path("week.txt").read_text()
    assert orglab(["report", "--check", "week.txt"]) == 0
    assert orglab(["report", "-o", "week.html"]) == 0
    assert "<!doctype html>" in Path("week.html").read_text().lower()


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("template", "code", "words"),
    [
        ("{{ ().__class__.__mro__ }}", 2, "unsafe"),
        ("{% include '../secret.txt' %}", 3, "No template"),
        ("{% include 'link.txt' %}", 3, "No template"),
        ("{% for %}", 2, ":1:"),
        ("{{ nothing }}", 2, "'nothing' is undefined"),
        ("{{ 1 / 0 }}", 2, "division"),
    ],
)
def test_a_template_reaches_nothing(template, code, words, capfd):
    Path("secret.txt").write_text("secret")
    folder = Path("templates")
    folder.mkdir()
    (folder / "link.txt").symlink_to(Path("secret.txt").absolute())
    (folder / "t.txt").write_text(template)
    assert orglab(["report", "--template", "templates/t.txt"]) == code
    printed = capfd.readouterr()
    assert words in printed.err
    assert "secret" not in printed.out


@pytest.mark.usefixtures("study")
def test_html_of_a_template_is_escaped(capfd):
    edit("The GPU node is down.", "The <script> is down.")
    Path("t.html").write_text("{{ sections[2]['items'][0].statements[0].text }}")
    assert orglab(["report", "--since", "2026-11-08", "--template", "t.html"]) == 0
    assert "&lt;script&gt;" in capfd.readouterr().out


def test_a_template_of_the_settings_lies_beside_them(repo):
    repo.write("orglab.toml", '[report]\ntemplate = "../../etc/passwd"\n')
    repo.write("experiment_log.org", "* TODO [1] A :exp:\n")
    said = []
    assert open_log(tell=said.append).config.report.template == ""
    assert "same folder or below" in said[0]


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "more than 10 seconds"),
        ("{% for i in range(99999) %}{{ 'x' * 20000 }}{% endfor %}", "more than 50 MB"),
        ("{{ 'x' * 3000000000 }}", "too much memory"),
        ("{{ 'a' | center(3000000000) }}", "too much memory"),
        ("{{ '%3000000000d' % 5 }}", "too much memory"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "nested too deeply"),
        ("{% include 't.txt' %}", "nested too deeply"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deeply"),
        ("{{ " + "-" * 50_000 + "1 }}", "nested too deeply"),
    ],
)
def test_a_template_without_end_is_one_sentence(template, words, capfd):
    Path("t.txt").write_text(template)
    assert orglab(["report", "--template", "t.txt"]) == 2
    told = capfd.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert words in told.err


def test_a_template_of_the_settings_is_not_read_through_a_link_that_leaves_the_repository(repo, tmp_path, capfd):
    repo.write("experiment_log.org", LOG)
    outside = tmp_path.parent / f"{tmp_path.name}-private"
    outside.mkdir()
    (outside / "weekly.txt").write_text("private")
    Path("folder").symlink_to(outside)
    Path("weekly.txt").symlink_to(outside / "weekly.txt")
    for name in ("weekly.txt", "folder/weekly.txt"):
        repo.write("orglab.toml", f'[report]\ntemplate = "{name}"\n')
        assert orglab(["report", "-o", "week.txt"]) == 2
        assert f"{name!r} is ignored" in capfd.readouterr().err
        assert not Path("week.txt").exists()
    assert orglab(["report", "--template", "folder/weekly.txt"]) == 0
    assert capfd.readouterr().out == "private\n"


# ---- counted ----


@pytest.mark.slow
def test_the_counts_of_a_thousand_experiments_are_those_of_another_counter(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location(
        "bench_report", Path(__file__).parents[2] / "benchmarks/bench_report.py"
    )
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    log = bench.make_project(tmp_path, 1000)
    monkeypatch.chdir(tmp_path)
    counts = make_report(open_log(), ReportOptions(since="2018-07-01", until="2018-09-30"), NOW).counts
    assert counts["opened"] > 300
    assert {name: counts[name] for name in ("opened", "concluded", "dropped", "verdicts", "steps_done", "runs",
                                            "runs_failed", "commits")} == count_by_hand(log)  # fmt: skip


def count_by_hand(log):
    """The same from the bytes of the log, `git log` and the records, by regular expressions alone."""
    text = log.read_text()

    def inside(day):
        return "2018-07-01" <= day <= "2018-09-30"

    git = subprocess.run(
        ["git", "log", "--format=%H %ad %s", "--date=format-local:%Y-%m-%d"],
        cwd=log.parent, capture_output=True, check=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    days = {line[:9]: line[41:51] for line in git}
    found = {"opened": 0, "concluded": 0, "dropped": 0, "verdicts": {}, "steps_done": 0}
    for part in re.split(r"(?m)^(?=\* )", text)[1:]:
        found["opened"] += inside(re.search(r"(?m)^  \[(\d{4}-\d\d-\d\d)", part).group(1))
        closed = re.search(r"(?m)^  CLOSED: \[(\d{4}-\d\d-\d\d)", part)
        if closed and inside(closed.group(1)):
            if part.startswith("* CANCELED"):
                found["dropped"] += 1
            else:
                found["concluded"] += 1
                verdict = re.search(r":VERDICT: +(\w+)", part)
                word = verdict.group(1) if verdict else ""
                found["verdicts"][word] = found["verdicts"].get(word, 0) + 1
        found["steps_done"] += sum(inside(days[one]) for one in re.findall(r"(?m)^\d+\. \[X\] .* \((\w{9})\)$", part))
    runs = [path for path in (log.parent / ".git/orglab/runs").glob("*/record.jsonl")
            if inside(f"{path.parent.name[:4]}-{path.parent.name[4:6]}-{path.parent.name[6:8]}")]  # fmt: skip
    return found | {
        "runs": len(runs),
        "runs_failed": sum('"exit_code": 1' in path.read_text() for path in runs),
        "commits": sum(inside(line[41:51]) and "[e" in line for line in git),
    }


@pytest.mark.parametrize("name", ["weekly.html", "weekly.md", "weekly.org"])
def test_a_picture_outside_of_the_repository_is_not_in_the_report(tmp_path, monkeypatch, name):
    (tmp_path / "private.png").write_bytes(PNG)
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    subprocess.run(["git", "init", "-q"], check=True)
    Path("own.png").write_bytes(PNG + b"own")
    Path("link.png").symlink_to("../private.png")
    links = "".join(f"[[file:{path}]]\n\n" for path in ("../private.png", "link.png", "own.png"))
    Path("experiment_log.org").write_text(LOG.replace("ABC raises acc by two points.\n", links))
    log = open_log()
    log.write_report(make_report(log, SINCE, NOW), Path(name))
    written = [path.read_bytes() for path in (Path(name), *Path.cwd().glob("weekly*-files/*")) if path.is_file()]
    count = sum(content.count(base64.b64encode(PNG)[:-8]) + (content.startswith(PNG)) for content in written)
    assert count == 1, "only the picture inside"
    assert Path(name).read_text().count("outside the repository") == 2


def test_a_commit_of_the_log_alone_is_no_work_on_an_experiment(repo):
    """`orglab commit` after `orglab new` names the experiment, which is not begun by that; neither is it by hand."""
    repo.now = datetime.datetime(2026, 11, 12, 12, 0, tzinfo=datetime.UTC)
    text = "* TODO [5] A :exp:\n[2026-11-10 Tue]\n** Experiments\n1. [ ] one\n"
    repo.commit("[e5] log: new, with 1 step", {"experiment_log.org": text})
    repo.commit("wording of [e5]", {"experiment_log.org": text + "2. [ ] two\n"})
    assert said()["lead"] == ["One new experiment, not begun yet."]
    repo.commit("[e5.1] try it", {"a.py": "x"})
    assert said()["lead"] == ["One experiment under way; nothing blocked."]


def test_title_and_author_are_those_of_the_settings_then_of_the_log_then_of_git(repo):
    def head():
        report = make_report(open_log(), SINCE, NOW)
        return report.title.partition(":")[0], report.author

    repo.git("config", "user.name", "Ada Author")
    repo.commit("log", {"experiment_log.org": "* TODO [5] A :exp:\n"})
    assert head() == (repo.path.name, "Ada Author")
    repo.write("experiment_log.org", "#+TITLE: ABC study\n#+AUTHOR: Ada\n* TODO [5] A :exp:\n")
    assert head() == ("ABC study", "Ada")
    repo.write("orglab.toml", '[report]\ntitle = "ABC for the board"\nauthor = "Ada and Ben"\n')
    assert head() == ("ABC for the board", "Ada and Ben")
