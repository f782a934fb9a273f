"""Tables and lists of methodology.md, each from the analysis."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from validation.study.arms import ALL_ARMS
from validation.study.claims import shown
from validation.study.design import BASE, MARGIN, REGISTRATIONS, TARGETS

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


def _small(report: Report) -> list[str]:
    return [task for task in TARGETS if task in report["tasks"]]


def _ratios(report: Report, tasks: Sequence[str], over: str, *, bare: bool) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the ratios of steps on some tasks, and of their mean `over` tasks."""
    rows = []
    for arm in ALL_ARMS:
        entries = [report["tasks"][task].get(arm) for task in tasks]
        there = [e for e in entries if e]
        if arm == BASE or not there:
            continue
        errors = [e["direction_error"] for e in there if e["direction_error"] is not None]
        rows.append(
            [
                arm,
                *(_ratio(e["versus_kfac"] if e else None, bare=bare) for e in entries),
                _ratio(report["over_tasks"][arm][over]),
                ", ".join(str(e["versus_kfac"]["count"]) for e in there),
                ", ".join(f"{e:.2g}" for e in errors),
            ]
        )
    name = {"small": "over tasks", "all": "over all tasks"}[over]
    return ["arm", *tasks, name, "seeds", "error of the direction"], rows


def small(report: Report) -> str:
    """This study's tasks, with intervals and the registration of each arm."""
    head, rows = _ratios(report, _small(report), "small", bare=False)
    registered = {arm: each.name for each in REGISTRATIONS for arm in each.arms}
    return _table([*head, "registration"], [[*row, registered[row[0]]] for row in rows])


def wide(report: Report) -> str:
    """The wide tasks, whose seeds are too few for intervals."""
    return _table(*_ratios(report, [task for task in report["tasks"] if task not in TARGETS], "all", bare=True))


def tolerances(report: Report) -> str:
    """Low, value and high of every flaw with the arms they stand on."""
    rows = [
        [
            flaw,
            f"{found['low']:.2g} ({found['low_arm'] or 'none shown'})",
            f"{found['value']:.2g} ({found['value_arm'] or 'none'}{_held(found)})",
            f"{found['high']:.2g} ({found['high_arm']}{'' if found['reached'] else ', no cost shown'})",
        ]
        for flaw, found in report["tolerances"].items()
    ]
    return _table(["flaw", "low: no loss shown", "value", "high: a cost shown"], rows)


def _held(found: Mapping[str, Any]) -> str:
    """Where the range of low and high, and not the arm, sets the value."""
    for end in ("low", "high"):
        if found["value"] == found[end] and found["value_arm"] not in (None, found[f"{end}_arm"]):
            return f", held at {end}"
    return ""


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


def claims(name: str, report: Report) -> str:
    """p-values of both claims in the order of their tests; bold where the claim stands, `-` where no task judges."""
    rows = []
    for flaw, found in report["registrations"][name]["claims"].items():
        on = found["judged_on"]
        up = [_p(p, i < found["no_loss"], on[arm]) for i, (arm, p) in enumerate(found["p_no_loss"].items())]
        down = [_p(p, i < found["cost"], on[arm]) for i, (arm, p) in enumerate(found["p_cost"].items())]
        levels = ", ".join(arm.split()[1] for arm in on)
        rows.append([f"{flaw} {levels}", ", ".join(up), ", ".join(reversed(down)), _unjudged(report, on)])
    return _table(["flaw and levels", "p of no loss", "p of a cost", "not judged"], rows)


def _p(value: float, stands: bool, judged_on: Sequence[str]) -> str:
    if not judged_on:
        return "-"
    return f"**{value:.2g}**" if stands else f"{value:.2g}"


def _unjudged(report: Report, judged_on: Mapping[str, Sequence[str]]) -> str:
    """Tasks that have too few seeds of an arm."""
    found = []
    for arm, on in judged_on.items():
        missing = [task for task in _small(report) if task not in on]
        if missing:
            found.append(f"{arm.split()[1]} on {', '.join(missing)}")
    return "; ".join(found)


def practice(name: str, report: Report) -> str:
    """Adjusted p-values of the digital comparisons that enough seeds judge."""
    found = report["registrations"][name]["practice"]
    rows = [[comparison, f"{p:.2g}"] for comparison, p in found.items()]
    return _table(["comparison", "adjusted p"], rows) if rows else "Too few seeds to judge."


def stands(name: str, report: Report) -> str:
    """What is shown of each flaw in a registration, as a list."""
    found = report["registrations"][name]["claims"]
    harmless, harmful = shown(found, "no_loss"), shown(found, "cost")
    lines = []
    for flaw, each in found.items():
        judged = [arm for arm, on in each["judged_on"].items() if on]
        parts = [
            ("no loss is shown of", [arm for arm in judged if arm in harmless]),
            ("a cost is shown of", [arm for arm in judged if arm in harmful]),
            ("neither of", [arm for arm in judged if arm not in {*harmless, *harmful}]),
        ]
        told = [f"{what} {', '.join(_told(report, arm) for arm in arms)}" for what, arms in parts if arms]
        lines.append(f"* **{flaw}**: {'; '.join(told) or 'too few seeds to judge'}.")
    return "\n".join(lines)


def _told(report: Report, arm: str) -> str:
    """An arm with its ratios and errors over this study's tasks."""
    entries = [report["tasks"][task][arm] for task in _small(report) if arm in report["tasks"][task]]
    bound = ">= " if any(e["versus_kfac"]["censored"] for e in entries) else ""
    errors = [e["direction_error"] for e in entries if e["direction_error"] is not None]
    error = f", error {_span(errors, '.2g')}" if errors else ""
    return f"{arm} (steps {bound}{_span([e['versus_kfac']['ratio'] for e in entries], '.2f')}{error})"


def _span(values: Sequence[float], digits: str) -> str:
    low, high = format(min(values), digits), format(max(values), digits)
    return low if low == high else f"{low} to {high}"


def overlaps(report: Report) -> str:
    """Levels that are shown to cost although no smaller a level is shown to lose nothing, as a list."""
    lines = []
    for flaw, found in report["tolerances"].items():
        for arm in found["costs_within"]:
            entries = {task: report["tasks"][task].get(arm, {}) for task in _small(report)}
            task = min(entries, key=lambda each: entries[each].get("cost", 1.0))
            cost = f"{task} {_ratio(entries[task]['versus_kfac'])}"
            if arm == found["low_arm"]:
                said = f"and to lose less than {MARGIN} on every task: a cost below the margin"
            else:
                said = (
                    f"and the larger {found['low_arm']} to lose less than {MARGIN} on every task: a cost that does not "
                    "grow with the flaw, or a claim that is false"
                )
            lines.append(f"* **{flaw}**: {arm} is shown to cost ({cost}) {said}.")
    return "\n".join(lines) or "* None."


#: By the name between the markers of methodology.md.
TABLES: Final[dict[str, Callable[[Report], str]]] = {
    "tolerances": tolerances,
    "overlaps": overlaps,
    "small": small,
    **{f"claims {each.name}": partial(claims, each.name) for each in REGISTRATIONS},
    "stands second": partial(stands, "second"),
    "wide": wide,
    "tuned": tuned,
    **{f"practice {each.name}": partial(practice, each.name) for each in REGISTRATIONS},
}
