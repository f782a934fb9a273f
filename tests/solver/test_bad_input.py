"""What a user may get wrong, and the message that answers it."""

import pytest
import torch

from solver import Converter, Link, Machine, MatrixError, Mitigation, invert, solve

EYE = torch.eye(3, dtype=torch.float64)
LOPSIDED = torch.tensor([[2.0, 1.0], [0.0, 2.0]], dtype=torch.float64)
INDEFINITE = torch.tensor([[1.0, 2.0], [2.0, 1.0]], dtype=torch.float64)
HOLED = torch.tensor([[1.0, float("nan")], [float("nan"), 1.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (LOPSIDED, r"not symmetric: entry \(0, 1\) differs from its mirror by 1, .* pass \(A \+ A.mT\) / 2"),
        (INDEFINITE, r"smallest eigenvalue is -1 .*batch member 0.* add damping of more than 1"),
        (torch.zeros(2, 2).double(), r"not positive definite: its smallest eigenvalue is 0"),
        (HOLED, r"entry \(0, 1\) is nan"),
        (torch.ones(2, 3).double(), r"square matrices of shape .* got \(2, 3\)"),
        (torch.ones(3).double(), r"square matrices"),
        (torch.ones(0, 0).double(), r"n >= 1 and at least one of them, got \(0, 0\)"),
        (torch.eye(2, dtype=torch.int64), r"dtype torch.int64; convert it to torch.float64"),
        (torch.eye(2, dtype=torch.float16), r"dtype torch.float16; convert it to torch.float64"),
        (torch.eye(2).numpy(), r"torch tensor, got ndarray; pass torch.as_tensor"),
    ],
)
def test_matrices_that_cannot_be_programmed(matrix, message):
    with pytest.raises(MatrixError, match=message):
        invert(matrix, Machine(), samples=5)
    with pytest.raises(MatrixError, match=message):
        solve(matrix, matrix, Machine(), error=0.1)


def test_the_right_batch_member_is_named():
    with pytest.raises(MatrixError, match="batch member 1"):
        invert(torch.stack([torch.eye(2).double(), INDEFINITE]), Machine(), samples=5)


@pytest.mark.parametrize(
    ("right", "message"),
    [
        (torch.ones(3).double(), r"shape \(3,\) do not fit matrices of shape \(3, 3\); expected \(3, 'k'\)"),
        (torch.ones(4, 1).double(), "do not fit"),
        (torch.ones(2, 3, 1).double(), "do not fit"),
        (torch.ones(3, 1), "torch.float32 on cpu, the matrix is torch.float64"),
        (torch.full((3, 1), float("inf")).double(), r"entry \(0, 0\) is inf"),
    ],
)
def test_right_hand_sides_that_do_not_fit(right, message):
    with pytest.raises(MatrixError, match=message):
        solve(EYE, right, Machine(), error=0.1)


def test_kappa_beyond_the_bits_says_how_many_would_do(spd):
    """16 x 16 at kappa 1e4 in 6 bits; the advice must work when it is followed."""
    A = spd(16, 1e4, seed=1)
    with pytest.raises(MatrixError, match=r"kappa = 1e\+04 is beyond what this machine can hold") as caught:
        invert(A, Machine(dac=Converter(bits=6)), samples=5)
    message = str(caught.value)
    assert "the smallest was 0.0001" in message
    need = int(message.split("use at least ")[1].split(" input bits")[0])
    invert(A, Machine(dac=Converter(bits=need)), samples=5)
    damping = float(message.split("smallest eigenvalue exceeds ")[1].split(" of the largest")[0])
    invert(A + damping * torch.eye(16).double(), Machine(dac=Converter(bits=6)), samples=5)


def test_kappa_beyond_the_mismatch_has_no_bits_to_offer(spd):
    with pytest.raises(MatrixError, match=r"mismatch 0\.\d+") as caught:
        solve(spd(16, 1e5), torch.ones(16, 1).double(), Machine(mismatch=0.1), error=0.1)
    assert "input bits" not in str(caught.value)
    assert "add damping" in str(caught.value)


def test_a_bound_on_kappa_must_hold(spd):
    with pytest.raises(MatrixError, match="kappa = 50 was given as a bound, but the matrix has 100"):
        invert(spd(4, 100.0), Machine(), samples=5, kappa=50.0)


@pytest.mark.parametrize("targets", [{}, {"error": 0.1, "samples": 4}])
def test_exactly_one_target(targets):
    with pytest.raises(ValueError, match="exactly one of error, samples, time_s"):
        invert(EYE, Machine(), **targets)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Machine(tau_s=0.0), "tau_s > 0"),
        (lambda: Machine(arrays=0), "arrays >= 1"),
        (lambda: Machine(mismatch=-0.1), "must be >= 0"),
        (lambda: Converter(bits=1), "2 to 32 bits"),
        (lambda: Converter(full_range=0.0), "full_range must be positive"),
        (lambda: Link(bits_per_s=0.0), "bits_per_s > 0"),
        (lambda: Mitigation(roundings=0), "roundings >= 1"),
        (lambda: Mitigation(readings=0), "readings >= 1"),
        (
            lambda: Mitigation(readings=3).read_once(),
            r"^only columns of an inverse are read several times, got readings = 3$",
        ),
    ],
)
def test_machines_that_cannot_exist(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("time_s", [-1.0, 0.0, float("nan"), float("inf")])
def test_targets_are_positive_numbers(time_s):
    with pytest.raises(ValueError, match="time_s must be positive and finite"):
        invert(EYE, Machine(), time_s=time_s)


def test_fractions_of_samples_and_bits():
    with pytest.raises(ValueError, match=r"whole number, got 2\.5"):
        invert(EYE, Machine(), samples=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"2 to 32 bits, got 8\.5"):
        Converter(bits=8.5)  # type: ignore[arg-type]


def test_a_matrix_that_requires_gradients_is_taken_as_numbers():
    result = invert(EYE.clone().requires_grad_(), Machine(), samples=3)
    assert not result.estimate.requires_grad


def test_method_1_needs_noise():
    with pytest.raises(ValueError, match="set injected_noise > 0"):
        invert(EYE, Machine(injected_noise=0.0), samples=5)


def test_a_settle_error_must_leave_room():
    with pytest.raises(ValueError, match=r"leaves nothing of error = 0\.1"):
        solve(EYE, EYE, Machine(), error=0.1, settle_error=0.1)
