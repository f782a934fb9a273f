"""Method 1 and 2 on machines with and without flaws."""

import math

import pytest
import torch

from solver import Accumulation, Converter, Machine, Mitigation, Noise, Regime, Session, invert, solve

REGIMES = list(Regime)


def relative(estimate, exact):
    return ((estimate - exact).norm() / exact.norm()).item()


@pytest.mark.shows("accuracy", "thermo.solve", "thermo.solve.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("cells", [None, 5, 3])
def test_a_perfect_machine_solves_to_the_settling_error(regime, cells, spd):
    """Noise-free, unlimited bits: only the transient is left; blocks pass it on, at most once a block and amplified."""
    A = spd(11, 40.0, seed=1, batch=2)
    B = torch.randn(2, 11, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    result = solve(A, B, Machine(regime=regime, cells=cells), error=1e-10, settle_error=1e-12)
    assert relative(result.estimate, torch.linalg.solve(A, B)) < 1e-9


@pytest.mark.parametrize("cells", [None, 4, 3])
def test_block_inversion_is_exact_for_exact_blocks(cells, spd):
    from solver.blocks import sweep_inverse
    from solver.ledger import Ledger

    A = spd(10, 100.0, seed=2, batch=3)
    inverse, _ = sweep_inverse(A, Machine(cells=cells).blocks(10), lambda block: (torch.linalg.inv(block), Ledger()))
    torch.testing.assert_close(inverse, torch.linalg.inv(A), rtol=1e-10, atol=1e-10)


@pytest.mark.shows("accuracy", "thermo.inverse", "thermo.inverse.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
def test_inversion_reaches_its_target_on_average(regime, spd):
    """Root mean square error over 80 runs against the asked 5 %: at kappa = 1 the bound is met exactly."""
    A = spd(5, 1.0).expand(80, 5, 5)
    estimate = invert(A, Machine(regime=regime), error=0.05, burn_in_error=1e-6, seed=3).estimate
    squared = ((estimate - torch.linalg.inv(A)) ** 2).sum((-1, -2)) / 5
    # mean of 80 squared errors, each known to its own scatter: 4 standard errors
    assert abs(squared.mean() - 0.05**2) < 4 * squared.std() / math.sqrt(80)


def test_digital_accumulation_gives_the_same_statistics(spd):
    A = spd(4, 10.0).expand(100, 4, 4)
    exact = torch.linalg.inv(A)
    kinds = {}
    for how in Accumulation:
        estimate = invert(A, Machine(), samples=400, accumulation=how, seed=5).estimate
        kinds[how] = ((estimate - exact) ** 2).sum((-1, -2))
    analog, digital = kinds[Accumulation.ANALOG], kinds[Accumulation.DIGITAL]
    assert abs(analog.mean() - digital.mean()) < 4 * math.hypot(analog.std(), digital.std()) / 10


@pytest.mark.parametrize(("bits", "step"), [(4, 1 / 7), (8, 1 / 127)])
def test_converter_levels_by_hand(bits, step):
    converter = Converter(bits=bits)
    values = torch.tensor([1.0, 0.49 * step, 0.51 * step, -2.4 * step], dtype=torch.float64)
    got = converter.convert(values, 1, Noise(0))
    torch.testing.assert_close(got, torch.tensor([1.0, 0.0, step, -2 * step], dtype=torch.float64))


def test_fixed_range_saturates_and_stochastic_rounding_is_unbiased():
    clipped = Converter(bits=8, full_range=0.5).convert(torch.tensor([2.0, -0.7]), 1, Noise(0))
    torch.testing.assert_close(clipped, torch.tensor([0.5, -0.5]))
    values = torch.full((40_000,), 0.3)
    rounded = Converter(bits=2, full_range=1.0, stochastic=True).convert(values, 1, Noise(0))
    assert set(rounded.tolist()) == {0.0, 1.0}
    assert abs(rounded.mean().item() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 40_000)


def test_output_bits_set_the_floor_of_a_solve(spd):
    """A reading of b bits is wrong by a uniform error of half a step: rms = top / (2^(b-1) - 1) / sqrt(12) an entry."""
    A = spd(30, 20.0)
    B = torch.randn(30, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    X = torch.linalg.solve(A, B)
    for bits in (6, 10):
        estimate = solve(A, B, Machine(adc=Converter(bits=bits)), error=1e-8).estimate
        expected = (X.abs().amax(0) / (2 ** (bits - 1) - 1) / math.sqrt(12)).square().sum().mul(30).sqrt()
        assert (estimate - X).norm().item() == pytest.approx(expected.item(), rel=0.1)


def test_mismatch_is_a_floor_that_averaging_cannot_remove(spd):
    A, B = spd(8, 5.0), torch.eye(8, dtype=torch.float64)
    exact = torch.linalg.inv(A)
    errors = [
        relative(solve(A, B, Machine(mismatch=m, chip=4), error=1e-9, seed=seed).estimate, exact)
        for m, seed in [(0.02, 0), (0.02, 1), (0.01, 0), (0.0, 0)]
    ]
    assert errors[0] == pytest.approx(errors[1], rel=1e-6)  # the chip is the same, whatever the run
    assert errors[2] == pytest.approx(errors[0] / 2, rel=0.2)  # first order in the mismatch
    assert errors[3] < 1e-8


def test_mismatch_moves_every_coupling_by_its_deviation():
    A = torch.eye(200, dtype=torch.float64) * 0.5 + 0.5 / 200
    modes = Machine(mismatch=0.05).program(A[None], Noise(0))
    programmed = (modes.basis * modes.eigenvalues[:, None, :]) @ modes.basis.mT
    gains = (programmed[0] / A).tril().flatten()
    gains = gains[gains != 0]
    torch.testing.assert_close(programmed, programmed.mT)
    assert gains.numel() == 200 * 201 // 2
    assert abs(gains.mean() - 1) < 4 * 0.05 / math.sqrt(gains.numel())
    assert gains.std().item() == pytest.approx(0.05, abs=4 * 0.05 / math.sqrt(2 * gains.numel()))


def test_every_array_has_a_mismatch_of_its_own():
    """Three equal matrices on two arrays: the first and third stand on the same components, the second does not."""
    A = 0.1 + torch.eye(20, dtype=torch.float64) / 2
    modes = Machine(mismatch=0.05, arrays=2).program(A.expand(3, 20, 20), Noise(0))
    gains = ((modes.basis * modes.eigenvalues[:, None, :]) @ modes.basis.mT / A).flatten(1) - 1
    torch.testing.assert_close(gains[2], gains[0])
    # independent gains of 210 couplings: a correlation beyond 4 / sqrt(210) = 0.28 has odds of 1 in 16 000
    assert abs(torch.corrcoef(gains[:2])[0, 1]) < 0.28
    other = Machine(mismatch=0.05, chip=1).program(A[None], Noise(0))
    assert not torch.allclose(other.eigenvalues[0], modes.eigenvalues[0], rtol=1e-6)


def test_averaging_over_roundings_removes_the_first_order(spd):
    """32 stochastic roundings at 7 and 9 bits: the first-order error falls by about sqrt(32) = 5.7, less its bias."""
    A = spd(16, 10.0, seed=3)
    exact = torch.linalg.inv(A)
    for bits in (7, 9):
        machine = Machine(dac=Converter(bits=bits, stochastic=True))
        one = relative(solve(A, torch.eye(16).double(), machine, error=1e-8).estimate, exact)
        many = relative(
            solve(A, torch.eye(16).double(), machine, error=1e-8, mitigation=Mitigation(roundings=32)).estimate, exact
        )
        assert many < one / 3


def test_roundings_turn_a_linear_bias_into_a_quadratic_one(spd):
    """At the limit of many roundings what is left is the second-order bias: 2 bits more shrink it by about 16."""
    A = spd(6, 5.0, seed=1)
    exact = torch.linalg.inv(A)
    left = []
    for bits in (5, 7):
        dac = Converter(bits=bits, stochastic=True)
        # B enters through the DAC as well; unit vectors are exact in any number of bits.
        mitigation = Mitigation(roundings=20_000)
        result = solve(A, torch.eye(6).double(), Machine(dac=dac), error=1e-9, mitigation=mitigation)
        left.append(relative(result.estimate, exact))
    assert 8 < left[0] / left[1] < 32


@pytest.mark.parametrize("top", [5.0, 300.0])
def test_deflation_is_exact_and_lowers_kappa(top, spd):
    """A spiked matrix like an input factor of K-FAC: kappa falls from top * 10 to about 10, the answer stays."""
    direction = torch.nn.functional.normalize(torch.ones(9, dtype=torch.float64), dim=0)
    A = spd(9, 10.0, seed=6) + top * torch.outer(direction, direction)
    B = torch.randn(9, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    plain = solve(A, B, Machine(), error=1e-9)
    result = solve(A, B, Machine(), error=1e-9, mitigation=Mitigation(deflation=30))
    assert relative(result.estimate, torch.linalg.solve(A, B)) < 1e-7
    assert result.kappa < 12 < plain.kappa
    assert result.time_s < plain.time_s
    inverse = invert(A, Machine(), error=0.05, mitigation=Mitigation(deflation=30), seed=1)
    assert relative(inverse.estimate, torch.linalg.inv(A)) < 0.1


def test_one_deflation_step_is_already_exact_with_a_poor_direction(spd):
    A = spd(7, 30.0, seed=7)
    B = torch.eye(7, dtype=torch.float64)
    result = solve(A, B, Machine(), error=1e-10, mitigation=Mitigation(deflation=1))
    assert relative(result.estimate, torch.linalg.inv(A)) < 1e-8


@pytest.mark.parametrize("cells", [None, 4])
def test_refinement_converges_from_a_coarse_solver(cells, spd):
    """8-bit couplings and readings; every residual correction multiplies the error by the solver's own error."""
    A, B = spd(10, 10.0, seed=8), torch.eye(10, dtype=torch.float64)
    machine = Machine(dac=Converter(bits=8), adc=Converter(bits=8), cells=cells)
    exact = torch.linalg.inv(A)
    errors = [
        relative(solve(A, B, machine, error=1e-3, mitigation=Mitigation(refinements=r)).estimate, exact)
        for r in (0, 1, 2, 6)
    ]
    assert errors[0] > 1e-3
    assert errors[1] < 3 * errors[0] ** 2 * 10
    assert errors[3] < 1e-7


def test_newton_schulz_refines_an_inverse_quadratically(spd):
    A = spd(6, 4.0, seed=9)
    exact = torch.linalg.inv(A)
    errors = [
        relative(invert(A, Machine(), error=0.05, seed=2, mitigation=Mitigation(refinements=r)).estimate, exact)
        for r in (0, 1, 2)
    ]
    assert errors[1] < 2 * errors[0] ** 2
    assert errors[2] < 2 * errors[1] ** 2


def test_device_argument_is_followed(spd):
    """Everything a run makes lies where its matrix lies (on CUDA this test runs there)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    A = spd(6, 4.0).to(device)
    B = torch.eye(6, dtype=torch.float64, device=device)
    machine = Machine(
        mismatch=0.01, dac=Converter(bits=10, stochastic=True), adc=Converter(bits=10), cells=4, noise=1e-3
    )
    inverse = invert(A, machine, samples=1000).estimate
    solved = solve(A, B, machine, averaging_time_s=1e-5).estimate
    assert inverse.device.type == solved.device.type == device
    assert relative(solved, torch.linalg.inv(A)) < 0.2


def test_equal_seeds_give_equal_runs(spd):
    A = spd(5, 9.0)
    machine = Machine(dac=Converter(bits=8, stochastic=True))
    runs = [invert(A, machine, samples=50, seed=seed).estimate for seed in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_dtypes_are_kept(dtype, spd):
    A = spd(4, 5.0, batch=6).reshape(2, 3, 4, 4).to(dtype)
    B = torch.ones(2, 3, 4, 2, dtype=dtype)
    assert invert(A, Machine(), samples=10).estimate.shape == A.shape
    result = solve(A, B, Machine(), error=1e-3)
    assert result.estimate.shape == B.shape
    assert result.estimate.dtype == dtype
    assert relative(result.estimate, torch.linalg.solve(A, B)) < 2e-3
    one = torch.ones(1, 1, dtype=dtype) * 4
    assert solve(one, one, Machine(), error=1e-4).estimate.item() == pytest.approx(1.0, rel=2e-4)


@pytest.mark.parametrize("cells", [None, 4])
@pytest.mark.parametrize("deflation", [0, 5])
def test_a_session_solves_again_for_less(cells, deflation, spd):
    A, B = spd(9, 8.0, seed=4), torch.randn(9, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    session = Session(A, Machine(cells=cells, mismatch=0.01), mitigation=Mitigation(deflation=deflation))
    first, second = session.solve(B, error=1e-10), session.solve(B, error=1e-10)
    torch.testing.assert_close(
        second.estimate, first.estimate, rtol=0.05, atol=0.02
    )  # mismatch, blocks: not digit by digit
    assert second.ledger.uploaded_values < first.ledger.uploaded_values
    perfect = Session(A, Machine(cells=cells), mitigation=Mitigation(deflation=deflation))
    perfect.solve(B, error=1e-10)
    assert relative(perfect.solve(2 * B, error=1e-10).estimate, 2 * torch.linalg.solve(A, B)) < 1e-8


def test_a_single_entry_has_nothing_to_deflate():
    """An output layer of one unit has a 1 by 1 factor."""
    A = torch.full((1, 1), 4.0, dtype=torch.float64)
    result = solve(A, A, Machine(), error=1e-6, mitigation=Mitigation(deflation=5))
    assert result.estimate.item() == pytest.approx(1.0, rel=1e-5)
    assert result.ledger.digital_flops == 0
    assert invert(A, Machine(), samples=10, mitigation=Mitigation(deflation=5)).estimate.shape == (1, 1)
