"""Columns of an inverse: noise by quadrature and on measured spectra, phases block by block, splits on a grid."""

import numpy as np
import pytest
import scipy.linalg

from costmodel.formulas import columns, columns_energy, transient
from costmodel.formulas.accuracy import columns as accuracy
from costmodel.formulas.accuracy import settling, split
from tests.formulas import spectra
from tests.formulas.designed import Process, logarithmic, with_spectrum, worst_for_noise
from tests.formulas.test_thermo_phases import MACHINE, SIZES, Clock, block_sizes, evaluate, settled

SPECTRA = {"flat": np.ones(6), "logarithmic": logarithmic(8, 30.0), "worst": worst_for_noise(8, 30.0)}
LAYERS = spectra.layers(largest=800)
CELL = {"C": 2e-12, "V": 0.8}


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.average.columns.time", "thermo.underdamped.average.columns.time")
@pytest.mark.parametrize("name", SPECTRA)
def test_noise_of_an_inverse_is_the_same_for_every_spectrum(name):
    """Long windows, where the law is exact: n columns of independent noise, the mean of both triangles."""
    nu, epsilon = 1e-3, 0.1
    A, _ = with_spectrum(SPECTRA[name])
    n, kappa = len(A), np.linalg.cond(A)
    norm = (np.linalg.inv(A) ** 2).sum()
    for process, law in (
        (Process(A), columns.average_column_time().evaluate(n=n, nu=nu, tau=1.0, epsilon=epsilon)),
        (
            Process(A, friction=2 * np.sqrt(np.linalg.eigvalsh(A)[0])),
            columns.underdamped_average_column_time().evaluate(n=n, nu=nu, kappa=kappa, tau_o=1.0, epsilon=epsilon),
        ),
    ):
        window = 1e4 * kappa
        each = nu * process.variance_of_mean(window)  # a column's; an entry off the diagonal averages two of them
        assert (n + 1) / 2 * each / norm == pytest.approx(epsilon**2 * law / window, rel=0.01)
        # shorter windows have less noise than the law says
        assert nu * process.variance_of_mean(kappa / 3) < each * window / (kappa / 3)


@pytest.mark.verifies("thermo.columns.error")
def test_both_errors_of_an_inverse_are_attained_together():
    """Settling leaves epsilon of a slowest mode, noise epsilon of everything: sqrt(2) where all but one are slow."""
    epsilon, n, kappa, nu = 0.1, 40, 10.0, 1e-2
    A, _ = with_spectrum(worst_for_noise(n, kappa))
    inverse, bound = np.linalg.inv(A), columns.error().evaluate(epsilon=epsilon)
    settle = transient.mean_time().evaluate(tau=1.0, kappa=kappa, epsilon=epsilon)
    missing = np.linalg.norm(scipy.linalg.expm(-A * settle) @ inverse) / np.linalg.norm(inverse)
    window = 1e4 * kappa
    noise = nu * Process(A).variance_of_mean(window) * (n + 1) / 2 / (inverse**2).sum()
    law = columns.average_column_time().evaluate(n=n, nu=nu, tau=1.0, epsilon=epsilon)
    assert np.hypot(missing, np.sqrt(noise * window / law)) == pytest.approx(bound, rel=1e-3)


# --- phases -----------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.columns.drive.time", "thermo.columns.systems", "thermo.columns.symmetric.bytes")
@pytest.mark.composes(
    "thermo.columns.settle.time",
    "thermo.columns.average.time",
    "thermo.columns.underdamped.settle.time",
    "thermo.columns.underdamped.average.time",
)
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_columns_block_by_block(n, m, k):
    first, second, driving, moved = Clock(), Clock(), 0.0, 0
    for p in block_sizes(n, m):
        for _ in range(p):
            driving += MACHINE["t_w"]
            for clock, order, name in ((first, 1, "average"), (second, 2, "underdamped.average")):
                clock.settling += settled(order, mean=True)
                clock.averaging += evaluate(f"thermo.{name}.columns.time", n=p)
        inverse = np.zeros((p, p), dtype=np.float32)
        moved += inverse.nbytes + ((inverse + inverse.T) / 2).nbytes
    assert evaluate("thermo.columns.drive.time", n=n) == pytest.approx(driving)
    assert evaluate("thermo.columns.symmetric.bytes", n=n, m=m) == moved
    # the columns of a block run side by side on copies, the blocks one after another
    assert evaluate("thermo.columns.systems", n=n, m=m) == pytest.approx(np.mean(block_sizes(n, m)))
    for clock, kind in ((first, ""), (second, "underdamped.")):
        assert evaluate(f"thermo.columns.{kind}settle.time", n=n) == pytest.approx(clock.settling)
        assert evaluate(f"thermo.columns.{kind}average.time", n=n, m=m) == pytest.approx(clock.averaging)


@pytest.mark.composes("thermo.columns.time")
def test_total_on_one_array():
    n = 40
    message, write = MACHINE["t_l"], n * MACHINE["t_w"]
    upload = max(n * n * MACHINE["b_in"] / MACHINE["W"] + message, write)
    convert = n * n / (MACHINE["n_c"] * MACHINE["f_c"])
    readout = max(n * n * MACHINE["b_out"] / MACHINE["W"] + message, convert)
    run = n * (settled(1, mean=True) + evaluate("thermo.average.columns.time", n=n))
    assert evaluate("thermo.columns.time", n=n) == pytest.approx(upload + write + run + readout)


@pytest.mark.verifies("thermo.columns.drive.energy")
@pytest.mark.composes(
    "thermo.columns.settle.energy",
    "thermo.columns.average.energy",
    "thermo.columns.underdamped.settle.energy",
    "thermo.columns.underdamped.average.energy",
)
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_energy_is_power_times_time_of_every_column(n, m, k):
    runs = {
        "settle": ("transient.mean", "array"),
        "average": ("average.columns", "array"),
        "underdamped.settle": ("underdamped.mean", "underdamped"),
        "underdamped.average": ("underdamped.average.columns", "underdamped"),
    }
    for name, (run, power) in runs.items():
        expected = sum(
            p * evaluate(f"thermo.{run}.time", n=p) * evaluate(f"thermo.energy.{power}.power", m=p, **CELL)
            for p in block_sizes(n, m)
        )
        assert evaluate(f"thermo.columns.{name}.energy", n=n, m=m, **CELL) == pytest.approx(expected), name
    driven = sum(3e-12 for p in block_sizes(n, m) for _ in range(p))
    assert columns_energy.drive().evaluate(n=n, e_d=3e-12) == pytest.approx(driven)


# --- accuracy ---------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("accuracy.columns.noise.tolerance")
def test_noise_of_columns_in_a_direction():
    """Second moments of (A^-1 W + W^T A^-1) / 2 in the eigenbasis, applied to gradients, on measured spectra."""
    for layer in LAYERS[::5]:
        squares = []
        for factor in layer.factors:
            target = accuracy.noise_tolerance().evaluate(epsilon_n=0.1, **factor.values("mu_2", "s_x"))
            inverse = 1 / factor.damped
            # variance of entry i, j for W of unit variance; the diagonal has one number, not the mean of two
            variance = (inverse[:, None] ** 2 + inverse[None, :] ** 2) / 4 + np.diag(inverse**2 / 2)
            scale = target**2 * (inverse**2).sum() / variance.sum()
            power = scale * (variance @ factor.alpha).sum()
            squares.append(power / (factor.alpha * inverse**2).sum())
        assert spectra.random_errors(*squares) == pytest.approx(0.1, rel=0.02)


@pytest.mark.verifies("accuracy.split.columns.cost_ratio")
@pytest.mark.parametrize("nu", [1e-9, 1e-3])
def test_no_other_split_of_columns_is_much_faster(nu):
    factor = LAYERS[0].A
    known = factor.values("mu_2", "s_x")

    def time(settle, sample):
        left = settling.tolerance().evaluate(epsilon_t=settle)
        target = accuracy.noise_tolerance().evaluate(epsilon_n=sample, **known)
        run = columns.average_column_time().evaluate(n=factor.n, tau=1.0, nu=nu, epsilon=target)
        return transient.mean_time().evaluate(kappa=factor.kappa, tau=1.0, epsilon=left) + run

    asked = {"c_r": accuracy.cost_ratio().evaluate(nu=nu, **factor.values("n", "mu_2", "s_x", "kappa"))}
    asked |= {"T_n": 0.1, "u_s": 0.0}
    shares = np.geomspace(1e-7, 1 - 1e-7, 3000)
    best = time(split.settling().evaluate(T_t=0.6, **asked), split.sampled().evaluate(**asked))
    assert best <= 1.07 * time(0.6 * np.sqrt(shares), 0.1 * np.sqrt(1 - shares)).min()


@pytest.mark.composes("accuracy.columns.settle", "accuracy.columns.average")
@pytest.mark.parametrize("nu", [1e-9, 1e-3])
def test_both_flaws_of_columns_fit_the_budget(nu):
    for factor in (factor for layer in LAYERS[::9] for factor in layer.factors):
        known = {"nu": nu} | factor.values("n", "mu_2", "s_x", "kappa")
        parts = {"c_r": accuracy.cost_ratio().evaluate(**known), "T_n": 0.1, "u_s": 0.2}
        part_t, part_n = split.settling().evaluate(T_t=0.6, **parts), split.sampled().evaluate(**parts)
        left = accuracy.settle().evaluate(T_t=0.6, T_n=0.1, u_i=0.2, **known)
        assert left == pytest.approx(settling.tolerance().evaluate(epsilon_t=part_t))
        off = accuracy.average().evaluate(T_n=0.1, u_i=0.2, **known)
        gains = factor.values("mu_2", "s_x")
        assert off == pytest.approx(accuracy.noise_tolerance().evaluate(epsilon_n=part_n, **gains), rel=1e-5)
        assert (part_t / 0.6) ** 2 + (part_n / 0.1) ** 2 + 0.2**2 == pytest.approx(1, rel=1e-5)
