"""Explain says of every formula where it is used: in work, in accuracy, inside another formula, in counts."""

import pytest

from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.methods import METHODS, FactorConstruction
from costmodel.projection.draws import quantities
from costmodel.questions.explain import explain

NET = load_workload("mlp")
FOUND = quantities(NET, load_digital("h100-sxm"), load_analog("tngd-2024"))


def users(name: str) -> tuple[str, ...]:
    (found,) = explain(name, NET, FOUND)
    return found.used_by


@pytest.mark.parametrize("method", METHODS)
def test_every_formula_of_a_method_names_the_method(method: str) -> None:
    for phase, _, formula in METHODS[method](FactorConstruction.EXPAND).formulas():
        assert f"{method} ({phase.name})" in users(formula.name)


@pytest.mark.parametrize(("name", "user"), [
    ("kfac.damping.condition_number", "thermo.solve (settle)"),  # behind kappa
    ("accuracy.iterations.low_rank.columns", "kfac.low_rank (inversion)"),  # behind r
    ("accuracy.couplings.peak", "thermo.inverse (accuracy)"),  # behind chi
    ("accuracy.couplings.rounding.total", "thermo.inverse (accuracy)"),
    ("accuracy.readings.input.error", "thermo.solve (accuracy)"),
    ("accuracy.inverse.settle", "thermo.inverse (settle)"),  # stands for epsilon
    ("accuracy.split.settling", "thermo.inverse (settle)"),  # inside what stands for epsilon
    ("accuracy.iterations.newton_schulz.tolerance", "kfac.newton_schulz (inversion)"),
    ("thermo.blocks.inverse.amplification", "thermo.inverse (accuracy)"),
    ("kfac.factors.expand.flops", "counts"),
    ("thermo.transient.covariance.time", "thermo.inverse (settle)"),  # inside another
])  # fmt: skip
def test_a_formula_that_enters_by_another_way(name: str, user: str) -> None:
    assert user in users(name)
