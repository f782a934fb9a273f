"""How everything grows: one table of all asymptotic degrees, as a complexity table would state them."""

import pytest
import sympy as sp

from costmodel import formulas
from costmodel.formulas import Formula
from costmodel.quantities import symbols

HALF = sp.Rational(1, 2)
DAMPED = formulas.get("kfac.damping.condition_number").expression.subs(symbols.s_r, 1)

#: Of each formula: total degree in n and kappa together, degree in n at fixed kappa, degree in n with kappa from fixed
#: damping and a stable rank of 1. One array holds the factor (m = n) and it is solved against k = n right-hand sides.
DEGREES = {
    # digital
    "kfac.cholesky.refresh.flops": (3, 3, 3),
    "kfac.eigh.refresh.flops": (3, 3, 3),
    "kfac.precondition.flops": (3, 3, 3),
    # one run
    "thermo.transient.mean.time": (1, 0, 1),
    "thermo.transient.covariance.time": (1, 0, 1),
    "thermo.underdamped.mean.time": (HALF, 0, HALF),
    "thermo.underdamped.covariance.time": (HALF, 0, HALF),
    "thermo.average.mean.time": (3, 1, 3),
    "thermo.average.mean.isotropic.time": (1, 1, 1),
    "thermo.average.covariance.time": (2, 1, 2),
    "thermo.underdamped.average.mean.time": (1 + 3 * HALF, 1, 1 + 3 * HALF),
    "thermo.underdamped.average.covariance.time": (3 * HALF, 1, 3 * HALF),
    "thermo.sampling.covariance.samples": (2, 1, 2),
    "thermo.sampling.mean.samples": (3, 1, 3),
    "thermo.sampling.covariance.independent_samples": (1, 1, 1),
    "thermo.sampling.mean.independent_samples": (2, 1, 2),
    # Method 1: n kappa on the array, n^2 through the link
    "thermo.inverse.upload.time": (2, 2, 2),
    "thermo.inverse.settle.time": (1, 0, 1),
    "thermo.inverse.sample.time": (2, 1, 2),
    "thermo.inverse.readout.time": (2, 2, 2),
    "thermo.inverse.time": (2, 2, 2),
    "thermo.inverse.underdamped.sample.time": (3 * HALF, 1, 3 * HALF),
    "thermo.inverse.underdamped.time": (2, 2, 2),
    "thermo.inverse.tiling.flops": (3, 3, 3),  # at fixed m
    "thermo.accumulation.digital.flops": (3, 3, 3),
    "thermo.accumulation.analog.conversions": (2, 2, 2),
    # Method 2: n^2 kappa^2, the headline, and n^4 once kappa follows the width
    "thermo.solve.input.time": (2, 2, 2),
    "thermo.solve.settle.time": (2, 1, 2),
    "thermo.solve.average.time": (4, 2, 4),
    "thermo.solve.readout.time": (2, 2, 2),
    "thermo.solve.time": (4, 2, 4),
    "thermo.solve.underdamped.settle.time": (3 * HALF, 1, 3 * HALF),
    "thermo.solve.underdamped.average.time": (2 + 3 * HALF, 2, 2 + 3 * HALF),
    "thermo.solve.underdamped.time": (2 + 3 * HALF, 2, 2 + 3 * HALF),
    "thermo.solve.eliminate.flops": (3, 3, 3),  # at fixed m
    "thermo.solve.tiling.flops": (3, 3, 3),  # at fixed m
    # limits of accuracy
    "thermo.quantization.input.error": (3 * HALF, HALF, 3 * HALF),
    "thermo.mismatch.error": (1, 0, 1),
    "thermo.deflation.find.flops": (2, 2, 2),
}
TILED = {"thermo.inverse.tiling.flops", "thermo.solve.eliminate.flops", "thermo.solve.tiling.flops"}


def on_one_array(name: str) -> Formula:
    formula = formulas.get(name)
    given = {"k": symbols.n, "a": symbols.n, "g": symbols.n} | ({} if name in TILED else {"m": symbols.n})
    # one after the other: m = n first, so that ceil(n / m) is 1
    for key, value in given.items():
        formula = formula.substitute(**{key: value})
    return formula


def degree(leading: sp.Expr, *names: str) -> sp.Expr:
    scale = sp.Symbol("scale", positive=True)
    wanted = {symbols.info(name).symbol for name in names}
    term = sp.Add.make_args(sp.expand(leading))[0]
    return sp.powdenest(term.subs(dict.fromkeys(wanted, scale)), force=True).as_coeff_exponent(scale)[1]


@pytest.mark.parametrize("name", DEGREES)
def test_degree(name: str) -> None:
    formula = on_one_array(name)
    damped = formula.substitute(kappa=DAMPED)
    found = (
        degree(formula.leading("n", "kappa"), "n", "kappa"),
        degree(formula.leading("n"), "n"),
        degree(damped.leading("n"), "n"),
    )
    assert found == DEGREES[name]


def test_method_2_of_one_solve_is_n_kappa_squared() -> None:
    n, kappa, nu, tau, epsilon = (symbols.info(name).symbol for name in ("n", "kappa", "nu", "tau", "epsilon"))
    assert formulas.get("thermo.average.mean.time").leading("n", "kappa") == 2 * n * kappa**2 * nu * tau / epsilon**2


def test_no_solver_formula_grows_with_more_than_is_stated() -> None:
    """Every time of a phase is in the table, so that none escapes it."""
    phases = {name for name in formulas.catalog() if name.startswith(("thermo.inverse.", "thermo.solve."))}
    times = {name for name in phases if name.endswith(".time")}
    left_out = {"convert", "eliminate", "link_time"}  # the link's degrees, and nothing where an array holds the factor
    assert {name for name in times if not left_out & set(name.split("."))} - set(DEGREES) == {
        "thermo.solve.upload.time",
        "thermo.solve.beside.link.time",
        "thermo.inverse.underdamped.settle.time",
    }
