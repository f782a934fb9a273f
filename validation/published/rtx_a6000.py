"""Fit the laws of the RTX A6000 card to published phase times: ``python -m validation.published.rtx_a6000 --out FILE``.

Coefficients are non-negative and minimise the relative error. Three networks are few points for a law, so the law is
chosen by leaving each network out in turn, and what it errs by there is the range of what it says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.optimize import nnls

from costmodel.inputs.card_writer import dump
from costmodel.inputs.files import write_text
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import ConstantLaw
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import byte_per_second, flop_per_second, second
from validation.published import data as published
from validation.published.data import MODELS, MODES, Observation
from validation.published.discrepancy import scatter
from validation.published.power import board_power, idle_power

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


@dataclass(frozen=True, slots=True)
class PublishedFit:
    """A law of one primitive.

    Attributes:
        primitive: Its name in a card.
        terms: Names of its terms.
        coefficients: A coefficient for each term; that of a rate in seconds a FLOP.
        residuals: Predicted over measured less one, worst of each network, all networks fitted.
        left_out: The same for each network when it is left out of the fit.
    """

    primitive: str
    terms: tuple[str, ...]
    coefficients: dict[str, float]
    residuals: dict[str, float]
    left_out: dict[str, float]


def fit(primitive: str) -> PublishedFit:
    """The law of a primitive that predicts left-out networks best; of equals, the one with fewer terms."""
    observe, laws = PRIMITIVES[primitive]
    observations = observe(MODES[0])
    scores = {terms: _score(observations, terms) for terms in laws}
    terms = next(terms for terms in laws if scores[terms] <= min(scores.values()) * (1 + 1e-6))
    coefficients = solve(observations, terms)
    residuals = {model: worst_error(_of(model, observations), coefficients) for model in MODELS}
    return PublishedFit(primitive, terms, coefficients, residuals, left_out_errors(observations, terms))


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


def nested(primitive: str) -> Iterator[tuple[Quantity, float, float]]:
    """For every timed phase: scatter and seconds from the other networks alone, and seconds measured."""
    observations, terms = PRIMITIVES[primitive][0](MODES[0]), fit(primitive).terms
    for model in {each.model for each in observations}:
        others = [each for each in observations if each.model != model]
        law = solve(others, terms)
        known = {each.model for each in others}
        errors = [worst_error(_of(other, others), _without(other, others, terms)) for other in sorted(known)]
        found = scatter(errors, primitive)
        yield from ((found, predict(each, law), each.seconds) for each in _of(model, observations))


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


def report(fits: Sequence[PublishedFit]) -> str:
    """The leave-one-network-out table."""
    lines = [f"{'primitive':12s} {'law':22s} {'network':20s} {'fitted':>8s} {'left out':>9s}"]
    for each in fits:
        for model in MODELS:
            law = " + ".join(each.terms)
            lines.append(
                f"{each.primitive:12s} {law:22s} {model:20s} {each.residuals[model]:+8.1%} {each.left_out[model]:+9.1%}"
            )
    gemm = fits[1].coefficients
    for model, mode in ((published.HOST_BOUND_FACTORS, MODES[0]), (published.EAGER_PATCHES, MODES[1])):
        phase = published.factors(model, "KFAC-inverse-(fx)", mode)
        lines.append(f"not fitted: factors of {model}, {mode}: {predict(phase, gemm) / phase.seconds - 1:+.1%}")
    return "\n".join(lines)


_SOURCES: Final = {
    "network": "loss and gradient of all parameters; calls are factored matrices, forward and backward together",
    "gemm": "preconditioning with explicit inverses and factor products, two products for each layer and phase",
    "spd_inverse": "damping, Cholesky factor and explicit inverse, factor by factor; both backends",
    "eigh": "torch.linalg.eigh, factor by factor; later PyTorch versions choose other algorithms",
}
_UNITS: Final = {"launch": second, "element_time": second, "rate": flop_per_second}
_STREAM: Final = Quantity(
    650e9, 580e9, 710e9, byte_per_second, Status.ASSUMED,
    "not timed by the benchmark; data sheet peak 768 GB/s (GDDR6, 384 bit), of which 75 to 92 % is taken to be "
    "reached, 85 % nominally; an H100 and an H200 reach 90 % of theirs",
)  # fmt: skip
_COMMENT: Final = "Written by `python -m validation.published.rtx_a6000 --out FILE`; change the fit, not this file."


def card(fits: Sequence[PublishedFit]) -> DigitalCard:
    """The card: constants as fitted, and on each law a factor from its errors on networks left out."""
    return DigitalCard(
        name="rtx-a6000",
        title="NVIDIA RTX A6000, PyTorch 2.10 compiled, fitted to published K-FAC phase times; memory assumed",
        source="Phase times of the benchmark of f-dangel/curvlinops (MIT), PyTorch 2.10.0+cu128, float32, shortest of "
        "ten runs, three networks; validation/data/published/methodology.md. Compiled mode; in eager mode products "
        "have launches of 126 us. The scatter of a law is what it was off by on networks left out.",
        power=board_power("rtx-a6000"),
        idle_power=idle_power("rtx-a6000"),
        laws={**{fit.primitive: _law(fit) for fit in fits}, "stream": ConstantLaw(bandwidth=_STREAM)},
    )


def _law(fit: PublishedFit) -> ConstantLaw:
    sizes = [size for model in MODELS for size in published.factor_sizes(model)]
    # Whole passes have no one size.
    domain = None if fit.primitive == "network" else (float(min(sizes)), float(max(sizes)))
    what = f"fitted: {_SOURCES[fit.primitive]}"
    constants = {}
    for term, coefficient in fit.coefficients.items():
        value = float(f"{1 / coefficient if term == 'rate' else coefficient:.4g}")
        constants[term] = Quantity(value, value, value, _UNITS[term], Status.INTERPOLATED, what, domain)
    return ConstantLaw(**constants, scatter=scatter(list(fit.left_out.values()), _SOURCES[fit.primitive]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, print the table, write the card where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="card to write")
    options = parser.parse_args(arguments)
    fits = [fit(primitive) for primitive in PRIMITIVES]
    print(report(fits))
    if options.out:
        write_text(options.out, dump(card(fits), _COMMENT))


if __name__ == "__main__":
    main()
