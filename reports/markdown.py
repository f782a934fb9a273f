"""A report as Markdown that fits into a pull request."""

from __future__ import annotations

from costmodel.views.numbers import seconds, speed_with_range
from costmodel.views.table import Table
from costmodel.views.table import markdown as tables_in_markdown
from reports.page import COMPARISON_HEADS, Report, best_analog, comparison_rows, extrapolated


def markdown(report: Report) -> str:
    """Verdict, one table of methods or of projections, what is extrapolated, and the command that makes it again."""
    first = report.first
    if len(report.projections) > 1:
        found = Table(report.title, COMPARISON_HEADS, tuple(comparison_rows(report.projections)))
    else:
        rows = []
        for name, each in first.methods.items():
            judged = first.feasibility.get(name)
            if judged is None or not judged.missing:
                mark = " (cheapest)" if name in {first.best_digital, best_analog(first)} else ""
                reach = judged.reach.value if judged else ""
                rows.append(
                    (name + mark, seconds(each.step_time), speed_with_range(first.speedup[name]["kfac.best"]), reach)
                )
        heads = ("method", "a step", f"against {first.best_digital}", "accurate")
        found = Table(f"{report.title}\n{report.subtitle}", heads, tuple(rows), right=(1, 2))
    beyond = "\n".join(f"- {line}" for line in extrapolated(first))
    return "\n\n".join(
        [
            "## " + tables_in_markdown([found]).split("\n", 1)[0].strip("*\\ "),
            first.verdict(),
            tables_in_markdown([found]),
            f"<details><summary>What is extrapolated or assumed</summary>\n\n{beyond}\n\n</details>",
            f"```sh\n{report.command.replace('--out DIR', '--format markdown')}\n```",
        ]
    )
