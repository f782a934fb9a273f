"""What is left of systematic errors where the top mode is out, an inverse is refined, or readings are averaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

import numpy as np

from costmodel.formulas import Formula, deflation
from costmodel.formulas.accuracy import couplings, products, readings, refined, repeated
from costmodel.formulas.accuracy.chain import together
from costmodel.methods import Method
from costmodel.projection.evaluation import Evaluation
from costmodel.quantities.estimate import Draws


def moments() -> dict[str, Formula]:
    """Symbols of a factor that its top mode decides, and what they are without it."""
    return {
        "kappa": deflation.condition_number(),
        "s_r": deflation.stable_rank(),
        "s_2": deflation.squared_rank(),
        "mu_2": deflation.inverse_square(),
        "d_e": deflation.effective_dimension(),
        "q": deflation.damping_share(),
    }


#: A factor of one mode has no second; this far down nothing is left of the first, and differences still have digits.
_LARGEST_GAP: Final = 1e6
_LEAST: Final = 1e-9
#: Error by one inverse below which a step of refinement reduces it.
_REDUCED: Final = 0.3


def formulas_of(method: Method) -> tuple[Formula, ...]:
    """Formulas of this module that the accuracy of a method is judged by."""
    of_deflated = (*moments().values(), couplings.peak()) if method.deflated else ()
    of_refined = (refined.couplings(), *after_refinement().values()) if method.refined else ()
    of_averaged = () if method.readings is None else (method.readings, repeated.bits())
    return (*of_deflated, *of_refined, *of_averaged)


def after_refinement() -> dict[Formula, Formula]:
    """Errors of what is read, and what refinement leaves of each; of all others, what it leaves of couplings."""
    return {readings.inverse_total(): refined.readings(), products.error(): products.refined()}


class Arrays:
    """Factors as arrays see them, whole or without their top modes.

    Methods that differ in time alone ask for the same values, each of which is computed once.
    """

    def __init__(self, evaluation: Evaluation, *, deflated: bool) -> None:
        self._evaluation, self._without_top = evaluation, deflated
        self._found: dict[Formula, Draws] = {}

    @cached_property
    def _seen(self) -> dict[str, Draws]:
        return _deflated(self._evaluation) if self._without_top else {}

    def values(self, formulas: Iterable[Formula], asked: Mapping[str, Draws]) -> dict[Formula, Draws]:
        """Values of formulas; ``asked`` are the symbols that a method decides beside what its arrays see."""
        formulas = list(formulas)
        own = [each for each in formulas if not asked.keys().isdisjoint(each.letters)]
        new = [each for each in formulas if each not in own and each not in self._found]
        self._found |= self._evaluation.factors(new, self._seen)
        known = {each: self._found[each] for each in formulas if each not in own}
        return known | self._evaluation.factors(own, {**self._seen, **asked})


def _deflated(evaluation: Evaluation) -> dict[str, Draws]:
    """Symbols of a factor without its top mode, where they are not its own."""
    gap = np.minimum(evaluation.symbol("eta"), _LARGEST_GAP)
    found = evaluation.factors(list(moments().values()), {"eta": gap})
    values = {letter: found[formula] for letter, formula in moments().items()}
    values["d_e"], values["q"] = np.maximum(values["d_e"], _LEAST), np.clip(values["q"], _LEAST, 1 - _LEAST)
    # sum alpha is at least d_e gamma (2 - q), by the sum of alpha^3 / lambda^2
    least = values["d_e"] * (2 - values["q"]) / np.maximum(values["kappa"] - 1, _LEAST)
    values["s_r"] = np.maximum(values["s_r"], least * (1 + _LEAST))
    peak = evaluation.factors([couplings.peak()], values)[couplings.peak()]
    return values | {"chi": np.minimum(peak, 1.0)}


def converters(method: Method, evaluation: Evaluation) -> dict[str, Draws]:
    """Symbols of converters that the mean of offset readings replaces: bits of one with as many times the steps."""
    if method.readings is None:
        return {}
    count = evaluation.factors([method.readings], {})[method.readings]
    return {"b_out": evaluation.factors([repeated.bits()], {"N_f": count})[repeated.bits()]}


def asked(method: Method, target: Draws) -> Draws:
    """Error of a gradient that couplings may cause before refinement, for a target after it.

    To first order, and no more than is certain to be reduced.
    """
    if not method.refined:
        return target
    each = np.sqrt(np.sqrt(1 + target**2) - 1)
    before = np.minimum(np.sqrt(each / np.sqrt(3)), _REDUCED)
    return together(before, before)


def left(errors: Draws, evaluation: Evaluation, cause: Formula) -> Draws:
    """Errors of a gradient by one inverse after refinement, by what made them."""
    formula = after_refinement().get(cause, refined.couplings())
    return evaluation.factors([formula], {"epsilon": errors})[formula]
