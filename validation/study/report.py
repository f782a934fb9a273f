"""Tables of methodology.md, from the analysis.

python -m validation.study.report validation/data/study/analysis.json
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from validation.study.arms import ALL_ARMS
from validation.study.design import BASE, TARGETS

Report = Mapping[str, Any]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _ratio(entry: Mapping[str, Any] | None, *, bare: bool = False) -> str:
    """Ratio with its interval; `>=` and how many runs are missing where some did not arrive."""
    if entry is None:
        return ""
    sign = ">= " if entry["censored"] else ""
    found = f"{sign}{entry['ratio']:.2f}"
    if not bare and entry["count"] > 1:
        found += f" [{entry['low']:.2f}, {entry['high']:.2f}]"
    return found + (f" ({entry['censored']} missing)" if entry["censored"] else "")


def small(report: Report) -> str:
    """Ratios of steps on this study's tasks, with the error of the direction."""
    tasks = [task for task in TARGETS if task in report["tasks"]]
    rows = []
    for arm in ALL_ARMS:
        entries = [report["tasks"][task].get(arm) for task in tasks]
        if arm == BASE or not any(entries):
            continue
        errors = [e["direction_error"] for e in entries if e and e["direction_error"] is not None]
        rows.append(
            [
                arm,
                *(_ratio(e["versus_kfac"] if e else None) for e in entries),
                _ratio(report["over_tasks"][arm]["small"]),
                ", ".join(f"{e:.2g}" for e in errors),
            ]
        )
    return _table(["arm", *tasks, "over tasks", "error of the direction"], rows)


def wide(report: Report) -> str:
    """Ratios of steps on the wide tasks, and over all tasks."""
    tasks = [task for task in report["tasks"] if task not in TARGETS]
    rows = []
    for arm in ALL_ARMS:
        entries = [report["tasks"][task].get(arm) for task in tasks]
        if arm == BASE or not any(entries):
            continue
        errors = [e["direction_error"] for e in entries if e and e["direction_error"] is not None]
        rows.append(
            [
                arm,
                *(_ratio(e["versus_kfac"] if e else None, bare=True) for e in entries),
                _ratio(report["over_tasks"][arm]["all"]),
                ", ".join(f"{e:.2g}" for e in errors),
            ]
        )
    return _table(["arm", *tasks, "over all tasks", "error of the direction"], rows)


def tolerances(report: Report) -> str:
    """Low, value and high of every flaw with the arms they stand on."""
    rows = [
        [
            flaw,
            f"{found['low']:.2g} ({found['low_arm'] or 'none shown'})",
            f"{found['value']:.2g} ({found['value_arm'] or 'none'})",
            f"{found['high']:.2g} ({found['high_arm']}{'' if found['reached'] else ', no cost shown'})",
        ]
        for flaw, found in report["tolerances"].items()
    ]
    return _table(["flaw", "low: no loss shown", "value", "high: a cost shown"], rows)


def tuned(report: Report) -> str:
    """Where the walks ended, and steps at the neighbours below and above."""
    rows = []
    for task, kinds in report["tuned"].items():
        for kind, found in kinds.items():
            around = [
                f"{name} {each['at']:g} ({' / '.join('-' if s is None else f'{s:.0f}' for s in each['steps'])})"
                for name, each in found["around"].items()
            ]
            end = "yes" if found["interior"] else "no"
            rows.append([task, kind, f"{found['steps']:.0f}", ", ".join(around), end, str(found["points"])])
    return _table(["task", "arm", "steps", "optimum (steps one half decade below / above)", "inside", "points"], rows)


def claims(report: Report) -> str:
    """p-values of both claims in the order of their tests; bold where the claim stands."""
    rows = []
    for family, found in report["claims"].items():
        up = [_p(p, i < found["no_loss"]) for i, p in enumerate(found["p_no_loss"].values())]
        down = [_p(p, i < found["cost"]) for i, p in enumerate(found["p_cost"].values())]
        levels = ", ".join(arm.split()[1] for arm in found["p_no_loss"])
        rows.append([f"{family} {levels}", ", ".join(up), ", ".join(reversed(down))])
    return _table(["flaw and levels", "p of no loss", "p of a cost"], rows)


def _p(value: float, stands: bool) -> str:
    text = f"{value:.2g}"
    return f"**{text}**" if stands else text


def practice(report: Report) -> str:
    """Adjusted p-values of the digital comparisons."""
    return _table(["comparison", "adjusted p"], [[name, f"{p:.2g}"] for name, p in report["practice"].items()])


TABLES = (tolerances, small, claims, wide, tuned, practice)


def main() -> None:
    """Print all tables."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("\n\n".join(table(report) for table in TABLES))


if __name__ == "__main__":
    main()
