"""Every rule of the counter on its operation alone, against FLOPs worked out by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from validation.counting import FlopCounter, Kind, UnknownOperationError
from validation.counting.counter import _RULES, count

P, F, E = Kind.PRODUCT, Kind.FACTORISATION, Kind.ELEMENTWISE


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.float64)


def spd(*shape: int) -> torch.Tensor:
    return torch.full(shape, 2.0, dtype=torch.float64).diag_embed()


def conv(layer: nn.Module) -> Callable[[], object]:
    return lambda: layer(torch.ones(2, 2, 5, 6))


def conv_backward(layer: nn.Module, with_input: bool) -> Callable[[], object]:
    inputs = torch.ones(2, 2, 5, 6, requires_grad=with_input)
    wanted = [*layer.parameters(), *([inputs] if with_input else [])]

    def run() -> None:
        output = layer(inputs)
        torch.autograd.grad(output, wanted, torch.ones_like(output))

    return run


CASES: list[tuple[str, Callable[[], object], dict[Kind, float]]] = [
    # 2 * 3 * 4 * 5
    ("mm", lambda: ones(3, 4) @ ones(4, 5), {P: 120}),
    ("bmm", lambda: ones(2, 3, 4) @ ones(2, 4, 5), {P: 240}),
    ("mv", lambda: ones(3, 4) @ ones(4), {P: 24}),
    ("dot", lambda: ones(4) @ ones(4), {P: 8}),
    ("addmm", lambda: torch.addmm(ones(3, 5), ones(3, 4), ones(4, 5)), {P: 120, E: 15}),
    ("addmm", lambda: torch.addmm(ones(3, 5), ones(3, 4), ones(4, 5), beta=2, alpha=3), {P: 120, E: 45}),
    ("baddbmm", lambda: torch.baddbmm(ones(2, 3, 5), ones(2, 3, 4), ones(2, 4, 5), beta=2), {P: 240, E: 60}),
    # 2 examples, 3x3 kernel on 5x6 -> 3x4 places, 2 -> 4 channels: 2 * 2 * 12 * (4 * 2 * 9), bias 2 * 4 * 12
    ("convolution", conv(nn.Conv2d(2, 4, 3)), {P: 3456, E: 96}),
    # 2 groups: half the weight
    ("convolution", conv(nn.Conv2d(2, 4, 3, groups=2)), {P: 1728, E: 96}),
    # stride 2, padding 1: (5 + 2 - 3) / 2 + 1 = 3 by (6 + 2 - 3) // 2 + 1 = 3 places
    ("convolution", lambda: functional.conv2d(ones(2, 2, 5, 6), ones(4, 2, 3, 3), None, 2, 1), {P: 2592}),
    # transposed: 2 examples of 5x6 input pixels meet 2 * 4 * 4 weights
    (
        "convolution",
        lambda: functional.conv_transpose2d(ones(2, 2, 5, 6), ones(2, 4, 2, 2), None, 2),
        {P: 2 * 2 * 30 * 32},
    ),
    # forward, weight and input gradient; bias forward and backward
    ("convolution_backward", conv_backward(nn.Conv2d(2, 4, 3), True), {P: 3 * 3456, E: 192}),
    ("convolution_backward", conv_backward(nn.Conv2d(2, 4, 3), False), {P: 2 * 3456, E: 192}),
    (
        "convolution_backward",
        conv_backward(nn.ConvTranspose2d(2, 4, 2, stride=2, bias=False), True),
        {P: 3 * 3840},
    ),
    # n = 6, batches of 2: 72 = 6^3 / 3
    ("linalg_cholesky_ex", lambda: torch.linalg.cholesky(spd(2, 6)), {F: 144}),
    ("cholesky_inverse", lambda: torch.cholesky_inverse(spd(6)), {F: 144}),
    # 2 * 36 * 5 right-hand sides
    ("cholesky_solve", lambda: torch.cholesky_solve(ones(6, 5), spd(6)), {F: 360}),
    ("cholesky_solve", lambda: torch.cholesky_solve(ones(2, 6, 5), spd(2, 6)), {F: 720}),
    ("linalg_solve_triangular", lambda: torch.linalg.solve_triangular(spd(6), ones(6, 5), upper=False), {F: 180}),
    (
        "linalg_solve_triangular",
        lambda: torch.linalg.solve_triangular(spd(6), ones(5, 6), upper=False, left=False),
        {F: 180},
    ),
    ("linalg_inv_ex", lambda: torch.linalg.inv(spd(6)), {F: 432}),
    ("_linalg_eigh", lambda: torch.linalg.eigh(spd(6)), {F: 1944}),
    ("_linalg_eigh", lambda: torch.ops.aten._linalg_eigh(spd(6), "L", False), {F: 288}),
    # 10 x 3: 2 * 10 * 9 - 2 * 27 / 3 = 162 for R, as much again for Q
    ("linalg_qr", lambda: torch.linalg.qr(ones(10, 3)), {F: 324}),
    ("linalg_qr", lambda: torch.linalg.qr(ones(10, 3), mode="r"), {F: 162}),
    ("add", lambda: ones(3) + ones(3), {E: 3}),
    ("add", lambda: torch.add(ones(3), ones(3), alpha=2), {E: 6}),
    ("add", lambda: ones(3).add_(1.0), {E: 3}),
    ("sub", lambda: ones(3) - 1.0, {E: 3}),
    ("rsub", lambda: 1.0 - ones(3), {E: 3}),
    ("mul", lambda: ones(2, 3) * ones(3), {E: 6}),
    ("div", lambda: ones(3) / 2.0, {E: 3}),
    ("reciprocal", lambda: ones(3).reciprocal(), {E: 3}),
    ("addcmul", lambda: torch.addcmul(ones(3), ones(3), ones(3)), {E: 6}),
    ("addcdiv", lambda: torch.addcdiv(ones(3), ones(3), ones(3), value=-0.1), {E: 9}),
    ("lerp", lambda: torch.lerp(ones(3), ones(3), 0.1), {E: 9}),
    ("sum", lambda: ones(2, 3).sum(), {E: 6}),
    ("mean", lambda: ones(2, 3).mean(dim=0), {E: 6}),
    ("trace", lambda: torch.trace(ones(3, 3)), {E: 9}),
    ("amax", lambda: ones(2, 3).amax(dim=0), {E: 6}),
    ("max", lambda: ones(2, 3).max(), {E: 6}),
    ("linalg_vector_norm", lambda: torch.linalg.vector_norm(ones(2, 3)), {E: 12}),
    ("index_add", lambda: torch.zeros(4).index_add(0, torch.tensor([0, 0, 1]), torch.ones(3)), {E: 3}),
    ("scatter_add", lambda: torch.zeros(4).scatter_add(0, torch.tensor([0, 0, 1]), torch.ones(3)), {E: 3}),
    ("mse_loss", lambda: functional.mse_loss(ones(2, 3), ones(2, 3)), {E: 18}),
    ("index_put", lambda: torch.zeros(4).index_put((torch.tensor([0, 1]),), torch.ones(2)), {}),
    ("index_put", lambda: torch.zeros(4).index_put((torch.tensor([0, 1]),), torch.ones(2), accumulate=True), {E: 2}),
    *(
        (name, lambda name=name: getattr(torch, name)(ones(2, 3)), {E: 6})  # type: ignore[misc]
        for name in ("sqrt", "rsqrt", "neg", "relu", "tanh")
    ),
    ("pow", lambda: ones(3) ** -0.25, {E: 3}),
    ("clamp", lambda: ones(3).clamp(0.0, 1.0), {E: 3}),
    ("clamp", lambda: ones(3).clamp(min=0.0), {E: 3}),
    ("clamp_min", lambda: torch.clamp_min(ones(3), 0.0), {E: 3}),
    ("maximum", lambda: torch.maximum(ones(3), ones(3)), {E: 3}),
    ("where", lambda: torch.where(ones(3) > 0, ones(3), 0.0), {E: 6}),
    *(
        (name, lambda name=name: getattr(torch, name)(ones(3), 0), {E: 3})
        for name in ("gt", "ge", "lt", "le", "eq", "ne")
    ),
]


@pytest.mark.parametrize(("name", "run", "expected"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_rule_by_hand(name: str, run: Callable[[], object], expected: dict[Kind, float]) -> None:
    counter = count(run)
    assert name in counter.calls
    assert counter.flops == {kind: pytest.approx(expected.get(kind, 0), rel=1e-15) for kind in Kind}


def test_every_rule_is_checked_alone() -> None:
    backward = {
        "threshold_backward",
        "tanh_backward",
        "mse_loss_backward",
        "_index_put_impl",
    }  # by the networks that use them
    backward |= {"_fused_sgd", "_fused_adam", "_foreach_add"}  # by the optimizers
    assert set(_RULES) - {name for name, _, _ in CASES} <= backward


def test_backward_of_activations() -> None:
    inputs = torch.ones(2, 3, requires_grad=True)
    # forward 6, backward 6 (a comparison) and 18 (1 - y^2 times the gradient)
    assert count(lambda: torch.relu(inputs).backward(torch.ones(2, 3))).flops[E] == 12
    assert count(lambda: torch.tanh(inputs).backward(torch.ones(2, 3))).flops[E] >= 24


def test_traffic_by_hand() -> None:
    # float32: two inputs of 6 elements read and one written; in place the changed one is written; a square reads once
    pair = torch.ones(2, 3), torch.ones(2, 3)
    assert (count(lambda: pair[0] * pair[1]).read["mul"], count(lambda: pair[0] * pair[1]).written["mul"]) == (48, 24)
    assert count(lambda: pair[0].add_(pair[1])).moved == 48 + 24
    assert count(lambda: pair[0] * pair[0]).moved == 24 + 24
    # views move nothing
    assert count(lambda: pair[0].mT[:1]).moved == 0


def test_unknown_operations_are_refused() -> None:
    with pytest.raises(UnknownOperationError, match=r"no rule for aten\.linalg_lu"), FlopCounter():
        torch.linalg.lu(ones(3, 3))
    with pytest.raises(UnknownOperationError, match=r"no rule for aten\.exp"), FlopCounter():
        ones(3).exp()


def test_wide_or_complete_qr_has_no_rule() -> None:
    with pytest.raises(NotImplementedError, match="QR of 3 by 10"), FlopCounter():
        torch.linalg.qr(ones(3, 10))


def test_torchs_own_counter_agrees_on_products_and_misses_the_rest() -> None:
    def run() -> None:
        torch.cholesky_inverse(torch.linalg.cholesky(spd(64))) @ (ones(64, 8) @ ones(8, 4))

    with FlopCounterMode(display=False) as theirs:
        run()
    ours = count(run)
    assert theirs.get_total_flops() == ours.flops[P] == 2 * 64 * 8 * 4 + 2 * 64 * 64 * 4
    assert ours.flops[F] == pytest.approx(64**3)
