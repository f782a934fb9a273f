"""What a formula object promises, on formulas whose answers are known by hand."""

import numpy as np
import pytest
import sympy as sp

from costmodel import formulas
from costmodel.quantities import symbols


@pytest.mark.parametrize(
    ("name", "symbols_", "expected"),
    [
        ("kfac.cholesky.refresh.flops", ("n",), "n**3"),
        ("kfac.factors.expand.flops", ("a",), "2*M*a**2"),
        ("kfac.precondition.flops", ("a", "g"), "2*a*g*(a + g)"),
        # The headline of thermodynamic K-FAC: n^2 kappa^2 for n right-hand sides on one array.
        ("thermo.solve.time", ("n", "kappa"), "2*kappa**2*n**2*nu*tau/epsilon**2"),
        # A ceiling counts as its argument: n / m blocks of m^2 couplings.
        ("thermo.blocks.squares", ("n",), "m*n"),
        # Block elimination leaves a cubic product to the digital side.
        ("thermo.inverse.tiling.flops", ("n",), "2*n**3"),
        # Of a maximum the faster-growing argument counts.
        ("thermo.inverse.time", ("n",), "n**2*(Max(b_out/W, 1/(f_c*n_c)) + b_in/W)"),
    ],
)
def test_leading_term(name: str, symbols_: tuple[str, ...], expected: str) -> None:
    letters = {info.letter: info.symbol for info in symbols.SYMBOLS.values()}
    assert sp.expand(formulas.get(name).leading(*symbols_) - sp.sympify(expected, locals=letters)) == 0


def test_fixed_damping_turns_n2_kappa2_into_n4() -> None:
    time = formulas.get("thermo.solve.time")
    assert sp.degree(time.leading("n"), symbols.n.symbol) == 2
    damped = time.substitute(kappa=formulas.get("kfac.damping.condition_number").expression)
    assert sp.degree(damped.leading("n"), symbols.n.symbol) == 4


def test_letters_and_names_are_the_same_symbols() -> None:
    formula = formulas.get("thermo.solve.settle.time")
    by_letter = formula.evaluate(n=64, m=64, k=10, tau=1e-6, kappa=100, epsilon=0.01)
    by_name = formula.evaluate(
        factor_dimension=64,
        cells=64,
        right_hand_sides=10,
        relaxation_time=1e-6,
        condition_number=100,
        relative_error=0.01,
    )
    # 10 systems, each 100 relaxation times of 1 us, ln(100) = 4.60517 time constants
    assert by_letter == by_name == pytest.approx(10 * 100e-6 * 4.605170185988092, rel=1e-12)


def test_arrays_broadcast_and_integers_do_not_overflow() -> None:
    formula = formulas.get("kfac.precondition.flops")
    result = formula.evaluate(a=np.array([[10**7], [3]]), g=np.array([10**7, 2], dtype=np.int64))
    assert result.shape == (2, 2)
    assert result[0, 0] == 4e21  # 2 * 1e14 * 2e7, past int64
    assert result[1, 1] == 60.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n": 0}, "factor_dimension = 0 is outside its domain 1 <= n"),
        ({"n": float("nan")}, "factor_dimension = nan is outside its domain 1 <= n"),
        ({}, "kfac.cholesky.refresh.flops needs a value for n (factor_dimension)"),
        ({"n": 3, "kappa": 2}, "kfac.cholesky.refresh.flops has no symbol 'kappa'; it has n (factor_dimension)"),
    ],
)
def test_bad_values_name_the_symbol(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError) as error:
        formulas.get("kfac.cholesky.refresh.flops").evaluate(**values)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kappa", 0.5, "condition_number = 0.5 is outside its domain 1 <= kappa"),
        ("epsilon", 1.0, "relative_error = 1 is outside its domain 0 < epsilon < 1"),
        ("epsilon", 0.0, "relative_error = 0 is outside its domain 0 < epsilon < 1"),
        ("tau", 0.0, "relaxation_time = 0 is outside its domain 0 < tau"),
    ],
)
def test_domains(name: str, value: float, message: str) -> None:
    good = {"n": 64, "m": 64, "k": 10, "tau": 1e-6, "kappa": 100, "epsilon": 0.01}
    with pytest.raises(ValueError) as error:
        formulas.get("thermo.solve.settle.time").evaluate(**(good | {name: value}))
    assert str(error.value) == message


GAIN = ("thermo.average.mean.spectrum.time", {"tau": 1.0, "n": 6, "nu": 1e-3, "epsilon": 0.1, "mu_2": 2.0})
WORKERS = ("kfac.distributed.gradient_workers", {"p": 8})


@pytest.mark.parametrize(("formula", "name", "outwards"), [(GAIN, "s_x", -1), (WORKERS, "f_g", 1)])
def test_a_rounding_error_outside_a_closed_end_counts_as_the_end(
    formula: tuple[str, dict[str, float]], name: str, outwards: int
) -> None:
    """Both ends are 1; the whole band of rounding gives what the end itself gives, anything beyond is refused."""
    at, given = formulas.get(formula[0]), formula[1]
    for error in (2.3e-16, 4e-15, 0.99e-12):
        assert at.evaluate(**given, **{name: 1 + outwards * error}) == at.evaluate(**given, **{name: 1.0})
    for error in (1.01e-12, 1e-6):
        with pytest.raises(ValueError, match=f" = {1 + outwards * error:.15g} is outside its domain .*{name}"):
            at.evaluate(**given, **{name: 1 + outwards * error})


def test_an_open_end_and_zero_are_exact() -> None:
    time = formulas.get("thermo.average.mean.spectrum.time")
    good = {"tau": 1.0, "n": 6, "nu": 0.0, "epsilon": 0.1, "mu_2": 2.0, "s_x": 1.0}
    assert time.evaluate(**good) == 0
    for name, value in (("epsilon", 1.0), ("tau", 0.0), ("nu", -1e-300)):
        with pytest.raises(ValueError, match="is outside its domain 0 <"):
            time.evaluate(**(good | {name: value}))


def test_unknown_formula_names_the_nearest() -> None:
    with pytest.raises(KeyError, match=r"no formula 'thermo\.solve\.settle'; nearest: thermo\.solve\.settle\.time"):
        formulas.get("thermo.solve.settle")


def test_every_formula_says_what_it_is() -> None:
    for name, formula in formulas.catalog().items():
        assert formula.name == name
        assert len(formula.meaning) > 20, name
        assert len(formula.source) > 10, name
        assert formula.latex(), name
        assert set(formula.expression.free_symbols) == {info.symbol for info in formula.symbols}, name
