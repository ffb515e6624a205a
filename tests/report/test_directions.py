"""Inside the report: what is said knows no format and no chart; formats and charts know what is said as blocks alone."""

from test_layers import PACKAGE, imports_of

ALLOWED = {
    "brief": {"brief", "content"},
    "content": {"content", "blocks", "chart_model", "characters", "tex"},
    "charts": {"charts", "blocks", "chart_model", "characters"},
    "formats": {"formats", "charts", "blocks", "characters", "tex"},
    "blocks": {"chart_model"},
    "chart_model": set(),
    "characters": set(),
    "tex": {"characters"},
}
# A template is given the report itself, not its blocks.
APART = {"formats/template.py"}


def test_content_formats_and_charts_meet_in_blocks():
    report = PACKAGE / "report"
    wrong = []
    for name, allowed in ALLOWED.items():
        paths = [report / f"{name}.py"] if (report / f"{name}.py").exists() else sorted((report / name).rglob("*.py"))
        assert paths
        for path in paths:
            if path.relative_to(report).as_posix() not in APART:
                targets = {target[1] for target in imports_of(path) if target[0] == "report" and len(target) > 1}
                wrong += [(path.relative_to(report).as_posix(), target) for target in targets - allowed]
    assert wrong == []
