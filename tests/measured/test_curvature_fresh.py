"""The shipped law of curvature on networks that had no part in it."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from costmodel.cli import main
from costmodel.curvature.law import Target
from costmodel.curvature.roles import NetworkKind
from costmodel.inputs.curvature_file import FactorRecord, Side, read_curvature
from costmodel.inputs.curvature_law_file import shipped_law
from validation.curvature.law.command import SHIPPED
from validation.curvature.law.fitting import fit_law
from validation.curvature.law.scoring import CONDITION, Errors
from validation.curvature.law.table import NETWORKS, Table, table
from validation.score import command
from validation.score.curvature import FRESH, CurvatureScore, fresh_score, score_of
from validation.score.report import ValidateReport

METHODOLOGY = (FRESH.parent / "methodology.md").read_text(encoding="utf-8")
RECORDS = read_curvature(FRESH)


def test_every_layer_is_there_on_both_sides_at_every_step() -> None:
    found: dict[str, set[tuple[str, int, Side]]] = defaultdict(set)
    last = {}
    for record in RECORDS:
        found[record.network].add((record.layer, record.step, record.side))
        last[record.network] = record.last_step
    for network, factors in found.items():
        layers = {layer for layer, _, _ in factors}
        assert factors == set(product(layers, (0, 30, 150, 500, last[network]), Side)), network
    kinds = {NETWORKS.get(record.kind, NetworkKind.OTHER) for record in RECORDS}
    assert kinds == set(NetworkKind)


def test_no_network_had_a_part_in_the_law() -> None:
    def fingerprint(record: FactorRecord) -> tuple[object, ...]:
        return record.n, record.rows, record.trace, record.eigenvalues

    fitted = read_curvature(SHIPPED)
    assert not {record.network for record in RECORDS} & {record.network for record in fitted}
    assert not {record.data for record in RECORDS} & {record.data for record in fitted}
    assert not set(map(fingerprint, RECORDS)) & set(map(fingerprint, fitted))


def test_the_tables_of_the_methodology_are_the_scores() -> None:
    score = fresh_score()
    assert score is not None
    condition = score.as_dict()["condition_number"]
    section = METHODOLOGY.split("## On networks that had no part in it\n")[1].split("\n## ")[0]
    rows = dict(
        re.findall(r"^\| `?(\w+)`?(?: \|[^|]*){0,1} \| (\d+ \| [\d.]+ \| [\d.]+ \| \d+) % \|$", section, re.MULTILINE)
    )
    wanted = {
        name: "{factors} | {median_ratio:.2f} | {p90_ratio:.1f} | {share:.0f}".format(
            share=100 * each["inside_90"], **each
        )
        for name, each in (condition["by_network"] | condition["by_role"]).items()
    }
    assert rows == wanted


TRIED = METHODOLOGY.split("## What was tried to do better\n")[1].split("\n## ")[0]


def told(keys: Sequence[object], data: Table) -> str:
    """Condition numbers where the mean of mean curvature over layers of one key is told, as a row of the table."""
    law = shipped_law()
    theta = law.targets[Target.MEAN_CURVATURE].logarithm(data.places)
    off = data.logarithms[Target.MEAN_CURVATURE] - theta
    for key in set(keys):
        own = np.array([each == key for each in keys])
        theta[own] += off[own].mean()
    ratios = []
    for side, target in ((Side.A, Target.INPUT_STABLE_RANK), (Side.G, Target.OUTPUT_STABLE_RANK)):
        n = np.array([(layer.A if side is Side.A else layer.G).n for layer in data.layers])
        rank = np.clip(np.exp(law.targets[target].logarithm(data.places)), 1, n)
        measured = np.array([layer.condition_number(side, 1e-3) for layer in data.layers])
        ratios.append(np.abs(np.log((1 + n / rank * np.exp(theta / 2) / np.sqrt(1e-3)) / measured)))
    found = np.exp(np.concatenate(ratios))
    return f"{np.median(found):.2f} | {np.quantile(found, 0.9):.1f} |"


def test_what_an_oracle_leaves() -> None:
    data = table(RECORDS)
    data = data.of([place.network is not NetworkKind.OTHER for place in data.places])
    nets, steps = data.networks, [layer.A.step for layer in data.layers]
    rows = [
        ("one number a network, the mean over layers and stages", nets),
        ("one number for each role of a network", [(a, b.role) for a, b in zip(nets, data.places, strict=True)]),
        (
            "one number for each measured step of a network",
            list(zip(nets, steps, strict=True)),
        ),
        ("every layer's, at every step", range(len(nets))),
    ]
    for name, keys in rows:
        assert f"| {name} | {told(list(keys), data)}" in TRIED, name


@pytest.mark.slow
def test_the_law_of_twenty_networks_scores_as_the_methodology_says() -> None:
    both = table([*read_curvature(SHIPPED), *read_curvature(FRESH.with_name("varied.jsonl"))])
    known = score_of(fit_law(both, "", CONDITION), table(RECORDS)).known
    rows = re.findall(r"^\| (?:`(\w+)`|all six), twenty networks \| (.*) % \|$", TRIED, re.MULTILINE)
    wanted = {
        name: f"{each['factors']} | {each['median_ratio']:.2f} | {each['p90_ratio']:.1f} | {each['inside_90']:.0%}"[:-1]
        for name, each in {"": known.summary(), **known.by(known.networks)}.items()
    }
    assert dict(rows) == wanted


def errors(ratio: float, inside: float, network: str) -> Errors:
    """A hundred factors that are off alike."""
    return Errors(np.full(100, ratio), np.arange(100) < 100 * inside, ("head",) * 100, (network,) * 100)


@pytest.mark.parametrize(
    ("ratio", "inside", "met"),
    [
        (1.9, 0.9, [True, True, True, True]),
        (1.9, 0.5, [True, False, True, False]),
        (1.9, 0.83, [True, False, True, True]),
        (1.9, 0.98, [True, False, True, True]),
        (2.1, 0.9, [False, True, True, True]),
        (3.1, 0.9, [False, True, True, False]),
        (50.0, 0.9, [False, True, True, False]),
    ],
)
def test_a_goal_may_be_missed_and_a_guard_may_not(ratio: float, inside: float, met: list[bool]) -> None:
    checks = CurvatureScore(errors(ratio, inside, "a"), errors(1.0, 1.0, "b")).checks()
    assert [check.passed for check in checks] == met
    assert ValidateReport({}, checks).passed is met[-1]


def test_a_long_tail_misses_the_goal() -> None:
    found = Errors(np.repeat([1.0, 5.1], [85, 15]), np.ones(100), ("head",) * 100, ("a",) * 100)
    first, *_ = CurvatureScore(found, errors(1.0, 1.0, "b")).checks()
    assert (first.found, first.passed) == ("a factor 1.00, p90 5.1", False)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """``validate`` without what it shows beside the law of curvature."""
    monkeypatch.setattr(command, "SHIPPED", ())
    monkeypatch.setattr(command, "_extrapolated", list)
    monkeypatch.setattr(command, "_published", list)
    monkeypatch.setattr(command, "_simulator", list)
    monkeypatch.setattr(sys, "argv", ["costmodel", "validate", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    return capsys.readouterr().out


def test_validate_prints_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    score = fresh_score()
    assert score is not None
    found = json.loads(run(capsys, monkeypatch, "--format", "json"))
    assert found["curvature"] == score.as_dict()
    assert [each["data"] for each in found["checks"]] == [check.what for check in score.checks()]
    text = run(capsys, monkeypatch)
    for network, each in score.as_dict()["condition_number"]["by_network"].items():
        numbers = (
            each["factors"],
            f"{each['median_ratio']:.2f}",
            f"{each['p90_ratio']:.1f}",
            f"{each['inside_90']:.0%}",
        )
        wanted = " +".join(map(str, (network, *numbers)))
        assert re.search(wanted, text)


def test_the_file_is_small_enough_to_ship() -> None:
    assert FRESH.stat().st_size < 1_000_000
