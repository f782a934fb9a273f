"""Arrays with a derivative: against sympy's derivatives of the formulas, and against differences of numpy functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from costmodel import formulas
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.values import symbol_values
from costmodel.quantities.algebra import sp
from costmodel.quantities.slopes import Slope, plain, slope_of

X = np.array([[1.5, 2.5, 4.2], [0.5, 3.5, 7.1]])
DIRECTION = np.array([[0.3, -1.0, 2.0], [1.0, 0.5, -0.7]])


@pytest.fixture(scope="module")
def numbers() -> dict[str, float]:
    """A value of every symbol that one layer of a network has, and of those that a phase gives."""
    workload = load_workload("mlp")
    found = quantities(workload, load_digital("h100-sxm"), load_analog("tngd-2024"))
    values = symbol_values(workload, tuple(shape for shape, _ in workload.shapes()), Sample.nominal(found))
    letters: dict[str, float] = {}
    for own in (*values.scopes.values(), values.curved):
        letters |= {letter: float(np.atleast_2d(each)[0, 0]) for letter, each in own.items()}
    return letters | {"epsilon": 0.1, "epsilon_n": 0.13, "epsilon_t": 0.31, "delta": 0.01}


#: Roots, logarithms, powers of two, quotients: formulas of every kind of function, without a step.
SMOOTH = (
    "accuracy.columns.noise.tolerance",
    "accuracy.couplings.mismatch.error",
    "accuracy.couplings.rounding.bits",
    "accuracy.couplings.rounding.error",
    "accuracy.iterations.cg.tolerance",
    "accuracy.readings.inverse.error",
    "accuracy.sampling.covariance.tolerance",
    "accuracy.settling.spectrum_tolerance",
    "ekfac.scalings.flops",
    "kfac.damping.condition_number",
    "thermo.average.mean.time",
    "thermo.deflated.columns.underdamped.settle.time",
    "thermo.deflation.damping_share",
    "thermo.direction.solve.underdamped.settle.energy",
)


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_of_formulas_are_those_of_sympy(name: str, numbers: dict[str, float]) -> None:
    formula = formulas.get(name)
    at = {letter: numbers[letter] for letter in formula.letters}
    symbols = {letter: sp.Symbol(letter, positive=True) for letter in at}
    for letter in at:
        given = {each: Slope(value, float(each == letter)) for each, value in at.items()}
        found = formula.evaluate(**given)
        derivative = sp.diff(formula.expression, symbols[letter])
        expected = complex(derivative.evalf(30, subs={symbols[each]: value for each, value in at.items()}))
        assert abs(expected.imag) <= 1e-12 * abs(expected)
        own = formula_slope(formula, given) if isinstance(found, float) else slope_of(found)
        assert float(own) == pytest.approx(expected.real, rel=1e-8, abs=1e-300)


def formula_slope(formula: formulas.Formula, given: dict[str, Slope]) -> float:
    """A single value comes back as a number; two points keep the array."""
    two = {letter: Slope(np.full(2, float(each)), slope_of(each)) for letter, each in given.items()}
    return float(slope_of(formula.evaluate(**two))[0])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sqrt(x) * np.log(x) - 1 / x,
        lambda x: x**2.5 + 2.0**x,
        lambda x: np.hypot(x, 3.0 * x + 1),
        lambda x: np.tanh(x) / np.exp(-x),
        lambda x: np.maximum(x, 3.0) + np.minimum(x, 2.0),
        lambda x: np.max(x, axis=0) - np.min(x, axis=1).sum(),
        lambda x: np.clip(x, 1.0, 3.0).sum(axis=0),
        lambda x: np.where(plain(x) > 2, x * x, 5.0),
        lambda x: np.concatenate([x, np.ones_like(x)]) * np.arange(1.0, 5.0)[:, None],
        lambda x: np.stack(np.broadcast_arrays(x[:1], np.ones((1, 3)), 2 * x[1:])),
        lambda x: np.tile(np.repeat(x.reshape(-1), 2), 3),
        lambda x: np.array([[1.0, 2.0]]) @ x,
        lambda x: np.ceil(x) * x + np.floor(x),
        lambda x: np.broadcast_to(x[1], (4, 3)).copy(),
        lambda x: abs(-x) ** 2 + np.square(x) - np.reciprocal(x),
    ],
)
def test_derivatives_are_what_differences_tend_to(function: Callable[[Any], Any]) -> None:
    step = 1e-6
    found = function(Slope(X, DIRECTION))
    expected = (function(X + step * DIRECTION) - function(X - step * DIRECTION)) / (2 * step)
    np.testing.assert_array_equal(plain(found), function(X))
    np.testing.assert_allclose(slope_of(found), expected, rtol=1e-7, atol=1e-8)


def test_of_equal_branches_half_of_both() -> None:
    assert slope_of(np.maximum(Slope(2.0, 1.0), 2.0)) == 0.5
    assert slope_of(np.minimum(2.0, Slope(2.0, 1.0))) == 0.5


@pytest.mark.parametrize("function", [np.linalg.inv, np.cumsum, np.arcsinh, np.multiply.accumulate])
def test_what_has_no_rule_is_refused(function: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="no derivative of"):
        function(Slope(X[:, :2], 1.0))


def test_a_derivative_is_never_lost_unseen() -> None:
    view = Slope(X, 1.0).transpose()  # by a method that knows nothing of it
    with pytest.raises(TypeError, match="lost on the way"):
        np.sqrt(view)
    with pytest.raises(TypeError, match="not written to"):
        Slope(X, 1.0)[0] = 1.0
