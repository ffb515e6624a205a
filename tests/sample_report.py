"""A report with all kinds of blocks, inline elements and charts, and hostile text in each."""

import math
import struct
import zlib
from datetime import UTC, date, datetime, timedelta

from orglab.report import blocks as b
from orglab.report.chart_model import MetricHistory, StepResult, StepResults, Timeline, TimelineRow
from orglab.report.content.bands import make_series
from orglab.report.content.org_blocks import read_org
from orglab.report.content.org_inlines import TextContext
from orglab.runs.statistics import compare

HOSTILE = "<script>alert(1)</script> & \"quotes\" 'too' \\ ` $x$ #set *a* _b_ [c](d) | ~e~ @f {g} @@html:<b>@@ \x07\x1b[31m\u202e"
ORG = r"""
The /new/ *schedule* with =warmup= beats ~constant~, see [e201.1] and [[id:202][the one before]].  Loss falls
by x^2 and a_{ij}, \alpha \to 0, val_loss stays a name.  Formula $L(\theta) = \frac{1}{n} \sum_i \ell_i$ and
one that no one knows $\foo{x}$.[fn:1]  More[fn:: inline, with *weight*].  日本語の文と emoji 🎉.

#+CAPTION: Loss over *steps*
[[file:plot.png]]

[[file:missing.png]]

#+CAPTION: Results of each step
| Step     |  Loss | Accuracy | Note            |
|----------+-------+----------+-----------------|
|          |   <r> |      <c> |                 |
| e201.1   | 0.512 |    0.812 | a \vert b       |
| e201.2   | 0.498 |    0.824 | *best*          |
|----------+-------+----------+-----------------|
| mean     | 0.505 |    0.818 |                 |
#+TBLFM: $2=vmean(@2..@3)

1. [X] first, with
   - a bullet
   - another
2. [-] second
3. [ ] third
4. [@7] seventh


- learning rate :: 3e-4, *cosine*
- batch size :: 64

#+CAPTION: How it was run
#+BEGIN_SRC python
def f(x):
    return x ** 2  # ``` </code><script>
#+END_SRC

#+BEGIN_QUOTE
Plans are nothing; planning is everything.

- said by someone
#+END_QUOTE

#+BEGIN_VERSE
Roses are red
   violets are blue
#+END_VERSE

#+BEGIN_CENTER
in the middle
#+END_CENTER

#+BEGIN_EXPORT html
<script>alert(1)</script>
#+END_EXPORT

\begin{align}
a &= b + c \\
  &= d
\end{align}

$$\unknown{formula}$$

: fixed   width
:   text

Links: https://example.org/a?b=1&c=2, [[https://example.org][a site]], [[javascript:alert(1)][bad]], [[file:code.py]],
[[file:gone.py::12][gone]], [[elisp:(delete-file "x")][del]], @@html:<script>alert(1)</script>@@, {{{macro}}}, doi:10.1000/182
\\
a new line, [2018-06-06 Wed 16:16], +struck+, _under_.

-----

[fn:1] Where the *proof* is: https://example.org/proof
"""


def png(width=60, height=30):
    """Return the bytes of a picture: a slope from blue to orange."""
    rows = b"".join(
        b"\0" + b"".join(bytes((20 + 200 * x // width, 90, 200 - 160 * y // height)) for x in range(width))
        for y in range(height)
    )

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def around(folder):
    """The place of the sample's Org text: a folder with a picture and a file, experiments 201 and 202."""
    (folder / "plot.png").write_bytes(png())
    (folder / "code.py").write_text("pass\n")

    def resolve(name, step):
        if name not in {"201", "202"}:
            return None
        text = f"e{name}" + (f".{step}" if step else "")
        return b.Reference(text, anchor=text, kind="step" if step else "experiment", title="Warmup")

    return TextContext(folder, resolve, prefix="e201")


def timeline(count=7):
    """Return a time line of `count` experiments."""
    statuses = ("supported", "refuted", "inconclusive", "open", "waiting", "canceled", "surprising")
    titles = (
        "ABC in XYZ model",
        "長い題名を持つ実験の記録",
        "A longer warmup helps a large learning rate in low precision",
    )
    rows = []
    for number in range(count):
        status = statuses[number % len(statuses)]
        start = date(2026, 9, 1) + timedelta(days=number * 60 // max(count, 1))
        end = None if status in {"open", "waiting"} else start + timedelta(days=number * 5 % 23)
        rows.append(TimelineRow(f"e{201 + number}", titles[number % 3], start, end, status, f"e{201 + number}"))
    return Timeline(tuple(rows), date(2026, 11, 1))


def history(points=40, seeds=2):
    """Return the history of a metric in two settings of some seeds: one run has a gap, and one diverged."""

    def curve(run, most=points):
        return [
            (step, None if 10 <= step < 13 and run == 0 else 2 * math.exp(-step / 12) + 0.05 * math.sin(step * (run + 2)) + 0.3 + run / 20)
            for step in range(most)
        ]  # fmt: skip

    ended = [*curve(seeds * 2, points // 2), (points // 2, 9.0), (points // 2 + 1, math.nan)]
    return MetricHistory(
        (
            make_series("e201.1", [curve(run) for run in range(seeds)]),
            make_series("e201.2 lr 0.1", [curve(run) for run in range(seeds, seeds * 2)], [ended]),
        ),
        "val_loss",
        "epoch",
    )


def results():
    """The results of four settings: with seeds, with a failed run, a single run, and none that counts."""
    values = {"e201.1": (0.812, 0.808, 0.815), "e201.2": (0.824, 0.831, 0.826), "e201.3": (0.809,), "e201.4": ()}
    titles = ("baseline", "with ABC", "with ABC and a long name: 日本語の文", "with a large learning rate")
    left_out = ((), ("failed",), (), ("diverged", "failed", "failed"))
    changes = [
        compare(dict(enumerate(one)), dict(enumerate(values["e201.1"]))) if one else None for one in values.values()
    ]
    return StepResults(
        tuple(
            StepResult(ref, title, values[ref], ref == "e201.1", ref, reasons, change if ref != "e201.1" else None, ref == "e201.3")
            for ref, title, reasons, change in zip(values, titles, left_out, changes, strict=True)
        ),
        "val_accuracy",
        "higher",
    )  # fmt: skip


def wide_table(columns=14):
    """Return a table that no page of paper is wide enough for."""
    names = (*(f"parameter_{number}" for number in range(columns - 1)), "accuracy")
    row = (*(f"{number}.000{number}" for number in range(columns - 1)), "95.2 ± 0.2")
    cells = tuple(
        tuple((b.Text(word),) for word in words) for words in (("Step", *names), ("e201.1", *row), ("e201.2", *row))
    )
    return b.Table(cells[0], cells[1:], ("left", *("right",) * columns))


def sample(folder):
    """Return the document; `folder` is where its pictures are put."""
    text = b.Text
    return b.Document(
        title="What came of the warmup, & why",
        subtitle="2 to 16 November 2026",
        date="16 November 2026",
        author="Ada Author",
        source="study@65db1eb",
        made=datetime(2026, 11, 16, 15, 41, 22, tzinfo=UTC),
        evidence={"version": 1, "statements": [{"text": "</script><script>alert(1)</script> --> end", "ref": "e201.1"}]},
        blocks=(
            b.List((b.ListItem((b.Paragraph((b.Badge("supported", "good", is_sign=True), b.Text(" Warmup helps "),
                                               b.Small((b.Text("n = 3"),)))),)),), "plain"),
            b.Heading(1, (text("Summary"),), "summary"),
            b.Paragraph((text("Seven experiments were opened and three concluded. "), b.Badge("supported", "good"), text(" "),
                         b.Badge("refuted", "bad"), text(" "), b.Badge("inconclusive", "unsure"), text(" "), b.Badge("INPROGRESS", "active"),
                         text(" "), b.Badge("WAIT", "waiting"), text(" "), b.Badge("CANCELED"), text(" See "),
                         b.Reference("e201.1", anchor="e201.1", kind="step", title="Test XYZ without ABC"), text(", "),
                         b.Reference("83d45cd", "https://example.org/c/83d45cd", kind="commit", title="[e201.1] Results"), text(", "),
                         b.Reference("r7k2", kind="run"), text("."))),
            b.Chart(timeline(), "Experiments from opened to concluded", (text("Open ones are "), b.Emphasis((text("dashed"),)), text("."))),
            b.Heading(1, (text("What was learned"),), "learned"),
            b.Heading(2, (b.Reference("e201", anchor="e201", kind="experiment"), text(" ABC in XYZ model "), b.Badge("supported", "good")), "e201"),
            b.Paragraph((text("Step one."),), "e201.1"),
            b.Paragraph((text("Step two."),), "e201.2"),
            b.Chart(history(), "val_loss of the runs of e201"),
            b.Chart(results(), "val_accuracy of each step"),
            *read_org(ORG, around(folder)),
            b.Heading(2, (text("ABC again"),), "e202"),
            b.Paragraph((text(HOSTILE), b.LineBreak(), b.Code(HOSTILE), b.Link((text(HOSTILE),), 'https://example.org/"><script>'),
                         b.Link((text("not followed"),), "javascript:alert(1)"), b.RawText(HOSTILE, "why not"), b.Math("a<b & c"))),
            b.CodeBlock(HOSTILE + "\n```\n#+END_EXAMPLE\n* heading\n```` more", 'py"><script>'),
            b.Raw(HOSTILE, "why not"),
            b.Paragraph((text("Compared with +0.5, it is +2.7 points (~6 of [1/2], /tmp and a*b) and <5 of $3."), b.Strike((text("no"),)))),
            b.Details((text("Commits of "), b.Strong((text("e201"),))), (
                b.Table(((text("Commit"),), (text("Subject"),)), (((b.Reference("83d45cd"),), (text(HOSTILE),)), ((text("only one cell"),),))),
                b.Rule(),
            )),
            b.Details((text("Appendix: "), b.Code("<the> experiments")), (
                b.Heading(2, (text("Settings"),), "settings"),
                wide_table(),
                b.Details((text("Notes"),), (b.Paragraph((text("The end."),)),)),
                b.Heading(2, (text("Steps"),)),
                b.List(tuple(b.ListItem((b.Paragraph((text(kind),)),), kind) for kind in ("done", "partial", "open"))),
            )),
        ),
    )  # fmt: skip
