"""The cost of writing a report on many experiments in each format, and of a chart with many points.

    python benchmarks/bench_render.py [EXPERIMENTS]

The column "one experiment" is the floor: the cost of starting typst or pandoc.
"""

import datetime
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import table

ORG = """The *warmup* beats =constant= by 0.8 points, see [e1.1].

- loss $x_1 + 1$ falls
- accuracy rises

| step | loss |
|------+------|
| 1    | 0.51 |
| 2    | 0.49 |
"""
STATUSES = ("supported", "refuted", "inconclusive", "open")


def make_year_report(count: int) -> object:
    """Return a report on a year: a timeline, a section for each experiment, and its steps in the appendix."""
    from orglab.report import blocks as b  # noqa: PLC0415 - each format is measured in its own process
    from orglab.report.chart_model import Timeline, TimelineRow  # noqa: PLC0415
    from orglab.report.content.org_blocks import read_org  # noqa: PLC0415
    from orglab.report.content.org_inlines import TextContext  # noqa: PLC0415

    context = TextContext(Path(), lambda name, _step: b.Reference(f"e{name}", anchor=f"e{name}"))
    blocks: list[b.Block] = [b.Heading(1, (b.Text("What was learned"),))]
    rows = []
    for number in range(count):
        status = STATUSES[number % 4]
        start = datetime.date(2026, 1, 1) + datetime.timedelta(days=number * 365 // count)
        end = None if number % 20 == 3 else start + datetime.timedelta(days=number % 20)
        rows.append(TimelineRow(f"e{number}", "ABC in XYZ model", start, end, status, f"e{number}"))
        head = (b.Reference(f"e{number}", anchor=f"e{number}"), b.Text(" ABC in XYZ model "), b.Badge(status, "good"))
        blocks += [b.Heading(2, head, f"e{number}"), *read_org(ORG, context)]
    blocks.append(b.Heading(1, (b.Text("Appendix"),)))
    names = tuple((b.Text(name),) for name in ("Step", "Commit", "Command", "Duration", "Metric"))
    for number in range(count):
        steps = tuple(
            (
                (b.Reference(f"e{number}.{step}", kind="step"),),
                (b.Reference("83d45cd", "https://example.org/c/83d45cd", kind="commit"),),
                (b.Code("python train.py --lr 3e-4"),),
                (b.Text("3 min"),),
                (b.Text("val_loss 0.512"),),
            )
            for step in (1, 2)
        )
        blocks.append(b.Details((b.Text(f"Steps of e{number}"),), (b.Table(names, steps),)))
    timeline = Timeline(tuple(rows), datetime.date(2026, 12, 31))
    return b.Document("A year", (b.Chart(timeline, "Experiments"), *blocks), evidence={"version": 1})


def measure_inside(what: str, count: int) -> None:
    """Do one task, and print its wall seconds, CPU seconds, output bytes and peak memory."""
    from orglab.report import blocks as b  # noqa: PLC0415

    if what == "chart":
        from orglab.report.chart_model import MetricHistory  # noqa: PLC0415
        from orglab.report.charts import LIGHT, draw_chart  # noqa: PLC0415
        from orglab.report.content.bands import make_series  # noqa: PLC0415

        runs = [[(x, 1 / (x + 1) + n) for x in range(10_000)] for n in range(6)]
        begun, cpu = time.perf_counter(), time.process_time()
        series = tuple(make_series(f"lr {number}", [run]) for number, run in enumerate(runs))
        chart = b.Chart(MetricHistory(series, "loss"), "Loss")
        size = len(draw_chart(chart, LIGHT, "c"))
    else:
        from orglab.report.formats.export import write_document  # noqa: PLC0415

        begun, cpu = time.perf_counter(), time.process_time()
        document = make_year_report(count)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"report{what}"
            write_document(document, path)  # type: ignore[arg-type]
            size = path.stat().st_size
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    print(time.perf_counter() - begun, time.process_time() - cpu, size, memory)


def main(count: int = 1000) -> None:
    """Print the table."""
    rows = [("task", "seconds", "cpu s", "one experiment", "MB", "memory MB")]
    for what in (".html", ".md", ".org", ".pdf", ".docx", "chart"):
        costs = []
        for experiments in (1, count) if what != "chart" else (count,):
            command = (sys.executable, __file__, "--inside", what, str(experiments))
            lines = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)]
            costs.append(min([float(part) for part in line.split()] for line in lines))
        wall, cpu, size, memory = costs[-1]
        rows.append((
            f"{count} experiments {what}" if what != "chart" else "chart of 6 runs of 10,000 points",
            f"{wall:.2f}", f"{cpu:.2f}", f"{costs[0][0]:.2f}", f"{size / 1e6:.2f}", f"{memory:.0f}",
        ))  # fmt: skip
    table(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        measure_inside(sys.argv[2], int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
