"""E-KFAC, Shampoo, SOAP, Muon and the first-order updates: counts, and independent implementations or identities."""

import math

import pytest
import torch
from torch import Tensor

from costmodel import formulas
from tests.validation.expected import of_layer
from tests.validation.networks import CASES, DOUBLE, build, quadratic
from validation.counting import Kind
from validation.counting.counter import count
from validation.reference import capture, factors, rivals, soap

P, F, E = Kind.PRODUCT, Kind.FACTORISATION, Kind.ELEMENTWISE


def evaluate(name: str, **values: float) -> float:
    return float(formulas.get(name).evaluate(**values))


@pytest.mark.verifies("ekfac.scalings.flops", "ekfac.squares.flops", "ekfac.squares.bytes", "ekfac.memory.bytes")
@pytest.mark.parametrize("name", CASES)
def test_ekfac(name: str) -> None:
    case = CASES[name]
    network, inputs = build(name)
    seen = next(iter(capture.run(network, inputs, quadratic).values()))
    rows = factors.expand(seen.inputs).float(), factors.expand(seen.gradients).float()
    vectors = [torch.linalg.eigh(factors.full_product(each)).eigenvectors for each in rows]
    counted = count(lambda: rivals.ekfac_second_moments(*rows, *vectors))
    assert counted.flops[P] == of_layer("ekfac.scalings.flops", case)
    assert counted.flops[E] == of_layer("ekfac.squares.flops", case)
    squares = counted.read["mul"] + counted.written["mul"]
    assert squares == of_layer("ekfac.squares.bytes", case)
    # The second moments are those of each row's own gradient, squared in the eigenbasis.
    moments = rivals.ekfac_second_moments(*rows, *vectors)
    each = torch.einsum("pro,pri->proi", rows[1], rows[0])
    direct = (vectors[1].mT[:, None] @ each @ vectors[0][:, None]).square().sum(dim=1)
    torch.testing.assert_close(moments, direct, rtol=1e-3, atol=1e-4)
    state = [*(factors.full_product(each) for each in rows), *vectors, moments, torch.zeros_like(moments)]
    assert sum(each.nbytes for each in state) == of_layer("ekfac.memory.bytes", case)


BLOCKED = pytest.mark.parametrize(("d", "g", "block"), [(6, 4, 8), (10, 7, 4), (8, 8, 4), (9, 3, 3)])


@pytest.mark.verifies(
    "shampoo.statistics.flops",
    "shampoo.factor.count",
    "shampoo.factor.elements",
    "shampoo.average.bytes",
    "shampoo.eigh.flops",
    "shampoo.rebuild.flops",
    "shampoo.precondition.flops",
    "shampoo.graft.bytes",
    "shampoo.memory.bytes",
)
@BLOCKED
def test_shampoo_counts(d: int, g: int, block: int) -> None:
    gradient = torch.randn(g, d)
    sizes = {"d": d, "g": g, "b": block}
    build_ = count(lambda: rivals.shampoo_statistics(gradient, block))
    statistics = [each for pair in rivals.shampoo_statistics(gradient, block) for each in pair]
    assert build_.total == evaluate("shampoo.statistics.flops", **sizes)
    assert build_.calls["mm"] == len(statistics) == evaluate("shampoo.factor.count", **sizes)
    assert sum(each.numel() for each in statistics) == evaluate("shampoo.factor.elements", **sizes)
    average = count(lambda: [factors.running_average(each, each.clone(), 0.1) for each in statistics])
    assert average.moved == evaluate("shampoo.average.bytes", **sizes)
    roots = count(lambda: [rivals.inverse_fourth_root(each, 1e-3) for each in statistics])
    assert roots.flops[F] == evaluate("shampoo.eigh.flops", **sizes)
    assert roots.flops[P] == evaluate("shampoo.rebuild.flops", **sizes)
    pairs = [
        (rivals.inverse_fourth_root(left, 1e-3), rivals.inverse_fourth_root(right, 1e-3))
        for left, right in rivals.shampoo_statistics(gradient, block)
    ]
    step = count(lambda: rivals.shampoo_precondition(gradient, pairs, block))
    assert step.total == evaluate("shampoo.precondition.flops", **sizes)
    graft = count(lambda: rivals.graft(gradient, gradient.clone()))
    # The lengths themselves, scalars, come on top.
    assert graft.moved - evaluate("shampoo.graft.bytes", d=d, g=g) <= 40
    state = [*statistics, *(each for pair in pairs for each in pair), torch.zeros_like(gradient), gradient]
    assert sum(each.nbytes for each in state) == evaluate("shampoo.memory.bytes", **sizes)


def test_shampoo_roots_are_fourth_roots() -> None:
    statistic = torch.randn(6, 9, dtype=DOUBLE)
    statistic = statistic @ statistic.mT
    root = rivals.inverse_fourth_root(statistic, 0.0)
    torch.testing.assert_close(torch.linalg.matrix_power(root, 4) @ statistic, torch.eye(6, dtype=DOUBLE))


def test_shampoo_blocks_are_independent() -> None:
    gradient = torch.randn(7, 10, dtype=DOUBLE)
    pairs = [
        tuple(rivals.inverse_fourth_root(each, 1e-3) for each in two) for two in rivals.shampoo_statistics(gradient, 4)
    ]
    step = rivals.shampoo_precondition(gradient, pairs, 4)  # type: ignore[arg-type]
    corner = gradient[4:, 8:]
    left, right = (rivals.inverse_fourth_root(each, 1e-3) for each in (corner @ corner.mT, corner.mT @ corner))
    torch.testing.assert_close(step[4:, 8:], left @ corner @ right)
    assert step.shape == gradient.shape


def test_shampoo_against_an_independent_implementation() -> None:
    oracle = pytest.importorskip("pytorch_optimizer")
    weight = torch.nn.Parameter(torch.randn(5, 8, dtype=DOUBLE))
    optimizer = oracle.Shampoo([weight], lr=1.0, momentum=0.0, weight_decay=0.0, matrix_eps=1e-2)
    sums = torch.zeros(5, 5, dtype=DOUBLE), torch.zeros(8, 8, dtype=DOUBLE)
    for _ in range(3):
        gradient, before = torch.randn(5, 8, dtype=DOUBLE), weight.detach().clone()
        weight.grad = gradient.clone()
        optimizer.step()
        # It sums statistics and starts them at epsilon I.
        ((left, right),) = rivals.shampoo_statistics(gradient, 8)
        sums = sums[0] + left, sums[1] + right
        roots = [rivals.inverse_fourth_root(each, 1e-2) for each in sums]
        expected = rivals.shampoo_precondition(gradient, [(roots[0], roots[1])], 8)
        torch.testing.assert_close(before - weight.detach(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.verifies(
    "soap.statistics.flops",
    "soap.statistics.bytes",
    "soap.rotate.flops",
    "soap.refresh.flops",
    "soap.qr.flops",
    "soap.factor.elements",
    "soap.memory.bytes",
)
@pytest.mark.parametrize(("d", "g"), [(6, 4), (5, 5), (3, 11)])
def test_soap_counts(d: int, g: int) -> None:
    gradient = torch.randn(g, d)
    optimizer = soap.Soap(gradient, (0.9, 0.95), 1e-8)
    build_ = count(lambda: soap.products(gradient))
    step = count(lambda: optimizer.step(gradient))
    statistics, rotate = (evaluate(f"soap.{part}.flops", d=d, g=g) for part in ("statistics", "rotate"))
    assert build_.total == statistics
    assert step.flops[P] == statistics + rotate
    average = count(lambda: [factors.running_average(each, each.clone(), 0.1) for each in optimizer.statistics])
    assert average.moved == evaluate("soap.statistics.bytes", d=d, g=g)
    refresh = count(optimizer.refresh)
    assert refresh.flops[P] == evaluate("soap.refresh.flops", d=d, g=g)
    assert refresh.flops[F] == pytest.approx(evaluate("soap.qr.flops", d=d, g=g), rel=1e-14)
    assert sum(each.numel() for each in optimizer.statistics) == evaluate("soap.factor.elements", d=d, g=g)
    state = [*optimizer.statistics, *optimizer.bases, *optimizer.moments]
    assert sum(each.nbytes for each in state) == evaluate("soap.memory.bytes", d=d, g=g)


def test_soap_against_an_independent_implementation() -> None:
    """Ten steps with two refreshes; the other keeps the first moment outside the eigenbasis, as the official code."""
    oracle = pytest.importorskip("pytorch_optimizer")
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(5, 8))
    betas, epsilon = (0.9, 0.95), 1e-8
    optimizer = oracle.SOAP([weight], lr=1.0, betas=betas, weight_decay=0.0, precondition_frequency=4, eps=epsilon)
    first = torch.randn(5, 8)
    weight.grad = first.clone()
    optimizer.step()
    ours = soap.Soap(first, betas, epsilon)
    for index in range(1, 11):
        gradient, before = torch.randn(5, 8), weight.detach().clone()
        weight.grad = gradient.clone()
        theirs = count(optimizer.step)
        if index % 4:
            assert theirs.flops[P] == 8 * 5 * 8 * (
                5 + 8
            )  # the projected first moment: 2dg(d + g) more than the lean form
        torch.testing.assert_close(before - weight.detach(), ours.step(gradient), rtol=1e-3, atol=1e-3)
        if index % 4 == 0:
            ours.refresh()


def test_soap_refresh_turns_towards_the_eigenvectors() -> None:
    gradient = torch.randn(6, 40, dtype=DOUBLE) * torch.linspace(0.5, 3, 6, dtype=DOUBLE)[:, None]
    optimizer = soap.Soap(gradient[:, :6], (0.0, 0.0), 1e-8)
    optimizer.bases = torch.eye(6, dtype=DOUBLE), torch.eye(6, dtype=DOUBLE)
    optimizer.statistics = gradient @ gradient.mT, torch.eye(6, dtype=DOUBLE)
    for _ in range(400):
        optimizer.refresh()
    turned = optimizer.bases[0].mT @ optimizer.statistics[0] @ optimizer.bases[0]
    values = torch.linalg.eigvalsh(optimizer.statistics[0]).flip(0)
    torch.testing.assert_close(turned, torch.diag(values), rtol=1e-8, atol=1e-6)


@pytest.mark.verifies("muon.orthogonalise.flops", "muon.products", "muon.memory.bytes")
@pytest.mark.parametrize("shape", [(96, 160), (160, 96), (7, 7)])
def test_muon(shape: tuple[int, int]) -> None:
    g, d = shape
    torch.manual_seed(0)
    gradient = torch.randn(shape)
    ours = count(lambda: rivals.muon_orthogonalise(gradient))
    weight = torch.nn.Parameter(torch.randn(shape))
    start = weight.detach().clone()
    weight.grad = gradient.clone()
    optimizer = torch.optim.Muon([weight], lr=1.0, weight_decay=0.0, momentum=0.0, nesterov=False)
    theirs = count(optimizer.step)
    assert ours.flops[P] == theirs.flops[P] == evaluate("muon.orthogonalise.flops", d=d, g=g)
    assert ours.calls["mm"] + ours.calls["addmm"] == evaluate("muon.products")
    # torch works in bfloat16 and scales by the square root of the aspect ratio.
    step = (start - weight.detach()) / math.sqrt(max(1.0, g / d))
    same = rivals.muon_orthogonalise(gradient.bfloat16()).float()
    torch.testing.assert_close(step, same, rtol=0.03, atol=0.02)
    values = torch.linalg.svdvals(rivals.muon_orthogonalise(gradient))
    assert 0.3 < float(values[values > 0.2].min()) <= float(values.max()) < 1.3
    assert _state_bytes(optimizer) == evaluate("muon.memory.bytes", N=d * g)


@pytest.mark.verifies("adam.update.bytes", "adam.memory.bytes")
def test_adam() -> None:
    parameters = _parameters()
    optimizer = torch.optim.Adam(parameters, fused=True)
    optimizer.step()
    total = sum(each.numel() for each in parameters)
    counted = count(optimizer.step)
    # Each tensor's counter of steps is read; gradients count as changed, which they are under a loss scaler only.
    moved = counted.read["_fused_adam"] + counted.written["_fused_adam"] - 3 * 4 - 4 * total
    assert moved == evaluate("adam.update.bytes", N=total)
    assert _state_bytes(optimizer) == evaluate("adam.memory.bytes", N=total)


@pytest.mark.verifies("sgd.update.bytes", "sgd.memory.bytes")
def test_sgd() -> None:
    parameters = _parameters()
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, fused=True)
    optimizer.step()
    total = sum(each.numel() for each in parameters)
    counted = count(optimizer.step)
    moved = counted.read["_fused_sgd"] + counted.written["_fused_sgd"] - 4 * total  # gradients, as above
    assert moved == evaluate("sgd.update.bytes", N=total)
    assert _state_bytes(optimizer) == evaluate("sgd.memory.bytes", N=total)


def _parameters() -> list[torch.nn.Parameter]:
    parameters = [torch.nn.Parameter(torch.randn(*shape)) for shape in ((3, 4), (5,), (2, 2, 2))]
    for each in parameters:
        each.grad = torch.randn_like(each)
    return parameters


def _state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of what an optimizer keeps for each element; step counters left out."""
    tensors = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
    return sum(each.nbytes for each in tensors if each.ndim > 0)
