"""Deflated and refined runs: what they take is what plain runs take on the matrix that an array sees."""

import numpy as np
import pytest
import torch

from costmodel import formulas
from costmodel.formulas import deflation, mitigated, refinement
from costmodel.formulas.accuracy import refined
from solver.deflation import Deflated
from solver.noise import Noise
from solver.refinement import refine
from tests.formulas import spectra
from tests.formulas.designed import with_spectrum

VALUES = {
    "tau": 1e-6, "tau_o": 4e-7, "epsilon": 0.05, "nu": 1e-4, "n": 13.0, "m": 5.0, "k": 3.0, "C": 2e-12, "V": 0.8,
    "T_t": 0.6, "T_n": 0.1, "u_s": 0.2, "u_i": 0.2, "u_p": 0.2, "u_x": 0.2, "mu_2": 50.0, "s_x": 8.0, "h": 1.5,
    "d_e": 4.0, "q": 0.6,
    "t_p": 1e-7, "W": 1e9, "t_l": 1e-6, "b_in": 8.0, "b_out": 8.0, "e_l": 1e-12, "e_a": 2e-12, "e_d": 3e-12,
    "d_r": 0.2, "i_r": 50.0, "i_f": 10.0, "beta_f": 0.9,
}  # fmt: skip


def evaluate(name, **more):
    formula, values = formulas.get(name), VALUES | more
    return formula.evaluate(**{info.letter: values[info.letter] for info in formula.symbols})


def condition_numbers():
    """Before and after the top mode moves down to the second, by eigenvalues; and the gap before damping."""
    undamped, damping = np.array([20.0, 4.0, 3.0, 1.0, 0.5, 0.0]), 0.4
    A, basis = with_spectrum(undamped + damping)
    moved = A - (20.0 - 4.0) * np.outer(basis[:, 0], basis[:, 0])
    return np.linalg.cond(A), np.linalg.cond(moved), 20.0 / 4.0


@pytest.mark.composes(
    *(
        f"thermo.deflated.{each}"
        for each in (
            "inverse.settle.time", "inverse.sample.time", "inverse.settle.energy", "inverse.sample.energy",
            "inverse.underdamped.settle.time", "inverse.underdamped.sample.time",
            "solve.settle.time", "solve.average.time", "solve.settle.energy", "solve.average.energy",
            "solve.underdamped.settle.time", "solve.underdamped.average.time", "solve.underdamped.average.energy",
            "solve.eliminate.settle.time", "solve.eliminate.average.time",
            "solve.eliminate.settle.energy", "solve.eliminate.average.energy",
            "solve.underdamped.eliminate.settle.time", "solve.underdamped.eliminate.average.time",
            "solve.underdamped.eliminate.average.energy",
            "columns.settle.time", "columns.settle.energy",
            "columns.underdamped.settle.time", "columns.underdamped.average.time",
            "columns.underdamped.average.energy",
            "refined.columns.settle.time", "refined.columns.settle.energy", "refined.columns.underdamped.settle.time",
            "warm.columns.settle.time", "warm.columns.settle.energy", "warm.columns.underdamped.settle.time",
            "refined.warm.columns.settle.time", "refined.warm.columns.settle.energy",
            "refined.warm.columns.underdamped.settle.time",
            "products.time", "products.link.time", "products.vectors.bytes", "products.link.energy",
            "products.convert.energy",
            "refined.products.time", "refined.products.link.time", "refined.products.vectors.bytes",
            "refined.products.link.energy", "refined.products.convert.energy",
        )
    ),
    *(f"accuracy.deflated.{each}" for each in ("solve.settle", "solve.average", "columns.settle", "columns.average")),
)  # fmt: skip
def test_deflated_runs_are_runs_at_the_condition_number_left():
    before, after, gap = condition_numbers()
    assert deflation.condition_number().evaluate(kappa=before, eta=gap) == pytest.approx(after)
    bases = [name for name in formulas.catalog() if f"{name.split('.')[0]}.deflated." in name]
    assert len(bases) == 48
    for name in bases:
        plain = name.replace(".deflated", "", 1)
        found = evaluate(name, kappa=before, eta=gap)
        assert found == pytest.approx(evaluate(plain, kappa=after)), name
        assert found != pytest.approx(evaluate(plain, kappa=before)), name
        for part in formulas.get(name).composed_of:
            evaluate(part, **REST, kappa=before, eta=gap)


#: What only parts of these formulas need.
REST = {"c_r": 0.1, "epsilon_t": 0.5, "epsilon_n": 0.1}


@pytest.mark.composes(
    *(
        f"thermo.direction.solve.{each}"
        for each in (
            "settle.time", "average.time", "settle.energy", "average.energy",
            "underdamped.settle.time", "underdamped.average.time",
            "underdamped.settle.energy", "underdamped.average.energy",
        )
    )
)  # fmt: skip
def test_the_direction_is_one_more_system():
    before, after, gap = condition_numbers()
    bases = [name for name in formulas.catalog() if name.startswith("thermo.direction.")]
    assert len(bases) == 8
    for name in bases:
        plain = name.replace(".direction", "")
        more = evaluate(plain, kappa=after, k=8) - evaluate(plain, kappa=after, k=7)
        assert evaluate(name, kappa=before, eta=gap) == pytest.approx(more), name
        for part in formulas.get(name).composed_of:
            evaluate(part, kappa=before, eta=gap)


@pytest.mark.composes(
    *(
        f"thermo.refined.{kind}columns.{each}"
        for kind in ("", "warm.")
        for each in ("settle.time", "settle.energy", "underdamped.settle.time", "underdamped.settle.energy")
    ),
    *(
        f"thermo.refined.products.{each}"
        for each in ("time", "link.time", "vectors.bytes", "link.energy", "convert.energy")
    ),
)
def test_a_refined_run_settles_to_the_square_root():
    bases = [name for name in formulas.catalog() if name.startswith("thermo.refined.")]
    assert len(bases) == 13
    for name in bases:
        plain = name.replace(".refined", "")
        assert evaluate(name, kappa=30.0) == pytest.approx(evaluate(plain, kappa=30.0, epsilon=0.05**0.5)), name
        for part in formulas.get(name).composed_of:
            evaluate(part, kappa=30.0)
    # overdamped that is half of the time: a step squares what any settling has left of any mode
    assert evaluate("thermo.refined.columns.settle.time", kappa=30.0) == pytest.approx(
        evaluate("thermo.columns.settle.time", kappa=30.0) / 2
    )


@pytest.mark.composes(
    *(
        f"thermo.passes.products.{each}"
        for each in ("time", "link.time", "vectors.bytes", "link.energy", "convert.energy")
    )
)
def test_two_passes_multiply_twice_for_half_the_digits():
    bases = [name for name in formulas.catalog() if name.startswith("thermo.passes.")]
    assert len(bases) == 5
    for name in bases:
        plain = name.replace(".passes", "")
        assert evaluate(name, kappa=300.0) == pytest.approx(2 * evaluate(plain, kappa=300.0, epsilon=0.05**0.5)), name
        for part in formulas.get(name).composed_of:
            evaluate(part, kappa=300.0)


def test_what_has_no_deflated_form_says_so():
    assert mitigated.deflated(formulas.get("thermo.columns.average.time")).name == "thermo.columns.average.time"
    assert mitigated.refined(formulas.get("thermo.solve.settle.time")).name == "thermo.solve.settle.time"
    assert mitigated.direction(formulas.get("thermo.inverse.settle.time")).name == "thermo.inverse.settle.time"
    with pytest.raises(ValueError) as caught:
        mitigated.deflated(formulas.get("thermo.transient.mean.time"))
    assert str(caught.value) == (
        "formula thermo.transient.mean.time depends on kappa, and mitigated.py does not say how where a mode is out"
    )


# --- digital work -----------------------------------------------------------------------------------------------------


class Traffic:
    """Bytes of large arrays that a product or an update reads and writes; vectors are small beside them."""

    def __init__(self):
        self.bytes = 0

    def product(self, matrix, vectors):
        self.bytes += matrix.nbytes
        return matrix @ vectors

    def update(self, matrix, change):
        self.bytes += 2 * matrix.nbytes
        return matrix + change


@pytest.mark.verifies("thermo.deflation.find.bytes", "thermo.deflation.inverse.bytes", "thermo.deflation.solve.bytes")
def test_traffic_of_deflation():
    n, k = 60, 7
    generator, count = np.random.default_rng(0), Traffic()
    rows = generator.standard_normal((n, n)).astype(np.float32) + 1
    A = rows.T @ rows / n + np.eye(n, dtype=np.float32)
    vectors = generator.standard_normal((n, 2)).astype(np.float32)
    for _ in range(deflation.ITERATIONS):
        vectors = np.linalg.qr(count.product(A, vectors))[0]
    ritz, rotation = np.linalg.eigh(vectors.T @ count.product(A, vectors))
    v, c = vectors @ rotation[:, 1], ritz[1] - ritz[0]
    moved = count.update(A, -c * np.outer(v, v))
    assert np.linalg.cond(moved) < 0.5 * np.linalg.cond(A)
    assert count.bytes == deflation.find_bytes().evaluate(n=n)

    count, X = Traffic(), np.linalg.inv(moved)
    w = count.product(X, v)
    restored = count.update(X, -c / (1 + c * v @ w) * np.outer(w, w))
    assert restored == pytest.approx(np.linalg.inv(A), abs=1e-4)
    assert count.bytes == deflation.inverse_bytes().evaluate(n=n)

    count, B = Traffic(), generator.standard_normal((n, k)).astype(np.float32)
    Y = X @ B
    along = count.product(Y.T, v)
    assert count.update(Y, -c / (1 + c * v @ w) * np.outer(w, along)) == pytest.approx(np.linalg.solve(A, B), abs=1e-4)
    assert count.bytes == deflation.solve_bytes().evaluate(n=n, k=k)


def test_iterations_are_enough_on_trained_factors():
    """Largest eigenvalue left over the second, from random vectors; twice as many: from those of the last refresh."""
    for rounds, most in ((1, 1.1), (2, 1.05)):
        ratios = []
        for factor in (each for layer in spectra.layers(largest=300) for each in layer.factors if each.n > 2):
            matrix = torch.tensor(factor.matrices(np.random.default_rng(1))[0])
            found = Deflated.of(matrix[None], rounds * deflation.ITERATIONS, Noise(0, torch.device("cpu"))).matrix
            ratios.append(float(torch.linalg.eigvalsh(found[0])[-1]) / np.sort(factor.damped)[-2])
        assert len(ratios) > 50
        assert np.quantile(ratios, 0.95) < most
        assert np.min(ratios) > 0.999


@pytest.mark.verifies("thermo.refinement.flops")
def test_flops_of_a_refinement():
    n, flops = 9, 0
    A = with_spectrum(np.geomspace(0.1, 1, n))[0]
    X = np.linalg.inv(A) * 0.8
    for left, right in ((A, X), (X, 2 * np.eye(n) - A @ X)):
        flops += 2 * left.shape[0] * left.shape[1] * right.shape[1]
    assert refinement.flops().evaluate(n=n) == flops
    refined, counted = refine(torch.tensor(A)[None], torch.tensor(X)[None], 1)
    assert counted == flops
    assert refined[0].numpy() == pytest.approx(np.linalg.inv(A) * (1 - 0.2**2))  # what was missing is squared


@pytest.mark.verifies("thermo.deflation.direction.link_time", "thermo.deflation.direction.energy")
def test_traffic_of_the_direction():
    n, bits_in, bits_out = 13, 10, 12
    assert deflation.direction_link_time().evaluate(n=n, b_in=bits_in, b_out=bits_out, W=1e9) == pytest.approx(
        sum(bits_in + bits_out for _ in range(n)) / 1e9
    )
    energy = sum(bits_in * 2e-12 + 3e-12 + bits_out * 2e-12 + 1e-9 for _ in range(n))
    assert deflation.direction_energy().evaluate(
        n=n, b_in=bits_in, b_out=bits_out, e_l=2e-12, e_d=3e-12, e_a=1e-9
    ) == pytest.approx(energy)


# --- accuracy ---------------------------------------------------------------------------------------------------------


@pytest.mark.verifies(
    "thermo.deflation.stable_rank",
    "thermo.deflation.squared_rank",
    "thermo.deflation.inverse_square",
    "thermo.deflation.effective_dimension",
    "thermo.deflation.damping_share",
)
def test_moments_left_are_sums_over_modes():
    """Of trained factors, whose top mode is moved down to the second."""
    for factor in (each for layer in spectra.layers(largest=300)[::3] for each in layer.factors):
        alpha = np.sort(factor.alpha)[::-1]
        moved = spectra.Factor(np.array([alpha[1], *alpha[1:]]), factor.gamma)
        known = {"eta": alpha[0] / alpha[1], **factor.values("n", "kappa", "s_r", "s_2", "d_e", "q")}
        known["mu_2"] = factor.values("mu_2")["mu_2"]
        wanted = moved.values("kappa", "s_r", "s_2", "mu_2", "d_e", "q")
        found = {
            "kappa": deflation.condition_number().evaluate(kappa=known["kappa"], eta=known["eta"]),
            "s_r": deflation.stable_rank().evaluate(s_r=known["s_r"], eta=known["eta"]),
            "s_2": deflation.squared_rank().evaluate(**{each: known[each] for each in ("s_2", "kappa", "eta")}),
            "mu_2": deflation.inverse_square().evaluate(
                **{each: known[each] for each in ("mu_2", "n", "kappa", "eta")}
            ),
            "d_e": deflation.effective_dimension().evaluate(**{each: known[each] for each in ("d_e", "kappa", "eta")}),
            "q": deflation.damping_share().evaluate(**{each: known[each] for each in ("q", "d_e", "kappa", "eta")}),
        }
        assert found == pytest.approx(wanted, rel=1e-6)


def refined_direction(layer, generator, disturb):
    """Errors of a direction before and after a Newton-Schulz step on disturbed inverses of the factors."""
    exact, before, after, roots = [], [], [], []
    for factor in layer.factors:
        A, inverse, root = (each for each in factor.matrices(generator))
        off = disturb(A, inverse, generator)
        exact.append(inverse)
        before.append(off)
        after.append(off @ (2 * np.eye(factor.n) - A @ off))
        roots.append(root)
    gradient = roots[0] @ generator.standard_normal((layer.A.n, layer.G.n)) @ roots[1]
    wanted = exact[0] @ gradient @ exact[1]
    return [np.linalg.norm(each[0] @ gradient @ each[1] - wanted) / np.linalg.norm(wanted) for each in (before, after)]


SMALL = [layer for layer in spectra.layers(largest=150) if min(factor.kappa for factor in layer.factors) > 1.5]


@pytest.mark.verifies("accuracy.refined.couplings")
@pytest.mark.parametrize("error", [0.1, 0.25])
def test_a_step_squares_what_couplings_are_off(error):
    """Independent symmetric errors of couplings, each inverse off by ``error``, in random bases; seed fixed."""
    generator, ratios = np.random.default_rng(3), []
    for layer in SMALL:

        def disturb(A, inverse, generator):
            entries = generator.standard_normal(A.shape)
            return np.linalg.inv(A + error * (np.tril(entries) + np.tril(entries, -1).T) / np.linalg.norm(inverse))

        _, found = refined_direction(layer, generator, disturb)
        left = refined.couplings().evaluate(epsilon=error)
        ratios.append(spectra.random_errors(left**2, left**2) / found)
    assert len(ratios) == 10
    assert np.median(ratios) == pytest.approx(1, abs=0.15)
    assert np.min(ratios) > 0.8
    assert np.max(ratios) < 1.3


@pytest.mark.verifies("accuracy.refined.readings")
def test_a_step_and_what_is_read():
    """White errors of a symmetric reading, so large that the residual's norm is 0.3; seed fixed."""
    generator, ratios, gains = np.random.default_rng(4), [], []
    for layer in SMALL:
        parts = []
        for factor in layer.factors:
            known = factor.values("n", "s_x", "s_2")
            parts.append(refined.readings().evaluate(epsilon=0.15 / np.sqrt(known["s_x"]), **known))

        def disturb(A, inverse, generator):
            entries = generator.standard_normal(A.shape)
            white = np.tril(entries) + np.tril(entries, -1).T
            return inverse + 0.15 / np.sqrt(len(A)) * white / np.linalg.eigvalsh(A)[-1]

        before, found = refined_direction(layer, generator, disturb)
        ratios.append(np.hypot(*parts) / found)
        gains.append(before / found)
    assert np.median(ratios) == pytest.approx(1, abs=0.35)
    assert np.min(ratios) > 0.4
    assert np.max(ratios) < 2.5
    assert np.median(gains) > 3


def test_where_a_step_does_not_help_the_error_stays():
    assert [refined.couplings().evaluate(epsilon=error) for error in (0.32, 0.5, 0.9)] == [0.32, 0.5, 0.9]
    assert refined.readings().evaluate(epsilon=0.2, s_x=9.0, s_2=2.0, n=100) == 0.2
