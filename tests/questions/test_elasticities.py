"""Elasticities are derivatives of the whole estimator: those of differences on every input, and of formulas by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.cli_inputs import load
from costmodel.projection.draws import within_domain
from costmodel.projection.points import Points
from costmodel.quantities.estimate import Draws
from costmodel.quantities.slopes import Slope, slope_of
from costmodel.questions.case import Case
from costmodel.questions.elasticities import How, elasticities
from costmodel.questions.sensitivity import sensitivity

#: Models, cards, settings and a method: laws by constants and fitted ones, one device and several, all kinds of arms.
CASES = [
    ("mlp", "h100-sxm", "tngd-2024", (), "thermo.solve"),
    ("mlp", "epyc-milan-1-thread", "tngd-2024", (), "thermo.inverse"),
    ("ogbg", "h100-sxm", "tngd-2024", (), "thermo.columns.refined.deflated"),
    ("imagenet_vit", "h100-sxm", "tngd-2024", (), "thermo.inverse"),
    ("gpt2", "a100-sxm", "tngd-2024", (), "kfac.low_rank"),
    ("mlp", "h100-sxm", "hermes-2023", (), "thermo.products"),
    ("mlp", "h100-sxm", "tngd-2024", ("kfac.stale_steps=50", "devices=4"), "thermo.inverse"),
    ("mlp", "h100-sxm", "tngd-2024", ("devices=8",), "kfac.eigh"),
    ("resnet50", "h100-sxm", "rram-2025", (), "kfac.newton_schulz"),
]


def derived(points: Points, values: Mapping[str, float], method: str) -> dict[str, float]:
    """d ln step / d ln x of every input, by the chain rule."""
    directions = np.eye(len(values))
    columns: dict[str, Draws] = {
        path: Slope(np.full(len(values), value), value * own)
        for (path, value), own in zip(values.items(), directions, strict=True)
    }
    step = points.evaluate(columns).step[method]
    own = np.broadcast_to(slope_of(step) / np.asarray(step), len(values))
    return dict(zip(values, own.tolist(), strict=True))


def differences(points: Points, values: Mapping[str, float], method: str) -> dict[str, float]:
    """The same by results a thousandth of a per cent to either side; to one side where a domain ends."""
    held = {path: np.array([value]) for path, value in values.items()}
    found = {}
    for path, value in values.items():
        pair = within_domain(path, value * np.exp([-1e-5, 1e-5]))
        low, high = np.log(points.evaluate({**held, path: pair}).step[method])
        found[path] = float((high - low) / np.log(pair[1] / pair[0]))
    return found


#: Take more than a second each.
SLOW = {"ogbg", "imagenet_vit", "gpt2", "resnet50"}


@pytest.mark.parametrize(
    ("model", "digital", "analog", "settings", "method"),
    [pytest.param(*each, marks=pytest.mark.slow if each[0] in SLOW else ()) for each in CASES],
)
def test_derivatives_equal_differences_on_every_input(
    model: str, digital: str, analog: str, settings: tuple[str, ...], method: str
) -> None:
    case = Case(lambda more: load(model, digital, analog, [*settings, *more]), 20)
    points = Points(*case.loaded, methods=[method])
    values = {path: each.value for path, each in case.found.items() if each.value > 0}
    expected, found = differences(points, values, method), derived(points, values, method)
    for path in values.keys() - ({"analog.cells"} if analog == "hermes-2023" else set()):  # 256 tile mlp's layers
        assert found[path] == pytest.approx(expected[path], rel=1e-4, abs=1e-6), path
    assert sum(abs(each) > 1e-6 for each in found.values()) >= 4


def test_shares_of_a_sum_by_hand() -> None:
    # One phase settles, in proportion to RC: what it takes of a step is what a per cent of RC changes of it.
    case = Case(lambda more: load("mlp", "h100-sxm", "tngd-2024", [*more]), 20)
    points = Points(*case.loaded, methods=["thermo.solve"])
    values = {path: each.value for path, each in case.found.items() if each.value > 0}
    held = {path: np.array([value]) for path, value in values.items()}
    costs = points.evaluate(held, phases=True)
    share = float(costs.phases["thermo.solve"]["settle"][0] / costs.step["thermo.solve"][0])
    found = derived(points, values, "thermo.solve")
    # Averages of noise are as long as RC says, too.
    average = float(costs.phases["thermo.solve"].get("average", np.zeros(1))[0] / costs.step["thermo.solve"][0])
    assert found["analog.relaxation_time"] == pytest.approx(share + average, rel=1e-9)
    assert found["solver.settle_mean.factor"] == pytest.approx(share, rel=1e-9)


def test_where_a_kink_stands_beside_the_value_a_difference_is_given() -> None:
    def jumps(columns: Mapping[str, Draws]) -> Draws:
        x = columns["x"]
        return np.log(x) + 0.3 * np.ceil(x)  # a step at the value

    (found,) = elasticities(jumps, {"x": 2.0}).values()
    assert found.how is How.DIFFERENCE


def test_beside_a_jump_a_whole_number_is_taken_to_the_next() -> None:
    case = Case(lambda more: load("mlp", "h100-sxm", "hermes-2023", [*more]), 20)
    points = Points(*case.loaded, methods=["thermo.products"])
    values = {path: each.value for path, each in case.found.items() if each.value > 0}
    held = {path: np.array([value]) for path, value in values.items()}

    def logarithm(columns: Mapping[str, Draws]) -> Draws:
        return np.log(points.evaluate({**held, **columns}).step["thermo.products"])

    found = elasticities(logarithm, values)["analog.cells"]
    fewer, more = logarithm({"analog.cells": np.array([255.0, 257.0])})
    assert found.how is How.DIFFERENCE
    assert found.value == pytest.approx(float(more - fewer) / np.log(257 / 255))


def test_what_has_no_derivative_is_differenced() -> None:
    def odd(columns: Mapping[str, Draws]) -> Draws:
        return np.arcsinh(columns["x"])

    (found,) = elasticities(odd, {"x": 2.0}).values()
    assert found.how is How.DIFFERENCE
    assert found.value == pytest.approx(2 / np.sqrt(5), rel=1e-6)


def test_the_table_says_how() -> None:
    case = Case(lambda more: load("mlp", "h100-sxm", "tngd-2024", [*more]), 20)
    found = sensitivity(case, "thermo.solve", samples=2)
    assert {each.how for each in found.elasticities.values()} == {How.DERIVATIVE}
    table = found.elasticities_table()
    assert table.columns.tolist() == ["path", "elasticity", "how"]
    assert np.all(np.diff(np.abs(table["elasticity"])) <= 0)
    result = CliRunner().invoke(app, ["sensitivity", "mlp", "--samples", "2", "--format", "json"])
    assert {each["how"] for each in json.loads(result.stdout)["elasticities"]} == {"derivative"}
