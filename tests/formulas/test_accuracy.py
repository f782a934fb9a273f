"""Errors of preconditioned gradients on measured spectra: settling, sampling and digital iterations."""

import numpy as np
import pytest

from costmodel.formulas import averaging, inverse, kfac, solve, transient, underdamped
from costmodel.formulas.accuracy import chain, iterations, moments, power_law, sampling, settling, split, tolerances
from tests.formulas import spectra

LAYERS = spectra.layers()
EPSILONS = (0.03, 0.1, 0.3, 0.6)


def summary(ratios):
    """Median, and the worst of the lower and of the upper side."""
    return np.median(ratios), np.min(ratios), np.max(ratios)


# --- moments ----------------------------------------------------------------------------------------------------------


@pytest.mark.verifies(
    "accuracy.moments.inverse_square", "accuracy.moments.solution_gain", "accuracy.moments.white_gain"
)
def test_moments_are_sums_over_modes():
    for factor in (factor for layer in LAYERS for factor in layer.factors):
        sums = factor.values("mu_2", "s_x")
        mu_2 = moments.inverse_square().evaluate(**factor.values("kappa", "n", "d_e", "q"))
        assert mu_2 == pytest.approx(sums["mu_2"], rel=1e-8)
        s_x = moments.solution_gain().evaluate(**factor.values("kappa", "s_r", "d_e", "q"))
        assert s_x == pytest.approx(sums["s_x"], rel=1e-8)
        # The inverse enlarges white noise by the root of the mean of 1 / lambda^2, a gradient by its own mean of it.
        white = np.sqrt((factor.damped**-2).mean())
        gradient = np.sqrt(factor.alpha @ factor.damped**-2 / factor.alpha.sum())
        assert moments.white_gain().evaluate(mu_2=mu_2, s_x=s_x) == pytest.approx(white / gradient, rel=1e-8)


SPECTRA = [(3, 5.0, 1.5, 3.0, 1.0), (9, 30.0, 4.0, 1.0, 0.3), (40, 1e3, 1.2, 6.0, 2.5), (3000, 100.0, 8.0, 2.0, 1.1)]


@pytest.mark.parametrize(("n", "kappa", "s_r", "eta", "s_d"), [*SPECTRA, (500, 40.0, 30.0, 1.5, 1.5)])
def test_moments_of_a_power_law_are_its_sums(n, kappa, s_r, eta, s_d):
    """Mode by mode: until the trace is used up, or with what is left of it spread over all but the first."""
    alpha, reached, left = [1.0], [1.0], s_r - 1
    for rank in range(2, n + 1):
        alpha.append((rank / 2) ** -s_d / eta)
        reached.append(min(1.0, left / alpha[-1]))
        left -= reached[-1] * alpha[-1]
    alpha, reached = np.array(alpha), np.array(reached)
    alpha[1:] += left / max(reached[1:].sum(), 1)
    alpha *= kappa - 1
    d_e = (reached * alpha / (1 + alpha)).sum()
    share = (reached * alpha / (1 + alpha) ** 2).sum() / d_e
    found = power_law.power_law_moments(n, kappa, s_r, eta, s_d)
    assert {letter: float(value) for letter, value in found.items()} == pytest.approx(
        {
            "d_e": d_e,
            "q": share,
            "s_2": (reached * (1 + alpha) ** 2 + 1 - reached).sum() / kappa**2,
            "mu_2": kappa**2 * (reached / (1 + alpha) ** 2 + 1 - reached).mean(),
            "s_x": kappa**2 * d_e * share / (s_r * (kappa - 1)),
        },
        rel=0.03,
    )


@pytest.mark.parametrize(("n", "kappa"), [(1, 1.0), (1, 7.0), (2, 1.0), (500, 1.0)])
def test_moments_of_one_mode_or_of_damping_alone(n, kappa):
    found = {letter: float(value) for letter, value in power_law.power_law_moments(n, kappa, 1.0, 1e12, 1.0).items()}
    assert found["d_e"] == pytest.approx((kappa - 1) / kappa, abs=1e-8)
    assert found["q"] == pytest.approx(1 / kappa)
    squares = [1.0, *[1 / kappa**2] * (n - 1)]
    assert found["s_2"] == pytest.approx(sum(squares))
    assert found["mu_2"] == pytest.approx((1 + (n - 1) * kappa**2) / n)
    assert found["s_x"] == pytest.approx(1)


def test_moments_of_a_power_law_on_measured_spectra():
    """Given each factor's own stable rank, gap, and the exponent from its second to its sixteenth mode."""
    off = []
    for factor in (factor for layer in LAYERS for factor in layer.factors):
        ranks = np.array([rank for rank in (2, 3, 4, 5, 6, 8, 10, 13, 16) if rank <= factor.n // 2])
        exponent = -np.polyfit(np.log(ranks), np.log(factor.alpha[ranks - 1]), 1)[0]
        spectrum = {"eta": factor.alpha[0] / factor.alpha[1], "s_d": max(exponent, 0.1)}
        found = power_law.power_law_moments(**spectrum, **factor.values("n", "kappa", "s_r"))
        exact = factor.values("d_e", "q", "s_2", "mu_2", "s_x")
        off.append([float(found[letter]) / exact[letter] for letter in exact])
    assert np.median(off, axis=0) == pytest.approx([1] * 5, rel=0.1)
    assert np.quantile(off, 0.1, axis=0).min() > 0.35  # s_x, which has the errors of both d_e and q
    assert np.quantile(off, 0.1, axis=0)[:2].min() > 0.5
    assert np.quantile(off, 0.9, axis=0).max() < 2


@pytest.mark.parametrize(("eigenvalues", "damping"), [([-1.0, 2.0], 1.0), ([0.0, 0.0], 1.0), ([1.0], 0.0), ([], 1.0)])
def test_moments_of_no_spectrum(eigenvalues, damping):
    with pytest.raises(ValueError) as raised:
        moments.moments(eigenvalues, damping)
    assert str(raised.value) == (
        "moments need eigenvalues of at least zero, one of them positive, and a positive damping"
    )


# --- settling ---------------------------------------------------------------------------------------------------------


def settled(layer, y):
    return spectra.filtered(layer, *(np.exp(-y * factor.damped / factor.gamma) for factor in layer.factors))


@pytest.mark.verifies("accuracy.settling.tolerance", "accuracy.chain.missing")
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_settling_to_the_tolerance_is_enough_and_not_much_too_long(epsilon):
    left = settling.tolerance().evaluate(epsilon_t=epsilon)
    assert left == chain.missing().evaluate(epsilon_t=epsilon)
    # the array's own formula, for its slowest mode
    y = transient.mean_time().evaluate(tau=1.0, kappa=1.0, epsilon=left)
    errors = [settled(layer, y) / epsilon for layer in LAYERS]
    assert max(errors) <= 1 + 1e-9
    assert np.median(errors) > 0.4
    # Given all of epsilon, as an inverse of its own, the error of the direction is up to twice as large.
    assert max(settled(layer, np.log(1 / epsilon)) for layer in LAYERS) > 1.3 * epsilon


def swung(factor, s):
    """Shares that the mean and the covariance of underdamped cells lack, s = t / (sqrt(kappa) tau_o) after rest."""
    scaled = factor.damped / factor.damped.min()  # lambda kappa: frequencies in units of the friction's half
    swing = np.sqrt(np.maximum(scaled - 1, 1e-12))
    turned = swing * s
    mean = np.exp(-s) * (np.cos(turned) + np.sin(turned) / swing)
    covariance = np.exp(-2 * s) * (1 + np.sin(2 * turned) / swing + 2 * (np.sin(turned) / swing) ** 2)
    return mean, covariance


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_underdamped_settling_to_the_same_tolerance_is_enough(epsilon):
    """Means swing through their values and covariances stay below theirs, none further off than the slowest mode."""
    left = settling.tolerance().evaluate(epsilon_t=epsilon)
    for which, formula in enumerate((underdamped.mean_time(), underdamped.covariance_time())):
        s = formula.evaluate(tau_o=1.0, kappa=1.0, epsilon=left)
        errors = [spectra.filtered(layer, *(swung(factor, s)[which] for factor in layer.factors)) for layer in LAYERS]
        assert max(errors) <= epsilon * (1 + 1e-6)
        assert max(errors) > 0.6 * epsilon


@pytest.mark.verifies("accuracy.settling.spectrum_tolerance", "accuracy.settling.error")
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_settling_of_a_known_spectrum(epsilon):
    errors = []
    for layer in LAYERS:
        q = np.mean([factor.moments.damping_share for factor in layer.factors])
        y = -np.log(settling.spectrum_tolerance().evaluate(epsilon_t=epsilon, q=q))
        errors.append(settled(layer, y) / epsilon)
        assert settling.error().evaluate(y=y, q=q) == pytest.approx(epsilon, rel=0.07)
        assert y < -np.log(settling.tolerance().evaluate(epsilon_t=epsilon)) * (1 + 1e-9)
    median, _, worst = summary(errors)
    assert 0.7 < median < 1.1
    assert worst < 1.2


@pytest.mark.verifies("accuracy.settling.missing")
@pytest.mark.parametrize("y", [0.5, 1.5, 3.0])
def test_share_that_one_inverse_leaves_out(y):
    """A power law with the same share of damping; a spectrum that hardly reaches the damping has less at it."""
    ratios = []
    for factor in (factor for layer in LAYERS for factor in layer.factors):
        exact = factor.weights @ np.exp(-y * factor.damped / factor.gamma)
        ratios.append(settling.missing().evaluate(y=y, q=factor.moments.damping_share) / exact)
    assert 0.9 < np.median(ratios) < 1.4
    assert np.min(ratios) > 0.85
    assert np.quantile(ratios, 0.9) < 2.5


# --- sampling ---------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("accuracy.sampling.covariance.tolerance", "accuracy.sampling.time_ratio")
@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_sampling_time_of_a_direction(epsilon):
    errors, undivided = [], []
    for layer in LAYERS:
        squares, whole = [], []
        for factor in layer.factors:
            values = factor.values("n", "d_e", "q")
            inverse = sampling.covariance_tolerance().evaluate(epsilon_n=epsilon, **values)
            error = spectra.covariance_error(factor, spectra.overdamped)
            for target, found in ((inverse, squares), (epsilon, whole)):
                time = averaging.covariance_time().evaluate(**factor.values("n", "kappa"), tau=1.0, epsilon=target)
                found.append(error / time)
            assert sampling.time_ratio().evaluate(**values) <= 2
        errors.append(spectra.random_errors(*squares) / epsilon)
        undivided.append(spectra.random_errors(*whole) / epsilon)
    median, least, worst = summary(errors)
    assert 0.95 < median < 1.05
    assert least > 0.85
    assert worst < 1.3
    # With all of epsilon for each inverse in the Frobenius norm, directions are off by 1.3 to 1.8 times as much.
    assert 1.3 < np.median(undivided) < 1.8


@pytest.mark.verifies("accuracy.sampling.underdamped.tolerance")
def test_sampling_time_of_a_direction_on_underdamped_cells():
    errors = []
    for layer in (layer for layer in LAYERS if max(layer.A.n, layer.G.n) < 300):
        squares = []
        for factor in layer.factors:
            inverse = sampling.underdamped_tolerance().evaluate(epsilon_n=0.1, **factor.values("n", "d_e", "q"))
            time = underdamped.average_covariance_time().evaluate(
                **factor.values("n", "kappa"), tau_o=1.0, epsilon=inverse
            )
            squares.append(spectra.covariance_error(factor, spectra.underdamped) / time)
        errors.append(spectra.random_errors(*squares) / 0.1)
    median, least, worst = summary(errors)
    assert 0.9 < median <= 1.05
    assert least > 0.6
    assert worst < 1.3


@pytest.mark.verifies("accuracy.sampling.samples", "accuracy.chain.independent")
def test_inverses_sampled_from_independent_vectors():
    """Gradients and samples drawn at random, seeds fixed; an error of n^2 numbers has a spread of a few per cent."""
    generator, errors = np.random.default_rng(0), []
    for layer in (layer for layer in LAYERS if max(layer.A.n, layer.G.n) < 200):
        exact, approximate, roots = [], [], []
        for factor in layer.factors:
            _, inverse, root = factor.matrices(generator)
            count = round(sampling.samples().evaluate(epsilon_n=0.3, **factor.values("n", "d_e", "q")))
            # A sampled covariance of count vectors has a Wishart distribution: Bartlett's triangle makes it at once.
            triangle = np.tril(generator.standard_normal((factor.n, factor.n)), -1)
            triangle += np.diag(np.sqrt(generator.chisquare(count - np.arange(factor.n))))
            square = np.linalg.cholesky(inverse)
            approximate.append(square @ triangle @ triangle.T @ square.T / count)
            exact.append(inverse)
            roots.append(root)
        gradient = roots[0] @ generator.standard_normal((layer.A.n, layer.G.n)) @ roots[1]
        wanted = exact[0] @ gradient @ exact[1]
        found = approximate[0] @ gradient @ approximate[1]
        errors.append(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    assert len(errors) > 10
    assert errors == pytest.approx([0.3] * len(errors), rel=0.15)
    inverse = chain.independent().evaluate(epsilon_n=0.3)
    assert spectra.random_errors(inverse**2, inverse**2) == pytest.approx(0.3)


@pytest.mark.verifies("accuracy.sampling.mean.tolerance")
def test_noise_of_chained_solutions():
    """Noise of 2 tau nu |b|^2 / (T lambda^2) in each mode, white over right-hand sides, through the other inverse."""
    nu, epsilon = 1e-9, 0.1
    for layer in LAYERS:
        white = moments.white_gain().evaluate(**layer.G.values("mu_2", "s_x"))
        power = 0.0
        for factor, gain in ((layer.A, white), (layer.G, 1.0)):
            target = sampling.mean_tolerance().evaluate(
                epsilon_n=epsilon, h=gain, **factor.values("kappa", "mu_2", "s_x")
            )
            window = 2 * factor.n * factor.kappa**2 * nu / target**2
            if target < 1:
                assert window == pytest.approx(
                    averaging.mean_time().evaluate(**factor.values("n", "kappa"), nu=nu, tau=1.0, epsilon=target)
                )
            scaled = factor.damped / factor.damped.max()
            noise = (2 * nu / (window * scaled**2)).sum() * factor.alpha.sum()
            signal = (factor.alpha / scaled**2).sum()
            if factor is layer.A:  # G^-1 on white rows, and on rows of a gradient
                noise *= (layer.G.damped**-2).mean()
                signal *= layer.G.alpha @ layer.G.damped**-2 / layer.G.alpha.sum()
            power += noise / signal
        assert np.sqrt(power) == pytest.approx(epsilon, rel=0.01)


# --- digital iterations -----------------------------------------------------------------------------------------------


def newton_schulz(factor, steps):
    """Shares by which modes are off after so many steps, each scaled by its residual; and the residual."""
    damped = factor.damped
    z = 2 / (damped.max() + damped.min()) * np.ones_like(damped)
    residual = (damped.max() - damped.min()) / (damped.max() + damped.min())
    for _ in range(steps):
        scale = 2 / (2 - residual**2)
        z, residual = scale * (2 * z - z * damped * z), residual**2 / (2 - residual**2)
    return 1 - z * damped, residual


@pytest.mark.verifies("accuracy.iterations.newton_schulz.tolerance")
def test_newton_schulz_residual_of_a_direction():
    ratios = []
    for layer in LAYERS:
        for steps in range(1, 8):
            (A, first), (G, second) = (newton_schulz(factor, steps) for factor in layer.factors)
            if 0.5 < first / second < 2 and max(first, second) < 0.4:
                residual = iterations.newton_schulz_tolerance().evaluate(T_t=0.1)
                scale = residual / np.sqrt((first**2 + second**2) / 2)  # errors are proportional to residuals
                ratios.append(scale * spectra.filtered(layer, A, G) / 0.1)
    median, _, worst = summary(ratios)
    assert len(ratios) > 30
    assert 0.6 < median <= 1
    assert worst < 1.2


def conjugate_gradients(factor, steps, generator):
    """Relative errors after each step, in the Euclidean and in the energy norm, for four gradients."""
    b = generator.standard_normal((factor.n, 4)) * np.sqrt(factor.alpha)[:, None]
    damped = factor.damped[:, None]
    exact, x = b / damped, np.zeros_like(b)
    residual, direction, errors = b, b, []
    for _ in range(steps):
        moved = damped * direction
        size = (residual**2).sum(0)
        step = size / np.maximum((direction * moved).sum(0), 1e-300)
        x, residual = x + step * direction, residual - step * moved
        direction = residual + (residual**2).sum(0) / np.maximum(size, 1e-300) * direction
        off = (x - exact) ** 2
        errors.append([np.sqrt((w * off).sum() / (w * exact**2).sum()) for w in (1.0, damped)])
    return np.array(errors)


@pytest.mark.verifies("accuracy.iterations.cg.tolerance", "accuracy.iterations.cg.steps", "accuracy.chain.bounded")
def test_conjugate_gradients_of_a_direction():
    generator, ratios, needed = np.random.default_rng(1), [], []
    one = chain.bounded().evaluate(epsilon=0.1)
    for factor in (factor for layer in LAYERS for factor in layer.factors if factor.kappa > 1.5):
        errors = conjugate_gradients(factor, 60, generator)
        q = factor.moments.damping_share
        energy = iterations.cg_tolerance().evaluate(T_t=0.1, q=q)
        first = int(np.argmax(errors[:, 1] < energy))
        ratios.append(errors[first, 0] / errors[first, 1] * np.sqrt(q))
        promised = iterations.cg_steps().evaluate(T_t=0.1, **factor.values("kappa", "d_e", "q"))
        needed.append(promised / (1 + int(np.argmax(errors[:, 0] < one))))
    median, least, worst = summary(ratios)
    assert 0.7 < median <= 1
    assert least > 0.5
    assert worst < 1.25
    assert (1 + one) ** 2 - 1 == pytest.approx(0.1)
    assert min(needed) >= 1
    assert np.median(needed) < 2
    # On a power law that reaches below the damping: near, where the worst spectrum of that kappa needs far more.
    ranks = np.arange(1, 2001)
    factor = spectra.Factor(ranks**-2.0, 1e-4)
    q = factor.moments.damping_share
    errors = conjugate_gradients(factor, 200, generator)
    steps = iterations.cg_steps().evaluate(T_t=0.1, **factor.values("kappa", "d_e", "q"))
    enough = 1 + int(np.argmax(errors[:, 0] < one))
    worst_case = kfac.conjugate_gradients.iterations_bound().evaluate(kappa=factor.kappa, epsilon=0.1)
    assert 0.9 * enough <= steps <= 1.5 * enough < worst_case


@pytest.mark.composes("kfac.cg.iterations")
def test_iterations_are_those_of_a_direction():
    values = {"kappa": 1e3, "d_e": 30.0, "q": 0.5, "T_t": 0.1}
    assert kfac.conjugate_gradients.iterations().evaluate(**values) == iterations.cg_steps().evaluate(**values)


@pytest.mark.composes("accuracy.iterations.low_rank.columns")
def test_columns_are_modes_and_ten_more():
    values = {"d_e": 30.0, "q": 0.5, "T_t": 0.1}
    kept = iterations.low_rank_rank().evaluate(**values)
    assert 41 < kept < 42
    assert iterations.low_rank_columns().evaluate(n=1024, **values) == 42 + 10
    assert iterations.low_rank_columns().evaluate(n=45, **values) == 45


@pytest.mark.verifies("accuracy.iterations.low_rank.rank", "accuracy.iterations.low_rank.error")
@pytest.mark.parametrize("epsilon", [0.03, 0.1, 0.3])
def test_low_rank_of_a_direction(epsilon):
    ratios = []
    for factor in (factor for layer in LAYERS for factor in layer.factors):
        off = factor.weights * (factor.alpha / factor.gamma) ** 2
        left = np.sqrt(off[::-1].cumsum()[::-1])  # by how many modes are kept
        everything = iterations.low_rank_error().evaluate(**factor.values("kappa", "s_r", "d_e", "q"))
        assert everything == pytest.approx(left[0], rel=1e-6)
        exact = int((left > epsilon / np.sqrt(2)).sum())
        promised = iterations.low_rank_rank().evaluate(T_t=epsilon, **factor.values("d_e", "q"))
        ratios.append((min(promised, factor.n) + 10) / (exact + 10))  # a sketch has ten columns more
    assert 0.75 < np.median(ratios) < 1.2
    assert np.min(ratios) > 0.25
    assert np.max(ratios) < 3


# --- the split --------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("accuracy.split.share", "accuracy.split.settling", "accuracy.split.sampling")
@pytest.mark.parametrize("ratio", [1e-6, 1e-2, 1.0, 100.0, 1e4])
@pytest.mark.parametrize("systematic", [0.0, 0.7])
def test_no_other_split_is_faster(ratio, systematic):
    tolerances = {"T_t": 0.75, "T_n": 0.2}
    values = {"c_r": ratio, "T_n": 0.2, "u_s": systematic}
    left = 1 - systematic**2
    shares = np.linspace(0, 1, 200_001)[1:-1]
    times = np.log(1 / (0.75 * np.sqrt(left * shares))) + ratio / (0.2**2 * left * (1 - shares))
    best_t, best_n = split.settling().evaluate(T_t=0.75, **values), split.sampled().evaluate(**values)
    assert (best_t / tolerances["T_t"]) ** 2 + (best_n / tolerances["T_n"]) ** 2 + systematic**2 == pytest.approx(1)
    assert (best_t / 0.75) ** 2 == pytest.approx(left * split.share().evaluate(**values))
    time = np.log(1 / best_t) + ratio / best_n**2
    assert time <= times.min() * (1 + 1e-12)
    assert time == pytest.approx(times.min(), rel=1e-3)


@pytest.mark.verifies("accuracy.split.inverse.cost_ratio", "accuracy.split.solve.cost_ratio")
def test_costs_are_those_of_the_times():
    """Times at the epsilons of a split, by the formulas of the arrays: no split of a grid is faster by 7 %."""
    factor = LAYERS[0].A
    values = factor.values("n", "d_e", "q")
    known = factor.values("mu_2", "s_x", "kappa")

    def inverse(settle, sample):
        left = settling.tolerance().evaluate(epsilon_t=settle)
        target = sampling.covariance_tolerance().evaluate(epsilon_n=sample, **values)
        run = averaging.covariance_time().evaluate(n=factor.n, kappa=factor.kappa, tau=1.0, epsilon=target)
        return transient.covariance_time().evaluate(kappa=factor.kappa, tau=1.0, epsilon=left) + run

    def solve(settle, sample):
        left = settling.tolerance().evaluate(epsilon_t=settle)
        target = np.minimum(sampling.mean_tolerance().evaluate(epsilon_n=sample, h=1, **known), 1 - 1e-9)
        run = averaging.mean_time().evaluate(n=factor.n, kappa=factor.kappa, tau=1.0, nu=1e-4, epsilon=target)
        return transient.mean_time().evaluate(kappa=factor.kappa, tau=1.0, epsilon=left) + run

    ratios = {
        inverse: split.inverse_cost_ratio().evaluate(**values),
        solve: split.solve_cost_ratio().evaluate(n=factor.n, nu=1e-4, h=1, **known),
    }
    shares = np.geomspace(1e-7, 0.999, 3000)
    for time, ratio in ratios.items():
        asked = {"c_r": ratio, "T_n": 0.1, "u_s": 0.0}
        best = time(split.settling().evaluate(T_t=0.6, **asked), split.sampled().evaluate(**asked))
        grid = time(0.6 * np.sqrt(shares), 0.1 * np.sqrt(1 - shares))
        assert best <= 1.07 * grid.min()


# --- what a run is given ----------------------------------------------------------------------------------------------


@pytest.mark.composes("accuracy.inverse.settle", "accuracy.inverse.sample", "accuracy.inverse.underdamped.sample")
def test_both_flaws_of_method_1_fit_the_budget():
    """Burn-in and sampling at these epsilons: the errors of directions on measured spectra fill the budget together."""
    asked = {"T_t": 0.6, "T_n": 0.1, "u_i": 0.5}
    budgets = []
    for layer in LAYERS:
        squares, runs = [], []
        for factor in layer.factors:
            values, array = factor.values("n", "d_e", "q"), factor.values("n", "m", "kappa")
            left = tolerances.inverse_settle().evaluate(**asked, **values)
            budget = {"T_n": 0.1, "u_i": 0.5} | values
            off = tolerances.inverse_sample().evaluate(**budget)
            ratio = split.inverse_cost_ratio().evaluate(**values)
            parts = {"c_r": ratio, "T_n": 0.1, "u_s": 0.5}
            assert left == pytest.approx(
                settling.tolerance().evaluate(epsilon_t=split.settling().evaluate(T_t=0.6, **parts))
            )
            part = split.sampled().evaluate(**parts)
            assert off == pytest.approx(sampling.covariance_tolerance().evaluate(epsilon_n=part, **values))
            slow = tolerances.inverse_underdamped_sample().evaluate(**budget)
            assert slow == pytest.approx(sampling.underdamped_tolerance().evaluate(epsilon_n=part, **values))
            time = inverse.sample_time().substitute(epsilon=tolerances.inverse_sample().expression)
            time = time.evaluate(tau=1.0, **budget, **factor.values("m", "kappa"))
            assert time == pytest.approx(inverse.sample_time().evaluate(tau=1.0, epsilon=off, **array))
            squares.append(spectra.covariance_error(factor, spectra.overdamped) / time)
            settle = inverse.settle_time().evaluate(tau=1.0, epsilon=left, **array)
            runs.append(np.exp(-2 * settle * factor.damped / factor.damped.max()))
        settled_to, sampled_to = spectra.filtered(layer, *runs), spectra.random_errors(*squares)
        budgets.append((settled_to / 0.6) ** 2 + (sampled_to / 0.1) ** 2 + 0.5**2)
    assert 0.9 < np.median(budgets) < 1.1
    assert np.max(budgets) < 1.3


@pytest.mark.verifies("accuracy.inverse.iterate")
@pytest.mark.parametrize("taken", [0.0, 0.6])
def test_an_iteration_on_arrays_gets_what_rounding_leaves(taken):
    """No time is better spent elsewhere: with this residual the errors of directions fill the rest of the budget."""
    residual = tolerances.inverse_iterate().evaluate(T_t=0.1, u_p=taken)
    budgets = []
    for layer in LAYERS:
        for steps in range(1, 8):
            (A, first), (G, second) = (newton_schulz(factor, steps) for factor in layer.factors)
            if 0.5 < first / second < 2 and max(first, second) < 0.4:
                scale = residual / np.sqrt((first**2 + second**2) / 2)
                budgets.append((scale * spectra.filtered(layer, A, G) / 0.1) ** 2 + taken**2)
    assert np.max(budgets) < 1.2**2
    assert 0.6**2 < np.median(budgets) <= 1


@pytest.mark.composes("accuracy.solve.settle", "accuracy.solve.average")
@pytest.mark.parametrize("nu", [1e-12, 1e-4])
def test_both_flaws_of_method_2_fit_the_budget(nu):
    for factor in LAYERS[0].factors:
        known = {"nu": nu, "h": 1.0} | factor.values("n", "mu_2", "s_x", "kappa")
        ratio = split.solve_cost_ratio().evaluate(**known)
        parts = {"c_r": ratio, "T_n": 0.1, "u_s": 0.0}
        part_t, part_n = split.settling().evaluate(T_t=0.6, **parts), split.sampled().evaluate(**parts)
        left = tolerances.solve_settle().evaluate(T_t=0.6, T_n=0.1, u_x=0.0, **known)
        assert left == pytest.approx(settling.tolerance().evaluate(epsilon_t=part_t))
        off = tolerances.solve_average().evaluate(T_n=0.1, u_x=0.0, **known)
        gains = {"h": 1.0} | factor.values("kappa", "mu_2", "s_x")
        assert off == pytest.approx(sampling.mean_tolerance().evaluate(epsilon_n=part_n, **gains), rel=1e-6)
        assert (part_t / 0.6) ** 2 + (part_n / 0.1) ** 2 == pytest.approx(1)
        if nu < 1e-9:  # settling gets the budget, and averaging is short beside it
            assert left == pytest.approx(settling.tolerance().evaluate(epsilon_t=0.6), rel=1e-2)
            settle = solve.settle_time().evaluate(k=1, tau=1.0, epsilon=left, **factor.values("n", "m", "kappa"))
            average = solve.average_time().substitute(epsilon=off)
            assert average.evaluate(k=1, tau=1.0, nu=nu, **factor.values("n", "kappa")) < 0.05 * settle
