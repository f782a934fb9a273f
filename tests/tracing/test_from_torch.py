"""Networks of torch as the model sees them: by hand, by torch's own count, and by curvlinops' factors."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from costmodel import from_torch, load_workload, project
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.faults import InputError
from costmodel.workloads.workload import Layer, Unfactored
from tests.tracing.factories import needs_values

# --- single modules, by hand: (name, kind, d, g, bias, pairs, rows of an example, calls) ----
BY_HAND: list[tuple[nn.Module, tuple[int, ...], list[tuple[Any, ...]]]] = [
    (nn.Linear(5, 7), (4, 5), [("weight", "linear", 5, 7, True, 1, 1, 1)]),
    (nn.Linear(5, 7, bias=False), (4, 6, 5), [("weight", "linear", 5, 7, False, 1, 6, 1)]),
    # 4 groups of 2 -> 3 channels, 3 x 3 on 8 x 8 with stride 2 and padding 1: 4 x 4 places, a = 2 * 9
    (
        nn.Conv2d(8, 12, 3, stride=2, padding=1, groups=4),
        (2, 8, 8, 8),
        [("weight", "convolution", 18, 3, True, 4, 16, 1)],
    ),
    # dilated: (16 - 2 * 2 - 1) + 1 = 12 places
    (nn.Conv1d(3, 5, 3, dilation=2), (2, 3, 16), [("weight", "convolution", 9, 5, True, 1, 12, 1)]),
    # a pixel to its patch: g = 4 * 2 * 2, rows are input pixels; the bias is a part of its own
    (
        nn.ConvTranspose2d(6, 4, 2, stride=2),
        (2, 6, 5, 5),
        [("weight", "transposed_convolution", 6, 16, False, 1, 25, 1)],
    ),
    # two directions of a GRU: three gates
    (
        nn.GRU(5, 6, batch_first=True, bidirectional=True),
        (3, 9, 5),
        [
            ("weight_ih_l0", "linear", 5, 18, True, 1, 1, 9),
            ("weight_hh_l0", "linear", 6, 18, True, 1, 1, 9),
            ("weight_ih_l0_reverse", "linear", 5, 18, True, 1, 1, 9),
            ("weight_hh_l0_reverse", "linear", 6, 18, True, 1, 1, 9),
        ],
    ),
    (nn.LSTMCell(5, 6), (3, 5), [
        ("weight_hh", "linear", 6, 24, True, 1, 1, 1), ("weight_ih", "linear", 5, 24, True, 1, 1, 1),
    ]),
]  # fmt: skip


def facts(layer: Layer) -> tuple[Any, ...]:
    return (
        layer.name, layer.kind, layer.input_dimension, layer.output_dimension, layer.bias, layer.pairs, layer.positions,
        layer.calls,
    )  # fmt: skip


@pytest.mark.parametrize(("module", "size", "expected"), BY_HAND)
def test_modules_by_hand(module: nn.Module, size: tuple[int, ...], expected: list[tuple[Any, ...]]) -> None:
    traced = from_torch(module, torch.zeros(size))
    assert sorted(map(facts, traced.layers)) == sorted(expected)
    assert traced.parameters == sum(each.numel() for each in module.parameters())


class Everything(nn.Module):
    """Whatever a network may do with its parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 8)
        self.twice = nn.Linear(8, 8)
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8, bias=False))
        self.experts = nn.Parameter(torch.zeros(3, 8, 5))
        self.scale = nn.Parameter(torch.zeros(8))
        self.unused = nn.Linear(3, 3, bias=False)
        self.norm = nn.LayerNorm(8)
        self.rms = nn.RMSNorm(8)
        self.out = nn.Linear(8, 10, bias=False)
        self.out.weight = self.table.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.table(tokens)
        x = self.twice(self.twice(x))
        x = self.rms(self.norm(self.normed(self.frozen(x)))) * self.scale
        spread = torch.bmm(x.reshape(1, -1, 8).expand(3, -1, 8), self.experts)
        weights = torch.softmax(x @ x.mT, -1)
        found: Tensor = self.out(weights @ x) + spread.sum()
        return found


def test_every_use_of_a_parameter() -> None:
    """Two examples of six tokens; tied weights count once, and what has no layer is listed with its size."""
    traced = from_torch(Everything(), torch.zeros(2, 6, dtype=torch.int64))
    layers = {layer.name: layer for layer in traced.layers}
    assert facts(layers["twice"]) == ("twice", "linear", 8, 8, True, 1, 6, 2)
    # all 12 rows go to each of three experts
    assert facts(layers["experts"]) == ("experts", "experts", 8, 5, False, 3, 6, 1)
    assert facts(layers["normed.parametrizations.weight.original1"])[1:] == ("linear", 8, 8, False, 1, 6, 1)
    assert len(layers) == 3
    others = {other.name: other for other in traced.others}
    assert others == {
        "table": Unfactored("table", "embedding", 80),
        "frozen.other_products": Unfactored("frozen.other_products", "products", 0, 2.0 * 6 * 8 * 8),
        "normed.parametrizations.weight.original0": Unfactored("normed.parametrizations.weight.original0", "other", 8),
        "norm": Unfactored("norm", "norm", 16, tensors=2),
        "rms": Unfactored("rms", "norm", 8),
        "scale": Unfactored("scale", "other", 8),
        "products": Unfactored("products", "attention", 0, 4.0 * 6 * 6 * 8),
        "out.tied": Unfactored("out.tied", "tied_projection", 0, 2.0 * 6 * 8 * 10, weighted=True),
        "unused.weight": Unfactored("unused.weight", "other", 9),
    }
    assert traced.parameters == sum(each.numel() for each in Everything().parameters() if each.requires_grad)
    whole = 80 + 72 + 64 + 8 + 120 + 8 + 24 + 9
    flops = 2 * 6 * (2 * 64 + 64 + 64 + 3 * 40 + 2 * 6 * 8 + 80)
    assert traced.coverage() == [
        f"factored: {100 * 256 / whole:.3g} % of the parameters, {100 * 3744 / flops:.3g} % of the FLOPs",
        f"not read: frozen (linear with a weight that does not train): none of the parameters, "
        f"{100 * 768 / flops:.3g} % of the FLOPs",
        f"not read: scale (used outside of products): {100 * 8 / whole:.3g} % of the parameters, none of the FLOPs",
        f"not read: normed.parametrizations.weight.original0 (used outside of products): {100 * 8 / whole:.3g} % of "
        "the parameters, none of the FLOPs",
        f"not read: unused.weight (never used): {100 * 9 / whole:.3g} % of the parameters, none of the FLOPs",
    ]


def test_attention_of_torch_is_projections_and_products() -> None:
    """Own queries, 7; keys and values of 10 others: one product for the query, one for key and value together."""

    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attn = nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            found: Tensor = self.attn(x, y, y, need_weights=False)[0]
            return found

    traced = from_torch(Cross(), (torch.zeros(3, 7, 32), torch.zeros(3, 10, 32)))
    assert [facts(layer) for layer in traced.layers] == [
        ("attn.in_proj.query", "linear", 32, 32, True, 1, 7, 1),
        ("attn.in_proj.key_value", "linear", 32, 64, True, 1, 10, 1),
        ("attn.out_proj", "linear", 32, 32, True, 1, 7, 1),
    ]
    assert traced.others == (Unfactored("attn.products", "attention", 0, 4.0 * 7 * 10 * 32),)
    assert traced.parameters == 4 * 32 * 33


def test_roles_by_place_and_name() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    traced = from_torch(nn.TransformerEncoder(layer, 2), torch.zeros(5, 3, 16))
    assert [layer.role for layer in traced.layers] == [
        LayerRole.FIRST, LayerRole.ATTENTION_OUTPUT, LayerRole.MLP_IN, LayerRole.MLP_OUT,
        LayerRole.VALUE, LayerRole.ATTENTION_OUTPUT, LayerRole.MLP_IN, LayerRole.HEAD,
    ]  # fmt: skip
    assert [layer.input_gradient for layer in traced.layers] == [False] + [True] * 7


def test_layers_left_to_adam_keep_their_parameters_and_flops() -> None:
    module = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 9))
    traced = from_torch(module, torch.zeros(2, 4), adam=["1"])
    assert [layer.name for layer in traced.layers] == ["0"]
    assert traced.others == (Unfactored("1", "linear", 63, 2.0 * 6 * 9, tensors=2, weighted=True),)
    with pytest.raises(InputError) as error:
        from_torch(module, torch.zeros(2, 4), adam=["*"])
    assert str(error.value) == "Sequential: '*' leaves every layer to Adam; K-FAC has nothing to do"


def test_the_module_is_left_as_it_was_and_the_file_is_the_workload(tmp_path: Any) -> None:
    module = nn.Sequential(*(nn.Sequential(nn.Linear(6, 6), nn.LayerNorm(6)) for _ in range(4)), nn.Linear(6, 2))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    traced = from_torch(module, torch.zeros(3, 6), name="stack", set={"batch_size": 32, "kfac.damping": 1e-2})
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.device.type == "cpu"
    file = tmp_path / "stack.yaml"
    text = traced.to_yaml(file)
    assert "  - repeat: 3\n    start: 1\n" in text  # the first takes the input, so that its role differs
    loaded = load_workload(file)
    assert (loaded.layers, loaded.others, loaded.kfac, loaded.network) == (
        traced.layers, traced.others, traced.kfac, traced.network,
    )  # fmt: skip
    assert (loaded.batch_size, loaded.name, traced.network) == (32, "stack", NetworkKind.PERCEPTRON)
    assert project(traced, draws=20).as_dict()["methods"] == project(loaded, draws=20).as_dict()["methods"]


def test_values_are_used_where_the_network_needs_some() -> None:
    module, inputs = needs_values()
    traced = from_torch(module, inputs)
    assert [layer.positions for layer in traced.layers] == [1, 3 / 8]
    assert traced.notes == ("read with values, not on the meta device: what it runs depends on them",)


# --- oracles ----------------------------------------------------------------------------------------------------------
def small_networks() -> dict[str, tuple[nn.Module, Tensor]]:
    return {
        "perceptron": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(4, 6)),
        "tokens": (
            nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 5), nn.Flatten(), nn.Linear(35, 3)),
            torch.randn(4, 7, 6),
        ),
        "convolutions": (
            nn.Sequential(
                nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 3, bias=False), nn.Flatten(),
                nn.Linear(16, 3),
            ),
            torch.randn(4, 2, 8, 8),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", small_networks())
def test_factors_have_the_shapes_that_curvlinops_builds(name: str) -> None:
    oracle = pytest.importorskip("curvlinops")
    module, inputs = small_networks()[name]
    operator = oracle.KFACLinearOperator(
        module, nn.CrossEntropyLoss(), list(module.parameters()), [(inputs, torch.zeros(4, dtype=torch.int64))],
        fisher_type=oracle.FisherType.EMPIRICAL, separate_weight_and_bias=False, check_deterministic=False,
    )  # fmt: skip
    operator @ torch.zeros(operator.shape[1])  # builds them
    expected = {
        layer: (len(A), len(operator._gradient_covariances[layer])) for layer, A in operator._input_covariances.items()
    }
    traced = from_torch(module, inputs)
    assert {each.name: (each.input_factor_dimension, each.output_dimension) for each in traced.layers} == expected


@pytest.mark.parametrize(
    ("module", "size"),
    [
        (nn.LSTM(6, 5, 2, batch_first=True), (2, 7, 6)),
        (nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2), (2, 5, 16)),
        (nn.Sequential(nn.ConvTranspose1d(4, 6, 3, groups=2), nn.Conv1d(6, 4, 3, groups=2)), (2, 4, 9)),
    ],
)
def test_forward_flops_are_those_that_torch_counts(module: nn.Module, size: tuple[int, ...]) -> None:
    with FlopCounterMode(display=False) as counter:  # on the meta device, as a fused kernel of a CPU is not counted
        copy.deepcopy(module).to("meta")(torch.zeros(size, device="meta"))
    traced = from_torch(module, torch.zeros(size))
    assert traced.forward_flops_per_example * 2 == counter.get_total_flops()
