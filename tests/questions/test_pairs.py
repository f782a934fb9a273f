"""Pairs of inputs that give a speedup: the least effort of a fine grid that knows nothing of lines or halving."""

from __future__ import annotations

import numpy as np
import pytest

from costmodel.cli_inputs import load
from costmodel.questions.case import Case
from costmodel.questions.inputs import Input
from costmodel.questions.pairs import FEW, Pair, on_grid, ratios, refined

SIDES = (["thermo.columns"], ["kfac.eigh"])


def case(draws: int = FEW) -> Case:
    return Case(lambda more: load("mlp", "h100-sxm", "tngd-2024", [*more]), draws)


def least(own: Case, two: tuple[Input, Input], speedup: float, pair: Pair, side: int = 51) -> float:
    """The least effort among pairs of values on the same sides of what the inputs are, evenly in their logarithms."""
    now = [each.value for each in two]
    assert now[0]
    assert now[1]
    ways = [np.linspace(0.0, 2.5 * way, side) for way in pair.ways]
    first, second = (each.ravel() for each in np.meshgrid(*ways))
    columns = {two[0]: now[0] * np.exp(first), two[1]: now[1] * np.exp(second)}
    inside = np.all([(each.low <= columns[each]) & (columns[each] <= each.high) for each in two], axis=0)
    found, _ = ratios(own, {each: values[inside] for each, values in columns.items()}, SIDES, own.draws)
    efforts = (np.abs(first) + np.abs(second))[inside]
    return float(efforts[np.median(found, axis=1) >= speedup].min())


@pytest.mark.parametrize(
    ("names", "speedup"), [(("relaxation_time", "link"), 1.35), (("relaxation_time", "refresh_interval"), 2.0)]
)
def test_the_refined_pair_is_the_least_of_a_fine_grid(names: tuple[str, str], speedup: float) -> None:
    own = case()
    two = own.input(names[0]), own.input(names[1])
    coarse = on_grid(own, two, SIDES, speedup)
    assert coarse is not None
    fine = refined(own, coarse, SIDES, speedup)
    brute = least(own, two, speedup, fine)
    spacing = 2.5 / 50 * fine.effort
    assert brute - spacing <= fine.effort <= brute + 0.01 * brute
    assert fine.effort < coarse.effort
    found, _ = ratios(own, {each: np.array([value]) for each, value in zip(two, fine.values, strict=True)}, SIDES, FEW)
    # On the line of the speedup, but for the next whole number.
    assert speedup <= float(np.median(found)) <= speedup * 1.01


def test_it_holds_with_all_draws_and_whole_numbers_stay_whole() -> None:
    own = case(100)
    two = own.input("relaxation_time"), own.input("refresh_interval")
    coarse = on_grid(own, two, SIDES, 2.0)
    assert coarse is not None
    fine = refined(own, coarse, SIDES, 2.0)
    assert fine.values[1] == round(fine.values[1])
    found, _ = ratios(own, {each: np.array([value]) for each, value in zip(two, fine.values, strict=True)}, SIDES, 100)
    assert float(np.median(found)) >= 2.0
    assert fine.effort <= coarse.effort


def test_what_a_model_is_read_again_for_stays_on_its_grid() -> None:
    own = case()
    start = Pair((own.input("batch"), own.input("link")), (1024.0, 1e12), "thermo.columns")
    assert refined(own, start, SIDES, 0.5) is start
