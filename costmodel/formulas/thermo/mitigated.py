"""Formulas of a run on the arrays where something is done about the matrix before it, or about the result after it.

*Warm*: it starts from the last inverse, of which as much may be left as the start is off by more than rest is.
*Deflated*: the top mode is taken out, so the array sees the condition number that is left. *Refined*: one Newton-Schulz
step X (2 I - A X) follows, which squares the residual I - A X: a run that settles to sqrt(epsilon) then has epsilon.
Both hold for times, energies and tolerances alike, so each is the formula of the run with one symbol replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from costmodel.formulas.accuracy import columns as columns_accuracy
from costmodel.formulas.accuracy import tolerances
from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import (
    columns,
    columns_energy,
    deflation,
    energy,
    inverse,
    products,
    solve,
    underdamped,
    warm,
)
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, epsilon, k, kappa

_SETTLED: Final = (
    columns.settle_time,
    columns.underdamped_settle_time,
    columns_energy.settle,
    columns_energy.underdamped_settle,
)
_MULTIPLIED: Final = (
    products.time,
    products.link_time,
    products.vectors_bytes,
    products.link_energy,
    products.convert_energy,
)
_SOLVES: Final = (
    solve.settle_time,
    solve.average_time,
    energy.solve_settle,
    energy.solve_average,
    underdamped.solve_settle_time,
    underdamped.solve_average_time,
    energy.solve_underdamped_settle,
    energy.solve_underdamped_average,
)
_DEFLATED: Final = (
    inverse.settle_time,
    inverse.sample_time,
    energy.inverse_settle,
    energy.inverse_sample,
    underdamped.inverse_settle_time,
    underdamped.inverse_sample_time,
    *_SOLVES,
    solve.eliminate_settle_time,
    solve.eliminate_average_time,
    energy.solve_eliminate_settle,
    energy.solve_eliminate_average,
    underdamped.solve_eliminate_settle_time,
    underdamped.solve_eliminate_average_time,
    energy.solve_underdamped_eliminate_average,
    columns.settle_time,
    columns.underdamped_settle_time,
    columns.underdamped_average_time,
    columns_energy.settle,
    columns_energy.underdamped_average,
    *_MULTIPLIED,
    tolerances.solve_settle,
    tolerances.solve_average,
    columns_accuracy.settle,
    columns_accuracy.average,
)


def _vary(
    base: Formula, name: str, words: str, change: Callable[[Expression], Expression], more: tuple[str, ...] = ()
) -> Callable[[], Formula]:
    """Register a formula with something replaced."""

    def build() -> Expression:
        return change(base.expression)

    build.__doc__ = f"{base.meaning.rstrip('.')} {words}."
    parts = base.composed_of or (base.name,)
    return formula(name, base.unit, base.source, composed_of=(*parts, *more))(build)


def _named(base: Formula, kind: str) -> str:
    """``thermo.deflated.solve.settle.time`` of ``thermo.solve.settle.time``."""
    first, rest = base.name.split(".", 1)
    return f"{first}.{kind}.{rest}"


def _all(
    bases: Iterable[Callable[[], Formula]],
    kind: str,
    words: str,
    change: Callable[[Expression], Expression],
    more: tuple[str, ...] = (),
) -> dict[str, Callable[[], Formula]]:
    found = [base() for base in bases]
    return {base.name: _vary(base, _named(base, kind), words, change, more) for base in found}


def _from_the_last(expression: Expression) -> Expression:
    return expression.subs(epsilon, warm.left())


def _half_as_accurate(expression: Expression) -> Expression:
    return expression.subs(epsilon, sp.sqrt(epsilon))


def _two_of_half(expression: Expression) -> Expression:
    return 2 * _half_as_accurate(expression)


def _condition_left(expression: Expression) -> Expression:
    return expression.subs(kappa, deflation.condition_number().expression)


def _one_system(expression: Expression) -> Expression:
    return _condition_left(expression).subs(k, 1)


_LEFT: Final = ("thermo.deflation.condition_number",)
_OF_WARM: Final = _all(_SETTLED, "warm", "from the last inverse", _from_the_last, ("thermo.warm.drift",))
_REFINED: Final = (*_SETTLED, *_OF_WARM.values(), *_MULTIPLIED)
_OF_PASSES: Final = _all(_MULTIPLIED, "passes", "in two passes around a digital residual", _two_of_half)
_OF_REFINED: Final = _all(_REFINED, "refined", "where a Newton-Schulz step follows", _half_as_accurate)
_SEEING: Final = [each for each in (*_DEFLATED, *_OF_WARM.values(), *_OF_REFINED.values()) if "kappa" in each().letters]
_OF_DEFLATED: Final = _all(_SEEING, "deflated", "where the top mode is taken out", _condition_left, _LEFT)
_OF_DIRECTION: Final = _all(_SOLVES, "direction", "for the one system that puts the top mode back", _one_system, _LEFT)


def warmed(of: Formula) -> Formula:
    """A time or energy of settling from the last inverse.

    >>> values = {"n": 10, "kappa": 100, "tau": 1e-6, "epsilon": 0.2}
    >>> moved = {"d_r": 0.2, "i_r": 100, "i_f": 10, "beta_f": 0.95}
    >>> round(warmed(columns.settle_time()).evaluate(**values, **moved) / columns.settle_time().evaluate(**values), 3)
    0.431
    """
    return _OF_WARM[of.name]() if of.name in _OF_WARM else of


def in_two_passes(of: Formula) -> Formula:
    """A count of products for two passes that leave the square root of epsilon each; itself where none is in it.

    >>> once = products.time().evaluate(n=64, m=64, kappa=1000, epsilon=0.01, t_p=1e-7)
    >>> round(in_two_passes(products.time()).evaluate(n=64, m=64, kappa=1000, epsilon=0.01, t_p=1e-7) / once, 2)
    1.14
    """
    return _OF_PASSES[of.name]() if of.name in _OF_PASSES else of


def refined(of: Formula) -> Formula:
    """A time or energy of settling, or a count of products, that leaves the root of epsilon to one Newton-Schulz step.

    >>> values = {"n": 10, "kappa": 100, "tau": 1e-6, "epsilon": 0.01}
    >>> columns.settle_time().evaluate(**values) / refined(columns.settle_time()).evaluate(**values)
    2.0
    """
    return _OF_REFINED[of.name]() if of.name in _OF_REFINED else of


def deflated(of: Formula) -> Formula:
    """A formula for what an array sees of a factor whose top mode is taken out; itself where kappa is not in it.

    Raises:
        ValueError: kappa is in it and it has no such form.

    >>> round(deflated(solve.settle_time()).evaluate(n=8, m=8, k=1, tau=1.0, epsilon=0.5, kappa=101, eta=10), 3)
    7.625
    """
    if of.name in _OF_DEFLATED:
        return _OF_DEFLATED[of.name]()
    if "kappa" in of.letters:
        raise ValueError(f"formula {of.name} depends on kappa, and mitigated.py does not say how where a mode is out")
    return of


def direction(of: Formula) -> Formula:
    """Time or energy of Method 2 for the one more system, that of the top mode itself."""
    return _OF_DIRECTION[of.name]() if of.name in _OF_DIRECTION else of
