"""Samples summed digitally: ledgers as the formulas have them, time to accuracy, and training."""

import math

import pytest
import torch

from costmodel import formulas
from solver import Accumulation, Converter, Link, Machine, invert
from solver.kfac import Cholesky, ThermoInverse
from tests.solver.test_columns_train import total

KAPPA, TAU, BANDWIDTH, LATENCY = 40.0, 2e-6, 3e9, 5e-7


def value(name: str, **values: float) -> float:
    formula = formulas.get(name)
    return formula.evaluate(**{letter: values[letter] for letter in formula.letters})


@pytest.mark.shows("ledger", "thermo.inverse.accumulated")
@pytest.mark.parametrize("rate", [1e9, 1e3])
@pytest.mark.parametrize(("n", "cells"), [(7, 7), (12, 4), (10, 4)])
def test_formulas_predict_the_ledger(spd, n: int, cells: int, rate: float) -> None:
    epsilon = 0.3
    run = Machine(
        tau_s=TAU, cells=cells, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH, LATENCY),
        conversion_rate_hz=rate, converters=2,
    )  # fmt: skip
    ledger = invert(
        spd(n, 30.0), run, error=epsilon, spacing=1.0, kappa=KAPPA, accumulation=Accumulation.DIGITAL
    ).ledger
    each = {
        "n": n, "m": cells, "kappa": KAPPA, "tau": TAU, "epsilon": epsilon, "W": BANDWIDTH, "t_l": LATENCY, "b_in": 16,
        "b_out": 12, "n_c": 2, "f_c": rate,
    }  # fmt: skip
    # whole samples of every block
    blocks = [min(cells, n - start) for start in range(0, n, cells)]
    counts = [value("thermo.sampling.covariance.samples", Delta=KAPPA * TAU, **{**each, "n": p}) for p in blocks]
    up = {p: math.ceil(count) / count for p, count in zip(blocks, counts, strict=True)}
    assert max(up.values()) < 1.03
    assert ledger.samples == sum(map(math.ceil, counts))
    for found, name in (
        (ledger.sampling_time_s, "sample.time"), (ledger.conversion_time_s, "convert.time"),
        (ledger.digital_flops - value("thermo.inverse.tiling.flops", **each), "flops"),
    ):  # fmt: skip
        law = value(f"thermo.accumulated.{name}", **each)
        assert law <= found <= max(up.values()) * law * (1 + 1e-9)
    link = value("thermo.inverse.upload.time", **each) + value("thermo.accumulated.link.time", **each)
    assert link <= ledger.link_time_s <= max(up.values()) * link * (1 + 1e-9)
    longest = max(ledger.sampling_time_s, ledger.conversion_time_s)
    rest = ledger.settling_time_s + value("thermo.inverse.upload.time", **each)
    assert ledger.time_s - rest == pytest.approx(longest, abs=len(blocks) * LATENCY * 1.01)


@pytest.mark.shows("accuracy", "thermo.inverse.accumulated")
def test_time_to_accuracy(spd) -> None:
    """Mean square of 100 errors, each known to its scatter: within four standard errors of the bound, or below it."""
    A = spd(5, 1.0).expand(100, 5, 5)
    estimate = invert(
        A, Machine(), error=0.1, spacing=1.0, burn_in_error=1e-6, seed=3, accumulation=Accumulation.DIGITAL
    ).estimate
    squared = ((estimate - torch.linalg.inv(A)) ** 2).sum((-1, -2)) / 5
    assert abs(squared.mean() - 0.1**2) < 4 * squared.std() / 10


@pytest.mark.shows("training", "thermo.inverse.accumulated")
def test_it_trains_as_exact_inverses_do() -> None:
    """Inverses off by 0.1: totals of five runs scatter by 5 %; two scatters are allowed. Seeds are fixed."""
    sampled = ThermoInverse(Machine(), error=0.1, spacing=1.0, accumulation=Accumulation.DIGITAL)
    assert total(sampled) <= 1.1 * total(Cholesky())
    assert sampled.ledger.digital_flops > 0
