"""The formulas of accuracy against K-FAC that was trained with flaws: nothing is fitted, spectra are half-way through.

Measured on an H100: the median over seeds of the error of all layers' directions together, by network and damping.
"""

import numpy as np
import pytest

from costmodel.formulas.accuracy import chain, couplings, sampling
from tests.formulas import spectra

NETWORKS = {"mlp_512": 0.1, "mlp_2048": 0.1, "gnn_256": 1e-3}  # and the damping that each was tuned to
#: By the error of each inverse in the Frobenius norm, sampled from independent vectors.
SAMPLED = {
    "mlp_512": {0.03: 0.049, 0.1: 0.165, 0.3: 0.499, 1.0: 2.13},
    "mlp_2048": {0.03: 0.050, 0.1: 0.167, 0.3: 0.529, 1.0: 2.17},
    "gnn_256": {0.03: 0.059, 0.1: 0.187, 0.3: 0.562, 1.0: 2.99},
}
#: By the same, columns settled too briefly.
SETTLED = {
    "mlp_512": {0.1: 0.138, 0.3: 0.406, 0.6: 0.738, 0.9: 0.976},
    "mlp_2048": {0.1: 0.141, 0.3: 0.416, 0.6: 0.761, 0.9: 0.977},
    "gnn_256": {0.1: 0.133, 0.3: 0.403, 0.6: 0.746, 0.9: 0.972},
}
#: By bits of the couplings.
ROUNDED = {
    "mlp_512": {8: 0.13, 6: 3.0, 4: 4.9},
    "mlp_2048": {8: 0.58, 6: 5.3, 4: 2.9},
    "gnn_256": {8: 0.20, 6: 3.3, 4: 11.4},
}


def sampled(layer, error):
    """Error of a direction by as many vectors as make that error of each inverse in the Frobenius norm."""
    squares = []
    for factor in layer.factors:
        inverse = 1 / factor.damped
        count = (inverse.sum() ** 2 / (inverse**2).sum() + 1) / error**2
        needed = sampling.samples().evaluate(epsilon_n=0.1, **factor.values("n", "d_e", "q"))
        squares.append(chain.independent().evaluate(epsilon_n=0.1) ** 2 * needed / count)
    return spectra.random_errors(*squares)


def settled(layer, error):
    """Error of a direction by runs that leave that error of each inverse in the Frobenius norm."""
    left = []
    for factor in layer.factors:
        weights, low, high = factor.damped**-2, 0.0, 30.0
        for _ in range(50):
            y = (low + high) / 2
            found = np.sqrt(weights @ np.exp(-2 * y * factor.damped / factor.gamma) / weights.sum())
            low, high = (y, high) if found > error else (low, y)
        left.append(np.exp(-low * factor.damped / factor.gamma))
    return spectra.filtered(layer, *left)


def rounded(layer, bits):
    """Error of a direction by rounded factors, the largest diagonal entry taken for six times the mean."""
    squares = []
    for factor in layer.factors:
        values = factor.values("m", "n", "mu_2", "s_2", "kappa", "s_r", "d_e", "q")
        peak = {"psi": min(6.0, factor.n / values["s_r"])} | factor.values("kappa", "s_r", "n")
        chi = couplings.peak().evaluate(**peak)
        squares.append(couplings.rounding_total().evaluate(b_in=bits, chi=chi, **values) ** 2)
    return spectra.random_errors(*squares)


def ratios(measured, direction):
    """Predicted over measured, every layer weighing as much as its exact direction."""
    found = []
    for network, errors in measured.items():
        every = spectra.layers(spectra.ROUNDED, dampings=(NETWORKS[network],))
        layers = [layer for layer in every if layer.name.startswith(network)]
        power = [np.prod([(factor.alpha / factor.damped**2).sum() for factor in layer.factors]) for layer in layers]
        for flaw, error in errors.items():
            squares = [direction(layer, flaw) ** 2 for layer in layers]
            found.append(np.sqrt(np.average(squares, weights=power)) / error)
    return np.array(found)


@pytest.mark.parametrize(("measured", "direction"), [(SAMPLED, sampled), (SETTLED, settled)])
def test_directions_sampled_and_settled(measured, direction):
    found = ratios(measured, direction)
    assert len(found) == 12
    assert np.median(found) == pytest.approx(1, abs=0.1)
    assert found.min() > 0.8
    assert found.max() < 1.2


def test_directions_by_rounded_factors():
    """Real factors, whose entries are not normal: the order of magnitude, over two of them."""
    off = np.exp(np.abs(np.log(ratios(ROUNDED, rounded))))
    assert np.median(off) < 1.6
    assert off.max() < 3.2
