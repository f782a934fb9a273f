"""Inverses of trained factors read block by block: rounding spreads where the formula says that pivots lose hold."""

import numpy as np
import pytest
import torch

from costmodel.formulas.accuracy import readings, tiled
from solver import Converter, Machine, MatrixError, invert_by_columns
from tests.formulas import spectra

FACTORS = [
    factor for layer in spectra.layers(largest=150) for factor in layer.factors if factor.kappa > 1.5 and factor.n > 64
]


def error(factor: spectra.Factor, bits: int, cells: int) -> float:
    """Of gradients, by a tiled inverse; infinite where a pivot is no longer definite."""
    generator = np.random.default_rng(5)
    matrix, _, root = factor.matrices(generator)
    A = torch.tensor(matrix / factor.damped.max())
    gradient = torch.tensor(root @ generator.standard_normal((factor.n, 20)))
    exact = torch.linalg.solve(A, gradient)
    try:
        machine = Machine(adc=Converter(bits), cells=cells)
        inverse = invert_by_columns(A, machine, settle_error=1e-8).estimate
    except MatrixError:
        return np.inf
    return float((inverse @ gradient - exact).norm() / exact.norm())


@pytest.mark.verifies("accuracy.tiled.amplification")
def test_rounding_of_tiled_inverses_on_trained_factors() -> None:
    kept, lost = [], []
    for factor in FACTORS:
        for bits in (6, 8, 10):
            for cells in (16, 32):
                whole = readings.inverse_total().evaluate(
                    b_out=bits, **factor.values("n", "kappa", "s_x", "s_r", "d_e", "q")
                )
                grown = tiled.amplification().evaluate(n=factor.n, m=cells, kappa=factor.kappa, b_out=bits)
                (kept if grown == 1 else lost).append(error(factor, bits, cells) / whole)
    assert len(kept) > 40
    assert 0.1 < np.median(kept) < 0.5
    assert np.max(kept) < 1.1
    assert len(lost) > 5
    assert np.isinf(lost).any()
    assert np.isinf(kept).sum() == 0


def test_without_tiling_there_is_nothing_to_amplify() -> None:
    assert tiled.amplification().evaluate(n=64, m=64, kappa=1e4, b_out=4) == 1
