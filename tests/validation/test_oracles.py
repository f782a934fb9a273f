"""Factors, inverses and preconditioned gradients against curvlinops 3.0.1 and nngeometry 0.4, in doubles.

Both are pinned, because the names used here are private; the extra ``oracles`` installs them.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from costmodel import formulas
from solver.kfac.rows import weight_matrix
from validation.counting import Kind
from validation.counting.counter import count
from validation.reference import capture, factors, rivals, solvers

EXACT = {"rtol": 1e-12, "atol": 1e-12}
BATCH, CLASSES, DAMPING = 6, 3, 1e-2


class Tokens(nn.Module):
    """A layer over tokens, their mean, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(5, 4), nn.Linear(4, CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(torch.tanh(self.first(inputs)).mean(1))


def network(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    built: nn.Module
    match name:
        case "linear":
            built = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, CLASSES))
            inputs = torch.randn(BATCH, 5)
        case "tokens":
            built, inputs = Tokens(), torch.randn(BATCH, 7, 5)
        case _:
            convolution = nn.Conv2d(2, 4, 3, stride=2, padding=1)
            built = nn.Sequential(convolution, nn.Tanh(), nn.Flatten(), nn.Linear(36, CLASSES))
            inputs = torch.randn(BATCH, 2, 5, 6)
    return built.double(), inputs.double(), torch.randint(0, CLASSES, (BATCH,))


def kronecker_factors(seen: capture.Seen, sharing: str) -> tuple[Tensor, Tensor]:
    """A and G as means: over rows and over examples (expand), or over examples with positions averaged (reduce)."""
    positions = seen.inputs.shape[2]
    if sharing == "expand":
        inputs, gradients, rows = factors.expand(seen.inputs), factors.expand(seen.gradients), BATCH * positions
    else:
        inputs, gradients, rows = factors.reduce(seen.inputs) / positions, factors.reduce(seen.gradients), BATCH
    return factors.full_product(inputs) / rows, factors.full_product(gradients) / BATCH


@pytest.fixture
def doubles() -> Iterator[None]:
    """New tensors in doubles, those a library makes for itself too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(params=["linear", "tokens", "convolution"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["expand", "reduce"])
def sharing(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _curvlinops(name: str, sharing: str) -> tuple[Any, dict[str, capture.Seen], list[Tensor], list[Tensor]]:
    """Their operator, what our hooks saw, the gradients of the mean loss, and the parameters' names in their order."""
    oracle = pytest.importorskip("curvlinops")
    model, inputs, labels = network(name)
    parameters = list(model.parameters())
    operator = oracle.KFACLinearOperator(
        model,
        nn.CrossEntropyLoss(),
        parameters,
        [(inputs, labels)],
        fisher_type=oracle.FisherType.EMPIRICAL,
        kfac_approx=getattr(oracle.KFACType, sharing.upper()),
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    operator.compute_kronecker_factors()
    seen = capture.run(model, (inputs,), lambda logits: functional.cross_entropy(logits, labels, reduction="sum"))
    gradients = [each.grad / BATCH for each in parameters if each.grad is not None]
    return operator, seen, gradients, parameters


def _as_matrices(seen: dict[str, capture.Seen], flat: list[Tensor]) -> list[Tensor]:
    """Weights and biases in turn as one matrix a layer."""
    return [
        weight_matrix(record.layer, weight, bias)
        for record, weight, bias in zip(seen.values(), flat[::2], flat[1::2], strict=True)
    ]


def test_factors(name: str, sharing: str) -> None:
    operator, seen, _, _ = _curvlinops(name, sharing)
    for layer, record in seen.items():
        A, G = kronecker_factors(record, sharing)
        torch.testing.assert_close(A[0], operator._input_covariances[layer], **EXACT)
        torch.testing.assert_close(G[0], operator._gradient_covariances[layer], **EXACT)


def test_preconditioned_gradients_with_factored_damping(name: str, sharing: str) -> None:
    operator, seen, gradients, _ = _curvlinops(name, sharing)
    oracle = pytest.importorskip("curvlinops")
    inverse = oracle.KFACInverseLinearOperator(operator, damping=DAMPING, use_heuristic_damping=True)
    expected = _as_matrices(seen, list(inverse @ gradients))
    for record, gradient, wanted in zip(seen.values(), _as_matrices(seen, gradients), expected, strict=True):
        A, G, *shares = factors.damped(*kronecker_factors(record, sharing), DAMPING)
        explicit = solvers.precondition(solvers.cholesky_inverse(G), gradient, solvers.cholesky_inverse(A))
        torch.testing.assert_close(explicit, wanted, **EXACT)
        solved = solvers.cholesky_solve(torch.linalg.cholesky(G), gradient, torch.linalg.cholesky(A))
        torch.testing.assert_close(solved, wanted, **EXACT)
        inverses = [_newton_schulz(each) for each in (G, A)]
        torch.testing.assert_close(
            solvers.precondition(inverses[0], gradient, inverses[1]), wanted, rtol=1e-9, atol=1e-9
        )
        left = solvers.conjugate_gradients(G, gradient, 2 * G.shape[-1])
        both = solvers.conjugate_gradients(A, left.mT, 2 * A.shape[-1]).mT
        torch.testing.assert_close(both, wanted, rtol=1e-7, atol=1e-7)
        torch.testing.assert_close(_full_rank(record, sharing, gradient, shares), wanted, rtol=1e-9, atol=1e-9)


def _newton_schulz(factor: Tensor) -> Tensor:
    values = torch.linalg.eigvalsh(factor)
    return solvers.newton_schulz_inverse(factor, float(values.max()), float(values.min()), 12)


def _full_rank(record: capture.Seen, sharing: str, gradient: Tensor, shares: list[Tensor]) -> Tensor:
    """The low-rank form with every mode kept is exact."""
    generator = torch.Generator().manual_seed(0)
    A, G = (solvers.low_rank(each, each.shape[-1], generator) for each in kronecker_factors(record, sharing))
    left = solvers.low_rank_solve(*G, shares[1], gradient)
    return solvers.low_rank_solve(*A, shares[0], left.mT).mT


@pytest.mark.verifies("kfac.factors.expand.flops", "kfac.cholesky.refresh.flops", "kfac.precondition.flops")
@pytest.mark.parametrize("name", ["linear", "convolution"])
def test_curvlinops_runs_the_counted_work(name: str) -> None:
    """Their code, not ours, counted: factors, Cholesky inverses and preconditioning cost what the formulas say."""
    oracle = pytest.importorskip("curvlinops")
    model, inputs, _ = network(name)
    parameters = list(model.parameters())
    operator = oracle.KFACLinearOperator(
        model,
        nn.MSELoss(),
        parameters,
        [(inputs, torch.randn(BATCH, CLASSES, dtype=torch.float64))],
        fisher_type=oracle.FisherType.EMPIRICAL,
        kfac_approx=oracle.KFACType.EXPAND,
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    build = count(operator.compute_kronecker_factors)
    # Rows, a, g by hand: 5 -> 7 -> 3 with biases; or 3x3 on 2 -> 4 channels at 3 x 3 places, then 36 -> 3.
    layers = [(6, 6, 7), (6, 8, 3)] if name == "linear" else [(54, 19, 4), (6, 37, 3)]
    expand, cholesky, precondition = (
        formulas.get(f"kfac.{part}.flops") for part in ("factors.expand", "cholesky.refresh", "precondition")
    )
    assert build.by_operation["bmm"] == sum(expand.evaluate(M=rows, a=a, g=g) for rows, a, g in layers)
    inverse = oracle.KFACInverseLinearOperator(operator, damping=DAMPING, use_heuristic_damping=True)
    gradients = [torch.randn_like(each) for each in parameters]
    step = count(lambda: inverse @ gradients)
    sizes = [size for _, a, g in layers for size in (a, g)]
    assert step.flops[Kind.FACTORISATION] == pytest.approx(sum(cholesky.evaluate(n=size) for size in sizes), rel=1e-12)
    assert step.flops[Kind.PRODUCT] == sum(precondition.evaluate(a=a, g=g) for _, a, g in layers)


def test_preconditioned_gradients_in_the_eigenbasis(name: str, sharing: str) -> None:
    operator, seen, gradients, _ = _curvlinops(name, sharing)
    oracle = pytest.importorskip("curvlinops")
    inverse = oracle.KFACInverseLinearOperator(operator, damping=DAMPING, use_exact_damping=True)
    expected = _as_matrices(seen, list(inverse @ gradients))
    for record, gradient, wanted in zip(seen.values(), _as_matrices(seen, gradients), expected, strict=True):
        A, G = (torch.linalg.eigh(each) for each in kronecker_factors(record, sharing))
        table = solvers.scaling_table(G.eigenvalues, A.eigenvalues, DAMPING)
        ours = solvers.precondition_in_eigenbasis(G.eigenvectors, gradient, A.eigenvectors, table)
        torch.testing.assert_close(ours, wanted, **EXACT)


def test_ekfac_second_moments() -> None:
    """One row an example: the moments are the mean squared gradients in the eigenbasis."""
    oracle = pytest.importorskip("curvlinops")
    model, inputs, labels = network("linear")
    operator = oracle.EKFACLinearOperator(
        model,
        nn.CrossEntropyLoss(),
        list(model.parameters()),
        [(inputs, labels)],
        fisher_type=oracle.FisherType.EMPIRICAL,
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    operator.compute_kronecker_factors()
    operator.compute_eigenvalue_correction()
    seen = capture.run(model, (inputs,), lambda logits: functional.cross_entropy(logits, labels, reduction="sum"))
    for layer, record in seen.items():
        vectors = operator._input_covariances_eigenvectors[layer], operator._gradient_covariances_eigenvectors[layer]
        rows = factors.expand(record.inputs), factors.expand(record.gradients)
        moments = rivals.ekfac_second_moments(*rows, vectors[0][None], vectors[1][None]) / BATCH
        torch.testing.assert_close(moments[0], operator._corrected_eigenvalues[layer], **EXACT)


@pytest.mark.usefixtures("doubles")
@pytest.mark.parametrize("name", ["linear", "convolution"])
def test_exact_fisher_against_nngeometry(name: str) -> None:
    """Type-2 Fisher of a softmax: one backward pass for each column of the root of the loss's Hessian."""
    metrics = pytest.importorskip("nngeometry.metrics")
    objects = pytest.importorskip("nngeometry.object")
    model, inputs, labels = network(name)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, labels), batch_size=BATCH)
    theirs = metrics.FIM(model, loader, objects.PMatKFAC, variant="classif_logits", device="cpu")
    chances = torch.softmax(model(inputs).detach(), dim=1)
    root = torch.diag_embed(chances.sqrt()) - chances[:, :, None] * chances.sqrt()[:, None, :]
    passes = [
        capture.run(model, (inputs,), lambda logits, column=column: (logits * root[:, :, column]).sum())
        for column in range(CLASSES)
    ]
    vector = objects.PVector.from_model(model)  # the weights themselves are what both solve against
    solved = theirs.solvePVec(vector, regul=DAMPING).to_dict()
    for layer_id, layer in zip(vector.layer_collection.layers, passes[0], strict=True):
        A = kronecker_factors(passes[0][layer], "expand")[0]
        G = torch.stack([kronecker_factors(seen[layer], "expand")[1] for seen in passes]).sum(dim=0)
        a, g = theirs.data[layer_id]
        scale = torch.trace(a) / torch.trace(A[0])  # theirs splits a constant between the two
        torch.testing.assert_close(a / scale, A[0], **EXACT)
        torch.testing.assert_close(g * scale, G[0], **EXACT)
        module = passes[0][layer].layer
        weight, wanted = (weight_matrix(module, *pair[layer_id]) for pair in (vector.to_dict(), solved))
        A, G, *_ = factors.damped(A, G, DAMPING)
        ours = solvers.cholesky_solve(torch.linalg.cholesky(G), weight, torch.linalg.cholesky(A))
        torch.testing.assert_close(ours, wanted, rtol=1e-10, atol=1e-11)  # theirs by least squares
