"""Preconditioned gradients by the simulated machine: its flaws as the formulas of accuracy say, on measured spectra.

Seeds are fixed. An error of thousands of random numbers scatters by a few per cent; a wrong formula is off by a half.
"""

import numpy as np
import pytest
import torch
from torch import Tensor

from costmodel.formulas.accuracy import couplings, moments, readings, sampling, settling
from solver import Converter, Machine, invert, solve
from tests.formulas import spectra

#: Layers of a perceptron, a graph network and a convolution, of at most 150 dimensions.
LAYERS = [layer for layer in spectra.layers(largest=150) if min(factor.kappa for factor in layer.factors) > 1.5]


class Drawn:
    """A layer's factors in random bases, scaled to a largest eigenvalue of 1, and a gradient like those of training."""

    def __init__(self, layer: spectra.Layer) -> None:
        generator = np.random.default_rng(7)
        matrices = [factor.matrices(generator) for factor in layer.factors]
        scales = [factor.damped.max() for factor in layer.factors]
        self.A, self.G = (torch.tensor(each[0] / top) for each, top in zip(matrices, scales, strict=True))
        noise = generator.standard_normal((layer.A.n, layer.G.n))
        self.gradient = torch.tensor(matrices[0][2] @ noise @ matrices[1][2])
        self.direction = torch.linalg.solve(self.A, self.gradient) @ torch.linalg.inv(self.G)

    def off(self, direction: Tensor) -> float:
        return float((direction - self.direction).norm() / self.direction.norm())

    def inverted(self, machine: Machine, **plan: object) -> float:
        """Error of the direction by Method 1, ``plan`` giving a value for each factor."""
        A, G = (
            invert(matrix, machine, seed=seed, **{name: values[seed] for name, values in plan.items()}).estimate
            for seed, matrix in enumerate((self.A, self.G))
        )
        return self.off(A @ self.gradient @ G)

    def solved(self, machine: Machine, **plan: float) -> float:
        """Error of the direction by Method 2: A against columns of the gradient, then G against rows of that."""
        first = solve(self.A, self.gradient, machine, seed=0, **plan).estimate
        return self.off(solve(self.G, first.mT.contiguous(), machine, seed=1, **plan).estimate.mT)


@pytest.mark.parametrize("layer", LAYERS[::3], ids=lambda layer: layer.name)
def test_method_1_sampled_to_the_tolerance(layer: spectra.Layer) -> None:
    target = 0.3
    each = [
        sampling.covariance_tolerance().evaluate(epsilon_n=target, **factor.values("n", "d_e", "q"))
        for factor in layer.factors
    ]
    found = Drawn(layer).inverted(
        Machine(injected_noise=0.1), error=each, burn_in_error=[1e-3, 1e-3], spacing=[0.1, 0.1]
    )
    assert found == pytest.approx(target, rel=0.3)


@pytest.mark.parametrize("layer", LAYERS[::3], ids=lambda layer: layer.name)
def test_method_2_settled_to_the_tolerance(layer: spectra.Layer) -> None:
    target = 0.6
    found = Drawn(layer).solved(
        Machine(), averaging_time_s=0.0, settle_error=settling.tolerance().evaluate(epsilon_t=target)
    )
    assert 0.3 * target < found <= target
    q = np.mean([factor.moments.damping_share for factor in layer.factors])
    closer = settling.spectrum_tolerance().evaluate(epsilon_t=target, q=q)
    again = Drawn(layer).solved(Machine(), averaging_time_s=0.0, settle_error=closer)
    assert found <= again < 1.1 * target


@pytest.mark.parametrize("delta", [0.003, 0.01])
def test_mismatch_of_method_2(delta: float) -> None:
    ratios = []
    for layer in LAYERS:
        parts = [
            couplings.mismatch_error().evaluate(delta=delta, **factor.values("n", "mu_2", "s_2"))
            for factor in layer.factors
        ]
        if max(parts) < 0.2:
            found = Drawn(layer).solved(Machine(mismatch=delta), averaging_time_s=0.0, settle_error=1e-6)
            ratios.append(spectra.random_errors(*np.square(parts)) / found)
    assert len(ratios) > 4
    assert np.median(ratios) == pytest.approx(1, abs=0.15)
    assert np.min(ratios) > 0.6
    assert np.max(ratios) < 1.5


@pytest.mark.parametrize("bits", [8, 12])
def test_readings_of_method_2(bits: int) -> None:
    ratios = []
    for layer in LAYERS:
        white = moments.white_gain().evaluate(**layer.G.values("mu_2", "s_x"))
        parts = [
            readings.solution_error().evaluate(n=factor.n, b_out=bits, h=gain)
            for factor, gain in ((layer.A, white), (layer.G, 1.0))
        ]
        found = Drawn(layer).solved(Machine(adc=Converter(bits)), averaging_time_s=0.0, settle_error=1e-6)
        ratios.append(np.hypot(*parts) / found)
    assert 0.8 < np.median(ratios) < 1.5
    assert np.min(ratios) > 0.5
    assert np.max(ratios) < 3
