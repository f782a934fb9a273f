"""Fit the laws of the RTX A6000 card to published phase times: ``python -m validation.published.rtx_a6000 --out FILE``.

Coefficients are non-negative and minimise the relative error. Three networks are few points for a law, so the law is
chosen by leaving each network out in turn, and the range of a constant is what it ranges over in those fits and in the
benchmark's other mode, never narrower than a margin.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.optimize import nnls

from validation.cards import rtx_a6000 as card_text
from validation.published import data as published
from validation.published.data import MODELS, MODES, Observation

Observe = Callable[[str], list[Observation]]

#: Columns of ``Observation.counts`` a law may use.
TERMS: Final = ("launch", "element_time", "rate")
_FACTORISATION_LAWS: Final = (("launch", "element_time"), ("launch", "rate"), ("launch", "element_time", "rate"))
_PRODUCT_LAWS: Final = (("launch", "rate"),)
PRIMITIVES: Final[dict[str, tuple[Observe, Sequence[tuple[str, ...]]]]] = {
    "network": (published.passes, _PRODUCT_LAWS),
    "gemm": (published.products, _PRODUCT_LAWS),
    "spd_inverse": (published.inversions, _FACTORISATION_LAWS),
    "eigh": (published.eigendecompositions, _FACTORISATION_LAWS),
}
#: FLOP/s of float32 products, data sheet. PyTorch keeps matrix products in float32; a fit above this saw no products.
PEAK: Final = 38.7e12
#: No range is narrower than this: totals over a network cannot show how a law errs at one size. Assumed.
MARGIN: Final = 1.1


@dataclass(frozen=True, slots=True)
class Constant:
    """A fitted constant of a law and the range it takes over the fits that identify it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A law of one primitive.

    Attributes:
        primitive: Its name in a card.
        terms: Names of its terms.
        constants: A constant for each term; a rate in FLOP/s.
        residuals: Predicted over measured less one, worst of each network, all networks fitted.
        left_out: The same for each network when it is left out of the fit.
    """

    primitive: str
    terms: tuple[str, ...]
    constants: dict[str, Constant]
    residuals: dict[str, float]
    left_out: dict[str, float]


def fit(primitive: str) -> Fit:
    """The law of a primitive that predicts left-out networks best; of equals, the one with fewer terms."""
    observe, laws = PRIMITIVES[primitive]
    observations = observe(MODES[0])
    scores = {terms: _score(observations, terms) for terms in laws}
    terms = next(terms for terms in laws if scores[terms] <= min(scores.values()) * (1 + 1e-6))
    coefficients = solve(observations, terms)
    constants = {term: _constant(term, coefficients[term], _alternatives(term, terms, observe)) for term in terms}
    residuals = {model: worst_error(_of(model, observations), coefficients) for model in MODELS}
    return Fit(primitive, terms, constants, residuals, left_out_errors(observations, terms))


def solve(observations: Sequence[Observation], terms: Sequence[str]) -> dict[str, float]:
    """Non-negative coefficients of some terms that minimise the squared relative error.

    >>> pair = [Observation("", "", "", 3.0, 1, 2, 0), Observation("", "", "", 5.0, 1, 4, 0)]
    >>> {term: round(value, 9) for term, value in solve(pair, ["launch", "element_time"]).items()}
    {'launch': 1.0, 'element_time': 1.0}
    """
    seconds = np.array([each.seconds for each in observations])
    columns = [TERMS.index(term) for term in terms]
    design = np.array([each.counts for each in observations])[:, columns] / seconds[:, None]
    scale = design.max(axis=0)
    solution, _ = nnls(design / scale, np.ones(len(seconds)))
    return dict(zip(terms, (float(value) for value in solution / scale), strict=True))


def predict(observation: Observation, coefficients: dict[str, float]) -> float:
    """Seconds a law gives for what was timed."""
    counts = dict(zip(TERMS, observation.counts, strict=True))
    return sum(counts[term] * coefficient for term, coefficient in coefficients.items())


def worst_error(observations: Sequence[Observation], coefficients: dict[str, float]) -> float:
    """Predicted over measured less one, the one furthest from zero."""
    return max((predict(each, coefficients) / each.seconds - 1 for each in observations), key=abs)


def left_out_errors(observations: Sequence[Observation], terms: Sequence[str]) -> dict[str, float]:
    """The worst error on each network when the others alone are fitted."""
    return {model: worst_error(_of(model, observations), _without(model, observations, terms)) for model in MODELS}


def _score(observations: Sequence[Observation], terms: Sequence[str]) -> float:
    """Root mean square of log(predicted / measured) over left-out networks: twice too long is as bad as half."""
    logs = [
        np.log(predict(each, _without(model, observations, terms)) / each.seconds)
        for model in MODELS
        for each in _of(model, observations)
    ]
    return float(np.sqrt(np.mean(np.square(logs))))


def _of(model: str, observations: Sequence[Observation]) -> list[Observation]:
    return [each for each in observations if each.model == model]


def _without(model: str, observations: Sequence[Observation], terms: Sequence[str]) -> dict[str, float]:
    return solve([each for each in observations if each.model != model], terms)


def _alternatives(term: str, terms: Sequence[str], observe: Observe) -> list[float]:
    """The coefficient of a term in the fits of both modes, each network left out; fits that cannot see it left out."""
    fits = []
    for mode in MODES:
        observations = observe(mode)
        fits += [solve(observations, terms), *(_without(model, observations, terms) for model in MODELS)]
    possible = [each for each in fits if each.get("rate", 1 / PEAK) >= 1 / PEAK]
    return [coefficients[term] for coefficients in possible if coefficients[term] > 0]


def _constant(term: str, coefficient: float, alternatives: Sequence[float]) -> Constant:
    low, high = min(*alternatives, coefficient / MARGIN), max(*alternatives, coefficient * MARGIN)
    if term == "rate":
        return Constant(1 / coefficient, 1 / high, 1 / low)
    return Constant(coefficient, low, high)


def report(fits: Sequence[Fit]) -> str:
    """The leave-one-network-out table."""
    lines = [f"{'primitive':12s} {'law':22s} {'network':20s} {'fitted':>8s} {'left out':>9s}"]
    for each in fits:
        for model in MODELS:
            law = " + ".join(each.terms)
            lines.append(
                f"{each.primitive:12s} {law:22s} {model:20s} {each.residuals[model]:+8.1%} {each.left_out[model]:+9.1%}"
            )
    gemm = {
        term: 1 / constant.value if term == "rate" else constant.value for term, constant in fits[1].constants.items()
    }
    for model, mode in ((published.HOST_BOUND_FACTORS, MODES[0]), (published.EAGER_PATCHES, MODES[1])):
        phase = published.factors(model, "KFAC-inverse-(fx)", mode)
        lines.append(f"not fitted: factors of {model}, {mode}: {predict(phase, gemm) / phase.seconds - 1:+.1%}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, print the table, write the card where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="card to write")
    options = parser.parse_args(arguments)
    fits = [fit(primitive) for primitive in PRIMITIVES]
    print(report(fits))
    if options.out:
        options.out.write_text(card_text.rtx_a6000(fits))


if __name__ == "__main__":
    main()
