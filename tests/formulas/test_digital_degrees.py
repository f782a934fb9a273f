"""How the work of each digital method grows, in one table."""

import pytest
import sympy as sp

from costmodel import formulas
from costmodel.quantities import symbols


@pytest.mark.parametrize(
    ("name", "grows", "degree"),
    [
        ("kfac.cholesky.refresh.flops", "n", 3),
        ("kfac.cholesky_solve.refresh.flops", "n", 3),
        ("kfac.eigh.refresh.flops", "n", 3),
        ("kfac.newton_schulz.refresh.flops", "n", 3),
        ("kfac.low_rank.sketch.flops", "n", 2),
        ("kfac.low_rank.qr.flops", "n", 1),
        ("kfac.low_rank.step.flops", "n", 1),
        ("kfac.cg.step.flops", "n", 2),
        ("kfac.cg.iterations.bound", "kappa", sp.Rational(1, 2)),
        # at a given effective dimension a bound on the spectrum is no matter
        ("kfac.cg.step.flops", "kappa", 0),
        # against as many right-hand sides as rows
        ("kfac.cholesky_solve.step.flops", "n k", 3),
        ("kfac.cg.step.flops", "n k", 3),
        ("kfac.low_rank.step.flops", "n k", 2),
        # logarithms count as constants
        ("kfac.newton_schulz.refresh.flops", "kappa", 0),
        ("ekfac.scalings.flops", "a", 2),
        # blocks of fixed size make Shampoo linear
        ("shampoo.eigh.flops", "d", 1),
        ("shampoo.precondition.flops", "d", 1),
        ("soap.refresh.flops", "d", 3),
        ("soap.rotate.flops", "d", 2),
        # past the other side, Muon is linear
        ("muon.orthogonalise.flops", "d", 1),
    ],
)
def test_degree(name: str, grows: str, degree: int) -> None:
    growing = [symbols.info(letter).symbol for letter in grows.split()]
    leading = formulas.get(name).leading(*growing)
    scale = sp.Symbol("scale", positive=True)
    scaled = leading.subs({symbol: scale * symbol for symbol in growing}, simultaneous=True)
    logarithms = {log: sp.Symbol("constant", positive=True) for log in scaled.atoms(sp.log, sp.Max)}
    assert sp.simplify(scaled.subs(logarithms).as_independent(scale)[1] / scale**degree) == 1


@pytest.mark.parametrize(("iterations", "degree"), [("kfac.cg.iterations.bound", 3.5), ("kfac.cg.iterations", 3.0)])
def test_fixed_damping_makes_conjugate_gradients_grow_with_width(iterations: str, degree: float) -> None:
    """kappa = 1 + (n / s_r) sqrt(theta / lambda), n right-hand sides: a spectrum that fills the interval, and one of
    a given effective dimension.
    """
    damped = formulas.get("kfac.damping.condition_number").expression
    n = symbols.info("n").symbol
    cost = formulas.get(iterations).substitute(kappa=damped).expression * 2 * n**3
    at = {symbol: 0.1 for symbol in cost.free_symbols if symbol != n}
    growth = sp.log(cost.subs(at | {n: 2**40}) / cost.subs(at | {n: 2**39}), 2)
    assert float(growth) == pytest.approx(degree, abs=0.01)
