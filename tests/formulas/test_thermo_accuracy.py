"""What limits accuracy, on rounded and disturbed matrices with designed spectra."""

import math
from itertools import product

import numpy as np
import pytest
import scipy.linalg

from costmodel.formulas import converters, deflation, mismatch, noise, quantization
from tests.formulas.designed import logarithmic, with_spectrum, worst_for_noise

BOLTZMANN = 1.380649e-23


def rounded(A, bits):
    """To the nearest of 2^(bits-1) - 1 steps on each side of zero, the largest entry being the last step."""
    step = np.abs(A).max() / (2 ** (bits - 1) - 1)
    return np.round(A / step) * step


def bulk(n, kappa):
    """Sixteen modes at 1, the rest at 1 / kappa: entries are dense, and most modes feel a disturbance fully."""
    return np.array([*[1 / kappa] * (n - 16), *[1.0] * 16])


# --- quantization ----------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.quantization.input.norm")
@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("n", [64, 256, 512])
def test_norm_of_rounding(n, bits):
    A, _ = with_spectrum(logarithmic(n, 50.0))
    found = np.linalg.norm(rounded(A, bits) - A, 2)
    promised = quantization.input_norm().evaluate(m=n, b_in=bits, chi=np.abs(A).max())
    assert found == pytest.approx(promised, rel=0.12)  # the edge of a random spectrum, approached as n^(-2/3)


def test_largest_entry_of_a_positive_matrix_is_at_most_its_largest_eigenvalue():
    for seed in range(5):
        A, _ = with_spectrum(logarithmic(20, 1000.0), seed)
        assert np.abs(A).max() <= 1.0


@pytest.mark.verifies("thermo.quantization.input.error")
@pytest.mark.parametrize(("kappa", "bits"), [(5.0, 10), (20.0, 12), (50.0, 14)])
def test_rounding_moves_the_inverse_by_kappa_times_its_norm(kappa, bits):
    n = 256
    A, _ = with_spectrum(bulk(n, kappa))
    inverse = np.linalg.inv(A)
    found = np.linalg.norm(np.linalg.inv(rounded(A, bits)) - inverse, 2) / np.linalg.norm(inverse, 2)
    promised = quantization.input_error().evaluate(m=n, b_in=bits, chi=np.abs(A).max(), kappa=kappa)
    assert found <= 1.1 * promised / (1 - promised)
    assert found > 0.85 * promised  # met where the bulk of the spectrum lies at 1 / kappa


@pytest.mark.verifies("thermo.quantization.input.bits")
@pytest.mark.parametrize("kappa", [10.0, 100.0])
@pytest.mark.parametrize("epsilon", [0.1, 0.01])
def test_bits_that_keep_the_inverse_within_epsilon(kappa, epsilon):
    n = 256
    A, _ = with_spectrum(bulk(n, kappa))
    inverse, chi = np.linalg.inv(A), np.abs(A).max()
    needed = quantization.input_bits().evaluate(m=n, chi=chi, kappa=kappa, epsilon=epsilon)
    errors = [
        np.linalg.norm(np.linalg.inv(rounded(A, bits)) - inverse, 2) / np.linalg.norm(inverse, 2)
        for bits in (math.ceil(needed), math.ceil(needed) - 3)
    ]
    assert errors[0] <= epsilon
    assert errors[1] > epsilon
    # exactly the bits at which the bound kappa |E| / (1 - kappa |E|) is epsilon
    norm = quantization.input_norm().evaluate(m=n, b_in=needed, chi=chi)
    assert kappa * norm / (1 - kappa * norm) == pytest.approx(epsilon)


@pytest.mark.verifies("thermo.quantization.definite.bits")
def test_too_few_bits_lose_positive_definiteness():
    n, kappa = 512, 100.0
    A, _ = with_spectrum(bulk(n, kappa))
    needed = quantization.definite_bits().evaluate(m=n, chi=np.abs(A).max(), kappa=kappa)
    assert np.linalg.eigvalsh(rounded(A, math.ceil(needed)))[0] > 0
    assert np.linalg.eigvalsh(rounded(A, math.floor(needed) - 1))[0] < 0


def test_rounding_errors_of_a_rank_one_matrix_are_not_independent():
    """Where the law fails: entries below half a step vanish together. Only the sum over a row bounds that."""
    n, bits = 256, 10
    A, _ = with_spectrum(worst_for_noise(n, 5.0))
    found = np.linalg.norm(rounded(A, bits) - A, 2)
    law = quantization.input_norm().evaluate(m=n, b_in=bits, chi=np.abs(A).max())
    step = np.abs(A).max() / (2 ** (bits - 1) - 1)
    assert 1.2 * law < found < n * step / 2


@pytest.mark.verifies("thermo.quantization.output.inverse.error", "thermo.quantization.output.solve.error")
def test_output_rounding():
    n, bits = 512, 9
    A, _ = with_spectrum(logarithmic(n, 50.0))
    X = np.linalg.inv(A)
    found = np.linalg.norm(rounded(X, bits) - X, 2) / np.linalg.norm(X, 2)
    assert found <= quantization.output_inverse_error().evaluate(m=n, b_out=bits)
    # The bound is met where the inverse is a large multiple of one, but for one mode.
    X = np.linalg.inv(with_spectrum(worst_for_noise(n, 50.0))[0])
    found = np.linalg.norm(rounded(X, 20) - X, 2) / np.linalg.norm(X, 2)
    assert found == pytest.approx(quantization.output_inverse_error().evaluate(m=n, b_out=20), rel=0.1)
    # One large entry is the worst case of a solution: all others round to zero and lose what they are.
    step = 1.0 / (2 ** (bits - 1) - 1)
    x = np.array([1.0, *(step * np.linspace(-0.4999, 0.4999, n - 1))])
    found = np.linalg.norm(rounded(x, bits) - x) / np.linalg.norm(x)
    assert found == pytest.approx(quantization.output_solve_error().evaluate(m=n, b_out=bits), rel=0.01)


@pytest.mark.verifies("thermo.quantization.averaged.error")
def test_stochastic_roundings_average_out_up_to_a_bias():
    """All 2^10 roundings of the 10 couplings of a 4x4 block, weighted by their probabilities: exact expectations."""
    bits, kappa, n = 8, 10.0, 4
    A, _ = with_spectrum(worst_for_noise(n, kappa), seed=3)
    inverse = np.linalg.inv(A)
    step = np.abs(A).max() / (2 ** (bits - 1) - 1)
    upper = np.triu_indices(n)
    base, up = np.floor(A[upper] / step), A[upper] / step % 1
    mean, second, variance = np.zeros((n, n)), 0.0, 0.0
    for choice in product((0, 1), repeat=len(base)):
        chance = np.prod(np.where(choice, up, 1 - up))
        R = np.zeros((n, n))
        R[upper] = (base + choice) * step
        R = R + np.triu(R, 1).T
        X = np.linalg.inv(R)
        mean += chance * X
        second += chance * np.linalg.norm(X - inverse, 2) ** 2
        variance += chance * ((R - A) ** 2).sum()
    bias = np.linalg.norm(mean - inverse, 2) / np.linalg.norm(inverse, 2)
    once = np.sqrt(second) / np.linalg.norm(inverse, 2)
    values = {"m": n, "b_in": bits, "chi": np.abs(A).max(), "kappa": kappa}
    x = quantization.averaged_error().evaluate(N_r=1, **values)
    floor = quantization.averaged_error().evaluate(N_r=1e12, **values)
    assert floor == pytest.approx(x**2 / 4, rel=0.01)
    # Variance of an entry is f (1 - f) step^2, whose mean over all fractions f is 1/6: up to that, the law is met.
    relative_variance = variance / n**2 / (step**2 / 6)
    assert once <= x * np.sqrt(relative_variance) * 1.1
    assert 0 < bias <= floor * relative_variance * 1.5
    assert bias < once**2 < once  # first order is gone


# --- mismatch --------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.mismatch.norm", "thermo.mismatch.error")
def test_mismatch_is_a_floor_of_two_kappa_delta():
    n, delta = 256, 1e-3
    pattern = np.random.default_rng(5).standard_normal((n, n))
    pattern = np.triu(pattern) + np.triu(pattern, 1).T
    dense = np.ones((n, n)) / n  # every row of its deviations is sqrt(1 / n) long
    found = np.linalg.norm(delta * pattern * dense, 2)
    assert found <= mismatch.norm().evaluate(delta=delta)
    for kappa in (10.0, 50.0):
        A, _ = with_spectrum(worst_for_noise(n, kappa))
        E = delta * pattern * A
        assert np.linalg.norm(E, 2) <= mismatch.norm().evaluate(delta=delta)
        inverse = np.linalg.inv(A)
        error = np.linalg.norm(np.linalg.inv(A + E) - inverse, 2) / np.linalg.norm(inverse, 2)
        bound = mismatch.error().evaluate(delta=delta, kappa=kappa)
        assert error <= bound / (1 - bound)
        assert bound == pytest.approx(kappa * mismatch.norm().evaluate(delta=delta))
    # Rows of norm 1 attain it: +-1 / sqrt(n) everywhere, with eigenvalues +-1 (no factor, but it leaves no slack).
    flat = scipy.linalg.hadamard(n) / np.sqrt(n)
    assert np.linalg.norm(delta * pattern * flat, 2) == pytest.approx(mismatch.norm().evaluate(delta=delta), rel=0.05)


@pytest.mark.verifies("thermo.mismatch.tolerance")
def test_tolerance_is_where_the_bound_is_met():
    delta = mismatch.tolerance().evaluate(epsilon=0.1, kappa=30.0)
    bound = mismatch.error().evaluate(delta=delta, kappa=30.0)
    assert bound / (1 - bound) == pytest.approx(0.1)


# --- thermal noise ---------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.noise.thermal.variance")
@pytest.mark.parametrize("capacitance", [1e-15, 1e-12, 1e-9])
def test_ktc_is_the_johnson_noise_of_a_resistor_through_its_rc(capacitance):
    from scipy.integrate import quad

    for resistance in (1e3, 1e5):
        corner = 1 / (resistance * capacitance)
        # 4 kT R per Hz through |1 / (1 + i w RC)|^2, over all frequencies f = w / 2 pi; w in units of the corner
        share, _ = quad(lambda w: 1 / (1 + w**2), 0, np.inf)
        johnson = 4 * BOLTZMANN * 300 * resistance * share * corner / (2 * math.pi)
        assert noise.thermal_variance().evaluate(E_T=BOLTZMANN * 300, C=capacitance) == pytest.approx(johnson)


@pytest.mark.verifies("thermo.noise.thermal.bits", "thermo.noise.relaxation_time")
def test_bits_capacitance_and_speed_are_one_choice():
    # The table of thermal-only effective bits at 1 V peak to peak: 8 b 3.3 fF, 12 b 0.83 pF, 16 b 213 pF.
    for bits, capacitance in ((8, 3.26e-15), (12, 0.834e-12), (16, 213.5e-12)):
        found = noise.capacitance_floor().evaluate(E_T=BOLTZMANN * 300, b_out=bits, V=1.0)
        assert found == pytest.approx(capacitance, rel=0.01)
        assert noise.thermal_bits().evaluate(E_T=BOLTZMANN * 300, C=found, V=1.0) == pytest.approx(bits)
        floor = noise.relaxation_floor().evaluate(E_T=BOLTZMANN * 300, b_out=bits, V=1.0, R=1e3)
        assert floor == pytest.approx(1e3 * found)
    # 6.02 dB a bit and 1.76 dB: the exact signal-to-noise ratio of an ideal converter of a full-scale sine
    by_decibels = 8 * 10 ** ((6.0206 * 16 + 1.76) / 10)
    assert by_decibels == pytest.approx(12 * 4**16, rel=1e-3)


@pytest.mark.verifies("thermo.noise.averaged.bits")
def test_averaging_readings_buys_half_a_bit_a_doubling():
    """The mean of independent readings has their variance over their number, as a larger capacitor would."""
    for readings in (1, 2, 16, 1000):
        once, mean = (
            noise.thermal_bits().evaluate(E_T=BOLTZMANN * 300, C=1e-12 * times, V=1.0) for times in (1, readings)
        )
        assert noise.averaged_bits().evaluate(N_r=readings) == pytest.approx(mean - once, abs=1e-12)


@pytest.mark.verifies("thermo.noise.capacitance")
def test_rounding_noise_of_an_ideal_converter_by_quadrature():
    from scipy.integrate import quad

    bits, swing = 10, 1.0
    step = swing / 2**bits
    variance, _ = quad(lambda x: x**2 / step, -step / 2, step / 2, epsabs=0)
    capacitance = noise.capacitance_floor().evaluate(E_T=BOLTZMANN * 300, b_out=bits, V=swing)
    assert noise.thermal_variance().evaluate(E_T=BOLTZMANN * 300, C=capacitance) == pytest.approx(variance)


@pytest.mark.verifies("thermo.noise.injected.rms", "thermo.noise.injected.ratio")
def test_injected_noise_fits_the_range():
    kappa, swing = 50.0, 1.0
    rms = noise.injected_rms().evaluate(V=swing, kappa=kappa)
    loudest = np.sqrt(np.linalg.inv(np.diag(logarithmic(8, kappa)))[0, 0]) * rms
    assert 5 * loudest == pytest.approx(swing / 2)
    ratio = noise.injected_to_thermal().evaluate(V=swing, kappa=kappa, C=1e-9, E_T=BOLTZMANN * 300)
    assert ratio == pytest.approx(rms**2 / (BOLTZMANN * 300 / 1e-9))


# --- converters ------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.converter.energy")
@pytest.mark.parametrize(("bits", "rate"), [(6, 1e9), (10, 1e6), (12, 1e8), (16, 5e6)])
def test_converter_energy_by_figure_of_merit(bits, rate):
    thermal_db, speed_db, walden = 183.0, 259.0, 5e-15
    merit = min(thermal_db, speed_db - 10 * math.log10(rate))
    ratio_db = 10 * math.log10(1.5 * 4**bits)
    expected = max(0.5 * 10 ** ((ratio_db - merit) / 10), walden * 2**bits)
    found = converters.energy().evaluate(
        b_out=bits, f_c=rate, e_q=10 ** (-thermal_db / 10), e_f=10 ** (-speed_db / 10), e_w=walden
    )
    assert found == pytest.approx(expected)


@pytest.mark.verifies("thermo.converter.thermal_energy")
def test_converters_stay_above_thermal_noise():
    # 8 kT SNR is a figure of merit of 191.8 dB at 300 K; the best published has 189.2 dB.
    merit = 10 * math.log10(1.5 * 4**12 / 2 / converters.thermal_energy().evaluate(E_T=BOLTZMANN * 300, b_out=12))
    assert merit == pytest.approx(191.8, abs=0.05)


@pytest.mark.verifies("thermo.converter.rate")
@pytest.mark.parametrize(("bits", "rate"), [(7.5, 18e9), (9.5, 6.4e9), (11.5, 6.4e9), (13.5, 40e6), (15.5, 5e6)])
def test_converter_rate_covers_what_has_been_built(bits, rate):
    assert converters.rate().evaluate(f_r=18e9, b_out=bits) >= rate * (1 - 1e-9)
    assert converters.rate().evaluate(f_r=18e9, b_out=bits) <= 2 * rate


@pytest.mark.verifies("thermo.converter.input.energy")
def test_input_converters_follow_the_best_that_have_been_built():
    """The most frugal converters of the survey: one law over nine bits is right on average, each within 1.5."""
    best = {7: 1.4e-12, 8: 3.1e-12, 12: 12.5e-12, 14: 17.7e-12, 16: 58e-12}
    at_8_bits = 1.4e-12 * 2**0.6
    off = [
        math.log(converters.input_energy().evaluate(e_d=at_8_bits, b_in=bits) / energy) for bits, energy in best.items()
    ]
    assert max(map(abs, off)) < math.log(1.5)
    assert abs(sum(off) / len(off)) < 0.03


# --- deflation -------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.deflation.condition_number")
@pytest.mark.parametrize("gap", [2.0, 10.0, 40.0])
def test_deflation_divides_kappa_by_the_gap(gap):
    n, damping = 10, 0.01
    factor = np.array([*[0.0] * (n - 2), 1 / gap, 1.0])  # rank two, then damped
    A, basis = with_spectrum(factor + damping)
    top = basis[:, -1:]
    deflated = A - (1 - 1 / gap) * top @ top.T
    found = np.linalg.cond(deflated)
    kappa = np.linalg.cond(A)
    assert found == pytest.approx(deflation.condition_number().evaluate(kappa=kappa, eta=gap))
    # Sherman-Morrison puts the mode back, for an inexact direction too.
    rough = top + 0.1 * np.ones((n, 1)) / np.sqrt(n)
    rough /= np.linalg.norm(rough)
    strength = 0.5 * (1 - 1 / gap)
    X = np.linalg.inv(A - strength * rough @ rough.T)
    w = X @ rough
    restored = X - strength / (1 + strength * (rough.T @ w)) * (w @ w.T)
    assert restored == pytest.approx(np.linalg.inv(A), rel=1e-8, abs=1e-8)


@pytest.mark.verifies("thermo.deflation.condition_number_bound")
@pytest.mark.parametrize("rest", [[0.05] * 4, [0.2], [0.1, 0.1], [0.9, 0.8]])
def test_deflation_from_the_stable_rank(rest):
    damping = 0.01
    factor = np.array([1.0, *rest, 0.0, 0.0])
    stable_rank = factor.sum()
    kappa = (1 + damping) / damping
    left = (max(rest) + damping) / damping
    bound = deflation.condition_number_bound().evaluate(kappa=kappa, s_r=stable_rank)
    assert left <= bound * (1 + 1e-9)
    if len(rest) == 1:  # all the rest in one mode: the bound is met
        assert left == pytest.approx(bound)


@pytest.mark.verifies("thermo.deflation.find.flops", "thermo.deflation.inverse.flops", "thermo.deflation.solve.flops")
def test_deflation_flops_by_counting():
    n, k, iterations = 30, 7, 4
    # one iteration: A times two vectors; at the end A V once more (4 n^2) and A - c v v^T (2 n^2)
    assert deflation.find_flops().evaluate(n=n, N_p=iterations) == iterations * 2 * n * n * 2 + 4 * n * n + 2 * n * n
    # w = X v, then X - c w w^T
    assert deflation.inverse_flops().evaluate(n=n) == 2 * n * n + 2 * n * n
    # v^T Y, then Y - w (...)
    assert deflation.solve_flops().evaluate(n=n, k=k) == 2 * n * k + 2 * n * k


@pytest.mark.verifies("thermo.noise.solution.ratio")
@pytest.mark.parametrize("n", [64, 512])
def test_the_largest_input_whose_solution_stays_within_full_scale(n):
    """Normal solutions of a random matrix, scaled until their largest entry is half the full scale.

    The largest of n is a tenth below sqrt(2 ln(2 n)) at the median, so the noise ratio is up to a third above.
    """
    rng = np.random.default_rng(0)
    eigenvalues = np.geomspace(1 / 50, 1, n)
    basis, _ = np.linalg.qr(rng.standard_normal((n, n)))
    matrix = basis * eigenvalues @ basis.T
    solutions = rng.standard_normal((n, 400))
    inputs = matrix @ solutions
    gain = np.sum(solutions**2) / np.sum(inputs**2)
    scale = 0.5 / np.abs(solutions).max(0)
    noise_power = 1e-12  # kT / C over the full scale squared, which is nu
    exact = noise_power / np.median(np.sum((inputs * scale) ** 2, 0))
    found = noise.solution_ratio().evaluate(nu=noise_power, n=n, s_x=gain)
    assert exact < found < 1.5 * exact
