"""What a formula says of a case."""

from __future__ import annotations

from costmodel import formulas
from tests.validation.networks import Case


def of_layer(name: str, case: Case, **more: float) -> float:
    """The formula at the case's sizes, all its factor pairs together."""
    known = {"j": 1, "d": case.d, "a": case.a, "g": case.g, "M": case.rows, "B": case.batch} | more
    formula = formulas.get(name)
    return case.pairs * float(formula.evaluate(**{each.letter: known[each.letter] for each in formula.symbols}))


def of_factors(name: str, case: Case, **more: float) -> float:
    """A formula of one factor, summed over A and G."""
    return of_layer(name, case, n=case.a, k=case.g, **more) + of_layer(name, case, n=case.g, k=case.a, **more)
