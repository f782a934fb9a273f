"""Errors of preconditioned gradients by rounding and mismatch, on matrices whose spectra were measured."""

import numpy as np
import pytest

from costmodel.formulas import mismatch, quantization
from costmodel.formulas.accuracy import chain, couplings, moments, readings
from tests.formulas import spectra

#: Twenty layers of at most 260 dimensions; each in one random basis, seeds fixed.
LAYERS = [layer for layer in spectra.layers() if max(layer.A.n, layer.G.n) <= 260]


def steps(bits):
    return 2 ** (bits - 1) - 1


def rounded(values, bits, axis=None):
    """To the nearest of the steps on each side of zero, the range ending at the largest value."""
    step = np.abs(values).max(axis=axis, keepdims=axis is not None) / steps(bits)
    return np.round(values / step) * step


def symmetric(generator, n):
    noise = np.triu(generator.standard_normal((n, n)))
    return noise + np.triu(noise, 1).T


class Drawn:
    """A layer's factors and inverses in random bases, with a gradient like those of training."""

    def __init__(self, layer, seed=0):
        self.generator = np.random.default_rng(seed)
        (self.A, self.A_inverse, rootA), (self.G, self.G_inverse, rootG) = (
            factor.matrices(self.generator) for factor in layer.factors
        )
        self.gradient = rootA @ self.generator.standard_normal((layer.A.n, layer.G.n)) @ rootG
        self.direction = self.A_inverse @ self.gradient @ self.G_inverse

    @property
    def inverses(self):
        return self.A_inverse, self.G_inverse

    def error(self, A_inverse, G_inverse):
        return self.off(A_inverse @ self.gradient @ G_inverse)

    def off(self, direction):
        return np.linalg.norm(direction - self.direction) / np.linalg.norm(self.direction)


def typical(ratios, low, high):
    """The median within 10 % of 1, nine in ten between the two."""
    assert np.median(ratios) == pytest.approx(1, rel=0.1)
    assert low < np.quantile(ratios, 0.05)
    assert np.quantile(ratios, 0.95) < high


@pytest.mark.verifies("accuracy.couplings.rounding.error")
@pytest.mark.parametrize("bits", [9, 11, 13])
def test_rounded_couplings(bits):
    ratios, spectral = [], []
    for layer in LAYERS:
        drawn, found, bounds = Drawn(layer), [], []
        for factor, matrix in zip(layer.factors, (drawn.A, drawn.G), strict=True):
            chi = np.abs(matrix).max() / factor.damped.max()
            values = factor.values("m", "mu_2")
            found.append(couplings.rounding_error().evaluate(b_in=bits, chi=chi, **values))
            bounds.append(quantization.input_error().evaluate(b_in=bits, chi=chi, m=factor.n, kappa=factor.kappa))
        # A near multiple of one, or rounding past definiteness, is another matter: see below.
        if max(found) < 0.2 and min(factor.kappa for factor in layer.factors) > 2:
            error = drawn.error(*(np.linalg.inv(rounded(matrix, bits)) for matrix in (drawn.A, drawn.G)))
            ratios.append(spectra.random_errors(*np.square(found)) / error)
            spectral.append(max(bounds) / error)
    assert len(ratios) > 10
    typical(ratios, 0.7, 1.3)
    assert np.median(spectral) > 1.2


@pytest.mark.verifies("accuracy.couplings.rounding.bits")
def test_bits_of_couplings_that_keep_a_direction():
    for layer in LAYERS:
        for factor in layer.factors:
            needed = couplings.rounding_bits().evaluate(chi=0.1, epsilon_n=0.1, **factor.values("m", "mu_2"))
            one = couplings.rounding_error().evaluate(b_in=needed, chi=0.1, **factor.values("m", "mu_2"))
            assert spectra.random_errors(one**2, one**2) == pytest.approx(0.1)
            assert one == pytest.approx(chain.independent().evaluate(epsilon_n=0.1))


@pytest.mark.verifies("accuracy.couplings.peak")
def test_largest_entry_is_on_the_diagonal():
    generator = np.random.default_rng(2)
    rows = generator.exponential(size=(400, 60)) ** 2
    factor = rows.T @ rows / len(rows)
    alpha = np.linalg.eigvalsh(factor)
    damped = factor + 0.5 * np.eye(60)
    values = {"kappa": (alpha.max() + 0.5) / 0.5, "s_r": alpha.sum() / alpha.max(), "n": 60}
    psi = np.diag(factor).max() / np.diag(factor).mean()
    found = couplings.peak().evaluate(psi=psi, **values)
    assert found == pytest.approx(np.abs(damped).max() / (alpha.max() + 0.5))


@pytest.mark.verifies("accuracy.couplings.rounding.lost")
@pytest.mark.parametrize("step", [0.2, 1.0, 2.0, 3.0, 5.0, 8.0])
def test_share_of_normal_entries_that_rounding_takes_away(step):
    """By quadrature: what is left of the correlation of a normal number with itself, rounded to steps of that size."""
    x = np.linspace(-12, 12, 400_001)
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    kept = (x * np.round(x / step) * step * density).sum() * (x[1] - x[0])
    # Entries of rms 1 / n without damping (s_2 = 1), steps of chi / 127: chi = 127 step / n.
    n, kappa = 2000, 1e9
    lost = couplings.lost_share().evaluate(n=n, chi=127 * step / n, b_in=8, s_2=1, kappa=kappa, s_r=1)
    assert lost == pytest.approx(1 - kept, abs=0.19)
    if step <= 3:
        assert lost == pytest.approx(1 - kept, abs=0.03)


@pytest.mark.verifies("accuracy.couplings.rounding.lost_error")
def test_factors_of_which_a_share_is_lost():
    for share in (0.02, 0.3, 0.8, 1.0):
        ratios = []
        for factor in (factor for layer in LAYERS for factor in layer.factors):
            off = share * factor.alpha / (factor.damped - share * factor.alpha)
            exact = np.sqrt(factor.weights @ off**2)
            values = factor.values("kappa", "s_r", "s_2", "n", "d_e", "q")
            # bits are no whole number here: those at which the law of normal entries loses this share
            undamped = np.sqrt((factor.alpha**2).sum()) / factor.n / factor.damped.max()
            needed = np.sqrt(np.log(2 / share) / (2 * np.pi**2)) if share < 1 else 1e-3
            chi = min(1.0, 127 * undamped / needed)
            levels = needed * chi / undamped
            error = couplings.lost_error().evaluate(b_in=1 + np.log2(1 + max(levels, 1)), chi=chi, **values)
            if levels >= 1:
                ratios.append(error / exact)
        assert 0.5 < np.median(ratios) < 2
        assert np.quantile(ratios, 0.95) < 3


@pytest.mark.verifies("accuracy.couplings.rounding.total")
def test_rounding_past_definiteness_is_no_small_error():
    """Where the error by one inverse exceeds one half, eigenvalues fall below zero and directions are off by more."""
    past, order, judged = 0, [], 0
    for layer in LAYERS:
        drawn = Drawn(layer, seed=3)
        for factor, matrix, side in ((layer.A, drawn.A, 0), (layer.G, drawn.G, 1)):
            for bits in (4, 6, 8):
                values = factor.values("m", "n", "mu_2", "s_2", "kappa", "s_r", "d_e", "q")
                chi = np.abs(matrix).max() / factor.damped.max()
                total = couplings.rounding_total().evaluate(b_in=bits, chi=chi, **values)
                first = couplings.rounding_error().evaluate(b_in=bits, chi=chi, m=factor.n, mu_2=values["mu_2"])
                moved = rounded(matrix, bits)
                if first > 0.6 and factor.kappa > 3:
                    judged += 1
                    past += np.linalg.eigvalsh(moved)[0] <= 0
                    assert total >= first * (1 - 1e-9)
                elif 0.02 < first < 0.3 and factor.kappa > 3:
                    inverses = list(drawn.inverses)
                    inverses[side] = np.linalg.inv(moved)
                    order.append(total / drawn.error(*inverses))
    assert judged > 5
    assert past > 0.7 * judged
    assert 0.5 < np.median(order) < 1.3


@pytest.mark.verifies("accuracy.couplings.mismatch.error", "accuracy.couplings.mismatch.tolerance")
@pytest.mark.parametrize("delta", [0.001, 0.01])
def test_mismatched_couplings(delta):
    ratios, spectral = [], []
    for layer in LAYERS:
        drawn, found = Drawn(layer), []
        for factor in layer.factors:
            values = factor.values("n", "mu_2", "s_2")
            found.append(couplings.mismatch_error().evaluate(delta=delta, **values))
            tolerated = couplings.mismatch_tolerance().evaluate(epsilon_n=0.1, **values)
            if tolerated < 1:
                one = couplings.mismatch_error().evaluate(delta=tolerated, **values)
                assert spectra.random_errors(one**2, one**2) == pytest.approx(0.1)
        if max(found) < 0.2:
            inverses = (
                np.linalg.inv(matrix * (1 + delta * symmetric(drawn.generator, len(matrix))))
                for matrix in (drawn.A, drawn.G)
            )
            error = drawn.error(*inverses)
            ratios.append(spectra.random_errors(*np.square(found)) / error)
            kappa = max(factor.kappa for factor in layer.factors)
            spectral.append(mismatch.error().evaluate(delta=delta, kappa=kappa) / error)
    typical(ratios, 0.85, 1.2)
    # The bound in the spectral norm is several times the error of a gradient, and ten times at large condition numbers.
    assert np.max(spectral) > 10


@pytest.mark.verifies(
    "accuracy.readings.inverse.error", "accuracy.readings.inverse.lost_error", "accuracy.readings.inverse.total"
)
@pytest.mark.parametrize("bits", [6, 8, 11])
def test_inverses_read_with_few_bits(bits):
    ratios, random = [], []
    for layer in LAYERS:
        drawn, found, parts = Drawn(layer), [], []
        for factor in layer.factors:
            parts.append(readings.inverse_error().evaluate(b_out=bits, **factor.values("n", "kappa", "s_x")))
            lost = readings.inverse_lost_error().evaluate(b_out=bits, **factor.values("n", "kappa", "s_r", "d_e", "q"))
            total = readings.inverse_total().evaluate(
                b_out=bits, **factor.values("n", "kappa", "s_x", "s_r", "d_e", "q")
            )
            assert total == pytest.approx(np.hypot(parts[-1], lost))
            found.append(total)
        error = drawn.error(*(rounded(inverse, bits) for inverse in drawn.inverses))
        if error > 0.02:
            ratios.append(spectra.random_errors(*np.square(found)) / error)
            random.append(spectra.random_errors(*np.square(parts)) / error)
    typical(ratios, 0.6, 2)
    if bits == 6:  # entries of an inverse near a multiple of one are lost, which is no noise
        assert np.min(random) < 0.35 < 0.6 < np.min(ratios)


@pytest.mark.verifies("accuracy.readings.solution.error", "accuracy.readings.input.error")
@pytest.mark.parametrize("bits", [6, 8, 12])
def test_chained_solutions_read_and_fed_with_few_bits(bits):
    """Solutions of A for each column of the gradient, then of G for each row of those."""
    read, fed = [], []
    for layer in LAYERS:
        drawn = Drawn(layer)
        white = moments.white_gain().evaluate(**layer.G.values("mu_2", "s_x"))
        gains = ((layer.A, white), (layer.G, 1.0))
        found = [readings.solution_error().evaluate(n=factor.n, b_out=bits, h=gain) for factor, gain in gains]
        first = rounded(drawn.A_inverse @ drawn.gradient, bits, axis=0)
        error = drawn.off(rounded(first @ drawn.G_inverse, bits, axis=1))
        read.append(np.hypot(*found) / error)
        found = [
            readings.input_error().evaluate(b_in=bits, h=gain, **factor.values("n", "mu_2", "s_x"))
            for factor, gain in gains
        ]
        first = drawn.A_inverse @ rounded(drawn.gradient, bits, axis=0)
        error = drawn.off(rounded(first, bits, axis=1) @ drawn.G_inverse)
        fed.append(np.hypot(*found) / error)
    for ratios in (read, fed):
        assert 1 < np.median(ratios) < 1.3
        assert np.min(ratios) > 0.9
        assert np.max(ratios) < 1.7
